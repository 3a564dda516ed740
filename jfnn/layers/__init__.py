"""Kinds of layers, a file each: shape rule, start, forward pass and pull-back by hand."""

from jfnn.layers.dense import Dense, Layer
from jfnn.layers.initializers import INITIALIZERS, Initializer
from jfnn.layers.kind import LayerKind

# Every kind, by the name that descriptions of networks give it.
LAYERS: dict[str, type[LayerKind]] = {"dense": Dense}

__all__ = ["INITIALIZERS", "LAYERS", "Dense", "Initializer", "Layer", "LayerKind"]
