"""Whatever the lanes, each member does what it does alone: first or last, minibatches own or shared."""

import itertools

import jax
import numpy as np
import pytest
from helpers import compiled

import jfnn
from jfnn.core.steps.epoch import gather
from jfnn.core.steps.lanes import Lanes
from jfnn.learners.functions import functions_of
from jfnn.params import State

TILE = 3
BATCH = 4
STEPS = 2
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(20, 2)).astype(np.float32), RNG.normal(size=(20, 2)).astype(np.float32)
WEIGHTS = RNG.uniform(size=(TILE, 20)).astype(np.float32)  # of each fold
LANES = [Lanes(*pair) for pair in itertools.product((False, True), repeat=2)]
GROUPED = Lanes(False, separate=True, together=2)


@pytest.mark.thorough
@pytest.mark.parametrize("lanes", [*LANES, GROUPED], ids=str)
def test_a_step_of_a_tile_is_the_step_of_each_member(lanes):
    """Of gathered rows with the weights of each member's fold."""
    learner = jfnn.supervised(jfnn.mlp((2, 2), "tanh"), "quadratic")
    functions = functions_of(learner)
    tile = TILE * lanes.together
    hyper = {name: RNG.uniform(0.1, 1, tile).astype(np.float32) for name in ("learning_rate", "l2")}
    params = jax.vmap(lambda key: learner.pack(learner.init(key)))(jax.random.split(jax.random.key(0), tile))
    states = jax.vmap(functions.start)(params, hyper)
    shape = (STEPS, TILE, BATCH) if lanes.separate else (STEPS, BATCH)
    numbers = RNG.integers(0, 20, shape)
    fold = np.array([2, 0, 1]) if lanes.separate else np.array(1)

    of_steps = lanes.row_numbers(numbers)
    assert of_steps.shape == (STEPS, *lanes.numbers_of_step(TILE, BATCH))

    def step(states, rows, weights, row_numbers, hyper):
        rows = gather(rows, weights, row_numbers, False, lanes.beside_rows(fold), None, lanes.batch_axis)
        after, values = lanes.step(functions)(lanes.laid(states), lanes.gathered(rows), hyper, None)
        return lanes.leading(after), values

    def step_alone(state, rows, weights, row_numbers, hyper):
        return learner.step(state, gather(rows, weights, row_numbers, False), hyper, None)

    after, values = compiled(step)(states, ROWS, WEIGHTS, of_steps[1], hyper)
    alone = compiled(step_alone)

    for member in range(tile):
        group = member // lanes.together
        own = numbers[1, group] if lanes.separate else numbers[1]
        weights = WEIGHTS[fold[group] if lanes.separate else fold]
        state, numbers_of = jax.tree.map(lambda leaf: leaf[member], (states, hyper))  # noqa: B023
        expected, value = alone(state, ROWS, weights, own, numbers_of)
        np.testing.assert_allclose(values[member], value, rtol=1e-5)
        for leaf, wanted in zip(*map(jax.tree.leaves, (after.params, expected.params)), strict=True):
            np.testing.assert_allclose(leaf[member], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("lanes", LANES, ids=str)
def test_members_are_judged_and_chosen_one_by_one(lanes):
    params = {name: RNG.normal(size=(TILE, *shape)).astype(np.float32) for name, shape in SHAPES.items()}
    params["w"][1, 0, 1] = np.nan
    params["b"][2, 0] = np.inf
    states = State(params, ())
    laid = lanes.laid(states)
    finite = lanes.all_finite(jax.tree.leaves(laid))
    assert finite.tolist() == [True, False, False]
    assert lanes.all_finite([laid.params["w"]]).tolist() == [True, False, True]
    chosen = lanes.leading(lanes.chosen(finite, laid, jax.tree.map(np.zeros_like, laid)))
    for name, leaf in chosen.params.items():
        np.testing.assert_array_equal(leaf[0], params[name][0])
        assert not leaf[1:].any()


SHAPES = {"w": (2, 3), "b": (3,), "scale": ()}
