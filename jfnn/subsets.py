"""Subsets of rows for `jfnn.sweep`: one network per draw, size, group, target or rate of label noise."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.unknown import suggest_names
from jfnn.core.experiment.subsets import (
    HELD_OUT_BY_SOME,
    SPLIT,
    Cut,
    Pairs,
    Subsets,
    as_row_numbers,
    as_values,
)
from jfnn.split import as_size

__all__ = [
    "Cut",
    "Subsets",
    "bootstrap",
    "by_group",
    "independent",
    "label_noise",
    "leave_one_out",
    "shares",
    "shuffled",
    "sizes",
    "targets",
    "weighted",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)


def bootstrap(n: int, number: int, seed: int = 0, start_per_subset: bool = False) -> Subsets:
    """Draw n of n rows with replacement; rows that a draw omits, about n/e, are held out.

    Draw f is ``np.random.default_rng(seed).integers(n, size=(number, n))[f]`` (Efron & Tibshirani 1993, "An
    Introduction to the Bootstrap", chapter 6). Row numbers are stored in 1, 2 or 4 bytes each.

    Example:
        >>> import jfnn
        >>> jfnn.subsets.bootstrap(100, 20).included.shape  # which of 100 rows each of 20 subsets has
        (20, 100)
    """
    number = checks.as_count(number, "number")
    n = checks.as_count(n, "n", 2)
    drawn = _drawn_array(number, n, np.min_scalar_type(n - 1))
    held_out = np.zeros(number, int)  # number of rows per draw
    rng = np.random.default_rng(checks.as_seed(seed))
    for f in range(number):
        drawn[f] = rng.integers(n, size=n)
        held_out[f] = (np.bincount(drawn[f], minlength=n) == 0).sum()
    if held_out.any() and not held_out.all():
        raise ArgumentError("pairs", HELD_OUT_BY_SOME)
    pairs = Pairs(number, n, drawn.size + int(held_out.sum()), functools.partial(_draw_and_others, drawn))
    return Subsets(n, pairs, start_per_subset=start_per_subset, called="bootstrap")


def leave_one_out(n: int) -> Subsets:
    """Hold out one row in each of n subsets, in the order of the rows; the axis "left_out" has its number.

    Example:
        >>> import jfnn
        >>> train, held_out = jfnn.subsets.leave_one_out(4).pairs[1]
        >>> train, held_out
        (array([0, 2, 3]), array([1]))
    """
    n = checks.as_count(n, "n", 2)
    return Subsets(n, Pairs(n, n, n * n, functools.partial(_all_but, n)), "left_out", np.arange(n))


def shares(n: int, share: float | int, number: int, seed: int = 0, start_per_subset: bool = False) -> Subsets:
    """Draw a share or number of rows without replacement; all other rows are held out.

    ``sklearn.model_selection.ShuffleSplit(number, train_size=share, random_state=seed)`` draws the same rows.
    Feldman & Zhang (2020, "What neural networks memorize and why", NeurIPS) need ``start_per_subset``.
    """
    from sklearn.model_selection import ShuffleSplit

    as_size(share, checks.as_count(n, "n", 2), "share")
    number = checks.as_count(number, "number")
    seed = checks.as_seed(seed)
    memory.check("number", 16.0 * number * n, sizes=f", for {number} draws of {n} rows")
    splitter = ShuffleSplit(number, train_size=share, random_state=seed)
    try:
        pairs = list(splitter.split(np.zeros((n, 1))))
    except ValueError as error:  # a share of less than one row
        raise ArgumentError("share", " ".join(str(error).split())) from None
    return Subsets(n, pairs, start_per_subset=start_per_subset)


def independent(
    n: int, probability: float, number: int, seed: int = 0, start_per_subset: bool = False
) -> Subsets:
    """Include each row with a given probability, independently; rows that a draw omits are held out.

    Draw f is ``np.random.default_rng(seed).random((number, n))[f] < probability``. Subsets drawn with
    probability 1/2 serve for Banzhaf values (Wang & Jia 2023): `jfnn.analysis.influence` on their utilities.
    """
    number = checks.as_count(number, "number")
    n = checks.as_count(n, "n", 2)
    chance = checks.as_number(probability, "probability", strict=True)
    included = _drawn_array(number, n, np.dtype(bool))
    rng = np.random.default_rng(checks.as_seed(seed))
    for f in range(number):
        included[f] = rng.random(n) < chance
    counts = included.sum(axis=1)
    one_sided = np.flatnonzero((counts == 0) | (counts == n))
    if len(one_sided):
        got = f"{counts[one_sided[0]]} of {n} in draw {one_sided[0]}"
        raise ArgumentError("probability", f"expected draws that include and omit rows, got {got}")
    pairs = Pairs(number, n, included.size, functools.partial(_draw_and_others, included))
    return Subsets(n, pairs, start_per_subset=start_per_subset)


def sizes(
    n: int, counts: Sequence[int], seed: int = 0, draws: int = 1, start_per_subset: bool = False
) -> Subsets:
    """Nested subsets with several numbers of rows, in one or more random orders: the axis "rows".

    Subset ``d * len(counts) + c`` has the first ``counts[c]`` rows of order d, the d-th
    ``rng.permutation(n)`` of ``rng = np.random.default_rng(seed)``. Rows that no subset of an order contains
    are held out in its subsets.

    Example:
        >>> import jfnn
        >>> subsets = jfnn.subsets.sizes(1000, [10, 100, 500])
        >>> subsets.axis
        {'rows': array([ 10, 100, 500])}
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
    """One subset per group, such as the series or clients of a table, in sorted order: the axis "group".

    `SweepResult.best` averages over groups; `jfnn.analysis.best_of_subsets` returns the best cell of each.

    Args:
        groups: Numbers or words, one per training row ``[n]``; bytes are decoded as UTF-8.
        held_out: Share of each group's m rows to hold out, ``⌈held_out m⌉`` with the product rounded to six
            digits, so that 0.07 of 100 rows are 7; or None.
        seed: Holds out the rows with the smallest values of ``np.random.default_rng(seed).permutation(n)``,
            which does not depend on data drawn with the same seed; None holds out the last rows.
        start_per_subset: Whether groups differ in initial parameters and minibatches; see `Subsets`.

    Raises:
        ValueError, TypeError: A row without a group (None, NaN, …) or with an infinite one; a share that
            leaves a group without rows.

    Example:
        >>> import jfnn
        >>> subsets = jfnn.subsets.label_noise([0, 0, 1, 1], [0.0, 0.5])
        >>> subsets.labels.shape
        (2, 4)
    """
    labels = as_values(groups, "groups")
    names, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = 0.0 if held_out is None else checks.as_number(held_out, "held_out", strict=True)
    left_out = np.ceil(_part_of(min(share, 1.0), counts)).astype(int)
    if (left_out >= counts).any():
        name = names[left_out >= counts][0]
        raise ArgumentError(
            "held_out", f"expected a share that leaves rows to train on in each group, got none in {name}"
        )
    last: np.ndarray = -np.arange(len(labels))
    order = last if seed is None else np.random.default_rng(checks.as_seed(seed)).permutation(len(labels))
    rows = np.split(np.lexsort((order, group)), np.cumsum(counts)[:-1])
    pairs = [(np.sort(r[h:]), np.sort(r[:h])) for r, h in zip(rows, left_out, strict=True)]
    return Subsets(len(labels), pairs, "group", names, start_per_subset=start_per_subset, called="group")


def label_noise(y: ArrayLike, shares: Sequence[float], seed: int = 0, classes: int | None = None) -> Subsets:
    """All rows, a share of which have a wrong label: the axis "label_noise".

    At share p, the first ``round(p n)`` rows of ``rng.permutation(n)`` have labels ``(y + shift) % classes``
    with ``shift = rng.integers(1, classes, n)``, drawn in this order with ``rng =
    np.random.default_rng(seed)``: a label wrong at one share is wrong at all larger ones. ``p n`` is rounded
    to six digits, then to a whole number, halves to even. Test rows keep the split's labels.

    Args:
        y: Integer labels of the training rows ``[n]``.
        shares: Shares from 0 to 1, one per subset.
        seed: Fixes rows and labels.
        classes: Number of classes; None for one more than the largest label.

    Example:
        >>> import jfnn
        >>> jfnn.subsets.shuffled([0, 0, 1, 1], 3).shape
        (4, 3)
    """
    labels = np.asarray(checks.as_array(y, "y"))
    levels = checks.as_axis(shares, "shares")
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise ArgumentTypeError("y", f"expected integer labels [n], got {labels.dtype} {list(labels.shape)}")
    n = len(labels)
    number = int(labels.max()) + 1 if classes is None else checks.as_count(classes, "classes")
    if number < 2 or labels.min() < 0 or labels.max() >= number:
        got = f"{number} and labels from {labels.min()} to {labels.max()}"
        least = f"expected at least 2, and labels from 0 to {max(number, 2) - 1}"
        raise ArgumentError("classes", least, got=got)
    if levels.max() > 1:
        raise ArgumentError("shares", f"expected numbers from 0 to 1, got {levels.max():g}")
    rng = np.random.default_rng(checks.as_seed(seed))
    rank = np.argsort(rng.permutation(n))
    labels = labels.astype(np.int64)  # NumPy adds unsigned and signed integers as floats
    wrong = (labels + rng.integers(1, number, n)) % number
    numbers = np.round(_part_of(levels, n))
    noisy = np.where(rank < numbers[:, None], wrong, labels)
    return Subsets(n, _all_rows(len(levels), n), "label_noise", levels, labels=noisy, test_labels=SPLIT)


def shuffled(y: ArrayLike, number: int, seed: int = 0, groups: ArrayLike | None = None) -> np.ndarray:
    """Control targets: the labels of each target in random order, unrelated to the inputs.

    Column ``t * number + b`` is ``y[np.argsort(permutation), t]`` with the ``t * number + b``-th
    ``permutation = rng.permutation(n)`` of ``rng = np.random.default_rng(seed)``; with groups, each group's
    own labels are sorted by these numbers. Each column keeps the label frequencies, with groups also within
    each group (a restricted permutation, for rows that are alike within sentences, people or sessions).

    A permutation test shuffles the labels of all rows together, including test rows, and splits them
    afterwards::

        controls = jfnn.subsets.shuffled(np.concatenate([y, y_test]), 99)
        controls, controls_test = controls[: len(y)], controls[len(y) :]

    With training and test rows as groups, each part keeps its label frequencies, as in stratified splits.

    Args:
        y: Labels or numbers of T targets ``[n, T]``, or of one ``[n]``.
        number: Number of control targets per target.
        seed: Fixes the orders.
        groups: Numbers or words, one per row ``[n]``; None for a single group.

    Returns:
        ``[n, T * number]``, the controls of the first target first, in the dtype of ``y``.

    Raises:
        ValueError, TypeError: No rows, another shape, or rows without a group.
    """
    values = checks.as_numbers(y, "y")
    if values.ndim not in (1, 2) or not values.size:
        raise ArgumentError("y", "expected [n] or [n, targets]", got=str(list(values.shape)))
    columns = values.reshape(len(values), -1)
    n, targets = columns.shape
    number = checks.as_count(number, "number")
    rng = np.random.default_rng(checks.as_seed(seed))
    group = np.zeros(n, int)
    if groups is not None:
        _, group = np.unique(as_values(groups, "groups", n), return_inverse=True)
    needed = float(values.itemsize) * n * targets * number
    memory.check("number", needed, sizes=f", for {number} controls of {targets} targets")
    rows = np.argsort(group, kind="stable")
    controls = np.empty((n, targets * number), values.dtype)
    for column in range(targets * number):
        order = np.lexsort((rng.permutation(n), group))
        controls[rows, column] = columns[order, column // number]
    return controls


def targets(
    y: np.ndarray | Sequence[Sequence[float]],
    names: Sequence[str] | None = None,
    *,
    held_out: float | Sequence[int] | np.ndarray | None = None,
    seed: int = 0,
    rows: Subsets | None = None,
    start_per_subset: bool = False,
) -> Subsets:
    """One subset per column of the targets, each learned alone from the same inputs: the axis "target".

    The split has all columns, also for test rows: ``sweep(network, Split(x, y, x_test, y_test),
    folds=targets(y, …))``. Members with the same seed see the same minibatches, so that a step reads its
    inputs once for all targets and cells and, for a linear network, in one matrix product. All targets must
    have the same number of classes.

    `SweepResult.best` averages over targets, for one cell that suits all; `jfnn.analysis.best_of_subsets`
    returns the best cell of each.

    Args:
        y: Targets of the training rows: labels or numbers ``[n, T]``, or ``[n, T, n_out]``.
        names: A name for each target ``[T]``; None for their numbers.
        held_out: Share or number of rows to hold out, drawn without replacement like
            ``sklearn.model_selection.train_test_split(…, random_state=seed)``, or row numbers; the same for
            every target. None to hold out no rows.
        seed: Seed of that draw.
        rows: Instead of ``held_out``, subsets such as `sizes`: each target is learned from each subset, with
            the subsets of one target side by side, ``F = T len(rows.pairs)``.
        start_per_subset: Whether targets differ in initial parameters and minibatches; see `Subsets`.

    Raises:
        ValueError, TypeError: Invalid targets; names or rows that do not fit them; subsets with labels.
    """
    array = np.asarray(checks.as_array(y, "y"))
    if array.dtype.kind in "OSU":
        cure = "np.unique(column, return_inverse=True)[1] converts a column of words to labels"
        raise ArgumentTypeError("y", "expected labels or numbers", got=f"dtype {array.dtype}", cure=cure)
    checks.check_numbers(array, "y")
    if array.ndim not in (2, 3) or not array.size:
        expected = "expected a column for each target: labels or numbers [n, T], or targets [n, T, outputs]"
        raise ArgumentError("y", expected, got=str(list(array.shape)))
    checks.check_values(array, "y")
    n, number = array.shape[:2]
    seed = checks.as_seed(seed)
    called = np.arange(number) if names is None else as_values(np.asarray(names), "names", number)
    paths.check_each_once(list(map(str, called)), "names")
    cuts: Sequence[Cut] = [_hold_out(n, held_out, seed)] if rows is None else _of(rows, n, held_out)
    columns = np.repeat(np.arange(number), len(cuts))
    row_numbers = number * sum(len(train) + len(held) for train, held in cuts)
    pairs = Pairs(len(columns), n, row_numbers, functools.partial(_cycle, cuts))
    weights = None if rows is None or rows.weights is None else np.tile(rows.weights, (number, 1))
    return Subsets(
        n,
        pairs,
        "target",
        called[columns],
        weights=weights,
        start_per_subset=checks.as_switch(start_per_subset, "start_per_subset"),
        called="target",
        columns=columns,
    )


def weighted(weights: ArrayLike) -> Subsets:
    """All rows, weighted in each subset by a row of ``weights [F, n]``.

    ``n * np.random.default_rng(0).dirichlet(np.ones(n), F)`` gives the Bayesian bootstrap (Rubin 1981, Annals
    of Statistics 9).
    """
    array = np.asarray(checks.as_array(weights, "weights"))
    if array.ndim != 2:
        raise ArgumentError("weights", f"expected shape [F, n], got {list(array.shape)}")
    number, n = array.shape
    return Subsets(n, _all_rows(number, n), weights=array)


def _hold_out(n: int, held_out: float | Sequence[int] | np.ndarray | None, seed: int) -> Cut:
    """Return the rows to train on and the rows held out, both in order."""
    from sklearn.model_selection import train_test_split

    everything = np.arange(n)
    if held_out is None:
        return everything, np.zeros(0, int)
    if n < 2:
        raise ArgumentError("y", "expected rows to train on and rows to hold out, got a single row")
    if isinstance(held_out, numbers.Real):
        count = as_size(held_out, n, "held_out")
        kept, out = train_test_split(everything, test_size=count, random_state=seed)
        return np.sort(kept), np.sort(out)
    given = checks.as_numbers(held_out, "held_out")
    try:
        out = as_row_numbers(given, n)
    except ValueError as error:
        raise ArgumentError("held_out", " ".join(str(error).split())) from None
    kept = np.setdiff1d(everything, out)
    if not len(kept):
        raise ArgumentError("held_out", "expected some rows left to train on, got all rows")
    return kept, out


def _of(rows: Subsets, n: int, held_out: object) -> Sequence[Cut]:
    """Check the subsets that targets are combined with; return their pairs."""
    checks.check_instance(rows, Subsets, "rows")
    if held_out is not None:
        raise ArgumentError("held_out", "expected either held_out or rows, got both")
    if rows.n != n:
        raise ArgumentError("y", f"expected the {rows.n} rows of the subsets, got {n}")
    if rows.labels is not None or rows.columns is not None:
        raise ArgumentError("rows", "expected subsets with the split's targets, got some with their own")
    return list(rows.pairs)


def _drawn_array(number: int, n: int, dtype: np.dtype) -> np.ndarray:
    """Allocate an array ``[number, n]`` for draws; raise ArgumentError if it does not fit into memory."""
    needed = float(number) * n * dtype.itemsize
    memory.check("number", needed, sizes=f", for {number} draws of {n} rows")
    return np.empty((number, n), dtype)


# Module-level functions with bound arrays, because subsets are pickled for other processes.
def _all_but(n: int, f: int) -> Cut:
    rows = np.arange(n)
    return np.delete(rows, f), rows[f : f + 1]


def _draw_and_others(drawn: np.ndarray, f: int) -> Cut:
    """Return the rows of a draw, given as row numbers or a mask, and all other rows."""
    rows = np.arange(drawn.shape[1])
    left_out = np.ones(len(rows), bool)
    left_out[drawn[f]] = False
    return rows[drawn[f]], np.flatnonzero(left_out)


def _cycle(cuts: Sequence[Cut], f: int) -> Cut:
    return cuts[f % len(cuts)]


def _all_rows(number: int, n: int) -> Pairs:
    return Pairs(number, n, number * n, functools.partial(_cycle, [(np.arange(n), np.zeros(0, int))]))


def _part_of(share: object, number: Any) -> np.ndarray:
    """Return fractions times numbers, rounded to six decimals: 0.07 of 100 is 7, not 7.000000000000001."""
    return np.asarray(np.round(np.asarray(share, np.float64) * number, 6))
