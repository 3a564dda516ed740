"""Train a whole grid of small neural networks in one compiled program, every gradient checked by hand."""

import importlib
from typing import Any

from jfnn import (
    activations,
    analysis,
    backprop,
    boltzmann,
    datasets,
    layers,
    learners,
    losses,
    minibatches,
    network,
    training,
)
from jfnn.activations import Activation
from jfnn.analysis.coordinates import CoordinateCheck, coordinate_check
from jfnn.analysis.statistics import CellStatistics, cell_statistics
from jfnn.analysis.widths import Transfer, load_transfer, transfer
from jfnn.architectures import cnn, maximal_update, rnn
from jfnn.datasets import Split
from jfnn.engine.devices import use_all_cores
from jfnn.experiment.options import Execution, Options, Progress, Sample, Validation
from jfnn.layers import (
    GRU,
    Conv,
    Dense,
    Elman,
    Flatten,
    Layer,
    LayerKind,
    MaxPool,
    MeanPool,
    Residual,
    Scaled,
)
from jfnn.learners import Batch, Learner, Metric, State, boltzmann_machine, learner, supervised
from jfnn.losses import Loss
from jfnn.minibatches import Minibatches
from jfnn.network import Network, mlp, sequential
from jfnn.optimizers import Optimizer
from jfnn.prediction import accuracy, predict, predict_proba
from jfnn.schedulers import EarlyStopping, Halving, PopulationTraining, Scheduler
from jfnn.search.ask_tell import ask_tell
from jfnn.search.best import Best
from jfnn.search.groups import Group, SweepGroups, load_groups, sweep_groups
from jfnn.search.lost import LostMembersError
from jfnn.search.result import SweepResult, load
from jfnn.search.sweep import sweep
from jfnn.search.train import History, train
from jfnn.store.files import CorruptFileError
from jfnn.training import objective
from jfnn.trajectories.hypergradient import Hypergradient, hypergradient
from jfnn.workers import Workers

__version__ = "0.3.0"

__all__ = [
    "GRU",
    "Activation",
    "Batch",
    "Best",
    "CellStatistics",
    "Conv",
    "CoordinateCheck",
    "CorruptFileError",
    "Dense",
    "EarlyStopping",
    "Elman",
    "Ensemble",
    "Execution",
    "Flatten",
    "Group",
    "Halving",
    "History",
    "Hypergradient",
    "Layer",
    "LayerKind",
    "Learner",
    "Loss",
    "LostMembersError",
    "MaxPool",
    "MeanPool",
    "Metric",
    "Minibatches",
    "Network",
    "Optimizer",
    "Options",
    "PopulationTraining",
    "Progress",
    "Residual",
    "Sample",
    "Scaled",
    "Scheduler",
    "Split",
    "State",
    "SweepGroups",
    "SweepResult",
    "Transfer",
    "Validation",
    "Workers",
    "__version__",
    "accuracy",
    "activations",
    "analysis",
    "ask_tell",
    "backprop",
    "boltzmann",
    "boltzmann_machine",
    "cell_statistics",
    "cnn",
    "coordinate_check",
    "datasets",
    "estimators",
    "hypergradient",
    "layers",
    "learner",
    "learners",
    "load",
    "load_groups",
    "load_transfer",
    "losses",
    "maximal_update",
    "minibatches",
    "mlp",
    "network",
    "objective",
    "plots",
    "predict",
    "predict_proba",
    "rnn",
    "sequential",
    "supervised",
    "sweep",
    "sweep_groups",
    "train",
    "training",
    "transfer",
    "use_all_cores",
]


def __getattr__(name: str) -> Any:
    # Plots need matplotlib, estimators scikit-learn, which take longer to import than all the rest; they come
    # with their first use.
    if name in ("estimators", "plots"):
        return importlib.import_module(f"jfnn.{name}")
    if name == "Ensemble":
        return importlib.import_module("jfnn.estimators").Ensemble
    raise AttributeError(f"module 'jfnn' has no attribute {name!r}")
