"""The kind of a layer: a shape rule, starting parameters, a forward pass and its pull-back by hand.

The engine works in column form: features first, samples last, ``a [*shape, batch]``. Under `jax.vmap` the
row form makes XLA transpose activations in every step. `LayerKind.pack` turns public parameters into those
of the column form.
"""

import abc
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jfnn.arguments.fields import Valid
from jfnn.layers.starts import Starts, from_key
from jfnn.params import Params

Residuals = Any  # what `LayerKind.forward` keeps for its `pull_back`
Shape = tuple[int, ...]


class LayerKind(Valid, abc.ABC):
    """One layer of a network: plain, hashable data with pure functions of its parameters.

    A subclass is a frozen dataclass. It must define `output_shape`, `forward` and `pull_back`; where it has
    parameters also `pack`, and `starts` or `init`.
    """

    droppable: ClassVar[bool] = False  # whether dropout may zero its outputs, where it is a hidden layer
    keeps_values: ClassVar[bool] = False  # whether its outputs are its inputs in another shape

    @property
    def tokens(self) -> int | None:
        """Number of tokens, 0 … tokens - 1, that the inputs may be; None where inputs are any numbers."""
        return None

    @property
    def takes_members(self) -> bool:
        """Whether `forward` and `pull_back` take arrays with a further, last axis of members."""
        return False

    @abc.abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Shape of one sample's output, from that of its input; raises ValueError where they do not fit."""

    def width(self, shape: Shape) -> int:
        """Numbers that the layer holds for one sample as it computes: by default its outputs."""
        return math.prod(self.output_shape(shape))

    def starts(self, shape: Shape) -> Starts | None:
        """What `init` draws for inputs of a shape: a pytree of `jfnn.layers.Draw`, by default empty.

        None where it cannot be said so, and `init` must be called.
        """
        return ()

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Starting parameters in public form, for inputs of a shape: by default drawn as `starts` says."""
        return from_key(self.starts(shape), key)

    def pack(self, params: Params) -> Params:
        """Public parameters -> parameters of the column form; leading axes stay."""
        return params

    def unpack(self, packed: Params) -> Params:
        """The inverse of `pack`."""
        return packed

    @abc.abstractmethod
    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """``a [*shape, batch]`` -> the outputs in column form, and residuals for `pull_back`."""

    @abc.abstractmethod
    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """The chain rule by hand: ``(∂C/∂parameters, ∂C/∂inputs)`` from ``d_out = ∂C/∂outputs``.

        ``residuals`` are those from `forward`.
        """

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """The layer in row form, ``a [n, *shape]``, on public parameters."""
        outputs, _ = self.forward(self.pack(params), jnp.moveaxis(a, 0, -1))
        return jnp.moveaxis(outputs, -1, 0)


def declared_starts(layer: LayerKind, shape: Shape) -> Starts | None:
    """`LayerKind.starts`; None where a subclass has an `init` of its own, of which they say nothing."""
    kinds = type(layer).__mro__
    first = next(kind for kind in kinds if not {"init", "starts"}.isdisjoint(vars(kind)))
    return layer.starts(shape) if "starts" in vars(first) else None
