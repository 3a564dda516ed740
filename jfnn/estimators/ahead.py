"""Train the candidates of a search together, before scikit-learn fits them one by one.

scikit-learn's search clones the estimator for one fit after another, sets a candidate's parameters, fits it
on the rows of a fold, and scores it. A search of this package trains its candidates first:

1. `TrainedAhead.record` makes the `Settings` of each candidate. For candidates that differ only in numbers,
   it fits one estimator per fold. The perceptron in it calls `TrainedAhead.find`, which records the `Fit` and
   returns the result of zero epochs. The other candidates use the same `Fit` with their own numbers.
2. `TrainedAhead.train` trains these fits by the engine, side by side if they differ only in numbers.
3. scikit-learn's code runs while the object is `active`. Each fit calls `find` again, which returns the
   result for equal content. Without a result, the fit trains by itself.

Splits, scores, failures, refitting and tables thus remain scikit-learn's; recording only saves time.
"""

import collections
import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

import jfnn.estimators.training as training
from jfnn.arguments import checks
from jfnn.core.engine.devices import as_devices
from jfnn.core.engine.interrupts import deferred_interrupts
from jfnn.core.engine.threads import run_jobs
from jfnn.estimators.choice import (
    NOT_OURS,
    Candidate,
    perceptron_in,
    prefix,
    values_besides,
    with_parameters,
)
from jfnn.estimators.fit import NUMBERS, Fit, Key, TrainedFit, check_numbers
from jfnn.estimators.mlp import SEARCH, Perceptron
from jfnn.estimators.settings import Settings

FAILS = "they failed when trained together: "
IN_VAIN = "their rows changed after they were trained together"
UNSTEADY = "their transformers return different rows at each fit; give each a random_state"
Reasons = collections.Counter[str]  # reason why fits train one by one -> number of fits
Like = tuple[object, ...]  # equal for candidates that differ only in numbers
Rows = np.ndarray | Sequence[int]  # row numbers, or a mask
Content = tuple[str, tuple[int, ...], bytes]  # dtype, shape and bytes of inputs


class TrainedAhead:
    """The fits of a search's candidates, trained ahead and found by their content; see the module.

    Attributes:
        engines: The engines (see `Settings.engine_for`) whose fits are trained ahead.
        seed: Returns the seed of fits without a random state, which all candidates share.
        fits: The recorded fits; equal fits of several candidates are stored once.
        results: The result of each fit that could be trained.
    """

    def __init__(
        self,
        engines: Container[str],
        fit_on: Callable[[BaseEstimator, Rows], object],
        seed: Callable[[], int],
    ):
        """``fit_on(estimator, rows)`` fits an estimator to a fresh copy of rows, which it may overwrite."""
        self.engines = engines
        self.seed = seed
        self._fit_on = fit_on
        self._recording: Perceptron | None = None
        self.fits: dict[Key, Fit] = {}
        self.results: dict[Key, TrainedFit] = {}
        self._keys: list[Key] = []  # the key of each fold and candidate
        self._failed: Reasons = collections.Counter()
        self._inputs: dict[Content, tuple[int, np.ndarray]] = {}
        self._recorded: Fit | None = None
        self._found = 0
        self._missed = 0

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """In this context and thread, let fits find their results."""
        token = SEARCH.set(self)
        try:
            yield
        finally:
            SEARCH.reset(token)

    def record(
        self, estimator: BaseEstimator, candidates: Sequence[Candidate], folds: Sequence[Rows]
    ) -> Reasons:
        """Record the fits of candidates on each fold; return why some fits cannot train together."""
        left: Reasons = collections.Counter()
        alike: dict[Like, list[tuple[Candidate, Settings]]] = {}
        with warnings.catch_warnings():  # scikit-learn's own fits show these warnings
            warnings.simplefilter("ignore")
            for candidate in candidates:
                with self._failures(len(folds)):
                    one = with_parameters(estimator, candidate)
                    last = perceptron_in(one)
                    settings = None if last is None else Settings.of(last)
                    if settings is None:
                        left[NOT_OURS] += len(folds)
                    elif settings.engine in self.engines and settings.alone is not None:
                        left[settings.alone] += len(folds)
                    elif settings.engine in self.engines:
                        names = {prefix(one) + name for name in (*NUMBERS, "l1")}
                        like: Like = values_besides(candidate, names), settings.structure.l1
                        alike.setdefault(like, []).append((candidate, settings))
            for members in alike.values():
                left[UNSTEADY] += self._record_alike(estimator, members, folds)
        return +left

    def _record_alike(
        self, estimator: BaseEstimator, members: Sequence[tuple[Candidate, Settings]], folds: Sequence[Rows]
    ) -> int:
        """Record the fits of candidates that differ only in numbers, from one estimator per fold.

        Returns the number of fits left out because transformers return different rows at each fit.
        """
        steady = None if isinstance(estimator, Pipeline) else True  # None: not yet determined
        left = 0
        for rows in folds:
            first = None
            for candidate, settings in members:
                with self._failures(1):
                    if first is None and steady is not False:
                        first = self._fit_of(with_parameters(estimator, candidate), rows)
                        if steady is None:
                            again, _ = self._fit_of(with_parameters(estimator, candidate), rows)
                            steady = again == first[0]
                    if first is not None and steady:
                        self._add(*first, settings.numbers)
                    else:
                        left += 1
        return left

    @contextlib.contextmanager
    def _failures(self, fits: int) -> Iterator[None]:
        """Count fits that fail; scikit-learn usually meets the same error later and reports it."""
        try:
            yield
        except Exception as error:
            self._failed[checks.as_text(error)] += fits

    def _fit_of(self, estimator: BaseEstimator, rows: Rows) -> tuple[Key, Fit]:
        """Return the fit that an estimator's perceptron requests, with shared inputs, and its key.

        Perceptrons among the transformers are trained.
        """
        self._recording = perceptron_in(estimator)
        self._recorded = None
        try:
            with self.active():
                self._fit_on(estimator, rows)
        except Exception:  # after the fit is recorded, a user's class may fail without a trained perceptron
            if self._recorded is None:
                raise
        finally:
            self._recording = None
        fit = self._recorded
        if fit is None:
            raise RuntimeError("its perceptron requested no fit")
        x = fit.rows.x
        content = _content(x)
        shared = np.frombuffer(content[-1], x.dtype).reshape(x.shape)
        number, shared = self._inputs.setdefault(content, (len(self._inputs), shared))
        return fit.key(number), fit._replace(rows=fit.rows._replace(x=shared))

    def _add(self, key: Key, fit: Fit, numbers: dict[str, float]) -> None:
        fit = fit._replace(numbers=numbers)
        check_numbers(fit)
        key = key[0], tuple(numbers.values())
        self._keys.append(key)
        self.fits[key] = fit

    def find(self, perceptron: Perceptron, fit: Fit) -> TrainedFit | None:
        """Return the result of a perceptron's fit, or None; while recording, the result of zero epochs."""
        if perceptron is self._recording:
            self._recorded = fit
            return fit.untrained_members()
        if self._recording is not None:
            return None
        number, _ = self._inputs.get(_content(fit.rows.x), (None, None))
        trained = None if number is None else self.results.get(fit.key(number))
        self._found += trained is not None
        self._missed += trained is None
        return trained

    def missing(self) -> Reasons:
        """Return the reasons why some fits found no result and were trained one by one."""
        unasked = sum(key in self.results for key in self._keys) - self._found
        reasons = collections.Counter({IN_VAIN: unasked})
        if self._missed > unasked:
            reasons.update({f"{FAILS}{error}": count for error, count in self._failed.items()})
        return reasons

    def train(self, tell: Callable[[str], None] | None = None) -> None:
        """Train the fits, side by side if rows, structure and start are equal; ``tell`` gets the progress.

        If a group fails, the others continue; its fits later train one by one, which counts failures.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; unfinished fits get no result.
        """
        groups: dict[tuple[object, ...], dict[Key, Fit]] = {}  # what fits share -> key -> fit
        for key, fit in self.fits.items():
            groups.setdefault(key[0], {})[key] = fit
        started = time.perf_counter()
        done = 0
        lock = threading.Lock()

        def run(group: Mapping[Key, Fit], threads: Sequence[jax.Device]) -> list[TrainedFit] | str:
            try:
                return training.train(list(group.values()), threads, ends=ends)
            except Exception as error:
                return checks.as_text(error)

        def collect(group: Mapping[Key, Fit], results: list[TrainedFit] | str) -> None:
            nonlocal done
            with lock:
                if isinstance(results, str):
                    self._failed[results] += sum(key in group for key in self._keys)
                else:
                    self.results |= zip(group, results, strict=True)
                done += len(group)
                if tell is not None:
                    left = (time.perf_counter() - started) * (len(self.fits) - done) / done
                    tell(f"{done} of {len(self.fits)} networks trained, {left:.0f} s left")

        first = {structure: group for (structure, *_), group in reversed(groups.items())}
        later = [group for (structure, *_), group in groups.items() if group is not first[structure]]
        threads = as_devices(None)
        with deferred_interrupts() as ends:
            if len(first) == 1:  # the later groups use its compiled program
                for group in first.values():
                    collect(group, run(group, threads))
            else:
                later = [*first.values(), *later]
            if later:
                run_jobs(later, threads, lambda group, device: run(group, [device]), collect)


def _content(x: np.ndarray) -> Content:
    """Return a key that is equal for bitwise equal arrays: -0 differs from 0, and NaN equals itself."""
    return x.dtype.str, x.shape, x.tobytes()
