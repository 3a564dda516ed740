"""Data sets: scikit-learn's digits, MNIST-1D, logic gates, CSV files, train/test splits."""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.datasets.columns import ColumnNames, transform
from jfnn.datasets.files import read_columns, read_csv
from jfnn.datasets.splits import (
    digits,
    mnist1d,
    one_hot,
    or_gate,
    split,
    split_table,
    standardize,
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
    "split",
    "split_table",
    "standardize",
    "transform",
    "xor_gate",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
