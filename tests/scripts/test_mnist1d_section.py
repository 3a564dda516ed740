"""The section on MNIST-1D: sizes of its networks, verdicts, and a quick run of all of it."""

import json

import numpy as np
import pytest
from four_kinds import mnist1d
from lecture_notes.verdicts import CONSISTENT, NOT_REPRODUCED, OUTSIDE


def test_networks_are_of_the_published_sizes():
    published = json.loads(mnist1d.PUBLISHED.read_text())
    models = mnist1d.models()
    assert models.keys() == published.keys()
    assert [mnist1d._size(m) for m in models.values()] == [of["parameters"] for of in published.values()]
    assert all(np.prod(model.shape) == mnist1d.POINTS for model in models.values())


@pytest.mark.parametrize(
    ("published", "verdict", "words"),
    [
        ([91.0], CONSISTENT, "below the published: 25%"),  # the mean is 92
        ([80.0, 95.0], CONSISTENT, "below the published: 0%, 100%"),
        ([93.4], CONSISTENT, "below the published: 75%"),  # within the margin
        ([93.6], CONSISTENT, "the mean is 1.6 points off"),  # within the spread
        ([94.5], OUTSIDE, "the mean is 2.5 points off"),
    ],
)
def test_a_mean_near_the_published_range_is_consistent(published, verdict, words):
    seeds = np.array([90.0, 92.0, 92.0, 94.0])
    row = mnist1d.spread_row("figure", published, seeds, mnist1d.Scale(margin=1.5))
    assert (row.here, row.verdict) == ("92.0 ± 2.6", verdict)
    assert words in row.reason


@pytest.mark.slow
def test_a_quick_run_is_consistent_with_what_is_published(tmp_path):
    pytest.importorskip("mnist1d")
    rows = mnist1d.run(tmp_path, quick=True)
    assert len(rows) == 12
    assert not {row.verdict for row in rows} & {NOT_REPRODUCED, OUTSIDE}
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"mnist1d_{name}.png" for name in ("samples", "states", "table")}
