"""Tables of named columns for a run that learned from a file: its inputs by their names, its own words."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.datasets.columns import transform

# Entries that the command line adds to the description of a run on a file.
ENTRIES = ("classes", "scaling", "columns")


def is_frame(x: Any) -> bool:
    """Whether x is a table of named columns: a mapping, or a data frame."""
    return isinstance(x, Mapping) or hasattr(x, "columns")


def as_rows(frame: Any, config: Mapping[str, Any]) -> np.ndarray:
    """Inputs ``[n, inputs]`` (float64) in the units that a run's networks learned from.

    Args:
        frame: Named columns, in any order, among others.
        config: The run's description: under "columns" that of the inputs, for `transform`, and under
            "scaling" the mean and scale of each, for ``(value - mean) / scale``.

    Raises:
        ValueError, TypeError: The run keeps no columns; or as in `transform`.
    """
    columns = config.get("columns")
    if not columns:
        raise ArgumentError("x", "expected an array; this run keeps no names of columns")
    with checks.renamed(frame="x"):
        x = transform(columns, frame)
    scaling = (config.get("scaling") or {}).get("x")
    return x if scaling is None else (x - np.array(scaling["mean"])) / np.array(scaling["scale"])


def as_words(labels: np.ndarray, config: Mapping[str, Any]) -> np.ndarray:
    """Labels in the file's words; "" for -1."""
    return np.asarray(np.array([*config["classes"], ""])[labels])


def units(config: Mapping[str, Any]) -> Callable[[np.ndarray, int], np.ndarray] | None:
    """A function that puts outputs ``[…, n_out]`` in the units of scaled targets; None where none were."""
    scaling = (config.get("scaling") or {}).get("y")
    return None if scaling is None else lambda outputs, _: outputs * scaling["scale"] + scaling["mean"]
