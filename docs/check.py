"""Check a built site: a page for every public name, no dead links, no external resources, a valid llms.txt.

``python docs/check.py build/site`` prints one line per finding; the exit status is 1 if there are findings.
"""

import ast
import importlib
import inspect
import posixpath
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

from sphinx.util.inventory import InventoryFile

PUBLIC = ("jfnn", "report")  # the package and a further module
# Tags whose resources a browser loads by itself; a link only with one of these relations.
LOADED = {"audio", "embed", "iframe", "image", "img", "input", "link", "object", "script", "source"}
LOADED |= {"track", "use", "video"}
RELATIONS = {"stylesheet", "preload", "modulepreload", "prefetch", "preconnect", "icon", "manifest"}
ELSEWHERE = re.compile(r"\s*(https?:)?//", re.IGNORECASE)
CSS_LOADS = re.compile(r"""@import\s+(?:url\()?\s*["']?([^"')\s;]+)|url\(\s*["']?([^"')]+)""", re.IGNORECASE)
LISTED = re.compile(r"^- \[[^\]]+\]\(([^)]+)\)", re.MULTILINE)  # a page in llms.txt
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def names_in(module: ModuleType) -> list[str]:
    """Return the public names of a module: ``__all__``, else its functions, classes and constants."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    names: list[str] = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return [name for name in names if not name.startswith("_")]


def public_names(package: str, *modules: str) -> dict[str, object]:
    """Return all objects by full name: names of a package and further modules, and names in all modules."""
    front = importlib.import_module(package)
    found: dict[str, object] = {}
    for name in [*names_in(front), *modules]:
        value = importlib.import_module(f"{package}.{name}") if name in modules else getattr(front, name)
        found[f"{package}.{name}"] = value
        if isinstance(value, ModuleType):
            found |= {f"{package}.{name}.{inner}": getattr(value, inner) for inner in names_in(value)}
    return found


def check_names(site: Path, names: set[str]) -> Iterator[str]:
    """Report names that the site's inventory lacks."""
    with (site / "objects.inv").open("rb") as stream:
        inventory = InventoryFile.load(stream, "", posixpath.join)
    known = {name for domain, objects in inventory.items() if domain.startswith("py:") for name in objects}
    for name in sorted(names - known):
        yield f"objects.inv: {name} has no page"


class Page(HTMLParser):
    """Collect links, anchors and loaded files of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors = {"", "top"}
        self.links: list[str] = []  # a reader clicks them
        self.loads: list[str] = []  # a browser loads them
        self.css: list[str] = []  # styles in the page
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the addresses and anchors of a tag."""
        of = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.anchors |= {of[name] for name in ("id", *(["name"] if tag == "a" else [])) if name in of}
        self.css += [of["style"]] if "style" in of else []
        passive = tag == "link" and not RELATIONS & set(of.get("rel", "").lower().split())
        target = self.loads if tag in LOADED and not passive else self.links
        target += [of[name] for name in ("src", "href", "data", "poster") if of.get(name)]
        target += [part.split()[0] for part in of.get("srcset", "").split(",") if part.strip()]

    def handle_data(self, data: str) -> None:
        """Collect a style sheet in the page."""
        if self._in_style:
            self.css.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet."""
        self._in_style = False


def css_loads(text: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    return [first or second for first, second in CSS_LOADS.findall(CSS_COMMENT.sub("", text))]


def check_links(site: Path, path: Path, addresses: list[str], pages: dict[Path, Page]) -> Iterator[str]:
    """Report addresses without a file in the site, or without an anchor in the page."""
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file() or not target.is_relative_to(site):
            yield f"{path.relative_to(site)}: {address} leads nowhere"
        elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{path.relative_to(site)}: {address} has no such anchor"


def check_list(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Report dead addresses and missing pages in ``llms.txt``, and an invalid head."""
    path = site / "llms.txt"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not re.match(r"# \S+\n\n> .+\n\n## ", text):
        yield "llms.txt: no name, sentence and section are at its head"
    listed = LISTED.findall(text)
    yield from check_links(site, path, listed, pages)
    made = {"index.html", "genindex.html", "py-modindex.html", "search.html"}
    for name in sorted({page.relative_to(site).as_posix() for page in pages} - made - set(listed)):
        if not name.startswith("playground/"):  # no text, only pictures and numbers
            yield f"llms.txt: {name} is not listed"


def check(site: Path, names: set[str]) -> list[str]:
    """Return all findings about a site that must document these names."""
    site = site.resolve()
    findings = list(check_names(site, names))
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in _files(site, "html")}
    for path, page in pages.items():
        loads = [*page.loads, *(address for text in page.css for address in css_loads(text))]
        findings += _check_loads(site, path, loads)
        findings += check_links(site, path, [*page.links, *loads], pages)
    findings += check_list(site, pages)
    for path in _files(site, "css"):
        loads = css_loads(path.read_text(encoding="utf-8"))
        findings += _check_loads(site, path, loads)
        findings += check_links(site, path, loads, pages)
    return findings


def _files(site: Path, kind: str) -> list[Path]:
    """Return the files of the site with a suffix, without the theme's templates in ``_static``."""
    paths = sorted(site.rglob(f"*.{kind}"))
    return [path for path in paths if kind != "html" or "_static" not in path.relative_to(site).parts]


def _check_loads(site: Path, path: Path, addresses: list[str]) -> Iterator[str]:
    for address in filter(ELSEWHERE.match, addresses):
        yield f"{path.relative_to(site)}: {address} is loaded from elsewhere"


if __name__ == "__main__":
    found = check(Path(sys.argv[1]), set(public_names(*PUBLIC)))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
