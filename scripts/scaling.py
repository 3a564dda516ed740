"""Measures sweeps on other processes: how they scale, what sending costs, what a large grid takes.

First many members of the XOR network through Dask: time, the most memory that this process held (client and
scheduler together) and the scheduler's steps. Then the notes' grid with several seeds, in turns and warm: by
threads of this process; by one and by two processes with a core each; by two workers of a Dask cluster of
this machine. Prints a table of each and writes scaling.json into a directory.
"""

import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import machine

import jfnn
from jfnn.cli import places
from jfnn.cli.parser import Parser
from jfnn.cli.values import place
from jfnn.distributed import preload

SEEDS, ROUNDS, MEMBERS = 20, 5, 100_000
QUICK_SEEDS, QUICK_ROUNDS, QUICK_MEMBERS = 2, 1, 2_000
EPOCHS = 100
XOR_EPOCHS = 500
RATES = np.logspace(-5, 1, 7)

Run = Callable[[], Any]


def on_core(cores: Any = None) -> None:
    """Makes this process a worker; on the next of the cores alone, where there is a queue of them."""
    preload.prepare()
    if cores is not None:
        os.sched_setaffinity(0, {cores.get()})


@contextlib.contextmanager
def processes(count: int) -> Iterator[concurrent.futures.Executor]:
    """A pool whose processes have a core each."""
    spawn = multiprocessing.get_context("spawn")
    cores = spawn.Queue()
    for core in sorted(os.sched_getaffinity(0))[:count]:
        cores.put(core)
    pool = concurrent.futures.ProcessPoolExecutor(count, spawn, on_core, (cores,))
    with pool as executor:
        yield executor


@contextlib.contextmanager
def dask(count: int) -> Iterator[concurrent.futures.Executor]:
    """A cluster of this machine."""
    with client(count) as connected:
        yield connected.get_executor()


@contextlib.contextmanager
def client(count: int) -> Iterator[Any]:
    """The client of a cluster of this machine."""
    import dask
    import distributed

    with (
        dask.config.set(preload.DASK),
        distributed.LocalCluster(count, **preload.CLUSTER) as cluster,  # type: ignore[no-untyped-call]
        distributed.Client(cluster) as connected,  # type: ignore[no-untyped-call]
    ):
        yield connected


def notes_grid(seeds: int, executor: Any = None) -> jfnn.SweepResult:
    """The notes' grid with several seeds, scored at its end."""
    return jfnn.sweep(
        jfnn.mlp((64, 50, 10), init="normal"),
        jfnn.datasets.digits(),
        learning_rate=RATES,
        l2=RATES,
        seeds=seeds,
        epochs=EPOCHS,
        execution=jfnn.Execution(keep_params="none", executor=executor),
    )


def scaling(seeds: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round, in turns, after one that warms up."""
    seconds: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        runs = {
            "threads": None,
            "1 process, a core": stack.enter_context(processes(1)),
            "2 processes, a core each": stack.enter_context(processes(2)),
            "Dask, 2 workers": stack.enter_context(dask(2)),
        }
        for i in range(rounds + 1):
            for name, executor in runs.items():
                began = time.perf_counter()
                notes_grid(seeds, executor)
                if i:
                    seconds.setdefault(name, []).append(time.perf_counter() - began)
    return seconds


def many(members: int) -> dict[str, float]:
    """The XOR network with many rates and penalties, through Dask with two workers."""
    side = round(members**0.5)
    x, truth = jfnn.datasets.xor_gate()
    with client(2) as connected:
        before = connected.run_on_scheduler(_steps)
        began = time.perf_counter()
        result = jfnn.sweep(
            jfnn.mlp((2, 4, 1), output="sigmoid"),
            jfnn.Split(x, truth[:, None].astype(np.float64)),
            learning_rate=np.logspace(-2, 1, side),
            l2=np.logspace(-6, -1, side),
            loss="quadratic",
            epochs=XOR_EPOCHS,
            batch_size=None,
            execution=connected.get_executor(),
        )
        seconds = time.perf_counter() - began
        steps = connected.run_on_scheduler(_steps) - before
    return {
        "members": float(result.diverged_at.size),
        "seconds": seconds,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "scheduler_steps": float(steps),
    }


def _steps(dask_scheduler: Any) -> int:
    """Changes of tasks' states so far."""
    return int(dask_scheduler.transition_counter)


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and writes."""
    parser = Parser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few members, one round")
    parser.add_argument("--out", type=place, default=Path("runs/scaling"), help="default: runs/scaling")
    options = parser.parse_args(arguments)
    try:
        places.check_directory(options.out, "--out", ("scaling.json",))
    except ValueError as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    jfnn.use_all_cores()
    seeds, rounds = (QUICK_SEEDS, QUICK_ROUNDS) if options.quick else (SEEDS, ROUNDS)
    large = many(QUICK_MEMBERS if options.quick else MEMBERS)  # first, so that the memory is its own
    print(
        f"XOR through Dask: {large['members']:.0f} members in {large['seconds']:.1f} s, at most"
        f" {large['peak_gb']:.2f} GB here, {large['scheduler_steps']:.0f} steps of the scheduler",
        flush=True,
    )
    seconds = scaling(seeds, rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"\nnotes' grid, {seeds} seeds, medians of {rounds}:\n")
    for name, median in medians.items():
        print(f"  {name:26} {median:7.2f} s   {medians['threads'] / median:5.2f} of threads' speed")
    figures = {"environment": machine.environment([]), "seconds": seconds, "many": large}
    (options.out / "scaling.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
