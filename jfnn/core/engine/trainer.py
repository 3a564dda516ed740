"""Training of a cohort on its devices, in segments whose results are written into the state.

The state is held on the host, as NumPy arrays with all members on the leading axis, so that regrouping,
dropping and saving members is plain indexing. Only calls in progress hold device memory.
"""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import jax
import numpy as np

from jfnn.arguments.types import Tree
from jfnn.core.engine import plan
from jfnn.core.engine.cohort import Cohort, Replicates
from jfnn.core.engine.executors import Executor, Threads
from jfnn.core.engine.minibatches import padded_length
from jfnn.core.engine.plan import CallLength, Layout, Tile
from jfnn.core.engine.program import Members, OnHost, build
from jfnn.core.engine.scoring import no_scores, write_scores
from jfnn.core.engine.segment import Segment, SegmentResult, Task
from jfnn.core.engine.start import Start, read_start
from jfnn.core.engine.state import Evaluation, Failure, RunState, Scores
from jfnn.core.engine.threads import run_in_background
from jfnn.params import Params, State

Hyper = dict[str, np.ndarray]
Taken = TypeVar("Taken")
TileCall = tuple[Tile, int]  # a tile, and the number of its call since the last return to the host


class Prefetcher:
    """Reads given minibatches ahead of time on a background thread, once for each replicate and epoch."""

    def __init__(self, replicates: Replicates, epochs: int):
        """Create an empty cache for a run of ``epochs``."""
        self.replicates = replicates
        self.epochs = epochs
        self.lock = threading.Lock()
        self.reader = ThreadPoolExecutor(1)
        self.reads: dict[tuple[int, int], Future[np.ndarray]] = {}  # by replicate and epoch

    def rows(self, replicates: np.ndarray, epochs: range) -> np.ndarray:
        """Return row numbers of replicates ``[replicates, epochs * steps, batch]``.

        The same number of epochs is read ahead while the devices work, so that the next call need not wait.
        If ``epochs`` is empty, as for compiling, nothing is read and the result is zeros for one epoch.
        """
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
        """Drop epochs before ``first``."""
        with self.lock:
            self.reads = {key: read for key, read in self.reads.items() if key[1] >= first}


class Trainer:
    """The cohort, devices and executor of a run: everything that stays the same from call to call."""

    def __init__(
        self,
        cohort: Cohort,
        threads: Sequence[jax.Device],
        layout: Layout,
        calls: CallLength | None = None,
        make_executor: Callable[[Task, Sequence[jax.Device]], Executor] = Threads,
    ):
        """Put the data on the devices.

        ``threads`` has the device of each host thread; the cores of a CPU share one. ``calls`` is the length
        of calls, None for the default.
        """
        self.cohort = cohort
        self.threads = threads
        self.layout = layout
        self.replicates = cohort.replicates
        data = cohort.data
        self.sources = self.replicates.sources
        bytes_a_step = int(self.sources.batch.max()) * layout.groups * np.dtype(np.int32).itemsize
        self.calls = calls or CallLength()
        if not self.sources.constant:
            self.calls = self.calls.limited_to(bytes_a_step)
        self.steps = int(self.sources.steps.max())
        self.replicate_of = cohort.replicate_of()
        self.fold_of = self.sources.fold[self.replicate_of]
        self.minibatches_of = cohort.minibatches_of()
        self.kind_of = self._kind_of()
        steps = max(padded_length(self.steps), self.calls.steps)
        objective = cohort.keeps_objectives
        inputs = self.sources, data.rows, data.weights, cohort.block
        task = Task(cohort.functions, *inputs, steps, objective, cohort.copied_rows)
        self.executor = make_executor(task, threads)
        self.failures: list[Failure] = []
        self.compile_seconds = 0.0
        self.is_compiled = False
        self.listener = cohort.recording.listener
        self.prefetcher = (
            None if self.sources.batches is not None else Prefetcher(self.replicates, cohort.epochs)
        )

    def _kind_of(self) -> np.ndarray:
        """Return the kind of each member ``[members]``: members with as many steps and rows a step."""
        shapes = np.stack([self.sources.steps, self.sources.batch])
        _, same = np.unique(shapes, axis=1, return_inverse=True)
        return np.asarray(same.reshape(-1)[self.replicate_of])

    def next_call_end(self, epoch: int) -> int:
        """Return the first epoch above ``epoch`` after which the run returns to the host."""
        end = self.cohort.epochs
        epochs = end - self.cohort.first_epoch
        whole = epochs <= self.calls.epochs(self.steps)  # too short to gain from an early return
        return end if whole else self.calls.next_end(epoch, self.steps)

    def start(self, hyper: Hyper) -> OnHost:
        """Return all members at epoch 0, drawn while missing programs compile on other threads."""
        compiling = functools.partial(self.compile, self.listener.compiling)
        with contextlib.nullcontext() if self.is_compiled else run_in_background(compiling):
            return self._draw_members(hyper)

    def _draw_members(self, hyper: Hyper) -> OnHost:
        count = self.cohort.members
        params = self.replicates.start(np.arange(count))
        state = self.start_rule.states(params, hyper, count)
        if self.start_rule.origins is None:
            device = self.threads[0]
            start = build(self.cohort.functions, self.sources.padded, device.platform, 1).start
            for tile in self._all_tiles():
                with jax.default_device(device):
                    write(tile, start(*take((params, hyper), tile)), state)
        return Members(state, np.full(count, -1, np.int32))

    @functools.cached_property
    def start_rule(self) -> Start:
        """The learner's `start`, as read from its trace."""
        hyper = {name: values[0] for name, values in self.cohort.hyper_at_start().items()}
        return read_start(self.cohort.functions, self.replicates.start_shapes, hyper)

    def compile(self, told: Callable[[int, int], None]) -> None:
        """Compile on every device, by training tiles of zeros for no epochs and scoring a block.

        There is one tile for each number of rows per step, as folds may differ; see `Executor.compile`.
        """
        started = time.perf_counter()
        tiles = self._all_tiles()
        of_shapes = {int(self.sources.batch[tile.replicates[0]]): tile for tile in tiles}
        members = self._zeros(self.start_rule.shapes.memory)
        hyper = self.cohort.hyper_at_start()
        nothing = range(0)
        training = [self._segment(tile, members, hyper, nothing, False) for tile in of_shapes.values()]
        scoring = [self._scoring_segment(tiles[0], members.state.params, hyper)]
        if not self.cohort.learner.metrics:
            scoring = []
        self.executor.compile([*scoring, *training], told)
        self.compile_seconds = time.perf_counter() - started
        self.is_compiled = True

    def _zeros(self, memory: Tree) -> OnHost:
        """Return all members with states of zeros, which take no memory before they are cut into tiles."""
        count = self.cohort.members

        def zeros(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
            return np.broadcast_to(np.zeros((), leaf.dtype), (count, *leaf.shape))

        state = State(*jax.tree.map(zeros, (self.replicates.start_shapes, memory)))
        return Members(state, np.full(count, -1, np.int32))

    def advance(self, state: RunState, end: int, scored: Sequence[int] = ()) -> dict[int, Evaluation]:
        """Train the active members of a state to epoch ``end``, in place.

        Args:
            state: The state of the run.
            end: Epochs done afterwards.
            scored: Epochs after which to score members, in order, up to ``end``; each tile is scored when it
                gets there, while its parameters are on the device.

        Returns:
            Epoch -> its evaluation, with scores as in `evaluate`.
        """
        training = int(state.active.sum())
        tiles = self._tiles(state.active)
        devices = len(self.threads)
        ranges = self.calls.ranges([state.epoch, *scored, end], self.steps, len(tiles), devices)
        evaluations = {epoch: self._evaluation(epoch, state) for epoch in scored}

        def segment(call: TileCall) -> Segment:
            tile, number = call
            if self.prefetcher is not None:
                self.prefetcher.forget(ranges[max(number - 1, 0)].start)
            epochs = ranges[number]
            return self._segment(tile, state.members, state.hyper, epochs, epochs.stop in evaluations)

        def collect(call: TileCall, result: SegmentResult) -> TileCall | None:
            tile, number = call
            epochs = ranges[number]
            write(tile, result.members, state.members)
            self.listener.add(len(tile.used) * len(epochs) / training)
            first = epochs.start - self.cohort.first_epoch
            for name, kept in state.objectives.items():
                values = np.asarray(result.objectives[name])[: len(epochs), tile.used]
                kept[first : first + len(epochs), tile.members[tile.used]] = values
            if epochs.stop in evaluations:
                _, scores, params = evaluations[epochs.stop]
                self._add_scores(scores, tile, result)
                if params is not None:
                    write(tile, result.members.state.params, params)
            return (tile, number + 1) if number < len(ranges) - 1 else None

        first_calls = [(tile, 0) for tile in tiles]
        for (tile, number), error in self.executor.run(first_calls, segment, collect):
            members = tile.members[tile.used]
            before = ranges[number].start
            self.failures.append(Failure(members, before, error))
            state.members.diverged_at[members] = before
        for epoch, evaluation in evaluations.items():
            for values in evaluation.scores.values():
                values[state.diverged(epoch)] = np.nan
        return evaluations

    def _evaluation(self, epoch: int, state: RunState) -> Evaluation:
        """Return an empty evaluation, before any member is scored."""
        params = state.members.state.params if state.history.params is not None else None
        return Evaluation(np.array(epoch), no_scores(self.cohort), jax.tree.map(np.copy, params))

    def evaluate(self, params: Params, hyper: Hyper, active: np.ndarray) -> Scores:
        """Return scores of active members, NaN for others and for infinite losses; empty without metrics.

        ``params``, in the engine's form, and ``hyper`` cover all members; ``active [members]`` is a mask.
        """
        scores = no_scores(self.cohort)
        if not scores:
            return scores

        def collect(tile: Tile, result: SegmentResult) -> None:
            self._add_scores(scores, tile, result)

        def segment(tile: Tile) -> Segment:
            return self._scoring_segment(tile, params, hyper)

        failures = self.executor.run(self._tiles(active), segment, collect)
        epochs = self.cohort.epochs
        self.failures += [Failure(tile.members[tile.used], epochs, error) for tile, error in failures]
        return scores

    def _add_scores(self, scores: Scores, tile: Tile, result: SegmentResult) -> None:
        slots = tile.members[tile.used]
        rows = {
            metric.name: np.concatenate([block[metric.name] for block in result.blocks], axis=1)[tile.used]
            for metric in self.cohort.learner.metrics
        }
        folds = self.fold_of[slots]
        copied = self.cohort.copied_rows is not None
        for fold in np.unique(folds):
            same = folds == fold
            by_row = {name: values[same] for name, values in rows.items()}
            write_scores(self.cohort, scores, slots[same], int(fold), by_row, copied)

    def _segment(self, tile: Tile, members: OnHost, hyper: Hyper, epochs: range, score: bool) -> Segment:
        members, hyper = take((members, hyper), tile)
        return Segment(
            members=members,
            hyper=hyper,
            replicates=tile.replicates,
            first_epoch=epochs.start,
            n_epochs=len(epochs),
            steps=len(epochs) * self.steps,
            minibatches=None if self.prefetcher is None else self.prefetcher.rows(tile.replicates, epochs),
            score=score,
            folds=self.fold_of[tile.members],
        )

    def _scoring_segment(self, tile: Tile, params: Params, hyper: Hyper) -> Segment:
        members = Members(State(take(params, tile), ()), np.zeros(0, np.int32))
        return Segment(members, take(hyper, tile), None, self.fold_of[tile.members])

    def _all_tiles(self) -> Sequence[Tile]:
        return self._tiles(np.ones(self.cohort.members, bool))

    def _tiles(self, active: np.ndarray) -> Sequence[Tile]:
        return plan.tiles(active, self.minibatches_of, self.kind_of, self.layout)


def take(tree: Taken, tile: Tile) -> Taken:
    """Return the members of a tile, from arrays of all members."""
    taken: Taken = jax.tree.map(lambda leaf: leaf[tile.members], tree)
    return taken


def write(tile: Tile, results: Tree, into: Tree) -> None:
    """Write a tile's results into arrays of all members."""
    slots = tile.members[tile.used]
    for target, result in zip(jax.tree.leaves(into), jax.tree.leaves(results), strict=True):
        target[slots] = np.asarray(result)[tile.used]
