"""Declared initializations: one program draws for all networks what `init` draws."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compilations, same_bits

import jfnn
from jfnn.core.experiment import draws, replicates
from jfnn.core.experiment.draws import from_seeds
from jfnn.layers import (
    GRU,
    INITIALIZERS,
    LSTM,
    Conv,
    Dense,
    Draw,
    Elman,
    Embedding,
    Flatten,
    Frozen,
    LayerNorm,
    Residual,
    Scaled,
    sequence,
    within,
)
from jfnn.learners.learner import declared_starts
from jfnn.numerics.compiling import compiled

SEEDS = (0, 7, 123456, 2**32 - 1)


# Layers of all kinds that draw, with every initializer, and the shapes of their inputs.
LAYERS = {
    "images": (
        [
            Conv(3, 3, initializer="he_normal"),
            Conv(5, (2, 1), initializer="pytorch"),
            Flatten(),
            Dense(40, "tanh", "glorot_uniform"),
            Dense(1, "identity", "normal", bias=False),
        ],
        (2, 6, 5),
    ),
    "tokens": (
        [
            Embedding(11, 7, 0, "lecun_normal"),
            GRU(5, True, "all", "glorot_normal"),
            LSTM(4, False, "all", "pytorch"),
            Elman(3, "tanh", True, "last", "normal"),
        ],
        6,
    ),
    "blocks": (
        [
            Residual([Dense(7, "tanh", "he_uniform"), LayerNorm(), Residual([Frozen(Dense(7))])]),
            Scaled(Dense(3, "identity", "pytorch"), rate=0.5),
        ],
        7,
    ),
}


def learner_of(network):
    return jfnn.supervised(network, "quadratic")


def traced(network):
    """Return the same network as custom functions, whose `init` is traced and compiled."""
    return learner_of(jfnn.Network(lambda key: network.init(key), network.apply))


def is_declared(learner):
    starts = declared_starts(learner)
    return starts is not None and from_seeds(starts, SEEDS) is not None


def drawn(learner, seeds=SEEDS):
    return replicates._drawn_params(learner, seeds)


def as_jax_draws(init, seeds=SEEDS):
    """Return the parameters by ``init`` for every seed, with a program for each."""
    program = compiled(init)
    members = [program(jax.random.key(seed)) for seed in seeds]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *members)


def assert_same(one, other):
    """Check equality, except for last bits that jaxlib 0.12 rounds differently between programs."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        np.testing.assert_array_max_ulp(np.asarray(a), np.asarray(b), maxulp=4, dtype=np.asarray(b).dtype)


def test_every_initializer_is_tested():
    assert all(repr(name) in repr(LAYERS) for name in INITIALIZERS)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", LAYERS)
def test_one_program_draws_what_init_draws(kind, dtype):
    network = jfnn.sequential(*LAYERS[kind])
    learner = learner_of(network)
    assert is_declared(learner)
    params = drawn(learner)
    assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(params))
    assert_same(params, as_jax_draws(network.init))
    assert declared_starts(traced(network)) is None


@pytest.mark.thorough
def test_each_array_has_its_own_key(dtype):
    """Earlier versions used these keys, which reproduce their runs."""
    key = jax.random.key(5)
    he_normal = jax.nn.initializers.he_normal()
    close = functools.partial(np.testing.assert_allclose, rtol=4 * np.finfo(dtype).eps)
    directions = LSTM(4, True, initializer="he_normal").init(key, (6, 5))
    for i, cell in enumerate(directions):
        parts = zip(jax.random.split(jax.random.fold_in(key, i)), (5, 4), (cell.w_x, cell.w_h), strict=True)
        for part_key, n_in, w in parts:
            gates = [he_normal(gate_key, (n_in, 4)) for gate_key in jax.random.split(part_key, 4)]
            close(w, np.concatenate(gates, axis=1))
    cell = GRU(4).init(key, (6, 5))
    for part_key, n_in, w, b in zip(jax.random.split(key), (5, 4), cell[:2], cell[2:], strict=True):
        draw = functools.partial(jax.random.uniform, minval=-0.5, maxval=0.5)
        close(w, draw(part_key, (n_in, 12)))
        close(b, draw(jax.random.fold_in(part_key, 1), (12,)))
    dense = Dense(3, initializer="pytorch").init(key, (4,))
    close(dense.b, draw(jax.random.fold_in(key, 1), (3,)))
    kernel = Conv(3, (3, 2), initializer="he_normal").init(key, (5, 6, 6)).w
    close(kernel, he_normal(key, (3, 2, 5, 3)).transpose(3, 2, 0, 1))
    inner = [Dense(3, initializer="he_normal"), Dense(3, initializer="he_normal")]
    _, ((w, _), _) = jfnn.sequential([Dense(3), Residual(inner)], 3).init(key)
    close(w, he_normal(jax.random.split(jax.random.split(key)[1])[0], (3, 3)))


@pytest.mark.thorough
@pytest.mark.parametrize("sizes", [(6, 4), (6, 4, 3)])
def test_one_program_draws_boltzmann_machines(sizes, dtype):
    learner = jfnn.boltzmann_machine(sizes)
    assert is_declared(learner)
    assert_same(drawn(learner), as_jax_draws(learner.init))


@pytest.mark.thorough
def test_starts_of_large_arrays_take_several_calls_and_do_not_depend_on_other_seeds():
    network = jfnn.mlp((300, 150, 3), "tanh")  # 45,000 numbers
    assert 300 * 150 * len(SEEDS) > draws.ROWS * draws.WIDTH
    params = drawn(learner_of(network))
    assert_same(params, as_jax_draws(network.init))
    many = drawn(learner_of(jfnn.mlp((2, 1))), range(100))
    few = drawn(learner_of(jfnn.mlp((2, 1))), range(50, 53))
    assert same_bits(jax.tree.map(lambda leaf: leaf[50:53], many), few)


@pytest.mark.thorough
def test_initializing_another_network_compiles_nothing():
    drawn(learner_of(jfnn.mlp((4, 5, 3), "tanh")))
    other = learner_of(jfnn.mlp((5, 20, 20, 2), init="pytorch"))
    with compilations() as programs:
        drawn(other)
    assert not programs
    with compilations() as programs:
        drawn(traced(other.network))
    assert programs


@dataclasses.dataclass(frozen=True)
class Adding(jfnn.LayerKind):
    def output_shape(self, shape):
        return shape

    def forward(self, packed, a):
        return a + packed[0][:, None], ()

    def pull_back(self, packed, residuals, d_out):
        return (d_out.sum(axis=-1),), d_out


class Shift(Adding):
    def init(self, key, shape):
        return (jax.random.normal(key, shape),)


class Declared(Adding):
    def starts(self, shape):
        return (Draw("normal", shape),)


class Doubled(Dense):
    """A custom layer that starts with twice the weights of the layer inside it."""

    def init(self, key, shape):
        w, b = super().init(key, shape)
        return jfnn.layers.Layer(2 * w, b)


def zeros(layers, input_shape, key):
    return jax.tree.map(jnp.zeros_like, sequence.init(layers, input_shape, key))


def replaced(init, layers):
    network = jfnn.mlp((3, 2))
    return network._replace(init=functools.partial(init, layers, network.input_shape))


OWN = [Shift(), Doubled(4), Residual([Shift()]), Frozen(Doubled(4)), Scaled(Dense(4), start=0.3)]
TRACED = {
    **{repr(layer): jfnn.sequential([Dense(4), layer, Dense(2)], 3) for layer in OWN},
    "another function": replaced(zeros, (Dense(2),)),
    "other layers": replaced(sequence.init, (Dense(2, initializer="pytorch"),)),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", TRACED)
def test_other_initializations_are_traced(name):
    network = TRACED[name]
    learner = learner_of(network)
    assert declared_starts(learner) is None
    assert_same(drawn(learner), as_jax_draws(network.init))


@pytest.mark.thorough
def test_custom_layer_may_declare_what_it_draws():
    learner = learner_of(jfnn.sequential([Dense(4), Declared()], 3))
    assert is_declared(learner)
    expected = drawn(learner_of(jfnn.sequential([Dense(4), Shift()], 3)))
    assert_same(drawn(learner), expected)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("switch", "value"),
    [("jax_threefry_partitionable", False), ("jax_default_prng_impl", "rbg")],
)
def test_other_generators_are_traced(switch, value):
    before = getattr(jax.config, switch)
    network = jfnn.mlp((4, 5, 3), "tanh")
    usual = drawn(learner_of(network))
    jax.config.update(switch, value)
    try:
        assert not is_declared(learner_of(network))
        params = drawn(learner_of(network))
        assert_same(params, as_jax_draws(network.init))
        assert not same_bits(params, usual)
    finally:
        jax.config.update(switch, before)


def test_paths_longer_than_the_programs_are_traced():
    network = jfnn.mlp((2, 1))
    for _ in range(draws.DEPTH):
        network = jfnn.sequential([Residual([*network.layers, Dense(2)])], 2)
    learner = learner_of(network)
    assert declared_starts(learner) is not None
    assert not is_declared(learner)
    assert from_seeds(functools.reduce(within, range(draws.DEPTH), Draw("normal", (2,))), SEEDS) is not None
