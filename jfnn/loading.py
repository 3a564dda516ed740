"""Runs loaded again with the names of their columns."""

import os
from collections.abc import Mapping
from typing import Any

from jfnn.core.search.reading import read
from jfnn.core.search.result import SweepResult
from jfnn.datasets.columns import ColumnNames
from jfnn.split import Names


def load(directory: str | os.PathLike[str]) -> SweepResult:
    """The result that `SweepResult.save` or ``sweep(out=…)`` wrote.

    Parameters come back as they were where they are those of layers, dicts, lists and tuples; custom
    named tuples come back as dicts. The network comes back unless one of its functions is custom.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt or of another format; the message names it.
    """
    return read(directory, _names)


def _names(values: Mapping[str, Any] | None) -> Names:
    """Names by which rows are read, where there are any."""
    return ColumnNames(values) if values else Names()
