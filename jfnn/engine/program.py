"""The compiled part: one call advances one tile by some epochs, or scores it.

A tile is a fixed number of members of one stream, trained side by side by `jax.vmap` over the minibatches
that they share. Its width is fixed, its epochs are a dynamic loop bound and every hyperparameter is an
argument, so one program serves any grid, any number of epochs and any number of calls.

Nothing else may enter this program: a member's float32 results are the same bits in every slot, beside any
neighbours and on any number of devices because the program that trains it is always the same one. That is
also why it is a program for one device, of which each device has its copy and all CPU cores the same one:
when XLA partitions a program over devices, its arithmetic may change with their number.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn import training
from jfnn.experiment.records import Recipe
from jfnn.layers import dense as layouts
from jfnn.layers.dense import Layout
from jfnn.network import decide


class Members(NamedTuple):
    """The members of a tile (or, on the host, all members), on the leading axis.

    Attributes:
        state: Parameters, in the engine's layout, and optimizer state.
        diverged_at: The epoch, counted from 0, in which a member stopped being finite, or -1. Its state is
            that before this epoch.
    """

    state: training.State
    diverged_at: Any


class RowScores(NamedTuple):
    """Each row of a block: its data cost, and whether it is predicted right, both ``[members, block]``."""

    cost: Any
    right: Any


class Program(NamedTuple):
    """The compiled functions of one recipe; every argument that is a member's has a leading tile axis.

    Attributes:
        start: ``(stored params, hyper) -> state``: each member's optimizer state, made.
        advance: ``(members, hyper, rows [epochs, steps, batch], first_epoch, n_epochs, key, data)`` ->
            members, trained for the first ``n_epochs`` of ``rows``; ``data`` is ``(x, targets, weights)``.
        evaluate: ``(stored params, x [block, n_in], targets [block, n_out]) -> RowScores``.
    """

    start: Callable
    advance: Callable
    evaluate: Callable


# XLA cuts vectors to half their width, lest a core lower its clock; a whole core that does nothing but such
# arithmetic gains 5% by the full width. No result changes, and machines without it take what they have.
CPU_OPTIONS = {"xla_cpu_prefer_vector_width": 512}


@functools.lru_cache(maxsize=64)
def build(recipe: Recipe, platform: str) -> Program:
    """The program of a recipe for devices of one platform; the same arguments give the same, compiled one."""
    layout = layouts.of(recipe.network, recipe.loss, recipe.reduction, recipe.gradient)
    options = CPU_OPTIONS if platform == "cpu" else None

    def of_a_tile(member_function, in_axes):
        mapped = jax.vmap(functools.partial(member_function, recipe, layout), in_axes=in_axes)
        return jax.jit(jax.default_matmul_precision("highest")(mapped), compiler_options=options)

    return Program(
        start=of_a_tile(start_member, (0, 0)),
        advance=of_a_tile(advance_member, (0, 0, None, None, None, None, None)),
        evaluate=of_a_tile(evaluate_member, (0, None, None)),
    )


def start_member(recipe: Recipe, layout: Layout, params, hyper) -> training.State:
    """One member's state before its first step."""
    return training.State(params, recipe.optimizer.make(hyper).init(params))


def advance_member(
    recipe: Recipe, layout: Layout, member: Members, hyper, rows, first_epoch, n_epochs, key, data
) -> Members:
    """Trains one member for the first ``n_epochs`` of ``rows``.

    After each epoch its parameters must be finite, and the objective that its last step started from; else it
    stays as it was before that epoch. (To look at the objective after each epoch would cost another forward
    pass, a third of all work where an epoch is one step; what it would see, the next epoch does.)
    """
    optimizer = recipe.optimizer.make(hyper)
    x, targets, weights = data

    def one_epoch(i, member):
        options = {}
        if recipe.dropout:
            key_of_epoch = jax.random.fold_in(jax.random.wrap_key_data(key), first_epoch + i)
            options = {"dropout": hyper["dropout"], "key": key_of_epoch}
        trained, value = training.epoch(
            member.state,
            optimizer,
            layout.value_and_grad,
            x,
            targets,
            hyper["l2"],
            rows[i],
            recipe.padded,
            weights,
            **options,
        )
        finite = (member.diverged_at < 0) & jnp.isfinite(value)
        for leaf in jax.tree.leaves(trained.params):
            finite &= jnp.all(jnp.isfinite(leaf))
        state = jax.tree.map(lambda new, old: jnp.where(finite, new, old), trained, member.state)
        newly = (member.diverged_at < 0) & ~finite
        return Members(state, jnp.where(newly, first_epoch + i, member.diverged_at))

    return jax.lax.fori_loop(0, n_epochs, one_epoch, member)


def evaluate_member(recipe: Recipe, layout: Layout, params, x, targets) -> RowScores:
    """Scores one member row by row; what is summed over which rows is the host's business."""
    outputs = layout.outputs(params, x)
    targets = jnp.moveaxis(targets, -1, layout.axis)
    cost = recipe.loss.cost(outputs, targets, axis=layout.axis)
    return RowScores(cost, decide(outputs, recipe.loss, layout.axis) == decide_target(targets, layout.axis))


def decide_target(targets, axis):
    """The class that a target row stands for."""
    if targets.shape[axis] > 1:
        return jnp.argmax(targets, axis=axis)
    return (jnp.squeeze(targets, axis) > 0.5).astype(jnp.int32)
