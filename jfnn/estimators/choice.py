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
    HalvingRandomSearchCV,
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
DRAWS = 20  # candidates of a halving search that draws as many as it has rows for


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
    asked = False
    fits = 0
    structures = set()
    why = None
    # With routing it is the perceptron's own requests that count.
    plain = _are_known(search) and not sklearn.get_config()["enable_metadata_routing"]
    if not _is_table(X):
        why = "its rows are sparse, or texts"
    elif isinstance(search, HalvingGridSearchCV | HalvingRandomSearchCV):
        why = "successive halving trains few fits to their end"
    for candidate in _candidates(search):
        last = perceptron_in(clone(search.estimator).set_params(**clone(dict(candidate), safe=False)))
        if last is None:
            why = why or why_alone(last)
            plain = False
            continue
        try:
            names = [name.removeprefix(begin) for name in candidate if not _is_others(name, begin)]
            plain = plain and _is_plain(last, names)
            parameters.check(last)
            hidden = parameters.hidden_sizes(last)
            engine = engine_of(last)
        except (ValueError, TypeError):  # scikit-learn meets it again, where failures are counted
            continue
        asked = asked or engine == "jfnn"
        alone = why_alone(last)
        why = why or alone
        if engine == "auto" and alone is None:
            # Transformers with other settings give other rows, which are other runs of the engine.
            others = [(name, id(value)) for name, value in candidate.items() if _is_others(name, begin)]
            structures.add((structure_of(last, hidden, ""), *sorted(others)))
            fits += splits
    if fits and (weightless or (why is None and fits >= MANY * len(structures))):
        engines: tuple[str, ...] = ("auto", "jfnn")
    else:
        engines = ("jfnn",) if asked else ()
    return Choice(engines, fits, len(structures), why, plain)


def why_alone(last: Perceptron | None) -> str | None:
    """The reason why a fit of a search cannot be trained with others; None where it can."""
    if last is None:
        return "their estimator is none of jfnn.estimators"
    if last.solver == "lbfgs":
        return "the solver 'lbfgs' minimises one at a time"
    if last.verbose:
        return "verbose estimators report on their training"
    return None


def _is_table(X: Any) -> bool:
    """Whether rows are dense, of several numbers each."""
    if hasattr(X, "shape"):
        return len(X.shape) > 1 and not sparse.issparse(X)
    return isinstance(X, list | tuple) and len(X) > 0 and np.ndim(X[0]) > 0


def _is_others(name: str, begin: str) -> bool:
    """Whether a parameter is one of a Pipeline's other steps than the perceptron, whose have a prefix."""
    return not name.startswith(begin) and name != begin.removesuffix("__")


def _is_plain(last: Perceptron, names: Sequence[str]) -> bool:
    """Whether scikit-learn's perceptron serves for a candidate's; ``names`` are what the search sets."""
    theirs = last._theirs()._get_param_names()
    weighted = last.get_params(deep=False).get("class_weight") is not None
    if last._is_users() or last.engine == "jfnn" or weighted:
        return False
    return further(last) is None and set(names) <= set(theirs)


def _are_known(search: Any) -> bool:
    """Whether the candidates are known before the search draws them."""
    return not isinstance(search, HalvingRandomSearchCV) or not isinstance(search.n_candidates, str)


def _candidates(search: Any) -> Sequence[Mapping[str, Any]]:
    """Candidates of a search; those to be drawn are drawn from a copy of its stream."""
    if isinstance(search, GridSearchCV | HalvingGridSearchCV):
        return list(ParameterGrid(search.param_grid))
    number = search.n_candidates if isinstance(search, HalvingRandomSearchCV) else search.n_iter
    number = number if _are_known(search) else DRAWS
    random = copy.deepcopy(check_random_state(search.random_state))
    with warnings.catch_warnings():  # the search draws again, and then they are heard
        warnings.simplefilter("ignore")
        return list(ParameterSampler(search.param_distributions, number, random_state=random))
