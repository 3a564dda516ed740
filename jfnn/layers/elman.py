"""The Elman layer: ``h_t = f(x_t w_x + h_{t-1} w_h + b)`` (Elman, Cognitive Science 14, 1990)."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn import activations
from jfnn.activations import Activation
from jfnn.layers.kind import Params
from jfnn.layers.recurrent import Recurrent, product, transposed, weight_gradient


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
        bidirectional: Whether a second cell reads the sequence from its end.
        states: "last" for outputs ``(units,)``, "all" for ``(time, units)``.
        initializer: A key of `INITIALIZERS`.
    """

    units: int
    activation: str | Activation = "tanh"
    bidirectional: bool = False
    states: str = "last"
    initializer: str = "pytorch"
    numbers_a_unit = 2

    def __post_init__(self) -> None:
        """Refuses unknown names, and widths below 1."""
        super().__post_init__()
        object.__setattr__(self, "activation", activations.name_or_own(self.activation))

    def as_params(self, weights: list[jax.Array], biases: list[jax.Array]) -> Params:
        """An `ElmanCell`; of the biases the first."""
        return ElmanCell(weights[0], weights[1], biases[0])

    def run(self, weights: ElmanCell, x: jax.Array) -> tuple[jax.Array, jax.Array, Any]:
        """``z_t = w_x x_t + w_h h_{t-1} + b``, ``h_t = f(z_t)``; keeps x, all h_{t-1} and all z_t."""
        function = activations.get(self.activation)
        z_x = product(weights.w_x, x) + weights.b[..., None]

        def step(h: jax.Array, z_x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            z = z_x + product(weights.w_h, h)
            return function.f(z), (h, z)

        start = jnp.zeros((*z_x.shape[1:2], self.units, x.shape[-1]), z_x.dtype)
        last, (before, zs) = jax.lax.scan(step, start, z_x)
        return before, last, (x, before, zs)

    def run_back(
        self, weights: ElmanCell, kept: Any, d_last: jax.Array, d_states: jax.Array | None
    ) -> tuple[Any, jax.Array]:
        """``δ_t = (∂C/∂h_t + w_hᵀ δ_{t+1}) ∘ f'(z_t)``, last time first.

        ``∂C/∂w_x = Σ_t δ_t x_tᵀ``, ``∂C/∂w_h = Σ_t δ_t h_{t-1}ᵀ``, ``∂C/∂b = Σ_t Σ_samples δ_t``,
        ``∂C/∂x_t = w_xᵀ δ_t``.
        """
        x, before, zs = kept
        function, w_h = activations.get(self.activation), transposed(weights.w_h)

        def step(d_h: jax.Array, inputs: Any) -> tuple[jax.Array, jax.Array]:
            d_state, z = inputs
            d_h = d_h if d_state is None else d_h + d_state
            delta = d_h * function.df(z)
            return product(w_h, delta), delta

        _, deltas = jax.lax.scan(step, d_last, (d_states, zs), reverse=True)
        gradients = ElmanCell(
            weight_gradient(deltas, x), weight_gradient(deltas, before), jnp.sum(deltas, axis=(0, -1))
        )
        return gradients, product(transposed(weights.w_x), deltas)
