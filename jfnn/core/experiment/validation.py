"""Rows to train on and rows held out: scikit-learn's splits, checked."""

import dataclasses
import numbers
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.subsets import Cut, Pairs, Subsets, as_row_numbers
from jfnn.learners.data import Data
from jfnn.split import Split, as_size

# Bytes per row number in a pair, and in the arrays of all folds' training rows on the host and a device.
IN_PAIR = 8.0
IN_FOLDS = 8.0
IN_WEIGHTS = 3.0  # copies of the weights of all subsets: two here, one on a device


def cuts(data: Data, size: float | int | None, folds: int | Iterable[object] | Subsets | None) -> list[Cut]:
    """Return the row numbers to train on and to validate on, one pair per fold.

    ``size`` is a share or number of training rows to hold out, or None. ``folds`` are as in `jfnn.sweep`; a
    number of folds splits the rows without shuffling.
    """
    if size is not None and folds is not None:
        raise ArgumentError("folds", "expected either folds or validation, got both")
    pairs = [(np.arange(data.n_train), np.zeros(0, int))]
    if isinstance(folds, Subsets):
        if folds.n != data.n_train:
            raise ArgumentError("folds", f"expected subsets of {data.n_train} rows, got some of {folds.n}")
        pairs = _all_pairs(folds)
    elif folds is not None:
        pairs = _folds(data, folds)
    elif size is not None:
        pairs = [_hold_out(data.n_train, size)]
    if folds is not None:
        longest = max(len(train) for train, _ in pairs)
        sizes = f", for {len(pairs)} times {longest} row numbers"
        memory.check("folds", IN_FOLDS * len(pairs) * longest, sizes=sizes)
        if not (isinstance(folds, Subsets) and isinstance(folds.pairs, Pairs)):
            _check_apart(data, pairs)
    _check_counted(data, [train for train, _ in pairs], held_out=False)
    _check_counted(data, [held_out for _, held_out in pairs], held_out=True)
    return pairs


def _check_counted(data: Data, parts: Sequence[np.ndarray], held_out: bool) -> None:
    """Raise ArgumentError if all rows of a part have weight 0 in some fold."""
    for fold, rows in enumerate(parts):
        counted = data.counted_rows(rows, held_out, fold)
        if counted is not None and not counted.any():
            which = "the rows held out" if held_out else "the training rows"
            if len(parts) > 1:
                which = f"the rows that fold {fold} {'holds out' if held_out else 'learns from'}"
            cure = "; jfnn.subsets.Subsets(weights=…) affects training rows only" if held_out else ""
            reason = f"expected some above 0, but {which} all weigh 0 in {data.dtype}{cure}"
            raise ArgumentError("weights", reason)


def _check_apart(data: Data, pairs: Sequence[Cut]) -> None:
    """Raise ArgumentError if a fold holds out rows that it also trains on."""
    trained = np.zeros(data.n_train, bool)
    for fold, (train, held_out) in enumerate(pairs):
        counted = data.counted_rows(train, held_out=False, fold=fold)
        trained[:] = False
        trained[train if counted is None else train[counted]] = True
        both = held_out[trained[held_out]]
        if len(both):
            expected = "expected folds that hold out none of the rows that they train on"
            got = f"{len(both)} rows, such as row {both[0]}, in both parts of fold {fold}"
            cure = "leave the held-out part empty in all folds to train on chosen rows only"
            raise ArgumentError("folds", expected, got=got, cure=cure)


def _all_pairs(subsets: Subsets) -> list[Cut]:
    """Return the pairs of all subsets; raise ArgumentError if a sweep of them does not fit into memory."""
    pairs = subsets.pairs
    if isinstance(pairs, Pairs):
        sizes = f", for the rows of {len(pairs)} subsets"
        memory.check("folds", (IN_PAIR + IN_FOLDS) * pairs.row_numbers, sizes=sizes)
    return list(pairs)


def _folds(data: Data, folds: int | Iterable[object]) -> list[Cut]:
    from sklearn.model_selection import check_cv

    labels = data.labels
    if isinstance(folds, numbers.Integral | float):
        most = data.n_train if labels is None else int(np.unique(labels, return_counts=True)[1].max())
        rows = "rows" if labels is None else "rows of the largest class"
        if checks.as_count(folds, "folds", 2) > most:
            raise ArgumentError("folds", f"expected at most {most}, the number of {rows}, got {folds}")
    _check_listed(folds, data.n_train)
    try:
        splitter = check_cv(folds, labels, classifier=labels is not None)
        with warnings.catch_warnings():
            if isinstance(folds, numbers.Integral):  # `jfnn.core.experiment.doubts` warns in more detail
                warnings.filterwarnings("ignore", "The least populated class")
            pairs = list(splitter.split(np.zeros((data.n_train, 1)), labels))
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise ValueError("expected pairs of row numbers, at least one")
        n = data.n_train
        return [(as_row_numbers(train, n), as_row_numbers(test, n)) for train, test in pairs]
    except Exception as error:  # for example because the object is not a splitter
        reason = " ".join(str(error).split())
        cure = "pass list(splitter.split(x, y, groups))" if "groups" in reason else None
        raise ArgumentError("folds", reason, cure=cure) from None


def _check_listed(folds: object, n: int) -> None:
    """Raise ArgumentError for a splitter's class, and for lists and arrays of something else than pairs."""
    expected = "expected a number of folds, a splitter, or pairs (rows to train on, rows held out)"
    cure = None
    if isinstance(folds, type):
        cure = f"pass an object of the class, such as {folds.__name__}(5)"
    elif checks.is_several(folds):
        parts = [part for pair in folds if checks.is_several(pair) for part in pair]
        flat = not any(checks.is_several(part) for part in parts)
        if not parts and len(folds) == n:
            cure = "for the group of each row, pass list(GroupKFold(5).split(x, y, groups)) of scikit-learn"
        elif any(np.asarray(part).dtype == bool for part in parts):
            cure = "np.flatnonzero(mask) converts a mask to row numbers"
        elif len(folds) == 2 and parts and flat:
            cure = "pass one fold as [(rows to train on, rows held out)]"
        elif all(checks.is_several(pair) and len(pair) == 2 for pair in folds):
            return
    else:
        return
    raise ArgumentError("folds", expected, got=checks.as_text(folds), cure=cure)


def _hold_out(n: int, size: float | int) -> Cut:
    from sklearn.model_selection import train_test_split

    rows = as_size(size, n, "validation")
    train, validation = train_test_split(np.arange(n), test_size=rows, random_state=0)
    return np.sort(train), np.sort(validation)


class Labelled(NamedTuple):
    """A split with an additional row for every label that subsets change, and folds that use these rows.

    Attributes:
        split: The split; additional rows follow the training rows and the test rows.
        folds: The folds, as row numbers of this split.
        rows: Numbers of all training rows as each subset labels them ``[F, n]``; None without labels.
        tests: Numbers of all test rows, from 0, as each subset labels them ``[F, m]``, or ``[F, 0]`` if
            subsets have no test labels; None if all have the split's labels.
    """

    split: Split
    folds: Any
    rows: np.ndarray | None = None
    tests: np.ndarray | None = None


def with_labels(split: Split, folds: object) -> Labelled:
    """Add the labels of subsets to a split, if folds are `Subsets` with labels.

    Raises ArgumentError for labels of another shape or kind than the split's, or of missing test rows.
    """
    if not isinstance(folds, Subsets) or folds.labels is None:
        return Labelled(split, folds)
    n = folds.n
    rows, source, y_train = _relabel(split.y_train, folds.labels, "y_train")
    pairs = [(rows[f][train], rows[f][held_out]) for f, (train, held_out) in enumerate(_all_pairs(folds))]
    weights = None if folds.weights is None else folds.weights[:, [*range(n), *source]]
    changed = dataclasses.replace(
        folds, n=n + len(source), pairs=pairs, weights=weights, labels=None, test_labels=None
    )
    longer = split._replace(
        x_train=_longer(split.x_train, source), y_train=y_train, weights=_longer(split.weights, source)
    )
    tests = None
    if isinstance(folds.test_labels, np.ndarray):
        if split.x_test is None:
            raise ArgumentError("folds", "expected no test_labels, since the split has no test rows")
        tests, source, y_test = _relabel(split.y_test, folds.test_labels, "y_test")
        longer = longer._replace(x_test=_longer(split.x_test, source), y_test=y_test)
    elif folds.test_labels is None:
        tests = np.zeros((len(pairs), 0), int)
    return Labelled(longer, changed, rows, tests)


def _relabel(y: Any, labels: np.ndarray, argument: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Append to targets ``[n, …]`` every other label that a row has in the subsets' ``labels [F, n, …]``.

    Returns:
        Numbers of the rows as each subset labels them ``[F, n]``; for each appended row, the number of its
        row in ``y``; and all targets, in the dtype of ``y``.
    """
    y = np.asarray(checks.as_array(y, argument))
    if labels.shape[1:] != y.shape or (labels.dtype.kind in "iub") != (y.dtype.kind in "iub"):
        expected = f"{y.dtype} {list(y.shape)}"
        got = f"{labels.dtype} {list(labels.shape[1:])}"
        raise ArgumentError("folds", f"expected labels like {argument}, {expected}, got {got} per subset")
    n = len(y)
    fold, row = np.nonzero((labels != y).reshape(len(labels), n, -1).any(axis=-1))
    new = labels[fold, row].reshape(len(row), *y.shape[1:])
    keys = np.column_stack([row, new.reshape(len(row), int(np.prod(y.shape[1:])))])
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    numbers = np.tile(np.arange(n), (len(labels), 1))
    numbers[fold, row] = n + number.reshape(-1)
    return numbers, row[first], np.concatenate([y, checks.as_dtype(new[first], y.dtype, "folds")])


def _longer(tree: Any, source: np.ndarray) -> Any:
    """Append copies of some rows to arrays of rows."""

    def longer(leaf: object) -> np.ndarray:  # if x and y differ in length, `Learner.bind` raises the error
        array = np.atleast_1d(checks.as_array(leaf, "split"))
        return np.concatenate([array, array.take(source, axis=0, mode="clip")])

    return jax.tree.map(longer, tree, is_leaf=lambda leaf: isinstance(leaf, list))


def with_weights(data: Data, subsets: Subsets | None) -> Data:
    """Multiply the data's weights by those of subsets ``[F, n]``; test rows weigh 1."""
    if subsets is None or subsets.weights is None:
        return data
    number = len(subsets.weights)
    needed = IN_WEIGHTS * number * data.n * data.dtype.itemsize
    memory.check("folds", needed, sizes=f", for weights of {data.n} rows in {number} subsets")
    given = checks.as_dtype(subsets.weights, data.dtype, "weights")
    weights = np.pad(given, ((0, 0), (0, data.n - given.shape[1])), constant_values=1)
    of_split = data.weights
    return data._replace(weights=weights if of_split is None else weights * of_split, split_weights=of_split)
