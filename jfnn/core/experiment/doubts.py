"""Warnings about valid but suspicious rows and axes, found before compiling, issued once per call."""

import numbers
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from jfnn.arguments import callers
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import Set
from jfnn.arguments.texts import compact, shorten
from jfnn.core.experiment.bound import Bound
from jfnn.core.experiment.cells import Cells
from jfnn.core.experiment.options import Options
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.sequence import dropout_shapes
from jfnn.learners.supervised import Supervised
from jfnn.targets import is_labels

# Largest input without a warning. Digits up to 16 train well; scaled to 96, three of seven learning rates
# from 3e-4 to 0.3 diverge or learn nothing; with pixels up to 255, five do (tests/search/test_doubts.py).
LARGE = 50.0
# Numbers within these bounds need no scaling; others are named only if training failed.
SCALED = (0.1, 10.0)
BRIGHTEST = 255.0  # 8-bit pixels
# With at least this many training rows per class on average, a class with one row or none causes a warning.
# With 2, the logic gates would also cause one; with 100, tables of a few hundred rows would not.
ROWS_OF_CLASS = 10
FIRST = 100  # number of rows compared first, enough to rule out most columns


def warn(doubts: Iterable[Sequence[Doubt]]) -> None:
    """Warn about the doubts of all programs of a call, once each."""
    for doubt in dict.fromkeys(doubt for of_program in doubts for doubt in of_program):
        callers.warn(doubt)


def about(options: Options, bound: Bound, cells: Cells) -> list[Doubt]:
    """Return warnings about the rows and axes of a sweep."""
    found: list[Doubt] = []
    data = bound.data
    learner = bound.learner
    if cells.axes.crossed:  # listed cells may repeat a value
        found += about_axes({name: axis for name, axis in cells.axes.values.items() if axis.ndim}, data.dtype)
    if not isinstance(learner, Supervised):
        return found
    inputs, targets = (leaf[: data.n_train] for leaf in data.rows)
    names = options.split.names or {}
    found += about_columns(inputs, names.get("columns"))
    if data.labels is not None and is_labels(data.labels):
        folds = int(options.folds) if isinstance(options.folds, numbers.Integral) else None
        found += about_classes(data.labels, targets.shape[1], names.get("classes"), folds)
    layers = learner.network.layers
    if layers is not None:  # other networks may scale inputs themselves
        found += about_size(inputs)
        if "dropout" in cells.values:
            found += about_dropout(cells.values["dropout"], layers, inputs.shape[1:])
    return found


def advice(bound: Bound) -> str:
    """Return what to change first if training fails; empty if the training rows look usual."""
    learner = bound.learner
    data = bound.data
    if not isinstance(learner, Supervised):
        return ""
    inputs, targets = (leaf[: data.n_train] for leaf in data.rows)
    labels = data.labels if data.labels is not None and is_labels(data.labels) else None
    are_numbers = labels is None and not learner.loss.takes_logits and learner.loss.least_target < 0
    scales = learner.network.layers is None  # other networks may scale inputs themselves
    return _advice(None if scales else inputs, targets if are_numbers else None, labels)


def about_size(inputs: np.ndarray) -> list[Doubt]:
    """Return warnings about inputs ``[n, …]`` (floats) so large that few learning rates suit them."""
    if inputs.dtype.kind != "f" or (most := max(inputs.max(), -inputs.min())) < LARGE:
        return []
    found = f"inputs reach {compact(float(most), 3)}, where training often diverges or learns little"
    pixels = ", or x / 255 for pixels," if most <= BRIGHTEST and inputs.min() >= 0 else ""
    code = f"jfnn.datasets.standardize(split){pixels}"
    return [Doubt(found, cure=Set("standardize", True, "scales them", code))]


def _advice(inputs: np.ndarray | None, targets: np.ndarray | None, labels: np.ndarray | None) -> str:
    """Return what to change first if training fails; empty if the training rows look usual.

    Args:
        inputs: ``[n, …]``; None if their size does not matter.
        targets: ``[n, t]``; None likewise.
        labels: ``[n]``; None without classes.
    """
    if labels is not None and (labels == labels[0]).all():
        return "all training rows have the same class, so there is nothing to learn"
    parts = {"inputs": inputs, "targets": targets}
    unscaled = [text for name, part in parts.items() if part is not None and (text := _unscaled(name, part))]
    if not unscaled:
        return ""
    return f"first scale {' and '.join(unscaled)} (jfnn.datasets.standardize, --standardize)"


def _unscaled(name: str, numbers: np.ndarray) -> str:
    """Name numbers whose largest magnitude is far from 1, or return nothing."""
    if numbers.dtype.kind != "f" or not numbers.size:
        return ""
    most = max(float(numbers.max()), -float(numbers.min()))
    if most == 0 or SCALED[0] <= most <= SCALED[1]:
        return ""
    return f"the {name}, whose largest magnitude is {compact(most, 3)}"


def about_columns(inputs: np.ndarray, columns: object) -> list[Doubt]:
    """Return warnings about constant named columns of inputs ``[n, …]``; unnamed pixels may be constant.

    ``columns`` describes the columns by name, as for `jfnn.datasets.transform`; anything else is ignored.
    """
    if not isinstance(columns, Mapping) or not all(isinstance(one, Mapping) for one in columns.values()):
        return []
    widths = [len(one.get("categories", "1")) + bool(one.get("indicator")) for one in columns.values()]
    rows = inputs.reshape(len(inputs), -1)
    if sum(widths) != rows.shape[1] or len(rows) < 2:
        return []
    constant = (rows[:FIRST] == rows[0]).all(axis=0)  # leaves few columns to compare in all rows
    constant[constant] = (rows[:, constant] == rows[0, constant]).all(axis=0)
    ends = np.cumsum(widths)
    same = [
        repr(name)
        for name, width, end in zip(columns, widths, ends, strict=True)
        if constant[end - width : end].all()
    ]
    return [Doubt(f"all training rows have the same value in {_columns(same)}")] if same else []


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' * (len(names) > 1)} {shorten(names)}"


def about_classes(labels: np.ndarray, outputs: int, words: object, folds: int | None) -> list[Doubt]:
    """Return warnings about classes with no training row, a single row, or fewer rows than folds.

    ``labels`` are those of the training rows ``[n]``; one output stands for two classes; ``words`` are the
    names of the labels, if they are a list; ``folds`` is the number of stratified folds, if any.
    """

    def named(numbers: np.ndarray) -> str:
        known = words if isinstance(words, list | tuple) else ()
        texts = [repr(known[i]) if i < len(known) else str(i) for i in numbers.tolist()]
        return f"label{'s' * (len(texts) > 1)} {shorten(texts, 5)}"

    counts = np.bincount(labels.astype(np.int64), minlength=max(outputs, 2))
    present = np.flatnonzero(counts)
    found = []
    if len(labels) >= ROWS_OF_CLASS * len(counts):
        missing = np.flatnonzero(counts == 0)
        once = np.flatnonzero(counts == 1)
        if len(present) == 1:
            found += [f"all training rows have the {named(present)}"]
        elif len(missing):
            found += [
                f"no training row has the {named(missing)}, of the {len(counts)} that the network can predict"
            ]
        if len(once) and folds is None:
            found += [f"one training row alone has the {named(once)}"]
    rare = present[counts[present] < (folds or 0)]
    if len(rare):
        found += [f"fewer training rows than the {folds} folds have the {named(rare)}, which some folds lack"]
    return [Doubt(text) for text in found]


def about_axes(axes: Mapping[str, np.ndarray], dtype: np.dtype) -> list[Doubt]:
    """Return warnings about values (name -> ``[k]``) that repeat on an axis in the arithmetic's dtype."""
    found = []
    for name, values in axes.items():
        distinct, first, counts = np.unique(values.astype(dtype), return_index=True, return_counts=True)
        if len(distinct) < values.size:
            texts = [compact(float(values[i]), 6) for i in first[counts > 1]]
            text = f"{shorten(texts, 5)} more than once, which repeats cells"
            found.append(Doubt(text, name))
    return found


def about_dropout(rates: np.ndarray, layers: Sequence[LayerKind], shape: Shape) -> list[Doubt]:
    """Return warnings about dropout in a network without hidden units, for inputs of a shape."""
    if rates.max() == 0 or any(dropped is not None for dropped in dropout_shapes(layers, shape)):
        return []
    return [Doubt("the network has no hidden units to drop, so its value has no effect", "dropout")]
