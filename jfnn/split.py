"""Training and test rows, and the names of their columns."""

import math
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, TypeGuard

import jax
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, is_concrete
from jfnn.arguments.tables import html_table, size_text
from jfnn.targets import is_labels


class Field(NamedTuple):
    """A named column of data and the inputs that encode it.

    Attributes:
        name: Name of the column.
        words: Its categories, each encoded as an input of 0 or 1; None for a numeric column.
        median: Replaces missing numbers in a column whose second input is 1 where a number is missing; None
            for a column without such an input.
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
    """What the numbers of a split stand for, as JSON values.

    A sweep uses them to convert rows with named columns to inputs, and predictions to words or units. This
    base class does neither; the names in splits from `jfnn.datasets` do both.
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
        """Convert rows with named columns to inputs ``[n, inputs]``.

        Raises:
            ValueError, TypeError: The names include no columns, or the frame lacks some.
        """
        cure = "a split of a data frame by jfnn.datasets.split has them"
        raise ArgumentError("x", f"expected an array, since this run has no column names; {cure}")

    def fields(self) -> list[Field]:
        """Return the named columns in the order of the inputs; empty without names."""
        return [Field(str(name)) for name in self.get("columns") or ()]

    def input_units(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the mean and scale ``[inputs]`` that standardized the inputs; None for unscaled inputs."""
        return None

    def words(self, labels: np.ndarray) -> np.ndarray:
        """Convert labels to the words that they represent, if there are any."""
        return labels

    def units(self, shifted: Sequence[bool] = (True,)) -> Callable[[np.ndarray], np.ndarray] | None:
        """Return a function that converts predictions ``[…, k t]`` to their targets' units, or None.

        Args:
            shifted: Whether each of the k predictions of a target is shifted to the target's origin;
                otherwise, as for a standard deviation, it is only scaled.
        """
        return None

    def warn_of_units(self, x: object) -> None:
        """Warn if rows in an array are probably in units other than those of the training rows."""


def as_names(names: Mapping[str, Any] | None) -> Names:
    """Convert plain values or None to `Names`; return `Names` unchanged."""
    return names if isinstance(names, Names) else Names(names)


def is_frame(x: object) -> bool:
    """Return whether x is a table of named columns: a mapping or a data frame."""
    return isinstance(x, Mapping) or hasattr(x, "columns")


class Split(NamedTuple):
    """Training rows and test rows; the test rows may be None.

    Attributes:
        x_train: ``[n, …]``; None, like all others, for losses that draw their own data.
        y_train: Integer labels ``[n]`` or float targets ``[n, t]``; None for losses without targets.
        x_test: ``[m, …]``.
        y_test: As ``y_train``.
        weights: Weight of each training row's cost ``[n]``; None for 1. A row of weight 0 counts as absent,
            in scores too; other weights do not affect the scores of held-out rows.
        names: What the numbers represent, such as ``{"classes": ["no", "yes"]}``: JSON values, or the names
            of a split by `jfnn.datasets`; or None. They are written to config.json; a run with other names is
            a different run.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> split = jfnn.Split(x, y)
        >>> split.x_train.shape, split.y_train.shape
        ((4, 2), (4,))
    """

    x_train: Any = None
    y_train: Any = None
    x_test: Any = None
    y_test: Any = None
    weights: Any = None
    names: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        """Return the rows and their shape in each part, and the classes or targets."""
        inputs = {"train": self.x_train, "test": self.x_test}
        parts = [f"{name} {size_text(_shape(x))}" for name, x in inputs.items() if x is not None]
        parts += [text] if (text := self._targets_text()) else []
        parts += ["weighted"] if self.weights is not None else []
        return f"<Split: {', '.join(parts) or 'no rows'}>"

    def _repr_html_(self) -> str:
        """Return a table with the shape and dtype of each array, for notebooks."""
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
    """Return the shape of an array-like, or ``(n,)`` for n rows of different lengths."""
    try:
        return np.shape(values)
    except ValueError:
        return (len(values),)


def as_size(size: object, n: int, argument: str, least: int = 1) -> int:
    """Return the number of rows of a part, given as such or as a fraction of ``n``, which is rounded up.

    Like scikit-learn, it rounds the product of floats: 0.07 of 100 rows, 7.000000000000001, gives 8. Raises
    ArgumentError for a part with fewer than ``least`` rows (1 or 0), or with all rows.
    """
    if isinstance(size, bool) or not isinstance(size, numbers.Real):
        raise checks.ArgumentTypeError(
            argument, f"expected a share or a number of rows, got {checks.as_text(size)}"
        )
    if isinstance(size, numbers.Integral):
        rows = int(size)
    else:
        rows = math.ceil(float(size) * n) if 0 <= float(size) < 1 else n
    if not least <= rows < n:
        parts = "such that both parts have rows" if least else "0 for none"
        expected = f"expected a share between 0 and 1, or a number of rows below {n}, {parts}"
        raise ArgumentError(argument, f"{expected}, got {checks.as_text(size)}")
    return rows


def check_indexes(split: Split) -> None:
    """Raise ArgumentError if pandas objects of the same rows differ in their index."""
    check_same_index(split.x_train, {"y_train": split.y_train, "weights": split.weights})
    check_same_index(split.x_test, {"y_test": split.y_test})


def check_same_index(inputs: object, others: Mapping[str, object]) -> None:
    """Raise ArgumentError if other pandas objects, by argument, have another index than their inputs."""
    if not _has_index(inputs):
        return
    for argument, array in others.items():
        if _has_index(array) and not array.index.equals(inputs.index):
            cure = "select .loc[inputs.index] to match rows by index, or .to_numpy() to match by position"
            raise ArgumentError(argument, "expected the same index as its inputs", got="another", cure=cure)


def _has_index(rows: Any) -> TypeGuard[Any]:
    """Return whether rows are a data frame or series of pandas."""
    return hasattr(rows, "iloc") and hasattr(rows, "index")


def column_names(x: object) -> list[str]:
    """Return the column names of a data frame; empty for an array, or if names are not unique."""
    names = [str(name) for name in getattr(x, "columns", ())]
    return names if len(set(names)) == len(names) else []
