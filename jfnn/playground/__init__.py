"""A sweep as one HTML page that one can play with: all networks at several epochs, asked in the browser."""

from jfnn.playground.writing import write_playground

__all__ = ["write_playground"]
__dir__ = __all__.copy
