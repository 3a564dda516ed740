"""Packages that only some features need."""

import importlib
from typing import Any


def imported(module: str, argument: str, package: str) -> Any:
    """A module of such a package; without it an ImportError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{argument}: needs the package {package}: pip install 'jfnn[{package}]'"
        raise ImportError(message) from error
