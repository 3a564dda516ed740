"""Which classes are taken for which: confusion matrices of networks, and their spread over seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError

#: What a matrix is divided by: the rows of each true class, those of each predicted one, or all.
NORMALIZE = ("true", "pred", "all")


@texts.without_arrays
class Confusion(NamedTuple):
    """Confusion matrices, rows the true and columns the predicted classes, and their spread.

    Attributes:
        classes: The classes ``[k]``, whole numbers or words.
        matrix: Of each network ``[…, k, k]``, numbers of rows or shares; NaN of networks without a label for
            some row, such as those that diverged.
        mean: Mean over the networks on the last of the leading axes, such as the seeds, without NaN; of
            a single network its matrix.
        std: Their standard deviation (n - 1 in the denominator); NaN of fewer than two.
        n: How many networks these are of, one number or one for each place on the other leading axes.
        normalize: What rows are counted by, as given to `confusion`.
    """

    classes: np.ndarray
    matrix: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    n: np.ndarray
    normalize: str | None


def confusion(
    predicted: ArrayLike,
    labels: ArrayLike,
    classes: ArrayLike | None = None,
    normalize: str | None = None,
) -> Confusion:
    """Confusion matrices of any number of networks, scikit-learn's ``confusion_matrix`` of each.

    Args:
        predicted: Labels ``[…, n]``, as `SweepResult.predict` gives them, of a cell
            ``result.predict(x)[index]``; of seeds and folds together that ``.reshape(-1, n)``. None of a row
            are -1 and "".
        labels: What is right, whole numbers or words ``[n]``.
        classes: The classes in their order ``[k]``; None for all that are there, sorted.
        normalize: "true" for shares of the rows of each true class, "pred" of each predicted one, "all" of
            all rows, 0 where these are none; None for numbers of rows.

    Raises:
        ValueError, TypeError: No labels of classes, or such that do not fit each other.
    """
    from sklearn.metrics import confusion_matrix

    y = _as_labels(labels, "labels")
    if y.ndim != 1:
        raise ArgumentError("labels", "expected shape [n]", got=f"shape {list(y.shape)}")
    found = _as_labels(predicted, "predicted", like=y)
    if found.shape[-1:] != y.shape:
        expected = f"expected a label for each of {len(y)} rows in the end"
        raise ArgumentError("predicted", expected, got=f"shape {list(found.shape)}")
    if normalize is not None:
        checks.as_choice(normalize, "normalize", NORMALIZE)
    none = "" if y.dtype.kind == "U" else -1
    there = np.union1d(y, found[found != none])
    if none in y:
        raise ArgumentError("labels", f"expected classes, {none!r} stands for none")
    known = there if classes is None else _as_classes(classes, there)
    members = found.reshape(-1, len(y))
    matrices = np.full((len(members), len(known), len(known)), np.nan)
    for member, answers in enumerate(members):
        if (answers != none).all():
            matrices[member] = confusion_matrix(y, answers, labels=known, normalize=normalize)
    matrix = matrices.reshape(*found.shape[:-1], *matrices.shape[1:])
    several = matrix if found.ndim > 1 else matrix[None]
    n = np.isfinite(several[..., 0, 0]).sum(axis=-1)
    present = np.ma.masked_invalid(several)
    mean = present.mean(axis=-3).filled(np.nan)
    std = present.std(axis=-3, ddof=1).filled(np.nan)
    return Confusion(known, matrix, mean, std, np.asarray(n), normalize)


def _as_labels(labels: object, argument: str, like: np.ndarray | None = None) -> np.ndarray:
    """Labels of any shape, int64 or words; ``like``: other ones, whose kind they have."""
    array = np.asarray(checks.as_array(labels, argument))
    if array.dtype.hasobject and all(isinstance(label, str) for label in array.ravel()):
        array = array.astype(str)
    taken = {"U": "words", "iub": "whole numbers"}
    kinds = list(taken) if like is None else [kind for kind in taken if like.dtype.kind in kind]
    if not any(array.dtype.kind in kind for kind in kinds):
        expected = f"expected labels of classes, {' or '.join(taken[kind] for kind in kinds)}"
        raise ArgumentTypeError(argument, expected, got=checks.shown(labels))
    if not array.size:
        raise ArgumentError(argument, "expected at least one label", got=f"shape {list(array.shape)}")
    return array if array.dtype.kind == "U" else array.astype(np.int64)


def _as_classes(classes: object, there: np.ndarray) -> np.ndarray:
    """Classes in the order given, among which are those that are there."""
    known = _as_labels(classes, "classes", like=there)
    if known.ndim != 1 or len(np.unique(known)) < len(known):
        raise ArgumentError("classes", "expected each class once", got=checks.shown(classes))
    missing = np.setdiff1d(there, known)
    if missing.size:
        raise ArgumentError("classes", f"expected all that are there, {missing[0].item()!r} is missing")
    return known
