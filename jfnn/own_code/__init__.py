"""Check a user's own backpropagation against the derivation by hand: the first wrong array, and the mistake.

check: the comparison; derivation: the derivation with a planted mistake; mistakes: the table of mistakes.
"""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.own_code.check import ArrayCheck, BackpropCheck, Finding, check_backprop

__all__ = ["ArrayCheck", "BackpropCheck", "Finding", "check_backprop"]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
