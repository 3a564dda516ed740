"""Data to learn from: the digits, the gates, and the split that keeps inputs and labels together."""

from typing import Any, NamedTuple

import numpy as np

from jfnn import checks


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
        ValueError: Lengths differ, or a part would be empty.
    """
    from sklearn.model_selection import train_test_split

    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise ValueError(f"y: expected {len(x)} rows, as x has, got {len(y)}")
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=test_size, random_state=random_state)
    return Split(x_train, y_train, x_test, y_test)


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
