"""Train the workloads with jfnn: all members of each in one call of `jfnn.sweep`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jfnn
from benchmarks.workload import (
    CHANNELS,
    CLASSES,
    KERNEL,
    TIME,
    UNITS,
    Outcome,
    Runner,
    Workload,
    stacked,
)

Function = Callable[..., Any]


def network(workload: Workload) -> jfnn.Network:
    """Return the network; plain JAX also initializes it where contenders sample for themselves."""
    if workload.kind == "cnn":
        return jfnn.cnn((1, 8, 8), CHANNELS, CLASSES, KERNEL)
    if workload.kind in ("gru", "lstm"):
        return jfnn.rnn((TIME, 1), UNITS, CLASSES, workload.kind, bidirectional=True, states="all")
    init = "glorot_normal" if workload.glorot else "normal"
    return jfnn.mlp(workload.sizes, workload.activation, init=init)


def ode(workload: Workload) -> tuple[Function, Function, Function]:
    """Return ``(init, loss, score)`` for `jfnn.learner`; the loss is the mean square of u'' + u."""
    net = network(workload)
    largest = workload.rows().x_train.max()

    def u(params: Any, t: jax.Array) -> jax.Array:  # the conditions u(0) = 0, u'(0) = 1 hold by construction
        value: jax.Array = t + t**2 * net.apply(params, t.reshape(1, 1))[0, 0]
        return value

    def residuals(params: Any, points: jax.Array) -> jax.Array:
        second = jax.grad(jax.grad(u, argnums=1), argnums=1)
        squares: jax.Array = jax.vmap(lambda t: second(params, t) + u(params, t))(points) ** 2
        return squares

    def loss(params: Any, batch: Any, key: jax.Array) -> jax.Array:
        return jnp.mean(residuals(params, jax.random.uniform(key, (workload.batch,), maxval=largest)))

    def score(params: Any, rows: jax.Array) -> dict[str, jax.Array]:
        return {"loss": residuals(params, rows[:, 0])}

    return net.init, loss, score


def _problem(workload: Workload, scheme: str | None) -> tuple[Any, jfnn.Split, dict[str, Any]]:
    """Return learner, data, and the keywords of `jfnn.sweep` that depend on the kind."""
    rows = workload.rows()
    options: dict[str, Any]
    if workload.kind == "ode":
        init, loss, score = ode(workload)
        learner = jfnn.learner(init, loss, optimizer="adam", random=True, score=score)
        return learner, jfnn.Split(rows.x_train.astype(np.float32)), {"batch_size": None}
    if workload.kind == "series":
        n = (workload.folds or 1) * workload.rows_of_a_series()
        subsets = jfnn.subsets.by_group(np.arange(n) // workload.rows_of_a_series())
        batches = jfnn.Minibatches(workload.batch, scheme or "permutation")
        options = {"batch_size": batches, "loss": "quadratic", "reduction": "sum", "folds": subsets}
        x = rows.x_train[:n].astype(np.float32)
        return network(workload), jfnn.Split(x, rows.y_train[:n].astype(np.float32)), options
    if workload.kind != "dense":
        batches = jfnn.Minibatches(workload.batch, scheme or "in_order")
        if workload.kind == "rbm":
            machine = jfnn.boltzmann_machine(workload.sizes, gradient="persistent", loss="reconstruction")
            return machine, jfnn.Split(rows.x_train, None, rows.x_test), {"batch_size": batches}
        optimizer = "sgd" if workload.kind == "cnn" else "adam"
        options = {"batch_size": batches, "reduction": "mean", "optimizer": optimizer}
        return network(workload), jfnn.Split(*rows), options
    whole = workload.batch == len(rows.x_train)
    options = {"batch_size": None if whole else workload.batch, "reduction": "sum"}
    if workload.summary:
        options["batch_size"] = jfnn.Minibatches(workload.batch, scheme or "subset")
        options["folds"] = workload.folds
    elif workload.sizes[-1] == 1:
        options["loss"] = "sigmoid_cross_entropy"
    return network(workload), jfnn.Split(*rows), options


def problem(workload: Workload, scheme: str | None = None) -> tuple[Any, jfnn.Split, dict[str, Any]]:
    """Return learner, data, and keywords of a `jfnn.sweep` that samples initial weights and minibatches.

    Args:
        workload: The workload.
        scheme: Scheme of minibatches; None for the workload's.
    """
    learner, split, options = _problem(workload, scheme)
    grid = {"learning_rate": workload.learning_rates, "l2": workload.l2s, "seeds": workload.seeds}
    return learner, split, {**grid, "epochs": workload.epochs, **options}


def _drawn(workload: Workload) -> dict[str, Any]:
    """Return a grid's initial weights and minibatches, shared by all contenders and sampled lazily."""
    starts, epochs = zip(*map(workload.drawing, range(workload.seeds)), strict=True)
    batches = None if epochs[0] is None else lambda seed, epoch: epochs[seed](epoch)
    return {"initial_params": tuple(map(jfnn.Layer._make, stacked(starts))), "batches": batches}


def prepare(
    workload: Workload,
    sweep: Function | None = None,
    scheme: str | None = None,
    tile: int | None = None,
    by_seeds: bool = False,
    **options: Any,
) -> Runner:
    """Return a run of jfnn.

    Args:
        workload: The workload.
        sweep: Function to call instead of `jfnn.sweep`.
        scheme: Scheme of minibatches, if members sample them; None for the workload's.
        tile: Members per tile; None for jfnn's choice.
        by_seeds: Whether members are seeds of the reference cell, one for each learning rate.
        options: Options of `jfnn.sweep`.
    """
    learner, split, common = problem(workload, scheme)
    common |= options | ({} if tile is None else {"execution": jfnn.Execution(tile=tile)})
    if by_seeds:
        common |= {"learning_rate": workload.reference[:1], "seeds": workload.members}
    shares_draws = workload.kind == "dense" and not workload.summary

    def run() -> Outcome:
        drawn = _drawn(workload) if shares_draws else {}
        result = (sweep or jfnn.sweep)(learner, split, **common, **drawn)
        scores = result.scores[workload.score]
        trained = float(result.epochs.mean()) / workload.epochs
        if workload.summary:
            return Outcome(np.asarray(getattr(np, workload.summary)(scores)), trained)
        finished = np.where(result.stopped_at < 0, scores, np.nan)
        return Outcome(finished.reshape(workload.shape), trained)

    return run
