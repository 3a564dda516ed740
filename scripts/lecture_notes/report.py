"""What is said of a published figure, and the tables it is said in."""

from typing import NamedTuple

import numpy as np

REPRODUCED = "reproduced"
CONSISTENT = "consistent"
CORRECTED = "corrected"
OUTSIDE = "outside the spread"
NOT_REPRODUCED = "NOT REPRODUCED"

# A chaotic figure is consistent within so many standard deviations of the mean over streams.
DEVIATIONS = 3


class Row(NamedTuple):
    """One figure: what the notes print, what comes out here, what is to be said of it and why."""

    figure: str
    published: str
    here: str
    verdict: str
    reason: str = ""


def exact(figure: str, published, here, tolerance: float = 0.0, reason: str = "") -> Row:
    """A figure that must come out the same, up to a tolerance where its digits are limited."""
    expected, found = np.ravel(published).astype(np.float64), np.ravel(here).astype(np.float64)
    difference = np.abs(found - expected).max() if found.shape == expected.shape else np.inf
    if tolerance:
        reason = f"largest difference {difference:.1e}, allowed {tolerance:.0e}"
    verdict = REPRODUCED if difference <= tolerance else NOT_REPRODUCED
    return Row(figure, _text(published), _text(here), verdict, reason)


def claim(figure: str, published: str, here: str, holds: bool, reason: str = "") -> Row:
    """A statement without a number of its own."""
    return Row(figure, published, here, CONSISTENT if holds else NOT_REPRODUCED, reason)


def within_spread(figure: str, published, here, streams: list[np.ndarray]) -> Row:
    """Counts of a chaotic run, each compared with its spread over minibatch streams ``[streams]``.

    None of these runs diverges; one that does here is not reproduced.
    """
    texts = counts_text(*published), counts_text(*here)
    diverged = int(np.isnan(streams).any(axis=0).sum())
    if diverged or np.isnan(here).any():
        return Row(figure, *texts, NOT_REPRODUCED, f"{diverged} of {len(streams[0])} streams diverged")
    inside, reasons = True, []
    for value, counts in zip(published, streams, strict=True):
        mean, deviation = counts.mean(), counts.std(ddof=1)
        inside &= abs(value - mean) <= DEVIATIONS * deviation
        reasons.append(f"{mean:.0f} ± {deviation:.0f} ({counts.min():.0f}..{counts.max():.0f})")
    spread = f"{len(streams[0])} streams: " + ", ".join(reasons)
    return Row(figure, *texts, CONSISTENT if inside else OUTSIDE, spread)


def counts_text(train, test) -> str:
    """Two counts of right answers, "1382 321"."""
    return f"{train:.0f} {test:.0f}"


def table(rows: list[Row]) -> str:
    """Rows as aligned text."""
    lines = [tuple(name for name in Row._fields), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(Row._fields) - 1)]
    form = "  ".join(f"{{:{width}}}" for width in widths) + "  {}"
    return "\n".join(form.format(*line).rstrip() for line in lines)


def grid_table(title: str, learning_rates, l2s, values) -> str:
    """An η×λ table of accuracies; "div" where a member diverged."""
    head = f"{title:>9}" + "".join(f"  λ={l2:<6g}" for l2 in l2s)
    lines = [
        f"η={eta:<7g}" + "".join(f"  {'div' if np.isnan(v) else f'{v:.4f}':<8}" for v in row)
        for eta, row in zip(learning_rates, values, strict=True)
    ]
    return "\n".join(line.rstrip() for line in [head, *lines])


def _text(value) -> str:
    return " ".join(f"{number:.9g}" for number in np.ravel(value))
