"""Reads given minibatches ahead of time, once for each replicate and stretch of epochs."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from jfnn.engine.plan import Stretch
from jfnn.experiment.experiment import Replicate


class Prefetcher:
    """A cache of row numbers, filled by one background thread."""

    def __init__(self, replicates: Sequence[Replicate]):
        """An empty cache."""
        self.replicates = replicates
        self.lock, self.reader = threading.Lock(), ThreadPoolExecutor(1)
        self.reads: dict[tuple[int, int, int], Future[np.ndarray]] = {}

    def rows(self, replicates: np.ndarray | int, stretch: Stretch) -> np.ndarray:
        """Row numbers of a tile ``[epochs * steps, batch]``, with a leading axis of members for an array."""
        if isinstance(replicates, int):
            return self.ahead(replicates, stretch).result()
        return np.stack([self.ahead(int(number), stretch).result() for number in replicates])

    def ahead(self, replicate: int, stretch: Stretch) -> Future[np.ndarray]:
        """Starts reading the row numbers of one replicate, of one epoch at least."""
        key = (replicate, stretch.first, max(stretch.epochs, 1))
        with self.lock:
            if key not in self.reads:
                self.reads[key] = self.reader.submit(self._read, *key)
            return self.reads[key]

    def forget(self, first: int) -> None:
        """Drops stretches that begin before epoch ``first``."""
        with self.lock:
            self.reads = {key: read for key, read in self.reads.items() if key[1] >= first}

    def _read(self, replicate: int, first: int, epochs: int) -> np.ndarray:
        minibatches = self.replicates[replicate].minibatches
        return np.concatenate([minibatches(epoch) for epoch in range(first, first + epochs)])
