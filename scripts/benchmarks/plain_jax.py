"""Train the same networks in plain JAX: ``jit(vmap(train))`` in rows, or ``jit(train)`` one by one."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.model_selection import StratifiedKFold

from benchmarks.workload import Outcome, Runner, Workload, stacked

Array = jax.Array


def train(
    loss: Callable[[Any, Any], Array],
    optimizer: optax.GradientTransformation,
    params: Any,
    draws: Any,
    steps: int | None = None,
) -> Any:
    """Return the parameters after a step of ``loss(params, draw)`` on each draw, or ``steps`` on None."""

    def step(carry: Any, draw: Any) -> tuple[Any, None]:
        params, memory = carry
        updates, memory = optimizer.update(jax.grad(loss)(params, draw), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), draws, length=steps)
    return params


def penalty(params: Any, l2: Array) -> Array:
    """Return ``λ/2 Σ w²`` for pairs of weights and biases."""
    total: Array = 0.5 * l2 * sum((w**2).sum() for w, _ in params)
    return total


def dense(activation: str, params: Any, x: Array) -> Array:
    """Return outputs ``[n, n_out]`` for pairs of weights and biases."""
    for w, b in params[:-1]:
        x = getattr(jax.nn, activation)(x @ w + b)
    w, b = params[-1]
    z: Array = jnp.matmul(x, w) + b
    return z


def costs(z: Array, y: Array) -> Array:
    """Return the cross-entropy of each row."""
    if z.shape[1] == 1:
        values: Array = optax.sigmoid_binary_cross_entropy(z[:, 0], y)
    else:
        values = optax.softmax_cross_entropy_with_integer_labels(z, y)
    return values


def right(z: Array, y: Array) -> Array:
    """Return whether each row's prediction is correct."""
    return (z[:, 0] > 0 if z.shape[1] == 1 else z.argmax(axis=1)) == y


def data(workload: Workload) -> tuple[Array, ...]:
    """Return training and test rows, with inputs in float32."""
    x, y, x_test, y_test = workload.rows()
    return jnp.asarray(x, jnp.float32), jnp.asarray(y), jnp.asarray(x_test, jnp.float32), jnp.asarray(y_test)


def cells(workload: Workload) -> tuple[Array, ...]:
    """Return learning rates and penalties of all cells, float32."""
    return tuple(jnp.asarray(values, jnp.float32) for values in workload.cells())


def grid(workload: Workload) -> Runner:
    """Train all members in one call, every member with its own minibatches."""
    x, y, x_test, y_test = data(workload)
    apply = functools.partial(dense, workload.activation)
    steps = workload.epochs * workload.steps()

    def train_member(rate: Array, l2: Array, start: Any, batches: Array | None) -> tuple[Any, Array, Array]:
        def loss(params: Any, batch: Array | None) -> Array:
            xb, yb = (x, y) if batch is None else (x[batch], y[batch])
            return costs(apply(params, xb), yb).sum() + penalty(params, l2)

        params = train(loss, optax.sgd(rate), start, batches, steps)
        return params, *(right(apply(params, x), y).mean() for x, y in ((x, y), (x_test, y_test)))

    over_seeds = jax.vmap(train_member, in_axes=(None, None, 0, 0))
    train_all = jax.jit(jax.vmap(over_seeds, in_axes=(0, 0, None, None)))
    rates, l2s = cells(workload)

    def run() -> Outcome:
        starts, drawn = zip(*map(workload.replicate, range(workload.seeds)), strict=True)
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), stacked(starts))
        batches = None
        if drawn[0] is not None:
            batches = jnp.asarray(np.stack(drawn).reshape(workload.seeds, steps, -1), jnp.int32)
        accuracies = np.asarray(train_all(rates, l2s, params, batches)[2])
        return Outcome(accuracies.reshape(workload.shape))

    return run


def parts(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each fold.

    Returns:
        ``(numbers [folds, rows], masks [folds, 3, all rows])``: training rows, as many in each fold, and the
        rows counted in training, held-out and test accuracies; without folds the test rows are held out.
    """
    rows = workload.rows()
    n = len(rows.x_train)
    n_all = len(rows.x_train) + len(rows.x_test)
    in_test = np.arange(n_all) >= n
    if workload.folds is None:
        return np.arange(n)[None], np.stack([~in_test, in_test, in_test])[None]
    least = n - -(-n // workload.folds)
    numbers = []
    masks = []
    for learned, held_out in StratifiedKFold(workload.folds).split(rows.x_train, rows.y_train):
        numbers.append(learned[:least])
        masks.append([np.isin(np.arange(n_all), part) for part in (learned, held_out)] + [in_test])
    return np.stack(numbers), np.array(masks)


def _drawing_trainer(workload: Workload, in_program: bool) -> Callable[..., Array]:
    """Return the training of one member: ``(rate, l2, params, draws, mask) -> accuracies [3]``.

    ``draws`` are row numbers ``[epochs, steps, batch]``, or ``(key, numbers of the training rows)`` if the
    program samples one permutation per epoch.
    """
    x, y = (jnp.concatenate(parts) for parts in (data(workload)[::2], data(workload)[1::2]))
    batch = workload.batch
    steps = workload.steps()
    apply = functools.partial(dense, workload.activation)

    def train_member(rate: Array, l2: Array, params: Any, draws: Any, mask: Array) -> Array:
        def loss(params: Any, at: Array) -> Array:
            return costs(apply(params, x[at]), y[at]).sum() + penalty(params, l2)

        def epoch(params: Any, drawn: Array) -> tuple[Any, None]:
            if in_program:
                drawn = jax.random.permutation(drawn, draws[1])[: steps * batch].reshape(steps, batch)
            return train(loss, optax.sgd(rate), params, drawn), None

        by_epoch = jax.random.split(draws[0], workload.epochs) if in_program else draws
        params, _ = jax.lax.scan(epoch, params, by_epoch)
        return (mask * right(apply(params, x), y)).sum(axis=1) / mask.sum(axis=1)

    return train_member


def own_draws(workload: Workload, in_program: bool = False, mapped: bool = True) -> Runner:
    """Train members with their own initial weights and minibatches, in one call of ``jit(vmap(train))``.

    Args:
        workload: The workload.
        in_program: Whether the compiled program samples minibatches; otherwise NumPy samples all at once.
        mapped: Whether members are mapped; otherwise they train one after another with ``jit(train)``.
    """
    from benchmarks.jfnn_sweep import network  # not at the top, so that `grid` does not pay for it

    train_member = _drawing_trainer(workload, in_program)
    train_all = jax.jit(jax.vmap(train_member) if mapped else train_member)
    start = jax.jit(jax.vmap(network(workload).init))
    folds, masks = parts(workload)
    # Members in the order [η, λ, seed, fold].
    counts = (len(workload.learning_rates) * len(workload.l2s), workload.seeds, len(folds))
    cell, seed, fold = (numbers.ravel() for numbers in np.indices(counts))
    rates, l2s = (np.asarray(values, np.float32)[cell] for values in workload.cells())
    numbers = folds[fold].astype(np.int32)
    counted = jnp.asarray(masks[fold])

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
        outcomes = [train_all(*jax.tree.map(lambda leaf, i=i: leaf[i], arguments)) for i in range(len(cell))]
        return Outcome(np.mean([accuracies[1] for accuracies in outcomes]))

    return run
