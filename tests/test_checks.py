"""Each check gives back what it takes and raises an ArgumentError for all else; and data are checked."""

import pickle
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import complaint, refusal
from room_calls import (
    KEY,
    MACHINE,
    NET,
    PARAMS,
    X,
    Y,
    accuracy,
    backprop,
    objective,
    predict,
    predict_proba,
    prepared,
)

import jfnn
from jfnn import activations, boltzmann, datasets, losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.cures import Set
from jfnn.arguments.signatures import check_callable
from jfnn.core.experiment import settings
from jfnn.core.experiment.axes import HYPER, as_cells
from jfnn.minibatches import Minibatches
from jfnn.optimizers import UpdateRule
from jfnn.targets import as_targets

pytestmark = pytest.mark.unoptimised


def masked(array):
    """The array with one entry masked."""
    array = np.ma.masked_array(array)
    array[(1,) * array.ndim] = np.ma.masked
    return array


def at_5(value):
    return np.where(np.arange(16).reshape(8, 2) == 5, value, X)


RAGGED = [[1.0, 2.0], [3.0]]
# A check -> values that it takes, and their canonical forms; values that it does not take.
NO_NUMBER = ("1", None, 1j, {}, True, RAGGED, masked([1.0, 2.0]), [[1.0]], [], np.nan, np.inf, [1, -np.inf])
NO_COUNT = (True, 1.5, "1", None, [1], 1j, np.float32(1), {}, -1, 2**31, 10**5000)
CHECKS = {
    "as_count": (checks.as_count, {1: 1, np.uint8(3): 3, checks.MOST: checks.MOST}, (*NO_COUNT, 0)),
    "as_counts": (checks.as_counts, {(): (), (np.int64(1), 2): (1, 2)}, ("12", 3, {1}, (0,), (True,))),
    "as_seed": (checks.as_seed, {0: 0, 2**32 - 1: 2**32 - 1}, (-1, 2**32, 0.0, True, None)),
    "as_switch": (checks.as_switch, {True: True, np.False_: False}, (1, "yes", None, [True])),
    "as_number": (checks.as_number, {0: 0.0, np.float16(0.5): 0.5}, (*NO_NUMBER, -1e-300, [0.1])),
    "as_representable": (checks.as_representable, {1e38: 1e38}, (*NO_NUMBER, 1e39, -1)),
    "as_axis": (checks.as_axis, {2: [2.0], (1, 2): [1.0, 2.0]}, (*NO_NUMBER, -1, [0.1, -1])),
    "as_choice": (
        lambda value, name: checks.as_choice(value, name, ["a", "b"]),
        {"a": "a"},
        ("c", "", 3, None, ["a"]),
    ),
    "dropout": (HYPER["dropout"], {0: 0.0, (0.1, 0.5): [0.1, 0.5]}, (*NO_NUMBER, 1.0, [0.5, 1], -0.1)),
    "init_scale": (HYPER["init_scale"], {1e-300: 1e-300}, (0, [0.0, 1], -1)),
    "as_seeds": (
        settings.as_seeds,
        {2: [0, 1], (7, 3): [7, 3], range(2): [0, 1]},
        (0, -1, [], [0, 0], [0.5], 2.0, [True], True, None, "01", RAGGED, {0, 1}, [2**32], 2**63, np.nan),
    ),
    "as_cells": (as_cells, {3: jfnn.Sample(3)}, (*NO_COUNT, 0)),
    "as_split": (
        settings.as_split,
        {(X.size, 1, 2, 3): (X.size, 1, 2, 3, None, None)},
        (3, None, (1, 2), {}),
    ),
    "as_minibatches": (
        settings.as_minibatches,
        {5: Minibatches(5), None: Minibatches(None), Minibatches(3, "full"): Minibatches(3, "full")},
        (0, -7, 1.5, "x", True, [8], 2**31),
    ),
    "as_validation": (
        settings.as_validation,
        {0.2: jfnn.Validation(0.2), None: jfnn.Validation()},
        ("x", True),
    ),
    "as_schedulers": (
        settings.as_schedulers,
        {(): (), (jfnn.Halving(3),): (jfnn.Halving(3),), jfnn.Halving(2): (jfnn.Halving(2),)},
        (3, jfnn.Halving, "halving", [3], [jfnn.Halving], {}, None),
    ),
    "as_execution": (
        settings.as_execution,
        {None: jfnn.Execution(), 2: jfnn.Execution(2)},
        (0, 1.5, "x", True),
    ),
    "check_key": (lambda value, name: checks.check_key(value, name), {}, (0, None, "key", jax.random.split)),
    "check_instance": (lambda value, name: checks.check_instance(value, dict, name), {}, (3, None, dict)),
    "check_callable": (
        lambda value, name: check_callable(value, (1, 2), name, "a function of two numbers"),
        {},
        (3, None, "len", lambda one: one, max, lambda *, one: one),
    ),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_gives_back_what_it_takes_and_names_the_argument_of_all_else(name):
    check, valid, invalid = CHECKS[name]
    for value, canonical in valid.items():
        once = check(value, "argument")
        np.testing.assert_equal(np.asarray(once, object), np.asarray(canonical, object))
        np.testing.assert_equal(np.asarray(check(once, "argument"), object), np.asarray(canonical, object))
    for value in invalid:
        with pytest.raises(ArgumentError) as caught:
            check(value, "argument")
        assert str(caught.value) == f"argument: {caught.value.reason}"
        assert "\n" not in str(caught.value) and len(caught.value.reason) > 12, value


def test_an_error_of_an_argument_is_data_and_travels_between_processes():
    cure = Set("resume", True, "goes on")
    for kind in (ArgumentError, ArgumentTypeError):
        error = pickle.loads(pickle.dumps(kind("l2", "expected less", "item", "more", cure)))
        assert type(error) is kind and isinstance(error, ValueError)
        assert error.args == ("l2", error.expected, error.item, error.got, error.cure) and error.cure == cure
        assert str(error) == f"l2: {error.reason}" == "l2: expected less, got more; resume=True goes on"
    assert issubclass(ArgumentTypeError, TypeError) and not issubclass(ArgumentError, TypeError)


def test_errors_take_the_names_of_the_callers_arguments():
    for raised, expected in (
        (ArgumentError("size", "a"), "pool"),
        (ArgumentTypeError("other", "a"), "other"),
    ):
        with pytest.raises(type(raised)) as caught, checks.renamed(size="pool"):
            raise raised
        assert caught.value.argument == expected and type(caught.value) is type(raised)
    with pytest.raises(ArgumentError) as caught, checks.item_of("sample"):
        raise ArgumentError("seed", "a", got="b", cure="c")
    assert str(caught.value) == "sample: seed: a, got b; c" and caught.value.item == "seed"


def test_values_are_shown_in_one_short_line():
    assert checks.shown("a\nb") == r"'a\nb'" and len(checks.shown("a" * 1000)) == 80
    assert checks.shown(10**5000) == "a int"


# Data, at every function that takes them


def check_sweep(x=X, y=Y, weights=None, params=None, **options):
    """All that `jfnn.sweep` does before it trains."""
    return prepared(split=jfnn.Split(x, y, None, None, weights), initial_params=params, **options)


def check_test_rows(x=X, y=Y):
    return prepared(split=jfnn.Split(X, Y, x, y))


# A function -> its arguments, and their names in errors.
FUNCTIONS = {
    check_sweep: {"x": "x_train", "y": "y_train", "weights": "weights", "params": "initial_params"},
    check_test_rows: {"x": "x_test", "y": "y_test"},
    objective: {"x": "x", "y": "y", "weights": "weights", "params": "params"},
    backprop: {"x": "x", "y": "y", "weights": "weights"},
    predict: {"x": "x", "params": "params"},
    predict_proba: {"x": "x", "params": "params"},
    accuracy: {"x": "x", "labels": "labels", "params": "params"},
}


def of_leaves(change):
    return jax.tree.map(lambda leaf: change(np.asarray(leaf, np.float64)), PARAMS)


# Values with the form of each argument; those of other kinds are in test_bad_calls.py.
BAD = {
    "x": [at_5(np.nan), at_5(np.inf), X * 1e39, X[:, 0], X[:, :1], X[:0], X + 0j, masked(X)],
    "y": [Y[:-1], Y.astype(str), Y + 0j, masked(Y), [[None, 1.0]] * 8],
    "weights": [masked(np.ones(8)), np.ones(7), np.ones((8, 1)), -Y, Y * np.nan, RAGGED],
    "params": [
        *(jfnn.mlp(sizes).init(KEY) for sizes in ((2, 4, 2), (2, 3, 3, 2))),  # other widths and depths
        *[PARAMS[::-1], PARAMS[:1], 3.0, {"w": PARAMS[0].w}],
        *(of_leaves(change) for change in (lambda leaf: leaf * np.nan, lambda leaf: leaf + 1e39, masked)),
        *(of_leaves(change) for change in (lambda leaf: leaf * 1j, lambda leaf: leaf.astype(str))),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("function", "argument"),
    [(function, argument) for function, arguments in FUNCTIONS.items() for argument in arguments],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_invalid_data_are_refused_by_the_name_that_the_function_has_for_them(function, argument):
    values = BAD["y" if argument == "labels" else argument]
    name = FUNCTIONS[function][argument]
    complaints = [complaint(refusal(function, **{argument: value}), {name}) for value in values]
    assert {i: why for i, why in enumerate(complaints) if why} == {}


MISFITS = [
    *((check_sweep, {"y": y}, "y_train") for y in (Y + 1, Y - 1, Y.astype(float), np.eye(3)[Y], None)),
    *((check_sweep, {"y": np.eye(2)[Y] * factor}, "y_train") for factor in (np.nan, 2, 1 / 2)),
    *((check_sweep, {"weights": np.full(8, value)}, "weights") for value in (1e39, 1e-60)),
    (check_sweep, {"weights": Y, "gradient": lambda p, x, t, *, l2: (l2, p)}, "weights"),
    (check_sweep, {"network": jfnn.mlp((3, 2))}, "x_train"),
    (check_sweep, {"network": jfnn.mlp((2, 1))}, "loss"),
    (check_sweep, {"network": jfnn.mlp((2, 1)), "loss": "softmax_binary_cross_entropy"}, "loss"),
    (check_sweep, {"network": jfnn.mlp((2, 2), output="tanh"), "loss": "sigmoid_cross_entropy"}, "loss"),
    (check_sweep, {"network": types.SimpleNamespace(init=NET.init, apply=NET.apply)}, "network"),
    (check_sweep, {"network": NET._replace(apply=lambda params, x: NET.apply(params, 2 * x))}, "network"),
    (check_sweep, {"optimizer": jfnn.Optimizer(momentum=1e39)}, "momentum"),
    (check_sweep, {"optimizer": jfnn.Optimizer("adamw", mask={})}, "optimizer"),
    (check_sweep, {"optimizer": jfnn.Optimizer("adam", learning_rate=0.1)}, "optimizer"),
    *(
        (function, given, argument)
        for function in (objective, backprop)
        for given, argument in (
            *[({"y": jnp.asarray(Y) - 1}, "y"), ({"y": np.eye(3)[Y]}, "y")],
            *[({"loss": "foo"}, "loss"), ({"reduction": "foo"}, "reduction")],
            *(({"l2": value}, "l2") for value in (-0.1, np.nan, 1e39, "0.1", None, [0.1], jnp.ones(1), True)),
            *(({"dropout": rate, "key": KEY}, "dropout") for rate in (1.0, np.nan, 1 - 1e-12)),
            ({"dropout": 0.5}, "key"),
        )
    ),
    (jfnn.mlp, {"sizes": (2,)}, "sizes"),
    (jfnn.mlp, {"sizes": (2, 2), "activation": np.tanh}, "activation"),
    (activations.get, {"activation": "foo"}, "activation"),
    (Minibatches(9).fitted, {"n": 8}, "batch_size"),
    (jfnn.Optimizer, {"name": "clip"}, "optimizer"),
    (UpdateRule(optax.noisy_sgd).check, {"params": PARAMS}, "optimizer"),
    (jfnn.sequential, {"layers": [], "inputs": 2}, "layers"),
    (jfnn.sequential, {"layers": [jfnn.Dense(3)], "inputs": (8, 8)}, "layers"),
    *((datasets.one_hot, {"labels": labels, "n_classes": 3}, "labels") for labels in ([0, 3], [-1])),
    (datasets.split, {"x": X, "y": Y[:-1]}, "y"),
    (datasets.standardise, {"split": jfnn.Split(X * 1e200, Y)}, "x_train"),
    (accuracy, {"labels": np.eye(2)[Y]}, "labels"),
    (jfnn.predict_proba, {"network": NET, "params": PARAMS, "x": X, "loss": "quadratic"}, "loss"),
    (backprop, {"params": (PARAMS[0], jfnn.mlp((2, 4, 2)).init(KEY)[1])}, "params"),
    (backprop, {"params": (jfnn.Layer("w", "b"),)}, "params"),
    (backprop, {"params": (jfnn.Layer(np.ones(2), np.ones(2)),)}, "params"),
    (backprop, {"params": jfnn.mlp((3, 2)).init(KEY)}, "x"),
    (boltzmann.init, {"key": KEY, "sizes": (4, 3), "scale": 1e39}, "scale"),
    (jfnn.boltzmann_machine, {"sizes": (4, 3), "scale": 1e39}, "scale"),
    *(
        (boltzmann.log_z, {"machine": MACHINE._replace(weights=weights)}, "machine")
        for weights in (None, 1.0, (np.ones((4, 3)) * 1j,), (RAGGED,), (object(),))
    ),
]


def test_values_that_do_not_fit_each_other_raise_by_name():
    complaints = [complaint(refusal(call, **given), {argument}) for call, given, argument in MISFITS]
    assert {i: why for i, why in enumerate(complaints) if why} == {}


@pytest.mark.parametrize("loss", [name for name, loss in losses.LOSSES.items() if loss.takes_logits])
def test_a_cross_entropy_behind_an_output_activation_is_refused(loss):
    for call in (
        lambda: objective(net=jfnn.mlp((2, 3, 2), output="sigmoid"), loss=loss),
        lambda: backprop(output="sigmoid", loss=loss),
    ):
        with pytest.raises(ValueError, match=r"^loss: .*identity"):
            call()


def test_the_message_says_where_the_first_nan_is():
    with pytest.raises(ValueError, match=r"nan at index \[2, 1\] \(1 such entries\)"):
        checks.as_inputs(at_5(np.nan))


def test_shapes_are_checked_while_tracing_and_values_are_not():
    with pytest.raises(ValueError, match=r"^y: expected 8 rows"):
        jax.jit(lambda x, y: objective(x, y))(X, Y[:-1])
    with pytest.raises(ValueError, match=r"^x: expected 2 columns"):
        jax.jit(lambda x, y: backprop(x, y))(X[:, :1], Y)
    for function in (objective, backprop, predict, predict_proba):
        jax.eval_shape(lambda x, function=function: function(x=x), at_5(np.nan))


def test_one_output_takes_labels_zero_and_one_as_its_targets():
    loss = losses.get("sigmoid_cross_entropy")
    assert as_targets(Y, (8, 1), loss, np.float32).ravel().tolist() == Y.tolist()
    assert as_targets(Y / 2, (8, 1), loss, np.float32).ravel().tolist() == (Y / 2).tolist()
    with pytest.raises(ValueError, match=r"^y: expected labels from 0 to 1"):
        as_targets(Y + 1, (8, 1), loss, np.float32)
