"""A network for each of many series, and the slopes that it has recovered.

Series are those of the benchmark: ``y = tanh(s · x)`` on 60 rows, with four slopes of their own. The slopes
are known, since there is no noise: they are least squares of artanh(y) on x. A network 4-8-1 that has learned
its series has them as its gradient at x = 0. The same work is timed in plain JAX and as a loop over
scikit-learn's MLPRegressor in a process a core, of which 20 are fitted.
"""

import dataclasses
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.jfnn_sweep import network, prepare
from benchmarks.series import by_series, plain, scikit_learn
from benchmarks.workload import Runner, Workload
from benchmarks.workloads import SERIES
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, statement
from jfnn.plots.panels import WIDTH

DECIDED = 50  # series whose slopes are enough to judge, four each
FRESH = 1_000  # rows that no network has seen
LOOP = "scikit-learn, one by one"
PLAIN = "JAX, jit(vmap(scan))"


class Scale(NamedTuple):
    """Size of the computation; timed runs come after one that compiles or starts processes."""

    series: int = 1_000
    runs: int = 3


SCALES = {"quick": Scale(series=100, runs=1), "usual": Scale(), "paper": Scale(runs=5)}


def run(runs: Path, size: str) -> Picture:
    """Recovered slopes beside the true ones, errors on fresh rows, and times; nothing is kept in ``runs``."""
    scale = SCALES[size]
    results = []
    workload = dataclasses.replace(SERIES, folds=scale.series)
    few = workload.reduced()

    def kept_sweep(*arguments: Any, **options: Any) -> jfnn.SweepResult:
        results.append(jfnn.sweep(*arguments, **options))
        return results[-1]

    factor = workload.members / few.members
    times = {
        LOOP: factor * seconds_of(scikit_learn(few), scale.runs),
        PLAIN: seconds_of(plain(workload), scale.runs),
        "jfnn": seconds_of(prepare(workload, kept_sweep, gradient="backprop"), scale.runs),
    }
    params = jax.tree.map(lambda leaf: leaf[0, 0, 0], results[0].params)
    true = slopes(*by_series(workload))
    estimates = recovered(workload, params)
    missed = missed_variance(workload, params, true)
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(2, 1))
    upper = halves[0].subplots(1, 2)
    axes = halves[1].subplots()
    upper[0].plot(true.ravel(), estimates.ravel(), ".", markersize=2, alpha=0.5)
    upper[0].axline((0, 0), slope=1, color="black", linewidth=0.8)
    upper[0].set(xlabel="true slope", ylabel="recovered")
    upper[1].hist(100 * missed, bins=np.geomspace(0.01, 100, 41).tolist())
    upper[1].set(xscale="log", xlabel="variance missed, %", ylabel="series")
    bars = axes.barh(list(times), list(times.values()))
    axes.bar_label(bars, [f" {value:.2f} s" for value in times.values()])
    axes.set(xscale="log", xlabel=f"seconds for {scale.series:,} series")
    axes.set_xlim(right=5 * max(times.values()))
    description = f"{scale.series:,} networks, {workload.epochs} epochs each"
    rows = table_rows(true, estimates, missed, times, size != "quick")
    return Picture(figure, rows, description, sum(results[0].timing.values()))


def seconds_of(runner: Runner, runs: int) -> float:
    """Least time of several runs, after a first one."""
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        runner()
        times.append(time.perf_counter() - begun)
    return min(times[1:])


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slopes ``[series, 4]`` of series without noise."""
    return np.stack([np.linalg.lstsq(*one, rcond=None)[0] for one in zip(x, np.arctanh(y), strict=True)])


def recovered(workload: Workload, params: Any) -> np.ndarray:
    """Gradients of all networks at x = 0 ``[series, 4]``."""
    apply = network(workload).apply
    origin = np.zeros(workload.sizes[0], np.float32)
    gradient = jax.grad(lambda x, one: apply(one, x[None])[0, 0])
    return np.asarray(jax.vmap(gradient, (None, 0))(origin, params))


def missed_variance(workload: Workload, params: Any, true: np.ndarray) -> np.ndarray:
    """Share of the variance of fresh rows that each network misses ``[series]``, ``1 - R²``; at best 0."""
    x = np.random.default_rng(1).normal(size=(FRESH, workload.sizes[0]))
    outputs = jax.vmap(network(workload).apply, (0, None))(params, jnp.asarray(x, jnp.float32))[..., 0]
    y = np.tanh(true @ x.T)
    return np.asarray(((outputs - y) ** 2).mean(axis=1) / y.var(axis=1))


def table_rows(
    true: np.ndarray, estimates: np.ndarray, missed: np.ndarray, times: dict[str, float], decided: bool
) -> list[Row]:
    """Slopes and errors beside the best possible, and times beside jfnn's.

    ``decided`` is of times, those of the whole work; slopes are judged of as few series as `DECIDED`.
    """
    r = float(np.corrcoef(true.ravel(), estimates.ravel())[0, 1])
    good = float((missed <= 0.1).mean())
    error = np.abs(true - estimates).mean()
    slope = f"at least 0.98; mean error {error:.2f}"
    enough = "at least 90%"
    known = len(true) >= DECIDED
    rows = [
        statement("correlation of recovered slopes", "", f"{r:.3f}", r >= 0.98, slope, known),
        statement("series with 90% of fresh rows explained", "", f"{good:.1%}", good >= 0.9, enough, known),
    ]
    rows = [row._replace(exact=text) for row, text in zip(rows, ("1", "100%"), strict=True)]
    for name in (LOOP, PLAIN):
        ratio = times[name] / times["jfnn"]
        reason = f"above 1; {times[name]:.2f} s and {times['jfnn']:.2f} s"
        rows.append(statement(f"time of {name}, over jfnn's", "", f"{ratio:.1f}", ratio > 1, reason, decided))
    return rows
