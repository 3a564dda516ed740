"""Public functions with valid arguments: name -> (function, arguments)."""

import types

import jax
import numpy as np
from helpers import make_result

import jfnn
from jfnn import analysis, boltzmann, estimators, plots
from jfnn.datasets import ising, onsager
from jfnn.estimators.ensemble import select
from jfnn.experiment.options import Options
from jfnn.search.sweep import prepare
from jfnn.widths.coordinates import CoordinateCheck

NET = jfnn.mlp((2, 3, 2), init="he_normal")
X = np.random.default_rng(0).normal(size=(8, 2))
Y = np.arange(8) % 2
SPLIT = jfnn.Split(X, Y, X, Y)
PARAMS = NET.init(jax.random.key(0))
KEY = jax.random.key(0)
MACHINE = boltzmann.init(KEY, (4, 3))
V, H = np.zeros((5, 4)), np.zeros((5, 3))
RESULT = make_result((2, 2), history=2)
SPINS = np.ones((2, 4, 4), np.int8)
REQUIRED = {"learning_rate": 0.1, "epochs": 1, "batch_size": 4}
MEMBERS = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (2, 2, 2, *leaf.shape)), PARAMS)
KEPT = RESULT.keeping(MEMBERS)
ENSEMBLE = estimators.Ensemble(
    NET,
    jfnn.losses.get("cross_entropy"),
    jax.tree.map(lambda leaf: leaf[None], PARAMS),
    np.ones(1),
    None,
    0,
    0,
)
CHECK = CoordinateCheck(np.array([2, 4]), ("standard",), np.ones((1, 2, 1, 2)), np.ones((1, 2, 1, 3, 2)))


def network(width):
    """A network for each width."""
    return jfnn.mlp((2, width, 2), "relu", init="he_normal")


class Study:
    """What asks for and takes trials."""

    direction = types.SimpleNamespace(name="MAXIMIZE")

    def ask(self):
        """A trial."""
        return None

    def tell(self, trial, values=None, state=None):
        """Takes nothing."""
        raise AssertionError("trained")


def nothing(now):
    """Refuses to see progress: nothing is to be trained."""
    raise AssertionError("trained")


UNTRAINED = {"execution": jfnn.Execution(progress=nothing, keep_params="none")}
MACHINES = {
    "all_states": (boltzmann.all_states, {"n": 3}),
    "init": (boltzmann.init, {"key": KEY, "sizes": (4, 3), "scale": 0.01}),
    "annealed_log_z": (
        boltzmann.annealed_log_z,
        {"machine": MACHINE, "key": KEY, "n": 2, "temperatures": 2},
    ),
    "sample": (boltzmann.sample, {"machine": MACHINE, "key": KEY, "n": 2, "sweeps": 2}),
    "mean_field": (boltzmann.mean_field, {"machine": MACHINE, "v": V, "sweeps": 2}),
    "reconstruction_error": (boltzmann.reconstruction_error, {"machine": MACHINE, "v": V, "sweeps": 2}),
    "energy": (
        lambda machine, states: boltzmann.energy(machine, states, H),
        {"machine": MACHINE, "states": V},
    ),
    "gibbs_step": (
        boltzmann.gibbs_step,
        {"machine": MACHINE, "v": V, "uniform_h": H, "uniform_v": V},
    ),
    "visible_means": (boltzmann.visible_means, {"machine": MACHINE, "h": H}),
    "log_z": (boltzmann.log_z, {"machine": MACHINE}),
    "entropy": (boltzmann.entropy, {"v": V}),
    **{
        name: (getattr(boltzmann, name), {"machine": MACHINE, "v": V})
        for name in ("free_energy", "gradient", "hidden_means", "kl_divergence", "log_likelihood")
    },
    "pseudo_log_likelihood": (boltzmann.pseudo_log_likelihood, {"machine": MACHINE, "v": V}),
}
FIGURES = {
    "coordinate_curves": (plots.coordinate_curves, {"check": CHECK}),
    "decision_regions": (
        plots.decision_regions,
        {"predict_function": lambda x: np.zeros(len(x), int), "x": X, "labels": Y, "resolution": 3},
    ),
    "heat_map of a slice": (plots.heat_map, {"result": RESULT, "at": {}}),
    "images": (plots.images, {"x": np.ones((8, 4)), "labels": Y, "predicted": Y}),
    "interval_curves": (
        plots.interval_curves,
        {"result": RESULT, "score": "test_loss", "cells": [(0, 0)], "interval": "mean", "missing": "nan"},
    ),
    "loss_curves of cells": (plots.loss_curves, {"run": RESULT, "cells": [(0, 0)]}),
    "transfer_curves": (plots.transfer_curves, {"transfer": None}),
    "weights_as_images": (plots.weights_as_images, {"w": np.ones((4, 2))}),
}
STATISTICS = {
    "compare_cells": (
        analysis.compare_cells,
        {"result": RESULT, "score": "test_loss", "reference": (0, 0), "test": "t", "confidence": 0.9},
    ),
    **{
        name: (
            getattr(analysis, name),
            {"result": RESULT, "score": "test_loss", "interval": "mean", "missing": "nan"},
        )
        for name in ("curve_statistics", "cell_statistics")
    },
    "Interval": (
        analysis.Interval,
        {"statistic": "iqm", "method": "bootstrap", "confidence": 0.9, "resamples": 10, "seed": 0},
    ),
    "holm": (analysis.holm, {"p": [0.1, 0.2]}),
    "interval": (
        analysis.interval,
        {"values": [0.1, 0.2, 0.3, 0.4, 0.5], "interval": "mean", "variance": None},
    ),
    "score_matrices": (
        analysis.score_matrices,
        {"results": [RESULT], "score": "test_loss", "missing": "nan"},
    ),
    "seeds_needed": (analysis.seeds_needed, {"std": 1.0, "width": 1.0, "confidence": 0.9}),
    "tidy": (analysis.tidy, {"result": RESULT}),
    "write_tidy": (analysis.write_tidy, {"result": None, "path": "tidy.csv"}),
    "cell_scores": (RESULT.cell_scores, {"name": "test_loss"}),
    "higher_is_better": (RESULT.higher_is_better, {"name": "test_loss"}),
    "axes_at": (RESULT.axes_at, {"index": (0, 0)}),
    "member": (lambda member: KEPT.member(member, 0, 0), {"member": 0}),
}
LATTICES = {
    "onsager.energy": (onsager.energy, {"temperature": 2.0}),
    "onsager.torus_energy": (onsager.torus_energy, {"length": 4, "temperature": 2.0}),
    "onsager.magnetisation": (onsager.magnetisation, {"temperature": 2.0}),
    "ising.energy": (ising.energy, {"spins": SPINS}),
    "ising.magnetisation": (ising.magnetisation, {"spins": SPINS}),
    "ising.inputs": (ising.inputs, {"spins": SPINS, "image": False}),
    "configurations of chains": (
        ising.configurations,
        {"length": 4, "temperature": 2.0, "n": 2, "seed": 0, "burn_in": 1, "apart": 1},
    ),
    "extreme_temperatures": (
        ising.extreme_temperatures,
        {"length": 4, "n": 4, "n_test": 0, "seed": 0, "image": False, "cancelling": False},
    ),
}
DOORS = {
    "train": (
        lambda **options: jfnn.train(
            NET, **REQUIRED | {"execution": jfnn.Execution(progress=nothing)} | options
        ),
        {"x": X, "y": Y, "seed": 0, "fold": 0, "test": (X, Y), "weights": np.ones(8)},
    ),
    "sweep_groups": (
        lambda **options: jfnn.sweep_groups(
            split=SPLIT, **{"learning_rate": 0.1, "epochs": 1} | UNTRAINED | options
        ),
        {"networks": {"a": NET}, "batch_sizes": [4]},
    ),
    "ask_tell": (
        lambda **options: jfnn.ask_tell(**REQUIRED | {"epochs": 1} | options),
        {"study": Study(), "suggest": lambda trial: {"l2": 0.1}, "network": NET, "split": SPLIT}
        | {"trials": 2, "at_once": 1},
    ),
    "transfer": (
        lambda **options: jfnn.transfer(**REQUIRED | UNTRAINED | options),
        {"network": network, "split": SPLIT, "width": [2, 4], "parametrisations": ["standard"]}
        | {"base": 2, "output_multiplier": 1.0},
    ),
    "coordinate_check": (
        jfnn.coordinate_check,
        {"network": network, "split": SPLIT, "width": [2, 4], "learning_rate": 0.1, "steps": 1, "seeds": 1}
        | {"parametrisations": ["standard", "maximal_update"], "base": 2, "output_multiplier": 1.0}
        | {"loss": "cross_entropy", "reduction": "sum", "optimizer": "sgd", "batch_size": 4, "rows": 2},
    ),
    "hypergradient": (
        lambda **options: jfnn.hypergradient(**REQUIRED | options),
        {"network": NET, "split": SPLIT, "seed": 0, "with_respect_to": ["l2"], "multipliers": [1.0]}
        | {"part": "train", "mode": "forward", "learning_rate": 0.1, "epochs": 1},
    ),
    "lyapunov": (
        lambda **options: jfnn.lyapunov(**REQUIRED | options),
        {"network": NET, "split": SPLIT, "seeds": 1, "method": "tangent"},
    ),
    "maximal_update": (
        jfnn.maximal_update,
        {"network": NET, "base": NET, "optimizer": "adam", "output_multiplier": 1.0},
    ),
    "load_transfer": (jfnn.load_transfer, {"directory": "no/directory"}),
    "use_all_cores": (jfnn.use_all_cores, {"count": 2}),
    "Workers": (jfnn.Workers, {"executor": lambda: None, "tries": 3, "in_flight": 64}),
    "Scaled": (jfnn.Scaled, {"layer": jfnn.Dense(2), "start": 1.0, "rate": 1.0, "bias_rate": 1.0}),
    "Sample, drawn": (
        lambda seed: prepared(learning_rate=[0.1, 1], sample=jfnn.Sample(2, seed)),
        {"seed": 0},
    ),
    "output_metric": (
        jfnn.learners.output_metric,
        {"name": "f1", "function": lambda t, a: 0.0, "higher_is_better": True},
    ),
}
ESTIMATORS = {
    "Ensemble.of_sweep": (
        estimators.Ensemble.of_sweep,
        {"network": NET, "result": KEPT, "x": X, "y": Y, "loss": "cross_entropy", "metric": "accuracy"}
        | {"rounds": 2},
    ),
    "Ensemble.predict": (ENSEMBLE.predict, {"x": X}),
    "select": (
        select,
        {"predictions": np.ones((2, 8, 2)), "targets": np.eye(2)[Y], "metric": "accuracy", "rounds": 2},
    ),
    "MLPClassifier": (
        lambda **parameters: estimators.MLPClassifier(**parameters)._fit(X, Y, None),
        {
            name: value
            for name, value in estimators.MLPClassifier(max_iter=1).get_params().items()
            if name != "class_weight"
        },
    ),
    "MLPRegressor": (
        lambda **parameters: estimators.MLPRegressor(**parameters).fit(X, X[:, 0]),
        {"loss": "squared_error"},
    ),
    "BernoulliRBM": (
        lambda **parameters: estimators.BernoulliRBM(**parameters).fit(V),
        {"n_components": 3, "learning_rate": 0.1, "batch_size": 2, "n_iter": 1, "verbose": 0}
        | {"random_state": 0},
    ),
}


def prepared(**options):
    """All that a sweep does before it trains."""
    return prepare(Options(**{"network": NET, "split": SPLIT} | REQUIRED | options))


NETWORKS_AND_DATA = {
    "mlp": (jfnn.mlp, {"sizes": (2, 3, 2), "activation": "tanh", "output": "identity", "init": "normal"}),
    "predict": (jfnn.predict, {"network": NET, "params": PARAMS, "x": X, "task": "classification"}),
    "accuracy": (jfnn.accuracy, {"network": NET, "params": PARAMS, "x": X, "labels": Y}),
    "split": (jfnn.datasets.split, {"x": X, "y": Y, "test_size": 0.25, "random_state": 0}),
    "Dense": (jfnn.Dense, {"units": 3, "activation": "tanh", "initializer": "normal"}),
    "EarlyStopping": (jfnn.EarlyStopping, {"patience": 3}),
    "load": (jfnn.load, {"directory": "run"}),
    "scatter": (plots.scatter, {"result": None}),
    "Conv": (jfnn.Conv, {"channels": 3, "kernel": 3, "stride": 1, "padding": 0, "activation": "relu"}),
    "Elman": (jfnn.Elman, {"units": 3, "activation": "tanh", "bidirectional": False, "states": "last"}),
    "GRU": (jfnn.GRU, {"units": 3, "bidirectional": False, "states": "last", "initializer": "normal"}),
    "MeanPool": (jfnn.MeanPool, {"size": 2, "stride": 2, "padding": 0}),
    "Residual": (jfnn.Residual, {"layers": [jfnn.Dense(2)]}),
    "sequential": (jfnn.sequential, {"layers": [jfnn.Dense(2)], "inputs": 2}),
    "cnn": (
        jfnn.cnn,
        {"inputs": (1, 8, 8), "channels": (2,), "outputs": 3, "kernel": 3, "stride": 1, "padding": 0}
        | {"hidden": (3,), "activation": "relu", "output": "identity", "init": "normal", "pool": 2},
    ),
    "optimizer's arguments": (
        lambda **arguments: prepared(optimizer=jfnn.Optimizer("sgd", **arguments)),
        {"momentum": 0.9, "nesterov": True},
    ),
    "rnn": (
        jfnn.rnn,
        {"inputs": (5, 1), "units": 2, "outputs": 3, "kind": "gru", "bidirectional": False, "states": "last"}
        | {"hidden": (3,), "activation": "tanh", "output": "identity", "init": "normal"},
    ),
    "boltzmann_machine": (
        jfnn.boltzmann_machine,
        {"sizes": (4, 2), "gradient": "contrastive", "k": 1, "chains": 5, "sweeps": 3, "scale": 0.1}
        | {"metrics": (), "hyper": ()},
    ),
    "supervised": (
        jfnn.supervised,
        {"network": NET, "loss": "cross_entropy", "reduction": "sum", "optimizer": "sgd"}
        | {"gradient": "autodiff", "hyper": (), "metrics": None},
    ),
    "learner": (
        jfnn.learner,
        {"init": NET.init, "loss": len, "optimizer": "sgd", "hyper": (), "random": False, "score": None}
        | {"metrics": ()},
    ),
    "objective": (
        jfnn.objective,
        {
            "network": NET,
            "params": PARAMS,
            "x": X,
            "y": Y,
            "l2": 0.1,
            "loss": "cross_entropy",
            "reduction": "sum",
        }
        | {"weights": None, "dropout": 0.0, "key": None},
    ),
    "backprop": (
        jfnn.backprop.value_and_grad,
        {"params": PARAMS, "x": X, "y": Y, "activation": "sigmoid", "loss": "cross_entropy", "l2": 0.1}
        | {"reduction": "sum", "weights": None, "dropout": 0.0, "key": None},
    ),
    "predict_proba": (
        jfnn.predict_proba,
        {"network": NET, "params": PARAMS, "x": X, "loss": "cross_entropy"},
    ),
    "one_hot": (jfnn.datasets.one_hot, {"labels": Y, "n_classes": 2}),
    "mnist1d": (jfnn.datasets.mnist1d, {"shuffled": False}),
    "digits": (jfnn.datasets.digits, {"test_size": 0.2, "random_state": 0}),
    "split_table": (
        jfnn.datasets.split_table,
        {"table": jfnn.datasets.Table(X, Y, (), None), "test_size": 0.25, "random_state": 0},
    ),
    "standardise": (jfnn.datasets.standardise, {"split": SPLIT}),
    "scalers": (jfnn.datasets.scalers, {"split": SPLIT}),
    "read_csv": (jfnn.datasets.read_csv, {"path": __file__, "target": "y", "task": None}),
    "read_npz": (jfnn.datasets.read_npz, {"path": "no.npz"}),
    "configurations": (
        ising.configurations,
        {"length": 4, "temperature": 2.0, "n": 4, "chains": 2, "update": "all"},
    ),
    "PopulationTraining": (jfnn.PopulationTraining, {"every": 2, "share": 0.25, "factor": 1.25, "seed": 0}),
    "Halving": (jfnn.Halving, {"factor": 3, "min_epochs": None}),
    "Optimizer": (jfnn.Optimizer, {"name": "sgd", "schedule": "cosine", "schedule_epochs": 2}),
    "load_groups": (jfnn.load_groups, {"directory": "run"}),
    "loss": (jfnn.losses.get, {"loss": "quadratic"}),
    "Minibatches": (
        lambda **fields: prepared(batch_size=jfnn.Minibatches(**fields)),
        {"batch_size": 4, "scheme": "permutation", "drop_last": True},
    ),
    "Execution": (
        lambda **fields: prepared(execution=jfnn.Execution(**fields)),
        {"devices": 1, "tile": 2, "eval_every": 1, "keep_params": "all", "progress": None},
    ),
    "Validation": (
        lambda **fields: prepared(validation=jfnn.Validation(**fields)),
        {"size": 0.25, "rank_by": None},
    ),
    "Sample": (
        lambda **fields: prepared(sample=jfnn.Sample(**fields), learning_rate=[0.1, 0.2]),
        {"cells": 2},
    ),
    "Split": (
        lambda **fields: prepared(split=jfnn.Split(**fields)),
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "weights": np.ones(8)},
    ),
}
CALLS = NETWORKS_AND_DATA | MACHINES | FIGURES | STATISTICS | LATTICES | DOORS | ESTIMATORS
