"""Kinds of layers: rows = columns, pull-backs = differences = jax.vjp; sequences; custom kinds.

The differences are the independent evidence: jax.vjp of columns uses the pull-backs registered with JAX.
"""

import dataclasses
import functools
import json
import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, central_differences, compiled, float64_first, perturbed, same_bits

import jfnn
from jfnn.identity import naming
from jfnn.layers import (
    GRU,
    LAYERS,
    LSTM,
    Conv,
    Dense,
    Elman,
    Embedding,
    Flatten,
    Frozen,
    LayerKind,
    LayerNorm,
    MaxPool,
    MeanPool,
    Residual,
    Scaled,
    sequence,
)
from jfnn.layers.sequence import dropout_shapes

pytestmark = pytest.mark.unoptimized

N = 6
STEP = 1e-5
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
DIFFERENCES_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True)
class Scale(LayerKind):
    start: float = 1.0

    def output_shape(self, shape):
        return shape

    def init(self, key, shape):
        return {"factor": jnp.full(shape, self.start)}

    def forward(self, packed, a):
        return packed["factor"][..., None] * a, a

    def pull_back(self, packed, kept, d_out):
        return {"factor": jnp.sum(d_out * kept, -1)}, packed["factor"][..., None] * d_out


# Kind -> examples of it, each with the shape of one input; every registered kind must be here.
EXAMPLES = {
    Conv: [
        (Conv(2, 2, activation="tanh"), (2, 4)),
        (Conv(2, (3,), 2, 1, "sigmoid", "glorot_normal"), (1, 6)),
        (Conv(2, (3, 2), (2, 1), (1, 2), "elu", "pytorch"), (1, 4, 3)),
        (Conv(1, 2, padding="same", activation=jfnn.Activation(jnp.sin, jnp.cos)), (2, 3, 2)),
        (Conv(2, 2, padding="causal", activation="tanh", dilation=2), (2, 4)),
    ],
    Dense: [
        (Dense(4, "tanh"), (3,)),
        (Dense(1, "sigmoid", "glorot_uniform"), (5,)),
        (Dense(3, "elu", "he_normal"), (1,)),
        (Dense(3, "tanh", bias=False), (2,)),
        (Dense(2, jfnn.Activation(jnp.sin, jnp.cos), "glorot_normal"), (3,)),
    ],
    Elman: [
        (Elman(2), (3, 2)),
        (Elman(3, "sigmoid", bidirectional=True, states="all", initializer="normal"), (2, 1)),
    ],
    Embedding: [(Embedding(5, 3), (4,)), (Embedding(3, 2, 1, "pytorch"), (2, 3))],
    Flatten: [(Flatten(), (2, 3)), (Flatten(), (4,))],
    GRU: [
        (GRU(2, states="all", initializer="glorot_uniform"), (3, 2)),
        (GRU(2, bidirectional=True), (3, 1)),
    ],
    LSTM: [
        (LSTM(2, states="all", initializer="glorot_uniform"), (3, 2)),
        (LSTM(2, bidirectional=True), (3, 1)),
        (LSTM(2, bidirectional=True, states="all", padded=True), (3, 1)),
    ],
    LayerNorm: [(LayerNorm(), (4,)), (LayerNorm(), (3, 4)), (LayerNorm(2, 0.1), (2, 3, 2))],
    MaxPool: [(MaxPool(2), (2, 5)), (MaxPool((3, 2), (1, 2), (1, 0)), (1, 3, 4))],
    MeanPool: [(MeanPool(3, 1, 2), (2, 4)), (MeanPool((2, 3), 2, (0, 1)), (1, 5, 4))],
    Residual: [
        (Residual([Dense(3, "tanh"), Scale(2.0)]), (3,)),
        (Residual([Conv(2, 3, 1, 1, "sigmoid"), Residual([Scale()])]), (2, 4)),
    ],
    Frozen: [(Frozen(Dense(2, "tanh", "lecun_normal")), (3,))],
    Scaled: [
        (Scaled(Dense(2, "tanh", "lecun_normal"), 0.5, 2.0, 3.0), (3,)),
        (Scaled(Dense(2, bias=False), 0.5, 2.0), (3,)),
    ],
}
TOYS = {Scale: [(Scale(), (3,)), (Scale(2.0), (2, 3))]}
every_example = pytest.mark.parametrize(
    ("layer", "shape"),
    [
        pytest.param(*example, id=f"{kind.__name__} {i}", marks=pytest.mark.thorough if i else ())
        for kind, examples in (EXAMPLES | TOYS).items()
        for i, example in enumerate(examples)
    ],
)


def make_problem(layer, shape, dtype):
    """Return random public parameters, inputs ``[N, *shape]`` and ``∂C/∂outputs [N, …]``."""
    rng = np.random.default_rng(3)

    def draw(array_shape):
        return rng.normal(size=array_shape).astype(dtype)

    like = jax.eval_shape(functools.partial(layer.init, shape=shape), jax.random.key(0))
    params = jax.tree.map(lambda leaf: draw(leaf.shape), like)
    x = draw((N, *shape)) if layer.tokens is None else rng.integers(0, layer.tokens, (N, *shape), np.int32)
    return params, x, draw((N, *layer.output_shape(shape)))


def test_every_registered_kind_has_examples():
    assert set(EXAMPLES) == set(LAYERS.values())


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(Residual([Scaled(Dense(3))]), (3,)), *(example for kind in EXAMPLES.values() for example in kind)],
)
def test_network_is_restored_from_its_description_unless_functions_are_custom(layer, shape):
    network = jfnn.sequential([layer, Flatten(), Dense(2)], shape)
    described = json.loads(json.dumps(naming.describe_network(network)))
    if naming.is_registered_network(network):
        assert naming.network_from(described) is network
    else:
        with pytest.raises(ValueError, match="network: it has a custom function"):
            naming.network_from(described)


INTEGERS = np.arange(10)
# Layers with NumPy scalars, and the shapes of their inputs.
OF_NUMPY = [
    ([Dense(INTEGERS[7])], 3),
    ([Conv(INTEGERS[2], INTEGERS[3], INTEGERS[1], padding=INTEGERS[1]), Flatten(), Dense(2)], (1, 6)),
    ([MaxPool(INTEGERS[2], (INTEGERS[2],)), Flatten(), Dense(2)], (1, 6)),
    ([Embedding(INTEGERS[9], INTEGERS[4], INTEGERS[1]), Elman(INTEGERS[3], padded=np.True_), Dense(2)], 5),
    ([LayerNorm(INTEGERS[1], np.float32(0.5)), Scaled(Dense(2), np.float32(2))], 3),
]


@pytest.mark.parametrize(("layers", "shape"), OF_NUMPY)
def test_layers_convert_numpy_scalars_to_plain_numbers(layers, shape):
    network = jfnn.sequential(layers, shape)
    assert naming.is_registered_network(network)
    assert naming.network_from(json.loads(json.dumps(naming.describe_network(network)))) is network


@pytest.mark.parametrize("described", [None, "module.apply", {"inputs": [2], "layers": []}])
def test_networks_are_not_made_from_names_of_arbitrary_functions(described):
    with pytest.raises(ValueError, match="network: it has a custom function"):
        naming.network_from(described)


def test_kinds_are_named_after_their_classes():
    for name, kind in LAYERS.items():
        assert name == re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def test_registered_activation_may_be_passed_as_a_function():
    for kind in (Conv, Dense, Elman):
        assert kind(2, activation=jfnn.activations.get("elu")) == kind(2, activation="elu")


def test_width_of_a_layer_is_its_number_of_values_per_sample():
    assert Dense(7).width((3,)) == Scaled(Dense(7)).width((3,)) == 7
    assert Scale().width((2, 3)) == 6  # the outputs, by default
    assert Flatten().width((2, 3)) == 0
    # Convolutions and pooling count one output in four; the last four count in part.
    assert [Conv(channels, 1).width((1, 2)) for channels in (2, 4, 5)] == [1, 2, 3]
    assert [pool(2).width((channels, 2)) for pool in (MaxPool, MeanPool) for channels in (4, 5)] == [1, 2] * 2
    assert Residual([Dense(5), Dense(3)]).width((3,)) == 5
    assert sequence.width([Flatten(), Dense(4), Dense(2)], (2, 3)) == 4


@every_example
def test_equal_layers_compare_and_hash_equal(layer, shape):
    twin = dataclasses.replace(layer)
    assert twin == layer and hash(twin) == hash(layer)
    net = jfnn.sequential([layer], shape)
    assert jfnn.sequential((twin,), list(shape)) is net
    if not isinstance(getattr(layer, "activation", None), jfnn.Activation):
        assert pickle.loads(pickle.dumps(net)) is net


def in_all_ways(layer, shape, dtype):
    """Return ``(problem, outputs, gradients, values)`` of a layer on random numbers, by one program.

    Outputs are those of rows, of columns and of the kind's default; gradients are by hand, by `jax.vjp` of
    rows and of columns; values are those at `perturbed` arguments, in float64.
    """

    @compiled
    def found(params, x, d_out):
        packed = layer.pack(params)
        a = jnp.moveaxis(x, 0, -1)
        d_columns = jnp.moveaxis(d_out, 0, -1)
        columns, kept = layer.forward(packed, a)
        outputs = layer.apply(params, x), jnp.moveaxis(columns, -1, 0), LayerKind.apply(layer, params, x)
        by_hand = layer.pull_back(packed, kept, d_columns)
        _, of_columns = jax.vjp(lambda packed, a: layer.forward(packed, a)[0], packed, a)
        by_hand, in_columns = (
            (layer.unpack(d_packed), None if layer.tokens else jnp.moveaxis(d_in, -1, 0))
            for d_packed, d_in in (by_hand, of_columns(d_columns))
        )
        d_params, d_rows = jax.vjp(layer.apply, params, x)[1](d_out)
        by_jax = d_params, None if layer.tokens else d_rows
        values = None
        if dtype == np.float64:
            moved = perturbed((params, None if layer.tokens else x), STEP)

            def value(params, moved):
                return jnp.sum(layer.apply(params, x if moved is None else moved) * d_out)

            values = jax.vmap(lambda moved: value(*moved))(moved)
        return outputs, (by_hand, by_jax, in_columns), values

    problem = make_problem(layer, shape, dtype)
    return problem, *found(*problem)


@every_example
@float64_first
def test_rows_equal_columns_and_pull_back_equals_jax_vjp_and_central_differences(layer, shape, dtype):
    problem, outputs, (by_hand, by_jax, in_columns), values = in_all_ways(layer, shape, dtype)
    params, x, d_out = problem
    rows, columns, by_default = outputs
    assert rows.shape == d_out.shape
    assert rows.dtype == columns.dtype == dtype
    assert_close(columns, rows, TOLERANCE[dtype.name])
    assert_close(by_default, rows, TOLERANCE[dtype.name])
    assert_close(by_hand, by_jax, TOLERANCE[dtype.name])
    assert_close(in_columns, by_jax, TOLERANCE[dtype.name])
    if dtype == np.float64:
        arguments = params, None if layer.tokens else x
        assert_close(by_hand, central_differences(values, arguments, STEP), DIFFERENCES_TOLERANCE)


@every_example
def test_unpack_is_the_inverse_of_pack_after_leading_axes(layer, shape):
    params, *_ = make_problem(layer, shape, np.float32)
    leading = jax.tree.map(lambda leaf: np.random.default_rng(1).random((2, 5, *leaf.shape)), params)
    packed = layer.pack(leading)
    assert same_bits(layer.unpack(packed), leading)
    assert same_bits(
        jax.tree.map(lambda leaf: leaf[1, 3], packed),
        layer.pack(jax.tree.map(lambda leaf: leaf[1, 3], leading)),
    )


def test_dropout_skips_undroppable_kinds_and_the_last_layer():
    layers = [Flatten(), Scale(), Dense(5), Scaled(Dense(4)), Scale(), Dense(3)]
    assert dropout_shapes(layers, (2, 2)) == [None, None, (5,), (4,), None, None]
