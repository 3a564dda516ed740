"""Invalid learners, optimizers, metrics and rows are refused by argument name, before compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import noise_split
from room_calls import not_refused

import jfnn
from jfnn import Metric, Optimizer, Split
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare

SPLIT = noise_split()
X = SPLIT.x_train
Y = SPLIT.y_train
NET = jfnn.mlp((5, 6, 3))


def init(key):
    return {"w": jax.random.normal(key, (5, 1))}


def loss(params, batch, key):
    return jnp.sum((batch[0] @ params["w"]) ** 2)


def strong_loss(params, batch, key, strength):
    return strength * loss(params, batch, key)


def score(params, rows):
    return {"loss": jnp.sum((rows[0] @ params["w"]) ** 2, -1)}


def total(outputs, targets, axis=-1):
    return jnp.sum(outputs, axis=axis)


def own(init=init, loss=loss, **arguments):
    return jfnn.learner(init, loss, **arguments)


def of_number(names, loss=strong_loss, **arguments):
    return jfnn.learner(init, loss, hyper=names, score=score, **arguments)


# Conflicting arguments -> the one that the error names; single invalid values are drawn in test_bad_calls.py.
MAKERS = [
    (lambda: own(metrics=[Metric("loss")]), "metrics"),
    (lambda: of_number(["l2"]), "hyper"),
    (lambda: of_number(["b1"], optimizer=Optimizer("adam", b1=0.9)), "hyper"),
    (lambda: jfnn.supervised(own()), "network"),
    (lambda: jfnn.supervised(jfnn.Network(init, 3)), "network"),
    (lambda: jfnn.supervised(NET._replace(apply=lambda params, x: x)), "network"),
    (lambda: jfnn.supervised(jfnn.mlp((5, 3), output="tanh")), "loss"),
    (lambda: jfnn.supervised(NET, optimizer=Optimizer(momentum={})), "optimizer"),
    (lambda: jfnn.supervised(jfnn.Network(*NET[:2]), gradient="backprop"), "gradient"),
    (lambda: jfnn.supervised(jfnn.Network(*NET[:2]), hyper=["dropout"]), "dropout"),
    (lambda: jfnn.supervised(NET, metrics=[Metric(3, of_rows=total)]), "metrics"),
    (lambda: jfnn.supervised(NET, metrics=[Metric("a\0b", True, total)]), "metrics"),
]


def with_further_parameter(leaf):
    """Return a learner and a network with one more parameter, which nothing reads."""

    def init_both(key):
        return init(key) | {"further": leaf}

    return [
        (own(init_both), "init"),
        (jfnn.supervised(jfnn.Network(init_both, lambda p, x: x @ jnp.tile(p["w"], 3))), "network"),
    ]


# A learner that can be created but not trained on the data -> the argument.
TRAINED = [
    (own(init=lambda key: None), "init"),
    *(
        case
        for dtype in (jnp.int32, jnp.bfloat16, jnp.complex64)
        for case in with_further_parameter(np.zeros(3, dtype))
    ),
    (own(loss=lambda params, batch: 0.0), "loss"),
    (own(loss=lambda params, batch, key: jnp.sum(batch[0] @ params["w"], -1)), "loss"),
    (own(loss=lambda params, batch, key: jax.random.normal(key) * loss(params, batch, key)), "loss"),
    (own(score=lambda params, rows: {"loss": jnp.sum(rows[0])[None]}), "score"),
    (own(score=lambda params, rows: {"cost": score(params, rows)["loss"]}), "score"),
    (own(metrics=[Metric("accuracy", True)]), "score"),
    (of_number(["strength"], loss=loss), "loss"),
    (jfnn.supervised(jfnn.mlp((4, 3))), "x_train"),
    (jfnn.supervised(NET, gradient=lambda params, x, targets, *, l2: params), "gradient"),
    (jfnn.supervised(NET, metrics=[Metric("own", False, lambda a, t: jnp.sum(a, -1))]), "metrics"),
    (jfnn.supervised(NET, metrics=[Metric("own", False, lambda a, t, axis: jnp.sum(a)[None])]), "metrics"),
]
# Rows for `own` -> the argument.
ROWS = [
    (Split(None), "loss"),
    (Split(X * 1e39), "x_train"),
    (Split(3.0), "x_train"),
    (Split({"a": X, "b": X[:3]}), "x_train"),
    (Split(np.arange(70) + 2**40), "x_train"),
    (Split(X, Y[:-1]), "y_train"),
    (Split(X, np.where(Y, np.inf, 0.0)), "y_train"),
    (Split(X, Y, X[:3, :2], Y[:3]), "x_test"),
    (Split(X, Y, X, Y[:3]), "y_test"),
    (Split(X, Y, X), "y_test"),
    (Split(X, Y, None, Y), "x_test"),
    (Split(X, Y, weights=np.ones(70)), "weights"),
]


@pytest.mark.parametrize("name", ["schedule_free_adamw", "prodigy", "muon"])
def test_optimizer_of_optax_contrib_may_be_passed_directly(name):
    with pytest.raises(ValueError, match=rf"^optimizer: .*optax\.contrib\.{name} itself"):
        Optimizer(name)
    assert Optimizer(getattr(optax.contrib, name)).rule()


def check_sweep(learner, split=SPLIT):
    hyper = {"strength": 1.0} if "strength" in learner.hyper else None
    prepare(Options(learner, split, learning_rate=0.1, epochs=2, batch_size=8, hyper=hyper))


MADE = [(make, {}, argument) for make, argument in MAKERS]
MADE += [(check_sweep, {"learner": learner}, argument) for learner, argument in TRAINED]
MADE += [(check_sweep, {"learner": own(), "split": split}, argument) for split, argument in ROWS]


def test_learner_or_rows_that_cannot_be_trained_are_refused_by_name():
    assert not_refused(MADE) == {}


@pytest.mark.parametrize("split", [SPLIT, Split()])
@pytest.mark.parametrize("random", [False, True])
def test_failing_loss_is_called_once_and_its_error_shows_its_arguments(split, random):
    given = []

    def loss(params, batch, key):
        given.append((batch, key))
        raise ValueError("of the user's")

    with pytest.raises(ValueError, match=r"^loss: .*of the user's") as caught:
        check_sweep(own(loss=loss, random=random), split)
    ((batch, key),) = given
    assert ("key is None" in str(caught.value)) == (key is None) == (not random)
    assert ("batch is None" in str(caught.value)) == (batch is None) == (split is not SPLIT)
