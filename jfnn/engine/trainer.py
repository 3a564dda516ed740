"""One grid on its devices: sends tiles to the compiled program and puts what comes back in its place.

State lies on the host as NumPy arrays with all members on the leading axis, so that regrouping members,
dropping some and saving all is plain indexing; only the calls under way hold device memory.
"""

import functools
import time
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from jfnn.engine import plan, workers
from jfnn.engine.prefetch import Prefetcher
from jfnn.engine.program import Members, RowScores, build
from jfnn.engine.state import Scores
from jfnn.experiment.records import PARTS, Data, Execution, Grid, Recipe
from jfnn.losses import is_weight
from jfnn.training import State


class Trainer:
    """What stays the same from call to call."""

    def __init__(self, recipe: Recipe, data: Data, grid: Grid, execution: Execution):
        """Places the data on the devices."""
        self.grid, self.threads, self.width = grid, execution.devices, recipe.tile
        self.devices = tuple(dict.fromkeys(self.threads))
        self.epochs = execution.epochs
        self.program = build(recipe, self.devices[0].platform)
        self.rows_of = grid.rows_of()
        self.hyper = grid.hyper(data.targets.dtype)
        arrays = (data.x, data.targets, data.weights)
        self.data = {device: jax.device_put(arrays, device) for device in self.devices}
        blocks = list(_blocks(data, recipe.evaluation_block))
        self.blocks = {device: jax.device_put(blocks, device) for device in self.devices}
        steps, rows_a_step = grid.streams[0].rows(0).shape
        self.call_ends = plan.call_ends(self.epochs, steps, rows_a_step)
        self.minibatches = Prefetcher(grid.streams, plan.epochs_a_call(steps, rows_a_step))

    def start(self) -> Members:
        """All members at epoch 0."""
        params = self._starting_params()
        everyone = np.ones(self.grid.size, bool)
        first = self._tiles(everyone)[0]
        shapes = jax.eval_shape(self.program.start, take(params, first), take(self.hyper, first)).opt_state
        opt_state = jax.tree.map(lambda leaf: np.zeros((self.grid.size, *leaf.shape[1:]), leaf.dtype), shapes)
        state = State(params, opt_state)
        if jax.tree.leaves(opt_state):
            workers.spread(
                self._tiles(everyone),
                self.threads,
                lambda tile, device: self._start(tile, device, params),
                lambda tile, started: write(tile, started, state),
            )
        return Members(state, np.full(self.grid.size, -1, np.int32))

    def _starting_params(self):
        """Each member's own: its stream's, weights multiplied by "init_scale" where members have one."""

        def of_members(*leaves):
            found = np.stack(leaves)[self.grid.stream_of()]
            if "init_scale" in self.hyper and is_weight(leaves[0]):
                found *= self.hyper["init_scale"].reshape(-1, *(1,) * leaves[0].ndim)
            return found

        return jax.tree.map(of_members, *(stream.params for stream in self.grid.streams))

    def compile(self, members: Members) -> float:
        """Compiles on every device that will be used, by training tiles for no epochs and scoring a block.

        A tile for each shape of minibatches: folds of different lengths may have different ones.

        Returns:
            The seconds that it took.
        """
        started = time.perf_counter()
        tiles = self._tiles(np.ones(self.grid.size, bool))
        rows = {tile.stream: len(self.grid.streams[tile.stream].parts["train"]) for tile in tiles}
        of_shapes = {rows[tile.stream]: tile for tile in tiles}.values()
        calls = []
        for device in self.devices:
            params = jax.device_put(take(members.state.params, tiles[0]), device)
            evaluate = functools.partial(self._evaluate, params, device, blocks=1)
            advance = [functools.partial(self._advance, tile, device, members, 0, 0) for tile in of_shapes]
            calls += [evaluate, *advance]
        workers.side_by_side(calls)
        return time.perf_counter() - started

    def advance(
        self, members: Members, active: np.ndarray, first: int, end: int, score: bool = False
    ) -> Scores | None:
        """Trains active members from epoch ``first`` to ``end``, in place.

        Args:
            members: All members.
            active: Which of them to train ``[members]``.
            first: Epochs done.
            end: Epochs to be done then; no further than to the next of ``call_ends``.
            score: Whether to score them then, while their parameters lie on the device.

        Returns:
            Their scores, as `evaluate` gives them, if wanted.
        """
        self.minibatches.forget(first)
        if end < self.epochs:  # drawn while the devices work, so that the next call finds it ready
            stream = int(self.rows_of[active][0])
            self.minibatches.ahead(stream, first, end - first)
            self.minibatches.ahead(stream, end, min(end - first, self.epochs - end))
        scores = self._no_scores() if score else None

        def issue(tile, device):
            trained = self._advance(tile, device, members, first, end - first)
            return trained, self._evaluate(trained.state.params, device) if score else []

        def collect(tile, results):
            trained, blocks = results
            write(tile, trained, members)
            if scores is not None:
                self._add(scores, tile, blocks)

        workers.spread(self._tiles(active), self.threads, issue, collect)
        if scores is not None:
            for each in scores:
                each[members.diverged_at >= 0] = np.nan
        return scores

    def evaluate(self, params, active: np.ndarray) -> Scores:
        """Scores of active members; NaN for the others, and where a member's loss overflows.

        Args:
            params: All members' parameters, in the engine's layout.
            active: Which of them to score ``[members]``.
        """
        scores = self._no_scores()

        def issue(tile, device):
            return self._evaluate(jax.device_put(take(params, tile), device), device)

        workers.spread(
            self._tiles(active), self.threads, issue, lambda tile, blocks: self._add(scores, tile, blocks)
        )
        return scores

    def _no_scores(self) -> Scores:
        return Scores(*(np.full((self.grid.size, len(PARTS)), np.nan) for _ in Scores._fields))

    def _add(self, scores: Scores, tile: plan.Tile, blocks: Sequence[RowScores]) -> None:
        """Puts the means over the rows of each part in the places of a tile's members."""
        rows = [
            np.concatenate(kind, axis=1)[: tile.used].astype(np.float64) for kind in zip(*blocks, strict=True)
        ]
        slots = tile.members[: tile.used]
        for part, where in enumerate(self.grid.streams[tile.stream].parts.values()):
            if len(where):
                # Each member's rows lie together, so that NumPy adds them in one order beside any others.
                loss, right = (kind[:, where].astype(np.float64, order="C").sum(axis=1) for kind in rows)
                finite = np.isfinite(loss)
                scores.loss[slots, part] = np.where(finite, loss / len(where), np.nan)
                scores.accuracy[slots, part] = np.where(finite, right / len(where), np.nan)

    def _start(self, tile, device, params):
        return self.program.start(*jax.device_put((take(params, tile), take(self.hyper, tile)), device))

    def _advance(self, tile, device, members, epoch, n_epochs):
        rows = self.minibatches.get(tile.stream, epoch, max(n_epochs, 1))
        key = self.grid.streams[tile.stream].key
        arguments = (take(members, tile), take(self.hyper, tile), rows)
        arguments = jax.device_put((*arguments, np.int32(epoch), np.int32(n_epochs), key), device)
        return self.program.advance(*arguments, self.data[device])

    def _evaluate(self, params, device, blocks: int | None = None) -> list[RowScores]:
        return [self.program.evaluate(params, *block) for block in self.blocks[device][:blocks]]

    def _tiles(self, active):
        return plan.tiles(active, self.rows_of, self.width)


def take(tree, tile: plan.Tile):
    """The members of a tile, out of arrays that have all members on the leading axis."""
    return jax.tree.map(lambda leaf: leaf[tile.members], tree)


def write(tile: plan.Tile, results, into) -> None:
    """Puts what a tile gave in the places of its members, in arrays of all members."""
    slots = tile.members[: tile.used]
    for target, result in zip(jax.tree.leaves(into), jax.tree.leaves(results), strict=True):
        target[slots] = np.asarray(result)[: tile.used]


def _blocks(data: Data, length: int) -> Iterator[tuple[np.ndarray, ...]]:
    """The data in blocks of rows, the last one filled with zeros."""
    for first in range(0, len(data.x), length):
        x, targets = (rows[first : first + length] for rows in (data.x, data.targets))
        missing = length - len(x)
        yield tuple(np.pad(rows, [(0, missing)] + [(0, 0)] * (rows.ndim - 1)) for rows in (x, targets))
