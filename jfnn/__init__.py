"""Train a whole grid of small neural networks in one compiled program, every gradient checked by hand."""

from pathlib import Path

import lazy_loader

import jfnn.numerics.source  # noqa: F401, before all others: it knows when they were loaded

__version__ = "2.0.0.dev0"

# The names are listed in __init__.pyi. JAX, matplotlib and scikit-learn take seconds to import, so that
# `jfnn --help` need not wait for them.
_imported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """What the package gives by a name, imported now; of others an AttributeError says what is meant."""
    module = Path(__file__).with_name(name)  # Python asks for one before it imports it
    if name in __all__ or name.startswith("_") or module.is_dir() or module.with_suffix(".py").exists():
        return _imported(name)
    from jfnn.unknown import unknown

    raise unknown("jfnn", name, __all__)
