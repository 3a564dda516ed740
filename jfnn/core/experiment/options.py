"""Every option of a sweep, declared once: name, type, default, check and help.

Keywords of `jfnn.sweep` and other functions, flags of the command line, and the documentation follow from
these declarations.
"""

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
from jfnn.core.experiment.refit import Refit, as_refit
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
from jfnn.core.experiment.simplest import Simplest
from jfnn.core.experiment.subsets import Subsets
from jfnn.learners.learner import Learner
from jfnn.losses import Loss
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.optimizers import Factory, Optimizer, Values, as_optimizer, is_axis
from jfnn.params import Params
from jfnn.schedulers.scheduler import Scheduler
from jfnn.split import Split
from jfnn.training import GRADIENTS, ValueAndGrad


def option(
    help: str,
    default: object = dataclasses.MISSING,
    convert: Convert | None = None,
) -> Any:
    """A keyword.

    Args:
        help: Its help.
        default: Its default.
        convert: Its converter, where it needs only the value.
    """
    return fields.field(default, convert, help=help)


def _gradient(value: object, argument: str) -> Any:
    """A name, or a function, which is tried on the learner's parameters."""
    return value if callable(value) else checks.as_choice(value, argument, GRADIENTS)


@dataclasses.dataclass(kw_only=True)
class Common(Valid):
    """Options of every function that trains."""

    learning_rate: Converted[Values | None, Number | None] = option(
        "η, a number or a sequence: the first axis ``[E]``. With ``cells`` also a distribution, or None where"
        " each of these has it.",
        None,
        optional(HYPER["learning_rate"]),
    )
    l2: Converted[Values, Number] = option("λ, in the same way: the second axis ``[L]``.", 0.0, HYPER["l2"])
    hyper: Converted[Mapping[str, Values] | None, dict[str, Number]] = option(
        "Further numbers of each member by name; a sequence is a further axis, a number a constant. Networks"
        ' take "dropout", the probability to drop a hidden unit for a sample in training, "init_scale", the'
        ' factor of starting weights, "l1", the strength of the penalty ``l1 Σ |w|`` (`jfnn.penalties`), and'
        " numbers of their own (see `jfnn.Constant`). A dropout of 0 gives other last bits than none, those"
        " that it has beside other rates.",
        None,
        as_numbers,
    )
    loss: Converted[str | Loss, Loss] = option(
        "A key of `jfnn.losses.LOSSES`, or a `jfnn.Loss`, as of `jfnn.losses.huber` and"
        ' `jfnn.losses.pinball`. With "quadratic" the mean squared error of one output is 2 × loss.',
        "cross_entropy",
        lambda value, _: losses.get(value),
    )
    reduction: str = option(
        '"mean" over the rows of a step (scikit-learn), or "sum" (the notes); see `jfnn.objective`.',
        "mean",
        one_of(losses.REDUCTIONS),
    )
    optimizer: Converted[str | Optimizer | Factory, Optimizer] = option(
        '"sgd", any optax optimizer by name, a factory, or a `jfnn.Optimizer` with arguments and a schedule;'
        " its arguments that are sequences are further axes.",
        "sgd",
        lambda value, _: as_optimizer(value),
    )
    gradient: str | ValueAndGrad = option(
        '"autodiff" (`jax.grad`), "backprop" (the hand derivation; equal to rounding, about as fast), or a'
        " function ``(params, x, targets, l2=…) -> (value, gradients)``.",
        "autodiff",
        _gradient,
    )
    epochs: Converted[int | range, range] = option(
        "How many to train; or ``range(first, end)``, to go on from ``initial_params``, a result or its"
        " parameters of ``first`` epochs: minibatches, keys and numbers of epochs are those of one run of"
        " ``end`` epochs, factors of the start are not applied again, and what optimizers, schedules,"
        " schedulers and pruning remember begins anew. ``resume`` adds no epochs: it ends the run as it was"
        " begun.",
        100,
        as_epoch_range,
    )
    batch_size: Converted[
        int | Minibatches | Sequence[int | Minibatches | None] | None, Minibatches | tuple[Minibatches, ...]
    ] = option(
        "Rows a step; None for all of them (gradient descent); or `jfnn.Minibatches`, to pass over a"
        " permutation instead of drawing a fresh subset each step. Of `jfnn.sweep` also several, which are"
        ' the axis "batch_size".',
        100,
        as_batch_sizes,
    )
    batches: np.ndarray | Callable[[int, int], np.ndarray] | None = option(
        "Row numbers ``[epochs, steps, batch]`` to train on instead of drawn ones, or these with a leading"
        " seed axis; or a function ``(seed, epoch) -> row numbers [steps, batch]``, which is called on"
        " another thread while devices work, and must give the same each time.",
        None,
    )
    initial_params: Params | None = option(
        "Parameters to start from instead of the network's ``init``; or with leading axes, of the seeds, or"
        " all of the grid, as ``result.params`` has them; of several networks or batch sizes in nested lists,"
        " as there. In a tuple with an entry for each layer, None stands for a layer that starts by ``init``."
        " With ``epochs=range(first, end)`` also a `SweepResult` of the same axes: members that"
        " diverged, stopped or were pruned there then stay so, which parameters alone do not tell.",
        None,
    )
    validation: Converted[float | int | Validation | None, Validation] = option(
        "Share (float) or number (int) of training rows to hold out, or a `jfnn.Validation`; cells are then"
        " ranked on these rows, and the test rows are left for the winner.",
        None,
        as_validation,
    )
    schedulers: Converted[Scheduler | Sequence[Scheduler], tuple[Scheduler, ...]] = option(
        "Rules that stop, copy or change members at evaluations, such as ``jfnn.Halving(3)``, or several.",
        (),
        as_schedulers,
    )
    execution: Converted[int | Execution | Remote | None, Execution] = option(
        "How it runs: a number of devices, an executor of other processes, or a `jfnn.Execution`.",
        None,
        as_execution,
    )
    out: Converted[str | os.PathLike[str] | None, Path | None] = option(
        "A directory for the run: its state is saved there on the way, and in the end the result, for"
        " `jfnn.load`. It must hold no other run.",
        None,
        optional(paths.as_path),
    )
    resume: bool = option(
        "Go on with the run in ``out`` if it was stopped, with the bits it would have had otherwise; give"
        " back its result if it has ended; start it if there is none. More epochs are another run, which"
        " ``initial_params`` begin: see ``epochs``.",
        False,
        checks.as_switch,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learning_rate is None and "learning_rate" not in self.listed:
            given = f"; cells have {', '.join(self.listed)}" if self.listed else ""
            raise ArgumentTypeError("learning_rate", f"expected a number, or several; got none{given}")
        if self.epochs.start and self.initial_params is None:
            raise ArgumentError("epochs", f"{self.epochs} needs initial_params to go on from; got none")
        if self.resume and self.out is None:
            raise ArgumentError("resume", "there is nothing to go on with; give the directory as out")

    @property
    def listed(self) -> Mapping[str, np.ndarray]:
        """Name -> numbers of cells given one by one; empty without such."""
        return {}

    @property
    def hyper_names(self) -> list[str]:
        """Names of the further numbers of each member that options give values for."""
        return [name for name in {**self.hyper, **self.listed} if name not in ALWAYS]

    @property
    def scheme(self) -> Minibatches:
        """The batch size of one program; raises ValueError where there are several."""
        if not isinstance(self.batch_size, Minibatches):
            raise ArgumentError("batch_size", "expected one number of rows here; jfnn.sweep takes several")
        return self.batch_size

    def changed(self, names: Iterable[str]) -> list[str]:
        """Names, of these, of the options whose values are not the defaults."""
        changed = []
        for name, field in self.__dataclass_fields__.items():
            if name in names:
                convert = field.metadata["convert"]
                default = field.default if convert is None else convert(field.default, name)
                if np.any(vars(self)[name] != default):  # folds may be an array
                    changed.append(name)
        return changed

    def several(self) -> list[str]:
        """Names of the numbers of a member that are given as a sequence or a distribution."""
        learner = vars(self)["network"]
        numbers = learner.numbers if isinstance(learner, Learner) else self.optimizer.numbers
        values = {"learning_rate": self.learning_rate, "l2": self.l2, **self.hyper, **numbers}
        return [name for name, value in values.items() if is_axis(value)]

    def common(self) -> dict[str, Any]:
        """Values of the options that every function that trains has."""
        values = vars(self)
        return {field.name: values[field.name] for field in dataclasses.fields(Common)}


@dataclasses.dataclass
class Options(Common):
    """Arguments of `jfnn.sweep`.

    Attributes:
        network: A `jfnn.Network`, from `jfnn.mlp` or another constructor, or a `jfnn.Learner`; or several of
            them by name, which are the axis "network"; or `jfnn.Networks`, whose axes have names and values.
        split: ``Split(x_train, y_train, x_test, y_test, weights)``.
    """

    network: Network | Learner | Networks | Mapping[str, Network | Learner] = dataclasses.field(
        metadata={"convert": as_networks}
    )
    split: Split = dataclasses.field(metadata={"convert": as_split})
    _: dataclasses.KW_ONLY
    seeds: Converted[int | Sequence[int], list[int]] = option(
        "How many (0, 1, …), or which; the last axis ``[S]``. A seed fixes starting parameters and"
        " minibatches.",
        1,
        as_seeds,
    )
    folds: int | Iterable[object] | Subsets | None = option(
        "Cross-validation: a number of folds (scikit-learn's KFold, for classes StratifiedKFold, the same"
        " rows), a splitter object, or pairs of row numbers; or `jfnn.subsets.Subsets`. Folds are a further"
        " axis, after the seeds.",
        None,
    )
    refit: Converted[bool | str | Simplest | Refit | None, Refit | None] = option(
        'Train the best cell once more, on all training rows, for `SweepResult.refit`; "all" for the test'
        " rows too; a `jfnn.Simplest` for the cell that this rule chooses; or a `jfnn.Refit`, such as"
        ' ``Refit("all", cells=5)`` for the best five.',
        False,
        as_refit,
    )
    cells: Converted[
        int | Sample | Sequence[Mapping[str, float]] | Mapping[str, Sequence[float]] | None,
        Sample | dict[str, np.ndarray] | None,
    ] = option(
        "Cells instead of every combination, on one axis of all arrays, ``[n, S]``. A number is a random"
        " search: so many are drawn, from a distribution (with ``ppf``, such as"
        " ``scipy.stats.loguniform(1e-5, 1)``) or a sequence of each number, independently. Or they are"
        ' listed, each with its numbers, ``[{"learning_rate": 0.1, "l2": 0.0}, …]``, or as columns of equal'
        " length; these replace the single numbers given elsewhere, of the optimizer too.",
        None,
        optional(as_cells),
    )

    @property
    def listed(self) -> Mapping[str, np.ndarray]:
        """Name -> numbers of cells given one by one; empty without such."""
        return self.cells if isinstance(self.cells, Mapping) else {}

    @property
    def model(self) -> Network | Learner:
        """The network or learner of one program; raises ValueError where there are several."""
        if isinstance(self.network, Networks | Mapping):
            raise ArgumentError("network", "expected one network here; jfnn.sweep takes several")
        return self.network


@dataclasses.dataclass
class TrainOptions(Common):
    """Arguments of `jfnn.train`.

    Attributes:
        network: As in `Options`.
        x: Inputs ``[n, …]``; None for losses that draw what they need.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        seed: Fixes starting parameters and minibatches.
        fold: The fold whose random numbers dropout draws, as in a sweep with folds.
        test: Optional ``(x, y)`` to score as well.
        weights: How often each row's cost counts ``[n]``.
    """

    network: Network | Learner
    x: ArrayLike | None = fields.field(None, as_rows)
    y: ArrayLike | None = None
    _: dataclasses.KW_ONLY
    seed: int = fields.field(0, checks.as_seed)
    fold: int = fields.field(0, at_least(0))
    test: tuple[ArrayLike, ArrayLike] | None = fields.field(None, optional(as_pair))
    weights: ArrayLike | None = None
