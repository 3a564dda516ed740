"""Penalties compared with central differences, JAX, and a replay in NumPy."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import central_differences, compiled, perturbed
from scipy.optimize import minimize_scalar

import jfnn
from jfnn import backprop, losses, penalties, training
from jfnn.layers import Dense, Layer, Scaled
from jfnn.penalties import PENALIZED, PENALTIES, soft_threshold

N = 60
FEATURES = 6
COEFFICIENTS = np.array([2.0, 0.0, 0.0, -1.0, 0.0, 0.5])
STRENGTHS = {"l2": 0.3, "l1": 0.2}


@functools.cache
def linear_problem():
    """Return inputs, and targets that depend on half of them."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, FEATURES))
    return x, x @ COEFFICIENTS + 0.7 + 0.3 * rng.normal(size=N)


def make_params(dtype=np.float64):
    """Return parameters of 3-4-2, with a weight and a bias of 0."""
    rng = np.random.default_rng(3)
    params = [Layer(rng.normal(size=(n, m)), rng.normal(size=m)) for n, m in ((3, 4), (4, 2))]
    params[0].w[1, 2] = 0
    params[1].b[0] = 0
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tuple(params))


@pytest.mark.thorough
@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_has_the_derivative_of_its_cost(name):
    w = np.random.default_rng(0).normal(size=(5, 4))
    cost, derivative, _ = PENALTIES[name]
    assert cost(w, 0) == pytest.approx({"l2": 0.5 * (w**2).sum(), "l1": np.abs(w).sum()}[name], rel=1e-6)
    values = [cost(near, 0) for near in perturbed(w, 1e-3)]
    np.testing.assert_allclose(derivative(w), central_differences(values, w, 1e-3), atol=1e-2)
    for point in (w, np.zeros((2, 3))):
        np.testing.assert_array_equal(jax.grad(lambda w: cost(w, 0))(point), derivative(jnp.asarray(point)))


OBJECTIVES = list(itertools.product(PENALIZED, losses.REDUCTIONS))


@pytest.mark.thorough
@pytest.mark.parametrize(("penalized", "reduction"), OBJECTIVES)
def test_objective_and_hand_gradient_include_the_penalties(penalized, reduction):
    params = make_params()
    rng = np.random.default_rng(8)
    x = rng.normal(size=(7, 3))
    y = rng.normal(size=(7, 2))
    options = {"loss": "quadratic", "reduction": reduction}
    penalty = {"penalized": penalized, **STRENGTHS}
    value, by_hand = backprop.value_and_grad(params, x, y, activation="tanh", **options, **penalty)
    network = jfnn.mlp((3, 4, 2), "tanh")
    objective = functools.partial(jfnn.objective, network, x=x, y=y, **options)
    by_jax = jax.grad(lambda params: objective(params, **penalty))(params)
    bare, cost = backprop.value_and_grad(params, x, y, activation="tanh", **options)
    scale = 1 if reduction == "sum" else 1 / 7
    leaves = [leaf for leaf in jax.tree.leaves(params) if penalized == "all" or leaf.ndim == 2]
    added = sum(0.15 * (leaf**2).sum() + 0.2 * np.abs(leaf).sum() for leaf in leaves)
    assert value == pytest.approx(float(bare) + scale * added, rel=1e-6)
    assert objective(params, **penalty) == pytest.approx(float(value), rel=1e-6)

    def expected(gradient, leaf):
        free = penalized == "weights" and leaf.ndim == 1
        return gradient + (0 if free else scale * (0.3 * leaf + 0.2 * np.sign(leaf)))

    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        by_hand,
        jax.tree.map(expected, cost, params),
    )
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), by_hand, by_jax)


def test_soft_threshold_minimizes_its_problem():
    for w in (-2.0, -0.3, 0.0, 0.2, 1.7):
        least = minimize_scalar(
            lambda v, w=w: (v - w) ** 2 / 2 + 0.5 * abs(v), bounds=(-3, 3), method="bounded"
        )
        assert soft_threshold(jnp.float32(w), 0.5) == pytest.approx(least.x, abs=1e-5)
    assert soft_threshold(jnp.float32(-0.3), 0.5) == 0


def replay(params, batches, rates, l1, l2, penalized="weights", factors=(1.0, 1.0)):
    """Replay proximal steps of a 3-4-2 network with tanh and half squared errors in NumPy."""
    (w1, b1), (w2, b2) = ((np.array(w), np.array(b)) for w, b in params)
    for (x, y), rate in zip(batches, rates, strict=True):
        a = np.tanh(x @ w1 + b1)
        d2 = (a @ w2 + b2 - y) / len(x)
        d1 = (d2 @ w2.T) * (1 - a**2)
        gradients = [x.T @ d1, d1.sum(0), a.T @ d2, d2.sum(0)]
        moved = []
        for i, (p, g) in enumerate(zip((w1, b1, w2, b2), gradients, strict=True)):
            is_penalized = penalized == "all" or p.ndim == 2
            step = rate * factors[i % 2] if i < 2 else rate
            g = g + l2 / len(x) * p * is_penalized
            after = p - step * g
            threshold = step * l1 / len(x) * is_penalized
            moved.append(np.sign(after) * np.maximum(np.abs(after) - threshold, 0))
        w1, b1, w2, b2 = moved
    return (Layer(w1, b1), Layer(w2, b2))


# Name -> network, further keywords of the learner, and of the replay.
REPLAYS = {
    "autodiff": (jfnn.mlp((3, 4, 2), "tanh"), {}, {}),
    "backprop": (jfnn.mlp((3, 4, 2), "tanh"), {"gradient": "backprop"}, {}),
    "all": (jfnn.mlp((3, 4, 2), "tanh"), {"penalized": "all"}, {"penalized": "all"}),
    "rates of layers": (
        jfnn.sequential([Scaled(Dense(4, "tanh"), rate=0.5, bias_rate=2.0), Dense(2, "identity")], 3),
        {},
        {"factors": (0.5, 2.0)},
    ),
    "no momentum": (jfnn.mlp((3, 4, 2), "tanh"), {"optimizer": jfnn.Optimizer("sgd", momentum=None)}, {}),
    "schedule": (jfnn.mlp((3, 4, 2), "tanh"), {"optimizer": jfnn.Optimizer("sgd", schedule="linear")}, {}),
}


LAYOUTS = ("tiles", "members last")
CASES = list(itertools.product(REPLAYS, LAYOUTS))


@pytest.mark.thorough
@pytest.mark.parametrize(("case", "layout"), CASES)
def test_proximal_steps_of_a_sweep_equal_those_of_numpy(case, layout):
    network, options, of_replay = REPLAYS[case]
    rng = np.random.default_rng(4)
    x = rng.normal(size=(24, 3)).astype(np.float32)
    y = rng.normal(size=(24, 2)).astype(np.float32)
    strengths = [0.0, 1.0, 3.0, *np.linspace(0.1, 2, 13 if layout == "members last" else 0)]
    batches = jfnn.Minibatches(8, "in_order")
    result = jfnn.sweep(
        jfnn.supervised(network, "quadratic", hyper=["l1"], **options),
        jfnn.Split(x, y),
        learning_rate=0.1,
        l2=0.5,
        hyper={"l1": strengths},
        batch_size=batches,
        epochs=20,
        execution=jfnn.Execution(tile=len(strengths)),
    )
    start = network.init(jax.random.key(0))
    rows = [(x[i : i + 8], y[i : i + 8]) for i in (0, 8, 16)] * 20
    rates = np.full(60, 0.1) if case != "schedule" else 0.1 * (1 - np.arange(60) / 60)
    zeros = 0
    for k, l1 in enumerate(strengths):
        found = result.member(0, 0, k, 0)
        expected = replay(start, rows, rates, l1, 0.5, **of_replay)
        for leaf, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(leaf, other, atol=2e-5)
            np.testing.assert_array_equal(leaf == 0, other == 0)
            zeros += (other == 0).sum() if other.ndim == 2 else 0
    assert zeros > 5


STEPS = list(itertools.product(("sgd", "adam"), (3, 16)))  # 16 members are on the last axis of a tile


@pytest.mark.thorough
@pytest.mark.parametrize(("optimizer", "members"), STEPS)
def test_objective_of_a_step_includes_the_penalties(optimizer, members):
    x, y = linear_problem()
    split = jfnn.Split(x, y[:, None])
    network = jfnn.mlp((FEATURES, 3, 1), "tanh")
    strengths = np.linspace(0, 5, members)
    result = jfnn.sweep(
        jfnn.supervised(network, "quadratic", hyper=["l1"], optimizer=optimizer, penalized="all"),
        split,
        learning_rate=0.01,
        l2=0.5,
        hyper={"l1": strengths},
        batch_size=30 if members == 16 else None,
        epochs=1,
        execution=jfnn.Execution(tile=members, objective=True),
    )
    bare = result.objective[0, 0, :1, 0, 0]
    size = sum(np.abs(leaf).sum() for leaf in jax.tree.leaves(network.init(jax.random.key(0))))
    rows = 30 if members == 16 else N
    assert result.objective.shape == (1, 1, members, 1, 1)
    # The parameters before the second step are slightly closer to 0.
    np.testing.assert_allclose(result.objective[0, 0, :, 0, 0], bare + strengths * size / rows, rtol=0.02)


@pytest.mark.thorough
def test_other_optimizers_follow_the_subgradient():
    """This matches the steps of `jfnn.training`, which use the gradient of the whole objective."""
    x, y = linear_problem()
    y = y[:, None]
    network = jfnn.mlp((FEATURES, 3, 1), "tanh")
    options = {"learning_rate": 0.01, "batch_size": N, "epochs": 25, "loss": "quadratic", "optimizer": "adam"}
    found = jfnn.sweep(network, jfnn.Split(x, y), hyper={"l1": [0.0, 4.0]}, l2=0.1, **options)
    params = network.init(jax.random.key(0))
    optimizer = optax.adam(0.01)
    state = jfnn.State(params, optimizer.init(params))
    value_and_grad = training.autodiff(network, jfnn.losses.LOSSES["quadratic"], "mean")
    step = compiled(functools.partial(training.step, optimizer=optimizer, value_and_grad=value_and_grad))
    for _ in range(25):
        state, _ = step(state, x=jnp.float32(x), targets=jnp.float32(y), l2=0.1, l1=4.0)
    for leaf, other in zip(
        jax.tree.leaves(found.member(0, 0, 1, 0)), jax.tree.leaves(state.params), strict=True
    ):
        np.testing.assert_allclose(leaf, other, atol=1e-5)


def test_strengths_without_l1_equal_l2_alone():
    assert set(penalties.as_strengths(0.1)) == {"l2"} == set(penalties.as_strengths(0.1, 0))
    assert set(penalties.as_strengths(0.1, jnp.float32(0))) == {"l2", "l1"}


def own_gradient(params, x, targets, l2):
    return jnp.float32(0), params


NUMBER = jfnn.Network(
    lambda key: {"w": jnp.ones((3, 1)), "l1": jfnn.Constant(jnp.float32(1))}, lambda p, x: x @ p["w"]
)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"hyper": ["l1"], "gradient": own_gradient}, "hyper"),
        ({"penalized": "all", "gradient": own_gradient}, "penalized"),
        ({"penalized": "biases"}, "penalized"),
        ({"hyper": ["l1"], "network": NUMBER}, "hyper"),
    ],
)
def test_l1_is_refused_where_unsupported(options, argument):
    network = options.pop("network", jfnn.mlp((3, 1)))
    with pytest.raises(ValueError) as caught:
        jfnn.supervised(network, "quadratic", **options)
    assert caught.value.argument == argument
    with pytest.raises(ValueError) as caught:
        jfnn.sweep(
            jfnn.mlp((3, 1)),
            jfnn.Split(np.ones((4, 3)), np.ones((4, 1))),
            learning_rate=0.1,
            hyper={"l1": -1.0},
        )
    assert caught.value.argument == "l1"
