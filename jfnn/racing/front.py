"""`jfnn.race`: which cell is best, at a stated error."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.cures import Set
from jfnn.core.experiment.networks import Networks
from jfnn.core.experiment.options import Options
from jfnn.extend import make_options
from jfnn.extend.runs import CONFIG, directory_lock, file_exists, write_json
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.racing import bounds, loop
from jfnn.racing.assembling import assembled
from jfnn.racing.result import FORMAT, RACE, RaceResult, read_described
from jfnn.racing.rounds import Trainer, check
from jfnn.targets import Split

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

    Of K cells and L looks, each known beforehand, every comparison of two cells at a look has the one-sided
    error ``alpha / (K - 1) / L``. The best cell is out only if at some look one of the K - 1 others, none of
    which is truly better, passes for better: by the union bound with a probability of at most ``alpha``,
    whatever the number of cells, their spread and how long it takes. The same bound holds of the first cell
    being behind the best by ``indifferent`` or more where it ends so. (Repeated tests with their error spent
    over looks: Pocock, Biometrika 64, 1977.) "Best" is the mean over seeds of the score that ranks cells, on
    the rows that rank: whether it is best on other rows is another question.

    The t test assumes that differences between seeds are normally distributed. Its error is smaller than
    stated for symmetric heavy tails, and larger for skewed differences. A cell that rarely fails by a large
    amount, such as a network that does not learn with one seed in twenty, can pass for better until a failure
    occurs. A best cell that owes its mean to rare, large gains can be eliminated before one occurs: with
    lognormal scores, in 15 to 20% of races at ``alpha=0.05``. "sign" is valid for any distribution, but
    compares medians: the best cell is then the one that is better in each pair with at least half of the
    seeds.

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
    described = {**dataclasses.asdict(rules), "looks": list(rules.looks), "seeds": list(made.seeds)}
    with _claimed(made.out, described, made.resume):
        ended = _run(made, rules, described)
        if made.out is not None:
            ended.save(made.out)
    return ended


def _run(options: Options, rules: loop.Rules, described: Mapping[str, Any]) -> RaceResult:
    """The race itself."""
    trainer = Trainer(options, None if options.out is None else options.out / ROUNDS)
    first = trainer.begin(rules.looks[0])
    outcome = loop.run(trainer, int(np.prod(first.cell_shape)), rules)
    networks = first.folds or 1
    looks = tuple(look._replace(networks=look.networks * networks) for look in outcome.looks)
    seeds = options.seeds[: looks[-1].seeds]
    result = assembled(first, trainer.rounds, seeds, outcome.left, described)
    tied = tuple(map(result.cell_index, outcome.left.tolist()))
    return RaceResult(result, tied, looks, rules.alpha, rules.test, rules.indifferent, rules.looks[-1])


@contextlib.contextmanager
def _claimed(out: Path | None, described: Mapping[str, Any], resume: bool) -> Iterator[None]:
    """Checks the directory of a race, keeps other processes out, and says there what race it is."""
    if out is None:
        yield
        return
    paths.make_directory(out / ROUNDS, "out")
    with directory_lock(out / ROUNDS):
        there = read_described(out)
        if there is None and file_exists(out / CONFIG):
            raise ArgumentError("out", f"{out} holds a run that is no race; choose another directory")
        if there is not None:
            differing = [name for name, value in described.items() if there["race"].get(name) != value]
            if differing:
                names = ", ".join(differing)
                raise ArgumentError("out", f"{out} holds a race of other {names}; choose another directory")
            if not resume:
                state, effect = ("finished", "loads it") if "tied" in there else ("unfinished", "goes on")
                reason = f"{out} already contains this race ({state}), choose another directory"
                raise ArgumentError("out", reason, cure=Set("resume", True, effect))
        else:
            write_json(out / RACE, {"format": FORMAT, "race": dict(described)})
        yield
