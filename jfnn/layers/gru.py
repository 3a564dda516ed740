"""The layer of gated recurrent units (Cho et al., EMNLP 2014), in the form of PyTorch and cuDNN."""

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.layers.kind import Params
from jfnn.layers.recurrent import Recurrent, product, transposed, weight_gradient


class GRUCell(NamedTuple):
    """Parameters of one direction; the gates stand side by side: reset, update, candidate.

    ``w_x [n_in, 3 units]``, ``w_h [units, 3 units]``, ``b_x [3 units]``, ``b_h [3 units]``.
    """

    w_x: jax.Array
    w_h: jax.Array
    b_x: jax.Array
    b_h: jax.Array


@dataclasses.dataclass(frozen=True)
class GRU(Recurrent):
    """A layer of gated recurrent units, with h₀ = 0.

    With ``p = x_t w_x + b_x`` and ``q = h_{t-1} w_h + b_h``, each cut into its three gates:
    ``r = σ(p_r + q_r)``, ``u = σ(p_u + q_u)``, ``c = tanh(p_c + r ∘ q_c)``,
    ``h_t = (1 - u) ∘ c + u ∘ h_{t-1}``. This is the form of PyTorch and cuDNN, whose reset gate acts behind
    the product; the original one acts on h_{t-1} in front of it. Two bias vectors, since ``r`` multiplies the
    candidate's part of ``b_h``. Parameters are a `GRUCell`, or `Directions` of two.

    Attributes:
        units: Length of a state.
        bidirectional: Whether a second cell reads the sequence from its end.
        states: "last" for outputs ``(units,)``, "all" for ``(time, units)``.
        initializer: A key of `INITIALIZERS`.
    """

    units: int
    bidirectional: bool = False
    states: str = "last"
    initializer: str = "pytorch"
    gates: ClassVar[int] = 3
    numbers_a_unit = 9

    def as_params(self, weights: list[jax.Array], biases: list[jax.Array]) -> Params:
        """A `GRUCell`."""
        return GRUCell(weights[0], weights[1], biases[0], biases[1])

    def run(self, weights: GRUCell, x: jax.Array) -> tuple[jax.Array, jax.Array, Any]:
        """All three gates by one product a step; keeps x, all h_{t-1}, r, u, c and q_c."""
        n = self.units
        b_x, b_h = weights.b_x[..., None], weights.b_h[..., None]

        def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
            p, q = product(weights.w_x, x) + b_x, product(weights.w_h, h) + b_h
            r, u = jax.nn.sigmoid(p[:, :n] + q[:, :n]), jax.nn.sigmoid(p[:, n : 2 * n] + q[:, n : 2 * n])
            c = jnp.tanh(p[:, 2 * n :] + r * q[:, 2 * n :])
            return c + u * (h - c), (h, r, u, c, q[:, 2 * n :])

        dtype = jnp.result_type(x, weights.w_h)
        start = jnp.zeros((x.shape[1], n, x.shape[-1]), dtype)
        last, kept = jax.lax.scan(step, start, x)
        return kept[0], last, (x, *kept)

    def run_back(
        self, weights: GRUCell, kept: Any, d_last: jax.Array, d_states: jax.Array | None
    ) -> tuple[Any, jax.Array]:
        """The chain rule through the gates, last time first.

        With ``g = ∂C/∂h_t`` and all pre-activations' deltas by the gates' own derivatives,
        ``δ_c = g ∘ (1 - u) ∘ (1 - c²)``, ``δ_u = g ∘ (h_{t-1} - c) ∘ u ∘ (1 - u)``,
        ``δ_r = δ_c ∘ q_c ∘ r ∘ (1 - r)``. So ``∂C/∂p = (δ_r, δ_u, δ_c)``, ``∂C/∂q = (δ_r, δ_u, r ∘ δ_c)`` and
        ``∂C/∂h_{t-1} = u ∘ g + w_hᵀ ∂C/∂q`` (plus what comes from outside). Weights and biases collect them:
        ``∂C/∂w_x = Σ_t ∂C/∂p x_tᵀ``, ``∂C/∂w_h = Σ_t ∂C/∂q h_{t-1}ᵀ``, ``∂C/∂x_t = w_xᵀ ∂C/∂p``.
        """
        x, before, *gates = kept
        n, w_h = self.units, transposed(weights.w_h)

        def step(g: jax.Array, inputs: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            d_state, h, (r, u, c, q_c) = inputs
            g = g if d_state is None else g + d_state
            delta_c = g * (1 - u) * (1 - c**2)
            delta_u = g * (h - c) * u * (1 - u)
            delta_r = delta_c * q_c * r * (1 - r)
            d_q = jnp.concatenate([delta_r, delta_u, r * delta_c], axis=1)
            return u * g + product(w_h, d_q), (d_q, delta_c)

        _, (d_q, delta_c) = jax.lax.scan(step, d_last, (d_states, before, gates), reverse=True)
        d_p = jnp.concatenate([d_q[:, :, : 2 * n], delta_c], axis=2)
        gradients = GRUCell(
            weight_gradient(d_p, x),
            weight_gradient(d_q, before),
            jnp.sum(d_p, axis=(0, -1)),
            jnp.sum(d_q, axis=(0, -1)),
        )
        return gradients, product(transposed(weights.w_x), d_p)
