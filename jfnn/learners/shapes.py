"""Shapes of a learner's functions, and checks of rows and parameters, before anything is compiled."""

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Tree
from jfnn.numerics.compiling import TRACED, tracing
from jfnn.params import Params

# Number of rows on which functions are tried. A single row would hide a mean over rows, and as many rows as
# columns would hide mixed-up axes.
EXAMPLES = 17
FLOATS = ("float32", "float64")
# Packages to skip when locating the line of the user's function that raised an error.
LIBRARIES = sys.stdlib_module_names | {"equinox", "flax", "jax", "jaxlib", "jfnn", "numpy", "optax"}


def as_rows(rows: Tree, argument: str) -> Tree:
    """Return checked rows: finite arrays with a common leading axis, in the dtypes of JAX's arithmetic.

    Raises:
        ValueError, TypeError: No rows, different lengths, not numeric, NaN or infinity.
    """

    def check(leaf: object) -> np.ndarray:
        array = np.asarray(checks.as_array(leaf, argument))
        if array.dtype.kind not in "iubf" or array.ndim == 0:
            raise ArgumentTypeError(argument, f"expected arrays of numbers with rows, got {array.dtype}")
        jax_dtype = jax.dtypes.canonicalize_dtype(array.dtype)
        return checks.as_dtype(
            array, checks.float_dtype(array) if array.dtype.kind == "f" else jax_dtype, argument
        )

    arrays = jax.tree.map(check, rows)
    lengths = sorted({len(leaf) for leaf in jax.tree.leaves(arrays)})
    if len(lengths) != 1 or 0 in lengths:
        got = (
            f"arrays of {', '.join(map(str, lengths))} rows" if lengths else f"none in {checks.as_text(rows)}"
        )
        raise ArgumentError(argument, f"expected one or more rows, the same number in every array, got {got}")
    return arrays


def example_shapes(rows: Tree, dtype: np.dtype) -> tuple[Tree, jax.ShapeDtypeStruct]:
    """Return shapes and dtypes of a few rows and of a hyperparameter, on which functions are tried."""
    return row_shapes(rows, EXAMPLES), jax.ShapeDtypeStruct((), dtype)


def row_shapes(rows: Tree, n: int) -> Tree:
    """Return the shapes and dtypes of ``n`` rows like the given ones, a pytree."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((n, *leaf.shape[1:]), leaf.dtype), rows)


def describe_shapes(tree: Tree) -> str:
    """Describe structure, dtypes and shapes, as in "{loss: float32 [n, 1]}": n stands for `EXAMPLES` rows."""

    def describe(leaf: jax.ShapeDtypeStruct) -> str:
        rows = ["n"] if leaf.shape[:1] == (EXAMPLES,) else list(map(str, leaf.shape[:1]))
        return f"{leaf.dtype} [{', '.join([*rows, *map(str, leaf.shape[1:])])}]"

    return str(jax.tree.map(describe, tree)).replace("'", "")


def eval_shape(
    argument: str,
    function: Callable[..., Tree],
    *shapes: Tree,
    name: str = "it",
    rows: int | None = EXAMPLES,
    cure: str | None = None,
) -> Tree:
    """Return the shapes of a function's result, without computing anything.

    Args:
        argument: The caller's argument, named in errors.
        function: The function.
        *shapes: Shapes and dtypes of its arguments.
        name: Its name in errors.
        rows: Number of rows in the arguments; None if the function takes no rows.
        cure: Help on its arguments, added to errors.

    Raises:
        ValueError: It fails; the message has the argument, the function's name, the rows and the user's line.
    """
    try:
        # A new lambda bypasses JAX's cache of traces by function identity: a function's behavior may change.
        with tracing():
            return jax.eval_shape(lambda *args: function(*args), *shapes)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        if isinstance(error, TRACED):
            reason = f"it needs the value of an array; {reason}"
            cure = "JAX traces it: use jnp instead of np, jnp.where instead of if, and no float(…)"
        tried = "" if rows is None else f" on rows of these data (tried with {rows} rows)"
        found = f"{name} fails{tried}: {reason}{_place(error)}"
        raise ArgumentError(argument, found, cure=cure) from error


def _place(error: Exception) -> str:
    """Describe the innermost line outside of libraries in an error's traceback; "" if there is none."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in LIBRARIES:
            place = f" ({os.path.basename(frame.f_code.co_filename)}, line {line})"
    return place


def trained_dtype(dtype: np.dtype, arithmetic: np.dtype) -> np.dtype:
    """Return the dtype of parameters in training: ``arithmetic`` for floats, JAX's dtype for others."""
    is_float = jnp.issubdtype(dtype, jnp.floating)
    return arithmetic if is_float else np.dtype(jax.dtypes.canonicalize_dtype(dtype))


def check_params(argument: str, params: Params, by_gradient: bool = True) -> None:
    """Check that the engine supports the dtypes of initial parameters, given as shapes and dtypes.

    If ``by_gradient``, all are trained by a gradient: there must be some, and none may be whole numbers.

    Raises:
        ValueError: Floats of other than 32 or 64 bits, complex numbers, random keys, …; names the leaf.
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    if by_gradient and not leaves:
        raise ArgumentError(argument, "expected a pytree of arrays to start from, got no parameters")
    for path, leaf in leaves:
        is_whole = isinstance(leaf.dtype, np.dtype) and leaf.dtype.kind in "iub"
        if str(leaf.dtype) not in FLOATS and (by_gradient or not is_whole):
            expected = " or ".join(FLOATS) + ("" if by_gradient else ", or whole numbers")
            where = f" at {jax.tree_util.keystr(path)}" if path else ""
            raise ArgumentError(argument, f"expected parameters of {expected}, got {leaf.dtype}{where}")


def trained_shapes(argument: str, params: Params, arithmetic: np.dtype) -> Params:
    """Return checked shapes and dtypes of parameters as the engine trains them, from the initial ones."""
    check_params(argument, params, by_gradient=False)
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, trained_dtype(leaf.dtype, arithmetic)), params
    )


def check_terms(argument: str, values: Tree, terms: Sequence[str]) -> None:
    """Raise ArgumentError unless a step returns one number, or with terms one number for each name."""
    expected = dict.fromkeys(("objective", *terms), ()) if terms else ()
    got = jax.tree.map(lambda value: value.shape, values)
    if got != expected:
        names = ", ".join(("objective", *terms))
        raise ArgumentError(
            argument, f"expected one number of {names} in a step, got {describe_shapes(values)}"
        )


def check_scores(argument: str, scores: Tree, names: Sequence[str], has_rows: bool = True) -> None:
    """Raise ArgumentError unless each metric has `EXAMPLES` values, or one number without rows."""
    fits = isinstance(scores, Mapping) and set(scores) == set(names)
    shapes = [getattr(values, "shape", ()) for values in scores.values()] if fits else []
    if not fits or any(shape[:1] != (EXAMPLES,) if has_rows else shape for shape in shapes):
        one, shape, why = ("value a row", "[n]", "") if has_rows else ("number", "[]", " without rows")
        expected = f"one {one} for each{why}, {{{', '.join(f'{name}: {shape}' for name in names)}}}"
        raise ArgumentError(argument, f"expected {expected}, got {describe_shapes(scores)}")
