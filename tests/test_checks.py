"""Each check gives back what it takes; errors are data, and shapes are checked while JAX traces."""

import pickle

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
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.cures import Set
from jfnn.arguments.fields import one_of
from jfnn.arguments.signatures import check_callable
from jfnn.core.experiment import settings
from jfnn.core.experiment.axes import HYPER, as_cells
from jfnn.minibatches import Minibatches
from jfnn.targets import as_targets

pytestmark = pytest.mark.unoptimised


def at_5(value):
    return np.where(np.arange(16).reshape(8, 2) == 5, value, X)


FULL = Minibatches(3, "full")
RULE = jfnn.Halving(2)
# A check -> values that it takes, and their canonical forms; what it does not take is drawn in
# test_bad_calls.py, of the arguments that it checks.
CHECKS = {
    checks.as_count: {1: 1, np.uint8(3): 3, checks.MOST: checks.MOST},
    checks.as_counts: {(): (), (np.int64(1), 2): (1, 2)},
    checks.as_seed: {0: 0, 2**32 - 1: 2**32 - 1},
    checks.as_switch: {True: True, np.False_: False},
    checks.as_number: {0: 0.0, np.float16(0.5): 0.5},
    checks.as_representable: {1e38: 1e38},
    checks.as_axis: {2: [2.0], (1, 2): [1.0, 2.0]},
    one_of("ab"): {"a": "a"},
    HYPER["dropout"]: {0: 0.0, (0.1, 0.5): [0.1, 0.5]},
    HYPER["init_scale"]: {1e-300: 1e-300},
    settings.as_seeds: {2: [0, 1], (7, 3): [7, 3], range(2): [0, 1]},
    as_cells: {3: jfnn.Sample(3)},
    settings.as_split: {(X.size, 1, 2, 3): (X.size, 1, 2, 3, None, None)},
    settings.as_minibatches: {5: Minibatches(5), None: Minibatches(None), FULL: FULL},
    settings.as_validation: {0.2: jfnn.Validation(0.2), None: jfnn.Validation()},
    settings.as_schedulers: {(): (), (jfnn.Halving(3),): (jfnn.Halving(3),), RULE: (RULE,)},
    settings.as_execution: {None: jfnn.Execution(), 2: jfnn.Execution(2)},
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: getattr(check, "__name__", "bound"))
def test_a_check_gives_back_what_it_takes_and_again_what_it_gave(check):
    for value, canonical in CHECKS[check].items():
        once = check(value, "argument")
        np.testing.assert_equal(np.asarray(once, object), np.asarray(canonical, object))
        np.testing.assert_equal(np.asarray(check(once, "argument"), object), np.asarray(canonical, object))


@pytest.mark.parametrize("value", [3, None, "len", lambda one: one, max, lambda *, one: one])
def test_what_cannot_be_called_with_two_numbers_is_refused_in_the_words_for_it(value):
    error = refusal(check_callable, value, (1, 2), "argument", "a function of two numbers")
    assert complaint(error, {"argument"}) is None and "a function of two numbers" in str(error)


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
