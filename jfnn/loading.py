"""Runs loaded again with the names of their columns."""

import dataclasses
import os

from jfnn.datasets.columns import ColumnNames
from jfnn.extend.runs import read
from jfnn.search.result import SweepResult


def load(directory: str | os.PathLike[str]) -> SweepResult:
    """The result that `SweepResult.save` or ``sweep(out=…)`` wrote.

    Parameters come back as they were where they are those of layers, dicts, lists and tuples; custom
    named tuples come back as dicts. The network comes back unless one of its functions is custom.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt or of another format; the message names it.
    """
    return _with_names(read(directory))


def _with_names(result: SweepResult) -> SweepResult:
    """The result, which now reads rows by the names of their columns."""
    refit = None if result.refit is None else _with_names(result.refit)
    names = ColumnNames(result.names) if result.names else result.names
    return dataclasses.replace(result, names=names, refit=refit)
