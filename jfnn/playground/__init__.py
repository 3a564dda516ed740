"""A sweep as one interactive HTML page: all networks at several epochs, evaluated in the browser."""

from jfnn.playground.writing import write_playground

__all__ = ["write_playground"]
__dir__ = __all__.copy
