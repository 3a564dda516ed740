"""Contenders of the benchmark train the same networks on the right rows, and count the same work."""

import dataclasses
import functools

import numpy as np
import pytest
from benchmarks import scikit_learn, workloads
from benchmarks.contenders import CASES, GRID
from benchmarks.workloads import GRIDS, NOTES
from helpers import compiled

import jfnn

pytestmark = [pytest.mark.slow, pytest.mark.unoptimized]

# PyTorch takes half a minute to compile, whatever the size.
TORCH = ("torch", "torch_vmap", pytest.param("torch_compile", marks=pytest.mark.slow))
FEW = CASES["few"]["few_1"].contenders
ALL_CASES = {key: case for cases in CASES.values() for key, case in cases.items()}
# Minibatches of all training rows: in any order, the steps are the same.
ALL_ROWS = {
    None: dataclasses.replace(workloads.IRIS, batch=120, epochs=5, seeds=3, learning_rates=(1e-3, 1e-2)),
    5: dataclasses.replace(workloads.IRIS, batch=96, epochs=5, seeds=2, folds=5),
}


def shortened(name, learning_rates, l2s=(1e-3,), epochs=3):
    full = GRIDS[name]
    return dataclasses.replace(
        full,
        sizes=(full.sizes[0], *(8 for _ in full.sizes[1:-1]), full.sizes[-1]),
        learning_rates=learning_rates,
        l2s=l2s,
        epochs=epochs,
        seeds=min(full.seeds, 2),
        reference=(learning_rates[-1], l2s[0]),
    )


SMALL = {
    "seeds": shortened("seeds", (3e-4, 1e-3), (1e-3, 100.0)),
    "mnist": shortened("mnist", (1e-3,)),
    "deep": shortened("deep", (2e-4,)),
    "wine": shortened("wine", (1e-2,)),
    "xor": shortened("xor", (0.1, 1.0), epochs=40),
}


def accuracies(workload, name):
    return GRID[name].prepare(workload)().accuracy


@pytest.fixture(scope="module")
def by_numpy():
    """Return test accuracies by the notes' loop: workload name -> ``[η, λ, seed]``."""
    found = {name: accuracies(workload, "numpy") for name, workload in SMALL.items()}
    assert len(np.unique(found["seeds"][..., 0])) == 4  # every cell learns something different
    return found


def rows_apart(workload, actual, expected):
    """Return by how many test rows accuracies differ; float32 may flip one row on the boundary."""
    return round(np.abs(actual - expected).max() * len(workload.rows().y_test))


@pytest.mark.parametrize(
    ("workload", "name"),
    [
        *((workload, "vmap") for workload in SMALL),
        *(("seeds", "jfnn"), ("wine", "jfnn"), ("deep", "jfnn"), ("xor", "jfnn")),
    ],
)
def test_contenders_of_grids_train_the_same_networks(by_numpy, workload, name):
    actual = accuracies(SMALL[workload], name)
    assert actual.shape == SMALL[workload].shape
    assert rows_apart(SMALL[workload], actual, by_numpy[workload]) <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch triggers its own deprecations
@pytest.mark.parametrize("name", TORCH)
def test_torch_trains_the_same_networks(by_numpy, name):
    pytest.importorskip("torch")
    for workload in ("seeds", "xor"):
        assert rows_apart(SMALL[workload], accuracies(SMALL[workload], name), by_numpy[workload]) <= 1


@pytest.mark.parametrize("kind", ["cnn", "gru", "lstm"])
def test_other_kinds_train_the_same_networks_by_plain_vmap(kind):
    full = workloads.KINDS[kind]
    small = dataclasses.replace(full, learning_rates=full.learning_rates[::16], epochs=1)
    ours, theirs = (ALL_CASES[kind].contenders[name].prepare(small)().accuracy for name in ("jfnn", "vmap"))
    assert ours.shape == (2, 1, 1)
    assert np.abs(ours - theirs).max() * len(small.rows().y_test) <= 2


def test_scikit_learn_minimizes_the_same_objective():
    """One full-batch epoch from one start makes the same step as the notes."""
    workload = dataclasses.replace(
        NOTES, sizes=(64, 5, 10), batch=1437, epochs=1, learning_rates=(1e-4,), l2s=(30.0,)
    )
    search = scikit_learn.grid_search(workload)
    rows = workload.rows()
    setting = {name: values[0] for name, values in search.param_grid.items()}
    network = search.estimator.set_params(**setting, warm_start=True, shuffle=False)
    with pytest.warns(match="Maximum iterations"):
        network.set_params(learning_rate_init=1e-30).fit(rows.x_train, rows.y_train)
    start = [np.copy(w) for w in network.coefs_]
    layers = tuple(map(jfnn.Layer, start, map(np.copy, network.intercepts_)))
    with pytest.warns(match="Maximum iterations"):
        network.set_params(learning_rate_init=setting["learning_rate_init"]).fit(rows.x_train, rows.y_train)
    notes = {"activation": "sigmoid", "l2": 30.0, "reduction": "sum"}
    value_and_grad = functools.partial(jfnn.backprop.value_and_grad, x=rows.x_train, y=rows.y_train, **notes)
    _, gradients = compiled(value_and_grad)(layers)
    for after, before, layer in zip(network.coefs_, start, gradients, strict=True):
        np.testing.assert_allclose(after - before, -1e-4 * np.asarray(layer.w), rtol=1e-3, atol=1e-6)


@pytest.fixture(scope="module")
def by_jfnn():
    """Return folds -> the mean accuracy of all members by jfnn."""
    return {folds: FEW["jfnn"].prepare(workload)().accuracy for folds, workload in ALL_ROWS.items()}


@pytest.mark.parametrize(
    ("name", "folds"),
    [
        *(("vmap_drawn", None), ("vmap_drawn", 5), ("vmap_numpy", 5), ("jit", None)),
        *(("jfnn_1", 5), ("jfnn_permutation", None), ("jfnn_tile_1", 5)),
    ],
)
def test_contenders_with_random_draws_train_the_same_networks(by_jfnn, name, folds):
    workload = ALL_ROWS[folds]
    actual = FEW[name].prepare(workload)().accuracy
    assert actual.shape == () and 0.4 < actual < 0.97  # neither at chance nor at an end
    scored = workload.members * (30 if folds is None else 120 // folds)
    assert abs(actual - by_jfnn[folds]) * scored < 1.5  # one row may be on the boundary
