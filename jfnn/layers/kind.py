"""The interface of a layer: output shape, initial parameters, forward pass and hand-derived backward pass.

The engine works in column form: features first, samples last, ``a [*shape, batch]``. In row form, XLA would
transpose activations in every step under `jax.vmap`. `LayerKind.pack` converts public parameters to column
form.
"""

import abc
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jfnn.arguments.fields import Valid
from jfnn.layers.starts import Starts, from_key
from jfnn.params import Params

Residuals = Any  # what `LayerKind.forward` saves for `pull_back`
Shape = tuple[int, ...]


class LayerKind(Valid, abc.ABC):
    """A layer of a network: plain, hashable data with pure functions of its parameters.

    A subclass is a frozen dataclass that defines `output_shape`, `forward` and `pull_back`; if it has
    parameters, also `pack`, and `starts` or `init`.
    """

    droppable: ClassVar[bool] = False  # whether dropout may zero its outputs if it is a hidden layer
    keeps_values: ClassVar[bool] = False  # whether it only reshapes its inputs
    loops: ClassVar[bool] = False  # whether it loops over small products, as over time steps

    @property
    def tokens(self) -> int | None:
        """Vocabulary size if the inputs are tokens 0 … tokens - 1; None if they may be any numbers."""
        return None

    @property
    def takes_members(self) -> bool:
        """Whether `forward` and `pull_back` accept arrays with an additional last axis of members."""
        return False

    @abc.abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Return one sample's output shape from its input shape; raise ValueError if it does not fit."""

    def width(self, shape: Shape) -> int:
        """Return how many numbers the layer holds per sample while it computes; by default, its outputs."""
        return math.prod(self.output_shape(shape))

    def starts(self, shape: Shape) -> Starts | None:
        """Return how `init` draws parameters for an input shape: a pytree of `jfnn.layers.Draw`.

        Empty by default; None if the initialization cannot be described, so that `init` must be called.
        """
        return ()

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Return initial parameters in public form for an input shape; by default, drawn from `starts`."""
        return from_key(self.starts(shape), key)

    def pack(self, params: Params) -> Params:
        """Convert public parameters to column form; leading axes are kept."""
        return params

    def unpack(self, packed: Params) -> Params:
        """Convert parameters in column form to public form, the inverse of `pack`."""
        return packed

    @abc.abstractmethod
    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return the outputs for ``a [*shape, batch]`` in column form, and the residuals for `pull_back`."""

    @abc.abstractmethod
    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """Return ``(∂C/∂parameters, ∂C/∂inputs)`` from ``d_out = ∂C/∂outputs`` and `forward`'s residuals."""

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """Apply the layer in row form, ``a [n, *shape]``, to public parameters."""
        outputs, _ = self.forward(self.pack(params), jnp.moveaxis(a, 0, -1))
        return jnp.moveaxis(outputs, -1, 0)


def declared_starts(layer: LayerKind, shape: Shape) -> Starts | None:
    """Return ``layer.starts(shape)``; None if a subclass overrides `init` but not `starts`."""
    kinds = type(layer).__mro__
    first = next(kind for kind in kinds if not {"init", "starts"}.isdisjoint(vars(kind)))
    return layer.starts(shape) if "starts" in vars(first) else None
