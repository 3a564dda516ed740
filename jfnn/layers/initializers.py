"""Starting parameters of layers: standard initializers, and the notes' unscaled normal weights."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.layers.kind import Shape


class Initializer(NamedTuple):
    """Rules for the starting parameters of a layer.

    Attributes:
        weights: ``(key, shape) -> w``, with ``shape = (*kernel, n_in, n_out)``; the fan-in is ``n_in`` times
            the kernel's size.
        biases: ``(key, fan_in, n_out) -> b``; a key other than that of the weights.
        recurrent: ``(key, shape, units) -> w or b`` of recurrent layers, where their rule differs; else None.
    """

    weights: Callable[[jax.Array, Shape], jax.Array]
    biases: Callable[[jax.Array, int, int], jax.Array]
    recurrent: Callable[[jax.Array, Shape, int], jax.Array] | None = None


def start(initializer: Initializer, key: jax.Array, shape: Shape) -> tuple[jax.Array, jax.Array]:
    """Starting weights ``[*kernel, n_in, n_out]`` and biases ``[n_out]`` of a layer."""
    w = initializer.weights(key, shape)
    return w, initializer.biases(jax.random.fold_in(key, 1), math.prod(shape[:-1]), shape[-1]).astype(w.dtype)


def start_recurrent(
    initializer: Initializer, key: jax.Array, shape: Shape, gates: int
) -> tuple[jax.Array, jax.Array]:
    """Starting weights ``[n_in, gates units]`` and biases ``[gates units]``, of ``shape = (n_in, units)``.

    Each gate starts as a separate dense layer, unless the initializer has a rule for recurrent layers.
    """
    n_in, units = shape
    if initializer.recurrent is not None:
        bias_key = jax.random.fold_in(key, 1)
        w = initializer.recurrent(key, (n_in, gates * units), units)
        return w, initializer.recurrent(bias_key, (gates * units,), units)
    drawn = [start(initializer, gate_key, shape) for gate_key in jax.random.split(key, gates)]
    weights, biases = zip(*drawn, strict=True)
    return jnp.concatenate(weights, axis=1), jnp.concatenate(biases)


def _normal(key: jax.Array, shape: Shape) -> jax.Array:
    return jax.nn.initializers.normal(1.0)(key, (math.prod(shape),)).reshape(shape)


def _scaled(
    scale: float,
    mode: Literal["fan_in", "fan_avg"],
    distribution: Literal["truncated_normal", "uniform"],
) -> Callable[[jax.Array, Shape], jax.Array]:
    """`jax.nn.initializers.variance_scaling`, drawn flat.

    The numbers are the same, but XLA takes a second more to compile short rows, as those of ten classes.
    """

    def weights(key: jax.Array, shape: Shape) -> jax.Array:
        size = math.prod(shape)
        kernel = math.prod(shape[:-2])
        fan = kernel * (shape[-2] if mode == "fan_in" else (shape[-2] + shape[-1]) / 2)
        flat = jax.nn.initializers.variance_scaling(scale * size / fan, "fan_in", distribution)
        return flat(key, (size, 1)).reshape(shape)

    return weights


def _constant(value: float) -> Callable[[jax.Array, int, int], jax.Array]:
    return lambda key, fan_in, n_out: jnp.full(n_out, value)


def _uniform(key: jax.Array, shape: Shape, fan_in: int) -> jax.Array:
    bound = 1 / math.sqrt(fan_in)
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def _uniform_biases(key: jax.Array, fan_in: int, n_out: int) -> jax.Array:
    return _uniform(key, (n_out,), fan_in)


#: Name -> initializer of weights and biases.
INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {
        # The notes' start: unscaled standard normal weights, biases 0.01.
        "normal": Initializer(_normal, _constant(0.01)),
        "glorot_uniform": Initializer(_scaled(1.0, "fan_avg", "uniform"), _constant(0.0)),
        "glorot_normal": Initializer(_scaled(1.0, "fan_avg", "truncated_normal"), _constant(0.0)),
        "he_uniform": Initializer(_scaled(2.0, "fan_in", "uniform"), _constant(0.0)),
        "he_normal": Initializer(_scaled(2.0, "fan_in", "truncated_normal"), _constant(0.0)),
        "lecun_normal": Initializer(_scaled(1.0, "fan_in", "truncated_normal"), _constant(0.0)),
        # PyTorch's default: weights and biases uniform within ±1/√fan_in, in recurrent layers
        # within ±1/√units.
        "pytorch": Initializer(_scaled(1 / 3, "fan_in", "uniform"), _uniform_biases, _uniform),
    }
)

# Activations that pass about half of their inputs, so that weights start with twice the variance.
RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "softplus")

# Initializers with a variance of a constant over the fan-in, and biases that do not depend on it.
FAN_IN = ("he_uniform", "he_normal", "lecun_normal")


def as_initializer(name: str | None, activation: str | Activation) -> str:
    """The key of `INITIALIZERS` for a layer: ``name``, or for None the one that suits its activation.

    "he_normal" (He et al., ICCV 2015, arXiv:1502.01852) for `RECTIFIERS`, "glorot_normal" (Glorot and Bengio,
    AISTATS 2010) for all others, custom ones too: both keep the variance of activations about the same from
    layer to layer, and biases are 0.

    Raises:
        ValueError: There is no such name.
    """
    if name is None:
        return "he_normal" if activation in RECTIFIERS else "glorot_normal"
    return checks.as_choice(name, "init", INITIALIZERS)
