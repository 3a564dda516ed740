"""Data to learn from: the digits, gates, files, splits that keep pairs."""

from typing import TYPE_CHECKING

from jfnn.datasets.columns import ColumnNames, transform
from jfnn.datasets.files import read_columns, read_csv, read_npz
from jfnn.datasets.splits import (
    digits,
    mnist1d,
    one_hot,
    or_gate,
    split,
    split_table,
    standardise,
    xor_gate,
)
from jfnn.datasets.targets import Table
from jfnn.split import Split

__all__ = [
    "ColumnNames",
    "Split",
    "Table",
    "digits",
    "mnist1d",
    "one_hot",
    "or_gate",
    "read_columns",
    "read_csv",
    "read_npz",
    "split",
    "split_table",
    "standardise",
    "transform",
    "xor_gate",
]
__dir__ = __all__.copy

if not TYPE_CHECKING:  # to which it would say that there is every name

    def __getattr__(name: str) -> object:
        """Raises AttributeError with what is meant, such as `digits` by load_digits."""
        from jfnn.unknown import unknown

        raise unknown("jfnn.datasets", name, __all__)
