"""Cells that are listed: each has the bits of the same cell in a grid."""

import numpy as np
import pytest
from helpers import same_bits

import jfnn

pytestmark = pytest.mark.unoptimised

NETWORK = jfnn.mlp((5, 6, 3))
OPTIONS = dict(epochs=3, batch_size=16, seeds=2, execution=jfnn.Execution(tile=2))
RATES, DROPOUTS, MOMENTA = [0.1, 0.3], [0.0, 0.2], [0.5, 0.9]
PICKED = [(1, 0, 1), (0, 1, 0), (0, 0, 0)]  # cells of the grid of these, in an order of their own


def cells_of_grid():
    return [{"dropout": DROPOUTS[j], "learning_rate": RATES[i], "momentum": MOMENTA[k]} for i, j, k in PICKED]


@pytest.fixture(scope="module")
def listed(split):
    given = {"l2": 0.01, "optimizer": jfnn.Optimizer("sgd", momentum=0.1), "hyper": {"dropout": 0.4}}
    return jfnn.sweep(NETWORK, split, cells=cells_of_grid(), **given, **OPTIONS)


def test_listed_cells_have_the_bits_of_a_grid(split, listed):
    grid = jfnn.sweep(
        NETWORK,
        split,
        learning_rate=RATES,
        l2=0.01,
        hyper={"dropout": DROPOUTS},
        optimizer=jfnn.Optimizer("sgd", momentum=MOMENTA),
        **OPTIONS,
    )
    assert not listed.crossed and listed.test_loss.shape == (3, 2)
    for number, (i, j, k) in enumerate(PICKED):
        index = (i, 0, k, j)  # numbers of the optimizer come first
        assert listed.axes_at((number,)) == grid.axes_at(index)
        assert same_bits(listed.member(number, 1), grid.member(*index, 1))
        assert same_bits(listed.test_loss[number], grid.test_loss[index])


def test_columns_list_the_same_cells(split, listed):
    columns = {name: np.array([cell[name] for cell in cells_of_grid()]) for name in cells_of_grid()[0]}
    given = {"optimizer": jfnn.Optimizer("sgd", momentum=0.1), "l2": 0.01}
    again = jfnn.sweep(NETWORK, split, cells=columns, **given, **OPTIONS)
    assert same_bits(again.params, listed.params)
    assert again.config["fingerprint"] == listed.config["fingerprint"]


def test_listed_cells_are_resumed_refitted_and_read_back(split, tmp_path):
    cells = [{"learning_rate": rate, "l2": 0.1} for rate in RATES]
    options = OPTIONS | {"validation": 0.2}
    result = jfnn.sweep(NETWORK, split, cells=cells, refit=True, out=tmp_path, **options)
    again = jfnn.load(tmp_path)
    assert same_bits(again.params, result.params) and not again.crossed
    assert again.refit.axes["learning_rate"] == result.best().axes["learning_rate"]
    other = [{"learning_rate": rate, "l2": 0.2} for rate in RATES]
    with pytest.raises(ValueError, match="another configuration"):
        jfnn.sweep(NETWORK, split, cells=other, out=tmp_path, resume=True, **options)
