"""The interface between the engine and what it trains: pure functions of one member."""

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

# Advice in errors about a metric that was not recorded.
OTHER_METRICS = "record others with metrics=[…] of jfnn.supervised or jfnn.learner"


def mean_over_rows(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return the mean of ``values [members, n]`` over the rows."""
    # In C order, the order in which NumPy adds a member's rows does not depend on the other members.
    with np.errstate(over="ignore"):  # huge losses overflow; such a member has no score
        return np.asarray(values.astype(np.float64, order="C").sum(axis=1) / values.shape[1])


class Metric(NamedTuple):
    """A number that compares members, such as the accuracy.

    Attributes:
        name: Name, such as "accuracy".
        higher_is_better: Whether larger values are better.
        of_rows: For `Supervised`: ``(outputs, targets, axis) -> one value per row``, on the device. ``axis``
            is the axis on which the outputs of one row lie, as for a `jfnn.Loss`.
        reduce: ``(values [members, n, …], data, rows [n]) -> [members]``, on the host: reduces the values of
            all rows of one part of the data, whose row numbers are ``rows``, to one number per member.
    """

    name: str
    higher_is_better: bool = False
    of_rows: Callable[..., jax.Array] | None = None
    reduce: Callable[[np.ndarray, Data, np.ndarray], np.ndarray] = mean_over_rows


class Learner(abc.ABC):
    """Pure functions that initialize, train and score one member.

    A subclass is a frozen dataclass that defines `init`, `start`, `step`, `score` and `describe`; the engine
    maps the first four over members. ``params`` are packed (`pack`), except in `init`. Everything else has a
    default. Learners are hashable, and equal learners share compiled programs.

    Attributes:
        hyper: Names of each member's hyperparameters; "learning_rate" and "l2" are always among them.
        numbers: Values of some of these hyperparameters that the learner itself sets.
        metrics: Metrics that `score` returns. The first is the loss: a member whose loss is not finite has no
            scores. Without metrics, members are not scored, and no sweep can rank them.
        ranked_by: Name of the metric that ranks members by default.
        random: Whether steps draw random numbers and need a key.
        start_factors: Names of hyperparameters that only `start` reads, as factors of what `init` returns.
            These factors are 1 if a run continues from trained parameters.
        takes_weights: Whether a batch may have weights; a shorter last batch is padded by rows of weight 0.
        terms: Names of further numbers that a step returns with the objective, such as its summands.
        schedule_epochs: Epochs that "schedule_steps" spans, if `hyper` has it; None for all.
        differentiable: Whether steps can be differentiated; False if they draw discrete states.
        keeps_memory: Whether a member that diverges keeps the memory from before that epoch, as it keeps the
            parameters. Only needed if the memory is read afterwards; a sweep does not read it.
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
        """Return the learner for these data, and the checked data: a batch is ``x``, or ``(x, y)``.

        Raises:
            ValueError, TypeError: The data do not fit, or have weights that the learner does not take.
        """
        if split.weights is not None and not self.takes_weights:
            raise ArgumentError("weights", "expected None, since this learner takes no weights")
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
        """Return initial parameters in public form, a pytree of arrays; floats take the data's dtype."""

    def starts(self) -> Starts | None:
        """Describe what `init` draws, as a pytree of `jfnn.layers.Draw`; None if `init` must be called."""
        return None

    def width(self) -> int:
        """Return the number of values per row in the largest layer, which limits the width of tiles.

        By default, the largest number of outputs of a weight.
        """
        leaves = jax.tree.leaves(starting_shapes(self))
        return max((leaf.shape[-1] for leaf in leaves if is_weight(leaf)), default=1)

    def pack(self, params: Params) -> Params:
        """Convert public parameters to the engine's form; leading axes are kept."""
        return params

    def unpack(self, params: Params) -> Params:
        """The inverse of `pack`."""
        return params

    @abc.abstractmethod
    def start(self, params: Params, hyper: Hyper) -> State:
        """Return the state before the first step: parameters, and the member's memory, if any."""

    @abc.abstractmethod
    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, StepValues]:
        """Take one step: return the state after it and the objective before it.

        ``key`` is None unless `random`. With `terms`, the objective is a dict of "objective" and each term.
        """

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """Return the state at the end of an epoch: by default ``after``, the state after its last step."""
        return after

    @property
    def loops(self) -> bool:
        """Whether steps loop over small products, which have their own compiler options."""
        return False

    def fits_last(self, platform: str, members: int, batch: int, separate: bool) -> bool:
        """Return whether a tile of ``members`` trains faster by `step_last`, in steps of ``batch`` rows.

        False by default. ``platform`` is "cpu", "gpu", …; for ``separate`` see `step_last`.
        """
        return False

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, separate: bool
    ) -> tuple[State, StepValues]:
        """Take one step of all members of a tile, on the last axis of every array.

        The objectives are ``[tile]``. By default, `step` is mapped over members.

        Args:
            states: States of the members.
            batch: The shared minibatch, or if ``separate`` each member's.
            hyper: Hyperparameters ``[tile]``.
            key: The shared random key, or if ``separate`` one per member ``[tile]``; None unless `random`.
            separate: Whether each member has its own minibatch and key, instead of shared ones.
        """
        in_axes = (-1, -1, 0, 0) if separate else (-1, None, 0, None)
        return jax.vmap(self.step, in_axes=in_axes, out_axes=(-1, 0))(states, batch, hyper, key)

    @abc.abstractmethod
    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Return one value per row ``[n, …]`` of each metric, using the current hyperparameters."""

    @property
    def step_values(self) -> tuple[str, ...]:
        """Names of the numbers that a step returns: "objective", and the terms."""
        return ("objective", *self.terms)

    def check(self, data: Data) -> None:
        """Try all functions on shapes, before anything is compiled.

        Raises:
            ValueError, TypeError: A function fails, or its result does not fit; the argument is named.
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
        for when, *trees in (("at the start", start, before.params), ("in a step", before, after)):
            one, other = map(describe_shapes, trees)
            if one != other:
                raise ArgumentError("network", f"the state changes form {when}, from {one} to {other}")
        check_scores("network", scores, [metric.name for metric in self.metrics])

    @property
    def counts(self) -> Mapping[str, int]:
        """Upper bounds of the hyperparameters that are whole numbers of at least 1; none by default."""
        return {}

    @property
    def at_start(self) -> tuple[str, ...]:
        """Names of hyperparameters that only `start` reads and schedulers cannot change; none by default."""
        return ()

    def with_schedule(self, epochs: int) -> "Learner":
        """Return a learner whose schedule spans ``epochs``, unless `schedule_epochs` is set.

        By default, this is the learner itself, since `schedule_epochs` is not a field.
        """
        return self

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics that `measuring` accepts; by default, of `metrics`."""
        return [metric.name for metric in self.metrics]

    def measuring(self, metrics: Sequence[str | Metric]) -> "Learner":
        """Return the learner with other metrics, after the loss; by default, it keeps the metrics it has."""
        if any(isinstance(metric, Metric) and metric not in self.metrics for metric in metrics):
            expected = "expected the name of a metric, since the learner has its own metrics"
            raise ArgumentTypeError("metrics", expected)
        return self

    def fitted(self, data: Data) -> "Learner":
        """Return the learner adapted to the targets of bound data; by default, the learner itself."""
        return self

    def undefined(self, metric: Metric, data: Data, rows: np.ndarray) -> str:
        """Return why a metric is NaN for every network on these rows; "" if it is not, as by default."""
        return ""

    def as_inputs(self, x: Rows) -> Rows:
        """Return checked inputs of `outputs`; by default, any rows."""
        return as_rows(x, "x")

    def outputs(self, params: Params, x: Rows) -> tuple[jax.Array, int]:
        """Return the outputs of every row, and the axis of one row's outputs; by default, there are none."""
        expected = "expected a function (params, x) -> outputs [n, …] of one member"
        raise ArgumentError("network", f"{expected}, since a custom learner defines no outputs")

    @property
    def has_registered_fields(self) -> bool:
        """Whether no attribute holds a custom function, so `describe` is complete; False by default."""
        return False

    @property
    def is_registered(self) -> bool:
        """Whether neither an attribute nor a subclass brings in custom functions."""
        return self.has_registered_fields and is_of_jfnn(type(self))

    @abc.abstractmethod
    def describe(self) -> Json:
        """Describe the learner in plain values, for a run's configuration."""


def values_by_name(values: StepValues) -> dict[str, jax.Array]:
    """Return the numbers of a step by the names of `Learner.step_values`."""
    return dict(values) if isinstance(values, Mapping) else {"objective": values}


def declared_starts(learner: Learner) -> Starts | None:
    """Return `Learner.starts`, or None for a user's subclass, which may override `init`."""
    return learner.starts() if is_of_jfnn(type(learner)) else None


def starting_shapes(learner: Learner) -> Params:
    """Return shapes and dtypes of a learner's initial parameters.

    Cached for registered functions, since searches sweep the same learner often.
    """
    shapes = _cached_shapes if learner.is_registered else _traced_shapes
    return shapes(learner, jax.config.read("jax_enable_x64"))


def _traced_shapes(learner: Learner, x64: bool) -> Params:
    """Trace ``init``; ``x64`` is only a cache key, since the dtypes depend on it."""
    # A new lambda bypasses JAX's cache of traces by function identity: a function's behavior may change.
    with tracing():
        return jax.eval_shape(lambda key: learner.init(key), key_shape())


_cached_shapes = functools.lru_cache(maxsize=64)(_traced_shapes)


def _part(x: Tree, y: Tree, part: str) -> dict[str, Rows]:
    """Return the checked rows of a part of the split under the names "x" and "y"."""
    rows = {"x": as_rows(x, f"x_{part}")}
    if y is not None:
        rows["y"] = as_rows(y, f"y_{part}")
        lengths = [len(jax.tree.leaves(tree)[0]) for tree in rows.values()]
        if lengths[0] != lengths[1]:
            raise ArgumentError(f"y_{part}", f"expected {lengths[0]} rows, as in x, got {lengths[1]}")
    return rows


def check_metrics(metrics: Sequence[Metric]) -> None:
    """Raise TypeError for non-metrics, ValueError for duplicate names and names that no file can hold."""
    for metric in metrics:
        named = isinstance(metric, Metric) and isinstance(metric.name, str) and callable(metric.reduce)
        if not named or not isinstance(metric.higher_is_better, bool):
            raise ArgumentTypeError(
                "metrics", f"expected jfnn.Metric(name, higher_is_better, …), got {checks.as_text(metric)}"
            )
        paths.check_name(metric.name, "metrics")
    paths.check_each_once([metric.name for metric in metrics], "metrics")
