"""For those who train members of their own, without a sweep's options: what the engine reads, and its loop.

A ``Cohort`` is all that the engine reads of members: ``functions_of`` a learner, rows, ``Replicates`` and
numbers. ``layout_for`` says how many train side by side, a ``Trainer`` puts them on devices, and
``run_to_end`` trains them from their ``first_state``.
"""

from jfnn.core.engine.devices import as_devices
from jfnn.core.engine.interrupts import deferred_interrupts
from jfnn.core.engine.layouts import bytes_of_member, layout_for
from jfnn.core.engine.loop import first_state, run_to_end
from jfnn.core.engine.plan import CallLength, Layout
from jfnn.core.engine.state import RunState
from jfnn.core.engine.threads import spread
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.experiment import Cohort, Replicates
from jfnn.core.steps.source import padded_length
from jfnn.core.store.files import digest
from jfnn.identity.traces import shapes_of
from jfnn.learners.column_form import gradient_by_hand
from jfnn.learners.functions import functions_of

__all__ = [
    "CallLength",
    "Cohort",
    "Layout",
    "Replicates",
    "RunState",
    "Trainer",
    "as_devices",
    "bytes_of_member",
    "deferred_interrupts",
    "digest",
    "first_state",
    "functions_of",
    "gradient_by_hand",
    "layout_for",
    "padded_length",
    "run_to_end",
    "shapes_of",
    "spread",
]
__dir__ = __all__.copy
