"""A run's directory: write a result in files that other programs can read, and read it back.

* ``config.json``: settings, versions, device, time taken, checksums of the archives and of itself;
* ``results.csv``: one row per member;
* ``results.npz``: axes, seeds, scores, history, objectives and values of subsets, with a header of their
  names;
* ``models.npz``: the kept parameters, each array named by its path (``0.w`` is the first layer's weights)
  with the grid's axes in front, and these axes. If only the best cell is kept, the axes have its values only.

A run of several networks or batch sizes has a directory for each program, a ``results.csv`` of all programs,
and a ``config.json`` that lists the axes, the directories and the checksums of their ``config.json``.
"""

import contextlib
import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError, Set
from jfnn.arguments.types import Json
from jfnn.core.experiment.axes import PROGRAM_AXES, Axes
from jfnn.core.experiment.networks import BY_NAME
from jfnn.core.store import archives, files
from jfnn.core.store.identity import DESCRIPTION, Description, check_same
from jfnn.params import Params

CONFIG = "config.json"
TABLE = "results.csv"
RESULTS = "results.npz"
MODELS = "models.npz"
CHECKPOINT = "checkpoint.npz"  # of an unfinished run
REFIT = "refit"  # subdirectory for the best cell trained again
PARTIAL = "partial.csv"  # the table of a run without its lost members
OWN = (CONFIG, TABLE, RESULTS, MODELS, CHECKPOINT, PARTIAL)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # prefixes that a spreadsheet takes for a formula
OUTCOMES = ("diverged_at", "stopped_at", "pruned", "epochs")  # columns of results.csv after the scores
PARAMETERS = "biufc"  # dtype kinds of parameters
CHECKSUMMED = ("status", "axes", "programs", *DESCRIPTION, "timing", "archives")
# Types of the entries of a description that are read back, if present; a mapping may have further names.
TYPES: Json = {
    "settings": {
        **{"learner": {}, "axes": {}, "constants": {}, "schedulers": list, "crossed": bool, "epochs": int},
        **{"first_epoch": int, "keep_params": str, "dtype": str, "tile": int, "shared": int},
    },
    "data": {
        **{"rows": list, "names": {}},
        **{part: {"rows": list} for part in ("train", "validation", "test")},
    },
    **{"versions": {}, "backend": {}, "device": {}, "words": {"fold": str}, "fingerprint": str},
}
GRID = "grid"  # all axes of the grid: hyperparameters, seeds, folds


@dataclasses.dataclass(frozen=True)
class Kept:
    """How a field of a result is saved: as an array, a mapping of arrays, or a plain value.

    Attributes:
        kinds: Allowed dtype kinds of its arrays.
        axes: Names of its arrays' axes; axes with the same name have the same length. None for at most one
            axis.
        prefix: For a mapping, the prefix of its arrays' names in the archive.
        is_sound: For a plain value in the archive's header, a check whether the field may have this value.
    """

    kinds: str = ""
    axes: tuple[str, ...] | None = None
    prefix: str | None = None
    is_sound: Callable[[object], bool] | None = None


def kept(kinds: str, *axes: str, prefix: str | None = None) -> dict[str, Kept]:
    """Return metadata of a field that is an array or, with a prefix, a mapping of arrays; see `Kept`."""
    return {"kept": Kept(kinds, axes or None, prefix)}


def kept_plain(is_sound: Callable[[object], bool]) -> dict[str, Kept]:
    """Return metadata of a field with a plain value; see `Kept`."""
    return {"kept": Kept(is_sound=is_sound)}


def declared_fields(kind: type) -> dict[str, Kept]:
    """Return the fields of a dataclass that are saved."""
    fields = dataclasses.fields(kind)
    return {field.name: field.metadata["kept"] for field in fields if "kept" in field.metadata}


def holds_run(directory: Path) -> bool:
    """Return whether a directory has the ``config.json`` of a run."""
    try:
        return files.file_exists(directory / CONFIG) and read_config(directory) is not None
    except files.CorruptFileError:
        return False
    except ArgumentError:  # a run in another format
        return True


def as_output_file(path: object, argument: str) -> Path:
    """Check the path of a file to write.

    Args:
        path: The path.
        argument: Name of the caller's argument, for errors.

    Raises:
        ValueError: No file can be written there, or the file belongs to a run.
    """
    file = paths.as_output_file(path, argument)
    place = file.resolve()
    if place.name in OWN and holds_run(place.parent):
        raise ArgumentError(argument, f"{file} belongs to the run in its directory; choose another name")
    return file


def write_table(path: Path, table: Mapping[str, np.ndarray], argument: str = "out") -> None:
    """Write columns as CSV unless the file is the same; numbers are the shortest that read back equal."""
    text = io.StringIO()
    lines = zip(*map(_cells, table.values()), strict=True)
    csv.writer(text, lineterminator="\n").writerows([_cells(np.array(list(table))), *lines])
    content = text.getvalue().encode()
    if not path.is_file() or path.read_bytes() != content:
        with files.atomic_file(path, argument) as file:
            file.write(content)


def _cells(values: np.ndarray) -> list[object]:
    """Return the cells of a column, with a quote before text that a spreadsheet would compute."""
    cells: list[Any] = values.tolist()
    if values.dtype.kind not in "UO":
        return cells
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]


def check_can_hold(
    axes: Collection[str], scores: Collection[str], params: Params, subsets: Collection[str] = ()
) -> None:
    """Raise ValueError or TypeError for names that are taken and for parameters that cannot be saved."""
    columns = ("seed", "fold", "seeds", "evaluations", *PROGRAM_AXES, *scores, *OUTCOMES)
    for name in (*axes, *subsets):
        if name in columns or (name in axes and name in subsets):
            argument = "folds" if name in subsets else "hyper"
            raise ArgumentError(argument, f"cannot save an axis named {name!r}; a column has that name")
    for name in archives.pack_tree(params)[1]:
        paths.check_name(name, "params")
        if name in (*axes, "seeds"):
            raise ArgumentTypeError("params", f"cannot save an array named {name!r}; an axis has that name")


def write(
    directory: Path,
    fields: Mapping[str, Any],
    declaration: Mapping[str, Kept],
    table: Mapping[str, np.ndarray],
) -> None:
    """Write the fields of a one-program result, with the columns of results.csv.

    Writing the last file completes the result. Raises ValueError or TypeError if the directory holds another
    run, or an axis or parameters cannot be saved.
    """
    axes = fields["axes"]
    config = fields["config"]
    check_can_hold(axes, fields["scores"], fields["params"], fields["subset_values"])
    paths.make_directory(directory, "out")
    if read_config(directory) is None:  # identifies the files that a failed write leaves
        write_config(directory, config)
    structure, models = archives.pack_tree(fields["params"])
    header = {name: fields[name] for name, field in declaration.items() if field.is_sound is not None}
    header |= {"axes": list(axes), "params": structure}
    arrays = {name: array for name, array, _ in _arrays(fields, declaration)}
    checksums = {RESULTS: files.write_archive(directory / RESULTS, header, arrays)}
    if models:
        cell = fields["kept_cell"]
        models_axes = axes if cell is None else Axes(axes, fields["crossed"]).at(cell)
        beside = {name: np.asarray(values) for name, values in models_axes.items()}
        beside["seeds"] = fields["seeds"]
        checksums[MODELS] = files.write_archive(directory / MODELS, {"params": list(models)}, beside | models)
    write_table(directory / TABLE, table)
    write_config(directory, config, {"timing": fields["timing"], "archives": checksums})


def check_keeps(directory: Path, params: Any, kept_cell: tuple[int, ...] | None) -> None:
    """Raise ArgumentError if a saved result has parameters that another result of its run lacks.

    The other result has ``params`` (None for none), of one cell alone if ``kept_cell`` is given.
    """
    config = read_config(directory)
    if config is None or MODELS not in config.get("archives", {}):
        return
    try:
        header, _ = files.read_archive(directory / RESULTS, config["archives"][RESULTS])
    except files.CorruptFileError:  # the corrupt result will be overwritten
        return
    there = None if header["kept_cell"] is None else tuple(header["kept_cell"])
    if params is None or kept_cell not in (None, there):
        whose = "all cells" if there is None else f"cell {there}"
        reason = f"{directory} holds this run's result with the parameters of {whose}, which this one lacks"
        raise ArgumentError("directory", f"{reason}; choose another directory")


def _arrays(
    fields: Mapping[str, Any], declaration: Mapping[str, Kept]
) -> Iterator[tuple[str, np.ndarray, Kept]]:
    """Yield the name in the archive, the array and the declaration of every array among the fields."""
    for name, field in declaration.items():
        value = fields.get(name)
        if field.is_sound is not None or value is None:
            continue
        if field.prefix is None:
            yield name, value, field
        else:
            for inner, array in value.items():
                yield field.prefix + inner, array, field


def write_config(
    directory: Path, description: Description, finished: Mapping[str, object] | None = None
) -> None:
    """Write ``config.json``: the run's description and, once it has finished, its timing and checksums."""
    status = {"status": "running" if finished is None else "finished"}
    files.write_checked_json(directory / CONFIG, status | description | dict(finished or {}))


def read_config(directory: Path) -> Json | None:
    """Return the content of ``config.json``, or None if the directory has no files of a run.

    Raises:
        ValueError: The file has another format, was changed, or is missing beside other files of a run.
    """
    if files.file_exists(directory / CONFIG):
        config = files.read_checked_json(directory / CONFIG, CHECKSUMMED)
        if config.get("status") not in ("running", "finished"):
            raise files.CorruptFileError(f"{directory / CONFIG}: not written by jfnn")
        return config
    ours = [name for name in OWN if name != CHECKPOINT and files.file_exists(directory / name)]
    if ours:
        raise ArgumentError(
            str(directory), f"holds {', '.join(ours)}, but not the {CONFIG} that goes with it"
        )
    return None


def has_ended(directory: Path) -> bool:
    """Return whether a directory holds a finished run."""
    config = read_config(directory)
    return config is not None and config["status"] == "finished"


def check_free(directory: Path, description: Description | None, resume: bool) -> bool:
    """Return whether a directory holds this one-program run, finished; write nothing.

    ``description`` is None if only training determines it, as for a refit. With ``resume``, the directory may
    already hold this run.

    Raises:
        ValueError: The run cannot be written to the directory.
    """
    if files.file_exists(directory):
        paths.make_directory(directory, "out")
    config = read_config(directory)
    if config is not None and "programs" in config:
        reason = f"{directory} holds a run of several networks or batch sizes; choose another directory"
        raise ArgumentError("out", reason)
    finished = config is not None and config["status"] == "finished"
    if description is not None:
        otherwise = "jfnn.load reads it; choose another directory" if finished else "choose another directory"
        check_same(directory, config, description, otherwise)
    unfinished = files.file_exists(directory / CHECKPOINT) or (config is not None and description is None)
    if not resume and (finished or unfinished):
        state, effect = ("finished", "loads it") if finished else ("unfinished", "continues it")
        holds = "a run" if description is None else "this run"
        reason = f"{directory} already contains {holds} ({state}), choose another directory"
        raise ArgumentError("out", reason, cure=Set("resume", True, effect))
    return finished


def programs(directory: Path) -> tuple[dict[str, np.ndarray], dict[Path, Json]]:
    """Return the programs of a finished run: leading axes (empty for one) and directory -> config.json.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not finished, a file is corrupt, or a program's directory holds a run other
            than the one written there.
    """
    config = _finished_config(directory)
    if "programs" not in config:
        return {}, {directory: config}
    path = directory / CONFIG
    with name_corrupt_file(path):
        axes = {name: np.array(values) for name, values in config["axes"].items()}
        names = program_names(axes)
        checksums = dict(config.get("archives", {}))
    sound = all(values.ndim == 1 and values.dtype.kind in _kinds(name) for name, values in axes.items())
    if not axes or not sound or names != config["programs"] or not all(map(paths.names_directory, names)):
        raise files.CorruptFileError(f"{path}: expected the names of the programs' directories")
    configs = {}
    for name in names:
        config = configs[directory / name] = _finished_config(directory / name)
        if checksums.get(name, config["checksum"]) != config["checksum"]:
            reason = f"belongs to another run than {path} lists under this name"
            raise files.CorruptFileError(f"{directory / name / CONFIG}: {reason}")
    return axes, configs


def _finished_config(directory: Path) -> Json:
    """Return the content of ``config.json`` of a finished run; raises as `programs`."""
    config = read_config(directory)
    if config is None:
        raise FileNotFoundError(f"{directory}: holds no run (no {CONFIG})")
    if config["status"] != "finished":
        cure = Set("resume", True, "continues it")
        raise ArgumentError(str(directory), "this run has not finished", cure=cure)
    return config


def _kinds(axis: str) -> str:
    """Return the allowed dtype kinds of the values of a leading axis."""
    return {BY_NAME: "U", "batch_size": "i"}.get(axis, "ifU")


def read(directory: Path, config: Json, declaration: Mapping[str, Kept]) -> dict[str, Any]:
    """Read the fields of a one-program result, given the content of its config.json and the saved fields.

    Raises ValueError if a file is corrupt; the message names the file.
    """
    with name_corrupt_file(directory / CONFIG):
        described = {name: value for name, value in config.items() if name in DESCRIPTION}
        _check_types(described, TYPES)
        _check_types(config["timing"], dict.fromkeys(config["timing"], float | int))
    path = directory / RESULTS
    with name_corrupt_file(path):
        checksums = config["archives"]
        header, arrays = files.read_archive(path, checksums[RESULTS])
        if "sampled" in header:  # the name before 0.13.1, with the opposite meaning
            header["crossed"] = header["sampled"] is False
        fields: dict[str, Any] = {"timing": config["timing"], "config": described}
        for name, field in declaration.items():
            if field.is_sound is not None:
                if not field.is_sound(header[name]):
                    raise files.CorruptFileError(f"{path}: {name!r} has an unexpected type")
                fields[name] = header[name]
        axes = header["axes"]
        fields["axes"] = {name: arrays.pop(name) for name in axes}
        for name, field in declaration.items():
            if name in fields:
                continue
            if field.prefix is None:
                fields |= {name: arrays[name]} if name in arrays else {}
            else:
                named = {n: array for n, array in arrays.items() if n.startswith(field.prefix)}
                fields[name] = {n.removeprefix(field.prefix): array for n, array in named.items()}
        grid = grid_shape(fields)
        _check_arrays(path, fields, declaration, grid)
        params: dict[str, np.ndarray] = {}
        if MODELS in checksums:
            models_header, models = files.read_archive(directory / MODELS, checksums[MODELS])
            params = {name: models[name] for name in models_header["params"]}
        cell = header["kept_cell"]
        fields["kept_cell"] = None if cell is None else tuple(cell)
        leading = grid[len(cell or ()) :]
        for name, array in params.items():
            if array.dtype.kind not in PARAMETERS:
                raise _kind_error(directory / MODELS, name, array)
            if array.shape[: len(leading)] != leading:
                raise ValueError(f"{name} has the shape {list(array.shape)}, not that of the grid")
        fields["params"] = archives.unpack_tree(header["params"], params)
        return fields


def grid_shape(fields: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of a per-member array: cells, seeds and, if there are any, folds."""
    cells = Axes(fields["axes"], fields["crossed"]).shape
    folds = () if fields["folds"] is None else (fields["folds"],)
    return (*cells, *fields["seeds"].shape, *folds)


def program_names(axes: Mapping[str, np.ndarray]) -> list[str]:
    """Return directory names of a run's programs in C order: "50-50-batch-100", "layers-2-width-50".

    Without leading axes, the only program is in the run's directory, "".
    """
    texts = [[_directory(name, value) for value in values.tolist()] for name, values in axes.items()]
    return ["-".join(combination) for combination in itertools.product(*texts)]


def _directory(axis: str, value: Any) -> str:
    """Return the part of a directory name for a value of a leading axis; just the name for named networks."""
    if axis == "batch_size":
        return f"batch-{value or 'full'}"
    return str(value) if axis == BY_NAME else f"{axis}-{value}"


LISTED = "these programs already"  # in errors: content of a directory that lists the same programs


@contextlib.contextmanager
def claim(
    directory: Path,
    axes: Mapping[str, np.ndarray],
    descriptions: Mapping[str, Description | None],
    resume: bool,
    trains: bool = False,
) -> Iterator[dict[str, bool]]:
    """Check the directories of a run, list its programs if it has several, and lock out other processes.

    Yields the name of each subdirectory -> whether it holds its run, finished.

    Args:
        directory: The directory of the run.
        axes: The leading axes of the run; empty for one program.
        descriptions: Name of each subdirectory to write -> description of its run, as for `check_free`.
        resume: Whether the directory may already hold this run.
        trains: Whether the programs are trained. Each then locks its own directory and leaves an existing
            result there; otherwise results are rewritten.

    Raises:
        ValueError: The directory or a subdirectory holds anything else, or another process uses it; nothing
            is written then.
    """
    if trains and not axes:
        yield _check_all_free(directory, descriptions, resume)
        return
    listed = {
        "axes": {name: values.tolist() for name, values in axes.items()},
        "programs": program_names(axes),
    }
    for name in filter(None, descriptions):  # refuse names that are too long before making any directory
        paths.as_path(name, "out")
    paths.make_directory(directory, "out")
    with files.directory_lock(directory):
        config = read_config(directory) if axes else None
        there = "" if config is None else _refusal(config, listed, resume)
        if there:
            cure = Set("resume", True, "continues them") if there == LISTED else None
            raise ArgumentError("out", f"{directory} holds {there}, choose another directory", cure=cure)
        finished = _check_all_free(directory, descriptions, resume)
        if not axes:
            yield finished
            return
        has_all = config is not None and config["status"] == "finished"
        if not (trains and has_all and all(finished[name] for name in listed["programs"])):
            write_config(directory, listed)
        yield finished
        configs = {name: read_config(directory / name) for name in listed["programs"]}
        checksums = {name: config["checksum"] for name, config in configs.items() if config is not None}
        write_config(directory, listed, {"archives": checksums})


def _check_all_free(
    directory: Path, descriptions: Mapping[str, Description | None], resume: bool
) -> dict[str, bool]:
    return {
        name: check_free(directory / name, description, resume) for name, description in descriptions.items()
    }


def _refusal(there: Json, listed: Mapping[str, object], resume: bool) -> str:
    """Return what a directory holds other than the listed programs; empty if it may hold these."""
    if "programs" not in there:
        return "a run of one program"
    if {name: there[name] for name in listed} != listed:
        return f"a run of other programs, {', '.join(map(str, there['programs']))}"
    return "" if resume else LISTED


def _check_types(values: Any, types: Any, name: str = "config") -> None:
    """Raise ValueError for plain values of other types than declared, as in `TYPES`."""
    kind = dict if isinstance(types, dict) else types
    if not isinstance(values, kind):
        raise ValueError(f"{name} has an unexpected type")
    if kind is dict:
        for inner in values.keys() & types.keys():
            _check_types(values[inner], types[inner], inner)


def _check_arrays(
    path: Path, fields: Mapping[str, Any], declaration: Mapping[str, Kept], grid: tuple[int, ...]
) -> None:
    """Raise CorruptFileError for an array of another kind or shape than results have."""
    lengths: dict[str, int] = {"fold": fields["folds"] or 0}
    for name, array, field in _arrays(fields, declaration):
        if array.dtype.kind not in field.kinds:
            raise _kind_error(path, name, array)
        if field.axes is None:
            if array.ndim > 1:
                raise files.CorruptFileError(f"{path}: array {name!r} has the shape {list(array.shape)}")
            continue
        expected: tuple[int, ...] = ()
        for axis in field.axes:
            if axis == GRID:
                expected += grid
            else:
                length = array.shape[len(expected)] if array.ndim > len(expected) else 0
                expected += (lengths.setdefault(axis, length),)
        if array.shape != expected:
            got = f"{list(array.shape)}, expected {list(expected)}"
            raise files.CorruptFileError(f"{path}: array {name!r} has the shape {got}")


def _kind_error(path: Path, name: str, array: np.ndarray) -> files.CorruptFileError:
    return files.CorruptFileError(f"{path}: array {name!r} has the unexpected dtype {array.dtype}")


@contextlib.contextmanager
def name_corrupt_file(path: Path) -> Iterator[None]:
    """Raise CorruptFileError for an intact file that does not describe a result."""
    try:
        yield
    except files.CorruptFileError:
        raise
    except Exception as error:
        why = archives.one_line(error)
        raise files.CorruptFileError(f"{path}: does not describe a result ({why})") from None
