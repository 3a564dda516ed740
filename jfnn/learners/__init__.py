"""Learners: networks with targets, losses of your own, or any pure functions of one member."""

from jfnn.learners.data import Batch, Data
from jfnn.learners.learner import Learner, Metric
from jfnn.learners.metrics import METRICS, output_metric
from jfnn.learners.own_loss import OwnLoss, learner
from jfnn.learners.supervised import Supervised, supervised
from jfnn.training import State

__all__ = [
    "METRICS",
    "Batch",
    "Data",
    "Learner",
    "Metric",
    "OwnLoss",
    "State",
    "Supervised",
    "learner",
    "output_metric",
    "supervised",
]
