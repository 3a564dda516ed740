"""Members with starts and minibatches of their own: by jfnn, by ``jit(vmap(train))``, and by ``jit``."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks.jax_vmap import logits, objective
from benchmarks.own_draws import OwnDraws
from benchmarks.workload import Outcome, Runner


def network(workload: OwnDraws) -> Any:
    """The network as jfnn makes it, whose starting weights all contenders draw."""
    import jfnn

    init = "glorot_normal" if workload.glorot else "normal"
    return jfnn.mlp(workload.sizes, workload.activation, init=init)


def sweep(
    workload: OwnDraws,
    scheme: str = "subset",
    tile: int | None = None,
    devices: int | None = None,
    sweep: Callable[..., Any] | None = None,
) -> Runner:
    """jfnn; ``sweep`` takes the place of `jfnn.sweep`."""
    import jfnn

    learner, split = network(workload), jfnn.Split(*workload.rows())
    score = "test_accuracy" if workload.folds is None else "validation_accuracy"

    def run() -> Outcome:
        result = (sweep or jfnn.sweep)(
            learner,
            split,
            learning_rate=workload.learning_rates,
            l2=workload.l2s,
            seeds=workload.seeds,
            folds=workload.folds,
            epochs=workload.epochs,
            batch_size=jfnn.Minibatches(workload.batch, scheme),
            execution=jfnn.Execution(tile=tile, devices=devices),
        )
        trained = float(result.epochs.mean()) / workload.epochs
        return Outcome(np.asarray(result.scores[score].mean()), trained)

    return run


def parts(workload: OwnDraws) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each fold.

    Returns:
        ``(numbers [folds, rows], masks [folds, 3, all rows])``: numbers of the rows to learn from, as many in
        each fold, and which rows the training, held-out and test accuracies count; one fold, whose held-out
        rows are the test rows, where there are none.
    """
    rows = workload.rows()
    n, n_all = len(rows.x_train), len(rows.x_train) + len(rows.x_test)
    in_test = np.arange(n_all) >= n
    if workload.folds is None:
        return np.arange(n)[None], np.stack([~in_test, in_test, in_test])[None]
    numbers, masks = [], []
    for train, held_out in StratifiedKFold(workload.folds).split(rows.x_train, rows.y_train):
        numbers.append(train[: workload.learned_from])
        masks.append([np.isin(np.arange(n_all), part) for part in (train, held_out)] + [in_test])
    return np.stack(numbers), np.array(masks)


def trainer(workload: OwnDraws, in_program: bool) -> Callable[..., jax.Array]:
    """The training of one member: ``(rate, l2, params, draws, mask) -> accuracies [3]``.

    ``draws`` are row numbers ``[epochs, steps, batch]``, or where the program draws them, one permutation an
    epoch, ``(key, numbers to learn from)``.
    """
    rows, batch, steps = workload.rows(), workload.batch, workload.steps()
    x = jnp.asarray(np.concatenate([rows.x_train, rows.x_test]), jnp.float32)
    y = jnp.asarray(np.concatenate([rows.y_train, rows.y_test]))
    apply = functools.partial(logits, getattr(jax.nn, workload.activation))

    def train(rate: jax.Array, l2: jax.Array, params: Any, draws: Any, mask: jax.Array) -> jax.Array:
        def step(params: Any, at: jax.Array) -> tuple[Any, None]:
            gradients = jax.grad(objective)(params, x[at], y[at], l2, apply)
            return jax.tree.map(lambda p, g: p - rate * g, params, gradients), None

        def epoch(params: Any, drawn: jax.Array) -> tuple[Any, None]:
            if in_program:
                drawn = jax.random.permutation(drawn, draws[1])[: steps * batch].reshape(steps, batch)
            return jax.lax.scan(step, params, drawn)

        draws_by_epoch = jax.random.split(draws[0], workload.epochs) if in_program else draws
        params, _ = jax.lax.scan(epoch, params, draws_by_epoch)
        right = apply(params, x).argmax(axis=1) == y
        return (mask * right).sum(axis=1) / mask.sum(axis=1)

    return train


def plain(workload: OwnDraws, in_program: bool = False, mapped: bool = True) -> Runner:
    """All members in one call of ``jit(vmap(train))``, or not mapped, one after another by ``jit(train)``.

    Args:
        workload: The workload.
        in_program: Whether the compiled program draws minibatches; else NumPy does, all at once.
        mapped: Whether members are mapped.
    """
    train = trainer(workload, in_program)
    train_all = jax.jit(jax.vmap(train) if mapped else train)
    start = jax.jit(jax.vmap(network(workload).init))
    folds, masks = parts(workload)
    # Members in the order [η, λ, seed, fold].
    counts = (len(workload.learning_rates) * len(workload.l2s), workload.seeds, len(folds))
    cell, seed, fold = (places.ravel() for places in np.indices(counts))
    rates, l2s = (np.asarray(values, np.float32)[cell] for values in workload.cells())
    numbers, counted = folds[fold].astype(np.int32), jnp.asarray(masks[fold])

    def drawn() -> Any:
        if in_program:
            return jax.random.split(jax.random.key(workload.seeds), len(cell)), jnp.asarray(numbers)
        shape = (len(cell), workload.epochs, workload.steps(), workload.batch)
        passes = np.broadcast_to(numbers[:, None], (*shape[:2], numbers.shape[1]))
        permuted = np.random.default_rng(0).permuted(passes, axis=-1)
        return permuted[..., : shape[2] * shape[3]].reshape(shape)

    def run() -> Outcome:
        keys = jax.vmap(jax.random.key)(jnp.arange(workload.seeds))
        params = jax.tree.map(lambda leaf: leaf[seed], start(keys))
        arguments = (rates, l2s, params, drawn(), counted)
        if mapped:
            return Outcome(np.asarray(train_all(*arguments)[:, 1].mean()))
        each = [train_all(*jax.tree.map(lambda leaf, i=i: leaf[i], arguments)) for i in range(len(cell))]
        return Outcome(np.mean([accuracies[1] for accuracies in each]))

    return run
