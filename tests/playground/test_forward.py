"""Networks in JavaScript answer what they answer in JAX, by V8, the engine of Chrome."""

import functools
import importlib.resources
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, representatives

import jfnn
from jfnn import losses
from jfnn.activations import ACTIVATIONS
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
    LayerNorm,
    MaxPool,
    MeanPool,
    Residual,
    Scaled,
)
from jfnn.playground.networks import KINDS, described, flattened

py_mini_racer = pytest.importorskip("py_mini_racer")

FORWARD = (importlib.resources.files("jfnn.playground") / "forward.js").read_text(encoding="utf-8")
N = 7
NETWORKS = 200
# Scales of weights: those of training, and such that activations saturate.
ORDINARY = (0.3, 1.0)
LARGE = (5.0, 50.0)
CLOSE = 1e-5
# Sums of float32 lose digits that those of float64 have: over the networks of ordinary weights up to this.
CLOSE_TO_FLOAT32 = 1e-4


@functools.cache
def engine():
    """V8 with the forward pass."""
    context = py_mini_racer.MiniRacer()
    context.eval(FORWARD)
    return context


def expression(network, params, x, loss):
    """The answers to rows in JavaScript; every number is a text, since JSON has neither NaN nor infinity."""
    network_text = json.dumps(described(network, loss), allow_nan=False)
    arrays = (flattened(network, params), np.asarray(x, np.float32).ravel())
    weights, inputs = (f"Float32Array.from({json.dumps(array.tolist())})" for array in arrays)
    return f"JSON.stringify(Array.from(answers({network_text}, {weights}, {inputs}, {len(x)}), String))"


def answers(network, params, x, loss="cross_entropy", evaluate=None):
    """What JavaScript answers, ``[n, outputs]`` of float64."""
    text = (evaluate or engine().eval)(expression(network, params, x, loss))
    return np.array([float(number) for number in json.loads(text)]).reshape(len(x), -1)


@functools.partial(compiled, static_argnums=(0, 3))
def asked(network, params, x, loss):
    """What JAX answers."""
    if losses.get(loss).probabilities is not None:
        return jfnn.predict_proba(network, params, x, loss)
    return jfnn.predict(network, params, x, loss, task="regression")


def expected(network, params, x, loss, dtype):
    """What JAX answers by sums of a dtype."""
    cast = functools.partial(np.asarray, dtype=dtype)
    x = x if np.issubdtype(x.dtype, np.integer) else cast(x)
    with jax.enable_x64(dtype == "float64"):
        return np.asarray(asked(network, jax.tree.map(cast, params), x, loss))


def drawn(rng, values):
    """One of some values."""
    return values[int(rng.integers(len(values)))]


def function(rng):
    """The name of an activation."""
    return drawn(rng, [*ACTIVATIONS])


def whole(rng, low, high):
    """A whole number from ``low`` to ``high``."""
    return int(rng.integers(low, high + 1))


def switch(rng):
    """True or False."""
    return bool(rng.random() < 0.5)


def convolution(rng, shape):
    """A convolution that may not fit."""
    axes = len(shape) - 1
    kernel, dilation = (tuple(whole(rng, 1, 3) for _ in range(axes)) for _ in range(2))
    padding = drawn(rng, ["same", *(["causal"] if axes == 1 else []), tuple(whole(rng, 0, 2) for _ in kernel)])
    stride = 1 if padding == "same" else tuple(whole(rng, 1, 3) for _ in kernel)
    return Conv(whole(rng, 1, 6), kernel, stride, padding, function(rng), dilation=dilation)


def pooling(kind, rng, shape):
    """A pooling that may not fit."""
    size = tuple(whole(rng, 1, 3) for _ in shape[1:])
    padding = tuple(whole(rng, 0, length - 1) for length in size)
    return kind(size, drawn(rng, [None, 1, tuple(whole(rng, 1, 3) for _ in size)]), padding)


def recurrent(kind, rng, shape):
    """A recurrent layer."""
    options = {"activation": function(rng)} if kind is Elman else {}
    states = drawn(rng, ["last", "all"])
    return kind(whole(rng, 1, 5), bidirectional=switch(rng), states=states, padded=switch(rng), **options)


def residual(rng, shape):
    """A residual block that gives the shape it takes."""
    if len(shape) == 1:
        inner = [Dense(whole(rng, 1, 5), function(rng)), Dense(shape[0], function(rng), bias=switch(rng))]
    elif len(shape) == 2 and switch(rng):
        inner = [GRU(shape[1], states="all")]
    else:
        inner = [LayerNorm(), Conv(shape[0], 3, 1, "same", function(rng))]
    return Residual(inner)


# Kind of layer -> the numbers of axes of its inputs, and what draws one for inputs of a shape.
DRAWN = {
    "conv": ((2, 3), convolution),
    "dense": ((1,), lambda rng, shape: Dense(whole(rng, 1, 9), function(rng), bias=switch(rng))),
    "elman": ((2,), functools.partial(recurrent, Elman)),
    "embedding": ((), None),  # the first layer alone, see `first`
    "flatten": ((2, 3), lambda rng, shape: Flatten()),
    "frozen": ((1, 2, 3), lambda rng, shape: Frozen(some_layer(rng, shape))),
    "gru": ((2,), functools.partial(recurrent, GRU)),
    "layer_norm": (
        (1, 2, 3),
        lambda rng, shape: LayerNorm(whole(rng, 1, len(shape)), drawn(rng, [1e-5, 0.1])),
    ),
    "lstm": ((2,), functools.partial(recurrent, LSTM)),
    "max_pool": ((2, 3), functools.partial(pooling, MaxPool)),
    "mean_pool": ((2, 3), functools.partial(pooling, MeanPool)),
    "residual": ((1, 2, 3), residual),
    "scaled": ((1, 2, 3), lambda rng, shape: Scaled(some_layer(rng, shape), 2.0, 0.5)),
}


def some_layer(rng, shape):
    """A random layer for inputs of a shape."""
    fitting = [draw for axes, draw in DRAWN.values() if len(shape) in axes]
    return drawn(rng, fitting)(rng, shape)


def layers_for(rng, shape, count):
    """Layers for inputs of a shape, one behind the other, and the shape of their outputs."""
    layers = []
    while len(layers) < count:
        layer = some_layer(rng, shape)
        try:
            shape = layer.output_shape(shape)
        except jfnn.ArgumentError:  # windows that do not fit
            continue
        layers.append(layer)
    return layers, shape


def lossy(rng):
    """A loss, by its name or with quantiles, and how many outputs suit it."""
    loss = drawn(rng, [*losses.LOSSES, *["cross_entropy"] * 5, jfnn.losses.pinball(0.1, 0.5, 0.9)])
    entry = losses.get(loss)
    return loss, max(entry.min_outputs, whole(rng, 1, 4) * entry.outputs_per_target)


@functools.cache
def random_network(number):
    """A network, its loss, parameters, rows and the scale of its weights, by a number."""
    rng = np.random.default_rng([11, number])
    shape = tuple(whole(rng, 1, 8) for _ in range(whole(rng, 1, 3)))
    layers = []
    inputs = shape
    tokens = len(shape) < 3 and rng.random() < 0.3
    if tokens:
        vocabulary = whole(rng, 2, 6)
        layer = Embedding(vocabulary, whole(rng, 1, 4), drawn(rng, [None, 0, vocabulary - 1]))
        layer = drawn(rng, [layer, layer, Frozen(layer), Scaled(layer)])
        layers.append(layer)
        shape = layer.output_shape(shape)
    middle, shape = layers_for(rng, shape, whole(rng, 0, 4))
    loss, outputs = lossy(rng)
    last = "identity" if losses.get(loss).takes_logits or any(losses.get(loss).inverse_links) else function(rng)
    ending = [Flatten()] if len(shape) > 1 else []
    network = jfnn.sequential([*layers, *middle, *ending, Dense(outputs, last)], inputs)
    scale = drawn(rng, [*ORDINARY, *LARGE])
    like = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(0, scale, leaf.shape).astype(np.float32), like)
    if tokens:
        return network, loss, params, rng.integers(0, vocabulary, (N, *inputs)), scale
    x = rng.normal(size=(N, *inputs)).astype(np.float32)
    if len(inputs) == 2:  # sequences that end early, for layers that heed it; one has nothing at all
        for row, length in enumerate(rng.integers(0, inputs[0] + 1, N - 1)):
            x[row, length:] = 0
    return network, loss, params, x, scale


def difference(got, wanted):
    """The largest difference, of numbers beyond 1 relative to them; 0 where both overflow alike."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(got - wanted) / np.maximum(1, np.abs(wanted))
    return float(np.where(got == wanted, 0, gaps).max())
