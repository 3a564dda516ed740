"""Constants among parameters: held, saved and scored, but not trained, penalised or pruned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import float64_first, representatives, same_bits

import jfnn
from jfnn import Dense
from jfnn.analysis.sharpness import sharpness
from jfnn.layers import Constant, Frozen
from jfnn.studies.lyapunov import lyapunov

pytestmark = pytest.mark.unoptimised

WHOLE = jfnn.sequential([Frozen(Dense(6, "tanh")), Dense(4, "tanh"), Dense(3, "identity")], 5)
REST = jfnn.sequential([Dense(4, "tanh"), Dense(3, "identity")], 6)
OPTIONS = dict(learning_rate=[0.02, 0.05], l2=[0.0, 0.3], epochs=3, batch_size=10, seeds=2)
RUNS = {
    "autodiff": {},
    "by hand": {"gradient": "backprop"},
    "members last": {"execution": jfnn.Execution(tile=16), "batch_size": 8},
    "members last, by hand": {
        "execution": jfnn.Execution(tile=16),
        "batch_size": 8,
        "gradient": "backprop",
    },
    "weight decay": {"optimizer": jfnn.Optimizer("adamw", weight_decay=0.5)},
    "a norm of all gradients": {"optimizer": "lars"},
    "factors of the start": {"hyper": {"init_scale": 2.0}},
    "other rates": {
        "whole": jfnn.sequential(
            [Frozen(Dense(6, "tanh")), jfnn.Scaled(Dense(4, "tanh")), Dense(3, "identity")], 5
        )
    },
}


def features(starts, split):
    """The split with the outputs of the frozen layer of one seed as inputs."""
    w, b = (np.asarray(leaf, np.float64) for leaf in starts[0].value)
    x_train, x_test = (np.tanh(x @ w + b).astype(split.x_train.dtype) for x in (split.x_train, split.x_test))
    return split._replace(x_train=x_train, x_test=x_test)


@pytest.mark.parametrize("name", representatives(RUNS, "by hand", "members last", "weight decay"))
@float64_first
def test_behind_a_frozen_layer_the_rest_trains_as_on_its_outputs(name, dtype, split):
    split = split._replace(x_train=split.x_train.astype(dtype), x_test=split.x_test.astype(dtype))
    changes = dict(RUNS[name])
    result = jfnn.sweep(changes.pop("whole", WHOLE), split, **OPTIONS | changes)
    starts = jfnn.sweep(WHOLE, split, **OPTIONS | {"epochs": 0}).params
    assert same_bits(result.params[0], starts[0])
    close = {"rtol": 3e3 * np.finfo(dtype).eps, "atol": 1e3 * np.finfo(dtype).eps}
    for seed in range(2):
        start = jax.tree.map(lambda leaf, seed=seed: leaf[0, 0, seed], starts)
        options = OPTIONS | changes | {"seeds": [seed]}
        alone = jfnn.sweep(REST, features(start, split), initial_params=start[1:], **options)
        pairs = zip(jax.tree.leaves(result.params[1:]), jax.tree.leaves(alone.params), strict=True)
        for whole, rest in pairs:
            np.testing.assert_allclose(whole[:, :, seed], rest[:, :, 0], **close)
        np.testing.assert_allclose(result.test_loss[..., seed], alone.test_loss[..., 0], **close)


def init(key):
    one, other, order = jax.random.split(key, 3)
    return {
        "w": jax.random.normal(one, (5, 2)),
        "teacher": Constant(
            {"w": jax.random.normal(other, (5, 2)), "order": jax.random.permutation(order, 2)}
        ),
    }


def loss(params, batch, key):
    teacher = params["teacher"].value
    return jnp.mean((batch @ params["w"] - (batch @ teacher["w"])[:, teacher["order"]]) ** 2)


def test_a_teacher_of_each_seed_is_learned_saved_and_gone_on_with(split, tmp_path):
    rows = jfnn.Split(split.x_train, None, split.x_test)
    learner = jfnn.learner(init, loss, optimizer=jfnn.Optimizer("adamw", weight_decay=1e-4))
    result = jfnn.sweep(learner, rows, learning_rate=0.05, epochs=60, batch_size=20, seeds=3, out=tmp_path)
    for seed in range(3):
        start = init(jax.random.key(seed))
        params = result.member(0, 0, seed)
        assert same_bits(params["teacher"], jax.tree.map(np.asarray, start["teacher"]))
        assert params["teacher"].value["order"].dtype == np.int32
        teacher = start["teacher"].value
        np.testing.assert_allclose(params["w"], teacher["w"][:, teacher["order"]], atol=0.02)
    assert (result.test_loss < 1e-3).all()
    again = jfnn.load(tmp_path)
    assert isinstance(again.params["teacher"], Constant) and same_bits(again.params, result.params)
    more = jfnn.sweep(
        learner, rows, learning_rate=0.05, batch_size=20, seeds=3, epochs=1, initial_params=again.params
    )
    assert same_bits(more.params["teacher"], result.params["teacher"])


def test_the_penalty_counts_no_constant():
    params = init(jax.random.key(0))
    assert jfnn.losses.l2_penalty(params) == jfnn.losses.l2_penalty({"w": params["w"]})


def test_a_frozen_layer_is_not_pruned(split):
    learner = jfnn.pruned(WHOLE, every=1, rounds=2, share=0.5)
    result = jfnn.sweep(learner, split, learning_rate=0.05, epochs=3, batch_size=10)
    frozen = result.params[0].value
    assert same_bits(
        frozen, jfnn.sweep(WHOLE, split, learning_rate=0.05, epochs=0, batch_size=10).params[0].value
    )
    assert [np.count_nonzero(layer.w) for layer in result.params[1:]] == [6, 3]
    np.testing.assert_allclose(learner.share_left(result.params), 9 / 36)


def test_derivatives_by_constants_are_refused(split):
    params = WHOLE.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"^network: expected one without constants"):
        sharpness(WHOLE, params, split.x_train, split.y_train)
    with pytest.raises(ValueError, match=r"^network: expected one without constants"):
        lyapunov(WHOLE, split, learning_rate=0.1, epochs=1, batch_size=10)
    with pytest.raises(TypeError, match=r"^layer: "):
        Frozen("dense")
