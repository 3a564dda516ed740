"""Load a saved run, with the names of its columns."""

import os
from collections.abc import Mapping
from typing import Any

from jfnn.core.search.reading import read
from jfnn.core.search.result import SweepResult
from jfnn.datasets.columns import ColumnNames
from jfnn.split import Names


def load(directory: str | os.PathLike[str]) -> SweepResult:
    """Load the result that `SweepResult.save` or ``sweep(out=…)`` wrote.

    Parameters are restored as saved if they are layers, dicts, lists and tuples; custom named tuples become
    dicts. The network is restored unless one of its functions is custom.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt or in another format; the message names it.
    """
    return read(directory, _names)


def _names(values: Mapping[str, Any] | None) -> Names:
    return ColumnNames(values) if values else Names()
