"""For those who train the tiles of a sweep elsewhere: what a `Remote` is, and what its executor is given.

`Segment` is a pure function of bytes: some members, some epochs. A `Worker` holds a `Task`, which all
segments of a run share, on one device, and runs them. `jfnn.Workers` is a `Remote` for any executor of
`concurrent.futures`.
"""

from jfnn.core.engine import interrupts
from jfnn.core.engine.devices import check_process
from jfnn.core.engine.executors import Collect, Executor, Failures, MakeSegment
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.segment import Segment, SegmentResult, Task, Worker
from jfnn.core.experiment.progress import Listener, ProgressBar
from jfnn.core.experiment.remote import ExecutorError, Remote
from jfnn.core.store import environment, scratch
from jfnn.core.store.identity import Description, differing

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
    "differing",
    "environment",
    "interrupts",
    "scratch",
]
__dir__ = __all__.copy
