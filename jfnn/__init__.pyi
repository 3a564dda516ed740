"""What ``import jfnn`` gives; each name comes with its first use, and what it needs is imported then."""

from . import (
    activations,
    analysis,
    backprop,
    boltzmann,
    datasets,
    estimators,
    extend,
    layers,
    learners,
    losses,
    minibatches,
    network,
    penalties,
    plots,
    report,
    schedulers,
    subsets,
    training,
)
from .activations import Activation
from .adapters import from_equinox, from_flax
from .analysis.statistics import CellStatistics, cell_statistics
from .architectures import cnn, rnn
from .arguments.checks import ArgumentError
from .boltzmann import boltzmann_machine
from .core.engine.cohort import Progress
from .core.experiment.axes import Sample
from .core.experiment.networks import Networks
from .core.experiment.options import Options
from .core.experiment.refit import Refit, Simplest
from .core.experiment.settings import Execution, Validation
from .core.search.outcomes import LostMembersError
from .core.search.result import Best, SweepResult
from .core.search.sweep import sweep
from .core.search.train import train
from .core.store.files import CorruptFileError
from .distributed.workers import Workers
from .layers import (
    GRU,
    LSTM,
    Constant,
    Conv,
    Dense,
    Elman,
    Embedding,
    Flatten,
    Frozen,
    Layer,
    LayerKind,
    LayerNorm,
    MaxPool,
    MeanPool,
    Residual,
    Scaled,
)
from .learners import Batch, Learner, Metric, learner, supervised
from .learners.gradient_check import check_gradients
from .learners.pruning import pruned
from .loading import load
from .losses import Loss
from .minibatches import Minibatches
from .network import Network, mlp, sequential
from .numerics.machine import use_all_cores
from .optimizers import Optimizer
from .own_code import BackpropCheck, check_backprop
from .params import State
from .playground import write_playground
from .prediction import accuracy, predict, predict_proba
from .racing.front import race
from .racing.result import RaceResult
from .schedulers import Converged, EarlyStopping, Halving, Hyperband, Scheduler
from .split import Split
from .studies.coordinates import CoordinateCheck, coordinate_check
from .studies.hypergradient import Hypergradient, hypergradient
from .studies.lyapunov import Lyapunov, lyapunov
from .studies.maximal_update import maximal_update
from .training import objective

__version__: str

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "ArgumentError",
    "BackpropCheck",
    "Batch",
    "Best",
    "CellStatistics",
    "Constant",
    "Conv",
    "Converged",
    "CoordinateCheck",
    "CorruptFileError",
    "Dense",
    "EarlyStopping",
    "Elman",
    "Embedding",
    "Execution",
    "Flatten",
    "Frozen",
    "Halving",
    "Hyperband",
    "Hypergradient",
    "Layer",
    "LayerKind",
    "LayerNorm",
    "Learner",
    "Loss",
    "LostMembersError",
    "Lyapunov",
    "MaxPool",
    "MeanPool",
    "Metric",
    "Minibatches",
    "Network",
    "Networks",
    "Optimizer",
    "Options",
    "Progress",
    "RaceResult",
    "Refit",
    "Residual",
    "Sample",
    "Scaled",
    "Scheduler",
    "Simplest",
    "Split",
    "State",
    "SweepResult",
    "Validation",
    "Workers",
    "__version__",
    "accuracy",
    "activations",
    "analysis",
    "backprop",
    "boltzmann",
    "boltzmann_machine",
    "cell_statistics",
    "check_backprop",
    "check_gradients",
    "cnn",
    "coordinate_check",
    "datasets",
    "estimators",
    "extend",
    "from_equinox",
    "from_flax",
    "hypergradient",
    "layers",
    "learner",
    "learners",
    "load",
    "losses",
    "lyapunov",
    "maximal_update",
    "minibatches",
    "mlp",
    "network",
    "objective",
    "penalties",
    "plots",
    "predict",
    "predict_proba",
    "pruned",
    "race",
    "report",
    "rnn",
    "schedulers",
    "sequential",
    "subsets",
    "supervised",
    "sweep",
    "train",
    "training",
    "use_all_cores",
    "write_playground",
]
