"""Checks of custom layers and losses on shapes and dtypes, before anything is compiled."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import takes
from jfnn.arguments.types import Tree
from jfnn.layers import Residual, sequence
from jfnn.layers.kind import LayerKind, Shape
from jfnn.learners.shapes import EXAMPLES, eval_shape, trained_shapes
from jfnn.losses import Loss
from jfnn.params import Params, key_shape, without_constants


def check_layers(
    layers: Sequence[LayerKind], shape: Shape, dtype: np.dtype, by_hand: bool, within: str = ""
) -> None:
    """Try the methods of each layer on inputs of a dtype, with samples of a shape.

    If ``by_hand``, the pull-back is tried too. Errors append ``within`` to the name of a layer that is inside
    another one.

    Raises:
        ValueError: A method fails, or returns other shapes or dtypes; the message names it and the layer.
    """
    sizes = sequence.shapes(layers, shape)
    for i, layer in enumerate(layers):
        name = f"{sequence.name(layers, i)}{within}"
        if isinstance(layer, Residual):
            check_layers(layer.layers, sizes[i], dtype, by_hand, f" in {name}")
        dtype = _check_layer(layer, name, sizes[i], sizes[i + 1], dtype, by_hand)


def _check_layer(
    layer: LayerKind, name: str, shape: Shape, shape_after: Shape, dtype: np.dtype, by_hand: bool
) -> np.dtype:
    """Check one layer as `check_layers` does, and return the dtype of its outputs."""

    def init(key: jax.Array) -> Params:
        return layer.pack(layer.init(key, shape))

    def forward(packed: Params, a: jax.Array) -> Tree:
        given: Tree = layer.forward(packed, a)
        outputs = given[:1] if isinstance(given, tuple) and len(given) == 2 else given
        floats = jnp.result_type(*jax.tree.leaves(outputs)[:1], 1.0)
        expected = jax.ShapeDtypeStruct((*shape_after, EXAMPLES), floats)
        _check_like(outputs, (expected,), "(outputs, residuals), with outputs")
        return given[0]

    def pull_back(packed: Params, a: jax.Array, d_out: jax.Array) -> None:
        # Runs forward as well: residuals may hold objects other than arrays, which cannot leave a trace.
        given = layer.pull_back(packed, layer.forward(packed, a)[1], d_out)
        if jnp.issubdtype(a.dtype, jnp.floating):  # tokens have no derivative
            expected = without_constants((packed, a))
            _check_like(without_constants(given), expected, "(∂C/∂parameters, ∂C/∂inputs)")

    packed = eval_shape("network", init, key_shape(), name=f"init of {name}", rows=None)
    a = jax.ShapeDtypeStruct((*shape, EXAMPLES), dtype)
    if jnp.issubdtype(dtype, jnp.floating):
        packed = trained_shapes("network", packed, dtype)
    if type(layer).init is LayerKind.init:
        name += ", a kind without init,"
    outputs = eval_shape("network", forward, packed, a, name=f"forward of {name}")
    if by_hand:
        eval_shape("network", pull_back, packed, a, outputs, name=f"pull_back of {name}")
    dtype = outputs.dtype
    return dtype


def _check_like(given: Tree, expected: Tree, what: str) -> None:
    """Raise ValueError unless two pytrees agree in structure, shapes and dtypes."""
    trees = [
        jax.tree.map(lambda leaf: f"{jnp.result_type(leaf)} {list(jnp.shape(leaf))}", tree)
        for tree in (given, expected)
    ]
    if jax.tree.flatten(trees[0]) != jax.tree.flatten(trees[1]):
        got, words = (str(tree).replace("'", "") for tree in trees)
        raise ValueError(f"expected {what} {words}, got {got}")


def check_loss(loss: Loss, outputs: int, targets: int, dtype: np.dtype, by_hand: bool) -> None:
    """Try a loss, and if ``by_hand`` its derivative, with these numbers of outputs and targets per row.

    Raises:
        ValueError, TypeError: A function of the loss takes no ``axis``, fails, or returns a wrong shape.
    """
    a, t = (jax.ShapeDtypeStruct((size, EXAMPLES), dtype) for size in (outputs, targets))
    functions = {"cost": (loss.cost, (EXAMPLES,), "one number per row, summed over axis,")}
    functions |= {"derivative": (loss.derivative, a.shape, "∂C/∂a, shaped like a,")} if by_hand else {}
    for name, (function, shape, expected) in functions.items():
        if not callable(function) or not takes(function, "axis"):
            reason = f"expected {name} to be a function of (a, t, axis), got {checks.as_text(function)}"
            raise ArgumentTypeError("loss", reason)
        given = eval_shape("loss", lambda a, t, f=function: f(a, t, axis=0), a, t, name=name)
        if jnp.shape(given) != shape:
            got = f"{list(jnp.shape(given))} for a {list(a.shape)} with axis=0"
            raise ArgumentError("loss", f"expected {name} to return {expected} {list(shape)}, got {got}")
