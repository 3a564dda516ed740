"""Model zoos: all trained networks of a sweep as one matrix with a table, for studies of weights.

A zoo is a folder:

* ``weights.npy``: a row for each network, all its numbers in order;
* ``metrics.csv``: a row for each network, what it is and its scores;
* ``layout.csv``: a row for each array, its columns in the matrix;
* ``statistics.csv``: a row for each network, see `weight_statistics`;
* ``weights.safetensors``, where that package is installed: the arrays by name, networks first;
* ``zoo.npz``: the table in binary, how parameters are nested, checksums of the other files. It is written
  last: a folder without it holds no zoo.
"""

import contextlib
import hashlib
import importlib.util
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks, packages, paths, texts
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.search.result import SweepResult
from jfnn.core.store.files import CorruptFileError
from jfnn.extend.runs import (
    atomic_file,
    describing,
    directory_lock,
    file_exists,
    leftover_file,
    pack_tree,
    program_names,
    read_archive,
    read_array,
    regular_file,
    unpack_tree,
    write_archive,
    write_table,
)
from jfnn.layers import Params

FORMAT = 1
ZOO = "zoo.npz"
WEIGHTS = "weights.npy"
METRICS = "metrics.csv"
LAYOUT = "layout.csv"
STATISTICS = "statistics.csv"
SAFETENSORS = "weights.safetensors"
CHECKSUMMED = (WEIGHTS, METRICS, LAYOUT, STATISTICS)  # what every zoo has beside `ZOO`
TABLE_KINDS = "biufU"  # kinds of NumPy's dtypes of columns
QUANTILES = (0, 25, 50, 75, 100)  # in percent


@texts.without_arrays
class Zoo(NamedTuple):
    """The networks of a folder.

    Attributes:
        params: Parameters in public form, all networks ``[networks]`` on the leading axis of every array.
        table: The columns of ``metrics.csv``, name -> ``[networks]``, ready for ``pandas.DataFrame``.
    """

    params: Params
    table: dict[str, np.ndarray]


def weight_statistics(params: Params, leading: int = 1) -> dict[str, np.ndarray]:
    """Mean, variance and quantiles of the numbers of every array of many networks.

    From these alone Unterthiner et al. 2020, "Predicting neural network accuracy from weights" (arXiv
    2002.11448), predict the accuracy of a network.

    Args:
        params: Parameters in public form.
        leading: How many leading axes of every array are of networks: 1 as of `jfnn.read_zoo`, 0 of one
            network, of a sweep ``result.diverged_at.ndim``.

    Returns:
        Columns of float64, each with the leading axes: of an array named ``0.w`` (the first layer's weights)
        "0.w.mean", "0.w.variance" (of all its numbers, divided by their count) and, for the least number, the
        quartiles and the largest, "0.w.q0", "0.w.q25", "0.w.q50", "0.w.q75" and "0.w.q100" (linear between
        numbers).

    Raises:
        ValueError, TypeError: Arrays of other than floats, with fewer axes, or with other leading axes.
    """
    leading = checks.as_count(leading, "leading", 0)
    columns: dict[str, np.ndarray] = {}
    for name, array in _arrays(params, leading)[1].items():
        numbers = array.reshape(*array.shape[:leading], -1).astype(np.float64)
        columns[f"{name}.mean"] = numbers.mean(axis=-1)
        columns[f"{name}.variance"] = numbers.var(axis=-1)
        quantiles = np.percentile(numbers, QUANTILES, axis=-1)
        columns |= {f"{name}.q{q}": values for q, values in zip(QUANTILES, quantiles, strict=True)}
    return columns


def write_zoo(
    result: SweepResult, folder: str | os.PathLike[str], *, safetensors: bool | None = None
) -> None:
    """Writes all networks of a sweep into a folder, as one matrix with a table.

    Rows are in the order of `SweepResult.to_dict`, whose columns the table has. With
    ``keep_params="evaluations"`` every evaluation is a row: the table also has the "epoch" at which it was,
    and its scores are of this epoch. Networks that diverged are rows, too, with the parameters from before
    and "diverged_at". Of several networks or batch sizes each has a zoo in a folder of its own in there,
    named as in a run's directory.

    ``layout.csv`` has the columns "array" (``0.w``: the first layer's weights), "layer", "shape" (``64x20``),
    "first" and "last", the columns of the matrix, counted from 0, both included.

    Args:
        result: A sweep that kept parameters.
        folder: It need not exist, and must hold no zoo; of several networks those are kept that a call with
            the same result, stopped before its end, has written.
        safetensors: Whether to write ``weights.safetensors``; None where the package is installed.

    Raises:
        ValueError, TypeError: The folder holds a zoo, or files of these names that are of none, or cannot be
            written to; the sweep kept no parameters; they are other than floats.
        ImportError: ``safetensors`` is True, and the package is not installed.
    """
    checks.check_instance(result, SweepResult, "result")
    out = paths.as_path(folder, "folder")
    if safetensors is None:
        safetensors = importlib.util.find_spec("safetensors") is not None
    if checks.as_switch(safetensors, "safetensors"):
        _safetensors()
    if result.params is None:
        raise ArgumentError("result", "expected one with parameters; this sweep kept none (keep_params)")
    names = program_names(result.program_axes)
    programs = {out / name: part for name, part in zip(names, result.programs, strict=True)}
    columns = result.to_dict()
    contents: dict[Path, _Content] = {}
    for number, (directory, part) in enumerate(programs.items()):
        table = {name: values.reshape(len(programs), -1)[number] for name, values in columns.items()}
        if part.params is not None:
            contents[directory] = _content(part, table)
    there = [directory for directory in contents if file_exists(directory / ZOO)]
    is_begun = len(there) < len(contents)  # of several programs, by a process that was killed
    for directory in programs:
        if not (is_begun and directory in there and _holds(directory, contents[directory])):
            _check_free(directory)
    for directory, content in contents.items():
        if directory not in there:
            paths.make_directory(directory, "folder")
            with directory_lock(directory, argument="folder"):
                _check_free(directory)  # another process may have written meanwhile
                _write(directory, content, safetensors)


def _check_free(directory: Path) -> None:
    """Raises ValueError where a folder holds a zoo, or files that would be overwritten."""
    if file_exists(directory / ZOO):
        raise ArgumentError("folder", f"{directory} holds a zoo; choose another folder")
    there = [name for name in (*CHECKSUMMED, SAFETENSORS) if file_exists(directory / name)]
    # Of a zoo that was not written to its end they are this package's.
    if there and not file_exists(leftover_file(directory / ZOO)):
        raise ArgumentError("folder", f"{directory} holds {', '.join(there)}; choose another folder")


class _Content(NamedTuple):
    """What is written of one program.

    Attributes:
        structure: How parameters are nested.
        arrays: Their arrays by name, ``[networks, …]``.
        statistics: The columns of `weight_statistics`, ``[networks]``.
        table: The columns of ``metrics.csv``, ``[networks]``.
    """

    structure: Any
    arrays: dict[str, np.ndarray]
    statistics: dict[str, np.ndarray]
    table: dict[str, np.ndarray]


def _content(result: SweepResult, table: dict[str, np.ndarray]) -> _Content:
    """The zoo of one program; ``table`` has its columns of `SweepResult.to_dict`."""
    cell = result.kept_cell or ()
    shape = result.diverged_at[cell].shape
    members = np.arange(result.diverged_at.size).reshape(result.diverged_at.shape)[cell].ravel()
    table = {name: values[members] for name, values in table.items()}
    if result.config.get("settings", {}).get("keep_params") == "evaluations":
        times = len(result.evaluations)
        table = {name: np.repeat(values, times) for name, values in table.items()}
        table |= {name: values.ravel() for name, values in result.history.items()}
        table["epoch"] = np.tile(result.evaluations, len(members))
        shape = (*shape, times)
    structure, arrays = _arrays(result.params, len(shape))
    arrays = {name: array.reshape(-1, *array.shape[len(shape) :]) for name, array in arrays.items()}
    statistics = weight_statistics(result.params, len(shape))
    return _Content(structure, arrays, {name: each.ravel() for name, each in statistics.items()}, table)


def _holds(directory: Path, content: _Content) -> bool:
    """Whether a folder's zoo has the same bits; raises as `read_zoo`."""
    zoo = read_zoo(directory)
    _, arrays = _arrays(zoo.params, 1)
    return _bits(arrays) == _bits(content.arrays) and _bits(zoo.table) == _bits(content.table)


def _bits(arrays: dict[str, np.ndarray]) -> list[tuple[str, str, tuple[int, ...], bytes]]:
    return [(name, array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()]


def _write(directory: Path, content: _Content, safetensors: bool) -> None:
    """Writes the zoo of one program."""
    structure, arrays, statistics, table = content
    rows = {name: array.reshape(len(array), -1) for name, array in arrays.items()}
    last = np.cumsum([row.shape[1] for row in rows.values()]) - 1
    layout = {
        "array": np.array(list(arrays)),
        "layer": np.array([name.rpartition(".")[0] for name in arrays]),
        "shape": np.array(["x".join(map(str, array.shape[1:])) for array in arrays.values()]),
        "first": np.array([0, *(last[:-1] + 1)]),
        "last": last,
    }
    mark = leftover_file(directory / ZOO)
    mark.touch()  # see `_check_free`
    with atomic_file(directory / WEIGHTS, "folder") as file:
        np.lib.format.write_array(file, np.concatenate(list(rows.values()), axis=1), allow_pickle=False)
    tables = {METRICS: table, LAYOUT: layout, STATISTICS: statistics}
    for name, columns in tables.items():
        write_table(directory / name, columns, "folder")
    written = [WEIGHTS, *tables]
    (directory / SAFETENSORS).unlink(missing_ok=True)  # of a process that was killed
    if safetensors:
        with atomic_file(directory / SAFETENSORS, "folder") as file:
            file.write(_safetensors().save({n: np.ascontiguousarray(array) for n, array in arrays.items()}))
        written.append(SAFETENSORS)
    header = {
        "format": FORMAT,
        "params": structure,
        "arrays": {name: [array.dtype.name, list(array.shape)] for name, array in arrays.items()},
        "checksums": {name: _checksum(directory / name) for name in written},
    }
    try:
        write_archive(directory / ZOO, header, table, "folder")
    except BaseException:
        with contextlib.suppress(OSError):
            mark.touch()  # again, since what is half written has become this file and is gone
        raise


def read_zoo(folder: str | os.PathLike[str]) -> Zoo:
    """The networks that `write_zoo` wrote, with the same bits.

    Parameters come back as they were where they are those of layers, dicts, lists and tuples; custom named
    tuples come back as dicts.

    Raises:
        FileNotFoundError: There is no zoo in the folder, or it was not written to its end.
        CorruptFileError: A file is missing or not as it was written; the message names it.
        ValueError: The zoo is of another format.
    """
    directory = paths.as_path(folder, "folder")
    if not file_exists(directory / ZOO):
        raise FileNotFoundError(f"{directory}: no {ZOO} there, so no zoo, or one not written to its end")
    header, table = read_archive(directory / ZOO)
    if (number := header.get("format")) != FORMAT:
        reason = f"its format is {number}, this version of jfnn reads format {FORMAT}"
        raise ArgumentError(str(directory / ZOO), reason)
    with describing(directory / ZOO):
        checksums = header["checksums"]
        if {*checksums} - {SAFETENSORS} != {*CHECKSUMMED}:
            raise ValueError("it lists other files than a zoo has")
        for name, checksum in checksums.items():
            if _checksum(directory / name) != checksum:
                raise CorruptFileError(
                    f"{directory / name}: not as it was written; its checksum is of other bytes"
                )
        with regular_file(directory / WEIGHTS) as file:
            matrix = read_array(file, (directory / WEIGHTS).stat().st_size)
        arrays = _columns_as_arrays(matrix, header["arrays"])
        for name, values in table.items():
            if values.dtype.kind not in TABLE_KINDS or values.shape != matrix.shape[:1]:
                raise ValueError(f"its column {name!r} is {values.dtype} {list(values.shape)}")
        return Zoo(unpack_tree(header["params"], arrays), table)


def _columns_as_arrays(matrix: np.ndarray, shapes: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays whose numbers are the rows of a matrix, by name: the inverse of what `_write` does.

    Raises:
        ValueError: The matrix is not of floats, or of other columns than the arrays take.
    """
    arrays: dict[str, np.ndarray] = {}
    first = 0
    for name, (dtype, shape) in shapes.items():
        size = math.prod(shape[1:])
        if np.dtype(dtype).kind != "f" or any(type(length) is not int or length < 1 for length in shape):
            raise ValueError(f"its array {name!r} is {dtype} {shape}")
        arrays[name] = matrix[:, first : first + size].astype(dtype).reshape(shape)
        first += size
    if matrix.dtype.kind != "f" or matrix.ndim != 2 or matrix.shape[1] != first or not arrays:
        raise ValueError(f"the matrix is {matrix.dtype} {list(matrix.shape)}, of {first} numbers a row")
    return arrays


def _arrays(params: Params, leading: int) -> tuple[Any, dict[str, np.ndarray]]:
    """How parameters are nested, and their arrays by name, in the order of `jax.tree.leaves`."""
    given = jax.tree.map(
        lambda leaf: checks.as_array(leaf, "params"), params, is_leaf=lambda leaf: isinstance(leaf, Iterator)
    )
    structure, arrays = pack_tree(given)
    shapes = {array.shape[:leading] for array in arrays.values()}
    if not arrays or len(shapes) > 1 or len(shapes.pop()) < leading:
        got = {name: list(array.shape) for name, array in arrays.items()}
        raise ArgumentError("params", f"expected arrays with the same {leading} leading axes, got {got}")
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not array.size:
            raise ArgumentTypeError(
                "params", f"expected floats, got {array.dtype} {list(array.shape)} of {name}"
            )
    return structure, arrays


def _safetensors() -> Any:
    return packages.imported("safetensors.numpy", "safetensors", "safetensors")


def _checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
