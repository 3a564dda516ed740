"""Every option of a sweep, declared once: name, type, default, what it means.

The doors' keywords, the command line's flags, config.json and the documentation follow from these.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from jfnn.datasets import Split
from jfnn.layers.kind import Params
from jfnn.learners.learner import Learner, Metric
from jfnn.losses import Loss
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.optimizers import Optimizer, Values
from jfnn.schedulers.scheduler import Scheduler
from jfnn.training import ValueAndGrad
from jfnn.workers import Workers


class Progress(NamedTuple):
    """What a progress callback is told at every return to the host.

    Attributes:
        epoch: Epochs done.
        epochs: Epochs in all.
        training: Members that still train, of ``members``.
        best: The best score when scores were last taken, of losses the negative; None before.
    """

    epoch: int
    epochs: int
    training: int
    members: int
    best: float | None


class Validation(NamedTuple):
    """Rows held out to rank cells, and the metric that ranks.

    Attributes:
        size: Share (float) or number (int) of training rows to hold out, the same for every seed; or None.
        rank_by: Name of a metric, or a `jfnn.Metric` of your own; None for accuracy where targets are
            classes, else the loss.
    """

    size: float | int | None = None
    rank_by: str | Metric | None = None


class Sample(NamedTuple):
    """Random search: draws cells.

    Attributes:
        cells: Cells to draw; more keep the earlier ones.
        seed: Fixes the draws.
    """

    cells: int
    seed: int = 0


class Execution(NamedTuple):
    """How a sweep runs and what it records; only ``tile`` and ``shared`` change bits.

    Attributes:
        devices: None for all accelerators, or where there is none all CPU cores; a count; or JAX devices.
        tile: Members trained side by side; None for a width chosen from what there is to train.
        shared: Whether members of a tile share minibatches; None to choose from what there is to train.
        eval_every: Epochs from one evaluation of the history to the next, or their sequence; None for none.
        objective: Whether to keep the mean objective of each epoch's steps.
        keep_params: Trained parameters to keep: "all", "best" (the best cell's), "none", or
            "evaluations" (those at each one, whose axis comes behind the grid's).
        verify: Whether to compare a first step and its scores, compiled, with their operations one by one.
        progress: Called with a `Progress` at every return to the host, as each evaluation then is.
    """

    devices: int | Sequence[jax.Device] | None = None
    tile: int | None = None
    shared: bool | None = None
    eval_every: int | Sequence[int] | None = None
    objective: bool = False
    keep_params: str = "all"
    verify: bool = False
    progress: Callable[[Progress], None] | None = None


def option(help: str, default: Any) -> Any:
    """A keyword: what it means, and its default."""
    return dataclasses.field(default=default, metadata={"help": help})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every door.

    Attributes are documented where they are declared.
    """

    learning_rate: Values = dataclasses.field(
        metadata={
            "help": "η, a number or a sequence: the first axis ``[E]``. With ``sample`` also a distribution."
        }
    )
    l2: Values = option("λ, in the same way: the second axis ``[L]``.", 0.0)
    hyper: Mapping[str, Values] | None = option(
        "Further numbers of each member by name; a sequence is a further axis, a number a constant. Networks"
        ' take "dropout", the probability to drop a hidden unit for a sample in training, and "init_scale",'
        " the factor of starting weights. A dropout of 0 gives other last bits than none, those that it has"
        " beside other rates.",
        None,
    )
    loss: str | Loss = option("A key of `jfnn.losses.LOSSES`, or a `jfnn.Loss`.", "cross_entropy")
    reduction: str = option('"sum" (the notes) or "mean" (scikit-learn); see `jfnn.objective`.', "sum")
    optimizer: str | Optimizer | Callable[..., optax.GradientTransformation] = option(
        '"sgd", any optax optimizer by name, a factory, or a `jfnn.Optimizer` with arguments and a schedule;'
        " its arguments that are sequences are further axes.",
        "sgd",
    )
    gradient: str | ValueAndGrad = option(
        '"autodiff" (`jax.grad`), "backprop" (the hand derivation; equal to rounding, and faster), or a'
        " function ``(params, x, targets, l2=…) -> (value, gradients)``.",
        "autodiff",
    )
    epochs: int = option("Epochs to train.", 100)
    batch_size: int | Minibatches | None = option(
        "Rows a step; None for all of them (gradient descent); or `jfnn.Minibatches`, to pass over a"
        " permutation instead of drawing a fresh subset each step.",
        100,
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
    )
    schedulers: Sequence[Scheduler] = option(
        "Rules that stop, copy or change members at evaluations, such as ``[jfnn.Halving(3)]``.", ()
    )
    execution: int | Execution | None = option(
        "How it runs: a number of devices, or a `jfnn.Execution`.", None
    )
    out: str | os.PathLike[str] | None = option(
        "A directory for the run: its state is saved there on the way, and in the end the result, for"
        " `jfnn.load`. One that holds another run is refused.",
        None,
    )
    resume: bool = option(
        "Go on with the run in ``out`` if it was stopped, with the bits it would have had otherwise; give"
        " back its result if it has ended; start it if there is none.",
        False,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions(Common):
    """Options of a door that trains several members."""

    seeds: int | Sequence[int] = option(
        "How many (0, 1, …), or which; the last axis ``[S]``. A seed fixes starting parameters and"
        " minibatches.",
        1,
    )
    folds: int | Iterable[Any] | None = option(
        "Cross-validation: a number of folds (scikit-learn's KFold, for classes StratifiedKFold, the same"
        " rows), a splitter object, or pairs of row numbers. Folds are a further axis, after the seeds.",
        None,
    )
    refit: bool = option(
        "Train the best cell once more, on all training rows, for `SweepResult.refit`.", False
    )
    executor: Workers | Executor | Callable[[], Executor] | None = option(
        "Where other processes train, near or far: any executor of ``concurrent.futures`` (a process pool,"
        " Dask's, MPI's), a function that makes one, or a `jfnn.Workers`. The bits are those of this process"
        " on the same kind of processor. None to train in this process.",
        None,
    )
    sample: int | Sample | None = option(
        "Random search: draw so many cells instead of taking every combination. A distribution (with"
        " ``ppf``, such as ``scipy.stats.loguniform(1e-5, 1)``) or a sequence is drawn from, independently."
        " All arrays then have one axis of cells, ``[n, S]``.",
        None,
    )


@dataclasses.dataclass(frozen=True)
class Options(SearchOptions):
    """What `jfnn.sweep` takes.

    Attributes:
        network: A `jfnn.Network`, from `jfnn.mlp` or another constructor, or a `jfnn.Learner`.
        split: ``Split(x_train, y_train, x_test, y_test, weights)``.
    """

    network: Network | Learner
    split: Split


@dataclasses.dataclass(frozen=True)
class TrainOptions(Common):
    """What `jfnn.train` takes.

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


@dataclasses.dataclass(frozen=True)
class GroupOptions(SearchOptions):
    """What `jfnn.sweep_groups` takes.

    Attributes:
        networks: Name -> network; names become directories with ``out``.
        split: As in `Options`.
        batch_sizes: Rows a step, each a group for every network; None for ``batch_size`` alone, whose
            `jfnn.Minibatches` otherwise say how these rows are drawn.
    """

    networks: Mapping[str, Network | Learner]
    split: Split
    batch_sizes: Sequence[int | None] | None = dataclasses.field(default=None, kw_only=True)
