"""The result of a sweep: scores, histories, trained parameters and their predictions."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import field
from html import escape
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, paths, suggestions
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.named import Named
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import axis_text, name_text, number_text, value_text
from jfnn.arguments.types import Json
from jfnn.core.engine.blocks import Reduce
from jfnn.core.engine.cohort import PARTS, Ended
from jfnn.core.experiment.axes import Axes, as_index
from jfnn.core.experiment.continuing import Trained
from jfnn.core.experiment.refit import Simplest
from jfnn.core.experiment.settings import Execution
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.search import predictions, run_directory
from jfnn.core.search.doubts import at_chance, best_at_ends, nothing_learned
from jfnn.core.search.predictions import Folds
from jfnn.core.search.run_directory import GRID, OUTCOMES, kept, kept_plain
from jfnn.core.search.runs import Members, ProgramRun, common_entries
from jfnn.learners import answers
from jfnn.learners.learner import OTHER_METRICS, Learner, Metric
from jfnn.learners.of_targets import SEVERAL_TARGETS
from jfnn.network import Network
from jfnn.split import Names, Split

SHOWN = 5  # maximum number of cells shown in a notebook
# Mapping of a result -> hint for a name that is missing from it.
OTHERS = {
    "scores": OTHER_METRICS,
    "history": "Execution(eval_every=1) records the history of every score",
    "terms": "Execution(objective=True) records the terms named by terms=[…] of jfnn.learner",
}


@dataclasses.dataclass(frozen=True)
class Best:
    """The best cell of a grid.

    Attributes:
        index: Index on every axis except seeds and folds.
        axes: Name -> value on each of these axes.
        score: The score named by ``ranked_by``, averaged over seeds and folds.
        doubts: Sentences shown below the cell: no cell beats a constant prediction, some cells stayed at
            chance, or the best is at an axis end.
    """

    index: tuple[int, ...]
    axes: dict[str, Any]
    score: float
    ranked_by: str
    doubts: tuple[str, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        """Return the cell on one line and each doubt on a line of its own."""
        names = ("index", "axes", "score", "ranked_by")
        fields = ", ".join(f"{name}={vars(self)[name]!r}" for name in names)
        return "\n".join([f"Best({fields})", *self.doubts])

    def _repr_html_(self) -> str:
        """Return the hyperparameters, the score and the doubts, for notebooks."""
        names = [axis_text(name) for name in self.axes]
        values = [value_text(name, value) for name, value in self.axes.items()]
        table = html_table([[*names, name_text(self.ranked_by)], [*values, f"{self.score:.4g}"]])
        return table + "".join(f"<p>{escape(doubt)}</p>" for doubt in self.doubts)


def none_ranks(result: SweepResult) -> str:
    """Explain that a result has no best cell, and what to change."""
    origin = result.runs[0].origin
    cure = "try smaller learning rates" if origin is None or not origin.advice else origin.advice
    return f"no best cell: every cell diverged with some seed or was pruned; {cure}"


def _is_metrics(value: object) -> bool:
    return type(value) is dict and all(type(higher) is bool for higher in value.values())


# Attributes of scikit-learn's searches, and guesses -> the expression to use, for a result named ``result``.
INSTEAD = {
    "best_params_": "result.best().axes",
    "best_score_": "result.best().score",
    "best_index_": "result.best().index",
    "best_estimator_": "result.refit, with refit=True",
    "cv_results_": "result.to_dict(), or jfnn.analysis.tidy(result)",
    "plot": "jfnn.plots.heat_map(result)",
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """Scores and trained parameters of every member of a grid.

    Arrays have the shape of the grid: one axis per hyperparameter in the order of ``axes`` (learning rate E,
    L2 penalty L, …), then the seeds S and, with cross-validation, the folds F: ``[E, L, S, F]``. Cells that
    were drawn or listed share one axis: ``[n, S]``. Axes of several networks or batch sizes come first. The
    result of `jfnn.train`, which trains one member, has no axes: scores are numbers, ``params`` the member's.

    Axes and scores are also attributes: ``result.l2`` is ``result.axes["l2"]``, ``result.test_accuracy`` is
    ``result.scores["test_accuracy"]``. Each combination of a network and a batch size is a program; `program`
    returns its result.

    Attributes:
        axes: Name -> values. With several networks or batch sizes, "network" (names), or the axes of
            `jfnn.Networks`, and "batch_size" (0 for all rows) come first; then float64 hyperparameters,
            "learning_rate" and "l2" first. Listed cells have n values of each hyperparameter.
        seeds: ``[S]``.
        folds: Number of folds, or None without folds.
        scores: "train_loss", "test_accuracy", …: each metric on each part of the data ("train", "validation",
            "test"), NaN where a member diverged or the part has no rows. Losses are mean data losses per row,
            without penalty.
        metrics: Name of each metric -> whether higher is better; the loss comes first.
        diverged_at: Epoch, counted from 0, in which the values that a member trains, or the objective before
            its last step, were no longer finite; -1 for never. The member keeps its parameters from before
            that epoch. Scores are also NaN where only the loss of these parameters overflows.
        stopped_at: Epochs completed when a scheduler stopped the member; -1 for never.
        pruned: Whether a scheduler or a race excluded the member's cell from the ranking.
        epochs: Epochs that the member's parameters were trained for.
        evaluations: Epochs completed at each evaluation of the history ``[H]``.
        history: Name of a score -> ``[E, L, S, H]``, if recorded.
        objective: Mean objective over the steps of each epoch ``[E, L, S, epochs]``, NaN where a member did
            not train; None if not recorded.
        terms: Further numbers that a loss returns, name -> means recorded with ``objective`` in its shape;
            NaN for networks whose loss does not return them.
        ranked_by: Score that ranks cells, such as "validation_accuracy": on held-out rows if there are any,
            otherwise on test rows, or on training rows without test rows.
        crossed: Whether cells are all combinations of values, rather than drawn or listed cells on one axis.
        subset_values: Name of the axis of `jfnn.subsets.Subsets` -> its values ``[F]``, if it has a name.
        refit: The best cell (or the simplest) trained again on all training rows, a sweep of one cell; or
            several cells on one axis, best first; or None. It has no test scores if `jfnn.Refit` trained on
            test rows.
        names: What the numbers in the data represent (columns, classes, units); empty if not given.
        runs: ``key``, ``params``, ``kept_cell``, ``config``, ``timing`` and ``origin`` of each program, in C
            order of the leading axes. ``result.program(**run.key)`` is the result of a run's program.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> split = jfnn.Split(x, y)
        >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
        >>> result.scores["train_loss"].shape  # learning rates, seeds
        (2, 1, 5)
        >>> result.ranked_by
        'train_accuracy'
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
    runs: tuple[ProgramRun, ...] = field(default_factory=lambda: (ProgramRun(),))

    def __post_init__(self) -> None:
        for name, others in OTHERS.items():
            object.__setattr__(self, name, Named(getattr(self, name), name, others))

    def __getattr__(self, name: str) -> np.ndarray:
        """Return an axis or a score by its name."""
        fields = vars(self)
        arrays = {**fields.get("axes", {}), **fields.get("scores", {})}
        if name in arrays:
            return np.asarray(arrays[name])
        reason = f"a sweep's result has no attribute {name!r}"
        if name.startswith("_"):  # programs look up such names, readers do not misspell them
            raise AttributeError(reason)
        advice = {known: f"did you mean {known!r}?" for known in (*arrays, *dir(type(self)), *fields)}
        advice |= {other: f"use {instead}" for other, instead in INSTEAD.items()}
        near = suggestions.nearest(name, advice)
        cure = f"axes and scores are {', '.join(arrays)}; {OTHER_METRICS}" if near is None else advice[near]
        raise AttributeError(f"{reason}; {cure}")

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the learner, whose functions may not be picklable."""
        runs = tuple(dataclasses.replace(run, origin=None) for run in self.runs)
        return {**vars(self), "runs": runs}

    def __repr__(self) -> str:
        """Return the axes and the best cell, and each doubt about it on a line of its own."""
        best = self.best_or_none()
        best_text = f"best {self.ranked_by} {best.score:.6g} at {best.axes}" if best else "no cell ranks"
        doubts = best.doubts if best else ()
        return "\n".join([f"<SweepResult of {self.members_text()};\n {best_text}>", *doubts])

    def _repr_html_(self) -> str:
        """Return a table of the best cells, for notebooks; scores are means with minimum and maximum."""
        pruned = self.pruned_cells
        order = [index for index in self.order() if not pruned[index]]
        if not order:
            return f"<p>{self.members_text()}</p><p>{escape(none_ranks(self))}</p>"
        higher = self.higher_is_better()
        means = self.cell_scores()
        rows = [["", *map(axis_text, self.axes), name_text(self.ranked_by)]]
        for rank, index in enumerate(order[:SHOWN], 1):
            values = self.scores[self.ranked_by][index].ravel()
            score = number_text(float(means[index]), higher)
            if values.size > 1:
                least = number_text(float(values.min()), higher)
                most = number_text(float(values.max()), higher)
                score = f"{score} ({least} to {most})"
            texts = [value_text(name, value) for name, value in self.axes_at(index).items()]
            rows.append([f"{rank}.", *texts, score])
        doubts = "".join(f"<p>{escape(doubt)}</p>" for doubt in self.best().doubts)
        return f"<p>{self.members_text()}</p>{html_table(rows)}{doubts}"

    def members_text(self) -> str:
        """Count members, diverged ones, and values on each axis: "12 members (2 diverged): l2 3, …"."""
        size = self.diverged_at.size
        diverged = int((self.diverged_at >= 0).sum())
        count = f"{size} member{'s' * (size > 1)}{f' ({diverged} diverged)' * (diverged > 0)}"
        lengths = [f"{name} {length}" for name, length in self._axes_of_members()]
        return f"{count}: {', '.join(lengths)}" if lengths else count

    def _axes_of_members(self) -> list[tuple[str, int]]:
        """Return the name and length of each axis of the grid, including seeds and folds."""
        axes = [*self.cells.lengths.items()]
        axes += [("seeds", len(self.seeds))] if self.seeds.ndim else []
        return axes if self.folds is None else [*axes, ("folds", self.folds)]

    @property
    def params(self) -> Any:
        """Trained parameters with the grid's axes in front on every leaf, or as ``keep_params`` specifies.

        Nested lists with an entry per program if there are several, unless only one cell was kept; or None.
        """
        cell = self.kept_cell
        if cell is not None:
            return self.runs[self._number(cell)].params
        params = [run.params for run in self.runs]
        if any(each is None for each in params):
            return None
        for length in reversed(self._program_shape):
            params = [params[first : first + length] for first in range(0, len(params), length)]
        return params[0]

    @property
    def kept_cell(self) -> tuple[int, ...] | None:
        """Index of the only cell (the best one of several programs) whose parameters were kept, or None."""
        places = zip(np.ndindex(*self._program_shape), self.runs, strict=True)
        kept = [(*place, *run.kept_cell) for place, run in places if run.kept_cell is not None]
        if not kept:
            return None
        costs = self._costs()
        return min(kept, key=lambda index: costs[index])

    @property
    def config(self) -> Json:
        """Settings, data checksums, versions, device, and the "fingerprint" of what determines the result.

        With several programs, the entries that they share.
        """
        return functools.reduce(common_entries, (run.config for run in self.runs))

    @property
    def timing(self) -> dict[str, float]:
        """Seconds since the run began or was resumed, "compile" and "run", summed over programs."""
        names = self.runs[0].timing
        return {name: sum(run.timing.get(name, 0.0) for run in self.runs) for name in names}

    @property
    def execution(self) -> Execution:
        """The layout of tiles, on which the last bits depend: with it `jfnn.train` reproduces any member.

        Raises:
            ValueError: The result has several programs; use that of one `program`.
        """
        if self.runs[0].key:
            raise ArgumentError("execution", "the layout differs between programs; see result.program(…)")
        settings = self.config["settings"]
        batches = settings["minibatches"]
        pads = batches != "given" and batches["scheme"] == "full" and not batches["drop_last"]
        padded = batches["batch_size"] if pads else None
        return Execution(tile=settings["tile"], shared=settings["shared"], padded=padded)

    @property
    def of_targets(self) -> bool:
        """Whether each subset learned one of several targets, as with `jfnn.subsets.targets`."""
        return self.config.get("settings", {}).get("learner", {}).get(SEVERAL_TARGETS) is True

    @property
    def cells(self) -> Axes:
        """The axes of the grid, or the axis of listed cells."""
        return Axes(self.axes, crossed=self.crossed, leading=len(self.runs[0].key))

    @property
    def cell_shape(self) -> tuple[int, ...]:
        """Shape of a per-cell array: ``(E, L, …)``, or ``(n,)`` for listed cells."""
        return self.cells.shape

    @property
    def pruned_cells(self) -> np.ndarray:
        """Whether a scheduler or a race excluded each cell from the ranking ``[E, L, …]``."""
        return np.asarray(self.pruned.reshape(*self.cell_shape, -1).any(axis=-1))

    @property
    def ranking_metric(self) -> str:
        """The metric that ranks cells, such as "accuracy"."""
        return self.ranked_by.partition("_")[2]

    def higher_is_better(self, name: str | None = None) -> bool:
        """Return whether higher is better for a score, such as "test_accuracy"; None for `ranked_by`."""
        return self.metrics[self.named(name).partition("_")[2]]

    def named(self, score: str | None, argument: str = "name") -> str:
        """Check and return the name of a score; None for `ranked_by`.

        Example:
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> result.cell_scores("train_loss").shape
            (2, 1)
        """
        if score is None:
            return self.ranked_by
        return checks.as_choice(score, argument, self.scores, OTHER_METRICS)

    def axes_at(self, index: tuple[int, ...]) -> dict[str, Any]:
        """Return the value of a cell on every axis, name -> value."""
        return self.cells.at(as_index(index, self.cells.lengths.items(), "index"))

    def cell_means(self, members: np.ndarray) -> np.ndarray:
        """Average one number per member ``[…, E, L, S]`` over seeds and folds: ``[…, E, L]``."""
        leading = members.shape[: members.ndim - self.diverged_at.ndim]
        return np.asarray(members.reshape(*leading, *self.cell_shape, -1).mean(axis=-1))

    def cell_scores(self, name: str | None = None) -> np.ndarray:
        """Return a score averaged over seeds and folds ``[E, L, …]``; NaN if any member of a cell diverged.

        Args:
            name: The score, such as "test_accuracy"; None for `ranked_by`.
        """
        return self.cell_means(self.scores[self.named(name)])

    def ranked(self, values: np.ndarray) -> np.ndarray:
        """Return cell values ``[…, E, L]`` with NaN for cells that a scheduler excluded from the ranking."""
        return np.where(self.pruned_cells, np.nan, values)

    def order(self, name: str | None = None) -> list[tuple[int, ...]]:
        """Return the indices of the cells from best to worst score; ties keep their order in the grid.

        Pruned cells come last, latest stopped first. Cells that diverged with any seed or fold are
        omitted.

        Args:
            name: The score, such as "test_accuracy"; None for `ranked_by`.

        Example:
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> best = result.best()
            >>> best.axes, best.index
            ({'learning_rate': 0.1, 'l2': 0.0}, (1, 0))
        """
        costs = self._costs(name).ravel()
        pruned = self.pruned_cells.ravel()
        last = self.stopped_at.reshape(pruned.size, -1).max(axis=-1)
        order = np.lexsort((costs, np.where(pruned, -last, 0), pruned))  # the last key is the primary one
        indices = np.indices(self.cell_shape).reshape(-1, pruned.size).T
        return list(map(tuple, indices[order[np.isfinite(costs[order])]].tolist()))

    def _costs(self, name: str | None = None) -> np.ndarray:
        """Return a score of each cell, with its sign changed if higher is better."""
        sign = -1 if self.higher_is_better(name) else 1
        return sign * self.cell_scores(name)

    def best(self, rule: Simplest | None = None) -> Best:
        """Return the best cell by `ranked_by`, averaged over seeds and folds, or the cell chosen by a rule.

        Cells that diverged with any seed or fold, or were pruned, do not rank; ties go to the first cell.
        Without held-out rows, cells are ranked on test rows, whose score is then optimistic.

        Args:
            rule: None for the best mean; a `jfnn.Simplest` for the simplest cell within the noise of the
                best.

        Raises:
            ValueError: No cell ranks; the rule names other axes, or there is only one seed and no fold.
        """
        best = self.best_or_none(rule)
        if best is None:
            raise ValueError(none_ranks(self))
        return best

    def best_or_none(self, rule: Simplest | None = None) -> Best | None:
        """Return the same as `best`, or None if no cell ranks."""
        if rule is not None and not isinstance(rule, Simplest):
            got = f"{checks.as_text(rule)}; to rank by another metric, give sweep jfnn.Validation(rank_by=…)"
            raise ArgumentTypeError("rule", f"expected a jfnn.Simplest, got {got}")
        order = self.order()
        if not order or self.pruned_cells[order[0]]:
            return None
        index = order[0] if rule is None else self._choose(rule)
        score = float(self.cell_scores()[index])
        doubts = self._doubts(index) if rule is None else ()
        return Best(index, self.axes_at(index), score, self.ranked_by, doubts)

    def _doubts(self, index: tuple[int, ...]) -> tuple[str, ...]:
        """Return doubts about the best cell; see `Best`.

        The share of the most frequent class is known only if `Origin` has it. R² is not used with subsets,
        where a single outlier can dominate the average.
        """
        part, _, metric = self.ranked_by.partition("_")
        found: tuple[str, ...] = ()
        stuck: tuple[str, ...] = ()
        origin = self.runs[0].origin
        advice = "" if origin is None else origin.advice
        if metric == "accuracy" and origin is not None and origin.most_frequent is not None:
            share = origin.most_frequent
            found = nothing_learned(
                self.ranked(self.cell_scores()), share, "the most frequent class alone", advice
            )
            by_seed = self.scores[self.ranked_by].reshape(*self.cell_shape, self.seeds.size, -1).mean(axis=-1)
            by_seed = np.where(self.pruned_cells[..., None], np.nan, by_seed)
            stuck = at_chance(by_seed, share, advice)
        elif metric in ("loss", "r2") and "r2" in self.metrics and not self.subset_values:
            explained = self.ranked(self.cell_scores(f"{part}_r2"))
            found = nothing_learned(explained, 0.0, "the mean of the targets", advice)
        sign = 1 if self.higher_is_better() else -1
        gains = sign * self.scores[self.ranked_by].reshape(*self.cell_shape, -1)
        return found or (*stuck, *best_at_ends(self.cells, gains, index))

    def _choose(self, rule: Simplest) -> tuple[int, ...]:
        """Return the index of the cell that a rule chooses."""
        places = np.indices(self.cell_shape).reshape(-1, self.pruned_cells.size)
        # Words and batch sizes are ordered as given; their axes are axes of programs, which come first.
        columns = self.cells.columns() | {
            name: place
            for (name, values), place in zip(self.cells.programs.items(), places, strict=False)
            if name == "batch_size" or values.dtype.kind == "U"
        }
        members = self.scores[self.ranked_by].reshape(self.pruned_cells.size, self.seeds.size, -1)
        runs = members.mean(axis=1) if members.shape[-1] > 1 else members[..., 0]
        rule.check(columns, runs.shape[-1], "rule")
        sign = -1 if self.higher_is_better() else 1
        number = rule.choose(columns, self.ranked(self._costs()).ravel(), sign * runs)
        return tuple(places[:, number].tolist())

    def program(self, **values: Any) -> SweepResult:
        """Return the result of one program: ``program(network="50-50", batch_size=100)``, ``(width=50)``.

        Args:
            **values: Name of each leading axis -> one of its values; for "batch_size", 0 or None means all
                rows.

        Raises:
            ValueError: No such axis or value.
        """
        key: dict[str, Any] = {}
        for name in self.runs[0].key:
            choices = self.axes[name].tolist()
            value = values.pop(name, None)
            value = 0 if value is None and name == "batch_size" else value
            is_one = isinstance(value, str | int | float | np.number) and not isinstance(value, bool)
            if not is_one or value not in choices:
                raise ArgumentError(
                    name, f"expected one of {checks.as_text(choices)}, got {checks.as_text(value)}"
                )
            key[name] = value
        if values:
            expected = ", ".join(key) or "no axis, since this result has one program"
            raise ArgumentError(next(iter(values)), f"expected {expected}")
        number = [run.key for run in self.runs].index(key)
        run = self.runs[number]
        place = np.unravel_index(number, self._program_shape)
        fields = map_members(lambda array: array[place], self)
        fields["axes"] = {name: known for name, known in self.axes.items() if name not in key}
        fields["evaluations"] = self.evaluations[: run.evaluated]
        fields["history"] = {name: known[..., : run.evaluated] for name, known in fields["history"].items()}
        runs = (dataclasses.replace(run, key={}, evaluated=None),)
        return dataclasses.replace(self, **fields, refit=None, runs=runs)

    @property
    def _program_shape(self) -> tuple[int, ...]:
        """Lengths of the leading axes, on which the programs lie."""
        return self.cell_shape[: len(self.runs[0].key)]

    def _number(self, index: tuple[int, ...]) -> int:
        """Return the number of the program of a cell or a member."""
        shape = self._program_shape
        return int(np.ravel_multi_index(index[: len(shape)], shape))

    def member(self, *index: int) -> Any:
        """Return the parameters of one member, by its index on every axis: ``member(i, j, s)``.

        Raises:
            ValueError: Its parameters were not kept, or there is no such member.
        """
        axes = self._axes_of_members()
        replicates = axes[len(self.cell_shape) :]
        numbers = "".join(f", {name[:-1]}" for name, _ in replicates)
        cure = (
            f"; for a member of a cell, use member(*index{numbers})"
            if len(index) == len(axes) - len(replicates)
            else ""
        )
        index = as_index(index, axes, "member", from_the_end=True, cure=cure)
        self._check_kept(index, "member")
        run = self.runs[self._number(index)]
        behind = index[len(run.key) + len(run.kept_cell or ()) :]
        return jax.tree.map(lambda leaf: leaf[behind], run.params)

    def of_cell(self, *index: int) -> SweepResult:
        """Return this result with the parameters of only one cell: ``of_cell(*result.best().index)``.

        `predict` and similar methods then use only this cell's networks; scores remain those of all cells.
        The result is what ``keep_params="best"`` returns, for any cell.

        Raises:
            ValueError: Its parameters were not kept, or there is no such cell.

        Example:
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> result.predict(x).shape  # learning rates, seeds, rows
            (2, 1, 5, 4)
            >>> result.predict(x, reduce="vote").shape
            (4,)
        """
        index = as_index(index, self.cells.lengths.items(), "of_cell", from_the_end=True)
        self._check_kept(index, "of_cell")
        if self.kept_cell is not None:
            return self
        number = self._number(index)
        cell = index[len(self.runs[number].key) :]
        params = jax.tree.map(lambda leaf: leaf[cell], self.runs[number].params)
        runs = [dataclasses.replace(run, params=None) for run in self.runs]
        runs[number] = dataclasses.replace(runs[number], params=params, kept_cell=cell)
        return dataclasses.replace(self, runs=tuple(runs))

    def _check_kept(self, index: tuple[int, ...], argument: str) -> None:
        """Raise ValueError if the parameters of a cell, or of its member, were not kept.

        Example:
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> result.predict_proba(x).shape  # learning rates, seeds, rows, classes
            (2, 1, 5, 4, 2)
        """
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
        """Return every member's predictions: labels ``[…, n]``, or labels or outputs ``[…, n, n_out]``.

        The leading axes are the grid's, or the seeds and folds of the kept cell, then any axis of evaluations
        at which parameters were kept. As in `jfnn.predict`, labels are one class per row, or 0 or 1 for each
        output if the targets had several labels per row (see `jfnn.supervised`); they are -1 for members that
        diverged and for outputs that are not finite. Regression returns outputs, NaN for diverged members.

        Args:
            x: Inputs ``[n, …]`` as the networks take them, scaled if the training rows were. If the split
                named its columns (`jfnn.datasets.split_table`, `jfnn.datasets.standardize`, ``jfnn grid`` on
                a .csv file), also a data frame or a mapping of columns, with these names and units; labels
                are then words ("" for -1) and outputs have the targets' units.
            reduce: None for all values. For labels, "vote" for the most frequent (ties go to the smallest) or
                "mean" for the label of the mean probabilities (mean outputs if the loss has none). For
                outputs, "mean" or "std" over members, ignoring NaN; with the loss "gaussian", "mean" is the
                mean and the standard deviation of the members' mixture. Or a function ``(values [members,
                rows, …], axis=0)`` such as `numpy.median`, which receives the members that did not diverge
                and blocks of 256 rows, the last padded with zeros. It may replace the axis of members by
                another one, as quantiles do. Of parameters kept at several evaluations, only the last are
                reduced.
            network: The network, if the result was loaded without it because it uses custom functions; with a
                custom loss ``jfnn.supervised(network, loss)``; for a custom learner a function ``(params, x)
                -> outputs [n, …]`` of one member. If there are several networks, call `predict` of the
                result of each `program`.

        Raises:
            ValueError, TypeError: No parameters were kept; the network is missing or is another one; invalid
                inputs; with ``reduce``, every member diverged; without it, the values do not fit into memory.

        Example:
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> result.row_scores("loss", "train", split).shape  # learning rates, seeds, rows
            (2, 1, 5, 4)
        """
        return predictions.predict(self._members(network, reduce), x, reduce, self.metrics, self.names)

    def predict_proba(
        self, x: ArrayLike, reduce: str | Reduce | None = None, network: Network | Learner | None = None
    ) -> np.ndarray:
        """Return every member's class probabilities ``[…, n, n_out]``; NaN for members that diverged.

        Arguments are those of `predict`, with ``reduce`` as for outputs; see `jfnn.predict_proba`.

        Raises:
            ValueError, TypeError: As in `predict`; or the loss has no probabilities.
        """
        return predictions.probabilities(self._members(network, reduce), x, reduce, self.names)

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
        """Return a metric for each row and member ``[…, n]``: the loss, 1 for a correct label, ….

        If each output has its own label, the accuracy is 1 or 0 for each output ``[…, n, n_out]``. Values are
        NaN where a member's fold lacks the row in this part, where the row weighs 0, and for members that
        diverged. The mean over rows is the sweep's score, except for metrics of all rows at once, which
        return squared errors ("r2"), labels ("f1", "balanced_accuracy") or probabilities ("auc").

        Args:
            metric: A name from `jfnn.learners.METRICS` or a `Metric`; for a custom learner, one of its
                metrics.
            part: "train" or "validation", with an entry for each of the n training rows; "all" for these rows
                in either part and with any weight; or "test". Labels of subsets replace the split's.
            split: The split of the sweep.
            reduce: As in `predict` for outputs; "mean" and "std" cover the members that have the row, at the
                last evaluation.
            network: As in `predict`; for a custom learner, the learner itself.
            folds: The sweep's ``folds``. A loaded result needs them for "train" and "validation" unless they
                were a number, and for every part if subsets have labels.

        Raises:
            ValueError, TypeError: As in `predict`; another split or other folds; a part without rows.

        Example:
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> table = result.to_dict()
            >>> table["learning_rate"].tolist()
            [0.001, 0.001, 0.001, 0.001, 0.001, 0.1, 0.1, 0.1, 0.1, 0.1]

        Example:
            >>> import tempfile
            >>> import jfnn
            >>> x, y = jfnn.datasets.xor_gate()
            >>> network = jfnn.mlp((2, 8, 2))
            >>> split = jfnn.Split(x, y)
            >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     result.save(directory + "/run")
            ...     loaded = jfnn.load(directory + "/run")
            >>> loaded.best().axes == result.best().axes
            True
        """
        checks.check_instance(split, Split, "split")
        checks.as_choice(part, "part", (*PARTS, "all"))
        members = self._members(network, reduce)
        given = Folds(folds, self.folds, self.runs[0].origin)
        return predictions.row_scores(members, metric, part, split, reduce, self.config, given)

    def _members(
        self, network: Network | Learner | answers.Function | None, reduce: str | Reduce | None
    ) -> Members:
        """Return the trained members of the programs, or of the kept cell's program alone.

        A reduction covers the last evaluation only: the others hold the same networks before the end of
        their training.
        """
        cell = self.kept_cell
        runs = self.runs if cell is None else [self.runs[self._number(cell)]]
        members = []
        for run in runs:
            part = self.program(**run.key)
            one = run.members(network, part.cells, part.diverged_at, part.evaluations, reduce is not None)
            members.append(one)
        return Members(members, self._program_shape if cell is None else ())

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return columns with one value per member, ready for ``pandas.DataFrame``.

        The columns are the axes, "seed", "fold" (with folds), the axis of subsets, every score,
        "diverged_at", "stopped_at", "pruned" (0 or 1) and "epochs" (trained).
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
        """Write the columns of `to_dict` as CSV, one row per member; NaN is written as "nan"."""
        run_directory.write_table(run_directory.as_output_file(path, "path"), self.to_dict(), "path")

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write config.json, results.csv, results.npz and, if parameters were kept, models.npz.

        `refit` goes into a subdirectory of that name, and each of several programs into one named after its
        network and batch size. Equal results give byte-identical .npz files. `jfnn.load` reads them back.

        Raises:
            ValueError: The directory holds another run, or parameters of this run that this result lacks;
                another process or thread is writing there; or an axis has the name of a column of
                results.csv.
            TypeError: The parameters are not arrays in lists, tuples and dicts.
        """
        out = paths.as_path(directory, "directory")
        axes = self.cells.programs
        names = run_directory.program_names(axes)
        described = {name: run.config for name, run in zip(names, self.runs, strict=True)}
        if self.refit is not None:
            described[run_directory.REFIT] = self.refit.config
        with run_directory.claim(out, axes, described, resume=True):
            for name, run in zip(names, self.runs, strict=True):
                run_directory.check_keeps(out / name, run.params, run.kept_cell)
            for name, run in zip(names, self.runs, strict=True):
                write_program(self.program(**run.key), out / name)
            if axes:
                run_directory.write_table(out / run_directory.TABLE, self.to_dict())
        if self.refit is not None:
            self.refit.save(out / run_directory.REFIT)


# Saved fields, and the names of the saved fields with one number per member (an array or a dict of arrays).
KEPT = run_directory.declared_fields(SweepResult) | run_directory.declared_fields(ProgramRun)
OF_MEMBERS = [name for name, kept in KEPT.items() if kept.axes is not None and GRID in kept.axes]


def write_program(result: SweepResult, directory: Path) -> None:
    """Write the result of one program to its directory."""
    run_directory.write(directory, vars(result) | vars(result.runs[0]), KEPT, result.to_dict())


def map_members(function: Callable[..., np.ndarray], *results: SweepResult) -> dict[str, Any]:
    """Apply a function to every array of results with one number per member; return fields of a result."""

    def mapped(first: Any, *others: Any) -> Any:
        if isinstance(first, dict):
            return {name: mapped(array, *(other[name] for other in others)) for name, array in first.items()}
        return None if first is None else np.asarray(function(first, *others))

    return {name: mapped(*(getattr(result, name) for result in results)) for name in OF_MEMBERS}


def with_run(result: SweepResult, **changes: Any) -> SweepResult:
    """Return a result of one program with changes to its `ProgramRun`."""
    (run,) = result.runs
    return dataclasses.replace(result, runs=(dataclasses.replace(run, **changes),))


def as_trained(result: SweepResult) -> Trained:
    """Return the members of a one-program result, for a run that trains them further.

    Raises ArgumentError if the final parameters of some members were not kept.
    """
    evaluations = result.config.get("settings", {}).get("keep_params") == "evaluations"
    if result.params is None or result.kept_cell is not None or evaluations:
        reason = "expected a result with the final parameters of all members (keep_params='all')"
        raise ArgumentError("initial_params", reason)
    ended = Ended(result.diverged_at, result.stopped_at, result.pruned)
    return Trained(result.params, result._axes_of_members(), ended, result.epochs)
