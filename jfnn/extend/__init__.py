"""What studies, statistics and learners of your own may use of the inside of a sweep, as those of jfnn do.

A satellite of jfnn is made of the package's public names, of checks in ``jfnn.arguments`` and arithmetic in
``jfnn.numerics``, and of the names of this package; it imports nothing else. What is listed here stays as
public names do. ``jfnn.extend`` itself is for those who compute with members: how they are compiled, traced,
stepped and addressed. ``jfnn.extend.runs`` is for the files of runs, ``jfnn.extend.executors`` for those who
train tiles elsewhere, ``jfnn.extend.fits`` for those who train without a sweep's options,
``jfnn.extend.rows`` for subsets.
"""

from jfnn.core.engine.stepper import Seen, Stepper, make_experiment, make_stepper, observe_steps, step_numbers
from jfnn.core.experiment.axes import as_index, check_range
from jfnn.core.experiment.experiment import PARTS, Experiment
from jfnn.core.search.keywords import make_options
from jfnn.identity.traces import Trace
from jfnn.layers.initializers import FAN_IN
from jfnn.layers.scaled import scaled
from jfnn.layers.sequence import shapes
from jfnn.learners.functions import scoring
from jfnn.learners.metrics import OF_LABELS
from jfnn.network import as_inputs, check_output
from jfnn.numerics.compiling import compiled
from jfnn.params import has_constants, is_constant, key_shape
from jfnn.penalties import as_penalty
from jfnn.targets import as_targets

__all__ = [
    "FAN_IN",
    "OF_LABELS",
    "PARTS",
    "Experiment",
    "Seen",
    "Stepper",
    "Trace",
    "as_index",
    "as_inputs",
    "as_penalty",
    "as_targets",
    "check_output",
    "check_range",
    "compiled",
    "has_constants",
    "is_constant",
    "key_shape",
    "make_experiment",
    "make_options",
    "make_stepper",
    "observe_steps",
    "scaled",
    "scoring",
    "shapes",
    "step_numbers",
]
__dir__ = __all__.copy
