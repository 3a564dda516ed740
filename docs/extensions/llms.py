"""Write ``llms.txt``, the list of pages for language models, in the format of https://llmstxt.org."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from check import PUBLIC, public_names
from docutils import nodes
from sphinx.addnodes import pending_xref, toctree
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

SENTENCE = re.compile(r"(.+?[.?:])(?=\s+(?:[A-Z0-9]|jfnn)|\s*$)", re.DOTALL)
API = "api/index"
NAMES = "generated/api/"


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, or the text, in one line without a colon at its end."""
    found = SENTENCE.match(text.strip())
    return " ".join((found[1] if found else text).split()).removesuffix(":")


def described(app: Sphinx, page: str) -> str:
    """Return the first sentence of a page: from the docstring of a name, else from the first paragraph."""
    if page.startswith(NAMES):
        value = public_names(*PUBLIC).get(page.removeprefix(NAMES).removesuffix("-function"))
        constant = not (inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value))
        return "" if constant else first_sentence(inspect.getdoc(value) or "")
    paragraphs = app.env.get_doctree(page).findall(nodes.paragraph)
    # Skip notes, cells and lists: each example begins with a note about its downloads.
    texts = (plain(app, each) for each in paragraphs if isinstance(each.parent, nodes.section))
    return first_sentence(next(texts, ""))


def plain(app: Sphinx, paragraph: nodes.paragraph) -> str:
    """Return the text of a paragraph, with names of pages replaced by their titles."""
    text = paragraph.astext()
    for link in paragraph.findall(pending_xref):
        name = link.astext()
        if link["reftype"] == "doc" and not link["refexplicit"]:
            text = text.replace(name, app.env.titles[name.removeprefix("/")].astext())
    return text


def entry(app: Sphinx, page: str) -> str:
    """Return the line of a page: its title, address and first sentence."""
    name = page.removeprefix(NAMES).removesuffix("-function")
    title = name if page.startswith(NAMES) else app.env.titles[page].astext()
    address = app.config.html_baseurl + app.builder.get_target_uri(page)
    return f"- [{title}]({address}): {described(app, page)}".removesuffix(": ")


def below(app: Sphinx, page: str) -> Iterator[str]:
    """Yield the pages below a page, each followed by its own."""
    for other in app.env.toctree_includes.get(page, []):
        yield other
        yield from below(app, other)


def sections(app: Sphinx) -> Iterator[tuple[str, list[str]]]:
    """Yield heading and pages of each section: the lists of the first page, the API, the API's names."""
    api = [API, *app.env.toctree_includes[API]]
    for listed in app.env.get_doctree(app.config.root_doc).findall(toctree):
        pages = [page for _, page in listed["entries"] if page in app.env.titles and page != API]
        yield listed["caption"], [each for page in pages for each in (page, *below(app, page))]
    yield "API", api
    # The format reserves this heading for pages that may be skipped if the context is short.
    yield "Optional", [page for page in below(app, API) if page not in api]


def text_of(app: Sphinx, summary: str) -> str:
    """Return the text of ``llms.txt``."""
    lines = [f"# {app.config.project}", "", f"> {summary}"]
    for heading, pages in sections(app):
        lines += ["", f"## {heading}", "", *(entry(app, page) for page in pages)]
    return "\n".join(lines) + "\n"


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write ``llms.txt`` next to the first page of the site."""
    if exception is None and app.builder.format == "html":
        text = text_of(app, app.config.llms_summary)
        Path(app.outdir, "llms.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the list and the setting `llms_summary`, a sentence about the project."""
    app.add_config_value("llms_summary", "", "", str)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
