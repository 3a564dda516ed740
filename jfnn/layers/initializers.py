"""Starting parameters of layers: standard initializers, and the notes' unscaled normal weights."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.layers.kind import Shape
from jfnn.layers.starts import Draw, side_by_side, within

# The standard deviation of standard normal numbers within ±2.
TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer(NamedTuple):
    """Rules for the starting parameters of a layer.

    Attributes:
        weights: ``shape -> w``, with ``shape = (*kernel, n_in, n_out)``; the fan-in is ``n_in`` times the
            kernel's size.
        biases: ``(fan_in, n_out) -> b``.
        recurrent: ``(shape, units) -> w or b`` of recurrent layers, where their rule differs; else None.
    """

    weights: Callable[[Shape], Draw]
    biases: Callable[[int, int], Draw]
    recurrent: Callable[[Shape, int], Draw] | None = None


def start(initializer: Initializer, shape: Shape) -> tuple[Draw, Draw]:
    """Starting weights ``[*kernel, n_in, n_out]`` and biases ``[n_out]`` of a layer, of different keys."""
    biases = initializer.biases(math.prod(shape[:-1]), shape[-1])
    return initializer.weights(shape), within(biases, 1)


def start_recurrent(initializer: Initializer, shape: Shape, gates: int) -> tuple[Draw, Draw]:
    """Starting weights ``[n_in, gates units]`` and biases ``[gates units]``, of ``shape = (n_in, units)``.

    Each gate starts as a separate dense layer, unless the initializer has a rule for recurrent layers.
    """
    n_in, units = shape
    if initializer.recurrent is not None:
        biases = initializer.recurrent((gates * units,), units)
        return initializer.recurrent((n_in, gates * units), units), within(biases, 1)
    w, b = start(initializer, shape)
    return side_by_side(w, gates), side_by_side(b, gates)


def _normal(shape: Shape) -> Draw:
    return Draw("normal", shape)


def _scaled(
    scale: float,
    mode: Literal["fan_in", "fan_avg"],
    distribution: Literal["truncated_normal", "uniform"],
) -> Callable[[Shape], Draw]:
    """`jax.nn.initializers.variance_scaling`, computed like it in the default dtype of floats."""

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
        # The notes' start: unscaled standard normal weights, biases 0.01.
        "normal": Initializer(_normal, _constant(0.01)),
        "glorot_uniform": Initializer(_scaled(1.0, "fan_avg", "uniform"), _constant(0.0)),
        # The default. On tables of a few hundred rows, ReLU networks with one to three hidden layers predict
        # better from it than from the larger weights of "he_normal" (`scripts/outcomes.py`), which keeps the
        # size of signals through many layers.
        "glorot_normal": Initializer(_scaled(1.0, "fan_avg", "truncated_normal"), _constant(0.0)),
        "he_uniform": Initializer(_scaled(2.0, "fan_in", "uniform"), _constant(0.0)),
        "he_normal": Initializer(_scaled(2.0, "fan_in", "truncated_normal"), _constant(0.0)),
        "lecun_normal": Initializer(_scaled(1.0, "fan_in", "truncated_normal"), _constant(0.0)),
        # PyTorch's default: weights and biases uniform within ±1/√fan_in, in recurrent layers
        # within ±1/√units.
        "pytorch": Initializer(_scaled(1 / 3, "fan_in", "uniform"), _uniform_biases, _uniform),
    }
)

#: Initializers with a variance of a constant over the fan-in, and biases that do not depend on it.
FAN_IN = ("he_uniform", "he_normal", "lecun_normal")


def as_name(name: object, _: str) -> str:
    """A key of `INITIALIZERS`; errors call it ``init``, as the functions that make networks do."""
    return checks.as_choice(name, "init", INITIALIZERS)
