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

import jfnn.estimators.parameters as parameters
from jfnn.arguments import checks
from jfnn.estimators.mlp import Perceptron, engine_of, further, structure_of

# Fits a structure from which on the engine trains a search. With fewer, scikit-learn is done before programs
# are there; with more, searches of seconds stay with scikit-learn. `python scripts/searches.py` measures it.
MANY = 16


def perceptron_in(estimator: Any) -> Perceptron | None:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def with_perceptron(estimator: Any, perceptron: Any) -> Any:
    """An estimator with another perceptron at its end; other steps of a Pipeline are shared."""
    if not isinstance(estimator, Pipeline):
        return perceptron
    copied = copy.copy(estimator)
    copied.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], perceptron)]
    return copied


def prefix(estimator: Any) -> str:
    """Prefix of the perceptron's parameters among those of an estimator."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def perceptrons_in(value: Any) -> Iterator[Perceptron]:
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
        engines: The values of `engine_of` whose fits the engine trains together; none where scikit-learn
            trains all.
        fits: Number of fits that are free to choose.
        structures: Number of their structures.
        why: Why the search is not for the engine, however many fits it has; None where it may be.
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


def choose(search: Any, splits: int, X: Any, weightless: bool) -> Choice:
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
        ValueError, TypeError: As scikit-learn's search, of a grid that is none, or names that are none.
    """
    begin = prefix(search.estimator)
    candidates = [(candidate, _perceptron_of(search, candidate)) for candidate in _candidates(search)]
    valid = [(candidate, last) for candidate, last in candidates if _is_valid(last)]
    forced = [last for _, last in valid if last is not None and engine_of(last) == "jfnn"]
    free = [
        (structure_of(last, parameters.hidden_sizes(last), ""), _of_others(candidate, begin))
        for candidate, last in valid
        if last is not None and engine_of(last) == "auto" and why_alone(last) is None
    ]
    fits = len(free) * splits
    structures = len(set(free))
    reasons = [_why_scikit_learns(search, X), *(why_alone(last) for _, last in valid)]
    why = next(filter(None, reasons), None)
    if fits and (weightless or (why is None and fits >= MANY * structures)):
        engines: tuple[str, ...] = ("auto", "jfnn")
    else:
        engines = ("jfnn",) if forced else ()
    plain = all(_is_plain(last) for _, last in valid)
    plain = plain and all(_takes(last, candidate, begin) for candidate, last in candidates)
    # With routing it is the perceptron's own requests that count.
    plain = plain and not sklearn.get_config()["enable_metadata_routing"]
    return Choice(engines, fits, structures, why, plain)


def _why_scikit_learns(search: Any, X: Any) -> str | None:
    """The reason why a search is not for the engine, whatever its candidates are; None where it may be."""
    table = hasattr(X, "shape") and len(X.shape) > 1 and not sparse.issparse(X)
    if not table and not (isinstance(X, list | tuple) and len(X) and np.ndim(X[0])):
        return "its rows are sparse, or texts"
    if isinstance(search, HalvingGridSearchCV):
        return "successive halving trains few fits to their end"
    return None


def why_alone(last: Perceptron | None) -> str | None:
    """The reason why a fit of a search cannot be trained with others; None where it can."""
    if last is None:
        return "their estimator is none of jfnn.estimators"
    if last.solver == "lbfgs":
        return "the solver 'lbfgs' minimises one at a time"
    if last.verbose:
        return "verbose estimators report on their training"
    return None


def _perceptron_of(search: Any, candidate: Mapping[str, Any]) -> Perceptron | None:
    """The perceptron of a candidate; None where its estimator is another."""
    return perceptron_in(clone(search.estimator).set_params(**clone(dict(candidate), safe=False)))


def _is_valid(last: Perceptron | None) -> bool:
    """Whether a fit gets as far as to train; where it does not, scikit-learn counts a failure."""
    if last is None:
        return True
    try:
        parameters.check(last)
        parameters.hidden_sizes(last)
        engine_of(last)
    except (ValueError, TypeError):
        return False
    return True


def _of_others(candidate: Mapping[str, Any], begin: str) -> tuple[tuple[str, int], ...]:
    """Settings of a Pipeline's other steps: others give other rows, which are other runs of the engine."""
    return tuple(sorted((name, id(value)) for name, value in candidate.items() if _is_others(name, begin)))


def _is_others(name: str, begin: str) -> bool:
    """Whether a parameter is one of other steps than the perceptron, whose have a prefix."""
    return not name.startswith(begin) and name != begin.removesuffix("__")


def _is_plain(last: Perceptron | None) -> bool:
    """Whether scikit-learn's perceptron does what a valid one does."""
    if last is None or last._is_users() or last.engine == "jfnn":
        return False
    return further(last) is None and last.get_params(deep=False).get("class_weight") is None


def _takes(last: Perceptron | None, candidate: Mapping[str, Any], begin: str) -> bool:
    """Whether scikit-learn's perceptron has all parameters that a search sets."""
    names = {name.removeprefix(begin) for name in candidate if not _is_others(name, begin)}
    return last is not None and names <= set(last._theirs()._get_param_names())


def _candidates(search: Any) -> Sequence[Mapping[str, Any]]:
    """Candidates of a search; those to be drawn are drawn from a copy of its stream."""
    if isinstance(search, GridSearchCV | HalvingGridSearchCV):
        return list(ParameterGrid(search.param_grid))
    random = copy.deepcopy(check_random_state(search.random_state))
    with warnings.catch_warnings():  # the search draws again, and then they are heard
        warnings.simplefilter("ignore")
        return list(ParameterSampler(search.param_distributions, search.n_iter, random_state=random))
