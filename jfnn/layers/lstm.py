"""The layer of long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9, 1997).

With the forget gate of Gers, Schmidhuber, Cummins (Neural Computation 12, 2000), gates in PyTorch's order.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments import checks
from jfnn.arguments.fields import field, one_of
from jfnn.layers.initializers import as_name
from jfnn.layers.recurrent import STATES, Recurrent


class LSTMCell(NamedTuple):
    """Parameters of one direction; the gates stand side by side: input, forget, candidate, output.

    ``w_x [n_in, 4 units]``, ``w_h [units, 4 units]``, ``b [4 units]``.
    """

    w_x: jax.Array
    w_h: jax.Array
    b: jax.Array


@dataclasses.dataclass(frozen=True)
class LSTM(Recurrent):
    """A layer of long short-term memory, with h₀ = c₀ = 0.

    With ``z = x_t w_x + h_{t-1} w_h + b``, cut into its four gates: ``i = σ(z_i)``, ``f = σ(z_f)``,
    ``e = tanh(z_e)``, ``o = σ(z_o)``; ``c_t = f ∘ c_{t-1} + i ∘ e``, ``h_t = o ∘ tanh(c_t)``. Outputs are h.
    Parameters are an `LSTMCell`, or `Directions` of two. A direction has one bias vector; `torch.nn.LSTM` has
    two, of which only the sum counts.

    Attributes:
        units: Length of a state.
        bidirectional: Whether a second cell reads the sequence from its end, as in `Elman`.
        states: "last" or "all", as in `Elman`.
        initializer: A key of `INITIALIZERS`, as in `Elman`.
        padded: Whether sequences may be shorter than time, as in `Elman`.
    """

    units: int = field(convert=checks.as_count)
    bidirectional: bool = field(False, checks.as_switch)
    states: str = field("last", one_of(STATES))
    initializer: str = field("pytorch", as_name)
    padded: bool = field(False, checks.as_switch)
    cell = LSTMCell
    carried = 2  # h and c
    gates = 4
    rows = 4

    def advance(self, z: jax.Array, h: jax.Array) -> jax.Array:
        """``(h_t, c_t)`` in one column."""
        i, f, e, o = self._gates(z)
        c = f * h[:, self.units :] + i * e
        return jnp.concatenate([o * jnp.tanh(c), c], axis=1)

    def deltas(self, z: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The chain rule through the gates.

        With ``g = (∂C/∂h_t, ∂C/∂c_t)`` from outside and ``y = tanh(c_t)``, all that reaches the cell's memory
        is ``k = g_c + g_h ∘ o ∘ (1 - y²)``. So ``δ_i = k ∘ e ∘ i ∘ (1 - i)``,
        ``δ_f = k ∘ c_{t-1} ∘ f ∘ (1 - f)``, ``δ_e = k ∘ i ∘ (1 - e²)``, ``δ_o = g_h ∘ y ∘ o ∘ (1 - o)``, and
        ``f ∘ k`` reaches c_{t-1} past z, nothing h_{t-1}.
        """
        n = self.units
        i, f, e, o = self._gates(z)
        c = h[:, n:]
        y = jnp.tanh(f * c + i * e)
        k = g[:, n:] + g[:, :n] * o * (1 - y**2)
        parts = k * e * i * (1 - i), k * c * f * (1 - f), k * i * (1 - e**2), g[:, :n] * y * o * (1 - o)
        return jnp.concatenate(parts, axis=1), jnp.concatenate([jnp.zeros_like(k), f * k], axis=1)

    def _gates(self, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """i, f, e and o of ``z [directions, 4 units, batch]``."""
        n = self.units
        gates = jax.nn.sigmoid(z[:, : 2 * n])
        return gates[:, :n], gates[:, n:], jnp.tanh(z[:, 2 * n : 3 * n]), jax.nn.sigmoid(z[:, 3 * n :])
