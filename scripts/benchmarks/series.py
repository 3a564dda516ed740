"""Train a network for each series of one table: in plain JAX, and with scikit-learn one by one."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
from joblib import Parallel, delayed
from sklearn.neural_network import MLPRegressor

from benchmarks.jfnn_sweep import network
from benchmarks.machine import cores
from benchmarks.plain_jax import Array, dense, penalty, train
from benchmarks.scikit_learn import end_workers_at_exit
from benchmarks.workload import Outcome, Runner, Workload


def by_series(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs ``[series, rows, 4]`` and targets ``[series, rows]``."""
    rows = workload.rows()
    number = workload.folds
    length = workload.rows_of_a_series()
    assert number is not None
    x, y = (array[: number * length].reshape(number, length, -1) for array in (rows.x_train, rows.y_train))
    return x, y[..., 0]


def plain(workload: Workload) -> Runner:
    """Train all series in one call of ``jit(vmap(train))``, with passes sampled in the program."""
    x, y = (jnp.asarray(array, jnp.float32) for array in by_series(workload))
    apply = functools.partial(dense, workload.activation)
    steps = workload.steps()
    (number, length) = y.shape
    (rate,) = workload.learning_rates
    (l2,) = workload.l2s
    start = network(workload).init(jax.random.key(0))

    def squares(params: object, x: Array, y: Array) -> Array:
        costs: Array = 0.5 * (apply(params, x)[:, 0] - y) ** 2
        return costs

    @jax.jit
    @jax.vmap
    def train_one(x: Array, y: Array, key: Array) -> Array:
        def loss(params: object, at: Array) -> Array:
            return squares(params, x[at], y[at]).sum() + penalty(params, jnp.float32(l2))

        def epoch(params: object, key: Array) -> tuple[object, None]:
            drawn = jax.random.permutation(key, length)[: steps * workload.batch]
            return train(loss, optax.sgd(rate), params, drawn.reshape(steps, -1)), None

        params, _ = jax.lax.scan(epoch, start, jax.random.split(key, workload.epochs))
        return squares(params, x, y).mean()

    def run() -> Outcome:
        return Outcome(np.asarray(train_one(x, y, jax.random.split(jax.random.key(1), number)).mean()))

    return run


def scikit_learn(workload: Workload) -> Runner:
    """Train an `MLPRegressor` per series, a process per core, in float64 with its own initial weights."""
    x, y = by_series(workload)
    end_workers_at_exit()
    learner = MLPRegressor(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation=workload.activation,
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=workload.batch,
        learning_rate_init=workload.learning_rates[0] * workload.batch,  # for the mean over a batch
        alpha=workload.l2s[0],
        max_iter=workload.epochs,
        n_iter_no_change=workload.epochs + 1,  # no early stopping
        random_state=0,
    )

    def run() -> Outcome:
        losses = Parallel(n_jobs=cores())(delayed(_fit)(learner, *one) for one in zip(x, y, strict=True))
        return Outcome(np.mean(losses))

    return run


def _fit(learner: MLPRegressor, x: np.ndarray, y: np.ndarray) -> float:
    """Return half the mean squared residual."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about fits that do not converge
        return float(0.5 * np.mean((learner.fit(x, y).predict(x) - y) ** 2))
