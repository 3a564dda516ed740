"""Executors by name: other processes of this machine, a cluster of Dask, processes of MPI."""

import concurrent.futures
import contextlib
import importlib
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import jfnn
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags
from jfnn.distributed import preload
from jfnn.numerics.machine import cores

TILES_A_WORKER = 4  # under way at a time, so that none waits for the next
CONNECTING_SECONDS = 20


def chosen(flags: Flags) -> AbstractContextManager[jfnn.Workers | None]:
    """The workers of --executor while they run; None for the threads of this process.

    Raises:
        ValueError: No such executor, the package for it is not installed, or no scheduler is there.
    """
    return contextlib.nullcontext() if flags.executor is None else EXECUTORS[flags.executor](flags)


class _Pool(concurrent.futures.ProcessPoolExecutor):
    """A process pool whose processes never get a Ctrl-C; they are started where work is submitted."""

    def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: Any) -> Any:
        with preload.ctrl_c_is_for_others():
            return super().submit(fn, *args, **kwargs)


@contextlib.contextmanager
def _processes(flags: Flags) -> Iterator[jfnn.Workers]:
    """A process pool of this machine; one that breaks is made again."""
    count = _count(flags)
    spawn = multiprocessing.get_context("spawn")

    def make() -> concurrent.futures.Executor:
        return _Pool(count, mp_context=spawn, initializer=preload.prepare)

    with jfnn.Workers(make, in_flight=TILES_A_WORKER * count) as workers:
        yield workers


@contextlib.contextmanager
def _dask(flags: Flags) -> Iterator[jfnn.Workers]:
    """The cluster whose scheduler the flags name, else one of this machine."""
    dask, distributed = (_imported(name, "dask") for name in ("dask", "distributed"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(preload.DASK))
        address = flags.scheduler
        if address is None:
            count = _count(flags)
            with preload.ctrl_c_is_for_others():
                cluster = distributed.LocalCluster(count, **preload.CLUSTER)
            address = stack.enter_context(cluster)
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECTING_SECONDS))
        except (OSError, ValueError) as error:
            raise ArgumentError("scheduler", f"cannot reach {flags.scheduler}: {error}") from None
        workers = sum(client.nthreads().values())
        yield jfnn.Workers(client.get_executor(), in_flight=max(64, TILES_A_WORKER * workers))


@contextlib.contextmanager
def _mpi(flags: Flags) -> Iterator[jfnn.Workers]:
    """The other processes that ``mpiexec`` has started."""
    futures = _imported("mpi4py.futures", "mpi")
    with futures.MPIPoolExecutor() as executor:
        yield jfnn.Workers(executor, in_flight=TILES_A_WORKER * max(executor.num_workers, 16))


def _count(flags: Flags) -> int:
    """Processes to start: those of the flags, or one a core."""
    return cores() if flags.workers is None else checks.as_count(flags.workers, "workers")


def _imported(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ArgumentError("executor", f"it needs {package}: pip install 'jfnn[{extra}]'") from None


EXECUTORS: dict[str, Callable[[Flags], AbstractContextManager[jfnn.Workers]]] = {
    "processes": _processes,
    "dask": _dask,
    "mpi": _mpi,
}
