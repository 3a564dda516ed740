"""Dense networks with members on the last axis: the same numbers as one member after the other."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled

import jfnn
from jfnn.layers import Dense, Flatten, Residual, small
from jfnn.learners import Supervised
from jfnn.learners.data import Batch
from jfnn.params import State

MEMBERS = 32
BATCH = 7
FEATURES = 4
OWN_LOSS = jfnn.losses.LOSSES["quadratic"]._replace(min_outputs=2)
TOLERANCE = {"float32": 1e-4, "float64": 1e-12}
BLOCK = (Dense(5, "tanh"), Residual([Dense(6, "elu"), Dense(5, "sigmoid")]), Dense(3, "identity"))
NETWORKS = {
    "no hidden layer": jfnn.mlp((FEATURES, 3)),
    "one": jfnn.mlp((FEATURES, 6, 3), "tanh", init="glorot_normal"),
    "two": jfnn.mlp((FEATURES, 6, 5, 3), "leaky_relu", init="he_normal"),
    "residual": jfnn.sequential(BLOCK, FEATURES),
    "no biases": jfnn.mlp((FEATURES, 5, 3), "tanh", bias=False),
    "two outputs a target": jfnn.mlp((FEATURES, 6, 6), "tanh", init="glorot_normal"),
}
LOSSES = [*jfnn.losses.LOSSES, jfnn.losses.huber(0.2), jfnn.losses.pinball(0.2, 0.7)]
CASES = [
    (
        "one" if jfnn.losses.get(loss).outputs_per_target == 1 else "two outputs a target",
        loss,
        "sum",
        "sgd",
        g,
    )
    for loss, g in zip(LOSSES, itertools.cycle(("autodiff", "backprop")), strict=False)
]
CASES += [
    ("no hidden layer", "cross_entropy", "mean", "adam", "autodiff"),
    ("two", "quadratic", "mean", jfnn.Optimizer("sgd", momentum=0.9, schedule="cosine"), "backprop"),
    ("residual", "softmax_binary_cross_entropy", "mean", "rmsprop", "backprop"),
    ("residual", "quadratic", "sum", "adam", "autodiff"),
    ("no biases", "quadratic", "sum", "adam", "backprop"),
]


# Indices of cases: several quantiles; a hand-derived gradient with two layers, momentum and a schedule.
QUICK = (len(LOSSES) - 1, len(LOSSES) + 1)


def make_tile(learner, dtype):
    """Return ``(states, hyper)``: random members, each with its own hyperparameters."""
    rng = np.random.default_rng(0)
    params = jax.vmap(learner.init)(jax.random.split(jax.random.key(1), MEMBERS))
    params = learner.pack(jax.tree.map(lambda leaf: leaf.astype(dtype), params))
    hyper = {name: jnp.asarray(rng.uniform(0.1, 0.9, MEMBERS), dtype) for name in learner.hyper}
    hyper["learning_rate"] /= 50  # larger ones amplify rounding in float32
    hyper |= {"schedule_steps": jnp.full(MEMBERS, 10, dtype)} if "schedule_steps" in learner.hyper else {}
    return jax.vmap(learner.start)(params, hyper), hyper


def make_batch(dtype, weighted, own):
    """Return a minibatch that members share, or one for each on the leading axis."""
    rng = np.random.default_rng(2)
    members = (MEMBERS,) if own else ()
    x = rng.normal(size=(*members, BATCH, FEATURES))
    targets = np.eye(3)[rng.integers(0, 3, (*members, BATCH))]
    weights = rng.integers(0, 4, (*members, BATCH)) / 3
    rows = jnp.asarray(x, dtype), jnp.asarray(targets, dtype)
    return Batch(rows, jnp.asarray(weights, dtype) if weighted else None)


def step_along(learner, axis, own=False):
    """Return ``(states, batch, hyper, key) -> (states, values)`` with members on the first axis outside.

    With ``own``, they are on the first axis of the batch and the keys too.
    """

    def moved(states, source, destination):
        return State(*jax.tree.map(lambda leaf: jnp.moveaxis(leaf, source, destination), tuple(states)))

    def step(states, batch, hyper, key):
        batch = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, axis), batch) if own else batch
        if axis == 0:
            each = 0 if own else None
            return jax.vmap(learner.step, in_axes=(0, each, 0, each))(states, batch, hyper, key)
        states, values = learner.step_last(moved(states, 0, -1), batch, hyper, key, own)
        return moved(states, -1, 0), values

    return compiled(step)


def alternating(cases):
    """Return each case once, with weights and masks in every second, in float64 except for the first two."""
    alternated = [(*case, i % 2 == 1, "float32" if i < 2 else "float64") for i, case in enumerate(cases)]
    return [
        pytest.param(case, marks=() if i in QUICK else pytest.mark.thorough)
        for i, case in enumerate(alternated)
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "own", [pytest.param(False, marks=pytest.mark.thorough), True], ids=["shared", "own"]
)
@pytest.mark.parametrize("case", alternating(CASES), ids=str)
def test_step_of_a_tile_on_either_axis_equals_that_of_each_member_alone(case, own):
    network, loss, reduction, optimizer, gradient, weighted, precision = case
    with jax.enable_x64(precision == "float64"):
        dtype = np.dtype(precision)
        tolerance = TOLERANCE[precision]
        options = {"reduction": reduction, "optimizer": optimizer, "gradient": gradient}
        hyper_names = ["dropout"] if weighted else ()
        learner = jfnn.supervised(NETWORKS[network], loss, hyper=hyper_names, **options)
        states, hyper = make_tile(learner, dtype)
        batch = make_batch(dtype, weighted, own)
        key = None
        if weighted:
            key = jax.random.split(jax.random.key(3), MEMBERS) if own else jax.random.key(3)
        arguments = states, batch, hyper, key
        is_own = (True, own, True, own)

        def step_alone(i):
            trees = zip(arguments, is_own, strict=True)
            mine = [jax.tree.map(lambda leaf: leaf[i], tree) if own else tree for tree, own in trees]
            return learner.step(*mine)

        expected = compiled(lambda: jax.lax.map(step_alone, jnp.arange(MEMBERS)))()
        for axis in (0, -1):
            result = step_along(learner, axis, own)(*arguments)
            for one, other in zip(*map(jax.tree.leaves, (result, expected)), strict=True):
                np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
        for before, after in zip(*map(jax.tree.leaves, (states, result[0])), strict=True):
            assert np.any(np.asarray(before) != np.asarray(after))


@pytest.mark.parametrize(
    "layers, inputs, members, batch, fits",
    [
        ([Dense(32), Dense(1)], 32, 64, 32, True),
        ([Dense(32), Dense(1)], 32, 16, 1, True),
        (BLOCK, FEATURES, 64, 8, True),
        ([Dense(33), Dense(1)], 32, 64, 32, False),
        ([Dense(3)], 33, 64, 32, False),
        ([Dense(3)], 32, 64, 33, False),
        ([Dense(3)], 32, 25, 32, False),
        ([Flatten(), Dense(3)], 4, 64, 8, False),
        ([Residual([Flatten()]), Dense(3)], 4, 64, 8, False),
    ],
)
def test_members_are_on_the_last_axis_for_short_sums_in_whole_vectors(layers, inputs, members, batch, fits):
    network = jfnn.sequential(layers, inputs)
    assert small.fits(network.layers, network.input_shape, members, batch) is fits
    learner = jfnn.supervised(network, "quadratic")
    assert learner.fits_last("cpu", members, batch, False) == fits
    assert not learner.fits_last("gpu", members, batch, False)


def test_custom_subclass_trains_by_its_step():
    class Still(Supervised):
        def step(self, state, batch, hyper, key):
            after, value = super().step(state, batch, hyper, key)
            return State(state.params, after.memory), value

    plain = jfnn.supervised(jfnn.mlp((5, 4, 3)))
    still = Still(**{field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)})
    for separate in (False, True):
        assert plain.fits_last("cpu", 32, 16, separate)
        assert not still.fits_last("cpu", 32, 16, separate)


def test_custom_functions_are_mapped_over_members():
    own = jfnn.Activation(jnp.sin, jnp.cos)
    fits = jfnn.supervised(NETWORKS["one"], "quadratic")
    assert fits.fits_last("cpu", 64, BATCH, False)
    assert fits.measuring(["loss", "r2"]).fits_last("cpu", 64, BATCH, False)
    metric = jfnn.Metric("largest", of_rows=lambda a, t, axis: jnp.max(a, axis=axis))
    assert fits.measuring(["loss", metric]).fits_last("cpu", 64, BATCH, False)
    for network, loss in [(jfnn.mlp((FEATURES, 6, 3), own), "quadratic"), (NETWORKS["one"], OWN_LOSS)]:
        assert not jfnn.supervised(network, loss).fits_last("cpu", 64, BATCH, False)
