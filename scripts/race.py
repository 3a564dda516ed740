"""Compare races with fixed numbers of seeds: how often is the best cell lost, at how many networks?

"simulated" samples the scores of 49-cell grids from known distributions. The noise between seeds has standard
deviation 1, so a difference of two cells has √2. Three kinds of method select the cells that may be best: a
race; 16 seeds everywhere with paired t tests and Holm's correction; and keeping the best half by mean at
every look of a race. The table shows the percentage of grids in which the truly best cell is not selected and
in which one cell is left, and the mean number of networks. "digits" compares races of 49 cells on the digits
with a sweep of 16 seeds. Seconds are those of a second call, when programs are compiled.

The script exits with 1 if a race loses the best cell more often than its error rate allows, by three standard
errors of the simulation. The last kind of grid, for which the t test does not hold, is shown but not tested.
"""

import argparse
import functools
import math
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from benchmarks.report import markdown
from console import Parser, add_sections, count, run

import jfnn
from jfnn.racing import bounds, loop

CELLS = 49
SEEDS, FIRST, FIXED = 32, 6, 16
ALPHA = 0.05
HELD = 3  # standard errors
SECTIONS = ("simulated", "digits")
UNJUDGED = "rare failures"

Draw = Callable[[np.random.Generator], tuple[np.ndarray, int]]


class Verdict(NamedTuple):
    """Result of a method on a grid: whether the best cell is lost, the cells left, the networks trained."""

    lost: bool
    left: int
    networks: int


def ahead(by: float, rng: np.random.Generator, tails: float | None = None) -> tuple[np.ndarray, int]:
    """Return one cell ahead of equal others; noise is normal, or Student's t with ``tails`` d.o.f."""
    noise = rng.normal(size=(CELLS, SEEDS)) if tails is None else rng.standard_t(tails, (CELLS, SEEDS))
    noise /= 1.0 if tails is None else math.sqrt(tails / (tails - 2))
    noise[0] += by
    return noise, 0


def graded(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return means as in a grid of hyperparameters: most cells are far behind, a few are close."""
    means = -6 * np.abs(rng.normal(size=CELLS))
    means[0] = 0.5
    return means[:, None] + rng.normal(size=(CELLS, SEEDS)), 0


def accuracies(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return accuracies on 100 rows with many ties: 92% expected for the best cell, 90% for the others."""
    chances = np.full((CELLS, 1), 0.9)
    chances[0] = 0.92
    return rng.binomial(100, np.broadcast_to(chances, (CELLS, SEEDS))) / 100, 0


def diverging(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return one cell ahead by 1 of those that never diverge; 10 better ones diverge in half of the runs."""
    scores, best = ahead(1.0, rng)
    scores[1:11] += 2
    scores[1:11][rng.random((10, SEEDS)) < 0.5] = np.nan
    return scores, best


def failing(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return a best cell that never fails; the others lead by 1, but in 1 of 10 runs are 20 behind."""
    scores, _ = ahead(0.0, rng)
    scores[1:] += 1 - 21 * (rng.random((CELLS - 1, SEEDS)) < 0.1)
    return scores, 0


GRIDS: dict[str, Draw] = {
    "all equal": functools.partial(ahead, 0.0),
    "one ahead by 0.5": functools.partial(ahead, 0.5),
    "one ahead by 1": functools.partial(ahead, 1.0),
    "one ahead by 2": functools.partial(ahead, 2.0),
    "graded": graded,
    "equal, heavy tails (t, 3)": functools.partial(ahead, 0.0, tails=3),
    "ahead by 1, heavy tails": functools.partial(ahead, 1.0, tails=3),
    "accuracies on 100 rows": accuracies,
    "some diverge": diverging,
    UNJUDGED: failing,
}


def race_cells(scores: np.ndarray, best: int, test: str = "t") -> Verdict:
    """Run a race on known scores."""
    rules = loop.Rules(ALPHA, bounds.looks(FIRST, SEEDS), test)
    outcome = loop.run(lambda cells, seeds: scores[cells, seeds.start : seeds.stop], len(scores), rules)
    return Verdict(best not in outcome.left, len(outcome.left), outcome.looks[-1].networks)


def fixed_seeds(scores: np.ndarray, best: int) -> Verdict:
    """Use the same seeds everywhere; keep the cells not significantly worse than the best mean (Holm)."""
    from scipy import stats

    seen = scores[np.isfinite(scores[:, :FIXED]).all(axis=1), :FIXED]
    numbers = np.flatnonzero(np.isfinite(scores[:, :FIXED]).all(axis=1))
    leader = int(seen.mean(axis=1).argmax())
    others = np.delete(np.arange(len(seen)), leader)
    p = jfnn.analysis.holm(stats.ttest_rel(seen[leader][None], seen[others], axis=1).pvalue)
    left = [numbers[leader], *numbers[others[p > ALPHA]]]
    return Verdict(best not in left, len(left), scores[:, :FIXED].size)


def halving(scores: np.ndarray, best: int) -> Verdict:
    """Keep the best half by mean at each look of a race, and in the end the best mean."""
    left, networks, before = np.arange(len(scores)), 0, 0
    for seeds in bounds.looks(FIRST, SEEDS):
        networks += len(left) * (seeds - before)
        before = seeds
        order = np.argsort(-scores[left, :seeds].mean(axis=1), kind="stable")  # NaN sorts last
        left = left[order[: -(-len(left) // 2)]]
    return Verdict(best != left[0], 1, networks)


METHODS: dict[str, Callable[[np.ndarray, int], Verdict]] = {
    "race": race_cells,
    "race by signs": functools.partial(race_cells, test="sign"),
    f"{FIXED} seeds, Holm": fixed_seeds,
    "halving by mean": halving,
}


def simulate(kind: str, number: int) -> list[list[Verdict]]:
    """Return the verdicts of all methods on grids of one kind: ``[method][grid]``."""
    rng = np.random.default_rng([*kind.encode()])
    grids = [GRIDS[kind](rng) for _ in range(number)]
    return [[method(*grid) for grid in grids] for method in METHODS.values()]


def run_simulations(number: int) -> bool:
    """Print the table of simulated grids; return whether races keep their error rate."""
    started = time.perf_counter()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        verdicts = dict(zip(GRIDS, pool.map(simulate, GRIDS, [number] * len(GRIDS)), strict=True))
    rows = []
    sound = True
    for kind, of_methods in verdicts.items():
        texts = []
        for method, found in zip(METHODS, of_methods, strict=True):
            lost, left, networks = np.mean(found, axis=0)
            decided = np.mean([verdict.left == 1 for verdict in found])
            texts.append(f"{100 * lost:.1f} / {100 * decided:.0f} / {left:.1f} / {networks:.0f}")
            most = ALPHA + HELD * math.sqrt(ALPHA * (1 - ALPHA) / number)
            sound &= lost <= most or kind == UNJUDGED or not method.startswith("race")
        rows.append([kind, *texts])
    print(f"% of {number} grids that lost the best cell / % decided / cells left / networks")
    print(markdown([["grids", *METHODS], *rows]))
    print(f"{time.perf_counter() - started:.0f} s")
    return sound


def digits() -> bool:
    """Print races and a sweep on the digits; return whether each race keeps the sweep's best cell."""
    split = jfnn.datasets.digits()
    net = jfnn.mlp((64, 16, 10))
    options: dict[str, Any] = {
        "learning_rate": np.logspace(-3.5, -0.5, 7),
        "l2": np.logspace(-1, 2, 7),
        "epochs": 20,
    }

    def timed(train: Callable[[], Any]) -> tuple[Any, float]:
        """Return the result and seconds of a second call; the first one compiles."""
        train()
        started = time.perf_counter()
        return train(), time.perf_counter() - started

    full, seconds = timed(lambda: jfnn.sweep(net, split, seeds=FIXED, **options))
    print(f"sweep of {FIXED} seeds: {full.diverged_at.size} networks, {seconds:.1f} s; {full.best()}")
    sound = True
    for rules in ({}, {"seeds": 128}, {"indifferent": 0.01}):
        race, seconds = timed(functools.partial(jfnn.race, net, split, **rules, **options))
        print(f"race {rules}: {seconds:.1f} s; {race}")
        print([tuple(look) for look in race.looks], race.result.best())
        sound &= full.best().index in race.tied
    return sound


def main() -> int:
    """Run the requested sections."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--grids", type=count(1), default=1000, help="simulated grids of each kind; default: 1000"
    )
    add_sections(parser, SECTIONS)
    options = parser.parse_args()
    sections = options.sections or SECTIONS
    sound = run_simulations(options.grids) if "simulated" in sections else True
    return 0 if ("digits" not in sections or digits()) and sound else 1


if __name__ == "__main__":
    run(main)
