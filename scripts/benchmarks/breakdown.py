"""Breakdown of jfnn's time: the work of each core during one sweep, from a trace by JAX's profiler.

On a CPU, XLA records an event for every kernel, by its name in the compiled program, which tells whether it
is a matrix product. Each moment of a thread counts for the innermost event that covers it. Tracing itself
takes about a microsecond a kernel, most of it between kernels; that is in the figures, and nothing is scaled.
A long sweep is traced with fewer epochs, and then compared with the floor of these.
"""

import collections
import dataclasses
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import cores
from benchmarks.workload import Runner, Workload

PRODUCTS = "products of training"
OTHER = "other kernels of training: elementwise, sums, gathers"
SCORING = "scoring"
BETWEEN = "between kernels: XLA's loops and dispatch, tracing"
IDLE = "idle: while drawing, checking, waiting for the last tile, making the result"
ROWS = (PRODUCTS, OTHER, SCORING, BETWEEN, IDLE)

SWEEP = "traced sweep"
ENCLOSING = ("while", "call", "conditional")
# Parts of the names of the programs that train and score.
TRAINS = "advance"
SCORES = "score"
INSTRUCTION = re.compile(r"\s*(?:ROOT )?%(\S+) = .+? ([a-z][a-z0-9-]*)\((?:.*calls=(%[^\s,]+))?")

Operation = tuple[str, str]  # the program, and a name in it


class Breakdown(NamedTuple):
    """One traced sweep."""

    epochs: int  # traced
    flop: float  # of the matrix products in them and in scoring
    cores: int  # host threads that it ran on, a core each
    seconds: float  # wall time
    untraced_seconds: float  # of the same sweep just before, not traced
    kernels: int
    # Of all cores, a key for each of `ROWS`. Adds up to ``cores * seconds``, except where XLA ran more
    # threads than there are cores.
    core_seconds: dict[str, float]


class Event(NamedTuple):
    """Activity of a thread: nanoseconds, and one of `ROWS`."""

    start: float
    end: float
    kind: str


def trace(workload: Workload, prepare: Callable[[Workload], Runner]) -> Breakdown | None:
    """Traces jfnn on a workload, in this process; None where XLA does not record kernels: not on a CPU.

    Args:
        workload: The workload.
        prepare: Of the contender that is jfnn.
    """
    import jax

    if jax.default_backend() != "cpu":
        return None
    workload = dataclasses.replace(workload, epochs=workload.traced_epochs or workload.epochs)
    sweep = prepare(workload)
    jax.clear_caches()  # programs of other workloads have the same names
    flop = workload.flop(sweep().trained)  # compiles
    started = time.perf_counter()
    sweep()
    untraced = time.perf_counter() - started
    _profiled(sweep)  # in the first session of a process some products take three times as long
    traced = _profiled(sweep)
    kinds: dict[Operation, str] = {}
    for executable in jax.devices()[0].client.live_executables():
        for program in executable.hlo_modules():
            if TRAINS in program.name or SCORES in program.name:
                kinds |= program_kinds(program.to_string())
    seconds, kernels, busy = _account(traced, kinds)
    idle = max(0.0, cores() * seconds - sum(busy.values()))
    times = {row: busy.get(row, 0.0) for row in ROWS} | {IDLE: idle}
    return Breakdown(workload.epochs, flop, cores(), seconds, untraced, kernels, times) if kernels else None


def _profiled(sweep: Runner) -> Any:
    """The record of one sweep by JAX's profiler."""
    import jax

    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as directory:
        with jax.profiler.trace(directory, profiler_options=options), jax.profiler.TraceAnnotation(SWEEP):
            sweep()
        [path] = Path(directory).rglob("*.xplane.pb")
        return jax.profiler.ProfileData.from_file(str(path))


def _account(traced: Any, kinds: Mapping[Operation, str]) -> tuple[float, int, dict[str, float]]:
    """Seconds of the sweep, number of kernels, and seconds of all threads by what they did."""
    sweep = 0.0
    kernels = 0
    busy = collections.Counter[str]()
    for line in (line for plane in traced.planes for line in plane.lines):
        events = []
        for event in line.events:
            stats = dict(event.stats)
            operation = (stats.get("hlo_module", ""), stats.get("hlo_op", ""))
            by_runtime = operation[1] or event.name == "ThunkExecutor::Execute"
            kind = kinds.get(operation, BETWEEN if by_runtime else IDLE)
            if not event.name.startswith("end: "):
                events.append(Event(event.start_ns, event.end_ns, kind))
                kernels += kind not in (BETWEEN, IDLE)
            if event.name == SWEEP:
                sweep = (event.end_ns - event.start_ns) / 1e9
        busy.update(self_times(events))
    del busy[IDLE]
    return sweep, kernels, {kind: nanoseconds / 1e9 for kind, nanoseconds in busy.items()}


def self_times(events: Iterable[Event]) -> dict[str, float]:
    """Nanoseconds of one thread by kind, each moment counted for the innermost event only."""
    times: dict[str, float] = collections.defaultdict(float)
    open_events: list[Event] = []
    for event in sorted(events, key=lambda event: (event.start, -event.end)):
        while open_events and open_events[-1].end <= event.start:
            open_events.pop()
        times[event.kind] += event.end - event.start
        if open_events:
            times[open_events[-1].kind] -= min(event.end, open_events[-1].end) - event.start
        open_events.append(event)
    return times


def program_kinds(text: str) -> dict[Operation, str]:
    """Kinds of the operations of a compiled program, as XLA prints it: ``(program, operation) -> kind``."""
    program = text.split(None, 2)[1].rstrip(",")
    computation = ""
    with_products = set()
    kinds = {}
    for line in text.splitlines():
        if line.endswith("{"):
            computation = line.removeprefix("ENTRY ").split()[0]
        instruction = INSTRUCTION.match(line)
        if not instruction:
            continue
        name, opcode, called = instruction.groups()
        if opcode == "dot":
            with_products.add(computation)
        # XLA prints a computation before its callers.
        is_product = opcode == "dot" or called in with_products
        kind = SCORING if SCORES in program else PRODUCTS if is_product else OTHER
        kinds[program, name] = BETWEEN if opcode in ENCLOSING else kind
    return kinds
