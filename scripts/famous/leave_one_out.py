"""The value of one training row, and how much of it depends on the seed.

dattri (Deng et al., NeurIPS 2024, arXiv 2410.04555) compares data attribution methods with networks trained
without one row, and finds almost no correlation for an MLP. Do the methods fail? Its package takes
minibatches in order and uses dropout. Here 64-32-10 is trained without each of the digits' training rows in
this way, without dropout, and with random minibatches. No method can predict what two seeds disagree on,
unless it knows their random numbers: if means over k seeds have correlation r with each other, the truth
behind them has correlation √r with either.

One detail differs: PyTorch samples the same dropout masks for all networks of a seed, shifted by one row
after the missing row; here each network samples its own masks.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement
from jfnn.plots.panels import legend_below, panels

UNITS = 32
EVERY = 4  # every fourth test row is used
DROPOUT = 0.1
MOST = 0.05  # correlation of influence that counts as almost none
SCORES = (0.11, 0.45)  # published
DAMPING = 0.01
PENALTIES = tuple(np.geomspace(0.4, 0.05, 6).tolist())  # of datamodels
SPLITS = 20  # random splits of the seeds into two groups
FLOPS = 52e9  # per second and core in training (scripts/bench.py --workload chains)
# Protocol -> minibatches, dropout, color.
PROTOCOLS = {
    "in order, dropout": ("in_order", DROPOUT, "tab:red"),
    "at random, no dropout": ("permutation", 0.0, "tab:orange"),
    "in order, no dropout": ("in_order", 0.0, "tab:blue"),
}
DROPPING = next(iter(PROTOCOLS))
INFLUENCE = "influence, one network", "influence, several networks"


class Scale(NamedTuple):
    """Size of the computation."""

    rows: int = 1_437  # training rows
    seeds: int = 20
    others: int = 8  # seeds without dropout, and networks for influence functions
    epochs: int = 20
    subsets: int = 4_000  # subsets to fit datamodels
    held_out: int = 100
    repeats: int = 5  # seeds per held-out subset


SCALES = {
    "quick": Scale(rows=100, seeds=4, others=4, epochs=10, subsets=200, held_out=40, repeats=2),
    "usual": Scale(),
    "paper": Scale(epochs=50, others=20),
}


class Worth(NamedTuple):
    """Values of training rows for test rows, and how well they predict."""

    left_out: dict[str, np.ndarray]  # by protocol, [seeds, n, rows]
    influence: dict[str, np.ndarray]  # for networks trained on all rows, [seeds, n, rows]
    scores: dict[str, np.ndarray]  # linear datamodeling scores [rows], with dropout


def run(runs: Path, size: str) -> Picture:
    """Compute the agreement of seeds and influence functions, and linear datamodeling scores."""
    scale = SCALES[size]
    digits = jfnn.datasets.digits()
    split = jfnn.Split(
        digits.x_train[: scale.rows].astype(np.float32) / 16,
        digits.y_train[: scale.rows],
        digits.x_test[::EVERY].astype(np.float32) / 16,
        digits.y_test[::EVERY],
    )
    worth, results = measured(split, scale, runs)
    members = sum(result.diverged_at.size for result in results)
    operations = scale.epochs * trained_rows(scale) * 2 * UNITS * (2 * 64 + 3 * 10)
    description = (
        f"{members:,} networks, {scale.epochs} epochs each, {operations / 1e12:.1f} TFLOP, which is"
        f" {operations / FLOPS / 2:.0f} s of two cores at {FLOPS / 1e9:.0f} GFLOP/s"
    )
    rows = table_rows(worth, published("leave-one-out")["statements"], size != "quick")
    return Picture(draw(worth), rows, description, seconds(*results))


def trained_rows(scale: Scale) -> int:
    """Return the training rows of all networks in total."""
    left_out = scale.seeds + (len(PROTOCOLS) - 1) * scale.others
    halves = scale.subsets + scale.held_out * scale.repeats
    whole = len(PROTOCOLS) * scale.others
    return scale.rows * (left_out * (scale.rows - 1) + whole) + scale.rows // 2 * halves


def measured(split: jfnn.Split, scale: Scale, runs: Path) -> tuple[Worth, list[jfnn.SweepResult]]:
    """Train all networks and compute the values of rows."""
    n = len(split.y_train)
    network = jfnn.mlp((64, UNITS, 10), "relu", init="pytorch")
    results = []

    def trained(protocol: str, what: str, seeds: int, folds: Any = None) -> jfnn.SweepResult:
        scheme, dropout, _ = PROTOCOLS[protocol]
        result = jfnn.sweep(
            network,
            split,
            learning_rate=0.05,
            optimizer=jfnn.Optimizer("sgd", momentum=0.9),
            reduction="mean",
            gradient="backprop",
            epochs=scale.epochs,
            batch_size=jfnn.Minibatches(min(64, n // 4), scheme, drop_last=False),
            hyper={"dropout": dropout} if dropout else {},
            seeds=seeds,
            folds=folds,
            **resumable(runs, f"leave-one-out-{what}-{scheme}-{dropout:g}"),
        )
        results.append(result)
        return result

    def losses(what: str, seeds: int, folds: jfnn.subsets.Subsets) -> np.ndarray:
        """Return losses with dropout ``[subsets, rows]``, averaged over seeds."""
        scores = trained(DROPPING, what, seeds, folds).row_scores("loss", "test", split)
        return np.asarray(scores.reshape(seeds, len(folds.pairs), -1).mean(axis=0))

    left_out = {}
    influence = {}
    for name in PROTOCOLS:
        seeds = scale.seeds if name == DROPPING else scale.others
        one_less = trained(name, "one", seeds, jfnn.subsets.leave_one_out(n))
        values = jfnn.analysis.leave_one_out_values(one_less, split, average=False)
        left_out[name] = values.reshape(seeds, n, -1)
        found = jfnn.analysis.influence_functions(
            network,
            trained(name, "none", scale.others).params,
            *split[:4],
            damping=DAMPING,
            curvature="gauss_newton",
            tolerance=0.01,
        )
        influence[name] = found.values.reshape(scale.others, n, -1).astype(np.float64)
    coins = jfnn.subsets.independent(n, 0.5, scale.subsets, start_per_subset=True)
    held_out = jfnn.subsets.independent(n, 0.5, scale.held_out, seed=1)
    fitted = losses("fitted", 1, coins)
    actual = losses("foretold", scale.repeats, held_out)
    foretold = {
        "leave-one-out": left_out[DROPPING].mean(axis=0),
        INFLUENCE[0]: influence[DROPPING][0],
        INFLUENCE[1]: influence[DROPPING].mean(axis=0),
        "datamodels": jfnn.analysis.datamodels(fitted, coins.included, PENALTIES, folds=3).weights,
    }
    score = jfnn.analysis.linear_datamodeling_score
    scores = {name: score(values, actual, held_out.included) for name, values in foretold.items()}
    return Worth(left_out, influence, scores), results


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's correlation over training rows ``[n, rows]``, averaged over test rows."""
    one, other = (values - values.mean(axis=0) for values in (one, other))
    scale = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return float(((one * other).sum(axis=0) / scale).mean())


def agreement(values: np.ndarray, k: int) -> float:
    """Return the correlation of two means over k seeds of ``values [seeds, n, rows]``, over random groups."""
    rng = np.random.default_rng(0)
    groups = [rng.permutation(len(values))[: 2 * k] for _ in range(SPLITS)]
    return float(np.mean([correlation(values[g[:k]].mean(0), values[g[k:]].mean(0)) for g in groups]))


def between_seeds(values: np.ndarray) -> tuple[float, float]:
    """Return the mean correlation of two seeds, and its jackknife standard error over seeds."""
    seeds = range(len(values))
    pairs = np.array([[correlation(values[s], values[t]) if s < t else 0 for t in seeds] for s in seeds])
    pairs = pairs + pairs.T
    m = len(values)
    mean = pairs.sum() / (m * (m - 1))
    without = [(pairs.sum() - 2 * pairs[s].sum()) / ((m - 1) * (m - 2)) for s in seeds]
    return float(mean), float(np.sqrt((m - 1) / m * ((without - np.mean(without)) ** 2).sum()))


def with_means(influence: np.ndarray, values: np.ndarray, k: int) -> float:
    """Return the correlation of the mean influence with means over k seeds, over random groups."""
    rng = np.random.default_rng(1)
    groups = [rng.permutation(len(values))[:k] for _ in range(SPLITS)]
    return float(np.mean([correlation(influence.mean(0), values[g].mean(0)) for g in groups]))


def table_rows(worth: Worth, said: dict[str, str], decided: bool) -> list[Row]:
    """Return rows with the correlations of influence and of two seeds with leaving rows out, and scores."""
    rows = []
    for name, values in worth.left_out.items():
        r, error = between_seeds(values)
        influence = worth.influence[name]
        near = float(np.mean([correlation(*pair) for pair in zip(influence, values, strict=False)]))
        together = with_means(influence, values, len(values))
        reason = (
            f"at most {MOST:g}; two seeds' values {r:.3f} ± {error:.3f}, so no method above"
            f" {highest(r + 2 * error, 1):.2f}; {len(influence)} networks with {len(values)} seeds"
            f" {together:.2f}, no method above {highest(r + 2 * error, len(values)):.2f}"
        )
        figure = f"{name}: correlation of influence with leaving a row out"
        rows.append(statement(figure, said["left_out"], f"{near:.3f}", near <= MOST, reason, decided))
    others = [f"{name} {scores.mean():.2f}" for name, scores in worth.scores.items() if name not in INFLUENCE]
    for name in INFLUENCE:
        scores = worth.scores[name]
        low, high = jfnn.analysis.interval(scores)
        holds = bool(SCORES[0] <= scores.mean() <= SCORES[1])
        reason = f"{SCORES[0]} to {SCORES[1]}; 95% interval [{low:.2f}, {high:.2f}]; {', '.join(others)}"
        figure = f"{name}: linear datamodeling score"
        rows.append(statement(figure, said["score"], f"{scores.mean():.2f}", holds, reason, decided))
    return rows


def highest(r: float, k: int) -> float:
    """Return the truth's correlation with means over k seeds, if two seeds have r (Spearman-Brown)."""
    return float(np.sqrt(max(k * r / (1 + (k - 1) * r), 0)))


def draw(worth: Worth) -> Figure:
    """Draw correlations by the number of seeds, and the scores."""
    figure, grid = panels(6.4, 2, height_ratios=(2, 1))
    upper, lower = grid[:, 0]
    for (name, values), (_, _, color) in zip(worth.left_out.items(), PROTOCOLS.values(), strict=True):
        counts = list(range(1, len(values) + 1))
        agreements = [agreement(values, k) for k in counts[: len(values) // 2]]
        upper.plot(counts[: len(agreements)], agreements, "o-", color=color, markersize=4, label=name)
        near = [with_means(worth.influence[name], values, k) for k in counts]
        upper.plot(counts, near, "x--", color=color, markersize=4, linewidth=1)
        r, error = between_seeds(values)
        upper.plot(counts, [highest(r + 2 * error, k) for k in counts], ":", color=color, linewidth=1)
    upper.plot([], [], "o-", color="0.4", markersize=4, label="with other seeds")
    upper.plot([], [], "x--", color="0.4", markersize=4, linewidth=1, label="with influence functions")
    upper.plot([], [], ":", color="0.4", linewidth=1, label="no method above")
    upper.axhline(0.025, color="black", linewidth=0.8, label="dattri: every method below")
    upper.set(xlabel="seeds averaged", ylabel="correlation of a row's value", ylim=(-0.05, 1))
    upper.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 4, 5, 10]))
    upper.grid(alpha=0.3)
    legend_below(figure, upper)
    names = list(worth.scores)[::-1]
    means = np.array([worth.scores[name].mean() for name in names])
    ends = np.array([jfnn.analysis.interval(worth.scores[name]) for name in names])
    bars = lower.barh(names, means, xerr=np.abs(ends.T - means), color="0.85")
    lower.bar_label(bars, names, padding=8, fontsize=9)
    lower.axvspan(*SCORES, color="tab:green", alpha=0.2, linewidth=0)
    lower.set(xlabel="linear datamodeling score; dattri's in green", xlim=(0, 1.25), yticks=[])
    lower.set_xticks(np.linspace(0, 1, 6).tolist())
    return figure
