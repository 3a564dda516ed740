"""A fit of scikit-learn's perceptron and its result as records, with checks for the range of float32."""

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
ENGINES = ("auto", "jfnn", "scikit-learn")  # allowed values of `engine`; "auto" leaves the choice open
# scikit-learn's output activation -> loss.
OF_OUTPUT = {
    "softmax": "cross_entropy",
    "logistic": "sigmoid_cross_entropy",
    "identity": "quadratic",
    "exp": "poisson",
}
# scikit-learn's parameters that are numbers of a fit: fits that differ only in these train side by side.
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
# Losses square errors, and adam squares gradients; squares of larger numbers overflow in float32.
MOST = float(np.sqrt(np.finfo(np.float32).max))
NOTHING = 1e-37  # smaller fractions of the largest weight approach the smallest float32
# Float32 may round these to 0, 1 or infinity, which scikit-learn does not allow.
ROUNDED = ("learning_rate_init", "epsilon", "beta_1", "beta_2")
FLOAT32 = (
    "the engine computes in float32, or in float64 if rows are float64 and"
    " jax.config.update('jax_enable_x64', True) was called"
)
Key = tuple[tuple[Any, ...], tuple[float, ...]]  # what fits side by side share, and the numbers of a fit


class Structure(NamedTuple):
    """All that a fit's compiled program depends on: fits with equal structures may train side by side.

    Attributes:
        sizes: Widths from input to output.
        activation: scikit-learn's name of the hidden layers' activation.
        output: The output activation: "softmax", "logistic", "identity" or "exp".
        solver: "sgd", "adam", "lbfgs", or the name of an optax optimizer.
        nesterov: Whether to use Nesterov's momentum.
        schedule: "constant", "invscaling" or "adaptive".
        batch: Rows per step, or None for scikit-learn's "auto".
        shuffle: Whether rows are shuffled before each epoch.
        validation: Fraction of rows held out for early stopping; None for no early stopping.
        further_loss: A loss that scikit-learn's perceptron lacks; None for the loss of the output activation.
        l1: None without L1; "subgradient", or "proximal" for exact zeros by plain gradient descent.
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
        """Names of a fit's numbers."""
        return NUMBERS if self.l1 is None else (*NUMBERS, "l1")

    @property
    def network(self) -> Network:
        """The network, which returns logits."""
        return network_of(self.sizes, self.activation)

    @property
    def loss(self) -> Loss:
        """The loss of the outputs."""
        return self.further_loss or LOSSES[OF_OUTPUT[self.output]]

    def rows_a_step(self, n: int) -> int:
        """Rows per step for ``n`` rows; "auto" is at most 200."""
        return min(200 if self.batch is None else self.batch, n)


def network_of(sizes: tuple[int, ...], activation: str) -> Network:
    """Return the network with these widths and an activation by scikit-learn's name."""
    return mlp(sizes, "sigmoid" if activation == "logistic" else activation)


class FitRows(NamedTuple):
    """Training rows, or validation rows.

    Attributes:
        x: Inputs ``[n, features]``, float32 or float64.
        targets: ``[n, outputs]``, of the same dtype.
        weights: ``[n]``, or None.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None


class Solver(NamedTuple):
    """State of the engine's optimizer, stored in scikit-learn's attribute so that `partial_fit` can continue.

    Attributes:
        solver: The solver that the state belongs to.
        learning_rate: The learning rate.
        state: The state, in the engine's form; None for a fresh optimizer.
    """

    solver: str
    learning_rate: float
    state: optax.OptState


class Fit(NamedTuple):
    """One fit to train.

    Attributes:
        structure: The structure.
        rows: All rows, including those to be held out.
        start: Initial parameters, with rows as samples.
        random: The random stream for held-out rows and minibatches; training draws from a copy.
        numbers: Name -> number, for the names in ``structure.numbers``.
        best: Lowest cost of an epoch in earlier fits: a loss, or the negative score of held-out rows.
        waiting: Epochs without an improvement in earlier fits.
        seen: Rows seen in earlier fits.
        optimizer: The optimizer of the previous fit; None for a fresh one.
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
        """Return a key that is equal for fits with equal results.

        Its first part is equal for fits that can train side by side. ``inputs`` is the index of the inputs in
        a search (`jfnn.estimators.ahead`).
        """
        stream = self.random.get_state(legacy=False)  # some bit generators have 128-bit integers
        state = [leaf if isinstance(leaf, np.ndarray) else str(leaf) for leaf in jax.tree.leaves(stream)]
        others = digest(*jax.tree.leaves((self.rows.targets, self.rows.weights, self.start)), *state)
        return (self.structure, inputs, others), tuple(self.numbers.values())

    def untrained_members(self) -> "TrainedFit":
        """Return the result of zero epochs."""
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
    """The result of a fit.

    Attributes:
        layers: Parameters with rows as samples.
        losses: Loss of each epoch.
        scores: Score of the held-out rows after each epoch; empty without held-out rows.
        converged: Whether training stopped because the loss or score no longer improved.
        diverged: Whether numbers became infinite or NaN.
        rows: Training rows per epoch.
        best: As in `Fit`, including this fit.
        waiting: As in `Fit`, at the end.
        optimizer: The optimizer at the end.
        stream: The random state that scikit-learn would leave.
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
    """Whether the engine computes in float32 for these inputs."""
    return checks.float_dtype(x) == np.float32


def check_rows(fit: Fit) -> None:
    """Raise ArgumentError for inputs, targets or weights that the engine's float32 cannot hold."""
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
    least = 1 if fit.structure.validation else n % batch or batch  # length of the shortest step
    shares = rows.weights.astype(np.float64) / rows.weights.max()
    small = shares[shares < NOTHING]
    if len(small) >= least and small.any():
        expected = f"expected 0 or at least {NOTHING:g} of the largest in float32, or steps may have weight 0"
        raise _beyond("sample_weight", expected, float(small[small > 0].min()))


def check_numbers(fit: Fit) -> None:
    """Raise ArgumentError for a number of a fit that float32 cannot hold or rounds out of its range."""
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
            raise _beyond(name, f"expected a number that float32 does not round to {rounded:g}", value)


def _beyond(name: str, reason: str, value: float) -> ArgumentError:
    return ArgumentError(name, f"{reason}, got {value!r}; {FLOAT32}")
