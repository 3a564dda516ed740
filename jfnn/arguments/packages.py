"""Packages that only some features need."""

import importlib
from collections.abc import Callable
from typing import Any

# Package -> what makes networks of its modules.
ADAPTERS = {
    "equinox": "jfnn.from_equinox",
    "flax.nnx": "jfnn.from_flax",
    "flax.linen": "jfnn.Network(init, apply)",
    "torch.nn": "jfnn.sequential, layer by layer: see docs/tutorials/from_pytorch.py",
}


def adapter_of(value: object) -> str:
    """Advice on a module of a package that has an adapter, or on a class of such; else empty."""
    kind = value if isinstance(value, type) else type(value)
    for base in kind.__mro__:
        for package, adapter in ADAPTERS.items():
            if f"{base.__module__}.".startswith(f"{package}."):
                return f"; a module of {package} goes into {adapter}"
    return ""


def imported(module: str, argument: str, extra: str) -> Any:
    """A module of such a package; without it an ImportError that names the extra of jfnn that has it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        message = f"{argument}: needs the package {package}: pip install 'jfnn[{extra}]'"
        raise ImportError(message) from error


def is_of_jfnn(definition: Callable[..., object]) -> bool:
    """Whether a function or class is defined in this package."""
    return str(definition.__module__).partition(".")[0] == "jfnn"
