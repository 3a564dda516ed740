"""`jfnn.race`: which cell is best, at a stated error."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.cures import Set
from jfnn.arguments.types import Json
from jfnn.core.experiment.networks import Networks
from jfnn.core.experiment.options import Options
from jfnn.core.search.keywords import make_options
from jfnn.core.search.run_directory import CONFIG
from jfnn.core.store.files import directory_lock, file_exists, read_checked_json, write_checked_json
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.racing import bounds, loop
from jfnn.racing.result import RACE, RaceResult, ended
from jfnn.racing.rounds import Rounds, check
from jfnn.split import Split

ROUNDS = "rounds"  # the directory, in that of a race, of its sweeps


def race(
    network: Network | Learner | Networks | Mapping[str, Network | Learner],
    split: Split,
    *,
    seeds: int | Sequence[int] = 32,
    first: int = 6,
    alpha: float = 0.05,
    indifferent: float = 0.0,
    test: str = "t",
    **options: Any,
) -> RaceResult:
    """Finds the best cell of a grid at a stated error, with few networks.

    All cells begin with ``first`` seeds. At each look a cell leaves when another one in the race is better by
    a paired test of the scores of their common seeds (folds averaged first); those left train with new seeds,
    half as many again. It ends with one cell, which wins, or with several that tie: when the seeds are used
    up, or when no cell can be better than the first by ``indifferent`` or more.

    Of K cells and L looks every comparison of two cells at a look has the one-sided error
    ``alpha / (K - 1) / L``, so that the best cell is out with a probability of at most ``alpha``, by the
    union bound; and so is the first cell behind the best by ``indifferent`` or more where it ends so.
    (Repeated tests with their error spent over looks: Pocock, Biometrika 64, 1977.) "Best" is the mean over
    seeds of the score that ranks cells, on the rows that rank.

    The t test assumes that differences between seeds are normally distributed. For skewed differences, as of
    cells that rarely fail or gain by a large amount, its error is larger than stated. "sign" is valid for
    any distribution, but compares medians: the best cell is then the one that is better in each pair with at
    least half of the seeds.

    A cell that diverges with any of its seeds ranks behind all others, as in a sweep, and those that it alone
    has beaten come back; the bound is for the best of those that do not diverge. Where all diverge, none
    wins.

    Members have the same bits as in one sweep of all cells and seeds with the tiles of the first round,
    ``race.result.execution``. With several networks or batch sizes each program has its own tiles, the
    ``execution`` of each of ``race.result.programs``.

    Args:
        network: As in `jfnn.sweep`.
        split: As in `jfnn.sweep`.
        seeds: How many a cell may have at most (0, 1, …), or which, in the order in which they are used; at
            least 2.
        first: Seeds that every cell begins with, at least 2; all of them where there are fewer.
        alpha: The error, between 0 and 1.
        indifferent: A difference of the score that is of no interest; 0 for none.
        test: "t" (Student's, paired) or "sign".
        **options: Those of `jfnn.sweep` but ``refit``, ``initial_params``, ``batches`` as an array, and
            schedulers other than `jfnn.EarlyStopping` and `jfnn.Converged`: those that compare cells stop
            some at no stated error. ``out`` has a directory of each round, and in the end the result.
            ``keep_params="all"``, the default, and "best" keep those of the first of the cells left.

    Returns:
        A `RaceResult`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; or ``out`` holds another race.
    """
    made = make_options(race, Options, network, split, seeds=seeds, **options)
    most = len(made.seeds)
    if most < 2:
        raise ArgumentError("seeds", "expected at least 2 to compare cells", got=str(most))
    first = checks.as_count(first, "first", 2)
    alpha = checks.as_number(alpha, "alpha", strict=True)
    if alpha >= 1:
        raise ArgumentError("alpha", "expected a number between 0 and 1", got=f"{alpha:g}")
    indifferent = checks.as_number(indifferent, "indifferent")
    checks.as_choice(test, "test", bounds.TESTS)
    check(made)
    rules = loop.Rules(alpha, bounds.looks(first, most), test, indifferent)
    if made.out is None:
        return _run(made, rules)
    folder = made.out / ROUNDS
    paths.make_directory(folder, "out")
    with directory_lock(folder):
        _claim(made.out, _described(made, rules), made.resume)
        raced = _run(dataclasses.replace(made, out=folder), rules)
        raced.save(made.out)
    return raced


def _run(options: Options, rules: loop.Rules) -> RaceResult:
    """The race itself."""
    rounds = Rounds(options, rules.looks[0])
    outcome = loop.run(rounds, int(np.prod(rounds.first.cell_shape)), rules)
    networks = rounds.first.folds or 1
    came_of_it = {
        "tied": [list(rounds.first.cell_index(cell)) for cell in outcome.left.tolist()],
        "seen": [[look.seeds, look.left, look.networks * networks] for look in outcome.looks],
    }
    seeds = options.seeds[: outcome.looks[-1].seeds]
    return ended(rounds.whole(seeds, outcome.left, _described(options, rules) | came_of_it))


def _described(options: Options, rules: loop.Rules) -> Json:
    """What decides a race, in plain values."""
    return {**dataclasses.asdict(rules), "looks": list(rules.looks), "seeds": list(options.seeds)}


def _claim(out: Path, rules: Json, resume: bool) -> None:
    """Says in a directory what race it is of; raises ArgumentError where it is of anything else."""
    path = out / RACE
    if not file_exists(path):
        if file_exists(out / CONFIG):
            reason = f"{out} holds a run, and no race that goes on; choose another directory"
            raise ArgumentError("out", reason)
        write_checked_json(path, rules)
        return
    there = read_checked_json(path, rules)
    differing = [name for name, value in rules.items() if there.get(name) != value]
    if differing:
        names = ", ".join(differing)
        raise ArgumentError("out", f"{out} holds a race of other {names}; choose another directory")
    if not resume:
        state, effect = ("finished", "loads it") if file_exists(out / CONFIG) else ("unfinished", "goes on")
        reason = f"{out} already contains this race ({state}), choose another directory"
        raise ArgumentError("out", reason, cure=Set("resume", True, effect))
