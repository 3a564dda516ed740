"""Convolution compared with NumPy loops, pooling with JAX; test_layers.py tests the derivatives."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, compiled

import jfnn
from jfnn.layers import Conv, Dense, Flatten, MaxPool, MeanPool, Residual, sequence
from jfnn.learners import column_form

pytestmark = pytest.mark.unoptimized

N = 3
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
# Kernel, stride, padding and the shape of one input.
GEOMETRIES = [
    (1, 1, 0, (2, 4)),
    (2, 3, 1, (1, 7)),
    ((5,), (2,), (1,), (1, 9)),
    (4, 1, "same", (1, 5)),
    (3, 1, 0, (2, 5, 4)),
    (3, 2, 1, (1, 6, 5)),
    ((2, 3), (1, 2), (0, 2), (2, 3, 4)),
    ((4, 1), (3, 1), (2, 0), (1, 5, 2)),
]
# The same with a dilation.
DILATED = [
    (3, 1, "causal", 2, (2, 7)),
    (2, 2, "causal", 3, (1, 6)),
    (4, 1, "same", 3, (1, 5)),
    ((2, 3), (1, 2), (0, 2), (3, 2), (2, 6, 5)),
]


def draw(shape, dtype=np.float64, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def by_axis(value, axes):
    return value if isinstance(value, tuple) else (value,) * axes


def padding_of(kernel, padding, dilation):
    """Return the zeros before and after each axis."""
    spans = [step * (length - 1) for length, step in zip(kernel, dilation, strict=True)]
    if padding == "causal":
        return [(spans[0], 0)]
    if padding == "same":
        return [(span // 2, -(-span // 2)) for span in spans]
    return [(length, length) for length in by_axis(padding, len(kernel))]


def by_loops(layer, params, x):
    """``Σ_{c,u,v} w[o, c, u, v] a[c, s i + d u - p, s j + d v - p] + b[o]``, entry by entry."""
    axes = x.ndim - 2
    kernel, stride, dilation = (by_axis(n, axes) for n in (layer.kernel, layer.stride, layer.dilation))
    w, b, x = (np.asarray(array) for array in (*params, x))
    padded = np.pad(x, [(0, 0), (0, 0), *padding_of(kernel, layer.padding, dilation)])
    lengths = [
        (length - skip * (size - 1) - 1) // step + 1
        for length, size, step, skip in zip(padded.shape[2:], kernel, stride, dilation, strict=True)
    ]
    z = np.zeros((len(x), len(w), *lengths))
    for n, o in np.ndindex(*z.shape[:2]):
        for index in np.ndindex(*lengths):
            for c, *uv in np.ndindex(*w.shape[1:]):
                at = tuple(s * i + d * u for s, i, d, u in zip(stride, index, dilation, uv, strict=True))
                z[n, o, *index] += w[o, c, *uv] * padded[n, c, *at]
            z[n, o, *index] += b[o]
    return z


CONVOLUTIONS = [(Conv(2, *geometry, "identity"), shape) for *geometry, shape in GEOMETRIES]
CONVOLUTIONS += [(Conv(2, *geometry, "identity", dilation=step), shape) for *geometry, step, shape in DILATED]


@pytest.mark.thorough
@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS)
def test_convolutions_equal_loops_in_numpy(layer, shape, x64):
    like = layer.init(jax.random.key(0), shape)
    params = jax.tree.map(lambda leaf: draw(leaf.shape, seed=1), like)
    x = draw((N, *shape))
    assert_close(compiled(layer.apply)(params, x), by_loops(layer, params, x), 1e-12)


POOLS = [
    ((3,), 1, 2, (1, 4)),
    ((2, 2), None, 0, (2, 5, 4)),
    ((3, 2), (1, 2), (1, 0), (1, 4, 5)),
    ((2, 3), (3, 1), (1, 2), (2, 4, 4)),
]


def reduce_window(layer, x):
    axes = x.ndim - 2
    pads = [(0, 0), (0, 0), *((pad, pad) for pad in by_axis(layer.padding, axes))]
    largest = isinstance(layer, MaxPool)
    reduced = jax.lax.reduce_window(
        x,
        -jnp.inf if largest else 0.0,
        jax.lax.max if largest else jax.lax.add,
        (1, 1, *layer.size),
        (1, 1, *by_axis(layer.stride, axes)),
        pads,
    )
    return reduced if largest else reduced / math.prod(layer.size)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [MaxPool, MeanPool])
@pytest.mark.parametrize("geometry", POOLS)
def test_pooling_equals_reduce_window_with_its_gradient_even_with_ties(kind, geometry, dtype):
    *options, shape = geometry
    layer = kind(*options)
    x = jnp.sign(draw((N, *shape), dtype))  # most windows contain their largest entry several times
    d_out = draw((N, *layer.output_shape(shape)), dtype, 2)

    @compiled
    def all_ways(x, d_out):
        columns, kept = layer.forward((), jnp.moveaxis(x, 0, -1))
        _, d_in = layer.pull_back((), kept, jnp.moveaxis(d_out, 0, -1))
        by_hand = jnp.moveaxis(columns, -1, 0), jnp.moveaxis(d_in, -1, 0)
        ways = functools.partial(layer.apply, ()), functools.partial(reduce_window, layer)
        pulled = [jax.vjp(way, x) for way in ways]
        return by_hand, *((outputs, *pull_back(d_out)) for outputs, pull_back in pulled)

    by_hand, by_autodiff, expected = all_ways(x, d_out)
    assert_close(by_hand, expected, TOLERANCE[dtype.name])
    assert_close(by_autodiff, expected, TOLERANCE[dtype.name])


def test_cnn_equals_its_sequence_of_layers():
    net = jfnn.cnn((1, 8, 8), (4, 6), 3, [(3, 2), 2], 1, "same", pool=(2, 1), hidden=(5,), activation="tanh")
    assert net == jfnn.sequential(
        [
            Conv(4, (3, 2), 1, "same", "tanh"),
            MaxPool((2, 1)),
            Conv(6, 2, 1, "same", "tanh"),
            MaxPool((2, 1)),
            Flatten(),
            Dense(5, "tanh", "glorot_normal"),
            Dense(3, "identity", "glorot_normal"),
        ],
        (1, 8, 8),
    )


def test_same_padding_keeps_lengths_and_accepts_a_stride_of_one_in_every_form():
    for stride, shape in [(1, (2, 5)), ((1,), (2, 5)), (1, (2, 5, 4)), ((1, 1), (2, 5, 4))]:
        for kernel in (1, 2, 3, 4, 6):
            assert Conv(3, kernel, stride, "same").output_shape(shape) == (3, *shape[1:])


def test_residual_block_adds_the_outputs_of_its_layers():
    block = Residual([Dense(5, "tanh"), Dense(3, "relu")])
    params = block.init(jax.random.key(0), (3,))
    x = draw((N, 3), np.float32)
    inner = jfnn.sequential(block.layers, 3)
    result, given = compiled(lambda *arguments: (block.apply(*arguments), inner.apply(*arguments)))(params, x)
    assert_close(result, x + given, 1e-6)


@pytest.mark.parametrize("n", [column_form.MANY_ROWS, column_form.MANY_ROWS + 1])
@pytest.mark.thorough
def test_many_images_are_scored_in_order(n):
    net = jfnn.cnn((1, 4), (2,), 3, 2)
    params = net.init(jax.random.key(0))
    x = draw((n, 1, 4), np.float32)
    packed = sequence.pack(net.layers, params)
    result = compiled(functools.partial(column_form.outputs, net.layers))(packed, x)
    assert result.shape == (3, n)
    assert_close(result.T, compiled(net.apply)(params, x), 1e-6)


def test_output_activation_is_recognized_before_flatten():
    net = jfnn.sequential([Conv(2, 2), Flatten()], (1, 2, 2))
    with pytest.raises(ValueError, match=r"^loss: a cross-entropy applies"):
        jfnn.supervised(net)
    jfnn.supervised(jfnn.sequential([Conv(2, 2, activation="identity"), Flatten()], (1, 2, 2)))
