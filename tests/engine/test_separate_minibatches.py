"""Members with minibatches of their own: each has the bits that it has alone, whoever is beside it.

One cell of many seeds, whose tiles hold a member of each; `test_engine` states these laws for members that
share minibatches.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.trainer import Trainer
from jfnn.core.search.sweep import prepare, train_run

DATA = noise_split()
SEEDS = [0, 1, 2, 3, 4, 2**32 - 1]
PASS = jfnn.Minibatches(16, "permutation", drop_last=False)


def own_init(key):
    """A linear autoencoder's starting parameters."""
    return {"w": jax.random.normal(key, (5, 5)) / 5, "b": jnp.zeros(5)}


def own_loss(params, batch, key):
    """Of inputs with noise on them."""
    noise = 0.1 * jax.random.normal(key, batch.shape, batch.dtype)
    return jnp.mean(((batch + noise) @ params["w"] + params["b"] - batch) ** 2)


# Network or learner, shape of its inputs, further options.
KINDS = {
    "dense": (jfnn.mlp((5, 6, 3)), (5,), {"gradient": "backprop"}),
    "dropout": (
        jfnn.mlp((5, 7, 3), "tanh"),
        (5,),
        {"hyper": {"dropout": 0.3}, "optimizer": "adam", "batch_size": PASS},
    ),
    "convolutional": (jfnn.cnn((1, 5), (2, 2), 3), (1, 5), {"reduction": "mean"}),
    "recurrent": (jfnn.rnn((5, 1), 3, 3), (5, 1), {"batch_size": PASS}),
    "own loss": (jfnn.learner(own_init, own_loss, random=True), (5,), {}),
}
EVERY = [
    ("dense", "float32"),
    pytest.param("own loss", "float32", marks=pytest.mark.thorough),
    pytest.param("convolutional", "float32", marks=pytest.mark.thorough),
    pytest.param("dropout", "float64", marks=pytest.mark.thorough),
    *(pytest.param(name, "float32", marks=pytest.mark.slow) for name in ("dropout", "recurrent")),
]


def make_split(name, dtype):
    x_train, x_test = (x.reshape(-1, *KINDS[name][1]).astype(dtype) for x in (DATA.x_train, DATA.x_test))
    if name == "own loss":
        return jfnn.Split(x_train, None, x_test)
    return jfnn.Split(x_train, DATA.y_train, x_test, DATA.y_test)


def make_options(name, dtype, execution=None, **changes):
    """One cell of six seeds in tiles of four."""
    defaults = dict(learning_rate=0.05, l2=0.01, seeds=SEEDS, epochs=5, batch_size=16)
    how = jfnn.Execution(**{"tile": 4} | (execution or {}))
    options = defaults | KINDS[name][2] | {"execution": how} | changes
    return jfnn.Options(KINDS[name][0], make_split(name, dtype), **options)


def sweep(*arguments, **changes):
    return jfnn.sweep(**vars(make_options(*arguments, **changes)))


@functools.cache
def of_seeds(name, dtype):
    result = sweep(name, dtype)
    assert result.execution == jfnn.Execution(tile=4, shared=False)
    assert not same_bits(result.member(0, 0, 0), result.member(0, 0, 1))
    return result


def member(result, seed, *cell):
    """All that a member is: parameters, scores, and when it diverged."""
    index = (*(cell or (0,) * (result.diverged_at.ndim - 1)), list(result.seeds).index(seed))
    return result.member(*index), {n: v[index] for n, v in result.scores.items()}, result.diverged_at[index]


@pytest.mark.parametrize(("name", "dtype"), EVERY, indirect=["dtype"])
def test_a_member_has_the_bits_that_it_has_alone_and_in_other_company(name, dtype):
    """In other slots, beside other seeds and members that diverge, on one device, in other calls."""
    result = of_seeds(name, dtype)
    options = vars(make_options(name, dtype))
    network = options.pop("network")
    data = options.pop("split")
    names = ("learning_rate", "l2", "epochs", *KINDS[name][2])
    common = {"batch_size": 16} | {key: options[key] for key in names}
    trained = jfnn.train(
        network, data.x_train, data.y_train, seed=SEEDS[-1], execution=result.execution, **common
    )
    params = trained.params
    expected, scores, _ = member(result, SEEDS[-1])
    assert same_bits(params, expected)
    np.testing.assert_array_equal(trained.history["train_loss"][-1], scores["train_loss"])

    huge = 1e38 if dtype == np.float32 else 1e300
    execution = {"shared": False, "devices": 1, "eval_every": 2}
    changes = dict(seeds=[7, SEEDS[-1], 4, 1, 0], learning_rate=[huge, 0.05])
    other = train_run(
        prepare(make_options(name, dtype, execution, **changes)),
        make_trainer=lambda *arguments: Trainer(*arguments, CallLength(steps=1, calls=2)),
    )
    assert (other.diverged_at[0] >= 0).all()
    cell = (1, *(0,) * (other.diverged_at.ndim - 2))
    for seed in set(changes["seeds"]) & set(SEEDS):
        assert same_bits(member(other, seed, *cell), member(result, seed))


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["dense", "own loss"])
def test_minibatches_of_their_own_are_those_that_members_share_elsewhere(name, x64):
    """The same members to rounding, since the programs are two."""
    rates = {"learning_rate": [0.01, 0.05], "epochs": 3}
    own, shared = (sweep(name, "float64", {"shared": shared}, **rates) for shared in (False, True))
    for one, other in zip(*map(jax.tree.leaves, (own.params, shared.params)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    assert own.execution.shared is False and shared.execution.shared is True


# 70 rows in folds of 24, 23 and 23: of 46 rows for two steps of 23, of 47 for three.
@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        pytest.param("own loss", 16, marks=pytest.mark.thorough),
        ("dense", jfnn.Minibatches(23, "permutation", drop_last=False)),
        pytest.param("dense", None, marks=pytest.mark.thorough),
    ],
    ids=str,
)
def test_seeds_and_folds_of_unequal_lengths_share_tiles_and_keep_their_bits(name, batch_size):
    options = dict(folds=3, batch_size=batch_size)
    grid = sweep(name, "float32", {"shared": False}, seeds=4, **options)
    replicates = prepare(make_options(name, "float32", **options)).experiment.replicates
    assert {len(parts["train"]) for parts in replicates.parts} == {46, 47}
    for seed in (0, 3):
        alone = sweep(name, "float32", {"shared": False}, seeds=[seed], **options)
        for fold in range(3):
            assert same_bits(alone.member(0, 0, 0, fold), grid.member(0, 0, seed, fold))
        np.testing.assert_array_equal(alone.validation_loss[..., 0, :], grid.validation_loss[..., seed, :])
    members = [grid.member(0, 0, 0, fold) for fold in range(3)]
    assert not same_bits(members[0], members[1]) and not same_bits(members[1], members[2])


@pytest.mark.thorough
def test_given_minibatches_are_each_seeds_own():
    rows = np.random.default_rng(3).integers(0, 70, size=(6, 5, 4, 16))  # seeds, epochs, steps, batch
    of_seed = dict(zip(SEEDS, rows, strict=True))
    own = {"shared": False}
    by_array = sweep("dense", "float32", own, batches=rows)
    by_function = sweep("dense", "float32", own, batches=lambda seed, epoch: of_seed[seed][epoch])
    assert same_bits((by_array.params, by_array.scores), (by_function.params, by_function.scores))
    for seed in (0, SEEDS[-1]):
        alone = sweep("dense", "float32", own | {"devices": 1}, seeds=[seed], batches=of_seed[seed])
        assert same_bits(member(alone, seed), member(by_array, seed))
    shared = sweep("dense", "float32", {"shared": True}, batches=rows)
    for one, other in zip(*map(jax.tree.leaves, (by_array.params, shared.params)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("gradient", "dtype"), [("autodiff", "float64"), ("backprop", "float32")], indirect=["dtype"]
)
def test_small_networks_have_the_same_bits_in_tiles_of_every_width_shared_or_not(gradient, dtype):
    """Where members lie on the last axis, a member's numbers take the same instructions in any of them."""
    data = jfnn.Split(DATA.x_train[:, :4].astype(dtype), DATA.y_train)
    net = jfnn.mlp((4, 10, 3), "tanh")

    def of_form(tile, shared):
        options = dict(learning_rate=[0.01, 0.05], l2=0.01, seeds=3, epochs=4, batch_size=16)
        execution = jfnn.Execution(tile=tile, shared=shared)
        return jfnn.sweep(net, data, gradient=gradient, execution=execution, **options).params

    expected = of_form(16, True)
    for form in ((16, False), (48, False), (64, True)):
        assert same_bits(of_form(*form), expected)
