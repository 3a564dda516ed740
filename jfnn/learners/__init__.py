"""Learners: networks with targets, losses of your own, or any pure functions of one member."""

from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.descent import DescentLearner, descent_fields
from jfnn.learners.learner import Learner, Metric
from jfnn.learners.metrics import METRICS, output_metric
from jfnn.learners.own_loss import OwnLoss, learner
from jfnn.learners.supervised import Supervised, supervised
from jfnn.optimizers import State

__all__ = [
    "METRICS",
    "Batch",
    "Data",
    "DescentLearner",
    "Hyper",
    "Learner",
    "Metric",
    "OwnLoss",
    "Rows",
    "State",
    "Supervised",
    "descent_fields",
    "learner",
    "output_metric",
    "supervised",
]
