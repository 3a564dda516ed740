"""By which code an estimator trains: chosen from its fit alone, so that equal calls give equal bytes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from jfnn.arguments.checks import ArgumentError
from jfnn.fitting import costs
from jfnn.fitting.costs import Work
from jfnn.fitting.structure import SOLVERS, THEIR_ACTIVATIONS, Structure


def is_further(estimator: Any) -> bool:
    """Whether an activation or a solver is not scikit-learn's."""
    return estimator.solver not in SOLVERS or estimator.activation not in THEIR_ACTIVATIONS


def forced(estimator: Any, sample_weight: Any = None) -> str | None:
    """The engine that a fit must have; None where the choice is free.

    Raises:
        ValueError: ``engine`` is "scikit-learn", which lacks the activation or the solver.
    """
    if is_further(estimator):
        if estimator.engine == "scikit-learn":
            name = "solver" if estimator.solver not in SOLVERS else "activation"
            value = getattr(estimator, name)
            raise ArgumentError(
                "engine", f"'scikit-learn' has no {name}={value!r}; expected 'auto' or 'jfnn'"
            )
        return "jfnn"
    if estimator.engine != "auto":
        return str(estimator.engine)
    return "jfnn" if _step_may_weigh_nothing(estimator, sample_weight) else None


def engine(
    estimator: Any, structure: Structure, X: Any, sample_weight: np.ndarray | None, incremental: bool
) -> str:
    """The engine of a fit by steps, "jfnn" or "scikit-learn".

    A `partial_fit` goes on by the engine before it, whose optimizer it needs. A warm start has a fresh one,
    and is chosen for like any fit.

    Raises:
        ValueError: As `forced`.
    """
    must = forced(estimator, sample_weight)
    if must is None and incremental:
        must = getattr(estimator, "engine_", None)
    if must is not None:
        return must
    inputs = X.nnz / X.shape[0] if sparse.issparse(X) else None
    works = [Work(structure, X.shape[0], 1.0 if incremental else epochs(estimator), inputs=inputs)]
    chosen = "jfnn" if costs.engine_pays(works) else "scikit-learn"
    if estimator.verbose:
        print(f"[{type(estimator).__name__}] {told(chosen, works)}")
    return chosen


def epochs(estimator: Any) -> float:
    """Epochs that an estimator is predicted to train for."""
    return costs.likely_epochs(
        float(estimator.max_iter),
        float(estimator.tol),
        float(estimator.n_iter_no_change),
        bool(estimator.early_stopping),
    )


def told(chosen: str, works: Sequence[Work], programs: int = 1) -> str:
    """A line that says which engine was chosen, and why."""
    by_engine = costs.compiling(works, programs) + sum(map(costs.ours, works))
    by_theirs = sum(map(costs.theirs, works))
    return (
        f"engine: {chosen}; predicted {by_theirs:.2g} s of a core by scikit-learn, {by_engine:.2g} s by jfnn"
    )


def zeros(sample_weight: Any) -> int:
    """How many rows weigh nothing."""
    return 0 if sample_weight is None else int(np.count_nonzero(np.asarray(sample_weight) == 0))


def _step_may_weigh_nothing(estimator: Any, sample_weight: Any) -> bool:
    """Whether there may be a step all of whose rows weigh 0, by which scikit-learn divides."""
    count = zeros(sample_weight)
    if not count or estimator.early_stopping:  # which rows are held out is not known yet
        return count > 0
    rows = np.size(sample_weight)
    batch = min(200 if estimator.batch_size == "auto" else int(estimator.batch_size), rows)
    return count >= (rows % batch or batch)
