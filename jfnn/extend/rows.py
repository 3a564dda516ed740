"""For subsets of your own: pairs of rows that are made when a sweep asks for them, and checked values."""

from jfnn.core.experiment.subsets import (
    HELD_OUT_BY_SOME,
    SPLIT,
    Cut,
    Pairs,
    Subsets,
    as_row_numbers,
    as_values,
)

__all__ = ["HELD_OUT_BY_SOME", "SPLIT", "Cut", "Pairs", "Subsets", "as_row_numbers", "as_values"]
__dir__ = __all__.copy
