"""Rows to learn from and rows held out: scikit-learn's splits, checked."""

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.datasets.splits import as_size
from jfnn.learners.data import Data

Cut = tuple[np.ndarray, np.ndarray]


def cuts(data: Data, size: float | int | None, folds: int | Iterable[Any] | None) -> list[Cut]:
    """Row numbers to learn from and to validate on, one pair a fold.

    Args:
        data: The data.
        size: Share or number of training rows to hold out, or None.
        folds: As the option of `jfnn.sweep`; scikit-learn's splitters are unshuffled.
    """
    if size is not None and folds is not None:
        raise ArgumentError("folds", "expected either folds or validation, got both")
    pairs = [(np.arange(data.n_train), np.zeros(0, int))]
    if folds is not None:
        pairs = _folds(data, folds)
    elif size is not None:
        pairs = [_hold_out(data.n_train, size)]
    # Rows held out may all weigh 0, as those out of a bag do: scores are unweighted.
    for fold, (train, _) in enumerate(pairs):
        if data.weights is not None and not data.weights[train].any():
            rows = "the training rows" if len(pairs) == 1 else f"the rows that fold {fold} learns from"
            raise ArgumentError(
                "weights", f"expected some above 0, but those of {rows} are all 0 in {data.weights.dtype}"
            )
    return pairs


def _folds(data: Data, folds: int | Iterable[Any]) -> list[Cut]:
    from sklearn.model_selection import check_cv

    labels = data.labels
    if isinstance(folds, numbers.Integral | float):
        most = data.n_train if labels is None else int(np.unique(labels, return_counts=True)[1].max())
        rows = "rows" if labels is None else "rows of the largest class"
        if checks.as_count(folds, "folds", 2) > most:
            raise ArgumentError("folds", f"expected at most {most}, the number of {rows}, got {folds}")
    try:
        splitter = check_cv(folds, labels, classifier=labels is not None)
        pairs = list(splitter.split(np.zeros((data.n_train, 1)), labels))
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise ValueError("expected pairs of row numbers, at least one")
        return [(_as_rows(train, data.n_train), _as_rows(test, data.n_train)) for train, test in pairs]
    except Exception as error:  # also of an object that is no splitter
        raise ArgumentError("folds", " ".join(str(error).split())) from None


def _hold_out(n: int, size: float | int) -> Cut:
    from sklearn.model_selection import train_test_split

    rows = as_size(size, n, "validation")
    train, validation = train_test_split(np.arange(n), test_size=rows, random_state=0)
    return np.sort(train), np.sort(validation)


def _as_rows(numbers: Any, n: int) -> np.ndarray:
    """Row numbers of one part of a fold, copied; numbers that are not training rows raise ValueError."""
    rows: np.ndarray = np.array(numbers)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        got = np.array2string(rows, threshold=9)
        raise ValueError(f"expected row numbers from 0 to {n - 1}, at least one a part, got {got}")
    return rows
