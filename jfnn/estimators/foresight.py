"""What is known of a search before it begins: by which code it is to train its fits."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.pipeline import Pipeline

import jfnn.estimators.choice as choice
import jfnn.estimators.parameters as parameters
from jfnn import checks
from jfnn.estimators.choice import Shape
from jfnn.estimators.perceptron import Perceptron, perceptron_of
from jfnn.estimators.table import Table
from jfnn.fitting import costs
from jfnn.fitting.costs import Work

DRAWS = 20  # candidates of a halving search that draws as many as it has rows for
SPLITS = 5  # where only the search itself may ask for them


class Foresight(NamedTuple):
    """What is known of a search's fits.

    Attributes:
        must: Whether the engine has to train some of them.
        pays: Whether it is to train those that either may.
        works: Those that either may.
        programs: Programs that the engine compiles for a structure.
    """

    must: bool
    pays: bool
    works: Sequence[Work]
    programs: int

    @property
    def seconds(self) -> float:
        """Seconds by scikit-learn's own code, one fit after another."""
        return sum(map(costs.theirs, self.works))

    def told(self) -> str:
        """A line that says which engine was chosen, and why."""
        chosen = "jfnn" if self.pays else "scikit-learn"
        return choice.told(chosen, self.works, self.programs)


def foresee(search: Any, table: Table) -> Foresight | None:
    """What is known of the fits of a search on a table; None where that fails, as the search then will."""
    try:
        return _foresee(search, table)
    except Exception:  # of grids, splitters and rows that cannot be
        return None


def _foresee(search: Any, table: Table) -> Foresight:
    last = perceptron_of(search.estimator)
    candidates, share, rounds = _candidates(search)
    splits = _splits(search, table)
    shape = choice.shape_of(last, table.x, table.y)
    shape = shape._replace(rows=shape.rows * (splits - 1) // splits if splits > 1 else shape.rows)
    groups: dict[Any, list[Work]] = {}
    must = False
    for candidate in candidates:
        try:
            fit = _work(search.estimator, candidate, shape, table)
        except Exception:  # scikit-learn meets it again, where failures are counted
            continue
        must = must or fit == "jfnn"
        if isinstance(fit, Work):
            groups.setdefault(fit.structure, []).append(fit)
    works = [
        group[0]._replace(epochs=share * sum(fit.epochs for fit in group) / len(group), members=len(group))
        for group in groups.values()
    ] * splits
    return Foresight(must, costs.engine_pays(works, rounds), works, rounds)


def _work(estimator: Any, candidate: Mapping[str, Any], shape: Shape, table: Table) -> Work | str | None:
    """The work of a candidate's fit, or the engine that it must have, or None for nothing to choose."""
    made = clone(estimator).set_params(**clone(dict(candidate), safe=False))
    last = perceptron_of(made)
    if last is None:
        return None
    parameters.check(last)
    must = choice.forced(last, table.sample_weight)
    if must is None and choice.zeros(table.sample_weight):  # in some fold they may be all of a step's rows
        return "jfnn"
    if must is not None or last.solver == "lbfgs":
        return must
    return choice.work(last, shape)


def _candidates(search: Any) -> tuple[list[Mapping[str, Any]], float, int]:
    """Candidates, the share of all their epochs or rows that is trained, and the kinds of rounds."""
    if hasattr(search, "param_grid"):
        candidates = list(ParameterGrid(search.param_grid))
    else:
        number = getattr(search, "n_iter", getattr(search, "n_candidates", None))
        random = 0 if search.random_state is None else copy.deepcopy(search.random_state)
        number = DRAWS if isinstance(number, str) else number
        candidates = list(ParameterSampler(search.param_distributions, number, random_state=random))
    if not hasattr(search, "factor") or len(candidates) < 2:
        return candidates, 1.0, 1
    rounds = 1 + math.floor(math.log(len(candidates), search.factor))
    share = min(rounds * search.factor / len(candidates), 1.0)
    return candidates, share, rounds if search.resource == "n_samples" else 1


def _splits(search: Any, table: Table) -> int:
    cv = search.cv
    if hasattr(cv, "__next__"):  # it would be used up
        return SPLITS
    splitter = check_cv(cv, table.y, classifier=is_classifier(search.estimator))
    return max(int(splitter.get_n_splits(table.x, table.y)), 1)


def weights_name(estimator: Any) -> str:
    """Name under which a search hands weights of rows to its fits."""
    return f"{estimator.steps[-1][0]}__sample_weight" if isinstance(estimator, Pipeline) else "sample_weight"


def has_perceptron(value: Any) -> bool:
    """Whether there is a perceptron of this package in an estimator or a grid, however deep."""
    if isinstance(value, BaseEstimator) and not isinstance(value, Perceptron):
        value = value.get_params(deep=False)
    if isinstance(value, Mapping):
        value = list(value.values())
    numeric = isinstance(value, np.ndarray) and not value.dtype.hasobject
    if numeric or not checks.is_several(value):
        return isinstance(value, Perceptron)
    return any(map(has_perceptron, value))


def why_not(estimator: Any, params: dict[str, Any]) -> str | None:
    """Why no fit of a search can be trained with others; None where they can."""
    if perceptron_of(estimator) is None:
        return "its estimator is none of jfnn.estimators, nor a Pipeline that ends in one"
    others = sorted(set(params) - {"groups", weights_name(estimator)})
    if others:
        return f"fit takes {', '.join(others)}"
    if params and sklearn.get_config()["enable_metadata_routing"]:
        return "metadata routing says who takes the parameters of fit"
    return None
