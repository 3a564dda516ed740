"""The compiled part: one call advances one tile on each device by some epochs, or scores it.

A tile is ``width`` members of one stream, trained side by side by `jax.vmap` over the minibatches that they
share. Its width is fixed, its epochs are a dynamic loop bound and every hyperparameter is an argument, so one
program serves any grid, any number of epochs and any number of calls.

Nothing else may enter this program: a member's float32 results are the same bits in every slot, beside any
neighbours and on any number of devices because the program that trains it is always the same one.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jfnn import training
from jfnn.engine import layout as layouts
from jfnn.engine.records import Recipe
from jfnn.network import decide

ON_DEVICE = PartitionSpec("device")
EVERYWHERE = PartitionSpec()


class Members(NamedTuple):
    """The members of a tile (or, on the host, all members), on the leading axis.

    Attributes:
        state: Parameters, in the engine's layout, and optimizer state.
        diverged_at: The epoch, counted from 0, in which a member stopped being finite, or -1. Its state is
            that before this epoch.
    """

    state: training.State
    diverged_at: Any


class Scores(NamedTuple):
    """Mean data loss per sample and share of right answers, ``[members, parts]``."""

    loss: Any
    accuracy: Any


class Program(NamedTuple):
    """The compiled functions of one recipe on one set of devices.

    Attributes:
        start: ``(stored params, hyper) -> state``: each member's optimizer state, made.
        advance: ``(members, hyper, rows [epochs, steps, batch], first_epoch, n_epochs, x, targets) -> members``.
        evaluate: ``(stored params, x, targets, weights [parts, n]) -> Scores``.
        place: Puts arrays that all tiles share on every device.
        devices: How many tiles one call takes.
    """

    start: Callable
    advance: Callable
    evaluate: Callable
    place: Callable
    devices: int


def advance_member(recipe: Recipe, value_and_grad, member: Members, hyper, rows, first_epoch, n_epochs, x, targets):
    """Trains one member for the first ``n_epochs`` of ``rows``; frozen at its last finite epoch if it diverges."""
    optimizer = recipe.optimizer.make(hyper)

    def one_epoch(i, member):
        trained, value = training.epoch(
            member.state, optimizer, value_and_grad, x, targets, hyper["l2"], rows[i], recipe.padded
        )
        finite = (member.diverged_at < 0) & jnp.isfinite(value)
        for leaf in jax.tree.leaves(trained.params):
            finite &= jnp.all(jnp.isfinite(leaf))
        state = jax.tree.map(lambda new, old: jnp.where(finite, new, old), trained, member.state)
        newly = (member.diverged_at < 0) & ~finite
        return Members(state, jnp.where(newly, first_epoch + i, member.diverged_at))

    return jax.lax.fori_loop(0, n_epochs, one_epoch, member)


def evaluate_member(recipe: Recipe, layout, params, x, targets, weights):
    """Scores one member on weighted parts of the data, block by block to bound the activations in memory."""
    blocks = x.shape[0] // recipe.evaluation_block

    def add_block(sums, block):
        x, targets, weights = block
        outputs = layout.outputs(params, x)
        targets = targets if layout.axis == -1 else targets.T
        costs = recipe.loss.cost(outputs, targets, axis=layout.axis)
        right = decide(outputs, recipe.loss, layout.axis) == decide_target(targets, layout.axis)
        return Scores(sums.loss + weights @ costs, sums.accuracy + weights @ right.astype(costs.dtype)), None

    cut = lambda a: a.reshape(blocks, -1, *a.shape[1:])  # noqa: E731
    nothing = jnp.zeros(weights.shape[0], targets.dtype)
    sums, _ = jax.lax.scan(add_block, Scores(nothing, nothing), (cut(x), cut(targets), cut(weights.T).swapaxes(1, 2)))
    n = weights.sum(axis=1)
    return Scores(sums.loss / n, sums.accuracy / n)


def decide_target(targets, axis):
    """The class that a target row stands for."""
    if targets.shape[axis] > 1:
        return jnp.argmax(targets, axis=axis)
    return (jnp.squeeze(targets, axis) > 0.5).astype(jnp.int32)


@functools.lru_cache(maxsize=64)
def build(recipe: Recipe, devices: tuple[jax.Device, ...]) -> Program:
    """The program of a recipe; the same recipe and devices give the same, already compiled one."""
    layout = layouts.of(recipe.network, recipe.loss, recipe.reduction, recipe.gradient)
    mesh = jax.sharding.Mesh(np.array(devices), ("device",))

    def start(params, hyper):
        return training.State(params, recipe.optimizer.make(hyper).init(params))

    advance = functools.partial(advance_member, recipe, layout.value_and_grad)
    evaluate = functools.partial(evaluate_member, recipe, layout)

    def compiled(member_function, in_axes, out_spec=ON_DEVICE):
        """Maps a function of one member over a tile and lays one tile on each device.

        ``in_axes`` has, for each argument, 0 if each member has its own, "tile" if the members of a tile
        share it, None if all tiles do.
        """
        over_members = jax.vmap(member_function, in_axes=tuple(0 if axis == 0 else None for axis in in_axes))

        def of_this_device(*arguments):
            local = [a if axis is None else jax.tree.map(lambda leaf: leaf[0], a) for a, axis in zip(arguments, in_axes, strict=True)]
            with jax.default_matmul_precision("highest"):
                result = over_members(*local)
            return jax.tree.map(lambda leaf: leaf[None], result)

        specs = tuple(EVERYWHERE if axis is None else ON_DEVICE for axis in in_axes)
        return jax.jit(jax.shard_map(of_this_device, mesh=mesh, in_specs=specs, out_specs=out_spec, check_vma=False))

    return Program(
        start=compiled(start, (0, 0)),
        advance=compiled(advance, (0, 0, "tile", None, None, None, None)),
        evaluate=compiled(evaluate, (0, None, None, "tile")),
        place=lambda a: jax.device_put(a, NamedSharding(mesh, EVERYWHERE)),
        devices=len(devices),
    )
