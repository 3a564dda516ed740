"""Read numbers and texts back from a figure's artists, and check that its texts are readable."""

import matplotlib
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg

POINTS_A_PHONE = 360  # figure width; at a phone's width in pixels, one point is one pixel
SMALLEST_FONT = 7
MET = 1.0  # pixels by which text boxes may overlap; glyphs rarely reach their sides


def image_of(panel):
    return np.ma.filled(np.ma.asarray(panel.images[0].get_array()).astype(float), np.nan)


def written_in(panel):
    """Map the place (row, column) of each text in a map to the text."""
    return {text.get_position()[::-1]: text for text in panel.texts}


def _places(boxes):
    return [(round(box.get_y() + 0.5), round(box.get_x() + 0.5)) for box in boxes]


def hatched_in(panel):
    return _places(box for box in panel.patches if box.get_hatch())


def marked_in(panel):
    rings = [(round(y), round(x)) for line in panel.lines for x, y in line.get_xydata().tolist()]
    return _places(box for box in panel.patches if not box.get_fill()) + rings


def labels_of(axis):
    """Map the place of each tick of an axis to its label."""
    labels = [text.get_text() for text in axis.get_ticklabels()]
    return dict(zip(axis.get_ticklocs().tolist(), labels, strict=True))


def bars_of(container):
    """Return rows of positions, values, and lower and upper ends of a curve's error bars."""
    line, _, (bars,) = container.lines
    ends = np.array([path.vertices[:, 1] for path in bars.get_paths()]).T
    return np.array([*line.get_data(), *ends])


def band_of(collection, epochs):
    (path,) = collection.get_paths()
    at = [path.vertices[path.vertices[:, 0] == epoch, 1] for epoch in epochs]
    return [each.min() for each in at], [each.max() for each in at]


def heights_of(panel):
    bars = [patch for patch in panel.patches if hasattr(patch, "get_height")]
    edges = [bars[0].get_x(), *(bar.get_x() + bar.get_width() for bar in bars)]
    return np.array([bar.get_height() for bar in bars]), np.array(edges)


def in_a_line(text):
    return " ".join(text.replace("\u00a0", " ").split())


def caption_of(figure):
    return in_a_line(figure.get_suptitle())


def legend_of(figure):
    return [in_a_line(text.get_text()) for legend in figure.legends for text in legend.get_texts()]


def check_readable(figure):
    """Check that texts fit a phone, do not overlap and are not too small, and that pyplot is unchanged."""
    # read without resolving, since asking for the backend selects one
    before = dict(dict.items(matplotlib.rcParams))
    FigureCanvasAgg(figure).draw()
    assert dict(dict.items(matplotlib.rcParams)) == before and not Gcf.figs
    assert figure.get_figwidth() * 72 == pytest.approx(POINTS_A_PHONE)
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for panel in figure.axes:
        texts += [panel.title, panel.xaxis.label, panel.yaxis.label, *panel.texts]
        texts += [text for axis in (panel.xaxis, panel.yaxis) for text in _ticks_seen(axis)]
        texts += panel.get_legend().get_texts() if panel.get_legend() else []
    texts = [text for text in texts if text.get_text().strip() and text.get_visible()]
    assert [text.get_text() for text in texts if text.get_fontsize() < SMALLEST_FONT] == []
    boxes = np.array([text.get_window_extent().extents for text in texts])
    low = boxes[:, :2]
    high = boxes[:, 2:]
    # boxes are wider than slanted text
    is_slanted = np.array([text.get_rotation() % 90 > 0 for text in texts])
    for i, text in enumerate(texts):
        assert (low[i] >= -MET).all() and (high[i] <= figure.bbox.size + MET).all(), text
        shared = np.minimum(high[i], high[:i]) - np.maximum(low[i], low[:i])
        met = np.flatnonzero((shared > MET).all(axis=1) & ~(is_slanted[i] & is_slanted[:i]))
        assert [(text, texts[j]) for j in met] == []
    for panel in figure.axes:  # text in maps stays within its cell
        for (row, column), text in written_in(panel).items() if panel.images else ():
            corners = panel.transData.transform([(column - 0.5, row - 0.5), (column + 0.5, row + 0.5)])
            box = text.get_window_extent()
            assert (corners.min(axis=0) < box.min).all() and (box.max < corners.max(axis=0)).all()


def _ticks_seen(axis):
    scale = axis.get_transform().transform
    low, high = np.sort(scale(np.asarray(axis.get_view_interval())))
    space = 1e-10 * (high - low)  # as in matplotlib
    for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
        if low - space <= scale(tick.get_loc()) <= high + space and tick.get_visible():
            yield tick.label1
    yield axis.offsetText


def luminance(color):
    """Return the relative luminance of sRGB, as defined by WCAG."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    """Return the contrast of two colors; WCAG requires 3 for large text and graphics."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)
