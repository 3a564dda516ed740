"""The fits of a search, recorded up to where they would train, and trained together."""

import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

import jfnn.estimators.choice as choice
import jfnn.estimators.parameters as parameters
import jfnn.estimators.training as training
from jfnn.arguments import checks
from jfnn.engine import devices
from jfnn.engine.threads import spread
from jfnn.estimators.attributes import numbers_of, set_layers
from jfnn.estimators.cache import FitCache
from jfnn.estimators.fit import NUMBERS, Fit, Key, Trained
from jfnn.estimators.perceptron import perceptron_in, prefix, with_perceptron

FAILS = "ahead of time they fail: "
UNSTEADY = "their transformers give other rows at each fit; give each a random_state"


class Recorded(NamedTuple):
    """A recorded fit, with its key from before its stream of random numbers goes on.

    The estimator's perceptron has its starting parameters; ``candidate`` is the number of the candidate.
    """

    fit: Fit
    key: Key
    estimator: Any
    candidate: int = 0


class Recorder:
    """Records the fits of a search's candidates.

    Candidates of a fold that differ by the perceptron's numbers alone are fitted once: its transformers and
    its start are the same. The first time, transformers are fitted twice to see whether they repeat.

    Attributes:
        cache: The cache of the fits' results.
        estimator: The search's estimator.
        X: Inputs, anything that scikit-learn takes.
        y: Targets.
        fit_params: Further arguments of fits.
        fits: Recorded fits.
        left: Reason why others cannot be trained together -> their number.
    """

    def __init__(self, cache: FitCache, estimator: Any, X: Any, y: Any, fit_params: Mapping[str, Any]):
        """Records nothing yet."""
        self.cache, self.estimator, self.X, self.y, self.fit_params = cache, estimator, X, y, fit_params
        self.fits: list[Recorded] = []
        self.left: dict[str, int] = {}
        self._steady: dict[Any, bool] = {}
        self._inputs: dict[bytes, Any] = {}  # digest -> inputs

    def record(self, candidates: Sequence[Mapping[str, Any]], folds: Sequence[Any]) -> None:
        """Records the fit of each candidate on each fold; row numbers to train on, or masks."""
        for rows in folds:
            same: dict[Any, Recorded | str] = {}
            for number, candidate in enumerate(candidates):
                try:
                    with warnings.catch_warnings():  # scikit-learn fits again, and then they are heard
                        warnings.simplefilter("ignore")
                        fit = self._as_fit(candidate, rows, same)
                except Exception as error:  # scikit-learn mostly meets it again, where failures are counted
                    fit = f"{FAILS}{checks.shown(error)}"
                if isinstance(fit, str):
                    self.left[fit] = self.left.get(fit, 0) + 1
                elif fit is not None:
                    self.fits.append(fit._replace(candidate=number))

    def _as_fit(
        self, candidate: Mapping[str, Any], rows: Any, same: dict[Any, Recorded | str]
    ) -> Recorded | str | None:
        """A recorded fit, or why it is not trained with others; None where it is not meant to be."""
        estimator = clone(self.estimator).set_params(**clone(dict(candidate), safe=False))
        last = perceptron_in(estimator)
        if last is None:
            return "their estimator is none of jfnn.estimators"
        if (choice.forced(last) or "auto") not in self.cache.engines:
            return None
        if last.solver == "lbfgs":
            return "the solver 'lbfgs' minimises one at a time"
        if last.verbose:
            return "verbose estimators report on their own training"
        parameters.check(last)
        numbers = {prefix(estimator) + name for name in NUMBERS.values()}
        # Values that are one object are equal; equal ones that are not are fitted again.
        others = tuple((name, id(value)) for name, value in sorted(candidate.items()) if name not in numbers)
        if others not in same:
            same[others] = self._recorded(estimator, rows, others)
        alike = same[others]
        if isinstance(alike, str):
            return alike
        fit = alike.fit._replace(numbers=numbers_of(last))
        key = alike.key._replace(numbers=tuple(fit.numbers.values()))
        vars(last).update(vars(perceptron_in(alike.estimator)) | last.get_params(deep=False))
        return Recorded(fit, key, with_perceptron(alike.estimator, last))

    def _recorded(self, estimator: Any, rows: Any, others: Any) -> Recorded | str:
        again = clone(estimator) if isinstance(estimator, Pipeline) and others not in self._steady else None
        fit = self._stopped(estimator, rows)
        key = self.cache.key(fit)
        if others not in self._steady:
            self._steady[others] = again is None or self.cache.key(self._stopped(again, rows)) == key
        inputs = self._inputs.setdefault(key.inputs, fit.rows.x)  # equal ones are kept once
        fit = fit._replace(rows=fit.rows._replace(x=inputs))
        return Recorded(fit, key, estimator) if self._steady[others] else UNSTEADY

    def _stopped(self, estimator: Any, rows: Any) -> Fit:
        """The fit of an estimator to rows cut anew, which it may write on, stopped before it trains."""
        x, y = _safe_split(estimator, self.X, self.y, rows)
        params = _check_method_params(self.X, self.fit_params, rows)
        return self.cache.record(perceptron_in(estimator), lambda: estimator.fit(x, y, **params))

    def train(self, tell: Callable[[str], None] | None = None) -> None:
        """Trains the fits, those of equal rows, structure and start side by side; tells how many are."""
        groups: dict[Key, dict[Key, Fit]] = {}  # key without numbers -> key -> fit
        for fit in self.fits:
            groups.setdefault(fit.key._replace(numbers=()), {})[fit.key] = fit.fit
        total, started, lock = sum(map(len, groups.values())), time.perf_counter(), threading.Lock()

        def run(group: Mapping[Key, Fit], threads: Sequence[jax.Device]) -> list[Trained]:
            return training.train(list(group.values()), threads)

        def collect(group: Mapping[Key, Fit], results: Sequence[Trained]) -> None:
            with lock:
                self.cache.results |= zip(group, results, strict=True)
                if tell is not None:
                    count, spent = len(self.cache.results), time.perf_counter() - started
                    left = spent * (total - count) / count
                    tell(f"{count} of {total} networks trained, {left:.0f} s left")

        first = {key.structure: group for key, group in reversed(groups.items())}
        later = [group for key, group in groups.items() if group is not first[key.structure]]
        threads = devices.resolve(None)
        if len(first) == 1:  # later groups have the program that it compiles
            for group in first.values():
                collect(group, run(group, threads))
        else:
            later = [*first.values(), *later]
        if later:
            spread(later, threads, lambda group, device: run(group, [device]), collect)

    def members(self, folds: int) -> dict[int, list[Any]]:
        """Number of a candidate -> its trained estimators, one a fold; none that diverged in some fold."""
        members: dict[int, list[Any]] = {}
        for fit, key, estimator, candidate in self.fits:
            trained = self.cache.results[key]
            if not trained.diverged:
                set_layers(perceptron_in(estimator), trained.layers, fit.rows.x.dtype)
                members.setdefault(candidate, []).append(estimator)
        return {number: several for number, several in members.items() if len(several) == folds}
