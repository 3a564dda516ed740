"""Schedulers at an evaluation: their actions change the state of the run."""

from typing import Any

import jax
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.core.engine.cohort import Cohort
from jfnn.core.engine.program import Members
from jfnn.core.engine.state import RunState, Scores, Snapshot
from jfnn.schedulers.scheduler import Actions, Report


def act(cohort: Cohort, state: RunState, scores: Scores) -> RunState:
    """The state after every scheduler has seen the scores and acted, one after the other."""
    ranking = cohort.ranking
    loss = scores[cohort.learner.metrics[0].name]
    score = ranking.of(scores)
    memories = list(state.schedulers)
    for i, scheduler in enumerate(cohort.schedulers):
        report = Report(
            epoch=state.epoch - cohort.first_epoch,
            epochs=cohort.epochs - cohort.first_epoch,
            cells=cohort.n_cells,
            replicates=len(cohort.replicates),
            score=_score_of_end(state, score),
            loss=loss[:, ranking.part],
            active=state.active,
            diverged=state.members.diverged_at >= 0,
            pruned=state.pruned,
            hyper=state.hyper,
            objective=_last_objective(cohort, state),
        )
        given: Any = scheduler.update(memories[i], report)
        if not isinstance(given, tuple) or len(given) != 2 or not isinstance(given[1], Actions):
            expected = f"expected (state, jfnn.schedulers.Actions(…)) of {type(scheduler).__name__}.update"
            raise ArgumentTypeError("schedulers", f"{expected}, got {checks.shown(given)}", scheduler)
        memories[i], actions = given
        state = _apply(state, actions, score)
    return state._replace(schedulers=tuple(memories))


def _last_objective(cohort: Cohort, state: RunState) -> np.ndarray:
    """Mean objective of each member in the last epoch, where it is kept."""
    if not state.objectives:
        return np.zeros(0)
    return np.asarray(state.objectives["objective"][state.epoch - cohort.first_epoch - 1], np.float64)


def _score_of_end(state: RunState, score: np.ndarray) -> np.ndarray:
    """Score of the parameters that each member would end with."""
    if state.snapshot is None:
        return score
    kept_score = np.where(state.snapshot.epoch >= 0, state.snapshot.score, score)
    return np.where(state.members.diverged_at < 0, kept_score, np.nan)


def _apply(state: RunState, actions: Actions, score: np.ndarray) -> RunState:
    if actions.keep is not None and state.snapshot is not None:
        _keep(state.snapshot, state, actions.keep, score)
    if actions.copy is not None:
        members = state.members
        source = actions.copy
        copies = jax.tree.map(lambda leaf: leaf[source], members.state)
        moved = source != np.arange(len(source))  # each to the state of a member that has not diverged
        diverged_at = np.where(moved, members.diverged_at[source], members.diverged_at)
        state = state._replace(members=Members(copies, diverged_at))
    if actions.stop is not None:
        stopped_at = np.where(state.active & actions.stop, np.int32(state.epoch), state.stopped_at)
        state = state._replace(stopped_at=stopped_at)
    if actions.prune is not None:
        state = state._replace(pruned=state.pruned | actions.prune)
    if actions.hyper is not None:
        hyper = {name: np.asarray(new, state.hyper[name].dtype) for name, new in actions.hyper.items()}
        state = state._replace(hyper=state.hyper | hyper)
    return state


def _keep(snapshot: Snapshot, state: RunState, which: np.ndarray, score: np.ndarray) -> None:
    """Keeps the parameters that some members have now, in place."""
    snapshot.epoch[which] = state.epoch
    snapshot.score[which] = score[which]
    trees = (state.members.state.params, state.hyper), (snapshot.params, snapshot.hyper)
    for now, old in zip(*map(jax.tree.leaves, trees), strict=True):
        old[which] = now[which]
