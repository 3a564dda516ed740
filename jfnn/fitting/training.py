"""Fits trained side by side by the engine: one run for all that share rows, start and structure."""

import dataclasses
import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.engine import devices, loop, plan
from jfnn.engine.plan import CallLength, Hardware
from jfnn.engine.state import RunState
from jfnn.engine.trainer import Trainer
from jfnn.experiment.axes import Axes
from jfnn.experiment.experiment import PARTS, Experiment, Ranking, Replicate
from jfnn.experiment.settings import Execution
from jfnn.fitting.group import GoesOn, Group, Trained
from jfnn.fitting.held_out import EarlyStop, metric
from jfnn.fitting.learner import PerceptronLearner
from jfnn.fitting.structure import Rows
from jfnn.layers.kind import Params
from jfnn.learners.data import Data
from jfnn.learners.learner import Learner
from jfnn.minibatches import Minibatches

ROOM = 128  # epochs of a call at most
# Work of one member in a call, in floating-point operations: fits that have ended leave where a call ends, so
# that a long one trains some in vain; one of few steps of a small network is not worth the way to the device.
CALL_WORK = 2e9
CALL_STEPS = (64, 1024)
TWO_BYTES = 1_000_000  # two members in so much train in 0.85 to 0.95 of the time of one after the other
# Called for each epoch with its loss, the score of rows held out or None, and the learning rate after it.
Tell = Callable[[float, float | None, float], None]


def train(
    group: Group, threads: Sequence[jax.Device] | None = None, tell: Tell | None = None
) -> list[Trained]:
    """Trains the fits of a group.

    A fit has the same bits in any group, on any number of threads.

    Args:
        group: The fits.
        threads: The device of each host thread; None for all.
        tell: Called for each epoch of the first fit, some at a time where rates do not adapt.
    """
    order, structure = group.order, group.structure
    work = 6 * sum(a * b for a, b in itertools.pairwise(structure.sizes)) * order.batch
    calls = CallLength(steps=int(np.clip(CALL_WORK / work, *CALL_STEPS)), most_epochs=ROOM, calls=1)
    learner = PerceptronLearner(structure, ROOM)
    dtype = _dtype(group.rows)
    params = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf, dtype), learner.pack(group.start))
    replicate = Replicate(0, 0, params, order.minibatches, _parts(order.n), 0)
    experiment = _experiment(learner, group.rows, replicate, group)
    hardware = _hardware(experiment)
    hardware = hardware if threads is None else hardware._replace(threads=tuple(threads))
    trainer = Trainer(experiment, hardware, calls)
    state = loop.start(trainer)
    if group.goes_on.optimizer is not None:
        memory = state.members.state.memory.optimizer
        for leaf, before in zip(*map(jax.tree.leaves, (memory, group.goes_on.optimizer)), strict=True):
            leaf[...] = before
    rule = None
    if group.held_out is not None:
        scorer = dataclasses.replace(learner, metrics=(metric(structure.output),))
        judged = Replicate(0, 0, params, Minibatches(None), _parts(len(group.held_out.x)), 0)
        rule = EarlyStop(Trainer(_experiment(scorer, group.held_out, judged, group), hardware), group, state)
    # Rates that adapt are told after each epoch; otherwise rows held out alone are looked at so often.
    by_epoch = rule is not None or (tell is not None and structure.schedule == "adaptive")
    losses = _advance(trainer, state, rule, tell, by_epoch)
    return _results(learner, state, losses, rule, group)


def _hardware(experiment: Experiment) -> Hardware:
    """The engine's choice, but for two members side by side where it has one and two are still small."""
    hardware, (replicate,) = devices.hardware(experiment, alone=True), experiment.replicates
    parameters = sum(leaf.size for leaf in jax.tree.leaves(replicate.params))
    width, itemsize = experiment.learner.width(), experiment.data.dtype.itemsize
    two = 2 * plan.member_bytes(parameters, width, replicate.rows_a_step, itemsize)
    form = hardware.form._replace(width=2, own=False)
    return hardware._replace(form=form) if hardware.form.width == 1 and two <= TWO_BYTES else hardware


def _dtype(rows: Rows) -> np.dtype:
    """Dtype of the arithmetic: float64 where rows are and JAX has it, else float32."""
    return np.dtype(jax.dtypes.canonicalize_dtype(rows.x.dtype))


def _parts(n: int) -> dict[str, np.ndarray]:
    """All rows to train on or to be judged by, and none held out of these."""
    return dict.fromkeys(PARTS, np.arange(0)) | {"train": np.arange(n)}


def _experiment(learner: Learner, rows: Rows, replicate: Replicate, group: Group) -> Experiment:
    dtype = _dtype(rows)
    x, targets = (np.asarray(array, dtype) for array in rows[:2])
    weights = None if rows.weights is None else np.asarray(rows.weights, dtype)
    order, before = group.order, group.goes_on
    rate = group.numbers["learning_rate"] if before.rate is None else before.rate
    further = {"rows": order.n, "steps": order.steps, "batch": order.batch, "rate": rate}
    further |= {"best": before.best, "waiting": before.waiting, "seen": before.seen}
    members = len(group.numbers["learning_rate"])
    columns = {name: np.broadcast_to(value, members) for name, value in {**group.numbers, **further}.items()}
    return Experiment(
        learner=learner,
        data=Data((x, targets), len(x), weights),
        cells=Axes(columns, crossed=False),
        constants={},
        of_replicates={},
        replicates=[replicate],
        seeds=[0],
        folds=None,
        epochs=int(group.numbers["max_iter"].max()),
        ranking=Ranking(0, learner.metrics[0].name, False),
        schedulers=(),
        execution=Execution(),
    )


def _advance(
    trainer: Trainer, state: RunState, rule: EarlyStop | None, tell: Tell | None, by_epoch: bool
) -> list[list[float]]:
    """Trains all members to their ends, in place; their losses."""
    memory = state.members.state.memory
    losses: list[list[float]] = [[] for _ in memory.epoch]
    last, told = trainer.experiment.epochs, 0
    try:
        while state.epoch < last and state.active.any():
            before = state.epoch
            end = before + 1 if by_epoch else min(trainer.next_call_end(before), last)
            trainer.advance(state, end)
            state = state._replace(epoch=end)
            for curve, of_member, done in zip(memory.curve, losses, memory.epoch, strict=True):
                of_member += [float(curve[i % len(curve)]) for i in range(len(of_member), done)]
            for member in np.flatnonzero(state.members.diverged_at >= before):
                losses[member].append(np.nan)
            if rule is not None:
                rule.after_epoch(state)
            state.stopped_at[memory.stopped] = memory.epoch[memory.stopped]
            if tell is not None:
                for loss in losses[0][told:]:
                    tell(loss, None if rule is None else rule.scores[0][-1], float(memory.rate[0]))
                told = len(losses[0])
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    return losses


def _results(
    learner: PerceptronLearner,
    state: RunState,
    losses: list[list[float]],
    rule: EarlyStop | None,
    group: Group,
) -> list[Trained]:
    memory = state.members.state.memory
    diverged = (state.members.diverged_at >= 0) & (rule is None)  # a rule keeps what was best before
    params: Params = learner.unpack(state.members.state.params if rule is None else rule.params)
    results = []
    for i, of_member in enumerate(losses):
        goes_on = GoesOn(
            best=float(memory.best[i]),
            best_score=-np.inf if rule is None else float(rule.best[i]),
            waiting=int(memory.waiting[i] if rule is None else rule.waiting[i]),
            seen=group.goes_on.seen + len(of_member) * group.order.n,
            rate=float(memory.rate[i]),
            optimizer=_of_member(memory.optimizer, i),
        )
        scores = [] if rule is None else rule.scores[i]
        results.append(
            Trained(
                _of_member(params, i),
                of_member,
                scores,
                bool(memory.converged[i]),
                bool(diverged[i]),
                goes_on,
            )
        )
    return results


def _of_member(tree: Any, i: int) -> Any:
    return jax.tree.map(lambda leaf: np.array(leaf[i]), tree)
