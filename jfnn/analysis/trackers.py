"""Every cell, or every member, of a sweep as one run of an experiment tracker, all from one process."""

import importlib
import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from jfnn import checks, paths
from jfnn.analysis.summary import cell_names
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.search.result import SweepResult


class TrackedRun(Protocol):
    """One run of a tracker."""

    def log(self, epoch: int, scores: Mapping[str, float]) -> None:
        """Takes scores, all finite, after so many epochs; epochs come in order."""

    def end(self, scores: Mapping[str, float]) -> None:
        """Takes the finite scores at the end, and closes the run."""


class Tracker(Protocol):
    """What writes runs: TensorBoard's files, MLflow, a database. Any object with this method will do."""

    def run(self, name: str, hyper: Mapping[str, float]) -> TrackedRun:
        """Starts a run.

        Args:
            name: Such as "learning_rate=0.01, l2=0.1", of a member with ", seed=0".
            hyper: Its hyperparameters by name, of a member with "seed" and "fold".
        """


def log_runs(result: SweepResult, tracker: Tracker, each: str = "cell") -> None:
    """Writes a sweep into a tracker, run after run.

    Args:
        result: A sweep; with a history its scores are logged at every evaluation, else at the end alone.
        tracker: Such as `TensorBoard`.
        each: What a run is: "cell" (scores are means over seeds and folds, logged while all of them have
            one) or "member".

    Raises:
        ValueError: ``each`` is neither of these.
    """
    checks.check_instance(result, SweepResult, "result")
    if not callable(getattr(tracker, "run", None)):
        raise ArgumentTypeError("tracker", f"expected one with a method run, got {checks.shown(tracker)}")
    whole = checks.as_choice(each, "each", ("cell", "member")) == "cell"
    shape = result.cell_shape
    history = {name: values for name, values in result.history.items() if name != "epoch"}
    for name, cell in zip(cell_names(result), np.ndindex(*shape), strict=True):
        for member in [()] if whole else np.ndindex(*result.diverged_at.shape[len(shape) :]):
            replicate = _replicate(result, member)
            suffix = "".join(f", {key}={value}" for key, value in replicate.items())
            run = tracker.run(name + suffix, result.axes_at(cell) | replicate)
            curves = {score: _mean(v[(*cell, *member)], keep_last=True) for score, v in history.items()}
            for place, epoch in enumerate(result.history.get("epoch", ())):
                run.log(int(epoch), _finite({score: curve[place] for score, curve in curves.items()}))
            run.end(_finite({score: _mean(v[(*cell, *member)]) for score, v in result.scores.items()}))


class TensorBoard:
    """Event files for TensorBoard, a directory a run, written by the package tensorboardX.

    Each holds the scores as scalars ("test/accuracy"), and the hyperparameters with the scores at the end for
    TensorBoard's table of hyperparameters.

    Args:
        directory: Where runs are written; it is made if need be.

    Raises:
        ImportError: The package is not installed.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        try:
            self._package = importlib.import_module("tensorboardX")
            self._summary = importlib.import_module("tensorboardX.summary")
        except ImportError as error:
            raise ImportError(
                "tensorboard: expected the package tensorboardX, which writes event files:"
                " pip install 'jfnn[tensorboard]'"
            ) from error
        self._directory = paths.as_path(directory, "directory")

    def run(self, name: str, hyper: Mapping[str, float]) -> TrackedRun:
        """Starts a run in a directory of its name.

        Raises:
            ValueError: There is such a run already.
        """
        directory = self._directory / name
        if directory.exists():
            raise ArgumentError(
                "directory", f"{self._directory} holds the run {name!r} already; choose another"
            )
        return _EventFile(self._package.SummaryWriter(str(directory)), self._summary.hparams, dict(hyper))


class _EventFile:
    """One run's event file."""

    def __init__(self, writer: Any, table_entries: Any, hyper: dict[str, float]) -> None:
        self._writer, self._table_entries, self._hyper = writer, table_entries, hyper
        self._last = 0

    def log(self, epoch: int, scores: Mapping[str, float]) -> None:
        self._last = epoch
        for name, value in scores.items():
            self._writer.add_scalar(_tag(name), value, epoch)

    def end(self, scores: Mapping[str, float]) -> None:
        by_tag = {_tag(name): value for name, value in scores.items()}
        for entry in self._table_entries(self._hyper, by_tag):
            self._writer.file_writer.add_summary(entry)
        if not self._last:
            for tag, value in by_tag.items():
                self._writer.add_scalar(tag, value, 0)
        self._writer.close()


def _tag(score: str) -> str:
    """A score's name as TensorBoard groups it, by what stands before a stroke: "test/accuracy"."""
    return score.replace("_", "/", 1)


def _replicate(result: SweepResult, member: tuple[int, ...]) -> dict[str, int]:
    """Seed, and fold, of a member of a cell; of a whole cell nothing."""
    if not member:
        return {}
    seed, *fold = member
    return {"seed": int(result.seeds[seed])} | ({"fold": int(fold[0])} if fold else {})


def _mean(values: np.ndarray, keep_last: bool = False) -> np.ndarray:
    """Mean over all axes, or all but the last; NaN where any value is."""
    flat = np.asarray(values, np.float64)
    return flat.reshape(-1, flat.shape[-1]).mean(axis=0) if keep_last else np.asarray(flat.mean())


def _finite(scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Scores that are numbers."""
    return {name: float(value) for name, value in scores.items() if np.isfinite(value)}
