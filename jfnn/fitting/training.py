"""Fits trained side by side by the engine: one run for all that share rows, start and structure."""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.engine import devices, loop, plan
from jfnn.engine.plan import CallLength, Hardware
from jfnn.engine.state import RunState
from jfnn.engine.trainer import Trainer
from jfnn.experiment.axes import Axes
from jfnn.experiment.experiment import PARTS, Experiment, Replicate
from jfnn.fitting import draws
from jfnn.fitting.fit import Before, Fit, Trained
from jfnn.fitting.learner import PerceptronLearner
from jfnn.fitting.scoring import Scoring, scoring
from jfnn.layers.kind import Params
from jfnn.learners.data import Data

ROOM = 128  # epochs of a call at most
# Work of one member in a call, in floating-point operations: fits that have ended leave where a call ends, so
# that a long one trains some in vain; one of few steps of a small network is not worth the way to the device.
CALL_WORK = 2e9
CALL_STEPS = (64, 1024)
TWO_BYTES = 1_000_000  # two members in so much train in 0.85 to 0.95 of the time of one after the other
# Called for each epoch with its loss, the score of held-out rows or None, and the learning rate after it.
Tell = Callable[[float, float | None, float], None]


class _Work(NamedTuple):
    """Rows and minibatches of fits, drawn.

    Attributes:
        data: Rows to train on, then held-out ones.
        order: Their minibatches.
        scoring: The score of the held-out rows, or None.
    """

    data: Data
    order: draws.Order
    scoring: Scoring | None


def train(
    fits: Sequence[Fit], threads: Sequence[jax.Device] | None = None, tell: Tell | None = None
) -> list[Trained]:
    """Trains fits that differ by their numbers alone.

    A fit has the same bits beside any others, on any number of threads. Their stream of random numbers is
    left where scikit-learn would leave it after the first fit.

    Args:
        fits: The fits.
        threads: The device of each host thread; None for all.
        tell: Called for each epoch of the first fit, some at a time.

    Raises:
        ValueError: Fewer than two rows are held out for early stopping.
    """
    structure = fits[0].structure
    work = _draw(fits[0])
    learner = PerceptronLearner(structure, ROOM)
    experiment = _experiment(learner, work, fits)
    hardware = _hardware(experiment)
    hardware = hardware if threads is None else hardware._replace(threads=tuple(threads))
    operations = 6 * sum(a * b for a, b in itertools.pairwise(structure.sizes)) * work.order.batch
    steps = int(np.clip(CALL_WORK / operations, *CALL_STEPS))
    trainer = Trainer(experiment, hardware, CallLength(steps=steps, most_epochs=ROOM, calls=1))
    state = loop.start(trainer)
    if fits[0].before.optimizer is not None:
        memory = state.members.state.memory.optimizer
        for leaf, before in zip(*map(jax.tree.leaves, (memory, fits[0].before.optimizer)), strict=True):
            leaf[...] = before
    curves = _advance(trainer, state, work.scoring, tell)
    work.order.rewind(len(curves[0]))
    return _results(learner, state, curves, work, fits)


def _draw(fit: Fit) -> _Work:
    """Draws held-out rows, and readies minibatches."""
    structure, rows, held_out, judged = fit.structure, fit.rows, None, None
    if structure.validation is not None:
        rows, held_out = draws.hold_out(rows, structure.validation, fit.random, fit.stratified)
        judged = scoring(rows, held_out, structure.output)
    n, m = len(rows.x), 0 if held_out is None else len(held_out.x)
    order = draws.Order(n, m, structure.rows_a_step(n), fit.random if structure.shuffle else None)
    dtype = jax.dtypes.canonicalize_dtype(rows.x.dtype)  # float64 where rows are and JAX has it
    joined = rows if held_out is None else rows.join(held_out)
    arrays = [joined.x, joined.targets, *([] if judged is None else [judged.scales])]
    weights = None if joined.weights is None else np.asarray(joined.weights, dtype)
    return _Work(Data(tuple(np.asarray(array, dtype) for array in arrays), n + m, weights), order, judged)


def _hardware(experiment: Experiment) -> Hardware:
    """The engine's choice, but for two members side by side where it has one and two are still small."""
    hardware, (replicate,) = devices.hardware(experiment, alone=True), experiment.replicates
    parameters = sum(leaf.size for leaf in jax.tree.leaves(replicate.params))
    width, itemsize = experiment.learner.width(), experiment.data.dtype.itemsize
    two = 2 * plan.member_bytes(parameters, width, replicate.rows_a_step, itemsize)
    form = hardware.form._replace(width=2, own=False)
    return hardware._replace(form=form) if hardware.form.width == 1 and two <= TWO_BYTES else hardware


def _experiment(learner: PerceptronLearner, work: _Work, fits: Sequence[Fit]) -> Experiment:
    data, order, before = work.data, work.order, fits[0].before
    columns = {name: np.array([fit.numbers[name] for fit in fits]) for name in fits[0].numbers}
    further: dict[str, float] = {"rows": order.n, "steps": order.steps, "batch": order.batch}
    further |= {"best": before.best, "waiting": before.waiting, "seen": before.seen}
    if work.scoring is not None:
        further["best"] = -work.scoring.gain(before.best_score)
        columns["tol"] = columns["tol"] * work.scoring.unit
    rate = columns["learning_rate"] if before.rate is None else np.full(len(fits), before.rate)
    columns |= {name: np.full(len(fits), value) for name, value in further.items()} | {"rate": rate}
    params = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf, data.dtype), learner.pack(fits[0].start))
    parts = dict.fromkeys(PARTS, np.arange(0)) | {"train": np.arange(data.n)}
    return Experiment(
        learner=learner,
        data=data,
        cells=Axes(columns, crossed=False),
        replicates=[Replicate(0, 0, params, order.minibatches, parts, 0)],
        epochs=int(columns["max_iter"].max()),
    )


def _advance(
    trainer: Trainer, state: RunState, judged: Scoring | None, tell: Tell | None
) -> list[list[np.ndarray]]:
    """Trains all members to their ends, in place; loss, cost and rate after each epoch of each."""
    memory = state.members.state.memory
    curves: list[list[np.ndarray]] = [[] for _ in memory.epoch]
    last = trainer.experiment.epochs
    try:
        while state.epoch < last and state.active.any():
            before, told = state.epoch, len(curves[0])
            end = min(trainer.next_call_end(before), last)
            trainer.advance(state, end)
            state = state._replace(epoch=end)
            for kept, curve, done in zip(memory.curve, curves, memory.epoch, strict=True):
                curve += [np.array(kept[i % len(kept)]) for i in range(len(curve), done)]
            for member in np.flatnonzero(state.members.diverged_at >= before):
                curves[member].append(np.array([np.nan, np.nan, memory.rate[member]]))
            state.stopped_at[memory.stopped] = memory.epoch[memory.stopped]
            for loss, cost, rate in curves[0][told:] if tell is not None else ():
                assert tell is not None
                tell(float(loss), None if judged is None else judged.score(-float(cost)), float(rate))
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    return curves


def _results(
    learner: PerceptronLearner,
    state: RunState,
    curves: list[list[np.ndarray]],
    work: _Work,
    fits: Sequence[Fit],
) -> list[Trained]:
    memory, judged, results = state.members.state.memory, work.scoring, []
    params: Params = learner.unpack(state.members.state.params if judged is None else memory.kept)
    for i, (fit, curve) in enumerate(zip(fits, curves, strict=True)):
        best = float(memory.best[i])
        after = Before(
            best=best if judged is None else np.inf,
            best_score=-np.inf if judged is None else judged.score(-best),
            waiting=int(memory.waiting[i]),
            seen=fit.before.seen + len(curve) * work.order.n,
            rate=float(memory.rate[i]),
            optimizer=_member(memory.optimizer, i),
        )
        results.append(
            Trained(
                layers=_member(params, i),
                losses=[float(loss) for loss, _, _ in curve],
                scores=[] if judged is None else [judged.score(-float(cost)) for _, cost, _ in curve],
                converged=bool(memory.converged[i]),
                # Held-out rows keep what was best before.
                diverged=judged is None and bool(state.members.diverged_at[i] >= 0),
                after=after,
            )
        )
    return results


def _member(tree: Any, i: int) -> Any:
    return jax.tree.map(lambda leaf: np.array(leaf[i]), tree)
