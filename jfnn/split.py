"""Rows to train and to test on, and the names of their columns."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError, is_concrete
from jfnn.arguments.tables import html_table, size_text
from jfnn.targets import is_labels


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
