"""Scores for other tools: long ("tidy") tables for data frames, arrays ``[runs, tasks]`` for rliable.

rliable (Agarwal et al., NeurIPS 2021) aggregates the arrays over tasks and draws performance profiles. A run
of TensorBoard for each cell, written by the package tensorboardX::

    from tensorboardX import SummaryWriter, summary

    scores = "train_loss", "test_accuracy"
    curves = {score: jfnn.analysis.curve_statistics(result, score).mean for score in scores}
    for name, cell in zip(jfnn.analysis.cell_names(result), np.ndindex(result.cell_shape)):
        with SummaryWriter(f"runs/{name}") as writer:
            for score, means in curves.items():
                for epoch, mean in zip(result.evaluations, means[cell]):
                    writer.add_scalar(score, mean, epoch)
            last = {score: means[cell][-1] for score, means in curves.items()}
            for entry in summary.hparams(result.axes_at(cell), last):
                writer.file_writer.add_summary(entry)
"""

import os
from collections.abc import Sequence

import numpy as np

from jfnn.analysis.statistics import filled, replicate_values
from jfnn.analysis.summary import cell_names
from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.search import run_directory
from jfnn.search.result import SweepResult


def tidy(result: SweepResult) -> dict[str, np.ndarray]:
    """Columns with one value for each member, evaluation, part and metric, ready for ``pandas.DataFrame``.

    The axes, "seed", "fold" with folds, the name of subsets, "epoch", "part" ("train", "validation", "test"),
    "metric" ("loss", "accuracy", …) and "value" (NaN after a member diverged or stopped). Parts without rows
    are left out.

    Args:
        result: A sweep. Without a history its scores at the end are taken, at the epoch of each member.
    """
    checks.check_instance(result, SweepResult, "result")
    members = result.to_dict()
    count = result.diverged_at.size
    names = [*result.axes, "seed", *(() if result.folds is None else ("fold",)), *result.subset_values]
    if len(result.evaluations):
        epochs = np.tile(result.evaluations, (count, 1))
        scores = {name: result.history[name].reshape(count, -1) for name in result.scores}
    else:
        epochs = members["epochs"][:, None]
        scores = {name: values.reshape(count, 1) for name, values in result.scores.items()}
    finite = {name: values for name, values in scores.items() if np.isfinite(values).any()}
    rows = epochs.size * len(finite)
    columns = {name: np.repeat(members[name], rows // count) for name in names}
    columns["epoch"] = np.repeat(epochs, len(finite))
    for place, column in enumerate(("part", "metric")):
        texts = np.array([name.split("_", 1)[place] for name in finite], dtype=object)
        columns[column] = np.tile(texts, epochs.size)
    stacked = [values.ravel() for values in finite.values()]
    columns["value"] = np.stack(stacked, axis=-1).ravel() if stacked else np.zeros(0)
    return columns


def write_tidy(result: SweepResult, path: str | os.PathLike[str]) -> None:
    """Writes the columns of `tidy` as CSV; NaN is written "nan"."""
    run_directory.write_table(paths.as_output_file(path, "path"), tidy(result))


def score_matrices(
    results: SweepResult | Sequence[SweepResult],
    score: str | None = None,
    missing: str | float = "nan",
) -> dict[str, np.ndarray]:
    """Scores of each cell as an array ``[runs, tasks]``, as rliable takes them.

    Args:
        results: A sweep, which is one task, or the sweeps of several tasks (data sets) in order, all of the
            same cells and number of seeds.
        score: Such as "test_accuracy"; None for the one that ranks.
        missing: "nan" keeps NaN for runs without a score; a number stands for their score.

    Returns:
        Name -> float64, seeds first, tasks second; folds are averaged. Names are those of `cell_names`.

    Raises:
        ValueError: The sweeps differ, an unknown score, or folds of one seed, which are no independent runs.
    """
    if not isinstance(results, SweepResult) and not checks.is_several(results):
        raise ArgumentTypeError("results", f"expected a SweepResult, or several, got {checks.shown(results)}")
    sweeps = [results] if isinstance(results, SweepResult) else list(results)
    if not sweeps:
        raise ArgumentError("results", "expected at least one sweep")
    for sweep in sweeps:
        checks.check_instance(sweep, SweepResult, "results")
        if sweep.folds is not None and len(sweep.seeds) == 1:
            raise ArgumentError("results", "folds of one seed share rows; expected several seeds")
    if isinstance(missing, str):
        checks.as_choice(missing, "missing", ("nan",))
    name, cells = sweeps[0].named(score, "score"), cell_names(sweeps[0])
    forms = [(cell_names(sweep), len(sweep.seeds), name in sweep.scores) for sweep in sweeps]
    if any(form != forms[0] for form in forms):
        raise ArgumentError("results", "expected sweeps of the same cells, number of seeds and scores")
    tasks = [replicate_values(sweep, filled(sweep.scores[name], missing))[0] for sweep in sweeps]
    matrices = np.stack([task.reshape(len(cells), -1) for task in tasks], axis=-1)
    return dict(zip(cells, matrices, strict=True))
