"""By which code a search trains: the engine's from `MANY` fits a structure on, else scikit-learn's.

The engine first compiles a program for each structure, and then trains its fits side by side. The rule is one
of candidates and folds alone, so that equal calls give equal bytes.
"""

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    ParameterSampler,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from jfnn.arguments import checks
from jfnn.estimators.mlp import Perceptron
from jfnn.estimators.settings import Settings

# Fits a structure from which on the engine trains a search. With fewer, scikit-learn is done before programs
# are there; with more, searches of seconds stay with scikit-learn. `python scripts/searches.py` measures it.
MANY = 16
NOT_OURS = "their estimator is none of jfnn.estimators"
Candidate = Mapping[str, Any]  # parameters that a search sets


def with_parameters(estimator: BaseEstimator, candidate: Candidate) -> BaseEstimator:
    """A new estimator with the parameters of a candidate, as scikit-learn's searches make it."""
    return clone(estimator).set_params(**clone(dict(candidate), safe=False))


def perceptron_in(estimator: BaseEstimator) -> Perceptron | None:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def with_perceptron(estimator: BaseEstimator, perceptron: BaseEstimator) -> BaseEstimator:
    """An estimator with another perceptron at its end; other steps of a Pipeline are shared."""
    if not isinstance(estimator, Pipeline):
        return perceptron
    copied = copy.copy(estimator)
    copied.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], perceptron)]
    return copied


def prefix(estimator: BaseEstimator) -> str:
    """Prefix of the perceptron's parameters among those of an estimator."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def perceptrons_in(value: object) -> Iterator[Perceptron]:
    """The perceptrons of this package in an estimator or a grid, however deep."""
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
    """By which code a search trains.

    Attributes:
        engines: The engines of `Settings.engine_for` whose fits the engine trains together; none where
            scikit-learn trains all.
        fits: Number of fits that may train by either code.
        structures: Number of their structures.
        why: Why scikit-learn trains the search, whatever its size is; None where the engine may be.
        plain: Whether scikit-learn's own perceptrons serve all candidates.
    """

    engines: tuple[str, ...]
    fits: int
    structures: int
    why: str | None = None
    plain: bool = False

    def __str__(self) -> str:
        """A line with the engine of the free fits and the reason."""
        if "auto" not in self.engines and self.why is not None:
            return f"engine: scikit-learn; {self.why}"
        engine = "jfnn" if "auto" in self.engines else "scikit-learn"
        structures = "1 structure" if self.structures == 1 else f"{self.structures} structures"
        return (
            f"engine: {engine}; {self.fits} fits of {structures}, and jfnn trains from {MANY} a structure on"
        )


def choose(search: BaseEstimator, splits: int, X: object, weightless: bool) -> Choice:
    """The choice for a search: the engine for at least `MANY` fits a structure.

    Fits are of one structure that differ only by numbers and starts. A search of which some fits cannot train
    together is left to scikit-learn, which trains them in as many processes as ``n_jobs`` says. So is
    successive halving, which trains few fits to their end, and by a program for each round; and one of sparse
    rows, of which the engine has no products, or of texts, which become such.

    Args:
        search: The search, whose parameters scikit-learn has checked.
        splits: Number of folds.
        X: Inputs, anything that scikit-learn takes.
        weightless: Whether rows weigh 0, which in some fold may be all of a step's.

    Raises:
        ValueError, TypeError: An invalid grid or an unknown parameter, as in scikit-learn's search.
    """
    begin = prefix(search.estimator)
    reasons = [_why_scikit_learns(search, X)]
    free = []  # one entry for each candidate that either code may train, equal for those of one structure
    forced = False
    # With metadata routing, the requests are the perceptron's own.
    plain = not sklearn.get_config()["enable_metadata_routing"]
    for candidate in _candidates(search):
        last = perceptron_in(with_parameters(search.estimator, candidate))
        if last is None:
            reasons.append(NOT_OURS)
            plain = False
            continue
        own = {name for name in candidate if name.startswith(begin) or name == begin.removesuffix("__")}
        plain &= {name.removeprefix(begin) for name in own} <= last._theirs().get_params(deep=False).keys()
        try:
            settings = Settings.of(last)
        except (ValueError, TypeError):  # scikit-learn counts a failure
            continue
        reasons.append(settings.alone)
        forced |= settings.engine == "jfnn"
        plain &= settings.engine != "jfnn" and not last._is_users() and vars(last).get("class_weight") is None
        if settings.engine == "auto" and settings.alone is None:
            free.append((settings.structure, values_besides(candidate, own)))
    fits = len(free) * splits
    structures = len(set(free))
    why = next(filter(None, reasons), None)
    engines: tuple[str, ...] = ("jfnn",) if forced else ()
    if fits and (weightless or (why is None and fits >= MANY * structures)):
        engines = ("auto", "jfnn")
    return Choice(engines, fits, structures, why, plain)


def values_besides(candidate: Candidate, names: set[str]) -> tuple[tuple[str, int], ...]:
    """A candidate's parameters but for these names, to compare; values are equal if they are one object."""
    return tuple((name, id(value)) for name, value in sorted(candidate.items()) if name not in names)


def _why_scikit_learns(search: BaseEstimator, X: Any) -> str | None:
    """The reason why a search is not for the engine, whatever its candidates are; None where it may be."""
    table = hasattr(X, "shape") and len(X.shape) > 1 and not sparse.issparse(X)
    if not table and not (isinstance(X, list | tuple) and len(X) and np.ndim(X[0])):
        return "its rows are sparse, or texts"
    if isinstance(search, HalvingGridSearchCV):
        return "successive halving trains few fits to their end"
    return None


def _candidates(search: BaseEstimator) -> Sequence[Candidate]:
    """Candidates of a search; those to be drawn are drawn from a copy of its stream."""
    if isinstance(search, GridSearchCV | HalvingGridSearchCV):
        return list(ParameterGrid(search.param_grid))
    random = copy.deepcopy(check_random_state(search.random_state))
    with warnings.catch_warnings():  # the search draws again, and then they are heard
        warnings.simplefilter("ignore")
        return list(ParameterSampler(search.param_distributions, search.n_iter, random_state=random))
