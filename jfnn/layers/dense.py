"""The dense layer: ``f(a @ w + b)`` with samples as rows, ``f(wᵀ @ a + b)`` with samples as columns."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn import activations
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import field
from jfnn.layers.initializers import INITIALIZERS, as_name, start
from jfnn.layers.kind import LayerKind, Residuals, Shape
from jfnn.layers.products import affine, affine_gradients
from jfnn.layers.starts import Starts
from jfnn.params import Params


class Layer(NamedTuple):
    """Parameters of a dense layer: weights ``w [n_in, n_out]`` and biases ``b [n_out]``."""

    w: jax.Array
    b: jax.Array


@dataclasses.dataclass(frozen=True)
class Dense(LayerKind):
    """A fully connected layer.

    Its parameters are a `Layer`, or ``(w,)`` without biases. The initial weights are the same in both cases.

    Attributes:
        units: Number of outputs.
        activation: A key of `jfnn.activations.ACTIVATIONS`, or an `Activation`.
        initializer: A key of `INITIALIZERS`.
        bias: Whether the layer has biases; without them b is 0.

    Example:
        >>> import jax
        >>> import jfnn
        >>> network = jfnn.sequential([jfnn.Dense(8, "tanh"), jfnn.Dense(3, "identity")], (4,))
        >>> [layer.w.shape for layer in network.init(jax.random.key(0))]
        [(4, 8), (8, 3)]
    """

    units: int = field(convert=checks.as_count)
    activation: str | Activation = field("relu", activations.name_or_custom)
    initializer: str = field("glorot_normal", as_name)
    bias: bool = field(True, checks.as_switch)
    droppable = True

    @property
    def takes_members(self) -> bool:
        """True: the layer can compute many members at once, on a last axis."""
        return True

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(units,)``; inputs must have one axis."""
        if len(shape) != 1:
            raise ArgumentError("layers", f"a dense layer takes inputs of one axis, got shape {shape}")
        return (self.units,)

    def starts(self, shape: Shape) -> Starts:
        """Return how the initializer draws the weights ``[n_in, units]`` and biases."""
        return self._as_layer(*start(INITIALIZERS[self.initializer], (shape[0], self.units)))

    def _as_layer(self, w: Any, *b: Any) -> Params:
        """Return weights and biases as parameters, without the biases if the layer has none."""
        return Layer(w, *b) if self.bias else (w,)

    def pack(self, params: Params) -> Params:
        """Transpose the weights to ``[units, n_in]``."""
        w, *b = params
        return self._as_layer(w.swapaxes(-1, -2), *b)

    def unpack(self, packed: Params) -> Params:
        """Transpose the weights back to ``[n_in, units]``."""
        return self.pack(packed)

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """Return ``f(a @ w + b)``: ``a [n, n_in] -> [n, units]``."""
        return activations.get(self.activation).f(pre_activation(params, a))

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return ``f(z)``, ``z = w @ a + b`` with w as transposed by `pack`, and the residuals ``(a, z)``."""
        w, *b = packed
        z = affine(w, b[0] if b else jnp.zeros_like(w[:, 0]), a)
        return activations.get(self.activation).f(z), (a, z)

    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """``δ = ∂C/∂a_out ∘ f'(z)``; ``∂C/∂w = δ @ aᵀ``, ``∂C/∂b = Σ_samples δ``, ``∂C/∂a = wᵀ @ δ``.

        Weights and activations are transposed here, so that these are the notes' equations transposed.
        """
        a, z = residuals
        delta = d_out * activations.get(self.activation).df(z)
        d_w, d_b, d_a = affine_gradients(packed[0], a, delta)
        return self._as_layer(d_w, d_b), d_a


def pre_activation(layer: Params, a: jax.Array) -> jax.Array:
    """Return ``z = a @ w + b`` in rows, ``a [n, n_in] -> z [n, n_out]``; parameters ``(w,)`` have no b."""
    w, *b = layer
    z = jnp.matmul(a, w, precision="highest")
    return z + b[0] if b else z
