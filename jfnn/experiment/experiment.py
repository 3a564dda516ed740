"""An experiment: all that is trained, as plain data, checked."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from jfnn.experiment.axes import Axes
from jfnn.experiment.settings import Execution
from jfnn.layers.kind import Params
from jfnn.learners.data import Data
from jfnn.learners.learner import Learner
from jfnn.learners.source import Sources, room
from jfnn.minibatches import PADDING, GivenMinibatches, Minibatches
from jfnn.numerics.permutation import Domain, domain
from jfnn.schedulers.scheduler import Scheduler
from jfnn.subsets import Subsets

PARTS = ("train", "validation", "test")
# Members of folds that all have at most this share of the rows are trained and scored on copies of their
# own, scored by so many at a time.
OWN_SHARE, OWN_BLOCK = 1 / 32, 256


@dataclasses.dataclass(frozen=True, eq=False)
class Replicate:
    """One seed and fold.

    Attributes:
        fold: Number of the fold, from 0.
        params: Starting parameters in the engine's form (NumPy).
        batches: Minibatches as numbers of the training rows.
        parts: A name of `PARTS` -> numbers of its rows, possibly none.
        minibatches_of: Number of the first replicate with the same minibatches, which may share its tiles.
        key: Raw data of the random key of its steps, or None.
    """

    seed: int
    fold: int
    params: Params
    batches: Minibatches | GivenMinibatches
    parts: dict[str, np.ndarray]
    minibatches_of: int
    key: np.ndarray | None = None

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return self.batches.steps(len(self.parts["train"]))

    @property
    def rows_a_step(self) -> int:
        """Length of one step's list of rows."""
        return self.batches.rows_a_step(len(self.parts["train"]))

    def minibatches(self, epoch: int) -> np.ndarray:
        """Row numbers of all data ``[steps, batch]`` (int32), negative where there is no row."""
        train = self.parts["train"]
        rows = self.batches.epoch(len(train), self.seed, epoch)
        return np.where(rows == PADDING, PADDING, train[rows]).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Ranking:
    """The score that ranks members: a metric on a part of the data, by its number in `PARTS`."""

    part: int
    metric: str
    higher_is_better: bool

    @property
    def name(self) -> str:
        """Name of the score, such as "test_loss"."""
        return f"{PARTS[self.part]}_{self.metric}"

    def of(self, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        """One number a member, higher is better ``[members]``, from scores ``[members, parts]``."""
        values = np.asarray(scores[self.metric][:, self.part])
        return values if self.higher_is_better else -values


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Experiment:
    """All that is trained: every cell in every replicate.

    Attributes:
        constants: Name -> value of numbers that all members share.
        replicate_constants: Name -> values of further numbers, one a replicate.
        replicates: Seeds outside, folds inside.
        folds: Number of folds, or None.
        subsets: The subsets that are the folds as they were given, where they are `Subsets`. The data have
            rows behind theirs where they have labels of their own.
        schedulers: Rules that act at evaluations, those that keep parameters first.
    """

    learner: Learner
    data: Data
    cells: Axes
    constants: dict[str, float] = dataclasses.field(default_factory=dict)
    replicate_constants: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    replicates: Sequence[Replicate]
    seeds: Sequence[int] = (0,)
    folds: int | None = None
    subsets: Subsets | None = None
    epochs: int
    ranking: Ranking = Ranking(PARTS.index("train"), "loss", False)
    schedulers: tuple[Scheduler, ...] = ()
    execution: Execution = dataclasses.field(default_factory=Execution)

    @property
    def padded(self) -> bool:
        """Whether some minibatches may be shorter than others."""
        return self.replicates[0].batches.padded

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a per-member array: cells, seeds, and folds where there are any."""
        return (*self.cells.shape, len(self.seeds), *(() if self.folds is None else (self.folds,)))

    @property
    def members(self) -> int:
        """Number of members."""
        return self.n_cells * len(self.replicates)

    @property
    def n_cells(self) -> int:
        """Number of combinations of hyperparameters."""
        return int(np.prod(self.cells.shape))

    @property
    def keeps_evaluations(self) -> bool:
        """Whether parameters are kept at each evaluation."""
        return self.execution.keep_params == "evaluations"

    def evaluations(self, first: int, end: int) -> list[int]:
        """Epochs above ``first``, up to ``end``, after which scores are kept as the history."""
        every = self.execution.eval_every
        if every is None:
            return []
        if not isinstance(every, int):
            return [epoch for epoch in every if first < epoch <= end]
        last = [end] if first < end == self.epochs else []
        return sorted({*range((first // every + 1) * every, end + 1, every), *last})

    def replicate_of(self) -> np.ndarray:
        """Number of each member's replicate ``[members]``."""
        return np.arange(self.members) % len(self.replicates)

    def minibatches_of(self) -> np.ndarray:
        """Number of the replicate whose minibatches each member sees ``[members]``."""
        numbers = [replicate.minibatches_of for replicate in self.replicates]
        return np.asarray(np.array(numbers)[self.replicate_of()])

    def hyper(self) -> dict[str, np.ndarray]:
        """Each member's numbers, name -> ``[members]``."""
        constants = {**self.constants, **self.replicate_constants}
        return self.cells.hyper(constants, self.members, self.data.dtype)

    @functools.cached_property
    def own_rows(self) -> np.ndarray | None:
        """Rows of each fold's parts ``[folds, …]`` (int32), then padding; None where they are many."""
        several = () if self.folds is None else self.replicates[: self.folds]
        lengths = [sum(map(len, replicate.parts.values())) for replicate in several]
        longest = max(lengths, default=self.data.n)
        if longest > OWN_SHARE * self.data.n:
            return None
        parts = [np.concatenate(list(replicate.parts.values())) for replicate in several]
        length = room(longest) if longest <= OWN_BLOCK else -(-longest // OWN_BLOCK) * OWN_BLOCK
        return np.stack([np.pad(rows, (0, length - len(rows)), constant_values=PADDING) for rows in parts])

    @property
    def block(self) -> int:
        """Rows scored at a time: of all members together, or of each one's own."""
        return self.data.block if self.own_rows is None else min(OWN_BLOCK, self.own_rows.shape[1])

    def sources(self) -> Sources:
        """Where the minibatches of every replicate come from."""
        replicates = self.replicates
        trains = {replicate.fold: replicate.parts["train"] for replicate in replicates}
        train = np.zeros((len(trains), room(max(map(len, trains.values())))), np.int32)
        for fold, numbers in trains.items():
            train[fold, : len(numbers)] = numbers
        domains = [domain(len(trains[fold])) for fold in range(len(trains))]
        batches = replicates[0].batches
        keys = [replicate.key for replicate in replicates if replicate.key is not None]
        return Sources(
            seed=np.array([replicate.seed for replicate in replicates], np.uint32),
            key=np.stack(keys) if keys else None,
            fold=np.array([replicate.fold for replicate in replicates], np.int32),
            domain=Domain(*(np.array(sides, np.uint32) for sides in zip(*domains, strict=True))),
            train=train,
            steps=np.array([replicate.steps for replicate in replicates], np.int32),
            batch=np.array([replicate.rows_a_step for replicate in replicates]),
            batches=batches if isinstance(batches, Minibatches) else None,
            padded=self.padded,
        )


def one_replicate(
    learner: Learner,
    data: Data,
    numbers: Mapping[str, np.ndarray],
    params: Params,
    batches: GivenMinibatches,
    epochs: int,
) -> Experiment:
    """Members that share all but their numbers: rows, start and minibatches.

    Args:
        learner: The learner.
        data: The rows, all of them to train on.
        numbers: Name -> number of each member ``[members]``.
        params: Starting parameters in the engine's form, of any float dtype.
        batches: The minibatches.
        epochs: Epochs of the longest member.
    """
    start = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf, data.dtype), params)
    parts = {name: np.arange(data.n if name == "train" else 0) for name in PARTS}
    replicate = Replicate(seed=0, fold=0, params=start, batches=batches, parts=parts, minibatches_of=0)
    cells = Axes(dict(numbers), crossed=False)
    return Experiment(learner=learner, data=data, cells=cells, replicates=[replicate], epochs=epochs)
