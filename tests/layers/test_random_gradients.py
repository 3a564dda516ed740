"""Random layers, losses, weights and masks: by hand = jax.grad = the slope along a random direction.

The slopes are the independent evidence, since `jax.grad` uses the pull-backs registered by layers.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from examples import examples
from helpers import compiled
from hypothesis import strategies
from jax.flatten_util import ravel_pytree

import jfnn
from jfnn import losses
from jfnn.activations import ACTIVATIONS
from jfnn.layers import (
    GRU,
    LSTM,
    Conv,
    Dense,
    Elman,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool,
    MeanPool,
    Residual,
    sequence,
)
from jfnn.layers.sequence import dropout_masks, dropout_shapes
from jfnn.learners import column_form

N = 5
STEP = 1e-5
DROPOUT = 0.3
KINKED = ("relu", "leaky_relu")  # a difference may cross a kink
KINKED_LOSSES = ("absolute", "pinball")


def pick(rng, values):
    return values[int(rng.integers(len(values)))]


def function(rng):
    return pick(rng, [*ACTIVATIONS, jfnn.Activation(jnp.arctan, lambda z: 1 / (1 + z**2))])


def dense(rng):
    """Return dense layers, possibly with a skip connection around one of them."""
    features = int(rng.integers(1, 6))
    layers = [Dense(int(rng.integers(1, 6)), function(rng)) for _ in range(int(rng.integers(4)))]
    if layers and rng.random() < 0.5:
        layers.append(Residual([Dense(layers[-1].units, function(rng))]))
    return layers, (features,)


def convolutions(rng):
    """Return one or two convolutions over one or two axes, possibly with pooling."""
    axes = int(rng.integers(1, 3))
    shape = (int(rng.integers(1, 4)), *map(int, rng.integers(4, 7, axes)))

    def lengths(low, high):
        return tuple(int(number) for number in rng.integers(low, high, axes))

    layers = []
    for _ in range(int(rng.integers(1, 3))):
        padding = pick(rng, [lengths(0, 3), "same", *(["causal"] if axes == 1 else [])])
        stride = 1 if padding == "same" else lengths(1, 3)
        convolution = Conv(int(rng.integers(1, 4)), lengths(1, 4), stride, padding, function(rng))
        layers.append(dataclasses.replace(convolution, dilation=lengths(1, 3)))
        if rng.random() < 0.3:
            layers.append(LayerNorm(pick(rng, [1, axes + 1]), 0.1))
    pool = pick(rng, [None, MaxPool, MeanPool])
    if pool:
        layers.append(pool(lengths(2, 4), pick(rng, [None, 1]), pick(rng, [0, 1])))
    return [*layers, Flatten()], shape


def recurrent(rng):
    """Return one or two recurrent layers, possibly on padded tokens."""
    shape = tuple(int(number) for number in rng.integers(1, 5, 2))
    layers = []
    two = rng.random() < 0.5
    padded = False
    if rng.random() < 0.5:
        padded = bool(rng.random() < 0.5)
        layers.append(Embedding(int(rng.integers(2, 5)), shape[1], 0 if padded else None))
        shape = shape[:1]
    for states in ["all", pick(rng, ["all", "last"])] if two else [pick(rng, ["all", "last"])]:
        options = {"bidirectional": bool(rng.random() < 0.5), "states": states}
        units = int(rng.integers(1, 4))
        kind = pick(rng, [Elman, GRU, LSTM])
        options = options | {"padded": padded}
        layers.append(kind(units, **options | ({"activation": function(rng)} if kind is Elman else {})))
    return [*layers, Flatten()], shape


def structure(number):
    """Return a random network, by its number: ``(network, loss, options, whether it is smooth)``."""
    rng = np.random.default_rng([7, number])
    while True:
        layers, shape = (dense, convolutions, recurrent)[number % 3](rng)
        loss = pick(rng, [*losses.LOSSES])
        links = losses.LOSSES[loss].takes_logits or any(losses.LOSSES[loss].inverse_links)
        units = int(rng.integers(2, 5)) * losses.LOSSES[loss].outputs_per_target
        layers.append(Dense(units, "identity" if links else function(rng)))
        try:
            net = jfnn.sequential(layers, shape)
        except ValueError:  # windows that do not fit
            continue
        options = {
            "reduction": pick(rng, losses.REDUCTIONS),
            "weighted": bool(rng.random() < 0.5),
            "drops": bool(rng.random() < 0.5),
        }
        text = repr(layers)
        smooth = not any(kink in text for kink in (*KINKED, "MaxPool")) and loss not in KINKED_LOSSES
        return net, loss, options, smooth


@functools.cache
def both_ways(number):
    """Compile parameters and rows -> the gradient by hand and by JAX, and the objective on both sides."""
    net, loss, options, _ = structure(number)
    weighted = options["weighted"]
    drops = options["drops"]
    reduction = options["reduction"]

    def objective(params, x, targets, weights, l2, key):
        drop = {"dropout": DROPOUT, "key": key} if drops else {}
        of_rows = weights if weighted else None
        common = {"loss": loss, "l2": l2, "reduction": reduction, "weights": of_rows}
        return jfnn.objective(net, params, x, targets, **common, **drop)

    @compiled
    def run(params, direction, x, targets, weights, l2, key):
        shapes = dropout_shapes(net.layers, net.input_shape)
        masks = dropout_masks(key, DROPOUT, shapes, N, targets.dtype) if drops else None
        packed = sequence.pack(net.layers, params)
        of_rows = weights if weighted else None
        terms = losses.Objective(losses.get(loss), reduction, {"l2": l2}, "weights")
        value, gradients = column_form.gradient_by_hand(net.layers, terms, packed, x, targets, of_rows, masks)
        rest = (x, targets, weights, l2, key)
        by_jax = jax.value_and_grad(objective)(params, *rest)
        moved = [jax.tree.map(lambda p, d, s=s: p + s * STEP * d, params, direction) for s in (1, -1)]
        both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *moved)
        right, left = jax.lax.map(lambda params: objective(params, *rest), both)
        return (value, sequence.unpack(net.layers, gradients)), by_jax, (right - left) / (2 * STEP)

    return run


def problem(number, seed, scale, l2):
    net, loss, *_ = structure(number)
    rng = np.random.default_rng(seed)
    like = jax.eval_shape(net.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: scale * rng.normal(size=leaf.shape), like)
    direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), like)
    targets = rng.dirichlet(np.ones(net.layers[-1].units // losses.get(loss).outputs_per_target), N)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], N) + (np.arange(N) == 0)
    key = jax.random.key(seed % 2**31)
    tokens = net.layers[0].tokens
    shape = (N, *net.input_shape)
    x = rng.normal(size=shape) if tokens is None else rng.integers(0, tokens, shape)
    return params, direction, x, targets, weights, l2, key


@examples((9, 3), (1500, 60), few=(3, 1))
def test_hand_gradient_equals_jax_grad_and_slopes(examples, x64):
    def gradients_agree(number, seed, scale, l2):
        arguments = problem(number, seed, scale, l2)
        by_hand, by_jax, slope = both_ways(number)(*arguments)
        (hand, _) = ravel_pytree(by_hand)
        (grad, _) = ravel_pytree(by_jax)
        np.testing.assert_allclose(hand, grad, rtol=0, atol=1e-10 * max(1, np.abs(grad).max()))
        if structure(number)[-1]:
            along = grad[1:] @ ravel_pytree(arguments[1])[0]
            np.testing.assert_allclose(along, slope, atol=1e-5 * max(1, np.abs(grad).max()))

    examples.check(
        gradients_agree,
        number=strategies.integers(0, examples.structures - 1),
        seed=strategies.integers(0, 2**32 - 1),
        scale=strategies.sampled_from([0.1, 0.5, 1.0]),
        l2=strategies.sampled_from([0.0, 0.1, 2.0]),
    )
