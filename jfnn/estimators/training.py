"""Train fits side by side by the engine: one run for all fits with equal rows, start and structure."""

import copy
import dataclasses
import itertools
import warnings
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import Cohort, Replicates
from jfnn.core.engine.devices import as_devices
from jfnn.core.engine.layouts import bytes_of_member, layout_for
from jfnn.core.engine.loop import first_state, run_to_end
from jfnn.core.engine.plan import CallLength, Layout
from jfnn.core.engine.state import RunState
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.tracing import functions_of
from jfnn.estimators.fit import Fit, FitRows, Solver, TrainedFit, check_numbers, check_rows
from jfnn.estimators.learner import CALL_EPOCHS, PerceptronLearner, SolverMemory
from jfnn.estimators.rows import Order, Scoring, hold_out
from jfnn.identity.traces import shapes_of
from jfnn.learners.data import Data

# Floating-point operations of one member per call. Fits that have ended are removed only between calls, so a
# long call wastes work; a call with few steps of a small network is not worth the overhead.
CALL_WORK = 2e9
CALL_STEPS = (64, 1024)
TWO_BYTES = 1_000_000  # up to this size, training two members side by side saves 5% to 15% of the time
Curve = list[np.ndarray]  # loss, cost and learning rate after each epoch


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class _SideBySide(Cohort):
    """Fits as members, which differ only in their numbers (name -> one per fit)."""

    numbers: dict[str, np.ndarray]

    @property
    def n_cells(self) -> int:
        """Number of fits."""
        return len(self.numbers["rows"])

    def hyper(self) -> dict[str, np.ndarray]:
        """Return the numbers, in the dtype of the arithmetic."""
        return {name: np.asarray(values, self.data.dtype) for name, values in self.numbers.items()}


def train(
    fits: Sequence[Fit],
    threads: Sequence[jax.Device] | None = None,
    tell: Callable[[float, float | None, float], None] | None = None,
    ends: Callable[[], bool] | None = None,
) -> list[TrainedFit]:
    """Train fits that differ only in their numbers.

    A fit gives the same bits beside any others and on any number of threads.

    Args:
        fits: The fits.
        threads: The device of each host thread; None for all.
        tell: Called for each epoch of the first fit, several at a time, with its loss, the score of held-out
            rows or None, and the learning rate after it.
        ends: Polled to see whether to end without a result. Without it, Ctrl-C ends the fits early with a
            warning, as in scikit-learn.

    Raises:
        KeyboardInterrupt: ``ends`` returned True, or Ctrl-C was pressed and ``ends`` is given.
        ValueError: Early stopping holds out fewer than two rows, all held-out or all training rows have
            weight 0, or float32 cannot hold the numbers.
    """
    fit = fits[0]
    check_rows(fit)
    for one in fits:
        check_numbers(one)
    random = copy.deepcopy(fit.random)
    rows, held_out = hold_out(fit, random)
    n = len(rows.x) - held_out
    rows, largest_weight = _with_weights_to_1(rows, n)
    scoring = Scoring.for_rows(rows, held_out, fit.structure.output) if held_out else None
    order = Order(n, held_out, fit.structure.rows_a_step(n), random, fit.structure.shuffle)
    numbers = _numbers(fits, order, scoring)
    for name in {"alpha", "l1"} & set(numbers):
        numbers[name] = numbers[name] / largest_weight
    learner = PerceptronLearner(fit.structure)
    data = _data(rows, scoring)
    start = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf, data.dtype), learner.pack(fit.start))
    members = _SideBySide(
        functions=functions_of(learner),
        data=data,
        replicates=Replicates(
            seeds=np.zeros(1, np.uint32),
            draw=lambda: jax.tree.map(lambda leaf: leaf[None], start),
            n_starts=1,
            start_shapes=shapes_of(start),
            batches=order.minibatches,
            parts=[{"train": np.arange(data.n)}],
        ),
        epochs=int(numbers["max_iter"].max()),
        numbers=numbers,
    )
    if threads is None:
        threads = as_devices(None)
    operations = 6 * sum(a * b for a, b in itertools.pairwise(fit.structure.sizes)) * order.batch
    steps = int(np.clip(CALL_WORK / operations, *CALL_STEPS))  # per call; the host then reads the curve
    calls = CallLength(steps=steps, most_epochs=CALL_EPOCHS, calls=1)
    trainer = Trainer(members, threads, _layout(members, threads[0].platform), calls)
    state = first_state(trainer)
    memory: SolverMemory = state.members.state.memory
    if fit.optimizer is not None and fit.optimizer.state is not None:
        states = zip(*map(jax.tree.leaves, (memory.optimizer, fit.optimizer.state)), strict=True)
        for array, value in states:
            array[...] = value
    curves: list[Curve] = [[] for _ in fits]

    def at_return(state: RunState) -> np.ndarray:
        """Read the epochs since the last return (NaN for one that diverged), and return which fits ended."""
        if ends is not None and ends():
            raise KeyboardInterrupt
        reported = len(curves[0])
        for member, curve in enumerate(curves):
            for epoch in range(len(curve), int(memory.epoch[member])):
                curve.append(np.array(memory.curve[member, epoch % CALL_EPOCHS]))
            if len(curve) == state.members.diverged_at[member]:
                curve.append(np.array([np.nan, np.nan, memory.rate[member]]))
        for loss, cost, rate in curves[0][reported:]:
            if tell is not None:
                tell(float(loss), None if scoring is None else scoring.score(-float(cost)), float(rate))
        return np.asarray(memory.stopped)

    try:
        run_to_end(trainer, state, callback=at_return)
    except KeyboardInterrupt:
        if ends is not None:
            raise
        warnings.warn("Training interrupted by user.", stacklevel=2)
    return [_result(fits, i, state, curve, order, scoring) for i, curve in enumerate(curves)]


def _with_weights_to_1(rows: FitRows, n: int) -> tuple[FitRows, float]:
    """Scale the weights of the first ``n`` rows, and the others, to a maximum of 1; return the first maximum.

    Float32 can hold such weights whatever their scale was. The scale affects only the penalty, whose strength
    is divided by the sum of the weights.
    """
    if rows.weights is None:
        return rows, 1.0
    parts = np.split(rows.weights.astype(np.float64), [n])
    largest = [float(part.max(initial=0)) for part in parts]
    for part, most, what in zip(parts, largest, ("trains on", "holds out"), strict=True):
        if part.size and most == 0:
            raise ArgumentError("sample_weight", f"the rows that early stopping {what} all have weight 0")
        part /= most or 1.0
    return rows._replace(weights=np.concatenate(parts)), largest[0]


def _data(rows: FitRows, scoring: Scoring | None) -> Data:
    """Convert rows to the engine's form, in float64 if they are and JAX supports it."""
    dtype = jax.dtypes.canonicalize_dtype(rows.x.dtype)
    arrays = [rows.x, rows.targets]
    if scoring is not None:
        arrays.append(scoring.scales)
    numbers = tuple(np.asarray(array, dtype) for array in arrays)
    flags = () if scoring is None else (scoring.held_out,)
    weights = None if rows.weights is None else np.asarray(rows.weights, dtype)
    return Data((*numbers, *flags), len(rows.x), weights)


def _numbers(fits: Sequence[Fit], order: Order, scoring: Scoring | None) -> dict[str, np.ndarray]:
    """Return the learner's numbers, name -> one per fit; all but the structure's are the first fit's."""
    fit = fits[0]
    shared = {
        "rows": order.n,
        "steps": order.steps,
        "batch": order.batch,
        "best": fit.best if scoring is None else -scoring.gain(-fit.best),
        "waiting": fit.waiting,
        "seen": fit.seen,
    }
    if fit.optimizer is not None:
        shared["rate"] = fit.optimizer.learning_rate
    numbers = {name: np.array([one.numbers[name] for one in fits]) for name in fit.numbers}
    if scoring is not None:
        numbers["tol"] = numbers["tol"] * scoring.unit
    numbers["rate"] = numbers["learning_rate_init"]
    return numbers | {name: np.full(len(fits), value) for name, value in shared.items()}


def _layout(members: Cohort, platform: str) -> Layout:
    """Return the engine's layout, or two members side by side if it has one but two are still small."""
    layout = layout_for(members, platform, widest=True)
    two = 2 * bytes_of_member(members, int(members.replicates.sources.batch[0]))
    if layout.width > 1 or two > TWO_BYTES:
        return layout
    return Layout(2)


def _result(
    fits: Sequence[Fit], i: int, state: RunState, curve: Curve, order: Order, scoring: Scoring | None
) -> TrainedFit:
    members = state.members
    params, memory = jax.tree.map(lambda leaf: np.array(leaf[i]), tuple(members.state))
    best = float(memory.best)
    structure = fits[i].structure
    optimizer = memory.optimizer if len(fits) == 1 else None  # for many fits it would double their memory
    return TrainedFit(
        layers=PerceptronLearner(structure).unpack(params if scoring is None else memory.best_params),
        losses=[float(loss) for loss, _, _ in curve],
        scores=[] if scoring is None else [scoring.score(-float(cost)) for _, cost, _ in curve],
        converged=bool(memory.converged),
        # With held-out rows, the parameters of the best epoch are kept, so a fit does not count as diverged.
        diverged=scoring is None and bool(members.diverged_at[i] >= 0),
        rows=order.n,
        best=best if scoring is None else -scoring.score(-best),
        waiting=int(memory.waiting),
        optimizer=Solver(structure.solver, float(memory.rate), optimizer),
        stream=order.stream_after(len(curve)),
    )
