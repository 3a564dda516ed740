"""Public functions and records with valid arguments, and a case for each of their arguments."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from declarations import Argument, declared, rows
from helpers import complaint, make_programs, make_result, refusal

import jfnn
from jfnn import activations, analysis, boltzmann, datasets, estimators, losses, plots, report, subsets
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare
from jfnn.core.search.result import with_run
from jfnn.core.search.runs import Origin
from jfnn.core.search.sweep import check_names

NET = jfnn.mlp((2, 3, 2), init="he_normal")
X = np.random.default_rng(0).normal(size=(8, 2))
Y = np.arange(8) % 2
SPLIT = jfnn.Split(X, Y, X, Y)
PARAMS = NET.init(jax.random.key(0))
KEY = jax.random.key(0)
MACHINE = boltzmann.init(KEY, (4, 3))
V = np.zeros((5, 4))
H = np.zeros((5, 3))
RESULT = make_result((2, 2), history=2)
PROGRAMS = make_programs(batch_sizes=(50, 0))
REQUIRED = {"learning_rate": 0.1, "epochs": 1, "batch_size": 4}
KEPT = with_run(
    RESULT, params=jax.tree.map(lambda leaf: np.broadcast_to(leaf, (2, 2, 2, *leaf.shape)), PARAMS)
)
ONE = jax.tree.map(lambda leaf: leaf[None], PARAMS)
LEFT_OUT = with_run(
    dataclasses.replace(make_result((1, 1), seeds=1, folds=8), subset_values={"left_out": np.arange(8)}),
    params=jax.tree.map(lambda leaf: np.broadcast_to(leaf, (1, 1, 1, 8, *leaf.shape)), PARAMS),
)
GROWING = subsets.sizes(8, [2, 4])
GROWN = with_run(
    make_result((1, 1), seeds=1, folds=2),
    params=jax.tree.map(lambda leaf: np.broadcast_to(leaf, (1, 1, 1, 2, *leaf.shape)), PARAMS),
    config={"settings": {"learner": {"loss": "cross_entropy"}}},
    origin=Origin(lambda network: jfnn.supervised(NET), subsets=GROWING),
)
ANALYSED = {"result": RESULT, "score": "test_loss"}
DECOMPOSED = {
    "predictions": np.arange(12.0).reshape(2, 3, 2),
    "targets": np.ones(2),
    "axes": {"width": [2, 4]},
}
LAYERED = analysis.LayerStatistics(
    *np.ones((7, 1, 2, 2, 2)),
    layers=("1 Dense", "2 Dense"),
    epochs=np.arange(1),
    axes={"learning_rate": np.array([0.1, 1.0]), "seed": np.arange(2)},
)
PAIRS = [(np.arange(4), np.arange(4, 6))]
TARGETS = np.arange(12).reshape(6, 2) % 2
OF_SUBSETS = {"weights": np.ones((1, 6)), "labels": np.zeros((1, 6), int), "test_labels": np.zeros((1, 3))}
CONVOLUTIONAL = {"inputs": (1, 8, 8), "channels": (2,), "outputs": 3, "pool": 2}


def untrained(now):
    """A callback for calls that must not train."""
    raise AssertionError("trained")


UNTRAINED = {"execution": jfnn.Execution(progress=untrained, keep_params="none")}


def width_to_network(width):
    return jfnn.mlp((2, width, 2), "relu", init="he_normal")


def objective(x=X, y=Y, params=PARAMS, net=NET, **options):
    return jfnn.objective(net, params, x, y, **options)


def backprop(x=X, y=Y, params=PARAMS, **options):
    return jfnn.backprop.value_and_grad(params, x, y, **options)


def predict(x=X, params=PARAMS):
    return jfnn.predict(NET, params, x)


def predict_proba(x=X, params=PARAMS):
    return jfnn.predict_proba(NET, params, x)


def accuracy(x=X, labels=Y, params=PARAMS):
    return jfnn.accuracy(NET, params, x, labels)


def prepared(**options):
    run = prepare(Options(**{"network": NET, "split": SPLIT} | REQUIRED | options))
    check_names(run)
    return run


# Every kind of record that users make; every checked field is tested.
RECORDS = [
    *[jfnn.Dense(3), jfnn.Conv(3), jfnn.MaxPool(2), jfnn.MeanPool(2), jfnn.Elman(3), jfnn.GRU(3)],
    *[jfnn.LSTM(3), jfnn.Embedding(3, 2), jfnn.LayerNorm(), jfnn.Residual([jfnn.Dense(2)])],
    *[jfnn.Scaled(jfnn.Dense(2)), jfnn.Frozen(jfnn.Dense(2)), jfnn.layers.Draw("normal", (2, 3))],
    *[jfnn.Halving(3), jfnn.Hyperband(), jfnn.EarlyStopping(3), jfnn.Converged()],
    *[jfnn.Minibatches(4), jfnn.Validation(0.25), jfnn.Execution(), jfnn.Sample(2), jfnn.Refit()],
    jfnn.Simplest({"l2": "most"}),
    *[jfnn.Optimizer("sgd", schedule="cosine"), analysis.Interval()],
]  # fmt: skip
# Functions tested with every argument, including defaults, and the arguments they need.
FUNCTIONS = [
    (jfnn.mlp, {"sizes": (2, 3, 2)}),
    (jfnn.cnn, CONVOLUTIONAL),
    (jfnn.rnn, {"inputs": (5, 1), "units": 2, "outputs": 3}),
    (jfnn.sequential, {"layers": [jfnn.Dense(2)], "inputs": 2}),
    (jfnn.objective, {"network": NET, "params": PARAMS, "x": X, "y": Y}),
    (jfnn.backprop.value_and_grad, {"params": PARAMS, "x": X, "y": Y}),
    (jfnn.predict, {"network": NET, "params": PARAMS, "x": X}),
    (jfnn.predict_proba, {"network": NET, "params": PARAMS, "x": X}),
    (jfnn.accuracy, {"network": NET, "params": PARAMS, "x": X, "labels": Y}),
    (jfnn.check_backprop, {"params": PARAMS, "x": X, "y": Y, "gradients": PARAMS}),
    (jfnn.check_gradients, {"network": NET, "x": X, "y": Y}),
    (losses.get, {"loss": "quadratic"}),
    (losses.huber, {}),
    (activations.get, {"activation": "relu"}),
    (jfnn.supervised, {"network": NET}),
    (jfnn.learner, {"init": NET.init, "loss": len}),
    (jfnn.pruned, {"learner": NET, "every": 2, "rounds": 1}),
    (jfnn.boltzmann_machine, {"sizes": (4, 2)}),
    (jfnn.learners.descent_fields, {"optimizer": "sgd", "hyper": []}),
    (jfnn.learners.output_metric, {"name": "f1", "function": lambda t, a: 0.0, "higher_is_better": True}),
    (jfnn.maximal_update, {"network": NET, "base": NET}),
    (jfnn.load, {"directory": "no/run"}),
    (jfnn.use_all_cores, {"count": 2}),
    (jfnn.Workers, {"executor": lambda: None}),
    (jfnn.cell_statistics, ANALYSED),
    (jfnn.analysis.sharpness, {"network": NET, "params": PARAMS, "x": X, "y": Y}),
    (
        jfnn.analysis.batch_sharpness,
        {"network": NET, "params": PARAMS, "x": X, "y": Y, "batches": [[0, 1], [2, 3]]},
    ),
    (analysis.bias_variance, {"result": KEPT, "split": SPLIT}),
    (analysis.bias_variance_of, DECOMPOSED),
    (jfnn.analysis.barrier, {"network": NET, "a": PARAMS, "b": PARAMS, "x": X, "y": Y}),
    (jfnn.analysis.matched, {"network": NET, "a": PARAMS, "b": PARAMS}),
    (jfnn.analysis.weight_statistics, {"params": PARAMS, "leading": 0}),
    (
        jfnn.write_playground,
        {"result": KEPT, "split": SPLIT, "path": "no/page.html", "network": jfnn.supervised(NET)},
    ),
    (jfnn.analysis.front, {"result": RESULT, "objectives": ["test_loss"]}),
    (datasets.split, {"x": X, "y": Y}),
    (datasets.one_hot, {"labels": Y, "n_classes": 2}),
    (datasets.mnist1d, {"shuffled": False}),
    (datasets.digits, {}),
    (datasets.split_table, {"table": datasets.Table(X, Y, (), None)}),
    (datasets.standardize, {"split": SPLIT}),
    (datasets.transform, {"columns": {"a": {}}, "frame": {"a": [1.0, 2.0]}}),
    (datasets.read_csv, {"path": __file__, "target": "y"}),
    (datasets.read_columns, {"path": "no.csv"}),
    (boltzmann.all_states, {"n": 3}),
    (boltzmann.init, {"key": KEY, "sizes": (4, 3)}),
    (boltzmann.annealed_log_z, {"machine": MACHINE, "key": KEY, "n": 2, "temperatures": 2}),
    (boltzmann.sample, {"machine": MACHINE, "key": KEY, "n": 2, "sweeps": 2}),
    (boltzmann.mean_field, {"machine": MACHINE, "v": V}),
    (boltzmann.reconstruction_error, {"machine": MACHINE, "v": V}),
    (boltzmann.gibbs_step, {"machine": MACHINE, "v": V, "uniform_h": H, "uniform_v": V}),
    (boltzmann.visible_means, {"machine": MACHINE, "h": H}),
    (boltzmann.log_z, {"machine": MACHINE}),
    (boltzmann.entropy, {"v": V}),
    *(
        (getattr(boltzmann, name), {"machine": MACHINE, "v": V})
        for name in ("free_energy", "gradient", "hidden_means", "kl_divergence", "log_likelihood")
    ),
    (boltzmann.pseudo_log_likelihood, {"machine": MACHINE, "v": V}),
    (plots.heat_map, {"result": RESULT}),
    (plots.layers, {"statistics": LAYERED}),
    (plots.array_map, {"values": np.ones((2, 1)), "axes": {"a": [1, 2], "b": [3]}}),
    (plots.bias_variance, {"parts": analysis.bias_variance_of(**DECOMPOSED)}),
    (plots.axis_curves, ANALYSED | {"axis": "learning_rate"}),
    (plots.scatter, {"result": None}),
    (plots.loss_curves, {"result": RESULT}),
    (plots.interval_curves, ANALYSED),
    (plots.histogram, {"result": RESULT}),
    (analysis.compare_cells, ANALYSED | {"reference": (0, 0)}),
    (analysis.curve_statistics, ANALYSED),
    (analysis.best_rates, ANALYSED),
    (analysis.memorization, {"correct": np.eye(2), "included": [[0, 1], [1, 1]]}),
    (analysis.influence, {"correct": np.eye(2), "included": [[0, 1], [1, 1]]}),
    (analysis.datamodels, {"outputs": np.eye(4), "included": np.eye(4), "penalties": 0.1, "folds": 2}),
    (
        analysis.linear_datamodeling_score,
        {"values": np.ones((2, 3)), "outputs": np.ones((4, 3)), "included": np.eye(4)[:, :2]},
    ),
    (analysis.leave_one_out_values, {"result": LEFT_OUT, "split": SPLIT, "network": jfnn.supervised(NET)}),
    (
        analysis.influence_functions,
        {"network": NET, "params": PARAMS, "x": X, "y": Y, "x_test": X, "y_test": Y},
    ),
    (analysis.holm, {"p": [0.1, 0.2]}),
    (analysis.layer_statistics, {"result": KEPT, "x": X, "y": Y, "network": jfnn.supervised(NET)}),
    (analysis.variance_parts, ANALYSED),
    (analysis.tuning_curve, ANALYSED),
    (analysis.best_of_subsets, {"result": LEFT_OUT}),
    (
        analysis.online_code,
        {"result": GROWN, "split": SPLIT, "folds": GROWING, "network": jfnn.supervised(NET)},
    ),
    (analysis.interval, {"values": [0.1, 0.2, 0.3, 0.4, 0.5]}),
    (analysis.seeds_needed, {"std": 1.0, "width": 1.0}),
    (analysis.tidy, {"result": RESULT}),
    (analysis.cell_names, {"result": RESULT}),
    (report.write_report, {"result": RESULT, "path": "no/page.html", "playground": "play.html"}),
    (subsets.bootstrap, {"n": 6, "number": 2}),
    (subsets.leave_one_out, {"n": 6}),
    (subsets.shares, {"n": 6, "share": 0.5, "number": 2}),
    (subsets.independent, {"n": 6, "probability": 0.5, "number": 2}),
    (subsets.sizes, {"n": 6, "counts": [2, 4]}),
    (subsets.by_group, {"groups": [1.0, 1.0, 2.0, 2.0]}),
    (subsets.label_noise, {"y": Y, "shares": [0.1]}),
    (subsets.targets, {"y": TARGETS, "held_out": 0.5}),
    (subsets.targets, {"y": TARGETS, "rows": subsets.sizes(6, [2, 4])}),
    (subsets.weighted, {"weights": np.ones((2, 6))}),
    (subsets.shuffled, {"y": Y, "number": 2, "groups": ["a", "a", "b", "b"] * 2}),
    (
        subsets.Subsets,
        {"n": 6, "pairs": PAIRS, "name": "draw", "values": [1.0], "called": "draw", **OF_SUBSETS},
    ),
    (
        subsets.Subsets,
        {"n": 6, "pairs": PAIRS, "name": "target", "values": ["a"], "columns": [0]},
    ),
    *[(result.save, {"directory": "no/run"}) for result in (RESULT, PROGRAMS)],
    (RESULT.to_csv, {"path": "no/run.csv"}),
    (RESULT.cell_scores, {"name": "test_loss"}),
    (KEPT.predict, {"x": X, "network": jfnn.supervised(NET)}),
    (KEPT.predict_proba, {"x": X, "network": jfnn.supervised(NET)}),
    (
        KEPT.row_scores,
        {"metric": "loss", "part": "test", "split": SPLIT, "network": jfnn.supervised(NET)},
    ),
    (RESULT.higher_is_better, {"name": "test_loss"}),
    (RESULT.axes_at, {"index": (0, 0)}),
    (
        jfnn.coordinate_check,
        {"network": width_to_network, "split": SPLIT, "width": [2, 4], "learning_rate": 0.1, "batch_size": 4},
    ),
]
# Calls that need more around them: a name -> the call, what declares its arguments, and those to test.
WRAPPED = {
    "member": (lambda member: KEPT.member(member, 0, 0), {"member": "int"}, {"member": 0}),
    "energy": (
        lambda machine, states: boltzmann.energy(machine, states, H),
        boltzmann.energy,
        {"machine": MACHINE, "states": V},
    ),
    "pinball": (lambda quantiles: losses.pinball(quantiles), losses.pinball, {"quantiles": 0.5}),
    "hyper of a sweep": (
        lambda **numbers: prepared(hyper=numbers),
        {"dropout": "Values", "init_scale": "Values", "l1": "Values"},
        {"dropout": 0.1, "init_scale": 1.0, "l1": 0.1},
    ),
    "optimizer_arguments": (
        lambda **arguments: prepared(optimizer=jfnn.Optimizer("sgd", **arguments)),
        {"momentum": "Values | None", "nesterov": "bool"},
        {"momentum": 0.9, "nesterov": True},
    ),
    **{
        name: (lambda option=option, kind=kind, **fields: prepared(**{option: kind(**fields)}), kind, fields)
        for name, option, kind, fields in (
            ("sweep of a part", "validation", jfnn.Validation, {"size": 0.25}),
            ("Split", "split", jfnn.Split, SPLIT._replace(weights=np.ones(8))._asdict()),
            ("sweep on devices", "execution", jfnn.Execution, {"devices": 1}),
        )
    },
    "best": (RESULT.best, RESULT.best, {"rule": jfnn.Simplest({"l2": "most"})}),
    "train": (
        lambda **options: jfnn.train(NET, execution=jfnn.Execution(progress=untrained), **REQUIRED | options),
        jfnn.train,
        {"x": X, "y": Y, "seed": 0, "fold": 0, "test": (X, Y), "weights": np.ones(8)},
    ),
    "several_programs": (
        lambda **options: jfnn.sweep(split=SPLIT, **REQUIRED | UNTRAINED | options),
        jfnn.sweep,
        {"network": {"a": NET, "b": NET}, "batch_size": [4, 8], "out": "no/run"},
    ),
    "program": (
        lambda **values: PROGRAMS.program(**values),
        {"network": "str", "batch_size": "int"},
        {"network": "20", "batch_size": 50},
    ),
    "hypergradient": (
        lambda **options: jfnn.hypergradient(**REQUIRED | options),
        jfnn.hypergradient,
        {"network": NET, "split": SPLIT, "seed": 0, "with_respect_to": ["l2"], "multipliers": [1.0]}
        | {"part": "train", "mode": "forward"},
    ),
    "race": (
        lambda **options: jfnn.race(**REQUIRED | UNTRAINED | options),
        jfnn.race,
        {"network": NET, "split": SPLIT, "seeds": 2, "first": 2, "alpha": 0.05, "indifferent": 0.0}
        | {"test": "sign"},
    ),
    "lyapunov": (
        lambda **options: jfnn.lyapunov(**REQUIRED | options),
        jfnn.lyapunov,
        {"network": NET, "split": SPLIT, "seeds": 1, "method": "tangent"},
    ),
    "MLPClassifier": (
        lambda **parameters: estimators.MLPClassifier(**parameters).fit(X, Y),
        estimators.MLPClassifier,
        estimators.MLPClassifier(max_iter=1).get_params(),
    ),
    "MLPRegressor": (
        lambda **parameters: estimators.MLPRegressor(**parameters).fit(X, X[:, 0]),
        estimators.MLPRegressor,
        {"loss": "squared_error", "quantile": 0.5, "delta": 1.0},
    ),
}
# Arguments that accept anything, or are not checked by this call alone -> reason.
ANYTHING = rows(
    {
        "Draw.scale Draw.bound Draw.paths Draw.axes": "of layers, which know what they are",
        "Execution.devices": "looked at where a run begins",
        "Optimizer.arguments": "of optax, in optimizer_arguments",
        "MLPClassifier.class_weight": "of classes, which the rows name",
        "row_scores.folds": "looked at where a loaded result needs them",
        "get.argument": "the name in errors",
    }
)
OPTIONS = {"initial_params": PARAMS}


class Case(NamedTuple):
    """An argument of a call, the valid arguments, and what declares it."""

    name: str
    call: Callable[..., object]
    arguments: dict
    argument: Argument
    declared_by: object


def cases(function, call, arguments, declared_by, names=None):
    """Return a case for each of some arguments (None for all), except those in `ANYTHING`."""
    of_names = declared(declared_by)
    for name in of_names if names is None else names:
        if f"{function}.{name}" not in ANYTHING:
            argument = Argument(function, name, arguments.get(name), **of_names[name])
            yield Case(f"{function}-{name}", call, arguments, argument, declared_by)


def values_of(record):
    return {name: value for name, value in vars(record).items() if name != "arguments"}


CASES = [
    *(
        case
        for function, arguments in FUNCTIONS
        for case in cases(function.__name__, function, arguments, function)
    ),
    *(
        case
        for name, (call, declared_by, arguments) in WRAPPED.items()
        for case in cases(name, call, arguments, declared_by, arguments)
    ),
    *(
        case
        for record in RECORDS
        for case in cases(type(record).__name__, type(record), values_of(record), type(record))
    ),
    *(case._replace(arguments={}) for case in cases("sweep", prepared, OPTIONS, Options)),
]
VALID = dict(FUNCTIONS) | {type(record): values_of(record) for record in RECORDS}


def not_refused(rows):
    """Return which rows are not refused as they should be.

    A row has a call, or its name in `WRAPPED`; the changed arguments, merged with the valid ones for calls of
    this file; the argument blamed; and facts in the error.
    """
    wrong = {}
    for number, (call, changed, argument, *facts) in enumerate(rows):
        function, valid = call, VALID.get(call, {})
        if isinstance(call, str):
            function, _, valid = WRAPPED[call]
        error = refusal(function, **valid | changed)
        missing = [fact for fact in facts if fact not in str(error)]
        if why := complaint(error, {argument}) or missing:
            wrong[number, getattr(function, "__name__", call), argument] = why, str(error)
    return wrong
