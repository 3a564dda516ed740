"""Inputs and targets of a split, checked against a network; test rows come after training rows."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.packages import adapter_of
from jfnn.arguments.types import Tree
from jfnn.identity.naming import describe_loss, describe_network, is_registered_network
from jfnn.layers import LAYERS
from jfnn.layers.kind import Shape
from jfnn.learners.custom_parts import check_layers, check_loss
from jfnn.learners.data import Data, check_in_dtype, is_mapped, row_weights
from jfnn.learners.shapes import EXAMPLES, describe_shapes, eval_shape, example_shapes
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, check_applied, check_output, is_custom_apply
from jfnn.params import Params, key_shape
from jfnn.split import Split
from jfnn.targets import as_targets, is_labels
from jfnn.training import GRADIENT_NAMES


def as_data(network: Network, loss: Loss, split: Split, by_hand: bool) -> Data:
    """Return rows ``(x [n, …], targets [n, t])``; if ``by_hand``, check custom hand-written derivatives, too.

    Raises:
        ValueError, TypeError: The split, the network or the loss is invalid, or they do not fit together.
    """
    x_train = as_inputs(network, split.x_train, "x_train")
    is_float = jnp.issubdtype(x_train.dtype, jnp.floating)
    x_dtype = checks.float_dtype(x_train) if is_float else x_train.dtype
    if network.layers is not None and not is_registered_network(network):
        check_layers(network.layers, x_train.shape[1:], x_dtype, by_hand)
    outputs = _outputs(network, x_train.shape[1:], x_dtype, jax.config.read("jax_enable_x64"))
    # If inputs are whole numbers, the network's outputs determine the dtype of the arithmetic.
    dtype = x_dtype if is_float else checks.float_dtype(outputs)
    check_numbers_in_dtype(network, loss, dtype)
    n_outputs = outputs.shape[-1]

    def rows(x: np.ndarray, y: object, part: str) -> tuple[np.ndarray, np.ndarray]:
        targets = as_targets(y, (len(x), n_outputs), loss, dtype, f"y_{part}")
        return checks.as_dtype(x, x_dtype, f"x_{part}"), checks.as_dtype(targets, dtype, f"y_{part}")

    parts = [rows(x_train, split.y_train, "train")]
    if split.x_test is not None:
        x_test = as_inputs(network, split.x_test, "x_test", x_train.shape[1:])
        if split.y_test is None:
            raise ArgumentError("y_test", "expected targets for x_test, got None")
        parts.append(rows(x_test, split.y_test, "test"))
    elif split.y_test is not None:
        raise ArgumentError("x_test", "expected inputs for y_test, got None")
    x, targets = (_concatenate(arrays) for arrays in zip(*parts, strict=True))
    if describe_loss(loss) == "custom":
        check_loss(loss, n_outputs, targets.shape[1], dtype, by_hand)
    labels = np.asarray(split.y_train)
    weights = row_weights(split.weights, len(x_train), len(x), dtype)
    stratified = labels if labels.ndim == 1 and are_classes(targets, loss, labels) else None
    return Data((x, targets), len(x_train), weights, stratified)


def _concatenate(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenate rows into a new array; a single memory-mapped array is returned as it is."""
    return arrays[0] if len(arrays) == 1 and is_mapped(arrays[0]) else np.concatenate(arrays)


def are_classes(targets: np.ndarray, loss: Loss, labels: np.ndarray | None = None) -> bool:
    """Return whether targets are labels, or probabilities of mutually exclusive classes."""
    if loss.regression:
        return False
    if labels is not None and is_labels(labels):
        return True
    return loss.takes_logits and (targets.shape[1] == 1 or _sum_to_one(targets))


def are_multilabel(targets: np.ndarray, loss: Loss) -> bool:
    """Return whether there are several outputs, each with its own label.

    If the loss has no probabilities, targets are labels only if all are 0 or 1.
    """
    decided = loss.takes_logits or bool(np.isin(targets, (0, 1)).all())
    return decided and not loss.regression and targets.shape[1] > 1 and not _sum_to_one(targets)


def _sum_to_one(targets: np.ndarray) -> bool:
    return np.allclose(targets.sum(axis=1), 1, atol=1e-3)


def _outputs(network: Network, shape: Shape, dtype: np.dtype, x64: bool) -> jax.ShapeDtypeStruct:
    """Return the shape and dtype of a network's outputs; cached if all its functions are registered."""
    outputs = _cached_outputs if is_registered_network(network) else _traced_outputs
    return outputs(network, shape, dtype, x64)


def _traced_outputs(network: Network, shape: Shape, dtype: np.dtype, x64: bool) -> jax.ShapeDtypeStruct:
    """Try the network on shapes; ``x64`` is only a cache key."""
    params = eval_shape("network", network.init, key_shape(), name="init", rows=None)
    outputs = None
    for n in (EXAMPLES,) if network.layers else (1, EXAMPLES):
        width = None if outputs is None else outputs.shape[1]
        x = jax.ShapeDtypeStruct((n, *shape), dtype)
        outputs = eval_shape("network", network.apply, params, x, name="apply", rows=n)
        check_applied(outputs, n, width, describe_shapes)
    assert outputs is not None
    return jax.ShapeDtypeStruct(outputs.shape, outputs.dtype)


_cached_outputs = functools.lru_cache(maxsize=64)(_traced_outputs)


def check_network(network: object, loss: Loss, gradient: str | Callable[..., object]) -> None:
    """Check a network, and that a loss and a gradient fit it.

    Raises:
        ValueError, TypeError: The message names the argument.
    """
    if not isinstance(network, Network) or not callable(network.init) or not callable(network.apply):
        expected = "expected a jfnn.Network(init, apply) of two functions, such as jfnn.mlp returns"
        got = f"{checks.as_text(network)}{adapter_of(network)}"
        raise ArgumentTypeError("network", f"{expected}, got {got}")
    if network.layers is not None and is_custom_apply(network):
        raise ArgumentError("network", "expected its layers' apply; for a custom apply, leave layers out")
    check_output(network, loss)
    if not callable(gradient):
        checks.as_choice(gradient, "gradient", GRADIENT_NAMES)
    if network.layers is None and gradient == "backprop":
        raise ArgumentError("gradient", "'backprop' needs a network of jfnn.layers; use 'autodiff'")


def check_gradient(gradient: Callable[..., Tree], params: Params, data: Data) -> None:
    """Try a gradient function on the shapes of a few rows.

    Raises:
        ValueError: It fails, or does not return a scalar and gradients of the parameters' shapes.
    """
    rows, number = example_shapes(data.rows, data.dtype)
    result = eval_shape("gradient", lambda p, rows, l2: gradient(p, *rows, l2=l2), params, rows, number)
    expected = (jax.ShapeDtypeStruct((), data.dtype), params)
    shapes, expected = jax.tree.map(lambda leaf: leaf.shape, (result, expected))
    if shapes != expected:
        raise ArgumentError("gradient", f"expected a scalar and gradients, {expected}, got {shapes}")


def check_numbers_in_dtype(network: Network, loss: Loss, dtype: np.dtype) -> None:
    """Raise ArgumentError for a number in the loss or a layer that becomes 0 or infinite in a dtype.

    The user's own functions and layers are not checked.
    """
    for argument, description in (("loss", describe_loss(loss)), ("network", describe_network(network))):
        for name, number in _numbers(description, ""):
            with checks.item_of(argument):
                check_in_dtype(np.array([number]), name, dtype)


def _numbers(description: object, name: str) -> Iterator[tuple[str, float]]:
    """Yield the name and value of each float in a description, except in custom layers."""
    if isinstance(description, float):
        yield name, description
    elif isinstance(description, list):
        for value in description:
            yield from _numbers(value, name)
    elif isinstance(description, Mapping):
        kind = description.get("kind", name)
        if "parameters" in description:
            yield from _numbers(description["parameters"], kind)
        elif kind in LAYERS or not name:
            for field, value in description.items():
                yield from _numbers(value, f"{kind} {field}".strip())
