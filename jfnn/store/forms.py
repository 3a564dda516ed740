"""Checks of a stored result: the names, kinds, shapes and values that its description and arrays may have.

A checksum shows that a file is as it was written, not that what was written is a result.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jfnn import checks
from jfnn.store.files import CorruptFileError, checksum_of
from jfnn.store.identity import DECIDING

Shape = tuple[int, ...]

# Names of arrays in an archive of results: these, and what begins so.
OUTCOMES = ("diverged_at", "stopped_at", "pruned", "epochs")
HISTORY, SCORE, OBJECTIVE = "history.", "score.", "objective"


class Form(NamedTuple):
    """What an array may be.

    Attributes:
        kinds: NumPy's letters of its dtype.
        shape: Its shape.
        more: Whether that is only how its shape begins.
        least_bytes: Of a number.
    """

    kinds: str
    shape: tuple[int, ...]
    more: bool = False
    least_bytes: int = 1


ANY = Form("biufc", (), more=True)


def check_arrays(path: Path, arrays: Mapping[str, np.ndarray], forms: Mapping[str, Form]) -> None:
    """Refuses a file whose arrays have other names, kinds or shapes than a result's.

    Raises:
        CorruptFileError: They have; the message names the file and the array.
    """
    for name in (*forms, *arrays):
        if name not in arrays or name not in forms:
            what = "is not there" if name in forms else "is none of this result"
            raise CorruptFileError(f"{path}: array {name!r} {what}")
        array, form = arrays[name], forms[name]
        shape = array.shape[: len(form.shape)] if form.more else array.shape
        fits = array.dtype.kind in form.kinds and array.dtype.isnative and shape == form.shape
        if not fits or array.dtype.itemsize < form.least_bytes:
            raise CorruptFileError(
                f"{path}: array {name!r} is {array.dtype} {list(array.shape)}, which does not fit the result:"
                f" expected shape {list(form.shape)}{' and more' * form.more}"
            )


def check_equal(path: Path, expected: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Refuses a file whose arrays differ from those of the same name elsewhere in the result.

    Raises:
        CorruptFileError: One differs; the message names the file and the array.
    """
    for name, values in expected.items():
        if name not in arrays or not np.array_equal(arrays[name], values):
            raise CorruptFileError(f"{path}: {name!r} is not what it is elsewhere in this result")


def check_values(path: Path, values: Any, forms: Mapping[str, Callable[[Any], bool]]) -> None:
    """Refuses a description with a value that no result has.

    Args:
        path: The file.
        values: What it holds.
        forms: Name -> check of its value.

    Raises:
        CorruptFileError: One cannot; the message names the file and the value.
    """
    if not isinstance(values, dict):
        raise CorruptFileError(f"{path}: expected names and values, got {checks.shown(values)}")
    for name, can_be in forms.items():
        if not can_be(values.get(name)):
            raise CorruptFileError(f"{path}: {name!r} cannot be {checks.shown(values.get(name))}")


def of_results(
    axes: Sequence[str], cells: Shape, replicates: Shape, arrays: Mapping[str, np.ndarray]
) -> dict[str, Form]:
    """Forms of the arrays of a result's scores.

    Args:
        axes: Names of the axes.
        cells: Shape of the grid.
        replicates: Seeds, and folds where there are any.
        arrays: All of them; the axes, scores and epochs in there are taken as they are.
    """
    epochs = arrays.get(f"{HISTORY}epoch")
    members = (*cells, *replicates)
    forms = {name: Form("f", arrays[name].shape[:1], least_bytes=8) for name in axes}
    forms |= {"seeds": Form("iu", replicates[:1])}
    forms |= {OBJECTIVE: Form("f", (*members, arrays[OBJECTIVE].shape[-1]))} if OBJECTIVE in arrays else {}
    forms |= {name: Form("b" if name == "pruned" else "iu", members) for name in OUTCOMES}
    scores = [name for name in arrays if name.startswith(SCORE)]
    forms |= {name: Form("f", members) for name in scores}
    if epochs is not None:
        forms |= {f"{HISTORY}epoch": Form("iu", epochs.shape[:1])}
        of_history = (name.replace(SCORE, HISTORY, 1) for name in scores)
        forms |= dict.fromkeys(of_history, Form("f", members + epochs.shape[:1]))
    return forms


def of_models(
    axes: Mapping[str, np.ndarray], cells: Shape | None, replicates: Shape, names: Iterable[str]
) -> dict[str, Form]:
    """As `of_results`, for parameters; ``cells`` is None where they are of one cell alone."""
    forms = {name: Form("biufc", (*(cells or ()), *replicates), more=True) for name in names}
    forms |= {
        name: Form("f", () if cells is None else values.shape, least_bytes=8) for name, values in axes.items()
    }
    return forms | {"seeds": Form("iu", replicates[:1])}


def of_scores(scores: Sequence[str], cells: Shape) -> dict[str, Callable[[Any], bool]]:
    """Name -> check of a value in a result's description that depends on its scores and its grid."""
    metrics = {name.partition("_")[2] for name in scores}
    return {
        "ranked_by": lambda name: name in scores,
        "metrics": lambda directions: directions.keys() == metrics,
        "kept_cell": lambda place: place is None or is_place(place, cells),
    }


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def are_axes(value: Any) -> bool:
    """Whether a value is a list of names, each once, that begins as those of all axes do."""
    named = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return named and value[:2] == ["learning_rate", "l2"] and len(set(value)) == len(value)


def are_metrics(value: Any) -> bool:
    """Whether a value maps names of metrics to directions."""
    return isinstance(value, dict) and bool(value) and all(isinstance(up, bool) for up in value.values())


def are_seconds(value: Any) -> bool:
    """Whether a value maps names to finite numbers."""
    numbers = value.values() if isinstance(value, dict) else [None]
    return all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)


def is_place(value: Any, shape: Shape) -> bool:
    """Whether a value is the place of a cell in a grid of a shape."""
    fits = isinstance(value, list) and len(value) == len(shape)
    return fits and all(type(i) is int and 0 <= i < n for i, n in zip(value, shape, strict=True))


def with_checksum(groups: list[Any]) -> dict[str, Any]:
    """Pairs of groups as they are written."""
    return {"groups": groups, "checksum": checksum_of(groups)}


def names_directory(name: Any) -> bool:
    """Whether a name can be that of a directory in another, not hidden and not outside of it."""
    return isinstance(name, str) and bool(name) and os.sep not in name and not name.startswith(".")


def are_groups(value: Any) -> bool:
    """Whether a value is a list of pairs, each once: a network's name, and rows a step or None."""
    if not isinstance(value, list) or not value or len({str(pair) for pair in value}) < len(value):
        return False
    return all(names_directory(name) and (size is None or is_count(size)) for name, size in value)


OF_CONFIG: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys((*DECIDING, "device"), lambda part: part is None or isinstance(part, dict)),
    "timing": are_seconds,
    "archives": lambda archives: isinstance(archives, dict),
}
OF_RESULT: dict[str, Callable[[Any], bool]] = {
    "folds": lambda folds: folds is None or is_count(folds),
    "sampled": lambda sampled: isinstance(sampled, bool),
    "axes": are_axes,
    "metrics": are_metrics,
}
