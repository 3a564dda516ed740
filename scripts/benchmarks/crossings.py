"""Find the number of networks from which jfnn is faster, for whole processes with imports and compiling."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

from benchmarks.first_call import CROSSINGS
from benchmarks.first_calls import CONTENDERS, Process, medians_of
from benchmarks.report import markdown

OURS = ("jfnn", "jfnn_kept")
OTHERS = ("sklearn", "vmap", "vmap_kept")

Curve = dict[int, float]  # number of networks -> seconds of a process


def curves(name: str, figures: Mapping[str, Any]) -> dict[str, Curve]:
    """Return medians by contender, from the benchmark's figures of cases."""
    found: dict[str, Curve] = {contender: {} for contender in CROSSINGS[name][1].contenders}
    for number in CROSSINGS[name]:
        for contender, processes in figures.get(f"{name}_{number}", {}).items():
            found[contender][number] = medians_of(Process(**process) for process in processes)[0]
    return {contender: curve for contender, curve in found.items() if curve}


def crossing(ours: Curve, theirs: Curve) -> float | None:
    """Return the number of networks from which ours is always faster; None if never.

    Interpolates linearly between measured numbers, in logarithms of times and numbers.
    """
    points = [(math.log(n), math.log(theirs[n] / ours[n])) for n in sorted(ours.keys() & theirs.keys())]
    if not points or points[-1][1] <= 0:
        return None
    for (left, behind), (right, ahead) in reversed([*itertools.pairwise(points)]):
        if behind <= 0:
            return math.exp(left + (right - left) * behind / (behind - ahead))
    return math.exp(points[0][0])


def text(ours: Curve, theirs: Curve) -> str:
    """Return the crossing in whole networks; a dash if there is none."""
    number = crossing(ours, theirs)
    return "–" if number is None else f"{math.ceil(round(number, 9)):,}"


def table(figures: Mapping[str, Any]) -> str:
    """Return a Markdown table of where jfnn, with and without cached programs, becomes faster."""
    rows = [("", *(f"faster than {CONTENDERS[theirs]} from" for theirs in OTHERS))]
    for name in CROSSINGS:
        found = curves(name, figures)
        for ours in filter(found.get, OURS):
            cells = [text(found[ours], found.get(theirs, {})) for theirs in OTHERS]
            rows.append((f"{name}: {CONTENDERS[ours]}", *cells))
    return markdown(rows)
