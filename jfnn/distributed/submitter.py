"""Submit work to any executor of `concurrent.futures`, even if it breaks."""

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

# Number of messages in flight, each up to half a megabyte: at least AT_LEAST, and MESSAGES_A_PROCESS per
# process, so that no process waits for work. AT_MOST is the limit if an executor starts a process for each
# message, since each answer then comes from a new process.
AT_LEAST = 64
MESSAGES_A_PROCESS = 4
AT_MOST = 1024


class Submitter:
    """An executor of `concurrent.futures` that is remade if it breaks; attributes as in `jfnn.Workers`."""

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
        """Check the arguments, without starting anything; raise ValueError or TypeError naming the argument.

        Args:
            executor: A number of local processes, which ignore Ctrl-C and end with this process, however it
                ends; an object with the method ``submit(function, *arguments) -> future`` of
                `concurrent.futures`, such as Dask's ``client.get_executor()``,
                ``mpi4py.futures.MPIPoolExecutor()`` or a process pool whose context is "spawn" or
                "forkserver"; or a function without arguments that makes one, and is called again if the
                executor breaks. In a script, use processes under ``if __name__ == "__main__":``, since each
                process imports the script.
            tries: See `jfnn.Workers`.
            in_flight: See `in_flight`; None for 64, or four per process that has answered if that is more.
            together: See `jfnn.Workers`.
            kind: See `jfnn.Workers`; such as ``"gpu NVIDIA H100 80GB HBM3"``, as printed by
                ``jfnn workers --check``. Workers of other kinds are refused, since they round differently.
            timeout: See `jfnn.Workers`. None waits forever, with a message after 10 s.
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
                f" {checks.as_text(executor)}",
            )
        if is_executor:
            check_starts_anew(executor)
        self._make: Callable[[], Any] | None = None if is_executor else executor  # type: ignore[assignment]
        self._executor: Any = executor if is_executor else None
        self._owned = False  # whether this object made the executor and has to shut it down
        self._holders = 0  # nested calls that use the executor
        self.processes_heard_of: set[str] = set()  # processes that have trained

    @property
    def in_flight(self) -> int:
        """Messages in flight at a time, each with one tile or several short ones.

        At least twice the number of workers keeps them busy. The number limits the memory for messages.
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
        """After the outermost call, shut down an executor made here; waiting tiles are dropped."""
        self._holders -= 1
        if self._owned and not self._holders:
            _shut_down(self._executor, wait=kind is None)
            self._executor = None
            self._owned = False

    def submit(self, function: Callable[..., object], *arguments: object) -> Any:
        """Return the future of a call, from a new executor if the last one has broken.

        Raises:
            ExecutorError: The executor accepts no work, or its function fails.
            TypeError: The executor returns no future.
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
                "executor",
                f"expected one that returns futures, its submit returned {checks.as_text(future)}",
            )
        return future

    def _renew(self) -> None:
        """Make the first executor, or another one after it broke."""
        if self._owned:
            _shut_down(self._executor, wait=False)
        self._make = self._make or _like(self._executor)
        if self._make is None:
            raise ExecutorError(
                "executor: it broke; pass a function that makes one, which is then called again"
            )
        try:
            executor = self._make()
        except Exception as error:  # whatever a user's function raises
            reason = f"{type(error).__name__}: {error}"
            raise ExecutorError(f"executor: its function failed: {reason}") from error
        if not callable(getattr(executor, "submit", None)):
            raise ArgumentTypeError(
                "executor", f"expected a function that makes one, it made {checks.as_text(executor)}"
            )
        check_starts_anew(executor)
        self._executor = executor
        self._owned = True


def check_starts_anew(executor: object) -> None:
    """Raise ArgumentError for a process pool that forks, since JAX's threads do not survive a fork.

    Forking is the default on Linux up to Python 3.13.
    """
    pool = executor if isinstance(executor, concurrent.futures.ProcessPoolExecutor) else None
    if pool is not None and pool._mp_context is not None and pool._mp_context.get_start_method() == "fork":
        raise ArgumentError(
            "executor",
            "its processes are forked, so training would hang; expected a pool that starts them anew:"
            ' ProcessPoolExecutor(…, mp_context=multiprocessing.get_context("spawn")), or "forkserver"',
        )


def _like(pool: Any) -> Callable[[], Any] | None:
    """Return a function that makes a process pool like a broken one; None for other executors."""
    kind: type = type(pool)
    if kind is not concurrent.futures.ProcessPoolExecutor:
        return None
    arguments = pool._max_workers, pool._mp_context, pool._initializer, pool._initargs
    return lambda: concurrent.futures.ProcessPoolExecutor(*arguments)


def _shut_down(executor: Any, wait: bool) -> None:
    if callable(getattr(executor, "shutdown", None)):
        executor.shutdown(wait=wait)


def _as_kind(kind: object) -> str:
    """Check a kind of device: its platform, and its name or processor."""
    if not isinstance(kind, str) or " " not in kind.strip():
        expected = "expected a kind of device as `jfnn workers --check` prints it, such as 'gpu NVIDIA H100'"
        raise ArgumentTypeError("kind", f"{expected}, got {checks.as_text(kind)}")
    return kind
