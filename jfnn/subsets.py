"""Subsets of rows, an axis of `jfnn.sweep`: a network for each draw, size, group or share of noise."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets.splits import as_size

__all__ = [
    "Cut",
    "Pairs",
    "Subsets",
    "as_row_numbers",
    "bootstrap",
    "by_group",
    "independent",
    "label_noise",
    "leave_one_out",
    "shares",
    "sizes",
    "weighted",
]
__dir__ = __all__.copy

Cut = tuple[np.ndarray, np.ndarray]  # rows to train on, rows held out
# Numbers of 8 bytes drawn at a time, at least those of one draw. More take memory; the draws are the same.
_DRAWN_TOGETHER = 2**20
SPLIT = "split"  # labels that are the split's
COUNTED = 100  # subsets whose rows are counted for display
_HELD_OUT_BY_SOME = "expected rows held out by all subsets or by none, got some without"


class Pairs(Sequence[Cut]):
    """Pairs of rows to train on and rows held out, each made when it is asked for, valid by construction.

    Attributes:
        n: Rows in all.
        row_numbers: Number of row numbers in all pairs together.
    """

    def __init__(self, number: int, n: int, row_numbers: int, pair: Callable[[int], Cut]):
        """``pair`` gives the pair of a number from 0 to ``number - 1``."""
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
    """Rows that each subset trains on and rows that it holds out, as ``folds`` of `jfnn.sweep`.

    They are an axis ``[F]`` behind the seeds. Where no rows are held out, cells rank on the test rows, or
    without these on the rows they train on.

    Attributes:
        n: Training rows of the split.
        pairs: ``(rows to train on, rows held out)`` of each subset, numbers from 0 to ``n - 1``. A row that
            occurs several times counts as often, in scores too. All subsets hold rows out, or none does. The
            functions of this module make a pair when it is asked for; a sweep holds all of them, 16 bytes
            for each row number, so that `leave_one_out` of n rows takes 16 n² bytes there.
        name: Name of the axis in `SweepResult.subset_values` and of a column of its table; None for neither.
        values: Numbers or words along that axis ``[F]``, none of them missing; None without a name.
        weights: How often each row's cost counts in each subset ``[F, n]``, times the split's weights. They
            are how a subset trains: a row of weight 0 is as if it did not train on it, and rows held out are
            scored whatever their weights here.
        labels: ``[F, n]``, or targets ``[F, n, n_out]``, instead of the split's: a subset trains by its own,
            and its rows held out are scored by its own.
        test_labels: Those of the m test rows, ``[F, m]`` or ``[F, m, n_out]``; "split" for the split's. None
            for none: where subsets have labels they then have no test scores, and no cell ranks by them.
        start_per_subset: Whether subset ``f`` with seed ``s`` has the start and the minibatches of the seed
            ``s F + f``, as ``jfnn.train(…, seed=s * F + f, fold=f)``; else those of the seed ``s``. Starts
            and minibatches that are given have these seeds too.

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

    def __post_init__(self) -> None:
        n = checks.as_count(self.n, "n")
        cuts = _as_pairs(self.pairs, n)
        if (self.name is None) != (self.values is None):
            raise ArgumentError("values", "expected a name and values, or neither")
        start_per_subset = checks.as_switch(self.start_per_subset, "start_per_subset")
        fields: dict[str, object] = {"n": n, "pairs": cuts, "start_per_subset": start_per_subset}
        if self.name is not None:
            paths.check_name(self.name, "name")
            fields["values"] = _as_values(self.values, "values", len(cuts))
        if self.weights is not None:
            weights = fields["weights"] = _of_subsets(self.weights, "weights", (len(cuts), n), rank=2)
            if weights.min() < 0:
                raise ArgumentError("weights", "expected numbers of at least 0")
        if self.labels is not None:
            fields["labels"] = _of_subsets(self.labels, "labels", (len(cuts), n), rank=3)
        if self.test_labels is not None:
            if self.labels is None:
                raise ArgumentError(
                    "test_labels", "expected none, since subsets without labels have the split's"
                )
            if isinstance(self.test_labels, str):
                checks.as_choice(self.test_labels, "test_labels", (SPLIT,))
            else:
                fields["test_labels"] = _of_subsets(
                    self.test_labels, "test_labels", (len(cuts), None), rank=3
                )
        vars(self).update(fields)

    def __repr__(self) -> str:
        """The number of subsets, the rows that each trains on and holds out, and their axis."""
        sizes = [(len(train), len(held)) for train, held in self.pairs[:COUNTED]]
        train, held = (_range_text(part) for part in zip(*sizes, strict=True))
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
        """The name of the axis -> its values ``[F]``; empty without a name."""
        return {} if self.name is None else {self.name: self.values}

    @property
    def included(self) -> np.ndarray:
        """Whether each subset trains on each row ``[F, n]``: rows that are there and weigh more than 0."""
        size = len(self.pairs), self.n
        memory.check("included", float(size[0]) * size[1], sizes=f", for {size[0]} subsets of {size[1]} rows")
        rows = np.zeros(size, bool)
        for f, (train, _) in enumerate(self.pairs):
            rows[f, train] = True
        return rows if self.weights is None else rows & (self.weights > 0)


def _of_subsets(given: object, argument: str, shape: tuple[int, int | None], rank: int) -> np.ndarray:
    """Finite numbers of each subset and row, copied; None in a shape for any number of rows."""
    array = np.array(checks.as_array(given, argument))
    checks.check_numbers(array, argument)
    subsets, n = shape
    if not 2 <= array.ndim <= rank or len(array) != subsets or n not in (None, array.shape[1]):
        expected = f"[{subsets}, {'rows' if n is None else n}]"
        raise ArgumentError(argument, f"expected shape {expected}, got {list(array.shape)}")
    checks.check_values(array, argument)
    return array


def _range_text(values: Sequence[int]) -> str:
    least = min(values)
    most = max(values)
    return f"{least}" if least == most else f"{least}–{most}"


def bootstrap(n: int, number: int, seed: int = 0, start_per_subset: bool = False) -> Subsets:
    """Draws of n of n rows with replacement; rows that a draw leaves out, about n/e, are held out.

    Draw f is ``np.random.default_rng(seed).integers(n, size=(number, n))[f]`` (Efron & Tibshirani 1993, "An
    Introduction to the Bootstrap", chapter 6). They take 1, 2 or 4 bytes a row number.
    """
    number = checks.as_count(number, "number")
    n = checks.as_count(n, "n", 2)
    drawn = _drawn_array(number, n, np.min_scalar_type(n - 1))
    held_out = np.zeros(number, int)  # rows
    rng = np.random.default_rng(checks.as_seed(seed))
    for block in _blocks(number, n):
        drawn[block] = rows = rng.integers(n, size=(len(drawn[block]), n))
        left_out = np.ones(rows.shape, bool)
        np.put_along_axis(left_out, rows, False, axis=1)
        held_out[block] = left_out.sum(axis=1)
    if held_out.any() and not held_out.all():
        raise ArgumentError("pairs", _HELD_OUT_BY_SOME)
    pairs = Pairs(number, n, drawn.size + int(held_out.sum()), functools.partial(_draw_and_others, drawn))
    return Subsets(n, pairs, start_per_subset=start_per_subset)


def leave_one_out(n: int) -> Subsets:
    """All rows but one, which is held out: n subsets in the order of the rows; "left_out" is its number."""
    n = checks.as_count(n, "n", 2)
    return Subsets(n, Pairs(n, n, n * n, functools.partial(_all_but, n)), "left_out", np.arange(n))


def shares(n: int, share: float | int, number: int, seed: int = 0, start_per_subset: bool = False) -> Subsets:
    """Draws of a share or number of rows without replacement; all others are held out.

    They are ``sklearn.model_selection.ShuffleSplit(number, train_size=share, random_state=seed)``, with
    ``start_per_subset`` for Feldman & Zhang 2020, "What neural networks memorize and why", NeurIPS.
    """
    from sklearn.model_selection import ShuffleSplit

    as_size(share, checks.as_count(n, "n", 2), "share")
    number = checks.as_count(number, "number")
    seed = checks.as_seed(seed)
    memory.check("number", 16.0 * number * n, sizes=f", for {number} draws of {n} rows")
    splitter = ShuffleSplit(number, train_size=share, random_state=seed)
    try:
        return Subsets(n, list(splitter.split(np.zeros((n, 1)))), start_per_subset=start_per_subset)
    except ValueError as error:  # a share of less than one row
        raise ArgumentError("share", " ".join(str(error).split())) from None


def independent(
    n: int, probability: float, number: int, seed: int = 0, start_per_subset: bool = False
) -> Subsets:
    """Each row with a probability, independently of the others; rows that a draw lacks are held out.

    Draw f is ``np.random.default_rng(seed).random((number, n))[f] < probability``: with 1/2 the subsets of
    Banzhaf values (Wang & Jia 2023, `jfnn.analysis.banzhaf`).
    """
    number = checks.as_count(number, "number")
    n = checks.as_count(n, "n", 2)
    chance = checks.as_number(probability, "probability", strict=True)
    included = _drawn_array(number, n, np.dtype(bool))
    rng = np.random.default_rng(checks.as_seed(seed))
    for block in _blocks(number, n):
        included[block] = rng.random((len(included[block]), n)) < chance
    counts = included.sum(axis=1)
    one_sided = np.flatnonzero((counts == 0) | (counts == n))
    if len(one_sided):
        got = f"{counts[one_sided[0]]} of {n} in draw {one_sided[0]}"
        raise ArgumentError("probability", f"expected rows in and out of each draw, got {got}")
    pairs = Pairs(number, n, included.size, functools.partial(_marked_and_others, included))
    return Subsets(n, pairs, start_per_subset=start_per_subset)


def sizes(
    n: int, counts: Sequence[int], seed: int = 0, draws: int = 1, start_per_subset: bool = False
) -> Subsets:
    """Nested subsets of several numbers of rows, "rows", in one or more random orders of all rows.

    Subset ``d * len(counts) + c`` has the first ``counts[c]`` rows of order d, the d-th
    ``rng.permutation(n)`` of ``rng = np.random.default_rng(seed)``. Rows of the order that are in none of its
    subsets, if any, are held out by these.
    """
    n = checks.as_count(n, "n")
    several = checks.as_counts(counts, "counts")
    if not several or max(several) > n:
        raise ArgumentError("counts", f"expected one or more numbers of rows from 1 to {n}, got {several}")
    draws = checks.as_count(draws, "draws")
    numbers = n + sum(several) + len(several) * (n - max(several))
    memory.check("draws", 8.0 * draws * numbers, sizes=f", for {draws} orders of {n} rows")
    rng = np.random.default_rng(checks.as_seed(seed))
    orders = [rng.permutation(n) for _ in range(draws)]
    pairs = [(order[:count], order[max(several) :]) for order in orders for count in several]
    return Subsets(n, pairs, "rows", [*several] * draws, start_per_subset=start_per_subset)


def by_group(
    groups: ArrayLike, held_out: float | None = None, seed: int | None = 0, start_per_subset: bool = False
) -> Subsets:
    """A subset for each group, such as the series or clients of a table, in sorted order: "group".

    `SweepResult.best` takes the mean over groups. The best learning rates of each are where its validation
    loss ``[E, L, …, S, F]`` is least, ``result.validation_loss[:, 0, 0].argmin(axis=0)`` of one λ and seed.

    Args:
        groups: Numbers or words, one for each training row ``[n]``; bytes are words in UTF-8.
        held_out: Share of each group's m rows to hold out, ``⌈held_out m⌉``, the product to six digits, so
            that 0.07 of 100 rows are 7; or None.
        seed: Rows with the least of ``np.random.default_rng(seed).permutation(n)`` are held out, which are
            no numbers that data of the same seed could be drawn from; None for the last ones.
        start_per_subset: Whether each group has another start and other minibatches; see `Subsets`.

    Raises:
        ValueError, TypeError: A row without a group (None, NaN, …) or with an infinite one; a share that
            leaves a group without rows.
    """
    labels = _as_values(groups, "groups")
    names, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = 0.0 if held_out is None else checks.as_number(held_out, "held_out", strict=True)
    left_out = np.ceil(checks.part_of(share, counts)).astype(int)
    if (left_out >= counts).any():
        name = names[left_out >= counts][0]
        raise ArgumentError(
            "held_out", f"expected a share that leaves rows of each group, got none of {name}"
        )
    last: np.ndarray = -np.arange(len(labels))
    order = last if seed is None else np.random.default_rng(checks.as_seed(seed)).permutation(len(labels))
    rows = np.split(np.lexsort((order, group)), np.cumsum(counts)[:-1])
    pairs = [(np.sort(r[h:]), np.sort(r[:h])) for r, h in zip(rows, left_out, strict=True)]
    return Subsets(len(labels), pairs, "group", names, start_per_subset=start_per_subset)


def label_noise(y: ArrayLike, shares: Sequence[float], seed: int = 0, classes: int | None = None) -> Subsets:
    """All rows, a share of them with a wrong label: "label_noise".

    At share p the first ``round(p n)`` rows of ``rng.permutation(n)`` have labels ``(y + shift) % classes``
    with ``shift = rng.integers(1, classes, n)``, in this order of ``rng = np.random.default_rng(seed)``, so
    that a label wrong at one share is so at all larger ones. ``p n`` is taken to six digits, halves to the
    even number. Test rows keep the split's labels.

    Args:
        y: Integer labels of the training rows ``[n]``.
        shares: From 0 to 1, one for each subset.
        seed: Fixes rows and labels.
        classes: Number of classes; None for one more than the largest label.
    """
    labels = np.asarray(checks.as_array(y, "y"))
    levels = checks.as_axis(shares, "shares")
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise ArgumentTypeError("y", f"expected integer labels [n], got {labels.dtype} {list(labels.shape)}")
    n = len(labels)
    number = int(labels.max()) + 1 if classes is None else checks.as_count(classes, "classes")
    if number < 2 or labels.min() < 0 or labels.max() >= number:
        raise ArgumentError("classes", f"expected labels from 0 to {number - 1} of at least 2 classes")
    if levels.max() > 1:
        raise ArgumentError("shares", f"expected numbers from 0 to 1, got {levels.max():g}")
    rng = np.random.default_rng(checks.as_seed(seed))
    rank = np.argsort(rng.permutation(n))
    labels = labels.astype(np.int64)  # NumPy adds unsigned and signed ones as floats
    wrong = (labels + rng.integers(1, number, n)) % number
    numbers = np.round(checks.part_of(levels, n))
    noisy = np.where(rank < numbers[:, None], wrong, labels)
    return Subsets(n, _all_rows(len(levels), n), "label_noise", levels, labels=noisy, test_labels=SPLIT)


def weighted(weights: ArrayLike) -> Subsets:
    """All rows, weighted in each subset by a row of ``weights [F, n]``.

    With ``n * np.random.default_rng(0).dirichlet(np.ones(n), F)`` they are the Bayesian bootstrap (Rubin
    1981, Annals of Statistics 9).
    """
    array = np.asarray(checks.as_array(weights, "weights"))
    if array.ndim != 2:
        raise ArgumentError("weights", f"expected shape [F, n], got {list(array.shape)}")
    number, n = array.shape
    return Subsets(n, _all_rows(number, n), weights=array)


def _as_pairs(pairs: object, n: int) -> Sequence[Cut]:
    """Pairs of rows of ``n``, copied and checked, or `Pairs` as they are."""
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
        raise ArgumentError("pairs", _HELD_OUT_BY_SOME)
    return cuts


def _drawn_array(number: int, n: int, dtype: np.dtype) -> np.ndarray:
    """An array ``[number, n]`` for draws; raises ArgumentError where it does not fit into memory."""
    needed = float(number) * n * dtype.itemsize
    memory.check("number", needed, sizes=f", for {number} draws of {n} rows")
    return np.empty((number, n), dtype)


def _blocks(number: int, n: int) -> Iterator[slice]:
    """Draws to make at a time, of ``n`` rows each."""
    step = max(1, _DRAWN_TOGETHER // n)
    return (slice(first, first + step) for first in range(0, number, step))


# Functions of a module, with their arrays bound to them, since subsets travel between processes.
def _all_but(n: int, f: int) -> Cut:
    rows = np.arange(n)
    return np.delete(rows, f), rows[f : f + 1]


def _draw_and_others(drawn: np.ndarray, f: int) -> Cut:
    left_out = np.ones(drawn.shape[1], bool)
    left_out[drawn[f]] = False
    return drawn[f].astype(int), np.flatnonzero(left_out)


def _marked_and_others(included: np.ndarray, f: int) -> Cut:
    return np.flatnonzero(included[f]), np.flatnonzero(~included[f])


def _everything(n: int, f: int) -> Cut:
    return np.arange(n), np.zeros(0, int)


def _all_rows(number: int, n: int) -> Pairs:
    return Pairs(number, n, number * n, functools.partial(_everything, n))


def as_row_numbers(numbers: ArrayLike, n: int, least: int = 1) -> np.ndarray:
    """Row numbers of a part, copied, int64; fewer than ``least``, or others, raise ValueError."""
    expected = f"expected row numbers from 0 to {n - 1}, at least one a part"
    try:
        rows = np.array(numbers)
    except ValueError:  # of sequences of different lengths
        raise ValueError(f"{expected}, got {checks.shown(numbers)}") from None
    if least == 0 and rows.shape == (0,):
        return rows.astype(np.int64)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        got = np.array2string(rows, threshold=9)
        raise ValueError(f"{expected}, got {got}")
    return rows.astype(np.int64)


def _listed_pairs(pairs: object) -> list[Any]:
    """A list of at least one pair; the parts are checked later."""
    expected = "expected pairs (rows to train on, rows held out), at least one"
    if isinstance(pairs, Mapping | str | bytes) or not isinstance(pairs, Iterable):
        raise ArgumentTypeError("pairs", f"{expected}, got {checks.shown(pairs)}")
    listed = list(pairs)
    if not listed:
        raise ArgumentError("pairs", f"{expected}, got none")
    for f, pair in enumerate(listed):
        if not checks.is_several(pair) or len(pair) != 2:
            raise ArgumentTypeError("pairs", f"{expected}, got {checks.shown(pair)} at index [{f}]")
    return listed


def _as_values(values: ArrayLike, argument: str, length: int | None = None) -> np.ndarray:
    """Numbers or words, copied: ``[length]``, or any length but 0; none of them missing."""
    # As they were given: among words NumPy makes a word of NaN, and of None.
    items = np.asarray(values, dtype=object).ravel().tolist()
    for i, item in enumerate(items):
        if _is_missing(item):
            got = f"{checks.shown(item)} at index [{i}]"
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
            got = f"{checks.shown(item)} at index [{i}]"
            raise ArgumentError(argument, f"expected words in UTF-8, got {got}") from None
    return np.array(words)


def _is_missing(value: object) -> bool:
    """Whether a value is None, infinite, or like NaN and pandas' NA not equal to itself."""
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return not math.isfinite(value)
    try:
        return not bool(value == value)
    except (TypeError, ValueError):  # of NA, which is neither equal nor not; of arrays
        return True
