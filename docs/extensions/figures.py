"""Figures of examples: `jfnn.plots` returns them, so that pyplot, where Sphinx-Gallery looks, has none."""

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def scraper(block: tuple[str, str, int], block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Saves the figures that a block of an example made; the text that shows them."""
    names = block_vars["example_globals"]
    shown = names.setdefault("__shown__", [])  # figures, so that their identities are not used again
    paths = block_vars["image_path_iterator"]
    saved = []
    for value in list(names.values()):
        if isinstance(value, Figure) and not any(value is other for other in shown):
            shown.append(value)
            saved.append(next(paths))
            value.savefig(saved[-1], dpi=160)
    return figure_rst(saved, gallery_conf["src_dir"])
