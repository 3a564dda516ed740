"""Numbers and texts read back from the artists of a figure, and where its texts are drawn."""

import matplotlib
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg

POINTS_A_PHONE = 360  # of a figure's width: at as many pixels, a phone's, a point of a font is a pixel
SMALLEST_FONT = 7
MET = 1.0  # pixels of a box of a text, whose glyphs seldom reach to its sides


def image_of(panel):
    """The values of a map, NaN where it has none."""
    (image,) = panel.images
    return np.ma.filled(np.ma.asarray(image.get_array()).astype(float), np.nan)


def written_in(panel):
    """Place of each text in a map -> it."""
    places = {}
    for text in panel.texts:
        column, row = text.get_position()
        places[row, column] = text
    return places


def boxes_of(panel, filled):
    """Place of each rectangle in a map -> it: those of diverged cells are filled, the best cell's is not."""
    boxes = [patch for patch in panel.patches if patch.get_fill() == filled]
    return {(round(box.get_y() + 0.5), round(box.get_x() + 0.5)): box for box in boxes}


def marked_in(panel):
    """Places of the outlines and rings in a map."""
    rings = [(round(y), round(x)) for line in panel.lines for x, y in line.get_xydata().tolist()]
    return [*boxes_of(panel, filled=False), *rings]


def labels_of(axis):
    """Place of each tick of an axis -> its label."""
    labels = [text.get_text() for text in axis.get_ticklabels()]
    return dict(zip(axis.get_ticklocs().tolist(), labels, strict=True))


def points_of(container):
    """Positions, values, and lower and upper ends of the bars of a curve with error bars."""
    line, _, (bars,) = container.lines
    x, y = line.get_data()
    low, high = np.array([path.vertices[:, 1] for path in bars.get_paths()]).reshape(-1, 2).T
    return np.asarray(x), np.asarray(y), low, high


def band_of(collection, epochs):
    """Lower and upper end of a band at each epoch, NaN where there is none."""
    vertices = np.concatenate([path.vertices for path in collection.get_paths()] or [np.empty((0, 2))])
    ends = np.full((2, len(epochs)), np.nan)
    for i, epoch in enumerate(epochs):
        here = vertices[vertices[:, 0] == epoch, 1]
        if here.size:
            ends[:, i] = here.min(), here.max()
    return ends


def heights_of(panel):
    """Heights and edges of the bars of a histogram."""
    bars = [patch for patch in panel.patches if hasattr(patch, "get_height")]
    edges = [bars[0].get_x(), *(bar.get_x() + bar.get_width() for bar in bars)]
    return np.array([bar.get_height() for bar in bars]), np.array(edges)


def caption_of(figure):
    """What stands above all panels, in a line."""
    return in_a_line(figure.get_suptitle())


def in_a_line(text):
    return " ".join(text.replace("\u00a0", " ").split())


def legend_of(figure):
    """The texts of the legend below all panels."""
    return [in_a_line(text.get_text()) for legend in figure.legends for text in legend.get_texts()]


def texts_of(figure):
    """Every text that is seen, of ticks those in the range of their axis."""
    texts = [*figure.texts]
    legends = [*figure.legends]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += [text for axis in (axes.xaxis, axes.yaxis) for text in _seen(axis)]
        legends += [axes.get_legend()] if axes.get_legend() else []
    for legend in legends:
        texts += [legend.get_title(), *legend.get_texts()]
    return [text for text in texts if text.get_text().strip() and text.get_visible()]


def _seen(axis):
    """Labels of the ticks of an axis in its range, and the factor beside them."""
    scale = axis.get_transform().transform
    low, high = np.sort(scale(np.asarray(axis.get_view_interval())))
    space = 1e-10 * (high - low)  # as matplotlib has it
    for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
        if low - space <= scale(tick.get_loc()) <= high + space and tick.get_visible():
            yield tick.label1
    yield axis.offsetText


def check_texts(figure, points=POINTS_A_PHONE, smallest=SMALLEST_FONT):
    """All texts of a drawn figure, so many points wide, lie in it, none upon another; none is too small."""
    assert figure.get_figwidth() * 72 == pytest.approx(points)
    texts = texts_of(figure)
    small = [text.get_text() for text in texts if text.get_fontsize() < smallest]
    assert not small
    boxes = np.array([text.get_window_extent().extents for text in texts]).reshape(-1, 4)
    low = boxes[:, :2]
    high = boxes[:, 2:]
    is_slanted = np.array([text.get_rotation() % 90 > 0 for text in texts])  # whose boxes are wider than them
    is_outside = (low < -MET).any(axis=1) | (high > figure.bbox.size + MET).any(axis=1)
    outside = [text.get_text() for text, is_out in zip(texts, is_outside, strict=True) if is_out]
    assert not outside, outside
    for i, text in enumerate(texts):
        shared = np.minimum(high[i], high[i + 1 :]) - np.maximum(low[i], low[i + 1 :])
        met = np.flatnonzero((shared > MET).all(axis=1) & ~(is_slanted[i] & is_slanted[i + 1 :]))
        pairs = [(text.get_text(), texts[i + 1 + j].get_text()) for j in met]
        assert not pairs, pairs


def check_scales(figure):
    """Ticks of logarithmic axes have plain numbers, as others have, and none between."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    axes = [axis for axis in axes if axis.get_scale() == "log" and axis.get_ticklabels()]  # not shared ones
    for labels in map(labels_of, axes):
        assert any(labels.values())
        assert all(np.isclose(float(text), place, rtol=6e-3) for place, text in labels.items() if text)
    assert not [text for axis in axes for text in axis.get_minorticklabels() if text.get_text()]


def check_drawn(figure):
    """A figure can be drawn, its texts can be read, and pyplot's state is as it was."""
    before = dict(dict.items(matplotlib.rcParams))  # as they are: to ask for the backend chooses one
    FigureCanvasAgg(figure).draw()
    check_texts(figure)
    assert dict(dict.items(matplotlib.rcParams)) == before
    assert not Gcf.figs and figure.canvas.manager is None  # pyplot's


def luminance(colour):
    """The relative luminance of sRGB that WCAG defines."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    """The contrast of two colours; WCAG asks 3 of large texts and of graphics."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def check_in_cells(panel):
    """Texts of a drawn map lie in their cells."""
    for (row, column), text in written_in(panel).items():
        corners = panel.transData.transform([(column - 0.5, row - 0.5), (column + 0.5, row + 0.5)])
        box = text.get_window_extent()
        assert (corners.min(axis=0) < box.min).all() and (box.max < corners.max(axis=0)).all()
