"""What the comparison says: tables, verdicts, files for machines, and where it was measured."""

import csv
import datetime
import importlib.metadata
import importlib.util
import math
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from benchmarks.contenders import FLOOR
from benchmarks.growth import Point
from benchmarks.measure import BREAKDOWN, Comparison, Measurement
from benchmarks.peers import cores

PACKAGES = ("jfnn", "jax", "jaxlib", "numpy", "scikit-learn", "torch")
TIE = 0.1  # a median that is worse by more is a loss, however its runs lie
FIGURES = ("time", "min–max", "× jfnn", "of floor", "first +", "memory", "accuracy", "trained")
COLUMNS = (*FIGURES, "measured on")


def environment(devices: list[str]) -> dict:
    """Versions, machine, date; ``devices`` are those that JAX sees with one CPU device a core."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES if _is_installed(name)}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "processor": _processor(),
        "cores": cores(),
        "devices": devices,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def header(found: dict) -> str:
    """The environment in two lines."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['processor']}, {found['cores']} cores; JAX sees {', '.join(found['devices'])};"
        f" load {found['load']} before; {found['date']}\n{versions}"
    )


def tables(comparison: Comparison) -> str:
    """All that is said of a workload."""
    parts = (table(comparison), breakdown_table(comparison), f"{comparison.seconds:.0f} s for this workload.")
    return "\n\n".join(parts)


def table(comparison: Comparison) -> str:
    """A workload's contenders in Markdown, the slowest first, and what follows from their figures."""
    ours = comparison.fastest(ours=True)
    best = comparison.measurements[ours].median if ours else math.nan
    found = sorted(comparison.measurements.items(), key=lambda item: -item[1].median)
    rows = [("", *COLUMNS), ("---", *("---:" for _ in COLUMNS))]
    rows += [_row(comparison, name, measurement, best) for name, measurement in found]
    lines = [" | ".join(("", *row, "")).strip() for row in rows]
    notes = [f"{m.title}: {m.comment}." for m in comparison.measurements.values() if m.comment]
    if any(m.trained < 1 and m.all_work for m in comparison.measurements.values()):
        notes += ["trained: the share of all members' epochs; members that diverge leave."]
    notes += [f"{name}: failed, {last_line(why)}" for name, why in comparison.failed.items()]
    return "\n".join([*lines, "", verdict(comparison), *notes])


def last_line(traceback: str) -> str:
    """What a traceback ends with: the exception."""
    return traceback.strip().splitlines()[-1]


def _row(comparison: Comparison, name: str, measurement: Measurement, best: float) -> tuple[str, ...]:
    memory = "" if measurement.peak_memory is None else f"{measurement.peak_memory:.0f} MB"
    spread = f"{_seconds(min(measurement.seconds))}–{_seconds(max(measurement.seconds))}"
    common = (measurement.title, f"{_seconds(measurement.median)} s", spread)
    ratio = f"{measurement.median / best:.2f}"
    if name == FLOOR:
        rate = comparison.workload.flop() / measurement.median / 1e9
        return (*common, ratio, f"{rate:.0f} GFLOP/s", *[""] * 5)
    members = comparison.workload.members
    return (
        *common,
        ratio,
        f"{comparison.share_of_floor(name):.0%}",
        f"{_seconds(measurement.extra_first)} s",
        memory,
        "left early" if math.isnan(measurement.accuracy) else f"{measurement.accuracy:.4f}",
        f"{measurement.trained:.0%}",
        "all" if measurement.measured == members else f"{measurement.measured} of {members}, scaled",
    )


def _seconds(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def verdict(comparison: Comparison) -> str:
    """Whether jfnn wins: it does only where its slowest run beats the fastest rival's fastest.

    Runs that overlap are a tie, but not where jfnn's median is worse by more than `TIE`.
    """
    ours, theirs = comparison.fastest(ours=True), comparison.fastest(ours=False)
    if ours is None or theirs is None:
        return ""
    mine, rival = comparison.measurements[ours], comparison.measurements[theirs]
    ratio = rival.median / mine.median
    if max(mine.seconds) < min(rival.seconds):
        text = f"{mine.title} wins: {ratio:.2f} times as fast as the best other, {rival.title}"
    elif min(mine.seconds) > max(rival.seconds) or mine.median > (1 + TIE) * rival.median:
        text = f"{mine.title} LOSES to {rival.title}, which is {1 / ratio:.2f} times as fast"
    else:
        text = f"{mine.title} TIES with {rival.title}: their runs overlap, the medians' ratio is {ratio:.2f}"
    return f"{text}; it reaches {comparison.share_of_floor(ours):.0%} of the floor."


def breakdown_table(comparison: Comparison) -> str:
    """Where jfnn's time goes, in Markdown, next to the floor; a sentence where that is not known."""
    found = comparison.breakdown
    if found is None:
        failed = BREAKDOWN in comparison.failed
        why = "tracing failed" if failed else "on this platform XLA does not tell what it runs"
        return f"Where jfnn's time goes is not known: {why}."
    whole = found.cores * found.seconds
    rows = [("jfnn, all cores", "core-ms", "of the time"), ("---", "---:", "---:")]
    rows += [(what, f"{1000 * t:.0f}", f"{t / whole:.1%}") for what, t in found.core_seconds.items()]
    rows += [("all", f"{1000 * whole:.0f}", "100%")]
    if FLOOR in comparison.measurements:
        rate = comparison.workload.flop() / comparison.measurements[FLOOR].median
        floor = found.cores * found.flop / rate
        rows += [("the floor of the same work", f"{1000 * floor:.0f}", f"{floor / whole:.1%}")]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    traced = (
        f"Traced: {found.epochs} of {comparison.workload.epochs} epochs, {found.kernels:,} kernels on"
        f" {found.cores} cores, {_seconds(found.seconds)} s; {_seconds(found.untraced_seconds)} s untraced."
    )
    return "\n".join([*lines, "", traced])


def as_json(comparison: Comparison) -> dict:
    """All figures of a workload."""
    workload = comparison.workload
    return {
        "title": workload.title,
        "members": workload.members,
        "gflop": workload.flop() / 1e9,
        "reference": dict(zip(("learning_rate", "l2"), workload.reference, strict=True)),
        "verdict": verdict(comparison),
        "contenders": {
            name: {
                "title": m.title,
                "median_s": m.median,
                "seconds": m.seconds,
                "cpu_seconds": m.cpu_seconds,
                "extra_first_s": m.extra_first,
                "peak_memory_mb": m.peak_memory,
                "accuracy": m.accuracy,
                "share_of_floor": comparison.share_of_floor(name),
                "share_trained": m.trained,
                "measured_on": m.measured,
                "comment": m.comment,
            }
            for name, m in comparison.measurements.items()
        },
        "failed": comparison.failed,
        "breakdown": comparison.breakdown and comparison.breakdown._asdict(),
        "seconds": comparison.seconds,
    }


def plain(value):
    """A value as JSON can hold it: what is no finite number becomes None."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_csv(points: list[Point], path: Path) -> None:
    """One line a point of the growth curves."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Point._fields)
        writer.writerows(points)
