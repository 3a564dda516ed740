"""The gallery's pictures, each with a sentence; Sphinx-Gallery has it in a tooltip, with all that follows."""

import re

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# The first sentence of a tooltip, up to a capital, the rest of it, and all up to the end of the title.
PICTURE = re.compile(
    r'tooltip="(?P<sentence>[^"]+?[.?])(?:\s+[A-Z][^"]*)?"(?P<rest>.+?thumbnail-title">.+?</div>)', re.DOTALL
)


def write_sentences(app: Sphinx, docname: str, source: list[str]) -> None:
    """Writes the first sentence of each example below its title, and leaves the tooltip out."""
    if docname.startswith("generated/"):
        source[0] = PICTURE.sub(r'\g<rest>\n      <div class="sentence">\g<sentence></div>', source[0])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers it."""
    app.connect("source-read", write_sentences)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
