"""Invalid values for every argument: a one-line error begins with its name, before anything is compiled.

`declarations.py` reads what each argument accepts and draws values outside of it. Conflicts between arguments
and errors that suggest a remedy are in tables here and in test_relations.py.
"""

import contextlib
import dataclasses
import importlib
import inspect
import math
import os
import pkgutil
import time
import zlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import wrong_values
from declarations import TABLES, Argument, rows
from examples import examples
from helpers import compilations, complaint, make_programs, make_result, refusal
from numpy.typing import ArrayLike
from room_calls import (
    ANYTHING,
    CASES,
    NET,
    PARAMS,
    REQUIRED,
    SPLIT,
    X,
    Y,
    objective,
    predict,
    prepared,
)
from scipy import sparse
from sklearn import model_selection

import jfnn
from jfnn import (
    activations,
    analysis,
    backprop,
    datasets,
    layers,
    losses,
    minibatches,
    network,
    penalties,
    subsets,
    training,
)
from jfnn.core.experiment.options import Options

pytestmark = pytest.mark.unoptimized

# An argument, of one function or of all -> other names under which it is refused.
ALIASES = {
    "a": {"hyper"},
    "cells": {"a"},
    "execution": {"devices"},
    "hyper": {"a"},
    "initializer": {"init"},
    "inputs": {"layers"},
    "momentum": {"optimizer"},
    "name": {"optimizer", "values"},
    "nesterov": {"optimizer"},
    "seed": {"cells"},
    "size": {"validation"},
    "predict_proba.network": {"loss"},
    "x": {"y"},
}


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_written(tmp_path_factory):
    """Run in a directory that must stay empty."""
    with contextlib.chdir(tmp_path_factory.mktemp("here")):
        yield
        assert os.listdir() == []


# Programs that JAX compiles for single array operations, which some argument checks use.
OPERATIONS = {
    *["add", "argmax", "concatenate", "convert_element_type", "exp", "log", "matmul", "multiply"],
    *["reduce_max", "reduce_sum", "relu", "reshape", "split", "subtract", "swapaxes", "transpose"],
    *["true_divide", "unstack", "where"],
}  # fmt: skip


def is_operation(function):
    """Return whether a compiled function, such as "jit(add)", is a single operation."""
    return function.removeprefix("jit(").removesuffix(")").lstrip("_") in OPERATIONS


@examples(few=(1, 1), more=(4, 1), many=(200, 1))
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_invalid_values_are_refused_by_argument_name(case, examples):
    names = {case.argument.name} | case.argument.of(ALIASES, set())

    def seconds_until_refusal(wrong):
        """Check the refusal and return the seconds until it."""
        given = case.arguments | {case.argument.name: wrong.value}
        before = time.thread_time()
        with compilations() as compiled:
            error = refusal(case.call, **given)
        seconds = time.thread_time() - before
        assert complaint(error, names) is None
        assert wrong.said in str(error)
        assert [function for function in compiled if not is_operation(function)] == []
        return seconds

    def check_fast_refusal(wrong):
        # Garbage collection may slow down one call, but not two in a row.
        assert seconds_until_refusal(wrong) < 1 or seconds_until_refusal(wrong) < 1

    kind = case.argument.kind()
    for edge in kind.edges:
        check_fast_refusal(edge)
    of_case = dataclasses.replace(examples, seed=zlib.crc32(case.name.encode()))
    of_case.check(check_fast_refusal, wrong=wrong_values.of(kind))


# Functions whose arguments are not checked -> reason.
UNCHECKED = {
    "arithmetic of arrays inside of compiled steps": [
        *(getattr(module, name) for module in (activations, losses, penalties) for name in module.__all__),
        *[backprop.forward, backprop.deltas, backprop.gradients, network.forward, minibatches.step_rows],
        *[training.autodiff, training.step, training.descend, training.epoch],
        *[layers.from_key, layers.within],
    ],
    "of modules of other packages, in test_adapters.py": [jfnn.from_equinox, jfnn.from_flax],
    "of extensions, which check what users give them": [
        getattr(jfnn.extend, name) for name in jfnn.extend.__all__
    ],
}
# Functions whose further arguments are the options of a sweep.
OF_OPTIONS = [jfnn.sweep, jfnn.train, jfnn.hypergradient, jfnn.lyapunov, jfnn.race]


def public_functions():
    """Return the functions of the package and of its public modules."""
    modules = [getattr(jfnn, name) for name in jfnn.__all__ if inspect.ismodule(getattr(jfnn, name))]
    things = [getattr(module, name) for module in (jfnn, *modules) for name in module.__all__]
    return dict.fromkeys(thing for thing in things if inspect.isfunction(thing))


def test_every_argument_of_a_public_function_is_tested_or_exempted_with_a_reason():
    tried = {}
    for case in CASES:
        if inspect.isfunction(case.declared_by) or case.declared_by is Options:
            tried.setdefault(case.declared_by, set()).add(case.argument.name)
    unchecked = [function for functions in UNCHECKED.values() for function in functions if callable(function)]
    left = []
    for function in public_functions():
        names = tried.get(function, set()) | (
            tried[Options] | {"options"} if function in OF_OPTIONS else set()
        )
        anything = {
            name
            for name in inspect.signature(function).parameters
            if f"{function.__name__}.{name}" in ANYTHING
        }
        missing = inspect.signature(function).parameters.keys() - names - anything
        if missing and (function not in unchecked or function in tried):
            left.append((function.__name__, missing))
    assert left == []
    assert len(CASES) > 550


@pytest.mark.parametrize(
    ("annotation", "taken", "wrong"),
    [
        (int, [1, 7], [0, 1.0, True, "1", None, [1]]),
        (float | None, [0, 0.5, None], [-0.1, math.nan, math.inf, False, "0"]),
        (str | bool, ["any", True], [1, None, ["any"]]),
        (Sequence[int], [[1], (1, 2)], [[], [0], [True], 1, "1", None]),
        (tuple[int, ...] | None, [(1,), None], [(), (0,), 1]),
        (ArrayLike, [1, True, [0.5], [[1, 2]]], ["1", None, [[1], [1, 2]], object()]),
        (Callable[..., int], [len], [1, None, "len"]),
        (jfnn.Network, [], [1, None, "mlp", {}]),
    ],
)
def test_annotations_declare_valid_values(annotation, taken, wrong):
    kind = Argument("function", "argument", None, annotation).kind()
    assert all(map(kind.takes, taken)) and not any(map(kind.takes, wrong))
    assert not any(kind.takes(edge.value) for edge in kind.edges)


def test_every_table_row_belongs_to_a_tested_argument():
    tried = {name for case in CASES for name in (case.argument.name, case.argument.path)}
    for table in (*TABLES, ALIASES):
        assert rows(table).keys() - tried == set()
    assert ANYTHING.keys() & tried == set()


def cosine(learning_rate):
    """Return an optimizer whose optax schedule depends on a hyperparameter of each member."""
    return optax.sgd(optax.warmup_cosine_decay_schedule(0.0, learning_rate, 10, 100))


def halved(done):
    return 1.0 if done < 0.5 else 0.5


def square(params, batch, key):
    return jnp.sum((batch[0] @ params["w"]) ** 2)


def scaled(params, batch, key, scale):
    return scale * square(params, batch, key)


def noisy(params, batch, key):
    return square(params, batch, None) * jax.random.normal(key)


def of_rows(params, batch, key):
    return (batch[0] @ params["w"]) ** 2


def branching(params, batch, key):
    return square(params, batch, key) if params["w"][0, 0] > 0 else 0.0


def with_loss(loss, numbers=None, **arguments):
    """Prepare a sweep of a custom loss, without training."""
    learner = jfnn.learner(lambda key: {"w": jnp.ones((2, 1))}, loss, **arguments)
    return prepared(network=learner, hyper=numbers)


def wrong_shape_loss(params, batch, key):
    return jnp.sum(params["w"] @ batch[0])


def of_rows_scores(params, rows):
    return {"loss": square(params, rows, None)}


def scaled_scores(params, rows, *, scale):
    return {"loss": scale * of_rows(params, rows, None)[:, 0]}


def without_rows(score):
    """Prepare a sweep of a loss without rows, without training."""
    learner = jfnn.learner(lambda key: {"w": jnp.ones((2, 1))}, lambda p, *_: p["w"].sum(), score=score)
    return prepared(network=learner, split=jfnn.Split(), batch_size=None)


def split(x=X, y=Y, **options):
    return prepared(split=jfnn.Split(x, y), **options)


def numeric_frame():
    """Return the rows of X as a table, whose index is in reverse order."""
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, index=range(len(X))[::-1], columns=["a", "b"])


def series():
    """Return the labels Y with the index 0, 1, ...."""
    pandas = pytest.importorskip("pandas")
    return pandas.Series(Y)


def frame():
    """Return a table with a column of words."""
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"height": X[:, 0], "color": ["red", "blue"] * 4})


class Tensor:
    """An array that cannot be read, like a PyTorch tensor that requires gradients."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("use tensor.detach()")


WORDS = np.array(["no", "yes"])[Y]
RESULT = make_result((2, 3), folds=4)
HISTORY = make_result((2, 3), history=2)
STACKED = jax.tree.map(lambda leaf: leaf[None], PARAMS)
# A mistake -> the argument that its error names, and the words that follow: the given value, or the remedy.
MISTAKES = [
    (lambda: prepared(optimizer=cosine), "optimizer", "learning_rate * unit(count)"),
    (lambda: prepared(optimizer=optax.adam(0.1)), "optimizer", "optax.adam"),
    (lambda: prepared(optimizer=lambda lr: optax.adam(lr)), "optimizer", "one of lr; name it learning_rate"),
    (lambda: prepared(optimizer=jfnn.Optimizer(schedule=halved)), "schedule", "jnp.where"),
    (lambda: prepared(optimizer=jfnn.Optimizer(schedule=lambda done: X)), "schedule", "[8, 2]"),
    (lambda: prepared(optimizer=jfnn.Optimizer("adam", learning_rate=0.1)), "optimizer", "beside"),
    (lambda: prepared(learning_rate=optax.linear_schedule(1, 0, 10)), "learning_rate", "schedule=…"),
    (lambda: with_loss(scaled), "loss", "hyper=['scale'] of the learner, and give its value in hyper={"),
    (lambda: with_loss(square, {"c": 1.0}, hyper=["c"]), "loss", "params, batch, key, c"),
    (lambda: with_loss(scaled, {"scael": 1.0}, hyper=["scale"]), "hyper", "mean 'scale'"),
    (lambda: prepared(hyper={"momentum": 0.9}), "hyper", "jfnn.Optimizer"),
    (lambda: with_loss(noisy), "loss", "random=True"),
    (lambda: with_loss(of_rows), "loss", "float32 [n, 1]; sum"),
    (lambda: with_loss(square, score=of_rows_scores), "score", "{loss: float32 []}"),
    (
        *(lambda: without_rows(lambda p, rows: {"loss": jnp.ones(17)}), "score"),
        "without rows, {loss: []}, got {loss:",
    ),
    (lambda: with_loss(square, score=scaled_scores), "score", "hyper=['scale'] of the learner, and give its"),
    (lambda: with_loss(lambda p, batch, key, **h: h["c"] * p["w"].sum()), "loss", "KeyError: 'c'"),
    (lambda: with_loss(square, score=lambda params, rows: rows[1]), "score", "got int32 [n]"),
    (lambda: with_loss(branching), "loss", "jnp.where"),
    (lambda: prepared(network=jfnn.Network(NET.init, lambda p, x: {"a": x})), "network", "float32 [1, 2]"),
    (lambda: prepared(network=jfnn.mlp), "network", "function mlp"),
    (lambda: split(y=WORDS), "y_train", "np.unique"),
    (lambda: split(y=Y.astype(float)), "y_train", "astype(int)"),
    (lambda: split(frame()), "x_train", "'color'"),
    (lambda: split(Tensor()), "x_train", "detach"),
    (lambda: split(X.reshape(8, 2, 1)), "x_train", "reshape(-1, 2)"),
    (lambda: split(np.ones((8, 4, 4, 1)), network=jfnn.cnn((1, 4, 4), (2,), 2)), "x_train", "first"),
    (lambda: predict(x=PARAMS), "x", "(Layer("),
    (lambda: predict(params="result"), "params", "result.member"),
    (lambda: predict(params=STACKED), "params", "result.member"),
    (lambda: jfnn.predict(RESULT, X), "network", "result.predict(x)"),
    (lambda: jfnn.datasets.split(Y, X), "x", "split(x, y) in this order"),
    (lambda: predict(params=PARAMS[:1]), "params", "w=(3, 2)"),
    (lambda: jfnn.train(NET, X, Y, **REQUIRED, initial_params=RESULT), "initial_params", "keep_params="),
    (lambda: predict(params=RESULT), "params", "as network.init or result.member gives, got <SweepResult"),
    (lambda: jfnn.mlp((2, 3, 2), output="softmax"), "output", "cross_entropy"),
    (lambda: prepared(network=jfnn.mlp((2, 1))), "loss", "give it 2, or loss=\"sigmoid_cross_entropy\""),
    (lambda: prepared(split=jfnn.Split()), "x_train", "got None"),
    (lambda: split(sparse.csr_array(X)), "x_train", "toarray()"),
    (lambda: jfnn.train(NET, learning_rate=0.1), "x", "got None"),
    (lambda: split(numeric_frame(), series()), "y_train", ".to_numpy()"),
    (lambda: jfnn.train(NET, numeric_frame(), series(), **REQUIRED), "y", ".to_numpy()"),
    (lambda: datasets.split(numeric_frame(), series()), "y", ".loc["),
    (lambda: datasets.standardize(jfnn.Split(numeric_frame(), Y, weights=series())), "weights", ".loc["),
    (lambda: prepared(folds=[([0, 1, 2], [2, 3]), ([3], [0])]), "folds", "such as row 2, in both parts"),
    (lambda: jfnn.train(NET, X, Y, **REQUIRED, weights="balanced"), "weights", "compute_sample_weight"),
    (lambda: prepared(folds=np.arange(len(X)) % 2), "folds", "GroupKFold(5).split(x, y, groups)"),
    (lambda: prepared(folds=model_selection.GroupKFold(2)), "folds", "list(splitter.split(x, y, groups))"),
    (lambda: prepared(folds=model_selection.KFold), "folds", "such as KFold(5)"),
    (lambda: prepared(folds=[(X[:, 0] > 0, X[:, 0] <= 0)]), "folds", "np.flatnonzero(mask)"),
    (lambda: prepared(folds=([0, 1, 2], [3, 4, 5])), "folds", "[(rows to train on, rows held out)]"),
    (lambda: prepared(cells=({"l2": c} for c in (0.0, 0.1))), "cells", "list(cells)"),
    (lambda: prepared(schedulers=jfnn.EarlyStopping), "schedulers", "jfnn.EarlyStopping(5)"),
    (lambda: jfnn.plots.axis_curves(HISTORY, "epochs"), "axis", "interval_curves"),
    # Names and indices that a result lacks.
    (lambda: RESULT.cell_scores("test_f1"), "name", "metrics=[…] of jfnn.supervised or"),
    (lambda: RESULT.scores["test_f1"], "scores", "metrics=[…] of jfnn.supervised or"),
    (lambda: RESULT.best("f1"), "rule", "'f1'; to rank by another metric"),
    (lambda: RESULT.history["test_loss"], "history", "got 'test_loss'; Execution(eval_every=1)"),
    (lambda: RESULT.terms["size"], "terms", "got 'size'; Execution(objective=True)"),
    (lambda: jfnn.supervised(NET, metrics=["mcc"]), "metrics", "jfnn.learners.output_metric"),
    (lambda: with_loss(lambda p, batch, key: jnp.sum(batch[:, 0])), "loss", "tuple (x, y)"),
    (lambda: with_loss(wrong_shape_loss), "loss", "(tried with 17 rows): TypeError: dot_general"),
    (lambda: with_loss(square, score=lambda p, rows: {"loss": rows @ p["w"]}), "score", "tuple (x, y)"),
    (lambda: jfnn.learner(lambda: 1.0, square), "init", "a function of a random key"),
    (lambda: prepared(network=jfnn.learner(lambda key: X @ X, square)), "init", "fails: ValueError: matmul"),
    # Indices into results.
    (lambda: RESULT.member(0, 0), "member", "lengths learning_rate 2, l2 3, seeds 2, folds 4, got (0, 0)"),
    (lambda: RESULT.member(*RESULT.best().index), "member", "member(*index, seed, fold)"),
    (lambda: RESULT.axes_at((0, 3)), "index", "lengths learning_rate 2, l2 3, got"),
    # Similar names, or names used by other libraries.
    (lambda: objective(loss="mse"), "loss", "mean 'quadratic'"),
    (lambda: prepared(loss=optax.softmax_cross_entropy), "loss", "mean 'cross_entropy'"),
    (lambda: prepared(optimizer=jfnn.Optimizer(momentumm=0.9)), "optimizer", "mean 'momentum'"),
    (lambda: jfnn.mlp((2, 2), jax.nn.relu), "activation", "mean 'relu'"),
    (lambda: prepared(batch_size=jfnn.Minibatches(4, "shuffle")), "scheme", "mean 'permutation'"),
]  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: f"{case[1]}: {case[2]}")
def test_error_shows_the_given_value_or_a_remedy(case):
    call, argument, words = case
    error = refusal(call)
    assert complaint(error, {argument}) is None
    assert words in str(error) and "ShapeDtypeStruct" not in str(error)


HUGE = jax.tree.map(lambda leaf: np.full(leaf.shape, 1e39), PARAMS)  # beyond float32
# Values once accepted, or refused under another name or none -> the argument of the error.
FOUND = [
    (lambda: analysis.Interval(method=np.arange(2)), "method"),
    (lambda: prepared(split=SPLIT._replace(names=np.arange(2))), "names"),
    (lambda: prepared(split="None"), "split"),
    (lambda: prepared(l2=[False, 0]), "l2"),
    (lambda: analysis.front(RESULT, [None]), "objectives"),
    (lambda: analysis.cell_names(None), "result"),
    (lambda: analysis.matched(NET, HUGE, PARAMS), "a"),
    (lambda: analysis.matched(NET, PARAMS, HUGE), "b"),
    (lambda: datasets.digits(stratify=None), "stratify"),
    (lambda: subsets.shares(6, 0.5, 2, start_per_subset=None), "start_per_subset"),
    (lambda: subsets.by_group([1, 1, 2, 2], held_out=1e302), "held_out"),
    (lambda: subsets.by_group(Tensor()), "groups"),
    (lambda: subsets.by_group(sparse.csr_array(X)), "groups"),
    (lambda: objective(dropout=1e39, key=jax.random.key(0)), "dropout"),
    (lambda: datasets.transform({"a": {}}, bytearray(b"a")), "frame"),
    (lambda: analysis.matched(NET, (leaf for leaf in PARAMS), PARAMS), "a"),
    (lambda: datasets.standardize(jfnn.Split(X, Y), [False, ""]), "columns"),
    (lambda: datasets.transform({"a": {}}, sparse.csr_array(X)), "frame"),
    (lambda: make_programs(batch_sizes=(0, 8)).program(network="20", batch_size=False), "batch_size"),
    (lambda: jfnn.supervised(NET, hyper=["a\nb", "a\nb"]), "hyper"),
    (lambda: subsets.Subsets(6, np.array(1)), "pairs"),
]


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case[1])
def test_invalid_values_found_by_draws_are_refused_by_argument_name(case):
    call, argument = case
    assert complaint(refusal(call), {argument}) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"lr": 0.1}, "learning_rate"),
        ({"learning_rate": 0.1, "epoch": 3}, "'epochs'"),
        ({"learning_rate": 0.1, "dropout": 0.5}, "hyper={…}"),
        ({"tile": 1}, "execution=jfnn.Execution(…)"),
        ({"workers": 2}, "execution=jfnn.Workers(executor)"),
    ],
)
def test_unknown_keywords_are_refused_with_a_suggestion(words, said):
    with pytest.raises(TypeError, match=r"^sweep\(\) ") as caught:
        jfnn.sweep(NET, (X, Y), **words)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("jfnn", "MLP", "jfnn.mlp"),
        ("jfnn", "relu", "activation='relu'"),
        ("jfnn", "MLPRegressor", "jfnn.estimators.MLPRegressor"),
        ("jfnn.analysis", "memorisation", "jfnn.analysis.memorization"),
        ("jfnn.datasets", "load_digits", "jfnn.datasets.digits"),
        ("jfnn.plots", "loss_curve", "jfnn.plots.loss_curves"),
        ("jfnn.losses", "hubber", "jfnn.losses.huber"),
        ("jfnn.schedulers", "MLPRegressor", "jfnn.estimators.MLPRegressor"),
        ("jfnn.subsets", "Pair", "jfnn.extend.Pairs"),
    ],
)
def test_unknown_names_of_a_module_are_refused_with_a_suggestion(module, name, said):
    with pytest.raises(AttributeError, match=f"^module '{module}' has no attribute '{name}'; ") as caught:
        getattr(importlib.import_module(module), name)
    assert said in str(caught.value)


def public_modules():
    """Return the modules of jfnn that list public names."""
    names = [module.name for module in pkgutil.iter_modules(jfnn.__path__, "jfnn.")]
    modules = [importlib.import_module(name) for name in names if name != "jfnn.__main__"]
    return [module for module in modules if hasattr(module, "__all__")]


@pytest.mark.parametrize("module", public_modules(), ids=lambda module: module.__name__)
def test_every_public_module_suggests_its_names(module):
    name = module.__all__[0]
    with pytest.raises(AttributeError, match=f"(?i)did you mean .*{name}"):
        getattr(module, f"{name}z")


REMOVED = [
    ("losses", "huber_cost"),
    ("losses", "pinball_cost"),
    ("minibatches", "SCHEMES"),
    ("training", "GRADIENTS"),
]


@pytest.mark.parametrize(("module", "name"), REMOVED)
def test_removed_names_cannot_be_read(module, name):
    assert not hasattr(importlib.import_module(f"jfnn.{module}"), name)


def test_cells_of_a_data_frame_equal_those_of_its_columns():
    cells = {"learning_rate": [0.1, 0.2], "l2": [0.0, 0.5]}
    frame = pytest.importorskip("pandas").DataFrame(cells)
    listed = prepared(cells=frame, learning_rate=None).experiment.cells
    assert {name: values.tolist() for name, values in listed.values.items()} == cells and not listed.crossed


def test_loss_that_draws_its_rows_trains_without_inputs():
    learner = jfnn.learner(lambda key: jnp.ones(2), lambda params, batch, key: (params**2).sum())
    assert jfnn.train(learner, learning_rate=0.25, epochs=2, batch_size=None).params == pytest.approx(0.25)


def test_too_many_positional_arguments_are_counted():
    with pytest.raises(TypeError, match=r"^sweep\(\) takes 2 .*network, split, got 3"):
        jfnn.sweep(NET, X, Y, learning_rate=0.1)


def test_network_has_no_fit_and_names_the_functions_that_train():
    with pytest.raises(AttributeError, match=r"'fit'; jfnn\.train"):
        NET.fit(X, Y)


@pytest.mark.thorough
def test_torch_module_is_refused_with_a_pointer_to_the_tutorial():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"network: .*from_pytorch"):
        jfnn.sweep(torch.nn.Linear(2, 2), jfnn.Split(X, Y), learning_rate=0.1)
