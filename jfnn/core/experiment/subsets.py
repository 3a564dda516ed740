"""Subsets of rows as a sweep takes them: the rows to train on and hold out, and their labels."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import extent_text

Cut = tuple[np.ndarray, np.ndarray]  # rows to train on, rows held out
SPLIT = "split"  # value of ``test_labels``: use the labels of the split
COUNTED = 100  # maximum number of subsets whose rows are counted for display
HELD_OUT_BY_SOME = "expected rows held out by all subsets or by none, got some without"


class Pairs(Sequence[Cut]):
    """Pairs of rows to train on and rows held out, each made on demand and valid by construction.

    Attributes:
        n: Number of training rows.
        row_numbers: Number of row numbers in all pairs together.
    """

    def __init__(self, number: int, n: int, row_numbers: int, pair: Callable[[int], Cut]):
        """``pair`` makes the pair of a number from 0 to ``number - 1``."""
        self.n = n
        self.row_numbers = row_numbers
        self._numbers = range(number)
        self._pair = pair

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, f: int) -> Cut: ...

    @overload
    def __getitem__(self, f: slice) -> list[Cut]: ...

    def __getitem__(self, f: int | slice) -> Cut | list[Cut]:
        if isinstance(f, slice):
            return [self._pair(number) for number in self._numbers[f]]
        return self._pair(self._numbers[f])


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Subsets:
    """Rows that each subset trains on and holds out, for the ``folds`` of `jfnn.sweep`.

    Subsets are an axis ``[F]`` after the seeds. If no rows are held out, cells rank on the test rows or,
    without test rows, on the training rows.

    Attributes:
        n: Number of training rows of the split.
        pairs: ``(rows to train on, rows held out)`` of each subset, numbers from 0 to ``n - 1``. A row that
            occurs several times counts that many times, in scores too. Either all subsets hold rows out or
            none does. The functions of `jfnn.subsets` make pairs on demand; a sweep stores all, 16 bytes per
            row number, so that `jfnn.subsets.leave_one_out` of n rows takes 16 n² bytes.
        name: Name of the axis in `SweepResult.subset_values` and of a column of the results table; or None.
        values: Numbers or words along that axis ``[F]``, none missing; None without a name.
        weights: Weights of each row's cost in each subset ``[F, n]``, multiplied by the split's weights. They
            affect training only: a row of weight 0 is not trained on, but held-out rows are scored whatever
            their weights here.
        labels: Labels ``[F, n]`` or targets ``[F, n, n_out]`` that replace the split's, both for training and
            for scoring held-out rows.
        test_labels: Labels of the m test rows, ``[F, m]`` or ``[F, m, n_out]``; "split" for the split's. With
            None, subsets with labels have no test scores, and cells do not rank on test rows.
        start_per_subset: Whether subset ``f`` with seed ``s`` has the initial parameters and minibatches of
            seed ``s F + f``, as ``jfnn.train(…, seed=s * F + f, fold=f)``, rather than of seed ``s``. This
            includes initial parameters and minibatches that are given.
        columns: Column of the targets that each subset learns and is scored by ``[F]``, if the split has
            several targets: labels or numbers ``[n, T]``, or targets ``[n, T, n_out]``. None for the targets
            as they are.
        called: What figures and reports call each subset, such as "bootstrap"; does not affect the run.

    Raises:
        ValueError, TypeError: No pairs, invalid rows or values, lengths that differ, or weights below 0.
    """

    n: int
    pairs: Sequence[tuple[Any, Any]]
    name: str | None = None
    values: Any = None
    weights: Any = None
    labels: Any = None
    start_per_subset: bool = False
    test_labels: Any = None
    called: str = "subset"
    columns: Any = None

    def __post_init__(self) -> None:
        n = checks.as_count(self.n, "n")
        cuts = _as_pairs(self.pairs, n)
        if (self.name is None) != (self.values is None):
            raise ArgumentError("values", "expected a name and values, or neither")
        start_per_subset = checks.as_switch(self.start_per_subset, "start_per_subset")
        paths.check_name(self.called, "called")
        fields: dict[str, object] = {"n": n, "pairs": cuts, "start_per_subset": start_per_subset}
        if self.name is not None:
            paths.check_name(self.name, "name")
            fields["values"] = as_values(self.values, "values", len(cuts))
        if self.weights is not None:
            weights = fields["weights"] = _as_subset_array(self.weights, "weights", (len(cuts), n), rank=2)
            if weights.min() < 0:
                raise ArgumentError("weights", "expected numbers of at least 0")
        if self.labels is not None:
            fields["labels"] = _as_subset_array(self.labels, "labels", (len(cuts), n), rank=3)
        if self.test_labels is not None:
            if self.labels is None:
                raise ArgumentError(
                    "test_labels", "expected none, since subsets without labels use the split's labels"
                )
            if isinstance(self.test_labels, str):
                checks.as_choice(self.test_labels, "test_labels", (SPLIT,))
            else:
                fields["test_labels"] = _as_subset_array(
                    self.test_labels, "test_labels", (len(cuts), None), rank=3
                )
        if self.columns is not None:
            if self.labels is not None:
                raise ArgumentError("columns", "expected either labels of subsets or columns, got both")
            fields["columns"] = _as_columns(self.columns, len(cuts))
        vars(self).update(fields)

    def __repr__(self) -> str:
        """Return the number of subsets, the rows that each trains on and holds out, and their axis."""
        sizes = [(len(train), len(held)) for train, held in self.pairs[:COUNTED]]
        train, held = (extent_text(part) for part in zip(*sizes, strict=True))
        held = f", {held} held out" * self.holds_out
        first = f" in the first {COUNTED}" * (len(self.pairs) > COUNTED)
        extras = [name for name in ("weights", "labels") if getattr(self, name) is not None]
        axis = "" if self.name is None else f"; {self.name} {self.values[0]} to {self.values[-1]}"
        with_extras = f"; with {' and '.join(extras)}" if extras else ""
        size = f"{len(self.pairs)} of {self.n} rows"
        return f"<Subsets: {size}, each {train} to train on{held}{first}{axis}{with_extras}>"

    @property
    def holds_out(self) -> bool:
        """Whether the subsets hold rows out."""
        return len(self.pairs[0][1]) > 0

    @property
    def axis(self) -> dict[str, np.ndarray]:
        """Name of the axis -> its values ``[F]``; empty without a name."""
        return {} if self.name is None else {self.name: self.values}

    @property
    def included(self) -> np.ndarray:
        """Whether each subset trains on each row ``[F, n]``, with a weight above 0."""
        size = len(self.pairs), self.n
        memory.check("included", float(size[0]) * size[1], sizes=f", for {size[0]} subsets of {size[1]} rows")
        rows = np.zeros(size, bool)
        for f, (train, _) in enumerate(self.pairs):
            rows[f, train] = True
        return rows if self.weights is None else rows & (self.weights > 0)


def _as_subset_array(given: object, argument: str, shape: tuple[int, int | None], rank: int) -> np.ndarray:
    """Check and copy finite numbers of each subset and row; None in the shape allows any number of rows."""
    array = np.array(checks.as_array(given, argument))
    checks.check_numbers(array, argument)
    subsets, n = shape
    if not 2 <= array.ndim <= rank or len(array) != subsets or n not in (None, array.shape[1]):
        expected = f"[{subsets}, {'rows' if n is None else n}]"
        raise ArgumentError(argument, f"expected shape {expected}, got {list(array.shape)}")
    checks.check_values(array, argument)
    return array


def _as_columns(columns: ArrayLike, length: int) -> np.ndarray:
    """Check and copy column numbers ``[length]``, as int64."""
    array = np.array(checks.as_array(columns, "columns"))
    if array.shape != (length,) or array.dtype.kind not in "iu" or array.min() < 0:
        expected = f"expected {length} column numbers, one for each subset"
        raise ArgumentError("columns", expected, got=checks.as_text(columns))
    return array.astype(np.int64)


def _as_pairs(pairs: object, n: int) -> Sequence[Cut]:
    """Check and copy pairs of rows; return `Pairs` unchanged."""
    if isinstance(pairs, Pairs) and len(pairs):
        if pairs.n != n:
            raise ArgumentError("pairs", f"expected pairs of {n} rows, got some of {pairs.n}")
        return pairs
    listed = _listed_pairs(pairs)
    try:
        cuts = [
            (as_row_numbers(train, n), as_row_numbers(validation, n, least=0)) for train, validation in listed
        ]
    except ValueError as error:
        raise ArgumentError("pairs", str(error)) from None
    if len({len(validation) > 0 for _, validation in cuts}) > 1:
        raise ArgumentError("pairs", HELD_OUT_BY_SOME)
    return cuts


def as_row_numbers(numbers: ArrayLike, n: int, least: int = 1) -> np.ndarray:
    """Check and copy row numbers, as int64; raise ValueError for invalid ones or fewer than ``least``."""
    expected = f"expected row numbers from 0 to {n - 1}, at least one per part"
    try:
        rows = np.array(numbers)
    except ValueError:  # sequences of different lengths
        raise ValueError(f"{expected}, got {checks.as_text(numbers)}") from None
    if least == 0 and rows.shape == (0,):
        return rows.astype(np.int64)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        got = np.array2string(rows, threshold=9)
        raise ValueError(f"{expected}, got {got}")
    return rows.astype(np.int64)


def _listed_pairs(pairs: object) -> list[Any]:
    """Return a list of at least one pair, whose parts are checked later."""
    expected = "expected pairs (rows to train on, rows held out), at least one"
    is_scalar = isinstance(pairs, str | bytes) or getattr(pairs, "ndim", 1) == 0
    if is_scalar or isinstance(pairs, Mapping) or not isinstance(pairs, Iterable):
        raise ArgumentTypeError("pairs", f"{expected}, got {checks.as_text(pairs)}")
    listed = list(pairs)
    if not listed:
        raise ArgumentError("pairs", f"{expected}, got none")
    for f, pair in enumerate(listed):
        if not checks.is_several(pair) or len(pair) != 2:
            raise ArgumentTypeError("pairs", f"{expected}, got {checks.as_text(pair)} at index [{f}]")
    return listed


def as_values(values: ArrayLike, argument: str, length: int | None = None) -> np.ndarray:
    """Check and copy numbers or words, none missing: ``[length]``, or of any length but 0."""
    # Check items before converting to an array, which would turn NaN and None among strings into strings.
    given = checks.as_read(values, argument, object)
    items = given.tolist() if given.ndim == 1 else []  # other shapes are refused below
    for i, item in enumerate(items):
        if _is_missing(item):
            got = f"{checks.as_text(item)} at index [{i}]"
            raise ArgumentError(argument, f"expected numbers or words, got {got}")
    array = np.array(checks.as_array(values, argument))
    if array.ndim != 1 or len(array) != (length or len(array) or 1):
        raise ArgumentError(argument, f"expected shape [{length or 'n'}], got {list(array.shape)}")
    if array.dtype.kind not in "iufbUSO":
        raise ArgumentTypeError(argument, f"expected numbers or words, got {array.dtype}")
    if array.dtype.kind not in "SO":
        return array
    words = []
    for i, item in enumerate(items):
        try:
            words.append(item.decode() if isinstance(item, bytes) else str(item))
        except UnicodeDecodeError:
            got = f"{checks.as_text(item)} at index [{i}]"
            raise ArgumentError(argument, f"expected words in UTF-8, got {got}") from None
    return np.array(words)


def _is_missing(value: object) -> bool:
    """Return whether a value is None, infinite or, like NaN and pandas' NA, not equal to itself."""
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return not math.isfinite(value)
    try:
        return not bool(value == value)
    except (TypeError, ValueError):  # raised by pandas' NA and by arrays
        return True
