"""The section on MNIST-1D: network sizes, orders of the points, and a quick run."""

import json

import numpy as np
import pytest
from four_kinds import mnist1d
from verdicts import REPRODUCED, UNDECIDED

pytestmark = pytest.mark.thorough


def test_networks_have_the_published_sizes():
    published = json.loads(mnist1d.PUBLISHED.read_text())
    networks = mnist1d.networks()
    assert {name: mnist1d.size(network) for name, network in networks.items()} == published["parameters"]
    assert all(np.prod(network.input_shape) == mnist1d.POINTS for network in networks.values())


def test_every_published_figure_has_data_in_its_networks_order():
    pytest.importorskip("mnist1d")
    published = json.loads(mnist1d.PUBLISHED.read_text())
    splits = mnist1d.splits()
    assert splits.keys() == published["figures"].keys()
    in_order, by_package, by_notebook = (split.x_train for split in splits.values())
    for mixed in (by_package, by_notebook):
        assert (mixed[0] != in_order[0]).any()
        np.testing.assert_array_equal(np.sort(mixed, axis=1), np.sort(in_order, axis=1))
    sources = {source for of_order in published["figures"].values() for source in of_order}
    assert sources == published["protocols"].keys()


@pytest.mark.slow
def test_quick_run_shows_every_published_figure(tmp_path):
    pytest.importorskip("mnist1d")
    rows = mnist1d.run(tmp_path, quick=True)
    assert [row.verdict for row in rows] == [REPRODUCED] * 4 + [UNDECIDED] * 28  # a few seeds are too few
    assert (tmp_path / "mnist1d_table.png").stat().st_size > 10_000
