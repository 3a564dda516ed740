"""Argument errors carry data, and shapes are checked during tracing."""

import pickle
import re

import jax
import numpy as np
import pytest
from helpers import complaint, refusal
from room_calls import (
    X,
    Y,
    backprop,
    objective,
    predict,
    predict_proba,
)

import jfnn
from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError, Set
from jfnn.arguments.signatures import check_callable
from jfnn.targets import as_targets

pytestmark = pytest.mark.unoptimized


def at_5(value):
    return np.where(np.arange(16).reshape(8, 2) == 5, value, X)


@pytest.mark.parametrize("value", [3, None, "len", lambda one: one, max, lambda *, one: one])
def test_check_callable_refuses_values_that_do_not_take_two_arguments(value):
    error = refusal(check_callable, value, (1, 2), "argument", "a function of two numbers")
    assert complaint(error, {"argument"}) is None and "a function of two numbers" in str(error)


def test_argument_errors_carry_data_and_can_be_pickled():
    cure = Set("resume", True, "goes on")
    for kind in (ArgumentError, ArgumentTypeError):
        error = pickle.loads(pickle.dumps(kind("l2", "expected less", "item", "more", cure)))
        assert type(error) is kind and isinstance(error, ValueError)
        assert error.args == ("l2", error.expected, error.item, error.got, error.cure) and error.cure == cure
        assert str(error) == f"l2: {error.reason}" == "l2: expected less, got more; resume=True goes on"
    assert issubclass(ArgumentTypeError, TypeError) and not issubclass(ArgumentError, TypeError)


def test_errors_use_the_names_of_the_callers_arguments():
    for raised, expected in (
        (ArgumentError("size", "a"), "pool"),
        (ArgumentTypeError("other", "a"), "other"),
    ):
        with pytest.raises(type(raised)) as caught, checks.rename_arguments(size="pool"):
            raise raised
        assert caught.value.argument == expected and type(caught.value) is type(raised)
    with pytest.raises(ArgumentError) as caught, checks.item_of("sample"):
        raise ArgumentError("seed", "a", got="b", cure="c")
    assert str(caught.value) == "sample: seed: a, got b; c" and caught.value.item == "seed"


def test_values_are_shown_on_one_short_line():
    assert checks.as_text("a\nb") == r"'a\nb'" and len(checks.as_text("a" * 1000)) == 80
    assert checks.as_text(10**5000) == "a int"


@pytest.mark.parametrize("loss", [name for name, loss in losses.LOSSES.items() if loss.takes_logits])
def test_cross_entropy_after_an_output_activation_is_refused(loss):
    for call in (
        lambda: objective(net=jfnn.mlp((2, 3, 2), output="sigmoid"), loss=loss),
        lambda: backprop(output="sigmoid", loss=loss),
    ):
        with pytest.raises(ValueError, match=r"^loss: .*identity"):
            call()


def test_message_locates_the_first_nan():
    with pytest.raises(ValueError, match=r"nan at index \[2, 1\] \(1 such entries\)"):
        checks.as_inputs(at_5(np.nan))


def test_shapes_are_checked_during_tracing_and_values_are_not():
    with pytest.raises(ValueError, match=r"^y: expected 8 rows"):
        jax.jit(lambda x, y: objective(x, y))(X, Y[:-1])
    with pytest.raises(ValueError, match=r"^x: expected 2 columns"):
        jax.jit(lambda x, y: backprop(x, y))(X[:, :1], Y)
    for function in (objective, backprop, predict, predict_proba):
        jax.eval_shape(lambda x, function=function: function(x=x), at_5(np.nan))


@pytest.mark.parametrize(
    ("labels", "loss", "cure"),
    [
        ([1, 2, 3], "cross_entropy", "y - 1 "),
        ([-1, 1, 1], "cross_entropy", "np.unique"),
        ([10, 20, 30], "cross_entropy", "np.unique"),
        ([0, 1, 2, 3], "cross_entropy", "4 outputs"),
        ([[-1.0], [1.0]], "sigmoid_cross_entropy", "y > 0"),
    ],
)
def test_error_of_labels_that_do_not_begin_at_0_has_the_code_that_numbers_them(labels, loss, cure):
    outputs = 3 if loss == "cross_entropy" else 1
    with pytest.raises(ValueError, match=re.escape(cure)):
        as_targets(np.array(labels), (len(labels), outputs), losses.get(loss), np.float32)


def test_one_output_accepts_labels_zero_and_one_as_targets():
    loss = losses.get("sigmoid_cross_entropy")
    assert as_targets(Y, (8, 1), loss, np.float32).ravel().tolist() == Y.tolist()
    assert as_targets(Y / 2, (8, 1), loss, np.float32).ravel().tolist() == (Y / 2).tolist()
    with pytest.raises(ValueError, match=r"^y: expected labels from 0 to 1"):
        as_targets(Y + 1, (8, 1), loss, np.float32)
