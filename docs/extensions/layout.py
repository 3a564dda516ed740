"""What styles cannot do: sentences below pictures of the gallery, and places where names in tables break."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# The first sentence of a tooltip, up to a capital, the rest of it, and all up to the end of the title.
PICTURE = re.compile(
    r'tooltip="(?P<sentence>[^"]+?[.?])(?:\s+[A-Z][^"]*)?"(?P<rest>.+?thumbnail-title">.+?</div>)', re.DOTALL
)
PARTS = re.compile(r"(?<=[_.:/=])(?=\w)")  # where a name may break


def write_sentences(app: Sphinx, docname: str, source: list[str]) -> None:
    """Writes the first sentence of each example below its title, and leaves the tooltip out."""
    if docname.startswith("generated/"):
        source[0] = PICTURE.sub(r'\g<rest>\n      <div class="sentence">\g<sentence></div>', source[0])


def break_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Lets names in tables break after a dot, a colon and the like."""
    for entry in doctree.findall(nodes.entry):
        for literal in list(entry.findall(nodes.literal)):
            first, *others = PARTS.split(literal.astext())
            if others and len(literal.children) == 1:
                breaks = [[nodes.raw("", "<wbr>", format="html"), nodes.Text(part)] for part in others]
                literal[:] = [nodes.Text(first), *(node for pair in breaks for node in pair)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers both."""
    app.connect("source-read", write_sentences)
    app.connect("doctree-resolved", break_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
