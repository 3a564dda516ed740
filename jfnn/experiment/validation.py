"""Rows to learn from and rows held out: scikit-learn's splits, checked."""

import dataclasses
import numbers
import warnings
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError
from jfnn.datasets.splits import as_size
from jfnn.learners.data import Data
from jfnn.subsets import Cut, Pairs, Subsets, as_row_numbers
from jfnn.targets import Split

# Bytes of a row number: in a pair; in the array of all folds' training rows, on the host and on a device.
IN_PAIR = 8.0
IN_FOLDS = 8.0
IN_WEIGHTS = 3.0  # copies of the weights of all subsets: two here, one on a device


def cuts(data: Data, size: float | int | None, folds: int | Iterable[object] | Subsets | None) -> list[Cut]:
    """Row numbers to learn from and to validate on, one pair a fold.

    Args:
        data: The data.
        size: Share or number of training rows to hold out, or None.
        folds: As the option of `jfnn.sweep`; scikit-learn's splitters are unshuffled.
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
    # Rows held out may all weigh 0, as those out of a bag do: scores are unweighted.
    for fold, (train, _) in enumerate(pairs):
        weights = data.weights_in(fold)
        if weights is not None and not weights[train].any():
            rows = "the training rows" if len(pairs) == 1 else f"the rows that fold {fold} learns from"
            raise ArgumentError(
                "weights", f"expected some above 0, but those of {rows} are all 0 in {weights.dtype}"
            )
    return pairs


def _all_pairs(subsets: Subsets) -> list[Cut]:
    """The pairs of all subsets; raises ArgumentError where a sweep of them does not fit into memory."""
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
    try:
        splitter = check_cv(folds, labels, classifier=labels is not None)
        with warnings.catch_warnings():
            if isinstance(folds, numbers.Integral):  # of which `jfnn.experiment.doubts` says more
                warnings.filterwarnings("ignore", "The least populated class")
            pairs = list(splitter.split(np.zeros((data.n_train, 1)), labels))
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise ValueError("expected pairs of row numbers, at least one")
        n = data.n_train
        return [(as_row_numbers(train, n), as_row_numbers(test, n)) for train, test in pairs]
    except Exception as error:  # also of an object that is no splitter
        raise ArgumentError("folds", " ".join(str(error).split())) from None


def _hold_out(n: int, size: float | int) -> Cut:
    from sklearn.model_selection import train_test_split

    rows = as_size(size, n, "validation")
    train, validation = train_test_split(np.arange(n), test_size=rows, random_state=0)
    return np.sort(train), np.sort(validation)


def with_labels(split: Split, folds: object) -> tuple[Split, Any]:
    """A split with the labels of subsets as further training rows, each row and label once, and the folds.

    Raises:
        ValueError: Labels of another shape or kind than the split's.
    """
    if not isinstance(folds, Subsets) or folds.labels is None:
        return split, folds
    y = np.asarray(checks.as_array(split.y_train, "y_train"))
    labels = folds.labels
    n = folds.n
    if labels.shape[1:] != y.shape or (labels.dtype.kind in "iub") != (y.dtype.kind in "iub"):
        expected = f"{y.dtype} {list(y.shape)}"
        got = f"{labels.dtype} {list(labels.shape[1:])}"
        raise ArgumentError("folds", f"expected labels like y_train, {expected}, got {got} a subset")
    fold, row = np.nonzero((labels != y).reshape(len(labels), n, -1).any(axis=-1))
    new = labels[fold, row].reshape(len(row), *y.shape[1:])
    keys = np.column_stack([row, new.reshape(len(row), int(np.prod(y.shape[1:])))])
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    numbers = np.tile(np.arange(n), (len(labels), 1))
    source = row[first]
    numbers[fold, row] = n + number.reshape(-1)

    def longer(leaf: object) -> np.ndarray:  # where lengths differ, the learner says so
        array = np.atleast_1d(checks.as_array(leaf, "split"))
        return np.concatenate([array, array.take(source, axis=0, mode="clip")])

    arrays = split.x_train, split.weights
    x_train, weights = jax.tree.map(longer, arrays, is_leaf=lambda leaf: isinstance(leaf, list))
    pairs = [(numbers[f][train], validation) for f, (train, validation) in enumerate(_all_pairs(folds))]
    subset_weights = None if folds.weights is None else folds.weights[:, [*range(n), *source]]
    changed = dataclasses.replace(folds, n=n + len(source), pairs=pairs, weights=subset_weights, labels=None)
    y_train = np.concatenate([y, checks.as_dtype(new[first], y.dtype, "folds")])
    return split._replace(x_train=x_train, y_train=y_train, weights=weights), changed


def with_weights(data: Data, subsets: Subsets | None) -> Data:
    """The data with the weights of subsets ``[F, n]``, times the data's; test rows weigh 1."""
    if subsets is None or subsets.weights is None:
        return data
    number = len(subsets.weights)
    needed = IN_WEIGHTS * number * data.n * data.dtype.itemsize
    memory.check("folds", needed, sizes=f", for weights of {data.n} rows in {number} subsets")
    given = checks.as_dtype(subsets.weights, data.dtype, "weights")
    weights = np.pad(given, ((0, 0), (0, data.n - given.shape[1])), constant_values=1)
    return data._replace(weights=weights if data.weights is None else weights * data.weights)
