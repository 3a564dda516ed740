"""The gated recurrent unit (Cho et al., EMNLP 2014), in the form of PyTorch and cuDNN."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments import checks
from jfnn.arguments.fields import field, one_of
from jfnn.layers.initializers import as_name
from jfnn.layers.recurrent import STATES, Recurrent


class GRUCell(NamedTuple):
    """Parameters of one direction, with the gates side by side: reset, update, candidate.

    ``w_x [n_in, 3 units]``, ``w_h [units, 3 units]``, ``b_x [3 units]``, ``b_h [3 units]``.
    """

    w_x: jax.Array
    w_h: jax.Array
    b_x: jax.Array
    b_h: jax.Array


@dataclasses.dataclass(frozen=True)
class GRU(Recurrent):
    """A layer of gated recurrent units, with h₀ = 0.

    With ``p = x_t w_x + b_x`` and ``q = h_{t-1} w_h + b_h``, each split into three gates:
    ``r = σ(p_r + q_r)``, ``u = σ(p_u + q_u)``, ``c = tanh(p_c + r ∘ q_c)``,
    ``h_t = (1 - u) ∘ c + u ∘ h_{t-1}``. In this form, as in PyTorch and cuDNN, the reset gate acts after the
    matrix product; in the original one it acts on h_{t-1} before it. There are two bias vectors because ``r``
    multiplies the candidate's part of ``b_h``. Parameters are a `GRUCell`, or `Directions` of two.

    Attributes:
        units: Number of units, the length of a state.
        bidirectional: Whether a second cell reads the sequence from its end, as in `Elman`.
        states: "last" or "all", as in `Elman`.
        initializer: A key of `INITIALIZERS`, as in `Elman`.
        padded: Whether sequences may be shorter than the time axis, as in `Elman`.

    Example:
        >>> import jax
        >>> import jfnn
        >>> network = jfnn.sequential([jfnn.GRU(6), jfnn.Dense(2, "identity")], (20, 3))  # 20 steps
        >>> network.apply(network.init(jax.random.key(0)), jax.numpy.zeros((5, 20, 3))).shape
        (5, 2)
    """

    units: int = field(convert=checks.as_count)
    bidirectional: bool = field(False, checks.as_switch)
    states: str = field("last", one_of(STATES))
    initializer: str = field("pytorch", as_name)
    padded: bool = field(False, checks.as_switch)
    cell = GRUCell
    gates = 3
    rows = 4

    def matrix(self, packed: GRUCell) -> jax.Array:
        """Return rows for ``p_r + q_r``, ``p_u + q_u``, ``p_c`` and ``q_c``; columns are w_h, w_x, biases."""
        w_x, w_h, b_x, b_h = packed
        n = self.units
        gates = slice(2 * self.units)
        biases = (b_x + b_h)[gates, None]
        sums = jnp.concatenate([w_h[gates], w_x[gates], biases], axis=1)
        p_c = jnp.concatenate([jnp.zeros_like(w_h[2 * n :]), w_x[2 * n :], b_x[2 * n :, None]], axis=1)
        q_c = jnp.concatenate([w_h[2 * n :], jnp.zeros_like(w_x[2 * n :]), b_h[2 * n :, None]], axis=1)
        return jnp.concatenate([sums, p_c, q_c])

    def gradients(self, d_matrix: jax.Array) -> GRUCell:
        """Return the gradients: w_x and b_x from the rows of p, w_h and b_h from the rows of q."""
        n = self.units
        d_p = d_matrix[: 3 * n, n:]
        d_q = jnp.concatenate([d_matrix[: 2 * n], d_matrix[3 * n :]])
        return GRUCell(d_p[:, :-1], d_q[:, :n], d_p[:, -1], d_q[:, -1])

    def advance(self, z: jax.Array, h: jax.Array) -> jax.Array:
        """Return ``h_t = c + u ∘ (h_{t-1} - c)``."""
        _, u, c, _ = self._gates(z)
        return c + u * (h - c)

    def deltas(self, z: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Apply the chain rule to the gates.

        ``δ_c = g ∘ (1 - u) ∘ (1 - c²)`` at the candidate's tanh, ``δ_u = g ∘ (h_{t-1} - c) ∘ u ∘ (1 - u)``,
        ``δ_r = δ_c ∘ q_c ∘ r ∘ (1 - r)``. So ``∂C/∂z = (δ_r, δ_u, δ_c, r ∘ δ_c)``, and h_{t-1} also receives
        ``u ∘ g`` directly, not through z.
        """
        r, u, c, q_c = self._gates(z)
        delta_c = g * (1 - u) * (1 - c**2)
        delta_u = g * (h - c) * u * (1 - u)
        delta_r = delta_c * q_c * r * (1 - r)
        return jnp.concatenate([delta_r, delta_u, delta_c, r * delta_c], axis=1), u * g

    def _gates(self, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Return r, u, c and q_c from ``z [directions, 4 units, batch]``."""
        n = self.units
        gates = jax.nn.sigmoid(z[:, : 2 * n])
        p_c = z[:, 2 * n : 3 * n]
        q_c = z[:, 3 * n :]
        r = gates[:, :n]
        u = gates[:, n:]
        return r, u, jnp.tanh(p_c + r * q_c), q_c
