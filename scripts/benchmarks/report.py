"""Report a comparison: Markdown tables, verdicts, and figures for JSON."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.comparison import Comparison, Measurement
from benchmarks.contenders import FLOOR

TIE = 0.1  # a median worse by more than this loses, even if runs overlap
FIGURES = ("time", "min–max", "CPU", "× jfnn", "of floor", "first +", "memory", "accuracy", "trained")
COLUMNS = (*FIGURES, "measured on")


def header(environment: Mapping[str, Any]) -> str:
    """Return the environment in two lines."""
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    return (
        f"{environment['processor']}, {environment['cores']} cores; JAX sees"
        f" {', '.join(environment['devices'])}; load {environment['load']} before; {environment['date']}"
        f"\n{versions}"
    )


def tables(comparison: Comparison) -> str:
    """Return the table of a workload, and how long it took."""
    return f"{table(comparison)}\n\n{comparison.seconds:.0f} s for this workload."


def table(comparison: Comparison) -> str:
    """Return a Markdown table of a workload's contenders, slowest first, and conclusions."""
    ours = comparison.fastest(ours=True)
    best = comparison.measurements[ours].median if ours else math.nan
    slowest_first = sorted(comparison.measurements.items(), key=lambda item: -item[1].median)
    rows = [_row(comparison, name, measurement, best) for name, measurement in slowest_first]
    notes = [f"{m.contender.title}: {m.contender.comment}." for _, m in slowest_first if m.contender.comment]
    if any(m.share_trained < 1 for _, m in slowest_first):
        notes += ["trained: the share of all members' epochs; members that diverge stop."]
    notes += [failure(name, why) for name, why in comparison.failed.items()]
    return "\n".join([markdown([("", *COLUMNS), *rows]), "", verdict(comparison), *notes])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: a header, then rows of a text and numbers."""
    rule = ("---", *("---:" for _ in rows[0][1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def failure(name: str, traceback: str) -> str:
    """Return a line with the exception at the end of a traceback."""
    return f"{name}: failed, {traceback.strip().splitlines()[-1]}"


def _row(comparison: Comparison, name: str, m: Measurement, best: float) -> tuple[str, ...]:
    workload = comparison.workload
    cpu = f"{seconds(statistics.median(m.cpu_seconds))} s"  # of its own process only
    common = (m.contender.title, f"{seconds(m.median)} s", span(m.seconds), cpu, f"{m.median / best:.2f}")
    if name == FLOOR:
        return (*common, f"{workload.flop() / m.median / 1e9:.0f} GFLOP/s", *[""] * 5)
    return (
        *common,
        _share_text(comparison, name),
        f"{seconds(m.extra_first_s)} s",
        "" if m.peak_memory_mb is None else f"{m.peak_memory_mb:.0f} MB",
        "stopped early" if math.isnan(m.accuracy) else f"{m.accuracy:.4f}",
        f"{m.share_trained:.0%}",
        "all" if m.measured_on == workload.members else f"{m.measured_on} of {workload.members}, scaled",
    )


def seconds(value: float) -> str:
    """Return a time with three digits."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def span(values: Sequence[float]) -> str:
    """Return the smallest and the largest time."""
    return f"{seconds(min(values))}–{seconds(max(values))}"


def verdict(comparison: Comparison) -> str:
    """Return whether jfnn wins: its slowest run must beat the fastest run of the fastest rival.

    Overlapping runs are a tie, unless jfnn's median is worse by more than `TIE`.
    """
    ours = comparison.fastest(ours=True)
    theirs = comparison.fastest(ours=False)
    if ours is None or theirs is None:
        return ""
    mine = comparison.measurements[ours]
    rival = comparison.measurements[theirs]
    our_title = mine.contender.title
    their_title = rival.contender.title
    ratio = rival.median / mine.median
    if max(mine.seconds) < min(rival.seconds):
        text = f"{our_title} wins: {ratio:.2f} times as fast as the best other, {their_title}"
    elif min(mine.seconds) > max(rival.seconds) or mine.median > (1 + TIE) * rival.median:
        text = f"{our_title} LOSES to {their_title}, which is {1 / ratio:.2f} times as fast"
    else:
        text = f"{our_title} TIES with {their_title}: their runs overlap, the medians' ratio is {ratio:.2f}"
    share = _share_text(comparison, ours)
    return f"{text}; it reaches {share} of the floor." if share else f"{text}."


def _share_text(comparison: Comparison, name: str) -> str:
    """Return a contender's share of the floor; empty if the floor was not measured."""
    share = comparison.share_of_floor(name)
    return "" if math.isnan(share) else f"{share:.0%}"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return all figures of a workload."""
    workload = comparison.workload
    return {
        "title": workload.title,
        "members": workload.members,
        "varied": workload.varied,
        "gflop": workload.flop() / 1e9,
        "contenders": {
            name: {
                "title": m.contender.title,
                "comment": m.contender.comment,
                "median_s": m.median,
                "share_of_floor": comparison.share_of_floor(name),
                **{key: value for key, value in vars(m).items() if key != "contender"},
            }
            for name, m in comparison.measurements.items()
        },
        "failed": comparison.failed,
        "seconds": comparison.seconds,
    }
