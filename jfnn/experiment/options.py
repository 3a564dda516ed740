"""Every option of a sweep, declared once: name, type, default, check and help.

Keywords of `jfnn.sweep` and other functions, flags of the command line, and the documentation follow from
these declarations.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import optax

from jfnn import losses
from jfnn.arguments import checks, paths
from jfnn.experiment.axes import HYPER, Sample, as_sample
from jfnn.experiment.settings import (
    Execution,
    Validation,
    as_execution,
    as_mapping,
    as_minibatches,
    as_schedulers,
    as_seeds,
    as_split,
    as_validation,
    optional,
)
from jfnn.experiment.workers import Workers
from jfnn.layers.kind import Params
from jfnn.learners.learner import Learner
from jfnn.losses import Loss
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.optimizers import Optimizer, Values, as_optimizer
from jfnn.schedulers.scheduler import Scheduler
from jfnn.subsets import Subsets
from jfnn.targets import Split
from jfnn.training import GRADIENTS, ValueAndGrad

Check = Callable[[Any, str], Any]  # of a value and the option's name: the value in its canonical type


def option(help: str, default: Any = dataclasses.MISSING, check: Check | None = None) -> Any:
    """A keyword: its help, its default, and its check, where the value alone can be checked."""
    return dataclasses.field(default=default, metadata={"help": help, "check": check})


def _gradient(value: Any, argument: str) -> Any:
    """A name, or a function, which is tried on the learner's parameters."""
    return value if callable(value) else checks.as_choice(value, argument, GRADIENTS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every function that trains."""

    learning_rate: Values = option(
        "η, a number or a sequence: the first axis ``[E]``. With ``sample`` also a distribution.",
        check=HYPER["learning_rate"],
    )
    l2: Values = option("λ, in the same way: the second axis ``[L]``.", 0.0, HYPER["l2"])
    hyper: Mapping[str, Values] | None = option(
        "Further numbers of each member by name; a sequence is a further axis, a number a constant. Networks"
        ' take "dropout", the probability to drop a hidden unit for a sample in training, and "init_scale",'
        " the factor of starting weights. A dropout of 0 gives other last bits than none, those that it has"
        " beside other rates.",
        None,
        optional(as_mapping),
    )
    loss: str | Loss = option(
        "A key of `jfnn.losses.LOSSES`, or a `jfnn.Loss`.",
        "cross_entropy",
        lambda value, _: losses.get(value),
    )
    reduction: str = option(
        '"sum" (the notes) or "mean" (scikit-learn); see `jfnn.objective`.',
        "sum",
        functools.partial(checks.as_choice, choices=losses.REDUCTIONS),
    )
    optimizer: str | Optimizer | Callable[..., optax.GradientTransformation] = option(
        '"sgd", any optax optimizer by name, a factory, or a `jfnn.Optimizer` with arguments and a schedule;'
        " its arguments that are sequences are further axes.",
        "sgd",
        lambda value, _: as_optimizer(value),
    )
    gradient: str | ValueAndGrad = option(
        '"autodiff" (`jax.grad`), "backprop" (the hand derivation; equal to rounding, and faster), or a'
        " function ``(params, x, targets, l2=…) -> (value, gradients)``.",
        "autodiff",
        _gradient,
    )
    epochs: int = option(
        "Epochs to train.",
        100,
        functools.partial(checks.as_count, minimum=0),
    )
    batch_size: int | Minibatches | Sequence[int | Minibatches | None] | None = option(
        "Rows a step; None for all of them (gradient descent); or `jfnn.Minibatches`, to pass over a"
        " permutation instead of drawing a fresh subset each step. Of `jfnn.sweep` also several, which are"
        ' the axis "batch_size".',
        100,
        as_minibatches,
    )
    batches: np.ndarray | Callable[[int, int], np.ndarray] | None = option(
        "Row numbers ``[epochs, steps, batch]`` to train on instead of drawn ones, or these with a leading"
        " seed axis; or a function ``(seed, epoch) -> row numbers [steps, batch]``, which is called on"
        " another thread while devices work, and must give the same each time.",
        None,
    )
    initial_params: Params | None = option(
        "Parameters to start from instead of the network's own, or these with a leading seed axis.", None
    )
    validation: float | int | Validation | None = option(
        "Share (float) or number (int) of training rows to hold out, or a `jfnn.Validation`; cells are then"
        " ranked on these rows, and the test rows are left for the winner.",
        None,
        as_validation,
    )
    schedulers: Sequence[Scheduler] = option(
        "Rules that stop, copy or change members at evaluations, such as ``[jfnn.Halving(3)]``.",
        (),
        as_schedulers,
    )
    execution: int | Execution | Workers | Executor | None = option(
        "How it runs: a number of devices, an executor of other processes, or a `jfnn.Execution`.",
        None,
        as_execution,
    )
    out: str | os.PathLike[str] | None = option(
        "A directory for the run: its state is saved there on the way, and in the end the result, for"
        " `jfnn.load`. It must hold no other run.",
        None,
        optional(paths.as_path),
    )
    resume: bool = option(
        "Go on with the run in ``out`` if it was stopped, with the bits it would have had otherwise; give"
        " back its result if it has ended; start it if there is none.",
        False,
        checks.as_switch,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions(Common):
    """Options of every function that trains several members."""

    seeds: int | Sequence[int] = option(
        "How many (0, 1, …), or which; the last axis ``[S]``. A seed fixes starting parameters and"
        " minibatches.",
        1,
        as_seeds,
    )
    folds: int | Iterable[Any] | Subsets | None = option(
        "Cross-validation: a number of folds (scikit-learn's KFold, for classes StratifiedKFold, the same"
        " rows), a splitter object, or pairs of row numbers; or `jfnn.subsets.Subsets`. Folds are a further"
        " axis, after the seeds.",
        None,
    )
    refit: bool = option(
        "Train the best cell once more, on all training rows, for `SweepResult.refit`.",
        False,
        checks.as_switch,
    )
    sample: int | Sample | None = option(
        "Random search: draw this number of cells instead of taking every combination. A distribution (with"
        " ``ppf``, such as ``scipy.stats.loguniform(1e-5, 1)``) or a sequence is drawn from, independently."
        " All arrays then have one axis of cells, ``[n, S]``.",
        None,
        optional(as_sample),
    )


@dataclasses.dataclass(frozen=True)
class Options(SearchOptions):
    """Arguments of `jfnn.sweep`.

    Attributes:
        network: A `jfnn.Network`, from `jfnn.mlp` or another constructor, or a `jfnn.Learner`; or several of
            them by name, which are the axis "network".
        split: ``Split(x_train, y_train, x_test, y_test, weights)``.
    """

    network: Network | Learner | Mapping[str, Network | Learner]
    split: Split = dataclasses.field(metadata={"check": as_split})

    def checked(self) -> "CheckedOptions":
        """The same options, each in the canonical type of its check; raises ArgumentError."""
        values = vars(self).copy()
        for field in dataclasses.fields(self):
            if check := field.metadata.get("check"):
                values[field.name] = check(values[field.name], field.name)
        return CheckedOptions(**values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckedOptions(Options):
    """Options in the types that their checks return."""

    batch_size: Minibatches
    validation: Validation
    schedulers: tuple[Scheduler, ...]
    execution: Execution
    seeds: list[int]
    sample: Sample | None


@dataclasses.dataclass(frozen=True)
class TrainOptions(Common):
    """Arguments of `jfnn.train`.

    Attributes:
        network: As in `Options`.
        x: Inputs ``[n, …]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        seed: Fixes starting parameters and minibatches.
        fold: The fold whose random numbers dropout draws, as in a sweep with folds.
        test: Optional ``(x, y)`` to score as well.
        weights: How often each row's cost counts ``[n]``.
    """

    network: Network | Learner
    x: Any
    y: Any = None
    seed: int = dataclasses.field(default=0, kw_only=True)
    fold: int = dataclasses.field(default=0, kw_only=True)
    test: tuple[Any, Any] | None = dataclasses.field(default=None, kw_only=True)
    weights: Any = dataclasses.field(default=None, kw_only=True)
