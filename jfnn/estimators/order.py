"""The order of rows in each epoch of a fit, drawn as scikit-learn draws it."""

import copy

import numpy as np
from sklearn.utils import shuffle

from jfnn.minibatches import PADDING, GivenMinibatches
from jfnn.steps.source import padded_length


class Order:
    """Rows of each epoch's steps: those to train on, shuffled by a stream, then the held-out ones.

    Epochs are drawn one after another when they are first asked for, and kept.
    """

    def __init__(self, n: int, held_out: int, batch: int, random: np.random.RandomState | None):
        """Draws nothing yet.

        Args:
            n: Rows to train on.
            held_out: Rows behind these, which separate steps score.
            batch: Rows a step.
            random: The stream; None for rows as they come. A step that sees them all takes them so, too.
        """
        self.n = n
        self.batch = batch
        self.stream = random
        self.random = copy.deepcopy(random)  # a copy, since epochs may be read ahead
        self.steps = -(-n // batch)
        self.width = padded_length(batch)  # the same for most numbers of rows, so that these share a program
        self.held_out = self._in_steps(np.arange(n, n + held_out, dtype=np.int32))
        self.rows = np.arange(n, dtype=np.int32)
        self.drawn = [self._steps_of_epoch()]
        self.streams = [] if random is None else [random.get_state(legacy=False)]  # before each epoch

    @property
    def minibatches(self) -> GivenMinibatches:
        """The order as the engine takes it."""
        shape = self.drawn[0].shape
        return GivenMinibatches(lambda seed, epoch: self.epoch(epoch), (shape[0], shape[1]), padded=True)

    def epoch(self, epoch: int) -> np.ndarray:
        """Row numbers ``[steps, width]`` of an epoch, with padding where a step is shorter."""
        if self.random is None or self.batch >= self.n:
            return self.drawn[0]
        self._draw(epoch + 1)
        return self.drawn[epoch + 1]

    def rewind(self, epochs: int) -> None:
        """Puts the stream where a fit of ``epochs`` epochs leaves it."""
        if self.stream is not None:
            self._draw(epochs)
            self.stream.set_state(self.streams[epochs])

    def _draw(self, epochs: int) -> None:
        while len(self.streams) <= epochs:
            self.rows = shuffle(self.rows, random_state=self.random)
            self.drawn.append(self._steps_of_epoch())
            self.streams.append(self.random.get_state(legacy=False))  # type: ignore[union-attr]

    def _steps_of_epoch(self) -> np.ndarray:
        return np.concatenate([self._in_steps(self.rows), self.held_out])

    def _in_steps(self, rows: np.ndarray) -> np.ndarray:
        """Row numbers ``[steps, width]``."""
        steps = np.full((-(-len(rows) // self.batch), self.width), PADDING, rows.dtype)
        steps[:, : self.batch].flat[: len(rows)] = rows
        return steps
