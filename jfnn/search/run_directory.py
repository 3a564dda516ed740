"""A result as a directory that other programs can read, and back.

* ``config.json``: settings, versions, device, time taken, and the checksum of every array;
* ``results.csv``: a row for each member;
* ``results.npz``: axes, seeds, scores and history;
* ``models.npz``: the parameters kept, each array named by its place (``0.w`` is the first layer's weights)
  and with the grid's axes in front, and these axes. Of the best cell alone it has the axes' values there.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.experiment import description as fingerprint
from jfnn.experiment.records import PARTS, Axes
from jfnn.store import files as storage

GROUPS = "groups.json"  # in a directory of several runs: which they are, in order
CONFIG, TABLE, RESULTS, MODELS = "config.json", "results.csv", "results.npz", "models.npz"
FORMAT = 3
SCORES = tuple(f"{part}_{kind}" for part in PARTS for kind in ("accuracy", "loss"))
BY_MEMBER = (*SCORES, "diverged_at", "left_at", "lost", "epochs")
HISTORY = "history."
PLAIN = ("folds", "sampled", "ranked_by", "kept_cell")


def columns(fields: dict[str, Any]) -> dict[str, np.ndarray]:
    """One number a member in each column ``[members]``: axes, seed, fold, scores, how its training went."""
    folds = {} if fields["folds"] is None else {"fold": np.arange(fields["folds"])}
    of_cells = Axes(fields["axes"], not fields["sampled"]).columns()
    cells = len(of_cells["learning_rate"])
    places = np.meshgrid(np.arange(cells), *({"seed": fields["seeds"]} | folds).values(), indexing="ij")
    of_streams = dict(zip(("seed", *folds), places[1:], strict=True))
    found = {name: values[places[0]].ravel() for name, values in of_cells.items()}
    found |= {name: values.ravel() for name, values in of_streams.items()}
    return found | {name: fields[name].ravel() + 0 for name in BY_MEMBER}  # + 0: truth values as numbers


def write_table(path: Path, table: dict[str, np.ndarray]) -> None:
    """Writes columns as CSV, numbers in the shortest form that reads back the same."""
    text = io.StringIO()
    lines = zip(*(values.tolist() for values in table.values()), strict=True)
    csv.writer(text, lineterminator="\n").writerows([list(table), *lines])
    with storage.atomic(path) as file:
        file.write(text.getvalue().encode())


def check_can_hold(axes: dict[str, np.ndarray], params) -> None:
    """Refuses what `write` could not.

    Raises:
        ValueError: An axis has the name of a column.
        TypeError: The parameters are not made of arrays in lists, tuples and dicts.
    """
    for name in axes:
        if name in ("seed", "fold", "seeds", *BY_MEMBER):
            raise ValueError(
                f"optimizer_args: cannot save an axis named {name!r}; results have such a column"
            )
    for name in storage.pack(params)[1]:
        if name in (*axes, "seeds"):
            raise TypeError(f"params: cannot save an array named {name!r}; an axis has that name")


def make(directory: Path) -> None:
    """Makes the directory where there is none."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"out: {directory} is no directory") from None


def write(directory: Path, fields: dict[str, Any]) -> None:
    """Writes a result; the last file that it writes makes it whole.

    Args:
        directory: Where; made if need be.
        fields: The fields of a `SweepResult`, by name.

    Raises:
        ValueError: The directory holds another run, or an axis cannot be saved.
        TypeError: Parameters cannot be saved.
    """
    axes, seeds, cell = fields["axes"], fields["seeds"], fields["kept_cell"]
    check_can_hold(axes, fields["params"])
    make(directory)
    check_same(directory, read_config(directory), fields["config"])
    history = {f"{HISTORY}{name}": values for name, values in fields["history"].items()}
    structure, models = storage.pack(fields["params"])
    files = {RESULTS: axes | {"seeds": seeds} | {name: fields[name] for name in BY_MEMBER} | history}
    if models:
        kept = axes if cell is None else Axes(axes, not fields["sampled"]).at(cell)
        files[MODELS] = kept | {"seeds": seeds} | models
    sealed = {name: storage.write_npz(directory / name, arrays) for name, arrays in files.items()}
    write_table(directory / TABLE, columns(fields))
    result = {name: fields[name] for name in PLAIN} | {"axes": list(axes), "params": structure}
    write_config(
        directory, fields["config"], {"timing": fields["timing"], "result": result, "arrays": sealed}
    )


def write_config(directory: Path, description: dict, finished: dict | None = None) -> None:
    """Writes ``config.json``: what the run is and, once it has ended, what came of it."""
    status = {"format": FORMAT, "status": "running" if finished is None else "finished"}
    storage.write_json(directory / CONFIG, status | description | (finished or {}))


def read_config(directory: Path) -> dict | None:
    """What ``config.json`` says, or None in a directory with no files of a run.

    Raises:
        ValueError: It is not one of these, of another format, or not as it was written.
    """
    path = directory / CONFIG
    if (directory / GROUPS).exists():
        raise ValueError(f"{directory}: holds groups of networks, for load_groups, and no single run")
    if not path.exists():
        ours = [name for name in (TABLE, RESULTS, MODELS) if (directory / name).exists()]
        if ours:
            raise ValueError(f"{directory}: holds {', '.join(ours)}, but not the {CONFIG} that goes with it")
        return None
    try:
        config = json.loads(path.read_text())
        known, found = isinstance(config["status"], str), config["format"]
    except (ValueError, KeyError, TypeError):
        known, found = False, None
    if not known:
        raise storage.Damaged(f"{path}: damaged, or not written by jfnn")
    if found != FORMAT:
        raise ValueError(f"{path}: its format is {found}, this version of jfnn reads format {FORMAT}")
    if "fingerprint" in config and fingerprint.fingerprint(config) != config["fingerprint"]:
        raise storage.Damaged(f"{path}: not as it was written; its fingerprint is that of other settings")
    return config


def has_ended(directory: Path) -> bool:
    """Whether there is a run in a directory, with its result."""
    config = read_config(directory)
    return config is not None and config["status"] == "finished"


def check_same(directory: Path, there: dict | None, here: dict) -> None:
    """Refuses a directory that holds another run.

    Raises:
        ValueError: It does; the message says in what the two differ.
    """
    differing = [] if there is None else fingerprint.differences(there, here)
    if differing:
        shown = "; ".join(differing[:5]) + ("" if len(differing) <= 5 else f"; and {len(differing) - 5} more")
        raise ValueError(f"{directory}: holds another configuration, choose another directory: {shown}")


def read(directory: Path) -> dict[str, Any]:
    """The fields of the `SweepResult` that was written there.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: It has not ended, or a file is damaged; the message names the file and the array.
    """
    config = read_config(directory)
    if config is None:
        raise FileNotFoundError(f"{directory}: no {CONFIG} there, so no run")
    if config["status"] != "finished":
        raise ValueError(f"{directory}: this run has not ended; go on with it by resume=True")
    result, sealed = config["result"], config["arrays"]
    arrays = storage.read_npz(directory / RESULTS, sealed[RESULTS])
    models = storage.read_npz(directory / MODELS, sealed[MODELS]) if MODELS in sealed else {}
    return {
        "axes": {name: arrays[name] for name in result["axes"]},
        "seeds": arrays["seeds"],
        **{name: result[name] for name in PLAIN},
        "kept_cell": result["kept_cell"] and tuple(result["kept_cell"]),
        **{name: arrays[name] for name in BY_MEMBER},
        "params": storage.unpack(result["params"], models),
        "history": {n.removeprefix(HISTORY): a for n, a in arrays.items() if n.startswith(HISTORY)},
        "timing": config["timing"],
        "config": {n: v for n, v in config.items() if n in fingerprint.DESCRIPTION},
    }
