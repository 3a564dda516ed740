"""Files that ``jfnn grid`` adds to those of the library: figures, pages and its flags."""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jfnn
from jfnn.cli import printing
from jfnn.cli.data import Problem
from jfnn.cli.grid_flags import GridFlags
from jfnn.search.result import REFIT
from jfnn.search.run_directory import CONFIG, MODELS, RESULTS, TABLE
from jfnn.store import files

REPORT = "report.html"
ADDED = (REPORT, "curves.png", "heatmap.png", "scatter.png")  # what the command may write beside the library
# Flags that say nothing of what a run is.
NOT_SETTINGS = ("out", "resume", "quiet", "present", "executor", "workers", "scheduler")


@dataclasses.dataclass(frozen=True)
class Writer:
    """Adds figures, pages and the command to the runs' directories, where the library saved them."""

    flags: GridFlags
    problem: Problem
    command: Sequence[str]

    def write(self, sweeps: jfnn.SweepGroups) -> list[str]:
        """The names of what is in the topmost directory then."""
        out, count = self.flags.out, len(sweeps.groups)
        best, result = printing.winner(sweeps)
        if count == 1:
            return self._write_run(result, out, printing.verdict(result))
        for group, of_group in zip(sweeps.groups, sweeps.results, strict=True):
            lines = [f"network {printing.name_of(group)}", *printing.verdict(of_group, tested=False)]
            self._write_run(of_group, out / group.directory, lines)
        self._describe(out)
        from jfnn import report

        report.write_overview(
            sweeps,
            out / REPORT,
            title=f"{result.diverged_at.size * count} networks in {count} groups on {self.problem.name}",
            text=printing.verdict(result, f"network {printing.name_of(best)}, "),
            settings=self._settings(),
            pages={group: f"{group.directory}/{REPORT}" for group in sweeps.groups},
        )
        directories = [REFIT] * (sweeps.refit is not None) + [group.directory for group in sweeps.groups]
        return [TABLE, REPORT, *(f"{name}/" for name in directories)]

    def _write_run(self, result: jfnn.SweepResult, out: Path, lines: Sequence[str]) -> list[str]:
        """Completes one run's directory; the names of all files in it."""
        from jfnn import report

        images = {name: report.png(figure) for name, figure in report.draw(result).items()}
        for name, image in images.items():
            with files.atomic(out / f"{name}.png") as file:
                file.write(image)
        self._describe(out)
        kind = "Random search" if result.sampled else "A grid"
        report.write_report(
            result,
            out / REPORT,
            title=f"{kind} of {result.diverged_at.size} networks on {self.problem.name}",
            text=lines,
            figures=images,
            settings=self._settings(),
            scaling=self.problem.scaling,
        )
        refit = [f"{REFIT}/"] * (result.refit is not None)
        return [CONFIG, TABLE, RESULTS, MODELS, *refit, *(f"{name}.png" for name in images), REPORT]

    def _settings(self) -> dict[str, Any]:
        """What the page lists beside what the library knows."""
        problem = self.problem
        rows = {"train rows": problem.n_train, "test rows": len(problem.split.x_test)}
        settings = {"command": shlex.join(self.command), "data": problem.name, **rows}
        return settings | {"classes": problem.classes, "standardised": self.flags.standardise}

    def _describe(self, out: Path) -> None:
        """Adds to the config.json of a run and of its refit what the command knows beyond the library."""
        names = [field.name for field in dataclasses.fields(GridFlags) if field.name not in NOT_SETTINGS]
        command = {name: _plain(getattr(self.flags, name)) for name in names}
        added = {"command": command, "classes": self.problem.classes, "scaling": self.problem.scaling}
        for path in (out / CONFIG, out / REFIT / CONFIG):
            if path.exists():
                files.write_json(path, json.loads(path.read_text()) | added)


def _plain(value: Any) -> Any:
    """A flag's value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: dataclasses.asdict(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if callable(getattr(value, "ppf", None)):
        return f"scipy.stats.{value.dist.name}{value.args}"
    return str(value) if isinstance(value, Path) else value
