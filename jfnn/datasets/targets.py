"""What targets stand for: classes or numbers, told from what they look like, or as the user says."""

import math
from collections.abc import Sequence

import numpy as np

TASKS = ("classification", "regression")
# Whole-numbered targets are taken for classes up to so many different ones, each seen twice on average.
MOST_CLASSES = 20


def as_number(text: str) -> float | None:
    """A finite number, or None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def check_words(
    values: Sequence[float | None], words: Sequence[str], file: str, target: str | None, task: str | None
) -> None:
    """Refuses words among the targets in a regression, or where they look like slips."""
    rows = [row for row, value in enumerate(values) if value is None]
    slips = task is None and 2 * len(rows) < len(words)
    if rows and (slips or task == "regression"):
        why = ", as most in this column are" if slips else ""
        advice = "; where all are names of classes, the task is classification" if slips else ""
        got = repr(words[rows[0]])
        raise ValueError(
            f"{file}, row {rows[0] + 1}, column {target!r}: expected a number{why}, got {got}{advice}"
        )


def as_task(
    y: np.ndarray, task: str | None, argument: str = "target"
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Targets as labels or as numbers.

    Args:
        y: ``[n]`` or ``[n, n_out]``, words or numbers.
        task: "classification", "regression", or None for what they look like.
        argument: What holds the targets, named in errors.

    Returns:
        Labels 0 to k-1 (int64) and the word that each stands for, or float targets and None.

    Raises:
        ValueError: They do not fit the task, an unknown task, or a single class.
    """
    if task not in (None, *TASKS):
        raise ValueError(f"task: expected one of {', '.join(TASKS)}, got {task!r}")
    words = y.dtype.kind == "U"
    if words and (np.char.strip(y) == "").any():
        raise ValueError(f"{argument}: expected words, got an empty one")
    if words and task == "regression":
        raise ValueError(f"task: regression needs numbers to predict, got {_first_word(y)!r}")
    labels = y.ndim == 1 and (words or bool((y == np.floor(y)).all()))
    if (task == "classification" or words) and not labels:
        raise ValueError("task: classification needs words or whole numbers to predict, one a row")
    distinct, places = np.unique(y, return_inverse=True)
    few = words or (len(distinct) <= MOST_CLASSES and 2 * len(distinct) <= len(y))
    if not (labels and (few or task == "classification")) or task == "regression":
        return y.astype(np.result_type(y.dtype, np.float32), copy=False), None
    if len(distinct) < 2:
        raise ValueError(f"{argument}: expected at least two classes, got only {str(distinct[0])!r}")
    names = tuple(str(value) if words else f"{value:g}" for value in distinct.tolist())
    return places.astype(np.int64), names


def _first_word(y: np.ndarray) -> str:
    """The first text that is no number; where all are numbers written as text, the first of these."""
    texts: list[str] = y.ravel().tolist()
    return next((text for text in texts if as_number(text) is None), texts[0])
