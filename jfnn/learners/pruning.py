"""Iterative pruning with rewinding, which finds lottery tickets."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Array, Json, Tree
from jfnn.layers.kind import Shape
from jfnn.learners.data import Hyper
from jfnn.learners.learner import starting_shapes
from jfnn.learners.supervised import Supervised, supervised
from jfnn.network import Network
from jfnn.numerics.permutation import hash_words
from jfnn.optimizers import Values, is_distribution
from jfnn.params import Params, State, is_weight, with_constants, without_constants

ORDERS = ("magnitude", "random")
SCOPES = ("layer", "global")
MOST = 1 << 24  # limit on epochs and rounds: float32 represents all whole numbers up to it
HYPER = ("prune_share", "prune_every", "prune_rounds")


class PruningMemory(NamedTuple):
    """Memory of a member besides its parameters.

    Attributes:
        optimizer: State of the optimizer.
        masks: Masks of the remaining weights, in order.
        start: Initial parameters.
        epochs: Number of completed epochs.
    """

    optimizer: Tree
    masks: list[jax.Array]
    start: Params
    epochs: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pruned(Supervised):
    """A network that loses weights as it trains, as returned by `pruned`.

    Attributes:
        by: "magnitude" or "random".
        scope: "layer" or "global".
        rewind: Whether each round restarts from the initial parameters.
    """

    by: str
    scope: str
    rewind: bool
    differentiable = False

    @property
    def counts(self) -> Mapping[str, int]:
        """Upper bounds of the epochs per round and of the rounds."""
        return dict.fromkeys(HYPER[1:], MOST)

    def start(self, params: Params, hyper: Hyper) -> State:
        """Return the initial state, with nothing pruned."""
        state = super().start(params, hyper)
        masks = [jnp.ones(leaf.shape, bool) for leaf in _weights(state.params)]
        return State(state.params, PruningMemory(state.memory, masks, state.params, jnp.zeros((), jnp.int32)))

    def descend(
        self,
        state: State,
        gradients: Params,
        hyper: Hyper,
        value: jax.Array | None = None,
        value_fn: Callable[[Params], jax.Array] | None = None,
    ) -> State:
        """Take a step of the remaining weights; the optimizer gets zeros as the others' gradient."""
        memory: PruningMemory = state.memory
        gradients = apply_mask(gradients, memory.masks)
        before = State(state.params, memory.optimizer)
        after = super().descend(before, gradients, hyper, value, value_fn)
        return State(apply_mask(after.params, memory.masks), memory._replace(optimizer=after.memory))

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """Return the state after an epoch, pruned and rewound at the end of a round."""
        epochs = after.memory.epochs + 1
        after = after._replace(memory=after.memory._replace(epochs=epochs))
        every, rounds = (hyper[name].astype(jnp.int32) for name in HYPER[1:])
        due = (epochs % every == 0) & (epochs // every <= rounds)
        # A member that diverged must not rewind.
        for leaf in jax.tree.leaves(without_constants(after.params)):
            due &= jnp.all(jnp.isfinite(leaf))
        # A loop of at most one iteration costs nothing while no member of the tile is due.
        _, ended = jax.lax.while_loop(
            lambda turn: turn[0],
            lambda turn: (jnp.zeros_like(due), self._prune(turn[1], hyper)),
            (due, after),
        )
        return ended

    def _prune(self, state: State, hyper: Hyper) -> State:
        memory: PruningMemory = state.memory
        if self.by == "magnitude":
            values = [jnp.abs(leaf) for leaf in _weights(state.params)]
        else:
            values = [hash_weights(leaf, memory.epochs) for leaf in _weights(memory.start)]
        share = hyper["prune_share"]
        if self.scope == "global":
            joined, apart = ravel_pytree(values)
            masks = apart(without_least(joined, ravel_pytree(memory.masks)[0], share))
        else:
            masks = [without_least(*pair, share) for pair in zip(values, memory.masks, strict=True)]
        if not self.rewind:
            return State(apply_mask(state.params, masks), memory._replace(masks=masks))
        params = apply_mask(memory.start, masks)
        trained = without_constants(params)
        optimizer = self.optimizer(trained, hyper).init(trained)
        return State(params, memory._replace(masks=masks, optimizer=optimizer))

    def share_left(self, params: Params) -> np.ndarray:
        """Return the share of weights that are not zero; biases, which are never pruned, do not count.

        Parameters are public and may have leading axes.

        Raises:
            ValueError: They are not parameters of the network.
        """
        shapes = jax.tree.leaves(without_constants(starting_shapes(self)))
        leaves = jax.tree.leaves(without_constants(params))
        _check_leaves(leaves, [s.shape for s in shapes])
        weights = [(leaf, s) for leaf, s in zip(leaves, shapes, strict=True) if is_weight(s)]
        left = sum(np.count_nonzero(leaf, axis=tuple(range(-s.ndim, 0))) for leaf, s in weights)
        return np.asarray(left / sum(math.prod(s.shape) for _, s in weights))

    def describe(self) -> Json:
        """Describe the network, its training and the pruning."""
        how = {"by": self.by, "scope": self.scope, "rewind": self.rewind}
        return {**super().describe(), "pruning": how}


def _check_leaves(leaves: Sequence[Array], expected: Sequence[Shape]) -> None:
    """Raise ArgumentError unless arrays have these shapes after the same leading axes."""
    got = [np.shape(leaf) for leaf in leaves]
    fits = len(got) == len(expected)
    if fits:
        leading = got[0][: len(got[0]) - len(expected[0])]
        fits = got == [(*leading, *shape) for shape in expected]
    if not fits:
        shapes = checks.as_text(list(expected))
        reason = f"expected arrays {shapes} of the network, got {checks.as_text(got)}"
        raise ArgumentError("params", reason)


def pruned(
    learner: Network | Supervised,
    *,
    every: Values,
    rounds: Values,
    share: Values = 0.2,
    by: str = "magnitude",
    scope: str = "layer",
    rewind: bool = True,
) -> Pruned:
    """Return a network that is pruned as it trains: iterative magnitude pruning, or its random baseline.

    A round trains for ``every`` epochs, removes a share of the remaining weights, the smallest in magnitude,
    and resets the other weights, all biases and the optimizer to their initial values (Frankle & Carbin 2019,
    "The lottery ticket hypothesis", arXiv 1803.03635, strategy 1). After ``rounds`` rounds the network trains
    to the end, for as long as in each round if the sweep has ``every * (rounds + 1)`` epochs. Removed weights
    are exactly zero in results; the learner's ``share_left(params)`` returns the share that remains. Biases
    are never removed.

    An evaluation at the end of a round follows pruning and rewinding: it scores the network that begins the
    next round, so curves drop there. The last scores before pruning are one epoch earlier, so evaluate there:
    ``Execution(eval_every=[every - 1, 2 * every - 1, …])``. Learning rate schedules restart as well; pass
    ``schedule_epochs=every``.

    Args:
        learner: A network, or a learner from `supervised`.
        every: Epochs per round, the hyperparameter "prune_every". For this and the next two arguments,
            several values form an axis, and ``sweep(hyper={…})`` may set other values.
        rounds: Number of rounds that end in pruning, "prune_rounds"; at least 1.
        share: Share of the remaining weights that each round removes, "prune_share", in [0, 1). It is rounded
            to a whole number of weights; among equal weights, the first are removed.
        by: "magnitude", or "random": by a hash of each weight's initial value and of the round, so the choice
            differs between seeds but not between cells with the same initial weights.
        scope: Which weights are ranked together: those of each array ("layer"), or all ("global").
        rewind: Whether each round restarts from the initial parameters; otherwise training goes on.

    Raises:
        ValueError, TypeError: An invalid argument.
    """
    learner = supervised(learner) if isinstance(learner, Network) else learner
    if type(learner) is not Supervised:
        expected = "expected a jfnn.Network, or a learner from jfnn.supervised"
        raise ArgumentTypeError("learner", f"{expected}, got {checks.as_text(learner)}")
    for name, value, least in (("every", every, 1.0), ("rounds", rounds, 1.0), ("share", share, 0.0)):
        if not is_distribution(value):
            checks.as_axis(value, name, least)
    fields = {field.name: getattr(learner, field.name) for field in dataclasses.fields(learner)}
    fields["hyper"] = (*learner.hyper, *HYPER)
    fields["numbers"] = {**learner.numbers, **dict(zip(HYPER, (share, every, rounds), strict=True))}
    by = checks.as_choice(by, "by", ORDERS)
    scope = checks.as_choice(scope, "scope", SCOPES)
    return Pruned(**fields, by=by, scope=scope, rewind=checks.as_switch(rewind, "rewind"))


def apply_mask(params: Params, masks: Sequence[jax.Array]) -> Params:
    """Return parameters whose weights are zero outside the masks; all biases are kept."""
    queue = iter(masks)

    def mask_weight(leaf: jax.Array) -> jax.Array:
        return jnp.where(next(queue), leaf, 0) if is_weight(leaf) else leaf

    return with_constants(jax.tree.map(mask_weight, without_constants(params)), params)


def _weights(params: Params) -> list[jax.Array]:
    return [leaf for leaf in jax.tree.leaves(without_constants(params)) if is_weight(leaf)]


def hash_weights(start: jax.Array, word: jax.Array) -> jax.Array:
    """Return a hash of each weight's initial value, its index and a word, from 0 to 2²⁴ - 1."""
    bits = jax.lax.bitcast_convert_type(start, jnp.uint32).reshape(start.size, -1)
    words: jax.Array = hash_words(*bits.T, jnp.arange(start.size), word, xp=jnp)
    return (words >> 8).astype(start.dtype).reshape(start.shape)


def without_least(values: jax.Array, mask: jax.Array, share: jax.Array) -> jax.Array:
    """Return the mask without a share of its entries, those with the smallest values (all at least 0)."""
    number = jnp.round(share * jnp.sum(mask).astype(share.dtype)).astype(jnp.int32)
    left = jnp.where(mask, values, jnp.inf)
    last = jnp.sort(left.ravel())[jnp.maximum(number - 1, 0)]
    below = left < last
    equal = (left == last).ravel()
    first = (jnp.cumsum(equal) <= number - jnp.sum(below)).reshape(mask.shape)
    return mask & ~below & ~(equal.reshape(mask.shape) & first)
