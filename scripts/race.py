"""Races beside as many seeds everywhere: how often the best cell is lost, and how many networks that takes.

"simulated" draws the scores of grids of 49 cells from known distributions: noise of standard deviation 1
between seeds, so that of a difference is √2. On each grid a race, 16 seeds everywhere with paired t tests and
Holm's correction, and the best half by mean at every look of a race say which cells may be best. It prints,
in percent of the grids, how often the truly best cell is not among these and how often one cell is left, and
the mean number of networks. "digits" races 49 cells on the digits, beside a sweep of 16
seeds; the seconds are those of a second call, when programs are compiled.

The script exits with 1 where a race loses the best cell more often than its error allows, by three standard
errors of the simulation; the last kind of grid, where the t test does not hold, is shown and not judged.
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
    """What a method says of a grid: whether the best cell is lost, the cells left, the networks trained."""

    lost: bool
    left: int
    networks: int


def ahead(by: float, rng: np.random.Generator, tails: float | None = None) -> tuple[np.ndarray, int]:
    """One cell ahead of equal others; noise is normal, or Student's t of so many degrees of freedom."""
    noise = rng.normal(size=(CELLS, SEEDS)) if tails is None else rng.standard_t(tails, (CELLS, SEEDS))
    noise /= 1.0 if tails is None else math.sqrt(tails / (tails - 2))
    noise[0] += by
    return noise, 0


def graded(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Means as of a grid of hyperparameters: most cells are many standard deviations behind, some near."""
    means = -6 * np.abs(rng.normal(size=CELLS))
    means[0] = 0.5
    return means[:, None] + rng.normal(size=(CELLS, SEEDS)), 0


def accuracies(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Shares of 100 rows, of which the best cell knows 92% and the others 90%: many are equal."""
    chances = np.full((CELLS, 1), 0.9)
    chances[0] = 0.92
    return rng.binomial(100, np.broadcast_to(chances, (CELLS, SEEDS))) / 100, 0


def diverging(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """One cell is ahead by 1 of those that never diverge; 10 others, ahead by 2, do in every other run."""
    scores, best = ahead(1.0, rng)
    scores[1:11] += 2
    scores[1:11][rng.random((10, SEEDS)) < 0.5] = np.nan
    return scores, best


def failing(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The best cell never fails; the others are ahead by 1, but 20 behind in 1 of 10 runs: 1.1 on average."""
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


def raced(scores: np.ndarray, best: int, test: str = "t") -> Verdict:
    """A race on scores that are known."""
    rules = loop.Rules(ALPHA, bounds.looks(FIRST, SEEDS), test)
    outcome = loop.run(lambda cells, seeds: scores[cells, seeds.start : seeds.stop], len(scores), rules)
    return Verdict(best not in outcome.left, len(outcome.left), outcome.looks[-1].networks)


def fixed(scores: np.ndarray, best: int) -> Verdict:
    """As many seeds everywhere: the cells that Holm's correction does not tell from the best mean."""
    from scipy import stats

    seen = scores[np.isfinite(scores[:, :FIXED]).all(axis=1), :FIXED]
    numbers = np.flatnonzero(np.isfinite(scores[:, :FIXED]).all(axis=1))
    leader = int(seen.mean(axis=1).argmax())
    others = np.delete(np.arange(len(seen)), leader)
    p = jfnn.analysis.holm(stats.ttest_rel(seen[leader][None], seen[others], axis=1).pvalue)
    left = [numbers[leader], *numbers[others[p > ALPHA]]]
    return Verdict(best not in left, len(left), scores[:, :FIXED].size)


def halved(scores: np.ndarray, best: int) -> Verdict:
    """The best half by mean at each look of a race, and in the end the best mean."""
    left, networks, before = np.arange(len(scores)), 0, 0
    for seeds in bounds.looks(FIRST, SEEDS):
        networks += len(left) * (seeds - before)
        before = seeds
        order = np.argsort(-scores[left, :seeds].mean(axis=1), kind="stable")  # NaN comes last
        left = left[order[: -(-len(left) // 2)]]
    return Verdict(best != left[0], 1, networks)


METHODS: dict[str, Callable[[np.ndarray, int], Verdict]] = {
    "race": raced,
    "race by signs": functools.partial(raced, test="sign"),
    f"{FIXED} seeds, Holm": fixed,
    "halving by mean": halved,
}


def simulate(kind: str, number: int) -> list[list[Verdict]]:
    """Verdicts of all methods on grids of a kind: ``[method][grid]``."""
    rng = np.random.default_rng([*kind.encode()])
    grids = [GRIDS[kind](rng) for _ in range(number)]
    return [[method(*grid) for grid in grids] for method in METHODS.values()]


def simulated(number: int) -> bool:
    """Prints the table of simulated grids; whether races lose the best cell as rarely as they say."""
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
    """Prints races on the digits beside a sweep of 16 seeds; whether the sweep's best cell is left."""
    split = jfnn.datasets.digits()
    net = jfnn.mlp((64, 16, 10))
    options: dict[str, Any] = {
        "learning_rate": np.logspace(-3.5, -0.5, 7),
        "l2": np.logspace(-1, 2, 7),
        "epochs": 20,
    }

    def timed(train: Callable[[], Any]) -> tuple[Any, float]:
        """What the second of two calls gives, and its seconds: the first one compiles."""
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
    """Runs the sections that are asked for."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--grids", type=count(1), default=1000, help="simulated grids of each kind; default: 1000"
    )
    add_sections(parser, SECTIONS)
    options = parser.parse_args()
    sections = options.sections or SECTIONS
    sound = simulated(options.grids) if "simulated" in sections else True
    return 0 if ("digits" not in sections or digits()) and sound else 1


if __name__ == "__main__":
    run(main)
