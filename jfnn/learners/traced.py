"""A learner with functions of the user's own, as they were when a run began."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.checks import ArgumentError
from jfnn.datasets import Split
from jfnn.layers.kind import Params
from jfnn.learners.code import checksum, code_checksum
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.learners.traces import Trace, shapes_of
from jfnn.learners.trial import row_shapes
from jfnn.training import State

FORWARDED = (
    *("hyper", "numbers", "counts", "metrics", "ranked_by", "random", "takes_weights"),
    "schedule_epochs",
)


class Shapes(NamedTuple):
    """The shapes of a run, for which functions are traced.

    Attributes:
        params: Shapes and dtypes of a member's parameters, in the engine's form.
        rows: Those of all rows.
        hyper: Names of a member's numbers.
        dtype: Dtype of these numbers, and of weights.
        steps: Rows of a step, each size that occurs.
        weighted: Whether steps have weights.
        scored: Rows scored at a time, each size that occurs.
    """

    params: Params
    rows: Rows
    hyper: tuple[str, ...]
    dtype: np.dtype
    steps: tuple[int, ...]
    weighted: bool
    scored: tuple[int, ...]


class Traced(Learner):
    """A learner's functions as JAX traced them for the shapes of one run.

    Equal ones compute the same and share compiled programs, whatever functions they were traced from. In
    another process they are traced again, from what was sent there, and must give the same traces.
    """

    def __init__(self, original: Learner, shapes: Shapes):
        """Traces every function that the engine compiles.

        Args:
            original: The learner, bound to its data.
            shapes: What it is traced for.
        """
        self._original, self.shapes = original, shapes
        for name in FORWARDED:
            setattr(self, name, getattr(original, name))
        number = jax.ShapeDtypeStruct((), shapes.dtype)
        hyper = dict.fromkeys(shapes.hyper, number)
        key = jax.random.key(0) if self.random else None
        self._start = Trace(original.start, shapes.params, hyper)
        state = self._start.shapes
        self._steps, self._scores = dict[int, Trace](), dict[int, Trace]()
        for n in shapes.steps:
            weights: Any = jax.ShapeDtypeStruct((n,), shapes.dtype) if shapes.weighted else None
            self._steps[n] = Trace(
                original.step, state, Batch(row_shapes(shapes.rows, n), weights), hyper, key
            )
        for n in shapes.scored:
            self._scores[n] = Trace(original.score, state.params, row_shapes(shapes.rows, n), hyper)
        ends = type(original).end_epoch is not Learner.end_epoch
        self._end_epoch = Trace(original.end_epoch, state, state, hyper) if ends else None
        traces = [self._start, *self._steps.values(), *self._scores.values()]
        traces += [] if self._end_epoch is None else [self._end_epoch]
        self.checksum = checksum([*(trace.checksum for trace in traces), *self._on_the_host()])

    def _on_the_host(self) -> list[str]:
        """Checksums of what runs as Python, or maps over members in the learner's own way."""
        names = ("pack", "unpack", "members_axis", "step_members", "width")
        kind = type(self.original)
        own = [getattr(kind, name) for name in names if getattr(kind, name) is not getattr(Learner, name)]
        return [code_checksum(function, self.original) for function in own if not is_of_jfnn(function)]

    @property
    def original(self) -> Learner:
        """The learner that was traced."""
        return self._original

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Traced) and self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.original, self.shapes, self.checksum)

    def start(self, params: Params, hyper: Hyper) -> State:
        """The original's, as traced."""
        state: State = self._start(params, self._hyper(hyper))
        return state

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """The original's, as traced."""
        result: tuple[State, jax.Array] = self._steps[_length(batch.rows)](
            state, batch, self._hyper(hyper), key
        )
        return result

    def members_axis(self, platform: str, members: int, batch: int, own: bool = False) -> int:
        """The original's."""
        return self.original.members_axis(platform, members, batch, own)

    def step_members(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, axis: int, own: bool
    ) -> tuple[State, jax.Array]:
        """`step` of all members, unless the original has a way of its own."""
        if axis == 0 and is_of_jfnn(type(self.original).step_members):
            return super().step_members(states, batch, hyper, key, axis, own)
        return self.original.step_members(states, batch, hyper, key, axis, own)

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """The original's, as traced."""
        if self._end_epoch is None:
            return after
        state: State = self._end_epoch(before, after, self._hyper(hyper))
        return state

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """The original's, as traced."""
        scores: dict[str, jax.Array] = self._scores[_length(rows)](params, rows, self._hyper(hyper))
        return scores

    def _hyper(self, hyper: Hyper) -> Hyper:
        return {name: hyper[name] for name in self.shapes.hyper}

    def bind(self, split: Split) -> tuple[Learner, Data]:
        """The original's."""
        return self.original.bind(split)

    def init(self, key: jax.Array) -> Params:
        """The original's."""
        return self.original.init(key)

    def width(self) -> int:
        """The original's."""
        return self.original.width()

    def pack(self, params: Params) -> Params:
        """The original's."""
        return self.original.pack(params)

    def unpack(self, params: Params) -> Params:
        """The original's."""
        return self.original.unpack(params)

    def check(self, data: Data) -> None:
        """The original's."""
        self.original.check(data)

    def describe(self) -> dict[str, Any]:
        """The original's."""
        return self.original.describe()


def traced(
    learner: Learner, params: Params, data: Data, hyper: Sequence[str], steps: Sequence[int], weighted: bool
) -> Learner:
    """The learner as it is now: itself where all its functions are registered ones, else `Traced`.

    Args:
        learner: Bound to the data.
        params: A member's parameters, in the engine's form.
        data: The data.
        hyper: Names of a member's numbers.
        steps: Rows of a step; sizes may occur several times.
        weighted: Whether steps have weights.
    """
    if is_registered(learner):
        return learner
    names, sizes = tuple(sorted(hyper)), tuple(sorted(set(steps)))
    shapes = Shapes(
        shapes_of(params), shapes_of(data.rows), names, data.dtype, sizes, weighted, (data.block,)
    )
    return Traced(learner, shapes)


def scoring(learner: Learner, rows: int) -> Learner:
    """The learner, able to score so many rows at a time."""
    if not isinstance(learner, Traced) or rows in learner.shapes.scored:
        return learner
    return Traced(learner.original, learner.shapes._replace(scored=(*learner.shapes.scored, rows)))


def is_registered(learner: Learner) -> bool:
    """Whether no function of the user's own takes part, in an attribute or in a subclass."""
    return learner.known and is_of_jfnn(type(learner))


def is_of_jfnn(definition: Callable[..., Any]) -> bool:
    """Whether a function or class is defined in this package."""
    return str(getattr(definition, "__module__", None)).partition(".")[0] == "jfnn"


def _again(original: Learner, shapes: Shapes, before: str) -> Traced:
    """Traces anew in another process.

    Raises:
        ValueError: Functions do something else there.
    """
    again = Traced(original, shapes)
    if again.checksum != before:
        raise ArgumentError(
            "executor",
            "functions of your own do something else in its workers than here: a module there has"
            " other code, or other values; start the workers anew",
        )
    return again


def _length(rows: Rows) -> int:
    return len(jax.tree.leaves(rows)[0])
