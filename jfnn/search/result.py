"""The result of a sweep."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.experiment.axes import as_place
from jfnn.experiment.settings import Execution
from jfnn.search import run_directory
from jfnn.search.cells import Best, RankedCells
from jfnn.search.predictions import MemberPredictions, Origin

REFIT = "refit"  # the directory, in that of a run, of its best cell trained again


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SweepResult(RankedCells, MemberPredictions):
    """Scores and trained parameters of every member of a grid.

    Arrays of results have the shape of the grid: an axis for each hyperparameter in the order of ``axes``
    (learning rate E, L2 penalty L, …), then the seeds S and any folds F: ``[E, L, S, F]``. A random search
    has one axis of cells instead, ``[n, S]``.

    Axes and scores are attributes too: ``result.l2`` is ``result.axes["l2"]``, ``result.test_accuracy`` is
    ``result.scores["test_accuracy"]``.

    Attributes:
        axes: Name -> values, float64; "learning_rate" and "l2" come first. In a random search n values each.
        seeds: ``[S]``.
        folds: Number of folds, or None without folds.
        scores: "train_loss", "test_accuracy", …: each metric on each part of the data ("train", "validation",
            "test"), NaN where a member diverged or the part has no rows. Losses are means of the data loss
            per row, without penalty.
        metrics: Name of each metric -> whether higher is better; the loss comes first.
        diverged_at: The epoch, counted from 0, in which a member's parameters, or the objective that its last
            step started from, were no longer finite; -1 for never. The member keeps the parameters from
            before that epoch. Scores are NaN too where only the loss of the parameters kept overflows.
        stopped_at: Epochs done when a scheduler ended the member's training, -1 for never.
        pruned: Whether a scheduler ruled the member's cell out of the ranking.
        epochs: Epochs for which the member's parameters were trained.
        params: Parameters with the grid's shape in front on every leaf, or as ``keep_params`` says.
        kept_cell: The place of the only cell whose parameters were kept, or None.
        history: Name of a score -> ``[E, L, S, H]``, at the epochs ``history["epoch"] [H]``, if kept.
        objective: The mean objective of each epoch's steps ``[E, L, S, epochs]``, NaN where a member did not
            train; None if it was not kept.
        timing: "compile" and "run", in seconds since the run began or was resumed.
        ranked_by: The score that ranks cells, such as "validation_accuracy": on rows held out, if there are
            any, else on test rows, else on training rows.
        sampled: Whether cells were drawn, rather than all combinations taken.
        refit: The best cell trained again on all training rows, a sweep of one cell, or None.
        subset_values: Name of the axis of `jfnn.subsets.Subsets` -> its values ``[F]``, if it has any.
        config: Settings, checksums of the data, versions, device, and the "fingerprint" of what decides.
        origin: The learner and the rows of folds, as far as they are known; None once pickled.
    """

    axes: dict[str, np.ndarray]
    seeds: np.ndarray
    folds: int | None
    scores: dict[str, np.ndarray]
    metrics: dict[str, bool]
    diverged_at: np.ndarray
    stopped_at: np.ndarray
    pruned: np.ndarray
    epochs: np.ndarray
    params: Any
    history: dict[str, np.ndarray]
    timing: dict[str, float]
    ranked_by: str
    sampled: bool = False
    kept_cell: tuple[int, ...] | None = None
    refit: "SweepResult | None" = None
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    objective: np.ndarray | None = None
    subset_values: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    origin: Origin | None = None

    def __getattr__(self, name: str) -> np.ndarray:
        """An axis or a score by its name."""
        axes, scores = (self.__dict__.get(field, {}) for field in ("axes", "scores"))
        if name not in (arrays := axes | scores):
            raise AttributeError(f"a sweep has no {name!r}; its scores are {', '.join(scores)}")
        return np.asarray(arrays[name])

    @property
    def execution(self) -> Execution:
        """The form of the tiles, which bits follow: with it `jfnn.train` gives any member's."""
        settings = self.config["settings"]
        batches = settings["minibatches"]
        pads = batches != "given" and batches["scheme"] == "full" and not batches["drop_last"]
        padded = batches["batch_size"] if pads else None
        return Execution(tile=settings["tile"], shared=settings["shared"], padded=padded)

    def member(self, *index: int) -> Any:
        """The parameters of one member, by its place on every axis: ``member(i, j, s)``.

        Raises:
            ValueError: Its parameters were not kept, or there is no such place.
        """
        place = as_place(index, self.diverged_at.shape, "member", from_the_end=True)
        if self.params is None:
            raise ArgumentError("member", "this sweep kept no parameters; use keep_params='all'")
        if place[: len(cell := self.kept_cell or ())] != cell:
            raise ArgumentError("member", f"this sweep kept only the best cell's parameters, {cell}")
        return jax.tree.map(lambda leaf: leaf[place[len(cell) :]], self.params)

    def to_dict(self) -> dict[str, np.ndarray]:
        """Columns with one value a member, ready for ``pandas.DataFrame``.

        The axes, "seed", "fold" with folds, the name of subsets, every score, "diverged_at", "stopped_at",
        "pruned" (0 or 1), "epochs" (trained).
        """
        return run_directory.columns(vars(self))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the columns of `to_dict` as CSV, one row a member; NaN is written "nan"."""
        run_directory.write_table(paths.as_output_file(path, "path"), self.to_dict())

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Writes config.json, results.csv, results.npz and, if parameters were kept, models.npz.

        `refit` goes into a directory of this name in there. Equal results give equal .npz files, byte for
        byte. `jfnn.load` reads them back.

        Raises:
            ValueError: The directory holds another run, or an axis has the name of a column of results.csv.
            TypeError: The parameters are not made of arrays in lists, tuples and dicts.
        """
        run_directory.write(paths.as_path(directory, "directory"), vars(self))
        if self.refit is not None:
            self.refit.save(Path(directory) / REFIT)


def read(directory: str | os.PathLike[str]) -> SweepResult:
    """The result in a directory, as it was written there; raises as `jfnn.load`."""
    path = paths.as_path(directory, "directory")
    result = SweepResult(**run_directory.read(path))
    with run_directory.describing(path):
        repr(result), result.to_dict()
    refit = read(path / REFIT) if run_directory.has_ended(path / REFIT) else None
    return dataclasses.replace(result, refit=refit)


def best_sweep(results: Sequence[SweepResult]) -> tuple[int, Best] | None:
    """The sweep with the best cell, by its number, and that cell; None where no cell ranks."""
    bests = [(i, best) for i, result in enumerate(results) if (best := result.best_or_none()) is not None]
    sign = 1 if results[0].higher_is_better() else -1
    return max(bests, key=lambda numbered: sign * numbered[1].score, default=None)
