"""Equinox and Flax modules, functions that draw, a transformer: plain loops, seeds, dropout, files."""

import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled, representatives, same_bits

import jfnn

pytestmark = pytest.mark.unoptimized

OPTIONS = dict(optimizer="adam", epochs=2, batch_size=8)


def equinox_maker(rate=None):
    eqx = pytest.importorskip("equinox")

    class Classifier(eqx.Module):
        first: eqx.nn.Linear
        norm: eqx.nn.LayerNorm
        last: list
        dropout: eqx.nn.Dropout | None

        def __init__(self, key):
            keys = jax.random.split(key)
            self.first = eqx.nn.Linear(5, 6, key=keys[0])
            self.norm = eqx.nn.LayerNorm(6)
            self.last = [eqx.nn.Linear(6, 3, key=keys[1])]
            self.dropout = None if rate is None else eqx.nn.Dropout(rate)

        def __call__(self, x, *, key=None):
            h = jnp.tanh(self.norm(self.first(x)))
            return self.last[0](h if self.dropout is None else self.dropout(h, key=key))

    return Classifier


def flax_maker(rate=None):
    nnx = pytest.importorskip("flax.nnx")

    class Classifier(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(5, 6, rngs=rngs)
            self.norm = nnx.LayerNorm(6, rngs=rngs)
            self.last = nnx.List([nnx.Linear(6, 3, rngs=rngs)])
            self.dropout = None if rate is None else nnx.Dropout(rate, rngs=rngs)

        def __call__(self, x):
            h = jnp.tanh(self.norm(self.first(x)))
            return self.last[0](h if self.dropout is None else self.dropout(h))

    return Classifier


# How to make a module, with the arguments of its library.
KINDS = {"equinox": (equinox_maker, jfnn.from_equinox), "flax": (flax_maker, jfnn.from_flax)}
each_kind = pytest.mark.parametrize("kind", representatives(KINDS, "equinox"))


def adapted_network(kind, rate=None):
    maker, adapt = KINDS[kind]
    return adapt(maker(rate))


def plain_loop(kind, make, seed, x, targets, batches, rate):
    """Train the module with its library alone: steps of Adam on mean cross-entropies; return its arrays."""
    if kind == "equinox":
        import equinox as eqx

        params, rest = eqx.partition(make(seed), eqx.is_inexact_array)

        def outputs(params, x):
            return jax.vmap(eqx.combine(params, rest))(x)
    else:
        from flax import nnx

        graph, params, rest = nnx.split(make(nnx.Rngs(seed)), nnx.Param, ...)

        def outputs(params, x):
            return nnx.merge(graph, params, rest)(x)

    def loss(params, rows):
        return optax.softmax_cross_entropy(outputs(params, x[rows]), targets[rows]).mean()

    optimizer = optax.adam(rate)

    def step(carry, rows):
        params, memory = carry
        updates, memory = optimizer.update(jax.grad(loss)(params, rows), memory)
        return (optax.apply_updates(params, updates), memory), None

    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), batches)
    return params


@pytest.mark.thorough
@each_kind
def test_module_trains_as_in_a_plain_loop_of_its_library(kind, split):
    make = KINDS[kind][0]()
    net = adapted_network(kind)
    batches = np.stack([np.random.default_rng(i).permutation(len(split.x_train))[:8] for i in range(6)])
    options = OPTIONS | {"reduction": "mean", "epochs": 3, "batches": batches.reshape(3, 2, 8)}
    result = jfnn.sweep(net, split, learning_rate=[0.01, 0.1], seeds=[0, 4], l2=0, **options)
    arguments = jnp.asarray(split.x_train, jnp.float32), jax.nn.one_hot(split.y_train, 3), batches
    seeds = {1: jax.random.key(4)}
    start = net.init(seeds[1])
    assert sorted(start) == sorted(result.params)
    theirs = compiled(lambda key, rate: plain_loop(kind, make, key, *arguments, rate))(seeds[1], 0.1)
    # The libraries list arrays by fields or by name, jfnn by name alone.
    paths = jax.tree_util.tree_leaves_with_path(theirs)
    for path, expected in paths:
        name = jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")
        array = result.params[name][1, 0, 1]
        np.testing.assert_allclose(array, expected, rtol=0, atol=2e-5)
        assert np.abs(array - start[name]).max() > 0.1
    assert len(paths) == len(start)


@pytest.mark.thorough
@each_kind
def test_cell_equals_the_module_trained_alone_saved_and_resumed_with_or_without_dropout(
    kind, split, tmp_path
):
    net = adapted_network(kind, 0.5)
    result = jfnn.sweep(net, split, learning_rate=[0.01, 0.1], seeds=2, **OPTIONS)
    params = jfnn.train(
        net, *split[:2], learning_rate=0.1, seed=1, execution=result.execution, **OPTIONS
    ).params
    assert same_bits(result.member(1, 0, 1), params)
    stops = iter([True, False, False])

    def stop(progress):
        if next(stops):
            raise KeyboardInterrupt

    execution = dataclasses.replace(result.execution, eval_every=1, progress=stop)
    options = OPTIONS | {"out": tmp_path, "resume": True, "execution": execution}
    with pytest.raises(KeyboardInterrupt):
        jfnn.sweep(net, split, learning_rate=[0.01, 0.1], seeds=2, **options)
    resumed = jfnn.sweep(net, split, learning_rate=[0.01, 0.1], seeds=2, **options)
    loaded = jfnn.load(tmp_path)
    assert same_bits(resumed.params, result.params)
    assert same_bits(loaded.params, result.params)
    labels = jfnn.predict(net, loaded.member(1, 0, 1), split.x_test)
    assert np.mean(labels == split.y_test) == pytest.approx(result.test_accuracy[1, 0, 1])
    plain = jfnn.sweep(adapted_network(kind), split, learning_rate=[0.01, 0.1], seeds=2, **OPTIONS)
    assert not same_bits(plain.params, result.params)


@pytest.mark.thorough
@each_kind
def test_dropout_draws_by_the_key_and_only_in_training(kind):
    net = adapted_network(kind, 0.5)
    x = jnp.ones((400, 5))
    params = net.init(jax.random.key(0))
    drawn = net.random_apply(params, x, jax.random.key(1))
    np.testing.assert_array_equal(drawn, net.random_apply(params, x, jax.random.key(1)))
    assert len(np.unique(drawn[:, 0])) > 20  # each row drops its own units
    assert (drawn != net.random_apply(params, x, jax.random.key(2))).any()
    quiet = net.apply(params, x)
    np.testing.assert_allclose(quiet, jnp.broadcast_to(quiet[0], quiet.shape), atol=1e-6)
    # The layers after the dropout are linear, so the mean equals the output without dropout.
    np.testing.assert_allclose(drawn.mean(axis=0), quiet[0], atol=5 * np.std(drawn) / 20)
    assert adapted_network(kind).random_apply is None


@pytest.mark.thorough
@each_kind
def test_seeds_initialize_from_their_keys_and_instances_keep_their_parameters(kind):
    make = KINDS[kind][0]()
    adapt = KINDS[kind][1]
    net = adapt(make)
    keys = [jax.random.key(seed) for seed in range(2)]
    one, other = map(net.init, keys)
    assert not same_bits(one, other)
    if kind == "equinox":
        fixed = adapt(make(keys[1]))
    else:
        from flax import nnx

        fixed = adapt(make(nnx.Rngs(keys[1])))
    assert same_bits(fixed.init(keys[0]), other)


@each_kind
def test_modules_with_state_and_other_objects_are_refused(kind):
    adapt = KINDS[kind][1]
    if kind == "equinox":
        eqx = pytest.importorskip("equinox")
        stateful = [lambda key: eqx.nn.BatchNorm(3, "batch", mode="batch")]
        stateful.append(lambda key: eqx.nn.make_with_state(eqx.nn.BatchNorm)(3, "batch", mode="batch"))
    else:
        nnx = pytest.importorskip("flax.nnx")
        stateful = [lambda rngs: nnx.BatchNorm(3, rngs=rngs)]
    for make in stateful:
        with pytest.raises(jfnn.ArgumentError, match=r"^module: its state \(.*(StateIndex|BatchStat)"):
            adapt(make)
    for other in (3, lambda key: 3, {"w": 1}):
        with pytest.raises(TypeError, match=r"^module: expected"):
            adapt(other)


def made(kind):
    """Return a module of a library, and functions that return none when called with one argument."""
    if kind == "equinox":
        eqx = pytest.importorskip("equinox")
        linear = eqx.nn.Linear(5, 3, key=jax.random.key(0))
        return linear, [type(linear), lambda: linear, lambda a, b: linear, lambda key: eqx.nn.Linear(5, 3)]
    nnx = pytest.importorskip("flax.nnx")
    linear = nnx.Linear(5, 3, rngs=nnx.Rngs(0))
    return linear, [type(linear), lambda: linear, lambda a, b: linear, lambda rngs: nnx.Linear(5, 3)]


@pytest.mark.thorough
@each_kind
def test_modules_of_the_other_library_and_functions_of_other_arguments_are_refused(kind):
    adapt = KINDS[kind][1]
    argument = {"equinox": "key", "flax": "rngs"}[kind]
    for function in made(kind)[1]:
        with pytest.raises(jfnn.ArgumentError, match=rf"^module: .*lambda {argument}: "):
            adapt(function)
    other = {"equinox": "flax", "flax": "equinox"}[kind]
    module = made(other)[0]
    for given in (module, type(module), lambda key: module):
        with pytest.raises(jfnn.ArgumentError, match=rf"^module: .*jfnn\.from_{other}"):
            adapt(given)
    with pytest.raises(jfnn.ArgumentError, match=rf"^network: .*jfnn\.from_{other}"):
        jfnn.supervised(module)


def test_linen_modules_are_refused_with_a_remedy():
    linen = pytest.importorskip("flax.linen")
    with pytest.raises(jfnn.ArgumentError, match=r"^module: .*jfnn\.Network"):
        jfnn.from_flax(linen.Dense(3))


@each_kind
def test_missing_package_is_named_with_its_extra(kind, monkeypatch):
    for module in ("equinox", "flax", "flax.nnx"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"module: needs the package {kind}: pip install 'jfnn\[{kind}\]'"):
        KINDS[kind][1](lambda key: None)


def noisy_network():
    net = jfnn.mlp((5, 3))

    def random_apply(params, x, key):
        return net.apply(params, x + jax.random.normal(key, x.shape, x.dtype))

    return jfnn.Network(net.init, lambda params, x: net.apply(params, x), random_apply=random_apply)


@pytest.mark.thorough
def test_training_steps_pass_keys_to_networks_that_draw(split):
    net = noisy_network()
    key = jax.random.key(3)
    params = net.init(jax.random.key(0))
    x = jnp.asarray(split.x_train, jnp.float32)
    y = split.y_train
    noise = jax.random.normal(key, x.shape)
    drawn = jfnn.objective(net, params, x, y, key=key)
    np.testing.assert_allclose(drawn, jfnn.objective(net, params, x + noise, y), rtol=1e-6)
    assert drawn != jfnn.objective(net, params, x, y)
    with pytest.raises(ValueError, match=r"^dropout: expected a network of jfnn\.layers"):
        jfnn.objective(net, params, x, y, dropout=0.5, key=key)
    result = jfnn.sweep(net, split, learning_rate=[0.1], **OPTIONS)
    quiet = jfnn.sweep(net._replace(random_apply=None), split, learning_rate=[0.1], **OPTIONS)
    assert not same_bits(result.params, quiet.params)
