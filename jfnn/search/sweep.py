"""The door of the engine: what people ask for in keywords is trained, in memory or in a directory."""

import dataclasses
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import optax

from jfnn import losses
from jfnn.datasets import Split
from jfnn.engine import loop
from jfnn.experiment.build import read
from jfnn.experiment.job import Job
from jfnn.network import Network
from jfnn.schedulers.judges import Halving
from jfnn.search import checkpoint, refitting
from jfnn.search.result import REFIT, SweepResult


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
    dropout=None,
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
            further axis; None for none. A rate of 0 gives other last bits than None, those that it has beside
            other rates. Members of a stream drop by the same random numbers (`network.dropout_masks`).
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
    asked = dict(locals())
    job = read(SimpleNamespace(**asked))
    result = checkpoint.carry_out(job.train, job.description, out, resume, job.start)
    return dataclasses.replace(result, refit=refit_best(result, **asked)) if refit else result


def check(**asked) -> Job:
    """Refuses what `sweep` would refuse of its arguments, and trains nothing; gives what it would train."""
    return read(_complete(asked))


def refit_best(result: SweepResult, *, out: str | os.PathLike | None, **asked) -> SweepResult | None:
    """Trains the best cell of a sweep on all training rows, with every seed.

    Args:
        result: The sweep.
        out: The directory of all, or None.
        **asked: What else `sweep` was given, network and split included; the rest are its defaults.

    Returns:
        A sweep of that one cell, ranked on its test rows; None where every cell diverged.
    """
    changed = refitting.changes(result, _complete(asked))
    if changed is None:
        return None
    return sweep(**(asked | changed), out=None if out is None else Path(out) / REFIT)


def _complete(asked: dict[str, Any]) -> SimpleNamespace:
    """All keywords of `sweep`, those not given with their defaults."""
    given = inspect.signature(sweep).bind(**asked)
    given.apply_defaults()
    return SimpleNamespace(**given.arguments)
