"""Checkpoints: a pytree of arrays on disk, with the identity of its run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from jfnn.core.store import archives, files, identity
from jfnn.core.store.identity import Description

# Time between two saves, as a multiple of the last one's duration: with 21, saves take less than 5% of a run.
# With more, a process that dies loses more work.
SPACING = 21.0
# Assumed duration of the first save: seconds to open and sync a file, and bytes written per second. Wrong
# values only move the first save.
FIRST_SECONDS = 0.05
FIRST_BYTES_A_SECOND = 2e8

Tree = TypeVar("Tree")


class Checkpoint:
    """The state of a run in a file, saved as often as is cheap."""

    def __init__(
        self,
        path: Path,
        description: Description,
        spacing: float = SPACING,
        clock: Callable[[], float] = time.perf_counter,
    ):
        """Store the arguments; reads and writes nothing. ``clock`` returns the time in seconds."""
        self.path = path
        self.description = description
        self.spacing = spacing
        self.clock = clock
        self.seconds: float | None = None
        self.last = clock()

    def save(self, state: object, now: bool = False) -> None:
        """Save a state if it is time for a save, or always if ``now``; it must not change meanwhile."""
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
        guess = FIRST_SECONDS + sum(leaf.nbytes for leaf in leaves) / FIRST_BYTES_A_SECOND
        started = self.clock()
        wait = self.spacing * (guess if self.seconds is None else self.seconds)
        if not now and started - self.last <= wait:
            return
        arrays = dict(zip(archives.leaf_names(state), leaves, strict=True))
        files.write_archive(self.path, identity.deciding_values(self.description), arrays)
        self.last = self.clock()
        self.seconds = self.last - started

    def restore(self, fresh: Tree) -> Tree:
        """Return the saved state, with the structure of ``fresh``; if none was saved, return ``fresh``.

        Raises:
            ValueError: The file is corrupt or from another run; the message lists the differences.
        """
        if not files.file_exists(self.path):
            return fresh
        header, arrays = files.read_archive(self.path)
        identity.check_same(self.path, header, self.description)
        leaves, structure = jax.tree.flatten(fresh)
        if list(arrays) != archives.leaf_names(fresh):
            raise files.CorruptFileError(f"{self.path}: its arrays have other names than this run's")
        new_leaves = [
            self._restore_leaf(name, array, leaf)
            for (name, array), leaf in zip(arrays.items(), leaves, strict=True)
        ]
        restored: Tree = jax.tree.unflatten(structure, new_leaves)
        return restored

    def _restore_leaf(self, name: str, saved: np.ndarray, fresh: object) -> Any:
        """Return a saved leaf, checked against a fresh one; only a history may differ in length."""
        leaf = np.asarray(fresh)
        free = int(leaf.shape[:1] == (0,))
        if (saved.dtype, saved.ndim, saved.shape[free:]) != (leaf.dtype, leaf.ndim, leaf.shape[free:]):
            got = f"{saved.dtype} {list(saved.shape)}, expected {leaf.dtype} {list(leaf.shape)}"
            raise files.CorruptFileError(f"{self.path}: array {name!r} is {got}")
        return int(saved) if isinstance(fresh, int) else saved

    def remove(self) -> None:
        """Remove the file, and any incomplete copy left by a killed process."""
        self.path.unlink(missing_ok=True)
        files.leftover_file(self.path).unlink(missing_ok=True)
