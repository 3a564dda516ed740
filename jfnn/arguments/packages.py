"""Optional packages."""

import importlib
from collections.abc import Callable
from typing import Any

from jfnn.arguments.checks import ArgumentError

# Package -> way to convert its modules to networks.
ADAPTERS = {
    "equinox": "jfnn.from_equinox",
    "flax.nnx": "jfnn.from_flax",
    "flax.linen": "jfnn.Network(init, apply)",
    "torch.nn": "jfnn.sequential, layer by layer: see docs/tutorials/from_pytorch.py",
}


class MissingPackageError(ArgumentError, ImportError):
    """An argument needs a package that is not installed."""


def adapter_of(value: object) -> str:
    """Return advice for a module, or a class of modules, of a package with an adapter; otherwise ""."""
    kind = value if isinstance(value, type) else type(value)
    for base in kind.__mro__:
        for package, adapter in ADAPTERS.items():
            if f"{base.__module__}.".startswith(f"{package}."):
                return f"; convert modules of {package} with {adapter}"
    return ""


def import_package(module: str, argument: str, extra: str) -> Any:
    """Import a module of an optional package; if it is missing, raise an error that names jfnn's extra."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        reason = f"needs the package {package}: pip install 'jfnn[{extra}]'"
        raise MissingPackageError(argument, reason) from error


def is_of_jfnn(definition: Callable[..., object]) -> bool:
    """Return whether a function or class is defined in this package."""
    return str(definition.__module__).partition(".")[0] == "jfnn"
