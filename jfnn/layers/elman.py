"""The Elman layer: ``h_t = f(x_t w_x + h_{t-1} w_h + b)`` (Elman, Cognitive Science 14, 1990)."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jfnn import activations
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.fields import field, one_of
from jfnn.layers.initializers import as_name
from jfnn.layers.recurrent import STATES, Recurrent


class ElmanCell(NamedTuple):
    """Parameters of one direction: ``w_x [n_in, units]``, ``w_h [units, units]``, ``b [units]``."""

    w_x: jax.Array
    w_h: jax.Array
    b: jax.Array


@dataclasses.dataclass(frozen=True)
class Elman(Recurrent):
    """A simple recurrent layer, ``h_t = f(x_t w_x + h_{t-1} w_h + b)`` with h₀ = 0.

    Parameters are an `ElmanCell`, or `Directions` of two. A direction has one bias vector; `torch.nn.RNN` has
    two, of which only the sum counts.

    Attributes:
        units: Length of a state.
        activation: A key of `jfnn.activations.ACTIVATIONS`, or an `Activation`.
        bidirectional: Whether a second cell reads the sequence from its end; its units stand behind those of
            the first.
        states: "last" gives ``(units,)``, the state that a direction ends with (of the backward one, at the
            first time); "all" gives ``(time, units)``, each state at its time.
        initializer: A key of `INITIALIZERS`, used for each gate as for a dense layer; "pytorch" draws
            everything uniformly within ±1/√units, as `torch.nn` does for recurrent layers.
        padded: Whether sequences may be shorter than time: those from which on all features are exactly 0, as
            `jfnn.Embedding` has them of a padding token. Then "last" is the state at the last time before,
            the backward direction starts there, and "all" has zeros behind it, as packed sequences of
            `torch.nn` do, so that a recurrent layer may follow.
    """

    units: int = field(convert=checks.as_count)
    activation: str | Activation = field("tanh", activations.name_or_custom)
    bidirectional: bool = field(False, checks.as_switch)
    states: str = field("last", one_of(STATES))
    initializer: str = field("pytorch", as_name)
    padded: bool = field(False, checks.as_switch)
    cell = ElmanCell

    def advance(self, z: jax.Array, h: jax.Array) -> jax.Array:
        """``h_t = f(z_t)``."""
        return activations.get(self.activation).f(z)

    def deltas(self, z: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """``δ_t = g ∘ f'(z_t)``; there is no way past z_t."""
        return g * activations.get(self.activation).df(z), jnp.zeros_like(h)
