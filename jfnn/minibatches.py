"""Which rows each step of an epoch sees: pure functions of the seed and the epoch.

Every scheme gives row numbers ``[steps, batch]`` (int32) for one epoch. They do not depend on which epochs
were asked for before, so that a run can be cut anywhere and go on, and every member of a stream can share
them. `PADDING` stands where a step has fewer rows than the others; such a place weighs nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jfnn import checks

PADDING = -1
REMAINDERS = ("drop", "keep")


class Minibatches(NamedTuple):
    """How an epoch is cut into steps.

    Attributes:
        scheme: A key of `SCHEMES`.
        batch_size: Rows a step.
        remainder: What "permutation" does with rows that do not fill a batch: "drop" them for this epoch, or
            "keep" them as a last, shorter step.
    """

    scheme: str = "subset"
    batch_size: int = 100
    remainder: str = "drop"

    def steps(self, n: int) -> int:
        """Steps an epoch over ``n`` rows."""
        if self.scheme == "full":
            return 1
        keep = self.scheme == "permutation" and self.remainder == "keep"
        return -(-n // self.batch_size) if keep else n // self.batch_size

    def rows_a_step(self, n: int) -> int:
        """The length of one step's list of rows, padding included."""
        return n if self.scheme == "full" else self.batch_size

    @property
    def pads(self) -> bool:
        """Whether some step may have fewer rows than the others, whatever the number of rows."""
        return self.scheme == "permutation" and self.remainder == "keep"

    def epoch(self, n: int, seed: int, epoch: int) -> np.ndarray:
        """Row numbers ``[steps, batch]`` of one epoch, drawn from ``(seed, epoch)`` alone."""
        return SCHEMES[self.scheme](self, n, (seed, epoch))


def subset(batches: Minibatches, n: int, entropy: tuple[int, int]) -> np.ndarray:
    """A fresh subset without replacement each step, as in the notes: not a pass over the data."""
    rng = np.random.default_rng(entropy)
    rows = [rng.choice(n, batches.batch_size, replace=False) for _ in range(batches.steps(n))]
    return np.stack(rows).astype(np.int32)


def permutation(batches: Minibatches, n: int, entropy: tuple[int, int]) -> np.ndarray:
    """One permutation an epoch, cut into batches; a rest is dropped, or kept as a short last batch."""
    rows = np.random.default_rng(entropy).permutation(n).astype(np.int32)
    size = batches.steps(n) * batches.batch_size
    padding = np.full(max(size - n, 0), PADDING, np.int32)
    return np.concatenate([rows[:size], padding]).reshape(-1, batches.batch_size)


def full(batches: Minibatches, n: int, entropy: tuple[int, int]) -> np.ndarray:
    """All rows in their order, one step an epoch: gradient descent."""
    return np.arange(n, dtype=np.int32)[None]


SCHEMES: dict[str, Callable[[Minibatches, int, tuple[int, int]], np.ndarray]] = {
    "subset": subset,
    "permutation": permutation,
    "full": full,
}


def make(scheme: str, batch_size: int | None, n: int, remainder: str = "drop") -> Minibatches:
    """Checks what a user asked for; a ``batch_size`` of None means all rows.

    Raises:
        ValueError: An unknown name, a batch below 1 or larger than the ``n`` rows there are.
        TypeError: ``batch_size`` is not a whole number.
    """
    checks.as_choice(scheme, "minibatch", SCHEMES)
    checks.as_choice(remainder, "remainder", REMAINDERS)
    if batch_size is None or scheme == "full":
        return Minibatches("full", n, remainder)
    size = checks.as_count(batch_size, "batch_size")
    if size > n:
        raise ValueError(f"batch_size: expected at most the {n} training rows, got {size}")
    return Minibatches(scheme, size, remainder)
