"""What users hand in, checked before anything is compiled; under `jax.jit` shapes and dtypes alone."""

import numbers
from collections.abc import Collection, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_concrete(array: Any) -> bool:
    """Whether the values of an array can be looked at (it is not being traced)."""
    return not isinstance(array, jax.core.Tracer)


def as_array(value: Any, argument: str) -> Any:
    """Anything array-like as a native array, of doubles at most; a JAX array stays one.

    Raises:
        TypeError: Complex numbers.
        ValueError: A ragged sequence, or an array with masked entries.
    """
    if isinstance(value, jax.Array):
        array: Any = value
    else:
        if np.ma.is_masked(value):
            raise ValueError(f"{argument}: expected plain numbers, got an array with masked entries")
        try:
            array = np.asarray(value)
        except ValueError:
            raise ValueError(f"{argument}: expected an array, got sequences of different lengths") from None
        array = array.astype("=f8" if array.dtype.char == "g" else array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "c":
        raise TypeError(f"{argument}: expected real numbers, got dtype {array.dtype}")
    return array


def as_inputs(x: Any, argument: str = "x", shape: tuple[int, ...] | None = None) -> Any:
    """Inputs as a float array ``[n, …]``; a JAX array stays one.

    Args:
        x: Anything array-like with at least two axes, at least one row, finite.
        argument: The caller's argument, named in errors.
        shape: The shape that each row must have, or None for any.

    Raises:
        TypeError: Not numeric.
        ValueError: Wrong number of axes, no rows, rows of another shape, NaN or infinity.
    """
    x = as_array(x, argument)
    if x.dtype.kind in "iub":
        x = x.astype(np.float32 if x.dtype.itemsize < 4 else np.float64)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected numbers, got dtype {x.dtype}")
    axes = ("n", *(("features",) if shape is None else map(str, shape)))
    if x.ndim < 2 or (shape is not None and x.ndim != 1 + len(shape)):
        raise ValueError(f"{argument}: expected shape [{', '.join(axes)}], got {_shape(x)}")
    if 0 in x.shape:
        raise ValueError(f"{argument}: expected at least one row and one column, got {_shape(x)}")
    if shape is not None and x.shape[1:] != shape:
        what = f"{shape[0]} columns" if len(shape) == 1 else f"shape [{', '.join(axes)}]"
        raise ValueError(f"{argument}: expected {what}, as the network has inputs, got {_shape(x)}")
    if is_concrete(x):
        check_finite(x, argument)
    return x


def check_finite(array: Any, argument: str) -> None:
    """Raises a ValueError that names the first NaN or infinite entry, if there is one."""
    bad = ~np.isfinite(np.asarray(array))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{argument}: expected finite numbers, got {np.asarray(array)[where]} at index {list(where)}"
            f" ({int(bad.sum())} such entries)"
        )


def as_targets(y: Any, shape: tuple[int, ...], loss: Any, dtype: Any, argument: str = "y") -> Any:
    """Targets ``[n, n_outputs]`` from labels or targets; a JAX array stays one.

    Args:
        y: Integer labels ``[n]`` (one-hot encoded; with one output, 0 or 1 become the target itself), or
            float targets ``[n, n_outputs]`` (``[n]`` too where there is one output).
        shape: ``(n, n_outputs)``: the rows there must be, and the outputs of the network.
        loss: The `jfnn.losses.Loss` they are for, which may demand distributions or values in [0, 1].
        dtype: The float dtype of the result.
        argument: The caller's argument, named in errors.

    Raises:
        TypeError: Neither integer nor float.
        ValueError: Lengths do not match, labels out of range, targets not finite or not what the loss takes.
    """
    y = as_array(y, argument)
    xp = jnp if isinstance(y, jax.Array) else np
    n, n_outputs = shape
    if y.dtype.kind not in "iub" and not jnp.issubdtype(y.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected integer labels or float targets, got dtype {y.dtype}")
    if y.ndim not in (1, 2):
        raise ValueError(f"{argument}: expected [n] labels or [n, {n_outputs}] targets, got {_shape(y)}")
    if y.shape[0] != n:
        raise ValueError(f"{argument}: expected {n} rows, as the inputs have, got {y.shape[0]}")
    if n_outputs < loss.min_outputs:
        needed = f"a softmax needs at least {loss.min_outputs} outputs"
        raise ValueError(f"loss: {needed}, the network has {n_outputs}")
    if is_labels(y):
        classes = max(n_outputs, 2)
        if is_concrete(y):
            least, most = np.asarray(y).min(), np.asarray(y).max()
            if least < 0 or most >= classes:
                raise ValueError(
                    f"{argument}: expected labels from 0 to {classes - 1} (the network has {n_outputs}"
                    f" outputs), got {least} to {most}"
                )
        if n_outputs == 1:
            return y[:, None].astype(dtype)
        return (y[:, None] == xp.arange(n_outputs)).astype(dtype)
    return _as_float_targets(y, n_outputs, loss, argument).astype(dtype)


def is_iterator(value: Any) -> bool:
    """Whether it can be read only once, which is no leaf of a pytree."""
    return isinstance(value, Iterator)


def is_labels(y: Any) -> bool:
    """Whether ``y`` holds class labels, ``[n]`` integers, rather than targets."""
    return y.ndim == 1 and y.dtype.kind in "iub"


def _as_float_targets(y: Any, n_outputs: int, loss: Any, argument: str) -> Any:
    if y.ndim == 1:
        if n_outputs != 1:
            raise ValueError(
                f"{argument}: expected integer labels [n] or targets [n, {n_outputs}],"
                f" got {y.dtype} of shape {_shape(y)}"
            )
        y = y[:, None]
    if y.shape[1] != n_outputs:
        expected = f"{n_outputs} columns, as the network has outputs"
        raise ValueError(f"{argument}: expected {expected}, got {_shape(y)}")
    if not is_concrete(y):
        return y
    values = np.asarray(y)
    check_finite(values, argument)
    if loss.takes_logits and (values.min() < 0 or values.max() > 1):
        raise ValueError(
            f"{argument}: a cross-entropy takes targets in [0, 1], got {values.min()} to {values.max()}"
        )
    if loss.target_sum is not None:
        off = float(np.abs(values.sum(axis=1) - loss.target_sum).max())
        if off > 1e-3:
            total = f"rows that sum to {loss.target_sum:g}"
            raise ValueError(f"{argument}: expected {total}, got one off by {off:g}")
    return y


def as_weights(weights: Any, n: int) -> Any:
    """Sample weights ``[n]``, finite and at least 0; or None.

    Raises:
        TypeError: Not numeric.
        ValueError: Another shape, NaN, infinity, or a negative one.
    """
    if weights is None:
        return None
    weights = as_array(weights, "weights")
    if weights.dtype.kind not in "iufb" and not jnp.issubdtype(weights.dtype, jnp.floating):
        raise TypeError(f"weights: expected numbers, got dtype {weights.dtype}")
    if weights.shape != (n,):
        raise ValueError(f"weights: expected one for each of {n} rows, got shape {_shape(weights)}")
    if is_concrete(weights):
        check_finite(weights, "weights")
        if np.asarray(weights).min() < 0:
            raise ValueError("weights: expected numbers of at least 0")
    return weights


def as_penalty(l2: Any) -> Any:
    """One number, where it can be looked at finite and at least 0; a JAX array stays one."""
    if is_concrete(l2) and as_axis(l2, "l2").ndim == np.ndim(l2):
        raise ValueError(f"l2: expected one number, got {shown(l2)}")
    return l2 if isinstance(l2, jax.Array) else float(l2)


def check_instance(value: Any, kind: type, argument: str) -> None:
    """Refuses an object of another kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{argument}: expected a {kind.__name__}, got {type(value).__name__}")


def shown(value: Any) -> str:
    """A value for a message: in one line, and not too long."""
    return " ".join(repr(value).split())[:80]


def as_count(value: Any, argument: str, minimum: int = 1) -> int:
    """A whole number of at least ``minimum``; booleans and fractions are refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{argument}: expected a whole number, got {shown(value)}")
    if value < minimum:
        raise ValueError(f"{argument}: expected at least {minimum}, got {value}")
    return int(value)


def as_axis(values: Any, argument: str, minimum: float | None = 0.0, strict: bool = False) -> np.ndarray:
    """A hyperparameter axis: one number or a sequence of them, finite and not below ``minimum``.

    Args:
        values: A number, or a one-dimensional array-like.
        argument: The caller's argument, named in errors.
        minimum: The least value allowed, or None.
        strict: Whether ``minimum`` itself is refused.

    Returns:
        A float64 array ``[k]``, k at least 1.

    Raises:
        TypeError: Not numeric.
        ValueError: No values, more than one axis, not finite, or below ``minimum``.
    """
    array = as_array(values, argument)
    if array.dtype.kind not in "iuf" and not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected a number or a sequence of numbers, got {shown(values)}")
    array = np.atleast_1d(array).astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{argument}: expected a number or a sequence of numbers, got shape {_shape(array)}")
    check_finite(array, argument)
    if minimum is not None and (array.min() < minimum or (strict and array.min() == minimum)):
        bound = f"above {minimum:g}" if strict else f"of at least {minimum:g}"
        raise ValueError(f"{argument}: expected numbers {bound}, got {array.min():g}")
    return array


def as_choice(value: Any, argument: str, choices: Collection[str]) -> str:
    """One of a few names."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{argument}: expected one of {', '.join(choices)}, got {shown(value)}")
    return value


def float_dtype(x: Any) -> np.dtype:
    """The arithmetic's dtype: float64 where the data are float64 and x64 is on, else float32."""
    wide = np.dtype(x.dtype) == np.float64 and jax.config.read("jax_enable_x64")
    return np.dtype(np.float64 if wide else np.float32)


def _shape(array: Any) -> str:
    return "[" + ", ".join(map(str, array.shape)) + "]"
