"""Train a whole grid of small neural networks in one compiled program, every gradient checked by hand."""

import importlib

from jfnn import activations, backprop, datasets, losses, minibatches, network, training
from jfnn.analysis.statistics import CellStatistics, cell_statistics
from jfnn.datasets import Split
from jfnn.engine.devices import use_all_cores
from jfnn.network import Layer, Network, accuracy, mlp, predict, predict_proba
from jfnn.schedulers.judges import Halving
from jfnn.search.groups import Group, SweepGroups, load_groups, sweep_groups
from jfnn.search.result import Best, SweepResult, load
from jfnn.search.sweep import sweep
from jfnn.search.train import History, train
from jfnn.training import objective

__all__ = [
    "Best",
    "CellStatistics",
    "Group",
    "Halving",
    "History",
    "Layer",
    "Network",
    "Split",
    "SweepGroups",
    "SweepResult",
    "accuracy",
    "activations",
    "backprop",
    "cell_statistics",
    "datasets",
    "load",
    "load_groups",
    "losses",
    "minibatches",
    "mlp",
    "network",
    "objective",
    "plots",
    "predict",
    "predict_proba",
    "sweep",
    "sweep_groups",
    "train",
    "training",
    "use_all_cores",
]


def __getattr__(name):
    # Plots need matplotlib, which takes longer to import than all the rest; it comes when asked for.
    if name == "plots":
        return importlib.import_module("jfnn.plots")
    raise AttributeError(f"module 'jfnn' has no attribute {name!r}")
