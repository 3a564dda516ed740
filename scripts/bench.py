"""Measures jfnn side by side with the other ways to train the same networks.

Every contender trains the same grids on the same minibatches from the same starting weights, where it lets
itself be given them; each in a process of its own, warm, in turns, several times. Beside the time stands the
test accuracy of a reference cell, and the floor: how long the matrix products of the training and of the
final scoring would take at the rate that this machine reaches with large ones, in the same run. Another
process traces jfnn, for a breakdown of its time.

Prints two tables a workload; writes bench.json, growth.csv, bench.png and growth.png into a directory.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import growth, measure, report
from benchmarks.breakdown import TRACED
from benchmarks.contenders import CONTENDERS, Contender, available
from benchmarks.workers import Apart
from benchmarks.workloads import WORKLOADS, Workload, quick

QUICK_CONTENDERS = ("numpy", "sklearn", "vmap", "jfnn", "floor")
QUICK_GROWTH = growth.Scale((49, 490), (10, 100), (32, 100), (1, 2), gflop=5, rounds=2)
GROWTH = "growth"
ROUNDS, NOTES_ROUNDS, QUICK_ROUNDS = 3, 5, 2


def main(arguments: Sequence[str] | None = None, start: measure.Start = Apart) -> int:
    """Runs the comparison.

    Args:
        arguments: The command line.
        start: Where contenders run: each apart, or, for tests, here.

    Returns:
        The exit status: 1 if a contender failed.
    """
    options, contenders = _read(arguments)
    for directory in (options.out, options.json.parent):
        directory.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with measure.started({"": CONTENDERS["jfnn"]}, start) as workers:
        environment = report.environment(workers[""].devices())
    print(report.header(environment))
    workloads = {name: w for name, w in WORKLOADS.items() if name in options.workload}
    if options.quick:
        workloads = {name: quick(w) for name, w in workloads.items()}
    comparisons: dict[str, measure.Comparison] = {}
    points: list[growth.Point] = []
    failed: dict[str, str] = {}

    def save() -> float:
        seconds = time.perf_counter() - began
        write(comparisons, points, environment | {"seconds": seconds, "quick": options.quick}, options)
        return seconds

    for name, comparison in compare_all(workloads, contenders, options, start):
        comparisons[name] = comparison
        print(f"\n### {comparison.workload.title}\n\n{report.tables(comparison)}", flush=True)
        save()
    if GROWTH in options.workload:
        before = time.perf_counter()
        scale = QUICK_GROWTH if options.quick else growth.Scale()
        points, failed = growth.curves(scale, start, _log, contenders)
        print(f"\n### growth\n\n{time.perf_counter() - before:.0f} s for {len(points)} points.")
    print(f"\n{save():.0f} s in all; figures in {options.out}")
    for what, why in failed.items():
        print(f"growth, {what}: failed, {report.last_line(why)}")
    return 1 if failed or any(comparison.failed for comparison in comparisons.values()) else 0


def compare_all(
    workloads: dict[str, Workload],
    contenders: dict[str, Contender],
    options: argparse.Namespace,
    start: measure.Start,
) -> Iterator[tuple[str, measure.Comparison]]:
    """Measures the workloads one after another and gives each one's figures when it is done.

    Contenders get new processes for every workload, so that none profits from what it compiled before;
    ``--quick`` spares that.
    """
    comparisons = {}
    names = list(workloads)
    for group in [names] if options.quick else [[name] for name in names]:
        began = time.perf_counter()
        with measure.started(contenders, start) as workers:
            for name in group:
                rounds = rounds_of(name, options)
                found = measure.compare(workloads[name], contenders, workers, rounds, _log)
                comparisons[name], began = _timed(found, began)
        # After the others have ended, which it would disturb.
        with measure.started({measure.BREAKDOWN: TRACED}, start) as workers:
            for name in group:
                _log(f"{name}: {measure.BREAKDOWN}")
                found = measure.broken_down(comparisons[name], workers[measure.BREAKDOWN])
                comparisons[name], began = _timed(found, began)
                yield name, comparisons[name]


def _timed(comparison: measure.Comparison, since: float) -> tuple[measure.Comparison, float]:
    """The comparison with the seconds since then added to its own, and the time now."""
    now = time.perf_counter()
    return dataclasses.replace(comparison, seconds=comparison.seconds + now - since), now


def rounds_of(name: str, options: argparse.Namespace) -> int:
    """Warm runs of each contender on a workload: most where the figures are quoted."""
    if options.rounds:
        return options.rounds
    return QUICK_ROUNDS if options.quick else NOTES_ROUNDS if name == "notes" else ROUNDS


def write(comparisons, points, environment: dict, options: argparse.Namespace) -> None:
    """Writes all files, of what there is so far."""
    from benchmarks import figures

    everything = {
        "environment": environment,
        "workloads": {name: report.as_json(comparison) for name, comparison in comparisons.items()},
        "growth": [point._asdict() for point in points],
    }
    options.json.write_text(json.dumps(report.plain(everything), indent=2, allow_nan=False) + "\n")
    if comparisons:
        figures.comparisons(comparisons).savefig(options.out / "bench.png", dpi=150)
    if points:
        report.write_csv(points, options.out / "growth.csv")
        figures.growth(points).savefig(options.out / "growth.png", dpi=150)


def _log(message: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="\r", file=sys.stderr, flush=True)


def _read(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Contender]]:
    """The options, their defaults filled in, and the contenders that they name."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = options.contenders or (QUICK_CONTENDERS if options.quick else tuple(CONTENDERS))
    contenders = available(names)
    for name in options.contenders or ():
        if name not in contenders:
            parser.error(f"argument --contenders: {name} needs {CONTENDERS[name].needs}, not installed")
    has_curves = any(name in growth.LINES for name in contenders)
    if GROWTH in (options.workload or ()) and not has_curves:
        parser.error(f"argument --contenders: {GROWTH} measures {', '.join(growth.LINES)}")
    if options.workload is None:
        options.workload = [*WORKLOADS, *([GROWTH] if has_curves and not options.quick else [])]
    options.json = options.json or options.out / "bench.json"
    return options, contenders


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    names = [*WORKLOADS, GROWTH]
    parser.add_argument(
        "--workload",
        nargs="+",
        choices=names,
        metavar="NAME",
        help=f"of {', '.join(names)}; default: all (--quick: all but {GROWTH})",
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=CONTENDERS,
        metavar="NAME",
        help=f"of {', '.join(CONTENDERS)}; default: all whose packages are installed",
    )
    parser.add_argument(
        "--rounds", type=_rounds, help=f"warm runs of each; default: {ROUNDS}, the notes' grid {NOTES_ROUNDS}"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"less than a tenth of the work, {QUICK_ROUNDS} rounds",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: bench.json in --out")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="default: runs/bench")
    return parser


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text}")
    return rounds


if __name__ == "__main__":
    sys.exit(main())
