"""Compare the speed of jfnn with other ways to train the same networks.

Every contender trains the same grids, on the same minibatches and from the same initial weights if it accepts
them. Contenders run in separate processes, warm, in turns, several times. Besides the time, the tables show
the test accuracy of a reference cell and the floor: the time that the matrix products of training and final
scoring would take at the rate this machine reaches for large matrices in the same run. Apart from grids there
are many seeds, folds, series, few networks and a custom loss, for which each contender samples initial
weights and minibatches in its own way; first calls in fresh processes; and crossings: seconds of whole
processes by number of networks.

The script prints one table per workload, and updates bench.json, bench.png and crossings.png in a directory
after every workload. --resume continues from an existing bench.json, so the benchmark can run in several
sessions. With --accelerator, on a machine that has one, it compares bits and times of jfnn alone in several
processes instead and writes accelerator.json.
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks import (
    accelerator,
    contenders,
    crossings,
    first_call,
    first_calls,
    growth,
    machine,
    record,
    report,
)
from benchmarks.comparison import compare
from benchmarks.contenders import FLOOR, GRID, NOTES_ROUNDS, QUICK_ROUNDS, ROUNDS, Case
from benchmarks.workers import Apart, Start
from console import Parser, add_out, check_directory, count, path, run

GROWTH = "growth"
CROSSINGS = "crossings"
QUICK_EPOCHS = 10  # with --quick, fresh processes train this fraction of the epochs
LEFT_OUT = (GROWTH, CROSSINGS)  # with --quick
QUICK_CONTENDERS = ("numpy", "sklearn", "vmap", "vmap_numpy", "jit", "jfnn_grid", "jfnn", FLOOR)

Workloads = Mapping[str, Mapping[str, Case]]  # name on the command line -> name of figures -> case


def main(
    arguments: Sequence[str] | None = None, workloads: Workloads | None = None, start: Start = Apart
) -> int:
    """Run the comparison.

    Args:
        arguments: The command line.
        workloads: All workloads besides fresh processes; by default those of the benchmark.
        start: Makes a contender's worker.

    Returns:
        The exit status: 1 if a contender failed, 2 without an accelerator for --accelerator.
    """
    if workloads is None:
        workloads = all_workloads()
    options = read_options(arguments, workloads)
    with contextlib.closing(start(GRID["jfnn"])) as worker:
        devices = worker.call(machine.jax_devices)
    refused = accelerator.refusal(devices, options.platform) if options.accelerator else None
    if refused is not None:
        print(f"bench.py: {refused}", file=sys.stderr)
        return 2
    for directory in (options.out, options.json.parent):
        directory.mkdir(parents=True, exist_ok=True)
    environment = machine.environment(devices) | {"quick": options.quick}
    print(report.header(environment), flush=True)
    cases = {
        key: case.chosen(options.contenders, options.rounds, options.quick)
        for name in workloads
        for key, case in workloads[name].items()
        if name in options.workload
    }
    if options.accelerator:
        return accelerator.run(cases, start, options.json, environment)
    return measure(options, cases, start, environment)


def all_workloads() -> Workloads:
    """Return all cases, including growth curves, with the contenders that can run here."""
    everything = contenders.CASES | {GROWTH: growth.cases()}
    return {
        name: {key: case.available() for key, case in cases.items()} for name, cases in everything.items()
    }


def measure(
    options: argparse.Namespace, cases: Mapping[str, Case], start: Start, environment: dict[str, Any]
) -> int:
    """Measure, print and write the cases and first calls that the figures lack; return the exit status."""
    began = time.perf_counter()
    figures = options.figures or record.empty(environment)
    before = figures["environment"].get("seconds", 0.0)

    def show(title: str, text: str) -> None:
        print(f"\n### {title}\n\n{text}", flush=True)
        figures["environment"]["seconds"] = before + time.perf_counter() - began
        write(options, figures)

    for key, case in cases.items():
        if case.contenders and key not in figures["workloads"]:
            comparison = compare(case, start)
            figures["workloads"][key] = report.as_json(comparison)
            show(case.workload.title, report.tables(comparison))
    failed: dict[str, str] = {}
    less = f", 1/{QUICK_EPOCHS} of the epochs"
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    for kind, fresh in first_call.KINDS.items():
        for name in fresh if kind in options.workload else ():
            if name in figures[kind]:
                continue
            epochs = max(1, fresh[name].epochs // QUICK_EPOCHS) if options.quick else None
            processes, why = first_calls.measured(name, options.contenders, rounds, epochs)
            failed |= {f"{name} {contender}": error for contender, error in why.items()}
            if processes:
                figures[kind][name] = record.plain(processes)
                show(f"fresh processes{less if options.quick else ''}", first_calls.table(name, processes))
    if CROSSINGS in options.workload:
        show(CROSSINGS, crossings.table(figures[CROSSINGS]))
    print(f"\n{time.perf_counter() - began:.0f} s in all; figures in {options.out}")
    for where, error in failed.items():
        print(report.failure(f"fresh processes, {where}", error))
    return 1 if failed or any(workload["failed"] for workload in figures["workloads"].values()) else 0


def write(options: argparse.Namespace, figures: record.Figures) -> None:
    """Write all files with the figures measured so far."""
    from benchmarks.figures import bars, curves

    record.write(options.json, figures)
    workloads = [workload for workload in figures["workloads"].values() if workload.get("varied") is None]
    if workloads:
        bars(workloads).savefig(options.out / "bench.png", dpi=150)
    if figures[CROSSINGS]:
        curves(figures[CROSSINGS]).savefig(options.out / "crossings.png", dpi=150)


def read_options(arguments: Sequence[str] | None, workloads: Workloads) -> argparse.Namespace:
    """Return the command line's options with their defaults filled in."""
    trainers = {
        name: [n for case in cases.values() for n in case.contenders] for name, cases in workloads.items()
    }
    trainers |= {kind: first_calls.contenders(kind) for kind in first_call.KINDS}
    long = [name for name, cases in workloads.items() if any(case.workload.long for case in cases.values())]
    parser = _parser(trainers, long)
    options = parser.parse_args(arguments)
    if options.accelerator:
        _choose_on_accelerator(parser, options)
    elif options.platform is not None:
        parser.error("--platform: needs --accelerator")
    else:
        _choose(parser, options, trainers, LEFT_OUT if options.quick else long)
    files = [accelerator.FILE] if options.accelerator else ["bench.png", "crossings.png"]
    options.json = options.json or options.out / (accelerator.FILE if options.accelerator else "bench.json")
    check_directory(parser, options.out, "--out", files)
    check_directory(parser, options.json.parent, "--json", [options.json.name])
    options.figures = None
    if options.resume and options.json.exists():
        try:
            options.figures = record.read(options.json, machine.environment([]) | {"quick": options.quick})
        except ValueError as error:
            parser.error(f"--resume: {error}")
    return options


def _choose(
    parser: Parser, options: argparse.Namespace, trainers: Mapping[str, list[str]], left_out: Collection[str]
) -> None:
    """Fill in contenders, and workloads: all that these contenders train, except those left out."""
    everyone = dict.fromkeys(name for names in trainers.values() for name in names)
    options.contenders = options.contenders or (QUICK_CONTENDERS if options.quick else list(everyone))
    trained = [name for name, names in trainers.items() if set(names) & set(options.contenders)]
    for name in options.workload or ():
        if name not in trained:
            parser.error(f"--contenders: {name} measures {', '.join(dict.fromkeys(trainers[name]))}")
    options.workload = options.workload or [name for name in trained if name not in left_out]


def _choose_on_accelerator(parser: Parser, options: argparse.Namespace) -> None:
    if options.contenders is not None:
        parser.error("--contenders: --accelerator measures only jfnn")
    if options.resume:
        parser.error("--resume: not supported with --accelerator")
    options.contenders = ["jfnn"]
    options.workload = options.workload or list(accelerator.WORKLOADS)
    for name in options.workload:
        if name not in accelerator.WORKLOADS:
            names = ", ".join(accelerator.WORKLOADS)
            parser.error(f"--workload: --accelerator measures {names}, got {name!r}")


def _parser(trainers: Mapping[str, list[str]], left_out: Sequence[str]) -> Parser:
    parser = Parser(description=__doc__)
    everyone = tuple(dict.fromkeys(name for names in trainers.values() for name in names))
    parser.add_argument(
        "--workload",
        nargs="+",
        choices=trainers,
        metavar="NAME",
        help=f"of {', '.join(trainers)}; default: all but {', '.join(left_out)}"
        f" (--quick: all but {', '.join(LEFT_OUT)})",
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=everyone,
        metavar="NAME",
        help=f"of {', '.join(everyone)}; default: all; those of PyTorch need the extra bench",
    )
    rounds = f"warm runs of each; default: {ROUNDS}, the notes' grid {NOTES_ROUNDS}"
    quick = f"less than a tenth of the work, {QUICK_ROUNDS} rounds"
    speed = f"measure only jfnn: bits and times of {', '.join(accelerator.WORKLOADS)} in several processes"
    platform = "the platform to measure on, as JAX names it; default: any but cpu"
    resume = "keep the figures in the JSON file, of this machine and these versions; measure the rest"
    json_file = "default: bench.json, or accelerator.json, in --out"
    parser.add_argument("--rounds", type=count(1), help=rounds)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--accelerator", action="store_true", help=speed)
    parser.add_argument("--platform", metavar="NAME", help=platform)
    parser.add_argument("--json", type=path, metavar="FILE", help=json_file)
    parser.add_argument("--resume", action="store_true", help=resume)
    add_out(parser, "runs/bench")
    return parser


if __name__ == "__main__":
    os.environ["JFNN_PROGRAMS"] = "0"  # no cached programs: compiling is measured
    run(main)
