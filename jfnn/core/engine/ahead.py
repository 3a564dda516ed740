"""Trainers of several runs: while one trains, the programs of the next ones compile on other threads."""

import concurrent.futures
import functools
from collections.abc import Callable, Sequence
from typing import Self

import jax

from jfnn.core.engine.cohort import Cohort
from jfnn.core.engine.threads import for_worker_thread
from jfnn.core.engine.trainer import Trainer
from jfnn.numerics.machine import cores

# Most bytes of the rows of runs that wait for their turn, each of which holds a copy.
WAITING_BYTES = 256_000_000


class Ahead:
    """Trainers that are made and compiled in turn, as many at once as there are cores; a context."""

    def __init__(self, makes: Sequence[Callable[[], Trainer]], at_once: int):
        """Makes nothing yet.

        Args:
            makes: Each makes a trainer.
            at_once: Trainers that compile at once, at most.
        """
        self.makes = makes
        self.at_once = at_once
        self.begun: dict[int, concurrent.futures.Future[Trainer]] = {}
        self.pool = concurrent.futures.ThreadPoolExecutor(at_once)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def take(self, number: int) -> Trainer:
        """A trainer whose programs are compiled; those behind it begin to be.

        Raises:
            Exception: What making or compiling this one raises.
        """
        for following in range(number, min(number + self.at_once, len(self.makes))):
            if following not in self.begun:
                compiling = for_worker_thread(functools.partial(_make_and_compile, self.makes[following]))
                self.begun[following] = self.pool.submit(compiling)
        return self.begun.pop(number).result()


def _make_and_compile(make: Callable[[], Trainer]) -> Trainer:
    """A trainer with its programs compiled."""
    trainer = make()
    trainer.compile(_ignore)
    return trainer


def _ignore(*_: object) -> None:
    """Tells nobody what is compiled: the bar is that of another run."""


def trainers_at_once(cohort: Cohort) -> int:
    """Runs that compile at once where others have as many rows as this one."""
    rows = sum(int(leaf.nbytes) for leaf in jax.tree.leaves(cohort.data.rows))
    return min(cores(), 1 + WAITING_BYTES // max(rows, 1))
