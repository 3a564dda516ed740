"""Rows to train on and rows to test on: cut so that pairs stay together, standardised; well-known ones."""

from __future__ import annotations

import collections
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import callers, checks, memory
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.packages import imported
from jfnn.datasets.columns import ColumnNames, fitted, gaps_text, read_frame
from jfnn.datasets.targets import Table
from jfnn.split import Split
from jfnn.targets import is_labels


def split(
    x: ArrayLike,
    y: ArrayLike,
    test_size: float | int = 0.2,
    random_state: int | None = 0,
    weights: ArrayLike | None = None,
    stratify: ArrayLike | bool | None = None,
) -> Split:
    """Shuffles rows and cuts them in two; each input keeps its label and its weight.

    Args:
        x: Inputs ``[n, …]``; the names of a data frame's columns become "columns" in the split's names, and
            that of a series ``y`` then "target".
        y: Labels or targets, n rows.
        test_size: Share (float) or number (int) of rows to test on; 0 to train on all of them, shuffled.
        random_state: Seed of the shuffle; None draws from NumPy's global generator.
        weights: How often each row's cost counts ``[n]``; those of the test rows are left out.
        stratify: True to give each class of ``y`` its share of the test rows, or other labels ``[n]`` for
            that; the rows are those of scikit-learn's ``train_test_split(stratify=y)``.

    Raises:
        ValueError: Lengths differ, a part would be empty, or the seed is negative or of more than 32 bits;
            with ``stratify`` a class of one row, or fewer rows in a part than classes.
        TypeError: The seed is no whole number; targets that are no labels cannot be cut evenly.
    """
    from sklearn.model_selection import train_test_split
    from sklearn.utils import shuffle

    parts = {"x": x, "y": y} | ({} if weights is None else {"weights": weights})
    arrays = {name: np.atleast_1d(checks.as_array(array, name)) for name, array in parts.items()}
    n = len(arrays["x"])
    if arrays["x"].ndim == 1 and arrays["y"].ndim > 1 and arrays["y"][:1].size > 1:
        raise ArgumentError(
            "x",
            "expected rows [n, features] before their labels",
            got=f"{list(arrays['x'].shape)}, and y {list(arrays['y'].shape)}",
            cure="split(x, y) in this order, or x.reshape(-1, 1) for a single feature",
        )
    for name, array in arrays.items():
        if len(array) != n:
            raise ArgumentError(name, f"expected {n} rows, as x has, got {len(array)}")
    rows = checks.as_size(test_size, n, "test_size", least=0)
    if random_state is not None:
        checks.as_seed(random_state, "random_state")
    classes = None
    if stratify is not None and stratify is not False:
        classes = _classes(arrays["y"] if stratify is True else stratify, n, rows)
    names = _names_of(x, y)
    if not rows:
        x_train, y_train, *rest = shuffle(*arrays.values(), random_state=random_state)
        return Split(x_train, y_train, weights=rest[0] if rest else None, names=names)
    x_train, x_test, y_train, y_test, *rest = train_test_split(
        *arrays.values(), test_size=rows, random_state=random_state, stratify=classes
    )
    return Split(x_train, y_train, x_test, y_test, rest[0] if rest else None, names)


def _names_of(x: object, y: object) -> ColumnNames | None:
    """The names of a data frame's columns, and of a series of targets beside it."""
    columns: dict[str, Any] = {name: {} for name in checks.column_names(x)}
    if not columns:
        return None
    target = getattr(y, "name", None)
    return ColumnNames({"columns": columns} | ({"target": target} if isinstance(target, str) else {}))


def _classes(labels: Any, n: int, test_rows: int, words: Sequence[str] = ()) -> np.ndarray:
    """The class of each row, 0 to k-1, whose shares a cut is to keep; ``words`` name them in errors."""
    labels = np.atleast_1d(checks.as_array(labels, "stratify"))
    if labels.shape != (n,):
        raise ArgumentError("stratify", f"expected a label for each of {n} rows, got {list(labels.shape)}")
    if labels.dtype.kind not in "iubUSO":
        reason = f"expected classes, whole numbers or words, got {labels.dtype}"
        raise ArgumentTypeError("stratify", f"{reason}; targets that are numbers have no shares to keep")
    names, classes, counts = np.unique(
        labels.astype(str) if labels.dtype.hasobject else labels, return_inverse=True, return_counts=True
    )
    if test_rows and counts.min() < 2:
        few = np.flatnonzero(counts < 2).tolist()
        alone = [words[i] if words else names[i].item() for i in few]
        text = checks.shown(alone[0]) + (f" and {len(alone) - 1} others" if len(alone) > 1 else "")
        raise ArgumentError("stratify", f"expected at least two rows of each class, got one of {text}")
    fewest = min(test_rows, n - test_rows)
    if 0 < fewest < len(names):
        reason = f"expected at least {len(names)} rows in each part, as there are classes"
        raise ArgumentError("test_size", f"{reason}, got {fewest}")
    return np.asarray(classes)


def split_table(
    table: Table, test_size: float | int = 0.2, random_state: int | None = 0, stratify: bool = False
) -> Split:
    """A table's rows to train and to test on: as its file cuts them, else as `split` does.

    Words and gaps become numbers as `transform` says, by the medians and categories of the training rows
    only. The split's names have the description of the columns for it as "columns", the words of the labels
    as "classes", and the column of the targets as "target", so that `SweepResult.predict` takes a data frame
    and answers in these words. A UserWarning says how many gaps were filled, and where.

    Args:
        table: From `read_csv` or `read_npz`.
        test_size: As in `split`; unused where the file itself holds test rows.
        random_state: The same.
        stratify: Whether each class keeps its share, as in `split`; the same.

    Raises:
        ValueError, TypeError: As in `split`, and a column of numbers without any in the training rows.
    """
    checks.check_instance(table, Table, "table")
    checks.as_switch(stratify, "stratify")
    n = table.n_train
    if n is None:
        if stratify and table.classes is not None:  # first, for an error in the file's words
            rows = checks.as_size(test_size, len(table.y), "test_size", least=0)
            _classes(table.y, len(table.y), rows, table.classes)
        cut = split(table.x, table.y, test_size, random_state, table.weights, stratify)
    else:
        cut = Split(table.x[:n], table.y[:n], table.x[n:], table.y[n:], table.weights)
    columns = fitted(table, cut.x_train)
    if any(columns.values()):
        parts = [x for x in (cut.x_train, cut.x_test) if x is not None]
        read = [read_frame(columns, dict(zip(table.names, x.T, strict=True))) for x in parts]
        cut = cut._replace(x_train=read[0].inputs, x_test=read[1].inputs if len(read) > 1 else None)
        gaps = sum((collections.Counter(part.gaps) for part in read), collections.Counter())
        if gaps:
            number = f"{gaps.total()} gap{'s' * (gaps.total() > 1)}"
            reason = f"{number} became the median that the training rows have in the column"
            callers.warn(Doubt(f"{reason}: {gaps_text(gaps)}"))
        for reason in read[-1].unknown:
            callers.warn(Doubt(reason))
    names: dict[str, Any] = {"columns": columns} if columns else {}
    if table.classes is not None:
        names["classes"] = list(table.classes)
    if table.target is not None:
        names["target"] = table.target
    return cut._replace(names=ColumnNames(names) if names else None)


def standardise(split: Split, columns: Iterable[str] | None = None) -> Split:
    """Inputs with each column's mean subtracted, over its standard deviation (scikit-learn's StandardScaler).

    Both are those of the training rows only (rows that a sweep then holds out are among them). Targets that
    are no labels are treated in the same way, so that a quadratic loss is in units of their variance.
    A column that is constant there is only centred. The result is float64; weights stay as they are. Means
    and scales become ``names["scaling"]`` of the split, name of a part -> ``{"mean": […], "scale": […]}``.

    Args:
        split: As `jfnn.sweep` takes it; the test rows may be None.
        columns: Names of the columns of the inputs ``[n, columns]``, where the split has none. With them
            `SweepResult.predict` takes a data frame in its own units, and answers in those of the targets.

    Raises:
        ValueError, TypeError: NaN or infinity; the message says where. Names that are not one a column, each
            another. A split that has been standardised.
    """
    checks.check_instance(split, Split, "split")
    names = dict(split.names or {})
    if "scaling" in names:
        raise ArgumentError("split", "expected rows that are not standardised yet, got some that are")
    from sklearn.preprocessing import StandardScaler

    arrays: dict[str, Any] = split._asdict()
    are_numbers = split.y_train is not None and not is_labels(checks.as_array(split.y_train, "y_train"))
    names["scaling"] = {}
    for part in ("x", "y") if are_numbers else ("x",):
        with np.errstate(over="ignore", invalid="ignore"):
            scaler = StandardScaler().fit(_columns(arrays[f"{part}_train"], f"{part}_train"))
        if not np.isfinite([scaler.mean_, scaler.scale_]).all():
            raise ArgumentError(f"{part}_train", "its numbers are too large for a standard deviation")
        names["scaling"][part] = {"mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist()}
        for name in (f"{part}_train", f"{part}_test"):
            if arrays[name] is not None:
                scaled = scaler.transform(_columns(arrays[name], name))
                arrays[name] = scaled.reshape(np.shape(arrays[name]))
    if columns is not None:
        names["columns"] = {name: {} for name in _column_names(columns, len(names["scaling"]["x"]["mean"]))}
    return Split(**arrays | {"names": ColumnNames(names)})


def _column_names(columns: Iterable[str], number: int) -> list[str]:
    """Names of columns, one for each and each another."""
    names: list[Any] = list(columns) if checks.as_array(columns, "columns").ndim == 1 else [columns]
    if not all(isinstance(name, str) for name in names):
        raise ArgumentTypeError("columns", f"expected names of columns, got {checks.shown(columns)}")
    if len(names) != number or len(set(names)) < number:
        raise ArgumentError("columns", f"expected {number} names, each another, got {checks.shown(names)}")
    return [*map(str, names)]


def _columns(part: object, argument: str) -> np.ndarray:
    """Finite numbers ``[n, columns]``, float64."""
    array = checks.as_array(part, argument)
    rows = checks.as_inputs(array[:, None] if array.ndim == 1 else array, argument, dtype=np.float64)
    return np.asarray(rows, np.float64).reshape(len(rows), -1)


def one_hot(labels: ArrayLike, n_classes: int) -> np.ndarray:
    """Integer labels ``[n]`` as rows of zeros with a single one, ``[n, n_classes]`` float32.

    The number of classes is an argument, since labels may lack the largest class.

    Raises:
        TypeError: Labels are not integers, or ``n_classes`` is no whole number.
        ValueError: A label is out of range, or ``n_classes`` is below 1.
    """
    labels = np.asarray(checks.as_array(labels, "labels"))
    memory.check("n_classes", 4.0 * len(labels.ravel()) * checks.as_count(n_classes, "n_classes"))
    if not is_labels(labels):
        raise ArgumentTypeError("labels", f"expected integers [n], got {labels.dtype} {list(labels.shape)}")
    if labels.size and (labels.min() < 0 or labels.max() >= n_classes):
        raise ArgumentError("labels", f"expected 0 to {n_classes - 1}, got {labels.min()} to {labels.max()}")
    return np.asarray(labels[:, None] == np.arange(n_classes), np.float32)


def digits(test_size: float | int = 0.2, random_state: int | None = 0, stratify: bool = False) -> Split:
    """scikit-learn's digits, the UCI optical digits (not MNIST): 1797 images of 8×8 pixels, flattened.

    Pixel values are 0 to 16, unscaled as in the notes; labels are 0 to 9. With the default, 1437 rows train
    and 360 test.

    Args:
        test_size: Share or number of rows to test on; 0 to train on all.
        random_state: Seed of the shuffle, passed to scikit-learn's ``train_test_split``; None draws from
            NumPy's global generator, as the notes do.
        stratify: Whether each digit keeps its share, as in `split`.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return split(x, y, test_size, random_state, stratify=checks.as_switch(stratify, "stratify"))


def mnist1d(shuffled: bool = False) -> Split:
    """MNIST-1D (Greydanus & Kobak, ICML 2024, arXiv 2011.14439): 40 points a row, labels 0 to 9.

    Generated anew from the seed of the package `mnist1d` (the extra "data"), 4,000 rows to train on and 1,000
    to test on, in the package's order. A layer that reads sequences takes them as ``x[..., None]``, a
    convolution as ``x[:, None]``.

    Args:
        shuffled: Whether one permutation, the same for all rows, has mixed the points.

    Raises:
        ImportError: The package is not installed.
    """
    checks.as_switch(shuffled, "shuffled")
    data = imported("mnist1d.data", "mnist1d", "data")
    arguments = data.get_dataset_args()
    arguments.shuffle_seq = shuffled
    # The package seeds the global generators of NumPy and of Python.
    numpy_state = np.random.get_state()
    python_state = random.getstate()
    try:
        dataset = data.make_dataset(arguments)
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
    return Split(dataset["x"], dataset["y"], dataset["x_test"], dataset["y_test"])


_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def or_gate() -> tuple[np.ndarray, np.ndarray]:
    """The OR gate: inputs ``x [4, 2]`` (float64) and truth values ``t [4]`` (0 or 1)."""
    return np.array(_CORNERS, np.float64), np.array([0, 1, 1, 1])


def xor_gate() -> tuple[np.ndarray, np.ndarray]:
    """The XOR gate: inputs ``x [4, 2]`` (float64) and truth values ``t [4]`` (0 or 1)."""
    return np.array(_CORNERS, np.float64), np.array([0, 1, 1, 0])
