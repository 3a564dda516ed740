"""Laws of every learner: the engine runs its steps, equal learners share programs, it can describe itself."""

import itertools
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled, noise_split, representatives, same_bits

import jfnn
from jfnn.core.engine.program import build
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.tracing import functions_of
from jfnn.core.search.prepare import prepare
from jfnn.learners import Batch, CustomLoss
from jfnn.minibatches import PADDING, Minibatches

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()  # 70 rows to train on, 20 to test
NET = jfnn.mlp((5, 6, 3))
OPTIONS = dict(learning_rate=[0.02, 0.1], l2=0.05, epochs=2, batch_size=16, seeds=2)


def own_init(key):
    return {"w": jax.random.normal(key, (5, 3)), "b": jnp.zeros(3)}


def own_apply(params, x):
    return jnp.tanh(x @ params["w"] + params["b"])


def own_gradient(params, x, targets, *, l2, weights=None):
    """Return the gradient of the summed quadratic cost of `own_apply`."""
    network = jfnn.Network(own_init, own_apply)
    return jax.value_and_grad(
        lambda p: jfnn.objective(network, p, x, targets, "quadratic", l2, weights=weights)
    )(params)


def own_loss(params, batch, key):
    x, y = batch
    return jnp.mean((own_apply(params, x) - jax.nn.one_hot(y, 3)) ** 2)


def noisy_loss(params, batch, key):
    x, y = batch
    return own_loss(params, (x + 0.1 * jax.random.normal(key, x.shape), y), None)


def scaled_loss(params, batch, key, strength):
    return strength * own_loss(params, batch, key)


def own_score(params, rows):
    x, y = rows
    outputs = own_apply(params, x)
    return {"loss": jnp.sum((outputs - jax.nn.one_hot(y, 3)) ** 2, -1), "right": jnp.argmax(outputs, -1) == y}


def clipped_sgd(learning_rate, clip=1.0):
    return optax.chain(optax.clip(clip), optax.sgd(learning_rate))


def half(done):
    return 1 - 0.5 * done


RIGHT = jfnn.Metric("right", True)
OWN = jfnn.Network(own_init, own_apply)
EVERYTHING = dict(
    network=jfnn.mlp((5, 4, 3), "tanh"),
    loss="softmax_binary_cross_entropy",
    reduction="mean",
    gradient="backprop",
    optimizer=jfnn.Optimizer("adam", b1=[0.8, 0.9], schedule="cosine", schedule_epochs=3),
    hyper=["init_scale", "dropout"],
)
# Name -> (how to make the learner, options besides `OPTIONS`). No two are equal.
LEARNERS = {
    "autodiff": (lambda: jfnn.supervised(NET), {}),
    "backprop": (lambda: jfnn.supervised(NET, gradient="backprop"), {}),
    "sum": (lambda: jfnn.supervised(NET, reduction="sum"), {}),
    "metrics": (lambda: jfnn.supervised(NET, metrics=["r2", "accuracy"]), {}),
    "dropout": (lambda: jfnn.supervised(NET, hyper=["dropout"]), {"hyper": {"dropout": [0.0, 0.4]}}),
    "everything": (
        lambda: jfnn.supervised(**EVERYTHING),
        {
            "hyper": {"init_scale": 0.5, "dropout": 0.2},
            "batch_size": Minibatches(16, "permutation", drop_last=False),
            "split": SPLIT._replace(weights=np.arange(70.0)),
        },
    ),
    "pruned": (lambda: jfnn.pruned(NET, every=1, rounds=[1, 2]), {}),
    "pruned by chance": (
        lambda: jfnn.pruned(NET, every=1, rounds=1, by="random", scope="global", rewind=False),
        {},
    ),
    "own optimizer": (
        lambda: jfnn.supervised(NET, optimizer=jfnn.Optimizer(clipped_sgd, clip=0.5, schedule=half)),
        {},
    ),
    "own network": (lambda: jfnn.supervised(OWN, "quadratic"), {}),
    "own gradient": (lambda: jfnn.supervised(OWN, "quadratic", gradient=own_gradient), {}),
    "own loss": (lambda: jfnn.learner(own_init, own_loss), {}),
    "own random loss": (lambda: jfnn.learner(own_init, noisy_loss, random=True), {}),
    "own loss of a number": (
        lambda: jfnn.learner(
            own_init,
            scaled_loss,
            optimizer=jfnn.Optimizer("adam", b1=0.8),
            hyper=["strength"],
            score=own_score,
            metrics=[RIGHT],
        ),
        {"hyper": {"strength": [0.5, 2.0]}},
    ),
}
LOOPED = ["backprop", "everything", "own gradient", "own random loss", "own loss of a number"]


def make_options(name, **changes):
    make, further = LEARNERS[name]
    return Options(**{"network": make(), "split": SPLIT, **OPTIONS, **further, **changes})


def plain_loop(start, step, experiment, replicate, hyper):
    """Train one member by `learner.step`, one minibatch after another; the reference for the engine."""
    learner = experiment.learner
    data = experiment.data
    replicates = experiment.replicates
    state = start(replicates.start(replicate), hyper)
    for epoch in range(experiment.epochs):
        for number, rows in enumerate(replicates.minibatches(replicate, epoch)):
            key = None
            if learner.random:
                key = jax.random.fold_in(jax.random.wrap_key_data(replicates.keys[replicate]), epoch)
                key = jax.random.fold_in(key, number)
            # Dropout masks are drawn for all places of a step; places without a row have weight 0.
            weights = None if data.weights is None else data.weights[rows] * (rows != PADDING)
            batch = Batch(jax.tree.map(lambda leaf: leaf[rows], data.rows), weights)  # noqa: B023
            state, value = step(state, batch, hyper, key)
            assert np.shape(value) == ()
    return state.params


@pytest.mark.parametrize("name", representatives(LOOPED, "everything"))
def test_member_of_the_engine_equals_a_plain_loop_over_steps(name, x64):
    options = make_options(name)
    experiment = prepare(options).experiment
    result = jfnn.sweep(**vars(options))
    learner = experiment.learner
    data = experiment.data
    hyper = experiment.hyper()
    n = len(experiment.replicates)
    start, step, scored = map(compiled, (learner.start, learner.step, learner.score))
    for member, index in enumerate(np.ndindex(result.diverged_at.shape)):
        if member % 3 == 1:
            continue  # two thirds of them are enough
        replicate = member % n
        of_member = {key: values[member] for key, values in hyper.items()}
        params = plain_loop(start, step, experiment, replicate, of_member)
        jax.tree.map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10),
            result.member(*index),
            jax.tree.map(np.asarray, learner.unpack(params)),
        )
        of_rows = scored(params, data.rows, of_member)
        assert {*of_rows} == {metric.name for metric in learner.metrics}
        parts = experiment.replicates.parts[experiment.replicates.folds[replicate]]
        for metric, (part, rows) in itertools.product(learner.metrics, parts.items()):
            values = np.asarray(of_rows[metric.name])
            assert len(values) == data.n
            rows = rows if data.weights is None else rows[data.weights[rows] > 0]
            if len(rows):
                expected = metric.reduce(values[None, rows], data, rows)
                np.testing.assert_allclose(
                    result.scores[f"{part}_{metric.name}"][index], expected[0], rtol=1e-8
                )


@pytest.mark.parametrize("name", LEARNERS)
def test_equal_and_unpickled_learners_share_the_compiled_program(name):
    learner, other = (make_options(name).network for _ in range(2))
    pickled = pickle.loads(pickle.dumps(learner))
    bound, data = learner.bind(make_options(name).split)
    for twin in (other, pickled):
        assert twin == learner and hash(twin) == hash(learner)
        assert twin.bind(make_options(name).split)[0] == bound
        programs = [build(functions_of(equal), False, "cpu") for equal in (twin, learner)]
        assert programs[0] is programs[1]
        assert (twin.hyper, twin.metrics, dict(twin.numbers)) == (
            learner.hyper,
            learner.metrics,
            dict(learner.numbers),
        )
    assert pickle.loads(pickle.dumps(bound)) == bound
    again = pickle.loads(pickle.dumps(data))
    assert same_bits((again.rows, again.n_train), (data.rows, data.n_train))


def test_different_learners_are_unequal():
    learners = [make() for make, _ in LEARNERS.values()]
    assert len(set(learners)) == len(learners)
    assert all(one != other for one, other in itertools.combinations(learners, 2))


def test_values_of_hyperparameters_are_not_compiled_in():
    for make in (jfnn.supervised, lambda *_, **options: jfnn.learner(own_init, own_loss, **options)):
        one, other, none = (
            make(NET, optimizer=jfnn.Optimizer("sgd", **arguments))
            for arguments in ({"momentum": 0.8}, {"momentum": [0.5, 0.9]}, {})
        )
        assert one == other != none
        assert one.numbers != other.numbers


@pytest.mark.parametrize("name", LEARNERS)
def test_learner_describes_itself_in_plain_values(name):
    learner, _ = make_options(name).network.bind(make_options(name).split)
    description = json.loads(json.dumps(learner.describe(), allow_nan=False))
    assert description == json.loads(json.dumps(make_options(name).network.bind(SPLIT)[0].describe()))
    assert {*description["metrics"]} == {metric.name for metric in learner.metrics}
    custom = isinstance(learner, CustomLoss) or name.startswith("own")
    assert learner.has_registered_fields == (not custom)


def test_metrics_and_ranking_follow_from_the_targets_unless_named():
    regression = SPLIT._replace(y_train=SPLIT.x_train[:, :3], y_test=SPLIT.x_test[:, :3])

    def names(learner, split):
        bound, _ = learner.bind(split)
        return [metric.name for metric in bound.metrics], bound.ranked_by

    assert names(jfnn.supervised(NET), SPLIT) == (["loss", "accuracy"], "accuracy")
    assert names(jfnn.supervised(NET, "quadratic"), SPLIT) == (["loss", "accuracy"], "accuracy")
    assert names(jfnn.supervised(NET, "quadratic"), regression) == (["loss", "r2"], "loss")
    several = regression._replace(y_train=SPLIT.x_train[:, :3] > 0, y_test=SPLIT.x_test[:, :3] > 0)
    several = several._replace(y_train=several.y_train * 1.0, y_test=several.y_test * 1.0)
    labels = ["loss", "accuracy", "exact_match"]
    assert names(jfnn.supervised(NET, "sigmoid_cross_entropy"), several) == (labels, "accuracy")
    one_hot = several._replace(y_train=np.eye(3)[SPLIT.y_train], y_test=np.eye(3)[SPLIT.y_test])
    assert names(jfnn.supervised(NET, "sigmoid_cross_entropy"), one_hot) == (labels[:2], "accuracy")
    assert names(jfnn.supervised(NET, "quadratic"), several) == (["loss", "r2"], "loss")
    assert names(jfnn.supervised(NET, metrics=[]), SPLIT) == (["loss"], "loss")
    assert names(jfnn.supervised(NET, metrics=["r2"]), SPLIT) == (["loss", "r2"], "loss")
    assert names(jfnn.supervised(NET, metrics=["accuracy", "loss"]), SPLIT) == (
        ["loss", "accuracy"],
        "accuracy",
    )
