"""Penalties of parameters, each with its derivative beside it (the notes, section 5), and L1's steps to 0.

A penalty is a sum over the entries of penalised arrays, times a strength. Several add up: L1 beside L2 is the
elastic net (Zou & Hastie 2005, Journal of the Royal Statistical Society B 67).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jfnn.arguments.checks import as_representable, is_concrete
from jfnn.layers.products import members_sum
from jfnn.numerics.sums import sum_of_sizes, sum_of_squares
from jfnn.params import Params, is_weight, without_constants

__all__ = [
    "PENALISED",
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

Strengths = Mapping[str, jax.Array | float]
#: Arrays that may be penalised: weights, which have two axes or more, or all that train.
PENALISED = ("weights", "all")


class Penalty(NamedTuple):
    """A penalty of one array, and its derivative.

    Attributes:
        cost: ``(w, members) -> R``: a scalar, or ``[members]`` of an array whose last axis is of members,
            which ``members=1`` says.
        derivative: ``w -> ∂R/∂w``, shaped like ``w``; ``gradient="backprop"`` alone reads it.
    """

    cost: Callable[[jax.Array, int], jax.Array]
    derivative: Callable[[jax.Array], jax.Array]


def l2(w: jax.Array, members: int = 0) -> jax.Array:
    """``1/2 Σ w²``."""
    return 0.5 * (members_sum(w**2) if members else sum_of_squares(w))


def d_l2(w: jax.Array) -> jax.Array:
    """``∂/∂w = w``."""
    return w


def l1(w: jax.Array, members: int = 0) -> jax.Array:
    """``Σ |w|`` (Tibshirani 1996, Journal of the Royal Statistical Society B 58)."""
    # `jnp.abs` has the derivative 1 at 0.
    return members_sum(jnp.maximum(w, -w)) if members else sum_of_sizes(w)


def d_l1(w: jax.Array) -> jax.Array:
    """``∂/∂w = sign(w)``; at 0, where any number from -1 to 1 is a subgradient, it is 0."""
    return jnp.sign(w)


#: Name -> penalty; the strength of each is a number of a member by this name.
PENALTIES: Mapping[str, Penalty] = MappingProxyType({"l2": Penalty(l2, d_l2), "l1": Penalty(l1, d_l1)})


def as_penalty(strength: object, argument: str = "l2") -> Any:
    """One number, where it can be looked at finite and at least 0; a JAX array stays one."""
    number = as_representable(strength, argument) if is_concrete(strength) else strength
    return strength if isinstance(strength, jax.Array) else number


def as_strengths(l2: object, l1: object = 0.0) -> Strengths:
    """Strengths by name, checked as `as_penalty`; without an L1 that is 0 as a plain number."""
    strengths = {"l2": as_penalty(l2)}
    strength = as_penalty(l1, "l1")
    if isinstance(strength, jax.Array) or strength != 0:
        strengths["l1"] = strength
    return strengths


def penalty(params: Params, strengths: Strengths, penalised: str = "weights", members: int = 0) -> jax.Array:
    """``Σ_k λ_k R_k`` over all penalised arrays; constants are free.

    Args:
        params: Parameters of any network.
        strengths: Name of a penalty -> its strength λ, a scalar or ``[members]``.
        penalised: "weights", or "all" with biases and other vectors.
        members: 1 where arrays have a last axis of members, else 0.
    """
    leaves = jax.tree.leaves(without_constants(params))
    chosen = [leaf for leaf in leaves if _is_penalised(leaf, penalised, members)]
    of_each = [
        strength * sum(PENALTIES[name].cost(leaf, members) for leaf in chosen)
        for name, strength in strengths.items()
    ]
    return jnp.asarray(sum(of_each))


def with_penalty(
    gradients: Params, params: Params, strengths: Strengths, penalised: str = "weights"
) -> Params:
    """Gradients of a cost with those of the penalties: ``∂C/∂w + Σ_k λ_k ∂R_k/∂w``, by hand.

    Args:
        gradients: Shaped like ``params``.
        params: Parameters, of which all are trained.
        strengths: Name of a penalty -> its strength λ.
        penalised: "weights" or "all".
    """

    def add(gradient: jax.Array, leaf: jax.Array) -> jax.Array:
        if _is_penalised(leaf, penalised):
            for name, strength in strengths.items():
                gradient = gradient + strength * PENALTIES[name].derivative(leaf)
        return gradient

    added: Params = jax.tree.map(add, gradients, params)
    return added


def soft_threshold(w: jax.Array, threshold: jax.Array | float) -> jax.Array:
    """``sign(w) max(|w| - threshold, 0)``: the v of least ``(v - w)²/2 + threshold |v|``."""
    return jnp.sign(w) * jnp.maximum(jnp.abs(w) - threshold, 0)


def proximal(
    descent: optax.GradientTransformation, strength: jax.Array | float, penalised: str = "weights"
) -> optax.GradientTransformation:
    """Gradient descent that minimises L1 too, by a proximal step behind each of its own.

    With the rate η it is ``w <- soft_threshold(w - η ∂C/∂w, η λ)``, after which weights are exactly 0
    (iterative soft thresholding: Daubechies, Defrise & De Mol 2004, Communications on Pure and Applied
    Mathematics 57; of minibatches: Duchi & Singer 2009, Journal of Machine Learning Research 10). Along the
    subgradient alone weights step across 0 and back.

    Args:
        descent: Plain gradient descent, ``updates = -η gradients``, such as `optax.sgd` without momentum; η
            may follow a schedule and differ between arrays. Gradients are those of the objective without L1.
        strength: λ of L1 in the objective.
        penalised: "weights" or "all".
    """

    def update(gradients: Params, memory: optax.OptState, params: Params) -> tuple[Params, optax.OptState]:
        strengths = jax.tree.map(lambda leaf: jnp.full_like(leaf, strength), gradients)
        thresholds, _ = descent.update(strengths, memory, params)  # linear in gradients: the same rates
        updates, memory = descent.update(gradients, memory, params)

        def shrunk(update: jax.Array, threshold: jax.Array, w: jax.Array) -> jax.Array:
            if not _is_penalised(w, penalised):
                return update
            return soft_threshold(w + update, jnp.abs(threshold)) - w  # w + (0 - w) is exactly 0

        return jax.tree.map(shrunk, updates, thresholds, params), memory

    return optax.GradientTransformation(descent.init, update)


def _is_penalised(leaf: jax.Array, penalised: str, members: int = 0) -> bool:
    return penalised == "all" or is_weight(leaf, members)
