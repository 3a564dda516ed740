"""Fits of a search that are trained together, before scikit-learn asks for them one by one.

A search first runs each fit up to where it would train, to record what that is; then all are trained, and
scikit-learn's own search runs each fit again, which finds its result.
"""

import contextlib
import contextvars
import copy
from collections.abc import Callable, Container, Iterator
from typing import Any, NamedTuple

import numpy as np

from jfnn.fitting.fit import Fit, Key, Trained, digest, key

_ACTIVE: contextvars.ContextVar["Ahead | None"] = contextvars.ContextVar("fits of a search", default=None)


class _Checked(NamedTuple):
    """Rows that an estimator has checked.

    Attributes:
        kind: Type of the estimator.
        given: Inputs and targets.
        result: These, checked and encoded.
        learned: Attributes that the estimator has learned from them, such as ``classes_``.
        digest: Digest of the checked inputs.
    """

    kind: type
    given: tuple[Any, Any]
    result: tuple[Any, Any]
    learned: dict[str, Any]
    digest: bytes | None


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
        self._checked: list[_Checked] = []

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

    def checked(self, estimator: Any, X: Any, y: Any, check: Callable[[Any, Any], Any]) -> Any:
        """Rows checked by an estimator that is not fitted: those of a recorded fit are not checked again.

        They are found by their bytes, if they are arrays: to compare others takes as long as to check them.
        """
        for known in self._checked:
            pairs = zip((y, X), reversed(known.given), strict=True)  # targets tell most folds apart
            if known.kind is type(estimator) and all(_same(*pair) for pair in pairs):
                vars(estimator).update(copy.deepcopy(known.learned))
                return known.result
        own = set(vars(estimator))
        result = check(X, y)
        if self._recording is estimator:
            learned = {name: value for name, value in vars(estimator).items() if name not in own}
            inputs = digest(result[0]) if isinstance(result[0], np.ndarray) else None
            self._checked.append(_Checked(type(estimator), (X, y), result, copy.deepcopy(learned), inputs))
        return result

    def key(self, fit: Fit) -> Key:
        """The key of a fit; the digest of inputs checked before is known."""
        known = (checked.digest for checked in self._checked if checked.result[0] is fit.rows.x)
        return key(fit, next(known, None))

    def find(self, fit: Fit, engine: str | None) -> Trained | None:
        """The result of a fit, or None; ``engine`` is the one that it must have, None for any."""
        if self._recording is not None or (engine or "auto") not in self.engines:
            return None
        trained = self.results.get(self.key(fit))
        self.found += trained is not None
        self.missed += trained is None
        return trained


def _same(a: Any, b: Any) -> bool:
    """Whether two arrays have the same bytes."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.dtype.hasobject:
        return False
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool((np.ascontiguousarray(a).view(np.uint8) == np.ascontiguousarray(b).view(np.uint8)).all())


def active() -> Ahead | None:
    """The fits of the search that runs in this context, or None."""
    return _ACTIVE.get()
