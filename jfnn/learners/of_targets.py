"""A network for each of several targets: members share the inputs, and each learns one column of the targets."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Json
from jfnn.layers import small
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.learners.supervised import Supervised
from jfnn.optimizers import State
from jfnn.targets import Split, as_targets

TARGET = "target_column"  # name of the number by which a member chooses its target
SEVERAL_TARGETS = "several_targets"  # in the description of such a learner
COPIES = 3.0  # of all targets: as they are checked, with those of test rows, and on a device


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneOfTargets(Supervised):
    """As `Supervised`, where rows have T targets and a member's number `TARGET` says which one it learns.

    Rows are pairs ``(x [n, …], targets [n, T, n_out])``.
    """

    def bind(self, split: Split) -> tuple["OneOfTargets", Data]:
        """Checks a split whose targets are labels or numbers ``[n, T]``, or ``[n, T, n_out]``.

        Raises:
            ValueError, TypeError: As of a split with one target; targets of unequal numbers of classes.
        """
        parts = {"y_train": split.y_train, "y_test": split.y_test}
        given = {name: _columns(y, name) for name, y in parts.items() if y is not None}
        counts = {y.shape[1:] for y in given.values()}
        if len(counts) > 1:
            train, test = (list(y.shape[1:]) for y in given.values())
            raise ArgumentError("y_test", f"expected targets like y_train, [m, {train}], got [m, {test}]")
        first = split._replace(**{name: y[:, 0] for name, y in given.items()})
        plain, data = self.alone.bind(first)
        n_out = data.rows[1].shape[1]
        labels = all(y.ndim == 2 and y.dtype.kind in "iub" for y in given.values())
        if labels and n_out > 1 and not self.loss.regression:
            _check_classes(np.concatenate(list(given.values())))
        targets = np.concatenate([self._targets(y, plain, data, name) for name, y in given.items()])
        one_by_one = Data((data.rows[0], targets.reshape(-1, n_out)), data.n_train)
        bound = self.fitted(one_by_one._replace(labels=data.labels if labels else None))
        assert isinstance(bound, OneOfTargets)
        return bound, data._replace(rows=(data.rows[0], targets), labels=None, of_targets=True)

    def _targets(self, y: np.ndarray, plain: Supervised, data: Data, argument: str) -> np.ndarray:
        """Targets ``[n, T, n_out]`` of labels, numbers or targets with T columns."""
        outputs = data.rows[1].shape[1] * plain.loss.outputs_per_target
        n, columns = y.shape[:2]
        needed = COPIES * n * columns * data.rows[1].shape[1] * data.dtype.itemsize
        memory.check(argument, needed, sizes=f", for {columns} targets of {n} rows")
        flat = y.reshape(n * columns, *y.shape[2:])
        targets = as_targets(flat, (n * columns, outputs), self.loss, data.dtype, argument)
        return checks.as_dtype(targets, data.dtype, argument).reshape(n, columns, -1)

    @property
    def alone(self) -> Supervised:
        """The same for a single target."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(Supervised)}
        return Supervised(**fields)

    def check(self, data: Data) -> None:
        """Tries functions of the user's on shapes, with the first target."""
        self.alone.check(data.of_target(0))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """A step on the member's target."""
        x, targets = batch.rows
        of_member = batch._replace(rows=(x, targets[:, _number(hyper)]))
        return super().step(state, of_member, hyper, key)

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, separate: bool
    ) -> tuple[State, jax.Array]:
        """A step of all members, on the last axis, each on its target."""
        x, targets = batch.rows
        numbers = _number(hyper)
        if separate:
            of_members = jnp.take_along_axis(targets, numbers[None, None, None], axis=1)[:, 0]
        else:
            of_members = jnp.moveaxis(targets[:, numbers], 1, -1)
            x, weights = small.shared((x, batch.weights), hyper["l2"].shape)
            batch = batch._replace(weights=weights)
        return super().step_last(states, batch._replace(rows=(x, of_members)), hyper, key, True)

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Every metric, of each row by the member's target."""
        x, targets = rows
        return super().score(params, (x, targets[:, _number(hyper)]), hyper)

    def describe(self) -> Json:
        """As of one target, and that there are several."""
        return {**super().describe(), SEVERAL_TARGETS: True}


def of_targets(learner: Learner) -> OneOfTargets:
    """The learner of one target among several.

    Raises:
        TypeError: It is no network's.
    """
    if type(learner) is not Supervised:
        expected = (
            "expected a network or jfnn.supervised(network, …), since subsets learn targets of their own"
        )
        raise ArgumentTypeError("network", expected, got=checks.shown(learner))
    fields = {field.name: getattr(learner, field.name) for field in dataclasses.fields(Supervised)}
    return OneOfTargets(**fields)


def _number(hyper: Hyper) -> jax.Array:
    return hyper[TARGET].astype(np.int32)


def _columns(y: object, argument: str) -> np.ndarray:
    """Targets with at least two axes, rows and columns."""
    array = np.asarray(checks.as_array(y, argument))
    if array.ndim not in (2, 3) or not array.shape[1]:
        expected = "expected a column for each target, labels or numbers [n, T] or targets [n, T, outputs]"
        raise ArgumentError(argument, expected, got=str(list(array.shape)))
    return array


def _check_classes(labels: np.ndarray) -> None:
    """Raises ArgumentError unless all columns of labels ``[n, T]`` have the same number of classes."""
    classes = labels.max(axis=0) + 1
    other = np.flatnonzero(classes != classes[0])
    if len(other):
        got = f"{classes[0]} in column 0 and {classes[other[0]]} in column {other[0]}"
        cure = (
            "give targets of each number of classes a sweep of their own, or one-hot ones [n, T, classes], by"
            " which a class that has no row is one still"
        )
        raise ArgumentError("y_train", "expected as many classes in every target", got=got, cure=cure)
