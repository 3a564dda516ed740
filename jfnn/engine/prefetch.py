"""Reads given minibatches ahead of time, once for each replicate and stretch of epochs."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from jfnn.experiment.experiment import Replicate


class Prefetcher:
    """A cache of row numbers, filled by one background thread."""

    def __init__(self, replicates: Sequence[Replicate]):
        """An empty cache."""
        self.replicates = replicates
        self.lock, self.reader = threading.Lock(), ThreadPoolExecutor(1)
        self.stretches: dict[tuple[int, int, int], Future[np.ndarray]] = {}

    def get(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        """Row numbers of a replicate from epoch ``first`` on, ``[n_epochs * steps, batch]``."""
        return self.ahead(replicate, first, n_epochs).result()

    def ahead(self, replicate: int, first: int, n_epochs: int) -> Future[np.ndarray]:
        """Starts reading the result of `get` with the same arguments."""
        key = (replicate, first, n_epochs)
        with self.lock:
            if key not in self.stretches:
                self.stretches[key] = self.reader.submit(self._read, *key)
            return self.stretches[key]

    def forget(self, first: int) -> None:
        """Drops stretches that begin before epoch ``first``."""
        with self.lock:
            self.stretches = {key: read for key, read in self.stretches.items() if key[1] >= first}

    def _read(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        return np.concatenate(
            [self.replicates[replicate].minibatches(epoch) for epoch in range(first, first + n_epochs)]
        )
