"""Checks of labels, targets and sample weights given by users, before anything is compiled.

Under `jax.jit` only shapes and dtypes are checked.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.checks import (
    ArgumentError,
    ArgumentTypeError,
    as_array,
    check_numbers,
    check_values,
    is_concrete,
)

FOR_TWO_CLASSES = '; for two classes give it 2, or loss="sigmoid_cross_entropy"'
FOR_NUMBERS = '; for targets that are numbers give loss="quadratic"'


def as_targets(y: Any, shape: tuple[int, ...], loss: Any, dtype: object, argument: str = "y") -> Any:
    """Return targets ``[n, t]``, from labels or targets, for ``t k`` outputs; a JAX array remains one.

    Args:
        y: Integer labels ``[n]`` (one-hot encoded; with one output, 0 or 1 is the target itself), or float
            targets ``[n, t]`` (also ``[n]`` if there is one). For a regression loss, integers are targets as
            well.
        shape: ``(n, n_outputs)``: the required number of rows, and the outputs of the network.
        loss: The `jfnn.losses.Loss`, which may require distributions or values in a range.
        dtype: The float dtype of the result.
        argument: Name of the caller's argument, for errors.

    Raises:
        TypeError: Neither integers nor floats.
        ValueError: Lengths do not match, labels are out of range, or targets are not finite in the dtype or
            invalid for the loss.
    """
    if y is None:
        raise ArgumentTypeError(argument, "expected integer labels or float targets, got None")
    y = as_array(y, argument)
    xp = jnp if isinstance(y, jax.Array) else np
    n, n_outputs = shape
    if y.dtype.kind not in "iub" and not jnp.issubdtype(y.dtype, jnp.floating):
        words = y.dtype.kind in "US" or (y.dtype.hasobject and y.ndim == 1)
        cure = "; np.unique(y, return_inverse=True)[1] converts words to labels" if words else ""
        expected = "expected integer labels or float targets"
        raise ArgumentTypeError(argument, f"{expected}, got dtype {y.dtype}{cure}")
    if y.ndim not in (1, 2):
        raise ArgumentError(argument, f"expected [n] labels or [n, {n_outputs}] targets, got {list(y.shape)}")
    if y.shape[0] != n:
        raise ArgumentError(argument, f"expected {n} rows, like the inputs, got {y.shape[0]}")
    check_outputs(n_outputs, loss)
    if is_labels(y) and not loss.regression:
        classes = max(n_outputs, 2)
        if is_concrete(y):
            least = np.asarray(y).min()
            most = np.asarray(y).max()
            if least < 0 or most >= classes:
                expected = f"expected labels from 0 to {classes - 1} (the network has {n_outputs} outputs)"
                numbering = _numbering(np.asarray(y), classes)
                raise ArgumentError(argument, expected, got=f"{least} to {most}", cure=numbering)
        if n_outputs == 1:
            return y[:, None].astype(dtype)
        return (y[:, None] == xp.arange(n_outputs)).astype(dtype)
    y = _as_float_targets(y, n_outputs // loss.outputs_per_target, argument)
    check_values(y, argument, dtype)
    if is_concrete(y):
        _check_range(np.asarray(y), loss, argument)
    return y.astype(dtype)


def _numbering(labels: np.ndarray, classes: int) -> str | None:
    """Return how to number labels from 0, if they are as many as the classes or fewer."""
    distinct = np.unique(labels)
    if len(distinct) > classes:
        return f"{len(distinct)} classes need {len(distinct)} outputs" if distinct[0] == 0 else None
    if distinct[0] == 1 and distinct[-1] == classes:
        return "y - 1 numbers them from 0"
    return "np.unique(y, return_inverse=True)[1] numbers them from 0; call it before splitting the rows"


def check_outputs(n_outputs: int, loss: Any) -> None:
    """Raise ValueError if the network has too few outputs for a loss, or a part of a target's outputs."""
    if n_outputs < loss.min_outputs:
        needed = f"a softmax needs at least {loss.min_outputs} outputs"
        raise ArgumentError("loss", f"{needed}, the network has {n_outputs}{FOR_TWO_CLASSES}{FOR_NUMBERS}")
    if n_outputs % loss.outputs_per_target:
        needed = f"it takes {loss.outputs_per_target} outputs for each target"
        raise ArgumentError("loss", f"{needed}, but the network has {n_outputs} in total")


def is_labels(y: Any) -> bool:
    """Return whether ``y`` holds class labels, ``[n]`` integers, rather than targets."""
    return y.ndim == 1 and y.dtype.kind in "iub"


def _as_float_targets(y: Any, n_outputs: int, argument: str) -> Any:
    if y.ndim == 1:
        if n_outputs != 1:
            whole = is_concrete(y) and (np.asarray(y) == np.round(y)).all()
            cure = "; y.astype(int) gives labels" if whole else ""
            raise ArgumentError(
                argument,
                f"expected integer labels [n] or targets [n, {n_outputs}],"
                f" got {y.dtype} of shape {list(y.shape)}{cure}",
            )
        y = y[:, None]
    if y.shape[1] != n_outputs:
        expected = f"{n_outputs} columns, one per output of the network"
        cure = "; labels have the shape [n]" if y.shape[1] == 1 and y.dtype.kind in "iub" else ""
        raise ArgumentError(argument, f"expected {expected}, got {list(y.shape)}{cure}")
    return y


def _check_range(values: np.ndarray, loss: Any, argument: str) -> None:
    if loss.takes_logits and (values.min() < 0 or values.max() > 1):
        cure = "; (y > 0).astype(int) converts -1 and 1" if (np.abs(values) == 1).all() else FOR_NUMBERS
        got = f"{values.min()} to {values.max()}{cure}"
        raise ArgumentError(argument, f"a cross-entropy takes targets in [0, 1], got {got}")
    if values.min() < loss.least_target:
        raise ArgumentError(
            argument, f"expected numbers of at least {loss.least_target:g}, got {values.min():g}"
        )
    if loss.target_sum is not None:
        off = float(np.abs(values.sum(axis=1) - loss.target_sum).max())
        if off > 1e-3:
            total = f"rows that sum to {loss.target_sum:g}"
            whole = (values == np.round(values)).all()
            cure = "folds=jfnn.subsets.targets(y) takes a column of labels for each of several targets"
            got = f"one off by {off:g}"
            raise ArgumentError(argument, f"expected {total}", got=got, cure=cure if whole else None)


def as_weights(weights: Any, n: int) -> Any:
    """Return sample weights ``[n]``, finite and at least 0; or None.

    Raises:
        TypeError: Not numeric.
        ValueError: A wrong shape; or a weight that is NaN, infinite, negative or too large for JAX's floats.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        cure = 'sklearn.utils.class_weight.compute_sample_weight("balanced", y_train) returns balanced ones'
        raise ArgumentTypeError("weights", "expected a number for each row", got=repr(weights), cure=cure)
    weights = as_array(weights, "weights")
    check_numbers(weights, "weights")
    if weights.shape != (n,):
        raise ArgumentError("weights", f"expected one for each of {n} rows, got shape {list(weights.shape)}")
    check_values(weights, "weights")
    if is_concrete(weights) and np.asarray(weights).min() < 0:
        raise ArgumentError("weights", "expected numbers of at least 0")
    return weights
