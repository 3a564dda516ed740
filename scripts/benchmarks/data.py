"""Training and test rows of the workloads, made once a process."""

import functools
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class Rows(NamedTuple):
    """Inputs ``[n, n_in]`` (float64) and integer labels ``[n]``, to train and to test on."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@functools.cache
def digits() -> Rows:
    """The digits, split by the notes' random calls."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.RandomState(0)
    rng.choice(range(len(x)), size=5)  # the images that the notes show
    x_train, x_test, y_train, y_test = train_test_split(x, y, train_size=0.8, test_size=0.2, random_state=rng)
    return Rows(x_train, y_train, x_test, y_test)


@functools.cache
def mnist_shaped() -> Rows:
    """Ten noisy patterns of 784 pixels in [0, 1]: 4,096 rows to train on and 1,024 to test on."""
    rng = np.random.default_rng(0)
    patterns = rng.random((10, 784))
    labels = rng.integers(0, 10, 5120)
    x = np.clip(0.3 * patterns[labels] + 0.7 * rng.random((5120, 784)), 0, 1)
    return Rows(x[:4096], labels[:4096], x[4096:], labels[4096:])


@functools.cache
def wine() -> Rows:
    """scikit-learn's wines, standardised: 142 rows to train on and 36 to test on."""
    return _standardised(*load_wine(return_X_y=True))


@functools.cache
def iris() -> Rows:
    """scikit-learn's iris flowers, standardised: 120 rows to train on and 30 to test on."""
    return _standardised(*load_iris(return_X_y=True))


def _standardised(x: np.ndarray, y: np.ndarray) -> Rows:
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x_train)
    return Rows(scaler.transform(x_train), y_train, scaler.transform(x_test), y_test)


@functools.cache
def xor() -> Rows:
    """The four corners, to train and to test on."""
    x, t = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float64), np.array([0, 1, 1, 0])
    return Rows(x, t, x, t)


DATA = {"digits": digits, "mnist_shaped": mnist_shaped, "wine": wine, "iris": iris, "xor": xor}
