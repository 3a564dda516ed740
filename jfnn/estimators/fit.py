"""A fit of scikit-learn's perceptron and its result, as values; and which fits the engine can hold."""

from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.store.files import digest
from jfnn.layers.dense import Layer
from jfnn.losses import LOSSES, Loss
from jfnn.network import Network, mlp

THEIR_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")  # scikit-learn's
ACTIVATIONS = (*THEIR_ACTIVATIONS, "elu", "leaky_relu", "softplus", "gelu", "erf", "sin")
SOLVERS = ("lbfgs", "sgd", "adam")  # scikit-learn's; others are optax optimizers
ENGINES = ("auto", "jfnn", "scikit-learn")  # by which code a fit may be asked to train; "auto" leaves it free
# Output activation of scikit-learn's -> loss.
OF_OUTPUT = {
    "softmax": "cross_entropy",
    "logistic": "sigmoid_cross_entropy",
    "identity": "quadratic",
    "exp": "poisson",
}
# Parameters of scikit-learn's that are a fit's numbers: fits that differ only by these train side by side.
NUMBERS = (
    "learning_rate_init",
    "alpha",
    "momentum",
    "beta_1",
    "beta_2",
    "epsilon",
    "power_t",
    "tol",
    "n_iter_no_change",
    "max_iter",
)
# Losses square errors, and adam gradients: with larger numbers nothing finite is learned in float32.
MOST = float(np.sqrt(np.finfo(np.float32).max))
NOTHING = 1e-37  # a weight of this share of the largest is next to the least float32
# Float32 may round these to 0, 1 or infinity, which scikit-learn allows for none of them.
ROUNDED = ("learning_rate_init", "epsilon", "beta_1", "beta_2")
FLOAT32 = (
    "the engine computes in float32, and in float64 where rows are float64 and"
    " jax.config.update('jax_enable_x64', True) was called"
)
Key = tuple[tuple[Any, ...], tuple[float, ...]]  # what fits side by side share, and a fit's numbers


class Structure(NamedTuple):
    """All that the compiled program of a fit depends on: fits that share it may train side by side.

    Attributes:
        sizes: Widths from input to output.
        activation: scikit-learn's name of the hidden layers' activation.
        output: The output activation: "softmax", "logistic", "identity" or "exp".
        solver: "sgd", "adam", "lbfgs", or an optax optimizer's name.
        nesterov: Whether momentum is Nesterov's.
        schedule: "constant", "invscaling" or "adaptive".
        batch: Rows a step, or None for scikit-learn's "auto".
        shuffle: Whether rows are shuffled before each epoch.
        validation: Share of rows held out for early stopping; None for none.
        further_loss: A loss that scikit-learn's perceptron lacks; None for that of the output.
        l1: None without the penalty L1; "subgradient", or "proximal" for exact zeros by plain descent.
    """

    sizes: tuple[int, ...]
    activation: str
    output: str
    solver: str
    nesterov: bool
    schedule: str
    batch: int | None
    shuffle: bool
    validation: float | None
    further_loss: Loss | None = None
    l1: str | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers of a fit."""
        return NUMBERS if self.l1 is None else (*NUMBERS, "l1")

    @property
    def network(self) -> Network:
        """The network, which gives logits."""
        return network_of(self.sizes, self.activation)

    @property
    def loss(self) -> Loss:
        """The loss of the outputs."""
        return self.further_loss or LOSSES[OF_OUTPUT[self.output]]

    def rows_a_step(self, n: int) -> int:
        """Rows a step of ``n`` rows: at most 200 where nothing else is said."""
        return min(200 if self.batch is None else self.batch, n)


def network_of(sizes: tuple[int, ...], activation: str) -> Network:
    """The network of these widths with an activation by scikit-learn's name."""
    return mlp(sizes, "sigmoid" if activation == "logistic" else activation)


class FitRows(NamedTuple):
    """Rows to train on, or to validate on.

    Attributes:
        x: Inputs ``[n, features]``, float32 or float64.
        targets: ``[n, outputs]``, of the same dtype.
        weights: ``[n]``, or None.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None


class Solver(NamedTuple):
    """The optimizer of a fit by the engine, for a `partial_fit` that goes on; in scikit-learn's attribute.

    Attributes:
        solver: The solver whose state it is.
        learning_rate: The learning rate.
        state: Its state, in the engine's form; None for a fresh one.
    """

    solver: str
    learning_rate: float
    state: optax.OptState


class Fit(NamedTuple):
    """One fit to train.

    Attributes:
        structure: The structure.
        rows: All rows, those to be held out included.
        start: Starting parameters, in rows.
        random: The stream that draws held-out rows and minibatches; training draws from a copy.
        numbers: A name of the structure's numbers -> number.
        best: Lowest cost of an epoch of the fits before it: a loss, or the negative score of held-out rows.
        waiting: Epochs without an improvement before it.
        seen: Rows seen before it.
        optimizer: The optimizer of the fit before it; None for a fresh one.
    """

    structure: Structure
    rows: FitRows
    start: tuple[Layer, ...]
    random: np.random.RandomState
    numbers: dict[str, float]
    best: float = np.inf
    waiting: int = 0
    seen: int = 0
    optimizer: Solver | None = None

    def key(self, inputs: int) -> Key:
        """Equal for fits with equal results, its first part for those that can train side by side.

        ``inputs`` is the number of the inputs among those of a search (`jfnn.estimators.ahead`).
        """
        stream = self.random.get_state(legacy=False)  # of any bit generator, some with integers of 128 bits
        state = [leaf if isinstance(leaf, np.ndarray) else str(leaf) for leaf in jax.tree.leaves(stream)]
        others = digest(*jax.tree.leaves((self.rows.targets, self.rows.weights, self.start)), *state)
        return (self.structure, inputs, others), tuple(self.numbers.values())

    def untrained(self) -> "TrainedFit":
        """The result of no epoch."""
        return TrainedFit(
            layers=self.start,
            losses=[],
            scores=[],
            converged=True,
            diverged=False,
            rows=len(self.rows.x),
            best=self.best,
            waiting=self.waiting,
            optimizer=Solver(self.structure.solver, self.numbers["learning_rate_init"], None),
            stream=self.random.get_state(legacy=False),
        )


class TrainedFit(NamedTuple):
    """Result of a fit.

    Attributes:
        layers: Parameters in rows.
        losses: Loss of each epoch.
        scores: Score of the held-out rows after each epoch; none without.
        converged: Whether it stopped because neither improves any more.
        diverged: Whether its numbers stopped being finite.
        rows: Rows trained on in an epoch.
        best: As of `Fit`, this one included.
        waiting: As of `Fit`, at its end.
        optimizer: The optimizer at its end.
        stream: State of the stream of random numbers where scikit-learn would leave it.
    """

    layers: tuple[Layer, ...]
    losses: list[float]
    scores: list[float]
    converged: bool
    diverged: bool
    rows: int
    best: float
    waiting: int
    optimizer: Solver
    stream: dict[str, Any]


def in_float32(x: np.ndarray) -> bool:
    """Whether the engine computes in float32 for inputs."""
    return checks.float_dtype(x) == np.float32


def check_rows(fit: Fit) -> None:
    """Raises ArgumentError for inputs, targets or weights that the engine's float32 cannot hold."""
    rows = fit.rows
    if not in_float32(rows.x):
        return
    for name, array in (("X", rows.x), ("y", rows.targets)):
        largest = max(float(array.max()), -float(array.min()))
        if largest > MOST:
            raise _beyond(name, f"expected numbers up to {MOST:.2g} in float32", largest)
    if rows.weights is None:
        return
    n = len(rows.x)
    batch = fit.structure.rows_a_step(n)
    least = 1 if fit.structure.validation else n % batch or batch  # rows of the shortest step
    shares = rows.weights.astype(np.float64) / rows.weights.max()
    small = shares[shares < NOTHING]
    if len(small) >= least and small.any():
        expected = f"expected 0 or {NOTHING:g} of the largest in float32, since a step may have no others"
        raise _beyond("sample_weight", expected, float(small[small > 0].min()))


def check_numbers(fit: Fit) -> None:
    """Raises ArgumentError for a number of a fit that float32 cannot hold, or rounds out of its range."""
    if not in_float32(fit.rows.x):
        return
    weight = 1.0 if fit.rows.weights is None else float(fit.rows.weights.max())
    for name in ("alpha", "l1"):
        strength = fit.numbers.get(name, 0.0)
        if strength > MOST * weight:
            times = "" if fit.rows.weights is None else f" times the largest weight, {weight:g}"
            raise _beyond(name, f"expected at most {MOST:.2g} in float32{times}", strength)
    for name in ROUNDED:
        value = fit.numbers[name]
        with np.errstate(over="ignore"):
            rounded = float(np.float32(value))
        if rounded != value and rounded in (0, 1, np.inf):
            raise _beyond(name, f"in float32 it is {rounded:g}", value)


def _beyond(name: str, reason: str, value: float) -> ArgumentError:
    return ArgumentError(name, f"{reason}, got {value!r}; {FLOAT32}")
