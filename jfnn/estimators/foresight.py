"""Prediction, before a search begins, of the code that is to train its fits."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    ParameterSampler,
)
from sklearn.utils.validation import _num_samples

import jfnn.estimators.parameters as parameters
from jfnn.estimators.choice import Prediction, Work
from jfnn.estimators.fit import Structure
from jfnn.estimators.perceptron import forced_engine, structure_of, weightless_rows, work_of
from jfnn.estimators.pipelines import perceptron_in

DRAWS = 20  # candidates of a halving search that draws as many as it has rows for


def foresee(search: Any, splits: int, X: Any, y: Any, weights: Any) -> tuple[tuple[str, ...], Prediction]:
    """Which fits of a search the engine is to train, and the prediction for those free to choose.

    Invalid grids and rows have no fits, since the search itself raises their errors. None is predicted of
    sparse rows, since the engine has no products of them, or of texts, whose features are not known yet.

    Args:
        search: The search.
        splits: Number of folds.
        X: Inputs, anything that scikit-learn takes.
        y: Targets.
        weights: Weights of rows, or None.

    Returns:
        The values of ``engine`` whose fits the engine trains, none where scikit-learn trains all; and the
        prediction.
    """
    try:
        return _foresee(search, splits, X, y, weights)
    except Exception:  # whatever hostile containers raise
        return (), Prediction([])


def _foresee(search: Any, splits: int, X: Any, y: Any, weights: Any) -> tuple[tuple[str, ...], Prediction]:
    candidates = _candidates(search)
    share, programs = _halving(search, len(candidates))
    n = int(_num_samples(X))
    rows = n * (splits - 1) // splits if splits > 1 else n
    shape = X.shape if hasattr(X, "shape") else np.shape(X)
    features = None if len(shape) < 2 or sparse.issparse(X) else int(shape[1])
    outputs, output = _outputs(search.estimator, np.asarray(y))
    weightless = weightless_rows(weights) > 0  # in some fold the rows of weight 0 may be all of a step's
    groups: dict[Structure, list[Work]] = {}
    must = False
    for candidate in candidates:
        try:
            last = perceptron_in(clone(search.estimator).set_params(**clone(dict(candidate), safe=False)))
            if last is None:
                continue
            parameters.check(last)
            hidden = parameters.hidden_sizes(last)
            engine = forced_engine(last) or ("jfnn" if weightless else None)
        except Exception:  # scikit-learn meets it again, where failures are counted
            continue
        must = must or engine == "jfnn"
        if engine is None and last.solver != "lbfgs" and features is not None:
            work = work_of(last, structure_of(last, (features, *hidden, outputs), output), rows)
            groups.setdefault(work.structure, []).append(work)
    works = [
        group[0]._replace(epochs=share * sum(fit.epochs for fit in group) / len(group), members=len(group))
        for group in groups.values()
    ]
    prediction = Prediction(works * splits, programs)
    if prediction.engine == "jfnn" or (must and weightless):
        return ("auto", "jfnn"), prediction
    return ("jfnn",) if must else (), prediction


def _outputs(estimator: Any, y: np.ndarray) -> tuple[int, str]:
    """Outputs of the network for targets, and their activation."""
    several = int(y.shape[1]) if y.ndim > 1 else 1
    if not is_classifier(estimator):
        return several, "identity"
    classes = len(np.unique(y)) if several == 1 else 0
    return (classes, "softmax") if classes > 2 else (several, "logistic")


def _candidates(search: Any) -> Sequence[Mapping[str, Any]]:
    """Candidates of a search; those to be drawn are drawn from a copy of its stream."""
    if isinstance(search, GridSearchCV | HalvingGridSearchCV):
        return list(ParameterGrid(search.param_grid))
    number = search.n_candidates if isinstance(search, HalvingRandomSearchCV) else search.n_iter
    number = DRAWS if isinstance(number, str) else number
    random = 0 if search.random_state is None else copy.deepcopy(search.random_state)
    return list(ParameterSampler(search.param_distributions, number, random_state=random))


def _halving(search: Any, candidates: int) -> tuple[float, int]:
    """Share of the epochs or rows of all candidates that is trained, and programs for a structure.

    Rounds of successive halving that have more and more rows have a program each.
    """
    if not isinstance(search, HalvingGridSearchCV | HalvingRandomSearchCV) or candidates < 2:
        return 1.0, 1
    rounds = 1 + math.floor(math.log(candidates, search.factor))
    share = min(rounds * search.factor / candidates, 1.0)
    return share, rounds if search.resource == "n_samples" else 1
