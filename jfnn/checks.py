"""What users hand in, checked at the door: clear errors before anything is compiled.

The values of an array are looked at only where it has values; under `jax.jit` its shape and dtype are.
"""

import numbers

import jax
import jax.numpy as jnp
import numpy as np


def is_concrete(array) -> bool:
    """Whether the values of an array can be looked at (it is not being traced)."""
    return not isinstance(array, jax.core.Tracer)


def as_inputs(x, argument="x", features=None):
    """Inputs as a float array ``[n, features]``.

    Args:
        x: Anything array-like with two axes, at least one row, finite.
        argument: The caller's argument, named in errors.
        features: The number of columns there must be, or None for any.

    Returns:
        The array, integers and booleans made floating; a JAX array stays one.

    Raises:
        TypeError: Not numeric.
        ValueError: Wrong number of axes, no rows, wrong number of columns, NaN or infinity.
    """
    x = x if isinstance(x, jax.Array) else np.asarray(x)
    if x.dtype.kind in "iub":
        x = x.astype(np.float32 if x.dtype.itemsize < 4 else np.float64)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected numbers, got dtype {x.dtype}")
    if x.ndim != 2:
        raise ValueError(f"{argument}: expected shape [n, features], got {_shape(x)}")
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise ValueError(f"{argument}: expected at least one row and one column, got {_shape(x)}")
    if features is not None and x.shape[1] != features:
        raise ValueError(
            f"{argument}: expected {features} columns, as the network has inputs, got {_shape(x)}"
        )
    if is_concrete(x):
        check_finite(x, argument)
    return x


def check_finite(array, argument):
    """Raises a ValueError that names the first NaN or infinite entry, if there is one."""
    bad = ~np.isfinite(np.asarray(array))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{argument}: expected finite numbers, got {np.asarray(array)[where]} at index {list(where)}"
            f" ({int(bad.sum())} such entries)"
        )


def as_targets(y, shape, loss, dtype, argument="y"):
    """Targets ``[n, n_outputs]`` from labels or targets.

    Args:
        y: Integer labels ``[n]`` (one-hot encoded; with one output, 0 or 1 become the target itself), or
            float targets ``[n, n_outputs]`` (``[n]`` too where there is one output).
        shape: ``(n, n_outputs)``: the rows there must be, and the outputs of the network.
        loss: The `jfnn.losses.Loss` they are for, which may demand distributions or values in [0, 1].
        dtype: The float dtype of the result.
        argument: The caller's argument, named in errors.

    Returns:
        A NumPy array, or a JAX array if ``y`` was one.

    Raises:
        TypeError: Neither integer nor float.
        ValueError: Lengths do not match, labels out of range, targets not finite or not what the loss takes.
    """
    y = y if isinstance(y, jax.Array) else np.asarray(y)
    xp = jnp if isinstance(y, jax.Array) else np
    n, n_outputs = shape
    if y.dtype.kind not in "iub" and not jnp.issubdtype(y.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected integer labels or float targets, got dtype {y.dtype}")
    if y.ndim not in (1, 2):
        raise ValueError(f"{argument}: expected [n] labels or [n, {n_outputs}] targets, got {_shape(y)}")
    if y.shape[0] != n:
        raise ValueError(f"{argument}: expected {n} rows, as the inputs have, got {y.shape[0]}")
    if n_outputs < loss.min_outputs:
        raise ValueError(
            f"loss: a softmax needs at least {loss.min_outputs} outputs, the network has {n_outputs}"
        )
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


def is_labels(y) -> bool:
    """Whether ``y`` holds class labels, ``[n]`` integers, rather than targets."""
    return y.ndim == 1 and y.dtype.kind in "iub"


def _as_float_targets(y, n_outputs, loss, argument):
    if y.ndim == 1:
        if n_outputs != 1:
            raise ValueError(
                f"{argument}: expected integer labels [n] or targets [n, {n_outputs}],"
                f" got {y.dtype} of shape {_shape(y)}"
            )
        y = y[:, None]
    if y.shape[1] != n_outputs:
        raise ValueError(
            f"{argument}: expected {n_outputs} columns, as the network has outputs, got {_shape(y)}"
        )
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
            raise ValueError(
                f"{argument}: expected rows that sum to {loss.target_sum:g}, got one off by {off:g}"
            )
    return y


def as_weights(weights, n):
    """Sample weights ``[n]``, or None.

    Args:
        weights: An array-like of ``n`` numbers, finite and at least 0; or None.
        n: The rows that they are for.

    Raises:
        TypeError: Not numeric.
        ValueError: Another shape, NaN, infinity, or a negative one.
    """
    if weights is None:
        return None
    weights = weights if isinstance(weights, jax.Array) else np.asarray(weights)
    if weights.dtype.kind not in "iufb" and not jnp.issubdtype(weights.dtype, jnp.floating):
        raise TypeError(f"weights: expected numbers, got dtype {weights.dtype}")
    if weights.shape != (n,):
        raise ValueError(f"weights: expected one for each of {n} rows, got shape {_shape(weights)}")
    if is_concrete(weights):
        check_finite(weights, "weights")
        if np.asarray(weights).min() < 0:
            raise ValueError("weights: expected numbers of at least 0")
    return weights


def as_count(value, argument, minimum=1) -> int:
    """A whole number of at least ``minimum``; booleans and fractions are refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{argument}: expected a whole number, got {value!r}")
    if value < minimum:
        raise ValueError(f"{argument}: expected at least {minimum}, got {value}")
    return int(value)


def as_axis(values, argument, minimum=0.0, strict=False) -> np.ndarray:
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
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" and not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected a number or a sequence of numbers, got {values!r}")
    array = np.atleast_1d(array).astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{argument}: expected a number or a sequence of numbers, got shape {_shape(array)}")
    check_finite(array, argument)
    if minimum is not None and (array.min() < minimum or (strict and array.min() == minimum)):
        bound = f"above {minimum:g}" if strict else f"of at least {minimum:g}"
        raise ValueError(f"{argument}: expected numbers {bound}, got {array.min():g}")
    return array


def as_choice(value, argument, choices) -> str:
    """One of a few names."""
    if value not in choices:
        raise ValueError(f"{argument}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def float_dtype(x) -> np.dtype:
    """The arithmetic's dtype: float64 where the data are float64 and x64 is on, else float32."""
    wide = np.dtype(x.dtype) == np.float64 and jax.config.read("jax_enable_x64")
    return np.dtype(np.float64 if wide else np.float32)


def _shape(array) -> str:
    return "[" + ", ".join(map(str, array.shape)) + "]"
