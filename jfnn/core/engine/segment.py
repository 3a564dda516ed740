"""One call for one tile: a pure function of picklable arguments, which any process or device can run.

Running a segment twice gives the same bytes, so lost work can be repeated.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.arguments.types import Array
from jfnn.core.engine.epoch import EPOCHS, stand_ins
from jfnn.core.engine.minibatches import Sources, padded_length, row_drawing_program, rows_of_all_steps
from jfnn.core.engine.program import DeviceData, Members, OnHost, Trained, build
from jfnn.learners.data import Rows, as_host_array, block, pad
from jfnn.learners.functions import Functions
from jfnn.minibatches import PADDING


class Task(NamedTuple):
    """Arguments that all segments of a run share."""

    functions: Functions
    sources: Sources  # minibatches of all replicates
    rows: Rows  # NumPy arrays
    weights: np.ndarray | None  # for each row [n], or each fold and row [folds, n]
    block: int  # number of rows scored at a time
    steps: int  # maximum number of steps per call: the length of arrays of row numbers
    objectives: bool  # whether the objective of each epoch is kept
    # Row numbers of each fold [folds, …], training rows first and padding last; None if rows are not copied.
    copied_rows: np.ndarray | None = None


class Segment(NamedTuple):
    """One call for one tile."""

    members: OnHost  # with parameters only, if the segment only scores
    hyper: dict[str, np.ndarray]  # name -> value for each member [tile]
    replicates: np.ndarray | None  # as in `Tile`; None to score only
    folds: np.ndarray  # fold of each member [tile]
    first_epoch: int = 0  # number of epochs done before
    n_epochs: int = 0  # number of epochs to train
    steps: int = 0  # number of steps in these epochs
    minibatches: np.ndarray | None = None  # row numbers [groups, epochs * steps, batch]; None to draw them
    score: bool = True  # whether to score the tile after training


class SegmentResult(NamedTuple):
    """The result of a segment."""

    members: Members[Array]  # after the segment's epochs
    # Name of each step value -> its mean over the steps of each epoch [n_epochs or more, tile]; empty if the
    # tile is only scored.
    objectives: Mapping[str, Array]
    blocks: Sequence[Mapping[str, Array]]  # for each block of rows, metric -> scores [tile, block]


class Worker:
    """A device with a task's program and data."""

    def __init__(self, task: Task, device: jax.Device):
        """Place the data on the device; the task's rows are not kept."""
        self.device = device
        sources = task.sources
        epochs = EPOCHS if task.objectives else 1  # keeping all takes a tenth of a small network's time
        self.program = build(task.functions, sources.padded, device.platform, epochs)
        self.sources = sources
        self.weights = task.weights
        self.block = task.block
        self.steps = task.steps
        self.copied_rows = task.copied_rows

        n = len(jax.tree.leaves(task.rows)[0])
        length = padded_length(n)
        blocks = range(0, n if task.copied_rows is None else 0, task.block)
        # A CPU uses the host's arrays in place: the rows and all blocks of them share one copy. Rows in a
        # memory-mapped file are not copied, and their program is compiled for their exact number.
        rows = jax.tree.map(
            lambda leaf: as_host_array(leaf, max(length, len(blocks) * task.block)), task.rows
        )
        weights = (
            None if task.weights is None else pad(task.weights, padded_length(task.weights.shape[-1]), -1)
        )
        # Rows after the last training row, such as test rows, are left out, so that gathers read less.
        trained = padded_length(int(sources.train.max()) + 1)
        trained_rows = jax.tree.map(lambda leaf: leaf[:trained], rows)
        data = DeviceData(trained_rows, weights, stand_ins(task.weights, sources.train))
        self.data = jax.device_put(data, device)
        self.train = jax.device_put(sources.train, device)
        self.blocks = jax.device_put([block(rows, first, task.block) for first in blocks], device)
        self.rows = None if task.copied_rows is None else rows

    def issue(self, segment: Segment, blocks: int | None = None) -> SegmentResult:
        """Start a segment, without waiting for its arrays; score ``blocks`` blocks of rows (None: all)."""
        copied = None if self.copied_rows is None else self.copied_rows[segment.folds]
        objectives: dict[str, jax.Array] = {}
        if segment.replicates is None:
            members = jax.device_put(segment.members, self.device)
        else:
            members, objectives = self._advance(segment, copied)
        if not segment.score:
            return SegmentResult(members, objectives, [])
        score = self.program.score if copied is None else self.program.score_copies
        rows = self.blocks if copied is None else self._copied_blocks(copied)
        scores = [score(members.state.params, block, segment.hyper) for block in rows[:blocks]]
        return SegmentResult(members, objectives, scores)

    def _advance(self, segment: Segment, copied: np.ndarray | None) -> Trained:
        """Return the members after the segment's epochs, and their objectives."""
        replicates = segment.replicates
        assert replicates is not None
        data = self.data
        train = self.sources.train
        folds = self.sources.fold[replicates]
        if copied is not None and segment.minibatches is None:
            each = slice(None, None, len(copied) // len(replicates))
            copies, train = self._copied_data(copied[each], segment.folds[each])
            data = jax.device_put(copies, self.device)
            folds = np.arange(len(train), dtype=np.int32)  # the rows of each group count as a fold
        rows = self._row_numbers(segment, folds, train)
        source = self.sources.take(replicates, segment.first_epoch, rows, self.device.platform)
        # NumPy arrays are transferred with the call; placing each of them first takes three times as long.
        epochs = np.int32(segment.n_epochs)
        source = source._replace(fold=folds)
        return self.program.advance(segment.members, segment.hyper, source, epochs, data)

    def _row_numbers(self, segment: Segment, folds: np.ndarray, train: np.ndarray) -> Array:
        """Return the row numbers of the segment's steps ``[steps, groups, batch]``.

        ``folds`` is the fold of each group ``[groups]``; ``train`` has each fold's training rows.
        """
        replicates = segment.replicates
        assert replicates is not None
        given = segment.minibatches
        if given is not None:  # padded to the longest call, so that one program serves all calls
            return pad(given, max(self.steps, given.shape[1]), axis=1).swapaxes(0, 1)
        batches = self.sources.batches
        assert batches is not None
        draws = self.sources.draws(replicates, segment.first_epoch)._replace(fold=folds)
        if self.sources.constant:
            return rows_of_all_steps(batches, draws, train)
        draw = row_drawing_program(batches, self.steps, self.device.platform)
        on_device = self.train if train is self.sources.train else train
        return draw(draws, on_device, np.int32(segment.steps))

    def _copied_data(self, copied: np.ndarray, folds: np.ndarray) -> tuple[DeviceData, np.ndarray]:
        """Return each group's rows ``copied [groups, …]``, one group after another, and their new numbers.

        XLA gathers the rows of a step several times as fast from an array that fits into a cache.
        """
        row_numbers = np.maximum(copied, 0)
        train = np.arange(copied.size, dtype=np.int32).reshape(copied.shape)
        weights = self.weights
        if weights is not None:
            weights = (
                weights[row_numbers] if weights.ndim == 1 else weights[folds[:, None], row_numbers]
            ).ravel()
        rows = jax.tree.map(lambda leaf: leaf[row_numbers.ravel()], self.rows)
        return DeviceData(rows, weights, stand_ins(weights, train)), train

    def _copied_blocks(self, copied: np.ndarray) -> list[Rows]:
        """Return blocks of each member's rows ``[tile, block, …]``, up to the last row of any member."""
        size = self.block
        longest = int((copied != PADDING).any(axis=0).sum())
        row_numbers = [np.maximum(copied[:, first : first + size], 0) for first in range(0, longest, size)]
        return [jax.tree.map(lambda leaf, at=at: leaf[at], self.rows) for at in row_numbers]
