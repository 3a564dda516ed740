"""The rule by which code a search trains: from its candidates alone, so that equal calls give equal bytes.

The engine first compiles a program for each structure, and then trains its fits side by side. So it takes the
searches that have many fits a structure, and all others are scikit-learn's, as fits alone are.
"""

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    ParameterSampler,
)
from sklearn.utils import check_random_state

import jfnn.estimators.parameters as parameters
from jfnn.estimators.perceptron import Perceptron, forced_engine, structure_of
from jfnn.estimators.pipelines import perceptron_in, prefix

# Fits a structure from which on the engine trains a search. With fewer, scikit-learn is done before programs
# are there; with more, searches of seconds stay with scikit-learn. `python scripts/searches.py` measures it.
MANY = 16
DRAWS = 20  # candidates of a halving search that draws as many as it has rows for


class Choice(NamedTuple):
    """By which code a search trains.

    Attributes:
        engines: The values of ``engine`` whose fits the engine trains together; none where scikit-learn
            trains all.
        fits: Number of fits that are free to choose.
        structures: Number of their structures.
        why: Why the search is not for the engine, however many fits it has; None where it may be.
    """

    engines: tuple[str, ...] = ()
    fits: int = 0
    structures: int = 0
    why: str | None = None

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
    successive halving, which trains few fits to their end, and by a program for each round; one of sparse
    rows, of which the engine has no products, or of texts, which become such; and an invalid one, of which
    scikit-learn says why.

    Args:
        search: The search.
        splits: Number of folds.
        X: Inputs, anything that scikit-learn takes.
        weightless: Whether rows weigh 0, which in some fold may be all of a step's.
    """
    try:
        return _choose(search, splits, X, weightless)
    except Exception:  # whatever hostile containers and grids raise
        return Choice()


def _choose(search: Any, splits: int, X: Any, weightless: bool) -> Choice:
    begin = prefix(search.estimator)
    fits = 0
    structures = set()
    why = None
    if sparse.issparse(X) or len(X.shape if hasattr(X, "shape") else np.shape(X)) < 2:
        why = "its rows are sparse, or texts"
    elif isinstance(search, HalvingGridSearchCV | HalvingRandomSearchCV):
        why = "successive halving trains few fits to their end"
    must = False
    candidates = _candidates(search)
    for candidate in candidates:
        try:
            last = perceptron_in(clone(search.estimator).set_params(**clone(dict(candidate), safe=False)))
            alone = why_alone(last)
            if last is not None:
                parameters.check(last)
                hidden = parameters.hidden_sizes(last)
            engine = None if last is None else forced_engine(last)
        except Exception:  # scikit-learn meets it again, where failures are counted
            continue
        must = must or engine == "jfnn"
        why = why or alone
        if last is not None and engine is None and alone is None:
            # Transformers with other settings give other rows, which are other runs of the engine.
            others = [(name, id(value)) for name, value in candidate.items() if _is_others(name, begin)]
            structures.add((structure_of(last, hidden, ""), *sorted(others)))
            fits += splits
    if fits and (weightless or (why is None and fits >= MANY * len(structures))):
        engines: tuple[str, ...] = ("auto", "jfnn")
    else:
        engines = ("jfnn",) if must else ()
    return Choice(engines, fits, len(structures), why)


def _is_others(name: str, begin: str) -> bool:
    """Whether a parameter is one of a Pipeline's other steps than the perceptron, whose have a prefix."""
    return not name.startswith(begin) and name != begin.removesuffix("__")


def why_alone(last: Perceptron | None) -> str | None:
    """The reason why a fit of a search cannot be trained with others; None where it can."""
    if last is None:
        return "their estimator is none of jfnn.estimators"
    if last.solver == "lbfgs":
        return "the solver 'lbfgs' minimises one at a time"
    if last.verbose:
        return "verbose estimators report on their training"
    return None


def _candidates(search: Any) -> Sequence[Mapping[str, Any]]:
    """Candidates of a search; those to be drawn are drawn from a copy of its stream."""
    if isinstance(search, GridSearchCV | HalvingGridSearchCV):
        return list(ParameterGrid(search.param_grid))
    number = search.n_candidates if isinstance(search, HalvingRandomSearchCV) else search.n_iter
    number = DRAWS if isinstance(number, str) else number
    random = copy.deepcopy(check_random_state(search.random_state))
    with warnings.catch_warnings():  # the search draws again, and then they are heard
        warnings.simplefilter("ignore")
        return list(ParameterSampler(search.param_distributions, number, random_state=random))
