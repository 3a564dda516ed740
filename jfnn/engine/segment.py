"""A tile's segment: a pure function of picklable arguments, which any process or device can run.

Running a segment twice gives the same bytes, so that lost work can simply be done again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.engine.program import Members, build
from jfnn.learners.data import Rows
from jfnn.learners.learner import Learner


class Task(NamedTuple):
    """What all segments of a run have in common, hashable parts and data.

    Attributes:
        learner: What one member does.
        padded: Whether some minibatches may be shorter than others.
        rows: All rows, a pytree of NumPy arrays.
        weights: Weight of each row, or None.
        block: Rows scored at a time.
    """

    learner: Learner
    padded: bool
    rows: Rows
    weights: np.ndarray | None
    block: int


class Segment(NamedTuple):
    """What one tile does in one call.

    Attributes:
        members: The tile's members, or only their parameters where they are to be scored alone.
        hyper: Name -> each member's number ``[tile]``.
        minibatches: Row numbers ``[epochs, steps, batch]``, or None to score alone.
        first_epoch: Epochs done.
        n_epochs: Epochs to train; at most those of ``minibatches``.
        key: Raw data of the replicate's random key, or None.
        score: Whether to score the tile when it is trained.
    """

    members: Members
    hyper: dict[str, np.ndarray]
    minibatches: np.ndarray | None
    first_epoch: int = 0
    n_epochs: int = 0
    key: np.ndarray | None = None
    score: bool = True


class SegmentResult(NamedTuple):
    """What comes of a segment: members trained, and blocks of row scores, metric -> ``[tile, block]``."""

    members: Members
    blocks: Sequence[dict[str, Any]]


class Worker:
    """One device with a task's program and data in place."""

    def __init__(self, task: Task, device: jax.Device):
        """Places the data on the device."""
        self.device = device
        self.learner = task.learner
        self.program = build(task.learner, task.padded, device.platform)
        self.data = jax.device_put((task.rows, task.weights), device)
        self.blocks = jax.device_put(_blocks(task.rows, task.block), device)

    def issue(self, segment: Segment, blocks: int | None = None) -> SegmentResult:
        """Runs a segment; the arrays of the result may still be computed. Scores ``blocks`` blocks or all."""
        if segment.minibatches is None:
            members = jax.device_put(segment.members, self.device)
        else:  # NumPy arrays go with the call to where the data are; to place each takes three times as long
            members = self.program.advance(
                segment.members,
                segment.hyper,
                segment.minibatches,
                np.int32(segment.first_epoch),
                np.int32(segment.n_epochs),
                segment.key,
                self.data,
            )
        scored = self.blocks[:blocks] if segment.score else []
        params, hyper = members.state.params, segment.hyper
        return SegmentResult(members, [self.program.score(params, rows, hyper) for rows in scored])


def run_segment(task: Task, segment: Segment) -> SegmentResult:
    """A segment on this process's first device, as NumPy arrays: what another process does with a tile."""
    result = Worker(task, jax.devices()[0]).issue(segment)
    return SegmentResult(*jax.tree.map(np.asarray, tuple(result)))


def _blocks(rows: Rows, length: int) -> list[Rows]:
    """The data in blocks of rows, the last one filled with zeros."""
    n = len(jax.tree.leaves(rows)[0])

    def block(first: int) -> Rows:
        def cut(leaf: np.ndarray) -> np.ndarray:
            part = leaf[first : first + length]
            return np.pad(part, [(0, length - len(part))] + [(0, 0)] * (leaf.ndim - 1))

        return jax.tree.map(cut, rows)

    return [block(first) for first in range(0, n, length)]
