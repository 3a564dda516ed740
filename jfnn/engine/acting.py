"""Schedulers at an evaluation: their actions change the state of the run."""

import jax
import numpy as np

from jfnn.engine.program import Members
from jfnn.engine.state import Kept, RunState, Scores
from jfnn.experiment.experiment import Experiment
from jfnn.schedulers.scheduler import Actions, Report


def act(experiment: Experiment, state: RunState, scores: Scores) -> RunState:
    """The state after every scheduler has seen the scores and acted, one after the other."""
    ranking, loss = experiment.ranking, scores[experiment.learner.metrics[0].name]
    score = ranking.of(scores)
    for i, scheduler in enumerate(experiment.schedulers):
        report = Report(
            epoch=state.epoch,
            epochs=experiment.epochs,
            cells=experiment.n_cells,
            replicates=len(experiment.replicates),
            score=_score_of_end(state, score),
            loss=loss[:, ranking.part],
            active=state.active,
            diverged=state.members.diverged_at >= 0,
            pruned=state.pruned,
            hyper=state.hyper,
        )
        remembered, actions = scheduler.update(state.schedulers[i], report)
        state = _apply(state, actions, score)
        state = state._replace(schedulers=(*state.schedulers[:i], remembered, *state.schedulers[i + 1 :]))
    return state


def _score_of_end(state: RunState, score: np.ndarray) -> np.ndarray:
    """Score of the parameters that each member would end with."""
    if state.kept is None:
        return score
    kept_score = np.where(state.kept.epoch >= 0, state.kept.score, score)
    return np.where(state.members.diverged_at < 0, kept_score, np.nan)


def _apply(state: RunState, actions: Actions, score: np.ndarray) -> RunState:
    if actions.keep is not None and state.kept is not None:
        _keep(state.kept, state, actions.keep, score)
    if actions.copy is not None:
        state = _copy(state, actions.copy)
    if actions.stop is not None:
        stops = state.active & actions.stop
        stopped_at = np.where(stops, state.epoch, state.stopped_at).astype(np.int32)
        state = state._replace(stopped_at=stopped_at)
    if actions.prune is not None:
        state = state._replace(pruned=state.pruned | actions.prune)
    if actions.hyper is not None:
        numbers = {name: np.asarray(new, state.hyper[name].dtype) for name, new in actions.hyper.items()}
        state = state._replace(hyper=state.hyper | numbers)
    return state


def _keep(kept: Kept, state: RunState, which: np.ndarray, score: np.ndarray) -> None:
    """Keeps the parameters that some members have now, in place."""
    kept.epoch[which], kept.score[which] = state.epoch, score[which]
    now_and_kept = (state.members.state.params, state.hyper), (kept.params, kept.hyper)
    for now, old in zip(*map(jax.tree.leaves, now_and_kept), strict=True):
        old[which] = now[which]


def _copy(state: RunState, source: np.ndarray) -> RunState:
    """Every member goes on from the state of its source, which has not diverged."""
    moved = source != np.arange(len(source))
    members = state.members.state
    copied = jax.tree.map(lambda leaf: leaf[source], members)
    diverged_at = np.where(moved, state.members.diverged_at[source], state.members.diverged_at)
    return state._replace(members=Members(copied, diverged_at.astype(np.int32)))
