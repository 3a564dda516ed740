"""Render formulas as MathML, which browsers draw without scripts or external fonts."""

import itertools
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

MATHML = "http://www.w3.org/1998/Math/MathML"
PRIMES = ("′", "″", "‴")
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
THIN = "0.167em"  # a sixth of an em, as in TeX


def formula(latex: str, display: str = "inline") -> str:
    """Convert a formula to MathML, with the spacing of TeX where browsers differ."""
    ElementTree.register_namespace("", MATHML)
    root = ElementTree.fromstring(convert(latex, display=display))
    for parent in list(root.iter()):
        if kind(parent) in SCRIPTS:
            close_up(parent)
        elif kind(parent) == "mrow":
            close_up_signs(parent)
            set_off_functions(parent)
    return ElementTree.tostring(root, encoding="unicode")


def kind(element: ElementTree.Element) -> str:
    """Return the tag of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def close_up(scripted: ElementTree.Element) -> None:
    """Remove the space around operators in subscripts and superscripts, and mark primes, which CSS lowers."""
    for script in list(scripted)[1:]:
        for sign in script.iter(f"{{{MATHML}}}mo"):
            sign.attrib.update(lspace="0", rspace="0")
        if script.text in PRIMES:
            script.tag = f"{{{MATHML}}}mo"
            script.attrib.update({"class": "prime", "lspace": "0", "rspace": "0"})


def close_up_signs(row: ElementTree.Element) -> None:
    """Remove the space around unary minuses, slashes and names such as "max"."""
    before = None
    for element in row:
        minus = element.text == "−" and before is not None and kind(before) == "mo" and before.text != ")"
        text = element.text or ""
        if kind(element) == "mo" and (minus or text == "/" or text.isalpha()):
            element.attrib.update(lspace="0", rspace="0")
        before = element


def set_off_functions(row: ElementTree.Element) -> None:
    """Add space between names such as "log" and a preceding factor or an argument without brackets."""
    for before, behind in itertools.pairwise(list(row)):
        factor = kind(before) != "mo" or before.text == ")"
        if (is_function(behind) and factor) or (is_function(before) and kind(behind) != "mo"):
            row.insert(list(row).index(behind), ElementTree.Element(f"{{{MATHML}}}mspace", width=THIN))


def is_function(element: ElementTree.Element) -> bool:
    """Whether an element is a function name: an identifier of several letters."""
    text = element.text or ""
    return kind(element) == "mi" and len(text) > 1 and text.isalpha()


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    translator.body.append(formula(node.astext()))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula."""
    translator.body.append(f"<div>{formula(node.astext(), 'block')}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer "mathml"."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
