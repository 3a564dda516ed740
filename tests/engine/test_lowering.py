"""Programs of each kind of learner can be lowered for accelerators on a machine without one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import jfnn
from jfnn.core.engine import program
from jfnn.core.engine.epoch import stand_ins
from jfnn.core.engine.minibatches import row_drawing_program
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare
from jfnn.estimators import MLPClassifier, training

# platform of a compiler -> JAX's name for its devices
PLATFORMS = {"cuda": "gpu", "rocm": "gpu", "tpu": "tpu"}
TILE = 2
EPOCHS = 3
ROWS = np.random.default_rng(0).normal(size=(24, 64))
LABELS = np.arange(24) % 3


def lowered(experiment, platform, own):
    """Lower an experiment's compiled functions for a platform: name -> `jax.export.Exported`."""
    replicates = experiment.replicates
    sources = replicates.sources
    functions = program.build(experiment.functions, sources.padded, PLATFORMS[platform])

    def on_tile(leaf):
        return np.stack([leaf] * TILE)

    params = jax.tree.map(on_tile, replicates.start(0))
    hyper = {name: on_tile(values[0]) for name, values in experiment.hyper().items()}
    members = program.Members(
        jax.eval_shape(functions.start.__wrapped__, params, hyper), np.full(TILE, -1, np.int32)
    )
    rows = replicates.minibatches(0, epoch=0)
    groups = np.zeros(TILE if own else 1, int)
    source = sources.take(groups, 0, np.stack([rows] * len(groups), axis=1), PLATFORMS[platform])
    data = experiment.data
    held = program.DeviceData(data.rows, data.weights, stand_ins(data.weights, sources.train))
    block = jax.tree.map(lambda leaf: np.resize(leaf, (data.block, *leaf.shape[1:])), data.rows)
    arguments = {
        "start": (params, hyper),
        "advance": (members, hyper, source, np.int32(1), held),
        "score": (members.state.params, block, hyper),
    }
    drawn = {}
    if sources.batches is not None:
        draw = row_drawing_program(sources.batches, 4, PLATFORMS[platform])
        draws = sources.draws(groups, 0)
        values = draws, sources.train, np.int32(4)
        drawn = {"rows": export.export(draw.__wrapped__, platforms=[platform])(*values)}
    return drawn | {
        name: export.export(getattr(functions, name).__wrapped__, platforms=[platform])(*values)
        for name, values in arguments.items()
    }


def swept(network, x=ROWS, y=LABELS, **options):
    options = {"learning_rate": 0.1, "epochs": EPOCHS, "batch_size": 8} | options
    return prepare(Options(network, jfnn.Split(np.asarray(x, np.float32), y), **options)).experiment


def images(**options):
    return swept(jfnn.cnn((1, 8, 8), (2, 3), 3), ROWS.reshape(-1, 1, 8, 8), **options)


def sequences(**options):
    network = jfnn.rnn((16, 4), 3, 3, "gru", bidirectional=True, states="all")
    return swept(network, ROWS.reshape(-1, 16, 4), optimizer="adam", **options)


def machines(gradient):
    machine = jfnn.boltzmann_machine((64, 5), gradient=gradient, loss="reconstruction")
    return swept(machine, 1 / (1 + np.exp(-ROWS)), None)


def own(function):
    """Return a learner whose loss draws random numbers and calls a function of the weights ``[64, 64]``."""

    def loss(params, rows, key):
        noise = jax.random.normal(key, rows.shape)
        return jnp.mean((rows + noise) @ function(params["w"]))

    learner = jfnn.learner(
        lambda key: {"w": jax.random.normal(key, (64, 64))}, loss, optimizer="adam", random=True
    )
    return swept(learner, y=None)


class TrainerMadeError(Exception):
    """Carries the experiment of an estimator's fit."""


def fit(monkeypatch, **options):
    def make(experiment, *_):
        raise TrainerMadeError(experiment)

    with monkeypatch.context() as patched:
        patched.setattr(training, "Trainer", make)
        with pytest.raises(TrainerMadeError) as made:
            MLPClassifier((5,), batch_size=10, max_iter=EPOCHS, engine="jfnn", **options).fit(ROWS, LABELS)
    return made.value.args[0]


DENSE = jfnn.mlp((64, 50, 3))
EXPERIMENTS = {
    "dense": lambda _: swept(DENSE),
    "dense, by hand": lambda _: swept(DENSE, gradient="backprop"),
    "dense, many small ones": lambda _: swept(jfnn.mlp((4, 5, 3), "tanh"), ROWS[:, :4]),
    "dense, dropout, last steps shorter": lambda _: swept(
        DENSE,
        hyper={"dropout": 0.2},
        batch_size=jfnn.Minibatches(10, "permutation", drop_last=False),
        optimizer=jfnn.Optimizer("adam", schedule="cosine"),
    ),
    "convolutional": lambda _: images(),
    "convolutional, by hand": lambda _: images(gradient="backprop"),
    "GRU": lambda _: sequences(),
    "GRU, by hand": lambda _: sequences(gradient="backprop"),
    "Boltzmann, persistent": lambda _: machines("persistent"),
    "own loss": lambda _: own(jnp.tanh),
    "perceptron, adam": lambda monkeypatch: fit(monkeypatch),
    "perceptron, sgd": lambda monkeypatch: fit(monkeypatch, solver="sgd", learning_rate="adaptive"),
}


# Each on one platform in turn, and on the others in slow tests. Two of them are quick.
QUICK = ("dense", "own loss")


def mark(name, turn):
    if turn % 3:
        return pytest.mark.slow
    return () if name in QUICK else pytest.mark.thorough


CASES = [
    pytest.param(name, i % 2 == 1, platform, marks=mark(name, i + j))
    for i, name in enumerate(EXPERIMENTS)
    for j, platform in enumerate(PLATFORMS)
]


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "own", "platform"), CASES)
def test_programs_lower_for_accelerators(name, own, platform, monkeypatch):
    experiment = EXPERIMENTS[name](monkeypatch)
    programs = lowered(experiment, platform, own)
    assert {exported.platforms for exported in programs.values()} == {(platform,)}
    # A member's arrays go in and come out with the same shapes, so that calls can follow one another.
    advance = programs["advance"]
    shapes = [(leaf.shape, leaf.dtype) for leaf in advance.out_avals[:-1]]
    assert shapes == [(leaf.shape, leaf.dtype) for leaf in advance.in_avals[: len(shapes)]]
    assert shapes[-1] == ((TILE,), np.int32)  # when a member diverged
    assert all(leaf.shape[:2] == (TILE, experiment.data.block) for leaf in programs["score"].out_avals)


@pytest.mark.thorough
@pytest.mark.parametrize("platform", PLATFORMS)
def test_unsupported_operations_do_not_lower(platform):
    experiment = own(lambda w: jax.lax.linalg.schur(jax.lax.stop_gradient(w))[0] + w)
    with pytest.raises(NotImplementedError, match=f"schur.*{platform}"):
        lowered(experiment, platform, own=False)
