"""The compiled part: one call advances one tile by some epochs, or scores it.

A tile is a fixed number of members of one replicate, trained side by side over the minibatches that they
share: the loops are the tile's, and `jax.vmap` maps what a member does in a step. The tile's width is fixed,
its epochs are a dynamic loop bound and every hyperparameter is an argument, so one program serves any grid,
any number of epochs and any number of calls.

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

from jfnn.compiling import compiled
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.training import State

# XLA splits a gather from an array of half a megabyte over its threads, and to do so in every small step
# costs more than the step; from larger arrays an epoch's rows are gathered at once, unless they are too many.
SPLIT_BYTES = 500_000
GATHERED_BYTES = 8_000_000
# Each program takes about 10 MB and 200 memory maps, which a system limits. JAX keeps its own traces of each
# new shape for ever, some 0.7 MB a program; now and then they are dropped, and what is still used compiles
# again.
PROGRAMS, TRACED_PROGRAMS = 32, 128

Step = Callable[[State, Batch, jax.Array | None], tuple[State, jax.Array]]


class Members(NamedTuple):
    """Members of a tile (or, on the host, all members), on the leading axis.

    Attributes:
        state: Parameters in the engine's form, and memory.
        diverged_at: The epoch, counted from 0, in which a member stopped being finite, or -1. Its state is
            that before this epoch.
    """

    state: State
    diverged_at: Any

    def diverged(self, epoch: int) -> Any:
        """Which members had diverged when ``epoch`` epochs were done."""
        return (self.diverged_at >= 0) & (self.diverged_at < epoch)


class Program(NamedTuple):
    """The compiled functions of one learner; every argument that is a member's has a leading tile axis.

    Attributes:
        start: ``(params, hyper) -> state``.
        advance: ``(members, hyper, minibatches [epochs, steps, batch], first_epoch, n_epochs, key, data)`` ->
            members, trained for the first ``n_epochs`` of the minibatches; ``data`` is ``(rows, weights)``.
        score: ``(params, rows, hyper) -> {metric: [members, n, …]}``.
    """

    start: Callable[..., State]
    advance: Callable[..., Members]
    score: Callable[..., dict[str, jax.Array]]


@functools.lru_cache(PROGRAMS)
def build(learner: Learner, padded: bool, platform: str) -> Program:
    """The program of a learner for devices of one platform; equal arguments give the same, compiled one."""
    if build.cache_info().misses % TRACED_PROGRAMS == 0:
        jax.clear_caches()

    def advance_tile(*arguments: Any) -> Members:
        return advance(learner, padded, platform, *arguments)

    return Program(
        start=compiled(jax.vmap(learner.start), platform),
        advance=compiled(advance_tile, platform),
        score=compiled(jax.vmap(learner.score, in_axes=(0, None, 0)), platform),
    )


def advance(
    learner: Learner,
    padded: bool,
    platform: str,
    members: Members,
    hyper: Hyper,
    minibatches: jax.Array,
    first_epoch: jax.Array,
    n_epochs: jax.Array,
    key: jax.Array | None,
    data: tuple[Rows, jax.Array | None],
) -> Members:
    """Trains a tile for the first ``n_epochs`` of the minibatches.

    After each epoch a member's parameters must be finite, and the objective that its last step started from;
    else it stays as it was before that epoch. (To compute the objective after each epoch would cost another
    forward pass, a third of all work where an epoch is one step; what it would see, the next epoch does.)
    """
    axis = learner.members_axis(platform, len(members.diverged_at), minibatches.shape[-1])
    end_epoch = jax.vmap(learner.end_epoch, in_axes=(axis, axis, 0), out_axes=axis)

    def step(state: State, batch: Batch, key: jax.Array | None) -> tuple[State, jax.Array]:
        return learner.step_members(state, batch, hyper, key, axis)

    def ended(done: Epoch, epochs: jax.Array) -> Members:
        new = end_epoch(done.before.state, done.state, hyper)
        state = jax.tree.map(lambda old, new: jnp.where(epochs > 0, new, old), done.state, new)
        return judged(done._replace(state=state), first_epoch + epochs - 1, axis)

    # An epoch is judged as the next begins; were it judged at once, XLA would compute its last step twice.
    def one_epoch(i: jax.Array, done: Epoch) -> Epoch:
        members = ended(done, i)
        key_of_epoch = None
        if key is not None:
            key_of_epoch = jax.random.fold_in(jax.random.wrap_key_data(key), first_epoch + i)
        trained, values = epoch(
            step, padded, members.state, minibatches[i], key_of_epoch, data, learner.last_step
        )
        return Epoch(members, trained, jnp.isfinite(values))

    def moved(state: State, source: int, destination: int) -> State:
        return State(*jax.tree.map(lambda leaf: jnp.moveaxis(leaf, source, destination), tuple(state)))

    members = members._replace(state=moved(members.state, 0, axis))
    nothing = Epoch(members, members.state, jnp.ones_like(members.diverged_at, bool))
    done = jax.lax.fori_loop(0, n_epochs, one_epoch, nothing)
    members = ended(done, n_epochs)
    return members._replace(state=moved(members.state, axis, 0))


class Epoch(NamedTuple):
    """What an epoch makes of a tile.

    Attributes:
        before: The members before it.
        state: Their state after it.
        finite: Whether the objective that a member's last step started from is finite ``[tile]``.
    """

    before: Members
    state: State
    finite: jax.Array


def judged(done: Epoch, number: jax.Array, axis: int) -> Members:
    """The members after an epoch; those that diverged in it stay as they were before it."""

    def others(leaf: jax.Array) -> list[int]:
        return [i for i in range(leaf.ndim) if i != axis % leaf.ndim]

    def choose(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(jnp.expand_dims(finite, others(new)), new, old)

    trained_before = done.before.diverged_at < 0
    finite = trained_before & done.finite
    for leaf in jax.tree.leaves(done.state.params):
        finite &= jnp.all(jnp.isfinite(leaf), axis=others(leaf))
    state = jax.tree.map(choose, done.state, done.before.state)
    return Members(state, jnp.where(trained_before & ~finite, number, done.before.diverged_at))


def epoch(
    step: Step,
    padded: bool,
    state: State,
    minibatches: jax.Array,
    key: jax.Array | None,
    data: tuple[Rows, jax.Array | None],
    last_step: int | None = None,
) -> tuple[State, jax.Array]:
    """One epoch: `jfnn.training.epoch`, in the form in which XLA runs it fast.

    Args:
        step: ``(state, batch, key) -> (state, objective before the step)``, of one member or of a tile.
        padded: Whether row numbers may be negative, which stand for no row.
        state: The state before.
        minibatches: Row numbers ``[steps, batch]``.
        key: The epoch's random key, into which each step's number is folded, or None.
        data: All rows, and the weight of each or None.
        last_step: See `Learner.last_step`.

    Returns:
        ``(state, value)``: the state after the epoch, and the objective that its last step started from.
    """
    rows, weights = jax.tree.map(jnp.asarray, data)
    inputs: dict[str, Any] = {"numbers": minibatches}
    at_once = _gathers_at_once(rows, minibatches)
    if at_once:
        inputs["rows"] = _gather(rows, minibatches)
    if key is not None:
        inputs["key"] = jax.vmap(lambda number: jax.random.fold_in(key, number))(jnp.arange(len(minibatches)))

    def one_step(state: State, inputs: dict[str, Any], padded: bool) -> tuple[State, jax.Array]:
        numbers = inputs["numbers"]
        counts = _counts(numbers, padded, weights, rows)
        batch = Batch(inputs["rows"] if at_once else _gather(rows, numbers), counts)
        return step(state, batch, inputs.get("key"))

    if last_step == minibatches.shape[1]:  # steps that are all alike, and compile once
        state, values = jax.lax.scan(lambda state, inputs: one_step(state, inputs, padded), state, inputs)
        return state, values[-1]
    # The last step stands alone, since its value alone is used: XLA computes no other step's.
    before, last = (jax.tree.map(lambda leaf, at=at: leaf[at], inputs) for at in (slice(-1), -1))
    of_rows = {name: leaves for name, leaves in last.items() if name != "key"}
    last |= jax.tree.map(lambda leaf: leaf[:last_step], of_rows)
    others_padded = padded and last_step is None
    state, _ = jax.lax.scan(
        lambda state, inputs: (one_step(state, inputs, others_padded)[0], None), state, before
    )
    return one_step(state, last, padded)


def _gather(rows: Rows, numbers: jax.Array) -> Rows:
    return jax.tree.map(lambda leaf: leaf[numbers], rows)


def _counts(numbers: jax.Array, padded: bool, weights: jax.Array | None, rows: Rows) -> jax.Array | None:
    """How often each row of a minibatch counts: not at all where it is padding."""
    if not padded:
        return None if weights is None else weights[numbers]
    floats = [leaf.dtype for leaf in jax.tree.leaves(rows) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    counts = (numbers >= 0).astype(floats[0] if floats else jnp.float32)
    return counts if weights is None else counts * weights[numbers]


def _gathers_at_once(rows: Rows, minibatches: jax.Array) -> bool:
    leaves = jax.tree.leaves(rows)
    bytes_a_row = sum(leaf[0].nbytes for leaf in leaves)
    return bool(leaves[0].nbytes > SPLIT_BYTES and minibatches.size * bytes_a_row <= GATHERED_BYTES)


def start_is_trivial(learner: Learner, params: Params, hyper: Hyper) -> bool:
    """Whether members start with their parameters as they are, and remember nothing."""
    traced = jax.make_jaxpr(learner.start)(params, hyper).jaxpr
    return bool(traced.outvars == traced.invars[: len(jax.tree.leaves(params))])
