"""Back-propagation of one's own beside the one derived by hand: which array is wrong, and why.

`check` is the door; given: a student's arrays as the notes have them; rounded: numbers with the rounding that
they may carry; mistakes: the table of what is tried; search: what of it explains the differences; record: the
answer.
"""

from jfnn.own_code.check import check_backprop
from jfnn.own_code.mistakes import MISTAKES
from jfnn.own_code.record import ArrayCheck, BackpropCheck, Finding

__all__ = ["MISTAKES", "ArrayCheck", "BackpropCheck", "Finding", "check_backprop"]
__dir__ = __all__.copy
