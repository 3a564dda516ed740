"""A run from its start, or from where it was saved, through its segments to its scores."""

import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jfnn.engine.state import History, Outcome, RunState, Scores
from jfnn.engine.trainer import Trainer
from jfnn.experiment.records import PARTS, Data, Execution, Grid, Recipe
from jfnn.schedulers.judges import Selection
from jfnn.search.checkpoint import Checkpoint


class Progress(NamedTuple):
    """What a progress callback is told at every return to the host.

    Attributes:
        epoch: Epochs done.
        epochs: Epochs in all.
        training: How many members still train.
        members: How many members there are.
        best: The best score that any member had when scores were last taken, higher being better (of losses
            the negative); None before.
    """

    epoch: int
    epochs: int
    training: int
    members: int
    best: float | None


def run(
    recipe: Recipe,
    data: Data,
    grid: Grid,
    execution: Execution,
    selection: Selection,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Trains a grid to its last epoch and scores it.

    Args:
        recipe: What is trained.
        data: On what.
        grid: Which members.
        execution: How it runs.
        selection: What ranks members, and which may leave early.
        checkpoint: Where the run is saved at the ends of segments and calls; it goes on from what was saved.
    """
    started = time.perf_counter()
    trainer = Trainer(recipe, data, grid, execution)
    state = _start(trainer, selection)
    if checkpoint:
        state = checkpoint.restore(state)
    compile_seconds = trainer.compile(state.members)
    looks = selection.looks(grid.cells, execution.epochs)
    best: float | None = None
    scores: Scores | None = None

    def report(epoch):
        if execution.progress:
            training = int(state.active.sum())
            execution.progress(Progress(epoch, execution.epochs, training, grid.size, best))

    for end in _ends(execution, looks, trainer.call_ends):
        if end <= state.epoch or not state.active.any():
            continue
        boundary = _is_boundary(end, execution)
        looked_at = end in looks or (boundary and (execution.history or execution.progress is not None))
        wanted = looked_at or end == execution.epochs
        scores = trainer.advance(state.members, state.active, state.epoch, end, score=wanted)
        state = state._replace(epoch=end)
        if looked_at and scores is not None:
            best = _best(selection.score(scores))
            if execution.history and boundary:
                state = state._replace(history=_append(state.history, end, scores))
            state = selection.judge(state, scores, (grid.cells, len(grid.streams)), execution.epochs)
        _rest(state, checkpoint, report)
    outcome = _finish(trainer, state, execution, scores)
    return outcome._replace(
        compile_seconds=compile_seconds, run_seconds=time.perf_counter() - started - compile_seconds
    )


def _start(trainer: Trainer, selection: Selection) -> RunState:
    members = trainer.start()
    size = trainer.grid.size
    return RunState(
        epoch=0,
        members=members,
        left_at=np.full(size, -1, np.int32),
        lost=np.zeros(size, bool),
        best=selection.start(members.state.params, size),
        history=History(
            np.zeros(0, np.int64), Scores(*(np.zeros((0, size, len(PARTS))) for _ in Scores._fields))
        ),
    )


def _is_boundary(end: int, execution: Execution) -> bool:
    return end % execution.segment == 0 or end == execution.epochs


def _ends(execution: Execution, looks: set[int], call_ends: set[int]) -> list[int]:
    """Where the run comes to rest: at the ends of segments, of calls, and where a rule wants scores."""
    ends = range(1, execution.epochs + 1)
    return [end for end in ends if end in looks or end in call_ends or _is_boundary(end, execution)]


def _rest(state: RunState, checkpoint: Checkpoint | None, report: Callable[[int], None]) -> None:
    """Between two calls, when nothing changes the state: only here can it be saved.

    It is if it is time to, or if someone ends the run here: by Ctrl-C, or by the callback with `sys.exit`.
    """
    try:
        report(int(state.epoch))
        if checkpoint:
            checkpoint.save(state)
    except (KeyboardInterrupt, SystemExit):
        if checkpoint:
            checkpoint.save(state, force=True)
        raise


def _append(history: History, epoch: int, scores: Scores) -> History:
    return jax.tree.map(
        lambda kept, new: np.concatenate([kept, new[None]]), history, History(np.array(epoch), scores)
    )


def _best(score) -> float | None:
    return None if np.isnan(score).all() else float(np.nanmax(score))


def _finish(trainer: Trainer, state: RunState, execution: Execution, last: Scores | None) -> Outcome:
    """Scores what is kept of each member.

    Args:
        trainer: It scores.
        state: The run at its end.
        execution: How long it was to be.
        last: Scores taken after the last call, NaN for those that had diverged or left; or None.
    """
    diverged_at = state.members.diverged_at
    missing = diverged_at < 0
    if state.best is None:
        params = state.members.state.params
        epochs = np.where(state.left_at < 0, execution.epochs, state.left_at)
        epochs = np.where(diverged_at < 0, epochs, diverged_at)
        if last is not None and state.epoch == execution.epochs:
            missing &= state.left_at >= 0  # those that trained to the end have just been scored
    else:
        params, epochs = state.best.params, state.best.epoch
    if last is None:
        scores = trainer.evaluate(params, missing)
    elif missing.any():
        more = trainer.evaluate(params, missing)
        scores = jax.tree.map(lambda new, old: np.where(missing[:, None], new, old), more, last)
    else:
        scores = last
    return Outcome(
        params=params,
        epochs=epochs,
        left_at=state.left_at,
        lost=state.lost,
        diverged_at=diverged_at,
        scores=scores,
        history=state.history,
        compile_seconds=0.0,
        run_seconds=0.0,
    )
