"""Kinds of layers, a file each: shape rule, start, forward pass and pull-back by hand."""

from jfnn.layers.dense import Dense, Layer
from jfnn.layers.elman import Elman, ElmanCell
from jfnn.layers.gru import GRU, GRUCell
from jfnn.layers.initializers import INITIALIZERS, Initializer
from jfnn.layers.kind import LayerKind
from jfnn.layers.recurrent import Directions

# Every kind, by the name that descriptions of networks give it.
LAYERS: dict[str, type[LayerKind]] = {"dense": Dense, "elman": Elman, "gru": GRU}

__all__ = [
    "GRU",
    "INITIALIZERS",
    "LAYERS",
    "Dense",
    "Directions",
    "Elman",
    "ElmanCell",
    "GRUCell",
    "Initializer",
    "Layer",
    "LayerKind",
]
