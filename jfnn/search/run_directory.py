"""A run's directory: a result that other programs can read, and back.

* ``config.json``: settings, versions, device, time taken, checksums of the archives and of itself;
* ``results.csv``: a row for each member;
* ``results.npz``: axes, seeds, scores, history and objectives;
* ``models.npz``: the parameters kept, each array named by its place (``0.w`` is the first layer's weights)
  and with the grid's axes in front, and these axes. Of the best cell alone it has the axes' values there.
"""

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jfnn import paths
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.experiment.axes import Axes
from jfnn.layers.kind import Params
from jfnn.store import archives, files, forms, trees
from jfnn.store.identity import DECIDING, DESCRIPTION, Description, check_same, fingerprint

GROUPS = "groups.json"  # in a directory of several runs: which they are, in order
CONFIG, TABLE, RESULTS, MODELS = "config.json", "results.csv", "results.npz", "models.npz"
PARTIAL = "partial.csv"  # the table of a run that lost members, without these
FORMAT = 5
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet may compute
OUTCOMES, HISTORY, SCORE, OBJECTIVE = forms.OUTCOMES, forms.HISTORY, forms.SCORE, forms.OBJECTIVE
PLAIN = ("folds", "sampled", "ranked_by", "kept_cell", "metrics")
CHECKSUMMED = ("format", "status", *DESCRIPTION, "timing", "result", "archives")


def columns(fields: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """One number a member in each column ``[members]``: axes, seed, fold, scores, how its training went."""
    folds = {} if fields["folds"] is None else {"fold": np.arange(fields["folds"])}
    of_cells = Axes(fields["axes"], not fields["sampled"]).columns()
    replicates = {"seed": fields["seeds"]} | folds
    cells = np.arange(len(of_cells["learning_rate"]))
    places = np.meshgrid(cells, *replicates.values(), indexing="ij")
    table = {name: values[places[0]].ravel() for name, values in of_cells.items()}
    table |= {name: place.ravel() for name, place in zip(replicates, places[1:], strict=True)}
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


def check_can_hold(axes: Mapping[str, Any], scores: Mapping[str, Any], params: Params) -> None:
    """Refuses what `write` could not.

    Raises:
        ValueError, TypeError: A name is taken, or parameters are not arrays in lists, tuples and dicts.
    """
    for name in axes:
        if name in ("seed", "fold", "seeds", *scores, *OUTCOMES):
            raise ArgumentError("hyper", f"cannot save an axis named {name!r}; results have such a column")
    for name in trees.pack(params)[1]:
        paths.check_name(name, "params")
        if name in (*axes, "seeds"):
            raise ArgumentTypeError("params", f"cannot save an array named {name!r}; an axis has that name")


def as_directory(out: Any, resume: bool = False) -> Path | None:
    """The path of a run's directory, or None for none, where there is nothing to resume."""
    if out is None:
        if resume:
            raise ArgumentError("resume", "there is nothing to go on with; give the directory as out")
        return None
    return paths.as_path(out, "out")


def make(directory: Path) -> None:
    """Makes the directory; one that cannot be written to is refused."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ArgumentError("out", f"{directory} is no directory") from None
    except OSError as error:
        raise ArgumentError("out", f"{directory} cannot be made ({error.strerror or error})") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ArgumentError("out", f"{directory} cannot be written to")


def write(directory: Path, fields: Mapping[str, Any]) -> None:
    """Writes a result; the last file that it writes makes it whole.

    Args:
        directory: Where; made if need be.
        fields: The fields of a `SweepResult`, by name.

    Raises:
        ValueError, TypeError: The directory holds another run, or an axis or parameters cannot be saved.
    """
    axes, seeds, cell = fields["axes"], fields["seeds"], fields["kept_cell"]
    check_can_hold(axes, fields["scores"], fields["params"])
    make(directory)
    check_same(directory, read_config(directory), fields["config"])
    arrays = axes | {"seeds": seeds} | {name: fields[name] for name in OUTCOMES}
    arrays |= {f"{SCORE}{name}": values for name, values in fields["scores"].items()}
    arrays |= {f"{HISTORY}{name}": values for name, values in fields["history"].items()}
    arrays |= {} if fields[OBJECTIVE] is None else {OBJECTIVE: fields[OBJECTIVE]}
    structure, models = trees.pack(fields["params"])
    contents = {RESULTS: arrays}
    if models:
        kept = axes if cell is None else Axes(axes, not fields["sampled"]).at(cell)
        contents[MODELS] = kept | {"seeds": seeds} | models
    checksums = {name: files.write_npz(directory / name, content) for name, content in contents.items()}
    write_table(directory / TABLE, columns(fields))
    result = {name: fields[name] for name in PLAIN} | {"axes": list(axes), "params": structure}
    write_config(
        directory, fields["config"], {"timing": fields["timing"], "result": result, "archives": checksums}
    )


def write_config(
    directory: Path, description: Description, finished: Mapping[str, Any] | None = None
) -> None:
    """Writes ``config.json``: what the run is and, once it has ended, what came of it."""
    status: dict[str, Any] = {"format": FORMAT, "status": "running" if finished is None else "finished"}
    config = status | description | dict(finished or {})
    files.write_json(directory / CONFIG, config | {"checksum": _checksum(config)})


def _checksum(config: Mapping[str, Any]) -> str:
    """Checksum of all that the library writes; whoever adds to a file checks it for himself."""
    return files.checksum_of({name: config.get(name) for name in CHECKSUMMED})


def read_config(directory: Path) -> dict[str, Any] | None:
    """The content of ``config.json``, or None in a directory with no files of a run.

    Raises ValueError for another format, other files, or a file not as it was written.
    """
    path = directory / CONFIG
    if files.is_there(directory / GROUPS):
        raise ArgumentError(str(directory), "holds groups of networks, for load_groups, and no single run")
    if not files.is_there(path):
        ours = ", ".join(name for name in (TABLE, RESULTS, MODELS, PARTIAL) if (directory / name).exists())
        if ours:
            raise ArgumentError(str(directory), f"holds {ours}, but not the {CONFIG} that goes with it")
        return None
    content = files.read(path)
    try:
        config = json.loads(content)
        number = config["format"]
        known = isinstance(number, int) and config["status"] in ("running", "finished")
        sound = _checksum(config) == config.get("checksum") and files.json_text(config) == content
        described = any(name in config for name in DECIDING)
        sound = sound and config.get("fingerprint") == (fingerprint(config) if described else None)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        known = sound = False
    if not known:
        raise files.CorruptFileError(f"{path}: corrupt, or not written by jfnn")
    if number != FORMAT:
        raise ArgumentError(str(path), f"its format is {number}, this version of jfnn reads format {FORMAT}")
    if not sound:
        raise files.CorruptFileError(f"{path}: not as it was written; its checksum is of other values")
    return dict(config)


def has_ended(directory: Path) -> bool:
    """Whether there is a run in a directory, with its result."""
    config = read_config(directory)
    return config is not None and config["status"] == "finished"


def read(directory: Path) -> dict[str, Any]:
    """The fields of the `SweepResult` that was written there.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt; the message names the file and the array.
    """
    config = read_config(directory)
    if config is None:
        raise FileNotFoundError(f"{directory}: no {CONFIG} there, so no run")
    if config["status"] != "finished":
        raise ArgumentError(str(directory), "this run has not ended; go on with it by resume=True")
    try:
        return _fields(directory, config)
    except files.CorruptFileError:
        raise
    # A writer of other things can make any of it fail.
    except Exception as error:
        why = archives.one_line(error)
        raise files.CorruptFileError(f"{directory / CONFIG}: does not describe a result ({why})") from None


def _fields(directory: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a result from its files, which are checked against each other."""
    path, result, checksums = directory / CONFIG, config["result"], config["archives"]
    forms.check_values(path, config, forms.OF_CONFIG)
    forms.check_values(path, result, forms.OF_RESULT)
    arrays = files.read_npz(directory / RESULTS, checksums[RESULTS])
    models = files.read_npz(directory / MODELS, checksums[MODELS]) if MODELS in checksums else {}

    def named(prefix: str) -> dict[str, np.ndarray]:
        return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}

    axes = Axes({name: arrays[name] for name in result["axes"]}, not result["sampled"])
    cell, folds = result["kept_cell"], [] if result["folds"] is None else [result["folds"]]
    replicates = (len(arrays["seeds"]), *folds)
    forms.check_arrays(
        directory / RESULTS, arrays, forms.of_results(result["axes"], axes.shape, replicates, arrays)
    )
    scores = [name.removeprefix(SCORE) for name in arrays if name.startswith(SCORE)]
    forms.check_values(path, result, forms.of_scores(scores, axes.shape))
    if models:
        of_models = forms.of_models(axes.values, None if cell else axes.shape, replicates, models)
        forms.check_arrays(directory / MODELS, models, of_models)
        kept = axes.values if cell is None else axes.at(cell)
        forms.check_equal(directory / MODELS, kept | {"seeds": arrays["seeds"]}, models)
    leaves = {name: array for name, array in models.items() if name not in (*axes.values, "seeds")}
    params = trees.unpack(result["params"], leaves)
    forms.check_arrays(directory / MODELS, trees.pack(params)[1], dict.fromkeys(leaves, forms.ANY))
    forms.check_equal(path, config.get("settings", {}).get("axes", {}), axes.values)
    return {
        "axes": axes.values,
        "seeds": arrays["seeds"],
        **{name: result[name] for name in PLAIN},
        "kept_cell": None if cell is None else tuple(cell),
        "scores": named(SCORE),
        **{name: arrays[name] for name in OUTCOMES},
        "params": params,
        "history": named(HISTORY),
        OBJECTIVE: arrays.get(OBJECTIVE),
        "timing": config["timing"],
        "config": {n: v for n, v in config.items() if n in DESCRIPTION},
    }
