"""Training and test rows of the workloads, made once per process."""

import functools
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class Rows(NamedTuple):
    """Inputs ``[n, …]`` and integer labels ``[n]`` or targets, for training and testing."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits() -> Rows:
    """Return the digits ``[n, 64]`` float64, split by the notes' random calls."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.RandomState(0)
    rng.choice(range(len(x)), size=5)  # the notes draw example images here
    x_train, x_test, y_train, y_test = train_test_split(x, y, train_size=0.8, test_size=0.2, random_state=rng)
    return Rows(x_train, y_train, x_test, y_test)


def pixels(*shape: int) -> Rows:
    """Return the digits as gray values in [0, 1], float32, in the shape of images."""
    rows = digits()
    x_train, x_test = ((x.reshape(-1, *shape) / 16).astype(np.float32) for x in (rows.x_train, rows.x_test))
    return rows._replace(x_train=x_train, x_test=x_test)


def mnist_shaped() -> Rows:
    """Return ten noisy patterns of 784 pixels in [0, 1]: 4,096 training and 1,024 test rows."""
    rng = np.random.default_rng(0)
    patterns = rng.random((10, 784))
    labels = rng.integers(0, 10, 5120)
    x = np.clip(0.3 * patterns[labels] + 0.7 * rng.random((5120, 784)), 0, 1)
    return Rows(x[:4096], labels[:4096], x[4096:], labels[4096:])


def standardized(x: np.ndarray, y: np.ndarray) -> Rows:
    """Return a split with a fifth of the rows for testing, standardized by the training rows."""
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x_train)
    return Rows(scaler.transform(x_train), y_train, scaler.transform(x_test), y_test)


def xor() -> Rows:
    """Return the four corners, for training and testing."""
    x = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float64)
    t = np.array([0, 1, 1, 0])
    return Rows(x, t, x, t)


def waves(time: int = 40, labels: int = 10) -> Rows:
    """Return noisy waves labeled by frequency, in the shape of MNIST-1D: ``[4000 and 1000, 40, 1]``."""
    rng = np.random.default_rng(0)
    y = rng.integers(labels, size=5000)
    phase = rng.uniform(0, 2 * np.pi, size=(5000, 1))
    x = np.sin(np.pi * (y[:, None] + 1) * np.arange(time) / time + phase)
    x = (x + 0.3 * rng.normal(size=(5000, time)))[..., None].astype(np.float32)
    return Rows(x[:4000], y[:4000], x[4000:], y[4000:])


def points(count: int = 256, largest: float = 3.0) -> Rows:
    """Return points ``[256, 1]`` from 0 to 3 at which u = sin t is scored; no test rows."""
    t = np.linspace(0, largest, count)[:, None]
    return Rows(t, np.sin(t[:, 0]), t[:0], t[:0, 0])


def series(number: int = 1000, length: int = 60) -> Rows:
    """Return series one after another ``[60000, 4]``, each with its own smooth function; no test rows."""
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(number, 1, 4))
    x = rng.normal(size=(number, length, 4))
    y = np.tanh((x * slopes).sum(axis=2)).reshape(-1, 1)
    x = x.reshape(-1, 4)
    return Rows(x, y, x[:0], y[:0])


DATA = {
    "series": series,
    "digits": digits,
    "images": lambda: pixels(1, 8, 8),
    "pixels": lambda: pixels(64),
    "mnist_shaped": mnist_shaped,
    "wine": lambda: standardized(*load_wine(return_X_y=True)),
    "iris": lambda: standardized(*load_iris(return_X_y=True)),
    "xor": xor,
    "waves": waves,
    "points": points,
}


@functools.cache
def load(name: str) -> Rows:
    """Return the rows of a name in `DATA`."""
    return DATA[name]()
