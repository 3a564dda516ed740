"""Base class of recurrent layers: the loops over time, both directions at once, and the interface of a cell.

A cell (`jfnn.layers.elman`, `gru`, `lstm`) computes all its pre-activations of a time step in one product
``z_t = W s_t`` with its inputs ``s_t = (h_{t-1}, x_t, 1)``, stacked in one column. Backpropagation through
time is then, last time step first,

    (δ_t, k_t) = g_t times ∂h_t/∂z_t, and times ∂h_t/∂h_{t-1} at fixed z_t, both from the cell
    ∂C/∂W = Σ_t δ_t s_tᵀ,   (d_t, ∂C/∂x_t, ·) = Wᵀ δ_t,   g_{t-1} = ∂C/∂h_{t-1} from outside + k_t + d_t

so every cell takes three products per step. (A cell that carries more than h, such as `lstm`, stacks it below
h in the same column.) Only states are stored; recomputing z_t is faster than storing and reading gates. The
directions are the first axis, ``[directions, rows, batch]``.
"""

import abc
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments.checks import ArgumentError
from jfnn.layers.initializers import INITIALIZERS, Initializer, start
from jfnn.layers.kind import LayerKind, Residuals, Shape
from jfnn.layers.starts import Draw, Starts, within
from jfnn.numerics.barriers import computed_once
from jfnn.params import Params

STATES = ("last", "all")
# Largest number of units for which products are small (`LayerKind.loops`). With the options for small
# products, a GRU of 32 units in batches of 100 takes as long as without them, and one of 100 units 4% longer.
SMALL = 32


class Directions(NamedTuple):
    """Parameters of a bidirectional layer, one cell per direction."""

    forward: Params
    backward: Params


class Recurrent(LayerKind):
    """A recurrent layer over sequences ``(time, features)``, with h₀ = 0; see `jfnn.Elman` for the fields."""

    units: int
    bidirectional: bool
    states: str
    initializer: str
    padded: bool
    droppable = True
    cell: ClassVar[Any]  # the class of one direction's parameters, a named tuple
    carried: ClassVar[int] = 1  # numbers per unit carried from step to step
    gates: ClassVar[int] = 1  # rows of w per unit
    rows: ClassVar[int] = 1  # rows of z per unit

    def matrix(self, packed: Params) -> jax.Array:
        """Return ``W [rows units, units + features + 1]`` of a direction: ``(w_h, w_x, b)`` side by side."""
        return jnp.concatenate([packed.w_h, packed.w_x, packed.b[:, None]], axis=1)

    def gradients(self, d_matrix: jax.Array) -> Params:
        """Return ``∂C/∂parameters`` of one direction, in packed form, from ``∂C/∂W``.

        ``∂C/∂w_x = Σ_t δ_t x_tᵀ``, ``∂C/∂w_h = Σ_t δ_t h_{t-1}ᵀ``, ``∂C/∂b = Σ_t Σ_samples δ_t``.
        """
        return self.cell(d_matrix[:, self.units : -1], d_matrix[:, : self.units], d_matrix[:, -1])

    @abc.abstractmethod
    def advance(self, z: jax.Array, h: jax.Array) -> jax.Array:
        """The next state; ``z [directions, rows units, batch]``, ``h [directions, carried units, batch]``."""

    @abc.abstractmethod
    def deltas(self, z: jax.Array, h: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return ``g ∂h_t/∂z_t``, and ``g ∂h_t/∂h_{t-1}`` at fixed z_t."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(units,)`` or ``(time, units)``; a bidirectional layer doubles the units."""
        if len(shape) != 2:
            raise ArgumentError(
                "layers", f"a recurrent layer takes sequences (time, features), got inputs of shape {shape}"
            )
        units = self.units * self.directions
        return (units,) if self.states == "last" else (shape[0], units)

    @property
    def directions(self) -> int:
        """Number of directions, 1 or 2."""
        return 2 if self.bidirectional else 1

    @property
    def loops(self) -> bool:  # type: ignore[override]
        """Whether the products of a time step are small: at most 32 units."""
        return self.units <= SMALL

    def width(self, shape: Shape) -> int:
        """Return how many numbers one time step holds; other steps' states are read once, in order."""
        return self.directions * ((self.rows + self.carried) * self.units + shape[1] + 1)

    def starts(self, shape: Shape) -> Starts:
        """Return how the parameters of a cell, or `Directions` of two, are drawn."""
        initializer = INITIALIZERS[self.initializer]
        parts = [
            within(start_recurrent(initializer, (n_in, self.units), self.gates), i, 2)
            for i, n_in in enumerate((shape[1], self.units))
        ]
        weights, biases = zip(*parts, strict=True)
        cell = self.cell(*[*weights, *biases][: len(self.cell._fields)])  # some cells have one bias vector
        return Directions(within(cell, 0), within(cell, 1)) if self.bidirectional else cell

    def pack(self, params: Params) -> Params:
        """Transpose the weights to ``[gates units, n_in]``."""
        if self.bidirectional:
            return Directions(*map(_swap, params))
        return _swap(params)

    def unpack(self, packed: Params) -> Params:
        """Transpose the weights back to ``[n_in, gates units]``."""
        return self.pack(packed)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Scan both directions together over ``a [time, features, batch]``; residuals are ``(a, states)``."""
        outputs: tuple[jax.Array, Residuals] = _forward(self, packed, a)
        return outputs

    def run(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Compute `forward`; `jax.grad` of `forward` uses `pull_back`."""
        w = self._matrices(packed)
        real = self._real(a)
        shape = (self.directions, self.carried * self.units, a.shape[-1])
        dtype = jnp.result_type(a, w)

        def step(carry: tuple[jax.Array, jax.Array], t: jax.Array) -> tuple[Any, None]:
            h, states = carry
            times = self._times(t, len(a))
            h = _where(real, self.advance(_product(w, self._step_inputs(h, a, t)), h), h, times)
            return (h, _put(states, h, times, behind=1)), None

        # The zeros before the first step and after the last one are h₀ of the two directions.
        start = jnp.zeros(shape, dtype), jnp.zeros((len(a) + 2, *shape), dtype)
        (last, states), _ = jax.lax.scan(step, start, jnp.arange(len(a)))
        outputs = (last if self.states == "last" else _where(real, states[1:-1], 0))[..., : self.units, :]
        return outputs.reshape(*outputs.shape[:-3], -1, a.shape[-1]), (a, states)

    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """Backpropagate through time; see the module's docstring."""
        (a, states) = residuals
        w = self._matrices(packed)
        turned = computed_once(w.swapaxes(-1, -2))
        d_out = d_out.reshape(*d_out.shape[:-2], self.directions, self.units, d_out.shape[-1])
        real = self._real(a)
        d_out = self._as_carried(d_out)
        d_all = _where(real, d_out, 0) if self.states == "all" else None

        def step(carry: Any, t: jax.Array) -> tuple[Any, None]:
            g, d_w, d_a = carry
            times = self._times(t, len(a))
            g = g if d_all is None else g + _at(d_all, times)
            h = _at(states, [times[0], *(time + 2 for time in times[1:])])
            s = self._step_inputs(h, a, t)
            delta, past_z = self.deltas(_product(w, s), h, g)
            # After a sequence ends, its state is copied from step to step and does not depend on z_t.
            delta = _where(real, delta, 0, times)
            past_z = _where(real, past_z, g, times)
            delta = computed_once(delta)
            d_s = _product(turned, delta)
            d_a = _put(d_a, d_s[:, self.units : -1], times)
            g = past_z + self._as_carried(d_s[:, : self.units])
            return (g, d_w + _product(delta, s.swapaxes(-1, -2)), d_a), None

        g = d_out if d_all is None else jnp.zeros_like(d_out[0])
        d_a = jnp.zeros((len(a), self.directions, *a.shape[1:]), d_out.dtype)
        (_, d_w, d_a), _ = jax.lax.scan(step, (g, jnp.zeros_like(w), d_a), jnp.arange(len(a)), reverse=True)
        # The barriers keep sums of products apart, as in `products.affine_gradients`: with one unit, the
        # compiler rounded some slots of a tile differently (`tests/laws/test_slots.py`).
        directions = computed_once([self.gradients(d_w[i]) for i in range(self.directions)])
        return Directions(*directions) if self.bidirectional else directions[0], jnp.sum(d_a, axis=1)

    def _matrices(self, packed: Params) -> jax.Array:
        directions = packed if self.bidirectional else (packed,)
        return jnp.stack([self.matrix(direction) for direction in directions])

    def _times(self, t: jax.Array, length: int) -> list[jax.Array]:
        """Return the time index of each direction at step ``t``."""
        return [t, length - 1 - t][: self.directions]

    def _step_inputs(self, h: jax.Array, a: jax.Array, t: jax.Array) -> jax.Array:
        """Return ``s_t``, ``[directions, units + features + 1, batch]``."""
        x = jnp.stack([a[time] for time in self._times(t, len(a))])
        return jnp.concatenate([h[:, : self.units], x, jnp.ones_like(h[:, :1])], axis=1)

    def _as_carried(self, d_h: jax.Array) -> jax.Array:
        """Return ``∂C/∂h``, padded with zeros for the rest of the carried state."""
        rest = (self.carried - 1) * self.units
        return jnp.pad(d_h, [(0, 0)] * (d_h.ndim - 2) + [(0, rest), (0, 0)]) if rest else d_h

    def _real(self, a: jax.Array) -> jax.Array | None:
        """Return the mask of real time steps, ``[time, directions, 1, batch]``; None without padding."""
        if not self.padded:
            return None
        real = jax.lax.cummax((a != 0).any(axis=1).astype(jnp.int8), reverse=True) > 0
        return jnp.broadcast_to(real[:, None, None], (len(a), self.directions, 1, a.shape[-1]))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _forward(layer: Recurrent, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
    return layer.run(packed, a)


# Without this, jax.grad would store all arrays of every step. The residuals' gradient is ignored: they are
# never differentiated.
_forward.defvjp(
    lambda layer, packed, a: (outputs := layer.run(packed, a), (packed, outputs[1])),
    lambda layer, residuals, d_outputs: layer.pull_back(*residuals, d_outputs[0]),
)


def _product(w: jax.Array, a: jax.Array) -> jax.Array:
    return jnp.matmul(w, a, precision="highest")


def _at(a: jax.Array, times: Sequence[jax.Array]) -> jax.Array:
    """Return ``a [time, directions, …]`` at one time step per direction, ``[directions, …]``."""
    return jnp.stack([jax.lax.dynamic_index_in_dim(a[:, i], t, keepdims=False) for i, t in enumerate(times)])


def _where(real: jax.Array | None, a: jax.Array, other: Any, times: Any = None) -> jax.Array:
    """Return ``a`` at real time steps and ``other`` at padding; ``times``: the steps in ``a``, if not all."""
    return a if real is None else jnp.where(real if times is None else _at(real, times), a, other)


def _put(a: jax.Array, values: jax.Array, times: Sequence[jax.Array], behind: int = 0) -> jax.Array:
    """Write ``values [directions, …]`` into ``a`` at one time step per direction."""
    for i, t in enumerate(times):
        a = jax.lax.dynamic_update_slice(a, values[None, i : i + 1], (t + behind, i, *[0] * (a.ndim - 2)))
    return a


def _swap(params: Params) -> Params:
    weights = {name: leaf for name, leaf in params._asdict().items() if name.startswith("w")}
    return params._replace(**{name: leaf.swapaxes(-1, -2) for name, leaf in weights.items()})


def start_recurrent(initializer: Initializer, shape: Shape, gates: int) -> tuple[Draw, Draw]:
    """Return how to draw weights ``[n_in, gates units]`` and biases ``[gates units]``.

    ``shape`` is ``(n_in, units)``. Each gate is initialized as a separate dense layer, unless the initializer
    has a rule for recurrent layers.
    """
    n_in, units = shape
    if initializer.recurrent is not None:
        biases = initializer.recurrent((gates * units,), units)
        return initializer.recurrent((n_in, gates * units), units), within(biases, 1)
    w, b = start(initializer, shape)
    return side_by_side(w, gates), side_by_side(b, gates)


def side_by_side(draw: Draw, parts: int) -> Draw:
    """Return the draw of several such arrays, concatenated on the last axis, each from its own split key."""
    paths = [path for i in range(parts) for path in within(draw, i, parts).paths]
    return dataclasses.replace(draw, paths=tuple(paths))
