"""The run's directory: where it is, what the command adds to what the library writes."""

import argparse
import dataclasses
import itertools
import json
import shlex
import tempfile
from pathlib import Path

import numpy as np

import jfnn
from grid_parts import text
from grid_parts.data import Problem
from grid_parts.flags import DEFAULT_OUT
from jfnn import storage
from jfnn.engine import archive

HEATMAP, CURVES, REPORT = "heatmap.png", "curves.png", "report.html"
# Flags that say where and how a run goes on, and nothing of what it is.
NOT_SETTINGS = ("out", "resume", "quiet")


def choose(args: argparse.Namespace) -> Path:
    """The directory asked for; by default the first of runs/grid, runs/grid-2, … that is not there yet.

    With ``--resume`` the default is runs/grid. It is tried out, before anything is trained, whether files
    can be made there; nothing is left behind.

    Raises:
        ValueError: They cannot.
    """
    numbered = (DEFAULT_OUT.with_name(f"{DEFAULT_OUT.name}-{i}") for i in itertools.count(2))
    free = (path for path in itertools.chain([DEFAULT_OUT], numbered) if args.resume or not path.exists())
    out = next(free) if args.out is None else args.out
    try:
        present = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=present):
            pass
    except OSError as error:
        raise ValueError(f"out: cannot write to {out}: {error.strerror}") from None
    return out


def write(
    result: jfnn.SweepResult, args, problem: Problem, r2: dict[str, np.ndarray], words: list[str]
) -> list[str]:
    """Adds figures, page and command to the run's directory; the names of all files in it.

    Args:
        result: The sweep, saved there already.
        args: The flags' values.
        problem: What was learned.
        r2: For regression, R² of each member by part.
        words: The command line.
    """
    from jfnn import report

    images = {name: report.png(figure) for name, figure in report.draw(result).items()}
    files = {"heatmap": HEATMAP, "curves": CURVES}
    for name, data in images.items():
        with storage.atomic(args.out / files[name]) as file:
            file.write(data)
    command = {name: _plain(value) for name, value in vars(args).items() if name not in NOT_SETTINGS}
    config = json.loads((args.out / archive.CONFIG).read_text())
    storage.write_json(args.out / archive.CONFIG, config | {"command": command, "classes": problem.classes})
    shown = {"command": shlex.join(["scripts/grid.py", *words]), "data": problem.name}
    rows = {f"{part} rows": len(x) for part, x in zip(("train", "test"), problem.split[::2], strict=True)}
    classes = {"classes": list(problem.classes)} if problem.classes else {}
    report.write_report(
        result,
        args.out / REPORT,
        title=f"A grid of {result.diverged_at.size} networks on {problem.name}",
        text=text.verdict(result, problem, r2),
        extra=text.comparable(result, r2),
        figures=images,
        settings=shown | rows | classes | {"standardised": args.standardise},
    )
    saved = [archive.CONFIG, archive.TABLE, archive.RESULTS, archive.MODELS]
    return [*saved, *(files[name] for name in images), REPORT]


def _plain(value):
    """A flag's value as JSON has it."""
    if isinstance(value, jfnn.Halving):
        return dataclasses.asdict(value)
    return str(value) if isinstance(value, Path) else value
