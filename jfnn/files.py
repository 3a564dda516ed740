"""People's own data, from CSV and NPZ files, as inputs and targets.

Nothing is guessed at and nothing dropped: a value that is missing or no number is refused, with its place.
"""

import csv
import math
import zipfile
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

TASKS = ("classification", "regression")
# Whole-numbered targets are taken for classes up to so many different ones, each seen twice on average.
MOST_CLASSES = 20


class Table(NamedTuple):
    """Rows of a file.

    Attributes:
        x: Inputs ``[n, features]``, float.
        y: Labels ``[n]``, 0 to k-1 (int64), or float targets ``[n]`` or ``[n, n_out]``.
        names: The columns of ``x``; empty where the file names none.
        classes: The file's own word for each label, in order; None where the targets are no classes.
        n_train: So many rows from the first are for training and the others for testing, where the file says
            so; None where it does not.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...] | None
    n_train: int | None = None


def read_csv(path, target: str, task: str | None = None) -> Table:
    """A CSV file (comma, UTF-8, fields may be quoted) with a header line; every column but one is an input.

    Args:
        path: The file.
        target: The column to predict. Words become labels, in alphabetical order; whole numbers of which few
            are different too, in ascending order. A few words among numbers are refused.
        task: "classification" or "regression", where that is not what the column looks like.

    Raises:
        ValueError: A missing or non-numeric value, with its row (from 1, below the header) and column; rows
            of another length than the header; no such column; a target that does not fit the task.
        OSError: The file cannot be read.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            names, numbers, targets = _read_rows(csv.reader(file, strict=True), path.name, target)
    except UnicodeDecodeError:
        raise ValueError(f"path: {path.name} is no UTF-8 text") from None
    except csv.Error as error:
        raise ValueError(f"path: {path.name} is no CSV file: {error}") from None
    x = np.frombuffer(numbers, np.float64).reshape(len(targets), len(names))
    values = [_number(word) for word in targets]
    _check_words(values, targets, f"path: {path.name}", target, task)
    y, classes = as_task(np.array(targets if None in values else values), task)
    return Table(x, y, names, classes)


def _read_rows(reader, file: str, target: str):
    """The input columns' names, all inputs row after row, the targets as written."""
    header = [name.strip() for name in next(reader, [])]
    place = _check_header(header, file, target)
    inputs, targets = array("d"), []
    row = 0
    for fields in reader:
        if not fields:  # a blank line
            continue
        row += 1
        if len(fields) != len(header):
            raise ValueError(
                f"path: {file}, row {row} (line {reader.line_num}): expected {len(header)} fields,"
                f" as the header has, got {len(fields)}"
            )
        word = fields.pop(place).strip()
        numbers = [value for value in map(_number, fields) if value is not None]
        if not word or len(numbers) < len(fields):
            fields.insert(place, word)
            bad = place if not word else next(i for i, f in enumerate(fields) if i != place and _bad(f))
            got = repr(fields[bad]) if fields[bad].strip() else "nothing"
            raise ValueError(
                f"path: {file}, row {row} (line {reader.line_num}), column {header[bad]!r}:"
                f" expected a {'word or number' if bad == place else 'number'}, got {got}"
            )
        inputs.extend(numbers)
        targets.append(word)
    if not row:
        raise ValueError(f"path: {file} has no rows below its header")
    return tuple(header[:place] + header[place + 1 :]), inputs, targets


def _check_header(header: list[str], file: str, target: str) -> int:
    """The place of the target; refuses what cannot be a header."""
    if not header:
        raise ValueError(f"path: {file} is empty")
    if all(_number(name) is not None for name in header):
        raise ValueError(f"path: {file} has numbers in its first line; expected a header, the columns' names")
    for i, name in enumerate(header):
        if not name or name in header[:i]:
            wrong = f"{name!r} a second time" if name else "none"
            raise ValueError(
                f"path: {file}, column {i + 1}: expected a name of its own in the header, got {wrong}"
            )
    if target not in header:
        got = "none" if target is None else repr(target)
        raise ValueError(f"target: expected a column of {file} ({_shortened(header)}), got {got}")
    if len(header) == 1:
        raise ValueError(f"path: {file} has no column beside {target!r}")
    return header.index(target)


def _shortened(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f", … {len(names) - most} more" if len(names) > most else "")


def _number(text: str) -> float | None:
    """A finite number, or None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _bad(text: str) -> bool:
    return _number(text) is None


def _check_words(values: list[float | None], words: list[str], file: str, target: str, task: str | None):
    """Refuses words among the targets where numbers are wanted, or where they look like slips."""
    rows = [row for row, value in enumerate(values) if value is None]
    slips = task is None and 2 * len(rows) < len(words)
    if rows and (slips or task == "regression"):
        why = ", as most in this column are" if slips else ""
        advice = "; where all are names of classes, the task is classification" if slips else ""
        got = repr(words[rows[0]])
        raise ValueError(
            f"{file}, row {rows[0] + 1}, column {target!r}: expected a number{why}, got {got}{advice}"
        )


def read_npz(path, task: str | None = None) -> Table:
    """A NumPy archive that holds ``x, y``, or ``x_train, y_train, x_test, y_test`` cut already.

    Args:
        path: The file; objects in it are refused, not unpickled.
        task: "classification" or "regression", where that is not what the targets look like.

    Raises:
        ValueError: Other arrays than these, shapes that do not fit, numbers that are not finite, targets that
            do not fit the task.
        OSError: The file cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            zipfile.ZipFile(file).close()  # NumPy would open other formats too
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"path: {path.name} is no NPZ file of plain arrays ({error})") from None
    parts = [part for part in ("", "_train", "_test") if {f"x{part}", f"y{part}"} <= set(arrays)]
    if parts not in ([""], ["_train", "_test"]):
        raise ValueError(
            f"path: expected arrays x, y or x_train, y_train, x_test, y_test in {path.name},"
            f" got {_shortened(list(arrays)) or 'none'}"
        )
    for part in parts:
        _check_arrays(arrays, part, path.name)
    xs, ys = ([arrays[f"{name}{part}"] for part in parts] for name in "xy")
    if len({array.shape[1:] for array in xs}) + len({array.shape[1:] for array in ys}) != 2:
        raise ValueError(
            f"path: {path.name}: expected as many columns in the test rows as in the training rows"
        )
    y, classes = as_task(np.concatenate(ys), task)
    x = np.concatenate(xs).astype(np.result_type(xs[0].dtype, np.float32), copy=False)
    return Table(x, y, (), classes, n_train=len(xs[0]) if len(xs) > 1 else None)


def _check_arrays(arrays: dict[str, np.ndarray], part: str, file: str) -> None:
    x, y = arrays[f"x{part}"], arrays[f"y{part}"]
    if x.dtype.kind not in "iubf" or x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"path: {file}: expected x{part} [rows, features] of numbers, got {x.dtype} {list(x.shape)}"
        )
    if y.dtype.kind not in "iubfU" or y.ndim not in (1, 2) or len(y) != len(x):
        raise ValueError(f"path: {file}: expected y{part} of {len(x)} rows, got {y.dtype} {list(y.shape)}")
    for name, array_ in ((f"x{part}", x), (f"y{part}", y)):
        if array_.dtype.kind == "f" and not np.isfinite(array_).all():
            place = np.argwhere(~np.isfinite(array_))[0]
            where = ", column ".join(str(i + 1) for i in place)
            raise ValueError(
                f"path: {file}, {name}, row {where}: expected a finite number, got {array_[tuple(place)]}"
            )


def as_task(y: np.ndarray, task: str | None) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Targets as labels or as numbers.

    Args:
        y: ``[n]`` or ``[n, n_out]``, words or numbers.
        task: "classification", "regression", or None for what they look like.

    Returns:
        Labels 0 to k-1 (int64) and the word that each stands for, or float targets and None.

    Raises:
        ValueError: They do not fit the task, an unknown task, or a single class.
    """
    if task not in (None, *TASKS):
        raise ValueError(f"task: expected one of {', '.join(TASKS)}, got {task!r}")
    words = y.dtype.kind == "U"
    if words and task == "regression":
        word = next(word for word in y.ravel().tolist() if _bad(word))
        raise ValueError(f"task: regression needs numbers to predict, got {word!r}")
    labels = y.ndim == 1 and (words or bool((y == np.floor(y)).all()))
    if (task == "classification" or words) and not labels:
        raise ValueError("task: classification needs words or whole numbers to predict, one a row")
    distinct, places = np.unique(y, return_inverse=True)
    few = words or (len(distinct) <= MOST_CLASSES and 2 * len(distinct) <= len(y))
    if not (labels and (few or task == "classification")) or task == "regression":
        return y.astype(np.result_type(y.dtype, np.float32), copy=False), None
    if len(distinct) < 2:
        raise ValueError(f"target: expected at least two classes, got only {str(distinct[0])!r}")
    names = tuple(str(value) if words else f"{value:g}" for value in distinct.tolist())
    return places.astype(np.int64), names
