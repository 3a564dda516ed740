"""Breakdown of jfnn's time: what each core does during one sweep, from a trace by JAX's profiler.

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

from benchmarks.contenders import DRAWING
from benchmarks.machine import cores
from benchmarks.workload import Runner, Workload

FIRST, LATER = "products of the first layer", "products of later layers"
OTHER = "other kernels: elementwise, sums, gathers"
BETWEEN = "between kernels: XLA's loops and dispatch, tracing"
SCORING, SCORING_OTHER = "scoring: products", "scoring: the rest"
DRAWN = "idle while weights and minibatches are drawn"
BEFORE = "idle until the first kernel: checks, placing data"
GAPS = "idle between kernels: waiting for the host, or for the last tile"
AFTER = "idle after the last kernel: sums on the host, the result"
WAITING = "waiting"
ROWS = (FIRST, LATER, OTHER, BETWEEN, SCORING, SCORING_OTHER, DRAWN, BEFORE, GAPS, AFTER)

SWEEP = "traced sweep"
ENCLOSING = ("while", "call", "conditional")
TRAINS, SCORES = "advance", "score"  # parts of the names of the programs that train and score
INSTRUCTION = re.compile(r"\s*(?:ROOT )?%(\S+) = (.+?) ([a-z][a-z0-9-]*)\((.*)")
SHAPE = re.compile(r"[a-z]+[0-9]+\[([0-9,]*)\]")

Operation = tuple[str, str]  # the program, and a name in it


class Breakdown(NamedTuple):
    """One traced sweep.

    Attributes:
        epochs: Epochs that were traced.
        flop: Operations of the matrix products in them and in scoring.
        cores: Host threads that it ran on, a core each.
        seconds: Its wall time.
        untraced_seconds: Wall time of the same sweep just before, not traced.
        kernels: Number of kernels that it ran.
        core_seconds: Time of all cores by what they did, a key for each of `ROWS`. Adds up to
            ``cores * seconds``, except where XLA ran more threads than there are cores.
    """

    epochs: int
    flop: float
    cores: int
    seconds: float
    untraced_seconds: float
    kernels: int
    core_seconds: dict[str, float]


class Event(NamedTuple):
    """Activity of a thread: nanoseconds, and a key of ``Breakdown.core_seconds`` or `WAITING`."""

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
                kinds |= program_kinds(program.to_string(), workload.sizes[0])
    return _breakdown(traced, kinds, Breakdown(workload.epochs, flop, cores(), 0.0, untraced, 0, {}))


def _profiled(sweep: Runner) -> Any:
    """What JAX's profiler records of one sweep."""
    import jax

    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as directory:
        with jax.profiler.trace(directory, profiler_options=options), jax.profiler.TraceAnnotation(SWEEP):
            sweep()
        [path] = Path(directory).rglob("*.xplane.pb")
        return jax.profiler.ProfileData.from_file(str(path))


def _breakdown(traced: Any, kinds: Mapping[Operation, str], known: Breakdown) -> Breakdown | None:
    marks: dict[str, Event] = {}
    kernels: list[Event] = []
    busy = dict.fromkeys((*ROWS, WAITING), 0.0)
    for line in (line for plane in traced.planes for line in plane.lines):
        events = []
        for event in line.events:
            if event.name.startswith("end: "):
                continue
            stats = dict(event.stats)
            operation = (stats.get("hlo_module", ""), stats.get("hlo_op", ""))
            by_runtime = operation[1] or event.name == "ThunkExecutor::Execute"
            kind = kinds.get(operation, BETWEEN if by_runtime else WAITING)
            events.append(Event(event.start_ns, event.end_ns, kind))
            if kind not in (BETWEEN, WAITING):
                kernels.append(events[-1])
            elif event.name in (SWEEP, DRAWING):
                marks[event.name] = events[-1]
        for kind, nanoseconds in self_times(events).items():
            busy[kind] += nanoseconds
    if not kernels:
        return None
    whole = marks[SWEEP]
    drawn = marks.get(DRAWING, Event(whole.start, whole.start, WAITING))  # none where jfnn itself draws
    sweep, drawing = (mark.end - mark.start for mark in (whole, drawn))
    before = min(kernel.start for kernel in kernels) - whole.start - drawing
    after = whole.end - max(kernel.end for kernel in kernels)
    busy |= {DRAWN: known.cores * drawing, BEFORE: known.cores * before, AFTER: known.cores * after}
    times = {row: busy[row] / 1e9 for row in ROWS}
    times[GAPS] = max(0.0, known.cores * sweep / 1e9 - sum(times.values()))
    return known._replace(seconds=sweep / 1e9, kernels=len(kernels), core_seconds=times)


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


def program_kinds(text: str, n_in: int) -> dict[Operation, str]:
    """Kinds of the operations of a compiled program: ``(program, operation) -> kind``.

    Args:
        text: The program as XLA prints it after optimising it.
        n_in: Inputs of the network; a product with a factor or result of this width or height is one of the
            first layer.
    """
    program = text.split(None, 2)[1].rstrip(",")
    scores = SCORES in program
    shapes: dict[str, list[int]] = {}
    product_in: dict[str, str] = {}
    kinds = {}
    computation = ""
    for line in text.splitlines():
        if line.endswith("{"):
            computation = line.removeprefix("ENTRY ").split()[0]
        instruction = INSTRUCTION.match(line)
        if not instruction:
            continue
        name, shape, opcode, rest = instruction.groups()
        shapes[name] = [int(n) for dimensions in SHAPE.findall(shape) for n in dimensions.split(",") if n]
        called = re.search(r"calls=(%[^\s,]+)", rest)
        kind = SCORING_OTHER if scores else OTHER
        if opcode == "dot":
            factors = re.findall(r"%([^\s,)]+)", rest.split(")")[0])
            widths = [width for operand in (name, *factors) for width in shapes.get(operand, ())]
            kind = SCORING if scores else FIRST if n_in in widths else LATER
            product_in[computation] = kind
        elif called:  # XLA prints a computation before those that call it
            kind = product_in.get(called.group(1), kind)
        elif opcode in ENCLOSING:
            kind = BETWEEN
        kinds[program, name] = kind
    return kinds
