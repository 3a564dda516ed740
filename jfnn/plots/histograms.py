"""Histograms of a score over the seeds and folds of a cell."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from jfnn.analysis import summary
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import name_text
from jfnn.core.search.result import SweepResult
from jfnn.plots.curves import as_cells
from jfnn.plots.panels import (
    BEST,
    CAPTION_FONT,
    add_caption,
    are_nearly_equal,
    check_sweep,
    panels,
    set_title,
)

BINS = 25  # largest number of bins over all values shown
MOST_PANELS = 50  # takes a quarter of a minute to lay out; 400 panels take far longer
MOST_LABELS = 6  # each has enough space for five digits and a sign


def histogram(
    result: SweepResult, score: str | None = None, cells: Sequence[tuple[int, ...]] | str | None = None
) -> Figure:
    """Plot the number of seeds and folds by score, one panel per cell, all with the same bins.

    Titles show mean, standard deviation (sd) and number of members with a score. For an accuracy on the same
    rows for all members, a line shows the counts expected from a binomial distribution: each row is right
    independently with the mean as probability. Independent rows of unequal difficulty spread less (Jordan
    2023, arXiv 2304.01910).

    Args:
        result: A sweep of several seeds or folds.
        score: Such as "test_accuracy"; None for the ranking score.
        cells: Indices on every axis but seeds and folds; "all"; None for the best cell.

    Raises:
        ValueError, TypeError: No such score or cell, more than 50 cells, or a cell with fewer than two
            scores.
    """
    check_sweep(result)
    score = result.named(score, "score")
    best = result.best_or_none()
    chosen = as_cells([best.index] if cells is None and best else "all" if cells is None else cells, result)
    if len(chosen) > MOST_PANELS:
        raise ArgumentError("cells", f"expected at most {MOST_PANELS} (one panel each), got {len(chosen)}")
    values = [each[np.isfinite(each)] for each in (result.scores[score][cell] for cell in chosen)]
    if min(each.size for each in values) < 2:
        raise ArgumentError("cells", "expected cells with at least two scores, over seeds or folds")
    part, _, metric = score.partition("_")
    counts = result.config.get("data", {}).get(part, {}).get("rows", [0])
    learner = result.config.get("settings", {}).get("learner", {})
    of_rows = ("exact_match",) if learner.get("multilabel") else ("accuracy", "exact_match")
    rows = counts[-1] if metric in of_rows and (part == "test" or not result.folds) else 0
    shown = np.concatenate(values)
    middle = (shown.min() + shown.max()) / 2
    is_flat = are_nearly_equal(shown.min(), shown.max())  # the values are too close for bins
    half = max(0.5, abs(middle) / 2)
    edges = np.histogram_bin_edges(shown, BINS, (middle - half, middle + half) if is_flat else None)
    if rows:  # edges between row counts; the bins cover 98% of a binomial distribution
        ends = stats.binom.ppf([[0.01], [0.99]], rows, [each.mean() for each in values])
        low = np.floor(min(ends.min(), rows * shown.min()))
        high = np.rint(max(ends.max(), rows * shown.max()))
        step = (high - low) // BINS + 1
        edges = (np.arange(high, low - 1 - step, -step)[::-1] + 0.5) / rows
    figure, grid = panels(1.8 * len(chosen) + 0.5, len(chosen), sharex=True)
    column = grid[:, 0]
    for axes, cell, each in zip(column, chosen, values, strict=True):
        axes.hist(each, edges.tolist(), color="C0", alpha=0.7)
        axes.margins(x=0)
        title = f"mean {each.mean():.4g}, sd {each.std(ddof=1):.2g} of {each.size}"
        if rows:
            expected = each.size * np.diff(stats.binom.cdf(edges * rows, rows, each.mean()))
            axes.stairs(expected, edges, color=BEST)
            title += f", binomial sd {stats.binom.std(rows, each.mean()) / rows:.2g}"
        set_title(axes, f"{summary.describe_cell(result, cell)}: {title}", CAPTION_FONT)
        axes.set_ylabel("members")
    column[-1].set_xlabel(name_text(score))
    column[-1].xaxis.set_major_locator(MaxNLocator(MOST_LABELS))
    every = sum(result.scores[score][cell].size for cell in chosen)
    missing = every - len(shown)
    caption = [summary.averaged_over(result), *[f"line: binomial of {rows} rows"] * bool(rows)]
    caption += [f"not shown: {missing} of {every} members, without a score"] * bool(missing)
    add_caption(figure, caption)
    return figure
