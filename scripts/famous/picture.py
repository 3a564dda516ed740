"""A finished picture, and helpers for all pictures: published figures, run directories, training times."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from verdicts import CONSISTENT, OUTSIDE, UNDECIDED, Row

import jfnn

PUBLISHED = Path(__file__).resolve().parents[2] / "tests" / "data" / "pictures.json"
SIZES = ("quick", "usual", "paper")  # sizes of a picture's computation


class Picture(NamedTuple):
    """A picture, and its table of figures computed here and published."""

    figure: Figure
    rows: list[Row]
    trained: str  # text on the networks and their steps
    seconds: float  # to compile and train all networks


def published(name: str) -> dict[str, Any]:
    """Return the published figures of a picture, with "source", "protocol" and "time"."""
    figures: dict[str, Any] = json.loads(PUBLISHED.read_text())[name]
    return figures


def resumable(runs: Path, name: str) -> dict[str, Any]:
    """Return keywords of a sweep that resumes if interrupted and is loaded if finished."""
    return {"out": runs / name, "resume": True}


def seconds(*results: jfnn.SweepResult) -> float:
    """Return the seconds that sweeps took to compile and train."""
    return float(sum(sum(result.timing.values()) for result in results))


def statement(figure: str, said: str, here: str, holds: bool, reason: str, decided: bool = True) -> Row:
    """Return the row of a published statement about random runs; undecided if too little was computed.

    Published statements have no threshold; the reason contains ours.
    """
    verdict = (CONSISTENT if holds else OUTSIDE) if decided else UNDECIDED
    computed = "" if decided else "too little computed to judge; "
    return Row(figure, said, here, verdict, f"{computed}our threshold: {reason}")


def band(axes: Axes, x: np.ndarray, values: np.ndarray, label: str) -> Any:
    """Draw means over runs ``[runs, x]`` with 95% intervals; return the color."""
    line = axes.plot(x, values.mean(axis=0), label=label)[0]
    low, high = jfnn.analysis.interval(values.T)
    axes.fill_between(x, low, high, color=line.get_color(), alpha=0.25, linewidth=0)
    axes.grid(alpha=0.3)
    return line.get_color()
