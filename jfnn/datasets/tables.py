"""CSV and NPZ files as inputs and targets.

Nothing is guessed and no row dropped: a value that is missing or no number is refused, with its place.
"""

import csv
import os
import zipfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jfnn import checks, paths
from jfnn.datasets.targets import TASKS, as_number, as_task, check_words
from jfnn.store import archives


class Table(NamedTuple):
    """Rows of a file.

    Attributes:
        x: Inputs ``[n, features]``, float; of an archive ``[n, …]``.
        y: Labels ``[n]``, 0 to k-1 (int64), or float targets ``[n]`` or ``[n, n_out]``.
        names: Names of the columns of ``x``; empty where the file has none.
        classes: The file's own word for each label, in order; None where the targets are no classes.
        n_train: The first so many rows are for training and the others for testing, where the file says so;
            else None.
        weights: How often each row counts in training ``[n]``, or ``[n_train]`` where the file says which
            rows are for training; None without weights.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...] | None
    n_train: int | None = None
    weights: np.ndarray | None = None


def read_csv(
    path: str | os.PathLike[str], target: str | None, task: str | None = None, weights: str | None = None
) -> Table:
    """A CSV file (comma, UTF-8, fields may be quoted) with a header line; all other columns are inputs.

    Args:
        path: The file.
        target: The column to predict; None is refused with the columns' names. Words become labels, in
            alphabetical order; whole numbers of which few are different too, in ascending order. A few words
            among numbers are refused.
        task: "classification" or "regression", where that is not what the column looks like.
        weights: The column that says how often each row counts; None for none.

    Raises:
        ValueError: A missing or non-numeric value, with its row (from 1, below the header) and column; rows
            of another length than the header; no such column; a target that does not fit the task; a file
            that cannot be read.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    if task is not None:
        checks.as_choice(task, "task", TASKS)
    for argument, name in {"target": target, "weights": weights}.items():
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{argument}: expected the name of a column, got {checks.shown(name)}")
    try:
        with paths.text(path, "path") as lines:
            names, numbers, targets = _read_rows(csv.reader(lines, strict=True), path.name, target, weights)
    except UnicodeDecodeError:
        raise ValueError(f"path: {path.name} is no UTF-8 text") from None
    except csv.Error as error:
        raise ValueError(f"path: {path.name} is no CSV file: {error}") from None
    x = np.frombuffer(numbers, np.float64).reshape(len(targets), len(names))
    values = [as_number(word) for word in targets]
    check_words(values, targets, f"path: {path.name}", target, task)
    y, classes = as_task(np.array(targets if None in values else values), task)
    if weights is None:
        return Table(x, y, names, classes)
    place = names.index(weights)
    inputs = names[:place] + names[place + 1 :]
    return Table(np.delete(x, place, axis=1), y, inputs, classes, weights=x[:, place])


def _read_rows(
    reader: Any, file: str, target: str | None, weights: str | None
) -> tuple[tuple[str, ...], "array[float]", list[str]]:
    """Names of the input columns, all inputs row after row, the targets as written."""
    header = [name.strip() for name in next(reader, [])]
    place = _check_header(header, file, target, weights)
    inputs, targets = array("d"), []
    for where, fields in _rows(reader, file, len(header)):
        word = fields[place].strip()
        numbers = [as_number(field) for i, field in enumerate(fields) if i != place]
        if not word or None in numbers:
            numbers.insert(place, 0.0)
            column = numbers.index(None) if word else place
            expected = "word or number" if column == place else "number"
            got = repr(fields[column]) if fields[column].strip() else "nothing"
            raise ValueError(f"{where}, column {header[column]!r}: expected a {expected}, got {got}")
        inputs.extend(number for number in numbers if number is not None)
        targets.append(word)
    if not targets:
        raise ValueError(f"path: {file} has no rows below its header")
    return tuple(header[:place] + header[place + 1 :]), inputs, targets


def _rows(reader: Any, file: str, length: int) -> Iterator[tuple[str, list[str]]]:
    """Each row's place in words and its fields; blank lines are no rows."""
    for row, fields in enumerate(filter(None, reader), 1):
        where = f"path: {file}, row {row} (line {reader.line_num})"
        if len(fields) != length:
            raise ValueError(f"{where}: expected {length} fields, as the header has, got {len(fields)}")
        yield where, fields


def _check_header(header: list[str], file: str, target: str | None, weights: str | None) -> int:
    """The place of the target; refuses what cannot be a header."""
    if not header:
        raise ValueError(f"path: {file} is empty")
    if all(as_number(name) is not None for name in header):
        raise ValueError(f"path: {file} has numbers in its first line; expected a header, the columns' names")
    earlier: set[str] = set()
    for i, name in enumerate(header):
        if not name or name in earlier:
            wrong = f"{name!r} a second time" if name else "none"
            raise ValueError(
                f"path: {file}, column {i + 1}: expected a name of its own in the header, got {wrong}"
            )
        earlier.add(name)
    if target not in header:
        got = "none" if target is None else repr(target)
        raise ValueError(f"target: expected a column of {file} ({_shortened(header)}), got {got}")
    inputs = [name for name in header if name not in (target, weights)]
    if weights is not None and (weights not in header or weights == target):
        raise ValueError(f"weights: expected a column of {file} ({_shortened(inputs)}), got {weights!r}")
    if not inputs:
        others = repr(target) if weights is None else f"{target!r} and {weights!r}"
        raise ValueError(f"path: {file} has no column beside {others}")
    return header.index(target)


def _shortened(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f", … {len(names) - most} more" if len(names) > most else "")


def read_npz(path: str | os.PathLike[str], task: str | None = None, weights: str | None = None) -> Table:
    """A NumPy archive of ``x, y``, or of ``x_train, y_train, x_test, y_test``.

    Args:
        path: The file; objects in it are refused, not unpickled.
        task: "classification" or "regression", where that is not what the targets look like.
        weights: The array that says how often each row, or each training row, counts; None for none.

    Raises:
        ValueError: Other arrays than these, shapes that do not fit, numbers that are not finite, targets that
            do not fit the task; a file that cannot be read.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    if task is not None:
        checks.as_choice(task, "task", TASKS)
    with paths.readable(path, "path"):
        arrays, parts = _read_archive(path, weights)
    for part in parts:
        _check_arrays(arrays, part, path.name)
    xs, ys = ([arrays[f"{name}{part}"] for part in parts] for name in "xy")
    if len({x.shape[1:] for x in xs}) + len({y.shape[1:] for y in ys}) != 2:
        raise ValueError(f"path: {path.name}: expected test rows of the shape of the training rows")
    y, classes = as_task(np.concatenate(ys), task, f"path: {path.name}, y")
    x = np.concatenate(xs).astype(np.result_type(xs[0].dtype, np.float32), copy=False)
    counts = None if weights is None else _weights(arrays[weights], weights, len(xs[0]), path.name)
    return Table(x, y, (), classes, len(xs[0]) if len(xs) > 1 else None, counts)


def _read_archive(path: Path, weights: str | None) -> tuple[dict[str, np.ndarray], list[str]]:
    """Inputs, targets and weights by name, and the parts that there are: "", or "_train" and "_test"."""
    try:
        archive = zipfile.ZipFile(path)
    except (ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ValueError(f"path: {path.name} is no NPZ file ({archives.one_line(error)})") from None
    with archive:
        try:
            names = archives.names(archive)
        except ValueError as error:
            raise ValueError(f"path: {path.name}: {error}") from None
        parts = [part for part in ("", "_train", "_test") if {f"x{part}", f"y{part}"} <= set(names)]
        if parts not in ([""], ["_train", "_test"]):
            raise ValueError(
                f"path: expected arrays x, y or x_train, y_train, x_test, y_test in {path.name},"
                f" got {_shortened(names) or 'none'}"
            )
        if weights is not None and (not isinstance(weights, str) or weights not in names):
            got = checks.shown(weights)
            raise ValueError(f"weights: expected an array of {path.name} ({_shortened(names)}), got {got}")
        wanted = [f"{name}{part}" for part in parts for name in "xy"]
        wanted += [] if weights is None else [weights]
        return {name: _read_array(archive, name, path.name) for name in wanted}, parts


def _read_array(archive: zipfile.ZipFile, name: str, file: str) -> np.ndarray:
    try:
        return archives.read(archive, name)
    except ValueError as error:
        raise ValueError(f"path: {file}: {name} is no plain array ({error})") from None


def _weights(array: np.ndarray, name: str, n: int, file: str) -> np.ndarray:
    if array.shape != (n,) or array.dtype.kind not in "iubf":
        got = f"{array.dtype} {list(array.shape)}"
        raise ValueError(f"weights: expected {n} numbers, one a row, in {name!r} of {file}, got {got}")
    return array


def _check_arrays(arrays: dict[str, np.ndarray], part: str, file: str) -> None:
    x, y = arrays[f"x{part}"], arrays[f"y{part}"]
    if x.dtype.kind not in "iubf" or x.ndim < 2 or 0 in x.shape:
        raise ValueError(
            f"path: {file}: expected x{part} [rows, …] of numbers, got {x.dtype} {list(x.shape)}"
        )
    if y.dtype.kind not in "iubfU" or y.ndim not in (1, 2) or len(y) != len(x) or y.size == 0:
        raise ValueError(f"path: {file}: expected y{part} of {len(x)} rows, got {y.dtype} {list(y.shape)}")
    for name, values in ((f"x{part}", x), (f"y{part}", y)):
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0]
            where = ", column ".join(str(i + 1) for i in place)
            raise ValueError(
                f"path: {file}, {name}, row {where}: expected a finite number, got {values[tuple(place)]}"
            )
