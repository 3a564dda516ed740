"""Train a whole grid of small neural networks in one compiled program, every gradient checked by hand."""

import lazy_loader

import jfnn.numerics.source  # noqa: F401, before all others: it knows when they were loaded

__version__ = "0.13.1"

# The names are listed in __init__.pyi. JAX, matplotlib and scikit-learn take seconds to import, so that
# `jfnn --help` need not wait for them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
