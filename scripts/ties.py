"""Measure coverage and size of sets of cells that should contain the best cell, on simulated grids.

Each grid has known means, and every method selects cells from the scores of a few seeds:

  paired t   two-sided paired t tests at 5% against the best mean, uncorrected
  Holm       the same with Holm's correction
  all pairs  a cell stays unless another one is better by a one-sided paired t test at 5% / (K - 1)
  pooled     Hsu's multiple comparisons with the best: one variance for all cells (Dunnett's ratio)
  jfnn       the cells that `jfnn.cell_statistics` calls tied

For each method, the table shows how often a best cell is in the set, how often all best cells are, and the
mean number of cells in the set. Permutation tests by signs and the model confidence set by the bootstrap are
not listed: with n seeds their smallest p-value is about 2^-n, so they exclude nothing below five seeds.

The script exits with 1 if jfnn's set contains a best cell in significantly less than 95% of the grids, by
three standard errors. The last kind of grid, for which no test of few means holds, is shown but not tested.
"""

import argparse
import functools
import itertools
import math
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from benchmarks.report import markdown
from console import Parser, count, run

from jfnn.analysis import holm
from jfnn.analysis.selection import may_be_best
from jfnn.racing import bounds

CELLS = (2, 8, 32, 49)
SEEDS = (2, 3, 5, 10, 20)
ERROR = 0.05
ROWS = 40  # rows on which accuracies are measured
HELD = 3  # standard errors
UNJUDGED = "skewed beside quiet"

Draw = Callable[[np.random.Generator, int, int], np.ndarray]
Method = Callable[[np.ndarray], np.ndarray]


class Coverage(NamedTuple):
    """Shares of grids whose set contains a given best cell and all best cells; mean size of the set."""

    one: float
    all: float
    size: float


def normal(rng: np.random.Generator, cells: int, seeds: int) -> np.ndarray:
    """Return noise of standard deviation 1, plus equal noise shared by all cells of a seed."""
    return rng.normal(size=(cells, seeds)) + rng.normal(size=seeds)


def graded(rng: np.random.Generator, cells: int, seeds: int) -> np.ndarray:
    """Return one best cell; the others are 0.3 to 10 standard deviations behind."""
    behind = np.concatenate([[0], np.geomspace(0.3, 10, cells - 1)])
    return np.asarray(normal(rng, cells, seeds) - behind[:, None])


def scaled(rng: np.random.Generator, cells: int, seeds: int, first: float) -> np.ndarray:
    """Return equal means; the first cell's standard deviation differs from the others'."""
    scales = np.concatenate([[first], np.geomspace(0.3, 3, cells - 1)])
    return scales[:, None] * rng.normal(size=(cells, seeds))


def accuracies(rng: np.random.Generator, cells: int, seeds: int, chance: float) -> np.ndarray:
    """Return accuracies on few rows, equal in expectation."""
    return rng.binomial(ROWS, chance, (cells, seeds)) / ROWS


def mixed(rng: np.random.Generator, cells: int, seeds: int) -> np.ndarray:
    """Return accuracies of a best cell (0.98), half of the others (0.975), and the rest (0.7)."""
    chances = np.where(np.arange(cells) % 2, 0.7, 0.975)
    chances[0] = 0.98
    return rng.binomial(ROWS, chances[:, None], (cells, seeds)) / ROWS


def lognormal(rng: np.random.Generator, cells: int, seeds: int) -> np.ndarray:
    """Return negated lognormal losses: a few seeds are far behind."""
    return -np.exp(rng.normal(size=(cells, seeds)))


def skewed(rng: np.random.Generator, cells: int, seeds: int) -> np.ndarray:
    """Return the same, with one low-noise cell of the same mean."""
    scores = lognormal(rng, cells, seeds)
    scores[0] = rng.normal(-math.exp(0.5), 0.1, seeds)
    return scores


GRIDS: dict[str, tuple[Draw, bool]] = {  # draw, and whether all cells have one distribution
    "equal": (normal, True),
    "graded": (graded, False),
    "quiet best": (functools.partial(scaled, first=0.1), False),
    "noisy best": (functools.partial(scaled, first=10.0), False),
    "Student's t of 3": (lambda rng, cells, seeds: rng.standard_t(3, (cells, seeds)), True),
    "lognormal": (lognormal, True),
    "accuracies, 0.9": (functools.partial(accuracies, chance=0.9), True),
    "accuracies, 0.99": (functools.partial(accuracies, chance=0.99), True),
    "accuracies, mixed": (mixed, False),
    UNJUDGED: (skewed, False),
}


def against_best(scores: np.ndarray, corrected: bool) -> np.ndarray:
    """Return the cells with p > 5% in a paired t test against the best mean."""
    from scipy import stats

    best = scores.mean(axis=1).argmax()
    behind = scores[best] - scores
    n = behind.shape[1]
    mean = behind.mean(axis=1)
    std = behind.std(axis=1, ddof=1)
    t = np.divide(mean * math.sqrt(n), std, where=std > 0, out=np.where(mean > 0, np.inf, 0.0))
    p = np.minimum(2 * stats.t.sf(t, n - 1), 1.0)
    if corrected:
        p[best] = np.nan
        p = holm(p)
    return np.asarray(~(p < ERROR))


def all_pairs(scores: np.ndarray) -> np.ndarray:
    """Return the cells that no other one beats: the rule of `jfnn.race` at a single look."""
    error = bounds.level(ERROR, len(scores), 1)
    return np.asarray(~bounds.is_greater(scores[:, None], scores, error).any(axis=0))


def pooled(scores: np.ndarray) -> np.ndarray:
    """Return Hsu's set, from the residuals of cells and seeds."""
    cells, n = scores.shape
    means = scores.mean(axis=1)
    residuals = scores - means[:, None] - scores.mean(axis=0) + scores.mean()
    freedom = (cells - 1) * (n - 1)
    half = dunnett(cells - 1, freedom) * np.sqrt(2 * (residuals**2).sum() / freedom / n)
    return np.asarray(means >= means.max() - half)


@functools.lru_cache
def dunnett(others: int, freedom: int) -> float:
    """Return the upper 5% point of the maximum of ``others`` t statistics with correlations of 1/2."""
    from scipy import optimize, stats

    z, weights = np.polynomial.hermite_e.hermegauss(60)
    s = np.sqrt(stats.chi2.ppf((np.arange(400) + 0.5) / 400, freedom) / freedom)

    def excess(ratio: float) -> float:
        below = stats.norm.cdf(math.sqrt(2) * ratio * s[:, None] + z) ** others
        return float((below @ weights).mean() / weights.sum()) - 1 + ERROR

    return float(optimize.brentq(excess, 0.1, 1000))


def tied(scores: np.ndarray) -> np.ndarray:
    """Return the ``tied`` cells of `jfnn.cell_statistics`."""
    return may_be_best(scores, int(scores.mean(axis=1).argmax()))


METHODS: dict[str, Method] = {
    "paired t": functools.partial(against_best, corrected=False),
    "Holm": functools.partial(against_best, corrected=True),
    "all pairs": all_pairs,
    "pooled": pooled,
    "jfnn": tied,
}


def simulate(kind: str, cells: int, seeds: int, grids: int) -> list[Coverage]:
    """Return the coverage of each method on grids of one kind."""
    draw, exchangeable = GRIDS[kind]
    rng = np.random.default_rng([*kind.encode(), cells, seeds])
    drawn = [draw(rng, cells, seeds) for _ in range(grids)]
    judged = slice(None) if exchangeable else slice(1)
    found = []
    for method in METHODS.values():
        sets = np.array([method(scores) for scores in drawn])
        best = sets[:, judged]
        found.append(Coverage(best.mean(), best.all(axis=1).mean(), sets.sum(axis=1).mean()))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and return the exit status."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grids", type=count(1), default=400, help="grids of each kind; default: 400")
    options = parser.parse_args(arguments)
    cases = [*itertools.product(GRIDS, CELLS, SEEDS, [options.grids])]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(simulate, *zip(*cases, strict=True), chunksize=10))
    rows = [["grid", "cells", "seeds", *METHODS]]
    least = 1 - ERROR - HELD * math.sqrt(ERROR * (1 - ERROR) / options.grids)
    sound = True
    for (kind, cells, seeds, _), of_methods in zip(cases, found, strict=True):
        texts = [f"{c.one:.1%} · {c.all:.0%} · {c.size:.1f}" for c in of_methods]
        rows.append([kind, str(cells), str(seeds), *texts])
        sound &= kind == UNJUDGED or of_methods[-1].one >= least
    print(
        f"a given best cell · all best cells are in the set · mean size; {options.grids} grids of each kind"
    )
    print(markdown(rows))
    return 0 if sound else 1


if __name__ == "__main__":
    run(main)
