"""A fit of scikit-learn's perceptron and its result: plain data."""

from typing import NamedTuple

import jax
import numpy as np
import optax

from jfnn.layers.dense import Layer
from jfnn.losses import LOSSES, Loss
from jfnn.network import Network, mlp
from jfnn.store.files import digest

THEIR_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")  # scikit-learn's
ACTIVATIONS = (*THEIR_ACTIVATIONS, "elu", "leaky_relu", "softplus", "gelu", "erf", "sin")
SOLVERS = ("lbfgs", "sgd", "adam")  # scikit-learn's; others are optax optimizers
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

    @property
    def network(self) -> Network:
        """The network, which gives logits."""
        return mlp(self.sizes, "sigmoid" if self.activation == "logistic" else self.activation)

    @property
    def loss(self) -> Loss:
        """The loss of the outputs."""
        return self.further_loss or LOSSES[OF_OUTPUT[self.output]]

    def rows_a_step(self, n: int) -> int:
        """Rows a step of ``n`` rows: at most 200 where nothing else is said."""
        return min(200 if self.batch is None else self.batch, n)


class Rows(NamedTuple):
    """Rows to train on, or to validate on.

    Attributes:
        x: Inputs ``[n, features]``, float32 or float64.
        targets: ``[n, outputs]``, of the same dtype.
        weights: ``[n]``, or None.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None


class Optimizer(NamedTuple):
    """The optimizer of a fit by the engine, for a `partial_fit` that goes on; in scikit-learn's attribute.

    Attributes:
        solver: The solver whose state it is.
        learning_rate: The learning rate.
        state: Its state, in the engine's form; None for a fresh one.
    """

    solver: str
    learning_rate: float
    state: optax.OptState


class Carry(NamedTuple):
    """State that a fit takes over from the fit before it, besides parameters.

    Attributes:
        best: Lowest cost of an epoch: its loss, or the negative score of held-out rows.
        waiting: Epochs without an improvement.
        seen: Rows seen.
        optimizer: The optimizer; None for a fresh one.
    """

    best: float = np.inf
    waiting: int = 0
    seen: int = 0
    optimizer: Optimizer | None = None


class Fit(NamedTuple):
    """One fit to train.

    Attributes:
        structure: The structure.
        rows: All rows, those to be held out included.
        start: Starting parameters, in rows.
        random: The stream that draws held-out rows and minibatches.
        numbers: A name of `NUMBERS` -> number.
        carry: State of the fit before it.
    """

    structure: Structure
    rows: Rows
    start: tuple[Layer, ...]
    random: np.random.RandomState
    numbers: dict[str, float]
    carry: Carry = Carry()

    def key(self, inputs: int) -> "Key":
        """The key; ``inputs`` is the number of its inputs among those kept (`jfnn.estimators.inputs`)."""
        stream = self.random.get_state(legacy=False)  # of any bit generator, some with integers of 128 bits
        state = [leaf if isinstance(leaf, np.ndarray) else str(leaf) for leaf in jax.tree.leaves(stream)]
        others = digest(*jax.tree.leaves((self.rows.targets, self.rows.weights, self.start)), *state)
        return Key(self.structure, inputs, others, tuple(self.numbers.values()))


class Key(NamedTuple):
    """Equal for fits with equal results; but for numbers, for fits that can train side by side.

    ``inputs`` is the number of the inputs, ``others`` a digest of targets, weights, start and stream.
    """

    structure: Structure
    inputs: int
    others: str
    numbers: tuple[float, ...]


class Trained(NamedTuple):
    """Result of a fit.

    Attributes:
        layers: Parameters in rows.
        losses: Loss of each epoch.
        scores: Score of the held-out rows after each epoch; none without.
        converged: Whether it stopped because neither improves any more.
        diverged: Whether its numbers stopped being finite.
        rows: Rows trained on in an epoch.
        carry: State for a fit that goes on from here.
    """

    layers: tuple[Layer, ...]
    losses: list[float]
    scores: list[float]
    converged: bool
    diverged: bool
    rows: int
    carry: Carry
