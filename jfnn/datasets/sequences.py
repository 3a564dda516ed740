"""MNIST-1D: ten digits as sequences of 40 points (Greydanus & Kobak, ICML 2024, arXiv 2011.14439)."""

import importlib
import random

import numpy as np

LENGTH = 40


def mnist1d_rows(shuffled: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs and labels to train and to test on, as the package `mnist1d` generates them from its seed.

    The package seeds the global generators of NumPy and of Python; both are put back as they were.

    Args:
        shuffled: Whether one permutation, the same for all rows, has mixed the points.

    Returns:
        ``x_train [4000, 40]`` (float64), ``y_train [4000]``, ``x_test [1000, 40]``, ``y_test [1000]``.

    Raises:
        ImportError: The package is not installed.
    """
    try:
        data = importlib.import_module("mnist1d.data")
    except ImportError as error:
        raise ImportError(
            "mnist1d: expected the package mnist1d, which generates the data: pip install 'jfnn[data]'"
        ) from error
    arguments = data.get_dataset_args()
    arguments.shuffle_seq = shuffled
    states = np.random.get_state(), random.getstate()
    try:
        made = data.make_dataset(arguments)
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
    return made["x"], made["y"], made["x_test"], made["y_test"]
