"""Arguments that conflict, or are invalid where they are used: the error names one and states a fact.

Each row is a call from `room_calls`, the changed arguments, the argument blamed, and the facts expected in
the message. Values that are invalid by themselves are drawn in test_bad_calls.py.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import make_result, make_sampled, make_single
from room_calls import KEY, MACHINE, NET, PARAMS, RESULT, H, V, X, Y, not_refused, prepared

import jfnn
from jfnn import analysis, boltzmann, datasets, losses, plots, report, subsets
from jfnn.analysis import Interval
from jfnn.layers import GRU, Conv, Dense, Embedding, Flatten, LayerNorm, MaxPool, MeanPool, Residual
from jfnn.optimizers import UpdateRule

pytestmark = pytest.mark.unoptimized

NAN = np.nan
EYE = np.eye(4)


def stacked(count):
    return jax.tree.map(lambda leaf: np.stack([leaf] * count), PARAMS)


RULE = jfnn.Simplest({"l2": "most"})
RECORD_ROWS = [
    (jfnn.Conv, {"kernel": (3, 3, 3)}, "kernel"),
    (jfnn.Conv, {"stride": (1, 2), "padding": "same"}, "padding"),
    (jfnn.MeanPool, {"size": (2, 2, 2)}, "size"),
    (jfnn.Embedding, {"vocabulary": 3, "padding": 3}, "padding"),
    (jfnn.Minibatches, {"scheme": "permutation", "steps": 3}, "steps", "a pass over the rows"),
    (jfnn.Execution, {"keep_params": "evaluations"}, "keep_params", "eval_every"),
    (jfnn.Execution, {"executor": jfnn.Workers(len), "devices": 2}, "devices"),
    (jfnn.Simplest, {"order": {}}, "order", "at least one name"),
    (jfnn.Simplest, {"order": {"l2": "least of all"}}, "order"),
    (jfnn.Refit, {"rule": RULE, "cells": 2}, "cells", "a rule, which chooses one"),
    (jfnn.Optimizer, {"name": max}, "optimizer"),
    (jfnn.Workers, {"executor": jfnn.Workers(len)}, "executor"),
    (jfnn.Optimizer, {"schedule": "constant", "schedule_epochs": 3}, "schedule_epochs", "constant"),
    (Interval, {"statistic": "median", "method": "skewed"}, "method", "for the mean"),
]


def networks(make=lambda **values: NET, **axes):
    """Return networks over some axes; by default every value gives the same network."""
    return jfnn.Networks(make, **axes)


AXES = [
    *((networks, axes, "axes") for axes in ({}, {"network": [1]}, {"a\nb": [1]})),
    *(
        (networks, {"width": values}, "width")
        for values in (5, [], [5, 5.0], [5, "a"], [NAN], [[1, 2]], ["a\tb"])
    ),
    *((networks, {"bias": values}, "bias") for values in ([True, False], {"no": False, 1: True})),
    *(
        (networks, {"make": make, "width": [5]}, "make", "width")
        for make in (lambda depth: NET, NET, lambda width: None)
    ),
]
COLUMN = {"network": jfnn.Network(lambda key: {}, lambda params, x: x[:, 0]), "params": {}}
LISTED = {"network": jfnn.Network(lambda key: {}, lambda params, x: [x, x]), "params": {}}
ONE_OUTPUT = {"network": jfnn.mlp((2, 1)), "params": jfnn.mlp((2, 1)).init(jax.random.key(0))}
SQUASHED = {"network": jfnn.mlp((2, 3, 2), output="sigmoid")}
PRUNED = jfnn.pruned(NET, every=2, rounds=1)
NETWORKS = [
    (jfnn.predict, {"task": "regression"}, "task"),
    (jfnn.predict, ONE_OUTPUT, "loss"),
    (jfnn.predict, SQUASHED, "loss"),
    *(
        (call, given, "network", "[n, n_out]")
        for call in (jfnn.predict, jfnn.objective)
        for given in (COLUMN, LISTED)
    ),
    (jfnn.sequential, {"layers": [Dense(3)], "inputs": (8, 8)}, "layers", "dense", "(8, 8)"),
    (jfnn.sequential, {"layers": [Dense(3), Flatten(), "dense"]}, "layers", "'dense'"),
    (jfnn.sequential, {"layers": [Conv(2, padding="causal")], "inputs": (1, 5, 5)}, "padding", "'causal'"),
    (jfnn.sequential, {"layers": [Conv(2, 2, dilation=5)], "inputs": (1, 5)}, "kernel", "(6,) is larger"),
    (jfnn.sequential, {"layers": [Conv(2)], "inputs": 5}, "layers", "(channels, length)", "(5,)"),
    (jfnn.sequential, {"layers": [Conv(2, (3, 3))], "inputs": (1, 5)}, "kernel", "one per axis", "(3, 3"),
    (jfnn.sequential, {"layers": [MaxPool(3)], "inputs": (1, 2)}, "size", "(3,) is larger"),
    (jfnn.sequential, {"layers": [MeanPool(2, padding=2)], "inputs": (1, 4)}, "padding", "less than"),
    (jfnn.sequential, {"layers": [Residual([Dense(4)])], "inputs": 3}, "layers", "(3,), got (4,)"),
    (jfnn.sequential, {"layers": [GRU(2)], "inputs": 5}, "layers", "(time, features)", "(5,)"),
    (jfnn.sequential, {"layers": [LayerNorm(2)], "inputs": 3}, "layers", "over 2 axes", "(3,)"),
    (jfnn.sequential, {"layers": [Dense(3), Embedding(3, 2)], "inputs": 3}, "layers", "tokens first"),
    (Embedding(3, 2).apply, {"params": np.ones((3, 2)), "a": np.ones((4, 1))}, "x", "tokens"),
    (jfnn.cnn, {"channels": (8, 8), "kernel": (3, 3, 3)}, "kernel", "for each of 2"),
    (jfnn.cnn, {"inputs": (8,)}, "inputs", "(channels, length)"),
    (jfnn.cnn, {"pool": 100}, "pool", "is larger"),
    (jfnn.cnn, {"stride": 100}, "stride", "at most 8"),
    (jfnn.cnn, {"padding": 99999, "channels": (8, 8)}, "padding", "at most 2147483647 windows"),
    (jfnn.rnn, {"inputs": 5}, "inputs"),
    (jfnn.pruned, {"learner": PRUNED}, "learner"),
    (prepared, {"network": jfnn.pruned(NET, every=2, rounds=1.5)}, "prune_rounds"),
    (prepared, {"network": jfnn.pruned(NET, every=2, rounds=1, share=[0.5, 1.0])}, "prune_share"),
    (losses.get, {"loss": losses.huber}, "loss", "mean 'huber'"),
]  # fmt: skip


def of_split(x=X, y=Y, weights=None, **options):
    """Do everything that `jfnn.sweep` does with a split before training."""
    return prepared(split=jfnn.Split(x, y, None, None, weights), **options)


def by_hand(params, x, targets, *, l2):
    return l2, params


OTHER = jfnn.mlp((2, 4, 2)).init(jax.random.key(0))
CORE = [
    (of_split, {"x": X[:0]}, "x_train", "at least one row"),
    *((call, {"x": X[:0]}, "x") for call in (jfnn.objective, jfnn.predict, jfnn.predict_proba)),
    *((of_split, {"y": y}, "y_train") for y in (Y + 1, Y - 1, Y.astype(float), np.eye(3)[Y], None)),
    *((of_split, {"y": np.eye(2)[Y] * factor}, "y_train") for factor in (NAN, 2, 1 / 2)),
    *((of_split, {"weights": np.full(8, value)}, "weights") for value in (1e39, 1e-60)),
    (of_split, {"weights": Y, "gradient": by_hand}, "weights"),
    (of_split, {"network": jfnn.mlp((3, 2))}, "x_train"),
    *(
        (of_split, {"network": jfnn.mlp((2, 1)), "loss": loss}, "loss")
        for loss in ("cross_entropy", "softmax_binary_cross_entropy")
    ),
    (of_split, {"network": jfnn.mlp((2, 2), output="tanh"), "loss": "sigmoid_cross_entropy"}, "loss"),
    (of_split, {"optimizer": jfnn.Optimizer(momentum=1e39)}, "momentum"),
    (of_split, {"optimizer": jfnn.Optimizer("adamw", mask={})}, "optimizer"),
    *(
        (call, given, argument)
        for call in (jfnn.objective, jfnn.backprop.value_and_grad)
        for given, argument in (
            ({"y": jnp.asarray(Y) - 1}, "y"),
            ({"y": np.eye(3)[Y]}, "y"),
            ({"l2": 1e39}, "l2"),
            ({"l2": jnp.ones(1)}, "l2"),
            ({"dropout": 1 - 1e-12, "key": KEY}, "dropout"),
            ({"dropout": 0.5}, "key"),
        )
    ),
    (jfnn.mlp, {"sizes": (2,)}, "sizes"),
    (jfnn.mlp, {"activation": np.tanh}, "activation"),
    (jfnn.Minibatches(9).fitted, {"n": 8}, "batch_size"),
    (UpdateRule(optax.noisy_sgd).check, {"params": PARAMS}, "optimizer"),
    (jfnn.accuracy, {"labels": np.eye(2)[Y]}, "labels"),
    (jfnn.predict_proba, {"loss": "quadratic"}, "loss"),
    *(
        (jfnn.backprop.value_and_grad, {"params": params}, "params")
        for params in (
            (PARAMS[0], OTHER[1]),
            (jfnn.Layer("w", "b"),),
            (jfnn.Layer(np.ones(2), np.ones(2)),),
        )
    ),
    (jfnn.backprop.value_and_grad, {"params": jfnn.mlp((3, 2)).init(KEY)}, "x"),
    (boltzmann.init, {"scale": 1e39}, "scale"),
    (jfnn.boltzmann_machine, {"scale": 1e39}, "scale"),
    *(
        (boltzmann.log_z, {"machine": MACHINE._replace(weights=weights)}, "machine")
        for weights in (None, 1.0, (np.ones((4, 3)) * 1j,), ([[1.0, 2.0], [3.0]],), (object(),))
    ),
]

OF_FOLDS = make_result((1, 2), seeds=1, folds=3)
CNN = jfnn.cnn((1, 4, 4), (2,), 3)
TWO_HEADS = (PARAMS[0]._replace(b=PARAMS[0].b[None]), PARAMS[1])
ANALYSIS = [
    (analysis.datamodels, {"penalties": 0}, "penalties"),
    (analysis.datamodels, {"outputs": EYE[:3]}, "outputs", "[4, rows]"),
    (analysis.datamodels, {"outputs": EYE * NAN}, "outputs", "at least two"),
    (analysis.datamodels, {"outputs": np.where(EYE, NAN, 1.0)}, "outputs", "finite"),
    (analysis.linear_datamodeling_score, {"values": np.ones((3, 3))}, "values", "[n, rows] = [2, 3]"),
    (analysis.linear_datamodeling_score, {"values": np.full((2, 3), NAN)}, "values", "finite"),
    (analysis.leave_one_out_values, {"result": RESULT}, "result", "leave_one_out(8)"),
    *(
        (analysis.batch_sharpness, {"batches": batches}, "batches")
        for batches in ([[0.0, 1.0]], [[0, 8]], [[-1, 0]], [0, 1], [[]])
    ),
    (analysis.sharpness, {"k": 40}, "k"),
    (analysis.sharpness, {"k": 3, "iterations": 2}, "iterations"),
    *(
        (analysis.sharpness, {"params": params}, "params")
        for params in (PARAMS[:1], TWO_HEADS, jax.tree.map(lambda leaf: leaf[None][:0], PARAMS))
    ),
    (analysis.influence, {"included": [[1, 2], [0, 1]]}, "included", "True or False"),
    (analysis.influence, {"correct": [1.0, 2.0]}, "correct", "[2, rows]"),
    (analysis.memorization, {"correct": np.ones((2, 3))}, "correct", "[2, 2]"),
    (analysis.memorization, {"included": [1, 0]}, "included", "[subsets, rows]"),
    *((analysis.interval, {"bounds": bounds}, "bounds") for bounds in ((1, 0), 3, (0, 1, 2), (NAN, 1))),
    (analysis.interval, {"bounds": (0.4, 1)}, "values"),
    *(
        (analysis.interval, {"interval": kind, "variance": 0.3}, "method", "folds of one seed")
        for kind in ("median", Interval(method="skewed"))
    ),
    (analysis.interval, {"values": np.zeros((2, 0))}, "values", "at least one"),
    (analysis.holm, {"p": [1.5]}, "p", "probabilities"),
    (analysis.best_of_subsets, {"result": RESULT}, "result", "subsets or folds", "got one without"),
    (analysis.online_code, {"folds": subsets.sizes(8, [2, 4, 6])}, "folds", "got 3 subsets"),
    (analysis.online_code, {"folds": subsets.sizes(8, [2, 4], seed=1)}, "folds", "got other rows"),
    (analysis.online_code, {"result": RESULT}, "result", "cross_entropy"),
    (analysis.seeds_needed, {"width": 1e-9}, "width"),
    (analysis.compare_cells, {"result": make_result((1, 2), seeds=1)}, "result", "several seeds"),
    (analysis.compare_cells, {"result": OF_FOLDS, "test": "wilcoxon"}, "test", "folds of one seed"),
    *(
        (analysis.compare_cells, {"reference": place}, "reference", "an index")
        for place in ((0,), (0, 2), (-1, 0))
    ),
    (analysis.best_rates, {"result": make_sampled()}, "result", "cells in a list"),
    (analysis.best_rates, {"result": make_single()}, "result", "one member"),
    (analysis.cell_statistics, {"result": OF_FOLDS, "interval": "median"}, "method", "folds of one seed"),
    (analysis.cell_statistics, {"result": OF_FOLDS, "missing": "omit"}, "missing", "folds of one seed"),
    (analysis.curve_statistics, {"result": make_result()}, "result", "a history"),
    *((analysis.barrier, {name: PARAMS[:1]}, name) for name in ("a", "b")),
    *(
        (call, {"a": stacked(2), "b": stacked(3)}, "b")
        for call in (analysis.barrier, analysis.matched)
    ),
    (analysis.matched, {"network": CNN}, "network"),
    (analysis.weight_statistics, {"params": [EYE[:2], EYE[:3]], "leading": 1}, "params"),
    (analysis.weight_statistics, {"params": {"a": np.ones((2, 0))}, "leading": 1}, "params"),
    (analysis.weight_statistics, {"params": {}}, "params"),
]  # fmt: skip

HISTORY = make_result(history=1)
WITHOUT = dataclasses.replace(
    make_result(), history={name: values[..., :0] for name, values in HISTORY.history.items()}
)
DRAWN = {"result": make_sampled(seeds=3), "axis": "l2"}
ALONE = {"result": make_result((3, 2), seeds=1), "axis": "l2"}
MOMENTUM = {"result": make_result((3, 3), further={"momentum": np.array([0.0, 0.9])}.items())}
DRAWINGS = (plots.heat_map, plots.scatter, plots.interval_curves, plots.axis_curves)
PLOTS = [
    (plots.loss_curves, {"result": make_result()}, "result"),
    (plots.loss_curves, {"result": WITHOUT}, "result"),
    (plots.interval_curves, {"result": make_result((2, 1))}, "result", "a history"),
    *(
        (draw, {"cells": cells}, "cells")
        for draw in (plots.loss_curves, plots.interval_curves)
        for cells in ([(7, 0)], [(0,)])
    ),
    (plots.axis_curves, DRAWN | {"axis": "seed"}, "axis"),
    (plots.axis_curves, DRAWN | {"by": "learning_rate"}, "by"),
    (plots.axis_curves, DRAWN | {"at": {}}, "at"),
    (plots.axis_curves, ALONE | {"by": "l2"}, "axis"),
    *((plots.axis_curves, ALONE | {"at": at}, "at") for at in ({"l2": 0}, {"learning_rate": True})),
    *(
        (draw, {"result": make_single(history=2)}, "result", "one network; plots.loss_curves")
        for draw in (*DRAWINGS, report.write_report)
    ),
    *(
        (plots.histogram, {"result": make_result((2, 2), seeds=1), "cells": cells}, "cells", "two scores")
        for cells in (None, [(0, 0)], "all")
    ),
    (plots.array_map, {"values": np.zeros((2, 3)), "axes": {"a": [1, 2, 3], "b": [1, 2]}}, "values"),
    *(
        (plots.array_map, {"values": np.zeros((1, 2)), "axes": axes}, "axes")
        for axes in ({"a": [1, 2]}, {"a": [1], "b": [True, False]}, [[1], [1, 2]], {"a": [NAN], "b": [1, 2]})
    ),
    *(
        (plots.heat_map, MOMENTUM | {"at": at}, "at", "momentum")
        for at in ({"momentum": 2}, {"momentum": -1}, {"momentum": "worst"}, {"l2": 0}, {"fold": 0})
    ),
    *((plots.heat_map, {"axes": axes}, "axes") for axes in (("l2", "l2"), ("l2", "fold"), ("l2",), "l2")),
    (plots.heat_map, {"result": make_sampled()}, "result", "plots.scatter"),
]  # fmt: skip

UNITS = np.arange(40).reshape(8, 5) % 2 * 1.0
SPLIT = jfnn.Split(UNITS)
SAMPLING = jfnn.boltzmann_machine((5, 4), k=2, hyper=["hidden", "k"])
EXACT = jfnn.boltzmann_machine((5, 4), gradient="exact")
NUMBERS = {"hidden": 4, "k": 2}
LARGE = boltzmann.Machine((np.zeros((21, 22)),), (np.zeros(21), np.zeros(22)))
DEEP = boltzmann.Machine((np.zeros((4, 3)), np.zeros((3, 2))), (np.zeros(4), np.zeros(3), np.zeros(2)))


def trained(network=SAMPLING, split=SPLIT, hyper=NUMBERS):
    """Do everything that a sweep of a machine does before training."""
    return prepared(network=network, split=split, hyper=hyper)


def energy(states):
    return boltzmann.energy(MACHINE, *states)


BOLTZMANN = [
    (jfnn.boltzmann_machine, {"sizes": (5,)}, "sizes", "two or more layers"),
    (jfnn.boltzmann_machine, {"sizes": (30, 21), "gradient": "exact"}, "gradient", "at most 20 units"),
    (jfnn.boltzmann_machine, {"sizes": (30, 21), "loss": "likelihood"}, "loss", "at most 20 units"),
    (jfnn.boltzmann_machine, {"sizes": (30, 21), "metrics": ["likelihood"]}, "metrics", "at most 20 units"),
    (jfnn.boltzmann_machine, {"sizes": (5, 4, 3), "metrics": ["pseudo_likelihood"]}, "metrics", "two layers"),
    (jfnn.boltzmann_machine, {"gradient": "exact", "hyper": ["k"]}, "k", "since the exact"),
    (trained, {"hyper": NUMBERS | {"hidden": 5}}, "hidden", "from 1 to 4, got 5"),
    (trained, {"hyper": NUMBERS | {"k": 1.5}}, "k", "from 1 to 2, got 1.5"),
    (trained, {"split": jfnn.Split(2 * UNITS)}, "x_train", "[0, 1], got 0 to 2"),
    (trained, {"split": jfnn.Split(None)}, "x_train", "rows"),
    (trained, {"split": jfnn.Split(UNITS, Y * 1.0)}, "y_train", "None"),
    (
        trained,
        {"network": EXACT, "split": jfnn.Split(UNITS, x_test=UNITS / 2), "hyper": None},
        *("x_test", "only 0 and 1"),
    ),
    (boltzmann.log_z, {"machine": MACHINE._replace(biases=(V[0], V[0]))}, "machine", "[[4, 3]]"),
    (boltzmann.log_z, {"machine": LARGE}, "machine", "at most 20 units", "got 21"),
    (boltzmann.free_energy, {"machine": DEEP}, "machine", "2 layers, got 3"),
    (boltzmann.gradient, {"v": V + 0.5}, "v", "only 0 and 1, got 0.5"),
    (energy, {"states": [V]}, "states", "each of 2 layers, got 1"),
    (energy, {"states": [V, H[:2]]}, "states", "same number of rows"),
]

FLAT = jfnn.sequential([Dense(3, "relu", "he_normal"), Dense(2, "identity", "he_normal"), Flatten()], 2)
STUDIES = [
    (jfnn.coordinate_check, {"learning_rate": [0.1, 0.2]}, "learning_rate", "one number"),
    (jfnn.coordinate_check, {"optimizer": jfnn.Optimizer(momentum=[0.1, 0.2])}, "momentum", "one number"),
    (jfnn.maximal_update, {"network": jfnn.Network(len, len)}, "network", "jfnn.layers"),
    (jfnn.maximal_update, {"base": CNN}, "base", "the same kinds"),
    (jfnn.maximal_update, {"optimizer": "momentum"}, "optimizer", "sgd, adabelief"),
    (
        jfnn.maximal_update,
        {"network": FLAT, "base": FLAT, "output_multiplier": 2.0},
        *("output_multiplier", "a dense last layer, got Flatten"),
    ),
    (jfnn.maximal_update, {"optimizer": "sgd", "output_multiplier": 1e20}, "output_multiplier", "float32"),
    (
        jfnn.maximal_update,
        {"network": jfnn.mlp((3, 8, 2)), "base": jfnn.mlp((3, 4, 2))},
        *("init", "he_uniform", "'glorot_normal'"),
    ),
    (
        jfnn.maximal_update,
        {"network": jfnn.rnn((4, 2), 8, 2), "base": jfnn.rnn((4, 2), 4, 2)},
        *("network", "dense and conv", "GRU"),
    ),
    ("lyapunov", {"epochs": 0}, "epochs"),
    ("lyapunov", {"folds": 2}, "folds", "only jfnn.sweep"),
    ("hypergradient", {"with_respect_to": "momentum"}, "with_respect_to", "learning_rate, l2"),
    ("hypergradient", {"with_respect_to": ("l2", "l2")}, "with_respect_to", "different names"),
    ("hypergradient", {"learning_rate": [0.1]}, "learning_rate", "a sequence"),
    ("hypergradient", {"l2": (0.1, 0.2)}, "l2", "a sequence"),
    ("hypergradient", {"hyper": {"init_scale": np.ones(1)}}, "init_scale", "a sequence"),
    *(
        ("hypergradient", {"optimizer": jfnn.Optimizer(momentum=several)}, "momentum", "a sequence")
        for several in ([0.1, 0.2], [0.1])
    ),
    ("hypergradient", {"multipliers": [1.0, 2.0, 3.0]}, "multipliers", "per epoch (1)"),
    ("hypergradient", {"multipliers": [1e39]}, "multipliers", "1e+39", "float32"),
    ("hypergradient", {"part": "validation"}, "part", "no validation rows"),
    ("hypergradient", {"resume": True}, "resume"),
    ("hypergradient", {"out": "run", "resume": True}, "out", "only jfnn.sweep"),
    ("hypergradient", {"seeds": 3}, "seeds", "seed="),
    *(
        ("hypergradient", {name: value}, name, "only jfnn.sweep")
        for name, value in {
            "folds": np.zeros((2, 2, 3), int),
            "schedulers": [jfnn.Halving(3)],
            "execution": jfnn.Execution(tile=1),
            "refit": True,
        }.items()
    ),
    ("hypergradient", {"cells": 2, "l2": [0.1, 0.2]}, "cells", "only jfnn.sweep"),
]

DATASETS = [
    (datasets.split, {"stratify": np.arange(8.0)}, "stratify", "float64"),
    (datasets.split, {"stratify": Y[:3]}, "stratify", "8 rows"),
    (datasets.split, {"stratify": np.append(Y[:7], 9)}, "stratify", "two rows of each class", "got one of 9"),
    *(
        (datasets.split, {"stratify": np.arange(8) % 4, "test_size": size}, "test_size", "at least 4 rows")
        for size in (2, 6)
    ),
    (datasets.split, {"test_size": 0.999}, "test_size", "a share between 0 and 1"),
    *((datasets.one_hot, {"labels": labels, "n_classes": 3}, "labels") for labels in ([0, 3], [-1])),
    *(
        (datasets.standardize, {"split": split}, argument)
        for bad in (np.where(X[3, 1] == X, NAN, X), np.ma.masked_equal(X, X[3, 1]), X * np.inf)
        for argument, split in (
            ("x_train", jfnn.Split(bad, Y)),
            ("x_test", jfnn.Split(X, Y, bad, Y)),
            ("y_train", jfnn.Split(X, bad)),
        )
    ),
    (datasets.standardize, {"split": jfnn.Split([[1.0, 2.0], [3.0]], Y)}, "x_train"),
    (datasets.standardize, {"split": jfnn.Split(X * 1e200, Y)}, "x_train"),
]

PAIR = (np.arange(4), np.arange(4, 6))
ALONE_6 = {"name": None, "values": None, "weights": None, "labels": None, "test_labels": None}
LABELS = ALONE_6 | {"labels": [[0] * 6]}
RAGGED = [([[0, 1], [2]], ())]


def subset_of_all_rows(**given):
    """Return a subset of all 8 rows, with labels or names."""
    return subsets.Subsets(8, [(np.arange(8), ())], **given)


SUBSETS = [
    *(
        (subsets.Subsets, ALONE_6 | {"pairs": pairs}, "pairs", "pairs")
        for pairs in (None, 3, "ab", [3], {1: 2}, {"ab": 2}, [None], [PAIR, (1,)], ["ab"], [])
    ),
    (subsets.Subsets, ALONE_6 | {"n": 5}, "pairs", "from 0 to 4"),
    (subsets.Subsets, ALONE_6 | {"pairs": [PAIR, (PAIR[0], ())]}, "pairs", "held out by all"),
    (subsets.Subsets, ALONE_6 | {"pairs": RAGGED}, "pairs", "got [[0, 1], [2]]"),
    (subsets.Subsets, ALONE_6 | {"name": "draw"}, "values", "a name and values"),
    (subsets.Subsets, {"values": [1, 2]}, "values", "[1]"),
    (subsets.Subsets, {"weights": np.ones(6)}, "weights", "[1, 6]"),
    (subsets.Subsets, {"labels": [["a"] * 6]}, "labels", "numbers"),
    (subsets.Subsets, ALONE_6 | {"test_labels": "split"}, "test_labels", "none"),
    (subsets.Subsets, LABELS | {"test_labels": "own"}, "test_labels", "split"),
    (subsets.Subsets, LABELS | {"test_labels": [0, 1]}, "test_labels", "[1, rows]"),
    (subsets.weighted, {"weights": [[None, 1]]}, "weights", "numbers"),
    (subsets.independent, {"probability": 0.01, "number": 900}, "probability", "got 0 of 6 in draw"),
    (subsets.shares, {"share": 0.1}, "share"),
    (subsets.sizes, {"counts": [7]}, "counts"),
    (subsets.shuffled, {"y": np.zeros((2, 2, 2))}, "y", "[n, targets]"),
    (subsets.shuffled, {"groups": [1, 2]}, "groups", "[8]"),
    (subsets.by_group, {"groups": [1, 1, 2], "held_out": 0.4}, "held_out", "got none in 2"),
    (subsets.by_group, {"groups": np.ones((2, 2))}, "groups", "[n]"),
    (subsets.by_group, {"groups": [[1], [2, 3]]}, "groups", "different lengths"),
    (subsets.label_noise, {"y": [0.5]}, "y", "integer labels"),
    (subsets.label_noise, {"y": [0, 2], "classes": 2}, "classes", "from 0 to 1"),
    (prepared, {"folds": subsets.leave_one_out(9)}, "folds", "8 rows, got some of 9"),
    (prepared, {"folds": subset_of_all_rows(labels=np.zeros((1, 8)))}, "folds", "labels like y_train"),
    (
        prepared,
        {"folds": subset_of_all_rows(labels=[Y], test_labels=np.zeros((1, 9), int))},
        *("folds", "labels like y_test"),
    ),
    (prepared, {"folds": subset_of_all_rows(labels=np.full((1, 8), 7))}, "y_train"),
    (jfnn.train, {"network": NET, "x": jfnn.Split(X, Y)}, "x", "split.x_train"),
    (prepared, {"split": jfnn.Split(jfnn.Split(X))}, "x_train", "a Split"),
    (prepared, {"folds": subsets.weighted(np.zeros((1, 8)))}, "weights", "some above 0"),
    *(
        (prepared, {"folds": subset_of_all_rows(name=name, values=[0])}, "folds", f"an axis named {name!r}")
        for name in ("seed", "l2")
    ),
    (prepared, {"folds": subsets.shares(8, 3, 2, start_per_subset=True), "seeds": [2**31]}, "seeds"),
]  # fmt: skip


AREAS = {
    "records": RECORD_ROWS,
    "core": CORE,
    "networks": NETWORKS + AXES,
    "analysis": ANALYSIS,
    "plots": PLOTS,
    "boltzmann": BOLTZMANN,
    "studies": STUDIES,
    "datasets": DATASETS,
    "subsets": SUBSETS,
}


@pytest.mark.thorough
@pytest.mark.parametrize("area", AREAS)
def test_conflicting_arguments_are_refused_by_name_with_a_fact(area):
    assert not_refused(AREAS[area]) == {}
