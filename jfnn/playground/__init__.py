"""A sweep as one interactive HTML page: all networks at several epochs, evaluated in the browser."""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.playground.writing import write_playground

__all__ = ["write_playground"]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
