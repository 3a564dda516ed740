"""A tile's segment: a pure function of picklable arguments, which any process or device can run.

Running a segment twice gives the same bytes, so that lost work is repeated without harm.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.engine.program import Members, Stock, build
from jfnn.learners.data import Rows
from jfnn.learners.epoch import EPOCHS
from jfnn.learners.learner import Learner
from jfnn.learners.source import Sources, room
from jfnn.minibatches import PADDING


class Task(NamedTuple):
    """Arguments that all segments of a run have in common."""

    learner: Learner
    sources: Sources  # minibatches of all replicates
    rows: Rows  # NumPy arrays
    weights: np.ndarray | None  # of each row [n], or in each fold [folds, n]
    scored: np.ndarray | None  # rows of each fold's parts [folds, …], then `PADDING`; None to score all rows
    block: int  # rows scored at a time
    steps: int  # largest number of steps of a call, to which given minibatches are padded
    objectives: bool  # whether the objective of each epoch is kept


class Segment(NamedTuple):
    """One call for one tile."""

    members: Members  # parameters alone where they are only scored
    hyper: dict[str, np.ndarray]  # name -> number of each member [tile]
    # Replicate of each member [tile], or the one whose minibatches all share; None to score alone.
    replicates: np.ndarray | int | None
    first_epoch: int = 0  # epochs done before
    n_epochs: int = 0  # epochs to train
    steps: int = 0  # steps of these epochs
    minibatches: np.ndarray | None = None  # row numbers [..., epochs * steps, batch]; None to draw them
    score: bool = True  # whether to score the tile after training
    folds: np.ndarray | None = None  # fold of each member [tile], where each is scored on its own rows


class SegmentResult(NamedTuple):
    """The result of a segment."""

    members: Members  # trained
    objectives: Any  # mean over the steps of each epoch [n_epochs or more, tile], or None
    # For each block of rows, or of each member's own ones, metric -> scores [tile, block].
    blocks: Sequence[dict[str, Any]]


class Worker:
    """One device with a task's program and data in place."""

    def __init__(self, task: Task, device: jax.Device):
        """Places the data on the device."""
        self.task, self.device = task, device
        sources = task.sources
        epochs = EPOCHS if task.objectives else 1  # to keep all takes a tenth of a small network's time
        self.program = build(task.learner, sources.batches, sources.padded, device.platform, epochs)
        # Arrays of few lengths, so that most numbers of rows share a program.
        rows = jax.tree.map(lambda leaf: _padded(leaf, room(len(leaf))), task.rows)
        weights = None if task.weights is None else _padded(task.weights, room(task.weights.shape[-1]), -1)
        self.stock = jax.device_put(Stock(rows, weights, sources.train), device)

        def block(first: int) -> Rows:
            return jax.tree.map(lambda leaf: _padded(leaf[first : first + task.block], task.block), task.rows)

        n = len(jax.tree.leaves(task.rows)[0]) if task.scored is None else 0
        self.blocks = jax.device_put([block(first) for first in range(0, n, task.block)], device)

    def issue(self, segment: Segment, blocks: int | None = None) -> SegmentResult:
        """Starts a segment, without waiting for its arrays; scores ``blocks`` blocks of rows, or all."""
        objectives = None
        if segment.replicates is None:
            members = jax.device_put(segment.members, self.device)
        else:  # NumPy arrays go with the call to where the data are; to place each takes three times as long
            minibatches = segment.minibatches
            if minibatches is not None:  # as many as in the longest call, so that one program serves all
                minibatches = _padded(minibatches, max(self.task.steps, minibatches.shape[-2]), axis=-2)
            source = self.task.sources.take(segment.replicates, segment.first_epoch, minibatches)
            epochs = np.int32(segment.n_epochs)
            members, objectives = self.program.advance(
                segment.members, segment.hyper, source, epochs, self.stock
            )
        params, hyper = members.state.params, segment.hyper
        if not segment.score:
            scores = []
        elif self.task.scored is None:
            scores = [self.program.score(params, rows, hyper) for rows in self.blocks[:blocks]]
        else:
            own = self._own_blocks(self.task.scored[segment.folds])[:blocks]
            scores = [self.program.score_own(params, self.stock, numbers, hyper) for numbers in own]
        return SegmentResult(members, objectives, scores)

    def _own_blocks(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Row numbers ``[tile, …]`` in blocks ``[tile, block]``, as many as hold any."""
        block, longest = self.task.block, int((numbers != PADDING).any(axis=0).sum())
        numbers = np.maximum(numbers, 0)
        return [_padded(numbers[:, i : i + block], block, axis=1) for i in range(0, longest, block)]


def _padded(leaf: np.ndarray, length: int, axis: int = 0) -> np.ndarray:
    """An array padded with zeros to a length."""
    widths = [(0, 0)] * leaf.ndim
    widths[axis] = (0, length - leaf.shape[axis])
    return np.pad(leaf, widths)
