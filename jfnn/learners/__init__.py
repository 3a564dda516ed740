"""Learners: networks with targets, custom losses, or any pure functions of one member."""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.learners.custom_loss import CustomLoss, learner
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.descent import DescentLearner, descent_fields
from jfnn.learners.learner import Learner, Metric
from jfnn.learners.metrics import METRICS, output_metric
from jfnn.learners.supervised import Supervised, supervised
from jfnn.params import State

__all__ = [
    "METRICS",
    "Batch",
    "CustomLoss",
    "Data",
    "DescentLearner",
    "Hyper",
    "Learner",
    "Metric",
    "Rows",
    "State",
    "Supervised",
    "descent_fields",
    "learner",
    "output_metric",
    "supervised",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
