"""Minibatches for stretches of epochs: each replicate's drawn once, the next stretch's ahead of time."""

import functools
import threading
from collections.abc import Sequence

import numpy as np

from jfnn.apart import Apart
from jfnn.experiment.replicates import Replicate


class Prefetcher:
    """Draws on threads of its own, one at a time, so that devices do not wait and nothing is drawn twice."""

    def __init__(self, replicates: Sequence[Replicate], length: int):
        """Nothing is drawn yet.

        Args:
            replicates: The replicates.
            length: Epochs a stretch has room for; all are of this length, unused epochs zero.
        """
        self.replicates, self.length = replicates, length
        self.lock, self.drawing = threading.Lock(), threading.Lock()
        self.stretches: dict[tuple[int, int, int], Apart[np.ndarray]] = {}

    def get(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        """A replicate's row numbers from epoch ``first`` on, ``[length, steps, batch]``."""
        return self.ahead(replicate, first, n_epochs).result()

    def ahead(self, replicate: int, first: int, n_epochs: int) -> Apart[np.ndarray]:
        """Starts drawing what `get` will return."""
        key = (replicate, first, n_epochs)
        with self.lock:
            if key not in self.stretches:
                self.stretches[key] = Apart(functools.partial(self._draw, *key)).start()
            return self.stretches[key]

    def forget(self, first: int) -> None:
        """Drops what begins before epoch ``first``."""
        with self.lock:
            self.stretches = {key: drawn for key, drawn in self.stretches.items() if key[1] >= first}

    def _draw(self, replicate: int, first: int, n_epochs: int) -> np.ndarray:
        with self.drawing:
            rows = [self.replicates[replicate].minibatches(epoch) for epoch in range(first, first + n_epochs)]
        return np.stack(rows + [np.zeros_like(rows[0])] * (self.length - n_epochs))
