"""Measure sweeps on other processes: scaling, communication cost, and the memory of a large grid.

First, train many members of the XOR network through Dask. Measure the time, the peak memory of this process
(client and scheduler together) and the scheduler's steps. Then train the notes' grid with several seeds, in
turns and warm: with threads of this process; with one and two processes of one core each; and with two
workers of a local Dask cluster. When other processes train, the CPU time of this process (with Dask,
including the scheduler) shows how many cores it could keep busy. Print a table of each, and write
scaling.json into a directory.
"""

import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from benchmarks import machine
from console import Parser, add_out, parse, run

import jfnn
from jfnn.distributed import preload
from jfnn.distributed.processes import prepare

RATES = np.logspace(-5, 1, 7)


def on_core(cores: Any) -> None:
    """Make this process a worker pinned to the next core of a queue."""
    prepare()
    os.sched_setaffinity(0, {cores.get()})


@contextlib.contextmanager
def processes(count: int) -> Iterator[concurrent.futures.Executor]:
    """Yield a pool whose processes have one core each."""
    spawn = multiprocessing.get_context("spawn")
    cores = spawn.Queue()
    for core in sorted(os.sched_getaffinity(0))[:count]:
        cores.put(core)
    with concurrent.futures.ProcessPoolExecutor(count, spawn, on_core, (cores,)) as executor:
        yield executor


@contextlib.contextmanager
def dask_client(count: int) -> Iterator[Any]:
    """Yield the client of a local cluster."""
    import dask
    import distributed

    with (
        dask.config.set(preload.DASK),
        distributed.LocalCluster(n_workers=count, **preload.CLUSTER) as cluster,  # type: ignore[no-untyped-call]
        distributed.Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client


def scaling(seeds: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU seconds of each round of the notes' grid, after a warm-up round."""
    network = jfnn.mlp((64, 50, 10), "sigmoid", init="normal")
    split = jfnn.datasets.digits()
    options: dict[str, Any] = dict(learning_rate=RATES, l2=RATES, reduction="sum", seeds=seeds, epochs=100)
    with contextlib.ExitStack() as stack:
        executors = {
            "threads": None,
            "1 process, a core": stack.enter_context(processes(1)),
            "2 processes, a core each": stack.enter_context(processes(2)),
            "Dask, 2 workers": stack.enter_context(dask_client(2)).get_executor(),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in executors}
        for _ in range(rounds + 1):
            for name, executor in executors.items():
                began = time.perf_counter()
                cpu = time.process_time()
                workers = None if executor is None else jfnn.Workers(executor)
                execution = jfnn.Execution(keep_params="none", executor=workers)
                jfnn.sweep(network, split, execution=execution, **options)
                times[name].append((time.perf_counter() - began, time.process_time() - cpu))
    return {name: values[1:] for name, values in times.items()}


def many(members: int) -> dict[str, float]:
    """Train the XOR network with many rates and penalties, through Dask with two workers."""
    side = round(members**0.5)
    x, truth = jfnn.datasets.xor_gate()
    with dask_client(2) as client:
        before = client.run_on_scheduler(_steps)
        began = time.perf_counter()
        result = jfnn.sweep(
            jfnn.mlp((2, 4, 1), "sigmoid", output="sigmoid", init="normal"),
            jfnn.Split(x, truth[:, None].astype(np.float64)),
            learning_rate=np.logspace(-2, 1, side),
            l2=np.logspace(-6, -1, side),
            loss="quadratic",
            reduction="sum",
            epochs=500,
            batch_size=None,
            execution=jfnn.Workers(client.get_executor()),
        )
        seconds = time.perf_counter() - began
        steps = client.run_on_scheduler(_steps) - before
    return {
        "members": float(result.diverged_at.size),
        "seconds": seconds,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "scheduler_steps": float(steps),
    }


def _steps(dask_scheduler: Any) -> int:
    """Return the task transitions so far; Dask passes the argument by its name."""
    return int(dask_scheduler.transition_counter)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few members, one round")
    add_out(parser, "runs/scaling")
    options = parse(parser, arguments, ["scaling.json"])
    options.out.mkdir(parents=True, exist_ok=True)
    jfnn.use_all_cores()
    seeds = 2 if options.quick else 5
    rounds = 1 if options.quick else 3
    large = many(2_000 if options.quick else 100_000)  # first, so that the peak memory is its own
    print(
        f"XOR through Dask: {large['members']:.0f} members in {large['seconds']:.1f} s, at most"
        f" {large['peak_gb']:.2f} GB here, {large['scheduler_steps']:.0f} steps of the scheduler",
        flush=True,
    )
    times = scaling(seeds, rounds)
    print(f"\nnotes' grid, {seeds} seeds, medians of {rounds}:\n")
    medians = {name: statistics.median(seconds for seconds, _ in values) for name, values in times.items()}
    for name, values in times.items():
        speed = medians["threads"] / medians[name]
        line = f"  {name:26} {medians[name]:7.2f} s   {speed:5.2f} of threads' speed"
        if name != "threads":
            cores = 1 if name.startswith("1") else 2
            line += f"   feeds {cores * statistics.median(wall / cpu for wall, cpu in values):4.0f} cores"
        print(line)
    figures = {"environment": machine.environment([]), "seconds_and_cpu": times, "many": large}
    (options.out / "scaling.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    run(main)
