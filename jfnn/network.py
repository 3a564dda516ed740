"""Feed-forward networks as pure functions of their parameters (the notes, section 1).

Samples are rows: ``x [n, …]``, ``w [n_in, n_out]``, ``b [n_out]``. A network is a pair of functions,
`Network(init, apply)`; a network made of `jfnn.layers` also says of which, for the hand derivation and the
engine's column form.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn import activations, checks, losses
from jfnn.activations import Activation
from jfnn.layers.dense import Dense
from jfnn.layers.kind import LayerKind, Params, Shape

Masks = Sequence[jax.Array | None]


class Network(NamedTuple):
    """A network as a pair of pure functions.

    Attributes:
        init: ``key -> params``, a pytree of arrays.
        apply: ``(params, x [n, …]) -> [n, n_out]``, the output activation applied.
        layers: What the network is made of, where `sequential` made it; None for functions of your own.
        input_shape: Shape of one row of x, where `sequential` made the network.
    """

    init: Callable[[jax.Array], Params]
    apply: Callable[[Params, jax.Array], jax.Array]
    layers: tuple[LayerKind, ...] | None = None
    input_shape: Shape | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Networks of `sequential` are pickled by what they are made of: equal ones stay the same object."""
        made = None if self.layers is None else sequential(self.layers, self.input_shape or ())
        return (sequential, (self.layers, self.input_shape)) if self == made else (Network, tuple(self))


def sequential(layers: Sequence[LayerKind], inputs: int | Sequence[int]) -> Network:
    """A network of layers, one behind the other.

    The same arguments give the same object, so that what was compiled for one is used for the other.

    Args:
        layers: Instances of `LayerKind`, from the input to the output.
        inputs: Shape of one input, or its number of features.

    Raises:
        TypeError: No layers.
        ValueError: No layer, or shapes that do not fit; the message says which.
    """
    layers = tuple(layers)
    if not layers:
        raise ValueError("layers: expected at least one layer")
    for layer in layers:
        if not isinstance(layer, LayerKind):
            raise TypeError(f"layers: expected layers of jfnn.layers, got {layer!r}")
    lengths = inputs if isinstance(inputs, Sequence) else (inputs,)
    return _sequential(layers, tuple(checks.as_count(length, "inputs") for length in lengths))


@functools.lru_cache(maxsize=1024)
def _sequential(layers: tuple[LayerKind, ...], input_shape: Shape) -> Network:
    shapes(layers, input_shape)
    init = functools.partial(_init, layers, input_shape)
    return Network(init, functools.partial(forward, layers), layers, input_shape)


def shapes(layers: Sequence[LayerKind], input_shape: Shape) -> list[Shape]:
    """Shapes of one sample from the input to the output: one more than there are layers."""
    of_layers = [input_shape]
    for layer in layers:
        of_layers.append(layer.output_shape(of_layers[-1]))
    return of_layers


def _init(layers: Sequence[LayerKind], input_shape: Shape, key: jax.Array) -> Params:
    keys = jax.random.split(key, len(layers))
    inputs = shapes(layers, input_shape)[:-1]
    return tuple(layer.init(*of_layer) for layer, *of_layer in zip(layers, keys, inputs, strict=True))


def forward(
    layers: Sequence[LayerKind], params: Params, x: jax.Array, masks: Masks | None = None
) -> jax.Array:
    """Outputs ``[n, n_out]`` in row form.

    Args:
        layers: The layers.
        params: Their parameters.
        x: Inputs ``[n, …]``.
        masks: For each layer what its outputs are multiplied by, samples last (`dropout_masks`).
    """
    a = x
    for i, (layer, of_layer) in enumerate(zip(layers, params, strict=True)):
        a = layer.apply(of_layer, a)
        mask = None if masks is None else masks[i]
        a = a if mask is None else a * jnp.moveaxis(mask, -1, 0)
    return a


def is_own_apply(network: Network) -> bool:
    """Whether ``apply`` is another function than `forward` of the network's layers."""
    apply = network.apply
    return not (
        isinstance(apply, functools.partial) and apply.func is forward and apply.args == (network.layers,)
    )


def as_params(network: Network, params: Params) -> Params:
    """Parameters as native arrays, checked against what the network's layers take.

    Raises:
        ValueError, TypeError: Another structure, other shapes, or no arrays of floats.
    """
    params = jax.tree.map(lambda leaf: checks.as_array(leaf, "params"), params)
    expected = None if network.layers is None else _expected_params(network.layers, network.input_shape)
    if expected is None:
        return params
    if str(jax.tree.structure(params)) != str(jax.tree.structure(expected)):
        raise ValueError(
            f"params: expected the structure {jax.tree.structure(expected)}, got {jax.tree.structure(params)}"
        )
    for leaf, shaped in zip(jax.tree.leaves(params), jax.tree.leaves(expected), strict=True):
        if leaf.shape != shaped.shape or not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"params: expected floats {list(shaped.shape)}, as the network has,"
                f" got {leaf.dtype} {list(leaf.shape)}"
            )
    return params


@functools.lru_cache(maxsize=256)
def _expected_params(layers: tuple[LayerKind, ...], input_shape: Shape) -> Params:
    return jax.eval_shape(functools.partial(_init, layers, input_shape), jax.random.key(0))


def mlp(
    sizes: Sequence[int],
    activation: str | Activation = "sigmoid",
    output: str | Activation = "identity",
    init: str = "normal",
) -> Network:
    """A fully connected feed-forward network of any depth.

    Layers 1..L-1 are hidden, ``a_l = f(a_{l-1} @ w_l + b_l)``; the last applies the output activation. For a
    cross-entropy leave it the identity, so that the network gives logits.

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
    if not isinstance(sizes, Sequence):
        raise TypeError(f"sizes: expected a sequence of widths, got {sizes!r}")
    widths = [checks.as_count(size, "sizes") for size in sizes]
    if len(widths) < 2:
        raise ValueError(f"sizes: expected at least an input and an output width, got {widths}")
    hidden, last = activations.name_or_own(activation), activations.name_or_own(output, "output")
    functions = [hidden] * (len(widths) - 2) + [last]
    layers = [Dense(units, f, init) for units, f in zip(widths[1:], functions, strict=True)]
    return sequential(layers, widths[0])


def dropout_shapes(layers: Sequence[LayerKind], input_shape: Shape) -> list[Shape | None]:
    """For each layer the shape of its outputs, if it is a hidden layer whose outputs dropout may zero."""
    outputs = shapes(layers, input_shape)[1:]
    drops = [layer.droppable for layer in layers[:-1]] + [False]
    return [shape if dropped else None for shape, dropped in zip(outputs, drops, strict=True)]


def dropout_masks(
    key: jax.Array, rate: jax.Array | float, of_layers: Sequence[Shape | None], n: int, dtype: Any
) -> list[jax.Array | None]:
    """Inverted dropout (Srivastava et al., JMLR 15, 2014): what hidden activations are multiplied by.

    Each unit is kept for a sample with probability 1 - rate, and its activation then divided by that, so that
    its mean is what it is without dropout; else it is 0. Networks with other rates but the same key drop by
    the same random numbers.

    Args:
        key: A random key.
        rate: The probability to drop a unit, in [0, 1); may be traced.
        of_layers: From `dropout_shapes`.
        n: Samples.
        dtype: Of the masks.

    Returns:
        A mask ``[*shape, n]`` for each layer that drops units, else None.
    """
    keys = iter(jax.random.split(key, max(sum(shape is not None for shape in of_layers), 1)))

    def mask(shape: Shape) -> jax.Array:
        draw = jax.random.uniform(next(keys), (*shape, n), dtype)
        return jnp.where(draw >= rate, 1 / (1 - rate), 0).astype(dtype)

    return [None if shape is None else mask(shape) for shape in of_layers]


def check_output(network: Network, loss: losses.Loss) -> None:
    """Refuses an output activation in front of a loss that has its own.

    Raises:
        ValueError: The loss takes logits and the last layer has an activation other than the identity.
    """
    last = network.layers[-1] if network.layers else None
    if loss.takes_logits and isinstance(last, Dense) and last.activation != "identity":
        raise ValueError(
            "loss: a cross-entropy applies its softmax or sigmoid itself;"
            " build the network with output='identity', so that it gives logits"
        )


def check_dropout(rate: jax.Array | float, key: jax.Array | None) -> bool:
    """Whether units are dropped: there is a key.

    Raises:
        ValueError: The rate is not in [0, 1), or above 0 without a key.
    """
    if checks.is_concrete(rate) and not 0 <= rate < 1:
        raise ValueError(f"dropout: expected a rate of at least 0 and below 1, got {rate}")
    if key is None and (not checks.is_concrete(rate) or rate > 0):
        raise ValueError("key: dropout needs a random key, such as jax.random.key(0)")
    return key is not None
