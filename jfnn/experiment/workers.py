"""Processes that train tiles, reached through any executor of `concurrent.futures`, also if it breaks."""

import concurrent.futures
from collections.abc import Callable
from types import TracebackType
from typing import Any

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError

# Arguments of a process pool -> its attributes.
POOL_ARGUMENTS = {
    "max_workers": "_max_workers",
    "mp_context": "_mp_context",
    "initializer": "_initializer",
    "initargs": "_initargs",
}


class ExecutorError(RuntimeError):
    """An executor takes no work, or its workers gave no results."""


class Workers:
    """Other processes, near or far, reached through an executor.

    Attributes:
        tries: How often a tile is sent in all, should its worker die or its future break.
        in_flight: Messages on their way at a time, each of a tile or several short ones; at least twice the
            number of workers keeps them busy. The memory that they take is bounded by it.
        together: Short tiles in one message, at most; with one try each travels by itself.
    """

    def __init__(
        self,
        executor: concurrent.futures.Executor | Callable[[], concurrent.futures.Executor],
        tries: int = 3,
        in_flight: int = 64,
        together: int = 16,
    ):
        """Starts nothing; raises ValueError or TypeError naming the argument.

        Args:
            executor: Anything with the ``submit(function, *arguments) -> future`` of `concurrent.futures`:
                Dask's ``client.get_executor()``, ``mpi4py.futures.MPIPoolExecutor()``, a process pool whose
                context is "spawn" or "forkserver"; or a function without arguments that makes one, which is
                called again should it break.
            tries: See above.
            in_flight: See above.
            together: See above.
        """
        self.tries = checks.as_count(tries, "tries")
        self.in_flight = checks.as_count(in_flight, "in_flight")
        most = checks.as_count(together, "together")
        self.together = most if self.tries > 1 else 1
        kind = executor if isinstance(executor, type) else type(executor)
        is_executor = kind is not executor and callable(getattr(executor, "submit", None))
        if issubclass(kind, Workers) or (not is_executor and not callable(executor)):
            raise ArgumentTypeError(
                "executor",
                "expected an executor of concurrent.futures, or a function that makes one, got"
                f" {checks.shown(executor)}",
            )
        if is_executor:
            check_starts_anew(executor)
        self._make: Callable[[], Any] | None = None if is_executor else executor  # type: ignore[assignment]
        self._executor: Any = executor if is_executor else None
        self._owned = False  # whether this object made the executor, and shuts it down
        self._holders = 0  # calls, one inside another, that use the executor

    def __enter__(self) -> "Workers":
        self._holders += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shuts down an executor made here with the outermost call; waiting tiles are dropped."""
        self._holders -= 1
        if self._owned and not self._holders:
            self._executor.shutdown(wait=kind is None)
            self._executor = None
            self._owned = False

    def submit(self, function: Callable[..., object], *arguments: object) -> Any:
        """A future of a call, by a new executor where the last one has broken.

        Raises:
            ExecutorError: The executor takes no work.
            TypeError: It gives no future.
        """
        if self._executor is None:
            self._renew()
        try:
            future = self._executor.submit(function, *arguments)
        except concurrent.futures.BrokenExecutor:
            self._renew()
            future = self._executor.submit(function, *arguments)
        except Exception as error:
            raise ExecutorError(
                f"executor: it takes no more work: {type(error).__name__}: {error}"
            ) from error
        if not all(callable(getattr(future, name, None)) for name in ("cancel", "done", "result")):
            raise ArgumentTypeError(
                "executor", f"expected one that gives futures, its submit gave {checks.shown(future)}"
            )
        return future

    def _renew(self) -> None:
        """Makes the first executor, or another where it broke."""
        if self._owned:
            self._executor.shutdown(wait=False)
        self._make = self._make or _like(self._executor)
        if self._make is None:
            raise ExecutorError(
                "executor: it broke; give a function that makes one, which is then called again"
            )
        executor = self._make()
        if not callable(getattr(executor, "submit", None)):
            raise ArgumentTypeError(
                "executor", f"expected a function that makes one, it made {checks.shown(executor)}"
            )
        check_starts_anew(executor)
        self._executor = executor
        self._owned = True


def check_starts_anew(executor: object) -> None:
    """Checks that a process pool does not fork: JAX's threads do not survive it, and training would hang.

    Raises:
        ValueError: It forks them, as pools do on Linux up to Python 3.13 where they are told nothing.
    """
    if isinstance(executor, concurrent.futures.ProcessPoolExecutor):
        context = getattr(executor, "_mp_context", None)
        if context is not None and context.get_start_method() == "fork":
            raise ArgumentError(
                "executor",
                "its processes are forked, where training would hang; expected a pool that starts them anew:"
                ' ProcessPoolExecutor(…, mp_context=multiprocessing.get_context("spawn")), or "forkserver"',
            )


def _like(executor: object) -> Callable[[], Any] | None:
    """A function that makes a process pool like one that broke; None for other executors."""
    pool = concurrent.futures.ProcessPoolExecutor
    if type(executor) is not pool or not all(hasattr(executor, name) for name in POOL_ARGUMENTS.values()):
        return None
    return lambda: pool(**{name: getattr(executor, where) for name, where in POOL_ARGUMENTS.items()})


def as_workers(executor: Any, _: str) -> Workers:
    """`Workers` of an executor, or the `Workers` themselves."""
    return executor if isinstance(executor, Workers) else Workers(executor)
