"""The learner: pure functions of one member, by which the engine trains it."""

import abc
import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.packages import is_of_jfnn
from jfnn.arguments.types import Json, Tree
from jfnn.layers.starts import Starts
from jfnn.learners.data import Batch, Data, Hyper, Rows, StepValues, row_weights
from jfnn.learners.shapes import (
    EXAMPLES,
    as_rows,
    check_scores,
    check_terms,
    describe_shapes,
    eval_shape,
    example_shapes,
    row_shapes,
    trained_shapes,
)
from jfnn.numerics.compiling import tracing
from jfnn.params import Params, State, is_weight, key_shape
from jfnn.split import Split

# How metrics come to be recorded, for errors about one that was not.
OTHER_METRICS = "metrics=[…] of jfnn.supervised or jfnn.learner names others"


def mean_over_rows(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Mean of ``values [members, n]`` over the rows."""
    # Each member's rows lie together, so that NumPy adds them in one order beside any others.
    with np.errstate(over="ignore"):  # losses near the largest number: such a member has no score
        return np.asarray(values.astype(np.float64, order="C").sum(axis=1) / values.shape[1])


class Metric(NamedTuple):
    """A number by which members are compared.

    Attributes:
        name: Such as "accuracy".
        higher_is_better: Its direction.
        of_rows: For `Supervised`: ``(outputs, targets, axis) -> one value a row``, on the device, ``axis``
            being where the outputs of one row lie, as for a `jfnn.Loss`.
        reduce: ``(values [members, n, …], data, rows [n]) -> [members]``, on the host: one number of each
            member from the values of all rows of a part of the data, whose numbers are ``rows``.
    """

    name: str
    higher_is_better: bool = False
    of_rows: Callable[..., jax.Array] | None = None
    reduce: Callable[[np.ndarray, Data, np.ndarray], np.ndarray] = mean_over_rows


class Learner(abc.ABC):
    """Pure functions of one member. Learners are hashable: equal ones share compiled programs.

    A subclass is a frozen dataclass that defines `init`, `start`, `step`, `score` and `describe`; the engine
    maps the first four over members. ``params`` are packed (`pack`), except in `init`. Everything else
    has a default, which the attributes and methods below describe.

    Attributes:
        hyper: Names of the hyperparameters that each member brings; "learning_rate" and "l2" always come.
        numbers: Values for some of these names that the learner itself brings.
        metrics: Metrics that `score` gives. The first is the loss: where it is not finite, a member has no
            scores. Without any, members are not scored, and no sweep can rank them.
        ranked_by: Name of the metric that ranks where options name none.
        random: Whether steps draw random numbers, so that they need a key.
        start_factors: Names of numbers that `start` alone reads, as factors of what `init` gives: where a run
            goes on with trained parameters, they are 1.
        takes_weights: Whether a batch may have weights, and so be shorter than the others.
        terms: Names of further numbers of a step that are kept beside the objective, such as its summands.
        schedule_epochs: Epochs over which "schedule_steps" spreads, where `hyper` has it; None for all.
        differentiable: Whether steps may be differentiated; not where they draw discrete states.
        keeps_memory: Whether a member that diverges keeps its memory from before that epoch, as it keeps its
            parameters: where anybody reads it afterwards. A sweep does not.
    """

    hyper: tuple[str, ...] = ("learning_rate", "l2")
    numbers: Mapping[str, Any] = types.MappingProxyType({})
    metrics: tuple[Metric, ...] = (Metric("loss"),)
    ranked_by: str = "loss"
    random: bool = False
    start_factors: tuple[str, ...] = ()
    takes_weights: bool = False
    terms: tuple[str, ...] = ()
    schedule_epochs: int | None = None
    differentiable: bool = True
    keeps_memory: bool = False

    def bind(self, split: Split) -> tuple["Learner", Data]:
        """The learner for given data, and these checked: a batch is ``x``, or ``(x, y)``.

        Raises:
            ValueError, TypeError: The data do not fit, or have weights that it does not take.
        """
        if split.weights is not None and not self.takes_weights:
            raise ArgumentError("weights", "expected none, since this learner takes no weights")
        parts = [_part(split.x_train, split.y_train, "train")]
        if split.x_test is not None or split.y_test is not None:
            parts.append(_part(split.x_test, split.y_test, "test"))
            for name in sorted({*parts[0], *parts[1]}):
                train, test = (describe_shapes(row_shapes(part.get(name), EXAMPLES)) for part in parts)
                if train != test:
                    raise ArgumentError(
                        f"{name}_test", f"expected rows like {name}_train, {train}, got {test}"
                    )
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
        rows = (joined["x"], joined["y"]) if "y" in joined else joined["x"]
        data = Data(rows, len(jax.tree.leaves(parts[0])[0]))
        return self, data._replace(weights=row_weights(split.weights, data.n_train, data.n, data.dtype))

    @abc.abstractmethod
    def init(self, key: jax.Array) -> Params:
        """Starting parameters in public form, a pytree of arrays: floats take the data's dtype."""

    def starts(self) -> Starts | None:
        """What `init` draws, as a pytree of `jfnn.layers.Draw`; None where it must be called."""
        return None

    def width(self) -> int:
        """The most numbers that a layer holds for one row as it computes, by which tiles are cut.

        By default the most outputs that a weight of the parameters has.
        """
        leaves = jax.tree.leaves(starting_shapes(self))
        return max((leaf.shape[-1] for leaf in leaves if is_weight(leaf)), default=1)

    def pack(self, params: Params) -> Params:
        """Public parameters -> parameters as the engine trains them; leading axes are kept."""
        return params

    def unpack(self, params: Params) -> Params:
        """The inverse of `pack`."""
        return params

    @abc.abstractmethod
    def start(self, params: Params, hyper: Hyper) -> State:
        """State before the first step: parameters, and whatever a member remembers besides."""

    @abc.abstractmethod
    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, StepValues]:
        """One step: the state after it, and the objective before it. ``key`` is None unless `random`.

        With `terms` the objective is a dict, of "objective" and each term.
        """

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """The state that ends an epoch, of those before it and after its last step: by default the latter."""
        return after

    def fits_last(self, platform: str, members: int, batch: int, separate: bool) -> bool:
        """Whether a tile trains faster by `step_last`, with members on the last axis: by default not.

        Args:
            platform: "cpu", "gpu", …
            members: Members of the tile.
            batch: Rows of a step.
            separate: Whether each member has a minibatch and a key, else they share them.
        """
        return False

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, separate: bool
    ) -> tuple[State, StepValues]:
        """`step` of all members of a tile, on the last axis of every array, with objectives ``[tile]``.

        By default `step`, mapped over members.

        Args:
            states: States of the members.
            batch: The minibatch that they share, or if ``separate`` each member's.
            hyper: Their hyperparameters ``[tile]``.
            key: The random key that they share, or if ``separate`` one each ``[tile]``; None unless `random`.
            separate: Whether each member has a minibatch and a key, else they share them.
        """
        in_axes = (-1, -1, 0, 0) if separate else (-1, None, 0, None)
        return jax.vmap(self.step, in_axes=in_axes, out_axes=(-1, 0))(states, batch, hyper, key)

    @abc.abstractmethod
    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Name of each metric -> one value a row ``[n, …]``, by the hyperparameters as they are now."""

    @property
    def step_values(self) -> tuple[str, ...]:
        """Names of the numbers that a step gives: "objective", and the terms."""
        return ("objective", *self.terms)

    def check(self, data: Data) -> None:
        """Tries all functions on shapes, before anything is compiled.

        Raises:
            ValueError, TypeError: They fail, or their results do not fit; the message names the argument.
        """
        rows, number = example_shapes(data.rows, data.dtype)
        weights = None if data.weights is None else jax.ShapeDtypeStruct((EXAMPLES,), data.dtype)

        def one_step(params: Params, batch: Batch, hyper: Hyper) -> Tree:
            packed = self.pack(params)
            state = self.start(packed, hyper)
            key = jax.random.key(0) if self.random else None
            after, values = self.step(state, batch, hyper, key)
            return packed, state, after, values, self.score(state.params, batch.rows, hyper)

        params = eval_shape("network", self.init, key_shape(), name="init", rows=None)
        params = trained_shapes("network", params, data.dtype)
        batch = Batch(rows, weights)  # type: ignore[arg-type]
        results = eval_shape("network", one_step, params, batch, dict.fromkeys(self.hyper, number))
        start, before, after, values, scores = results
        check_terms("network", values, self.terms)
        for when, *trees in (("as it starts", start, before.params), ("in a step", before, after)):
            one, other = map(describe_shapes, trees)
            if one != other:
                raise ArgumentError("network", f"its form changes {when}, from {one} to {other}")
        check_scores("network", scores, [metric.name for metric in self.metrics])

    @property
    def counts(self) -> Mapping[str, int]:
        """Names of numbers that are whole and at least 1 -> the most that each may be; by default none."""
        return {}

    @property
    def at_start(self) -> tuple[str, ...]:
        """Names of numbers that `start` alone reads, which no scheduler may change; by default none."""
        return ()

    def with_schedule(self, epochs: int) -> "Learner":
        """The learner whose schedule spreads over some epochs unless `schedule_epochs` says otherwise.

        By default itself, since `schedule_epochs` is not a field.
        """
        return self

    @property
    def has_registered_fields(self) -> bool:
        """Whether attributes hold no custom function, so that `describe` says all of them: by default not."""
        return False

    @property
    def is_registered(self) -> bool:
        """Whether no custom function takes part, in an attribute or in a subclass."""
        return self.has_registered_fields and is_of_jfnn(type(self))

    @abc.abstractmethod
    def describe(self) -> Json:
        """The learner in plain values, for a run's configuration."""


def values_by_name(values: StepValues) -> dict[str, jax.Array]:
    """What a step gives besides the state, by the names of `Learner.step_values`."""
    return dict(values) if isinstance(values, Mapping) else {"objective": values}


def declared_starts(learner: Learner) -> Starts | None:
    """`Learner.starts`; None for subclasses of the user's, which may have an `init` of their own."""
    return learner.starts() if is_of_jfnn(type(learner)) else None


def starting_shapes(learner: Learner) -> Params:
    """Shapes and dtypes of starting parameters of a learner, by its ``init``.

    Traced once for registered functions, since searches sweep the same learner often.
    """
    shapes = _cached_shapes if learner.is_registered else _traced_shapes
    return shapes(learner, jax.config.read("jax_enable_x64"))


def _traced_shapes(learner: Learner, x64: bool) -> Params:
    """The shapes; their dtypes depend on ``x64``, which is here to tell the two apart."""
    # A new function: JAX keeps traces by the identity of a function, whose meaning may change.
    with tracing():
        return jax.eval_shape(lambda key: learner.init(key), key_shape())


_cached_shapes = functools.lru_cache(maxsize=64)(_traced_shapes)


def _part(x: Tree, y: Tree, part: str) -> dict[str, Rows]:
    """Checked rows of a part of the split, by the names "x" and "y"."""
    rows = {"x": as_rows(x, f"x_{part}")}
    if y is not None:
        rows["y"] = as_rows(y, f"y_{part}")
        lengths = [len(jax.tree.leaves(tree)[0]) for tree in rows.values()]
        if lengths[0] != lengths[1]:
            raise ArgumentError(f"y_{part}", f"expected {lengths[0]} rows, as x has, got {lengths[1]}")
    return rows


def check_metrics(metrics: Sequence[Metric]) -> None:
    """Raises TypeError for non-metrics, ValueError for duplicate names and names that no file can hold."""
    for metric in metrics:
        named = isinstance(metric, Metric) and isinstance(metric.name, str) and callable(metric.reduce)
        if not named or not isinstance(metric.higher_is_better, bool):
            raise ArgumentTypeError(
                "metrics", f"expected jfnn.Metric(name, higher_is_better, …), got {checks.shown(metric)}"
            )
        paths.check_name(metric.name, "metrics")
    checks.check_each_once([metric.name for metric in metrics], "metrics")
