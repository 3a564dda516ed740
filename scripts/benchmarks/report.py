"""Report of a comparison: tables in Markdown, verdicts, and figures for JSON."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.comparison import BREAKDOWN, Comparison, Measurement
from benchmarks.contenders import FLOOR

TIE = 0.1  # a median that is worse by more is a loss, even where runs overlap
FIGURES = ("time", "min–max", "CPU", "× jfnn", "of floor", "first +", "memory", "accuracy", "trained")
COLUMNS = (*FIGURES, "measured on")


def header(environment: Mapping[str, Any]) -> str:
    """The environment in two lines."""
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    return (
        f"{environment['processor']}, {environment['cores']} cores; JAX sees"
        f" {', '.join(environment['devices'])}; load {environment['load']} before; {environment['date']}"
        f"\n{versions}"
    )


def tables(comparison: Comparison) -> str:
    """All tables of a workload."""
    duration = f"{comparison.seconds:.0f} s for this workload."
    breakdown = (
        [breakdown_table(comparison)]
        if comparison.case.traced and "jfnn" in comparison.case.contenders
        else []
    )
    return "\n\n".join((table(comparison), *breakdown, duration))


def table(comparison: Comparison) -> str:
    """A workload's contenders in Markdown, the slowest first, and conclusions from their figures."""
    ours = comparison.fastest(ours=True)
    best = comparison.measurements[ours].median if ours else math.nan
    slowest_first = sorted(comparison.measurements.items(), key=lambda item: -item[1].median)
    rows = [_row(comparison, name, measurement, best) for name, measurement in slowest_first]
    notes = [f"{m.contender.title}: {m.contender.comment}." for _, m in slowest_first if m.contender.comment]
    if any(m.share_trained < 1 and m.contender.all_work for _, m in slowest_first):
        notes += ["trained: the share of all members' epochs; members that diverge stop."]
    notes += rates(comparison)
    notes += [failure(name, why) for name, why in comparison.failed.items()]
    return "\n".join([markdown([("", *COLUMNS), *rows]), "", verdict(comparison), *notes])


def rates(comparison: Comparison) -> list[str]:
    """A line of rates of training beside the one that follows from published times, where there are any.

    By the processor's seconds, since a published network has all cores for itself and ours share them.
    """
    published = comparison.case.published
    if published is None:
        return []
    workload = comparison.workload
    flop = {name: workload.flop(m.share_trained) for name, m in comparison.measurements.items()}
    parts = [
        f"{m.contender.title} {flop[name] / statistics.median(m.cpu_seconds) / 1e9:.1f}"
        for name, m in comparison.measurements.items()
        if m.measured_on
    ]
    parts += [f"{published.title} {published.rate(workload):.1f} ({published.source})"]
    return [f"GFLOP/s a core: {'; '.join(parts)}."]


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table: its header, then lines with a text and numbers."""
    rule = ("---", *("---:" for _ in rows[0][1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def failure(name: str, traceback: str) -> str:
    """A line with the exception at the end of a traceback."""
    return f"{name}: failed, {traceback.strip().splitlines()[-1]}"


def _row(comparison: Comparison, name: str, m: Measurement, best: float) -> tuple[str, ...]:
    workload = comparison.workload
    cpu = f"{seconds(statistics.median(m.cpu_seconds))} s"  # of its own process alone
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
    """A time with three digits."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def span(values: Sequence[float]) -> str:
    """The least and the largest time."""
    return f"{seconds(min(values))}–{seconds(max(values))}"


def verdict(comparison: Comparison) -> str:
    """Whether jfnn wins: only where its slowest run beats the fastest run of the fastest rival.

    Runs that overlap are a tie, but not where jfnn's median is worse by more than `TIE`.
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
    """A contender's share of the floor; empty where the floor was not measured."""
    share = comparison.share_of_floor(name)
    return "" if math.isnan(share) else f"{share:.0%}"


def breakdown_table(comparison: Comparison) -> str:
    """Breakdown of jfnn's time in Markdown, next to the floor; a sentence where it is not known."""
    breakdown = comparison.breakdown
    if breakdown is None:
        failed = BREAKDOWN in comparison.failed
        why = "tracing failed" if failed else "on this platform XLA does not record its kernels"
        return f"Where jfnn's time goes is not known: {why}."
    whole = breakdown.cores * breakdown.seconds
    times = dict(breakdown.core_seconds) | {"all": whole}
    if FLOOR in comparison.measurements:
        rate = comparison.workload.flop() / comparison.measurements[FLOOR].median
        times["the floor of the same work"] = breakdown.cores * breakdown.flop / rate
    rows = [(name, f"{1000 * t:.0f}", f"{t / whole:.1%}") for name, t in times.items()]
    return (
        f"{markdown([('jfnn, all cores', 'core-ms', 'of the time'), *rows])}\n\n"
        f"Traced: {breakdown.epochs} of {comparison.workload.epochs} epochs,"
        f" {breakdown.kernels:,} kernels on {breakdown.cores} cores, {seconds(breakdown.seconds)} s;"
        f" {seconds(breakdown.untraced_seconds)} s untraced."
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """All figures of a workload."""
    workload = comparison.workload
    return {
        "title": workload.title,
        "members": workload.members,
        "varied": workload.varied,
        "gflop": workload.flop() / 1e9,
        "reference": dict(zip(("learning_rate", "l2"), workload.reference, strict=True)),
        "verdict": verdict(comparison),
        "published": comparison.case.published,
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
        "breakdown": comparison.breakdown and comparison.breakdown._asdict(),
        "seconds": comparison.seconds,
    }
