"""Executors by name: local processes, a Dask cluster, MPI processes."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import jfnn
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.packages import import_package
from jfnn.cli.flags import Flags
from jfnn.distributed import preload
from jfnn.distributed.processes import ctrl_c_is_for_others
from jfnn.numerics.machine import cores

CONNECTING_SECONDS = 20
MPI_SPAWNS = "MPI4PY_FUTURES_MAX_WORKERS"  # set in the environment if MPI should start processes itself


@contextlib.contextmanager
def workers_of(flags: Flags) -> Iterator[jfnn.Workers | None]:
    """Yield the workers of --executor; None to train in this process's threads."""
    if flags.executor is None:
        yield None
        return
    with (
        EXECUTORS[flags.executor](flags) as executor,
        jfnn.Workers(executor, kind=flags.worker_kind, timeout=flags.worker_timeout) as workers,
    ):
        yield workers


@contextlib.contextmanager
def _dask(flags: Flags) -> Iterator[Any]:
    """Connect to the cluster of --scheduler, or run a local one."""
    if flags.scheduler is not None and flags.workers is not None:
        raise ArgumentError("workers", "the cluster of --scheduler has its own workers")
    cluster = _local_cluster(flags) if flags.scheduler is None else contextlib.nullcontext(flags.scheduler)
    with cluster as address, client_of(address, "scheduler") as client:
        yield client.get_executor()


@contextlib.contextmanager
def _local_cluster(flags: Flags) -> Iterator[Any]:
    dask, distributed = (import_package(name, "executor", "dask") for name in ("dask", "distributed"))
    with dask.config.set(preload.DASK):
        with ctrl_c_is_for_others():
            cluster = distributed.LocalCluster(n_workers=flags.workers or cores(), **preload.CLUSTER)
        with cluster:
            yield cluster


@contextlib.contextmanager
def client_of(address: Any, argument: str) -> Iterator[Any]:
    """Connect to a Dask cluster; raise ArgumentError if there is none at the address."""
    dask, distributed = (import_package(name, "executor", "dask") for name in ("dask", "distributed"))
    with dask.config.set(preload.DASK):
        try:
            client = distributed.Client(address, timeout=CONNECTING_SECONDS)
        except (OSError, ValueError) as error:
            raise ArgumentError(argument, f"cannot reach {address}: {error}") from None
        with client:
            yield client


@contextlib.contextmanager
def _mpi(flags: Flags) -> Iterator[Any]:
    """Use the other processes started by ``mpiexec``."""
    try:
        futures = import_package("mpi4py.futures", "executor", "mpi")
        world = import_package("mpi4py.MPI", "executor", "mpi").COMM_WORLD
    except RuntimeError as error:  # mpi4py without an MPI library
        reason = str(error).partition("\n")[0]
        raise ArgumentError("executor", f"mpi4py finds no MPI library, such as Open MPI: {reason}") from None
    command = "mpiexec -n 9 python -m mpi4py.futures $(which jfnn) grid --executor mpi"
    if world.Get_rank() > 0:
        raise ArgumentError("executor", f"each process of mpiexec runs this command; start it with {command}")
    if world.Get_size() == 1 and MPI_SPAWNS not in os.environ:
        raise ArgumentError("executor", f"mpiexec has started no other process: {command} starts 8 workers")
    with futures.MPIPoolExecutor() as executor:
        yield executor


# Name -> a context manager that returns the executor of `jfnn.Workers`.
EXECUTORS: dict[str, Callable[[Flags], AbstractContextManager[Any]]] = {
    "processes": lambda flags: contextlib.nullcontext(flags.workers or cores()),
    "dask": _dask,
    "mpi": _mpi,
}
