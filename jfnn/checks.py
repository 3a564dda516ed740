"""What users hand in, checked before anything is compiled; under `jax.jit` shapes and dtypes alone."""

import contextlib
import numbers
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

# What 32 bits count, as the engine does epochs and JAX sizes and steps; and what they hold as seeds.
MOST, LARGEST_SEED = 2**31 - 1, 2**32 - 1


def is_concrete(array: Any) -> bool:
    """Whether the values of an array can be looked at (it is not being traced)."""
    return not isinstance(array, jax.core.Tracer)


def is_several(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether a value is a sequence, or an array with an axis, and no text or bytes."""
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def as_array(value: Any, argument: str) -> Any:
    """Anything array-like as a native array, of doubles at most; a JAX array stays one.

    Raises:
        TypeError: Complex numbers.
        ValueError: A ragged sequence, or an array with masked entries.
    """
    if isinstance(value, jax.Array):
        array: Any = value
    else:
        if isinstance(value, bytearray):
            raise TypeError(f"{argument}: expected numbers, got {shown(value)}")
        if np.ma.is_masked(value):
            raise ValueError(f"{argument}: expected plain numbers, got an array with masked entries")
        try:
            array = np.asarray(value)
        except ValueError:
            raise ValueError(f"{argument}: expected an array, got sequences of different lengths") from None
        except Exception as error:
            raise TypeError(f"{argument}: expected an array, got {shown(value)}, which is none") from error
        kinds = {getattr(dtype, "kind", "O") for dtype in np.ravel(getattr(value, "dtypes", "O"))}
        if array.dtype.hasobject and kinds <= set("iufb"):  # a table of pandas' nullable numbers
            array = value.to_numpy(float, na_value=np.nan)
        array = array.astype("=f8" if array.dtype.char == "g" else array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "c":
        raise TypeError(f"{argument}: expected real numbers, got dtype {array.dtype}")
    return array


def as_inputs(
    x: Any, argument: str = "x", shape: tuple[int, ...] | None = None, dtype: Any = None, whole: bool = False
) -> Any:
    """Inputs as a float array ``[n, …]``; a JAX array stays one.

    Args:
        x: Anything array-like with at least two axes, at least one row, finite.
        argument: The caller's argument, named in errors.
        shape: The shape that each row must have, or None for any.
        dtype: What must hold its numbers; None for that of JAX's arithmetic.
        whole: Whether whole numbers and booleans stay such, in JAX's dtypes.

    Raises:
        TypeError: Not numeric.
        ValueError: Wrong number of axes, no rows, rows of another shape, NaN, infinity, too large numbers.
    """
    x = as_array(x, argument)
    if x.dtype.kind in "iub":
        if not whole:
            x = x.astype(np.float32 if x.dtype.itemsize < 4 else np.float64)
        elif not isinstance(x, jax.Array):
            x = as_dtype(x, jax.dtypes.canonicalize_dtype(x.dtype), argument)
    elif not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"{argument}: expected numbers, got dtype {x.dtype}")
    axes = ("n", *(("features",) if shape is None else map(str, shape)))
    if x.ndim < 2 or (shape is not None and x.ndim != 1 + len(shape)):
        raise ValueError(f"{argument}: expected shape [{', '.join(axes)}], got {shape_of(x)}")
    if 0 in x.shape:
        raise ValueError(f"{argument}: expected at least one row and one column, got {shape_of(x)}")
    if shape is not None and x.shape[1:] != shape:
        what = f"{shape[0]} columns" if len(shape) == 1 else f"shape [{', '.join(axes)}]"
        raise ValueError(f"{argument}: expected {what}, as the network has inputs, got {shape_of(x)}")
    check_values(x, argument, dtype)
    return x


def float_dtype(x: Any) -> np.dtype:
    """The arithmetic's dtype: float64 where the data are float64 and x64 is on, else float32."""
    wide = np.dtype(x.dtype) == np.float64 and jax.config.read("jax_enable_x64")
    return np.dtype(np.float64 if wide else np.float32)


def as_dtype(array: Any, dtype: Any, argument: str) -> np.ndarray:
    """An array in the arithmetic's dtype, which may have no room for its numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.asarray(array, dtype)
    check_finite(cast, argument)
    if cast.dtype.kind in "iub" and (cast != array).any():
        raise ValueError(f"{argument}: expected whole numbers in the range of {cast.dtype}")
    return cast


def check_values(array: Any, argument: str, dtype: Any = None) -> None:
    """Refuses floats that are not finite in a dtype, None for JAX's; of what is traced nothing is known."""
    if is_concrete(array) and jnp.issubdtype(array.dtype, jnp.floating):
        check_finite(array, argument, float_dtype(array) if dtype is None else dtype)


def check_finite(array: Any, argument: str, dtype: Any = None) -> None:
    """Raises a ValueError that names the first entry that is no finite number, or is none in a dtype."""
    array = np.asarray(array)
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(array if dtype is None else array.astype(dtype, copy=False))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        beyond = f", beyond {np.dtype(dtype)}" if np.isfinite(array[where]) else ""
        raise ValueError(
            f"{argument}: expected finite numbers, got {array[where]}{beyond} at index {list(where)}"
            f" ({int(bad.sum())} such entries)"
        )


@contextlib.contextmanager
def renamed(**names: str) -> Iterator[None]:
    """Errors of what is called inside name the caller's arguments: ``renamed(size="pool")``."""
    try:
        yield
    except (ValueError, TypeError) as error:
        name, colon, rest = str(error).partition(": ")
        if name not in names:
            raise
        raise type(error)(f"{names[name]}{colon}{rest}") from None


def check_key(key: Any, argument: str = "key") -> None:
    """Refuses what is no random key of JAX's, such as a seed."""
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    raw = isinstance(key, jax.Array) and key.dtype == jnp.uint32
    if not (typed and key.ndim == 0) and not (raw and key.ndim == 1):
        raise TypeError(f"{argument}: expected a random key, such as jax.random.key(0), got {shown(key)}")


def check_instance(value: Any, kind: type, argument: str) -> None:
    """Refuses an object of another kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{argument}: expected a {kind.__name__}, got {type(value).__name__}")


def shown(value: Any) -> str:
    """A value for a message: in one line, and not too long; of what cannot be shown the type."""
    try:
        return " ".join(repr(value).split())[:80]
    except Exception:  # such as that of an integer of more digits than Python writes
        return f"a {type(value).__name__}"


def as_count(value: Any, argument: str, minimum: int = 1, maximum: int | None = MOST) -> int:
    """A whole number from ``minimum`` to ``maximum``, None for no end; booleans and fractions are refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{argument}: expected a whole number, got {shown(value)}")
    count = int(value)
    if count < minimum:
        raise ValueError(f"{argument}: expected at least {minimum}, got {shown(value)}")
    if maximum is not None and count > maximum:
        raise ValueError(f"{argument}: expected at most {maximum}, got {shown(value)}")
    return count


def as_counts(values: Any, argument: str, minimum: int = 1) -> tuple[int, ...]:
    """A sequence of whole numbers of at least ``minimum``, which may have none; as a tuple."""
    if not is_several(values):
        raise TypeError(f"{argument}: expected a sequence of whole numbers, got {shown(values)}")
    return tuple(as_count(value, argument, minimum) for value in values)


def as_seed(value: Any, argument: str = "seed") -> int:
    """A seed: a whole number of at least 0 that 32 bits hold."""
    return as_count(value, argument, 0, LARGEST_SEED)


def as_switch(value: Any, argument: str) -> bool:
    """A truth value; numbers and words that stand for one are refused."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{argument}: expected True or False, got {shown(value)}")
    return bool(value)


def as_number(value: Any, argument: str, minimum: float | None = 0.0, strict: bool = False) -> float:
    """One number; what is refused is as in `as_axis`."""
    axis = as_axis(value, argument, minimum, strict)
    if np.ndim(value):
        raise ValueError(f"{argument}: expected one number, got {shown(value)}")
    return float(axis[0])


def as_representable(value: Any, argument: str) -> float:
    """One number of at least 0 that is finite in JAX's floats too, of 32 bits or, with x64, of 64."""
    number, most = as_number(value, argument), float(np.finfo(jnp.result_type(float)).max)
    if number > most:
        raise ValueError(f"{argument}: expected at most {most:g}, got {number:g}")
    return number


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
        raise ValueError(
            f"{argument}: expected a number or a sequence of numbers, got shape {shape_of(array)}"
        )
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


def shape_of(array: Any) -> str:
    """A shape for a message."""
    return "[" + ", ".join(map(str, array.shape)) + "]"
