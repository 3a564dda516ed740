"""Data to learn from: the digits, the gates, people's own files, and splits that keep pairs together."""

import math
from typing import Any, NamedTuple

import numpy as np

from jfnn import checks
from jfnn.datasets.tables import Table, read_csv, read_npz

__all__ = [
    "Split",
    "Table",
    "digits",
    "one_hot",
    "or_gate",
    "read_csv",
    "read_npz",
    "scalers",
    "split",
    "split_table",
    "split_weights",
    "standardise",
    "xor_gate",
]


class Split(NamedTuple):
    """Rows to train on and rows to test on; the test rows may be None.

    Attributes:
        x_train: ``[n, features]``.
        y_train: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        x_test: ``[m, features]``.
        y_test: As ``y_train``.
    """

    x_train: Any
    y_train: Any
    x_test: Any = None
    y_test: Any = None


def digits(test_size=0.2, random_state: int | None = 0) -> Split:
    """scikit-learn's digits, the UCI optical digits (not MNIST): 1797 images of 8×8 pixels, flattened.

    Pixel values are 0 to 16, unscaled as in the notes; labels are 0 to 9. With the default, 1437 rows train
    and 360 test.

    Args:
        test_size: The share or number of rows to test on.
        random_state: The shuffle's seed, passed to scikit-learn's ``train_test_split``; None draws from
            NumPy's global generator, as the notes do.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return split(x, y, test_size=test_size, random_state=random_state)


def split(x, y, test_size=0.2, random_state: int | None = 0) -> Split:
    """Shuffles rows and cuts them in two; each input keeps its label.

    Args:
        x: Inputs ``[n, features]``.
        y: Labels or targets, n rows.
        test_size: The share (float) or number (int) of rows to test on.
        random_state: The shuffle's seed; None draws from NumPy's global generator.

    Raises:
        ValueError: Lengths differ, a part would be empty, or the seed is negative.
        TypeError: The seed is no whole number.
    """
    from sklearn.model_selection import train_test_split

    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise ValueError(f"y: expected {len(x)} rows, as x has, got {len(y)}")
    share = isinstance(test_size, float) and 0 < test_size < 1
    rows = math.ceil(test_size * len(x)) if share else test_size
    if isinstance(rows, float) or not 0 < rows < len(x):
        raise ValueError(
            f"test_size: expected a share between 0 and 1, or a number of rows below {len(x)},"
            f" such that both parts have some, got {test_size}"
        )
    if random_state is not None:
        checks.as_count(random_state, "random_state", minimum=0)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=test_size, random_state=random_state)
    return Split(x_train, y_train, x_test, y_test)


def split_table(table: Table, test_size=0.2, random_state: int | None = 0) -> Split:
    """A table's rows to train and to test on: as its file cuts them, else as `split` does.

    Args:
        table: From `read_csv` or `read_npz`.
        test_size: As in `split`; not used where the file itself holds test rows.
        random_state: The same.

    Raises:
        ValueError: As in `split`.
    """
    if table.n_train is None:
        return split(table.x, table.y, test_size, random_state)
    x, y, n = table.x, table.y, table.n_train
    return Split(x[:n], y[:n], x[n:], y[n:])


def split_weights(table: Table, test_size=0.2, random_state: int = 0) -> np.ndarray | None:
    """The weights of the rows that `split_table` trains on, in its order; None where a table has none.

    Args:
        table: From `read_csv` or `read_npz`.
        test_size: As for `split_table`.
        random_state: The same.

    Raises:
        ValueError, TypeError: As in `split`; also where no seed says which rows these are.
    """
    if table.weights is None or table.n_train is not None:
        return table.weights
    checks.as_count(random_state, "random_state", minimum=0)
    return split(table.x, table.weights, test_size, random_state).y_train


def scalers(split: Split) -> dict[str, Any]:
    """What `standardise` applies: fitted StandardScalers for "x", and for "y" where targets are no labels."""
    from sklearn.preprocessing import StandardScaler

    parts = {"x": split.x_train} | (
        {} if checks.is_labels(np.asarray(split.y_train)) else {"y": split.y_train}
    )
    return {name: StandardScaler().fit(_columns(part)) for name, part in parts.items()}


def standardise(split: Split) -> Split:
    """Each column of the inputs less its mean, over its standard deviation (scikit-learn's StandardScaler).

    Both are those of the training rows alone (among them are any that a sweep then holds out). Targets that
    are no labels are treated in the same way, so that a quadratic loss is in units of their variance.
    A column that is constant there is only centred. The result is float64.

    Args:
        split: As `jfnn.sweep` takes it; the test rows may be None.
    """
    fitted = scalers(split)

    def scaled(name, part):
        if part is None or name not in fitted:
            return part
        return fitted[name].transform(_columns(part)).reshape(np.shape(part))

    return Split(*(scaled(field[0], part) for field, part in split._asdict().items()))


def _columns(part) -> np.ndarray:
    return np.asarray(part, np.float64).reshape(len(part), -1)


def one_hot(labels, n_classes: int) -> np.ndarray:
    """Integer labels ``[n]`` as rows of zeros with a single one, ``[n, n_classes]`` float32.

    The number of classes is given, not read off the labels, which may lack the largest class.

    Raises:
        TypeError: Labels are not integers, or ``n_classes`` is no whole number.
        ValueError: A label is out of range, or ``n_classes`` is below 1.
    """
    labels = np.asarray(labels)
    checks.as_count(n_classes, "n_classes")
    if not checks.is_labels(labels):
        raise TypeError(f"labels: expected integers [n], got {labels.dtype} {list(labels.shape)}")
    if labels.size and (labels.min() < 0 or labels.max() >= n_classes):
        raise ValueError(f"labels: expected 0 to {n_classes - 1}, got {labels.min()} to {labels.max()}")
    return np.eye(n_classes, dtype=np.float32)[labels.astype(np.intp)]


_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def or_gate():
    """The OR gate: inputs ``x [4, 2]`` (float64) and truth values ``t [4]`` (0 or 1)."""
    return np.array(_CORNERS, np.float64), np.array([0, 1, 1, 1])


def xor_gate():
    """The XOR gate: inputs ``x [4, 2]`` (float64) and truth values ``t [4]`` (0 or 1)."""
    return np.array(_CORNERS, np.float64), np.array([0, 1, 1, 0])
