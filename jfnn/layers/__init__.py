"""Kinds of layers, a file each: shape rule, start, forward pass and pull-back by hand."""

from jfnn.layers.conv import Conv
from jfnn.layers.dense import Dense, Layer
from jfnn.layers.elman import Elman, ElmanCell
from jfnn.layers.flatten import Flatten
from jfnn.layers.gru import GRU, GRUCell
from jfnn.layers.initializers import INITIALIZERS, Initializer
from jfnn.layers.kind import LayerKind, Params
from jfnn.layers.pool import MaxPool, MeanPool
from jfnn.layers.recurrent import Directions
from jfnn.layers.residual import Residual
from jfnn.layers.scaled import Scaled

# Every kind, by the name that descriptions of networks give it.
LAYERS: dict[str, type[LayerKind]] = {
    "conv": Conv,
    "dense": Dense,
    "elman": Elman,
    "flatten": Flatten,
    "gru": GRU,
    "max_pool": MaxPool,
    "mean_pool": MeanPool,
    "residual": Residual,
    "scaled": Scaled,
}

__all__ = [
    "GRU",
    "INITIALIZERS",
    "LAYERS",
    "Conv",
    "Dense",
    "Directions",
    "Elman",
    "ElmanCell",
    "Flatten",
    "GRUCell",
    "Initializer",
    "Layer",
    "LayerKind",
    "MaxPool",
    "MeanPool",
    "Params",
    "Residual",
    "Scaled",
]
