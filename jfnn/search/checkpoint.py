"""A run in a directory: claimed before it trains, saved on the way, resumed after a stop, never repeated."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jfnn.engine.state import RunState
from jfnn.experiment import description as fingerprint
from jfnn.search import run_directory as archive
from jfnn.search.result import SweepResult, load_alone
from jfnn.store import files as storage

CHECKPOINT = "checkpoint.jfnn"
# A save waits until so many times what the last one took has passed: saving stays below 5% of a run.
SPACING = 21
# What a first save is taken to cost: opening and syncing, and so many bytes a second.
FIRST_SECONDS, FIRST_BYTES_A_SECOND = 0.05, 2e8


class Checkpoint:
    """The state of a run on disk, saved at the ends of segments where that costs little."""

    def __init__(self, path: Path, description: dict[str, Any]):
        """Nothing is read or written yet.

        Args:
            path: The file.
            description: From `fingerprint.describe`.
        """
        self.path, self.description = path, description
        self.seconds: float | None = None
        self.last = time.perf_counter()

    def save(self, state: RunState, force: bool = False) -> None:
        """Saves a state that nothing is changing, if it is time to or has to be."""
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
        guess = FIRST_SECONDS + sum(leaf.nbytes for leaf in leaves) / FIRST_BYTES_A_SECOND
        started = time.perf_counter()
        if not force and started - self.last <= SPACING * (guess if self.seconds is None else self.seconds):
            return
        header = {name: self.description[name] for name in fingerprint.DECIDING}
        names = storage.names_of_leaves(state)
        storage.write_sealed(self.path, header, dict(zip(names, leaves, strict=True)))
        self.last = time.perf_counter()
        self.seconds = self.last - started

    def restore(self, fresh: RunState) -> RunState:
        """The state that was saved, in the structure of a fresh one; the fresh one where none was.

        Raises:
            ValueError: The file is damaged, of another format or of another run; the message says which array
                is wrong, or in what the runs differ.
        """
        if not self.path.exists():
            return fresh
        header, arrays = storage.read_sealed(self.path)
        archive.check_same(self.path, header, self.description)
        self._check_fit(
            arrays, dict(zip(storage.names_of_leaves(fresh), jax.tree.leaves(fresh), strict=True))
        )
        state = jax.tree.unflatten(jax.tree.structure(fresh), arrays.values())
        return state._replace(epoch=int(state.epoch))

    def _check_fit(self, arrays: dict[str, np.ndarray], expected: dict[str, Any]) -> None:
        if list(arrays) != list(expected):
            other = sorted(arrays.keys() ^ expected.keys())
            raise ValueError(f"{self.path}: its arrays are not those of this run; they differ in {other}")
        for name, leaf in expected.items():
            found, wanted = arrays[name], np.asarray(leaf)
            # Leading axes may differ: a history is as long as it is.
            if found.dtype != wanted.dtype or found.shape[1:] != wanted.shape[1:]:
                raise ValueError(
                    f"{self.path}: array {name!r} is {found.dtype} {found.shape},"
                    f" where this run has {wanted.dtype} {wanted.shape}"
                )

    def remove(self) -> None:
        """Removes the file, and what a kill amid a save has left of it."""
        self.path.unlink(missing_ok=True)
        storage.leftover(self.path).unlink(missing_ok=True)


def carry_out(
    train: Callable[[Checkpoint | None], SweepResult],
    description: dict[str, Any],
    out: str | os.PathLike | None,
    resume: bool,
    start,
) -> SweepResult:
    """Trains in memory alone, or in a directory.

    Args:
        train: What gives the result, with a checkpoint to go on from and to save to.
        description: What the run is, from `fingerprint.describe`.
        out: The directory, or None.
        resume: Whether to go on with, or give back, the same run in there.
        start: One member's parameters, if such are kept.

    Raises:
        ValueError: The directory holds another run, or this one and ``resume`` is not set; another process
            uses it; or a file in it is damaged.
        TypeError: The parameters cannot be saved.
    """
    if out is None:
        if resume:
            raise ValueError("resume: there is nothing to go on with; give the directory as out")
        return train(None)
    directory = Path(out)
    archive.check_can_hold(description["settings"]["axes"], start)
    archive.make(directory)
    with storage.held(directory):
        checkpoint = Checkpoint(directory / CHECKPOINT, description)
        if _claim(directory, checkpoint, resume):
            result = load_alone(directory)
        else:
            result = train(checkpoint)
            result.save(directory)
        checkpoint.remove()
    return result


def _claim(directory: Path, checkpoint: Checkpoint, resume: bool) -> bool:
    """Makes a directory this run's; whether the run has ended already."""
    found = archive.read_config(directory)
    archive.check_same(directory, found, checkpoint.description)
    finished = found is not None and found["status"] == "finished"
    if not resume and (finished or checkpoint.path.exists()):
        state, what = ("finished", "gives back its result") if finished else ("unfinished", "goes on with it")
        raise ValueError(
            f"out: {directory} holds this very run, {state}; resume=True {what}, or choose another directory"
        )
    if not finished:
        archive.write_config(directory, checkpoint.description)
    return finished
