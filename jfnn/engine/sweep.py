"""The door of the engine: keywords from people are checked here, once, and become records."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from jfnn import checks, losses, minibatches, training
from jfnn.datasets import Split
from jfnn.engine import arguments, checkpoint, fingerprint, loop, plan
from jfnn.engine import devices as device_choice
from jfnn.engine import layout as layouts
from jfnn.engine import streams as stream_source
from jfnn.engine.judges import EarlyStopping, Halving, Selection
from jfnn.engine.records import PARTS, Execution, Grid, Recipe
from jfnn.engine.result import KEEP_PARAMS, SweepResult, from_outcome
from jfnn.network import Network


class History(NamedTuple):
    """How one training run went; scores are taken at the end of each epoch.

    Attributes:
        epoch: Epochs done ``[H]``.
        train_loss: Mean data loss per training sample, without penalty ``[H]``; NaN from a divergence on.
        train_accuracy: Share of right answers ``[H]``; NaN where the targets are no classes.
        test_loss: The same on ``test``; NaN if none was given.
        test_accuracy: The same on ``test``.
        diverged_at: The epoch, counted from 0, in which the parameters, or the objective that its last step
            started from, were no longer finite; or -1. The parameters returned are those from before that
            epoch.
    """

    epoch: np.ndarray
    train_loss: np.ndarray
    train_accuracy: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    diverged_at: int


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
    optimizer: str | Callable[..., optax.GradientTransformation] = "sgd",
    optimizer_args: dict[str, Any] | None = None,
    gradient: str = "autodiff",
    value_and_grad: Callable | None = None,
    minibatch: str = "subset",
    remainder: str = "drop",
    validation: float | int | None = None,
    folds=None,
    halving: int | Halving | None = None,
    early_stopping: int | None = None,
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
        learning_rate: η, a number or a sequence: the first axis ``[E]``.
        l2: λ, a number or a sequence: the second axis ``[L]``.
        epochs: Epochs to train.
        batch_size: Rows a step; None for all of them (gradient descent).
        seeds: How many (0, 1, …), or which; the last axis ``[S]``. A seed fixes starting parameters and
            minibatches.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        reduction: "sum" (the notes) or "mean" (scikit-learn); see `jfnn.objective`.
        optimizer: "sgd", any optax optimizer by name, or a factory ``(learning_rate=…) -> transformation``.
        optimizer_args: Further arguments of the optimizer. A float is a number of each member; a sequence of
            numbers is a further axis, between l2 and the seeds; anything else is passed on as it is.
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
        initial_params: Parameters to start from instead of the network's own, or these with a leading seed
            axis.
        batches: Row numbers ``[epochs, steps, batch]`` to train on instead of drawn ones, or these with a
            leading seed axis.
        tile: Members trained side by side; None for a width chosen from network, batch and backend.
        devices: None for all that JAX sees, a count, or a sequence; see `jfnn.use_all_cores`.
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
    loss = losses.get(loss)
    arguments.check_network(network, loss)
    axes = {
        "learning_rate": checks.as_axis(learning_rate, "learning_rate", strict=True),
        "l2": checks.as_axis(l2, "l2"),
    }
    made, optimizer_axes, constants = arguments.as_optimizer(optimizer, optimizer_args)
    source_of_gradients = arguments.as_gradient(gradient, value_and_grad, network)
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

    source = stream_source.read(network, split, loss)
    cuts = stream_source.train_and_validation(source, validation, folds)
    selection = _selection(source, validation is not None or folds is not None, halving, early_stopping)
    n_train = min(len(train) for train, _ in cuts)
    given = arguments.as_batches(batches, epochs, len(seeds), n_train)
    scheme = minibatches.make(minibatch, batch_size if given is None else None, n_train, remainder)
    starts = arguments.as_starting_params(network, initial_params, seeds, source.data.targets.dtype)
    arguments.check_optimizer(made, [*axes, *optimizer_axes, *constants], starts[0])
    rows_a_step = scheme.rows_a_step(n_train) if given is None else given.shape[-1]
    recipe = Recipe(
        network=network,
        loss=loss,
        reduction=reduction,
        optimizer=made,
        gradient=source_of_gradients,
        padded=given is None and any(scheme.is_padded(len(train)) for train, _ in cuts),
        evaluation_block=plan.evaluation_block(source.n),
        tile=arguments.as_tile(tile, starts[0], rows_a_step, execution.devices[0].platform),
    )
    layout = layouts.of(network, loss, reduction, source_of_gradients)

    def rows(i, seed, train):
        if given is None:
            return stream_source.drawn(scheme, seed, train)
        return lambda epoch: train[given[i, epoch]].astype(np.int32)

    streams = stream_source.streams(source, cuts, seeds, [layout.store(start) for start in starts], rows)
    grid = Grid(axes | optimizer_axes, constants, streams)
    n_folds = None if folds is None else len(cuts)
    batches = scheme if given is None else given[:, :epochs]
    description = fingerprint.describe(
        recipe, source.data, grid, execution, selection, batches, keep_params, with_code=out is not None
    )

    def trained(kept: checkpoint.Checkpoint | None) -> SweepResult:
        outcome = loop.run(recipe, source.data, grid, execution, selection, kept)
        result = from_outcome(
            outcome, grid, seeds, n_folds, layout.restore, source.classes, keep_params, execution.history
        )
        return dataclasses.replace(result, config=description)

    start = None if keep_params == "none" else starts[0]
    return checkpoint.carry_out(trained, description, out, resume, start)


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


def train(
    network: Network,
    x,
    y,
    *,
    learning_rate: float,
    l2: float = 0.0,
    epochs: int = 100,
    batch_size: int | None = 100,
    seed: int = 0,
    test: tuple | None = None,
    initial_params=None,
    batches=None,
    **options,
):
    """Trains one network: a sweep of one, through the same compiled tile.

    The parameters have the same bits as that cell's of any grid. ``tile=1`` asks for the fastest program for
    one network instead, which may differ in the last bits.

    Args:
        network: From `jfnn.mlp`, or any ``Network(init, apply)``.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        learning_rate: η.
        l2: λ.
        epochs: Epochs to train.
        batch_size: Rows a step; None for all of them (gradient descent).
        seed: Fixes starting parameters and minibatches.
        test: Optional ``(x, y)`` to score after each epoch as well.
        initial_params: Parameters to start from.
        batches: Row numbers ``[epochs, steps, batch]`` to train on.
        **options: As in `sweep`: loss, reduction, optimizer, optimizer_args, gradient, value_and_grad,
            minibatch, remainder, tile, devices, history (True here: scores after each epoch), progress.

    Returns:
        ``(params, history)``, the history a `History`.

    Raises:
        ValueError, TypeError: As in `sweep`; also for sequences where there must be one number.
    """
    for name, value in {"learning_rate": learning_rate, "l2": l2, "seed": seed}.items():
        if np.ndim(value) != 0:
            raise TypeError(f"{name}: expected one number, got {value!r}; use sweep for several")
    options = {"history": True, "segment": 1, **options}
    result = sweep(
        network,
        Split(x, y, *(test or (None, None))),
        learning_rate=learning_rate,
        l2=l2,
        epochs=epochs,
        batch_size=batch_size,
        seeds=[seed],
        initial_params=initial_params,
        batches=batches,
        **options,
    )
    only = (0,) * result.diverged_at.ndim
    if result.diverged_at.size != 1:
        raise TypeError("optimizer_args: expected single numbers, got a sequence; use sweep for several")
    empty = np.zeros(0)
    kept = {name: result.history[name][only] if result.history else empty for name in History._fields[1:-1]}
    epoch = result.history.get("epoch", empty)
    return result.member(*only), History(epoch, **kept, diverged_at=int(result.diverged_at[only]))
