"""A layer that starts or learns on another scale: what parametrisations by width are made of."""

import dataclasses
from typing import Any

import jax

from jfnn import checks
from jfnn.checks import ArgumentTypeError
from jfnn.layers.kind import LayerKind, Params, Shape


@dataclasses.dataclass(frozen=True)
class Scaled(LayerKind):
    """A layer whose starting weights are multiplied by a factor, and its learning rates by others.

    Its outputs for given parameters are those of the layer. `jfnn.supervised` multiplies the updates that its
    optimizer gives by the rates, so that those of any optimizer are ``rate`` times as large.

    Attributes:
        layer: The layer.
        start: What its starting weights, of two axes or more, are multiplied by.
        rate: What the learning rate of its weights is multiplied by; 0 keeps them as they start.
        bias_rate: The same of its vectors.
    """

    layer: LayerKind
    start: float = 1.0
    rate: float = 1.0
    bias_rate: float = 1.0

    def __post_init__(self) -> None:
        """Refuses what is no layer, and factors that are no finite numbers of at least 0."""
        if not isinstance(self.layer, LayerKind):
            raise ArgumentTypeError(
                "layer", f"expected a layer of jfnn.layers, got {checks.shown(self.layer)}"
            )
        for name in ("start", "rate", "bias_rate"):
            object.__setattr__(self, name, checks.as_number(getattr(self, name), name))

    @property
    def activation(self) -> Any:
        """That of the layer; "identity" if it has none."""
        return getattr(self.layer, "activation", "identity")

    @property
    def droppable(self) -> bool:  # type: ignore[override]
        """Whether dropout may zero the layer's outputs."""
        return self.layer.droppable

    def output_shape(self, shape: Shape) -> Shape:
        """That of the layer."""
        return self.layer.output_shape(shape)

    def width(self, shape: Shape) -> int:
        """That of the layer."""
        return self.layer.width(shape)

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """The layer's, weights multiplied by ``start``."""
        params = self.layer.init(key, shape)
        return jax.tree.map(lambda leaf: self.start * leaf if leaf.ndim > 1 else leaf, params)

    def rates(self, params: Params) -> Params:
        """The layer's, multiplied by ``rate`` and ``bias_rate``."""
        return jax.tree.map(
            lambda leaf, rate: rate * (self.rate if leaf.ndim > 1 else self.bias_rate),
            params,
            self.layer.rates(params),
        )

    def pack(self, params: Params) -> Params:
        """The layer's."""
        return self.layer.pack(params)

    def unpack(self, packed: Params) -> Params:
        """The layer's."""
        return self.layer.unpack(packed)

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """The layer's."""
        return self.layer.apply(params, a)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Any]:
        """The layer's."""
        return self.layer.forward(packed, a)

    def pull_back(self, packed: Params, kept: Any, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """The layer's."""
        return self.layer.pull_back(packed, kept, d_out)
