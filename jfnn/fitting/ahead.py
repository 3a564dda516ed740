"""Fits of a search that are trained together, before scikit-learn asks for them one by one.

A search first runs each fit up to where it would train, to record what that is; then all are trained, and
scikit-learn's own search runs each fit again, which finds its result.
"""

import contextlib
import contextvars
from collections.abc import Container, Iterator

import numpy as np

from jfnn.fitting.fit import Fit, Key, Trained, key

_ACTIVE: contextvars.ContextVar["Ahead | None"] = contextvars.ContextVar("fits of a search", default=None)


class Ahead:
    """Results of fits, by what was trained.

    Attributes:
        engines: Values of ``engine`` whose fits are trained together.
        seed: Seed of fits without one.
        results: Result of each fit.
        found: How many fits found theirs.
        missed: How many looked in vain.
    """

    def __init__(self, engines: Container[str]):
        """No results yet."""
        self.engines = engines
        self.seed = int(np.random.randint(2**31 - 1))
        self.results: dict[Key, Trained] = {}
        self.found = self.missed = 0
        self._recording: object = None
        self._recorded: Fit | None = None

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Fits in this context, of this thread, find their results."""
        token = _ACTIVE.set(self)
        try:
            yield
        finally:
            _ACTIVE.reset(token)

    @contextlib.contextmanager
    def recording(self, estimator: object) -> Iterator[None]:
        """The fit of an estimator in this context is recorded, and trains nothing."""
        self._recording, self._recorded = estimator, None
        try:
            with self.active():
                yield
        finally:
            self._recording = None

    @property
    def recorded(self) -> Fit | None:
        """The fit recorded last, or None."""
        return self._recorded

    def records(self, estimator: object, fit: Fit) -> bool:
        """Whether the fit of an estimator is only to be recorded; does so."""
        if self._recording is estimator:
            self._recorded = fit
        return self._recording is estimator

    def find(self, fit: Fit, engine: str | None) -> Trained | None:
        """The result of a fit, or None; ``engine`` is the one that it must have, None for any."""
        if self._recording is not None or (engine or "auto") not in self.engines:
            return None
        trained = self.results.get(key(fit))
        self.found += trained is not None
        self.missed += trained is None
        return trained


def active() -> Ahead | None:
    """The fits of the search that runs in this context, or None."""
    return _ACTIVE.get()
