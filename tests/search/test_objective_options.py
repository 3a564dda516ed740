"""Dropout, sample weights, schedules and scaled starts: in the objective, by hand, and in the engine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, same_bits

import jfnn
from jfnn.core.experiment.replicates import step_key
from jfnn.layers.sequence import dropout_masks
from jfnn.minibatches import Minibatches
from jfnn.optimizers import SCHEDULES as MULTIPLIERS

pytestmark = pytest.mark.unoptimized

SIZES = (5, 6, 4, 3)
RATE = 0.4
OPTIONS = dict(epochs=5, batch_size=16, execution=jfnn.Execution(tile=4))
KEEP_LAST = Minibatches(16, "permutation", drop_last=False)


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp(SIZES)


@pytest.fixture(scope="module")
def small():
    """Return the network used by sweeps in other files, so that its programs are shared."""
    return jfnn.mlp((5, 6, 3))


def close(one, other, tolerance):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


@pytest.mark.thorough
def test_masks_drop_at_the_rate_and_keep_the_mean():
    n = 2000
    width = 50
    (mask,) = dropout_masks(jax.random.key(0), RATE, [(width,)], n, np.float32)
    nonzero = np.asarray(mask) > 0
    assert set(np.unique(mask)) == {0, np.float32(1 / (1 - RATE))}
    # Five standard deviations of a binomial proportion.
    assert abs(nonzero.mean() - (1 - RATE)) < 5 * np.sqrt(RATE * (1 - RATE) / (n * width))
    assert np.all(np.abs(nonzero.mean(axis=1) - (1 - RATE)) < 5 * np.sqrt(RATE * (1 - RATE) / n))
    assert np.all(dropout_masks(jax.random.key(0), 0.0, [(width,)], n, np.float32)[0] == 1)
    shapes = [(width,), None, (width,)]
    first, none, second = dropout_masks(jax.random.key(0), RATE, shapes, n, np.float32)
    assert none is None
    assert 0.3 < np.mean((first > 0) == (second > 0)) < 0.7


def test_higher_rates_drop_a_superset_of_what_lower_rates_drop():
    low, high = (dropout_masks(jax.random.key(0), rate, [(9,)], 30, np.float32)[0] for rate in (0.2, 0.6))
    assert np.all((np.asarray(high) > 0) <= (np.asarray(low) > 0))


value_and_gradient = compiled(
    jax.value_and_grad(jfnn.objective, argnums=1), static_argnums=0, static_argnames="reduction"
)


def plain_loop(net, split, weights, *, eta, l2, rate, seed, scale, schedule, epochs):
    """Train step by step with public functions; return parameters and the mean objective of each epoch.

    Only the dropout key comes from the engine.
    """
    params = jax.tree.map(lambda leaf: leaf.astype(np.float64), compiled(net.init)(jax.random.key(seed)))
    params = jax.tree.map(lambda leaf: leaf * scale if leaf.ndim > 1 else leaf, params)
    steps = KEEP_LAST.n_steps(70)
    key = jax.random.wrap_key_data(step_key(seed, 0))
    values = np.zeros((epochs, steps))
    for step in range(epochs * steps):
        epoch, number = divmod(step, steps)
        rows = KEEP_LAST.epoch(70, seed, epoch)[number]
        # Masks are drawn for the whole padded batch; places without a row have weight 0.
        options = {"weights": weights[rows] * (rows >= 0), "dropout": rate}
        options["key"] = jax.random.fold_in(jax.random.fold_in(key, epoch), number)
        batch = split.x_train[rows], split.y_train[rows]
        values[epoch, number], gradients = value_and_gradient(net, params, *batch, l2=l2, **options)
        rate_now = eta * schedule(step / (epochs * steps))
        params = jax.tree.map(lambda p, g: p - rate_now * g, params, gradients)  # noqa: B023
    return params, values.mean(axis=1)


@pytest.mark.thorough
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_sweep_with_all_options_equals_a_plain_loop_over_its_members(net, split, x64, gradient):
    weights = np.linspace(0, 2, 70)
    result = jfnn.sweep(
        net,
        split._replace(weights=weights),
        learning_rate=[0.01, 0.05],
        l2=0.1,
        hyper={"dropout": [0.0, RATE], "init_scale": [0.5, 1.0]},
        optimizer=jfnn.Optimizer("sgd", schedule="cosine"),
        seeds=[3, 4],
        gradient=gradient,
        **OPTIONS | {"batch_size": KEEP_LAST, "execution": jfnn.Execution(tile=4, objective=True)},
    )
    assert list(result.axes) == ["learning_rate", "l2", "dropout", "init_scale"]
    assert result.test_loss.shape == (2, 1, 2, 2, 2)
    for i, j, k, s in ((0, 1, 0, 1), (1, 0, 1, 0), (1, 1, 0, 1)):
        expected, objective = plain_loop(
            net,
            split,
            weights,
            eta=result.learning_rate[i],
            l2=0.1,
            rate=result.axes["dropout"][j],
            seed=int(result.seeds[s]),
            scale=result.axes["init_scale"][k],
            schedule=MULTIPLIERS["cosine"],
            epochs=OPTIONS["epochs"],
        )
        close(result.member(i, 0, j, k, s), expected, 1e-9)
        np.testing.assert_allclose(result.objective[i, 0, j, k, s], objective, rtol=1e-9)


@pytest.mark.thorough
def test_seeds_and_folds_have_separate_dropout_masks(net, split):
    options = OPTIONS | dict(learning_rate=0.05, hyper={"dropout": [0.0, RATE]}, batch_size=None, folds=2)
    start = compiled(net.init)(jax.random.key(9))
    result = jfnn.sweep(net, split, seeds=[0, 1], initial_params=start, **options)
    for fold in (0, 1):
        assert same_bits(result.member(0, 0, 0, 0, fold), result.member(0, 0, 0, 1, fold))
    members = [result.member(0, 0, 1, s, f) for s in (0, 1) for f in (0, 1)]
    assert not any(same_bits(a, b) for i, a in enumerate(members) for b in members[:i])
    keys = {step_key(seed, fold).tobytes() for seed in (0, 1) for fold in (0, 1)}
    assert len(keys) == 4


# Name -> the multiplier as a function of progress.
SCHEDULES = {
    "constant": np.ones_like,
    "cosine": lambda part: (1 + np.cos(np.pi * part)) / 2,
    "linear": lambda part: 1 - part,
    "warmup_cosine": lambda part: np.where(
        part < 0.1, part / 0.1, (1 + np.cos(np.pi * (part - 0.1) / 0.9)) / 2
    ),
}


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_schedules_equal_their_closed_forms(name, x64):
    part = np.linspace(0, 1, 41)
    multiplier = MULTIPLIERS[name]
    values = 1.0 if multiplier is None else multiplier(part)
    np.testing.assert_allclose(values, SCHEDULES[name](part), atol=1e-6)


@pytest.mark.thorough
def test_custom_schedule_is_used_and_constant_one_leaves_the_rate_unchanged(small, split):
    def half_way(part):
        return jnp.where(part < 1 / 2, 1.0, 0.0)

    options = OPTIONS | dict(learning_rate=0.05)
    optimizer = jfnn.Optimizer(schedule=half_way, schedule_epochs=4)
    stopped = jfnn.sweep(small, split, optimizer=optimizer, **options).member(0, 0, 0)
    close(stopped, jfnn.sweep(small, split, **(options | {"epochs": 2})).member(0, 0, 0), 1e-5)
