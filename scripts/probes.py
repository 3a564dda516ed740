"""Time linear probes of many targets: one sweep, scikit-learn, plain JAX and one sweep per target.

Each target has two classes and noisy labels; L2 has strength 1 (C = 1), in float64. jfnn and plain JAX run
L-BFGS to a relative change of 1e-12. scikit-learn has ``tol=1e-8`` and uses running processes with one thread
each. The script prints wall seconds (first and second call for jfnn and plain JAX), the largest difference of
a coefficient from scikit-learn's, and the number of targets with the same test accuracy.
"""

import concurrent.futures
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks.machine import cores
from benchmarks.report import markdown
from console import Parser, run

import jfnn

STRENGTH = 1.0
STEPS = 200  # at most, of L-BFGS
EVERY = 2  # steps between checks of convergence
TOLERANCE = 1e-12
TARGETS = (1, 10, 100, 1000)
FEW = 10  # most targets for which the other contenders run too


class Case(NamedTuple):
    """Numbers of rows and targets."""

    targets: int
    rows: int = 5000
    inputs: int = 512
    tests: int = 1000

    def split(self) -> jfnn.Split:
        """Return normal inputs and labels ``[n, targets]`` from noisy linear functions of them."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.rows + self.tests, self.inputs))
        signal = x @ rng.normal(size=(self.inputs, self.targets)) / np.sqrt(self.inputs)
        y = (signal + rng.normal(size=signal.shape) > 0).astype(int)
        n = self.rows
        return jfnn.Split(x[:n], y[:n], x[n:], y[n:])


class Found(NamedTuple):
    """Coefficients ``[targets, inputs]`` and accuracies on test rows ``[targets]``."""

    coefficients: np.ndarray
    accuracy: np.ndarray


def by_jfnn(split: jfnn.Split) -> Found:
    """Train all targets in one sweep."""
    result = jfnn.sweep(
        jfnn.mlp((split.x_train.shape[1], 1)),
        split,
        folds=jfnn.subsets.targets(split.y_train),
        loss="sigmoid_cross_entropy",
        optimizer="lbfgs",
        learning_rate=1.0,
        l2=STRENGTH,
        batch_size=None,
        epochs=STEPS,
        schedulers=[jfnn.Converged(EVERY, TOLERANCE)],
    )
    return Found(result.params[0].w[0, 0, 0, :, :, 0], result.test_accuracy[0, 0, 0])


def one_by_one(split: jfnn.Split) -> Found:
    """Train each target in its own sweep."""
    columns = range(split.y_train.shape[1])
    singles = [split._replace(y_train=split.y_train[:, [t]], y_test=split.y_test[:, [t]]) for t in columns]
    return Found(*map(np.concatenate, zip(*map(by_jfnn, singles), strict=True)))


def plain(split: jfnn.Split) -> Callable[[], Found]:
    """Return a `jax.vmap` of optax's L-BFGS, in a loop until all have converged."""
    x = jnp.asarray(split.x_train)
    signs = jnp.asarray(2.0 * split.y_train.T - 1)
    rule = optax.lbfgs()

    def minimize(sign: jax.Array) -> tuple[jax.Array, jax.Array]:
        def objective(params: tuple[jax.Array, jax.Array]) -> jax.Array:
            w, b = params
            return (jax.nn.softplus(-sign * (x @ w + b)).sum() + STRENGTH / 2 * w @ w) / len(x)

        def step(carry: Any) -> Any:
            i, params, memory, _, value = carry
            now, gradient = jax.value_and_grad(objective)(params)
            updates, memory = rule.update(
                gradient, memory, params, value=now, grad=gradient, value_fn=objective
            )
            return i + 1, optax.apply_updates(params, updates), memory, value, now

        def goes_on(carry: Any) -> jax.Array:
            i, _, _, before, now = carry
            converged = jnp.abs(before - now) <= TOLERANCE
            return jnp.logical_and(i < STEPS, ~converged)

        start = jnp.zeros(x.shape[1]), jnp.zeros(())
        end: Any = jax.lax.while_loop(goes_on, step, (0, start, rule.init(start), jnp.inf, jnp.inf))
        params: tuple[jax.Array, jax.Array] = end[1]
        return params

    trained = jax.jit(jax.vmap(minimize))

    def found() -> Found:
        w, b = (np.asarray(part) for part in trained(signs))
        answers = split.x_test @ w.T + b > 0
        return Found(w, (answers == split.y_test).mean(axis=0))

    return found


def by_scikit_learn(case: Case, pool: concurrent.futures.Executor, processes: int) -> Found:
    """Fit `sklearn.linear_model.LogisticRegression` target by target."""
    parts = [(case, range(first, case.targets, processes)) for first in range(processes)]
    w = np.empty((case.targets, case.inputs))
    accuracy = np.empty(case.targets)
    for (_, columns), part in zip(parts, pool.map(fit_targets, parts), strict=True):
        w[columns], accuracy[columns] = part
    return Found(w, accuracy)


def import_scikit_learn(_: int) -> None:
    """Import scikit-learn in a process, and wait so that every process gets a task."""
    import sklearn.linear_model  # noqa: F401

    time.sleep(1)


def fit_targets(part: tuple[Case, range]) -> Found:
    """Fit some targets in one process."""
    from sklearn.linear_model import LogisticRegression

    case, columns = part
    split = case.split()
    w = np.empty((len(columns), case.inputs))
    accuracy = np.empty(len(columns))
    for i, t in enumerate(columns):
        model = LogisticRegression(C=1 / STRENGTH, tol=1e-8, max_iter=10_000)
        model.fit(split.x_train, split.y_train[:, t])
        w[i] = model.coef_[0]
        accuracy[i] = model.score(split.x_test, split.y_test[:, t])
    return Found(w, accuracy)


def timed(call: Callable[[], Found]) -> tuple[Found, float]:
    """Return a call's result and its seconds."""
    before = time.perf_counter()
    found = call()
    return found, time.perf_counter() - before


def row(case: Case, pool: concurrent.futures.Executor, processes: int) -> list[str]:
    """Return a row of the table."""
    split = case.split()
    expected, seconds = timed(lambda: by_scikit_learn(case, pool, processes))
    found, first = timed(lambda: by_jfnn(split))
    _, second = timed(lambda: by_jfnn(split))
    apart = np.abs(found.coefficients - expected.coefficients).max()
    same = int((found.accuracy == expected.accuracy).sum())
    by_jax, single = "", ""
    if case.targets <= FEW:
        by_plain_jax = plain(split)
        times = [timed(by_plain_jax)[1] for _ in range(2)]
        by_jax = " / ".join(f"{taken:.2f}" for taken in times)
        single = f"{timed(lambda: one_by_one(split))[1]:.2f}"
    figures = [f"{first:.2f} / {second:.2f}", f"{seconds:.2f}", by_jax, single]
    return [f"{case.targets:,}", *figures, f"{apart:.1g}", f"{same} of {case.targets}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table with one row per number of targets."""
    parser = Parser(description=__doc__)
    parser.parse_args(arguments)
    processes = cores()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = (
        "1"  # inherited by the processes below
    )
    jax.config.update("jax_enable_x64", True)
    head = ["targets", "one sweep", "scikit-learn", "plain JAX", "a sweep each", "apart", "same accuracy"]
    print(markdown([head]))
    apart = multiprocessing.get_context("spawn")  # JAX's threads do not survive a fork
    with concurrent.futures.ProcessPoolExecutor(processes, apart) as pool:
        list(pool.map(import_scikit_learn, range(processes)))
        for targets in TARGETS:
            print(f"| {' | '.join(row(Case(targets), pool, processes))} |", flush=True)
    return 0


if __name__ == "__main__":
    run(main)
