"""What is trained: networks with targets, losses of your own, or any pure functions of one member."""

from jfnn.learners.boltzmann import BoltzmannLearner
from jfnn.learners.data import Batch, Data
from jfnn.learners.learner import Learner, Metric
from jfnn.learners.machines import boltzmann_machine
from jfnn.learners.metrics import METRICS, output_metric
from jfnn.learners.own_loss import OwnLoss, learner
from jfnn.learners.supervised import Supervised, supervised
from jfnn.training import State

__all__ = [
    "METRICS",
    "Batch",
    "BoltzmannLearner",
    "Data",
    "Learner",
    "Metric",
    "OwnLoss",
    "State",
    "Supervised",
    "boltzmann_machine",
    "learner",
    "output_metric",
    "supervised",
]
