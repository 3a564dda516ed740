"""The result of a sweep: scores, histories and trained parameters, and questions to them."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from html import escape
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.named import Named
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import axis_text, name_text, number_text, value_text
from jfnn.arguments.types import Json
from jfnn.core.engine.blocks import MemberSelection, Reduce
from jfnn.core.engine.cohort import PARTS, Ended
from jfnn.core.experiment.axes import Axes, as_index
from jfnn.core.experiment.going_on import Trained
from jfnn.core.experiment.settings import Execution
from jfnn.core.experiment.simplest import Simplest
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.search import predictions, run_directory
from jfnn.core.search.doubts import best_at_ends, nothing_learned
from jfnn.core.search.predictions import Origin, PartOfFolds, ProgramMembers
from jfnn.core.search.run_directory import GRID, OUTCOMES, kept, kept_plain
from jfnn.learners import answers
from jfnn.learners.data import Data
from jfnn.learners.learner import OTHER_METRICS, Learner, Metric
from jfnn.learners.of_targets import SEVERAL_TARGETS, of_targets
from jfnn.learners.supervised import Supervised
from jfnn.network import Network
from jfnn.split import Names, Split

NONE_RANKS = "no best cell: every one diverged with some seed or was pruned; try smaller learning rates"
SHOWN = 5  # cells in a notebook
# What is missing from a mapping of a result -> how it comes to be there.
OTHERS = {
    "scores": OTHER_METRICS,
    "history": "Execution(eval_every=1) keeps that of every score",
    "terms": "Execution(objective=True) keeps those that terms=[…] of jfnn.learner names",
}


@dataclasses.dataclass(frozen=True)
class Best:
    """The best cell of a grid.

    Attributes:
        index: Its index on every axis but the seeds (and folds).
        axes: Name -> value on each of these axes.
        score: The score named by ``ranked_by``, averaged over seeds and folds.
        doubts: Sentences for a reader, shown by ``print``: no cell predicts better than a constant, or the
            best one is at the end of an axis.
    """

    index: tuple[int, ...]
    axes: dict[str, Any]
    score: float
    ranked_by: str
    doubts: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        """The cell in a line, and each doubt in another."""
        return "\n".join([repr(self), *self.doubts])

    def _repr_html_(self) -> str:
        """Its hyperparameters, its score and the doubts, for notebooks."""
        names = [axis_text(name) for name in self.axes]
        values = [value_text(name, value) for name, value in self.axes.items()]
        table = html_table([[*names, name_text(self.ranked_by)], [*values, f"{self.score:.4g}"]])
        return table + "".join(f"<p>{escape(doubt)}</p>" for doubt in self.doubts)


def _is_metrics(value: object) -> bool:
    return type(value) is dict and all(type(higher) is bool for higher in value.values())


def _is_cell(value: object) -> bool:
    return value is None or (type(value) is list and all(type(index) is int for index in value))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ProgramRun:
    """What a result has once for each of its programs, beside the arrays that have all of them.

    Attributes:
        params: Parameters with the axes of this program's grid in front on every leaf, or as ``keep_params``
            says; None if none were kept.
        kept_cell: The index, in this program's grid, of the only cell whose parameters were kept, or None.
        config: Settings, checksums of the data, versions, device, and the "fingerprint" of what decides.
        timing: "compile" and "run", in seconds since the run began or was resumed.
        origin: The learner and the rows of folds, if still there; None once pickled.
        evaluated: Number of its evaluations, where another program has more of them; None for all.
    """

    params: Any = None
    kept_cell: tuple[int, ...] | None = field(metadata=kept_plain(_is_cell), default=None)
    config: Json = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    origin: Origin | None = None
    evaluated: int | None = None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """Scores and trained parameters of every member of a grid.

    Arrays of results have the shape of the grid: an axis for each hyperparameter in the order of ``axes``
    (learning rate E, L2 penalty L, …), then the seeds S and any folds F: ``[E, L, S, F]``. Cells
    that were drawn or listed are one axis instead, ``[n, S]``. Several networks or batch sizes are axes
    before these. The result of `jfnn.train`, of one member, has no axes at all: scores are single numbers,
    and ``params`` are that member's.

    Axes and scores are attributes too: ``result.l2`` is ``result.axes["l2"]``, ``result.test_accuracy`` is
    ``result.scores["test_accuracy"]``.

    Each network with each batch size is a program, of which `program` gives the result.

    Attributes:
        axes: Name -> values. "network" (names), or the axes of `jfnn.Networks`, and "batch_size" (0 for all
            rows) come first where there are several, then float64 "learning_rate" and "l2". Of listed cells n
            values of each number.
        seeds: ``[S]``.
        folds: Number of folds, or None without folds.
        scores: "train_loss", "test_accuracy", …: each metric on each part of the data ("train", "validation",
            "test"), NaN where a member diverged or the part has no rows. Losses are means of the data loss
            per row, without penalty.
        metrics: Name of each metric -> whether higher is better; the loss comes first.
        diverged_at: The epoch, counted from 0, in which what a member trains, or the objective that its last
            step started from, was no longer finite; -1 for never. The member keeps the parameters from
            before that epoch. Scores are NaN too where only the loss of the parameters kept overflows.
        stopped_at: Epochs done when a scheduler ended the member's training, -1 for never.
        pruned: Whether a scheduler ruled the member's cell out of the ranking.
        epochs: Epochs for which the member's parameters were trained.
        evaluations: Epochs done at each evaluation of the history ``[H]``.
        history: Name of a score -> ``[E, L, S, H]``, if kept.
        objective: The mean objective of each epoch's steps ``[E, L, S, epochs]``, NaN where a member did not
            train; None if it was not kept.
        terms: Name of each further number that a loss gives -> its mean over each epoch's steps, as
            ``objective`` and with it; NaN for networks whose loss does not give it.
        ranked_by: The score that ranks cells, such as "validation_accuracy": on rows held out, if there are
            any, else on test rows, else on training rows.
        crossed: Whether cells are all combinations of values, rather than a list on one axis, drawn or given.
        subset_values: Name of the axis of `jfnn.subsets.Subsets` -> its values ``[F]``, if it has any.
        refit: The best cell (or the simplest) trained again on all training rows, a sweep of one cell; of
            several, which are listed on one axis, best first; or None. Trained on all rows as of
            `jfnn.Refit` it has no test scores.
        names: What the numbers of the data stand for: columns, classes, units; empty where nobody said.
        leading: How many axes, the first ones, are of networks and batch sizes.
        runs: What differs by program, in C order of these axes: ``params``, ``kept_cell``, ``config``,
            ``timing`` and ``origin`` of each.
    """

    axes: dict[str, np.ndarray] = field(metadata=kept("f", prefix=""))
    seeds: np.ndarray = field(metadata=kept("iu"))
    folds: int | None = field(metadata=kept_plain(lambda value: value is None or type(value) is int))
    scores: dict[str, np.ndarray] = field(metadata=kept("f", GRID, prefix="score."))
    metrics: dict[str, bool] = field(metadata=kept_plain(_is_metrics))
    diverged_at: np.ndarray = field(metadata=kept("iu", GRID))
    stopped_at: np.ndarray = field(metadata=kept("iu", GRID))
    pruned: np.ndarray = field(metadata=kept("b", GRID))
    epochs: np.ndarray = field(metadata=kept("iu", GRID))
    evaluations: np.ndarray = field(metadata=kept("iu", "evaluation"))
    history: dict[str, np.ndarray] = field(metadata=kept("f", GRID, "evaluation", prefix="history."))
    ranked_by: str = field(metadata=kept_plain(lambda value: type(value) is str))
    crossed: bool = field(metadata=kept_plain(lambda value: type(value) is bool), default=True)
    objective: np.ndarray | None = field(metadata=kept("f", GRID, "epoch"), default=None)
    terms: dict[str, np.ndarray] = field(
        metadata=kept("f", GRID, "epoch", prefix="term."), default_factory=dict
    )
    subset_values: dict[str, np.ndarray] = field(
        metadata=kept("iufbU", "fold", prefix="subset."), default_factory=dict
    )
    refit: SweepResult | None = None
    names: Names = field(default_factory=Names)
    leading: int = 0
    runs: tuple[ProgramRun, ...] = field(default_factory=lambda: (ProgramRun(),))

    def __post_init__(self) -> None:
        for name, others in OTHERS.items():
            object.__setattr__(self, name, Named(getattr(self, name), name, others))

    def __getattr__(self, name: str) -> np.ndarray:
        """An axis or a score by its name."""
        fields = vars(self)
        arrays = {**fields.get("axes", {}), **fields.get("scores", {})}
        try:
            return np.asarray(Named(arrays, f"no {name!r} in a sweep", OTHER_METRICS)[name])
        except ArgumentError as error:
            raise AttributeError(str(error)) from None

    def __getstate__(self) -> dict[str, Any]:
        """All but the learner, whose functions need not be such as can be pickled."""
        runs = tuple(dataclasses.replace(run, origin=None) for run in self.runs)
        return {**vars(self), "runs": runs}

    def __repr__(self) -> str:
        """The axes, and the best cell."""
        best = self.best_or_none()
        best_text = f"best {self.ranked_by} {best.score:.6g} at {best.axes}" if best else "no cell ranks"
        return f"<SweepResult of {self.members_text()};\n {best_text}>"

    def _repr_html_(self) -> str:
        """The best cells as a table, for notebooks; a score is the mean with the least and the greatest."""
        order = [cell for cell in self.order() if not self.pruned_cells.ravel()[cell]]
        if not order:
            return f"<p>{self.members_text()}</p><p>{NONE_RANKS}</p>"
        higher = self.higher_is_better()
        means = self.cell_scores()
        rows = [["", *map(axis_text, self.axes), name_text(self.ranked_by)]]
        for rank, cell in enumerate(order[:SHOWN], 1):
            index = self.cell_index(cell)
            values = self.scores[self.ranked_by][index].ravel()
            score = number_text(float(means[index]), higher)
            if values.size > 1:
                least = number_text(float(values.min()), higher)
                most = number_text(float(values.max()), higher)
                score = f"{score} ({least} to {most})"
            texts = [value_text(name, value) for name, value in self.axes_at(index).items()]
            rows.append([f"{rank}.", *texts, score])
        return f"<p>{self.members_text()}</p>{html_table(rows)}"

    def members_text(self) -> str:
        """Numbers of members, also diverged ones, and on each axis: "12 members (2 diverged): l2 3, …"."""
        size = self.diverged_at.size
        diverged = int((self.diverged_at >= 0).sum())
        count = f"{size} member{'s' * (size > 1)}{f' ({diverged} diverged)' * (diverged > 0)}"
        lengths = [f"{name} {length}" for name, length in self._axes_of_members()]
        return f"{count}: {', '.join(lengths)}" if lengths else count

    def _axes_of_members(self) -> list[tuple[str, int]]:
        """Name and length of each axis of the grid, seeds and folds too."""
        axes = [*self.cells.lengths.items()]
        axes += [("seeds", len(self.seeds))] if self.seeds.ndim else []
        return axes if self.folds is None else [*axes, ("folds", self.folds)]

    @property
    def params(self) -> Any:
        """Parameters with the grid's shape in front on every leaf, or as ``keep_params`` says.

        Of several networks or batch sizes nested lists of these, one for each program; of a kept cell alone
        its program's. None if none were kept.
        """
        asked = self._asked()
        params = [run.params for run in asked.runs]
        if any(each is None for each in params):
            return None
        for length in reversed(asked._program_shape):
            params = [params[first : first + length] for first in range(0, len(params), length)]
        return params[0]

    @property
    def kept_cell(self) -> tuple[int, ...] | None:
        """The index of the only cell whose parameters were kept, of several programs' the best; or None."""
        places = zip(np.ndindex(*self._program_shape), self.runs, strict=True)
        kept = [(*place, *run.kept_cell) for place, run in places if run.kept_cell is not None]
        if not kept:
            return None
        costs = self._costs()
        return min(kept, key=lambda index: costs[index])

    @property
    def config(self) -> Json:
        """Settings, checksums of the data, versions, device, and the "fingerprint" of what decides.

        Of several programs what they have in common.
        """
        return functools.reduce(_common, (run.config for run in self.runs))

    @property
    def timing(self) -> dict[str, float]:
        """Seconds since the run began or was resumed, "compile" and "run", of all programs together."""
        names = self.runs[0].timing
        return {name: sum(run.timing.get(name, 0.0) for run in self.runs) for name in names}

    @property
    def origin(self) -> Origin | None:
        """The learner and the rows of folds, of several programs the first one's; None once pickled."""
        return self.runs[0].origin

    @property
    def programs(self) -> tuple[SweepResult, ...]:
        """The results of the programs, one for each network and batch size in C order."""
        return tuple(map(self._program, np.ndindex(*self._program_shape)))

    @property
    def execution(self) -> Execution:
        """The layout of the tiles, on which bits depend: with it `jfnn.train` gives any member's.

        Raises:
            ValueError: The result is of several programs; ask one of `programs`.
        """
        if self.leading:
            raise ArgumentError("execution", "programs differ in it; see result.programs")
        settings = self.config["settings"]
        batches = settings["minibatches"]
        pads = batches != "given" and batches["scheme"] == "full" and not batches["drop_last"]
        padded = batches["batch_size"] if pads else None
        return Execution(tile=settings["tile"], shared=settings["shared"], padded=padded)

    @property
    def of_targets(self) -> bool:
        """Whether each subset learned one of several targets, as `jfnn.subsets.targets` has it."""
        return self.config.get("settings", {}).get("learner", {}).get(SEVERAL_TARGETS) is True

    @property
    def cells(self) -> Axes:
        """The axes of the grid, or those of listed cells."""
        return Axes(self.axes, crossed=self.crossed, leading=self.leading)

    @property
    def cell_shape(self) -> tuple[int, ...]:
        """The shape of a per-cell array: ``(E, L, …)``, of listed cells ``(n,)``."""
        return self.cells.shape

    @property
    def pruned_cells(self) -> np.ndarray:
        """Whether a scheduler ruled a cell out ``[E, L, …]``."""
        return np.asarray(self.pruned.reshape(*self.cell_shape, -1).any(axis=-1))

    @property
    def ranking_metric(self) -> str:
        """The metric that ranks, such as "accuracy"."""
        return self.ranked_by.partition("_")[2]

    def higher_is_better(self, name: str | None = None) -> bool:
        """The direction of a score, such as "test_accuracy"; None for `ranked_by`."""
        return self.metrics[self.named(name).partition("_")[2]]

    def named(self, score: str | None, argument: str = "name") -> str:
        """The name of a score, checked; None for `ranked_by`."""
        if score is None:
            return self.ranked_by
        return checks.as_choice(score, argument, self.scores, OTHER_METRICS)

    def axes_at(self, index: tuple[int, ...]) -> dict[str, Any]:
        """The values of a cell on all axes, name -> value."""
        return self.cells.at(as_index(index, self.cells.lengths.items(), "index"))

    def cell_index(self, cell: int) -> tuple[int, ...]:
        """The index of a cell by its number in C order."""
        return tuple(int(i) for i in np.unravel_index(cell, self.cell_shape))

    def cell_means(self, members: np.ndarray) -> np.ndarray:
        """Means over seeds and folds of one number a member ``[…, E, L, S]``: ``[…, E, L]``."""
        leading = members.shape[: members.ndim - self.diverged_at.ndim]
        return np.asarray(members.reshape(*leading, *self.cell_shape, -1).mean(axis=-1))

    def cell_scores(self, name: str | None = None) -> np.ndarray:
        """A score averaged over seeds and folds, one a cell ``[E, L, …]``; NaN if any member diverged.

        Args:
            name: Such as "test_accuracy"; None for `ranked_by`.
        """
        return self.cell_means(self.scores[self.named(name)])

    def ranked(self, values: np.ndarray) -> np.ndarray:
        """Values of cells ``[…, E, L]``, with NaN for those that a scheduler ruled out of the ranking."""
        return np.where(self.pruned_cells, np.nan, values)

    def order(self, name: str | None = None) -> np.ndarray:
        """Numbers of cells in C order, best first by a score; of equals the first.

        Pruned cells come behind the others, those that stopped later first. Cells that diverged with any seed
        or fold are left out.

        Args:
            name: Such as "test_accuracy"; None for `ranked_by`.
        """
        costs = self._costs(name).ravel()
        pruned = self.pruned_cells.ravel()
        last = self.stopped_at.reshape(pruned.size, -1).max(axis=-1)
        order = np.lexsort((costs, np.where(pruned, -last, 0), pruned))  # the last decides first
        return np.asarray(order[np.isfinite(costs[order])])

    def _costs(self, name: str | None = None) -> np.ndarray:
        """A score of each cell, the less the better."""
        sign = -1 if self.higher_is_better(name) else 1
        return sign * self.cell_scores(name)

    def best(self, rule: Simplest | None = None) -> Best:
        """The best cell by `ranked_by`, averaged over seeds and folds, or by a rule one that is as good.

        A cell that diverged with any of them, or that was pruned, does not rank. Of equals the first wins.
        Ranked on the rows held out, or else on the test rows, which then flatter it.

        Args:
            rule: None for the best mean; a `jfnn.Simplest` for the simplest cell within its noise.

        Raises:
            ValueError: No cell ranks; the rule names other axes, or there is a single seed and no fold.
        """
        best = self.best_or_none(rule)
        if best is None:
            raise ValueError(NONE_RANKS)
        return best

    def best_or_none(self, rule: Simplest | None = None) -> Best | None:
        """As `best`, but None where no cell ranks."""
        if rule is not None and not isinstance(rule, Simplest):
            got = f"{checks.shown(rule)}; jfnn.Validation(rank_by=…) of the sweep ranks by another metric"
            raise ArgumentTypeError("rule", f"expected a jfnn.Simplest, got {got}")
        order = self.order()
        if not len(order) or self.pruned_cells.ravel()[order[0]]:
            return None
        index = self.cell_index(int(order[0]) if rule is None else self._chosen(rule))
        score = float(self.cell_scores()[index])
        doubts = self._doubts(index) if rule is None else ()
        return Best(index, self.axes_at(index), score, self.ranked_by, doubts)

    def _doubts(self, index: tuple[int, ...]) -> tuple[str, ...]:
        """Doubts about the best cell; see `Best`.

        The share of the most frequent class is known only where `Origin` has it, and R² is not read where
        subsets, of which one may be an outlier, are averaged.
        """
        part, _, metric = self.ranked_by.partition("_")
        found: tuple[str, ...] = ()
        if metric == "accuracy" and self.origin is not None and self.origin.most_frequent is not None:
            accuracies = self.ranked(self.cell_scores())
            found = nothing_learned(accuracies, self.origin.most_frequent, "the most frequent class alone")
        elif metric in ("loss", "r2") and "r2" in self.metrics and not self.subset_values:
            explained = self.ranked(self.cell_scores(f"{part}_r2"))
            found = nothing_learned(explained, 0.0, "the mean of the targets")
        sign = 1 if self.higher_is_better() else -1
        gains = sign * self.scores[self.ranked_by].reshape(*self.cell_shape, -1)
        return found or best_at_ends(self.cells, gains, index)

    def _chosen(self, rule: Simplest) -> int:
        """The number of the cell that a rule chooses."""
        places = np.indices(self.cell_shape).reshape(len(self.cell_shape), -1)
        # Words and batch sizes have the order in which they were given; axes of programs are the first.
        columns = self.cells.columns() | {
            name: place
            for (name, values), place in zip(self.program_axes.items(), places, strict=False)
            if name == "batch_size" or values.dtype.kind == "U"
        }
        members = self.scores[self.ranked_by].reshape(self.pruned_cells.size, self.seeds.size, -1)
        runs = members.mean(axis=1) if members.shape[-1] > 1 else members[..., 0]
        rule.check(columns, runs.shape[-1], "rule")
        sign = -1 if self.higher_is_better() else 1
        return rule.choose(columns, self.ranked(self._costs()).ravel(), sign * runs)

    def program(self, **values: Any) -> SweepResult:
        """The result of one program: ``result.program(network="50-50", batch_size=100)``, or ``(width=50)``.

        Args:
            **values: Name of each leading axis -> one of its values; of "batch_size" 0 or None for all rows.

        Raises:
            ValueError: No such axis or value.
        """
        index: list[int] = []
        for name, known in self.program_axes.items():
            choices = known.tolist()
            value = values.pop(name, None)
            value = 0 if value is None and name == "batch_size" else value
            is_one = isinstance(value, str | int | float | np.number) and not isinstance(value, bool)
            if not is_one or value not in choices:
                raise ArgumentError(
                    name, f"expected one of {checks.shown(choices)}, got {checks.shown(value)}"
                )
            index.append(choices.index(value))
        if values:
            expected = ", ".join(self.program_axes) or "none, since this result is of one program"
            raise ArgumentError(next(iter(values)), f"expected {expected}")
        return self._program(tuple(index))

    @property
    def program_axes(self) -> dict[str, np.ndarray]:
        """The axes of networks and batch sizes, name -> values: the first ones, those of `programs`."""
        return self.cells.programs

    @property
    def _program_shape(self) -> tuple[int, ...]:
        """The shape in which the programs lie."""
        return self.cell_shape[: self.leading]

    def program_number(self, index: tuple[int, ...]) -> int:
        """The number of the program of a cell, a member or a place on the leading axes."""
        return int(np.ravel_multi_index(index[: self.leading], self._program_shape))

    def _program(self, index: tuple[int, ...]) -> SweepResult:
        """The result of the program of a cell, or of a place on the leading axes: its part of every array."""
        place = index[: self.leading]
        run = self.runs[self.program_number(place)]
        fields = map_members(lambda array: array[place], self)
        fields["axes"] = dict(itertools.islice(self.axes.items(), self.leading, None))
        fields["evaluations"] = self.evaluations[: run.evaluated]
        fields["history"] = {name: values[..., : run.evaluated] for name, values in fields["history"].items()}
        runs = (dataclasses.replace(run, evaluated=None),)
        return dataclasses.replace(self, **fields, refit=None, leading=0, runs=runs)

    def _asked(self) -> SweepResult:
        """The result whose parameters answer: where one cell alone was kept, that of its program."""
        cell = self.kept_cell
        return self if cell is None else self._program(cell)

    def member(self, *index: int) -> Any:
        """The parameters of one member, by its index on every axis: ``member(i, j, s)``.

        Raises:
            ValueError: Its parameters were not kept, or there is no such member.
        """
        axes = self._axes_of_members()
        replicates = axes[len(self.cell_shape) :]
        numbers = "".join(f", {name[:-1]}" for name, _ in replicates)
        cure = f"; of a cell, member(*index{numbers})" if len(index) == len(axes) - len(replicates) else ""
        index = as_index(index, axes, "member", from_the_end=True, cure=cure)
        self._check_kept(index, "member")
        run = self.runs[self.program_number(index)]
        behind = index[self.leading + len(run.kept_cell or ()) :]
        return jax.tree.map(lambda leaf: leaf[behind], run.params)

    def of_cell(self, *index: int) -> SweepResult:
        """This result with the parameters of one cell alone: ``of_cell(*result.best().index)``.

        `predict` and the like then ask only the networks of this cell, and ``reduce`` is over these; scores
        are those of all cells. It is the result that ``keep_params="best"`` gives, for any cell.

        Raises:
            ValueError: Its parameters were not kept, or there is no such cell.
        """
        index = as_index(index, self.cells.lengths.items(), "of_cell", from_the_end=True)
        self._check_kept(index, "of_cell")
        if self.kept_cell is not None:
            return self
        cell = index[self.leading :]
        number = self.program_number(index)
        params = jax.tree.map(lambda leaf: leaf[cell], self.runs[number].params)
        runs = [dataclasses.replace(run, params=None) for run in self.runs]
        runs[number] = dataclasses.replace(runs[number], params=params, kept_cell=cell)
        return dataclasses.replace(self, runs=tuple(runs))

    def _check_kept(self, index: tuple[int, ...], argument: str) -> None:
        """Raises ValueError where the parameters of a cell, or of its member, were not kept."""
        if self.params is None:
            raise ArgumentError(argument, "this sweep kept no parameters; use keep_params='all'")
        cell = self.kept_cell or ()
        if index[: len(cell)] != cell:
            raise ArgumentError(argument, f"this sweep kept the parameters of cell {cell} alone")

    def predict(
        self,
        x: ArrayLike,
        reduce: str | Reduce | None = None,
        network: Network | Learner | answers.Function | None = None,
    ) -> np.ndarray:
        """Labels ``[…, n]``, or those of each output or outputs ``[…, n, n_out]``, of every member.

        The leading axes are those of the grid, or of the kept cell (and, of parameters kept at evaluations,
        these behind). Labels are as of `jfnn.predict`: of classes one a row; 0 or 1 for each output where
        targets were several of these in a row (see `jfnn.supervised`). They are -1 for members that diverged
        and outputs that are not finite. Of a regression outputs are given, NaN for members that diverged.

        Args:
            x: Inputs ``[n, …]`` as the networks take them, scaled if their training rows were. Or, where the
                split named its columns (`jfnn.datasets.split_table`, `jfnn.datasets.standardise`, ``jfnn
                grid`` on a .csv file), a data frame or a mapping of columns, by these names and in their
                units; labels are then the file's words ("" for -1), outputs in the targets' units.
            reduce: None for all values. Of labels also "vote", the label of most members, of equals the
                smallest, or "mean", that of the mean of their probabilities, or of outputs where the loss
                has none; no other, since their numbers are names. Of outputs "mean" or "std" over members,
                NaN left out; or a function ``(values [members, rows, …], axis=0)``, such as `numpy.median`.
                It sees the members that did not diverge and 256 rows at a time, the last filled up with
                zeros, and may put another axis instead of the members', as quantiles do.
            network: The network, for a result that was loaded without it, since custom functions take part;
                with a custom loss ``jfnn.supervised(network, loss)``. For a custom learner a function
                ``(params, x) -> outputs [n, …]`` of one member. Of several networks ask each of `programs`.

        Raises:
            ValueError, TypeError: No parameters were kept; the network is missing or another one; invalid
                inputs; with ``reduce``, every member diverged; else, values do not fit into memory.
        """
        values = predictions.predict(self._members(network), x, reduce, self.metrics, self.names)
        return self._in_grid(values) if reduce is None else values

    def predict_proba(
        self, x: ArrayLike, reduce: str | Reduce | None = None, network: Network | Learner | None = None
    ) -> np.ndarray:
        """Class probabilities ``[…, n, n_out]`` of every member for every row; NaN for members that diverged.

        Arguments are those of `predict`, with ``reduce`` as of outputs; probabilities are those of
        `jfnn.predict_proba`.

        Raises:
            ValueError, TypeError: As in `predict`; or the loss has no probabilities.
        """
        values = predictions.probabilities(self._members(network), x, reduce, self.names)
        return self._in_grid(values) if reduce is None else values

    def row_scores(
        self,
        metric: str | Metric,
        part: str,
        split: Split,
        reduce: str | Reduce | None = None,
        *,
        network: Network | Learner | None = None,
        folds: int | Iterable[object] | Subsets | None = None,
    ) -> np.ndarray:
        """A metric's number of each row and member ``[…, n]``: the loss, 1 for a right answer, ….

        Where each output has a label of its own, the accuracy has 1 or 0 for each, ``[…, n, n_out]``. NaN
        where a member's fold does not have the row in this part, or it weighs 0 there, and for members that
        diverged. The mean over rows is the score of the sweep; not so of metrics of all rows at once, whose
        numbers are squared errors ("r2"), labels ("f1", "balanced_accuracy") or probabilities ("auc").

        Args:
            metric: A name of `jfnn.learners.METRICS` or a `Metric`; of a custom learner, one of its metrics.
            part: "train" or "validation", for all n rows to train on; "all" for these, in whichever part of
                a member's fold they are, and whatever their weight; or "test", for those to test on. Where
                subsets have labels, each member is scored by those of its subset.
            split: The split of the sweep.
            reduce: As in `predict` of outputs; "mean" and "std" are over members that have the row.
            network: As in `predict`; a custom learner as it is.
            folds: The sweep's ``folds``, needed for "train" and "validation" of a loaded result where they
                were no number, and for every part of one whose subsets have labels.

        Raises:
            ValueError, TypeError: As in `predict`; another split or other folds than the sweep's; a part that
                has no rows.
        """
        checks.check_instance(split, Split, "split")
        checks.as_choice(part, "part", (*PARTS, "all"))

        def rows_of_folds(learner: Learner, data: Data) -> PartOfFolds:
            recorded = self.config.get("data", {})
            return predictions.part_of_folds(
                part, split, learner, data, folds, recorded, self.folds, self.origin
            )

        members = self._members(network)
        values = predictions.row_scores(members, metric, part, split, reduce, self.config, rows_of_folds)
        return self._in_grid(values) if reduce is None else values

    def _members(self, network: Network | Learner | answers.Function | None) -> list[ProgramMembers]:
        """The trained members of each program whose parameters answer."""
        return [program._members_of_program(network) for program in self._asked().programs]

    def _in_grid(self, values: np.ndarray) -> np.ndarray:
        """Values with the axis of programs, which those of several have, split into the leading axes."""
        asked = self._asked()
        has_axis = len(asked.runs) > 1
        return values.reshape(*asked._program_shape, *values.shape[has_axis:])

    def _members_of_program(self, network: Network | Learner | answers.Function | None) -> ProgramMembers:
        """The members of this result's program whose parameters were kept, on one axis."""
        model = self._model(network)
        (run,) = self.runs
        if run.params is None:
            raise ArgumentError("keep_params", "expected 'all'; this sweep kept no parameters")
        settings = run.config.get("settings", {})
        cell = run.kept_cell or ()
        everyone = np.arange(self.diverged_at.size).reshape(self.diverged_at.shape)
        diverged_at = np.asarray(self.diverged_at[cell])
        numbers = np.asarray(everyone[cell])
        shape = diverged_at.shape
        diverged = diverged_at >= 0
        if settings.get("keep_params") == "evaluations":
            shape = (*shape, len(self.evaluations))
            numbers = np.repeat(numbers, len(self.evaluations))
            diverged = diverged[..., None] & (diverged_at[..., None] < self.evaluations)
        params = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(shape) :]), run.params)
        floats = [leaf.dtype for leaf in jax.tree.leaves(params) if leaf.dtype.kind == "f"]
        dtype = np.dtype(jax.dtypes.canonicalize_dtype(floats[0] if floats else np.float64))
        selection = MemberSelection(shape, numbers.ravel(), diverged.ravel())
        hyper = self.cells.hyper(settings.get("constants", {}), self.diverged_at.size, dtype)
        hyper = {name: values[selection.indices] for name, values in hyper.items()}
        return ProgramMembers(model, params, hyper, selection, dtype)

    def _model(self, network: Network | Learner | answers.Function | None) -> answers.Model:
        """The learner or function that answers for the members, by the argument or by the run."""
        if network is not None and not isinstance(network, Network):
            if not isinstance(network, Learner) and not callable(network):
                raise ArgumentTypeError("network", f"expected a jfnn.Network, got {checks.shown(network)}")
            if isinstance(network, Supervised):  # the run's targets decide what its outputs mean
                described = self.config.get("settings", {}).get("learner", {})
                model = of_targets(network) if self.of_targets else network
                return dataclasses.replace(model, multilabel=described.get("multilabel", False) is True)
            return network
        if self.origin is None:
            reason = "expected jfnn.supervised(network, loss), since this result has none"
            raise ArgumentError("network", reason)
        return self.origin.learner(network)

    def to_dict(self) -> dict[str, np.ndarray]:
        """Columns with one value a member, ready for ``pandas.DataFrame``.

        The axes, "seed", "fold" with folds, the name of subsets, every score, "diverged_at", "stopped_at",
        "pruned" (0 or 1), "epochs" (trained).
        """
        cells = self.cells.columns()
        replicates = {"seed": np.atleast_1d(self.seeds)}
        if self.folds is not None:
            replicates["fold"] = np.arange(self.folds)
        numbers = np.arange(int(np.prod(self.cell_shape)))
        indices = np.meshgrid(numbers, *replicates.values(), indexing="ij")
        table = {name: values[indices[0]].ravel() for name, values in cells.items()}
        table |= {name: values.ravel() for name, values in zip(replicates, indices[1:], strict=True)}
        table |= {name: values[table["fold"]] for name, values in self.subset_values.items()}
        table |= {name: values.ravel() for name, values in self.scores.items()}
        outcomes = [self.diverged_at, self.stopped_at, self.pruned.astype(int), self.epochs]
        return table | {name: values.ravel() for name, values in zip(OUTCOMES, outcomes, strict=True)}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the columns of `to_dict` as CSV, one row a member; NaN is written "nan"."""
        run_directory.write_table(run_directory.as_output_file(path, "path"), self.to_dict(), "path")

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Writes config.json, results.csv, results.npz and, if parameters were kept, models.npz.

        `refit` goes into a directory of this name in there, and so does each of several `programs`, by its
        network and batch size. Equal results give equal .npz files, byte for byte. `jfnn.load` reads them
        back.

        Raises:
            ValueError: The directory holds another run, or parameters of this one that this result lacks, or
                another process or thread writes there; or an axis has the name of a column of results.csv.
            TypeError: The parameters are not made of arrays in lists, tuples and dicts.
        """
        out = paths.as_path(directory, "directory")
        names = run_directory.program_names(self.program_axes)
        described = {name: run.config for name, run in zip(names, self.runs, strict=True)}
        if self.refit is not None:
            described[run_directory.REFIT] = self.refit.config
        with run_directory.claimed(out, self.program_axes, described, resume=True):
            for name, run in zip(names, self.runs, strict=True):
                run_directory.check_keeps(out / name, run.params, run.kept_cell)
            for name, program in zip(names, self.programs, strict=True):
                write_program(program, out / name)
            if self.leading:
                run_directory.write_table(out / run_directory.TABLE, self.to_dict())
        if self.refit is not None:
            self.refit.save(out / run_directory.REFIT)


# Fields that are written, and those of them that have an array, or several by name, with a number a member.
KEPT = run_directory.declared(SweepResult) | run_directory.declared(ProgramRun)
OF_MEMBERS = [name for name, kept in KEPT.items() if kept.axes is not None and GRID in kept.axes]


def write_program(result: SweepResult, directory: Path) -> None:
    """Writes the result of one program into its directory, which is this run's."""
    run_directory.write(directory, vars(result) | vars(result.runs[0]), KEPT, result.to_dict())


def map_members(function: Callable[..., np.ndarray], *results: SweepResult) -> dict[str, Any]:
    """A function of each array of results that has a number a member, as fields of a result."""

    def mapped(first: Any, *others: Any) -> Any:
        if isinstance(first, dict):
            return {name: mapped(array, *(other[name] for other in others)) for name, array in first.items()}
        return None if first is None else np.asarray(function(first, *others))

    return {name: mapped(*(getattr(result, name) for result in results)) for name in OF_MEMBERS}


def with_run(result: SweepResult, **changes: Any) -> SweepResult:
    """A result of one program with changes of its `ProgramRun`."""
    (run,) = result.runs
    return dataclasses.replace(result, runs=(dataclasses.replace(run, **changes),))


def as_trained(result: SweepResult) -> Trained:
    """The members of a result of one program, for a run that goes on with them.

    Raises:
        ValueError: It has not kept the last parameters of all members.
    """
    evaluations = result.config.get("settings", {}).get("keep_params") == "evaluations"
    if result.params is None or result.kept_cell is not None or evaluations:
        reason = "expected a result with the last parameters of all members, of keep_params='all'"
        raise ArgumentError("initial_params", reason)
    ended = Ended(result.diverged_at, result.stopped_at, result.pruned)
    return Trained(result.params, result._axes_of_members(), ended, result.epochs)


def combined(axes: Mapping[str, np.ndarray], programs: Sequence[SweepResult]) -> SweepResult:
    """The results of several programs as one, with leading axes.

    Histories are as long as the longest, NaN behind the end of a shorter one; terms that a program lacks are
    NaN.

    Args:
        axes: Name of each leading axis -> its values.
        programs: A result for each combination of these values, in C order, all of the same cells, seeds,
            folds and metrics.
    """
    if not axes:
        return programs[0]
    first = programs[0]
    lengths = [len(values) for values in axes.values()]
    evaluations = max((program.evaluations for program in programs), key=len)
    terms = dict.fromkeys(name for program in programs for name in program.terms)

    def filled_up(program: SweepResult) -> SweepResult:
        missing = len(evaluations) - len(program.evaluations)

        def longer(history: np.ndarray) -> np.ndarray:
            behind = [(0, 0)] * (history.ndim - 1) + [(0, missing)]
            return np.pad(history, behind, constant_values=np.nan)

        history = {name: longer(program.history[name]) for name in first.history}
        unknown = np.full_like(program.objective, np.nan)
        known = {name: program.terms.get(name, unknown) for name in terms}
        part = with_run(program, evaluated=len(program.evaluations))
        return dataclasses.replace(part, history=history, terms=known)

    def stacked(*arrays: np.ndarray) -> np.ndarray:
        return np.stack(arrays).reshape(*lengths, *arrays[0].shape)

    parts = [filled_up(program) for program in programs]
    return dataclasses.replace(
        first,
        **map_members(stacked, *parts),
        axes={**axes, **first.axes},
        evaluations=evaluations,
        refit=None,
        leading=len(axes),
        runs=tuple(run for part in parts for run in part.runs),
    )


def _common(one: Json, other: Json, levels: int = 2) -> Json:
    """The entries that are equal in two configurations, in mappings too down to some levels."""
    common: Json = {}
    for name, value in one.items():
        counterpart = other.get(name)
        if levels and isinstance(value, dict) and isinstance(counterpart, dict):
            common[name] = _common(value, counterpart, levels - 1)
        elif value == counterpart:
            common[name] = value
    return common
