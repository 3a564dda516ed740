"""Given minibatches of stretches of epochs: each replicate's read once, the next stretch's ahead of time."""

import functools
import threading
from collections.abc import Sequence

import numpy as np

from jfnn.apart import Apart
from jfnn.experiment.experiment import Replicate


class Prefetcher:
    """Reads on threads of its own, one at a time, so that devices do not wait and nothing is read twice."""

    def __init__(self, replicates: Sequence[Replicate]):
        """Nothing is read yet."""
        self.replicates = replicates
        self.lock, self.reading = threading.Lock(), threading.Lock()
        self.stretches: dict[tuple[int, int, int], Apart[np.ndarray]] = {}

    def get(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        """A replicate's row numbers from epoch ``first`` on, ``[n_epochs * steps, batch]``."""
        return self.ahead(replicate, first, n_epochs).result()

    def ahead(self, replicate: int, first: int, n_epochs: int) -> Apart[np.ndarray]:
        """Starts reading what `get` will return."""
        key = (replicate, first, n_epochs)
        with self.lock:
            if key not in self.stretches:
                self.stretches[key] = Apart(functools.partial(self._read, *key)).start()
            return self.stretches[key]

    def forget(self, first: int) -> None:
        """Drops what begins before epoch ``first``."""
        with self.lock:
            self.stretches = {key: read for key, read in self.stretches.items() if key[1] >= first}

    def _read(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        with self.reading:
            rows = [self.replicates[replicate].minibatches(epoch) for epoch in range(first, first + n_epochs)]
        return np.concatenate(rows)
