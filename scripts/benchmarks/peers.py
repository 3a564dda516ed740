"""The other ways to train the same networks, each as people write it today: ``prepare(workload) -> run``.

Preparing loads the data and is not timed. A run starts from a seed: it draws starting weights and minibatches
(the same ones for every contender that lets itself be given some), trains all members and scores them.
"""

import functools
import multiprocessing.util
import os
import warnings
from typing import NamedTuple

import numpy as np

from benchmarks import numpy_loop
from benchmarks.workloads import Workload


class Outcome(NamedTuple):
    """What a run gives.

    Attributes:
        accuracy: Test accuracy of every member, ``[η, λ, seed]``, NaN where it left early; None where
            nothing is trained.
        trained: The share of the workload's epochs that were trained; less than 1 where members left.
    """

    accuracy: np.ndarray | None
    trained: float = 1.0


def cores() -> int:
    """How many cores this process may use. As jfnn counts them, but without JAX, which takes memory."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def numpy_contender(workload: Workload):
    """The notes' loop."""
    run = numpy_loop.prepare(workload)
    return lambda: Outcome(run())


def scikit_learn(workload: Workload):
    """`GridSearchCV` over `MLPClassifier`, a process a core, equal work.

    scikit-learn minimises the mean over the batch, penalty included: learning rates are multiplied by the
    batch, alpha is l2. It trains on the rows that fill batches, as it would keep the rest as one more step.
    """
    from joblib.externals.loky import get_reusable_executor
    from sklearn.model_selection import GridSearchCV, PredefinedSplit
    from sklearn.neural_network import MLPClassifier

    rows = workload.rows()
    n = workload.steps() * workload.batch
    x, y = np.concatenate([rows.x_train[:n], rows.x_test]), np.concatenate([rows.y_train[:n], rows.y_test])
    network = MLPClassifier(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation="logistic" if workload.activation == "sigmoid" else workload.activation,
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=workload.batch,
        max_iter=workload.epochs,
        n_iter_no_change=workload.epochs + 1,  # it never stops early
    )
    grid: dict[str, list] = {
        "learning_rate_init": [rate * workload.batch for rate in workload.learning_rates],
        "alpha": list(workload.l2s),
        "random_state": list(range(workload.seeds)),
    }
    search = GridSearchCV(
        network,
        grid,
        cv=PredefinedSplit(np.repeat([-1, 0], [n, len(rows.x_test)])),
        n_jobs=cores(),
        refit=False,
        return_train_score=True,
    )
    os.environ["PYTHONWARNINGS"] = "ignore"  # for its worker processes: every network "did not converge"
    # Those idle for minutes after a search, and this process would wait for them when it ends.
    pool = functools.partial(get_reusable_executor, reuse=True)
    multiprocessing.util.Finalize(None, lambda: pool().shutdown(kill_workers=True), exitpriority=1)

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = search.fit(x, y).cv_results_
        scores = np.full(workload.shape, np.nan)
        for setting, score in zip(found["params"], found["mean_test_score"], strict=True):
            scores[tuple(values.index(setting[name]) for name, values in grid.items())] = score
        return Outcome(scores)

    return run


def plain_vmap(workload: Workload):
    """``jit(vmap(train))`` in JAX: rows of samples, integer labels, a scan over minibatches."""
    import jax
    import jax.numpy as jnp
    import optax

    rows = workload.rows()
    x, y = jnp.asarray(rows.x_train, jnp.float32), jnp.asarray(rows.y_train)
    x_test, y_test = jnp.asarray(rows.x_test, jnp.float32), jnp.asarray(rows.y_test)
    activation = getattr(jax.nn, workload.activation)

    def logits(params, x):
        for w, b in params[:-1]:
            x = activation(x @ w + b)
        w, b = params[-1]
        return x @ w + b

    def objective(params, x, y, l2):
        z = logits(params, x)
        if z.shape[1] == 1:
            costs = optax.sigmoid_binary_cross_entropy(z[:, 0], y)
        else:
            costs = optax.softmax_cross_entropy_with_integer_labels(z, y)
        return costs.sum() + 0.5 * l2 * sum((w**2).sum() for w, _ in params)

    def accuracy(params, x, y):
        z = logits(params, x)
        return jnp.mean((z[:, 0] > 0 if z.shape[1] == 1 else z.argmax(axis=1)) == y)

    def train(learning_rate, l2, params, batches):
        def step(params, batch):
            xb, yb = (x, y) if batch is None else (x[batch], y[batch])
            gradients = jax.grad(objective)(params, xb, yb, l2)
            return jax.tree.map(lambda p, g: p - learning_rate * g, params, gradients), None

        params, _ = jax.lax.scan(step, params, batches, length=workload.epochs * workload.steps())
        return params, accuracy(params, x, y), accuracy(params, x_test, y_test)

    over_seeds = jax.vmap(train, in_axes=(None, None, 0, 0))
    train_all = jax.jit(jax.vmap(over_seeds, in_axes=(0, 0, None, None)))
    rates, l2s = (
        jnp.asarray(values.ravel(), jnp.float32)
        for values in np.meshgrid(workload.learning_rates, workload.l2s, indexing="ij")
    )

    def run():
        start, batches = streams(workload, rows)
        params = [(jnp.asarray(w, jnp.float32), jnp.asarray(b, jnp.float32)) for w, b in start]
        if batches is not None:
            batches = jnp.asarray(batches.reshape(workload.seeds, -1, workload.batch), jnp.int32)
        trained = jax.block_until_ready(train_all(rates, l2s, params, batches))
        return Outcome(np.reshape(trained[2], workload.shape))

    return run


def streams(workload: Workload, rows):
    """All seeds' starting layers ``(w, b)``, and minibatches or None, with a leading seed axis."""
    starts, batches = zip(*(workload.stream(seed, rows) for seed in range(workload.seeds)), strict=True)
    stacked = [np.stack(leaves) for leaves in zip(*starts, strict=True)]
    layers = list(zip(stacked[::2], stacked[1::2], strict=True))
    return layers, None if batches[0] is None else np.stack(batches)
