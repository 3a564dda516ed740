"""Inputs of many fits, of which those with equal bytes are kept once."""

import collections

import numpy as np

from jfnn.store.files import digest

SAMPLE = 16  # rows at equal distances by which inputs are looked up before all of their bytes are compared


class Inputs:
    """Inputs ``[n, features]`` by number: equal bytes have one number, whatever their order in memory.

    They are compared, since a digest of all bytes takes several times as long.
    """

    def __init__(self) -> None:
        """Holds none."""
        self.arrays: list[np.ndarray] = []
        self._alike: dict[str, list[int]] = collections.defaultdict(list)  # digest of a sample -> numbers

    def number(self, x: np.ndarray) -> int | None:
        """The number of inputs; None if they are not among those kept."""
        alike = self._alike.get(_sample(x), [])
        return next((number for number in alike if same_bytes(self.arrays[number], x)), None)

    def add(self, x: np.ndarray) -> int:
        """The number of inputs, which are kept if they are new."""
        number = self.number(x)
        if number is None:
            number = len(self.arrays)
            self.arrays.append(x)
            self._alike[_sample(x)].append(number)
        return number


def _sample(x: np.ndarray) -> str:
    return digest(x[:: -(-len(x) // SAMPLE)])


def same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether arrays of floats are equal bit by bit: -0 is not 0, NaN is itself."""
    bits = f"u{a.itemsize}"
    return a.dtype == b.dtype and np.array_equal(a.view(bits), b.view(bits))
