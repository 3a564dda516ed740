"""Types of options that hold several settings, and converters of options."""

import dataclasses
import json
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Converted, Valid, field, one_of, optional
from jfnn.core.engine.cohort import Listener, Progress
from jfnn.core.experiment.progress import as_progress
from jfnn.core.experiment.remote import Remote, as_remote
from jfnn.learners.learner import Metric
from jfnn.minibatches import Minibatches
from jfnn.schedulers.scheduler import Scheduler
from jfnn.split import Split, check_indexes, column_names

KEEP_PARAMS = ("all", "best", "none", "evaluations")
SEED_BYTES = 1000  # per replicate, not counting its initial parameters


def _as_size(size: float | int | None, argument: str) -> float | int | None:
    """Check the type of a share or number of rows, or None; its range is checked once the data are known."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, numbers.Real)):
        raise ArgumentTypeError(argument, f"expected a share or a number of rows, got {checks.as_text(size)}")
    if size is None:
        return None
    return int(size) if isinstance(size, numbers.Integral) else float(size)


def _as_rank_by(metric: object, argument: str) -> str | Metric | None:
    if metric is not None and not isinstance(metric, str | Metric):
        got = checks.as_text(metric)
        raise ArgumentTypeError(argument, f"expected the name of a metric, or a jfnn.Metric, got {got}")
    return metric


@dataclasses.dataclass(frozen=True)
class Validation(Valid):
    """Held-out rows that rank cells, and the metric that ranks.

    Attributes:
        size: Share (float) or number (int) of training rows to hold out, the same for every seed; or None.
        rank_by: Name of a metric of the learner or of `jfnn.learners.METRICS` ("auc", "f1", "log_loss", "r2",
            "mse", …), or a custom `jfnn.Metric`, recorded beside the others. None for accuracy if targets are
            classes or labels of outputs, otherwise the loss.

    Raises:
        TypeError: Not a number, or not a metric; whether they fit the rows is checked when a run begins.

    Example:
        >>> import jfnn
        >>> jfnn.Validation(0.2, rank_by="loss")
        Validation(size=0.2, rank_by='loss')
    """

    size: float | int | None = field(None, _as_size)
    rank_by: str | Metric | None = field(None, _as_rank_by)


def _as_epochs(every: object, argument: str) -> int | list[int]:
    """Check a number of epochs, or sort several epochs."""
    every = every.tolist() if hasattr(every, "tolist") else every
    if not checks.is_several(every):
        return checks.as_count(every, argument)
    if not len(every):
        raise ArgumentError(argument, "expected at least one epoch")
    return sorted({checks.as_count(epoch, argument) for epoch in every})


def as_epoch_range(epochs: object, argument: str) -> range:
    """Return the range of epochs to train, from their number or a range."""
    if not isinstance(epochs, range):
        return range(checks.as_count(epochs, argument, minimum=0))
    if epochs.step != 1 or not 0 <= epochs.start <= epochs.stop <= checks.MOST:
        raise ArgumentError(argument, f"expected epochs in order, range(first, end), got {epochs}")
    return epochs


def _as_shared(shared: Any, argument: str, tile: int | None) -> bool | int | None:
    """Check whether members share minibatches, or how many neighbors do."""
    if shared is None or isinstance(shared, bool) or not isinstance(shared, numbers.Integral):
        return None if shared is None else checks.as_switch(shared, argument)
    count = checks.as_count(shared, argument, minimum=2)
    if tile is None or tile % count:
        raise ArgumentError(argument, "expected a number that divides tile", got=f"{count}, tile={tile}")
    return count


@dataclasses.dataclass
class Execution(Valid):
    """How a sweep runs and what it records; only ``tile``, ``shared`` and ``padded`` change bits.

    Attributes:
        devices: A number of devices, or JAX devices; None for all accelerators or, without any, all CPU
            cores.
        tile: Number of members trained side by side; None to choose automatically.
        shared: Whether members of a tile share minibatches and random keys; or how many neighbors do, a
            divisor of ``tile``; None to choose automatically.
        padded: Rows to which full batches are padded, with rows of weight 0. None for the rows of the longest
            fold if folds differ in length and the learner takes weights, so that they share a program.
        eval_every: Epochs between evaluations of the history, or a sequence of epochs; None for no history.
        objective: Whether to record the mean objective of each epoch's steps, and further terms of a loss.
        keep_params: Trained parameters to keep: "all", "best" (the best cell's), "none", or "evaluations" (at
            each evaluation; their axis follows the grid's).
        verify: Whether to compare the first compiled step and its scores with the same operations run one by
            one.
        progress: Called with a `Progress` at every return to the host, including each evaluation; True for a
            progress bar (in notebooks a widget), which also moves in between.
        executor: Other processes that train, local or remote: `jfnn.Workers` with any executor of
            ``concurrent.futures`` (a process pool, Dask's, MPI's). Results have the bits of this process, or
            of the ``kind`` given there; workers that would give other bits are refused. None to train here.

    Raises:
        ValueError, TypeError: An invalid value; whether the devices exist is checked when a run begins.

    Example:
        >>> import jfnn
        >>> execution = jfnn.Execution(eval_every=[10, 1, 100], keep_params="best")
        >>> execution.eval_every
        [1, 10, 100]
    """

    devices: int | Sequence[jax.Device] | None = None
    tile: int | None = field(None, optional(checks.as_count))
    shared: bool | int | None = field(None, _as_shared, given=["tile"])
    padded: int | None = field(None, optional(checks.as_count))
    eval_every: Converted[int | Sequence[int] | None, int | list[int] | None] = field(
        None, optional(_as_epochs)
    )
    objective: bool = field(False, checks.as_switch)
    keep_params: str = field("all", one_of(KEEP_PARAMS))
    verify: bool = field(False, checks.as_switch)
    progress: Converted[Callable[[Progress], None] | bool | None, Callable[[Progress], None] | None] = field(
        None, as_progress
    )
    executor: Remote | None = field(None, optional(as_remote))

    def check_together(self) -> None:
        """Raise ArgumentError if valid fields do not fit together."""
        if self.keep_params == "evaluations" and self.eval_every is None:
            raise ArgumentError("keep_params", "'evaluations' needs eval_every")
        if self.executor is not None and self.devices is not None:
            raise ArgumentError("devices", "the workers of an executor choose them; leave it out")

    @property
    def listener(self) -> Listener:
        """The progress bar, or a listener that ignores all events."""
        return self.progress if isinstance(self.progress, Listener) else Listener()


def _check_plain(value: object, argument: str) -> None:
    """Raise TypeError unless the value is a mapping of names to JSON values."""
    mapping = checks.as_mapping(value, argument)
    try:
        json.dumps(dict(mapping))
    except (TypeError, ValueError):
        got = checks.as_text(mapping)
        raise ArgumentTypeError(argument, f"expected values that JSON can represent, got {got}") from None


def as_split(split: object, argument: str) -> Split:
    """Return a `Split` from a sequence of four or more of its fields."""
    if (
        not isinstance(split, Sequence)  # an array, for example
        or not checks.is_several(split)
        or not 4 <= len(split) <= len(Split._fields)
    ):
        expected = "expected jfnn.Split(x_train, y_train, x_test, y_test); the last two are optional"
        raise ArgumentTypeError(argument, f"{expected}, got a {type(split).__name__}")
    made = Split(*split)
    as_rows(made.x_train, "x_train")
    check_indexes(made)
    of_train = column_names(made.x_train)
    of_test = column_names(made.x_test)
    if of_train and of_test and of_train != of_test:
        expected = f"the columns of x_train in their order, {checks.as_text(of_train)}"
        raise ArgumentError("x_test", f"expected {expected}, got {checks.as_text(of_test)}")
    if made.names is not None:
        _check_plain(made.names, "names")
    return made


def as_rows(x: Any, argument: str) -> Any:
    """Return rows unchanged; refuse a `Split`, which JAX would treat as a pytree of rows."""
    if isinstance(x, Split):
        cure = "sweep takes a Split; train takes its parts: train(network, split.x_train, split.y_train)"
        raise ArgumentTypeError(argument, "expected rows", got="a Split", cure=cure)
    return x


def as_pair(value: object, argument: str) -> tuple[Any, Any]:
    """Check a pair of inputs and targets."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ArgumentError(argument, f"expected a pair (x, y), got {type(value).__name__}")
    return value[0], value[1]


def as_minibatches(size: Any, argument: str) -> Minibatches:
    """Convert a number of rows per step or None to `Minibatches`; return `Minibatches` unchanged."""
    with checks.rename_arguments(batch_size=argument):
        scheme = size if isinstance(size, Minibatches) else Minibatches(size)
    if not scheme.drop_last and not scheme.is_pass:
        raise ArgumentError("drop_last", f"expected True, since {scheme.scheme!r} leaves no rows over")
    return scheme


def as_batch_sizes(sizes: object, argument: str) -> Minibatches | tuple[Minibatches, ...]:
    """Return `Minibatches`, or a tuple of them from several different batch sizes."""
    if isinstance(sizes, Minibatches) or not checks.is_several(sizes):
        return as_minibatches(sizes, argument)
    schemes = tuple(as_minibatches(size, argument) for size in sizes)
    values = [scheme.axis_value for scheme in schemes]
    if not values or len(set(values)) < len(values):
        raise ArgumentError(argument, f"expected numbers of rows, each once, got {checks.as_text(sizes)}")
    return schemes


def as_schedulers(schedulers: object, argument: str) -> tuple[Scheduler, ...]:
    """Return one or several schedulers as a tuple; schedulers that keep parameters come first."""
    if isinstance(schedulers, Scheduler):
        return (schedulers,)
    if not checks.is_several(schedulers) or not all(isinstance(one, Scheduler) for one in schedulers):
        expected = "expected rules such as jfnn.EarlyStopping(5), one or several in a list"
        raise ArgumentTypeError(argument, f"{expected}, got {checks.as_text(schedulers)}")
    return tuple(sorted(schedulers, key=lambda scheduler: not scheduler.keeps_best))


def as_execution(value: Any, argument: str) -> Execution:
    """Convert a number of devices, `jfnn.Workers` or None to an `Execution`."""
    if isinstance(value, Execution):
        return value
    if isinstance(value, Remote) or callable(getattr(value, "submit", None)):
        with checks.rename_arguments(executor=argument):
            return Execution(executor=value)
    return Execution(None if value is None else checks.as_count(value, argument))


def as_validation(value: Any, argument: str) -> Validation:
    """Convert a share or number of rows, or None, to a `Validation`."""
    with checks.rename_arguments(size=argument):
        return value if isinstance(value, Validation) else Validation(value)


def as_seeds(seeds: object, argument: str) -> list[int]:
    """Return seeds, from their count or a sequence of distinct integers from 0 to 2³² - 1."""
    seeds = seeds.tolist() if hasattr(seeds, "tolist") else seeds
    if not checks.is_several(seeds):
        count = checks.as_count(seeds, argument)
        memory.check(argument, SEED_BYTES * count)
        return list(range(count))
    checked = [checks.as_seed(seed.item() if hasattr(seed, "item") else seed, argument) for seed in seeds]
    if not checked:
        raise ArgumentError(argument, "expected at least one")
    if len(set(checked)) != len(checked):
        raise ArgumentError(argument, f"expected each one once, got {checks.as_text(checked)}")
    return checked
