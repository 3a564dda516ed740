"""Training and test rows of the workloads, made once a process."""

import functools
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class Rows(NamedTuple):
    """Inputs ``[n, …]``, and integer labels ``[n]`` or targets, to train and to test on."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits() -> Rows:
    """The digits ``[n, 64]`` float64, split by the notes' random calls."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.RandomState(0)
    rng.choice(range(len(x)), size=5)  # the images that the notes show
    x_train, x_test, y_train, y_test = train_test_split(x, y, train_size=0.8, test_size=0.2, random_state=rng)
    return Rows(x_train, y_train, x_test, y_test)


def pixels(*shape: int) -> Rows:
    """The digits as grey values in [0, 1], float32, in the shape of an image."""
    rows = digits()
    x_train, x_test = ((x.reshape(-1, *shape) / 16).astype(np.float32) for x in (rows.x_train, rows.x_test))
    return rows._replace(x_train=x_train, x_test=x_test)


def mnist_shaped() -> Rows:
    """Ten noisy patterns of 784 pixels in [0, 1]: 4,096 rows to train on and 1,024 to test on."""
    rng = np.random.default_rng(0)
    patterns = rng.random((10, 784))
    labels = rng.integers(0, 10, 5120)
    x = np.clip(0.3 * patterns[labels] + 0.7 * rng.random((5120, 784)), 0, 1)
    return Rows(x[:4096], labels[:4096], x[4096:], labels[4096:])


def standardised(x: np.ndarray, y: np.ndarray) -> Rows:
    """A fifth of the rows to test on; all standardised by the others."""
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x_train)
    return Rows(scaler.transform(x_train), y_train, scaler.transform(x_test), y_test)


def xor() -> Rows:
    """The four corners, to train and to test on."""
    x = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float64)
    t = np.array([0, 1, 1, 0])
    return Rows(x, t, x, t)


def waves(time: int = 40, labels: int = 10) -> Rows:
    """Noisy waves whose frequency is the label, in the shape of MNIST-1D: ``[4000 and 1000, 40, 1]``."""
    rng = np.random.default_rng(0)
    y = rng.integers(labels, size=5000)
    phase = rng.uniform(0, 2 * np.pi, size=(5000, 1))
    x = np.sin(np.pi * (y[:, None] + 1) * np.arange(time) / time + phase)
    x = (x + 0.3 * rng.normal(size=(5000, time)))[..., None].astype(np.float32)
    return Rows(x[:4000], y[:4000], x[4000:], y[4000:])


def points(count: int = 256, largest: float = 3.0) -> Rows:
    """Points ``[256, 1]`` from 0 to 3 at which u = sin t is scored; nothing to test on."""
    t = np.linspace(0, largest, count)[:, None]
    return Rows(t, np.sin(t[:, 0]), t[:0], t[:0, 0])


def series(number: int = 1000, length: int = 60) -> Rows:
    """Series one after another ``[60000, 4]``, each with a smooth function of its own; nothing to test on."""
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
    "wine": lambda: standardised(*load_wine(return_X_y=True)),
    "iris": lambda: standardised(*load_iris(return_X_y=True)),
    "xor": xor,
    "waves": waves,
    "points": points,
}


@functools.cache
def load(name: str) -> Rows:
    """The rows by a name of `DATA`."""
    return DATA[name]()
