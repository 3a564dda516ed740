"""A finished picture, and what all of them need: published figures, run directories, training times."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from verdicts import CONSISTENT, OUTSIDE, UNDECIDED, Row

import jfnn

PUBLISHED = Path(__file__).resolve().parents[2] / "tests" / "data" / "pictures.json"
SIZES = ("quick", "usual", "paper")  # how much a picture computes


class Picture(NamedTuple):
    """A picture that is drawn, and the figures that it shows beside published ones."""

    figure: Figure
    rows: list[Row]
    trained: str  # the networks and their steps, in words
    seconds: float  # to compile and train all of them


def published(name: str) -> dict[str, Any]:
    """Published figures of a picture, with "source", "protocol" and "time"."""
    figures: dict[str, Any] = json.loads(PUBLISHED.read_text())[name]
    return figures


def resumable(runs: Path, name: str) -> dict[str, Any]:
    """Keywords of a sweep that goes on where it was stopped, and is read where it has ended."""
    return {"out": runs / name, "resume": True}


def seconds(*results: jfnn.SweepResult) -> float:
    """Time that sweeps took to compile and train."""
    return float(sum(sum(result.timing.values()) for result in results))


def statement(figure: str, said: str, here: str, holds: bool, reason: str, decided: bool = True) -> Row:
    """Row of a published statement about random runs; undecided where too little was computed.

    Statements have no threshold of their own: ours stands in the reason.
    """
    verdict = (CONSISTENT if holds else OUTSIDE) if decided else UNDECIDED
    computed = "" if decided else "too little computed to judge; "
    return Row(figure, said, here, verdict, f"{computed}our threshold: {reason}")


def band(axes: Axes, x: np.ndarray, values: np.ndarray, label: str) -> Any:
    """Draws means over runs ``[runs, x]`` with their 95% intervals; the colour."""
    line = axes.plot(x, values.mean(axis=0), label=label)[0]
    low, high = jfnn.analysis.interval(values.T)
    axes.fill_between(x, low, high, color=line.get_color(), alpha=0.25, linewidth=0)
    axes.grid(alpha=0.3)
    return line.get_color()
