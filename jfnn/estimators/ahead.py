"""The candidates of a search, trained together before scikit-learn asks for their fits one by one.

scikit-learn's search asks for one fit after another: it clones the estimator, sets a candidate's parameters,
fits it on the rows of a fold, and scores it. A search of this package trains a round of candidates first:

1. `TrainedAhead.record` makes the `Settings` of each candidate. Candidates that differ by numbers only share
   one estimator a fold, whose perceptron asks `TrainedAhead.find` for its result. The answer is the result of
   no epoch, and its `Fit` is kept. The fits of the other candidates are the same with other numbers.
2. `TrainedAhead.train` trains these fits by the engine: those that share all but numbers side by side.
3. scikit-learn's code runs, while the object is `active`. Each fit asks `find` again, which now has a
   result for the same content, or for other content nothing: then the fit trains by itself.

So splits, scores, failures, refitting and tables are scikit-learn's, and nothing but time depends on what was
recorded.
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

FAILS = "ahead of time they fail: "
IN_VAIN = "they saw other rows than ahead of time"
UNSTEADY = "their transformers give other rows at each fit; give each a random_state"
Reasons = collections.Counter[str]  # reason why fits train one by one -> their number
Like = tuple[object, ...]  # what candidates that differ by numbers have in common
Rows = np.ndarray | Sequence[int]  # numbers of rows, or a mask
Content = tuple[str, tuple[int, ...], bytes]  # of inputs


class TrainedAhead:
    """The fits of a round of candidates, trained ahead and found by their content; see the module.

    Attributes:
        engines: The engines of `Settings.engine_for` whose fits are trained ahead.
        seed: The seed of fits without one, which candidates share.
        fits: The recorded fits; equal ones of several candidates are one.
        results: The result of each fit that could be trained.
    """

    def __init__(
        self,
        engines: Container[str],
        fit_on: Callable[[BaseEstimator, Rows], object],
        seed: Callable[[], int],
    ):
        """Starts without fits.

        Args:
            engines: The attribute.
            fit_on: ``(estimator, rows)``, fits an estimator to rows cut anew, which it may write on.
            seed: The attribute.
        """
        self.engines = engines
        self.seed = seed
        self._fit_on = fit_on
        self._recording: Perceptron | None = None
        self.fits: dict[Key, Fit] = {}
        self.results: dict[Key, TrainedFit] = {}
        self._keys: list[Key] = []  # of each fold and candidate
        self._failed: Reasons = collections.Counter()
        self._inputs: dict[Content, tuple[int, np.ndarray]] = {}
        self._recorded: Fit | None = None
        self._found = 0
        self._missed = 0

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Fits in this context, of this thread, find their results."""
        token = SEARCH.set(self)
        try:
            yield
        finally:
            SEARCH.reset(token)

    def record(
        self, estimator: BaseEstimator, candidates: Sequence[Candidate], folds: Sequence[Rows]
    ) -> Reasons:
        """Records the fits of candidates.

        Args:
            estimator: The search's estimator.
            candidates: The candidates.
            folds: The rows of each fold to train on.

        Returns:
            The reasons why some of them cannot train together.
        """
        left: Reasons = collections.Counter()
        alike: dict[Like, list[tuple[Candidate, Settings]]] = {}
        with warnings.catch_warnings():  # scikit-learn fits again, and then they are heard
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
        """Records the fits of candidates that differ by numbers only, from one estimator a fold.

        Returns:
            The number of fits that are left out, because transformers give other rows at each fit.
        """
        steady = None if isinstance(estimator, Pipeline) else True  # not known yet
        left = 0
        for rows in folds:
            first = None
            for candidate, settings in members:
                with self._failures(1):
                    if first is None and steady is not False:
                        first = self._kept(with_parameters(estimator, candidate), rows)
                        if steady is None:
                            again, _ = self._kept(with_parameters(estimator, candidate), rows)
                            steady = again == first[0]
                    if first is not None and steady:
                        self._add(*first, settings.numbers)
                    else:
                        left += 1
        return left

    @contextlib.contextmanager
    def _failures(self, fits: int) -> Iterator[None]:
        """Counts fits that fail; scikit-learn mostly meets the error again, where failures are counted."""
        try:
            yield
        except Exception as error:
            self._failed[checks.shown(error)] += fits

    def _kept(self, estimator: BaseEstimator, rows: Rows) -> tuple[Key, Fit]:
        """The fit that an estimator's perceptron asks for, with inputs that equal ones share, and its key.

        Perceptrons of its transformers train.
        """
        self._recording = perceptron_in(estimator)
        self._recorded = None
        try:
            with self.active():
                self._fit_on(estimator, rows)
        except Exception:  # once the fit is recorded, a user's class may fail without a trained perceptron
            if self._recorded is None:
                raise
        finally:
            self._recording = None
        fit = self._recorded
        if fit is None:
            raise RuntimeError("its perceptron asked for no fit")
        x = fit.rows.x
        content = _content(x)
        shared = np.frombuffer(content[-1], x.dtype).reshape(x.shape)
        number, shared = self._inputs.setdefault(content, (len(self._inputs), shared))
        return fit.key(number), fit._replace(rows=fit.rows._replace(x=shared))

    def _add(self, key: Key, fit: Fit, numbers: dict[str, float]) -> None:
        """Adds a recorded fit with the numbers of a candidate."""
        fit = fit._replace(numbers=numbers)
        check_numbers(fit)
        key = key[0], tuple(numbers.values())
        self._keys.append(key)
        self.fits[key] = fit

    def find(self, perceptron: Perceptron, fit: Fit) -> TrainedFit | None:
        """The result of a perceptron's fit, or None; that of no epoch while the fit is recorded."""
        if perceptron is self._recording:
            self._recorded = fit
            return fit.untrained()
        if self._recording is not None:
            return None
        number, _ = self._inputs.get(_content(fit.rows.x), (None, None))
        trained = None if number is None else self.results.get(fit.key(number))
        self._found += trained is not None
        self._missed += trained is None
        return trained

    def missing(self) -> Reasons:
        """The reasons why some fits found no result and trained one by one."""
        unasked = sum(key in self.results for key in self._keys) - self._found
        reasons = collections.Counter({IN_VAIN: unasked})
        if self._missed > unasked:
            reasons.update({f"{FAILS}{error}": count for error, count in self._failed.items()})
        return reasons

    def train(self, tell: Callable[[str], None] | None = None) -> None:
        """Trains the fits, those of equal rows, structure and start side by side; tells how many are.

        An error does not end the others: fits that met it train by themselves, where failures are counted.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed. It cuts all fits at once, so that none has a result.
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
                return checks.shown(error)

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
            if len(first) == 1:  # later groups have the program that it compiles
                for group in first.values():
                    collect(group, run(group, threads))
            else:
                later = [*first.values(), *later]
            if later:
                run_jobs(later, threads, lambda group, device: run(group, [device]), collect)


def _content(x: np.ndarray) -> Content:
    """Equal for arrays that are equal bit by bit: -0 is not 0, NaN is itself."""
    return x.dtype.str, x.shape, x.tobytes()
