"""NPZ files as inputs and targets, as `jfnn.datasets.csv_files` reads CSV files."""

import os
import zipfile
from pathlib import Path

import numpy as np

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError
from jfnn.datasets.targets import TASKS, Table, as_task, as_word, check_exact, is_gap, place_of, shortened
from jfnn.store import archives

COPIES = 2.0  # of all arrays in memory, while parts are joined


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
    if task is not None:
        checks.as_choice(task, "task", TASKS)
    with paths.readable(path, "path"):
        arrays, parts = _read_archive(path, weights)
    for part in parts:
        _check_arrays(arrays, part, path.name)
    xs, ys = ([arrays[f"{name}{part}"] for part in parts] for name in "xy")
    if len({x.shape[1:] for x in xs}) + len({y.shape[1:] for y in ys}) != 2:
        raise ArgumentError("path", f"{path.name}: expected test rows of the shape of the training rows")
    if len({y.dtype.kind == "U" for y in ys}) != 1:
        raise ArgumentError(
            "path", f"{path.name}: expected words both in y_train and in y_test, or in neither"
        )
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
        raise ArgumentError("path", f"{path.name} is no NPZ file ({archives.one_line(error)})") from None
    with archive:
        size = sum(entry.file_size for entry in archive.infolist())
        memory.check("path", COPIES * size, sizes=f", for {path.name}")
        try:
            names = archives.names(archive)
        except ValueError as error:
            raise ArgumentError("path", f"{path.name}: {error}") from None
        parts = [part for part in ("", "_train", "_test") if {f"x{part}", f"y{part}"} <= set(names)]
        if parts not in ([""], ["_train", "_test"]):
            raise ArgumentError(
                "path",
                f"expected arrays x, y or x_train, y_train, x_test, y_test in {path.name},"
                f" got {shortened(names) or 'none'}",
            )
        if weights is not None and (not isinstance(weights, str) or weights not in names):
            got = checks.shown(weights)
            raise ArgumentError(
                "weights", f"expected an array of {path.name} ({shortened(names)}), got {got}"
            )
        wanted = [f"{name}{part}" for part in parts for name in "xy"]
        wanted += [] if weights is None else [weights]
        return {name: _read_array(archive, name, path.name) for name in wanted}, parts


def _read_array(archive: zipfile.ZipFile, name: str, file: str) -> np.ndarray:
    try:
        return archives.read(archive, name)
    except ValueError as error:
        raise ArgumentError("path", f"{file}: {name} is no plain array ({error})") from None


def _weights(array: np.ndarray, name: str, n: int, file: str) -> np.ndarray:
    if array.shape != (n,) or array.dtype.kind not in "iubf":
        got = f"{array.dtype} {list(array.shape)}"
        raise ArgumentError("weights", f"expected {n} numbers, one a row, in {name!r} of {file}, got {got}")
    return array


def _check_arrays(arrays: dict[str, np.ndarray], part: str, file: str) -> None:
    x, y = arrays[f"x{part}"], arrays[f"y{part}"]
    if x.dtype.kind not in "iubf" or x.ndim < 2 or 0 in x.shape:
        raise ArgumentError(
            "path", f"{file}: expected x{part} [rows, …] of numbers, got {x.dtype} {list(x.shape)}"
        )
    if y.dtype.kind not in "iubfU" or y.ndim not in (1, 2) or len(y) != len(x) or y.size == 0:
        raise ArgumentError(
            "path", f"{file}: expected y{part} of {len(x)} rows, got {y.dtype} {list(y.shape)}"
        )
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
            raise ArgumentError("path", f"{file}, {name}{place_of(place)}: expected a {expected}, got {got}")
