"""`jfnn.race`: find the best cell with a bounded probability of error."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.analysis.intervals import as_confidence
from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, Set
from jfnn.arguments.types import Json
from jfnn.core.experiment.networks import Networks
from jfnn.core.experiment.options import Options
from jfnn.core.search.keywords import make_options
from jfnn.core.search.run_directory import CONFIG
from jfnn.core.store.files import directory_lock, file_exists, read_checked_json, write_checked_json
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.racing import bounds, loop
from jfnn.racing.result import RACE, RaceResult, race_of
from jfnn.racing.rounds import Rounds, check
from jfnn.split import Split

ROUNDS = "rounds"  # subdirectory of a race with the sweeps of its rounds


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
    """Find the best cell of a grid with few networks and a bounded probability of error.

    All cells start with ``first`` seeds. At each look, a cell is eliminated if another cell in the race is
    better by a paired test of the scores of their common seeds (averaged over folds). The remaining cells get
    half as many new seeds as they have. The race ends with one cell, the winner, or with several tied cells:
    when the seeds are used up, or when no cell can be better than the first one by ``indifferent`` or more.

    With K cells and L looks, each comparison of two cells at a look has the one-sided error
    ``alpha / (K - 1) / L``. By the union bound, the best cell is eliminated with probability at most
    ``alpha``. The same bound holds for the probability that a race stopped by ``indifferent`` returns a first
    cell that is worse than the best by ``indifferent`` or more. See Pocock, Biometrika 64, 1977, on repeated
    tests that divide the error between looks. "Best" refers to the mean over seeds of the score that ranks
    cells, on the rows used for ranking.

    The t test assumes normally distributed differences between seeds. For skewed differences, such as those
    of cells that rarely fail or rarely gain a lot, its error is larger than stated. "sign" is valid for any
    distribution but compares medians: the best cell is the one that, in each pair, is better with at least
    half of the seeds.

    A cell that diverges with any of its seeds ranks behind all others, as in a sweep, and cells that it alone
    eliminated return to the race. The bound then holds for the best cell that does not diverge. If all
    diverge, there is no winner.

    Members have the same bits as in one sweep of all cells and seeds with the tiles of the first round,
    ``race.result.execution``. With several networks or batch sizes, each program has its own tiles, as in the
    ``execution`` of ``race.result.program(…)``.

    Args:
        network: As in `jfnn.sweep`.
        split: As in `jfnn.sweep`.
        seeds: The largest number of seeds per cell (0, 1, …), or the seeds in the order in which they are
            used; at least 2.
        first: Seeds that every cell starts with, at least 2; all seeds if there are fewer.
        alpha: The largest probability of error, between 0 and 1.
        indifferent: A difference of the score that does not matter; 0 for none.
        test: "t" (Student's, paired) or "sign".
        **options: Options of `jfnn.sweep` except ``refit``, ``initial_params``, ``batches`` as an array, and
            schedulers other than `jfnn.EarlyStopping` and `jfnn.Converged`, since the others stop cells
            without a bound on the error. ``out`` contains a directory for each round and finally the result.
            ``keep_params="all"``, the default, and "best" keep the parameters of the first remaining cell.

    Returns:
        A `RaceResult`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; or ``out`` contains another race.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> race = jfnn.race(jfnn.mlp((2, 8, 2)), jfnn.Split(x, y), learning_rate=[1e-5, 0.1], epochs=100)
        >>> race.result.best().axes
        {'learning_rate': 0.1, 'l2': 0.0}
    """
    made = make_options(race, Options, network, split, seeds=seeds, **options)
    most = len(made.seeds)
    if most < 2:
        raise ArgumentError("seeds", "expected at least 2 to compare cells", got=str(most))
    first = checks.as_count(first, "first", 2)
    alpha = as_confidence(alpha, "alpha")
    indifferent = checks.as_number(indifferent, "indifferent")
    checks.as_choice(test, "test", bounds.TESTS)
    check(made)
    rules = loop.Rules(alpha, bounds.looks(first, most), test, indifferent)
    if made.out is None:
        return _run(made, rules)
    folder = made.out / ROUNDS
    paths.make_directory(folder, "out")
    with directory_lock(folder):
        _claim(made.out, _description(made, rules), made.resume)
        result = _run(dataclasses.replace(made, out=folder), rules)
        result.save(made.out)
    return result


def _run(options: Options, rules: loop.Rules) -> RaceResult:
    rounds = Rounds(options, rules.looks[0])
    cells = list(np.ndindex(*rounds.first.cell_shape))
    outcome = loop.run(rounds, len(cells), rules)
    networks = rounds.first.folds or 1
    findings = {
        "tied": [list(cells[number]) for number in outcome.left.tolist()],
        "seen": [[look.seeds, look.left, look.networks * networks] for look in outcome.looks],
    }
    seeds = options.seeds[: outcome.looks[-1].seeds]
    return race_of(rounds.whole(seeds, outcome.left, _description(options, rules) | findings))


def _description(options: Options, rules: loop.Rules) -> Json:
    """Return what determines the outcome of a race, in plain values."""
    return {**dataclasses.asdict(rules), "looks": list(rules.looks), "seeds": list(options.seeds)}


def _claim(out: Path, rules: Json, resume: bool) -> None:
    """Record in a directory which race it contains; raise ArgumentError if it contains anything else."""
    path = out / RACE
    if not file_exists(path):
        if file_exists(out / CONFIG):
            reason = f"{out} contains a run, not an unfinished race; choose another directory"
            raise ArgumentError("out", reason)
        write_checked_json(path, rules)
        return
    there = read_checked_json(path, rules)
    changed = [name for name, value in rules.items() if there.get(name) != value]
    if changed:
        names = ", ".join(changed)
        raise ArgumentError("out", f"{out} contains a race with other {names}; choose another directory")
    if not resume:
        state, effect = ("finished", "loads it") if file_exists(out / CONFIG) else ("unfinished", "goes on")
        reason = f"{out} already contains this race ({state}), choose another directory"
        raise ArgumentError("out", reason, cure=Set("resume", True, effect))
