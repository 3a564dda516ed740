"""The numbers of rows, steps, epochs, folds and seeds are arguments of one program and compile nothing."""

import pickle

import numpy as np
import pytest
from helpers import compilations, noise_split

import jfnn
from jfnn.core.search.prepare import prepare

pytestmark = pytest.mark.unoptimized

DATA = noise_split()
PASS = jfnn.Minibatches(8, "permutation", drop_last=False)


def rows(n_train):
    x = np.resize(DATA.x_train, (n_train, 5))
    y = np.arange(n_train) % 3
    return jfnn.Split(x, y, DATA.x_test, DATA.y_test)


def sweep(net, n_train=90, shared=True, **changes):
    """Sweep in tiles of four, which share minibatches or do not."""
    defaults = dict(learning_rate=[0.01, 0.1], epochs=3, batch_size=8)
    execution = jfnn.Execution(tile=4, shared=shared)
    return jfnn.sweep(net, rows(n_train), execution=execution, **defaults | changes)


def of_sizes(*hidden):
    return jfnn.mlp((5, *hidden, 3), "tanh")  # other sizes in each test, so that no program is found


INNER = of_sizes(7)


def own_apply(params, x):
    return INNER.apply(params, x)


CHANGES = [
    # 89 to 96 training rows take the same room, and so do 105 to 112 rows in all.
    *({"n_train": n} for n in (92, 89, 91)),
    *({"epochs": epochs} for epochs in (1, 7, 40)),
    *({"learning_rate": [0.5, 0.4, 0.3], "l2": [0.1, 0.2], "seeds": seeds} for seeds in (7, [5, 2**31], 70)),
    {"n_train": 92, "validation": 3},
]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("net", "batch_size", "shared"),
    [
        (of_sizes(10), PASS, False),
        (jfnn.Network(INNER.init, own_apply), 8, True),
    ],
    ids=["dense, own", "own functions, shared"],
)
def test_other_sizes_and_equal_objects_compile_nothing(net, batch_size, shared):
    def common():
        optimizer = jfnn.Optimizer("sgd", momentum=0.9)
        return dict(batch_size=batch_size, shared=shared, optimizer=optimizer)

    sweep(net, **common())
    with compilations() as compiled:
        for changes in CHANGES:
            sweep(pickle.loads(pickle.dumps(net)), **common() | changes)
    assert compiled == []


@pytest.mark.thorough
def test_other_changes_compile_again():
    """The control: another room, layout or batch size does compile."""
    net = of_sizes(6, 5)
    sweep(net)
    for changes in ({"n_train": 150}, {"shared": False}, {"batch_size": 9}):
        for expected in (True, False):
            with compilations() as compiled:
                sweep(net, **changes)
            assert bool(compiled) == expected


@pytest.mark.thorough
@pytest.mark.parametrize("batch_size", [PASS, None], ids=str)
def test_folds_of_unequal_lengths_and_seeds_share_one_program_per_layout(batch_size):
    """90 rows in 4 folds leave 67 or 68 to train on, with full batches of both lengths too."""
    net = of_sizes(9, 4)
    options = dict(batch_size=batch_size, folds=4)

    experiment = prepare(jfnn.Options(net, rows(90), learning_rate=0.1, epochs=3, **options)).experiment
    assert {len(parts["train"]) for parts in experiment.replicates.parts} == {67, 68}
    with compilations("_advance") as compiled:
        sweep(net, **options)
    assert len(compiled) == 1
    with compilations() as compiled:
        sweep(net, **options, seeds=3)
    assert compiled == []
    with compilations("_advance") as compiled:
        sweep(net, **options, shared=False, seeds=3)
    assert len(compiled) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("shared", [True, False])
def test_given_minibatches_of_any_number_of_epochs_share_one_program(shared):
    net = of_sizes(8, 3)
    given = np.random.default_rng(0).integers(0, 90, (2, 60, 5, 8))
    sweep(net, batches=given, seeds=2, shared=shared)
    with compilations() as compiled:
        for epochs in (1, 8, 50):
            sweep(net, batches=given, seeds=2, shared=shared, epochs=epochs)
    assert compiled == []
