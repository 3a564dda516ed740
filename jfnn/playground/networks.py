"""Networks as plain data for JavaScript: their layers in order, and where each array of weights lies.

``forward.js`` beside this file computes a network from its description and the flat vector of a member. A
kind of layer has a line in `KINDS` here and a function of the same name in ``LAYERS`` there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from jfnn import losses
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.layers import (
    GRU,
    LAYERS,
    LSTM,
    Conv,
    Dense,
    Elman,
    Embedding,
    Flatten,
    Frozen,
    LayerKind,
    LayerNorm,
    MaxPool,
    MeanPool,
    Params,
    Residual,
    Scaled,
    Shape,
)
from jfnn.layers.sequence import shapes
from jfnn.losses import LOSSES, Loss
from jfnn.network import Network, check_output, is_custom_apply
from jfnn.params import key_shape
from jfnn.targets import check_outputs

__all__ = ["KINDS", "described", "flattened"]
__dir__ = __all__.copy

# ``(layer, shape of its inputs, places) -> what its function reads``. The places are the layer's parameters
# with offset and shape instead of each array.
Describe = Callable[[Any, Shape, Any], Json]

PROBABILITIES = {
    "softmax": LOSSES["cross_entropy"].probabilities,
    "sigmoid": LOSSES["sigmoid_cross_entropy"].probabilities,
}
LINKS = {
    "identity": None,
    "exp": LOSSES["poisson"].inverse_links[0],
    "exp_half": LOSSES["gaussian"].inverse_links[1],
}


def described(network: Network, loss: str | Loss = "cross_entropy") -> Json:
    """A network of `jfnn.sequential` as data that JSON can hold, for ``forward.js``.

    Args:
        network: The network.
        loss: The loss it was trained with, which says what its outputs stand for.

    Returns:
        A mapping with

        * "shape" of one row of inputs, and "tokens", the number of different tokens or None where inputs are
          numbers;
        * "layers": of each its "kind", the "shape" of its outputs for one row, and the fields that the
          function of its kind reads, such as the name of its "activation". "weights" has for each of its
          arrays, by name, its "shape" and the "offset" of its first number in the vector of `flattened`,
          where its last axis runs fastest. A layer in a `Scaled` or `Frozen` one stands for it;
        * "parameters", the length of that vector;
        * "answers", what outputs become, by "kind": "softmax" and "sigmoid" give the probabilities of
          `jfnn.predict_proba`; "numbers" those of `jfnn.predict` with the task "regression", by one of the
          "links" for each output of a target: "identity", "exp", or "exp_half" for ``e^{z/2}``. By these
          numbers classes are decided, too, where the loss is quadratic.

    Raises:
        ValueError, TypeError: A network of custom functions; a kind of layer, an activation, probabilities or
            a link that are not of this package; outputs of several axes; a loss that does not fit the
            network.
    """
    checks.check_instance(network, Network, "network")
    loss = losses.get(loss)
    layers = network.layers
    shape = network.input_shape
    if layers is None or shape is None or is_custom_apply(network):
        raise ArgumentError(
            "network",
            "expected one of jfnn.sequential, since functions of Python do not run in a browser",
            got=repr(network),
            cure="put it together of layers of jfnn.layers",
        )
    check_output(network, loss)
    outputs = shapes(layers, shape)[-1]
    if len(outputs) != 1:
        raise ArgumentError(
            "network",
            "expected one axis of outputs",
            got=f"outputs of shape {outputs} of one row",
            cure="put jfnn.layers.Flatten() behind its last layer",
        )
    check_outputs(outputs[0], loss)
    answers = _answers(loss)
    places, size = _places(network)
    return {
        "shape": list(shape),
        "tokens": layers[0].tokens,
        "layers": _sequence(layers, shape, places),
        "parameters": size,
        "answers": answers,
    }


def flattened(network: Network, params: Params) -> np.ndarray:
    """Parameters of members as vectors ``[…, parameters]`` of float32, in the order of `described`.

    Numbers of float64 are rounded to float32, those beyond its range to infinity; NaN stays.

    Args:
        network: A network that `described` takes.
        params: Parameters in public form, every array with the same leading axes: of one member none, of a
            sweep those of ``result.params``.

    Raises:
        ValueError, TypeError: Other than arrays of floats in the structure of the network's parameters, other
            shapes, or leading axes that differ.
    """
    expected = jax.eval_shape(network.init, key_shape())
    params = checks.as_arrays(params, expected, "params", "result.params")
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    own = [leaf.shape for leaf in jax.tree.leaves(expected)]
    members = arrays[0].shape[: arrays[0].ndim - len(own[0])] if own else ()
    for array, shape in zip(arrays, own, strict=True):
        if array.shape != (*members, *shape) or array.dtype.kind != "f":
            raise ArgumentError(
                "params",
                f"expected floats {[*members, *shape]}, as the network has behind the axes of members",
                got=f"{array.dtype} {list(array.shape)}",
            )
    parts = [array.reshape(*members, math.prod(shape)) for array, shape in zip(arrays, own, strict=True)]
    with np.errstate(over="ignore"):
        rounded = [part.astype(np.float32) for part in parts]
    return np.concatenate([np.empty((*members, 0), np.float32), *rounded], axis=-1)


def _answers(loss: Loss) -> Json:
    """What outputs become by a loss."""
    if loss.probabilities is None:
        links = [_name(link, LINKS, "an inverse link") for link in loss.inverse_links]
        return {"kind": "numbers", "links": links}
    return {"kind": _name(loss.probabilities, PROBABILITIES, "probabilities")}


def _name(function: object, known: Mapping[str, object], what: str) -> str:
    """The name of a function of the package."""
    for name, other in known.items():
        if function == other:
            return name
    raise ArgumentError(
        "loss",
        f"it has {what} of its own, and functions of Python do not run in a browser",
        cure="take a loss of jfnn.losses.LOSSES",
    )


def _places(network: Network) -> tuple[Any, int]:
    """The network's parameters with offset and shape instead of each array, and the number of all."""
    arrays, structure = jax.tree.flatten(jax.eval_shape(network.init, key_shape()))
    places = []
    size = 0
    for array in arrays:
        places.append({"offset": size, "shape": list(array.shape)})
        size += math.prod(array.shape)
    return jax.tree.unflatten(structure, places), size


def _sequence(layers: Sequence[LayerKind], shape: Shape, places: Sequence[Any]) -> list[Json]:
    """Descriptions of layers, one behind the other, for inputs of a shape."""
    sizes = shapes(layers, shape)
    parts = zip(layers, sizes, sizes[1:], places, strict=False)
    return [{"shape": list(out), **_fields(layer, into, place)} for layer, into, out, place in parts]


def _fields(layer: LayerKind, shape: Shape, places: Any) -> Json:
    """What is particular to a layer; one around another one says what that is."""
    if type(layer) not in KINDS:
        expected = f"{checks.shown(layer)} is of a kind that does not run in a browser"
        raise ArgumentError("network", expected, cure=f"take one of {', '.join(LAYERS)}")
    if isinstance(getattr(layer, "activation", "identity"), Activation):
        raise ArgumentError(
            "network",
            f"the activation of {checks.shown(layer)} is its own, and functions do not run in a browser",
            cure="take one of jfnn.activations.ACTIVATIONS by its name",
        )
    return {"kind": NAMES[type(layer)], **KINDS[type(layer)](layer, shape, places)}


def _recurrent(layer: Elman | GRU | LSTM, shape: Shape, places: Any) -> Json:
    """The arrays of a cell, those of a backward direction with "_backward" behind their names."""
    fields = {name: getattr(layer, name) for name in ("units", "bidirectional", "states", "padded")}
    cells = places if layer.bidirectional else (places,)
    weights = {
        name + ending: place
        for cell, ending in zip(cells, ("", "_backward"), strict=False)
        for name, place in cell._asdict().items()
    }
    return {**fields, "weights": weights}


def _windows(layer: Conv | MaxPool | MeanPool, shape: Shape) -> Json:
    """The windows that a layer covers on inputs of a shape, each field with an entry for each axis."""
    windows = layer.windows(shape)
    return {name: list(lengths) for name, lengths in windows._asdict().items()}


#: Kind of layer -> what its function in ``forward.js`` reads, besides the shape of its outputs.
KINDS: Mapping[type[LayerKind], Describe] = MappingProxyType(
    {
        Conv: lambda layer, shape, places: {
            "activation": layer.activation,
            "windows": _windows(layer, shape),
            "weights": places._asdict(),  # ``w [channels, c_in, *kernel]`` and ``b [channels]``
        },
        Dense: lambda layer, shape, places: {
            "activation": layer.activation,
            "weights": dict(zip(("w", "b"), places, strict=False)),  # some layers have no biases
        },
        Elman: lambda layer, *rest: {"activation": layer.activation, **_recurrent(layer, *rest)},
        Embedding: lambda layer, shape, places: {"padding": layer.padding, "weights": {"w": places}},
        Flatten: lambda layer, shape, places: {},
        Frozen: lambda layer, shape, places: _fields(layer.layer, shape, places.value),
        GRU: _recurrent,
        LayerNorm: lambda layer, shape, places: {"epsilon": layer.epsilon, "weights": places._asdict()},
        LSTM: _recurrent,
        MaxPool: lambda layer, shape, places: {"windows": _windows(layer, shape)},
        MeanPool: lambda layer, shape, places: {"windows": _windows(layer, shape)},
        Residual: lambda layer, shape, places: {"layers": _sequence(layer.layers, shape, places)},
        Scaled: lambda layer, shape, places: _fields(layer.layer, shape, places),
    }
)
NAMES = {kind: name for name, kind in LAYERS.items()}
