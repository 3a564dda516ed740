"""Work given to any executor of `concurrent.futures`, also if it breaks."""

import concurrent.futures
import functools
import numbers
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.experiment.remote import ExecutorError
from jfnn.distributed.processes import ProcessPool
from jfnn.numerics.machine import cores

# Messages on their way, of which each may be half a megabyte: at least, for each process, so that none waits
# for the next, and at most, since where each message is a job each answer comes from another process.
AT_LEAST = 64
MESSAGES_A_PROCESS = 4
AT_MOST = 1024


class Submitter:
    """An executor of `concurrent.futures`, made anew where it broke; attributes as of `jfnn.Workers`."""

    def __init__(
        self,
        executor: int | concurrent.futures.Executor | Callable[[], concurrent.futures.Executor],
        tries: int = 3,
        in_flight: int | None = None,
        together: int = 16,
        *,
        kind: str | None = None,
        timeout: float | None = None,
    ):
        """Starts nothing; raises ValueError or TypeError naming the argument.

        Args:
            executor: A number of processes of this machine, as for `processes`; anything with the
                ``submit(function, *arguments) -> future`` of `concurrent.futures`: Dask's
                ``client.get_executor()``, ``mpi4py.futures.MPIPoolExecutor()``, a process pool whose context
                is "spawn" or "forkserver"; or a function without arguments that makes one, which is called
                again should it break.
            tries: See `jfnn.Workers`.
            in_flight: See `in_flight`; None for 64, and four for each process that has answered where these
                are more.
            together: The same.
            kind: The same: ``"gpu NVIDIA H100 80GB HBM3"``, as ``jfnn workers --check`` prints it. Workers
                of other kinds are refused, since they round otherwise.
            timeout: The same. None waits for ever, and says so after 10 s.
        """
        self.tries = checks.as_count(tries, "tries")
        self._in_flight = None if in_flight is None else checks.as_count(in_flight, "in_flight")
        most = checks.as_count(together, "together")
        self.together = most if self.tries > 1 else 1
        self.kind = None if kind is None else _as_kind(kind)
        self.timeout = None if timeout is None else checks.as_number(timeout, "timeout", strict=True)
        if isinstance(executor, numbers.Integral):
            executor = functools.partial(ProcessPool, checks.as_count(executor, "executor"))
        kind_of_executor = executor if isinstance(executor, type) else type(executor)
        is_executor = kind_of_executor is not executor and callable(getattr(executor, "submit", None))
        if issubclass(kind_of_executor, Submitter) or (not is_executor and not callable(executor)):
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
        self.processes_heard_of: set[str] = set()  # those that have trained

    @classmethod
    def processes(cls, count: int | None = None, **options: Any) -> Self:
        """Processes of this machine, which leave Ctrl-C to this one, and end with it, however it ends.

        In a script they must be used under ``if __name__ == "__main__":``, since each process imports it.

        Args:
            count: How many; None for one a core.
            **options: See `jfnn.Workers`.
        """
        return cls(cores() if count is None else checks.as_count(count, "count"), **options)

    @property
    def in_flight(self) -> int:
        """Messages on their way at a time, each of a tile or several short ones.

        At least twice the number of workers keeps them busy. The memory that they take is bounded by it.
        """
        if self._in_flight is not None:
            return self._in_flight
        return min(max(AT_LEAST, MESSAGES_A_PROCESS * len(self.processes_heard_of)), AT_MOST)

    def __enter__(self) -> Self:
        self._holders += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shuts down an executor made here with the outermost call; waiting tiles are dropped."""
        self._holders -= 1
        if self._owned and not self._holders:
            _shut_down(self._executor, wait=kind is None)
            self._executor = None
            self._owned = False

    def submit(self, function: Callable[..., object], *arguments: object) -> Any:
        """A future of a call, by a new executor where the last one has broken.

        Raises:
            ExecutorError: The executor takes no work, or its function makes none.
            TypeError: It gives no future.
        """
        if self._executor is None:
            self._renew()
        try:
            try:
                future = self._executor.submit(function, *arguments)
            except concurrent.futures.BrokenExecutor:
                self._renew()
                future = self._executor.submit(function, *arguments)
        except (ExecutorError, ArgumentError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ExecutorError(f"executor: it takes no more work: {reason}") from error
        if not all(callable(getattr(future, name, None)) for name in ("cancel", "done", "result")):
            raise ArgumentTypeError(
                "executor", f"expected one that gives futures, its submit gave {checks.shown(future)}"
            )
        return future

    def _renew(self) -> None:
        """Makes the first executor, or another where it broke."""
        if self._owned:
            _shut_down(self._executor, wait=False)
        self._make = self._make or _like(self._executor)
        if self._make is None:
            raise ExecutorError(
                "executor: it broke; give a function that makes one, which is then called again"
            )
        try:
            executor = self._make()
        except Exception as error:  # whatever a user's function raises
            reason = f"{type(error).__name__}: {error}"
            raise ExecutorError(f"executor: its function makes none: {reason}") from error
        if not callable(getattr(executor, "submit", None)):
            raise ArgumentTypeError(
                "executor", f"expected a function that makes one, it made {checks.shown(executor)}"
            )
        check_starts_anew(executor)
        self._executor = executor
        self._owned = True


def check_starts_anew(executor: object) -> None:
    """Raises ArgumentError for a process pool that forks, since JAX's threads do not survive it.

    Pools do so by default on Linux up to Python 3.13.
    """
    pool = executor if isinstance(executor, concurrent.futures.ProcessPoolExecutor) else None
    if pool is not None and pool._mp_context is not None and pool._mp_context.get_start_method() == "fork":
        raise ArgumentError(
            "executor",
            "its processes are forked, where training would hang; expected a pool that starts them anew:"
            ' ProcessPoolExecutor(…, mp_context=multiprocessing.get_context("spawn")), or "forkserver"',
        )


def _like(pool: Any) -> Callable[[], Any] | None:
    """A function that makes a process pool like one that broke; None for other executors."""
    kind: type = type(pool)
    if kind is not concurrent.futures.ProcessPoolExecutor:
        return None
    arguments = pool._max_workers, pool._mp_context, pool._initializer, pool._initargs
    return lambda: concurrent.futures.ProcessPoolExecutor(*arguments)


def _shut_down(executor: Any, wait: bool) -> None:
    """Shuts an executor down, if it can be."""
    if callable(getattr(executor, "shutdown", None)):
        executor.shutdown(wait=wait)


def _as_kind(kind: object) -> str:
    """A kind of device: its platform, and its name or its processor."""
    if not isinstance(kind, str) or " " not in kind.strip():
        expected = "expected a kind of device as `jfnn workers --check` prints it, such as 'gpu NVIDIA H100'"
        raise ArgumentTypeError("kind", f"{expected}, got {checks.shown(kind)}")
    return kind
