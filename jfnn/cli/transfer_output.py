"""Output of ``jfnn transfer``: a table in words, pictures and tables in files."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

import jfnn
from jfnn.analysis import summary
from jfnn.store import files

TRANSFER, COORDINATES = "transfer", "coordinates"
ADDED = tuple(f"{name}.{kind}" for name in (TRANSFER, COORDINATES) for kind in ("png", "csv"))


@dataclasses.dataclass(frozen=True)
class Measured:
    """The sweeps, the coordinate check, and the learning rate of that check."""

    swept: jfnn.Transfer
    check: jfnn.CoordinateCheck
    rate: float


def report(flags: Any, measured: Measured) -> str:
    """The best learning rates, by how much they move, and the exponents of the coordinate check."""
    swept, check, rate = measured.swept, measured.check, measured.rate
    width, names = [f"{of_width:>9}" for of_width in swept.width], swept.parametrisations
    best = swept.best_rates(flags.score)
    lines = [f"best learning rate by {summary.name_text(flags.score)}", f"{'width':<16}{''.join(width)}"]
    for name, rates in zip(names, best, strict=True):
        cells = ("div" if np.isnan(of_width) else f"{of_width:.3g}" for of_width in rates)
        lines.append(f"{name.replace('_', ' '):<16}{''.join(f'{cell:>9}' for cell in cells)}")
    if np.isfinite(best).all():
        moved = zip(names, swept.steps_moved(flags.score), strict=True)
        told = (f"{name.replace('_', ' ')} {steps} step{'' if steps == 1 else 's'}" for name, steps in moved)
        lines.append(f"it moves on the grid by: {', '.join(told)}")
    layers = [*(f"layer {i + 1}" for i in range(check.start.shape[-1] - 1)), "outputs", "furthest"]
    lines += [
        "",
        f"coordinate check at η = {rate:.3g}: k of |a_t - a_0| ~ width^k after {flags.check_steps} steps",
        f"{'':<16}{''.join(f'{layer:>9}' for layer in layers)}",
    ]
    for name, slopes in zip(names, check.slopes(), strict=True):
        shown = *slopes, slopes[np.abs(slopes).argmax()]  # rising or falling, either is away from 0
        lines.append(f"{name.replace('_', ' '):<16}{''.join(f'{slope:>+9.2f}' for slope in shown)}")
    timing = [result.timing for result in swept.groups.results]
    compiling, running = (sum(of_width[part] for of_width in timing) for part in ("compile", "run"))
    count = sum(result.diverged_at.size for result in swept.groups.results)
    lines += ["", f"{count} networks: compile {compiling:.1f} s, run {running:.1f} s"]
    return "\n".join(lines)


def write(flags: Any, measured: Measured, command: Sequence[str]) -> Sequence[str]:
    """Writes the pictures and their numbers; the names of the files."""
    from jfnn import plots, report

    figures = {
        TRANSFER: plots.transfer_curves(measured.swept, flags.score),
        COORDINATES: plots.coordinate_curves(measured.check),
    }
    for name, figure in figures.items():
        with files.atomic(flags.out / f"{name}.png") as file:
            file.write(report.png(figure))
    measured.swept.to_csv(flags.out / f"{TRANSFER}.csv")
    measured.check.to_csv(flags.out / f"{COORDINATES}.csv")
    return ADDED
