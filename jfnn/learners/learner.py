"""What one member does: all that the engine knows of what is trained."""

import abc
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn import checks
from jfnn.datasets import Split
from jfnn.layers.kind import Params
from jfnn.optimizers import Values
from jfnn.training import State

Rows = Any  # a pytree of arrays that have the rows on their leading axis
Hyper = Mapping[str, jax.Array]


class Batch(NamedTuple):
    """One minibatch.

    Attributes:
        rows: The pytree of the data at these rows.
        weights: How often each row counts ``[batch]``; None for once.
    """

    rows: Rows
    weights: jax.Array | None = None


class Data(NamedTuple):
    """The rows that members learn from and are scored on.

    Attributes:
        rows: A pytree of NumPy arrays, all rows on the leading axis, those to train on first.
        n_train: Rows to train on, validation rows included.
        weights: How often each row counts in training ``[n]``, or None for once.
        labels: Class labels of the rows to train on, for splits that keep their shares; or None.
    """

    rows: Rows
    n_train: int
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Rows in all."""
        return len(jax.tree.leaves(self.rows)[0])

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the arithmetic: that of the first float leaf."""
        leaves = jax.tree.leaves(self.rows)
        return next((leaf.dtype for leaf in leaves if leaf.dtype.kind == "f"), np.dtype(np.float32))


def mean_over_rows(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Mean of ``values [members, n]`` over the rows."""
    # Each member's rows lie together, so that NumPy adds them in one order beside any others.
    return np.asarray(values.astype(np.float64, order="C").sum(axis=1) / values.shape[1])


class Metric(NamedTuple):
    """A number by which members are compared.

    Attributes:
        name: Such as "accuracy".
        higher_is_better: Its direction.
        of_rows: For `Supervised`: ``(outputs, targets, axis) -> one value a row``, on the device, ``axis``
            being where the outputs of one row lie, as for a `jfnn.Loss`.
        reduce: ``(values [members, n, …], data, rows [n]) -> [members]``, on the host: one number from the
            values of all rows of a part of the data, whose numbers are ``rows``.
    """

    name: str
    higher_is_better: bool = False
    of_rows: Callable[..., jax.Array] | None = None
    reduce: Callable[[np.ndarray, Data, np.ndarray], np.ndarray] = mean_over_rows


class Learner(abc.ABC):
    """Pure functions of one member. Learners are hashable: equal ones share compiled programs.

    A subclass is a frozen dataclass that defines `init`, `start`, `step`, `score` and `describe`; the engine
    maps the first four over members. ``params`` are in the engine's form, except in `init`.

    Attributes:
        hyper: Names of the numbers that each member brings; "learning_rate" and "l2" always come.
        numbers: Values for some of these names that the learner itself brings.
        metrics: What `score` gives. The first is the loss: a member has no scores where it is not finite.
        ranked_by: Name of the metric that ranks where options name none.
        random: Whether steps draw random numbers, so that they need a key.
        takes_weights: Whether a batch may have weights, and so be shorter than the others.
        schedule_epochs: Epochs over which "schedule_steps" spreads, where `hyper` has it; None for all.
    """

    hyper: tuple[str, ...] = ("learning_rate", "l2")
    numbers: Mapping[str, Values] = types.MappingProxyType({})
    metrics: tuple[Metric, ...] = (Metric("loss"),)
    ranked_by: str = "loss"
    random: bool = False
    takes_weights: bool = False
    schedule_epochs: int | None = None

    def bind(self, split: Split) -> tuple["Learner", Data]:
        """The learner for given data, and these checked: a batch is ``x`` alone, or ``(x, y)``.

        Raises:
            ValueError, TypeError: The data do not fit.
        """
        parts = [split.x_train if split.y_train is None else (split.x_train, split.y_train)]
        if split.x_test is not None:
            parts.append(split.x_test if split.y_test is None else (split.x_test, split.y_test))
        names = [[f"{name}_{part}" for name in "xy"] for part in ("train", "test")]
        rows = [as_rows(part, *of_part) for part, of_part in zip(parts, names, strict=False)]
        if len({str(jax.tree.structure(part)) for part in rows}) != 1:
            raise ValueError("x_test: expected test rows of the structure of the training rows")
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *rows)
        n = len(jax.tree.leaves(rows[0])[0])
        if split.weights is not None:
            raise ValueError("weights: expected none, since this learner takes no weights")
        return self, Data(joined, n)

    @abc.abstractmethod
    def init(self, key: jax.Array) -> Params:
        """Starting parameters, a pytree of arrays, in public form."""

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
    ) -> tuple[State, jax.Array]:
        """One step: the state after it, and the objective before it. ``key`` is None unless `random`."""

    @abc.abstractmethod
    def score(self, params: Params, rows: Rows) -> dict[str, jax.Array]:
        """Name of each metric -> one value a row ``[n, …]``."""

    def check(self, data: Data) -> None:  # noqa: B027
        """Refuses, before anything is compiled, what cannot be trained on such data.

        Raises:
            ValueError, TypeError: The message names the argument.
        """

    @property
    def known(self) -> bool:
        """Whether `describe` says all: no functions of the user's own take part."""
        return False

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """What is trained, in plain values."""


def as_rows(rows: Rows, *arguments: str) -> Rows:
    """A pytree of arrays with a common leading axis, finite, in the dtypes of JAX's arithmetic.

    Args:
        rows: The pytree.
        *arguments: Names of the caller's arguments; the first stands for all leaves.

    Raises:
        ValueError, TypeError: No rows, lengths that differ, not numeric, NaN or infinity.
    """
    argument = arguments[0]

    def checked(leaf: Any) -> np.ndarray:
        array = np.asarray(checks.as_array(leaf, argument))
        if array.dtype.kind not in "iubf" or array.ndim == 0:
            raise TypeError(f"{argument}: expected arrays of numbers with rows, got {array.dtype}")
        if array.dtype.kind == "f":
            checks.check_finite(array, argument)
            array = array.astype(checks.float_dtype(array))
        return array

    checked_rows = jax.tree.map(checked, rows)
    lengths = {len(leaf) for leaf in jax.tree.leaves(checked_rows)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"{argument}: expected one or more rows, as many in every array, got {lengths}")
    return checked_rows
