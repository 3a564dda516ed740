"""Reads given minibatches ahead of time, once for each replicate and epoch."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from jfnn.core.engine.cohort import Replicates


class Prefetcher:
    """A cache of row numbers, filled by one background thread."""

    def __init__(self, replicates: Replicates, epochs: int):
        """An empty cache for a run of ``epochs``."""
        self.replicates = replicates
        self.epochs = epochs
        self.lock = threading.Lock()
        self.reader = ThreadPoolExecutor(1)
        self.reads: dict[tuple[int, int], Future[np.ndarray]] = {}  # of a replicate and an epoch

    def rows(self, replicates: np.ndarray | int, epochs: range) -> np.ndarray:
        """Row numbers of a tile ``[epochs * steps, batch]``, with a leading axis of members for an array.

        As many epochs more are read while the devices work, so that the next call need not wait. For no
        epochs, as to compile, nothing is read: zeros for one.
        """
        if isinstance(replicates, int):
            return self._rows(replicates, epochs)
        return np.stack([self._rows(int(number), epochs) for number in replicates])

    def _rows(self, replicate: int, epochs: range) -> np.ndarray:
        if not epochs:
            sources = self.replicates.sources
            return np.zeros((sources.steps[replicate], sources.batch[replicate]), np.int32)
        with self.lock:
            for epoch in range(epochs.start, max(epochs.stop, min(epochs.stop + len(epochs), self.epochs))):
                if (replicate, epoch) not in self.reads:
                    read = self.reader.submit(self.replicates.minibatches, replicate, epoch)
                    self.reads[replicate, epoch] = read
            reads = [self.reads[replicate, epoch] for epoch in epochs]
        return np.concatenate([read.result() for read in reads])

    def forget(self, first: int) -> None:
        """Drops epochs before ``first``."""
        with self.lock:
            self.reads = {key: read for key, read in self.reads.items() if key[1] >= first}
