"""By which code an estimator trains: chosen from what a fit is, so that equal calls give equal bytes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.validation import _num_samples

from jfnn.checks import ArgumentError
from jfnn.fitting import costs, scikit_learn
from jfnn.fitting.costs import Work


class Shape(NamedTuple):
    """What is known of rows before they are checked.

    Attributes:
        rows: How many.
        features: Inputs of each.
        inputs: Those that are not zero, where rows are sparse; None for all.
        outputs: Outputs of a network.
        output: What they become.
    """

    rows: int
    features: int
    inputs: float | None
    outputs: int
    output: str


def shape_of(estimator: Any, X: Any, y: Any) -> Shape:
    """The shape of rows; of what cannot be, anything: the fit itself refuses it."""
    try:
        rows = int(_num_samples(X))
        shape = X.shape if len(getattr(X, "shape", ())) == 2 else np.shape(X)
        inputs = X.nnz / max(rows, 1) if sparse.issparse(X) else None
        outputs, output = _outputs(estimator, y)
        return Shape(rows, int(shape[1]), inputs, outputs, output)
    except Exception:  # whatever hostile containers raise
        return Shape(1, 1, None, 1, "identity")


def _outputs(estimator: Any, y: Any) -> tuple[int, str]:
    shape = y.shape if hasattr(y, "shape") else np.shape(y)
    several = int(shape[1]) if len(shape) > 1 else 1
    if not is_classifier(estimator):
        return several, "identity"
    classes = getattr(estimator, "classes_", None)
    count = several if several > 1 else len(np.unique(np.asarray(y)) if classes is None else classes)
    return (count, "softmax") if several == 1 and count > 2 else (several, "logistic")


def work(estimator: Any, shape: Shape, incremental: bool = False) -> Work:
    """The work of a fit.

    Raises:
        ValueError: Hidden layers that cannot be.
    """
    structure = estimator._shaped(shape.features, shape.outputs, shape.output)
    epochs = costs.likely_epochs(
        float(estimator.max_iter),
        float(estimator.tol),
        float(estimator.n_iter_no_change),
        bool(estimator.early_stopping),
    )
    return Work(structure, shape.rows, 1.0 if incremental else epochs, inputs=shape.inputs)


def forced(estimator: Any, sample_weight: Any = None) -> str | None:
    """The engine that a fit must have; None where the choice is free.

    Raises:
        ValueError: ``engine`` is "scikit-learn", which has not what the fit needs.
    """
    only = scikit_learn.unknown(estimator)
    if only is None and sample_weight is not None and not scikit_learn.takes_weights():
        only = "sample_weight"
    if only is None and estimator.engine != "auto":
        return str(estimator.engine)
    if only is None:  # a step whose rows all weigh 0 divides by 0 in scikit-learn
        return "jfnn" if sample_weight is not None and _may_weigh_nothing(estimator, sample_weight) else None
    if estimator.engine == "scikit-learn":
        value = "" if only == "sample_weight" else f"={getattr(estimator, only)!r}"
        raise ArgumentError(
            "engine", f"'scikit-learn' has no {only}{value}; expected 'auto' or 'jfnn' with it"
        )
    return "jfnn"


def engine(estimator: Any, X: Any, y: Any, sample_weight: Any, goes_on: bool, incremental: bool) -> str:
    """The engine of a fit, "jfnn" or "scikit-learn".

    A `partial_fit` goes on by the engine before it, whose optimizer it needs. A warm start has a fresh one,
    and is chosen for like any fit.

    Raises:
        ValueError: As `forced`; or "scikit-learn" is to go on from what was set by hand.
    """
    must = forced(estimator, sample_weight)
    if goes_on and not _continues(estimator):
        if must == "scikit-learn":
            raise ArgumentError(
                "engine",
                "'scikit-learn' goes on from fits of its kind alone; expected 'auto' or 'jfnn' where"
                " early_stopping or the solver was another one, or coefs_ are set by hand",
            )
        return "jfnn"
    if must is not None:
        return must
    if goes_on and incremental:
        return str(estimator.engine_)
    if estimator.solver == "lbfgs":
        return "scikit-learn"  # SciPy's minimiser in both, and nothing to compile
    works = [work(estimator, shape_of(estimator, X, y), incremental)]
    chosen = "jfnn" if costs.engine_pays(works) else "scikit-learn"
    if estimator.verbose:
        print(f"[{type(estimator).__name__}] {told(chosen, works)}")
    return chosen


def told(chosen: str, works: Sequence[Work], programs: int = 1) -> str:
    """A line that says which engine was chosen, and why."""
    by_engine = costs.compiling(works, programs) + sum(map(costs.ours, works))
    by_theirs = sum(map(costs.theirs, works))
    return (
        f"engine: {chosen}; predicted {by_theirs:.2g} s of a core by scikit-learn, {by_engine:.2g} s by jfnn"
    )


def _continues(estimator: Any) -> bool:
    """Whether scikit-learn can go on from the fit before: it was one by steps, and judged alike."""
    if not hasattr(estimator, "engine_"):
        return False
    if estimator.solver == "lbfgs":
        return True
    return hasattr(estimator, "loss_curve_") and (estimator.best_loss_ is None) == estimator.early_stopping


def zeros(sample_weight: Any) -> int:
    """How many rows weigh nothing."""
    return 0 if sample_weight is None else int(np.count_nonzero(np.asarray(sample_weight) == 0))


def _may_weigh_nothing(estimator: Any, sample_weight: Any) -> bool:
    """Whether there may be a step all of whose rows weigh 0."""
    count = zeros(sample_weight)
    if not count or estimator.early_stopping:  # which rows are held out is not known yet
        return count > 0
    rows = np.size(sample_weight)
    batch = min(200 if estimator.batch_size == "auto" else int(estimator.batch_size), rows)
    return count >= (rows % batch or batch)
