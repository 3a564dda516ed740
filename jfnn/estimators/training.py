"""Fits trained side by side by the engine: one run for all that share rows, start and structure."""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.engine import forms, loop, plan
from jfnn.engine.plan import CallLength, Hardware
from jfnn.engine.state import RunState
from jfnn.engine.trainer import Trainer
from jfnn.estimators.fit import Carry, Fit, Optimizer, Trained
from jfnn.estimators.held_out import Scoring, hold_out
from jfnn.estimators.learner import ROOM, PerceptronLearner
from jfnn.estimators.order import Order
from jfnn.experiment.axes import Axes
from jfnn.experiment.experiment import PARTS, Experiment, Replicate
from jfnn.learners.data import Data

# Work of one member in a call, in floating-point operations: fits that have ended leave where a call ends, so
# that a long one trains some in vain; one of few steps of a small network is not worth the way to the device.
CALL_WORK = 2e9
CALL_STEPS = (64, 1024)
TWO_BYTES = 1_000_000  # two members in so much train in 0.85 to 0.95 of the time of one after the other
# Called for each epoch with its loss, the score of held-out rows or None, and the learning rate after it.
Tell = Callable[[float, float | None, float], None]


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
    run = _Run(fits)
    experiment = run.experiment()
    hardware = _hardware(experiment)
    hardware = hardware if threads is None else hardware._replace(threads=tuple(threads))
    operations = 6 * sum(a * b for a, b in itertools.pairwise(run.structure.sizes)) * run.order.batch
    steps = int(np.clip(CALL_WORK / operations, *CALL_STEPS))
    trainer = Trainer(experiment, hardware, CallLength(steps=steps, most_epochs=ROOM, calls=1))
    state = loop.start(trainer)
    optimizer = fits[0].carry.optimizer
    if optimizer is not None and optimizer.state is not None:
        memory = state.members.state.memory.optimizer
        for leaf, before in zip(*map(jax.tree.leaves, (memory, optimizer.state)), strict=True):
            leaf[...] = before
    curves = run.advance(trainer, state, tell)
    run.order.rewind(len(curves[0]))
    return [run.result(i, state, curve) for i, curve in enumerate(curves)]


def _hardware(experiment: Experiment) -> Hardware:
    """The engine's choice, but for two members side by side where it has one and two are still small."""
    hardware, (replicate,) = forms.hardware(experiment, alone=True), experiment.replicates
    parameters = sum(leaf.size for leaf in jax.tree.leaves(replicate.params))
    width, itemsize = experiment.learner.width(), experiment.data.dtype.itemsize
    two = 2 * plan.member_bytes(parameters, width, replicate.rows_a_step, itemsize)
    form = hardware.form._replace(width=2, own=False)
    return hardware._replace(form=form) if hardware.form.width == 1 and two <= TWO_BYTES else hardware


class _Run:
    """Fits that differ by their numbers alone, with their rows and minibatches.

    Attributes:
        structure: Their structure.
        data: Rows to train on, then held-out ones.
        order: Minibatches of both.
        scoring: The score of the held-out rows, or None.
        learner: The learner.
    """

    def __init__(self, fits: Sequence[Fit]):
        """Draws held-out rows from the stream of the first fit."""
        self.fits, fit = fits, fits[0]
        self.structure = structure = fit.structure
        rows, held_out = hold_out(fit)
        self.scoring = Scoring.for_rows(rows, held_out, structure.output) if held_out else None
        n = len(rows.x) - held_out
        random = fit.random if structure.shuffle else None
        self.order = Order(n, held_out, structure.rows_a_step(n), random)
        dtype = jax.dtypes.canonicalize_dtype(rows.x.dtype)  # float64 where rows are and JAX has it
        arrays = [rows.x, rows.targets, *([self.scoring.scales] if self.scoring else [])]
        weights = None if rows.weights is None else np.asarray(rows.weights, dtype)
        self.data = Data(tuple(np.asarray(array, dtype) for array in arrays), len(rows.x), weights)
        self.learner = PerceptronLearner(structure)

    def experiment(self) -> Experiment:
        """The fits as cells of one replicate."""
        order, data, (fit, *_) = self.order, self.data, self.fits
        columns = {name: np.array([fit.numbers[name] for fit in self.fits]) for name in fit.numbers}
        carry, best, rate = fit.carry, fit.carry.best, fit.carry.optimizer and fit.carry.optimizer.rate
        if self.scoring is not None:
            best = -self.scoring.gain(-best)
            columns["tol"] = columns["tol"] * self.scoring.unit
        further: dict[str, Any] = {"rows": order.n, "steps": order.steps, "batch": order.batch}
        further |= {"best": best, "waiting": carry.waiting, "seen": carry.seen}
        further["rate"] = columns["learning_rate"] if rate is None else rate
        columns |= {name: np.full(len(self.fits), value) for name, value in further.items()}
        params = jax.tree.map(
            lambda leaf: np.ascontiguousarray(leaf, data.dtype), self.learner.pack(fit.start)
        )
        parts = dict.fromkeys(PARTS, np.arange(0)) | {"train": np.arange(data.n)}
        return Experiment(
            learner=self.learner,
            data=data,
            cells=Axes(columns, crossed=False),
            replicates=[Replicate(0, 0, params, order.minibatches, parts, 0)],
            epochs=int(columns["max_iter"].max()),
        )

    def advance(self, trainer: Trainer, state: RunState, tell: Tell | None) -> list[list[np.ndarray]]:
        """Trains all members to their ends, in place; loss, cost and rate after each epoch of each."""
        memory = state.members.state.memory
        curves: list[list[np.ndarray]] = [[] for _ in memory.epoch]
        last = trainer.experiment.epochs
        try:
            while state.epoch < last and state.active.any():
                before, reported = state.epoch, len(curves[0])
                end = min(trainer.next_call_end(before), last)
                trainer.advance(state, end)
                state = state._replace(epoch=end)
                for latest, curve, epochs in zip(memory.curve, curves, memory.epoch, strict=True):
                    curve += [np.array(latest[i % len(latest)]) for i in range(len(curve), epochs)]
                for member in np.flatnonzero(state.members.diverged_at >= before):
                    curves[member].append(np.array([np.nan, np.nan, memory.rate[member]]))
                state.stopped_at[memory.stopped] = memory.epoch[memory.stopped]
                for loss, cost, rate in curves[0][reported:] if tell is not None else ():
                    assert tell is not None
                    score = None if self.scoring is None else self.scoring.score(-float(cost))
                    tell(float(loss), score, float(rate))
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        return curves

    def result(self, i: int, state: RunState, curve: Sequence[np.ndarray]) -> Trained:
        """The result of fit ``i``, from all members and its curve."""
        members, scoring = state.members, self.scoring
        params, memory = jax.tree.map(lambda leaf: np.array(leaf[i]), tuple(members.state))
        best = float(memory.best)
        optimizer = memory.optimizer if len(self.fits) == 1 else None  # of many it takes twice their room
        return Trained(
            layers=self.learner.unpack(params if scoring is None else memory.best_params),
            losses=[float(loss) for loss, _, _ in curve],
            scores=[] if scoring is None else [scoring.score(-float(cost)) for _, cost, _ in curve],
            converged=bool(memory.converged),
            # Held-out rows keep the best epoch.
            diverged=scoring is None and bool(members.diverged_at[i] >= 0),
            carry=Carry(
                best=best if scoring is None else -scoring.score(-best),
                waiting=int(memory.waiting),
                seen=self.fits[i].carry.seen + len(curve) * self.order.n,
                optimizer=Optimizer(self.structure.solver, float(memory.rate), optimizer),
            ),
        )
