"""Weight initialization: standard initializers, and the notes' unscaled normal weights."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.layers.kind import Shape
from jfnn.layers.starts import Draw, within

# Standard deviation of a standard normal distribution truncated to ±2.
TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer(NamedTuple):
    """Rules for the initial parameters of a layer.

    Attributes:
        weights: ``shape -> w``, with ``shape = (*kernel, n_in, n_out)``; the fan-in is ``n_in`` times the
            kernel size.
        biases: ``(fan_in, n_out) -> b``.
        recurrent: ``(shape, units) -> w or b`` for recurrent layers; None if the rules above apply to them.
    """

    weights: Callable[[Shape], Draw]
    biases: Callable[[int, int], Draw]
    recurrent: Callable[[Shape, int], Draw] | None = None


def start(initializer: Initializer, shape: Shape) -> tuple[Draw, Draw]:
    """Return how to draw weights ``[*kernel, n_in, n_out]`` and biases ``[n_out]``, from different keys."""
    biases = initializer.biases(math.prod(shape[:-1]), shape[-1])
    return initializer.weights(shape), within(biases, 1)


def _normal(shape: Shape) -> Draw:
    return Draw("normal", shape)


def _scale(
    scale: float,
    mode: Literal["fan_in", "fan_avg"],
    distribution: Literal["truncated_normal", "uniform"],
) -> Callable[[Shape], Draw]:
    """Follow `jax.nn.initializers.variance_scaling`, including its arithmetic in the default float dtype."""

    def weights(shape: Shape) -> Draw:
        size = math.prod(shape)
        kernel = math.prod(shape[:-2])
        fan = kernel * (shape[-2] if mode == "fan_in" else (shape[-2] + shape[-1]) / 2)
        dtype = np.dtype(jnp.result_type(float)).type
        variance = dtype(scale * size / fan / size)
        if distribution == "uniform":
            return Draw(distribution, shape, float(np.sqrt(dtype(3) * variance)))
        return Draw(distribution, shape, float(np.sqrt(variance) / dtype(TRUNCATED_DEVIATION)))

    return weights


def _constant(value: float) -> Callable[[int, int], Draw]:
    return lambda fan_in, n_out: Draw("constant", (n_out,), value)


def _uniform(shape: Shape, fan_in: int) -> Draw:
    return Draw("uniform", shape, bound=1 / math.sqrt(fan_in))


def _uniform_biases(fan_in: int, n_out: int) -> Draw:
    return _uniform((n_out,), fan_in)


#: Name -> initializer of weights and biases.
INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {
        # The notes' initialization: unscaled standard normal weights, biases 0.01.
        "normal": Initializer(_normal, _constant(0.01)),
        "glorot_uniform": Initializer(_scale(1.0, "fan_avg", "uniform"), _constant(0.0)),
        # The default. On tables of a few hundred rows, ReLU networks with one to three hidden layers
        # generalize better with it than with the larger weights of "he_normal" (`scripts/outcomes.py`), which
        # preserve the signal's variance through many layers.
        "glorot_normal": Initializer(_scale(1.0, "fan_avg", "truncated_normal"), _constant(0.0)),
        "he_uniform": Initializer(_scale(2.0, "fan_in", "uniform"), _constant(0.0)),
        "he_normal": Initializer(_scale(2.0, "fan_in", "truncated_normal"), _constant(0.0)),
        "lecun_normal": Initializer(_scale(1.0, "fan_in", "truncated_normal"), _constant(0.0)),
        # PyTorch's default: uniform within ±1/√fan_in, or ±1/√units in recurrent layers.
        "pytorch": Initializer(_scale(1 / 3, "fan_in", "uniform"), _uniform_biases, _uniform),
    }
)


def as_name(name: object, _: str) -> str:
    """Return a checked key of `INITIALIZERS`; errors name the argument ``init``, as network functions do."""
    return checks.as_choice(name, "init", INITIALIZERS)
