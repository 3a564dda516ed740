"""Layout beyond CSS: captions in the gallery, line breaks in long names, classes of wide pictures."""

import re

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# A tooltip with its first sentence, which ends before a capital, and the text up to the end of the title.
PICTURE = re.compile(
    r'tooltip="(?P<sentence>[^"]+?[.?])(?:\s+[A-Z][^"]*)?"(?P<rest>.+?thumbnail-title">.+?</div>)', re.DOTALL
)
WIDTHS = {"wide": 1000, "widest": 1800}  # pixels; a phone cannot show wider pictures whole
TALL = 1.2  # times the width
PARTS = re.compile(r"(?<=[_.:/=,({])(?=[\w{])")  # where a name may break
SHORT = 15  # names of at most this many characters never break
LONG = 36  # longer names break in wide windows, too


def write_sentences(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the tooltip of each example by its first sentence below the title."""
    if docname.startswith("generated/"):
        source[0] = PICTURE.sub(r'\g<rest>\n      <div class="sentence">\g<sentence></div>', source[0])


def break_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Allow line breaks in names after dots, colons and the like; CSS limits them to some windows."""
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        first, *others = PARTS.split(text)
        if others and len(text) > SHORT and len(literal.children) == 1:
            breaks = [[nodes.raw("", "<wbr>", format="html"), nodes.Text(part)] for part in others]
            literal[:] = [nodes.Text(first), *(node for pair in breaks for node in pair)]
            literal["classes"] += ["long"] * (len(text) > LONG)


def mark_shapes(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Add classes to wide pictures, which CSS lets scroll on a phone, and to tall pictures."""
    for node in doctree.findall(nodes.image):
        if node["uri"].endswith(".png"):
            with Image.open(app.srcdir / node["uri"]) as image:
                node["classes"] += [name for name, least in WIDTHS.items() if image.width > least]
                node["classes"] += ["tall"] * (image.height > TALL * image.width)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the handlers."""
    app.connect("source-read", write_sentences)
    app.connect("doctree-resolved", break_names)
    app.connect("doctree-resolved", mark_shapes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
