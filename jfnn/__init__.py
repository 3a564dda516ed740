"""Train a grid of small networks in one compiled program; gradients are checked against hand derivations."""

from pathlib import Path

import lazy_loader

import jfnn.numerics.source  # noqa: F401, first, since it records when the other modules were loaded

__version__ = "2.1.0.dev0"

# The names are listed in __init__.pyi and imported on first use: JAX, matplotlib and scikit-learn take
# seconds to import, which `jfnn --help` does not need.
_imported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Import a public name on first use; for an unknown name, raise AttributeError with a suggestion."""
    module = Path(__file__).with_name(name)  # `from jfnn import` calls this before it imports a submodule
    if name in __all__ or name.startswith("_") or module.is_dir() or module.with_suffix(".py").exists():
        return _imported(name)
    from jfnn.arguments.unknown import unknown_name
    from jfnn.keyword_values import keyword_values

    advice = keyword_values() | {public: f"jfnn.{public}" for public in __all__}
    raise unknown_name("jfnn", name, advice)
