"""What studies, executors, subsets and files of your own may use of the inside of a sweep.

What is listed here stays as public names do.

* Steps: `make_options` and `make_experiment` turn the keywords of a sweep into members, `observe_steps` calls
  a function at every step of each, and a `Stepper` is for loops of your own.
* Members without a sweep's options: a `Cohort` is all that the engine reads of them, the `functions_of` a
  learner, its rows and `Replicates`. `layout_for` says how many train side by side, a `Trainer` puts them on
  devices, and `run_to_end` trains them from their `first_state`.
* Tiles trained elsewhere: an `Executor` of a `Remote` gives each `Segment` of a `Task` to a `Worker`. What
  this returns depends on nothing but the segment, some epochs of some members, and the task.
* `Subsets` of rows of your own, as `Pairs` that are made when a sweep asks for them.
* Files that are written whole or not at all.
"""

from jfnn.core.engine.cohort import PARTS, Cohort, Replicates
from jfnn.core.engine.executors import Executor
from jfnn.core.engine.layouts import layout_for
from jfnn.core.engine.loop import first_state, run_to_end
from jfnn.core.engine.segment import Segment, SegmentResult, Task, Worker
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.axes import as_index
from jfnn.core.experiment.remote import ExecutorError, Remote
from jfnn.core.experiment.stepper import Seen, Stepper, make_experiment, make_stepper, observe_steps
from jfnn.core.experiment.subsets import Pairs, Subsets
from jfnn.core.experiment.tracing import functions_of
from jfnn.core.search.keywords import make_options
from jfnn.core.search.run_directory import as_output_file, write_table
from jfnn.core.store.files import atomic_file
from jfnn.core.store.identity import Description
from jfnn.layers.sequence import shapes
from jfnn.params import has_constants

__all__ = [
    "PARTS",
    "Cohort",
    "Description",
    "Executor",
    "ExecutorError",
    "Pairs",
    "Remote",
    "Replicates",
    "Seen",
    "Segment",
    "SegmentResult",
    "Stepper",
    "Subsets",
    "Task",
    "Trainer",
    "Worker",
    "as_index",
    "as_output_file",
    "atomic_file",
    "first_state",
    "functions_of",
    "has_constants",
    "layout_for",
    "make_experiment",
    "make_options",
    "make_stepper",
    "observe_steps",
    "run_to_end",
    "shapes",
    "write_table",
]
__dir__ = __all__.copy
