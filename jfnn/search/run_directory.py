"""A run's directory: a result that other programs can read, and back.

* ``config.json``: settings, versions, device, time taken, checksums of the archives and of itself;
* ``results.csv``: a row for each member;
* ``results.npz``: axes, seeds, scores, history, objectives and the values of subsets, and a header that says
  how they are named;
* ``models.npz``: the parameters kept, each array named by its place (``0.w`` is the first layer's weights)
  and with the grid's axes in front, and these axes. Of the best cell alone it has the axes' values there.
"""

import contextlib
import csv
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets.columns import ENTRIES
from jfnn.experiment.axes import Axes
from jfnn.layers.kind import Params
from jfnn.store import archives, files, trees
from jfnn.store.identity import DESCRIPTION, Description, check_same

GROUPS = "groups.json"  # in a directory of several runs: which they are, in order
CONFIG, TABLE, RESULTS, MODELS = "config.json", "results.csv", "results.npz", "models.npz"
PARTIAL = "partial.csv"  # the table of a run that lost members, without these
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet may compute
# Names of arrays in an archive of results: these, and prefixes.
OUTCOMES = ("diverged_at", "stopped_at", "pruned", "epochs")
HISTORY, SCORE, OBJECTIVE = "history.", "score.", "objective"
SUBSET = "subset."
HEADER = ("folds", "sampled", "ranked_by", "kept_cell", "metrics")  # fields of a result in its header
# Kinds of NumPy's dtypes that arrays in archives have, by their names or the beginnings of these.
KINDS = {"seeds": "iu", "pruned": "b", **dict.fromkeys(("diverged_at", "stopped_at", "epochs"), "iu")}
KINDS |= {f"{HISTORY}epoch": "iu", HISTORY: "f", SCORE: "f", OBJECTIVE: "f", SUBSET: "iufbU"}
PARAMETERS = "biufc"
CHECKSUMMED = ("status", *DESCRIPTION, "timing", "archives")


def columns(fields: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """One value a member in each column ``[members]``: axes, seed, fold, scores, how its training went."""
    folds = {} if fields["folds"] is None else {"fold": np.arange(fields["folds"])}
    cells = Axes(fields["axes"], not fields["sampled"]).columns()
    replicates = {"seed": fields["seeds"]} | folds
    numbers = np.arange(len(cells["learning_rate"]))
    places = np.meshgrid(numbers, *replicates.values(), indexing="ij")
    table = {name: values[places[0]].ravel() for name, values in cells.items()}
    table |= {name: place.ravel() for name, place in zip(replicates, places[1:], strict=True)}
    table |= {name: values[table["fold"]] for name, values in fields["subset_values"].items()}
    table |= {name: values.ravel() for name, values in fields["scores"].items()}
    return table | {name: fields[name].ravel() + 0 for name in OUTCOMES}  # + 0: truth values as numbers


def write_table(path: Path, table: Mapping[str, np.ndarray]) -> None:
    """Writes columns as CSV, numbers in the shortest form that reads back the same, unless it is there."""
    text = io.StringIO()
    lines = zip(*map(_cells, table.values()), strict=True)
    csv.writer(text, lineterminator="\n").writerows([_cells(np.array(list(table))), *lines])
    content = text.getvalue().encode()
    if not path.is_file() or path.read_bytes() != content:
        with files.atomic(path) as file:
            file.write(content)


def _cells(values: np.ndarray) -> list[Any]:
    """The cells of a column; a quote stands before what a spreadsheet would compute."""
    cells: list[Any] = values.tolist()
    if values.dtype.kind not in "UO":
        return cells
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]


def check_can_hold(
    axes: Mapping[str, Any], scores: Collection[str], params: Params, subsets: Collection[str] = ()
) -> None:
    """Raises ValueError or TypeError for names that are taken and parameters that cannot be written."""
    columns = ("seed", "fold", "seeds", *scores, *OUTCOMES)
    for name in (*axes, *subsets):
        if name in columns or (name in axes and name in subsets):
            argument = "folds" if name in subsets else "hyper"
            raise ArgumentError(argument, f"cannot save an axis named {name!r}; results have such a column")
    for name in trees.pack(params)[1]:
        paths.check_name(name, "params")
        if name in (*axes, "seeds"):
            raise ArgumentTypeError("params", f"cannot save an array named {name!r}; an axis has that name")


def as_directory(out: Any, resume: bool = False) -> Path | None:
    """The path of a run's directory, or None; resuming without one raises ValueError."""
    if out is None:
        if resume:
            raise ArgumentError("resume", "there is nothing to go on with; give the directory as out")
        return None
    return paths.as_path(out, "out")


def write(directory: Path, fields: Mapping[str, Any]) -> None:
    """Writes the fields of a `SweepResult`; the last file makes the result whole.

    Raises:
        ValueError, TypeError: The directory holds another run, or an axis or parameters cannot be saved.
    """
    axes, seeds, cell, config = (fields[name] for name in ("axes", "seeds", "kept_cell", "config"))
    check_can_hold(axes, fields["scores"], fields["params"], fields["subset_values"])
    paths.make_directory(directory, "out")
    check_same(directory, read_config(directory), config)
    arrays = axes | {"seeds": seeds} | {name: fields[name] for name in OUTCOMES}
    arrays |= {f"{SCORE}{name}": values for name, values in fields["scores"].items()}
    arrays |= {f"{HISTORY}{name}": values for name, values in fields["history"].items()}
    arrays |= {f"{SUBSET}{name}": values for name, values in fields["subset_values"].items()}
    arrays |= {} if fields[OBJECTIVE] is None else {OBJECTIVE: fields[OBJECTIVE]}
    structure, models = trees.pack(fields["params"])
    header = {name: fields[name] for name in HEADER} | {"axes": list(axes), "params": structure}
    checksums = {RESULTS: files.write_archive(directory / RESULTS, header, arrays)}
    if models:
        models_axes = axes if cell is None else Axes(axes, not fields["sampled"]).at(cell)
        beside = {name: np.asarray(values) for name, values in models_axes.items()} | {"seeds": seeds}
        checksums[MODELS] = files.write_archive(directory / MODELS, {"params": list(models)}, beside | models)
    write_table(directory / TABLE, columns(fields))
    write_config(directory, config, {"timing": fields["timing"], "archives": checksums})


def write_config(
    directory: Path, description: Description, finished: Mapping[str, Any] | None = None
) -> None:
    """Writes ``config.json``: what the run is and, once it has ended, its timing and checksums."""
    status = {"status": "running" if finished is None else "finished"}
    files.write_checked_json(directory / CONFIG, status | description | dict(finished or {}))


def read_config(directory: Path) -> dict[str, Any] | None:
    """The content of ``config.json``, or None in a directory with no files of a run.

    Raises:
        ValueError: The directory holds several runs, or the file is of another format or not as it was
            written.
    """
    if files.exists(directory / GROUPS):
        raise ArgumentError(str(directory), "holds groups of networks, for load_groups, and no single run")
    if files.exists(directory / CONFIG):
        config = files.read_checked_json(directory / CONFIG, CHECKSUMMED)
        if config.get("status") not in ("running", "finished"):
            raise files.CorruptFileError(f"{directory / CONFIG}: not written by jfnn")
        return config
    ours = [name for name in (TABLE, RESULTS, MODELS, PARTIAL) if (directory / name).exists()]
    if ours:
        raise ArgumentError(
            str(directory), f"holds {', '.join(ours)}, but not the {CONFIG} that goes with it"
        )
    return None


def has_ended(directory: Path) -> bool:
    """Whether there is a run in a directory, with its result."""
    config = read_config(directory)
    return config is not None and config["status"] == "finished"


def read(directory: Path) -> dict[str, Any]:
    """The fields of the `SweepResult` that was written there.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt; the message names the file.
    """
    config = read_config(directory)
    if config is None:
        raise FileNotFoundError(f"{directory}: no {CONFIG} there, so no run")
    if config["status"] != "finished":
        raise ArgumentError(str(directory), "this run has not ended; go on with it by resume=True")
    with describing(directory):
        checksums = config["archives"]
        header, arrays = files.read_archive(directory / RESULTS, checksums[RESULTS])
        _check_header(directory / RESULTS, header)
        kinds = {name: _kinds_of(name, header["axes"]) for name in arrays}
        _check_kinds(directory / RESULTS, arrays, kinds)
        params: dict[str, np.ndarray] = {}
        if MODELS in checksums:
            models_header, models = files.read_archive(directory / MODELS, checksums[MODELS])
            params = {name: models[name] for name in models_header["params"]}
            _check_kinds(directory / MODELS, params, dict.fromkeys(params, PARAMETERS))
        cell = header["kept_cell"]
        fields = {
            **{name: header[name] for name in HEADER},
            "axes": {name: arrays[name] for name in header["axes"]},
            "seeds": arrays["seeds"],
            "kept_cell": None if cell is None else tuple(cell),
            "scores": _behind(SCORE, arrays),
            **{name: arrays[name] for name in OUTCOMES},
            "params": trees.unpack(header["params"], params),
            "history": _behind(HISTORY, arrays),
            "subset_values": _behind(SUBSET, arrays),
            OBJECTIVE: arrays.get(OBJECTIVE),
            "timing": config["timing"],
            "config": {n: v for n, v in config.items() if n in (*DESCRIPTION, *ENTRIES)},
        }
        if len({len(column) for column in columns(fields).values()}) > 1:
            raise ValueError("its arrays are of grids of different sizes")
        return fields


def _check_header(path: Path, header: Mapping[str, Any]) -> None:
    """Raises CorruptFileError for a field of another type than it was written with."""
    folds, cell, metrics = (header[name] for name in ("folds", "kept_cell", "metrics"))
    sound = {
        "folds": folds is None or type(folds) is int,
        "sampled": type(header["sampled"]) is bool,
        "ranked_by": type(header["ranked_by"]) is str,
        "kept_cell": cell is None or (type(cell) is list and all(type(place) is int for place in cell)),
        "metrics": type(metrics) is dict and all(type(higher) is bool for higher in metrics.values()),
    }
    for name, is_sound in sound.items():
        if not is_sound:
            raise files.CorruptFileError(f"{path}: {name!r} is of another type than results have")


def _kinds_of(name: str, axes: Collection[str]) -> str:
    """The kinds that an array of an archive of results may have, by its name."""
    if name in axes:
        return "f"
    beginning = name[: name.find(".") + 1]
    return KINDS.get(name) or KINDS.get(beginning, PARAMETERS)


def _check_kinds(path: Path, arrays: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> None:
    """Raises CorruptFileError for an array whose dtype is of none of its kinds."""
    for name, array in arrays.items():
        if array.dtype.kind not in kinds[name]:
            raise files.CorruptFileError(
                f"{path}: array {name!r} is {array.dtype}, of another kind than results have"
            )


def _behind(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays whose names begin with a prefix, by the rest of their names."""
    return {n.removeprefix(prefix): array for n, array in arrays.items() if n.startswith(prefix)}


@contextlib.contextmanager
def describing(directory: Path) -> Iterator[None]:
    """Raises CorruptFileError where files that are as they were written describe no result."""
    try:
        yield
    except files.CorruptFileError:
        raise
    except Exception as error:
        why = archives.one_line(error)
        raise files.CorruptFileError(f"{directory / RESULTS}: does not describe a result ({why})") from None
