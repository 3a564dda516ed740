"""Rows of a file as a `Table`; targets as classes or numbers, detected or set by the user."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, Set
from jfnn.datasets.fields import AS_NUMBERS, as_number, likeness

TASKS = ("classification", "regression")
# Whole numbers are classes if at most this many are different, and each occurs at least twice on average.
MOST_CLASSES = 20


class Table(NamedTuple):
    """Rows of a file.

    Attributes:
        x: Inputs ``[n, features]``, float, or object if there are words.
        y: Labels ``[n]``, 0 to k-1 (int64), or float targets ``[n]``.
        names: Names of the columns of ``x``.
        classes: The word in the file for each label, in order; None if the targets are not classes.
        weights: Weight of each row in the training loss ``[n]``; None without weights.
        imputes: Whether missing numbers, NaN in ``x``, are to be imputed.
        target: Name of the column of ``y``; None without a name.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...] | None
    weights: np.ndarray | None = None
    imputes: bool = False
    target: str | None = None


def file_error(reason: str, cure: Set | None = None) -> ArgumentError:
    """Return the error for an invalid file; every reader's argument for it is ``path``."""
    return ArgumentError("path", reason, cure=cure)


def class_names(labels: np.ndarray, words: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the word in the file for each label, in order; raise ValueError for two words for one label."""
    spelled: dict[int, str] = {}
    for row, (label, word) in enumerate(zip(labels.tolist(), words, strict=True), 1):
        if spelled.setdefault(label, word) != word:
            got = f"{checks.as_text(spelled[label])} and {checks.as_text(word)}"
            raise file_error(
                f"{where}, row {row}: expected one spelling of a class, got {got}; for numbers that are not"
                " classes, use task='regression'"
            )
    return tuple(spelled[label] for label in range(len(spelled)))


def as_task(
    y: np.ndarray, task: str | None, words: Sequence[str], where: str
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Return labels 0 to k-1 (int64) and the word for each, or float targets and None.

    Args:
        y: ``[n]``, words or floats.
        task: "classification", "regression" (not with words), or None to detect it.
        words: The targets as written in the file.
        where: File and column of the targets, for errors.
    """
    are_words = y.dtype.kind == "U"
    labels = are_words or bool((y == np.floor(y)).all())
    if task == "classification" and not labels:
        raise ArgumentError("task", "classification needs words or whole numbers to predict")
    distinct, labels_of_rows = np.unique(y, return_inverse=True)
    if are_words:
        _check_classes(distinct.tolist(), task, where)
    few = are_words or (len(distinct) <= MOST_CLASSES and 2 * len(distinct) <= len(y))
    if not (labels and (few or task == "classification")) or task == "regression":
        return y, None
    names = class_names(labels_of_rows, words, where)
    if len(names) < 2:
        raise ArgumentError(
            "target", f"expected at least two classes, got only {checks.as_text(names[0])} in {where}"
        )
    return labels_of_rows.astype(np.int64), names


def _check_classes(names: Sequence[str], task: str | None, where: str) -> None:
    """Raise ValueError for a truth value in two spellings, and for words that look like numbers."""
    truths: dict[str, str] = {}
    for name in names:
        truth = name.lower()
        if truth in ("true", "false") and truths.setdefault(truth, name) != name:
            raise file_error(f"{where}: expected one spelling of a class, got {truths[truth]!r} and {name!r}")
    words = [name for name in names if as_number(name) is None]
    if task is None and words and all(map(likeness, words)):
        got = f"{likeness(words[0])}, such as {checks.as_text(words[0])}{AS_NUMBERS}"
        raise file_error(
            f"{where}: expected words or numbers, got {got};"
            " if they are names of classes, use task='classification'"
        )
