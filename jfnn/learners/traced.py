"""A learner with custom functions, as they were when a run began."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.identity.code import checksum, code_checksum, what_is_unknown
from jfnn.identity.naming import is_of_jfnn
from jfnn.identity.traces import Trace, shapes_of
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Data, Hyper, Rows, StepValues
from jfnn.learners.learner import Learner
from jfnn.learners.shapes import row_shapes
from jfnn.numerics.compiling import key_shape
from jfnn.optimizers import State


class Shapes(NamedTuple):
    """The shapes of a run, for which functions are traced.

    Attributes:
        params: Shapes and dtypes of a member's parameters, in the engine's form.
        rows: Shapes and dtypes of all rows.
        hyper: Names of a member's numbers.
        dtype: Dtype of these numbers, and of weights.
        steps: Each number of rows that a step may have.
        weighted: Whether steps have weights.
        scored: Each number of rows that may be scored at a time.
    """

    params: Params
    rows: Rows
    hyper: tuple[str, ...]
    dtype: np.dtype
    steps: tuple[int, ...]
    weighted: bool
    scored: tuple[int, ...]


class Traced(Learner):
    """A learner's functions as JAX traced them for the shapes of one run; its other methods are not traced.

    It is bound to its data and has its schedule, so that `bind` and `with_schedule` give it as it is.
    Equal ones compute the same and share compiled programs, whatever functions they were traced from. In
    another process they are traced again, from the learner sent there, and must give the same traces.

    Attributes:
        shapes: The shapes of the run.
    """

    def __init__(self, untraced: Learner, shapes: Shapes):
        """Traces every function that the engine compiles of a learner that is bound to its data."""
        self._untraced = untraced
        self.shapes = shapes
        self.hyper = untraced.hyper
        self.numbers = untraced.numbers
        self.metrics = untraced.metrics
        self.ranked_by = untraced.ranked_by
        self.random = untraced.random
        self.start_factors = untraced.start_factors
        self.takes_weights = untraced.takes_weights
        self.terms = untraced.terms
        self.schedule_epochs = untraced.schedule_epochs
        self.keeps_memory = untraced.keeps_memory
        number = jax.ShapeDtypeStruct((), shapes.dtype)
        hyper = dict.fromkeys(shapes.hyper, number)
        key = key_shape() if untraced.random else None
        start = Trace(untraced.start, shapes.params, hyper)
        state = start.shapes
        traces = {("start", 0): start}
        for n in shapes.steps:
            weights = jax.ShapeDtypeStruct((n,), shapes.dtype) if shapes.weighted else None
            batch = Batch(row_shapes(shapes.rows, n), weights)  # type: ignore[arg-type]
            traces["step", n] = Trace(untraced.step, state, batch, hyper, key)
        for n in shapes.scored:
            traces["score", n] = Trace(untraced.score, state.params, row_shapes(shapes.rows, n), hyper)
        traces["end_epoch", 0] = Trace(untraced.end_epoch, state, state, hyper)
        self._traces = traces
        self._checksum = checksum([*(trace.checksum for trace in traces.values()), *self._on_the_host()])

    def _on_the_host(self) -> list[str]:
        """Checksums of functions that run as Python, or map over members by the learner's method."""
        kind = type(self.untraced)
        functions = (kind.pack, kind.unpack, kind.fits_last, kind.step_last)
        return [code_checksum(function, self.untraced) for function in functions if not is_of_jfnn(function)]

    @property
    def checksum(self) -> str:
        """Checksum of all traces, and of functions that run as Python."""
        return self._checksum

    @property
    def untraced(self) -> Learner:
        """The learner whose functions were traced."""
        return self._untraced

    @property
    def differentiable(self) -> bool:  # type: ignore[override]
        """`Learner.differentiable`, of the untraced learner: studies alone ask, and optimizers are tried."""
        return self.untraced.differentiable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Traced) and self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)

    def __reduce__(self) -> tuple[Any, ...]:
        if unknown := what_is_unknown(self.checksum):
            raise ArgumentError(
                "executor",
                f"cannot tell whether custom functions do the same in its workers ({unknown}, of which"
                " pickle takes nothing); make that object where it is used, or train without an executor",
            )
        return _again, (self.untraced, self.shapes, self.checksum)

    def init(self, key: jax.Array) -> Params:
        """`Learner.init`, not traced."""
        return self.untraced.init(key)

    def width(self) -> int:
        """`Learner.width`, of the untraced learner."""
        return self.untraced.width()

    @property
    def counts(self) -> Mapping[str, int]:
        """`Learner.counts`, of the untraced learner."""
        return self.untraced.counts

    def pack(self, params: Params) -> Params:
        """`Learner.pack`, not traced."""
        return self.untraced.pack(params)

    def unpack(self, params: Params) -> Params:
        """`Learner.unpack`, not traced."""
        return self.untraced.unpack(params)

    def fits_last(self, platform: str, members: int, batch: int, separate: bool) -> bool:
        """`Learner.fits_last`, not traced."""
        return self.untraced.fits_last(platform, members, batch, separate)

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, separate: bool
    ) -> tuple[State, StepValues]:
        """`Learner.step_last`, not traced."""
        return self.untraced.step_last(states, batch, hyper, key, separate)

    def describe(self) -> dict[str, Any]:
        """`Learner.describe`, not traced."""
        return self.untraced.describe()

    def start(self, params: Params, hyper: Hyper) -> Any:
        """`Learner.start`, as traced."""
        return self._traces["start", 0](params, self._hyper(hyper))

    def step(self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None) -> Any:
        """`Learner.step`, as traced."""
        return self._traces["step", _length(batch.rows)](state, batch, self._hyper(hyper), key)

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> Any:
        """`Learner.score`, as traced."""
        return self._traces["score", _length(rows)](params, rows, self._hyper(hyper))

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> Any:
        """`Learner.end_epoch`, as traced."""
        return self._traces["end_epoch", 0](before, after, self._hyper(hyper))

    def _hyper(self, hyper: Hyper) -> Hyper:
        return {name: hyper[name] for name in self.shapes.hyper}


def traced(
    learner: Learner, params: Params, data: Data, hyper: Sequence[str], steps: Sequence[int], weighted: bool
) -> Learner:
    """The learner as it is now: itself where all its functions are registered ones, else `Traced`.

    It is bound to the data; ``steps`` are rows of a step, of which sizes may occur several times.
    """
    if learner.is_registered:
        return learner
    names = tuple(sorted(hyper))
    sizes = tuple(sorted(set(steps)))
    shapes = Shapes(
        shapes_of(params), shapes_of(data.rows), names, data.dtype, sizes, weighted, (data.block,)
    )
    return Traced(learner, shapes)


def scoring(learner: Learner, rows: int) -> Learner:
    """The learner, traced for scoring blocks of this number of rows."""
    if not isinstance(learner, Traced) or rows in learner.shapes.scored:
        return learner
    shapes = learner.shapes._replace(scored=(*learner.shapes.scored, rows))
    return Traced(learner.untraced, shapes)


def _again(untraced: Learner, shapes: Shapes, before: str) -> Traced:
    """The learner traced anew in another process.

    Raises:
        ValueError: Functions do something else there.
    """
    again = Traced(untraced, shapes)
    if again.checksum != before:
        raise ArgumentError(
            "executor",
            "custom functions do something else in its workers than here: a module there has"
            " other code, or other values; start the workers anew, or with Dask call client.upload_file"
            " again",
        )
    return again


def _length(rows: Rows) -> int:
    return len(jax.tree.leaves(rows)[0])
