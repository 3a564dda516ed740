"""Rows of a file, whatever its format."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Table(NamedTuple):
    """Rows of a file.

    Attributes:
        x: Inputs ``[n, features]``, float; of an archive ``[n, …]``.
        y: Labels ``[n]``, 0 to k-1 (int64), or float targets ``[n]`` or ``[n, n_out]``.
        names: Names of the columns of ``x``; empty where the file has none.
        classes: The file's own word for each label, in order; None where the targets are no classes.
        n_train: The first so many rows are for training and the others for testing, where the file says so;
            else None.
        weights: How often each row counts in training ``[n]``, or ``[n_train]`` where the file says which
            rows are for training; None without weights.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...] | None
    n_train: int | None = None
    weights: np.ndarray | None = None


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Names for a message, not too many."""
    return ", ".join(names[:most]) + (f", … {len(names) - most} more" if len(names) > most else "")
