"""Long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9, 1997), in PyTorch's gate order.

The forget gate was added by Gers, Schmidhuber and Cummins (Neural Computation 12, 2000).
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
    """Parameters of one direction, with the gates side by side: input, forget, candidate, output.

    ``w_x [n_in, 4 units]``, ``w_h [units, 4 units]``, ``b [4 units]``.
    """

    w_x: jax.Array
    w_h: jax.Array
    b: jax.Array


@dataclasses.dataclass(frozen=True)
class LSTM(Recurrent):
    """A layer of long short-term memory units, with h₀ = c₀ = 0.

    With ``z = x_t w_x + h_{t-1} w_h + b``, split into four gates: ``i = σ(z_i)``, ``f = σ(z_f)``,
    ``e = tanh(z_e)``, ``o = σ(z_o)``; ``c_t = f ∘ c_{t-1} + i ∘ e``, ``h_t = o ∘ tanh(c_t)``. Outputs are h.
    Parameters are an `LSTMCell`, or `Directions` of two. Each direction has one bias vector; `torch.nn.LSTM`
    has two, of which only the sum matters.

    Attributes:
        units: Number of units, the length of a state.
        bidirectional: Whether a second cell reads the sequence from its end, as in `Elman`.
        states: "last" or "all", as in `Elman`.
        initializer: A key of `INITIALIZERS`, as in `Elman`.
        padded: Whether sequences may be shorter than the time axis, as in `Elman`.
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
        """Return ``(h_t, c_t)``, stacked in one column."""
        i, f, e, o = self._gates(z)
        c = f * h[:, self.units :] + i * e
        return jnp.concatenate([o * jnp.tanh(c), c], axis=1)

    def deltas(self, z: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Apply the chain rule to the gates.

        With ``g = (∂C/∂h_t, ∂C/∂c_t)`` from outside and ``y = tanh(c_t)``, the memory cell receives
        ``k = g_c + g_h ∘ o ∘ (1 - y²)`` in total. So ``δ_i = k ∘ e ∘ i ∘ (1 - i)``,
        ``δ_f = k ∘ c_{t-1} ∘ f ∘ (1 - f)``, ``δ_e = k ∘ i ∘ (1 - e²)`` and ``δ_o = g_h ∘ y ∘ o ∘ (1 - o)``.
        Directly, not through z, c_{t-1} receives ``f ∘ k``, and h_{t-1} nothing.
        """
        n = self.units
        i, f, e, o = self._gates(z)
        c = h[:, n:]
        y = jnp.tanh(f * c + i * e)
        k = g[:, n:] + g[:, :n] * o * (1 - y**2)
        parts = k * e * i * (1 - i), k * c * f * (1 - f), k * i * (1 - e**2), g[:, :n] * y * o * (1 - o)
        return jnp.concatenate(parts, axis=1), jnp.concatenate([jnp.zeros_like(k), f * k], axis=1)

    def _gates(self, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Return i, f, e and o from ``z [directions, 4 units, batch]``."""
        n = self.units
        gates = jax.nn.sigmoid(z[:, : 2 * n])
        return gates[:, :n], gates[:, n:], jnp.tanh(z[:, 2 * n : 3 * n]), jax.nn.sigmoid(z[:, 3 * n :])
