"""API reference: which members and values it shows, page titles, aliases, and links by short names."""

import dataclasses
import functools
import inspect
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any

from check import PUBLIC, public_names
from docutils import nodes
from numpy.typing import ArrayLike
from sphinx.addnodes import desc, desc_content, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata, stringify_annotation

from jfnn.core.search import keywords


@functools.cache
def public() -> dict[str, object]:
    """Return the public names of the package with their objects."""
    return public_names(*PUBLIC)


def classes() -> str:
    """Return the names of public classes, whose members the pages of their subclasses do not repeat."""
    found = {value.__name__ for value in public().values() if inspect.isclass(value)}
    return ", ".join(sorted(found | {"object", "tuple", "BaseException"}))


def titles() -> dict[str, str]:
    """Return the page title of each full name: the last part, with its module if it is ambiguous."""
    names = {id(value): name for name, value in public().items()}.values()
    count = Counter(name.rpartition(".")[2] for name in names)
    last = {name: name.rpartition(".")[2] for name in public()}
    return {name: name.partition(".")[2] if count[last[name]] > 1 else last[name] for name in public()}


def filenames() -> dict[str, str]:
    """Return file names of functions that differ from other names only in case, which macOS ignores."""
    count = Counter(name.lower() for name in public())
    functions = (name for name, value in public().items() if inspect.isfunction(value))
    return {name: f"{name}-function" for name in functions if count[name.lower()] > 1}


def public_bases(derived: type) -> list[type]:
    """Return the bases of a class that have pages."""
    return [base for base in derived.__bases__ if base in public().values()]


def derived() -> list[str]:
    """Return the names of public classes whose bases have pages."""
    return [name for name, value in public().items() if inspect.isclass(value) and public_bases(value)]


def keep_public_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[type]) -> None:
    """Show only bases that have pages."""
    bases[:] = public_bases(obj)


def shorten_types(app: Sphinx, *_: Any) -> None:
    """Shorten ``ArrayLike``, a union of ten types, to its name, and show the accepted types of options."""
    long = stringify_annotation(ArrayLike, "smart")
    for types in app.env.current_document.autodoc_annotations.values():
        for name, text in types.items():
            types[name] = given(text.replace(long, "~numpy.typing.ArrayLike"))


def given(text: str) -> str:
    """Replace ``Converted[given, held]`` in the text of a type by ``given``."""
    before, found, rest = text.partition("Converted[")
    if not found:
        return text
    depth = 0
    for i, character in enumerate(rest):
        if character == "," and depth == 0:
            return re.sub(r"[~\w.]*$", "", before) + rest[:i]
        depth += (character in "[(") - (character in "])")
    return text


def skip_member(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Skip fields of tuples, which the docstring lists, and members inherited from other projects."""
    function = getattr(obj, "fget", None) or getattr(obj, "func", None) or getattr(obj, "__func__", obj)
    module = getattr(function, "__module__", None)
    strange = isinstance(module, str) and not module.startswith("jfnn")
    return True if type(obj).__name__ == "_tuplegetter" or (what == "class" and strange) else None


def _comments(name: str, value: Any) -> Iterator[list[str]]:
    """Yield the ``#:`` comments of a constant in each module that contains it."""
    for module in sorted(key for key in sys.modules if key.startswith("jfnn.")):
        if vars(sys.modules[module]).get(name) is value:
            try:
                analyzer = ModuleAnalyzer.for_module(module)
                analyzer.analyze()
            except PycodeError:
                continue
            if ("", name) in analyzer.attr_docs:
                yield analyzer.attr_docs["", name]


def docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Write the text of a constant (comment and values) or of a class of options (its declarations)."""
    if what == "data":
        lines[:] = next(_comments(name.rpartition(".")[2], obj), [])
        if isinstance(obj, dict | tuple | int):
            values = obj if isinstance(obj, dict | tuple) else [obj]
            lines += ["", "Values: " + ", ".join(f"``{value!r}``" for value in values) + "."]
    elif dataclasses.is_dataclass(obj) and any("help" in field.metadata for field in dataclasses.fields(obj)):
        del lines[1:]
        lines += ["", *textwrap.dedent(keywords._arguments(obj)).splitlines()]
    if what in ("attribute", "data", "property"):
        lines.insert(0, "\\")  # or napoleon reads words before a colon in the first line as a type


def types_beside_names(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Move the type of an attribute next to its name; napoleon writes it below the text."""
    if lines and lines[0] == "\\":  # from `docstring`
        del lines[0]
    index = 0
    for i, line in enumerate(list(lines)):
        if line.startswith(".. attribute::"):
            index = i
        elif line.startswith("   :type: ") and index:
            text = given(lines.pop(i).removeprefix("   :type: "))
            lines.insert(index + 1, "   :type: " + re.sub(r"(?<![\w.~])(\w+\.)+\w", r"~\g<0>", text))


def add_aliases(app: Sphinx, env: BuildEnvironment) -> None:
    """Register names whose object has a page under another name, such as ``jfnn.layers.Conv``."""
    objects = env.domains.python_domain.objects
    pages = {id(value): objects[name] for name, value in public().items() if name in objects}
    for name, value in public().items():
        if name not in objects and id(value) in pages:
            objects[name] = pages[id(value)]._replace(aliased=True)


def find(app: Sphinx, env: BuildEnvironment, node: pending_xref, contents: nodes.Node) -> nodes.Node | None:
    """Resolve a name that a docstring of another module mentions without its module."""
    if node.get("refdomain") != "py":
        return None
    objects = env.domains.python_domain.objects
    names = [name for name in objects if name.endswith(f".{node['reftarget']}")]
    found = {(objects[name].docname, objects[name].node_id) for name in names}
    if len(found) != 1:
        return None
    return make_refnode(app.builder, node["refdoc"], *found.pop(), contents, names[0])


CALLED = ("class", "exception", "function")


def begin_with_sentence(app: Sphinx, doctree: nodes.document) -> None:
    """Move the first sentence above the signature, which may fill a window."""
    if not app.env.current_document.docname.startswith("generated/api/"):
        return
    found = next((node for node in doctree.findall(desc) if node["objtype"] in CALLED), None)
    content = found and found.next_node(desc_content)
    if content and isinstance(content[0], nodes.paragraph):
        found.parent.insert(found.parent.index(found), content.pop(0))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the handlers."""
    app.connect("autodoc-process-bases", keep_public_bases)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-signature", shorten_types, priority=600)  # after autodoc has noted the types
    app.connect("autodoc-process-docstring", docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", types_beside_names, priority=600)  # after it
    app.connect("doctree-read", begin_with_sentence)
    app.connect("env-updated", add_aliases)
    app.connect("missing-reference", find)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
