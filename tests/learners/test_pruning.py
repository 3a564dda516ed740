"""Pruning compared with a plain loop, and with PyTorch's choice of weights."""

import functools

import jax
import numpy as np
import optax
import pytest
from helpers import compiled, noise_split, same_bits

import jfnn
from jfnn import Execution, losses, pruned, training
from jfnn.core.search.prepare import prepare
from jfnn.learners.pruning import without_least

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()
NET = jfnn.mlp((5, 8, 3), "tanh", init="glorot_uniform")
OPTIONS = dict(learning_rate=[0.02, 0.05], l2=0.01, epochs=7, batch_size=16, seeds=2)


def make(learner=NET, **changes):
    return pruned(learner, **{"every": 2, "rounds": [1, 3], "share": 0.3} | changes)


def least_of(weights, masks, share, scope):
    """Return masks that remove a fraction of the smallest magnitudes, by sorting (magnitude, index)."""
    masks = [mask.copy() for mask in masks]
    arrays = [*range(len(weights))]
    for group in [[i] for i in arrays] if scope == "layer" else [arrays]:
        left = [
            (abs(weights[i][*index]), i, index) for i in group for index in np.argwhere(masks[i]).tolist()
        ]
        for _, i, index in sorted(left)[: round(share * len(left))]:
            masks[i][*index] = False
    return masks


def masked(params, masks):
    return tuple(layer._replace(w=layer.w * mask) for layer, mask in zip(params, masks, strict=True))


def plain_step(optimizer, rate, state, masks, x, y):
    value_and_grad = training.autodiff(NET, losses.get("cross_entropy"), "mean")
    _, gradients = value_and_grad(state.params, x, y, l2=OPTIONS["l2"])
    after = training.descend(state, getattr(optax, optimizer)(rate), masked(gradients, masks))
    return after._replace(params=masked(after.params, masks))


def plain_loop(start, minibatches, step, rule, rounds, scope, rewind):
    """Train, prune and rewind one network as in the paper."""
    masks = [np.ones(layer.w.shape, bool) for layer in start]
    state = training.State(start, rule.init(start))
    for epoch, rows_of_steps in enumerate(minibatches, 1):
        for rows in rows_of_steps:
            state = step(state, masks, SPLIT.x_train[rows], SPLIT.y_train[rows])
        if epoch % 2 == 0 and epoch // 2 <= rounds:
            masks = least_of([np.asarray(layer.w) for layer in state.params], masks, 0.3, scope)
            params = masked(start if rewind else state.params, masks)
            state = training.State(params, rule.init(params) if rewind else state.memory)
    return state.params, masks


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("scope", "rewind", "optimizer"),
    [("layer", True, "sgd"), ("global", True, "adam"), ("layer", False, "adam")],
)
def test_member_equals_a_plain_loop_that_trains_prunes_and_rewinds(x64, scope, rewind, optimizer):
    learner = make(jfnn.supervised(NET, optimizer=optimizer), scope=scope, rewind=rewind)
    result = jfnn.sweep(learner, SPLIT, **OPTIONS)
    assert list(result.axes) == ["learning_rate", "l2", "prune_rounds"]
    step = compiled(functools.partial(plain_step, optimizer))
    replicates = prepare(jfnn.Options(learner, SPLIT, **OPTIONS)).experiment.replicates
    for index in np.ndindex(result.diverged_at.shape):
        seed = index[-1]
        axes = result.axes_at(index[:-1])
        rate = axes["learning_rate"]
        rounds = axes["prune_rounds"]
        minibatches = [replicates.minibatches(seed, epoch) for epoch in range(OPTIONS["epochs"])]
        start = NET.init(jax.random.key(seed))
        rule = getattr(optax, optimizer)(rate)
        of_member = functools.partial(step, np.float64(rate))
        params, kept = plain_loop(start, minibatches, of_member, rule, rounds, scope, rewind)
        trained = result.member(*index)
        for one, other, mask in zip(trained, params, kept, strict=True):
            np.testing.assert_array_equal(one.w != 0, mask)
            np.testing.assert_allclose(one.w, other.w, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(one.b, other.b, rtol=1e-9, atol=1e-11)
        left = sum(mask.sum() for mask in kept) / sum(mask.size for mask in kept)
        assert learner.share_left(result.params)[index] == left == learner.share_left(trained)


@pytest.mark.thorough
@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.9])
def test_removed_weights_equal_pytorchs(share):
    torch = pytest.importorskip("torch")
    prune = pytest.importorskip("torch.nn.utils.prune")
    layer = torch.nn.Linear(7, 13, bias=False)
    kept = np.ones((13, 7), bool)
    values = np.random.default_rng(0).normal(size=(13, 7)).astype(np.float32)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(values))
    for _ in range(4):
        prune.l1_unstructured(layer, "weight", amount=share)
        kept = np.asarray(without_least(np.abs(values), kept, np.float32(share)))
        np.testing.assert_array_equal(kept, layer.weight_mask.numpy() > 0)


@pytest.mark.thorough
def test_ties_remove_the_first_weights_and_removed_weights_do_not_count():
    kept = np.array([True, False, True, True, True, True])
    left = without_least(np.array([1.0, 0.0, 1.0, 0.5, 1.0, 2.0]), kept, np.float32(0.4))
    assert np.asarray(left).tolist() == [False, False, True, False, True, True]


@pytest.mark.thorough
def test_random_pruning_removes_as_many_and_depends_on_the_start_alone():
    learner = make(by="random", scope="global")
    result = jfnn.sweep(learner, SPLIT, **OPTIONS)
    masks = np.concatenate([(layer.w != 0).reshape(2, 2, 2, -1) for layer in result.params], -1)
    np.testing.assert_array_equal(masks.sum(-1), np.broadcast_to([[[45], [22]]], (2, 2, 2)))  # of 64, by 0.3
    np.testing.assert_array_equal(masks[0], masks[1])  # whatever the learning rate
    assert (masks[:, 0] >= masks[:, 1]).all()
    assert (masks[0, :, 0] != masks[0, :, 1]).any(axis=-1).all()
    by_magnitude = jfnn.sweep(make(scope="global"), SPLIT, **OPTIONS)
    assert not same_bits(result.params, by_magnitude.params)


@pytest.mark.thorough
def test_tile_layouts_agree_up_to_rounding_and_dropout_may_be_added():
    learner = pruned(jfnn.supervised(NET, hyper=["dropout"]), every=2, rounds=2, scope="global")
    results = [
        jfnn.sweep(learner, SPLIT, hyper={"dropout": [0, 0.2]}, execution=execution, **OPTIONS)
        for execution in (Execution(tile=4), Execution(tile=16))
    ]
    for one, other in zip(*(jax.tree.leaves(result.params) for result in results), strict=True):
        np.testing.assert_array_equal(one != 0, other != 0)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.thorough
def test_member_that_diverges_at_the_end_of_a_round_does_not_rewind():
    summed = jfnn.supervised(jfnn.mlp((5, 8, 3), init="normal"), reduction="sum")
    learner = pruned(summed, every=1, rounds=3)
    with np.errstate(all="ignore"):
        result = jfnn.sweep(learner, SPLIT, **OPTIONS | {"learning_rate": [1e-3, 1e38], "batch_size": None})
    assert (result.diverged_at[0] == -1).all()
    assert (result.diverged_at[1] == 0).all()
    assert (learner.share_left(result.params)[1] == 1).all()


@pytest.mark.thorough
def test_share_of_remaining_weights_of_other_parameters_is_refused():
    learner = make()
    (one, two) = NET.init(jax.random.key(0))
    several = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), two)
    assert learner.share_left((one, two)) == 1
    for params in ((one,), (one, two, two), (two, one), (one, several), ()):
        with pytest.raises(ValueError, match=r"^params: expected arrays "):
            learner.share_left(params)


def test_functions_that_ignore_rounds_refuse_a_pruned_network():
    with pytest.raises((ValueError, TypeError), match=r"^network: .*prunes"):
        jfnn.lyapunov(make(rounds=1), SPLIT, learning_rate=0.1, epochs=2, batch_size=16)
