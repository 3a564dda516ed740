"""Digits that networks learn by heart: who is answered right only by networks that have seen it.

Feldman & Zhang (NeurIPS 2020, arXiv 2008.03703) train 2,000 networks, each on its own 70% of the rows, and
compare their answers for a row with and without it. Here it is 64-50-10 by Adam on the digits. Values of rows
are Banzhaf's (Wang & Jia, AISTATS 2023, arXiv 2205.15466), from networks that have each row with probability
1/2, independently. Rows are then removed by either, and networks trained anew. Values are computed on half of
the test rows, and removals judged on the others.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, band, published, resumable, seconds, statement
from jfnn.plots.panels import panels

SHARE = 0.7  # of the rows that each network has
CLEAR = 0.25  # memorisation of rows that are learned by heart
REMOVED = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
JUDGED = 3  # index of the share that verdicts are about
SHOWN = 6  # digits


class Scale(NamedTuple):
    """Size of the computation."""

    subsets: int = 2_000
    repeats: int = 20
    epochs: int = 30


SCALES = {"quick": Scale(subsets=100, repeats=2, epochs=10), "usual": Scale(), "paper": Scale(subsets=4_000)}


def run(runs: Path, size: str) -> Picture:
    """The most memorised digits and those that they help, and accuracies where rows are removed."""
    scale = SCALES[size]
    digits = jfnn.datasets.digits()
    split = digits._replace(x_train=digits.x_train / 16, x_test=digits.x_test / 16)
    for_values, for_removals = (
        split._replace(x_test=split.x_test[part], y_test=split.y_test[part])
        for part in (slice(None, None, 2), slice(1, None, 2))
    )
    subsets = jfnn.subsets.shares(len(split.y_train), SHARE, scale.subsets, start_per_subset=True)
    shared = trained(split, subsets, scale.epochs, resumable(runs, "memorisation-shares"))
    memorised = jfnn.analysis.memorisation(
        shared.row_scores("accuracy", "all", split)[0, 0, 0], subsets.included
    )
    on_test = shared.row_scores("accuracy", "test", split)[0, 0, 0]
    helped = jfnn.analysis.influence(on_test, subsets.included)
    coins = jfnn.subsets.independent(len(split.y_train), 0.5, scale.subsets, start_per_subset=True)
    halved = trained(for_values, coins, scale.epochs, resumable(runs, "memorisation-halves"), "none")
    values = jfnn.analysis.banzhaf(halved.test_accuracy.ravel(), coins.included)
    orders = removal_orders(memorised, values, scale.repeats)
    fewer = remaining(np.stack(list(orders.values()), axis=1))
    directory = resumable(runs, "memorisation-removed")
    removed = trained(for_removals, fewer, scale.epochs, directory, "none")
    accuracies = 100 * removed.test_accuracy.reshape(scale.repeats, len(orders), len(REMOVED))
    curves = dict(zip(orders, np.moveaxis(accuracies, 1, 0), strict=True))
    results = (shared, halved, removed)
    members = sum(result.diverged_at.size for result in results)
    rows = table_rows(memorised, curves, published("memorisation")["statements"], size != "quick")
    figure = draw(split, memorised, helped, curves)
    return Picture(figure, rows, f"{members:,} networks, {scale.epochs} epochs each", seconds(*results))


def trained(
    split: jfnn.Split,
    subsets: jfnn.subsets.Subsets,
    epochs: int,
    directory: dict[str, Any],
    keep: str = "all",
) -> jfnn.SweepResult:
    """A network for each subset, with its own start."""
    return jfnn.sweep(
        jfnn.mlp((64, 50, 10), "tanh", init="glorot_normal"),
        split,
        learning_rate=0.01,
        optimizer="adam",
        reduction="mean",
        gradient="backprop",
        epochs=epochs,
        folds=subsets,
        execution=jfnn.Execution(keep_params=keep),
        **directory,
    )


def removal_orders(memorised: np.ndarray, values: np.ndarray, repeats: int) -> dict[str, np.ndarray]:
    """Rows in the order in which they are removed ``[repeats, n]``, by name; random ones are last."""
    by_heart = np.argsort(-np.nan_to_num(memorised))
    valued = np.argsort(-np.nan_to_num(values))
    rng = np.random.default_rng(0)
    return {
        "most memorised first": np.tile(by_heart, (repeats, 1)),
        "most valuable first": np.tile(valued, (repeats, 1)),
        "least valuable first": np.tile(valued[::-1], (repeats, 1)),
        "random": np.stack([rng.permutation(len(values)) for _ in range(repeats)]),
    }


def remaining(orders: np.ndarray) -> jfnn.subsets.Subsets:
    """Subsets without the first rows of orders ``[repeats, orders, n]``, each share of `REMOVED` of them."""
    n = orders.shape[-1]
    row_sets = [np.sort(order[round(share * n) :]) for order in orders.reshape(-1, n) for share in REMOVED]
    return jfnn.subsets.Subsets(n, [(rows, ()) for rows in row_sets], start_per_subset=True)


def table_rows(
    memorised: np.ndarray, curves: Mapping[str, np.ndarray], said: dict[str, str], decided: bool
) -> list[Row]:
    """Rows learned by heart, and the accuracy that removing rows costs beyond removing random ones."""
    few = float(np.mean(memorised >= CLEAR))
    at = f"at {REMOVED[JUDGED]:.0%} removed, accuracy less random's"
    name = f"rows of memorisation {CLEAR} and above"
    reason = f"at most 5%; largest {np.nanmax(memorised):.2f}"
    rows = [statement(name, said["few"], f"{few:.1%}", 0 < few <= 0.05, reason, decided)]
    for name, key, sign in zip(list(curves)[:3], ("memorised", "values", "values"), (-1, -1, 1), strict=True):
        differences = (curves[name] - curves["random"])[:, JUDGED]
        low, high = jfnn.analysis.interval(differences)
        reason = f"95% interval [{low:.1f}, {high:.1f}] {'below' if sign < 0 else 'above'} 0"
        holds = bool(min(sign * low, sign * high) > 0)
        here = f"{differences.mean():.1f}%"
        rows.append(statement(f"{name}: {at}", said[key], here, holds, reason, decided))
    return rows


def draw(
    split: jfnn.Split, memorised: np.ndarray, helped: np.ndarray, curves: Mapping[str, np.ndarray]
) -> Figure:
    """The most memorised digits above the test digits they help most; removals; a histogram."""
    figure, cells = panels(7.0, 4, SHOWN, height_ratios=(1, 1, 2.6, 1.4))
    most = np.argsort(-np.nan_to_num(memorised))[:SHOWN]
    for (above, below), row in zip(cells[:2].T, most, strict=True):
        other = np.nan_to_num(helped[row]).argmax()
        above.imshow(split.x_train[row].reshape(8, 8), cmap="gray_r")
        above.set_title(f"{split.y_train[row]} ({memorised[row]:.2f})", fontsize=10)
        below.imshow(split.x_test[other].reshape(8, 8), cmap="gray_r")
        below.set_title(f"{split.y_test[other]} ({helped[row, other]:.2f})", fontsize=10)
    cells[0, 0].set_ylabel("memorised")
    cells[1, 0].set_ylabel("helps")
    for axes in cells[:2].ravel():
        axes.set(xticks=[], yticks=[])
    grid = cells[2, 0].get_gridspec()
    for axes in cells[2:].ravel():
        axes.remove()
    middle, lower = (figure.add_subplot(grid[line, :]) for line in (2, 3))
    for name, accuracies in curves.items():
        band(middle, np.array(REMOVED), accuracies, name)
    means = np.stack([accuracies.mean(axis=0) for accuracies in curves.values()])
    middle.set(
        xlabel="share of rows removed", ylabel="test accuracy, %", ylim=(means.min() - 1, means.max() + 1)
    )
    middle.legend(fontsize=9, loc="lower left", frameon=False)
    lower.hist(memorised[np.isfinite(memorised)], bins=np.linspace(-0.2, 1, 49).tolist(), log=True)
    lower.set(xlabel="memorisation", ylabel="rows")
    return figure
