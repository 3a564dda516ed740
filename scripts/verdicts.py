"""Verdicts on published figures, the rule that judges random ones, and tables of verdicts."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

import jfnn

REPRODUCED = "reproduced"
CONSISTENT = "consistent"
CORRECTED = "corrected"
OUTSIDE = "outside the spread"
UNDECIDED = "undecided"
NOT_REPRODUCED = "NOT REPRODUCED"

MEANINGS = f"""
Each section becomes a table of published figures, figures computed here, and verdicts:

* {REPRODUCED}: equal, exactly or to the printed digits.
* {CONSISTENT}: depends on rounding or random initialization, and lies within the spread of the seeds, or
  agrees for the given reason.
* {OUTSIDE}: lies outside the spread of the seeds, by the rule printed above the tables.
* {UNDECIDED}: too few seeds, or too little computed, to decide.
* {CORRECTED}: the published figure is an artifact, explained in the table; the one computed here is not.
* {NOT_REPRODUCED}: should be equal but is not; the exit status is 1.
"""
LEVEL = 0.05
FEWEST = round(2 / LEVEL) - 1  # fewer seeds cannot put a figure outside the spread
RULE = (
    "A published figure of a random run is judged by its rank among n seeds computed here, rounded to\n"
    "its digits: if a seeds are at or above it and b at or below, p = 2 (1 + min(a, b)) / (1 + n). It is\n"
    f"outside the spread if p <= {LEVEL:g}, which happens to 1 in 20 figures that agree; with fewer than\n"
    f"{FEWEST} seeds it is undecided."
)
COLUMNS = ("figure", "published", "exact", "here", "verdict", "reason")


class Row(NamedTuple):
    """One figure, its verdict (one of the constants above) and the reason.

    ``exact`` is the mathematical value, from a formula or from enumerating all states.
    """

    figure: str
    published: str
    here: str
    verdict: str
    reason: str = ""
    exact: str = ""

    def cells(self, names: Sequence[str]) -> list[str]:
        """Return the texts of some of `COLUMNS`."""
        texts = self._asdict()
        return [texts[name] for name in names]


def exact(
    figure: str, published: ArrayLike, here: ArrayLike, tolerance: float = 0.0, reason: str = ""
) -> Row:
    """Return the row of a figure that must be reproduced, within a tolerance if its digits are limited."""
    expected = np.ravel(published).astype(np.float64)
    actual = np.ravel(here).astype(np.float64)
    difference = np.abs(actual - expected).max() if actual.shape == expected.shape else np.inf
    if tolerance:
        reason = f"largest difference {difference:.1e}, allowed {tolerance:.0e}"
    verdict = REPRODUCED if difference <= tolerance else NOT_REPRODUCED
    return Row(figure, _text(published), _text(here), verdict, reason)


def claim(figure: str, published: str, here: str, holds: bool, reason: str = "", exact: str = "") -> Row:
    """Return the row of a statement without a number to compare."""
    return Row(figure, published, here, CONSISTENT if holds else NOT_REPRODUCED, reason, exact)


def rank_p(published: float, seeds: ArrayLike, decimals: int) -> float:
    """Return the two-sided p-value of a figure's rank among seeds ``[n]``; see `RULE`."""
    rounded = np.round(np.asarray(seeds, np.float64), decimals)
    figure = round(published, decimals)
    beyond = min((rounded >= figure).sum(), (rounded <= figure).sum())
    return min(1.0, 2 * (1 + int(beyond)) / (1 + rounded.size))


def among_seeds(
    figure: str,
    published: float,
    seeds: ArrayLike,
    decimals: int,
    source: str,
    here: str = "",
    exact: str = "",
) -> Row:
    """Return the row of a figure from one random run, judged by `RULE`.

    Published runs do not diverge. If a seed diverges here, the figure is not reproduced.

    Args:
        figure: The figure's name.
        published: The published value.
        seeds: The same figure for each seed ``[n]``.
        decimals: Published digits after the decimal point.
        source: Where the figure is printed, and which run it belongs to.
        here: Text for the computed value; by default the mean of the seeds.
        exact: The mathematical value.
    """
    values = np.asarray(seeds, np.float64)
    n = values.size
    diverged = int(np.isnan(values).sum())
    text = f"{published:.{decimals}f}"
    if diverged:
        return Row(figure, text, here, NOT_REPRODUCED, f"{diverged} of {n} seeds diverged; {source}", exact)
    p = rank_p(published, values, decimals)
    verdict = OUTSIDE if p <= LEVEL else CONSISTENT if n >= FEWEST else UNDECIDED
    cut = max(int(LEVEL * (n + 1) / 2) - 1, 0)  # seeds beyond each end
    low, high = np.sort(values)[[cut, n - 1 - cut]]
    share = f"central {1 - LEVEL:.0%}" if n >= FEWEST else "all"
    spread = f"{n} seeds, {share} {low:.{decimals}f}..{high:.{decimals}f}, p = {p:.2g}"
    return Row(figure, text, here or f"{values.mean():.{decimals}f}", verdict, f"{spread}; {source}", exact)


def mean_interval(values: ArrayLike) -> tuple[float, float]:
    """Return the mean, and half the width of its 95% Student interval (NaN for fewer than three values)."""
    low, high = jfnn.analysis.interval(values)
    return float(np.mean(np.asarray(values, np.float64))), float(high - low) / 2


def table(rows: list[Row]) -> str:
    """Return rows as aligned text; the column of exact values is omitted if empty."""
    names = [name for name in COLUMNS if name != "exact" or any(row.exact for row in rows)]
    lines = [names, *(row.cells(names) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names) - 1)]
    form = "  ".join(f"{{:{width}}}" for width in widths) + "  {}"
    return "\n".join(form.format(*line).rstrip() for line in lines)


def print_sections(sections: Mapping[str, Callable[[], list[Row]]]) -> int:
    """Compute the sections (title -> rows) and print the rule, their tables and the total of verdicts.

    Returns:
        The exit status: 1 if a figure that must be reproduced was not.
    """
    started = time.perf_counter()
    verdicts = Counter[str]()
    print(RULE)
    for number, (title, section) in enumerate(sections.items(), 1):
        begun = time.perf_counter()
        print(f"\n{title}\n{'=' * len(title)}")
        print(f"section {number} of {len(sections)}, started after {begun - started:.0f} s", flush=True)
        rows = section()
        print(f"{table(rows)}\n{time.perf_counter() - begun:.1f} s", flush=True)
        verdicts.update(row.verdict for row in rows)
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    print(f"{time.perf_counter() - started:.1f} s")
    return 1 if verdicts[NOT_REPRODUCED] else 0


def _text(values: ArrayLike) -> str:
    return " ".join(f"{number:.9g}" for number in np.ravel(values))
