"""A tile's segment: a pure function of picklable arguments, which any process or device can run.

Running a segment twice gives the same bytes, so that lost work can simply be done again.
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


class Task(NamedTuple):
    """What all segments of a run have in common.

    Attributes:
        learner: What one member does.
        sources: Where minibatches come from.
        rows: All rows, a pytree of NumPy arrays.
        weights: Weight of each row, or None.
        block: Rows scored at a time.
        steps: Steps of a call at most, for which there is room where minibatches are given.
        objectives: Whether the objective of each epoch is kept.
    """

    learner: Learner
    sources: Sources
    rows: Rows
    weights: np.ndarray | None
    block: int
    steps: int
    objectives: bool


class Segment(NamedTuple):
    """What one tile does in one call.

    Attributes:
        members: The tile's members, or only their parameters where they are to be scored alone.
        hyper: Name -> each member's number ``[tile]``.
        replicates: Numbers of their replicates ``[tile]``, or of the one whose minibatches they share; None
            to score alone.
        first_epoch: Epochs done.
        n_epochs: Epochs to train.
        steps: Steps that these have.
        given: Row numbers ``[…, epochs * steps, batch]``, for each replicate, or None to draw them.
        score: Whether to score the tile when it is trained.
    """

    members: Members
    hyper: dict[str, np.ndarray]
    replicates: np.ndarray | int | None
    first_epoch: int = 0
    n_epochs: int = 0
    steps: int = 0
    given: np.ndarray | None = None
    score: bool = True


class SegmentResult(NamedTuple):
    """What comes of a segment.

    Attributes:
        members: The members, trained.
        objectives: Mean objective of each epoch's steps ``[n_epochs or more, tile]``, or None.
        blocks: Scores of each block of rows, metric -> ``[tile, block]``.
    """

    members: Members
    objectives: Any
    blocks: Sequence[dict[str, Any]]


class Worker:
    """One device with a task's program and data in place."""

    def __init__(self, task: Task, device: jax.Device):
        """Places the data on the device."""
        self.task, self.device = task, device
        sources = task.sources
        epochs = EPOCHS if task.objectives else 1  # room for all takes a tenth of a small network's time
        self.program = build(task.learner, sources.batches, sources.padded, device.platform, epochs)
        rows, weights = jax.tree.map(_with_room, (task.rows, task.weights))
        self.stock = jax.device_put(Stock(rows, weights, sources.train), device)
        self.blocks = jax.device_put(_blocks(task.rows, task.block), device)

    def issue(self, segment: Segment, blocks: int | None = None) -> SegmentResult:
        """Runs a segment; the arrays of the result may still be computed. Scores ``blocks`` blocks or all."""
        objectives = None
        if segment.replicates is None:
            members = jax.device_put(segment.members, self.device)
        else:  # NumPy arrays go with the call to where the data are; to place each takes three times as long
            sources, replicates = self.task.sources, segment.replicates
            members, objectives = self.program.advance(
                segment.members,
                segment.hyper,
                sources.take(replicates, self._given(segment)),
                np.arange(sources.batch[replicates].flat[0], dtype=np.int32),
                np.int32(segment.first_epoch),
                np.int32(segment.n_epochs),
                self.stock,
            )
        scored = self.blocks[:blocks] if segment.score else []
        params, hyper = members.state.params, segment.hyper
        return SegmentResult(
            members, objectives, [self.program.score(params, rows, hyper) for rows in scored]
        )

    def _given(self, segment: Segment) -> np.ndarray | None:
        """Given row numbers, with room for the steps of the longest call."""
        if segment.given is None:
            return None
        more = max(self.task.steps - segment.given.shape[-2], 0)
        return np.pad(segment.given, [(0, 0)] * (segment.given.ndim - 2) + [(0, more), (0, 0)])


def run_segment(task: Task, segment: Segment) -> SegmentResult:
    """A segment on this process's first device, as NumPy arrays: what another process does with a tile."""
    result = Worker(task, jax.devices()[0]).issue(segment)
    return SegmentResult(*jax.tree.map(np.asarray, tuple(result)))


def _with_room(leaf: np.ndarray) -> np.ndarray:
    """Rows with zeros behind them, so that arrays of most lengths have one shape."""
    return np.pad(leaf, [(0, room(len(leaf)) - len(leaf))] + [(0, 0)] * (leaf.ndim - 1))


def _blocks(rows: Rows, length: int) -> list[Rows]:
    """The data in blocks of rows, the last one filled with zeros."""
    n = len(jax.tree.leaves(rows)[0])

    def block(first: int) -> Rows:
        def cut(leaf: np.ndarray) -> np.ndarray:
            part = leaf[first : first + length]
            return np.pad(part, [(0, length - len(part))] + [(0, 0)] * (leaf.ndim - 1))

        return jax.tree.map(cut, rows)

    return [block(first) for first in range(0, n, length)]
