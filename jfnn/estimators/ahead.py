"""All fits of a search, trained together before scikit-learn asks for them one by one."""

import functools
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import joblib
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

import jfnn.estimators.choice as choice
import jfnn.estimators.encoded as encoded
import jfnn.estimators.parameters as parameters
from jfnn import checks
from jfnn.engine import devices
from jfnn.engine.executors import spread
from jfnn.estimators.encoded import Encoded
from jfnn.estimators.perceptron import Perceptron, perceptron_of
from jfnn.estimators.table import Table
from jfnn.fitting import store, training
from jfnn.fitting.group import GoesOn, Trained, draw_group
from jfnn.fitting.store import Store
from jfnn.fitting.structure import Structure

Tell = Callable[[str], None]
Reasons = dict[str, int]  # why fits are not trained together -> how many
FAILS = "ahead of time they fail: "
UNSTEADY = "their transformers give other rows at each fit; give each a random_state"


class Fit(NamedTuple):
    """One fit to come: its rows, what is compiled, its numbers and its ``random_state``.

    Attributes:
        place: Numbers of its candidate and fold.
    """

    encoded: Encoded
    structure: Structure
    numbers: dict[str, float]
    random: Any
    place: tuple[int, int]

    def key(self) -> store.Key:
        """Under which its result is found."""
        return store.key(self.encoded.digest, self.structure, self.numbers, self.random)


def fits_of(
    estimator: Any,
    table: Table,
    candidates: Sequence[Mapping[str, Any]],
    folds: Sequence[Any],
    engines: Container[str] = ("auto", "jfnn"),
) -> tuple[list[Fit], Reasons]:
    """The fits of a search that can be trained together, and how many cannot, by reason.

    Transformers of a Pipeline are fitted once a fold, and on the first fold once more to compare.

    Args:
        estimator: A perceptron, or a Pipeline that ends in one.
        table: All rows.
        candidates: Parameters to set, one mapping a candidate.
        folds: Row numbers to train on, or masks.
        engines: What ``engine`` must be; scikit-learn is asked for the other fits, one by one.
    """
    fits, left, steady = [], Reasons(), dict[bytes, bool]()
    for number, rows in enumerate(folds):
        fold = _Fold(functools.partial(table.training, estimator, rows), steady)
        for of_candidate, candidate in enumerate(candidates):
            try:
                with warnings.catch_warnings():  # scikit-learn fits again, and then they are heard
                    warnings.simplefilter("ignore")
                    made = clone(estimator).set_params(**clone(dict(candidate), safe=False))
                    fit = _as_fit(made, fold, (of_candidate, number), engines)
            except Exception as error:  # scikit-learn mostly meets it again, where failures are counted
                fit = f"{FAILS}{checks.shown(error)}"
            if isinstance(fit, str):
                left[fit] = left.get(fit, 0) + 1
            elif fit is not None:
                fits.append(fit)
    return fits, left


class _Fold:
    """Rows to train on, transformed and encoded once for all fits that do so alike."""

    def __init__(self, cut: Callable[[], Table], steady: dict[bytes, bool]):
        """Nothing is transformed yet.

        Args:
            cut: Takes the rows, each time anew, since transformers may write on them.
            steady: Whether transformers give the same rows at each fit, for all folds; it is filled here.
        """
        self.cut, self.steady = cut, steady
        self.transformed: dict[bytes, tuple[Table, Any]] = {}
        self.encoded: dict[Any, Encoded] = {}

    def of(self, estimator: Any, last: Perceptron) -> Encoded | None:
        """What the perceptron of an estimator sees; None where that differs from fit to fit."""
        transformers = estimator[:-1] if isinstance(estimator, Pipeline) and len(estimator) > 1 else None
        before = pickle.dumps(joblib.wrap_non_picklable_objects(transformers))
        if before not in self.transformed and self.steady.get(before, True):
            again = None if before in self.steady or transformers is None else clone(transformers)
            table, _ = self.transformed[before] = self._transformed(transformers)
            repeats = again is None or joblib.hash(self._transformed(again)[0].x) == joblib.hash(table.x)
            self.steady[before] = repeats
        if not self.steady[before]:
            return None
        key = (before, encoded.settings_of(last))
        if key not in self.encoded:
            (table, fitted), own = self.transformed[before], set(vars(last))
            rows = last._as_rows(*table, goes_on=False, incremental=False)
            self.encoded[key] = Encoded(
                arrays=tuple(table),
                settings=encoded.settings_of(last),
                rows=rows,
                digest=store.digest(rows),
                learned={name: value for name, value in vars(last).items() if name not in own},
                output=last._output(),
                transformers=fitted,
                stratified=last._stratified(rows.targets),
            )
        return self.encoded[key]

    def _transformed(self, transformers: Any) -> tuple[Table, Any]:
        """The rows behind transformers, and these fitted."""
        table = self.cut()
        if transformers is None:
            return table, None
        return table._replace(x=transformers.fit_transform(table.x, table.y)), transformers


def _as_fit(estimator: Any, fold: _Fold, place: tuple[int, int], engines: Container[str]) -> Fit | str | None:
    """A fit, or why it is not trained with others; None where it is not meant to be."""
    last = perceptron_of(estimator)
    if last is None:
        return "their estimator is none of jfnn.estimators"
    if (choice.forced(last) or "auto") not in engines:
        return None
    if last.solver == "lbfgs":
        return "the solver 'lbfgs' minimises one at a time"
    if last.verbose:
        return "verbose estimators report on their own training"
    parameters.check(last)
    of_fold = fold.of(estimator, last)
    if of_fold is None:
        return UNSTEADY
    features, outputs = of_fold.rows.x.shape[1], of_fold.rows.targets.shape[1]
    structure = parameters.structure_of(last, features, outputs, of_fold.output)
    return Fit(of_fold, structure, parameters.numbers_of(last), last.random_state, place)


def train(fits: Sequence[Fit], tell: Tell | None = None) -> Store:
    """Trains fits, those of equal rows, structure and random state side by side.

    Args:
        fits: The fits.
        tell: Called with a line now and then.

    Returns:
        What came of each, under its key.
    """
    groups: dict[Any, list[Fit]] = {}
    for fit in {fit.key(): fit for fit in fits}.values():
        digest, structure, _, random = fit.key()
        groups.setdefault((structure, digest, random), []).append(fit)
    first = {structure: group for (structure, *_), group in reversed(groups.items())}
    later = [group for (structure, *_), group in groups.items() if group is not first[structure]]
    run = _Run(sum(map(len, groups.values())), tell)
    threads = devices.resolve(None)
    if len(first) == 1:  # what it compiles, later groups have
        for group in first.values():
            run.collect(group, run.train(group, threads))
    else:
        later = [*first.values(), *later]
    if later:
        spread(later, threads, lambda group, device: run.train(group, [device]), run.collect)
    return run.store


class _Run:
    """What has been trained so far."""

    def __init__(self, total: int, tell: Tell | None):
        self.store = Store()
        self.total, self.tell = total, tell
        self.started, self.lock = time.perf_counter(), threading.Lock()
        # Fits without a random state of their own share one, as candidates are compared.
        self.shared = int(check_random_state(None).randint(2**31 - 1))

    def train(self, group: Sequence[Fit], threads: Sequence[jax.Device]) -> list[Trained]:
        """Trains a group of fits."""
        fit = group[0]
        random = np.random.RandomState(self.shared)
        if isinstance(fit.random, np.random.RandomState):
            random.set_state(fit.random.get_state())
        elif fit.random is not None:
            random = check_random_state(fit.random)
        numbers, stratified = [fit.numbers for fit in group], fit.encoded.stratified
        drawn = draw_group(fit.structure, fit.encoded.rows, numbers, random, None, GoesOn(), stratified)
        return training.train(drawn, threads)

    def collect(self, group: Sequence[Fit], results: Sequence[Trained]) -> None:
        """Keeps what came of a group, without what only a fit that goes on would need."""
        with self.lock:
            for fit, result in zip(group, results, strict=True):
                self.store[fit.key()] = result._replace(goes_on=result.goes_on._replace(optimizer=None))
            if self.tell is not None:
                done, spent = len(self.store), time.perf_counter() - self.started
                left = spent * (self.total - done) / done
                self.tell(f"{done} of {self.total} networks trained, {left:.0f} s left")
