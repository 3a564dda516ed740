"""Fits trained side by side by the engine: one run for all that share rows, start and structure."""

import itertools
import warnings
from collections.abc import Callable, Sequence

import jax
import numpy as np
import optax

import jfnn.estimators.bounds as bounds
from jfnn.arguments.checks import ArgumentError
from jfnn.engine import layouts, loop
from jfnn.engine.devices import resolve
from jfnn.engine.plan import CallLength, Layout
from jfnn.engine.state import RunState
from jfnn.engine.trainer import Trainer
from jfnn.estimators.fit import Carry, Fit, Optimizer, Rows, Trained
from jfnn.estimators.held_out import Scoring, hold_out
from jfnn.estimators.learner import CALL_EPOCHS, Memory, PerceptronLearner
from jfnn.estimators.order import Order
from jfnn.experiment.experiment import Experiment, one_replicate
from jfnn.learners.data import Data

# Work of one member in a call, in floating-point operations: fits that have ended leave where a call ends, so
# that a long one trains some in vain; one of few steps of a small network is not worth the way to the device.
CALL_WORK = 2e9
CALL_STEPS = (64, 1024)
TWO_BYTES = 1_000_000  # two members in so much train in 0.85 to 0.95 of the time of one after the other
# Called for each epoch with its loss, the score of held-out rows or None, and the learning rate after it.
Tell = Callable[[float, float | None, float], None]
Curve = list[np.ndarray]  # loss, cost and learning rate after each epoch


def train(
    fits: Sequence[Fit],
    threads: Sequence[jax.Device] | None = None,
    tell: Tell | None = None,
    ends: Callable[[], bool] | None = None,
) -> list[Trained]:
    """Trains fits that differ only by their numbers.

    A fit has the same bits beside any others, on any number of threads. Their stream of random numbers is
    left where scikit-learn would leave it after the first fit.

    Args:
        fits: The fits.
        threads: The device of each host thread; None for all.
        tell: Called for each epoch of the first fit, some at a time.
        ends: Asked now and then whether to end without a result. Without it Ctrl-C cuts the fits short, with
            a warning, as it does scikit-learn's.

    Raises:
        KeyboardInterrupt: ``ends`` says so, or Ctrl-C was pressed where it is given.
        ValueError: Fewer than two rows are held out for early stopping, or these or the others weigh nothing;
            or float32 cannot hold the numbers.
    """
    fit = fits[0]
    error = bounds.of_rows(fit) or next(filter(None, map(bounds.of_numbers, fits)), None)
    if error is not None:
        raise error
    rows, held_out = hold_out(fit)
    n = len(rows.x) - held_out
    rows, largest_weight = _with_weights_to_1(rows, n)
    scoring = Scoring.for_rows(rows, held_out, fit.structure.output) if held_out else None
    random = fit.random if fit.structure.shuffle else None
    order = Order(n, held_out, fit.structure.rows_a_step(n), random)
    learner = PerceptronLearner(fit.structure)
    numbers = _numbers(fits, order, scoring)
    numbers["alpha"] = numbers["alpha"] / largest_weight
    epochs = int(numbers["max_iter"].max())
    data = _data(rows, scoring)
    experiment = one_replicate(learner, data, numbers, learner.pack(fit.start), order.minibatches, epochs)
    if threads is None:
        threads = resolve(None)
    layout = _layout(experiment, threads[0].platform)
    trainer = Trainer(experiment, threads, layout, _calls(fit, order))
    state = loop.start(trainer)
    memory: Memory = state.members.state.memory
    if fit.carry.optimizer is not None and fit.carry.optimizer.state is not None:
        _write(fit.carry.optimizer.state, memory.optimizer)
    curves: list[Curve] = [[] for _ in fits]

    def at_return(state: RunState) -> np.ndarray:
        """Reads the epochs since the last return, and says which fits have ended."""
        if ends is not None and ends():
            raise KeyboardInterrupt
        told = len(curves[0])
        _extend(curves, memory, state.members.diverged_at)
        for loss, cost, rate in curves[0][told:]:
            if tell is not None:
                tell(float(loss), None if scoring is None else scoring.score(-float(cost)), float(rate))
        return np.asarray(memory.stopped)

    try:
        loop.run(trainer, state, callback=at_return)
    except KeyboardInterrupt:
        if ends is not None:
            raise
        warnings.warn("Training interrupted by user.", stacklevel=2)
    order.rewind(len(curves[0]))
    return [_result(fits, i, state, curve, order.n, scoring) for i, curve in enumerate(curves)]


def _with_weights_to_1(rows: Rows, n: int) -> tuple[Rows, float]:
    """Rows whose largest weight is 1, and what it was: of the ``n`` to train on, and of the others apart.

    Float32 holds such weights whatever their scale, of which only the penalty's share depends, as
    its strength over the sum of weights.
    """
    if rows.weights is None:
        return rows, 1.0
    parts = np.split(rows.weights.astype(np.float64), [n])
    largest = [float(part.max(initial=0)) for part in parts]
    for part, most, what in zip(parts, largest, ("trains on", "holds out"), strict=True):
        if part.size and most == 0:
            raise ArgumentError("sample_weight", f"the rows that early stopping {what} all weigh 0")
        part /= most or 1.0
    return rows._replace(weights=np.concatenate(parts)), largest[0]


def _data(rows: Rows, scoring: Scoring | None) -> Data:
    """Rows as the engine takes them, in float64 where they are and JAX has it."""
    dtype = jax.dtypes.canonicalize_dtype(rows.x.dtype)
    arrays = [rows.x, rows.targets]
    if scoring is not None:
        arrays.append(scoring.scales)
    weights = None if rows.weights is None else np.asarray(rows.weights, dtype)
    return Data(tuple(np.asarray(array, dtype) for array in arrays), len(rows.x), weights)


def _numbers(fits: Sequence[Fit], order: Order, scoring: Scoring | None) -> dict[str, np.ndarray]:
    """The learner's numbers, name -> one a fit; all but `NUMBERS` are those of the first."""
    carry = fits[0].carry
    best = carry.best if scoring is None else -scoring.gain(-carry.best)
    shared = {
        "rows": order.n,
        "steps": order.steps,
        "batch": order.batch,
        "best": best,
        "waiting": carry.waiting,
        "seen": carry.seen,
    }
    numbers = {name: np.array([fit.numbers[name] for fit in fits]) for name in fits[0].numbers}
    if scoring is not None:
        numbers["tol"] = numbers["tol"] * scoring.unit
    numbers |= {name: np.full(len(fits), value) for name, value in shared.items()}
    rate = None if carry.optimizer is None else carry.optimizer.learning_rate
    numbers["rate"] = numbers["learning_rate_init"] if rate is None else np.full(len(fits), rate)
    return numbers


def _layout(experiment: Experiment, platform: str) -> Layout:
    """The engine's choice, but for two members side by side where it has one and two are still small."""
    layout = layouts.layout_for(experiment, platform, widest=True)
    two = 2 * layouts.bytes_of_member(experiment, int(experiment.replicates.sources.batch[0]))
    if layout.width > 1 or two > TWO_BYTES:
        return layout
    return layout._replace(width=2, separate=False)


def _calls(fit: Fit, order: Order) -> CallLength:
    """Calls after each of which the host reads the curve."""
    operations = 6 * sum(a * b for a, b in itertools.pairwise(fit.structure.sizes)) * order.batch
    steps = int(np.clip(CALL_WORK / operations, *CALL_STEPS))
    return CallLength(steps=steps, most_epochs=CALL_EPOCHS, calls=1)


def _write(values: optax.OptState, into: optax.OptState) -> None:
    """Writes the state of an optimizer into that of all members, in place."""
    for leaf, value in zip(jax.tree.leaves(into), jax.tree.leaves(values), strict=True):
        leaf[...] = value


def _extend(curves: Sequence[Curve], memory: Memory, diverged_at: np.ndarray) -> None:
    """Adds the epochs that members remember and curves lack; the one in which a member diverged is NaN."""
    for member, curve in enumerate(curves):
        for epoch in range(len(curve), int(memory.epoch[member])):
            curve.append(np.array(memory.curve[member, epoch % CALL_EPOCHS]))
        if len(curve) == diverged_at[member]:
            curve.append(np.array([np.nan, np.nan, memory.rate[member]]))


def _result(
    fits: Sequence[Fit], i: int, state: RunState, curve: Curve, rows: int, scoring: Scoring | None
) -> Trained:
    """The result of fit ``i``, from all members and its curve; ``rows`` is the number of rows an epoch."""
    members = state.members
    params, memory = jax.tree.map(lambda leaf: np.array(leaf[i]), tuple(members.state))
    best = float(memory.best)
    learner = PerceptronLearner(fits[i].structure)
    optimizer = memory.optimizer if len(fits) == 1 else None  # of many it takes twice their memory
    return Trained(
        layers=learner.unpack(params if scoring is None else memory.best_params),
        losses=[float(loss) for loss, _, _ in curve],
        scores=[] if scoring is None else [scoring.score(-float(cost)) for _, cost, _ in curve],
        converged=bool(memory.converged),
        # Held-out rows keep the best epoch.
        diverged=scoring is None and bool(members.diverged_at[i] >= 0),
        rows=rows,
        carry=Carry(
            best=best if scoring is None else -scoring.score(-best),
            waiting=int(memory.waiting),
            seen=fits[i].carry.seen + len(curve) * rows,
            optimizer=Optimizer(fits[i].structure.solver, float(memory.rate), optimizer),
        ),
    )
