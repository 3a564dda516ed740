"""A checkpoint: any pytree of arrays on disk, with the identity of the run that it belongs to."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from jfnn.checks import ArgumentError
from jfnn.store import checksummed, files, identity, trees
from jfnn.store.identity import DECIDING, Description

# Wait SPACING × the last save's duration: checkpointing stays below 5% of a run.
SPACING = 21.0
# What a first save is taken to cost: opening and syncing, and so many bytes a second.
FIRST_SECONDS, FIRST_BYTES_A_SECOND = 0.05, 2e8

Tree = TypeVar("Tree")


class Checkpoint:
    """The state of a run in a file, saved where that costs little."""

    def __init__(
        self,
        path: Path,
        description: Description,
        spacing: float = SPACING,
        clock: Callable[[], float] = time.perf_counter,
    ):
        """Nothing is read or written yet.

        Args:
            path: The file.
            description: What the run is.
            spacing: Wait so many times the last save's duration.
            clock: Gives the time in seconds.
        """
        self.path, self.description, self.spacing, self.clock = path, description, spacing, clock
        self.seconds: float | None = None
        self.last = clock()

    def save(self, state: Any, now: bool = False) -> None:
        """Saves a state that nothing is changing, if it is time to or must be ``now``."""
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
        guess = FIRST_SECONDS + sum(leaf.nbytes for leaf in leaves) / FIRST_BYTES_A_SECOND
        started = self.clock()
        wait = self.spacing * (guess if self.seconds is None else self.seconds)
        if not now and started - self.last <= wait:
            return
        header = {name: self.description[name] for name in DECIDING}
        names = trees.names_of_leaves(state)
        checksummed.write(self.path, header, dict(zip(names, leaves, strict=True)))
        self.last = self.clock()
        self.seconds = self.last - started

    def restore(self, fresh: Tree) -> Tree:
        """The state that was saved, in the structure of a fresh one; the fresh one where none was.

        Raises:
            ValueError: The file is corrupt, of another format or of another run; the message says which array
                is wrong, or in what the runs differ.
        """
        if not files.is_there(self.path):
            return fresh
        header, arrays = checksummed.read(self.path)
        identity.check_same(self.path, header, self.description)
        leaves, structure = jax.tree.flatten(fresh)
        self._check_fit(arrays, dict(zip(trees.names_of_leaves(fresh), leaves, strict=True)))
        saved = [
            int(array) if isinstance(leaf, int) else array
            for leaf, array in zip(leaves, arrays.values(), strict=True)
        ]
        restored: Tree = jax.tree.unflatten(structure, saved)
        return restored

    def _check_fit(self, arrays: dict[str, np.ndarray], expected: dict[str, Any]) -> None:
        if list(arrays) != list(expected):
            other = sorted(arrays.keys() ^ expected.keys())
            raise ArgumentError(
                str(self.path), f"its arrays are not those of this run; they differ in {other}"
            )
        for name, leaf in expected.items():
            saved, fresh = arrays[name], np.asarray(leaf)
            # A history, empty at first, is as long as it is.
            of_saved, of_fresh = saved.shape, fresh.shape
            if of_fresh[:1] == (0,):
                of_saved, of_fresh = of_saved[1:], of_fresh[1:]
            if saved.dtype != fresh.dtype or of_saved != of_fresh or saved.ndim != fresh.ndim:
                raise ArgumentError(
                    str(self.path),
                    f"array {name!r} is {saved.dtype} {saved.shape},"
                    f" where this run has {fresh.dtype} {fresh.shape}",
                )

    def remove(self) -> None:
        """Removes the file, and what a kill amid a save has left of it."""
        self.path.unlink(missing_ok=True)
        files.leftover(self.path).unlink(missing_ok=True)
