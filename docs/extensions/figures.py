"""Figures of examples: `jfnn.plots` returns them, so that pyplot, where Sphinx-Gallery looks, has none."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def scraper(block: tuple[str, str, int], block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Saves the figures that a block of an example made; the text that shows them."""
    names = block_vars["example_globals"]
    shown = names.setdefault("__shown__", [])  # figures, so that their identities are not used again
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
    """A figure in words, for readers who do not see it: its titles and all that its panels show."""
    titles = [figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel()]
    texts = dict.fromkeys([*titles, *map(panel, figure.axes)])
    return ". ".join(text for text in texts if any(map(str.isalnum, text)))


def panel(axes: Axes) -> str:
    """A panel's title, its axes, and the names of its curves."""
    x = axes.get_xlabel()
    y = axes.get_ylabel()
    curves = ", ".join(axes.get_legend_handles_labels()[1])
    return ": ".join(filter(None, [axes.get_title(), f"{y} against {x}" if x and y else x or y, curves]))
