"""Fits trained ahead, by what they are fits of: rows, structure, numbers, random state."""

import contextlib
import contextvars
import hashlib
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from jfnn.fitting.group import Trained
from jfnn.fitting.structure import Rows, Structure

Key = tuple[Hashable, ...]


class Store(dict[Key, Trained]):
    """Fits trained ahead.

    Attributes:
        found: How many fits found theirs.
        missed: How many looked in vain.
    """

    found = missed = 0

    def find(self, key: Key) -> Trained | None:
        """What was trained under a key, or None; counts which."""
        trained = self.get(key)
        self.found += trained is not None
        self.missed += trained is None
        return trained


_AHEAD: contextvars.ContextVar[Store | None] = contextvars.ContextVar("fits trained ahead", default=None)


@contextlib.contextmanager
def holding(store: Store) -> Iterator[None]:
    """Fits in this context, of this thread, find what was trained ahead."""
    token = _AHEAD.set(store)
    try:
        yield
    finally:
        _AHEAD.reset(token)


def trained_ahead(
    rows: Rows, of_rows: bytes | None, structure: Structure, numbers: Mapping[str, float], random: Any
) -> Trained | None:
    """What was trained ahead for a fit, or None; ``of_rows`` is the digest of its rows where it is known."""
    store = _AHEAD.get()
    if store is None:
        return None
    return store.find(key(of_rows or digest(rows), structure, numbers, random))


def key(rows: bytes, structure: Structure, numbers: Mapping[str, float], random: Any) -> Key:
    """Equal for fits that give the same."""
    return rows, structure, tuple(numbers.items()), _state(random)


def digest(rows: Rows) -> bytes:
    """A digest of the rows' bytes."""
    digest = hashlib.sha256()
    for array in rows:
        if array is not None:
            digest.update(f"{array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return digest.digest()


def _state(random: Any) -> Hashable:
    if isinstance(random, np.random.RandomState):
        return tuple(
            str(part) if not isinstance(part, np.ndarray) else part.tobytes() for part in random.get_state()
        )
    return None if random is None else int(random)
