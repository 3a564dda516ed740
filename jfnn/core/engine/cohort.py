"""The members that the engine trains, and everything needed to train them."""

import abc
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.core.engine.minibatches import Sources, padded_length
from jfnn.learners.data import Data
from jfnn.learners.functions import Functions
from jfnn.learners.learner import Learner
from jfnn.minibatches import PADDING, GivenMinibatches, Minibatches
from jfnn.numerics.permutation import Domain, domain
from jfnn.params import Params
from jfnn.schedulers.scheduler import Scheduler

#: Names of the parts into which rows are split.
PARTS = ("train", "validation", "test")
# If no fold has more than this share of all rows, each member trains and is scored on a copy of its fold's
# rows. With row numbers instead, the workload series of scripts/bench.py takes 3.4 times as much CPU time, or
# 1.7 times if copies are only scored; 33 folds of 580 rows take as much, or 1.8 times as much for few epochs.
COPIED_SHARE = 1 / 32
COPIED_BLOCK = 256  # maximum number of copied rows of a member scored at a time


class Ended(NamedTuple):
    """Status of members at the start of a continued run ``[members]``; see ``engine.state.RunState``."""

    diverged_at: np.ndarray
    stopped_at: np.ndarray
    pruned: np.ndarray


class Progress(NamedTuple):
    """Progress of a run, for a callback at every return to the host.

    Attributes:
        epoch: Epochs done.
        epochs: Epochs in all.
        training: Number of members that still train.
        members: Number of all members.
        best: The best score when members were last scored, negated for losses; None before the first time.
    """

    epoch: int
    epochs: int
    training: int
    members: int
    best: float | None


class Listener:
    """Receives the events of a run and ignores them: the base class of `ProgressBar`."""

    def begin(self, epochs: int, number: int = 1, runs: int = 1) -> None:
        """One of several runs begins to draw initial parameters, for which JAX may compile."""

    def compiling(self, done: int, programs: int) -> None:
        """A run compiles programs."""

    def training(self, epoch: int, epochs: int) -> None:
        """A run trains from an epoch on."""

    def waiting(self, seconds: float | None) -> None:
        """No worker has answered for ``seconds``; None once one has."""

    def add(self, epochs: float) -> None:
        """Members have trained; ``epochs`` is their share of all members, times their epochs."""

    def close(self) -> None:
        """The call ends, for whatever reason."""


class Recording(NamedTuple):
    """Options for what a run records and whom it notifies.

    Attributes:
        objective: Whether to keep the objectives of every epoch.
        keep_params: Which trained parameters to keep; "evaluations" keeps them at each evaluation.
        eval_every: Epochs between the evaluations of the history, or a list of epochs; None for no history.
        on_return: Called with a `Progress` at every return to the host, or None.
        listener: Receives the events of the run.
    """

    objective: bool = False
    keep_params: str = "all"
    eval_every: int | list[int] | None = None
    on_return: Callable[[Progress], None] | None = None
    listener: Listener = Listener()


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Replicates:
    """Seeds and folds, as arrays. A replicate is a seed in a fold; folds vary fastest.

    Attributes:
        seeds: The seed of each replicate ``[R]`` (uint32).
        keys: Raw data of the random key of each replicate's steps ``[R, 2]``, or None.
        draw: Returns initial parameters in the engine's form (NumPy), one set per seed ``[S, …]``, per
            replicate ``[R, …]``, or per member of all cells.
        n_starts: Number of sets: S, R, or the number of members.
        start_shapes: Shapes and dtypes of one set, which are known before any is drawn.
        batches: Minibatches as indices into a fold's training rows.
        parts: For each fold, name of a part in `PARTS` -> its row numbers, possibly none.
        alike: For each fold, the first one with the same training rows and weights ``[folds]``; None if all
            folds differ.
    """

    seeds: np.ndarray
    keys: np.ndarray | None = None
    draw: Callable[[], Params]
    n_starts: int
    start_shapes: Params
    batches: Minibatches | GivenMinibatches
    parts: Sequence[Mapping[str, np.ndarray]]
    alike: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    @functools.cached_property
    def folds(self) -> np.ndarray:
        """Fold of each replicate ``[R]`` (int32)."""
        return np.arange(len(self), dtype=np.int32) % len(self.parts)

    @functools.cached_property
    def starts(self) -> Params:
        """Initial parameters, drawn at first access, while programs compile."""
        return self.draw()

    @property
    def differ_by_cell(self) -> bool:
        """Whether each cell has its own initial parameters."""
        return self.n_starts > len(self)

    def start(self, members: int | np.ndarray) -> Params:
        """Return initial parameters of a member, or of several on a leading axis; cells vary slowest."""
        indices = members
        if not self.differ_by_cell:
            indices = members % len(self) * self.n_starts // len(self)
        return jax.tree.map(lambda leaf: leaf[indices], self.starts)

    @property
    def minibatches_of(self) -> np.ndarray:
        """For each replicate ``[R]``, the first with the same minibatches and keys; these may share tiles."""
        if self.keys is not None:
            return np.arange(len(self))
        rows = self.folds if self.alike is None else self.alike[self.folds]
        if not self.batches.draws:
            return rows
        _, first, same = np.unique([self.seeds, rows], axis=1, return_index=True, return_inverse=True)
        return np.asarray(first[same.reshape(-1)])

    def minibatches(self, number: int, epoch: int) -> np.ndarray:
        """Return row numbers of an epoch's minibatches ``[steps, batch]`` (int32); padding is negative."""
        train = self.parts[self.folds[number]]["train"]
        rows = self.batches.epoch(len(train), int(self.seeds[number]), epoch)
        return np.where(rows == PADDING, PADDING, train[rows]).astype(np.int32)

    @functools.cached_property
    def sources(self) -> Sources:
        """Sources of the minibatches of every replicate."""
        lengths = [len(part["train"]) for part in self.parts]
        train = np.zeros((len(lengths), padded_length(max(lengths))), np.int32)
        for fold, part in enumerate(self.parts):
            train[fold, : lengths[fold]] = part["train"]
        domains = [domain(length) for length in lengths]
        steps = np.array([self.batches.n_steps(length) for length in lengths], np.int32)
        batch = np.array([self.batches.rows_a_step(length) for length in lengths])
        return Sources(
            seed=self.seeds,
            key=self.keys,
            fold=self.folds,
            domain=Domain(*(np.array(sides, np.uint32) for sides in zip(*domains, strict=True))),
            train=train,
            steps=steps[self.folds],
            batch=batch[self.folds],
            batches=self.batches if isinstance(self.batches, Minibatches) else None,
            padded=self.batches.padded,
        )


@dataclasses.dataclass(frozen=True)
class RankingScore:
    """The score that ranks members: a metric on one part of the data, an index into `PARTS`."""

    part: int
    metric: str
    higher_is_better: bool

    @property
    def name(self) -> str:
        """Name of the score, such as "test_loss"."""
        return f"{PARTS[self.part]}_{self.metric}"

    def of(self, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return one number per member ``[members]``, higher is better, from scores ``[members, parts]``."""
        values = np.asarray(scores[self.metric][:, self.part])
        return values if self.higher_is_better else -values


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Cohort(abc.ABC):
    """All members of a run, every cell in every replicate, and everything needed to train them.

    Attributes:
        functions: The learner's functions to compile.
        replicates: Seeds and folds.
        copied_rows: From ``rows_to_copy``.
        epochs: Epochs done at the end.
        first_epoch: Epochs done before the start.
        ended: Status of members at the start, if some had diverged or stopped by then.
        schedulers: Rules that act at evaluations; rules that keep parameters come first.
    """

    functions: Functions
    data: Data
    replicates: Replicates
    copied_rows: np.ndarray | None = None
    epochs: int
    first_epoch: int = 0
    ended: Ended | None = None
    ranking: RankingScore = RankingScore(PARTS.index("train"), "loss", False)
    schedulers: tuple[Scheduler, ...] = ()

    @property
    def recording(self) -> Recording:
        """The recording options of the run."""
        return Recording()

    @property
    @abc.abstractmethod
    def n_cells(self) -> int:
        """Number of combinations of hyperparameters."""

    @abc.abstractmethod
    def hyper(self) -> dict[str, np.ndarray]:
        """Return each member's hyperparameters, name -> ``[members]``; replicates vary fastest."""

    @property
    def learner(self) -> Learner:
        """The learner, bound to the data and with its schedule."""
        return self.functions.learner

    @property
    def padded(self) -> bool:
        """Whether some minibatches may be shorter than others."""
        return self.replicates.batches.padded

    @property
    def members(self) -> int:
        """Number of members."""
        return self.n_cells * len(self.replicates)

    @property
    def keeps_objectives(self) -> bool:
        """Whether to keep the objectives of every epoch, for the result or for a scheduler."""
        return self.recording.objective or any(scheduler.reads_objective for scheduler in self.schedulers)

    def evaluations(self, first: int, end: int) -> list[int]:
        """Return the epochs above ``first``, up to ``end``, whose scores enter the history."""
        every = self.recording.eval_every
        if every is None:
            return []
        if not isinstance(every, int):
            return [epoch for epoch in every if first < epoch <= end]
        last = [end] if first < end == self.epochs else []
        return sorted({*range((first // every + 1) * every, end + 1, every), *last})

    def replicate_of(self) -> np.ndarray:
        """Return the number of each member's replicate ``[members]``."""
        return np.arange(self.members) % len(self.replicates)

    def minibatches_of(self) -> np.ndarray:
        """Return the number of the replicate whose minibatches each member uses ``[members]``."""
        return np.asarray(self.replicates.minibatches_of[self.replicate_of()])

    def hyper_at_start(self) -> dict[str, np.ndarray]:
        """Return `hyper` for `Learner.start`; in a continued run, factors of initial parameters are 1."""
        hyper = self.hyper()
        factors = [name for name in self.learner.start_factors if self.first_epoch and name in hyper]
        return hyper | {name: np.ones_like(hyper[name]) for name in factors}

    @property
    def block(self) -> int:
        """Rows scored at a time; see ``scored_block``."""
        return scored_block(self.data, self.copied_rows)


def rows_to_copy(n: int, parts: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray | None:
    """Return the padded row numbers of each fold's parts ``[folds, …]`` (int32); None if too many to copy."""
    lengths = [sum(map(len, fold.values())) for fold in parts]
    longest = max(lengths)
    if longest > COPIED_SHARE * n:
        return None
    length = padded_length(longest) if longest <= COPIED_BLOCK else -(-longest // COPIED_BLOCK) * COPIED_BLOCK
    joined = [np.concatenate(list(fold.values())) for fold in parts]
    return np.stack([np.pad(rows, (0, length - len(rows)), constant_values=PADDING) for rows in joined])


def scored_block(data: Data, copied_rows: np.ndarray | None) -> int:
    """Return the number of rows scored at a time, shared by all members or of each member's copies."""
    return data.block if copied_rows is None else min(COPIED_BLOCK, copied_rows.shape[1])
