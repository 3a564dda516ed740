"""CSV files as inputs and targets.

Nothing is guessed and no row dropped: a value that is missing or no number raises ValueError with its place.
"""

import csv
import os
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets.targets import (
    TASKS,
    Table,
    as_exact,
    as_number,
    as_task,
    as_word,
    check_words,
    fault,
    shortened,
)

SAMPLE = 1 << 20  # bytes at the beginning from which the number of rows is estimated


def read_csv(
    path: str | os.PathLike[str], target: str | None, task: str | None = None, weights: str | None = None
) -> Table:
    """A CSV file (comma, UTF-8, fields may be quoted) with a header line; all other columns are inputs.

    Args:
        path: The file.
        target: The column to predict; None is an error that lists the columns. Words become labels, in
            alphabetical order; whole numbers of which few are different too, in ascending order.
        task: "classification" or "regression", where that is not what the column looks like.
        weights: The column that says how often each row counts; None for none.

    Raises:
        ValueError: A missing (empty, NA, nan, null, …) or non-numeric value, a few words among numeric
            targets, or a whole number that a float does not hold, with its row (from 1, below the header) and
            column; a class in two spellings (7, 007); rows of another length
            than the header; no such column; a target that does not fit the task; a file that cannot be read,
            or does not fit into memory.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    if task is not None:
        checks.as_choice(task, "task", TASKS)
    for argument, name in {"target": target, "weights": weights}.items():
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(argument, f"expected the name of a column, got {checks.shown(name)}")
    target, weights = (None if name is None else as_word(name) for name in (target, weights))
    _check_memory(path)
    try:
        with paths.text(path, "path") as lines:
            names, numbers, targets = _read_rows(csv.reader(lines, strict=True), path.name, target, weights)
    except UnicodeDecodeError:
        raise ArgumentError("path", f"{path.name} is no UTF-8 text") from None
    except csv.Error as error:
        raise ArgumentError("path", f"{path.name} is no CSV file: {error}") from None
    x = np.frombuffer(numbers, np.float64).reshape(len(targets), len(names))
    values = [as_number(word) for word in targets]
    check_words(values, targets, path.name, target, task)
    y = np.array(targets if None in values else values)
    y, classes = as_task(y, task, words=targets, where=f"{path.name}, column {target!r}")
    if weights is None:
        return Table(x, y, names, classes)
    place = names.index(weights)
    inputs = names[:place] + names[place + 1 :]
    return Table(np.delete(x, place, axis=1), y, inputs, classes, weights=x[:, place])


def _check_memory(path: Path) -> None:
    """Raises ValueError for a file too large to read: its numbers twice over, its targets."""
    with paths.readable(path, "path"), path.open("rb") as file:
        sample = file.read(SAMPLE)
        size = file.seek(0, os.SEEK_END)
    lines = max(sample.count(b"\n"), 1)
    rows = lines * size / max(len(sample), 1)
    bytes_a_row = 2 * 8 * (sample.count(b",") / lines + 1) + 64
    memory.check("path", rows * bytes_a_row, sizes=f", for {path.name}")


def _read_rows(
    reader: Any, file: str, target: str | None, weights: str | None
) -> tuple[tuple[str, ...], "array[float]", list[str]]:
    """Names of the input columns, all inputs row after row, the targets as written."""
    header = [as_word(name) for name in next(reader, [])]
    place = _check_header(header, file, target, weights)
    others = [column for column in range(len(header)) if column != place]
    inputs, targets = array("d"), []
    for row, fields in enumerate(filter(None, reader), 1):  # blank lines are no rows
        where = f"{file}, row {row} (line {reader.line_num})"
        if len(fields) != len(header):
            got = f"expected {len(header)} fields, as the header has, got {len(fields)}"
            raise ArgumentError("path", f"{where}: {got}")
        numbers = [as_exact(fields[column]) for column in others]
        if None in numbers or fault(fields[place], is_target=True):
            faults = [(column, fault(fields[column], column == place)) for column in (place, *others)]
            column, wrong = next(pair for pair in faults if pair[1])
            raise ArgumentError("path", f"{where}, column {header[column]!r}: {wrong}")
        inputs.extend(number for number in numbers if number is not None)
        targets.append(as_word(fields[place]))
    if not targets:
        raise ArgumentError("path", f"{file} has no rows below its header")
    return tuple(header[column] for column in others), inputs, targets


def _check_header(header: list[str], file: str, target: str | None, weights: str | None) -> int:
    """The place of the target in a valid header."""
    if not header:
        raise ArgumentError("path", f"{file} is empty")
    if all(as_number(name) is not None for name in header):
        raise ArgumentError(
            "path", f"{file} has numbers in its first line; expected a header, the columns' names"
        )
    first: dict[str, int] = {}
    for i, name in enumerate(header):
        if not name or first.setdefault(name, i) != i:
            got = f"{name!r} a second time" if name else "none"
            raise ArgumentError(
                "path", f"{file}, column {i + 1}: expected a name of its own in the header, got {got}"
            )
    if target not in header:
        got = "none" if target is None else repr(target)
        raise ArgumentError("target", f"expected a column of {file} ({shortened(header)}), got {got}")
    inputs = [name for name in header if name not in (target, weights)]
    if weights is not None and (weights not in header or weights == target):
        raise ArgumentError("weights", f"expected a column of {file} ({shortened(inputs)}), got {weights!r}")
    if not inputs:
        others = repr(target) if weights is None else f"{target!r} and {weights!r}"
        raise ArgumentError("path", f"{file} has no column beside {others}")
    return header.index(target)
