"""Activation functions, each with its derivative written beside it, as in the lecture notes.

A layer computes ``a = f(z)`` element by element, and backpropagation needs ``f'(z)``. Both are functions of
the pre-activation ``z``, of any shape and float dtype, and are finite for ``|z|`` up to 1e4 in float32. At a
kink, where the derivative does not exist, ``df`` returns the same one-sided value as ``jax.grad``.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments import checks, suggestions
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.unknown import suggest_names

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "d_elu",
    "d_erf",
    "d_gelu",
    "d_identity",
    "d_leaky_relu",
    "d_relu",
    "d_sigmoid",
    "d_sin",
    "d_softplus",
    "d_tanh",
    "elu",
    "erf",
    "gelu",
    "get",
    "identity",
    "leaky_relu",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "tanh",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)


class Activation(NamedTuple):
    """An elementwise function and its derivative.

    Attributes:
        f: ``z -> f(z)``, same shape and dtype.
        df: ``z -> f'(z)``, the derivative with respect to the pre-activation, same shape and dtype; used by
            ``gradient="backprop"``, and by `jfnn.Elman` with any gradient.
    """

    f: Callable[[jax.Array], jax.Array]
    df: Callable[[jax.Array], jax.Array]


def sigmoid(z: jax.Array) -> jax.Array:
    """The Fermi function ``f(z) = 1 / (1 + e^-z)``, computed without overflow.

    Example:
        >>> import jax.numpy as jnp
        >>> import jfnn
        >>> jfnn.activations.sigmoid(jnp.array([-1000.0, 0.0, 1000.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sigmoid(z)


def d_sigmoid(z: jax.Array) -> jax.Array:
    """``f'(z) = f(z) (1 - f(z))``."""
    f = jax.nn.sigmoid(z)
    return f * (1 - f)


def relu(z: jax.Array) -> jax.Array:
    """``f(z) = max(0, z)``."""
    return jax.nn.relu(z)


def d_relu(z: jax.Array) -> jax.Array:
    """``f'(z) = 1`` for z > 0, and 0 otherwise; at the kink ``f'(0) = 0``."""
    return (z > 0).astype(z.dtype)


def tanh(z: jax.Array) -> jax.Array:
    """``f(z) = tanh z``; with the sigmoid s, ``tanh(z/2) = s(z) - s(-z)``."""
    return jnp.tanh(z)


def d_tanh(z: jax.Array) -> jax.Array:
    """``f'(z) = 1 - tanh(z)^2``."""
    return 1 - jnp.tanh(z) ** 2


def elu(z: jax.Array, alpha: float = 1.0) -> jax.Array:
    """``f(z) = z`` for z > 0, and ``alpha (e^z - 1)`` otherwise."""
    return jax.nn.elu(z, alpha)


def d_elu(z: jax.Array, alpha: float = 1.0) -> jax.Array:
    """``f'(z) = 1`` for z > 0, and ``alpha e^z`` otherwise; at the kink ``f'(0) = alpha``."""
    return jnp.where(z > 0, jnp.ones_like(z), alpha * jnp.exp(jnp.minimum(z, 0)))


def leaky_relu(z: jax.Array, alpha: float = 0.01) -> jax.Array:
    """``f(z) = z`` for z >= 0, and ``alpha z`` otherwise."""
    return jax.nn.leaky_relu(z, alpha)


def d_leaky_relu(z: jax.Array, alpha: float = 0.01) -> jax.Array:
    """``f'(z) = 1`` for z >= 0, and ``alpha`` otherwise; at the kink ``f'(0) = 1``."""
    return jnp.where(z >= 0, jnp.ones_like(z), jnp.full_like(z, alpha))


def softplus(z: jax.Array) -> jax.Array:
    """``f(z) = log(1 + e^z)``, a smooth `relu`, computed without overflow."""
    return jax.nn.softplus(z)


def d_softplus(z: jax.Array) -> jax.Array:
    """``f'(z) = 1 / (1 + e^-z)``."""
    return jax.nn.sigmoid(z)


def gelu(z: jax.Array) -> jax.Array:
    """``f(z) = z Φ(z)`` with the exact normal distribution function ``Φ(z) = (1 + erf(z/√2)) / 2``.

    Hendrycks & Gimpel, arXiv:1606.08415.
    """
    return jax.nn.gelu(z, approximate=False)


def d_gelu(z: jax.Array) -> jax.Array:
    """``f'(z) = Φ(z) + z φ(z)``, with the density ``φ(z) = e^(-z²/2) / √(2π)``."""
    density = jnp.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return 0.5 * jax.lax.erfc(-z * math.sqrt(0.5)) + z * density


def erf(z: jax.Array) -> jax.Array:
    """``f(z) = 2/√π ∫_0^z e^(-t²) dt``, the error function."""
    return jax.lax.erf(z)


def d_erf(z: jax.Array) -> jax.Array:
    """``f'(z) = 2/√π e^(-z²)``."""
    return 2 / math.sqrt(math.pi) * jnp.exp(-(z**2))


def sin(z: jax.Array) -> jax.Array:
    """``f(z) = sin z`` (Sitzmann et al., arXiv:2006.09661)."""
    return jnp.sin(z)


def d_sin(z: jax.Array) -> jax.Array:
    """``f'(z) = cos z``."""
    return jnp.cos(z)


def identity(z: jax.Array) -> jax.Array:
    """``f(z) = z``: a linear output, or the logits of a cross-entropy."""
    return z


def d_identity(z: jax.Array) -> jax.Array:
    """``f'(z) = 1``."""
    return jnp.ones_like(z)


#: Name -> activation, for every argument that takes an activation.
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "sigmoid": Activation(sigmoid, d_sigmoid),
        "relu": Activation(relu, d_relu),
        "tanh": Activation(tanh, d_tanh),
        "elu": Activation(elu, d_elu),
        "leaky_relu": Activation(leaky_relu, d_leaky_relu),
        "softplus": Activation(softplus, d_softplus),
        "gelu": Activation(gelu, d_gelu),
        "erf": Activation(erf, d_erf),
        "sin": Activation(sin, d_sin),
        "identity": Activation(identity, d_identity),
    }
)


def get(activation: str | Activation, argument: str = "activation") -> Activation:
    """Look up an activation by name; a custom `Activation` is returned unchanged.

    Args:
        activation: A key of `ACTIVATIONS`, or an `Activation`.
        argument: The caller's argument, named in errors.

    Raises:
        ValueError: Unknown name.
        TypeError: Neither a name nor an `Activation`.
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        # The name of a function such as jax.nn.relu suggests the right key.
        meant = suggestions.did_you_mean(getattr(activation, "__name__", None), ACTIVATIONS)
        got = f"{checks.as_text(activation)}{meant}"
        raise ArgumentTypeError(argument, f"expected a name or a jfnn.Activation, got {got}")
    if activation == "softmax":
        reason = "the softmax is part of the loss cross_entropy; the network's output is the identity"
        raise ArgumentError(argument, f"expected one of {', '.join(ACTIVATIONS)}: {reason}")
    return ACTIVATIONS[checks.as_choice(activation, argument, ACTIVATIONS)]


def name_or_custom(activation: str | Activation, argument: str = "activation") -> str | Activation:
    """Return the name of an activation in `ACTIVATIONS`, if any, so that equal networks compare equal."""
    found = get(activation, argument)
    return next((name for name, entry in ACTIVATIONS.items() if entry == found), found)
