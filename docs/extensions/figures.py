"""Sphinx-Gallery scraper for figures of `jfnn.plots`, which are not registered in pyplot."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def scraper(block: tuple[str, str, int], block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that a block of an example created, and return the RST that shows them."""
    names = block_vars["example_globals"]
    shown = names.setdefault("__shown__", [])  # keeps the figures, so that no new one gets the same identity
    paths = block_vars["image_path_iterator"]
    example = Path(block_vars["src_file"]).stem.replace("_", " ").capitalize()
    texts = []
    for value in list(names.values()):
        if isinstance(value, Figure) and not any(value is other for other in shown):
            shown.append(value)
            path = next(paths)
            alternative = ": ".join(filter(None, [example, described(value)]))
            value.savefig(path, dpi=160)
            texts.append(figure_rst([path], gallery_conf["src_dir"], alternative))
    return "".join(texts)


def described(figure: Figure) -> str:
    """Return the alternative text of a figure: its titles and the texts of its panels."""
    titles = [figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel()]
    texts = dict.fromkeys([*titles, *map(panel, figure.axes)])
    return ". ".join(text for text in texts if any(map(str.isalnum, text)))


def panel(axes: Axes) -> str:
    """Return a panel's title, axis labels and names of curves."""
    x = axes.get_xlabel()
    y = axes.get_ylabel()
    curves = ", ".join(axes.get_legend_handles_labels()[1])
    return ": ".join(filter(None, [axes.get_title(), f"{y} against {x}" if x and y else x or y, curves]))
