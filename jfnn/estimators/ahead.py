"""Fits of a search, trained together before scikit-learn asks for them one by one.

scikit-learn's search asks for one fit after another: it clones the estimator, sets a candidate's parameters,
fits it on the rows of a fold, and scores it. A search of this package has a round of candidates fitted twice:

1. Each fit is *recorded*: it runs up to where it would train, where `Perceptron._fit_stochastic` asks
   `TrainedAhead.find`, which ends it by `Reached`. So all that is to be trained is at hand: checked and
   transformed rows, start, numbers, stream of random numbers. Nothing has been trained yet.
2. `TrainedAhead.train` trains the recorded fits by the engine; fits that share all but numbers, such as the
   candidates of a fold, train side by side in one program.
3. scikit-learn's code runs, while the object is `active`. Each fit asks `find` again, which now has a
   result for the same content, or for other content nothing: then the fit trains by itself.

So splits, scores, failures, refitting and tables are scikit-learn's, and nothing but time depends on what was
recorded.
"""

import collections
import contextlib
import contextvars
import functools
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

import jfnn.estimators.training as training
from jfnn.arguments import checks
from jfnn.core.engine.devices import as_devices
from jfnn.core.engine.interrupts import deferred_interrupts
from jfnn.core.engine.threads import spread
from jfnn.core.store.files import digest
from jfnn.estimators.fit import Fit, Key, TrainedFit

SAMPLE = 16  # rows at equal distances by which inputs are looked up before all of their bytes are compared


class Inputs:
    """Inputs ``[n, features]`` by number: equal bytes have one number, whatever their order in memory.

    They are compared, since a digest of all bytes takes several times as long.
    """

    def __init__(self) -> None:
        """Holds none."""
        self.arrays: list[np.ndarray] = []
        self._alike: dict[str, list[int]] = collections.defaultdict(list)  # digest of a sample -> numbers

    def number(self, x: np.ndarray) -> int | None:
        """The number of inputs; None if they are not among those kept."""
        alike = self._alike.get(_sample(x), [])
        return next((number for number in alike if same_bytes(self.arrays[number], x)), None)

    def add(self, x: np.ndarray) -> int:
        """The number of inputs, which are kept if they are new."""
        number = self.number(x)
        if number is None:
            number = len(self.arrays)
            self.arrays.append(x)
            self._alike[_sample(x)].append(number)
        return number


def _sample(x: np.ndarray) -> str:
    return digest(x[:: -(-len(x) // SAMPLE)])


def same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether arrays of floats are equal bit by bit: -0 is not 0, NaN is itself."""
    bits = f"u{a.itemsize}"
    return a.dtype == b.dtype and np.array_equal(a.view(bits), b.view(bits))


class Reached(BaseException):
    """A fit that is recorded has reached where it would train.

    No Exception: the ``fit`` of a user's subclass may catch any of these, and would go on untrained.
    """

    def __init__(self, fit: Fit):
        super().__init__("recorded")
        self.fit = fit


class TrainedAhead:
    """Fits that were trained ahead, found by their content; see the module.

    Attributes:
        engines: What `jfnn.estimators.mlp.engine_of` says of the fits that are trained ahead.
        fits: Fits to train.
        results: Result of each that could be trained.
        failed: The error of each other, in words.
        found: Number of fits that found theirs.
        missed: Number of fits that found none.
    """

    def __init__(self, engines: Container[str]):
        """Starts without fits."""
        self.engines = engines
        self.fits: dict[Key, Fit] = {}
        self.results: dict[Key, TrainedFit] = {}
        self.failed: dict[Key, str] = {}
        self.found = 0
        self.missed = 0
        self._recording: object = None
        self._inputs = Inputs()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Fits in this context, of this thread, find their results."""
        token = _ACTIVE.set(self)
        try:
            yield
        finally:
            _ACTIVE.reset(token)

    @functools.cached_property
    def seed(self) -> int:
        """Seed of fits without one, which candidates share: drawn when the first of them asks."""
        return int(np.random.randint(2**31 - 1))

    def begin(self) -> None:
        """Forgets the fits of an earlier round."""
        self.fits.clear()
        self.results.clear()
        self.failed.clear()
        self._inputs = Inputs()
        self.found = 0
        self.missed = 0

    def record(self, perceptron: object, fit: Callable[[], object]) -> Fit:
        """The fit that a perceptron asks for while ``fit`` runs; others, of transformers, train."""
        self._recording = perceptron
        try:
            with self.active():
                fit()
        except Reached as reached:
            return reached.fit
        finally:
            self._recording = None
        raise RuntimeError("its perceptron asked for no fit")

    def keep(self, fit: Fit) -> tuple[Key, Fit]:
        """The key of a recorded fit, and the fit with inputs that those of equal bytes share."""
        number = self._inputs.add(fit.rows.x)
        inputs = self._inputs.arrays[number]
        return fit.key(number), fit._replace(rows=fit.rows._replace(x=inputs))

    def find(self, perceptron: object, fit: Fit) -> TrainedFit | None:
        """The result of a perceptron's fit, or None.

        Raises:
            Reached: The fit is only recorded.
        """
        if perceptron is self._recording:
            raise Reached(fit)
        if self._recording is not None:
            return None
        inputs = self._inputs.number(fit.rows.x)
        trained = None if inputs is None else self.results.get(fit.key(inputs))
        self.found += trained is not None
        self.missed += trained is None
        return trained

    def train(self, tell: Callable[[str], None] | None = None) -> None:
        """Trains the fits, those of equal rows, structure and start side by side; tells how many are.

        An error does not end the others: fits that met it train by themselves, where failures are counted.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed. It cuts all fits at once, so that none has a result.
        """
        with deferred_interrupts() as ends:
            self._train(tell, ends)

    def _train(self, tell: Callable[[str], None] | None, ends: Callable[[], bool]) -> None:
        groups: dict[Any, dict[Key, Fit]] = {}  # what fits share -> key -> fit
        for key, fit in self.fits.items():
            groups.setdefault(key[0], {})[key] = fit
        started = time.perf_counter()
        lock = threading.Lock()

        def run(group: Mapping[Key, Fit], threads: Sequence[jax.Device]) -> list[TrainedFit] | str:
            try:
                return training.train(list(group.values()), threads, ends=ends)
            except Exception as error:
                return checks.shown(error)

        def collect(group: Mapping[Key, Fit], results: list[TrainedFit] | str) -> None:
            with lock:
                if isinstance(results, str):
                    self.failed |= dict.fromkeys(group, results)
                else:
                    self.results |= zip(group, results, strict=True)
                if tell is not None:
                    count = len(self.results) + len(self.failed)
                    left = (time.perf_counter() - started) * (len(self.fits) - count) / count
                    tell(f"{count} of {len(self.fits)} networks trained, {left:.0f} s left")

        first = {structure: group for (structure, *_), group in reversed(groups.items())}
        later = [group for (structure, *_), group in groups.items() if group is not first[structure]]
        threads = as_devices(None)
        if len(first) == 1:  # later groups have the program that it compiles
            for group in first.values():
                collect(group, run(group, threads))
        else:
            later = [*first.values(), *later]
        if later:
            spread(later, threads, lambda group, device: run(group, [device]), collect)


_ACTIVE: contextvars.ContextVar[TrainedAhead | None] = contextvars.ContextVar("search", default=None)


def active() -> TrainedAhead | None:
    """Fits that the search in this context has trained ahead; None without a search."""
    return _ACTIVE.get()
