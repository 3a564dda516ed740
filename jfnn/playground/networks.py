"""Describe networks as plain data for JavaScript: their layers in order, and the offsets of their weights.

``forward.js`` in this folder evaluates a network from its description and a member's flat vector. It has a
function for each kind of layer in `jfnn.layers.LAYERS`, by the same name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.tree_util import GetAttrKey

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.identity.naming import describe_layer
from jfnn.layers import LAYERS, Constant, LayerKind, Params, Residual, Shape
from jfnn.layers.sequence import shapes
from jfnn.layers.windows import Sliding
from jfnn.layers.wrapped import Wrapped
from jfnn.losses import LOSSES, Loss
from jfnn.network import Network, check_output, is_custom_apply
from jfnn.params import key_shape
from jfnn.targets import check_outputs

__all__ = ["described", "flatten"]
__dir__ = __all__.copy

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
    """Describe a network from `jfnn.sequential` as JSON-compatible data for ``forward.js``.

    Args:
        network: The network.
        loss: The loss it was trained with, which determines what its outputs mean.

    Returns:
        A mapping with

        * "shape" of one row of inputs, and "tokens", the vocabulary size, or None for numeric inputs;
        * "layers": for each layer its "kind", the "shape" of its outputs for one row, and its fields, such as
          the name of its "activation". "weights" has for each array, by name, its
          "shape" and the "offset" of its first number in the vector of `flatten`, in C order. A `Scaled` or
          `Frozen` layer is replaced by its inner layer;
        * "parameters", the length of that vector;
        * "answers", how outputs are converted, by "kind": "softmax" and "sigmoid" give the probabilities of
          `jfnn.predict_proba`; "numbers" gives the predictions of `jfnn.predict` with the task "regression",
          using one of the "links" for each output of a target: "identity", "exp", or "exp_half" for
          ``e^{z/2}``. With a quadratic loss, these numbers also determine the classes.

    Raises:
        ValueError, TypeError: A network with custom functions; a kind of layer, an activation, probabilities
            or a link from outside this package; outputs with several axes; a loss that does not fit the
            network.
    """
    checks.check_instance(network, Network, "network")
    loss = losses.get(loss)
    layers = network.layers
    shape = network.input_shape
    if layers is None or shape is None or is_custom_apply(network):
        raise ArgumentError(
            "network",
            "expected a network from jfnn.sequential, since Python functions do not run in a browser",
            got=repr(network),
            cure="build it from layers of jfnn.layers",
        )
    check_output(network, loss)
    outputs = shapes(layers, shape)[-1]
    if len(outputs) != 1:
        raise ArgumentError(
            "network",
            "expected one axis of outputs",
            got=f"outputs of shape {outputs} of one row",
            cure="add jfnn.layers.Flatten() after its last layer",
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


def flatten(network: Network, params: Params) -> np.ndarray:
    """Return members' parameters as float32 vectors ``[…, parameters]``, in the order of `described`.

    float64 numbers are rounded, to infinity beyond the range of float32; NaN is kept.

    Args:
        network: A network accepted by `described`.
        params: Parameters in public form. All arrays have the same leading axes: none for one member, and
            those of ``result.params`` for a sweep.

    Raises:
        ValueError, TypeError: Not arrays of floats in the structure of the network's parameters, other
            shapes, or leading axes that differ.
    """
    expected = jax.eval_shape(network.init, key_shape())
    params = checks.as_arrays(params, expected, "params", "result.params")
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    wanted = [leaf.shape for leaf in jax.tree.leaves(expected)]
    members = arrays[0].shape[: arrays[0].ndim - len(wanted[0])] if wanted else ()
    for array, shape in zip(arrays, wanted, strict=True):
        if array.shape != (*members, *shape) or array.dtype.kind != "f":
            raise ArgumentError(
                "params",
                f"expected floats {[*members, *shape]}: the axes of members, then the network's shape",
                got=f"{array.dtype} {list(array.shape)}",
            )
    parts = [array.reshape(*members, math.prod(shape)) for array, shape in zip(arrays, wanted, strict=True)]
    with np.errstate(over="ignore"):
        rounded = [part.astype(np.float32) for part in parts]
    return np.concatenate([np.empty((*members, 0), np.float32), *rounded], axis=-1)


def _answers(loss: Loss) -> Json:
    if loss.probabilities is None:
        links = [_name(link, LINKS, "inverse link") for link in loss.inverse_links]
        return {"kind": "numbers", "links": links}
    return {"kind": _name(loss.probabilities, PROBABILITIES, "probability")}


def _name(function: object, known: Mapping[str, object], what: str) -> str:
    for name, other in known.items():
        if function == other:
            return name
    raise ArgumentError(
        "loss",
        f"the {what} function is custom, and Python functions do not run in a browser",
        cure="use a loss from jfnn.losses.LOSSES",
    )


def _places(network: Network) -> tuple[Any, int]:
    """Return the parameters with offset and shape instead of each array, and their total number."""
    arrays, structure = jax.tree.flatten(jax.eval_shape(network.init, key_shape()))
    places = []
    size = 0
    for array in arrays:
        places.append({"offset": size, "shape": list(array.shape)})
        size += math.prod(array.shape)
    return jax.tree.unflatten(structure, places), size


def _sequence(layers: Sequence[LayerKind], shape: Shape, places: Sequence[Any]) -> list[Json]:
    sizes = shapes(layers, shape)
    parts = zip(layers, sizes, sizes[1:], places, strict=False)
    return [{"shape": list(out), **_fields(layer, into, place)} for layer, into, out, place in parts]


def _fields(layer: LayerKind, shape: Shape, places: Any) -> Json:
    """Return the description of a layer; a wrapper is described by its inner layer."""
    if type(layer) not in LAYERS.values():
        expected = f"{checks.as_text(layer)} is of a kind that does not run in a browser"
        raise ArgumentError("network", expected, cure=f"use one of {', '.join(LAYERS)}")
    if isinstance(layer, Wrapped):
        return _fields(layer.layer, shape, places.value if isinstance(places, Constant) else places)
    if isinstance(layer, Residual):
        return describe_layer(layer) | {"layers": _sequence(layer.layers, shape, places)}
    described_layer = describe_layer(layer)
    if described_layer.get("activation") == "custom":
        raise ArgumentError(
            "network",
            f"{checks.as_text(layer)} has a custom activation, and Python functions do not run in a browser",
            cure="use the name of an activation in jfnn.activations.ACTIVATIONS",
        )
    if isinstance(layer, Sliding):
        windows = layer.windows(shape)._asdict()
        described_layer["windows"] = {name: list(lengths) for name, lengths in windows.items()}
    return described_layer | {"weights": _by_name(places)}


def _by_name(places: Any) -> dict[str, Json]:
    """Return the places of a layer's arrays: "w_x", or "w_x_forward" of a direction; "w" without a name."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(places, is_leaf=lambda node: isinstance(node, dict))
    paths = [[key.name for key in path if isinstance(key, GetAttrKey)] for path, _ in leaves]
    return {"_".join(reversed(path)) or "w": place for path, (_, place) in zip(paths, leaves, strict=True)}
