"""What the engine compiles of a learner: its functions, or what JAX traced of them when a run began."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.identity.code import checksum, code_checksum, what_is_unknown
from jfnn.identity.naming import is_of_jfnn
from jfnn.identity.traces import Trace, shapes_of
from jfnn.learners.data import Batch, Data, Hyper, Rows, StepValues
from jfnn.learners.descent import DescentLearner
from jfnn.learners.learner import Learner
from jfnn.learners.shapes import row_shapes
from jfnn.numerics.selects import selecting
from jfnn.params import Params, State, key_shape

OneStep = Callable[[State, Batch, Hyper, jax.Array | None], tuple[State, StepValues]]


class Shapes(NamedTuple):
    """The shapes of a run, for which functions are traced.

    Attributes:
        params: Shapes and dtypes of a member's parameters, in the engine's form.
        rows: Shapes and dtypes of all rows.
        hyper: Names of a member's hyperparameters.
        dtype: Dtype of these, and of weights.
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


@dataclasses.dataclass(frozen=True)
class Functions:
    """Functions of one member; equal ones compute the same and share compiled programs.

    Traced ones are equal by their operations, whatever functions they were traced from. In another process
    they are traced again, from the learner sent there, and must give the same traces.

    Attributes:
        learner: The learner, bound to its data and with its schedule; what it does besides is not compiled.
        start: `Learner.start`.
        step: `Learner.step`.
        score: `Learner.score`.
        end_epoch: `Learner.end_epoch`.
        identity: The learner, or the checksum of all traces and of functions that run as Python.
        shapes: The shapes of the run for which these were traced; None where they are the learner's own.
    """

    learner: Learner = dataclasses.field(compare=False)
    start: Callable[[Params, Hyper], State] = dataclasses.field(compare=False)
    step: OneStep = dataclasses.field(compare=False)
    score: Callable[[Params, Rows, Hyper], dict[str, jax.Array]] = dataclasses.field(compare=False)
    end_epoch: Callable[[State, State, Hyper], State] = dataclasses.field(compare=False)
    identity: Learner | str
    shapes: Shapes | None = dataclasses.field(compare=False, default=None)

    @property
    def checksum(self) -> str:
        """Tells the functions from others, in every process."""
        return self.identity if isinstance(self.identity, str) else self.identity.checksum

    def __reduce__(self) -> tuple[Callable[..., Functions], tuple[object, ...]]:
        if self.shapes is None:
            return functions_of, (self.learner,)
        if unknown := what_is_unknown(self.checksum):
            raise ArgumentError(
                "executor",
                f"cannot tell whether custom functions do the same in its workers ({unknown}, of which"
                " pickle takes nothing); make that object where it is used, or train without an executor",
            )
        return _again, (self.learner, self.shapes, self.checksum)


def functions_of(learner: Learner) -> Functions:
    """A learner's own functions."""
    step = _for_members(learner, learner.step)
    return Functions(learner, learner.start, step, learner.score, learner.end_epoch, identity=learner)


def traced(
    learner: Learner, params: Params, data: Data, hyper: Sequence[str], steps: Sequence[int], weighted: bool
) -> Functions:
    """A learner's functions as they are now: its own where all are registered ones, else traces of them.

    It is bound to the data; ``steps`` are rows of a step, of which sizes may occur several times.
    """
    if learner.is_registered:
        return functions_of(learner)
    names = tuple(sorted(hyper))
    sizes = tuple(sorted(set(steps)))
    shapes = Shapes(
        shapes_of(params), shapes_of(data.rows), names, data.dtype, sizes, weighted, (data.block,)
    )
    return _traced(learner, shapes)


def scoring(functions: Functions, rows: int) -> Functions:
    """The functions, traced for scoring blocks of this number of rows too."""
    shapes = functions.shapes
    if shapes is None or rows in shapes.scored:
        return functions
    return _traced(functions.learner, shapes._replace(scored=(*shapes.scored, rows)))


def _traced(learner: Learner, shapes: Shapes) -> Functions:
    """A learner's functions, traced for the shapes of a run."""
    number = jax.ShapeDtypeStruct((), shapes.dtype)
    hyper = dict.fromkeys(shapes.hyper, number)
    key = key_shape() if learner.random else None
    start = Trace(learner.start, shapes.params, hyper)
    state = start.shapes
    steps = {}
    for n in shapes.steps:
        weights = jax.ShapeDtypeStruct((n,), shapes.dtype) if shapes.weighted else None
        batch = Batch(row_shapes(shapes.rows, n), weights)  # type: ignore[arg-type]
        steps[n] = Trace(learner.step, state, batch, hyper, key)
    scores = {}
    for n in shapes.scored:
        scores[n] = Trace(learner.score, state.params, row_shapes(shapes.rows, n), hyper)
    end_epoch = Trace(learner.end_epoch, state, state, hyper)
    traces = [start, *steps.values(), *scores.values(), end_epoch]

    def known(hyper: Hyper) -> Hyper:
        return {name: hyper[name] for name in shapes.hyper}

    def step(state: State, batch: Batch, hyper: Hyper, key: jax.Array | None) -> tuple[State, StepValues]:
        after: tuple[State, StepValues] = steps[_length(batch.rows)](state, batch, known(hyper), key)
        return after

    return Functions(
        learner,
        start=lambda params, hyper: start(params, known(hyper)),
        step=_for_members(learner, step),
        score=lambda params, rows, hyper: scores[_length(rows)](params, rows, known(hyper)),
        end_epoch=lambda before, after, hyper: end_epoch(before, after, known(hyper)),
        identity=checksum([*(trace.checksum for trace in traces), *_on_the_host(learner)]),
        shapes=shapes,
    )


def _for_members(learner: Learner, step: OneStep) -> OneStep:
    """A step that `jax.vmap` maps well over members: the conditions of a line search differ between them."""
    # Behind the trace, whose checksum would have to contain what a condition does under `jax.vmap`.
    return selecting(step) if isinstance(learner, DescentLearner) and learner.needs_value else step


def _on_the_host(learner: Learner) -> list[str]:
    """Checksums of functions that run as Python, or map over members by the learner's method."""
    kind = type(learner)
    functions = (kind.pack, kind.unpack, kind.fits_last, kind.step_last)
    return [code_checksum(function, learner) for function in functions if not is_of_jfnn(function)]


def _again(learner: Learner, shapes: Shapes, before: str) -> Functions:
    """The functions traced anew in another process.

    Raises:
        ValueError: They do something else there.
    """
    again = _traced(learner, shapes)
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
