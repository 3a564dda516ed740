"""Checks back-propagation of one's own against the derivation by hand: which array is wrong first, and why.

check: the comparison; derivation: the derivation with one planted mistake; mistakes: the table of mistakes.
"""

from jfnn.own_code.check import ArrayCheck, BackpropCheck, Finding, check_backprop

__all__ = ["ArrayCheck", "BackpropCheck", "Finding", "check_backprop"]
__dir__ = __all__.copy
