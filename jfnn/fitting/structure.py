"""The structure of a fit: everything that its compiled program depends on, so all but its numbers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy

from jfnn.losses import LOSSES, Loss
from jfnn.network import Network, mlp

# scikit-learn's names of activations -> jfnn's.
ACTIVATIONS = {
    "identity": "identity",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "elu": "elu",
    "leaky_relu": "leaky_relu",
}
SOLVERS = ("lbfgs", "sgd", "adam")  # scikit-learn's; others are optax optimizers
THEIR_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
# Where a fit's numbers come from: name in the engine -> scikit-learn's parameter.
NUMBERS = {
    "learning_rate": "learning_rate_init",
    "l2": "alpha",
    "momentum": "momentum",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
    "power_t": "power_t",
    "tol": "tol",
    "patience": "n_iter_no_change",
    "max_iter": "max_iter",
}


def poisson(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """Half the Poisson deviance of ``e^z``, ``C_i = Σ_j t log t - t - t z + e^z``."""
    return jnp.sum(xlogy(t, t) - t - t * z + jnp.exp(z), axis=axis)


def d_poisson(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂z = e^z - t``."""
    return jnp.exp(z) - t


POISSON = Loss(poisson, d_poisson)


class Structure(NamedTuple):
    """Properties that fits must share to be trained by one program, side by side.

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

    @property
    def network(self) -> Network:
        """The network, which gives logits."""
        return mlp(self.sizes, ACTIVATIONS[self.activation])

    @property
    def loss(self) -> Loss:
        """The loss of the outputs."""
        names = {"softmax": "cross_entropy", "logistic": "sigmoid_cross_entropy", "identity": "quadratic"}
        return POISSON if self.output == "exp" else LOSSES[names[self.output]]

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

    def take(self, numbers: np.ndarray) -> "Rows":
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[numbers]
        return Rows(self.x[numbers], self.targets[numbers], weights)

    def join(self, further: "Rows") -> "Rows":
        """These rows, and further ones behind them."""
        pairs = zip(self, further, strict=True)
        return Rows(*(None if a is None else np.concatenate([a, b]) for a, b in pairs))  # type: ignore[arg-type]
