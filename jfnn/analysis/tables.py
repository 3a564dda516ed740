"""Long ("tidy") tables of scores, for data frames."""

import numpy as np

from jfnn.arguments import checks
from jfnn.core.search.result import SweepResult


def tidy(result: SweepResult) -> dict[str, np.ndarray]:
    """Return one row per member, evaluation, part and metric, as columns ready for ``pandas.DataFrame``.

    The columns are the axes, "seed", "fold" with folds, the names of subsets, "epoch", "part" ("train",
    "validation", "test"), "metric" ("loss", "accuracy", …) and "value" (NaN after a member diverged or
    stopped). Parts without rows are left out.

    Args:
        result: A sweep. Without a history, final scores are used, at the epoch of each member.
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
    for i, column in enumerate(("part", "metric")):
        texts = np.array([name.split("_", 1)[i] for name in finite], dtype=object)
        columns[column] = np.tile(texts, epochs.size)
    stacked = [values.ravel() for values in finite.values()]
    columns["value"] = np.stack(stacked, axis=-1).ravel() if stacked else np.zeros(0)
    return columns
