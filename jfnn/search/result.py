"""What a sweep gives back."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jfnn.experiment.records import Axes
from jfnn.search import run_directory as archive

KEEP_PARAMS = ("all", "best", "none")
REFIT = "refit"  # the directory, in that of a run, of its best cell trained again


@dataclasses.dataclass(frozen=True)
class Best:
    """The best cell of a grid.

    Attributes:
        index: Its place on every axis but the seeds (and folds).
        axes: Its hyperparameters, name -> value.
        score: What it was ranked by, averaged over seeds and folds.
        ranked_by: The name of that score.
    """

    index: tuple[int, ...]
    axes: dict[str, float]
    score: float
    ranked_by: str


def best_place(scores: np.ndarray, name: str) -> tuple[int, ...] | None:
    """Where the highest accuracy or the lowest loss is, the first of equals; None if all are NaN."""
    if np.isnan(scores).all():
        return None
    flat = np.nanargmax(scores) if name.endswith("accuracy") else np.nanargmin(scores)
    return tuple(int(i) for i in np.unravel_index(flat, scores.shape))


@dataclasses.dataclass(frozen=True)
class SweepResult:
    """Scores and trained parameters of every member of a grid.

    Every array of results has the shape of the grid: one axis a hyperparameter in the order of ``axes``
    (learning rate E, L2 penalty L, then any others), then the seeds S: ``[E, L, S]``; with folds these come
    last, ``[E, L, S, F]``. Of a random search they have one axis of cells instead, ``[n, S]``.

    Attributes:
        axes: Name -> values, float64; "learning_rate" and "l2" come first. Of a random search all have n
            values, those of the n cells.
        seeds: ``[S]``.
        folds: How many folds there are, or None without folds.
        train_accuracy: Share of right answers on the rows trained on; NaN where a member diverged, or where
            the targets are no classes.
        validation_accuracy: The same on the rows held out; NaN without ``validation`` or ``folds``.
        test_accuracy: The same on the test rows.
        train_loss: Mean data loss per sample trained on, without penalty; NaN where a member diverged.
        validation_loss: The same on the rows held out.
        test_loss: The same on the test rows.
        diverged_at: The epoch, counted from 0, in which a member's parameters, or the objective that its last
            step started from, were no longer finite; -1 for never. It keeps the parameters from before that
            epoch. Scores are NaN too where only the loss of the parameters kept overflows.
        left_at: The epochs a member had done when halving or early stopping ended its training, -1 for never.
        lost: Whether halving ruled the member's cell out; it then does not rank.
        epochs: For how many epochs the member's parameters were trained.
        params: Parameters with the grid's shape in front on every leaf; only the best cell's with
            ``keep_params="best"``; None with "none", or where no cell is the best.
        kept_cell: The place of the only cell whose parameters were kept, or None.
        history: Name of a score -> ``[E, L, S, H]``, at the epochs ``history["epoch"] [H]``; empty if not
            kept.
        timing: "compile" and "run", in seconds; of a run that was resumed, since then.
        ranked_by: The score that ranks cells: on the rows held out where there are any, else on the test
            rows, else on the training rows; accuracy for classes, loss for other targets.
        sampled: Whether cells were drawn, rather than all combinations taken.
        refit: The best cell trained again on all training rows, if that was asked for: a sweep of one cell,
            whose test scores are those to report.
        config: What was run: "settings", checksums of the "data", "versions", "backend", "device", and the
            "fingerprint" of all that decides the numbers.
    """

    axes: dict[str, np.ndarray]
    seeds: np.ndarray
    folds: int | None
    train_accuracy: np.ndarray
    validation_accuracy: np.ndarray
    test_accuracy: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    test_loss: np.ndarray
    diverged_at: np.ndarray
    left_at: np.ndarray
    lost: np.ndarray
    epochs: np.ndarray
    params: Any
    history: dict[str, np.ndarray]
    timing: dict[str, float]
    ranked_by: str
    sampled: bool = False
    kept_cell: tuple[int, ...] | None = None
    refit: "SweepResult | None" = None
    config: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def learning_rate(self) -> np.ndarray:
        """The learning rates ``[E]``."""
        return self.axes["learning_rate"]

    @property
    def l2(self) -> np.ndarray:
        """The L2 penalties ``[L]``."""
        return self.axes["l2"]

    @property
    def cell_shape(self) -> tuple[int, ...]:
        """The shape of an array with a number for each cell: ``(E, L, …)``, of a random search ``(n,)``."""
        return self._axes().shape

    @property
    def ruled_out(self) -> np.ndarray:
        """Whether halving ruled a cell out ``[E, L, …]``."""
        return np.asarray(self._by_cell(self.lost).any(axis=-1))

    def axes_at(self, index: tuple[int, ...]) -> dict[str, float]:
        """The hyperparameters of the cell at a place, name -> value."""
        return self._axes().at(index)

    def _axes(self) -> Axes:
        return Axes(self.axes, crossed=not self.sampled)

    def cell_scores(self, name: str | None = None) -> np.ndarray:
        """A score averaged over seeds and folds, one a cell ``[E, L, …]``; NaN if any member diverged.

        Args:
            name: Such as "test_accuracy"; None for `ranked_by`.
        """
        return self._by_cell(getattr(self, name or self.ranked_by)).mean(axis=-1)

    def _by_cell(self, values: np.ndarray) -> np.ndarray:
        """``[E, L, …, S × F]``: all seeds and folds of a cell on one axis."""
        return values.reshape(*self.cell_shape, -1)

    def best(self) -> Best:
        """The cell with the highest accuracy (for targets that are no classes, the lowest loss).

        Scores are averaged over seeds and folds; a cell that diverged with any of them, or that halving ruled
        out, does not rank. Of equals the first wins. Ranked on the rows held out, or else on the test rows,
        which then flatter it.

        Raises:
            ValueError: No cell ranks.
        """
        best = self.best_or_none()
        if best is None:
            raise ValueError(
                "no best cell: every one diverged with some seed or was ruled out; try smaller learning rates"
            )
        return best

    def best_or_none(self) -> Best | None:
        """As `best`, but None where no cell ranks."""
        score = np.where(self.ruled_out, np.nan, self.cell_scores())
        index = best_place(score, self.ranked_by)
        if index is None:
            return None
        return Best(index, self.axes_at(index), float(score[index]), self.ranked_by)

    def member(self, *index: int):
        """The parameters of one member, by its place on every axis: ``member(i, j, s)``.

        Raises:
            ValueError: Its parameters were not kept, or there is no such place.
        """
        shape = self.diverged_at.shape
        if len(index) != len(shape):
            raise ValueError(f"member: expected {len(shape)} indices, got {len(index)}")
        if not all(-length <= place < length for place, length in zip(index, shape, strict=True)):
            raise ValueError(f"member: no such place {index} in a grid of shape {shape}")
        if self.params is None:
            raise ValueError("member: this sweep kept no parameters; use keep_params='all'")
        best = self.kept_cell
        if best is not None:
            if tuple(place % length for place, length in zip(index, shape, strict=True))[: len(best)] != best:
                raise ValueError(f"member: this sweep kept only the best cell's parameters, {best}")
            index = index[len(best) :]
        return jax.tree.map(lambda leaf: leaf[tuple(index)], self.params)

    def keeping(self, params, cell: tuple[int, ...] | None = None) -> "SweepResult":
        """This result with trained parameters: all of them, or of one cell alone."""
        return dataclasses.replace(self, params=params, kept_cell=cell)

    def to_dict(self) -> dict[str, np.ndarray]:
        """Columns with one value a member, ready for ``pandas.DataFrame``.

        The axes, "seed", "fold" with folds, every score, "diverged_at", "left_at", "lost" (0 or 1),
        "epochs" (trained).
        """
        return archive.columns(self._fields())

    def to_csv(self, path) -> None:
        """Writes the columns of `to_dict` as CSV, one row a member; NaN is written "nan"."""
        archive.write_table(Path(path), self.to_dict())

    def save(self, directory) -> None:
        """Writes config.json, results.csv, results.npz and, if parameters were kept, models.npz.

        What was refitted goes into a directory in there, ``refit``.

        Equal results give equal .npz files, byte for byte. `jfnn.load` reads them back.

        Args:
            directory: Made if need be.

        Raises:
            ValueError: The directory holds another run; the message says in what the two differ. Or an axis
                has a name that results.csv has already.
            TypeError: The parameters are not made of arrays in lists, tuples and dicts.
        """
        archive.write(Path(directory), self._fields())
        if self.refit is not None:
            self.refit.save(Path(directory) / REFIT)

    def _fields(self) -> dict[str, Any]:
        names = [field.name for field in dataclasses.fields(self) if field.name != "refit"]
        return {name: getattr(self, name) for name in names}


def load(directory) -> SweepResult:
    """The result that `SweepResult.save` or ``sweep(out=…)`` wrote; every array is checked.

    Parameters come back as they were where they are layers, dicts, lists and tuples; named tuples of your own
    come back as dicts.

    Args:
        directory: The run's directory.

    Raises:
        FileNotFoundError: There is no run in it.
        ValueError: The run has not ended, or a file is damaged or of another format; the message names the
            file and the array.
    """
    result = load_alone(directory)
    again = Path(directory) / REFIT
    return dataclasses.replace(result, refit=load_alone(again)) if archive.has_ended(again) else result


def load_alone(directory) -> SweepResult:
    """As `load`, without what was refitted."""
    return SweepResult(**archive.read(Path(directory)))
