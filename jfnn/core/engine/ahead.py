"""Trainers of several runs: while one trains, the programs of the next compile on other threads."""

import concurrent.futures
import functools
from collections.abc import Callable, Sequence
from typing import Self

import jax

from jfnn.core.engine.cohort import Cohort
from jfnn.core.engine.threads import for_worker_thread
from jfnn.core.engine.trainer import Trainer
from jfnn.numerics.machine import cores

# Limit on the bytes of the rows that waiting runs hold in memory; each run has its own copy.
WAITING_BYTES = 256_000_000


class Ahead:
    """Context manager that makes and compiles trainers ahead of their turn, several at once."""

    def __init__(self, makes: Sequence[Callable[[], Trainer]], at_once: int):
        """Store functions that each make a trainer, and the largest number of trainers to compile at once."""
        self.makes = makes
        self.at_once = at_once
        self.begun: dict[int, concurrent.futures.Future[Trainer]] = {}
        self.pool = concurrent.futures.ThreadPoolExecutor(at_once)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def take(self, number: int) -> Trainer:
        """Return a compiled trainer, or raise the error of its compilation; start compiling the next ones."""
        for following in range(number, min(number + self.at_once, len(self.makes))):
            if following not in self.begun:
                compiling = for_worker_thread(functools.partial(self._compile, following))
                self.begun[following] = self.pool.submit(compiling)
        return self.begun.pop(number).result()

    def _compile(self, number: int) -> Trainer:
        trainer = self.makes[number]()
        trainer.compile(lambda done, programs: None)  # not reported: the progress bar shows another run
        return trainer


def trainers_at_once(cohort: Cohort) -> int:
    """Return how many runs can compile at once, if all have as many rows as this one."""
    rows = sum(int(leaf.nbytes) for leaf in jax.tree.leaves(cohort.data.rows))
    return min(cores(), 1 + WAITING_BYTES // max(rows, 1))
