"""Functions of a learner to compile: its own, or traces that JAX makes when a run begins."""

from collections.abc import Callable, Iterable

import jax

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.packages import is_of_jfnn
from jfnn.identity.code import checksum, code_checksum, what_is_unknown
from jfnn.identity.traces import Trace, shapes_of
from jfnn.learners.data import Batch, Data, Hyper, Rows, StepValues
from jfnn.learners.descent import DescentLearner
from jfnn.learners.functions import Functions, OneStep, Shapes
from jfnn.learners.learner import Learner
from jfnn.learners.shapes import row_shapes
from jfnn.numerics.selects import with_selections
from jfnn.params import Params, State, key_shape


class Own(Functions):
    """A learner's own functions, equal if the learners are equal."""

    @property
    def name(self) -> str | None:
        """A checksum of the learner's class and its fields."""
        return _if_complete(code_checksum(self.learner))

    def __reduce__(self) -> tuple[Callable[..., Functions], tuple[object, ...]]:
        return functions_of, (self.learner,)


class Traced(Functions):
    """A learner's functions as JAX traced them at the start of a run; equal if their operations are equal.

    In another process they are traced again, from the learner sent there, and must give the same traces.
    ``identity`` is the checksum of all traces and of functions that run as Python.
    """

    @property
    def name(self) -> str | None:
        """The checksum, or None if it is incomplete."""
        return _if_complete(str(self.identity))

    def __reduce__(self) -> tuple[Callable[..., Functions], tuple[object, ...]]:
        if unknown := what_is_unknown(str(self.identity)):
            raise ArgumentError(
                "executor",
                f"cannot verify that custom functions do the same in its workers ({unknown}, whose content is"
                " not pickled); make that object where it is used, or train without an executor",
            )
        return _retrace, (self.learner, self.shapes, self.identity)


def _if_complete(checksum: str) -> str | None:
    """Return the checksum, or None if it does not cover everything."""
    return None if what_is_unknown(checksum) else checksum


def functions_of(learner: Learner) -> Functions:
    """Return a learner's own functions."""
    step = _for_members(learner, learner.step)
    return Own(learner, learner.start, step, learner.score, learner.end_epoch, identity=learner)


def trace_functions(
    learner: Learner,
    params: Params,
    data: Data,
    hyper: Iterable[str],
    steps: Iterable[int],
    weighted: bool,
    scored: Iterable[int],
) -> Functions:
    """Return a learner's functions as they are now: its own if all are registered, otherwise traces.

    The learner is bound to the data; ``steps`` and ``scored`` are numbers of rows per step and per block of
    scored rows, which may repeat.
    """
    if learner.is_registered:
        return functions_of(learner)
    names = tuple(sorted(hyper))
    steps = tuple(sorted(set(steps)))
    scored = tuple(dict.fromkeys(scored))
    shapes = Shapes(shapes_of(params), shapes_of(data.rows), names, data.dtype, steps, weighted, scored)
    return _trace_for_shapes(learner, shapes)


def trace_scoring(functions: Functions, rows: int) -> Functions:
    """Return the functions, traced for scoring blocks of this number of rows as well."""
    shapes = functions.shapes
    if shapes is None or rows in shapes.scored:
        return functions
    return _trace_for_shapes(functions.learner, shapes._replace(scored=(*shapes.scored, rows)))


def _trace_for_shapes(learner: Learner, shapes: Shapes) -> "Traced":
    """Trace a learner's functions for the shapes of a run."""
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

    return Traced(
        learner,
        start=lambda params, hyper: start(params, known(hyper)),
        step=_for_members(learner, step),
        score=lambda params, rows, hyper: scores[_length(rows)](params, rows, known(hyper)),
        end_epoch=lambda before, after, hyper: end_epoch(before, after, known(hyper)),
        identity=checksum([*(trace.checksum for trace in traces), *_on_the_host(learner)]),
        shapes=shapes,
    )


def _for_members(learner: Learner, step: OneStep) -> OneStep:
    """Return the step; conditions of a line search become selections, which cost less under `jax.vmap`."""
    # Conditions are replaced after tracing, so that the checksum need not cover the rules for `jax.vmap`.
    return with_selections(step) if isinstance(learner, DescentLearner) and learner.needs_value else step


def _on_the_host(learner: Learner) -> list[str]:
    """Return checksums of functions that run as Python or that a learner's method maps over members."""
    kind = type(learner)
    functions = (kind.pack, kind.unpack, kind.fits_last, kind.step_last)
    return [code_checksum(function, learner) for function in functions if not is_of_jfnn(function)]


def _retrace(learner: Learner, shapes: Shapes, before: str) -> "Traced":
    """Trace the functions again in another process; raise ArgumentError if they do something else there."""
    again = _trace_for_shapes(learner, shapes)
    if again.identity != before:
        raise ArgumentError(
            "executor",
            "custom functions do something else in its workers than here: a module there has other code or"
            " values; restart the workers, or with Dask call client.upload_file again",
        )
    return again


def _length(rows: Rows) -> int:
    return len(jax.tree.leaves(rows)[0])
