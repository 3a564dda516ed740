"""Tables of named columns for a run that learned from a file: its inputs by their names, its own words."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError

# Entries that the command line adds to the description of a run on a file.
ENTRIES = ("classes", "scaling", "columns")


def is_frame(x: Any) -> bool:
    """Whether x is a table of named columns: a mapping, or a data frame."""
    return isinstance(x, Mapping) or hasattr(x, "columns")


def as_rows(frame: Any, config: Mapping[str, Any]) -> np.ndarray:
    """Inputs ``[n, columns]`` (float64) in the units that a run's networks learned from.

    Args:
        frame: Named columns, in any order, among others.
        config: The run's description: under "columns" the inputs' names in order, and under "scaling" the
            mean and scale of each, for ``(value - mean) / scale``.

    Raises:
        ValueError, TypeError: The run keeps no names of columns, a column is missing, no number or not
            finite, or columns have different lengths.
    """
    names = config.get("columns")
    if not names:
        raise ArgumentError("x", "expected an array; this run keeps no names of columns")
    for name in names:
        if name not in frame:
            raise ArgumentError(
                "x", f"expected the columns {', '.join(names)}, got none named {name!r}", name
            )
    columns = []
    for name in names:
        with checks.item_of("x"):
            column = checks.as_array(frame[name], name)
            columns.append(checks.as_inputs(column[..., None], name, (1,), np.float64))
    if len(lengths := {*map(len, columns)}) > 1:
        raise ArgumentError("x", f"expected columns of one length, got {sorted(lengths)}")
    x = np.concatenate(columns, axis=1, dtype=np.float64)
    scaling = (config.get("scaling") or {}).get("x")
    return x if scaling is None else (x - np.array(scaling["mean"])) / np.array(scaling["scale"])


def as_words(labels: np.ndarray, config: Mapping[str, Any]) -> np.ndarray:
    """Labels in the file's words; "" for -1."""
    return np.asarray(np.array([*config["classes"], ""])[labels])


def units(config: Mapping[str, Any]) -> Callable[[np.ndarray, int], np.ndarray] | None:
    """A function that puts outputs ``[…, n_out]`` in the units of scaled targets; None where none were."""
    scaling = (config.get("scaling") or {}).get("y")
    return None if scaling is None else lambda outputs, _: outputs * scaling["scale"] + scaling["mean"]
