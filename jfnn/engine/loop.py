"""The host's part: calls the compiled program segment by segment and keeps every member's state between calls.

State lies on the host as NumPy arrays with all members on the leading axis, so that regrouping members,
dropping those that diverged and (elsewhere) saving them is plain indexing; only calls under way hold device
memory.
"""

import collections
import time
from typing import NamedTuple

import jax
import numpy as np

from jfnn.engine import plan
from jfnn.engine.program import Members, Program, Scores, build
from jfnn.engine.records import Data, Execution, Grid, Recipe
from jfnn.training import State

# Calls handed to the devices before the oldest one's results are fetched.
CALLS_UNDER_WAY = 4


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


class Outcome(NamedTuple):
    """What training gives, all members on the leading axis.

    Attributes:
        members: The last state.
        scores: Scores of the last state ``[members, parts]``, NaN where diverged.
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
        self.grid, self.execution = grid, execution
        self.tile = recipe.tile
        self.program: Program = build(recipe, execution.devices)
        self.stream_of = grid.stream_of()
        self.hyper = grid.hyper(data.targets.dtype)
        self.weights = np.stack([_pad(stream.weights.T, recipe).T for stream in grid.streams])
        self.x = self.program.place(_pad(data.x, recipe))
        self.targets = self.program.place(_pad(data.targets, recipe))
        steps, rows_a_step = grid.streams[0].rows(0).shape
        self.epochs_a_call = plan.epochs_a_call(steps, rows_a_step)

    def start(self) -> Members:
        """All members at epoch 0."""
        params = [stream.params for stream in self.grid.streams]
        params = jax.tree.map(lambda *leaves: np.stack(leaves)[self.stream_of], *params)
        everyone = np.ones(self.grid.size, bool)
        shapes = jax.eval_shape(self.program.start, *self._tile_of(everyone, params, self.hyper))
        opt_state = jax.tree.map(
            lambda leaf: np.zeros((self.grid.size, *leaf.shape[2:]), leaf.dtype), shapes.opt_state
        )
        state = State(params, opt_state)
        if jax.tree.leaves(opt_state):
            self._collect(
                everyone, state, lambda call: self.program.start(take(params, call), take(self.hyper, call))
            )
        return Members(state, np.full(self.grid.size, -1, np.int32))

    def compile(self, members: Members) -> float:
        """Traces and compiles by training the first tile for no epochs, and scoring it; returns the seconds."""
        started = time.perf_counter()
        call = self._calls(np.arange(self.grid.size) == 0)[0]
        rows = self._rows(0, 1)
        jax.block_until_ready((self._advance(members, call, rows, 0, 0), self._evaluate(members, call)))
        return time.perf_counter() - started

    def advance(self, members: Members, first: int, end: int) -> Members:
        """Trains all members that are still finite from epoch ``first`` to ``end``."""
        members = jax.tree.map(np.copy, members)
        for epoch in range(first, end, self.epochs_a_call):
            n_epochs = min(self.epochs_a_call, end - epoch)
            rows = self._rows(epoch, n_epochs)
            active = members.diverged_at < 0
            before = members
            self._collect(active, members, lambda call: self._advance(before, call, rows, epoch, n_epochs))  # noqa: B023
            if self.execution.progress:
                training = int((members.diverged_at < 0).sum())
                self.execution.progress(
                    Progress(epoch + n_epochs, self.execution.epochs, training, self.grid.size)
                )
        return members

    def evaluate(self, members: Members) -> Scores:
        """Scores of all members; NaN for those that diverged."""
        parts = self.weights.shape[1]
        scores = Scores(*(np.full((self.grid.size, parts), np.nan, self.targets.dtype) for _ in Scores._fields))
        self._collect(members.diverged_at < 0, scores, lambda call: self._evaluate(members, call))
        return scores

    def _calls(self, active):
        return plan.calls(active, self.stream_of, self.tile, self.program.devices)

    def _tile_of(self, active, *trees):
        return [take(tree, self._calls(active)[0]) for tree in trees]

    def _rows(self, epoch, n_epochs):
        """``stream -> rows [epochs_a_call, steps, batch]``, each stream's drawn when first asked for."""
        drawn: dict[int, np.ndarray] = {}

        def rows(stream):
            if stream not in drawn:
                given = [self.grid.streams[stream].rows(epoch + i) for i in range(n_epochs)]
                unused = [np.zeros_like(given[0])] * (self.epochs_a_call - n_epochs)
                drawn[stream] = np.stack(given + unused)
            return drawn[stream]

        return rows

    def _advance(self, members, call, rows, epoch, n_epochs):
        batches = np.stack([rows(stream) for stream in call.streams])
        return self.program.advance(
            take(members, call),
            take(self.hyper, call),
            batches,
            np.int32(epoch),
            np.int32(n_epochs),
            self.x,
            self.targets,
        )

    def _evaluate(self, members, call):
        weights = self.weights[call.streams]
        return self.program.evaluate(take(members.state.params, call), self.x, self.targets, weights)

    def _collect(self, active, into, compute):
        """Runs ``compute`` on every call for the active members and writes what it gives into ``into``, in place."""
        under_way: collections.deque = collections.deque()

        def fetch():
            call, results = under_way.popleft()
            slots = call.members[call.fresh]

            def write(target, result):
                target[slots] = np.asarray(result)[call.fresh]

            jax.tree.map(write, into, results)

        for call in self._calls(active):
            under_way.append((call, compute(call)))
            if len(under_way) > CALLS_UNDER_WAY:
                fetch()
        while under_way:
            fetch()


def take(tree, call: plan.Call):
    """The members of a call, out of arrays that have all members on the leading axis."""
    return jax.tree.map(lambda leaf: leaf[call.members], tree)


def _pad(array, recipe: Recipe):
    """Rows of zeros below, so that the evaluation's blocks come out even."""
    missing = -array.shape[0] % recipe.evaluation_block
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array
