"""Rows of a search, cut as scikit-learn cuts them for its fits and scores."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params


class Table(NamedTuple):
    """Rows to learn from.

    Attributes:
        x: Inputs, anything that scikit-learn takes.
        y: Targets.
        sample_weight: Weights of rows, a number, or None.
    """

    x: Any
    y: Any
    sample_weight: Any = None

    @classmethod
    def indexable(cls, x: Any, y: Any, sample_weight: Any = None) -> "Table":
        """A table of anything, whose rows can be taken."""
        x, y = indexable(x, y)
        return cls(x, y, sample_weight)

    def training(self, estimator: Any, rows: Any) -> "Table":
        """The rows that an estimator is fitted on; numbers of rows or a mask."""
        rows = np.asarray(rows)
        x, y = _safe_split(estimator, self.x, self.y, rows)
        return Table(x, y, _check_method_params(self.x, {"": self.sample_weight}, rows)[""])

    def held_out(self, estimator: Any, rows: Any, training: Any) -> "Table":
        """The rows that it is scored on, without weights."""
        x, y = _safe_split(estimator, self.x, self.y, np.asarray(rows), np.asarray(training))
        return Table(x, y)
