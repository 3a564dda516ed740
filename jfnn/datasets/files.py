"""CSV and NPZ files as inputs and targets.

Nothing is guessed and no row dropped: a value that is missing or no number raises ValueError with its place,
unless the caller says what becomes of it.
"""

import csv
import os
import zipfile
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets.columns import Loose, check_header
from jfnn.datasets.fields import as_exact, as_number, as_word, is_gap
from jfnn.datasets.targets import (
    Table,
    as_task,
    check_exact,
    check_task,
    check_words,
    fault,
    file_error,
    place_of,
    shortened,
)
from jfnn.store import archives

SAMPLE = 1 << 20  # bytes at the beginning of a CSV file from which its number of rows is estimated
COPIES = 2.0  # of all arrays of an archive in memory, while parts are joined


def read_csv(
    path: str | os.PathLike[str],
    target: str | None,
    task: str | None = None,
    weights: str | None = None,
    *,
    encode: bool = False,
    impute: bool = False,
) -> Table:
    """A CSV file (comma, UTF-8, fields may be quoted) with a header line; all other columns are inputs.

    Args:
        path: The file.
        target: The column to predict; None is an error that lists the columns. Words become labels, in
            alphabetical order; whole numbers of which few are different too, in ascending order.
        task: "classification" or "regression", where that is not what the column looks like.
        weights: The column that says how often each row counts; None for none.
        encode: Whether columns may hold words, which `split_table` makes columns of 0 and 1. There a gap
            counts as one more word.
        impute: Whether columns of numbers may have gaps, which `split_table` fills.

    Raises:
        ValueError: A missing (empty, NA, nan, null, …) or non-numeric value, infinity or a number beyond
            floats (1e400, which is no gap either), a few words among numeric targets, or a whole number that
            a float does not hold, with its row (from 1, below the header) and column; a class in two
            spellings (7, 007; true, True); without a task, targets that are all dates, times, or numbers with
            commas or signs (0,5; $1.00); rows of another length than the header; another separator than the
            comma; no such column; a target that does not fit the task; a file that cannot be read, or does
            not fit into memory. With ``encode``, a column of too many words, or of nothing but such dates,
            times and numbers.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    check_task(task)
    loose = Loose(checks.as_switch(encode, "encode"), checks.as_switch(impute, "impute"))
    for argument, name in {"target": target, "weights": weights}.items():
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(argument, f"expected the name of a column, got {checks.shown(name)}")
    target, weights = (None if name is None else as_word(name) for name in (target, weights))
    _check_memory(path, bytes_a_field=80 if encode else 16)
    try:
        with paths.text(path, "path") as lines:
            reader = csv.reader(lines, strict=True)
            names, numbers, targets = _read_rows(reader, path.name, target, weights, loose)
    except UnicodeDecodeError:
        raise file_error(f"{path.name} is no UTF-8 text") from None
    except csv.Error as error:
        raise file_error(f"{path.name} is no CSV file: {error}") from None
    x = np.frombuffer(numbers, np.float64).reshape(len(targets), len(names))
    values = [as_number(word) for word in targets]
    check_words(values, targets, path.name, target, task)
    y = np.array(targets if None in values else values)
    y, classes = as_task(y, task, words=targets, where=f"{path.name}, column {target!r}")
    x = loose.with_words(x, names, path.name)
    if weights is None:
        return Table(x, y, names, classes, imputes=impute)
    place = names.index(weights)
    inputs = names[:place] + names[place + 1 :]
    counts = x[:, place].astype(np.float64)
    return Table(np.delete(x, place, axis=1), y, inputs, classes, weights=counts, imputes=impute)


def _check_memory(path: Path, bytes_a_field: int) -> None:
    """Raises ValueError for a file too large to read: its numbers twice over, or its words, its targets."""
    with paths.readable(path, "path"), path.open("rb") as file:
        sample = file.read(SAMPLE)
        size = file.seek(0, os.SEEK_END)
    lines = max(sample.count(b"\n"), 1)
    rows = lines * size / max(len(sample), 1)
    bytes_a_row = bytes_a_field * (sample.count(b",") / lines + 1) + 64
    memory.check("path", rows * bytes_a_row, sizes=f", for {path.name}")


def _read_rows(
    reader: Any, file: str, target: str | None, weights: str | None, loose: Loose
) -> tuple[tuple[str, ...], "array[float]", list[str]]:
    """Names of the input columns, all inputs row after row, the targets as written."""
    header = [as_word(name) for name in next(reader, [])]
    place = check_header(header, file, target, weights)
    others = [column for column in range(len(header)) if column != place]
    inputs, targets = array("d"), []
    for row, fields in enumerate(filter(None, reader), 1):  # blank lines are no rows
        where = f"{file}, row {row} (line {reader.line_num})"
        if len(fields) != len(header):
            got = f"expected {len(header)} fields, as the header has, got {len(fields)}"
            raise file_error(f"{where}: {got}")
        numbers: list[Any] = [as_exact(fields[column]) for column in others]
        if None in numbers or fault(fields[place], is_target=True):
            for i in (-1, *(i for i, number in enumerate(numbers) if number is None)):
                column = place if i < 0 else others[i]
                wrong, name = fault(fields[column], column == place), header[column]
                is_open = wrong is not None and name not in (target, weights)
                advice = loose.fault(row - 1, i, fields[column]) if is_open else ""
                if wrong and advice is not None:
                    raise file_error(f"{where}, column {name!r}: {wrong}{advice}")
            numbers = [np.nan if number is None else number for number in numbers]
        inputs.extend(numbers)
        targets.append(as_word(fields[place]))
    if not targets:
        raise file_error(f"{file} has no rows below its header")
    return tuple(header[column] for column in others), inputs, targets


def read_npz(path: str | os.PathLike[str], task: str | None = None, weights: str | None = None) -> Table:
    """A NumPy archive of ``x, y``, or of ``x_train, y_train, x_test, y_test``.

    Args:
        path: The file; pickled objects in it raise ValueError.
        task: "classification" or "regression", where that is not what the targets look like.
        weights: The array that says how often each row, or each training row, counts; None for none.

    Raises:
        ValueError: Other arrays than these, shapes that do not fit, numbers that are not finite, whole ones
            that would be rounded, words that stand for a missing value, targets that do not fit the task; a
            file that cannot be read, or does not fit into memory.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    check_task(task)
    with paths.readable(path, "path"):
        arrays, parts = _read_archive(path, weights)
    for part in parts:
        _check_arrays(arrays, part, path.name)
    xs, ys = ([arrays[f"{name}{part}"] for part in parts] for name in "xy")
    if len({x.shape[1:] for x in xs}) + len({y.shape[1:] for y in ys}) != 2:
        raise file_error(f"{path.name}: expected test rows of the shape of the training rows")
    if len({y.dtype.kind == "U" for y in ys}) != 1:
        raise file_error(f"{path.name}: expected words both in y_train and in y_test, or in neither")
    joined = np.concatenate(ys)
    y, classes = as_task(joined, task, "path", f"{path.name}, y")
    if classes is None or joined.dtype.kind == "f":  # else whole numbers stay what they are
        for part in parts:
            check_exact(arrays[f"y{part}"], f"{path.name}, y{part}")
    x = np.concatenate(xs)
    x = x.astype(np.result_type(x.dtype, np.float32), copy=False)
    counts = None if weights is None else _weights(arrays[weights], weights, len(xs[0]), path.name)
    return Table(x, y, (), classes, len(xs[0]) if len(xs) > 1 else None, counts)


def _read_archive(path: Path, weights: str | None) -> tuple[dict[str, np.ndarray], list[str]]:
    """Inputs, targets and weights by name, and the parts that there are: "", or "_train" and "_test"."""
    try:
        archive = zipfile.ZipFile(path)
    except (ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise file_error(f"{path.name} is no NPZ file ({archives.one_line(error)})") from None
    with archive:
        size = sum(entry.file_size for entry in archive.infolist())
        memory.check("path", COPIES * size, sizes=f", for {path.name}")
        try:
            names = archives.names(archive)
        except ValueError as error:
            raise file_error(f"{path.name}: {error}") from None
        parts = [part for part in ("", "_train", "_test") if {f"x{part}", f"y{part}"} <= set(names)]
        if parts not in ([""], ["_train", "_test"]):
            raise file_error(
                f"expected arrays x, y or x_train, y_train, x_test, y_test in {path.name},"
                f" got {shortened(names) or 'none'}",
            )
        if weights is not None and (not isinstance(weights, str) or weights not in names):
            got = checks.shown(weights)
            raise ArgumentError(
                "weights", f"expected an array of {path.name} ({shortened(names)}), got {got}"
            )
        required = [f"{name}{part}" for part in parts for name in "xy"]
        required += [] if weights is None else [weights]
        return {name: _read_array(archive, name, path.name) for name in required}, parts


def _read_array(archive: zipfile.ZipFile, name: str, file: str) -> np.ndarray:
    try:
        return archives.read(archive, name)
    except ValueError as error:
        raise file_error(f"{file}: {name} is no plain array ({error})") from None


def _weights(array: np.ndarray, name: str, n: int, file: str) -> np.ndarray:
    if array.shape != (n,) or array.dtype.kind not in "iubf":
        got = f"{array.dtype} {list(array.shape)}"
        raise ArgumentError("weights", f"expected {n} numbers, one a row, in {name!r} of {file}, got {got}")
    return array


def _check_arrays(arrays: dict[str, np.ndarray], part: str, file: str) -> None:
    x, y = arrays[f"x{part}"], arrays[f"y{part}"]
    if x.dtype.kind not in "iubf" or x.ndim < 2 or 0 in x.shape:
        raise file_error(f"{file}: expected x{part} [rows, …] of numbers, got {x.dtype} {list(x.shape)}")
    if y.dtype.kind not in "iubfU" or y.ndim not in (1, 2) or len(y) != len(x) or y.size == 0:
        raise file_error(f"{file}: expected y{part} of {len(x)} rows, got {y.dtype} {list(y.shape)}")
    check_exact(x, f"{file}, x{part}")
    for name, values in ((f"x{part}", x), (f"y{part}", y)):
        if values.dtype.kind == "U":
            values = arrays[name] = np.vectorize(as_word, otypes=[str])(values)
            gaps, expected = np.vectorize(is_gap, otypes=[bool])(values), "word"
        else:
            gaps, expected = ~np.isfinite(values), "finite number"
        if gaps.any():
            place = np.argwhere(gaps)[0]
            got = values[tuple(place)] or "nothing"
            raise file_error(f"{file}, {name}{place_of(place)}: expected a {expected}, got {got}")
