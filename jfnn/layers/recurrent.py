"""What recurrent layers share: shapes, directions, starting parameters, and which states they give.

A kind of cell (`jfnn.layers.elman`, `jfnn.layers.gru`) says how one state follows from the one before, and
pulls back through time by hand. Both directions run in one scan, on an axis of their own: time first, then
direction, units and samples, ``[time, directions, units, batch]``.
"""

import abc
import functools
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from jfnn import checks
from jfnn.layers.initializers import INITIALIZERS, start_recurrent
from jfnn.layers.kind import LayerKind, Params, Shape

STATES = ("last", "all")


class Directions(NamedTuple):
    """Parameters of a bidirectional layer: those of the forward and of the backward direction."""

    forward: Params
    backward: Params


class Recurrent(LayerKind):
    """A recurrent layer; one sample is a sequence ``(time, features)``, and h₀ = 0.

    Attributes:
        units: Length of a state.
        bidirectional: Whether a second cell reads the sequence from its end; its units stand behind those of
            the first.
        states: "last" gives ``(units,)``, the state that a direction ends with (of the backward one, at the
            first time); "all" gives ``(time, units)``, each state at its own time.
        initializer: A key of `INITIALIZERS`, used for each gate as for a dense layer; "pytorch" draws
            everything uniformly within ±1/√units, as `torch.nn` does for recurrent layers.
    """

    units: int
    bidirectional: bool
    states: str
    initializer: str
    droppable = True
    gates: ClassVar[int] = 1  # pre-activations a unit
    numbers_a_unit: ClassVar[int]  # numbers held for one unit at one time, for the pull-back

    def __post_init__(self) -> None:
        """Refuses unknown names, and widths below 1."""
        checks.as_count(self.units, "units")
        if not isinstance(self.bidirectional, bool):
            raise TypeError(f"bidirectional: expected True or False, got {self.bidirectional!r}")
        checks.as_choice(self.states, "states", STATES)
        checks.as_choice(self.initializer, "init", INITIALIZERS)

    @abc.abstractmethod
    def run(self, weights: Any, x: jax.Array) -> tuple[jax.Array, jax.Array, Any]:
        """The recursion.

        Args:
            weights: Packed parameters, with the directions on a leading axis.
            x: Inputs ``[time, directions, features, batch]``, each direction in its own order.

        Returns:
            The states before each step ``[time, directions, units, batch]``, the last state, and what
            `run_back` needs.
        """

    @abc.abstractmethod
    def run_back(
        self, weights: Any, kept: Any, d_last: jax.Array, d_states: jax.Array | None
    ) -> tuple[Any, jax.Array]:
        """The recursion backwards through time, by hand.

        Args:
            weights: As `run` takes them.
            kept: From `run`.
            d_last: ``∂C/∂h`` of the last state, besides its part of ``d_states``.
            d_states: ``∂C/∂h_t`` of all states, or None where only the last counts.

        Returns:
            ``∂C/∂weights`` and ``∂C/∂x``.
        """

    @abc.abstractmethod
    def as_params(self, weights: list[jax.Array], biases: list[jax.Array]) -> Params:
        """Parameters of one direction, of ``[w_x, w_h]`` and a bias vector for each."""

    def output_shape(self, shape: Shape) -> Shape:
        """``(units,)`` or ``(time, units)``, of inputs ``(time, features)``; twice the units both ways."""
        if len(shape) != 2:
            raise ValueError(
                f"layers: a recurrent layer takes sequences (time, features), got inputs of shape {shape}"
            )
        units = self.units * (2 if self.bidirectional else 1)
        return (units,) if self.states == "last" else (shape[0], units)

    def width(self, shape: Shape) -> int:
        """All times' states and gates, which the pull-back needs."""
        directions = 2 if self.bidirectional else 1
        return shape[0] * directions * (self.units * self.numbers_a_unit + shape[1])

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Parameters of a cell, or `Directions` of two."""

        def of_direction(key: jax.Array) -> Params:
            keys = jax.random.split(key)
            drawn = [
                start_recurrent(INITIALIZERS[self.initializer], of_part, (n_in, self.units), self.gates)
                for of_part, n_in in zip(keys, (shape[1], self.units), strict=True)
            ]
            weights, biases = zip(*drawn, strict=True)
            return self.as_params(list(weights), list(biases))

        if not self.bidirectional:
            return of_direction(key)
        return Directions(*(of_direction(jax.random.fold_in(key, i)) for i in range(2)))

    def pack(self, params: Params) -> Params:
        """Weights become ``[gates units, n_in]``."""
        if self.bidirectional:
            return Directions(*map(_swap, params))
        return _swap(params)

    def unpack(self, packed: Params) -> Params:
        """Weights become ``[n_in, gates units]`` again."""
        return self.pack(packed)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Any]:
        """Both directions in one scan; ``a [time, features, batch]``."""
        outputs: tuple[jax.Array, Any] = _forward(self, packed, a)
        return outputs

    def pull_back(self, packed: Params, kept: Any, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """Backpropagation through time."""
        if self.states == "last":
            d_last, d_states = self._split(d_out, axis=0), None
        else:
            d_states = _in_own_order(self._split(d_out, axis=1))
            d_last = jnp.zeros_like(d_states[0])
        gradients, d_x = self.run_back(self._stack(packed), kept, d_last, d_states)
        directions = [jax.tree.map(lambda leaf, i=i: leaf[i], gradients) for i in range(d_x.shape[1])]
        d_in = jnp.sum(_in_own_order(d_x), axis=1)
        return (Directions(*directions) if self.bidirectional else directions[0]), d_in

    def _split(self, a: jax.Array, axis: int) -> jax.Array:
        """The directions of outputs on an axis of their own."""
        return a.reshape(*a.shape[:axis], -1, self.units, a.shape[-1])

    def _stack(self, packed: Params) -> Any:
        """The directions on a leading axis."""
        directions = packed if self.bidirectional else (packed,)
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *directions)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _forward(layer: Recurrent, packed: Params, a: jax.Array) -> tuple[jax.Array, Any]:
    return _forward_kept(layer, packed, a)


def _forward_kept(layer: Recurrent, packed: Params, a: jax.Array) -> tuple[jax.Array, Any]:
    weights = layer._stack(packed)
    directions = jax.tree.leaves(weights)[0].shape[0]
    before, last, kept = layer.run(weights, _in_own_order(jnp.stack([a] * directions, axis=1)))
    if layer.states == "last":
        return last.reshape(-1, last.shape[-1]), kept
    states = _in_own_order(jnp.concatenate([before[1:], last[None]]))
    return states.reshape(len(states), -1, states.shape[-1]), kept


# jax.grad takes the derivation by hand: XLA would keep, stack and fuse more than it needs. What is kept is no
# result that anyone differentiates.
_forward.defvjp(
    lambda layer, packed, a: (outputs := _forward_kept(layer, packed, a), (packed, outputs[1])),
    lambda layer, residuals, d_outputs: layer.pull_back(*residuals, d_outputs[0]),
)


def _in_own_order(a: jax.Array) -> jax.Array:
    """``[time, directions, …]`` with the backward direction turned in time; its own inverse."""
    return a if a.shape[1] == 1 else jnp.stack([a[:, 0], a[::-1, 1]], axis=1)


def _swap(params: Any) -> Any:
    """The last two axes of all weights swapped."""
    swapped = {name: leaf.swapaxes(-1, -2) for name, leaf in params._asdict().items() if name.startswith("w")}
    return params._replace(**swapped)


def product(w: jax.Array, a: jax.Array) -> jax.Array:
    """``w @ a`` of each direction (and time): ``w [directions, n_out, n_in]``, ``a [..., n_in, batch]``."""
    return jnp.matmul(w, a, precision="highest")


def transposed(w: jax.Array) -> jax.Array:
    """``wᵀ`` of each direction, laid out anew, which the scan's products then read in order."""
    turned: jax.Array = jax.lax.optimization_barrier(w.swapaxes(-1, -2))
    return turned


def weight_gradient(deltas: jax.Array, a: jax.Array) -> jax.Array:
    """``Σ_t δ_t @ a_tᵀ`` of each direction: one batched product, then the sum over times.

    A single contraction over times and samples would have XLA lay both arrays out anew.
    """
    return jnp.sum(jnp.matmul(deltas, a.swapaxes(-1, -2), precision="highest"), axis=0)
