"""``jfnn predict``: predict the rows of a .csv file with a run's networks."""

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jfnn import datasets
from jfnn.analysis import summary
from jfnn.arguments.checks import ArgumentError, with_cure
from jfnn.arguments.paths import OutputError
from jfnn.cli import words
from jfnn.cli.parser import Parser, as_flags, warnings_in_lines
from jfnn.core.search.result import SweepResult, none_ranks
from jfnn.core.search.run_directory import as_output_file
from jfnn.core.store.files import CorruptFileError, atomic_file
from jfnn.loading import load

DESCRIPTION = """\
Predicts the rows of a .csv file with the networks of a run of `jfnn grid` on
another .csv file. The file must have the same columns, in any order, except the
column of the targets; further columns are allowed. The networks are those
trained by --refit, or otherwise those of the best cell. A prediction is the
class with the highest mean probability, or the mean of the predicted numbers.

Writes the columns of the file, followed by the predictions in the words and
units of the file that the run learned from.
"""
EXAMPLES = """\
examples:
  jfnn grid --data flowers.csv --target species --standardize --out runs/flowers
  %(prog)s runs/flowers found.csv --out named.csv
"""


def start(argv: Sequence[str]) -> int:
    """Run ``jfnn predict`` with these words; exit with status 2 and one line if they are invalid."""
    parser = Parser(prog="jfnn predict", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("run", metavar="RUN", type=words.path, help="directory of the run, its --out")
    parser.add_argument("rows", metavar="FILE", type=words.path, help="the rows, a .csv file with a header")
    parser.add_argument("--out", metavar="FILE", type=words.path, help="output file (default: the terminal)")
    flags = parser.parse_args(argv)
    names = {"directory": str(flags.run), "path": str(flags.rows), "x": str(flags.rows), "out": "--out"}
    try:
        out = None if flags.out is None else as_output_file(flags.out, "out")
        if out is not None and out.resolve().is_relative_to(flags.run.resolve()):
            raise ArgumentError("out", f"expected a file outside of the run, got {out}")
        result = load(flags.run)
        frame = datasets.read_columns(flags.rows)
        if out is not None and out.exists() and out.samefile(flags.rows):
            raise ArgumentError("out", "expected a file other than that of the rows")
        with warnings_in_lines(parser.prog):
            added = answers(result, frame)
        for name in added:
            if name in frame:
                raise ArgumentError("path", f"it already has a column {name!r}, the name for the predictions")
        text = _csv(frame | added)
        if out is not None:
            with atomic_file(out, "--out") as file:
                file.write(text.encode())
    except (OutputError, CorruptFileError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ArgumentError as error:
        word = names.get(error.argument, error.argument)
        says_which = error.reason.startswith(flags.rows.name)  # errors in fields start with the file's name
        reason = with_cure(error.found, error.cure, as_flags)
        parser.error(reason if says_which else f"{word}: {reason}")
    if out is None:
        print(text, end="")
    if doubt := summary.chosen_by_few(result):
        print(f"{parser.prog}: note: {doubt}", file=sys.stderr)
    return 0


def answers(result: SweepResult, frame: Any) -> dict[str, list[Any]]:
    """Return columns of predictions, name -> words or numbers, for rows with named columns.

    Raises:
        ValueError: The run is not on a .csv file, kept no parameters, or has no best cell; or the rows lack a
            column or have a field that is not a number.
    """
    names = result.names
    if not names.get("columns"):
        raise ArgumentError("directory", "expected a run on a .csv file; this run has no column names")
    best = result.best_or_none()
    if best is None or (result.refit is not None and (result.refit.diverged_at >= 0).all()):
        raise ArgumentError("directory", none_ranks(result))
    networks = result.of_cell(*best.index) if result.refit is None else result.refit
    with jax.enable_x64(result.config["settings"]["dtype"] == "float64"):
        values = networks.predict(frame, "mean")
    name = f"predicted_{names.get('target') or 'target'}"
    columns = values.reshape(len(values), -1).T.tolist()
    if len(columns) == 1:
        return {name: columns[0]}
    return {f"{name}_{i}": column for i, column in enumerate(columns, 1)}


def _csv(table: Mapping[str, Sequence[object]]) -> str:
    text = io.StringIO()
    rows = zip(*table.values(), strict=True)
    csv.writer(text, lineterminator="\n").writerows([list(table), *rows])
    return text.getvalue()
