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

    Parameters are an `ElmanCell`, or `Directions` of two. Each direction has one bias vector; `torch.nn.RNN`
    has two, of which only the sum matters.

    Attributes:
        units: Number of units, the length of a state.
        activation: A key of `jfnn.activations.ACTIVATIONS`, or an `Activation`.
        bidirectional: Whether a second cell reads the sequence from its end; its units follow the forward
            cell's.
        states: "last" returns each direction's final state ``(units,)`` (for the backward direction, at the
            first time step); "all" returns the states at every time step, ``(time, units)``.
        initializer: A key of `INITIALIZERS`, applied to each gate as to a dense layer; "pytorch" draws
            everything uniformly within ±1/√units, as `torch.nn` does for recurrent layers.
        padded: Whether sequences may be shorter than the time axis. A sequence ends where all later features
            are exactly 0, as `jfnn.Embedding` returns for a padding token. "last" is then the state at the
            end of the sequence, the backward direction starts there, and "all" has zeros afterwards, as with
            packed sequences in `torch.nn`, so that another recurrent layer may follow.
    """

    units: int = field(convert=checks.as_count)
    activation: str | Activation = field("tanh", activations.name_or_custom)
    bidirectional: bool = field(False, checks.as_switch)
    states: str = field("last", one_of(STATES))
    initializer: str = field("pytorch", as_name)
    padded: bool = field(False, checks.as_switch)
    cell = ElmanCell

    def advance(self, z: jax.Array, h: jax.Array) -> jax.Array:
        """Return ``h_t = f(z_t)``."""
        return activations.get(self.activation).f(z)

    def deltas(self, z: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return ``δ_t = g ∘ f'(z_t)``, and zeros, since h_{t-1} acts only through z_t."""
        return g * activations.get(self.activation).df(z), jnp.zeros_like(h)
