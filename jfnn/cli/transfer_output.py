"""Output of ``jfnn transfer``: tables in words; figures, their numbers and a page in its directory."""

import dataclasses
import shlex
from collections.abc import Sequence

import numpy as np

import jfnn
from jfnn.analysis import description, summary
from jfnn.cli import places
from jfnn.cli.transfer_flags import TransferFlags

TRANSFER, COORDINATES = "transfer", "coordinates"
ADDED = ("transfer.png", "transfer.csv", "coordinates.png", "coordinates.csv", places.REPORT)


@dataclasses.dataclass(frozen=True)
class TransferRun:
    """The sweeps, the coordinate check, and the learning rate of that check."""

    swept: jfnn.Transfer
    check: jfnn.CoordinateCheck
    rate: float

    @property
    def sweeps(self) -> jfnn.SweepGroups:
        """The sweeps of all widths."""
        return self.swept.groups


def report(flags: TransferFlags, outcome: TransferRun) -> str:
    """The best learning rates, by how much they move, and the exponents of the coordinate check."""
    (rates, by_width), (check, slopes) = _tables(flags, outcome).items()
    lines = [
        _lowered(rates),
        *_aligned(by_width),
        *_moved(flags, outcome),
        "",
        _lowered(check),
        *_aligned(slopes),
    ]
    return "\n".join([*lines, ""])


def _tables(flags: TransferFlags, outcome: TransferRun) -> dict[str, list[list[str]]]:
    """The best learning rates, and the exponents of the coordinate check: heading -> rows."""
    swept, check = outcome.swept, outcome.check
    names = [name.replace("_", " ") for name in swept.parametrisations]
    best = swept.best_rates(flags.score)
    rates = [["div" if np.isnan(rate) else f"{rate:.3g}" for rate in row] for row in best]
    by_width = [["width", *map(str, swept.width)], *([n, *r] for n, r in zip(names, rates, strict=True))]
    layers = [*(f"layer {i + 1}" for i in range(check.start.shape[-1] - 1)), "outputs", "furthest"]
    rows = [["", *layers]]
    for name, slopes in zip(names, check.slopes(), strict=True):
        furthest = slopes[np.abs(slopes).argmax()]  # rising or falling, either is away from 0
        rows.append([name, *(f"{slope:+.2f}" for slope in (*slopes, furthest))])
    steps = f"after {flags.check_steps} steps"
    title = f"Coordinate check at η = {outcome.rate:.3g}: k of |a_t - a_0| ~ width^k {steps}"
    return {f"Best learning rate by {summary.name_text(flags.score)}": by_width, title: rows}


def _moved(flags: TransferFlags, outcome: TransferRun) -> list[str]:
    """A line on how far the best learning rates move; none where all of a width diverged."""
    swept = outcome.swept
    if not np.isfinite(swept.best_rates(flags.score)).all():
        return []
    names = [name.replace("_", " ") for name in swept.parametrisations]
    moved = zip(names, swept.steps_moved(flags.score), strict=True)
    steps = ", ".join(f"{name} {count} step{'' if count == 1 else 's'}" for name, count in moved)
    return [f"it moves on the grid by: {steps}"]


def _lowered(title: str) -> str:
    return title[0].lower() + title[1:]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose first column has names."""
    return [f"{name:<16}{''.join(f'{cell:>9}' for cell in cells)}" for name, *cells in rows]


def write(flags: TransferFlags, outcome: TransferRun, command: Sequence[str]) -> Sequence[str]:
    """Writes the figures, their numbers and a page; the names of the files."""
    from jfnn import plots, report

    swept, check = outcome.swept, outcome.check
    curves = {
        TRANSFER: plots.transfer_curves(swept, flags.score),
        COORDINATES: plots.coordinate_curves(check),
    }
    images = {name: report.png(figure) for name, figure in curves.items()}
    places.write_images(flags.out, images)
    members = sum(result.diverged_at.size for result in outcome.sweeps.results)
    widths = ", ".join(map(str, swept.width))
    pictures = dict(zip(("Loss and learning rate", "Coordinate check"), images.values(), strict=True))
    report.write_tables(
        flags.out / places.REPORT,
        _tables(flags, outcome),
        pictures,
        title=f"Networks of {len(swept.width)} widths on {flags.data}",
        lead=f"{members} networks of the widths {widths} trained for {flags.epochs} epochs.",
        text=[line.replace("it moves", "the best one moves") for line in _moved(flags, outcome)],
        settings={
            "data": flags.data,
            "Training": description.settings_in_words(outcome.sweeps.results[0])["Training"],
            "Command": {"command": shlex.join(command)},
        },
    )
    swept.to_csv(flags.out / f"{TRANSFER}.csv")
    check.to_csv(flags.out / f"{COORDINATES}.csv")
    return ADDED
