"""The door of the engine: keywords from people are checked here, once, and become records."""

import dataclasses
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jfnn import checks, losses, minibatches, training
from jfnn.datasets import Split
from jfnn.engine import arguments, checkpoint, fingerprint, loop, plan
from jfnn.engine import axes as axes_of_cells
from jfnn.engine import devices as device_choice
from jfnn.engine import layout as layouts
from jfnn.engine import streams as stream_source
from jfnn.engine.judges import EarlyStopping, Halving, Selection
from jfnn.engine.records import PARTS, Execution, Grid, Recipe
from jfnn.engine.result import KEEP_PARAMS, REFIT, SweepResult, from_outcome
from jfnn.network import Network


def sweep(
    network: Network,
    split: Split,
    *,
    learning_rate,
    l2=0.0,
    epochs: int = 100,
    batch_size: int | None = 100,
    seeds: int | Sequence[int] = 1,
    loss: str | losses.Loss = "cross_entropy",
    reduction: str = "sum",
    weights=None,
    dropout=0.0,
    init_scale=1.0,
    optimizer: str | Callable[..., optax.GradientTransformation] = "sgd",
    optimizer_args: dict[str, Any] | None = None,
    schedule: str | Callable = "constant",
    schedule_epochs: int | None = None,
    gradient: str = "autodiff",
    value_and_grad: Callable | None = None,
    minibatch: str = "subset",
    remainder: str = "drop",
    validation: float | int | None = None,
    folds=None,
    halving: int | Halving | None = None,
    early_stopping: int | None = None,
    refit: bool = False,
    sample: int | None = None,
    sample_seed: int = 0,
    initial_params=None,
    batches=None,
    tile: int | None = None,
    devices: int | Sequence[jax.Device] | None = None,
    segment: int | None = None,
    history: bool = False,
    keep_params: str = "all",
    progress: Callable[[loop.Progress], None] | None = None,
    out: str | os.PathLike | None = None,
    resume: bool = False,
) -> SweepResult:
    """Trains a network for every combination of hyperparameters and seeds, in one compiled program.

    Members of one seed share their starting parameters and their minibatches, so cells of the grid differ by
    their hyperparameters alone. A member's result has the same bits in every grid, beside any neighbours, on
    any number of devices and with any ``segment``; only ``tile`` and ``gradient`` change them.

    Args:
        network: From `jfnn.mlp`, or any ``Network(init, apply)``.
        split: ``Split(x_train, y_train, x_test, y_test)``: inputs ``[n, n_in]``, integer labels ``[n]`` or
            float targets ``[n, n_out]``. Arithmetic is float64 where the inputs are and x64 is on, else
            float32.
        learning_rate: η, a number or a sequence: the first axis ``[E]``. With ``sample`` also a distribution.
        l2: λ, in the same way: the second axis ``[L]``.
        epochs: Epochs to train.
        batch_size: Rows a step; None for all of them (gradient descent).
        seeds: How many (0, 1, …), or which; the last axis ``[S]``. A seed fixes starting parameters and
            minibatches.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        reduction: "sum" (the notes) or "mean" (scikit-learn); see `jfnn.objective`.
        weights: How often each training row's cost counts ``[n]``, as in `jfnn.objective`; scores are
            unweighted.
        dropout: The probability to drop a hidden unit for a sample, in training alone; a sequence is a
            further axis. Members of a stream drop by the same random numbers (`network.dropout_masks`).
        init_scale: What starting weights (not biases) are multiplied by; a sequence is a further axis.
        optimizer: "sgd", any optax optimizer by name, or a factory ``(learning_rate=…) -> transformation``.
        optimizer_args: Further arguments of the optimizer. A float is a number of each member; a sequence of
            numbers is a further axis, between l2 and the seeds; anything else is passed on as it is.
        schedule: What the learning rate is multiplied by as training goes on: a name in
            `jfnn.training.SCHEDULES`, or a function ``part done, from 0 to 1 -> multiplier``.
        schedule_epochs: The epochs over which it spreads; None for ``epochs``.
        gradient: "autodiff" (`jax.grad`) or "backprop" (the hand derivation; equal to rounding, and faster).
        value_and_grad: A gradient source of your own instead:
            ``(params, x, targets, l2=…) -> (value, gradients)``.
        minibatch: "subset" (a fresh subset each step, the notes), "permutation" (a pass over the shuffled
            rows each epoch), or "full".
        remainder: What "permutation" does with rows that do not fill a batch: "drop" or "keep".
        validation: The share (float) or number (int) of training rows to hold out; cells are then ranked on
            these, and the test rows are left for the winner. The same rows for every seed.
        folds: Cross-validation instead: a number of folds (scikit-learn's KFold, for labels StratifiedKFold,
            the same rows), a splitter object, or pairs of row numbers. Folds are a further axis, after the
            seeds.
        halving: Successive halving by this factor, or a `Halving`: cells that fall behind leave at rungs, and
            those that stay have the bits they have without.
        early_stopping: Patience in epochs: a member whose validation loss has not improved for that long
            stops. Every member then ends with the parameters of its best epoch.
        refit: Train the best cell once more, on all training rows, for `SweepResult.refit`; with early
            stopping for as many epochs as were best for it on average.
        sample: Random search: draw so many cells instead of taking every combination. A distribution (with
            ``ppf``, such as ``scipy.stats.loguniform(1e-5, 1)``) or a sequence is drawn from, independently.
            All arrays then have one axis of cells, ``[n, S]``.
        sample_seed: Fixes the draws; more draws keep the earlier ones.
        initial_params: Parameters to start from instead of the network's own, or these with a leading seed
            axis.
        batches: Row numbers ``[epochs, steps, batch]`` to train on instead of drawn ones, or these with a
            leading seed axis.
        tile: Members trained side by side; None for a width chosen from network, batch and backend.
        devices: Where to train: None for all accelerators, or where there is none all CPU cores; a count of
            either; or a sequence of JAX devices.
        segment: Epochs from one point where history is taken to the next; None for one point, the end.
        history: Keep the scores at the end of every segment.
        keep_params: Which trained parameters to keep: "all", "best" (the best cell's) or "none".
        progress: Called with a `Progress` at every return to the host.
        out: A directory for the run: its state is saved there on the way, and in the end the result, for
            `jfnn.load`. One that holds another run is refused. Nothing in it is deleted but the saved state
            of a run that has ended.
        resume: Go on with the run in ``out`` if it was stopped, with the bits it would have had otherwise on
            any number of devices; give back its result if it has ended; start it if there is none.

    Returns:
        A `SweepResult`.

    Raises:
        ValueError, TypeError: An argument that cannot be, or a directory that holds another run or damaged
            files; the message names it, before anything is compiled.
    """
    keywords = dict(locals())
    loss = losses.get(loss)
    arguments.check_network(network, loss)
    made, numbers = arguments.as_optimizer(optimizer, optimizer_args, schedule)
    numbers = {"learning_rate": learning_rate, "l2": l2} | numbers | _unless_default(dropout, init_scale)
    axes, constants = axes_of_cells.read(numbers, sample, sample_seed)
    source_of_gradients = arguments.as_gradient(gradient, value_and_grad, network)
    drops = arguments.check_dropout(numbers, network, source_of_gradients)
    seeds = arguments.as_seeds(seeds)
    execution = Execution(
        devices=device_choice.resolve(devices),
        epochs=checks.as_count(epochs, "epochs", minimum=0),
        segment=max(epochs, 1) if segment is None else checks.as_count(segment, "segment"),
        history=bool(history),
        progress=progress,
    )
    checks.as_choice(keep_params, "keep_params", KEEP_PARAMS)
    checks.as_choice(reduction, "reduction", training.REDUCTIONS)

    source = stream_source.read(network, split, loss, weights)
    cuts = stream_source.train_and_validation(source, validation, folds)
    selection = _selection(source, validation is not None or folds is not None, halving, early_stopping)
    _check_refit(refit, validation is not None or folds is not None, batches)
    n_train = min(len(train) for train, _ in cuts)
    given = arguments.as_batches(batches, epochs, len(seeds), n_train)
    scheme = minibatches.make(minibatch, batch_size if given is None else None, n_train, remainder)
    starts = arguments.as_starting_params(network, initial_params, seeds, source.data.targets.dtype)
    arguments.check_optimizer(made, starts[0])
    shape = (scheme.steps(n_train), scheme.rows_a_step(n_train))
    steps, rows_a_step = shape if given is None else given.shape[2:]
    if made.schedule is not None:
        reach = epochs if schedule_epochs is None else checks.as_count(schedule_epochs, "schedule_epochs")
        constants[arguments.SCHEDULE_STEPS] = float(max(reach, 1) * steps)
    recipe = Recipe(
        network=network,
        loss=loss,
        reduction=reduction,
        optimizer=made,
        gradient=source_of_gradients,
        padded=given is None and any(scheme.is_padded(len(train)) for train, _ in cuts),
        dropout=drops,
        evaluation_block=plan.evaluation_block(source.n),
        tile=arguments.as_tile(tile, starts[0], rows_a_step, execution.devices[0].platform),
    )
    layout = layouts.of(network, loss, reduction, source_of_gradients)
    rows = stream_source.by_seed_and_fold(scheme, given, drops)
    stored = [layout.store(start) for start in starts]
    grid = Grid(axes, constants, stream_source.streams(source, cuts, seeds, stored, rows, drops))
    n_folds = None if folds is None else len(cuts)
    drawn_by = scheme if given is None else given[:, :epochs]
    description = fingerprint.describe(
        recipe, source.data, grid, execution, selection, drawn_by, keep_params, with_code=out is not None
    )

    def trained(kept: checkpoint.Checkpoint | None) -> SweepResult:
        outcome = loop.run(recipe, source.data, grid, execution, selection, kept)
        result = from_outcome(
            outcome, grid, seeds, n_folds, layout.restore, source.classes, keep_params, execution.history
        )
        return dataclasses.replace(result, config=description)

    start = None if keep_params == "none" else starts[0]
    result = checkpoint.carry_out(trained, description, out, resume, start)
    return dataclasses.replace(result, refit=refit_best(result, **keywords)) if refit else result


def refit_best(result: SweepResult, **keywords) -> SweepResult | None:
    """Trains the best cell of a sweep on all training rows, with every seed.

    Args:
        result: The sweep.
        **keywords: What `sweep` was given, network and split included.

    Returns:
        A sweep of that one cell, ranked on its test rows; None where every cell diverged.
    """
    try:
        best = result.best()
    except ValueError:
        return None
    # As axes of one value, so that the program, and the bits, are those of the cell in a grid of all rows.
    own = {name: [value] for name, value in best.axes.items() if name in axes_of_cells.OWN}
    of_optimizer = {name: [value] for name, value in best.axes.items() if name not in own}
    changed: dict[str, Any] = dict.fromkeys(
        ("validation", "folds", "halving", "early_stopping", "sample", "batches")
    )
    keywords = {name: p.default for name, p in inspect.signature(sweep).parameters.items()} | keywords
    if keywords["early_stopping"] is not None:
        changed["epochs"] = max(1, round(float(np.mean(result.epochs[best.index]))))
    changed |= {
        "schedule_epochs": keywords["schedule_epochs"] or keywords["epochs"],
        "optimizer_args": (keywords["optimizer_args"] or {}) | of_optimizer,
        "keep_params": "all",
        "refit": False,
        "out": None if keywords["out"] is None else Path(keywords["out"]) / REFIT,
    }
    return sweep(**(keywords | own | changed))


def _unless_default(dropout, init_scale) -> dict[str, Any]:
    """What makes a difference of the two; without it no program has anything of it in it."""
    given = {"dropout": (dropout, 0), "init_scale": (init_scale, 1)}
    return {name: value for name, (value, default) in given.items() if np.ndim(value) > 0 or value != default}


def _check_refit(refit: bool, validates: bool, batches) -> None:
    if refit and not validates:
        raise ValueError("refit: without validation or folds, cells are trained on all training rows already")
    if refit and batches is not None:
        raise ValueError("refit: given batches are of fewer rows than it trains on")


def _selection(source, validates: bool, halving, early_stopping) -> Selection:
    """What ranks members: rows held out where there are any, else the test rows, else the training rows."""
    if early_stopping is not None and not validates:
        raise ValueError("early_stopping: it watches the loss on rows held out; give validation or folds")
    if halving is not None and not isinstance(halving, Halving):
        halving = Halving(checks.as_count(halving, "halving", minimum=2))
    if early_stopping is not None:
        early_stopping = EarlyStopping(checks.as_count(early_stopping, "early_stopping"))
    tests = len(source.data.x) > source.n
    return Selection(
        part=PARTS.index("validation" if validates else "test" if tests else "train"),
        by="accuracy" if source.classes else "loss",
        halving=halving,
        early_stopping=early_stopping,
    )
