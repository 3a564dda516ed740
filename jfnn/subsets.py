"""Subsets of the training rows, an axis of `jfnn.sweep`: pass a `Subsets` as ``folds``.

Networks of small tables, all at once: one for each bootstrap draw, number of rows, series, client, share of
wrong labels or set of row weights.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets.splits import as_size

Cut = tuple[np.ndarray, np.ndarray]  # rows to train on, rows held out


@dataclasses.dataclass(frozen=True, eq=False)
class Subsets:
    """Rows that each subset trains on and rows that it holds out: an axis ``[F]`` behind the seeds.

    Where no rows are held out, cells rank on the test rows, or without these on the rows they train on.

    Attributes:
        n: Training rows of the split.
        pairs: ``(rows to train on, rows held out)`` of each subset, numbers from 0 to ``n - 1``. A row to
            train on may occur several times, and then counts as often, in scores too. All subsets hold
            rows out, or none does.
        name: Of the axis in `SweepResult.subset_values` and as a column of its table; None for none.
        values: ``[F]``, numbers or words along that axis; None without a name.
        weights: How often each row's cost counts in each subset ``[F, n]``, times the split's weights.
        labels: ``[F, n]``, or targets ``[F, n, n_out]``, in place of the split's, where a subset trains on
            them; rows held out keep the split's.
        own_starts: Whether subset ``f`` with seed ``s`` has the start and the minibatches of the seed
            ``s F + f``, as in ``jfnn.train(…, seed=s * F + f, fold=f)``; else those of the seed ``s``. Given
            starts and minibatches then have a leading axis of all seeds times all subsets.

    Raises:
        ValueError, TypeError: Invalid rows, lengths that differ, or weights below 0.
    """

    n: int
    pairs: Sequence[tuple[Any, Any]]
    name: str | None = None
    values: Any = None
    weights: Any = None
    labels: Any = None
    own_starts: bool = False

    def __post_init__(self) -> None:
        n, pairs = checks.as_count(self.n, "n"), list(self.pairs)
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise ArgumentError("pairs", "expected pairs of row numbers, at least one")
        try:
            cuts = [(as_rows(train, n), as_rows(held, n, least=0)) for train, held in pairs]
        except ValueError as error:
            raise ArgumentError("pairs", str(error)) from None
        if len({len(held) > 0 for _, held in cuts}) > 1:
            raise ArgumentError("pairs", "expected rows held out by all subsets or by none, got some without")
        if (self.name is None) != (self.values is None):
            raise ArgumentError("values", "expected a name and values, or neither")
        given: dict[str, Any] = {"n": n, "pairs": cuts}
        given["own_starts"] = checks.as_switch(self.own_starts, "own_starts")
        if self.name is not None:
            paths.check_name(self.name, "name")
            given["values"] = _as_values(self.values, "values", len(cuts))
        for name in ("weights", "labels"):
            if getattr(self, name) is not None:
                array = np.array(checks.as_array(getattr(self, name), name))
                if array.shape[:2] != (len(cuts), n) or (name == "weights" and array.ndim > 2):
                    raise ArgumentError(name, f"expected shape {[len(cuts), n]}, got {list(array.shape)}")
                checks.check_values(array, name)
                given[name] = array
        if self.weights is not None and given["weights"].min() < 0:
            raise ArgumentError("weights", "expected numbers of at least 0")
        vars(self).update(given)

    @property
    def holds_out(self) -> bool:
        """Whether subsets hold rows out."""
        return len(self.pairs[0][1]) > 0

    @property
    def axis(self) -> dict[str, np.ndarray]:
        """The name of the axis -> its values ``[F]``; empty without a name."""
        return {} if self.name is None else {self.name: self.values}

    @property
    def included(self) -> np.ndarray:
        """Whether each subset trains on each row ``[F, n]``: rows that are there and weigh more than 0."""
        rows = np.zeros((len(self.pairs), self.n), bool)
        for f, (train, _) in enumerate(self.pairs):
            rows[f, train] = True
        return rows if self.weights is None else rows & (self.weights > 0)


def bootstrap(n: int, number: int, seed: int = 0, own_starts: bool = False) -> Subsets:
    """Bootstrap draws; the rows that a draw leaves out, about n/e, are held out.

    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 6. The rows of draw ``f`` are
    ``np.random.default_rng(seed).integers(n, size=(number, n))[f]``.

    Args:
        n: Training rows.
        number: Draws ``F``.
        seed: Fixes the draws.
        own_starts: As of `Subsets`.
    """
    n, number = checks.as_count(n, "n", 2), checks.as_count(number, "number")
    drawn = np.random.default_rng(checks.as_seed(seed)).integers(n, size=(number, n))
    left_out = np.ones((number, n), bool)
    np.put_along_axis(left_out, drawn, False, axis=1)
    pairs = [(rows, np.flatnonzero(out)) for rows, out in zip(drawn, left_out, strict=True)]
    return Subsets(n, pairs, own_starts=own_starts)


def leave_one_out(n: int) -> Subsets:
    """All rows but one, which is held out: n subsets, in the order of the rows; "left_out" is its number."""
    rows = np.arange(checks.as_count(n, "n", 2))
    return Subsets(n, [(np.delete(rows, i), rows[i : i + 1]) for i in rows], "left_out", rows)


def shares(n: int, share: float | int, number: int, seed: int = 0, own_starts: bool = False) -> Subsets:
    """Random subsets without replacement; all other rows are held out.

    They are those of ``sklearn.model_selection.ShuffleSplit(number, train_size=share, random_state=seed)``.
    With a start of each one's own they are the networks of Feldman & Zhang 2020, "What neural networks
    memorize and why", NeurIPS.

    Args:
        n: Training rows.
        share: Share (float) or number (int) of rows to train on.
        number: Subsets ``F``.
        seed: Fixes the draws.
        own_starts: As of `Subsets`.
    """
    from sklearn.model_selection import ShuffleSplit

    n = checks.as_count(n, "n", 2)
    as_size(share, n, "share")
    splitter = ShuffleSplit(
        checks.as_count(number, "number"), train_size=share, random_state=checks.as_seed(seed)
    )
    try:
        return Subsets(n, list(splitter.split(np.zeros((n, 1)))), own_starts=own_starts)
    except ValueError as error:  # a share of less than one row
        raise ArgumentError("share", " ".join(str(error).split())) from None


def sizes(n: int, counts: Sequence[int], seed: int = 0) -> Subsets:
    """Nested subsets of several numbers of rows, "rows": each holds the smaller ones.

    Subset ``f`` is ``np.random.default_rng(seed).permutation(n)[: counts[f]]``. All hold out the rows behind
    the largest one, if there are any.

    Args:
        n: Training rows.
        counts: Rows of each subset, at most ``n``.
        seed: Fixes the permutation.
    """
    n, several = checks.as_count(n, "n"), checks.as_counts(counts, "counts")
    if not several or max(several) > n:
        raise ArgumentError("counts", f"expected one or more numbers of rows from 1 to {n}, got {several}")
    order = np.random.default_rng(checks.as_seed(seed)).permutation(n)
    return Subsets(n, [(order[:count], order[max(several) :]) for count in several], "rows", several)


def by_group(
    groups: ArrayLike, held_out: float | None = None, seed: int | None = 0, own_starts: bool = False
) -> Subsets:
    """A subset for each group, such as series or clients of one table, in sorted order: "group".

    Of m rows ⌈``held_out`` m⌉ are held out: the least by ``np.random.default_rng(seed).random(n)``.

    Args:
        groups: Numbers or words ``[n]``, one for each training row.
        held_out: Share of each group's rows to hold out, or None.
        seed: Fixes the rows held out; None to hold out the last ones of each group.
        own_starts: As of `Subsets`.
    """
    labels = _as_values(groups, "groups")
    n = len(labels)
    names, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    held = np.zeros(len(names), int)
    if held_out is not None:
        if not 0 < checks.as_number(held_out, "held_out") < 1:
            raise ArgumentError("held_out", f"expected a share between 0 and 1, got {held_out}")
        held = np.ceil(held_out * counts).astype(int)
        if (held == counts).any():
            name = names[held == counts][0]
            raise ArgumentError("held_out", f"expected some rows left to train on, but group {name} has none")
    order = -np.arange(n) if seed is None else np.random.default_rng(checks.as_seed(seed)).random(n)
    rows = np.split(np.lexsort((order, group)), np.cumsum(counts)[:-1])
    pairs = [(np.sort(r[h:]), np.sort(r[:h])) for r, h in zip(rows, held, strict=True)]
    return Subsets(n, pairs, "group", names, own_starts=own_starts)


def label_noise(y: ArrayLike, shares: Sequence[float], seed: int = 0, classes: int | None = None) -> Subsets:
    """All rows, with another label for a share of them: "label_noise".

    At share p the first ``round(p n)`` rows of ``rng.permutation(n)`` have the label ``(y + shift) % classes``
    with ``shift = rng.integers(1, classes, n)``, in this order of ``rng = np.random.default_rng(seed)``. No
    changed label is the right one, and a label that changes stays so at larger shares.

    Args:
        y: Integer labels ``[n]`` of the training rows.
        shares: From 0 to 1, one for each subset.
        seed: Fixes rows and labels.
        classes: Number of classes; None for the largest label and 1.
    """
    labels = np.asarray(checks.as_array(y, "y"))
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ArgumentTypeError("y", f"expected integer labels [n], got {labels.dtype} {list(labels.shape)}")
    n, levels = len(labels), checks.as_axis(shares, "shares")
    number = int(labels.max()) + 1 if classes is None else checks.as_count(classes, "classes")
    if number < 2 or labels.min() < 0 or labels.max() >= number:
        raise ArgumentError("classes", f"expected labels from 0 to {number - 1} of at least 2 classes")
    if levels.max() > 1:
        raise ArgumentError("shares", f"expected numbers from 0 to 1, got {levels.max():g}")
    rng = np.random.default_rng(checks.as_seed(seed))
    place = np.argsort(rng.permutation(n))
    changed = (labels + rng.integers(1, number, n)) % number
    noisy = np.where(place < np.round(levels * n)[:, None], changed, labels)
    return Subsets(n, [(np.arange(n), ())] * len(levels), "label_noise", levels, labels=noisy)


def weighted(weights: ArrayLike, own_starts: bool = False) -> Subsets:
    """All rows, weighted in each subset by a row of ``weights [F, n]``.

    Weights ``n * np.random.default_rng(0).dirichlet(np.ones(n), F)`` are the Bayesian bootstrap (Rubin 1981,
    Annals of Statistics 9).
    """
    array = np.asarray(checks.as_array(weights, "weights"))
    if array.ndim != 2:
        raise ArgumentError("weights", f"expected shape [F, n], got {list(array.shape)}")
    number, n = array.shape
    return Subsets(n, [(np.arange(n), ())] * number, weights=array, own_starts=own_starts)


def as_rows(numbers: ArrayLike, n: int, least: int = 1) -> np.ndarray:
    """Row numbers of a part, copied; fewer than ``least``, or numbers of other rows, raise ValueError."""
    rows = np.array(numbers)
    if least == 0 and rows.shape == (0,):
        return rows.astype(int)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        got = np.array2string(rows, threshold=9)
        raise ValueError(f"expected row numbers from 0 to {n - 1}, at least one a part, got {got}")
    return rows


def _as_values(values: ArrayLike, argument: str, length: int | None = None) -> np.ndarray:
    """Numbers or words, copied: ``[length]``, or any length but 0."""
    array = np.array(values)
    array = array.astype(str) if array.dtype.kind in "OS" else array
    if array.ndim != 1 or len(array) != (length or len(array) or 1):
        raise ArgumentError(argument, f"expected shape [{length or 'n'}], got {list(array.shape)}")
    if array.dtype.kind not in "iufbU":
        raise ArgumentTypeError(argument, f"expected numbers or words, got {array.dtype}")
    return array
