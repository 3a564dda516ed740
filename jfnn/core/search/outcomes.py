"""Convert the outcome of a run to a result in the shape of its grid, or to an error about lost members."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError, Set
from jfnn.core.engine.cohort import PARTS
from jfnn.core.engine.state import Failure, Outcome, Scores
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.remote import ExecutorError
from jfnn.core.search import run_directory
from jfnn.core.search.result import SweepResult, with_run
from jfnn.core.search.runs import Origin, ProgramRun
from jfnn.core.store.identity import Description
from jfnn.learners.learner import Learner
from jfnn.learners.supervised import Supervised
from jfnn.network import Network


class LostMembersError(ExecutorError):
    """Members were given up because their workers died or their futures failed every time.

    Attributes:
        result: The `SweepResult` of all members; lost ones have NaN scores, and their ``diverged_at`` is the
            number of epochs completed.
        members: Numbers of the lost members, in C order of the result's arrays.
    """

    def __init__(self, result: SweepResult, failures: Sequence[Failure], directory: Path | None):
        """Build the message; ``directory`` is the run's, if it has one."""
        self.result = result
        self.members = np.unique(np.concatenate([tile.members for tile in failures]))
        table = result.to_dict()
        failure = failures[0]
        names = (*result.axes, "seed", *(() if result.folds is None else ("fold",)))
        cell = ", ".join(f"{name}={table[name][self.members[0]].item()}" for name in names)
        where = "error.result" if directory is None else str(directory / run_directory.PARTIAL)
        again = None if directory is None else Set("resume", True, "tries again from the last checkpoint")
        super().__init__(
            f"executor: {len(self.members)} of {len(table['seed'])} members were given up, the first {cell},"
            f" after {failure.epoch} epochs: {type(failure.error).__name__}: {failure.error}; the scores of"
            f" the others are in {where}",
            again,
        )

    def save_others(self, directory: Path) -> None:
        """Write the rows of the members that were not lost."""
        table = {name: np.delete(values, self.members) for name, values in self.result.to_dict().items()}
        run_directory.write_table(directory / run_directory.PARTIAL, table)


def as_result(
    experiment: Experiment, description: Description, outcome: Outcome, directory: Path | None
) -> SweepResult:
    """Return the outcome of an experiment in the shape of its grid.

    Raises LostMembersError if members were given up; the others' rows are then in the directory, if given.
    """
    shape = experiment.shape
    keep = experiment.execution.keep_params
    state = outcome.state
    objectives = {}
    if experiment.execution.objective:
        objectives = {name: values.T.reshape((*shape, -1)) for name, values in state.objectives.items()}
    keeps_history = experiment.execution.eval_every is not None
    timing = {"compile": outcome.compile_seconds, "run": outcome.run_seconds}
    result = SweepResult(
        axes=dict(experiment.cells.values),
        seeds=np.array(experiment.seeds[0] if experiment.is_single else experiment.seeds),
        folds=experiment.folds,
        scores=_by_part(outcome.scores, shape),
        metrics={metric.name: metric.higher_is_better for metric in experiment.learner.metrics},
        diverged_at=state.members.diverged_at.reshape(shape),
        stopped_at=state.stopped_at.reshape(shape),
        pruned=state.pruned.reshape(shape),
        epochs=outcome.epochs.reshape(shape),
        evaluations=state.history.epoch if keeps_history else np.zeros(0, np.int32),
        history=_by_part(state.history.scores, shape) if keeps_history else {},
        ranked_by=experiment.ranking.name,
        crossed=experiment.cells.crossed,
        subset_values={} if experiment.subsets is None else experiment.subsets.axis,
        objective=objectives.pop("objective", None),
        terms=objectives,
        names=experiment.names,
        runs=(ProgramRun(config=description, timing=timing, origin=origin_of(experiment)),),
    )
    if keep != "none":
        result = _with_params(result, experiment, outcome)
    if outcome.failures:
        error = LostMembersError(result, outcome.failures, directory)
        if directory is not None:
            error.save_others(directory)
        raise error
    return result


def origin_of(experiment: Experiment) -> Origin:
    """Return the objects of an experiment that its result keeps in memory."""
    learner = functools.partial(_learner, experiment.learner)
    parts = list(experiment.replicates.parts)
    return Origin(learner, parts, experiment.subsets, _most_frequent(experiment), experiment.advice)


def _most_frequent(experiment: Experiment) -> float | None:
    """Return the share of the most frequent class among the rows that rank; see `Origin`."""
    data = experiment.data
    if data.labels is None or data.weights is not None or experiment.subsets is not None:
        return None
    _, targets = data.rows
    classes = targets.argmax(axis=1) if targets.shape[1] > 1 else (targets[:, 0] > 0.5).astype(int)
    part = experiment.ranking.name.partition("_")[0]
    rows = [fold[part] for fold in experiment.replicates.parts]
    return float(np.mean([np.bincount(classes[each]).max() / len(each) for each in rows]))


def _learner(learner: object, network: Network | None) -> Learner:
    if network is None:
        return cast(Learner, learner)
    if not isinstance(learner, Supervised):
        raise ArgumentError("network", "expected None or a function (params, x), since the learner is custom")
    return dataclasses.replace(learner, network=network)


def _with_params(result: SweepResult, experiment: Experiment, outcome: Outcome) -> SweepResult:
    """Add the parameters of all members or, with ``keep_params="best"``, of the best cell if there is one."""
    shape = experiment.shape
    history = jax.tree.map(lambda leaf: np.moveaxis(leaf, 0, 1), outcome.state.history.params)
    params = experiment.learner.unpack(outcome.params if history is None else history)
    params = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf).reshape((*shape, *leaf.shape[1:])), params)
    if experiment.execution.keep_params != "best":
        return with_run(result, params=params)
    best = result.best_or_none()
    if best is None:
        return result
    params = jax.tree.map(lambda leaf: leaf[best.index].copy(), params)
    return with_run(result, params=params, kept_cell=best.index)


def _by_part(scores: Scores, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return scores by part and metric, in the shape of the grid, followed by the epochs of a history."""
    by_part: Mapping[str, np.ndarray] = {
        f"{part}_{metric}": np.moveaxis(values[..., i], -1, 0)
        for i, part in enumerate(PARTS)
        for metric, values in scores.items()
    }
    return {name: values.reshape((*shape, *values.shape[1:])) for name, values in by_part.items()}
