"""A checkpoint: any pytree of arrays on disk, with the identity of the run that it belongs to."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from jfnn.core.store import archives, files, identity
from jfnn.core.store.identity import Description

# Durations of the last save between two saves: at 21 they take less than 5% of a run. More lose more work
# when a process dies.
SPACING = 21.0
# Guess of the duration of the first save, before any was measured: opening and syncing a file, in seconds,
# and bytes written a second. A wrong guess moves the first save only.
FIRST_SECONDS = 0.05
FIRST_BYTES_A_SECOND = 2e8

Tree = TypeVar("Tree")


class Checkpoint:
    """The state of a run in a file, saved as often as costs little."""

    def __init__(
        self,
        path: Path,
        description: Description,
        spacing: float = SPACING,
        clock: Callable[[], float] = time.perf_counter,
    ):
        """Reads and writes nothing yet; ``clock`` gives the time in seconds."""
        self.path = path
        self.description = description
        self.spacing = spacing
        self.clock = clock
        self.seconds: float | None = None
        self.last = clock()

    def save(self, state: object, now: bool = False) -> None:
        """Saves a state if it is time to, or in any case ``now``; nothing may change it meanwhile."""
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
        """The saved state, in the structure of a fresh one; the fresh one if none was saved.

        Raises:
            ValueError: The file is corrupt or of another run; the message names the differences.
        """
        if not files.file_exists(self.path):
            return fresh
        header, arrays = files.read_archive(self.path)
        identity.check_same(self.path, header, self.description)
        leaves, structure = jax.tree.flatten(fresh)
        if list(arrays) != archives.leaf_names(fresh):
            raise files.CorruptFileError(f"{self.path}: its arrays have other names than this run's")
        new_leaves = [
            self._restored_leaf(name, array, leaf)
            for (name, array), leaf in zip(arrays.items(), leaves, strict=True)
        ]
        restored: Tree = jax.tree.unflatten(structure, new_leaves)
        return restored

    def _restored_leaf(self, name: str, saved: np.ndarray, fresh: object) -> Any:
        """A saved leaf with the dtype and shape of a fresh one; a history, empty at first, has any length."""
        leaf = np.asarray(fresh)
        free = int(leaf.shape[:1] == (0,))
        if (saved.dtype, saved.ndim, saved.shape[free:]) != (leaf.dtype, leaf.ndim, leaf.shape[free:]):
            got = f"{saved.dtype} {list(saved.shape)}, expected {leaf.dtype} {list(leaf.shape)}"
            raise files.CorruptFileError(f"{self.path}: array {name!r} is {got}")
        return int(saved) if isinstance(fresh, int) else saved

    def remove(self) -> None:
        """Removes the file, and the part of one that a killed process has left."""
        self.path.unlink(missing_ok=True)
        files.leftover_file(self.path).unlink(missing_ok=True)
