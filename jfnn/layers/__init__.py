"""Layers: output shapes, initial parameters, forward passes, and backward passes derived by hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.layers.conv import Conv
from jfnn.layers.dense import Dense, Layer
from jfnn.layers.elman import Elman, ElmanCell
from jfnn.layers.embedding import Embedding
from jfnn.layers.flatten import Flatten
from jfnn.layers.gru import GRU, GRUCell
from jfnn.layers.initializers import INITIALIZERS, Initializer
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.layer_norm import Gain, LayerNorm
from jfnn.layers.lstm import LSTM, LSTMCell
from jfnn.layers.pool import MaxPool, MeanPool
from jfnn.layers.recurrent import Directions
from jfnn.layers.residual import Residual
from jfnn.layers.scaled import Scaled
from jfnn.layers.starts import Draw, from_key, within
from jfnn.layers.wrapped import Frozen
from jfnn.params import Constant, Params

#: Name in descriptions of networks -> class of the layer.
LAYERS: Mapping[str, type[LayerKind]] = MappingProxyType(
    {
        "conv": Conv,
        "dense": Dense,
        "elman": Elman,
        "embedding": Embedding,
        "flatten": Flatten,
        "frozen": Frozen,
        "gru": GRU,
        "layer_norm": LayerNorm,
        "lstm": LSTM,
        "max_pool": MaxPool,
        "mean_pool": MeanPool,
        "residual": Residual,
        "scaled": Scaled,
    }
)

__all__ = [
    "GRU",
    "INITIALIZERS",
    "LAYERS",
    "LSTM",
    "Constant",
    "Conv",
    "Dense",
    "Directions",
    "Draw",
    "Elman",
    "ElmanCell",
    "Embedding",
    "Flatten",
    "Frozen",
    "GRUCell",
    "Gain",
    "Initializer",
    "LSTMCell",
    "Layer",
    "LayerKind",
    "LayerNorm",
    "MaxPool",
    "MeanPool",
    "Params",
    "Residual",
    "Scaled",
    "Shape",
    "from_key",
    "within",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
