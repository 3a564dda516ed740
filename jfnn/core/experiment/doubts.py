"""What is allowed and hardly meant, of rows and axes: found before anything is compiled, said once a call."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from jfnn.arguments import callers
from jfnn.arguments.callers import Doubt
from jfnn.arguments.cures import Set
from jfnn.arguments.texts import compact, shortened
from jfnn.layers.dropout import dropout_shapes
from jfnn.layers.kind import LayerKind, Shape

# Inputs from here on are doubted. Digits lose nothing up to 16; scaled to 96, three of seven learning rates
# from 3e-4 to 0.3 diverge or learn nothing, and pixels up to 255 lose five (tests/search/test_doubts.py).
LARGE = 50.0
BRIGHTEST = 255.0  # pixels of eight bits
# Training rows for each class, on average, from which on one without any or with a single one is doubted.
# Were it 2, the gates would be; were it 100, tables of some hundred rows would go without a word.
ROWS_OF_CLASS = 10
FIRST = 100  # rows in which most columns show that they are not constant


def say(doubts: Iterable[Sequence[Doubt]]) -> None:
    """Warns of the doubts of all programs of a call, of each once."""
    for doubt in dict.fromkeys(doubt for of_program in doubts for doubt in of_program):
        callers.warn(doubt)


def of_size(inputs: np.ndarray) -> list[Doubt]:
    """Inputs ``[n, …]``, floats, so large that few learning rates suit them."""
    if inputs.dtype.kind != "f" or (most := max(inputs.max(), -inputs.min())) < LARGE:
        return []
    found = f"inputs reach {compact(float(most), 3)}, where training often diverges or learns little"
    pixels = ", or x / 255 of pixels," if most <= BRIGHTEST and inputs.min() >= 0 else ""
    code = f"jfnn.datasets.standardise(split){pixels}"
    return [Doubt(found, cure=Set("standardise", True, "scales them", code))]


def of_columns(inputs: np.ndarray, columns: object) -> list[Doubt]:
    """Named columns of inputs ``[n, …]`` that are the same in all rows; pixels, which have no names, may be.

    Args:
        inputs: The training rows.
        columns: Their description by name, as `jfnn.datasets.transform` takes it; anything else is passed by.
    """
    if not isinstance(columns, Mapping) or not all(isinstance(one, Mapping) for one in columns.values()):
        return []
    widths = [len(one.get("categories", "1")) + bool(one.get("indicator")) for one in columns.values()]
    rows = inputs.reshape(len(inputs), -1)
    if sum(widths) != rows.shape[1] or len(rows) < 2:
        return []
    constant = (rows[:FIRST] == rows[0]).all(axis=0)  # few columns are left to read whole
    constant[constant] = (rows[:, constant] == rows[0, constant]).all(axis=0)
    ends = np.cumsum(widths)
    same = [
        repr(name)
        for name, width, end in zip(columns, widths, ends, strict=True)
        if constant[end - width : end].all()
    ]
    return [Doubt(f"all training rows have the same value in {_columns(same)}")] if same else []


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' * (len(names) > 1)} {shortened(names)}"


def of_classes(labels: np.ndarray, outputs: int, words: object, folds: int | None) -> list[Doubt]:
    """Classes without training rows, with a single one, or with fewer than there are folds.

    Args:
        labels: Of the training rows, whole numbers ``[n]``.
        outputs: Of the network; one is for two classes.
        words: The word for each label, in order; anything else for none.
        folds: Their number, where each is to have its share of every class.
    """

    def named(numbers: np.ndarray) -> str:
        known = words if isinstance(words, list | tuple) else ()
        texts = [repr(known[i]) if i < len(known) else str(i) for i in numbers.tolist()]
        return f"label{'s' * (len(texts) > 1)} {shortened(texts, 5)}"

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
                f"no training row has the {named(missing)}, of the {len(counts)} that there are outputs for"
            ]
        if len(once) and folds is None:
            found += [f"one training row alone has the {named(once)}"]
    rare = present[counts[present] < (folds or 0)]
    if len(rare):
        found += [f"fewer training rows than the {folds} folds have the {named(rare)}, which some folds lack"]
    return [Doubt(text) for text in found]


def of_axes(axes: Mapping[str, np.ndarray], dtype: np.dtype) -> list[Doubt]:
    """Values, name -> ``[k]``, that stand on an axis of a grid twice in the dtype of the arithmetic."""
    found = []
    for name, values in axes.items():
        distinct, first, counts = np.unique(values.astype(dtype), return_index=True, return_counts=True)
        if len(distinct) < values.size:
            texts = [compact(float(values[i]), 6) for i in first[counts > 1]]
            text = f"{shortened(texts, 5)} more than once, in cells that are the same"
            found.append(Doubt(text, name))
    return found


def of_dropout(rates: np.ndarray, layers: Sequence[LayerKind], shape: Shape) -> list[Doubt]:
    """Rates of dropout of a network without hidden units, for inputs of a shape."""
    if rates.max() == 0 or any(dropped is not None for dropped in dropout_shapes(layers, shape)):
        return []
    return [Doubt("the network has no hidden units to drop, so that its value changes nothing", "dropout")]
