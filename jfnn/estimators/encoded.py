"""Rows that a search has checked and encoded, found by their content when scikit-learn fits on them again."""

import contextlib
import contextvars
from collections.abc import Container, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.fitting.structure import Rows


class Encoded(NamedTuple):
    """Rows of a fold as a perceptron sees them.

    Attributes:
        arrays: Inputs, targets and weights before they were checked.
        settings: What else their encoding depends on; see `settings_of`.
        rows: Inputs, targets, weights.
        digest: Digest of the bytes of these rows.
        learned: Attributes that a perceptron has after checking them, such as ``classes_``.
        output: Name of the output activation.
        transformers: Fitted on these rows, or None.
        stratified: Whether rows held out keep the shares of classes.
    """

    arrays: tuple[Any, ...]
    settings: Hashable
    rows: Rows
    digest: bytes
    learned: dict[str, Any]
    output: str
    transformers: Any
    stratified: bool

    @property
    def classes(self) -> Any:
        """The classes, or None for numbers."""
        return self.learned.get("classes_")


_ENCODED: contextvars.ContextVar[Sequence[Encoded]] = contextvars.ContextVar("rows encoded ahead", default=())
_ENGINES: contextvars.ContextVar[Container[str]] = contextvars.ContextVar("engines trained ahead", default=())


@contextlib.contextmanager
def holding(encoded: Sequence[Encoded], engines: Container[str] = ("auto", "jfnn")) -> Iterator[None]:
    """Fits in this context, of this thread, find these rows if their ``engine`` is one of some."""
    tokens = _ENCODED.set(encoded), _ENGINES.set(engines)
    try:
        yield
    finally:
        _ENCODED.reset(tokens[0])
        _ENGINES.reset(tokens[1])


def is_holding(engine: str) -> bool:
    """Whether there are any to be found here by fits of an ``engine``."""
    return bool(_ENCODED.get()) and engine in _ENGINES.get()


def settings_of(perceptron: Any) -> Hashable:
    """Settings of a perceptron on which the encoding of rows depends."""
    class_weight = repr(getattr(perceptron, "class_weight", None))
    return type(perceptron), getattr(perceptron, "loss", None), class_weight


def find(perceptron: Any, arrays: tuple[Any, ...]) -> Encoded | None:
    """The rows that were encoded from the same bytes for such a perceptron, one not fitted before; or None.

    Only those of arrays, whose check by scikit-learn takes longer than to compare them.
    """
    candidates = _ENCODED.get()
    if not candidates or hasattr(perceptron, "n_features_in_"):
        return None
    settings = settings_of(perceptron)
    for encoded in candidates:
        # Targets tell most folds apart, and are the fewest bytes.
        pairs = list(zip(arrays, encoded.arrays, strict=True))[::-1]
        if encoded.settings == settings and all(_same(*pair) for pair in pairs):
            return encoded
    return None


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.hasobject:
        return False
    return np.array_equal(_bytes(a), _bytes(b))


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
