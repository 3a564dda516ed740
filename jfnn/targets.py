"""Labels, targets, weights and penalties that users hand in, checked before anything is compiled.

Under `jax.jit` only shapes and dtypes are checked.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.checks import (
    ArgumentError,
    ArgumentTypeError,
    as_array,
    as_representable,
    check_numbers,
    check_values,
    is_concrete,
)
from jfnn.arguments.texts import html_table, size_text

FOR_TWO_CLASSES = '; for two classes give it 2, or loss="sigmoid_cross_entropy"'
FOR_NUMBERS = '; for targets that are numbers give loss="quadratic"'


class Field(NamedTuple):
    """A named column of data and the inputs that it becomes.

    Attributes:
        name: Name of the column.
        words: Its categories, each of which is an input of 0 or 1; None for a column of numbers.
        median: What replaces a missing number, in a column whose second input marks missing numbers by 1.
            None for a column without such an input.
    """

    name: str
    words: tuple[str, ...] | None = None
    median: float | None = None

    @property
    def width(self) -> int:
        """Number of inputs."""
        if self.words is not None:
            return len(self.words)
        return 1 if self.median is None else 2


class Names(Mapping[str, Any]):
    """What the numbers of a split stand for, in plain values as JSON has them.

    A sweep asks it what rows by the names of their columns are as inputs, and what predictions are in words
    or units. These plain values know neither; those of a split by `jfnn.datasets` do.
    """

    def __init__(self, values: Mapping[str, Any] | None = None):
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values})"

    def inputs(self, frame: object) -> np.ndarray:
        """Rows by the names of their columns as inputs ``[n, inputs]``.

        Raises:
            ValueError, TypeError: The names are of no columns, or the frame lacks some.
        """
        cure = "a split by jfnn.datasets.split of a data frame does"
        raise ArgumentError("x", f"expected an array; this run keeps no names of columns, {cure}")

    def fields(self) -> list[Field]:
        """The named columns in the order of the inputs; empty without names."""
        return [Field(str(name)) for name in self.get("columns") or ()]

    def input_units(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and scale ``[inputs]`` that were subtracted and divided by; None for unscaled inputs."""
        return None

    def words(self, labels: np.ndarray) -> np.ndarray:
        """Labels in the words that they stand for, or as they are where there are none."""
        return labels

    def units(self, shifted: Sequence[bool] = (True,)) -> Callable[[np.ndarray], np.ndarray] | None:
        """A function that puts predictions ``[…, k t]`` in the units of their targets; None for as they are.

        Args:
            shifted: Whether each of the k predictions of a target has its origin; else, as a standard
                deviation, its scale alone.
        """
        return None

    def warn_of_units(self, x: object) -> None:
        """Warns where rows in an array are likely in other units than those that a run was trained on."""


def as_names(names: Mapping[str, Any] | None) -> Names:
    """The `Names` of a split, from plain values or none as well."""
    return names if isinstance(names, Names) else Names(names)


def is_frame(x: object) -> bool:
    """Whether x is a table of named columns: a mapping, or a data frame."""
    return isinstance(x, Mapping) or hasattr(x, "columns")


class Split(NamedTuple):
    """Rows to train on and rows to test on; the test rows may be None.

    Attributes:
        x_train: ``[n, …]``; None, as all others, for losses that draw what they need.
        y_train: Integer labels ``[n]`` or float targets ``[n, t]``; None for losses that need none.
        x_test: ``[m, …]``.
        y_test: As ``y_train``.
        weights: How often each training row's cost counts ``[n]``; None for once. A row of weight 0 is as if
            it were absent, from scores too, of rows to train on and of rows held out; these count every other
            row once.
        names: What the numbers of the data stand for, such as ``{"classes": ["no", "yes"]}``, in plain values
            as JSON has them, or such as splits by `jfnn.datasets` have; or None. They are written
            into config.json, and a run with others is another run.
    """

    x_train: Any = None
    y_train: Any = None
    x_test: Any = None
    y_test: Any = None
    weights: Any = None
    names: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        """Rows and their shape in each part, and the classes."""
        inputs = {"train": self.x_train, "test": self.x_test}
        parts = [f"{name} {size_text(_shape(x))}" for name, x in inputs.items() if x is not None]
        parts += [text] if (text := self._targets_text()) else []
        parts += ["weighted"] if self.weights is not None else []
        return f"<Split: {', '.join(parts) or 'no rows'}>"

    def _repr_html_(self) -> str:
        """Shape and dtype of each array as a table, for notebooks."""
        arrays = {name: value for name, value in self._asdict().items() if name != "names"}
        rows = [
            [name, size_text(_shape(value)), str(getattr(value, "dtype", type(value).__name__))]
            for name, value in arrays.items()
            if value is not None
        ]
        return f"<p>{escape(repr(self))}</p>{html_table([['', 'shape', 'dtype'], *rows])}"

    def _targets_text(self) -> str:
        if self.y_train is None:
            return ""
        shape = _shape(self.y_train)
        if isinstance(self.y_train, np.ndarray | jax.Array) and is_labels(self.y_train):
            if not is_concrete(self.y_train):
                return "labels"
            return f"{len(np.unique(np.asarray(self.y_train)))} classes"
        count = math.prod(shape[1:])
        return f"{count} target{'s' * (count != 1)}"


def _shape(values: Any) -> tuple[int, ...]:
    """The shape of an array, or of what becomes one; of rows of different lengths their number."""
    try:
        return np.shape(values)
    except ValueError:
        return (len(values),)


def as_targets(y: Any, shape: tuple[int, ...], loss: Any, dtype: object, argument: str = "y") -> Any:
    """Targets ``[n, t]`` from labels or targets, ``t k`` being the outputs; a JAX array stays one.

    Args:
        y: Integer labels ``[n]`` (one-hot encoded; with one output, 0 or 1 become the target itself), or
            float targets ``[n, t]`` (``[n]`` too where there is one). Of a loss of numbers whole numbers are
            targets, too.
        shape: ``(n, n_outputs)``: the rows there must be, and the outputs of the network.
        loss: The `jfnn.losses.Loss` they are for, which may demand distributions or values in a range.
        dtype: The float dtype of the result.
        argument: The caller's argument, named in errors.

    Raises:
        TypeError: Neither integer nor float.
        ValueError: Lengths do not match, labels out of range, targets not finite in the dtype or not what the
            loss takes.
    """
    if y is None:
        raise ArgumentTypeError(argument, "expected integer labels or float targets, got None")
    y = as_array(y, argument)
    xp = jnp if isinstance(y, jax.Array) else np
    n, n_outputs = shape
    if y.dtype.kind not in "iub" and not jnp.issubdtype(y.dtype, jnp.floating):
        words = y.dtype.kind in "US" or (y.dtype.hasobject and y.ndim == 1)
        cure = "; np.unique(y, return_inverse=True)[1] has the labels of words" if words else ""
        expected = "expected integer labels or float targets"
        raise ArgumentTypeError(argument, f"{expected}, got dtype {y.dtype}{cure}")
    if y.ndim not in (1, 2):
        raise ArgumentError(argument, f"expected [n] labels or [n, {n_outputs}] targets, got {list(y.shape)}")
    if y.shape[0] != n:
        raise ArgumentError(argument, f"expected {n} rows, as the inputs have, got {y.shape[0]}")
    check_outputs(n_outputs, loss)
    if is_labels(y) and not loss.regression:
        classes = max(n_outputs, 2)
        if is_concrete(y):
            least = np.asarray(y).min()
            most = np.asarray(y).max()
            if least < 0 or most >= classes:
                raise ArgumentError(
                    argument,
                    f"expected labels from 0 to {classes - 1} (the network has {n_outputs}"
                    f" outputs), got {least} to {most}",
                )
        if n_outputs == 1:
            return y[:, None].astype(dtype)
        return (y[:, None] == xp.arange(n_outputs)).astype(dtype)
    y = _as_float_targets(y, n_outputs // loss.outputs_per_target, argument)
    check_values(y, argument, dtype)
    if is_concrete(y):
        _check_range(np.asarray(y), loss, argument)
    return y.astype(dtype)


def check_outputs(n_outputs: int, loss: Any) -> None:
    """Raises ValueError for a loss of more outputs than the network has, or for a part of a target's."""
    if n_outputs < loss.min_outputs:
        needed = f"a softmax needs at least {loss.min_outputs} outputs"
        raise ArgumentError("loss", f"{needed}, the network has {n_outputs}{FOR_TWO_CLASSES}{FOR_NUMBERS}")
    if n_outputs % loss.outputs_per_target:
        needed = f"it takes {loss.outputs_per_target} outputs for each target"
        raise ArgumentError("loss", f"{needed}, the network has {n_outputs}")


def is_labels(y: Any) -> bool:
    """Whether ``y`` holds class labels, ``[n]`` integers, rather than targets."""
    return y.ndim == 1 and y.dtype.kind in "iub"


def _as_float_targets(y: Any, n_outputs: int, argument: str) -> Any:
    if y.ndim == 1:
        if n_outputs != 1:
            whole = is_concrete(y) and (np.asarray(y) == np.round(y)).all()
            cure = "; y.astype(int) are labels" if whole else ""
            raise ArgumentError(
                argument,
                f"expected integer labels [n] or targets [n, {n_outputs}],"
                f" got {y.dtype} of shape {list(y.shape)}{cure}",
            )
        y = y[:, None]
    if y.shape[1] != n_outputs:
        expected = f"{n_outputs} columns, as the network has outputs"
        cure = "; labels have the shape [n]" if y.shape[1] == 1 and y.dtype.kind in "iub" else ""
        raise ArgumentError(argument, f"expected {expected}, got {list(y.shape)}{cure}")
    return y


def _check_range(values: np.ndarray, loss: Any, argument: str) -> None:
    if loss.takes_logits and (values.min() < 0 or values.max() > 1):
        got = f"{values.min()} to {values.max()}{FOR_NUMBERS}"
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
    """Sample weights ``[n]``, finite and at least 0; or None.

    Raises:
        TypeError: Not numeric.
        ValueError: Another shape, NaN, infinity, one too large for JAX's floats, or a negative one.
    """
    if weights is None:
        return None
    weights = as_array(weights, "weights")
    check_numbers(weights, "weights")
    if weights.shape != (n,):
        raise ArgumentError("weights", f"expected one for each of {n} rows, got shape {list(weights.shape)}")
    check_values(weights, "weights")
    if is_concrete(weights) and np.asarray(weights).min() < 0:
        raise ArgumentError("weights", "expected numbers of at least 0")
    return weights


def as_penalty(strength: object, argument: str = "l2") -> Any:
    """One number, where it can be looked at finite and at least 0; a JAX array stays one."""
    number = as_representable(strength, argument) if is_concrete(strength) else strength
    return strength if isinstance(strength, jax.Array) else number
