"""The programs that the sweeps of sweeps.py compile: a bounded table, so that examples share programs.

A structure contains everything that a compiled program depends on. Numbers, rows, seeds, folds and epochs are
data and drawn freely. A new kind of layer, loss, learner, optimizer or scheme needs a line in `STRUCTURES`.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.metrics import f1_score

import jfnn
from jfnn.layers import LSTM, Dense, Embedding, Frozen, LayerNorm, Residual, Scaled
from jfnn.learners import output_metric

ROWS = 48  # to train on, in all structures except the one with groups
TESTS = 12
WITHOUT_WEIGHT = [3, 20, 40]  # few enough that each part of each fold has other rows
SUBSET = jfnn.Minibatches(8)
PASS = jfnn.Minibatches(8, "permutation", drop_last=False)
# Ways of splitting the rows in sweeps.py that fit every structure.
CUTS = (
    *("none", "validation", "number", "folds", "pairs"),
    *("splitter", "bootstrap", "shares", "sizes", "groups"),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """What is compiled once for all sweeps drawn from it.

    Attributes:
        network: As for `jfnn.sweep`; so are ``loss``, ``reduction``, ``gradient`` and ``batch_size``.
        inputs: A key of `INPUTS`; ``n`` training rows and ``tests`` test rows, each of ``shape``.
        targets: A key of `TARGETS`.
        dtype: Dtype of floating-point inputs and targets.
        weighted: Whether rows have weights.
        optimizer: Makes the optimizer from the numbers ``of_optimizer``; None for the learner's own.
        of_optimizer: Name -> possible values.
        hyper: Name of each further number -> possible values.
        tile: As for `jfnn.Execution`; so are ``shared``, ``padded`` and ``objective``.
        cuts: Ways to split the rows.
        ranks: Metrics that may rank.
        given: Whether minibatches may be given.
        verified: Whether a step may be compared with its operations one by one.
        remembers: Whether members have state beyond their parameters, such as momentum.
    """

    network: Any
    inputs: str = "floats"
    targets: str = "classes"
    shape: tuple[int, ...] = (5,)
    dtype: str = "float32"
    n: int = ROWS
    tests: int = TESTS
    weighted: bool = False
    loss: str = "cross_entropy"
    reduction: str = "mean"
    gradient: str = "autodiff"
    batch_size: Any = SUBSET
    optimizer: Callable[..., Any] | None = jfnn.Optimizer
    of_optimizer: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)
    hyper: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)
    tile: int | None = 4
    shared: bool | int | None = True
    padded: int | None = None
    objective: bool = False
    cuts: Sequence[str] = CUTS
    ranks: Sequence[Any] = (None, "loss")
    given: bool = False
    verified: bool = False
    remembers: bool = False

    @property
    def networks(self):
        if isinstance(self.network, jfnn.Networks):
            return list(self.network.networks)
        return list(self.network.values()) if isinstance(self.network, dict) else [self.network]

    @property
    def schemes(self):
        return self.batch_size if isinstance(self.batch_size, list) else [self.batch_size]

    @property
    def leading(self):
        """Lengths of the program axes."""
        sizes = (len(self.batch_size),) if isinstance(self.batch_size, list) else ()
        if isinstance(self.network, jfnn.Networks):
            return (*map(len, self.network.axes.values()), *sizes)
        return (len(self.network), *sizes) if isinstance(self.network, dict) else sizes


@functools.cache
def split_of(structure, seed):
    """Return the rows of a structure: noise from a seed, with targets almost unrelated to it."""
    rng = np.random.default_rng(seed)
    n = structure.n

    def cut(array):
        if array is None:
            return None, None
        array = array.astype(structure.dtype) if array.dtype.kind == "f" else array
        return array[:n], array[n:] if structure.tests else None

    x = INPUTS[structure.inputs](rng, (n + structure.tests, *structure.shape))
    make = TARGETS[structure.targets]
    x_train, x_test = cut(x)
    y_train, y_test = cut(None if make is None else make(rng, x))
    weights = None
    if structure.weighted:
        weights = rng.uniform(0.5, 1.5, n).astype(structure.dtype)
        weights[WITHOUT_WEIGHT] = 0
    return jfnn.Split(x_train, y_train, x_test, y_test, weights)


def sentences(rng, shape):
    n, time = shape
    ends = rng.integers(1, time + 1, n)
    return np.where(np.arange(time) < ends[:, None], rng.integers(1, 6, shape), 0)


# Name -> function of a generator and a shape ``[n, …]``.
INPUTS = {
    "floats": lambda rng, shape: rng.normal(size=shape),
    "states": lambda rng, shape: (rng.random(shape) < 0.5).astype(float),
    "tokens": sentences,
}
# Name -> function of a generator and inputs, or None.
TARGETS = {
    "classes": lambda rng, x: rng.permutation(np.arange(len(x)) % 3),
    "parity": lambda rng, x: rng.permutation(np.arange(len(x)) % 2),
    "numbers": lambda rng, x: x.reshape(len(x), -1)[:, :2] + rng.normal(size=(len(x), 2)),
    "counts": lambda rng, x: rng.poisson(2.0, (len(x), 1)).astype(float),
    "labels": lambda rng, x: (rng.random((len(x), 2)) < 0.5).astype(float),
    "columns": lambda rng, x: np.stack([rng.permutation(np.arange(len(x)) % 3) for _ in range(3)], axis=1),
    "columns of numbers": lambda rng, x: rng.normal(size=(len(x), 3)),
    "nothing": None,
}


def own_init(key):
    mask = jfnn.Constant(jnp.ones(5).at[0].set(0))
    return {"w": jax.random.normal(key, (5, 5)) / 5, "b": jnp.zeros(5), "mask": mask}


def noisy_loss(params, batch, key, noise):
    """Return the loss of inputs with added noise, and the size of the outputs."""
    given = batch + noise * jax.random.normal(key, batch.shape, batch.dtype)
    rebuilt = params["mask"].value * (given @ params["w"] + params["b"])
    return jnp.mean((rebuilt - batch) ** 2), {"size": jnp.mean(rebuilt**2)}


def outputs_init(key):
    return {"w": jax.random.normal(key, (5, 3)) / 2}


def pulled_loss(params, batch, key, pull):
    """Return the loss of inputs and numbers, with a penalty that pulls the outputs to 0."""
    x, targets = batch
    outputs = x @ params["w"]
    return jnp.mean((outputs[:, :2] - targets) ** 2) + pull * jnp.mean(outputs**2)


def pulled_scores(params, rows):
    x, targets = rows
    outputs = x @ params["w"]
    return {"loss": jnp.mean((outputs[:, :2] - targets) ** 2, axis=-1), "largest": jnp.max(outputs, axis=-1)}


def macro_f1(targets, outputs):
    return f1_score(targets.argmax(1), outputs.argmax(1), average="macro")


def of_rule(activation, rule):
    """Return a learner with an optimizer of its own, for one value of each of two axes."""
    return jfnn.supervised(jfnn.mlp((5, 4, 2), activation), "huber", optimizer=rule)


WRAPPED = [
    *(LayerNorm(), Dense(4, "tanh"), Residual([Scaled(Dense(4, "elu"), 0.5, 2.0, 0.0)])),
    *(Frozen(Dense(4, "softplus")), Dense(2, "identity")),
]
READER = [Embedding(6, 3, padding=0), LSTM(3, padded=True), LayerNorm(), Dense(2, "identity")]
MOMENTUM = {"momentum": [0.0, 0.5, 0.9]}
RULES = {"plain": "sgd", "steep": jfnn.Optimizer("sgd", momentum=0.9, schedule="cosine")}
EVERYTHING = ROWS + TESTS

OF_NUMBERS = Structure(
    jfnn.mlp((5, 4, 1)),
    targets="columns of numbers",
    weighted=True,
    loss="quadratic",
    batch_size=PASS,
    hyper={"dropout": [0.0, 0.3]},
    tile=16,
    shared=False,
    cuts=["targets"],
)
NOISY = Structure(
    jfnn.learner(own_init, noisy_loss, hyper=["noise"], random=True, terms=["size"]),
    targets="nothing",
    optimizer=None,
    hyper={"noise": [0.0, 0.1, 1.0]},
    shared=False,
    objective=True,
    given=True,
)

#: Name -> structure. The first four have most in few programs: quick tests take no others.
STRUCTURES = {
    "classes": Structure(
        jfnn.mlp((5, 6, 3)),
        hyper={"init_scale": [0.5, 1.0, 2.0]},
        cuts=(*CUTS, "noise", "tasks"),
        given=True,
        verified=True,
    ),
    "several": Structure(
        {"6": jfnn.mlp((5, 6, 3)), "4-4": jfnn.mlp((5, 4, 4, 3), "leaky_relu")},
        batch_size=[jfnn.Minibatches(6, "permutation", drop_last=False), None],
        hyper={"dropout": [0.0, 0.3]},
        padded=EVERYTHING,
    ),
    "groups": Structure(
        jfnn.mlp((2, 1)),
        targets="counts",
        shape=(2,),
        n=128,
        tests=0,
        loss="quadratic",
        hyper={"l1": [0.0, 0.1, 1.0]},
        batch_size=jfnn.Minibatches(2, "permutation", drop_last=False),
        tile=16,
        shared=False,
        objective=True,
        cuts=["many groups"],
    ),
    "regression": Structure(
        jfnn.sequential(WRAPPED, 5),
        targets="numbers",
        weighted=True,
        loss="quadratic",
        reduction="sum",
        gradient="backprop",
        batch_size=None,
        optimizer=functools.partial(jfnn.Optimizer, "sgd", schedule="cosine"),
        of_optimizer=MOMENTUM,
        tile=3,
        shared=False,
        padded=EVERYTHING,
        cuts=(*CUTS, "tasks", "weighted"),
        remembers=True,
    ),
    "weights": Structure(
        jfnn.mlp((5, 3, 3), "sigmoid"),
        dtype="float64",
        weighted=True,
        gradient="backprop",
        batch_size=PASS,
        cuts=(*CUTS, "weighted", "tasks"),
        ranks=(None, output_metric("macro_f1", macro_f1)),
    ),
    "targets": Structure(jfnn.mlp((5, 3)), targets="columns", tile=5, cuts=["targets"], given=True),
    "targets of numbers": OF_NUMBERS,
    "targets of numbers on the last axis": dataclasses.replace(
        OF_NUMBERS, gradient="backprop", hyper={}, shared=True
    ),
    "own loss with draws": NOISY,
    "own loss, draws of each seed": dataclasses.replace(NOISY, shared=2),
    "pruned": Structure(
        jfnn.pruned(jfnn.supervised(jfnn.mlp((5, 4, 2), "gelu"), "quadratic"), every=2, rounds=1),
        targets="numbers",
        tests=0,
        batch_size=jfnn.Minibatches(8, "in_order"),
        optimizer=None,
        hyper={"prune_share": [0.2, 0.5], "prune_every": [1.0, 2.0], "prune_rounds": [1.0, 2.0]},
        remembers=True,
    ),
    "sparse": Structure(
        jfnn.supervised(jfnn.mlp((5, 4, 3), "tanh"), hyper=["l1"], penalized="all", gradient="backprop"),
        weighted=True,
        batch_size=PASS,
        optimizer=None,
        hyper={"l1": [0.0, 0.5, 2.0]},
        cuts=(*CUTS, "weighted"),
    ),
    "dropout": Structure(
        jfnn.mlp((5, 7, 3), "tanh"),
        batch_size=PASS,
        optimizer=functools.partial(jfnn.Optimizer, "adam"),
        of_optimizer={"b1": [0.8, 0.9]},
        hyper={"dropout": [0.0, 0.3], "init_scale": [0.5, 1.0]},
        tile=16,
        shared=None,
        ranks=(None, "f1", "balanced_accuracy", "log_loss"),
        remembers=True,
    ),
    "convolutional": Structure(
        jfnn.cnn((1, 5), (2,), 3, kernel=2, pool=2),
        shape=(1, 5),
        gradient="backprop",
        batch_size=jfnn.Minibatches(None, steps=2),
        padded=EVERYTHING,
    ),
    "machine": Structure(
        jfnn.boltzmann_machine((5, 3), gradient="persistent", chains=8, k=2, hyper=["hidden", "k"]),
        inputs="states",
        targets="nothing",
        optimizer=None,
        hyper={"hidden": [1.0, 2.0, 3.0], "k": [1.0, 2.0]},
        ranks=[None],
        remembers=True,
    ),
    "words": Structure(
        jfnn.sequential(READER, 5), inputs="tokens", targets="parity", objective=True, given=True
    ),
    "both ways": Structure(
        jfnn.rnn((5, 1), 2, 3, "elman", bidirectional=True),
        shape=(5, 1),
        reduction="sum",
        gradient="backprop",
        optimizer=functools.partial(jfnn.Optimizer, "sgd", nesterov=True),
        of_optimizer=MOMENTUM,
        tile=2,
        shared=False,
        remembers=True,
    ),
    "several labels": Structure(
        jfnn.rnn((5, 1), 2, 2),
        targets="labels",
        shape=(5, 1),
        loss="sigmoid_cross_entropy",
        batch_size=PASS,
        cuts=(*CUTS, "weighted"),
    ),
    "own loss and scores": Structure(
        jfnn.learner(
            *(outputs_init, pulled_loss),
            hyper=["pull"],
            score=pulled_scores,
            metrics=[jfnn.Metric("largest", True)],
        ),
        targets="numbers",
        batch_size=jfnn.Minibatches(8, "permutation"),
        optimizer=None,
        hyper={"pull": [0.0, 0.5]},
        ranks=(None, "largest"),
    ),
    "own network": Structure(
        jfnn.Network(outputs_init, lambda params, x: jnp.sin(x @ params["w"])),
        optimizer=functools.partial(jfnn.Optimizer, "rmsprop"),
        remembers=True,
    ),
    "axes of networks": Structure(
        jfnn.Networks(of_rule, activation=["sin", "erf"], rule=RULES),
        targets="numbers",
        batch_size=PASS,
        optimizer=None,
        shared=False,
        remembers=True,
    ),
    "counts": Structure(
        jfnn.mlp((5, 3, 1), "identity"), targets="counts", dtype="float64", tests=0, loss="poisson", tile=16
    ),
    "deviations": Structure(
        jfnn.mlp((5, 4, 4), "softplus"),
        targets="numbers",
        loss="gaussian",
        tile=None,
        shared=None,
        ranks=(None, "mse"),
    ),
    "line search": Structure(
        jfnn.mlp((5, 3)),
        batch_size=None,
        optimizer=functools.partial(jfnn.Optimizer, "lbfgs"),
        padded=EVERYTHING,
        objective=True,
        remembers=True,
    ),
}
