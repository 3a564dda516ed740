"""Choose the code that trains a search: the engine if there is enough work per structure, or scikit-learn.

The engine first compiles a program for each structure, and then trains its fits side by side. The choice
depends only on the candidates, the folds and the shape of the rows, so that equal calls give equal bytes. It
therefore ignores whether the programs are on disk: the second of two equal calls would use other code.
"""

import copy
import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from jfnn.arguments import checks
from jfnn.estimators.mlp import Perceptron
from jfnn.estimators.settings import Settings

# The engine trains a search for which one process of scikit-learn takes `PER_STRUCTURE` seconds per structure
# less `PATIENCE`. A program takes 1.1 s to compile, and training takes the engine 0.3 to 0.5 of the time that
# two processes of scikit-learn take, so that even the first call ever is at most about two seconds behind.
# Measured by `python scripts/searches.py`.
PER_STRUCTURE = 3.5
PATIENCE = 3.0
# Estimated seconds of scikit-learn's code: of a step, and of each weight in it without rows and per row. The
# output layer is left out: the choice does not read the targets.
STEP = 2e-4
WEIGHT = 8e-9
WEIGHT_AND_ROW = 1.5e-10
EPOCHS = 100  # most fits stop about here by `tol`, if `max_iter` allows
NOT_OURS = "their estimator is not from jfnn.estimators"
Candidate = Mapping[str, Any]  # parameters that a search sets


def with_parameters(estimator: BaseEstimator, candidate: Candidate) -> BaseEstimator:
    """Return a new estimator with a candidate's parameters, made as scikit-learn's searches make it."""
    return clone(estimator).set_params(**clone(dict(candidate), safe=False))


def perceptron_in(estimator: BaseEstimator) -> Perceptron | None:
    """Return the perceptron that an estimator is or that a Pipeline ends in; None for other estimators."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def with_perceptron(estimator: BaseEstimator, perceptron: BaseEstimator) -> BaseEstimator:
    """Replace the perceptron at the end of an estimator; a Pipeline's other steps are shared."""
    if not isinstance(estimator, Pipeline):
        return perceptron
    copied = copy.copy(estimator)
    copied.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], perceptron)]
    return copied


def prefix(estimator: BaseEstimator) -> str:
    """Return the prefix of the perceptron's parameters among the estimator's."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def perceptrons_in(value: object) -> Iterator[Perceptron]:
    """Iterate over this package's perceptrons in an estimator or a grid, at any depth."""
    if isinstance(value, Perceptron):
        yield value
        return
    if isinstance(value, BaseEstimator):
        value = value.get_params(deep=False)
    if isinstance(value, Mapping):
        value = list(value.values())
    numeric = isinstance(value, np.ndarray) and not value.dtype.hasobject
    if not numeric and checks.is_several(value):
        for one in value:
            yield from perceptrons_in(one)


class Choice(NamedTuple):
    """The code that trains a search.

    Attributes:
        engines: The engines (see `Settings.engine_for`) whose fits the engine trains together; empty if
            scikit-learn trains all.
        fits: Number of fits that either code may train.
        structures: Number of their structures.
        seconds: Estimated time of these fits in one process of scikit-learn.
        why: Why scikit-learn has to train the search, whatever its size; None if the engine can.
        plain: Whether scikit-learn's own perceptrons can be used for all candidates.
    """

    engines: tuple[str, ...]
    fits: int
    structures: int
    seconds: float = 0.0
    why: str | None = None
    plain: bool = False

    def __str__(self) -> str:
        if "auto" not in self.engines and self.why is not None:
            return f"engine: scikit-learn; {self.why}"
        engine = "jfnn" if "auto" in self.engines else "scikit-learn"
        structures = "1 structure" if self.structures == 1 else f"{self.structures} structures"
        estimate = f"scikit-learn would take about {self.seconds:.2g} s in one process"
        return f"engine: {engine}; {self.fits} fits of {structures}; {estimate}"


def choose(search: BaseEstimator, splits: int, X: Any, weightless: bool) -> Choice:
    """Choose the code for a search: the engine if scikit-learn would take longer than compiling.

    Fits have the same structure if they differ only in numbers and initial weights. scikit-learn trains a
    search in ``n_jobs`` processes if some of its fits cannot train together. Sparse inputs and texts are left
    to scikit-learn as well, since the engine has no sparse products.

    Args:
        search: The search, whose parameters scikit-learn has checked.
        splits: Number of folds.
        X: Inputs in any form that scikit-learn accepts.
        weightless: Whether some rows have weight 0, so that a step may consist of such rows only.

    Raises:
        ValueError, TypeError: An invalid grid or an unknown parameter, as in scikit-learn's search.
    """
    begin = prefix(search.estimator)
    dense = hasattr(X, "shape") and len(X.shape) > 1 and not sparse.issparse(X)
    listed = isinstance(X, list | tuple) and len(X) > 0 and np.ndim(X[0]) > 0
    shape = X.shape if dense else (len(X), len(X[0])) if listed else (0, 0)
    reasons = [None if dense or listed else "its rows are sparse or texts"]
    free = set()  # structures of the candidates that both jfnn and scikit-learn can train
    fits = 0
    seconds = 0.0
    forced = False
    # With metadata routing, a perceptron of scikit-learn would lack the metadata requests of this one.
    plain = not sklearn.get_config()["enable_metadata_routing"]
    for candidate in _candidates(search):
        last = perceptron_in(with_parameters(search.estimator, candidate))
        if last is None:
            reasons.append(NOT_OURS)
            plain = False
            continue
        names = {name for name in candidate if name.startswith(begin) or name == begin.removesuffix("__")}
        plain &= {name.removeprefix(begin) for name in names} <= last._theirs().get_params(deep=False).keys()
        try:
            settings = Settings.of(last)
        except (ValueError, TypeError):  # scikit-learn reports a failed fit
            continue
        reasons.append(settings.alone)
        forced |= settings.engine == "jfnn"
        plain &= settings.engine != "jfnn" and not last._is_users() and vars(last).get("class_weight") is None
        if settings.engine == "auto" and settings.alone is None:
            free.add((settings.structure, values_besides(candidate, names)))
            fits += splits
            seconds += splits * estimated_seconds(settings, *shape[:2])
    why = next(filter(None, reasons), None)
    engines: tuple[str, ...] = ("jfnn",) if forced else ()
    many = seconds >= PER_STRUCTURE * len(free) - PATIENCE
    if fits and (weightless or (why is None and many)):
        engines = ("auto", "jfnn")
    return Choice(engines, fits, len(free), seconds, why, plain)


def estimated_seconds(settings: Settings, rows: int, features: int) -> float:
    """Estimate the seconds of a fit by scikit-learn's code: epochs × steps × the time of a step."""
    structure = settings.structure
    batch = max(1, structure.rows_a_step(rows))
    weights = sum(a * b for a, b in itertools.pairwise((features, *structure.sizes)))
    step = STEP + weights * (WEIGHT + WEIGHT_AND_ROW * batch)
    return min(settings.numbers["max_iter"], EPOCHS) * math.ceil(rows / batch) * step


def values_besides(candidate: Candidate, names: set[str]) -> tuple[tuple[str, int], ...]:
    """Return a candidate's parameters except these, for comparison by identity of the values."""
    return tuple((name, id(value)) for name, value in sorted(candidate.items()) if name not in names)


def _candidates(search: BaseEstimator) -> Sequence[Candidate]:
    """Return the candidates of a search; random ones are sampled from a copy of its random state."""
    if isinstance(search, GridSearchCV):
        return list(ParameterGrid(search.param_grid))
    random = copy.deepcopy(check_random_state(search.random_state))
    with warnings.catch_warnings():  # the search samples again and shows these warnings
        warnings.simplefilter("ignore")
        return list(ParameterSampler(search.param_distributions, search.n_iter, random_state=random))
