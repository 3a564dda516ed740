"""The host's part: calls the compiled program segment by segment and keeps every member's state between calls.

State lies on the host as NumPy arrays with all members on the leading axis, so that regrouping members and
dropping those that diverged is plain indexing; only the calls under way hold device memory.
"""

import time
from typing import NamedTuple

import jax
import numpy as np

from jfnn.engine import plan, workers
from jfnn.engine.program import Members, RowScores, build
from jfnn.engine.records import Data, Execution, Grid, Recipe
from jfnn.training import State


class Progress(NamedTuple):
    """What a progress callback is told at every return to the host.

    Attributes:
        epoch: Epochs done.
        epochs: Epochs in all.
        training: How many members still train.
        members: How many members there are.
    """

    epoch: int
    epochs: int
    training: int
    members: int


class Scores(NamedTuple):
    """Means over the rows of each part, float64 ``[members, parts]``; NaN where diverged or a part has no rows."""

    loss: np.ndarray
    accuracy: np.ndarray


class Outcome(NamedTuple):
    """What training gives, all members on the leading axis.

    Attributes:
        members: The last state.
        scores: Scores of the last state.
        history: Epochs ``[h]`` and their scores ``[h, members, parts]``, if asked for.
        compile_seconds: Time to trace and compile, near 0 where the program was already there.
        run_seconds: All the rest.
    """

    members: Members
    scores: Scores
    history: tuple[np.ndarray, Scores] | None
    compile_seconds: float
    run_seconds: float


def run(recipe: Recipe, data: Data, grid: Grid, execution: Execution) -> Outcome:
    """Trains a grid from its start to its last epoch and scores it."""
    started = time.perf_counter()
    trainer = Trainer(recipe, data, grid, execution)
    members = trainer.start()
    compile_seconds = trainer.compile(members)
    epochs, history = [], []
    for first in range(0, execution.epochs, execution.segment):
        end = min(first + execution.segment, execution.epochs)
        members = trainer.advance(members, first, end)
        if execution.history:
            epochs.append(end)
            history.append(trainer.evaluate(members))
    scores = history[-1] if history else trainer.evaluate(members)
    return Outcome(
        members,
        scores,
        (np.array(epochs), jax.tree.map(lambda *a: np.stack(a), *history)) if history else None,
        compile_seconds,
        time.perf_counter() - started - compile_seconds,
    )


class Trainer:
    """One grid on its devices: what stays the same from call to call."""

    def __init__(self, recipe: Recipe, data: Data, grid: Grid, execution: Execution):
        """Places the data on the devices."""
        self.grid, self.execution, self.width = grid, execution, recipe.tile
        self.program = build(recipe)
        self.stream_of = grid.stream_of()
        self.hyper = grid.hyper(data.targets.dtype)
        self.n, self.n_parts, self.block = len(data.x), len(data.parts), recipe.evaluation_block
        placed = (_pad(data.x, self.block), _pad(data.targets, self.block))
        self.data = {device: jax.device_put(placed, device) for device in execution.devices}
        steps, rows_a_step = grid.streams[0].rows(0).shape
        self.epochs_a_call = plan.epochs_a_call(steps, rows_a_step)

    def start(self) -> Members:
        """All members at epoch 0."""
        params = [stream.params for stream in self.grid.streams]
        params = jax.tree.map(lambda *leaves: np.stack(leaves)[self.stream_of], *params)
        everyone = np.ones(self.grid.size, bool)
        first = self._tiles(everyone)[0]
        shapes = jax.eval_shape(self.program.start, take(params, first), take(self.hyper, first)).opt_state
        opt_state = jax.tree.map(lambda leaf: np.zeros((self.grid.size, *leaf.shape[1:]), leaf.dtype), shapes)
        state = State(params, opt_state)
        if jax.tree.leaves(opt_state):
            self._for_each_tile(
                everyone,
                state,
                lambda tile, device: self.program.start(
                    *jax.device_put((take(params, tile), take(self.hyper, tile)), device)
                ),
            )
        return Members(state, np.full(self.grid.size, -1, np.int32))

    def compile(self, members: Members) -> float:
        """Compiles on every device that will be used, by training a tile for no epochs and scoring it.

        Returns:
            The seconds that it took.
        """
        started = time.perf_counter()
        rows = self._rows(0, 1)
        workers.spread(
            self._tiles(np.ones(self.grid.size, bool))[: len(self.execution.devices)],
            self.execution.devices,
            lambda tile, device: (
                self._advance(tile, device, members, rows, 0, 0),
                self._evaluate(tile, device, members),
            ),
            lambda tile, results: jax.block_until_ready(results),
        )
        return time.perf_counter() - started

    def advance(self, members: Members, first: int, end: int) -> Members:
        """Trains all members that are still finite from epoch ``first`` to ``end``."""
        for epoch in range(first, end, self.epochs_a_call):
            n_epochs = min(self.epochs_a_call, end - epoch)
            members = self._advance_all(members, epoch, n_epochs)
            if self.execution.progress:
                training = int((members.diverged_at < 0).sum())
                self.execution.progress(
                    Progress(epoch + n_epochs, self.execution.epochs, training, self.grid.size)
                )
        return members

    def evaluate(self, members: Members) -> Scores:
        """Scores of all members."""
        nothing = np.full((self.grid.size, self.n_parts), np.nan)
        scores = Scores(nothing, nothing.copy())

        def collect(tile, blocks):
            rows = [np.concatenate(kind, axis=1)[: tile.used].astype(np.float64) for kind in zip(*blocks, strict=True)]
            slots = tile.members[: tile.used]
            for part, where in enumerate(self.grid.streams[tile.stream].parts):
                if len(where):
                    # Each member's rows lie together, so that NumPy adds them in the same order beside any others.
                    loss, right = (np.ascontiguousarray(kind[:, where]).sum(axis=1) for kind in rows)
                    finite = np.isfinite(loss)
                    scores.loss[slots, part] = np.where(finite, loss / len(where), np.nan)
                    scores.accuracy[slots, part] = np.where(finite, right / len(where), np.nan)

        workers.spread(
            self._tiles(members.diverged_at < 0),
            self.execution.devices,
            lambda tile, device: self._evaluate(tile, device, members),
            collect,
        )
        return scores

    def _advance_all(self, members, epoch, n_epochs):
        rows = self._rows(epoch, n_epochs)
        after = jax.tree.map(np.copy, members)
        self._for_each_tile(
            members.diverged_at < 0,
            after,
            lambda tile, device: self._advance(tile, device, members, rows, epoch, n_epochs),
        )
        return after

    def _rows(self, epoch, n_epochs):
        """Each stream's minibatches ``[epochs_a_call, steps, batch]``, drawn when first asked for."""
        drawn: dict[int, np.ndarray] = {}

        def rows(stream):
            if stream not in drawn:
                given = [self.grid.streams[stream].rows(epoch + i) for i in range(n_epochs)]
                unused = [np.zeros_like(given[0])] * (self.epochs_a_call - n_epochs)
                drawn[stream] = np.stack(given + unused)
            return drawn[stream]

        return rows

    def _advance(self, tile, device, members, rows, epoch, n_epochs):
        arguments = (take(members, tile), take(self.hyper, tile), rows(tile.stream))
        arguments = jax.device_put((*arguments, np.int32(epoch), np.int32(n_epochs)), device)
        return self.program.advance(*arguments, *self.data[device])

    def _evaluate(self, tile, device, members) -> list[RowScores]:
        params = jax.device_put(take(members.state.params, tile), device)
        firsts = range(0, len(self.data[device][0]), self.block)
        blocks = (self.program.block(*self.data[device], np.int32(first)) for first in firsts)
        return [self.program.evaluate(params, *block) for block in blocks]

    def _tiles(self, active):
        return plan.tiles(active, self.stream_of, self.width)

    def _for_each_tile(self, active, into, compute):
        """Runs ``compute`` on every tile of the active members and writes its results into ``into``, in place."""

        def write(tile, results):
            slots = tile.members[: tile.used]
            for target, result in zip(jax.tree.leaves(into), jax.tree.leaves(results), strict=True):
                target[slots] = np.asarray(result)[: tile.used]

        workers.spread(self._tiles(active), self.execution.devices, compute, write)


def take(tree, tile: plan.Tile):
    """The members of a tile, out of arrays that have all members on the leading axis."""
    return jax.tree.map(lambda leaf: leaf[tile.members], tree)


def _pad(array, block):
    """Rows of zeros below, so that the evaluation's blocks come out even."""
    missing = -array.shape[0] % block
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array
