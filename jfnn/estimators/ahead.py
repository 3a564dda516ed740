"""All fits of a search, trained together before scikit-learn asks for them one by one."""

import pickle
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

import jfnn.estimators.encoded as encoded
import jfnn.estimators.parameters as parameters
from jfnn.engine import devices
from jfnn.engine.executors import spread
from jfnn.estimators.encoded import Encoded
from jfnn.estimators.perceptron import Perceptron
from jfnn.fitting import store, training
from jfnn.fitting.group import GoesOn, Trained, draw_group
from jfnn.fitting.store import Store
from jfnn.fitting.structure import Structure

Tell = Callable[[str], None]


class Table(NamedTuple):
    """What a search learns from.

    Attributes:
        x: Inputs, anything that scikit-learn takes.
        y: Targets.
        sample_weight: Weights of rows, or None.
    """

    x: Any
    y: Any
    sample_weight: Any = None

    def take(self, rows: np.ndarray) -> "Table":
        """Some of the rows."""
        return Table(*(None if part is None else _take(part, rows) for part in self))


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


def perceptron_of(estimator: Any) -> Perceptron | None:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def fits_of(
    estimator: Any, table: Table, candidates: Sequence[Mapping[str, Any]], folds: Sequence[np.ndarray]
) -> tuple[list[Fit], dict[str, int]]:
    """The fits of a search that can be trained together, and how many cannot, by reason.

    Transformers of a Pipeline are fitted once a fold.

    Args:
        estimator: A perceptron, or a Pipeline that ends in one.
        table: All rows.
        candidates: Parameters to set, one mapping a candidate.
        folds: Row numbers to train on.
    """
    fits, left = [], dict[str, int]()
    for number, rows in enumerate(folds):
        fold = _Fold(table.take(rows))
        for of_candidate, candidate in enumerate(candidates):
            try:
                with warnings.catch_warnings():  # scikit-learn fits again, and then they are heard
                    warnings.simplefilter("ignore")
                    made = clone(estimator).set_params(**clone(dict(candidate), safe=False))
                    fit = _as_fit(made, fold, (of_candidate, number))
            except Exception:  # scikit-learn meets it again, where failures are counted
                fit = "it fails"
            if isinstance(fit, str):
                left[fit] = left.get(fit, 0) + 1
            else:
                fits.append(fit)
    return fits, left


class _Fold:
    """Rows to train on, transformed and encoded once for all fits that do so alike."""

    def __init__(self, table: Table):
        self.table = table
        self.transformed: dict[bytes, tuple[Table, Any]] = {}
        self.encoded: dict[Any, Encoded] = {}

    def of(self, estimator: Any, last: Perceptron) -> Encoded:
        """What the perceptron of an estimator sees."""
        transformers = estimator[:-1] if isinstance(estimator, Pipeline) and len(estimator) > 1 else None
        before = pickle.dumps(transformers)
        if before not in self.transformed:
            table = self.table
            if transformers is not None:
                table = table._replace(x=transformers.fit_transform(table.x, table.y))
            self.transformed[before] = table, transformers
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


def _as_fit(estimator: Any, fold: _Fold, place: tuple[int, int]) -> Fit | str:
    """A fit, or why it is not trained with others."""
    last = perceptron_of(estimator)
    if last is None:
        return "their estimator is none of jfnn.estimators"
    if last.solver == "lbfgs":
        return "the solver 'lbfgs' minimises one at a time"
    if last.verbose:
        return "verbose estimators report on their own training"
    parameters.check(last)
    of_fold = fold.of(estimator, last)
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
        self.store: Store = {}
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


def _take(part: Any, rows: np.ndarray) -> Any:
    if hasattr(part, "iloc"):
        return part.iloc[rows]
    return part[rows] if hasattr(part, "shape") else [part[row] for row in rows]
