"""Penalties on parameters, each with its derivative beside it and proximal steps for L1.

A penalty is a sum over the entries of the penalized arrays, times a strength. Penalties add up: L1 plus L2 is
the elastic net (Zou & Hastie 2005, Journal of the Royal Statistical Society B 67).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jfnn.arguments.checks import as_representable, is_concrete
from jfnn.arguments.unknown import suggest_names
from jfnn.layers.products import members_sum
from jfnn.numerics.sums import sum_of_sizes, sum_of_squares
from jfnn.params import Params, is_weight, without_constants

__all__ = [
    "PENALIZED",
    "PENALTIES",
    "Penalty",
    "d_l1",
    "d_l2",
    "l1",
    "l2",
    "penalty",
    "proximal",
    "soft_threshold",
    "with_penalty",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)

Strengths = Mapping[str, jax.Array | float]
#: Which arrays are penalized: the weights, which have two axes or more, or all trained arrays.
PENALIZED = ("weights", "all")


class Penalty(NamedTuple):
    """A penalty on one array, and its derivative.

    Attributes:
        cost: ``(w, members) -> R``: a scalar for ``members=0``; ``[members]`` for ``members=1``, if the last
            axis of the array is the member.
        derivative: ``w -> ∂R/∂w``, shaped like ``w``; used only by ``gradient="backprop"``.
        smooth: Whether the derivative exists everywhere; otherwise plain descent takes `proximal` steps.
    """

    cost: Callable[[jax.Array, int], jax.Array]
    derivative: Callable[[jax.Array], jax.Array]
    smooth: bool = True


def l2(w: jax.Array, members: int = 0) -> jax.Array:
    """``1/2 Σ w²``."""
    return 0.5 * (members_sum(w**2) if members else sum_of_squares(w))


def d_l2(w: jax.Array) -> jax.Array:
    """``∂/∂w = w``."""
    return w


def l1(w: jax.Array, members: int = 0) -> jax.Array:
    """``Σ |w|`` (Tibshirani 1996, Journal of the Royal Statistical Society B 58)."""
    # `jnp.abs` would have the derivative 1 at 0.
    return members_sum(jnp.maximum(w, -w)) if members else sum_of_sizes(w)


def d_l1(w: jax.Array) -> jax.Array:
    """``∂/∂w = sign(w)``, which is 0 at 0, where any number from -1 to 1 is a subgradient."""
    return jnp.sign(w)


#: Name -> penalty; each member has a strength by this name.
PENALTIES: Mapping[str, Penalty] = MappingProxyType(
    {"l2": Penalty(l2, d_l2), "l1": Penalty(l1, d_l1, smooth=False)}
)


def as_penalty(strength: object, argument: str = "l2") -> Any:
    """Check that a strength, unless traced, is a finite number of at least 0; JAX arrays stay as they are."""
    number = as_representable(strength, argument) if is_concrete(strength) else strength
    return strength if isinstance(strength, jax.Array) else number


def as_strengths(l2: object, l1: object = 0.0) -> Strengths:
    """Return checked strengths by name (`as_penalty`); L1 is left out if it is the plain number 0."""
    strengths = {"l2": as_penalty(l2)}
    strength = as_penalty(l1, "l1")
    if isinstance(strength, jax.Array) or strength != 0:
        strengths["l1"] = strength
    return strengths


def penalty(params: Params, strengths: Strengths, penalized: str = "weights", members: int = 0) -> jax.Array:
    """Return ``Σ_k λ_k R_k`` over all penalized arrays; constants are not penalized.

    Args:
        params: Parameters of any network.
        strengths: Name of a penalty -> its strength λ, a scalar or ``[members]``.
        penalized: "weights", or "all" to include biases and other vectors.
        members: 1 if the last axis of the arrays is the member, 0 otherwise.
    """
    leaves = jax.tree.leaves(without_constants(params))
    chosen = [leaf for leaf in leaves if _is_penalized(leaf, penalized, members)]
    penalties = [
        strength * sum(PENALTIES[name].cost(leaf, members) for leaf in chosen)
        for name, strength in strengths.items()
    ]
    return jnp.asarray(sum(penalties))


def with_penalty(
    gradients: Params, params: Params, strengths: Strengths, penalized: str = "weights"
) -> Params:
    """Add the derivatives of the penalties to gradients: ``∂C/∂w + Σ_k λ_k ∂R_k/∂w``, derived by hand.

    Args:
        gradients: Gradients of the cost, shaped like ``params``.
        params: Parameters, without constants.
        strengths: Name of a penalty -> its strength λ.
        penalized: "weights" or "all".
    """

    def add(gradient: jax.Array, leaf: jax.Array) -> jax.Array:
        if _is_penalized(leaf, penalized):
            for name, strength in strengths.items():
                gradient = gradient + strength * PENALTIES[name].derivative(leaf)
        return gradient

    added: Params = jax.tree.map(add, gradients, params)
    return added


def soft_threshold(w: jax.Array, threshold: jax.Array | float) -> jax.Array:
    """``sign(w) max(|w| - threshold, 0)``: the v that minimizes ``(v - w)²/2 + threshold |v|``.

    Example:
        >>> import jax.numpy as jnp
        >>> import jfnn
        >>> jfnn.penalties.soft_threshold(jnp.array([-3.0, 0.5, 2.0]), 1.0)
        Array([-2.,  0.,  1.], dtype=float32)
    """
    return jnp.sign(w) * jnp.maximum(jnp.abs(w) - threshold, 0)


def proximal(
    descent: optax.GradientTransformation, strength: jax.Array | float, penalized: str = "weights"
) -> optax.GradientTransformation:
    """Gradient descent that also minimizes L1, by a proximal step after each gradient step.

    With the learning rate η, ``w <- soft_threshold(w - η ∂C/∂w, η λ)`` makes weights exactly 0 (iterative
    soft thresholding: Daubechies, Defrise & De Mol 2004, Communications on Pure and Applied Mathematics 57;
    with minibatches: Duchi & Singer 2009, Journal of Machine Learning Research 10). Steps along the
    subgradient alone make weights oscillate around 0.

    Args:
        descent: Plain gradient descent, ``updates = -η gradients``, such as `optax.sgd` without momentum; η
            may follow a schedule and differ between arrays. The gradients must exclude L1.
        strength: λ of L1 in the objective.
        penalized: "weights" or "all".
    """

    def update(gradients: Params, memory: optax.OptState, params: Params) -> tuple[Params, optax.OptState]:
        strengths = jax.tree.map(lambda leaf: jnp.full_like(leaf, strength), gradients)
        thresholds, _ = descent.update(strengths, memory, params)  # linear: scales strengths by η, too
        updates, memory = descent.update(gradients, memory, params)

        def shrink(update: jax.Array, threshold: jax.Array, w: jax.Array) -> jax.Array:
            if not _is_penalized(w, penalized):
                return update
            return soft_threshold(w + update, jnp.abs(threshold)) - w  # w + (0 - w) is exactly 0

        return jax.tree.map(shrink, updates, thresholds, params), memory

    return optax.GradientTransformation(descent.init, update)


def _is_penalized(leaf: jax.Array, penalized: str, members: int = 0) -> bool:
    return penalized == "all" or is_weight(leaf, members)
