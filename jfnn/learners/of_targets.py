"""Several targets of the same rows: each member learns one of them, from shared inputs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Json
from jfnn.layers import small
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.learners.supervised import Supervised
from jfnn.params import Params, State
from jfnn.split import Split
from jfnn.targets import as_targets

TARGET = "target_column"  # the hyperparameter that selects a member's target
SEVERAL_TARGETS = "several_targets"  # key in the description of a `OneOfTargets`
COPIES = 3.0  # copies of all targets: while checking, joined with test rows, and on a device


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneOfTargets(Supervised):
    """A `Supervised` learner of rows with T targets, of which the hyperparameter `TARGET` selects one.

    Rows are pairs ``(x [n, …], targets [n, T, n_out])``.
    """

    def bind(self, split: Split) -> tuple["OneOfTargets", Data]:
        """Check a split whose targets are labels or numbers ``[n, T]``, or ``[n, T, n_out]``.

        Raises:
            ValueError, TypeError: As for one target; or targets with different numbers of classes.
        """
        train = _columns(split.y_train, "y_train")
        test = None if split.y_test is None else _columns(split.y_test, "y_test")
        if test is not None and test.shape[1:] != train.shape[1:]:
            expected = f"expected {list(train.shape[1:])} per row, as in y_train"
            raise ArgumentError("y_test", expected, got=str(list(test.shape[1:])))
        first = split._replace(y_train=train[:, 0], y_test=None if test is None else test[:, 0])
        _, data = self.alone.bind(first)
        x, of_first = data.rows
        parts = {"y_train": train} if test is None else {"y_train": train, "y_test": test}
        are_labels = train.ndim == 2 and train.dtype.kind in "iub" and not self.loss.regression
        if are_labels and of_first.shape[1] > 1:
            _check_classes(np.concatenate([*parts.values()]))
        outputs = of_first.shape[1] * self.loss.outputs_per_target
        targets = np.concatenate([self._targets(y, outputs, data.dtype, name) for name, y in parts.items()])
        flat = data._replace(rows=(x, targets.reshape(-1, of_first.shape[1])))
        bound = self.fitted(flat if are_labels else flat._replace(labels=None))
        assert isinstance(bound, OneOfTargets)
        return bound, data._replace(rows=(x, targets), labels=None)

    def _targets(self, y: np.ndarray, outputs: int, dtype: np.dtype, argument: str) -> np.ndarray:
        """Return targets ``[n, T, n_out]`` from labels, numbers or targets with T columns."""
        n, columns = y.shape[:2]
        needed = COPIES * n * columns * outputs * dtype.itemsize
        memory.check(argument, needed, sizes=f", for {columns} targets of {n} rows")
        flat = y.reshape(n * columns, *y.shape[2:])
        targets: np.ndarray = as_targets(flat, (n * columns, outputs), self.loss, dtype, argument)
        return targets.reshape(n, columns, -1)

    @property
    def alone(self) -> Supervised:
        """The same learner for a single target."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(Supervised)}
        return Supervised(**fields)

    def check(self, data: Data) -> None:
        """Try the user's functions on shapes, with the first target."""
        self.alone.check(data.of_target(0))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """Take a step on the member's target."""
        x, targets = batch.rows
        of_member = batch._replace(rows=(x, targets[:, _number(hyper)]))
        return super().step(state, of_member, hyper, key)

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, separate: bool
    ) -> tuple[State, jax.Array]:
        """Take a step of all members, on the last axis, each on its own target."""
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
        """Return every metric for each row, computed with the member's target."""
        x, targets = rows
        return super().score(params, (x, targets[:, _number(hyper)]), hyper)

    def describe(self) -> Json:
        """Describe the learner for one target, and record that there are several."""
        return {**super().describe(), SEVERAL_TARGETS: True}


def of_targets(learner: Learner) -> OneOfTargets:
    """Return the learner of one target among several.

    Raises:
        TypeError: The learner is not from `jfnn.supervised`.
    """
    if type(learner) is not Supervised:
        expected = "expected a network or jfnn.supervised(network, …), since each subset learns one target"
        raise ArgumentTypeError("network", expected, got=checks.as_text(learner))
    fields = {field.name: getattr(learner, field.name) for field in dataclasses.fields(Supervised)}
    return OneOfTargets(**fields)


def _number(hyper: Hyper) -> jax.Array:
    return hyper[TARGET].astype(np.int32)


def _columns(y: object, argument: str) -> np.ndarray:
    """Return targets as an array of at least two axes, rows and columns."""
    array = np.asarray(checks.as_array(y, argument))
    if array.ndim not in (2, 3) or not array.shape[1]:
        expected = "expected a column for each target: labels or numbers [n, T], or targets [n, T, outputs]"
        raise ArgumentError(argument, expected, got=str(list(array.shape)))
    return array


def _check_classes(labels: np.ndarray) -> None:
    """Raise ArgumentError unless all columns of labels ``[n, T]`` have the same number of classes."""
    classes = labels.max(axis=0) + 1
    other = np.flatnonzero(classes != classes[0])
    if len(other):
        got = f"{classes[0]} in column 0 and {classes[other[0]]} in column {other[0]}"
        cure = "sweep them separately, or pass one-hot targets [n, T, classes], where classes may be empty"
        raise ArgumentError("y_train", "expected equal numbers of classes in all targets", got=got, cure=cure)
