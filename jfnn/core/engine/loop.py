"""The loop of a run, from its start or a saved state to its last epoch and scores."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.engine.cohort import PARTS, Cohort, Ended, Progress
from jfnn.core.engine.interrupts import raise_interrupt
from jfnn.core.engine.program import Members
from jfnn.core.engine.state import Evaluation, Outcome, RunState, Scores, Snapshot
from jfnn.core.engine.trainer import Trainer
from jfnn.params import Params
from jfnn.schedulers.scheduler import Actions, Report

Save = Callable[[RunState, bool], None]  # (state, whether it must be saved now)
Callback = Callable[[RunState], np.ndarray]  # state -> mask of the members to stop [members]


def first_state(trainer: Trainer) -> RunState:
    """Return the state before the first epoch; programs compile meanwhile."""
    cohort = trainer.cohort
    size = cohort.members
    hyper = cohort.hyper()
    members = trainer.start(cohort.hyper_at_start())
    nowhere = np.full(size, -1, np.int32)
    ended = cohort.ended or Ended(nowhere, nowhere, np.zeros(size, bool))
    diverged_at, stopped_at, pruned = map(np.copy, ended)
    keeps_best = any(scheduler.keeps_best for scheduler in cohort.schedulers)
    keeps_evaluations = cohort.recording.keep_params == "evaluations"
    params, hyper = jax.tree.map(np.copy, (members.state.params, hyper))
    snapshot = Snapshot(np.full(size, -1, np.int32), np.full(size, np.nan), params, hyper)
    no_scores = np.zeros((0, size, len(PARTS)))
    epochs = cohort.epochs - cohort.first_epoch if cohort.keeps_objectives else 0
    return RunState(
        epoch=cohort.first_epoch,
        members=members._replace(diverged_at=diverged_at),
        hyper=hyper,
        stopped_at=stopped_at,
        pruned=pruned,
        snapshot=snapshot if keeps_best else None,
        schedulers=tuple(
            scheduler.init(cohort.n_cells, len(cohort.replicates)) for scheduler in cohort.schedulers
        ),
        history=Evaluation(
            np.zeros(0, np.int64),
            {metric.name: no_scores for metric in cohort.learner.metrics},
            jax.tree.map(lambda leaf: leaf[None][:0], params) if keeps_evaluations else None,
        ),
        objectives={
            name: np.full((epochs, size), np.nan, cohort.data.dtype)
            for name in (cohort.learner.step_values if epochs else ())
        },
    )


def run_to_end(
    trainer: Trainer,
    state: RunState,
    save: Save = lambda state, now: None,
    callback: Callback | None = None,
) -> Outcome:
    """Train a cohort from a state to its last epoch, and score it if its learner has metrics.

    Without schedulers, members are trained in place: even if the run is interrupted, ``state`` is current.

    Args:
        trainer: The trainer.
        state: From `first_state`, or saved.
        save: Called at each return to the host, with a state that does not change during the call. It is no
            longer called once an executor has given up on members: they can be retried from the last save.
        callback: Called at each return to the host, before ``save``; returns the mask of members to stop.
    """
    started = time.perf_counter()
    cohort = trainer.cohort
    trainer.listener.training(state.epoch, cohort.epochs)
    best: float | None = None
    scores: Scores | None = None
    while state.epoch < cohort.epochs and state.active.any():
        end, evaluates = _next_return(trainer, state.epoch)
        recorded = cohort.evaluations(state.epoch, end)
        scored = recorded
        if cohort.learner.metrics and (evaluates or end == cohort.epochs):
            scored = sorted({*recorded, end})
        evaluations = trainer.advance(state, end, scored)
        state = state._replace(epoch=end, history=_extend_history(state, recorded, evaluations))
        scores = evaluations[end].scores if end in evaluations else None
        if scored:
            ranks = cohort.ranking.of(evaluations[scored[-1]].scores)
            best = None if np.isnan(ranks).all() else float(np.nanmax(ranks))
        if scores is not None and evaluates:
            members = state.members
            hyper = state.hyper
            state = act(cohort, state, scores)
            if state.members is not members or state.hyper is not hyper:
                scores = None  # outdated: members were replaced by copies, or have other hyperparameters
        if callback is not None:
            stopped_at = np.where(state.active & callback(state), np.int32(state.epoch), state.stopped_at)
            state = state._replace(stopped_at=stopped_at)
        _return_to_host(trainer, state, best, save)
    params, epochs, scores = _final_params_and_scores(trainer, state, scores)
    diverged_at = state.members.diverged_at
    for values in state.objectives.values():
        epoch = cohort.first_epoch + np.arange(len(values))
        values[(epoch[:, None] > diverged_at) & (diverged_at >= 0)] = np.nan
    seconds = time.perf_counter() - started
    return Outcome(state, params, epochs, scores, trainer.failures, trainer.compile_seconds, seconds)


def _next_return(trainer: Trainer, epoch: int) -> tuple[int, bool]:
    """Return the epoch of the next return to the host, and whether it is an evaluation.

    With schedulers or a progress callback, each evaluation is a return. Otherwise tiles are scored when they
    get there, without waiting for each other.
    """
    cohort = trainer.cohort
    end = min(trainer.next_call_end(epoch), cohort.epochs)
    if not cohort.schedulers and cohort.recording.on_return is None:
        return end, False
    first = cohort.first_epoch
    evaluations = [
        first + scheduler.next_epoch(epoch - first, cohort.n_cells, cohort.epochs - first)
        for scheduler in cohort.schedulers
    ]
    evaluations += cohort.evaluations(epoch, end)[:1]
    end = min([*evaluations, end])
    if end <= epoch:
        raise ArgumentError("schedulers", f"expected a next epoch above {epoch}, got {end}")
    return end, end in evaluations


def _return_to_host(trainer: Trainer, state: RunState, best: float | None, save: Save) -> None:
    """Report progress and save the state, which does not change meanwhile.

    The state must be saved if the run ends here, by Ctrl-C or by `sys.exit` in the callback.
    """
    cohort = trainer.cohort

    def save_whole(now: bool) -> None:
        if not trainer.failures:
            save(state, now)

    try:
        on_return = cohort.recording.on_return
        if on_return is not None:
            training = int(state.active.sum())
            on_return(Progress(state.epoch, cohort.epochs, training, cohort.members, best))
        raise_interrupt()
        save_whole(False)
    except (KeyboardInterrupt, SystemExit):
        save_whole(True)
        raise


def _extend_history(
    state: RunState, epochs: Sequence[int], evaluations: Mapping[int, Evaluation]
) -> Evaluation:
    """Append evaluations to the history, up to the first one by which all members have diverged.

    The members have already been trained beyond ``state.epoch``; ``epochs`` are the ones to record since.
    """
    reached = [
        epoch
        for before, epoch in itertools.pairwise([state.epoch, *epochs])
        if not state.diverged(before).all()
    ]
    if not reached:
        return state.history
    longer: Evaluation = jax.tree.map(
        lambda old, *new: np.concatenate([old, np.stack(new)]),
        state.history,
        *(evaluations[epoch] for epoch in reached),
    )
    return longer


def _final_params_and_scores(
    trainer: Trainer, state: RunState, last: Scores | None
) -> tuple[Params, np.ndarray, Scores]:
    """Return final parameters of all members, the epochs that they were trained for, and their scores.

    ``last`` has scores from the last call, NaN for members that had diverged or stopped; or None.
    """
    diverged_at = state.members.diverged_at
    finite = missing = diverged_at < 0
    params = state.members.state.params
    hyper = state.hyper
    epochs = np.where(finite, np.where(state.stopped_at < 0, state.epoch, state.stopped_at), diverged_at)
    if last is not None and state.epoch == trainer.cohort.epochs:
        missing = finite & (state.stopped_at >= 0)  # members that trained to the end have just been scored
    if state.snapshot is not None:
        in_snapshot = state.snapshot.epoch >= 0
        missing = missing | (in_snapshot & finite)
        epochs = np.where(in_snapshot, state.snapshot.epoch, epochs)
        params, hyper = jax.tree.map(
            lambda kept, now: np.where(in_snapshot.reshape(-1, *(1,) * (now.ndim - 1)), kept, now),
            (state.snapshot.params, state.snapshot.hyper),
            (params, hyper),
        )
    if last is not None and not missing.any():
        return params, epochs, last
    scores = trainer.evaluate(params, hyper, missing)
    if last is not None:
        scores = {name: np.where(missing[:, None], new, last[name]) for name, new in scores.items()}
    return params, epochs, scores


def act(cohort: Cohort, state: RunState, scores: Scores) -> RunState:
    """Let every scheduler act on the scores, one after the other, and return the new state."""
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
            expected = f"expected (state, jfnn.schedulers.Actions(…)) from {type(scheduler).__name__}.update"
            raise ArgumentTypeError("schedulers", f"{expected}, got {checks.as_text(given)}", scheduler)
        memories[i], actions = given
        state = _apply(state, actions, score)
    return state._replace(schedulers=tuple(memories))


def _last_objective(cohort: Cohort, state: RunState) -> np.ndarray:
    """Return the mean objective of each member in the last epoch, if it is kept."""
    if not state.objectives:
        return np.zeros(0)
    return np.asarray(state.objectives["objective"][state.epoch - cohort.first_epoch - 1], np.float64)


def _score_of_end(state: RunState, score: np.ndarray) -> np.ndarray:
    """Return the score of the parameters that each member would end with."""
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
        # A diverged member that copies a finite one trains again.
        state = state._replace(members=Members(copies, members.diverged_at[source]))
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
    """Keep the current parameters of some members, in place."""
    snapshot.epoch[which] = state.epoch
    snapshot.score[which] = score[which]
    trees = (state.members.state.params, state.hyper), (snapshot.params, snapshot.hyper)
    for now, old in zip(*map(jax.tree.leaves, trees), strict=True):
        old[which] = now[which]
