"""For those who train members of their own, without a sweep's options: what the engine reads, and its loop.

A ``Cohort`` is all that the engine reads of members: ``functions_of`` a learner, rows, ``Replicates`` and
numbers. ``layouts`` says how many train side by side, a ``Trainer`` puts them on devices, and ``loop`` trains
them.
"""

from jfnn.core.engine import devices, interrupts, layouts, loop
from jfnn.core.engine.plan import CallLength, Layout
from jfnn.core.engine.state import RunState
from jfnn.core.engine.threads import spread
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.experiment import Cohort, Replicates
from jfnn.core.steps.source import padded_length
from jfnn.core.store.files import digest
from jfnn.identity.traces import shapes_of
from jfnn.learners import column_form
from jfnn.learners.functions import functions_of

__all__ = [
    "CallLength",
    "Cohort",
    "Layout",
    "Replicates",
    "RunState",
    "Trainer",
    "column_form",
    "devices",
    "digest",
    "functions_of",
    "interrupts",
    "layouts",
    "loop",
    "padded_length",
    "shapes_of",
    "spread",
]
__dir__ = __all__.copy
