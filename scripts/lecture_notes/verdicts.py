"""Verdicts on published figures, and the tables that show them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

REPRODUCED = "reproduced"
CONSISTENT = "consistent"
CORRECTED = "corrected"
OUTSIDE = "outside the spread"
NOT_REPRODUCED = "NOT REPRODUCED"

# A chaotic figure is consistent within so many standard deviations of the mean over minibatch sequences.
DEVIATIONS = 3


class Row(NamedTuple):
    """One figure: as published, as computed here, the verdict and its reason."""

    figure: str
    published: str
    here: str
    verdict: str
    reason: str = ""


def exact(
    figure: str, published: ArrayLike, here: ArrayLike, tolerance: float = 0.0, reason: str = ""
) -> Row:
    """Row of a figure that must come out the same, up to a tolerance where its digits are limited."""
    expected, actual = np.ravel(published).astype(np.float64), np.ravel(here).astype(np.float64)
    difference = np.abs(actual - expected).max() if actual.shape == expected.shape else np.inf
    if tolerance:
        reason = f"largest difference {difference:.1e}, allowed {tolerance:.0e}"
    verdict = REPRODUCED if difference <= tolerance else NOT_REPRODUCED
    return Row(figure, _text(published), _text(here), verdict, reason)


def claim(figure: str, published: str, here: str, holds: bool, reason: str = "") -> Row:
    """Row of a statement that has no number to compare."""
    return Row(figure, published, here, CONSISTENT if holds else NOT_REPRODUCED, reason)


def within_spread(
    figure: str, published: Sequence[float], here: Sequence[float], sequences: Sequence[np.ndarray]
) -> Row:
    """Row of a chaotic run: its counts of right answers against their spread over minibatch sequences.

    The notes' runs do not diverge; one that does here is not reproduced.

    Args:
        figure: Its name.
        published: Counts on training and test images.
        here: The same, computed.
        sequences: The same counts with each minibatch sequence, ``[sequences]`` each.
    """
    texts, n = (counts_text(*published), counts_text(*here)), len(sequences[0])
    diverged = int(np.isnan(sequences).any(axis=0).sum())
    if diverged or np.isnan(here).any():
        return Row(figure, *texts, NOT_REPRODUCED, f"{diverged} of {n} sequences diverged")
    inside, spreads = True, []
    for value, counts in zip(published, sequences, strict=True):
        mean, deviation = counts.mean(), counts.std(ddof=1)
        inside &= bool(abs(value - mean) <= DEVIATIONS * deviation)
        spreads.append(f"{mean:.0f} ± {deviation:.0f} ({counts.min():.0f}..{counts.max():.0f})")
    return Row(figure, *texts, CONSISTENT if inside else OUTSIDE, f"{n} sequences: {', '.join(spreads)}")


def counts_text(train: float, test: float) -> str:
    """Two counts of right answers, such as "1382 321"."""
    return f"{train:.0f} {test:.0f}"


def table(rows: list[Row]) -> str:
    """Rows as aligned text."""
    lines = [Row._fields, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(Row._fields) - 1)]
    form = "  ".join(f"{{:{width}}}" for width in widths) + "  {}"
    return "\n".join(form.format(*line).rstrip() for line in lines)


def _text(values: ArrayLike) -> str:
    return " ".join(f"{number:.9g}" for number in np.ravel(values))
