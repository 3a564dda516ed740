"""What a run gives, put into the shape of its grid."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from jfnn.engine.records import PARTS, Grid
from jfnn.engine.result import SweepResult
from jfnn.engine.state import Outcome, Scores


def from_outcome(
    outcome: Outcome,
    grid: Grid,
    seeds: Sequence[int],
    folds: int | None,
    restore,
    classes: bool,
    keep_params: str,
    keep_history: bool,
) -> SweepResult:
    """Puts what a run gives into the shape of its grid.

    Args:
        outcome: What the run gave.
        grid: Its members.
        seeds: The seeds.
        folds: How many folds, or None.
        restore: The engine's layout of parameters -> the public one.
        classes: Whether accuracy means anything.
        keep_params: "all", "best" or "none".
        keep_history: Whether scores were kept on the way.
    """
    shape = (*grid.shape[:-1], len(seeds), *(() if folds is None else (folds,)))

    def by_part(scores: Scores):
        found = {}
        for i, part in enumerate(PARTS):
            for kind, values in scores._asdict().items():
                kept = np.moveaxis(values[..., i], -1, 0)  # members first, also before a history's epochs
                kept = kept if kind == "loss" or classes else np.full_like(kept, np.nan)
                found[f"{part}_{kind}"] = kept.reshape(*shape, *kept.shape[1:])
        return found

    history = {"epoch": outcome.history.epoch, **by_part(outcome.history.scores)} if keep_history else {}
    result = SweepResult(
        axes=grid.axes.values,
        seeds=np.array(seeds),
        folds=folds,
        **by_part(outcome.scores),
        diverged_at=outcome.diverged_at.reshape(shape),
        left_at=outcome.left_at.reshape(shape),
        lost=outcome.lost.reshape(shape),
        epochs=outcome.epochs.reshape(shape),
        params=None,
        history=history,
        timing={"compile": outcome.compile_seconds, "run": outcome.run_seconds},
        sampled=not grid.axes.crossed,
    )
    if keep_params == "none":
        return result
    params = jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), restore(outcome.params))
    if keep_params == "best":
        best = result.best().index
        params = jax.tree.map(lambda leaf: leaf[best].copy(), params)
    return dataclasses.replace(result, params=params)
