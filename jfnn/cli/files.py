"""The run's directory: where it is, what the command adds to what the library writes."""

import argparse
import dataclasses
import itertools
import json
import shlex
import tempfile
from pathlib import Path
from typing import Any

import jfnn
from jfnn.cli import printing
from jfnn.cli.data import Problem
from jfnn.cli.flag_table import DEFAULT_OUT
from jfnn.experiment.axes import is_distribution
from jfnn.search import run_directory as archive
from jfnn.search.result import REFIT
from jfnn.store import files as storage

REPORT = "report.html"
# Flags that say where and how a run goes on, and nothing of what it is.
NOT_SETTINGS = ("out", "resume", "quiet", "given")


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
        raise ValueError(f"out: {unwritable(out, error)}") from None
    return out


def unwritable(out: Path, error: OSError) -> str:
    """What to say where a file in ``out`` cannot be written."""
    return f"cannot write to {error.filename2 or error.filename or out}: {error.strerror or error}"


def write(found: jfnn.SweepGroups, args, problem: Problem, words: list[str]) -> list[str]:
    """Adds figures, pages and the command to the runs' directories; the names of what is in the topmost.

    Args:
        found: The sweeps, saved there already.
        args: The flags' values.
        problem: What was learned.
        words: The command line.
    """
    shown = settings(args, problem, words)
    if len(found.groups) == 1:
        result = dataclasses.replace(found.results[0], refit=found.refit)
        alone = dataclasses.replace(result, refit=None)
        lines = printing.verdict(alone, problem, tested=found.refit is None)
        return write_run(result, args.out, args, problem, shown, lines)
    for group, result in zip(found.groups, found.results, strict=True):
        lines = [f"network {printing.name_of(group)}", *printing.verdict(result, problem, tested=False)]
        write_run(result, args.out / group.directory, args, problem, shown, lines)
    write_overview(found, args.out, problem, shown)
    if found.refit is not None:
        describe(args.out / REFIT, args, problem)
    again = [] if found.refit is None else [f"{REFIT}/"]
    return [archive.TABLE, REPORT, *again, *(f"{group.directory}/" for group in found.groups)]


def settings(args, problem: Problem, words: list[str]) -> dict[str, Any]:
    """What the page lists beside what the library knows."""
    rows = {f"{part} rows": len(x) for part, x in zip(("train", "test"), problem.split[::2], strict=True)}
    classes = {"classes": list(problem.classes)} if problem.classes else {}
    shown = {"command": shlex.join(["scripts/grid.py", *words]), "data": problem.name}
    return shown | rows | classes | {"standardised": args.standardise}


def write_run(
    result: jfnn.SweepResult,
    out: Path,
    args: argparse.Namespace,
    problem: Problem,
    shown: dict[str, Any],
    lines: list[str],
) -> list[str]:
    """Adds figures, page and command to one run's directory; the names of all files in it.

    Args:
        result: The sweep, saved there already.
        out: The directory.
        args: The flags' values.
        problem: What was learned.
        shown: From `settings`.
        lines: The text below the page's heading.
    """
    from jfnn import report

    images = {name: report.png(figure) for name, figure in report.draw(result).items()}
    for name, image in images.items():
        with storage.atomic(out / f"{name}.png") as file:
            file.write(image)
    describe(out, args, problem)
    if result.refit is not None:
        describe(out / REFIT, args, problem)
    what = "Random search" if result.sampled else "A grid"
    report.write_report(
        result,
        out / REPORT,
        title=f"{what} of {result.diverged_at.size} networks on {problem.name}",
        text=lines,
        extra=printing.comparable(result, problem),
        extra_refit=printing.extra_refit(result.refit, problem),
        figures=images,
        settings=shown,
        scaling=problem.scaling,
    )
    saved = [archive.CONFIG, archive.TABLE, archive.RESULTS, archive.MODELS]
    again = [] if result.refit is None else [f"{REFIT}/"]
    return [*saved, *again, *(f"{name}.png" for name in images), REPORT]


def describe(run: Path, args: argparse.Namespace, problem: Problem) -> None:
    """Adds to a run's config.json what the command knows beyond the library."""
    command = {name: _plain(value) for name, value in vars(args).items() if name not in NOT_SETTINGS}
    added = {"command": command, "classes": problem.classes, "scaling": problem.scaling}
    config = json.loads((run / archive.CONFIG).read_text())
    storage.write_json(run / archive.CONFIG, config | added)


def write_overview(found: jfnn.SweepGroups, out: Path, problem: Problem, shown: dict[str, Any]) -> None:
    """Writes the page about all groups."""
    from jfnn import report

    group, _ = printing.winner(found)
    where, tested = f"network {printing.name_of(group)}, ", found.refit is None
    networks = sum(result.diverged_at.size for result in found.results)
    report.write_overview(
        found,
        out / REPORT,
        title=f"{networks} networks in {len(found.groups)} groups on {problem.name}",
        text=printing.verdict(found[group], problem, where, tested),
        extras=[printing.comparable(result, problem) for result in found.results],
        extra_refit=printing.extra_refit(found.refit, problem),
        settings=shown,
        pages={group: f"{group.directory}/{REPORT}" for group in found.groups},
    )


def _plain(value):
    """A flag's value as JSON has it."""
    if isinstance(value, jfnn.Halving):
        return dataclasses.asdict(value)
    if is_distribution(value):
        return f"scipy.stats.{value.dist.name}{value.args}"
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return str(value) if isinstance(value, Path) else value
