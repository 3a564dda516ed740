"""Reads given minibatches ahead of time, once for each replicate and stretch of epochs."""

import functools
import threading
from collections.abc import Sequence

import numpy as np

from jfnn.apart import Apart
from jfnn.experiment.replicates import Replicate


class Prefetcher:
    """A cache of row numbers, filled by background threads, one at a time."""

    def __init__(self, replicates: Sequence[Replicate]):
        """An empty cache."""
        self.replicates = replicates
        self.lock, self.reading = threading.Lock(), threading.Lock()
        self.stretches: dict[tuple[int, int, int], Apart[np.ndarray]] = {}

    def get(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        """Row numbers of a replicate from epoch ``first`` on, ``[n_epochs * steps, batch]``."""
        return self.ahead(replicate, first, n_epochs).result()

    def ahead(self, replicate: int, first: int, n_epochs: int) -> Apart[np.ndarray]:
        """Starts reading the result of `get` with the same arguments."""
        key = (replicate, first, n_epochs)
        with self.lock:
            if key not in self.stretches:
                self.stretches[key] = Apart(functools.partial(self._read, *key)).start()
            return self.stretches[key]

    def forget(self, first: int) -> None:
        """Drops stretches that begin before epoch ``first``."""
        with self.lock:
            self.stretches = {key: read for key, read in self.stretches.items() if key[1] >= first}

    def _read(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        with self.reading:
            rows = [self.replicates[replicate].minibatches(epoch) for epoch in range(first, first + n_epochs)]
        return np.concatenate(rows)
