"""One network alone: a sweep of one, and what came of it in a form for one."""

from typing import NamedTuple

import numpy as np

from jfnn import checks
from jfnn.datasets import Split
from jfnn.experiment import axes
from jfnn.network import Network
from jfnn.search.sweep import sweep


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
        **options: As in `sweep`, such as loss, reduction, optimizer, optimizer_args, schedule, weights,
            dropout, gradient, minibatch, validation, tile, devices, history (True here: scores after each
            epoch), progress.

    Returns:
        ``(params, history)``, the history a `History`.

    Raises:
        ValueError, TypeError: As in `sweep`; also for sequences where there must be one number.
    """
    for name, value in {"learning_rate": learning_rate, "l2": l2, "seed": seed}.items():
        if np.ndim(value) != 0:
            raise TypeError(f"{name}: expected one number, got {value!r}; use sweep for several")
    options = {"history": True, "segment": 1, **options}
    several = [name for name, value in (options.get("optimizer_args") or {}).items() if axes.is_axis(value)]
    several += [name for name in ("dropout", "init_scale") if axes.is_axis(options.get(name))]
    several += [name for name in ("folds", "sample", "seeds") if options.get(name) is not None]
    if several:
        raise TypeError(f"{several[0]}: it makes several networks; use sweep for these")
    for name in {"keep_params", "refit"} & options.keys():
        raise TypeError(f"{name}: for one network there is nothing to choose; use sweep for this")
    x = checks.as_inputs(x)
    if test is not None and len(test) != 2:
        raise ValueError(f"test: expected (x, y), got {len(test)} of them")
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
    empty = np.zeros(0)
    kept = {name: result.history[name][only] if result.history else empty for name in History._fields[1:-1]}
    epoch = result.history.get("epoch", empty)
    return result.member(*only), History(epoch, **kept, diverged_at=int(result.diverged_at[only]))
