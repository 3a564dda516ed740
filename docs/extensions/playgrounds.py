"""Write the playground pages of the site with ``scripts/playground.py``."""

import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

FOLDER = "playground"


def write_playgrounds(app: Sphinx, exception: Exception | None) -> None:
    """Write missing pages only, because their grids take half a minute to train."""
    if exception is not None or app.builder.format != "html":
        return
    sys.path.insert(0, str(Path(app.srcdir).parent / "scripts"))
    try:
        import playground
    finally:
        del sys.path[0]
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(exist_ok=True)
    for name in playground.GRIDS:
        if not (folder / f"{name}.html").exists():
            playground.write_page(name, folder)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the handler."""
    app.connect("build-finished", write_playgrounds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
