"""Values of the right kind that mean nothing all the same, and containers of other libraries."""

import fractions

import jax
import numpy as np
import pandas as pd
import pytest
from room_calls import NET, PARAMS, SPLIT, X, Y, prepared
from sklearn.model_selection import KFold
from test_bad_calls import complaint, refusal

import jfnn
from jfnn import boltzmann, datasets
from jfnn.backprop import value_and_grad

pytestmark = pytest.mark.unoptimised

KEY = jax.random.key(0)
MACHINE = boltzmann.init(KEY, (4, 3))
LAYERS = (jfnn.Layer(np.ones((2, 3)), np.ones(3)), jfnn.Layer(np.ones((3, 2)), np.ones(2)))
ALMOST_ONE = 1 - 1e-12  # which is 1 in float32


def machine(weights=MACHINE.weights, biases=MACHINE.biases):
    """Whether sums over the states of a machine with these parameters can be taken."""
    return boltzmann.log_z(boltzmann.Machine(weights, biases))


def on(executor):
    """A sweep on an executor, which is asked before anything is compiled."""
    return prepared(execution=jfnn.Execution(executor=executor))


class NoFutures:
    """What computes at once."""

    def submit(self, function, *arguments):
        return function(*arguments)


# What is refused by the name of which argument.
REFUSED = {
    "dropout that is 1 in float32, of a sweep": ("dropout", lambda: prepared(hyper={"dropout": ALMOST_ONE})),
    "dropout that is 1 in float32, of the objective": (
        "dropout",
        lambda: jfnn.objective(NET, PARAMS, X, Y, dropout=ALMOST_ONE, key=KEY),
    ),
    "l2 beyond float32": ("l2", lambda: jfnn.objective(NET, PARAMS, X, Y, l2=1e39)),
    "l2 beyond float32, by hand": ("l2", lambda: value_and_grad(PARAMS, X, Y, l2=1e39)),
    "scale beyond float32": ("scale", lambda: boltzmann.init(KEY, (4, 3), 1e39)),
    "scale beyond float32, of a learner": ("scale", lambda: jfnn.boltzmann_machine((4, 3), scale=1e39)),
    "rows of a batch of all": ("batch_size", lambda: prepared(batch_size=jfnn.Minibatches(-3, "full"))),
    "no targets to test on": ("y_test", lambda: prepared(split=SPLIT._replace(y_test=None))),
    "more folds than rows": ("folds", lambda: prepared(folds=9)),
    "more folds than rows of a class": ("folds", lambda: prepared(folds=5)),
    "one fold": ("folds", lambda: prepared(folds=1)),
    "half a fold": ("folds", lambda: prepared(folds=2.5)),
    "folds that are no pairs": ("folds", lambda: prepared(folds=np.arange(8).reshape(2, 4))),
    "a splitter of too many": ("folds", lambda: prepared(folds=KFold(20))),
    "numbers too large to scale": (
        "x_train",
        lambda: datasets.standardise(SPLIT._replace(x_train=X * 1e200)),
    ),
    "together of workers that never try again": ("together", lambda: jfnn.Workers(len, tries=1, together=-4)),
    "workers of workers": ("executor", lambda: jfnn.Workers(jfnn.Workers(len))),
    "workers by their class": ("executor", lambda: on(jfnn.Workers)),
    "an executor without futures": ("executor", lambda: on(NoFutures())),
    "no weights of a machine": ("machine", lambda: machine(None, None)),
    "weights of a machine that are one number": ("machine", lambda: machine(1.0)),
    "words as weights of a machine": ("machine", lambda: machine((np.full((4, 3), "a"),))),
    "complex weights of a machine": ("machine", lambda: machine((np.ones((4, 3)) * 1j,))),
    "ragged weights of a machine": ("machine", lambda: machine(([[1, 2], [3]],))),
    "objects as weights of a machine": ("machine", lambda: machine((object(),))),
    "words as layers": ("params", lambda: value_and_grad((jfnn.Layer("w", "b"),), X, Y)),
    "numbers as layers": ("params", lambda: value_and_grad((jfnn.Layer(1.0, 2.0),), X, Y)),
    "layers without an axis": ("params", lambda: value_and_grad((jfnn.Layer(np.ones(2), np.ones(2)),), X, Y)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_nothing_is_refused_by_name(name):
    argument, call = REFUSED[name]
    assert complaint(refusal(call), {argument}) is None


class Text(str):
    """A word that is more than one."""


class Number(float):
    """A number that is more than one."""


# What is the same as which plain value.
SAME = {
    "a share in float16": ("test_size", np.float16(0.25), 0.25),
    "a share as a fraction": ("test_size", fractions.Fraction(1, 4), 0.25),
    "a number of rows in uint8": ("test_size", np.uint8(2), 2),
}


@pytest.mark.parametrize("name", SAME)
def test_numbers_of_other_types_cut_as_plain_ones(name):
    argument, value, plain = SAME[name]
    for one, other in zip(
        datasets.split(X, Y, **{argument: value}), datasets.split(X, Y, **{argument: plain}), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_numbers_and_words_of_other_types_train_as_plain_ones():
    odd = dict(
        learning_rate=np.longdouble(0.25), l2=Number(0.5), optimizer=Text("adam"), reduction=Text("mean")
    )
    plain = dict(learning_rate=0.25, l2=0.5, optimizer="adam", reduction="mean")
    common = dict(seeds=1, epochs=2, batch_size=4, execution=jfnn.Execution(devices=1))
    one, other = (
        jfnn.sweep(NET, SPLIT, **common, **options)
        for options in (odd | {"validation": np.float16(0.25)}, plain | {"validation": 0.25})
    )
    assert one.scores["train_loss"].tobytes() == other.scores["train_loss"].tobytes()
    assert one.config["fingerprint"] == other.config["fingerprint"]


def test_layers_in_a_list_have_the_gradient_of_those_in_a_tuple():
    of_list, of_tuple = value_and_grad(list(LAYERS), X, Y), value_and_grad(LAYERS, X, Y)
    for one, other in zip(jax.tree.leaves(of_list), jax.tree.leaves(of_tuple), strict=True):
        np.testing.assert_array_equal(one, other)


NULLABLE = {
    "Float64": pd.DataFrame(X).astype("Float64"),
    "Float64 and float64": pd.DataFrame(X).astype({0: "Float64"}),
    "Int64 and boolean": pd.DataFrame({"a": Y, "b": Y > 0}).astype({"a": "Int64", "b": "boolean"}),
}


@pytest.mark.parametrize("name", NULLABLE)
def test_tables_of_nullable_numbers_are_those_of_plain_ones(name):
    table = NULLABLE[name]
    plain, labels = table.astype(float).to_numpy(), pd.Series(Y).astype("Int64")
    one, other = jfnn.objective(NET, PARAMS, table, labels), jfnn.objective(NET, PARAMS, plain, Y)
    assert one == other and np.isfinite(other)
    missing = table.mask(np.eye(8, 2) > 0)
    assert complaint(refusal(lambda: jfnn.predict(NET, PARAMS, missing)), {"x"}) is None
    words = table.assign(word=pd.Series(["1.5"] * 8, dtype=object)).iloc[:, 1:]
    assert complaint(refusal(lambda: jfnn.predict(NET, PARAMS, words)), {"x"}) is None
