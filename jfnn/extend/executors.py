"""For those who train the tiles of a sweep elsewhere: what a `Remote` is, and what its executor is given.

`Segment` is a pure function of bytes: some members, some epochs. A `Worker` holds a `Task`, which all
segments of a run share, on one device, and runs them. `jfnn.Workers` is a `Remote` for any executor of
`concurrent.futures`.
"""

from jfnn.core.engine.devices import check_process
from jfnn.core.engine.executors import Collect, Executor, Failures, MakeSegment
from jfnn.core.engine.interrupts import interrupt_is_pending, raise_interrupt
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.segment import Segment, SegmentResult, Task, Worker
from jfnn.core.experiment.progress import Listener, ProgressBar
from jfnn.core.experiment.remote import ExecutorError, Remote
from jfnn.core.store.environment import device_kind, device_kind_in, environment_of_kind
from jfnn.core.store.identity import Description, differing
from jfnn.core.store.scratch import write_scratch

__all__ = [
    "CallLength",
    "Collect",
    "Description",
    "Executor",
    "ExecutorError",
    "Failures",
    "Listener",
    "MakeSegment",
    "ProgressBar",
    "Remote",
    "Segment",
    "SegmentResult",
    "Task",
    "Worker",
    "check_process",
    "device_kind",
    "device_kind_in",
    "differing",
    "environment_of_kind",
    "interrupt_is_pending",
    "raise_interrupt",
    "write_scratch",
]
__dir__ = __all__.copy
