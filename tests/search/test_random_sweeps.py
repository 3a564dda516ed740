"""Random grids of every kind of member: bits follow from a member's own definition, however it is trained."""

import concurrent.futures
import itertools
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from helpers import noise_split, same_bits
from hypothesis import strategies

import jfnn

DATA = noise_split()
HELD = 22  # 48 rows to train on
RATES = [1e-5, 1e-3, 0.01, 0.05, 0.2, 0.9, 3.0, 1e38]  # the last ones are chaotic, or diverge
PENALTIES = [0.0, 1e-3, 0.1, 1.0]


def own_init(key):
    """A linear autoencoder's starting parameters."""
    return {"w": jax.random.normal(key, (5, 5)) / 5, "b": jnp.zeros(5)}


def own_loss(params, batch, key):
    """Of inputs with noise on them."""
    noise = 0.1 * jax.random.normal(key, batch.shape, batch.dtype)
    return jnp.mean(((batch + noise) @ params["w"] + params["b"] - batch) ** 2)


def inputs(shape):
    """The noise as inputs of another shape."""
    x_train, x_test = (x.reshape(-1, *shape).astype(np.float32) for x in (DATA.x_train, DATA.x_test))
    return DATA._replace(x_train=x_train, x_test=x_test)


def units():
    """The noise as states between 0 and 1."""
    return jfnn.Split((DATA.x_train > 0).astype(np.float32), None, (DATA.x_test > 0).astype(np.float32))


def kinds():
    """Network or learner, split, further options; each is compiled by itself."""
    shuffled = jfnn.Minibatches(16, "permutation", drop_last=False)
    hand = {"gradient": "backprop"}
    yield jfnn.mlp((5, 6, 3)), inputs((5,)), {}
    yield (
        jfnn.mlp((5, 4, 4, 3), "tanh"),
        inputs((5,)),
        hand | {"optimizer": "adam", "batch_size": shuffled, "hyper": {"dropout": [0.0, 0.3]}},
    )
    yield jfnn.cnn((1, 5), (2, 2), 3), inputs((1, 5)), hand | {"reduction": "mean", "batch_size": None}
    yield jfnn.rnn((5, 1), 3, 3), inputs((5, 1)), {"optimizer": jfnn.Optimizer("sgd", momentum=[0.0, 0.9])}
    yield jfnn.boltzmann_machine((5, 3), gradient="persistent", chains=16), units(), {}
    yield jfnn.learner(own_init, own_loss, random=True), jfnn.Split(inputs((5,)).x_train), {}


KINDS = list(kinds())


@strategies.composite
def grids(draw, structures):
    """``(network, split, options, shared)`` of a small grid, whose members share minibatches or do not."""

    def some(values, most):
        chosen = strategies.lists(strategies.sampled_from(values), unique=True, min_size=1, max_size=most)
        return draw(chosen)

    network, split, further = KINDS[draw(strategies.integers(0, structures - 1))]
    options = {"learning_rate": some(RATES, 4), "l2": some(PENALTIES, 3), "seeds": some(range(50), 3)}
    options |= {"epochs": draw(strategies.integers(1, 8)), "batch_size": 16, "validation": HELD}
    return network, split, options | further, draw(strategies.booleans())


def sweep(grid, execution=None, **changes):
    """The sweep of a grid in tiles of four."""
    network, split, options, shared = grid
    how = {"tile": 4, "shared": shared} | (execution or {})
    return jfnn.sweep(network, split, execution=jfnn.Execution(**how), **options | changes)


def members(result):
    """The values on a member's axes and its seed -> all that it is."""
    axes = {**result.axes, "seed": result.seeds}
    everything = {}
    for place in itertools.product(*(range(len(values)) for values in axes.values())):
        key = tuple(float(values[i]) for values, i in zip(axes.values(), place, strict=True))
        scores = {name: values[place] for name, values in result.scores.items()}
        everything[key] = result.member(*place), scores, result.diverged_at[place], result.epochs[place]
    return everything


def as_loaded(params):
    """Parameters as a file gives them back: named tuples are mappings of their fields."""
    if hasattr(params, "_asdict"):
        params = params._asdict()
    if isinstance(params, dict):
        return {name: as_loaded(value) for name, value in params.items()}
    return tuple(map(as_loaded, params)) if isinstance(params, tuple) else params


def assert_same_members(one, other, how_many):
    """Members that two results have in common are the same; there are so many."""
    left = members(one)
    right = members(other)
    common = left.keys() & right.keys()
    assert len(common) == how_many
    for key in common:
        assert same_bits(left[key], right[key]), key


@pytest.mark.thorough
@examples((4, 1), (300, len(KINDS)))
def test_a_member_alone_has_the_bits_it_has_in_a_grid(examples):
    def it_has(grid, place):
        result = sweep(grid)
        index = np.unravel_index(place % result.diverged_at.size, result.diverged_at.shape)
        *axes, seed = (
            [float(values[i])] for values, i in zip([*result.axes.values(), result.seeds], index, strict=True)
        )
        values = dict(zip(result.axes, axes, strict=True))
        changes = {name: values[name] for name in ("learning_rate", "l2")} | {"seeds": [int(seed[0])]}
        if "dropout" in values:
            changes["hyper"] = {"dropout": values["dropout"]}
        if "momentum" in values:
            changes["optimizer"] = jfnn.Optimizer("sgd", momentum=values["momentum"])
        assert_same_members(result, sweep(grid, **changes), 1)

    examples.check(it_has, grid=grids(examples.structures), place=strategies.integers(0, 10**6))


@pytest.mark.thorough
@examples((4, 1), (300, len(KINDS)))
def test_other_members_and_their_order_change_no_bit(examples):
    added = {"learning_rate": [0.3, 1e30], "l2": [0.7, 100.0], "seeds": [50, 2**31]}

    def they_do_not(grid, axis, which, seed):
        rng = np.random.default_rng(seed)
        result = sweep(grid)
        turned = {name: [*rng.permutation(grid[2][name]).tolist()] for name in added}
        turned[axis].insert(int(rng.integers(len(turned[axis]) + 1)), added[axis][which])
        assert_same_members(result, sweep(grid, **turned), result.diverged_at.size)

    examples.check(
        they_do_not,
        grid=grids(examples.structures),
        axis=strategies.sampled_from([*added]),
        which=strategies.integers(0, 1),
        seed=strategies.integers(0, 2**32 - 1),
    )


# Ways to run that change no bit.
EXECUTIONS = [
    {"executor": jfnn.Workers(lambda: concurrent.futures.ThreadPoolExecutor(2))},
    {
        "executor": jfnn.Workers(lambda: concurrent.futures.ThreadPoolExecutor(1), in_flight=1),
        "eval_every": 2,
    },
    {"devices": 1},
    {"devices": 2},
    {"devices": jax.devices() * 2},
    {"devices": jax.devices()[1:]},
    {"devices": 1, "eval_every": 1},
    {"eval_every": 3},
]


@pytest.mark.thorough
@examples((3, 1), (300, len(KINDS)))
def test_devices_and_evaluations_change_no_bit(examples):
    def they_do_not(grid, execution):
        result = sweep(grid)
        assert_same_members(result, sweep(grid, execution), result.diverged_at.size)

    examples.check(
        they_do_not, grid=grids(examples.structures), execution=strategies.sampled_from(EXECUTIONS)
    )


SCHEDULERS = [jfnn.Halving(2, 1), jfnn.EarlyStopping(1), jfnn.PopulationTraining(2, share=0.5)]


@examples((4, 1), (400, len(KINDS)))
def test_a_run_stopped_anywhere_and_resumed_ends_as_if_it_had_not_been(examples):
    def it_does(grid, schedulers, eval_every, stops, devices):
        options = {"learning_rate": [1e-3, 0.05, 0.3], "epochs": 4 + grid[2]["epochs"]}
        options["schedulers"] = schedulers
        unbroken = sweep(grid, {"eval_every": eval_every}, **options)
        returns = itertools.count(1)

        def stop(progress):
            if next(returns) in stops:
                raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as out:
            for turn in range(len(stops) + 1):
                execution = {"eval_every": eval_every, "progress": stop, "devices": devices[turn % 2]}
                try:
                    result = sweep(grid, execution, out=out, resume=True, **options)
                    break
                except KeyboardInterrupt:
                    pass
            loaded = jfnn.load(out)
        assert_same_members(unbroken, result, unbroken.diverged_at.size)
        assert same_bits(unbroken.history, result.history)
        assert same_bits(as_loaded(result.params), as_loaded(loaded.params))
        assert same_bits(result.scores, loaded.scores)
        np.testing.assert_array_equal(result.stopped_at, unbroken.stopped_at)
        np.testing.assert_array_equal(result.pruned, unbroken.pruned)

    examples.check(
        it_does,
        grid=grids(examples.structures),
        schedulers=strategies.lists(strategies.sampled_from(SCHEDULERS), unique=True, max_size=3),
        eval_every=strategies.sampled_from([None, 1, 3]),
        stops=strategies.frozensets(strategies.integers(1, 8), min_size=1, max_size=3),
        devices=strategies.sampled_from([(1, 2), (2, 1), (2, 2)]),
    )
