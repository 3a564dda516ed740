"""Formulas as MathML, which browsers draw by themselves: no script is loaded, and no font from elsewhere."""

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
    """A formula as MathML, with the spaces of TeX where browsers have others."""
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
    """A tag without its namespace."""
    return element.tag.rpartition("}")[2]


def close_up(scripted: ElementTree.Element) -> None:
    """Leaves no space around signs in subscripts and superscripts; styles lower the primes among them."""
    for script in list(scripted)[1:]:
        for sign in script.iter(f"{{{MATHML}}}mo"):
            sign.attrib.update(lspace="0", rspace="0")
        if script.text in PRIMES:
            script.tag = f"{{{MATHML}}}mo"
            script.attrib.update({"class": "prime", "lspace": "0", "rspace": "0"})


def close_up_signs(row: ElementTree.Element) -> None:
    """Leaves no space at a minus that follows another sign, at a slash, and at a name such as "max"."""
    before = None
    for element in row:
        minus = element.text == "−" and before is not None and kind(before) == "mo" and before.text != ")"
        text = element.text or ""
        if kind(element) == "mo" and (minus or text == "/" or text.isalpha()):
            element.attrib.update(lspace="0", rspace="0")
        before = element


def set_off_functions(row: ElementTree.Element) -> None:
    """Sets names such as "log" off from a factor before them, and from an argument without brackets."""
    for before, behind in itertools.pairwise(list(row)):
        factor = kind(before) != "mo" or before.text == ")"
        if (is_function(behind) and factor) or (is_function(before) and kind(behind) != "mo"):
            row.insert(list(row).index(behind), ElementTree.Element(f"{{{MATHML}}}mspace", width=THIN))


def is_function(element: ElementTree.Element) -> bool:
    """Whether it is a name of several letters."""
    text = element.text or ""
    return kind(element) == "mi" and len(text) > 1 and text.isalpha()


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Writes a formula in a line of text."""
    translator.body.append(formula(node.astext()))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Writes a formula in a line of its own."""
    translator.body.append(f"<div>{formula(node.astext(), 'block')}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the renderer "mathml"."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
