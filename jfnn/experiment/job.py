"""A sweep ready to run: its records, the run, and what comes of it in the shape of its grid."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.engine import loop
from jfnn.engine.state import Outcome, Scores
from jfnn.experiment.records import PARTS, Execution, Grid, Recipe
from jfnn.experiment.replicates import Source
from jfnn.layers.dense import Layout
from jfnn.schedulers.judges import Selection
from jfnn.search.checkpoint import Checkpoint
from jfnn.search.result import SweepResult


class Job(NamedTuple):
    """All that a run needs.

    Attributes:
        recipe: What is trained.
        source: On what.
        grid: Which members.
        execution: How it runs.
        selection: What ranks members, and which may leave early.
        layout: How parameters lie in memory.
        seeds: The seeds.
        folds: How many folds, or None.
        keep_params: Which parameters are kept: "all", "best" or "none".
        description: What the run is, from `fingerprint.describe`.
    """

    recipe: Recipe
    source: Source
    grid: Grid
    execution: Execution
    selection: Selection
    layout: Layout
    seeds: Sequence[int]
    folds: int | None
    keep_params: str
    description: dict[str, Any]

    def train(self, kept: Checkpoint | None) -> SweepResult:
        """Runs it, from where it was saved if it was."""
        return self._shaped(
            loop.run(self.recipe, self.source.data, self.grid, self.execution, self.selection, kept)
        )

    @property
    def start(self):
        """One member's starting parameters, where trained ones are kept; else None."""
        return None if self.keep_params == "none" else self.grid.streams[0].params

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an array with a number for each member."""
        return (*self.grid.axes.shape, len(self.seeds), *(() if self.folds is None else (self.folds,)))

    def _shaped(self, outcome: Outcome) -> SweepResult:
        history = {"epoch": outcome.history.epoch, **self._by_part(outcome.history.scores)}
        result = SweepResult(
            axes=self.grid.axes.values,
            seeds=np.array(self.seeds),
            folds=self.folds,
            **self._by_part(outcome.scores),
            diverged_at=outcome.diverged_at.reshape(self.shape),
            left_at=outcome.left_at.reshape(self.shape),
            lost=outcome.lost.reshape(self.shape),
            epochs=outcome.epochs.reshape(self.shape),
            params=None,
            history=history if self.execution.history else {},
            timing={"compile": outcome.compile_seconds, "run": outcome.run_seconds},
            ranked_by=self.selection.ranked_by,
            sampled=not self.grid.axes.crossed,
            config=self.description,
        )
        return result if self.keep_params == "none" else self._with_params(result, outcome.params)

    def _by_part(self, scores: Scores) -> dict[str, Any]:
        found = {}
        for i, part in enumerate(PARTS):
            for kind, values in scores._asdict().items():
                kept = np.moveaxis(values[..., i], -1, 0)  # members first, also before a history's epochs
                kept = kept if kind == "loss" or self.source.classes else np.full_like(kept, np.nan)
                found[f"{part}_{kind}"] = kept.reshape(*self.shape, *kept.shape[1:])
        return found

    def _with_params(self, result: SweepResult, params) -> SweepResult:
        params = jax.tree.map(
            lambda leaf: leaf.reshape(*self.shape, *leaf.shape[1:]), self.layout.restore(params)
        )
        if self.keep_params == "all":
            return result.keeping(params)
        best = result.best_or_none()
        if best is None:  # the scores say why; they are worth as much as ever
            return result
        return result.keeping(jax.tree.map(lambda leaf: leaf[best.index].copy(), params), best.index)
