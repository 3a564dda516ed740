"""The parts of a sweep that your own studies, executors, subsets and files may use.

These names are as stable as the public ones.

* Steps: `make_options` and `make_experiment` turn the keywords of a sweep into members, `observe_steps` calls
  a function at every step of each member, and a `Stepper` serves your own loops.
* Members without a sweep's options: a `Cohort` contains everything that the engine needs: the `functions_of`
  a learner, the rows and `Replicates`. `layout_for` determines how many members train side by side, a
  `Trainer` puts them on devices, and `run_to_end` trains them from their `first_state`.
* Tiles trained elsewhere: a `Remote` makes an `Executor`, which gives each `Segment` (some epochs of some
  members) of a `Task` to a `Worker`. The worker's result depends only on the segment and the task.
* Your own `Subsets` of rows, as `Pairs` that are made on demand.
* Files that are written completely or not at all.
"""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
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
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
