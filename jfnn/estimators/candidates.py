"""The one-standard-error rule for the candidates of scikit-learn's searches."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.simplest import Simplest


@dataclasses.dataclass
class SimplestCandidate(Simplest):
    """`jfnn.Simplest` for the candidates of a grid or random search of scikit-learn or of this package.

    ``refit=SimplestCandidate({"alpha": "most"})`` refits the simplest candidate within a standard error of
    the best one; scores are one a split. Values of a parameter count as Python orders them. scikit-learn's
    example "Balance model complexity and cross-validated score" allows one standard deviation of n splits (n
    in the denominator), which is ``errors=math.sqrt(n - 1)``.
    """

    def __call__(self, cv_results: Mapping[str, Any]) -> int:
        """The index of the simplest candidate in scikit-learn's ``cv_results_`` of one score."""
        results = checks.as_mapping(cv_results, "cv_results")
        if "mean_test_score" not in results:
            raise ArgumentError("cv_results", "expected mean_test_score, which searches by one score have")
        splits = sum(name.startswith("split") and name.endswith("_test_score") for name in results)
        names = [name.removeprefix("param_") for name in results if name.startswith("param_")]
        self.check(names, splits, "cv_results")
        columns = {name: _ranks(results[f"param_{name}"], name) for name in self.order}
        runs = np.stack([results[f"split{split}_test_score"] for split in range(splits)], axis=1)
        return self.choose(columns, -np.asarray(results["mean_test_score"]), -runs)


def _ranks(values: Any, argument: str) -> np.ndarray:
    """Numbers of a parameter's values in Python's order, equal ones for equal values."""
    if np.ma.is_masked(values):
        raise ArgumentError(argument, "expected a value of every candidate")
    try:
        known = sorted(set(values.tolist()))
    except TypeError:  # such as None among numbers
        got = checks.shown(values.tolist())
        raise ArgumentError(argument, f"expected values in an order, got {got}") from None
    return np.array([known.index(value) for value in values.tolist()])
