"""Feed-forward networks as pure functions of their parameters (the notes, section 1).

Samples are rows: ``x [n, n_in]``, ``w [n_in, n_out]``, ``b [n_out]``. A network is a pair of functions,
`Network(init, apply)`; whatever trains one asks no more of it, so networks of other kinds fit too.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jfnn import activations, checks, losses
from jfnn.activations import Activation


class Layer(NamedTuple):
    """The parameters of one layer: weights ``w [n_in, n_out]`` and biases ``b [n_out]``."""

    w: jax.Array
    b: jax.Array


Params = tuple[Layer, ...]


class MLP(NamedTuple):
    """What defines a multilayer perceptron: widths from input to output, and its two activations."""

    sizes: tuple[int, ...]
    activation: Activation
    output: Activation


class Network(NamedTuple):
    """A network as a pair of pure functions.

    Attributes:
        init: ``key -> params``, a pytree of arrays.
        apply: ``(params, x [n, n_in]) -> [n, n_out]``, the output activation applied.
        mlp: What the network is made of, where `mlp` made it; the hand derivation and the engine's fast
            layout need to know. None for a network of your own.
    """

    init: Callable
    apply: Callable
    mlp: MLP | None = None


class Initializer(NamedTuple):
    """How a layer starts: ``weights(key, (n_in, n_out)) -> w``, and the value of every bias."""

    weights: Callable
    bias: float


def _normal(key, shape):
    # Drawn flat: the same numbers, but XLA takes a second less to compile that than rows of ten.
    return jax.nn.initializers.normal(1.0)(key, (shape[0] * shape[1],)).reshape(shape)


INITIALIZERS: dict[str, Initializer] = {
    # The notes' start: unscaled standard normal weights, biases 0.01.
    "normal": Initializer(_normal, 0.01),
    "glorot_uniform": Initializer(jax.nn.initializers.glorot_uniform(), 0.0),
    "glorot_normal": Initializer(jax.nn.initializers.glorot_normal(), 0.0),
    "he_uniform": Initializer(jax.nn.initializers.he_uniform(), 0.0),
    "he_normal": Initializer(jax.nn.initializers.he_normal(), 0.0),
}


def pre_activation(layer: Layer, a):
    """``z = a @ w + b`` of one layer: ``a [n, n_in] -> z [n, n_out]``."""
    return jnp.matmul(a, layer.w, precision="highest") + layer.b


def mlp(
    sizes: Sequence[int],
    activation: str | Activation = "sigmoid",
    output: str | Activation = "identity",
    init: str = "normal",
) -> Network:
    """A fully connected feed-forward network of any depth.

    Layers 1..L-1 are hidden, ``a_l = f(a_{l-1} @ w_l + b_l)``; the last applies the output activation. For a
    cross-entropy leave it the identity, so that the network gives logits. The same arguments give the same
    object, so that what was compiled for one is used for the other.

    Args:
        sizes: Widths from input to output, such as ``(64, 50, 10)``; ``(64, 10)`` has no hidden layer.
        activation: The hidden layers' activation, a name or an `Activation`.
        output: The output layer's activation.
        init: Where parameters start: "normal" (the notes': unscaled normal weights, biases 0.01),
            "glorot_uniform", "glorot_normal", "he_uniform", "he_normal" (biases 0).

    Raises:
        ValueError: Fewer than two sizes, a width below 1, an unknown name.
        TypeError: A width is not a whole number.
    """
    widths = tuple(checks.as_count(size, "sizes") for size in sizes)
    if len(widths) < 2:
        raise ValueError(f"sizes: expected at least an input and an output width, got {widths}")
    spec = MLP(widths, activations.get(activation), activations.get(output, "output"))
    return _mlp(spec, checks.as_choice(init, "init", INITIALIZERS))


@functools.cache
def _mlp(spec: MLP, init_name: str) -> Network:
    initializer = INITIALIZERS[init_name]
    shapes = list(zip(spec.sizes[:-1], spec.sizes[1:], strict=True))

    def init(key) -> Params:
        keys = jax.random.split(key, len(shapes))
        return tuple(
            Layer(w := initializer.weights(key, shape), jnp.full(shape[1], initializer.bias, w.dtype))
            for key, shape in zip(keys, shapes, strict=True)
        )

    return Network(init, functools.partial(forward, spec), spec)


def is_of_mlp(network: Network) -> bool:
    """Whether ``apply`` is that of ``mlp``, and not another one put in its place."""
    apply = network.apply
    return isinstance(apply, functools.partial) and apply.func is forward and apply.args == (network.mlp,)


def forward(spec: MLP, params: Params, x, masks: Sequence | None = None):
    """The outputs ``[n, n_out]`` of a multilayer perceptron.

    Args:
        spec: What the network is made of.
        params: Its layers.
        x: Inputs ``[n, n_in]``.
        masks: For each hidden layer what its activations are multiplied by, ``[n_l, n]`` (`dropout_masks`).
    """
    *hidden, last = params
    a = x
    for i, layer in enumerate(hidden):
        a = spec.activation.f(pre_activation(layer, a))
        a = a if masks is None else a * masks[i].T
    return spec.output.f(pre_activation(last, a))


def dropout_masks(key, rate, widths: Sequence[int], n: int, dtype) -> list[jax.Array]:
    """Inverted dropout (Srivastava et al., JMLR 15, 2014): what hidden activations are multiplied by.

    Each unit is kept for a sample with probability 1 - rate, and its activation then divided by that, so that
    its mean is what it is without dropout; else it is 0. Networks with other rates but the same key drop by
    the same random numbers.

    Args:
        key: A random key.
        rate: The probability to drop a unit, in [0, 1); may be traced.
        widths: Of the hidden layers.
        n: Samples.
        dtype: Of the masks.

    Returns:
        A mask ``[width, n]`` for each layer, features first.
    """
    keys = jax.random.split(key, max(len(widths), 1))
    draws = [jax.random.uniform(key, (width, n), dtype) for key, width in zip(keys, widths, strict=False)]
    return [jnp.where(draw >= rate, 1 / (1 - rate), 0).astype(dtype) for draw in draws]


def check_output(output: Activation | None, loss: losses.Loss) -> None:
    """Refuses an output activation in front of a loss that has its own.

    Args:
        output: The network's output activation, or None where it is not known.
        loss: The loss behind it.

    Raises:
        ValueError: The loss takes logits and the output is not the identity.
    """
    if loss.takes_logits and output not in (None, activations.ACTIVATIONS["identity"]):
        raise ValueError(
            "loss: a cross-entropy applies its softmax or sigmoid itself;"
            " build the network with output='identity', so that it gives logits"
        )


def check_dropout(rate, key) -> bool:
    """Whether units are dropped: there is a key.

    Raises:
        ValueError: The rate is not in [0, 1), or above 0 without a key.
    """
    if checks.is_concrete(rate) and not 0 <= rate < 1:
        raise ValueError(f"dropout: expected a rate of at least 0 and below 1, got {rate}")
    if key is None and (not checks.is_concrete(rate) or rate > 0):
        raise ValueError("key: dropout needs a random key, such as jax.random.key(0)")
    return key is not None


def predict_proba(network: Network, params, x, loss="cross_entropy"):
    """Class probabilities ``[n, n_out]``: the softmax or sigmoid of the logits, as the loss has it.

    Raises:
        ValueError: The loss has no probabilities (quadratic).
    """
    loss = losses.get(loss)
    if loss.probabilities is None:
        raise ValueError(
            "loss: expected a cross-entropy; the quadratic cost gives outputs, not probabilities"
        )
    return loss.probabilities(network.apply(params, _inputs(network, x)))


def predict(network: Network, params, x, loss="cross_entropy"):
    """Class labels ``[n]``: the largest output, or with one output whether it passes one half.

    One output is thresholded at probability 1/2 for a cross-entropy (logit 0) and at 1/2 for the quadratic
    cost, whose targets are 0 and 1.
    """
    return decide(network.apply(params, _inputs(network, x)), losses.get(loss))


def _inputs(network: Network, x):
    return checks.as_inputs(x, features=network.mlp.sizes[0] if network.mlp else None)


def decide(outputs, loss: losses.Loss, axis=-1):
    """Class labels from outputs; ``axis`` is where the outputs of one sample lie."""
    if outputs.shape[axis] > 1:
        return jnp.argmax(outputs, axis=axis)
    threshold = 0.0 if loss.takes_logits else 0.5
    return (jnp.squeeze(outputs, axis) > threshold).astype(jnp.int32)


def accuracy(network: Network, params, x, labels, loss="cross_entropy"):
    """The share of rows whose predicted label is the given one, a scalar in [0, 1].

    Raises:
        ValueError: ``labels`` is not one integer label a row.
    """
    labels = jnp.asarray(labels)
    predicted = predict(network, params, x, loss)
    if labels.shape != predicted.shape or not checks.is_labels(labels):
        raise ValueError(
            f"labels: expected integers [{predicted.shape[0]}], got {labels.dtype} {list(labels.shape)}"
        )
    return jnp.mean(predicted == labels)
