"""Networks in JavaScript (V8, the engine of Chrome) give the same outputs as in JAX."""

import functools
import importlib.resources
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, complaint, refusal
from scipy.special import erfc

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
    Layer,
    LayerNorm,
    MaxPool,
    MeanPool,
    Residual,
    Scaled,
)
from jfnn.playground.networks import described, flatten

py_mini_racer = pytest.importorskip("py_mini_racer")

FORWARD = (importlib.resources.files("jfnn.playground") / "forward.js").read_text(encoding="utf-8")
N = 7
NETWORKS = 200
# Scales of weights: as in training, and so large that activations saturate.
ORDINARY = (0.3, 1.0)
LARGE = (5.0, 50.0)
# The largest difference over all networks (relative beyond 1) is 7e-9 if JAX sums in float64. If it sums in
# float32, it is 3e-6 with ordinary weights, and arbitrary with large ones.
CLOSE = 1e-7
CLOSE_TO_FLOAT32 = 1e-5


@functools.cache
def engine():
    context = py_mini_racer.MiniRacer()
    context.eval(FORWARD)
    return context


def expression(network, params, x, loss):
    """Return a JavaScript expression for the outputs; numbers are texts, as JSON lacks NaN and infinity."""
    network_text = json.dumps(described(network, loss), allow_nan=False)
    arrays = (flatten(network, params), np.asarray(x, np.float32).ravel())
    weights, inputs = (f"Float32Array.from({json.dumps(array.tolist())})" for array in arrays)
    return f"JSON.stringify(Array.from(answers({network_text}, {weights}, {inputs}, {len(x)}), String))"


def answers(network, params, x, loss="cross_entropy"):
    """Return JavaScript's outputs, ``[n, outputs]`` in float64."""
    text = engine().eval(expression(network, params, x, loss))
    return np.array([float(number) for number in json.loads(text)]).reshape(len(x), -1)


@functools.partial(compiled, static_argnums=(0, 3))
def jax_answers(network, params, x, loss):
    if losses.get(loss).probabilities is not None:
        return jfnn.predict_proba(network, params, x, loss)
    return jfnn.predict(network, params, x, loss, task="regression")


def expected(network, params, x, loss, dtype):
    cast = functools.partial(np.asarray, dtype=dtype)
    x = x if np.issubdtype(x.dtype, np.integer) else cast(x)
    with jax.enable_x64(dtype == "float64"):
        return np.asarray(jax_answers(network, jax.tree.map(cast, params), x, loss))


def pick(rng, values):
    return values[int(rng.integers(len(values)))]


def function(rng):
    return pick(rng, [*ACTIVATIONS])


def whole(rng, low, high):
    return int(rng.integers(low, high + 1))


def switch(rng):
    return bool(rng.random() < 0.5)


def convolution(rng, shape):
    axes = len(shape) - 1
    kernel, dilation = (tuple(whole(rng, 1, 3) for _ in range(axes)) for _ in range(2))
    padding = pick(rng, ["same", *(["causal"] if axes == 1 else []), tuple(whole(rng, 0, 2) for _ in kernel)])
    stride = 1 if padding == "same" else tuple(whole(rng, 1, 3) for _ in kernel)
    return Conv(whole(rng, 1, 6), kernel, stride, padding, function(rng), dilation=dilation)


def pooling(kind, rng, shape):
    size = tuple(whole(rng, 1, 3) for _ in shape[1:])
    padding = tuple(whole(rng, 0, length - 1) for length in size)
    return kind(size, pick(rng, [None, 1, tuple(whole(rng, 1, 3) for _ in size)]), padding)


def recurrent(kind, rng, shape):
    options = {"activation": function(rng)} if kind is Elman else {}
    states = pick(rng, ["last", "all"])
    return kind(whole(rng, 1, 5), bidirectional=switch(rng), states=states, padded=switch(rng), **options)


def residual(rng, shape):
    if len(shape) == 1:
        inner = [Dense(whole(rng, 1, 5), function(rng)), Dense(shape[0], function(rng), bias=switch(rng))]
    elif len(shape) == 2 and switch(rng):
        inner = [GRU(shape[1], states="all")]
    else:
        inner = [LayerNorm(), Conv(shape[0], 3, 1, "same", function(rng))]
    return Residual(inner)


# Kind of layer -> numbers of axes of its inputs, and a function that draws one for inputs of a shape.
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
        lambda rng, shape: LayerNorm(whole(rng, 1, len(shape)), pick(rng, [1e-5, 0.1])),
    ),
    "lstm": ((2,), functools.partial(recurrent, LSTM)),
    "max_pool": ((2, 3), functools.partial(pooling, MaxPool)),
    "mean_pool": ((2, 3), functools.partial(pooling, MeanPool)),
    "residual": ((1, 2, 3), residual),
    "scaled": ((1, 2, 3), lambda rng, shape: Scaled(some_layer(rng, shape), 2.0, 0.5)),
}


def some_layer(rng, shape):
    fitting = [draw for axes, draw in DRAWN.values() if len(shape) in axes]
    return pick(rng, fitting)(rng, shape)


def layers_for(rng, shape, count):
    """Return consecutive layers for inputs of a shape, and the shape of their outputs."""
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
    """Return a loss, by its name or with quantiles, and a suitable number of outputs."""
    loss = pick(rng, [*losses.LOSSES, *["cross_entropy"] * 5, jfnn.losses.pinball(0.1, 0.5, 0.9)])
    entry = losses.get(loss)
    return loss, max(entry.min_outputs, whole(rng, 1, 4) * entry.outputs_per_target)


@functools.cache
def random_network(number):
    """Return a network, its loss, parameters, rows and the scale of its weights, by a number."""
    rng = np.random.default_rng([11, number])
    shape = tuple(whole(rng, 1, 8) for _ in range(whole(rng, 1, 3)))
    layers = []
    inputs = shape
    tokens = len(shape) < 3 and rng.random() < 0.3
    if tokens:
        vocabulary = whole(rng, 2, 6)
        layer = Embedding(vocabulary, whole(rng, 1, 4), pick(rng, [None, 0, vocabulary - 1]))
        layer = pick(rng, [layer, layer, Frozen(layer), Scaled(layer)])
        layers.append(layer)
        shape = layer.output_shape(shape)
    middle, shape = layers_for(rng, shape, whole(rng, 0, 4))
    loss, outputs = lossy(rng)
    last = (
        "identity" if losses.get(loss).takes_logits or any(losses.get(loss).inverse_links) else function(rng)
    )
    ending = [Flatten()] if len(shape) > 1 else []
    network = jfnn.sequential([*layers, *middle, *ending, Dense(outputs, last)], inputs)
    scale = pick(rng, [*ORDINARY, *LARGE])
    like = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(0, scale, leaf.shape).astype(np.float32), like)
    if tokens:
        return network, loss, params, rng.integers(0, vocabulary, (N, *inputs)), scale
    x = rng.normal(size=(N, *inputs)).astype(np.float32)
    if len(inputs) == 2:  # sequences with padding, for layers that mask it; one is all padding
        for row, length in enumerate(rng.integers(0, inputs[0] + 1, N - 1)):
            x[row, length:] = 0
    return network, loss, params, x, scale


def difference(got, wanted):
    """Return the largest difference, relative for numbers beyond 1; 0 if both overflow alike."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(got - wanted) / np.maximum(1, np.abs(wanted))
    return float(np.where(got == wanted, 0, gaps).max())


def check_alike(number):
    network, loss, params, x, scale = random_network(number)
    got = answers(network, params, x, loss)
    exact = expected(network, params, x, loss, "float64")
    rounded = expected(network, params, x, loss, "float32")
    assert difference(got, exact) <= CLOSE, network
    assert scale in LARGE or difference(got, rounded) <= CLOSE_TO_FLOAT32, network
    if losses.get(loss).probabilities is not None and got.shape[1] > 1:
        least, most = np.sort(exact, axis=1)[:, -2:].T
        sure = most - least > CLOSE
        np.testing.assert_array_equal(got.argmax(1)[sure], exact.argmax(1)[sure])


@pytest.mark.thorough
@pytest.mark.parametrize("number", range(3))
def test_random_networks_agree(number):
    check_alike(number)


@pytest.mark.slow
def test_all_random_networks_agree():
    kinds = {kind for number in range(NETWORKS) for kind in kinds_of(random_network(number)[0].layers)}
    assert kinds == set(LAYERS.values())
    assert {random_network(number)[-1] for number in range(NETWORKS)} == {*ORDINARY, *LARGE}
    for number in range(NETWORKS):
        check_alike(number)


def kinds_of(layers):
    inner = [
        [*getattr(layer, "layers", ()), *filter(None, [getattr(layer, "layer", None)])] for layer in layers
    ]
    return {type(layer) for layer in layers}.union(*map(kinds_of, inner)) if layers else set()


def test_both_sides_have_the_same_functions_and_kinds():
    def keys(name):
        return set(json.loads(engine().eval(f"JSON.stringify(Object.keys({name}))")))

    wrappers = {Frozen, Scaled}  # described as the layer within
    assert keys("ACTIVATIONS") == set(ACTIVATIONS)
    assert keys("LAYERS") == {name for name, kind in LAYERS.items() if kind not in wrappers}
    assert set(DRAWN) == set(LAYERS)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_equal_jaxs_and_do_not_overflow(name, x64):
    network = jfnn.sequential([Dense(1, name)], 1)
    params = (Layer(np.ones((1, 1), np.float32), np.zeros(1, np.float32)),)
    size = np.concatenate([[0], np.geomspace(1e-10, 1e4, 500)])
    x = np.concatenate([-size[::-1], size, [np.nan, np.inf, -np.inf]]).astype(np.float32)
    got = answers(network, params, x[:, None], "quadratic")[:, 0]
    assert np.isfinite(got[:-3]).all()
    wanted = ACTIVATIONS[name].f(jnp.asarray(x, np.float64))
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10)


LAYER_EXAMPLES = {
    "conv": ([Conv(5, (3, 2), (2, 1), (1, 0), "tanh", dilation=(1, 2)), Flatten()], (2, 6, 5)),
    "dense": ([Dense(6, "softplus"), Dense(4, "gelu", bias=False)], (3,)),
    "elman": ([Elman(3, "sin", True, "all"), Elman(2, padded=True)], (4, 2)),
    "embedding": ([Embedding(5, 3, 2), LSTM(4, padded=True)], (6,)),
    "flatten": ([Flatten()], (2, 3, 2)),
    "frozen": ([Frozen(GRU(3, True))], (4, 2)),
    "gru": ([GRU(3, True, "all"), GRU(2, True)], (4, 2)),
    "layer_norm": ([LayerNorm(1, 0.3), LayerNorm(2), Flatten()], (4, 3)),
    "lstm": ([LSTM(3, True, "all"), LSTM(2, True)], (4, 2)),
    "max_pool": ([MaxPool((2, 3), 1, 1), Flatten()], (2, 5, 6)),
    "mean_pool": ([MeanPool((2, 3), (2, 1), 1), Flatten()], (2, 5, 6)),
    "residual": ([Residual([Dense(5), Residual([Dense(5, "tanh")]), Dense(3, "sin")])], (3,)),
    "scaled": ([Scaled(Dense(5), 3.0), Scaled(Frozen(Dense(4)), 2.0), Frozen(Scaled(Dense(3)))], (3,)),
}


def example(kind):
    layers, inputs = LAYER_EXAMPLES[kind]
    network = jfnn.sequential([*layers, Dense(3, "identity")], inputs)
    rng = np.random.default_rng(0)
    like = jax.eval_shape(network.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), like)
    if network.layers[0].tokens:
        x = rng.integers(0, 5, (N, *inputs))
        x[0] = x[1, 3:] = 2  # all padding, and with padding at the end
    else:
        x = rng.normal(size=(N, *inputs)).astype(np.float32)
        x[0], x[1, -1:] = 0, 0
    return network, params, x


@pytest.mark.thorough
@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_of_layer_agrees(kind):
    network, params, x = example(kind)
    wanted = expected(network, params, x, "cross_entropy", "float64")
    np.testing.assert_allclose(answers(network, params, x), wanted, rtol=0, atol=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_outputs_have_the_same_meaning_with_every_loss(loss):
    outputs = 2 * losses.get(loss).outputs_per_target
    network = jfnn.mlp((3, 5, outputs), "tanh")
    params = network.init(jax.random.key(1))
    x = np.random.default_rng(1).normal(size=(N, 3)).astype(np.float32)
    wanted = expected(network, params, x, loss, "float64")
    np.testing.assert_allclose(answers(network, params, x, loss), wanted, rtol=1e-10)


@functools.partial(compiled, static_argnums=0)
def probabilities(network, params, x):
    return losses.get("cross_entropy").probabilities(network.apply(params, x))


@pytest.mark.thorough
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", LAYERS)
def test_nonfinite_weights_give_the_same_outputs_as_in_jax(kind, value):
    network, params, x = example(kind)
    leaves, structure = jax.tree.flatten(params)
    x = x if network.layers[0].tokens else x.astype(np.float64)
    for number in range(len(leaves)):
        changed = [leaf.copy() for leaf in leaves]
        changed[number].flat[-1] = value
        changed = structure.unflatten(changed)
        with jax.enable_x64(True):
            as64 = jax.tree.map(functools.partial(np.asarray, dtype=np.float64), changed)
            wanted = np.asarray(probabilities(network, as64, x))
        np.testing.assert_allclose(answers(network, changed, x), wanted, rtol=0, atol=1e-10)


@pytest.mark.thorough
def test_maximum_with_nan_is_nan():
    network = jfnn.sequential([MaxPool(3), Flatten()], (2, 3, 3))
    x = np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)
    x[0, 0, 1, 1] = np.nan
    np.testing.assert_array_equal(answers(network, ((), ()), x, "quadratic"), [[np.nan, 17], [26, 35]])


@pytest.mark.parametrize("loss", ["cross_entropy", "sigmoid_cross_entropy"])
def test_probabilities_do_not_overflow(loss):
    network = jfnn.mlp((2, 2))
    params = (Layer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)),)
    got = answers(network, params, np.array([[1e4, -1e4], [-1e4, 1e4]]), loss)
    np.testing.assert_array_equal(got, np.eye(2))


def test_error_function_is_accurate():
    x = np.linspace(-6, 27, 4001)
    got = json.loads(engine().eval(f"JSON.stringify({json.dumps(x.tolist())}.map(erfc))"))
    np.testing.assert_allclose(got, erfc(x), rtol=1e-9, atol=1e-11)


ARCTAN = jfnn.Activation(jnp.arctan, lambda z: 1 / (1 + z**2))
NET = jfnn.mlp((2, 3, 2))


class Doubled(Flatten):
    """A custom kind of layer."""


def of_layers(*layers):
    return jfnn.sequential([*layers, Dense(2, "identity")], 2)


def custom_apply(params, x):
    return x @ params["w"]


CUSTOM = losses.get("cross_entropy")._replace(probabilities=lambda z, axis=-1: jax.nn.softmax(2 * z, axis))
LINKED = losses.get("poisson")._replace(inverse_links=(jnp.square,))
CONV = jfnn.sequential([Conv(2, 3, activation="identity")], (1, 5))
REFUSED = {  # a network, and the loss if it is at fault
    "functions": [jfnn.Network(lambda key: {"w": jnp.ones((2, 2))}, custom_apply)],
    "other apply": [NET._replace(apply=custom_apply)],
    "kind": [of_layers(Dense(4), Doubled())],
    "kind within": [of_layers(Residual([Dense(3), Scaled(Doubled()), Dense(2)]))],
    "activation": [of_layers(Dense(4), Dense(3, ARCTAN))],
    "axes": [CONV],
    "no network": ["mlp"],
    "probabilities": [NET, CUSTOM],
    "link": [NET, LINKED],
    "softmax": [jfnn.mlp((2, 2), output="tanh"), "cross_entropy"],
    "one output": [jfnn.mlp((2, 1)), "cross_entropy"],
    "odd outputs": [jfnn.mlp((2, 3)), "gaussian"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_networks_unsupported_in_a_browser_are_refused(name):
    arguments = REFUSED[name]
    argument = "network" if len(arguments) == 1 else "loss"
    assert complaint(refusal(described, *arguments), {argument}) is None


def test_description_is_plain_and_locates_each_number():
    network, params, _ = example("conv")
    description = json.loads(json.dumps(described(network), allow_nan=False))
    flat = flatten(network, params)
    assert flat.shape == (description["parameters"],) and flat.dtype == np.float32
    for layer, own in zip(description["layers"], params, strict=True):
        for name, place in layer.get("weights", {}).items():
            array = getattr(own, name)
            part = flat[place["offset"] :][: array.size].reshape(place["shape"])
            np.testing.assert_array_equal(part, array)


@pytest.mark.parametrize(
    "params",
    [
        (Layer(np.ones((3, 2, 1)), np.ones((2, 1))),),
        (Layer(np.ones((2, 1), int), np.ones(1)),),
        (Layer(np.ones((1, 2)), np.ones(1)),),
        ((np.ones((2, 1)),),),
    ],
)
def test_other_parameters_are_refused(params):
    with pytest.raises((ValueError, TypeError), match="params"):
        flatten(jfnn.sequential([Dense(1)], 2), params)
