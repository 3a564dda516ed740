"""The reliability diagram: marks, bars and titles are the numbers of the bins."""

import numpy as np

from jfnn import analysis, plots

P = np.random.default_rng(0).dirichlet(np.ones(3), size=(2, 90))
Y = np.random.default_rng(1).integers(0, 3, 90)


def test_marks_and_bars_are_the_bins():
    found = {name: analysis.calibration_error(p, Y, 8) for name, p in zip("ab", P, strict=True)}
    figure = plots.reliability_diagram(found)
    assert len(figure.axes) == 2
    for axes, (name, each) in zip(figure.axes, found.items(), strict=True):
        taken = each.rows > 0
        bars, marks = axes.collections
        centres = np.stack([each.confidence, each.accuracy], axis=1)[taken]
        np.testing.assert_allclose(marks.get_offsets(), centres)
        sizes = marks.get_sizes()[np.argsort(each.rows[taken])]
        assert np.all(np.diff(sizes) >= 0) and sizes[0] < sizes[-1]
        ends = np.clip(each.confidence + np.array([[-1], [1]]) * each.deviation, 0, 1)[:, taken]
        np.testing.assert_allclose(np.array(bars.get_segments())[:, :, 1], ends.T)
        np.testing.assert_allclose(np.array(bars.get_segments())[:, 0, 0], centres[:, 0])
        assert axes.get_title() == f"{name}\nerror {each.error:.3f}, by chance {each.by_chance:.3f}"
    alone = plots.reliability_diagram(found["a"])
    assert len(alone.axes) == 1 and alone.axes[0].get_title().startswith("error")
