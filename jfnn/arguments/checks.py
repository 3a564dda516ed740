"""Checks of arguments before compilation; ``argument`` always names the caller's argument in errors.

Traced arguments are checked only for their shapes and dtypes.
"""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from jfnn.arguments.suggestions import did_you_mean


class Set(NamedTuple):
    """A suggested value of an argument: ``resume=True goes on with it``."""

    argument: str  # name of the argument, or of the equivalent command-line flag
    value: object
    effect: str
    code: str = ""  # Python code to show instead of ``argument=value``, if not empty

    def __str__(self) -> str:
        """Return the fix in Python."""
        return f"{self.code or f'{self.argument}={self.value!r}'} {self.effect}"


Cure = Set | str  # a string applies to Python only, not to the command line


def with_cure(found: str, cure: Cure | None, written: Callable[[Cure], str] = str) -> str:
    """Return what was found and, after a semicolon, the fix as phrased by ``written``, if any."""
    words = "" if cure is None else written(cure)
    return f"{found}; {words}" if words else found


MOST = 2**31 - 1  # the largest count: epochs, sizes and steps are int32


class ArgumentError(ValueError):
    """An argument has an invalid value.

    Attributes:
        argument: Name of the argument, or the path of an invalid file.
        expected: "expected …", or the whole description of the problem.
        item: The invalid item, such as a key of a mapping, if the argument has several.
        got: The given value; None if ``expected`` includes it.
        cure: Suggested fix, if known.
    """

    def __init__(
        self,
        argument: str,
        expected: str,
        item: object = None,
        got: str | None = None,
        cure: Cure | None = None,
    ) -> None:
        super().__init__(argument, expected, item, got, cure)
        self.argument = argument
        self.expected = expected
        self.item = item
        self.got = got
        self.cure = cure

    @property
    def found(self) -> str:
        """What was expected and what was given."""
        return self.expected if self.got is None else f"{self.expected}, got {self.got}"

    @property
    def reason(self) -> str:
        """What was expected, what was given, and the fix in Python."""
        return with_cure(self.found, self.cure)

    def __str__(self) -> str:
        """Return the argument and the reason in one line."""
        return f"{self.argument}: {self.reason}"


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument has an invalid type."""


@contextlib.contextmanager
def rename_arguments(**names: str) -> Iterator[None]:
    """Rename the arguments of errors raised inside: ``rename_arguments(size="pool")``."""
    try:
        yield
    except ArgumentError as error:
        if error.argument not in names:
            raise
        raise type(error)(names[error.argument], *error.args[1:]) from None


@contextlib.contextmanager
def item_of(argument: str) -> Iterator[None]:
    """Attribute errors raised inside to an item of the caller's argument: ``sample: seed: expected …``."""
    try:
        yield
    except ArgumentError as error:
        expected = f"{error.argument}: {error.expected}"
        raise type(error)(argument, expected, error.argument, error.got, error.cure) from None


@contextlib.contextmanager
def about(subject: str, arguments: Collection[str]) -> Iterator[None]:
    """Add a subject, if any, to errors of these arguments: ``x_train: network 'cnn': expected …``."""
    try:
        yield
    except ArgumentError as error:
        if not subject or error.argument not in arguments:
            raise
        raise type(error)(error.argument, f"{subject}: {error.expected}", *error.args[2:]) from None


def is_concrete(array: object) -> bool:
    """Return whether an array has values, that is, is not being traced."""
    return not isinstance(array, jax.core.Tracer)


def is_several(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a sequence other than text and bytes, or an array with an axis."""
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def as_array(value: Any, argument: str) -> Any:
    """Return an array-like as an array in native byte order, at most float64; keep a JAX array.

    Raises ArgumentError for complex numbers, ragged sequences and masked entries.
    """
    array: Any = value
    if not isinstance(value, jax.Array):
        if isinstance(value, bytearray):
            raise ArgumentTypeError(argument, "expected numbers", got=as_text(value))
        if hasattr(value, "nnz") and hasattr(value, "toarray"):  # from scipy.sparse
            got = f"a sparse {type(value).__name__}; value.toarray() gives one"
            raise ArgumentTypeError(argument, "expected a dense array", got=got)
        if np.ma.is_masked(value):
            raise ArgumentError(argument, "expected plain numbers", got="an array with masked entries")
        array = as_read(value, argument)
        kinds = {getattr(dtype, "kind", "O") for dtype in np.ravel(getattr(value, "dtypes", "O"))}
        if array.dtype.hasobject and kinds <= set("iufb"):  # pandas' nullable numbers
            array = value.to_numpy(float, na_value=np.nan)
        array = array.astype("=f8" if array.dtype.char == "g" else array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "c":
        raise ArgumentTypeError(argument, "expected real numbers", got=f"dtype {array.dtype}")
    return array


def as_read(value: object, argument: str, dtype: DTypeLike | None = None) -> np.ndarray:
    """Convert an array-like to a NumPy array; raise ArgumentError if NumPy cannot."""
    try:
        return np.asarray(value, dtype)
    except ValueError:
        got = f"sequences of different lengths: {as_text(value)}"
        raise ArgumentError(argument, "expected an array", got=got) from None
    except Exception as error:  # for example for a tensor that requires gradients
        got = f"{as_text(value)}: {' '.join(str(error).split())[:80]}"
        raise ArgumentTypeError(argument, "expected an array", got=got) from error


def with_named_tuples(tree: Any, like: Any) -> Any:
    """Replace mappings in a pytree by the named tuples of ``like``, as needed after loading from files."""
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        if not isinstance(tree, Mapping) or {*tree} != {*like._fields}:
            return tree
        return type(like)(*(with_named_tuples(tree[name], getattr(like, name)) for name in like._fields))
    if type(tree) is dict and isinstance(like, Mapping) and {*tree} == {*like}:
        return {name: with_named_tuples(tree[name], like[name]) for name in tree}
    if type(tree) in (list, tuple) and type(tree) is type(like) and len(tree) == len(like):
        return type(tree)(map(with_named_tuples, tree, like))
    return tree


def as_arrays(tree: Any, like: Any, argument: str, source: str) -> Any:
    """Convert a pytree to arrays with the structure of ``like`` (None: any); errors mention ``source``."""
    tree = with_named_tuples(tree, like)
    arrays = jax.tree.map(
        lambda leaf: as_array(leaf, argument), tree, is_leaf=lambda leaf: isinstance(leaf, Iterator)
    )
    if any(leaf.dtype.kind in "OUS" for leaf in jax.tree.leaves(arrays)):
        raise ArgumentTypeError(argument, f"expected arrays, as {source} gives", got=as_text(tree))
    if like is not None and str(jax.tree.structure(arrays)) != str(jax.tree.structure(like)):
        shapes, got = (jax.tree.map(lambda leaf: leaf.shape, tree) for tree in (like, arrays))
        raise ArgumentError(argument, f"expected arrays of shapes {shapes}", got=str(got))
    return arrays


def as_inputs(
    x: Any,
    argument: str = "x",
    shape: tuple[int, ...] | None = None,
    dtype: DTypeLike | None = None,
    whole: bool = False,
) -> Any:
    """Return inputs, an array-like with at least two axes, as a float array ``[n, …]``; keep a JAX array.

    Args:
        shape: Shape of each row; None for any. Flat rows of the same size are reshaped to it.
        dtype: The dtype in which numbers must be finite; None for the dtype of JAX's arithmetic.
        whole: Whether to keep integers and booleans, in JAX's dtypes.

    Raises ArgumentError for other dtypes and shapes, no rows, and numbers that are not finite.
    """
    words = _columns_of_words(x)
    if x is None:
        raise ArgumentTypeError(argument, "expected rows, an array [n, features]", got="None")
    x = as_array(x, argument)
    if x.dtype.kind in "iub":
        if not whole:
            x = x.astype(np.float32 if x.dtype.itemsize < 4 else np.float64)
        elif not isinstance(x, jax.Array):
            x = as_dtype(x, jax.dtypes.canonicalize_dtype(x.dtype), argument)
    elif not jnp.issubdtype(x.dtype, jnp.floating):
        raise ArgumentTypeError(argument, "expected numbers", got=f"dtype {x.dtype}{words}")
    axes = ", ".join(("n", *map(str, shape or ("features",))))
    if shape is not None and len(shape) > 1 and x.ndim == 2 and x.shape[1] == math.prod(shape):
        x = x.reshape(len(x), *shape)
    if x.ndim < 2 or (shape is not None and x.ndim != 1 + len(shape)):
        cure = None
        if shape is not None and x.ndim > 1 and math.prod(x.shape[1:]) == math.prod(shape):
            cure = f"x.reshape(-1, {', '.join(map(str, shape))}) has it"
        raise ArgumentError(argument, f"expected shape [{axes}]", got=str(list(x.shape)), cure=cure)
    if 0 in x.shape:
        raise ArgumentError(argument, "expected at least one row and one column", got=str(list(x.shape)))
    if shape is not None and x.shape[1:] != shape:
        rows = f"{shape[0]} columns" if len(shape) == 1 else f"shape [{axes}]"
        cure = "; channels come first" if x.shape[1:] == (*shape[1:], shape[0]) else ""
        got = f"{list(x.shape)}{cure}"
        raise ArgumentError(argument, f"expected {rows}, as the network has inputs", got=got)
    check_values(x, argument, dtype)
    return x


def _columns_of_words(frame: object) -> str:
    """Return the non-numeric columns of a data frame, for a message; empty without any."""
    if not hasattr(frame, "columns") or not hasattr(frame, "dtypes"):
        return ""
    pairs = zip(frame.columns, frame.dtypes, strict=True)
    words = [str(name) for name, dtype in pairs if getattr(dtype, "kind", "O") not in "iufb"]
    return f" in the columns {as_text(words)}; jfnn.datasets.split_table encodes them" if words else ""


def float_dtype(x: Any) -> np.dtype:
    """Return the dtype of computations: float64 for float64 data with x64 enabled, and otherwise float32."""
    return np.dtype(np.float32) if x.dtype != np.float64 else np.dtype(jnp.result_type(float))


def as_dtype(array: object, dtype: Any, argument: str) -> np.ndarray:
    """Cast an array to a dtype; raise ArgumentError for numbers out of its range."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.asarray(array, dtype)
    check_values(cast, argument, cast.dtype)
    if cast.dtype.kind in "iub" and (cast != array).any():
        raise ArgumentError(argument, f"expected whole numbers in the range of {cast.dtype}")
    return cast


def check_numbers(array: Any, argument: str) -> None:
    """Raise ArgumentTypeError unless an array has a numeric or boolean dtype."""
    if array.dtype.kind not in "iufb" and not jnp.issubdtype(array.dtype, jnp.floating):
        raise ArgumentTypeError(argument, "expected numbers", got=f"dtype {array.dtype}")


def as_numbers(value: object, argument: str) -> np.ndarray:
    """Return an array-like of numbers or booleans, which may be NaN or infinite, as a NumPy array."""
    array = np.asarray(as_array(value, argument))
    check_numbers(array, argument)
    return array


def check_values(array: Any, argument: str, dtype: Any = None) -> None:
    """Raise ArgumentError with the first float of an array that is not finite in a dtype (None: JAX's)."""
    if not is_concrete(array) or not jnp.issubdtype(array.dtype, jnp.floating):
        return
    array, dtype = np.asarray(array), float_dtype(array) if dtype is None else dtype
    with np.errstate(over="ignore", invalid="ignore"):
        # A finite sum implies finite numbers, and needs no mask, which takes a quarter of the array's memory.
        if array.dtype == dtype and np.isfinite(array.sum()):
            return
        bad = ~np.isfinite(array.astype(dtype, copy=False))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        beyond = f", beyond {np.dtype(dtype)}" if np.isfinite(array[index]) else ""
        got = f"{array[index]}{beyond} at index {list(index)} ({int(bad.sum())} such entries)"
        raise ArgumentError(argument, "expected finite numbers", got=got)


def check_key(key: Any) -> None:
    """Raise ArgumentTypeError unless the argument is a single JAX random key."""
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    raw = isinstance(key, jax.Array) and key.dtype == jnp.uint32
    if not (typed and key.ndim == 0) and not (raw and key.ndim == 1):
        raise ArgumentTypeError("key", "expected a key, such as jax.random.key(0)", got=as_text(key))


def check_instance(value: object, kind: type, argument: str) -> None:
    """Raise ArgumentTypeError unless a value has a type."""
    if not isinstance(value, kind):
        raise ArgumentTypeError(argument, f"expected a {kind.__name__}", got=type(value).__name__)


def as_text(value: object) -> str:
    """Return a value's repr in one line of at most 80 characters, or its type's name if repr fails."""
    try:
        return " ".join(repr(value).split())[:80]
    except Exception:  # for example an integer with more digits than Python converts
        return f"a {type(value).__name__}"


def as_count(value: object, argument: str, minimum: int = 1, maximum: int | None = MOST) -> int:
    """Check for an integer, not a boolean, from ``minimum`` to ``maximum`` (None: no limit); return it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ArgumentTypeError(argument, "expected a whole number", got=as_text(value))
    count = int(value)
    if count < minimum:
        raise ArgumentError(argument, f"expected at least {minimum}", got=as_text(value))
    if maximum is not None and count > maximum:
        raise ArgumentError(argument, f"expected at most {maximum}", got=as_text(value))
    return count


def as_counts(values: object, argument: str, minimum: int = 1) -> tuple[int, ...]:
    """Return a possibly empty sequence of integers, each at least ``minimum``, as a tuple."""
    if not is_several(values):
        raise ArgumentTypeError(argument, "expected a sequence of whole numbers", got=as_text(values))
    return tuple(as_count(value, argument, minimum) for value in values)


def as_seed(value: object, argument: str = "seed") -> int:
    """Check that a value is an unsigned integer of 32 bits; return it."""
    return as_count(value, argument, 0, 2**32 - 1)


def as_switch(value: object, argument: str) -> bool:
    """Return True or False; raise ArgumentTypeError for other values."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(argument, "expected True or False", got=as_text(value))
    return bool(value)


def as_number(value: Any, argument: str, minimum: float | None = 0.0, strict: bool = False) -> float:
    """Check a single number as in `as_axis`; return it as a float."""
    axis = as_axis(value, argument, minimum, strict)
    if np.ndim(value):
        raise ArgumentError(argument, "expected one number", got=as_text(value))
    return float(axis[0])


def as_representable(value: object, argument: str) -> float:
    """Check that a number is at least 0 and finite in JAX's default float dtype; return it as a float."""
    number = as_number(value, argument)
    most = float(np.finfo(jnp.result_type(float)).max)
    if number > most:
        raise ArgumentError(argument, f"expected at most {most:g}", got=f"{number:g}")
    return number


def as_axis(values: object, argument: str, minimum: float | None = 0.0, strict: bool = False) -> np.ndarray:
    """Return a number or a 1D array-like as a hyperparameter axis: finite float64 ``[k]``, k ≥ 1.

    Raises ArgumentError for no values, or if one is not finite or below ``minimum`` (``strict``: or equal).
    """
    array = as_array(values, argument)
    expected = "expected a number or a sequence of numbers"
    is_numeric = array.dtype.kind in "iuf" or jnp.issubdtype(array.dtype, jnp.floating)
    # Among numbers, NumPy converts True to 1.
    has_switch = isinstance(values, list | tuple) and any(isinstance(one, bool | np.bool_) for one in values)
    if has_switch or not is_numeric:
        raise ArgumentTypeError(argument, f"{expected}, got {as_text(values)}")
    array = np.atleast_1d(array).astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ArgumentError(argument, f"{expected}, got shape {list(array.shape)}")
    check_values(array, argument, array.dtype)
    if minimum is not None and (array.min() < minimum or (strict and array.min() == minimum)):
        bound = f"above {minimum:g}" if strict else f"of at least {minimum:g}"
        raise ArgumentError(argument, f"expected numbers {bound}", got=f"{array.min():g}")
    return array


def as_mapping(value: object, argument: str) -> Mapping[str, Any]:
    """Check that a value is a mapping of names to values; return it."""
    if not isinstance(value, Mapping):
        raise ArgumentTypeError(argument, "expected a mapping of names to values", got=as_text(value))
    return value


def as_choice(
    value: object,
    argument: str,
    choices: Collection[str],
    others: str = "",
    error: type[ArgumentError] = ArgumentError,
) -> str:
    """Check that a value is one of ``choices``; return it. ``others`` explains in errors how to add names."""
    if not isinstance(value, str) or value not in choices:
        expected = f"expected one of {', '.join(choices)}" if choices else "expected none"
        got = f"{as_text(value)}{did_you_mean(value, choices)}"
        raise error(argument, expected, got=got, cure=others or None)
    return value
