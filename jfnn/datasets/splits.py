"""Train/test splits, standardization, and well-known data sets."""

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
from jfnn.arguments.packages import import_package
from jfnn.datasets.columns import ColumnNames, fit, gaps_text, read_frame
from jfnn.datasets.targets import Table
from jfnn.split import Split, as_size, check_indexes, check_same_index, column_names
from jfnn.targets import is_labels


def split(
    x: ArrayLike,
    y: ArrayLike,
    test_size: float | int = 0.2,
    random_state: int | None = 0,
    weights: ArrayLike | None = None,
    stratify: ArrayLike | bool | None = None,
) -> Split:
    """Shuffle rows and split them into training and test rows; each input keeps its label and weight.

    Args:
        x: Inputs ``[n, …]``. The column names of a data frame become "columns" in the split's names, and the
            name of a series ``y`` becomes "target".
        y: Labels or targets, n rows.
        test_size: Fraction (float) or number (int) of test rows; 0 to train on all rows, shuffled.
        random_state: Seed of the shuffle; None uses NumPy's global generator.
        weights: Weight of each row in the loss ``[n]``; the test rows' weights are dropped.
        stratify: True to preserve the class frequencies of ``y`` in both parts, or other labels ``[n]`` to
            stratify by. Rows match scikit-learn's ``train_test_split(stratify=y)``.

    Raises:
        ValueError: Lengths or pandas indexes differ, a part would be empty, or the seed is negative or has
            more than 32 bits; with ``stratify``, a class has one row, or a part has fewer rows than there are
            classes.
        TypeError: The seed is not a whole number, or the targets to stratify by are not labels.

    Example:
        >>> import jfnn
        >>> from sklearn.datasets import load_iris
        >>> rows = jfnn.datasets.split(*load_iris(return_X_y=True), test_size=30, stratify=True)
        >>> rows.x_train.shape, rows.x_test.shape
        ((120, 4), (30, 4))
    """
    from sklearn.model_selection import train_test_split
    from sklearn.utils import shuffle

    parts = {"x": x, "y": y} | ({} if weights is None else {"weights": weights})
    check_same_index(x, parts)
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
            raise ArgumentError(name, f"expected {n} rows, as in x, got {len(array)}")
    rows = as_size(test_size, n, "test_size", least=0)
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
    """Return the names of a data frame's columns, and of a series of targets."""
    columns: dict[str, Any] = {name: {} for name in column_names(x)}
    if not columns:
        return None
    target = getattr(y, "name", None)
    return ColumnNames({"columns": columns} | ({"target": target} if isinstance(target, str) else {}))


def _classes(labels: Any, n: int, test_rows: int, words: Sequence[str] = ()) -> np.ndarray:
    """Return the class of each row, 0 to k-1, to stratify by; ``words`` name the classes in errors."""
    labels = np.atleast_1d(checks.as_array(labels, "stratify"))
    if labels.shape != (n,):
        raise ArgumentError("stratify", f"expected a label for each of {n} rows, got {list(labels.shape)}")
    if labels.dtype.kind not in "iubUSO":
        reason = f"expected classes, whole numbers or words, got {labels.dtype}"
        raise ArgumentTypeError("stratify", f"{reason}; numeric targets cannot be stratified")
    names, classes, counts = np.unique(
        labels.astype(str) if labels.dtype.hasobject else labels, return_inverse=True, return_counts=True
    )
    if test_rows and counts.min() < 2:
        few = np.flatnonzero(counts < 2).tolist()
        alone = [words[i] if words else names[i].item() for i in few]
        text = checks.as_text(alone[0]) + (f" and {len(alone) - 1} others" if len(alone) > 1 else "")
        raise ArgumentError("stratify", f"expected at least two rows of each class, got one of {text}")
    fewest = min(test_rows, n - test_rows)
    if 0 < fewest < len(names):
        reason = f"expected at least {len(names)} rows in each part, one per class"
        raise ArgumentError("test_size", f"{reason}, got {fewest}")
    return np.asarray(classes)


def split_table(
    table: Table, test_size: float | int = 0.2, random_state: int | None = 0, stratify: bool = False
) -> Split:
    """Split a table into training and test rows, as `split` does, and encode its columns.

    Words and missing values become numbers as described in `transform`, with medians and categories from the
    training rows only. The split's names hold the descriptions of columns as "columns", the words of labels
    as "classes" and the target column as "target", so that `SweepResult.predict` accepts a data frame and
    returns these words. A UserWarning lists how many values were imputed in which columns.

    Args:
        table: From `read_csv`.
        test_size: As in `split`.
        random_state: As in `split`.
        stratify: Whether to preserve the class frequencies, as in `split`.

    Raises:
        ValueError, TypeError: As in `split`; or a numeric column has no number in the training rows.
    """
    checks.check_instance(table, Table, "table")
    checks.as_switch(stratify, "stratify")
    if stratify and table.classes is not None:  # checked first, so that errors use the file's words
        rows = as_size(test_size, len(table.y), "test_size", least=0)
        _classes(table.y, len(table.y), rows, table.classes)
    cut = split(table.x, table.y, test_size, random_state, table.weights, stratify)
    columns = fit(table, cut.x_train)
    if any(columns.values()):
        parts = [x for x in (cut.x_train, cut.x_test) if x is not None]
        read = [read_frame(columns, dict(zip(table.names, x.T, strict=True))) for x in parts]
        cut = cut._replace(x_train=read[0].inputs, x_test=read[1].inputs if len(read) > 1 else None)
        gaps = sum((collections.Counter(part.gaps) for part in read), collections.Counter())
        if gaps:
            number = f"{gaps.total()} gap{'s' * (gaps.total() > 1)}"
            reason = f"{number} became the training rows' median of the column"
            callers.warn(Doubt(f"{reason}: {gaps_text(gaps)}"))
        for reason in read[-1].unknown:
            callers.warn(Doubt(reason))
    names: dict[str, Any] = {"columns": columns} if columns else {}
    if table.classes is not None:
        names["classes"] = list(table.classes)
    if table.target is not None:
        names["target"] = table.target
    return cut._replace(names=ColumnNames(names) if names else None)


def standardize(split: Split, columns: Iterable[str] | None = None) -> Split:
    """Standardize inputs: subtract each column's mean and divide by its standard deviation.

    As with scikit-learn's StandardScaler, both are computed on the training rows only (including rows that a
    sweep then holds out). Targets that are not labels are standardized too, so a quadratic loss is in units
    of their variance. Columns that are constant in the training rows are only centered. The result is
    float64; weights are unchanged. Means and scales become ``names["scaling"]`` of the split, name of a part
    -> ``{"mean": […], "scale": […]}``.

    Args:
        split: As for `jfnn.sweep`; the test rows may be None.
        columns: Names of the input columns ``[n, columns]``, if the split has none. With them,
            `SweepResult.predict` accepts a data frame in its own units, and returns predictions in the
            targets' units.

    Raises:
        ValueError, TypeError: NaN or infinity, with its position; names that are not unique, or not one per
            column; a split that is already standardized.

    Example:
        >>> import jfnn
        >>> split = jfnn.datasets.standardize(jfnn.Split([[1.0, 5.0], [3.0, 5.0]], [0, 1]))
        >>> split.x_train.tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    checks.check_instance(split, Split, "split")
    names = dict(split.names or {})
    if "scaling" in names:
        raise ArgumentError("split", "expected rows that are not standardized yet, got standardized rows")
    from sklearn.preprocessing import StandardScaler

    check_indexes(split)
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
    """Return checked names of columns, unique and one per column."""
    names: list[Any] = list(columns) if checks.as_array(columns, "columns").ndim == 1 else [columns]
    if not all(isinstance(name, str) for name in names):
        raise ArgumentTypeError("columns", f"expected names of columns, got {checks.as_text(columns)}")
    if len(names) != number or len(set(names)) < number:
        raise ArgumentError("columns", f"expected {number} unique names, got {checks.as_text(names)}")
    return [*map(str, names)]


def _columns(part: object, argument: str) -> np.ndarray:
    array = checks.as_array(part, argument)
    rows = checks.as_inputs(array[:, None] if array.ndim == 1 else array, argument, dtype=np.float64)
    return np.asarray(rows, np.float64).reshape(len(rows), -1)


def one_hot(labels: ArrayLike, n_classes: int) -> np.ndarray:
    """Return integer labels ``[n]`` one-hot encoded, ``[n, n_classes]`` float32.

    The number of classes is an argument because the largest class may be absent from the labels.

    Raises:
        TypeError: Labels are not integers, or ``n_classes`` is not a whole number.
        ValueError: A label is out of range, or ``n_classes`` is below 1.

    Example:
        >>> import jfnn
        >>> jfnn.datasets.one_hot([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(checks.as_array(labels, "labels"))
    memory.check("n_classes", 4.0 * len(labels.ravel()) * checks.as_count(n_classes, "n_classes"))
    if not is_labels(labels):
        raise ArgumentTypeError("labels", f"expected integers [n], got {labels.dtype} {list(labels.shape)}")
    if labels.size and (labels.min() < 0 or labels.max() >= n_classes):
        raise ArgumentError("labels", f"expected 0 to {n_classes - 1}, got {labels.min()} to {labels.max()}")
    return np.asarray(labels[:, None] == np.arange(n_classes), np.float32)


def digits(test_size: float | int = 0.2, random_state: int | None = 0, stratify: bool = False) -> Split:
    """Return scikit-learn's digits, the UCI optical digits (not MNIST): 1797 images of 8×8 pixels, flattened.

    Pixel values are 0 to 16, unscaled as in the notes; labels are 0 to 9. By default there are 1437 training
    rows and 360 test rows.

    Args:
        test_size: Fraction or number of test rows; 0 to train on all.
        random_state: Seed of the shuffle, passed to scikit-learn's ``train_test_split``; None uses NumPy's
            global generator, as the notes do.
        stratify: Whether to preserve the frequencies of the digits, as in `split`.

    Example:
        >>> import jfnn
        >>> split = jfnn.datasets.digits()
        >>> split.x_train.shape, split.x_test.shape
        ((1437, 64), (360, 64))
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return split(x, y, test_size, random_state, stratify=checks.as_switch(stratify, "stratify"))


def mnist1d(shuffled: bool = False) -> Split:
    """Return MNIST-1D (Greydanus & Kobak, ICML 2024, arXiv 2011.14439): 40 points per row, labels 0 to 9.

    The package `mnist1d` (the extra "data") generates it from its own seed: 4,000 training and 1,000 test
    rows, in the package's order. Pass ``x[..., None]`` to layers that read sequences, and ``x[:, None]`` to
    convolutions.

    Args:
        shuffled: Whether to permute the points, in the same way in all rows.

    Raises:
        ImportError: The package is not installed.
    """
    checks.as_switch(shuffled, "shuffled")
    data = import_package("mnist1d.data", "mnist1d", "data")
    arguments = data.get_dataset_args()
    arguments.shuffle_seq = shuffled
    # The package seeds the global generators of NumPy and Python, which are restored below.
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
    """Return the OR gate: inputs ``x [4, 2]`` (float64) and truth values ``t [4]`` (0 or 1)."""
    return np.array(_CORNERS, np.float64), np.array([0, 1, 1, 1])


def xor_gate() -> tuple[np.ndarray, np.ndarray]:
    """Return the XOR gate: inputs ``x [4, 2]`` (float64) and truth values ``t [4]`` (0 or 1).

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> x.tolist(), y.tolist()
        ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    return np.array(_CORNERS, np.float64), np.array([0, 1, 1, 0])
