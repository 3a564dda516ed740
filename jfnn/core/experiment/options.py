"""All options of a sweep: keywords, command-line flags and documentation derive from these declarations."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jfnn import losses
from jfnn.arguments import checks, fields, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Convert, Converted, Valid, at_least, one_of, optional
from jfnn.core.experiment.axes import ALWAYS, HYPER, Number, Sample, as_cells, as_numbers
from jfnn.core.experiment.networks import Networks, as_networks
from jfnn.core.experiment.refit import Refit, Simplest, as_refit
from jfnn.core.experiment.remote import Remote
from jfnn.core.experiment.settings import (
    Execution,
    Validation,
    as_batch_sizes,
    as_epoch_range,
    as_execution,
    as_pair,
    as_rows,
    as_schedulers,
    as_seeds,
    as_split,
    as_validation,
)
from jfnn.core.experiment.subsets import Subsets
from jfnn.learners.learner import Learner
from jfnn.losses import Loss
from jfnn.minibatches import AUTO, Minibatches
from jfnn.network import Network
from jfnn.optimizers import Factory, Optimizer, Values, as_optimizer, is_axis
from jfnn.params import Params
from jfnn.schedulers.scheduler import Scheduler
from jfnn.split import Split
from jfnn.training import GRADIENT_NAMES, ValueAndGrad


def option(
    help: str,
    default: object = dataclasses.MISSING,
    convert: Convert | None = None,
) -> Any:
    """Declare a keyword argument: its help, its default and a converter of its value."""
    return fields.field(default, convert, help=help)


def _gradient(value: object, argument: str) -> Any:
    """Check a name; a function is tried later, on the learner's parameters."""
    return value if callable(value) else checks.as_choice(value, argument, GRADIENT_NAMES)


@dataclasses.dataclass(kw_only=True)
class Common(Valid):
    """Options shared by all functions that train."""

    learning_rate: Converted[Values | None, Number | None] = option(
        "Learning rate η, a number or a sequence: the first axis ``[E]``. With ``cells``, also a"
        " distribution, or None if each cell has its own.",
        None,
        optional(HYPER["learning_rate"]),
    )
    l2: Converted[Values, Number] = option("L2 penalty λ, or several: second axis ``[L]``.", 0.0, HYPER["l2"])
    hyper: Converted[Mapping[str, Values] | None, dict[str, Number]] = option(
        "Further hyperparameters by name; a sequence adds an axis, a number is a constant. Networks take"
        ' "dropout", the probability of dropping a hidden unit for a sample in training; "init_scale", the'
        ' factor of the initial weights; "l1", the strength of the penalty ``l1 Σ |w|`` (`jfnn.penalties`);'
        " and hyperparameters of their own (see `jfnn.Constant`). Results with a dropout of 0 are the same"
        " beside any other rates, but their last bits differ from results without dropout.",
        None,
        as_numbers,
    )
    loss: Converted[str | Loss, Loss] = option(
        "A key of `jfnn.losses.LOSSES`, or a `jfnn.Loss` such as `jfnn.losses.huber` and"
        ' `jfnn.losses.pinball` return. With "quadratic", the mean squared error of one output is 2 × loss.',
        "cross_entropy",
        lambda value, _: losses.get(value),
    )
    reduction: str = option(
        '"mean" over the rows of a step (scikit-learn), or "sum" (the lecture notes); see `jfnn.objective`.',
        "mean",
        one_of(losses.REDUCTIONS),
    )
    optimizer: Converted[str | Optimizer | Factory, Optimizer] = option(
        '"sgd", the name of any optax optimizer, a factory, or a `jfnn.Optimizer` with arguments and a'
        " schedule; arguments that are sequences add axes.",
        "sgd",
        lambda value, _: as_optimizer(value),
    )
    gradient: str | ValueAndGrad = option(
        '"autodiff" (`jax.grad`), "backprop" (derived by hand; equal up to rounding, about as fast), or a'
        " function ``(params, x, targets, l2=…) -> (value, gradients)``.",
        "autodiff",
        _gradient,
    )
    epochs: Converted[int | range, range] = option(
        "Number of epochs; or ``range(first, end)``, to continue from ``initial_params``, a result or its"
        " parameters after ``first`` epochs. Minibatches, random keys and epoch numbers are then those of"
        " one run of ``end`` epochs and initialization factors are not applied again, but optimizers,"
        " schedules, schedulers and pruning start afresh. ``resume`` adds no epochs: it finishes an"
        " interrupted run.",
        100,
        as_epoch_range,
    )
    batch_size: Converted[
        int | str | Minibatches | Sequence[int | Minibatches | None] | None,
        Minibatches | tuple[Minibatches, ...],
    ] = option(
        'Rows per step; "auto" for 100, or for a quarter of the training rows (of the smallest fold) if they'
        " are fewer than 400; None for all rows (gradient descent); or `jfnn.Minibatches`, for passes over a"
        " permutation instead of a fresh random subset each step. `jfnn.sweep` also takes several, which"
        ' form the axis "batch_size".',
        AUTO,
        as_batch_sizes,
    )
    batches: np.ndarray | Callable[[int, int], np.ndarray] | None = option(
        "Row numbers ``[epochs, steps, batch]`` to train on instead of drawn minibatches, optionally with a"
        " leading seed axis; or a function ``(seed, epoch) -> row numbers [steps, batch]``, which is called"
        " on another thread while devices work and must be deterministic.",
        None,
    )
    initial_params: Params | None = option(
        "Parameters to start from instead of the network's ``init``, optionally with leading axes of the"
        " seeds or of the whole grid, like ``result.params`` (nested lists for several networks or batch"
        " sizes). In a tuple with an entry per layer, None stands for a layer that ``init`` initializes."
        " With ``epochs=range(first, end)``, also a `SweepResult` with the same axes: members that diverged,"
        " stopped or were pruned then remain so, which parameters alone do not record.",
        None,
    )
    validation: Converted[float | int | Validation | None, Validation] = option(
        "Share (float) or number (int) of training rows to hold out, or a `jfnn.Validation`; cells are then"
        " ranked on these rows, and the test rows are reserved for the winner.",
        None,
        as_validation,
    )
    schedulers: Converted[Scheduler | Sequence[Scheduler], tuple[Scheduler, ...]] = option(
        "One or several rules that stop, copy or change members at evaluations, such as ``jfnn.Halving(3)``.",
        (),
        as_schedulers,
    )
    execution: Converted[int | Execution | Remote | None, Execution] = option(
        "Where and how to train: a number of devices, an executor of other processes, or a `jfnn.Execution`.",
        None,
        as_execution,
    )
    out: Converted[str | os.PathLike[str] | None, Path | None] = option(
        "A directory for checkpoints during the run and its result at the end, which `jfnn.load` reads. It"
        " must not hold another run.",
        None,
        optional(paths.as_path),
    )
    resume: bool = option(
        "Continue the run in ``out`` if it was interrupted, with the bits of an uninterrupted run; return"
        " its result if it has finished; start it if there is none. For more epochs, begin another run from"
        " ``initial_params``: see ``epochs``.",
        False,
        checks.as_switch,
    )

    def check_together(self) -> None:
        """Raise ArgumentError if valid fields do not fit together."""
        if self.learning_rate is None and "learning_rate" not in self.listed_values:
            given = f"; cells have {', '.join(self.listed_values)}" if self.listed_values else ""
            raise ArgumentTypeError("learning_rate", f"expected a number, or several; got none{given}")
        if self.epochs.start and self.initial_params is None:
            raise ArgumentError("epochs", f"{self.epochs} needs initial_params to continue from; got none")
        if self.resume and self.out is None:
            raise ArgumentError("resume", "there is nothing to continue; give the run's directory as out")

    @property
    def listed_values(self) -> Mapping[str, np.ndarray]:
        """Name -> values of listed cells; empty without them."""
        return {}

    @property
    def hyper_names(self) -> list[str]:
        """Names of the further hyperparameters that the options give values for."""
        return [name for name in {**self.hyper, **self.listed_values} if name not in ALWAYS]

    @property
    def scheme(self) -> Minibatches:
        """The batch size of one program; raises ValueError if there are several."""
        if not isinstance(self.batch_size, Minibatches):
            raise ArgumentError("batch_size", "expected one number of rows here; jfnn.sweep takes several")
        return self.batch_size

    def non_default(self, names: Iterable[str]) -> list[str]:
        """Return the named options whose values differ from their defaults."""
        changed = []
        for name, field in self.__dataclass_fields__.items():
            if name in names:
                convert = field.metadata["convert"]
                default = field.default if convert is None else convert(field.default, name)
                if np.any(vars(self)[name] != default):  # folds may be an array
                    changed.append(name)
        return changed

    def several(self) -> list[str]:
        """Return the names of hyperparameters that are given as a sequence or a distribution."""
        learner = vars(self)["network"]
        numbers = learner.numbers if isinstance(learner, Learner) else self.optimizer.numbers
        values = {"learning_rate": self.learning_rate, "l2": self.l2, **self.hyper, **numbers}
        return [name for name, value in values.items() if is_axis(value)]

    def common(self) -> dict[str, Any]:
        """Return the values of the options shared by all functions that train."""
        values = vars(self)
        return {field.name: values[field.name] for field in dataclasses.fields(Common)}


@dataclasses.dataclass
class Options(Common):
    """Arguments of `jfnn.sweep`.

    Attributes:
        network: A `jfnn.Network`, from `jfnn.mlp` or another constructor, or a `jfnn.Learner`; several by
            name, which form the axis "network"; or `jfnn.Networks`, whose axes have names and values.
        split: ``Split(x_train, y_train, x_test, y_test, weights)``.
    """

    network: Network | Learner | Networks | Mapping[str, Network | Learner] = dataclasses.field(
        metadata={"convert": as_networks}
    )
    split: Split = dataclasses.field(metadata={"convert": as_split})
    _: dataclasses.KW_ONLY
    seeds: Converted[int | Sequence[int], list[int]] = option(
        "Number of seeds (0, 1, …) or a list of them; the last axis ``[S]``. A seed fixes the initial"
        " parameters and the minibatches.",
        1,
        as_seeds,
    )
    folds: int | Iterable[object] | Subsets | None = option(
        "Cross-validation: a number of folds (scikit-learn's KFold, or StratifiedKFold for classes, with the"
        " same rows), a splitter, or pairs of row numbers; or `jfnn.subsets.Subsets`. Folds are a further"
        " axis, after the seeds.",
        None,
    )
    refit: Converted[bool | str | Simplest | Refit | None, Refit | None] = option(
        "Train the best cell again on all training rows, for `SweepResult.refit`; after early stopping, for"
        ' the mean number of epochs that the cell kept. "all" includes the test'
        ' rows; a `jfnn.Simplest` chooses the cell by this rule; a `jfnn.Refit`, such as ``Refit("all",'
        " cells=5)``, can train several.",
        False,
        as_refit,
    )
    cells: Converted[
        int | Sample | Sequence[Mapping[str, float]] | Mapping[str, Sequence[float]] | None,
        Sample | dict[str, np.ndarray] | None,
    ] = option(
        "Cells instead of all combinations, on one axis of every array ``[n, S]``. A number is a random"
        " search: that many values of each hyperparameter are drawn independently, from a distribution (with"
        " ``ppf``, such as ``scipy.stats.loguniform(1e-5, 1)``) or a sequence. Cells can also be listed,"
        ' ``[{"learning_rate": 0.1, "l2": 0.0}, …]``, or given as columns of equal length; they replace'
        " single values given elsewhere, also in the optimizer.",
        None,
        optional(as_cells),
    )

    @property
    def listed_values(self) -> Mapping[str, np.ndarray]:
        """Name -> values of listed cells; empty without them."""
        return self.cells if isinstance(self.cells, Mapping) else {}

    @property
    def model(self) -> Network | Learner:
        """The network or learner of one program; raises ValueError if there are several."""
        if isinstance(self.network, Networks | Mapping):
            raise ArgumentError("network", "expected one network here; jfnn.sweep takes several")
        return self.network


@dataclasses.dataclass
class TrainOptions(Common):
    """Arguments of `jfnn.train`.

    Attributes:
        network: As in `Options`.
        x: Inputs ``[n, …]``; None for losses that draw their own data.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        seed: Fixes the initial parameters and the minibatches.
        fold: Number of the fold whose random numbers dropout uses, as in a sweep with folds.
        test: Optional test rows ``(x, y)``, which are scored as well.
        weights: Weight of each row's cost ``[n]``.
    """

    network: Network | Learner
    x: ArrayLike | None = fields.field(None, as_rows)
    y: ArrayLike | None = None
    _: dataclasses.KW_ONLY
    seed: int = fields.field(0, checks.as_seed)
    fold: int = fields.field(0, at_least(0))
    test: tuple[ArrayLike, ArrayLike] | None = fields.field(None, optional(as_pair))
    weights: ArrayLike | None = None
