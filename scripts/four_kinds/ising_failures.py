"""Which networks cannot tell T = 0 from T = ∞, and why."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from verdicts import Row, claim

import jfnn
from four_kinds import phases
from four_kinds.phases import Scale, Trained
from jfnn.datasets import ising

# One unit is right on 3/4 of the rows at best, and on a few more of those held out by chance.
MONOTONE = 0.80


def rows(scale: Scale, trained: Mapping[int, Mapping[int, Trained]]) -> list[Row]:
    """A row for each number of hidden units, and one for networks without biases."""
    return [*_by_hidden(scale, trained), _two_units(scale, trained), _odd(scale)]


def _by_hidden(scale: Scale, trained: Mapping[int, Mapping[int, Trained]]) -> list[Row]:
    found = []
    place = scale.l2s.index(scale.cell[1])
    for units in scale.hidden:
        of_lengths = {length: trained[length][units].accuracy for length in scale.lengths}
        texts = [f"L = {length}: {(a[place] == 1).sum()}" for length, a in of_lengths.items()]
        here = f"{', '.join(texts)} of {scale.seeds} starts, λ = {scale.cell[1]:g}"
        best = max(float(a.max()) for a in of_lengths.values())
        if units == 1:
            holds, published = best < MONOTONE, "cannot: its output rises or falls with m"
        elif units < scale.cell[0]:
            holds, published = best == 1, "suffices (Kim and Kim)"
        else:
            holds = all((a[place] == 1).all() for a in of_lengths.values())
            published = "every start learns"
        reason = f"of all penalties the best has {best:.3f} of the rows held out right"
        found.append(claim(f"{units} hidden, T = 0 against T = ∞", published, here, holds, reason))
    return found


def _two_units(scale: Scale, trained: Mapping[int, Mapping[int, Trained]]) -> Row:
    """One unit must raise the output with m and the other lower it; where both do the same it is monotone."""
    apart, solved = [], []
    for length in scale.lengths:
        networks = trained[length][2]
        hidden, last = (np.asarray(layer.w) for layer in networks.params)
        slopes = hidden.sum(axis=-2) * last[..., 0]
        apart.append(slopes[..., 0] * slopes[..., 1] < 0)
        solved.append(networks.accuracy == 1)
    opposite, learned = np.concatenate(apart), np.concatenate(solved)
    return claim(
        "2 hidden units, where one fails",
        "both units raise the output with m, or lower it",
        f"learned {learned[opposite].sum()} of {opposite.sum()} where one does each,"
        f" {learned[~opposite].sum()} of {(~opposite).sum()} others",
        not learned[~opposite].any(),
        "all lattices, penalties and starts",
    )


def _odd(scale: Scale) -> Row:
    """Odd activations without biases: p(s) + p(-s) = 1, so that all up and all down get different labels."""
    length = scale.lengths[0]
    shapes = (length**2, scale.cell[0]), (scale.cell[0], 1)
    initial = jax.nn.initializers.glorot_normal()

    def init(key: jax.Array) -> tuple[jax.Array, ...]:
        keys = jax.random.split(key, len(shapes))
        return tuple(initial(*of_layer) for of_layer in zip(keys, shapes, strict=True))

    def apply(params: tuple[jax.Array, ...], x: jax.Array) -> jax.Array:
        hidden = jnp.tanh(jnp.matmul(x, params[0], precision="highest"))
        return jnp.matmul(hidden, params[1], precision="highest")

    network = jfnn.Network(init, apply)
    split = ising.extreme_temperatures(length, scale.rows, 400, seed=length)
    options = phases.training_options(scale) | {"gradient": "autodiff"}
    result = jfnn.sweep(network, split, l2=scale.cell[1], **options)
    ordered = split.x_test[np.asarray(split.y_test) == 1]
    of_seeds = jax.vmap(apply, in_axes=(0, None))(jax.tree.map(lambda a: a[0, 0], result.params), ordered)
    right = (np.asarray(of_seeds) > 0).mean(axis=(1, 2))
    return claim(
        f"{scale.cell[0]} units of tanh without biases",
        "p(s) + p(-s) = 1: one ground state is wrong",
        f"{right.min():.3f} to {right.max():.3f} of the ground states called ordered",
        bool((right == 0.5).all()),
        f"best of {scale.seeds} starts on the rows held out: {result.test_accuracy.max():.3f}",
    )
