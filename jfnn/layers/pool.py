"""Pooling layers: the maximum or the mean of each window, for each channel."""

import abc
import dataclasses
import functools
import math

import jax
import jax.numpy as jnp

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import field
from jfnn.layers.kind import Residuals, Shape
from jfnn.layers.windows import Lengths, Sliding, Windows, add_slices, as_lengths, slices, slide


def _as_stride(stride: object, argument: str, size: Lengths) -> Lengths:
    """Return checked steps between windows; None means the size, so that windows do not overlap."""
    return size if stride is None else as_lengths(stride, argument)


@dataclasses.dataclass(frozen=True)
class Pool(Sliding):
    """Base class of pooling layers; an input is ``(channels, length)`` or ``(channels, height, width)``.

    Attributes:
        size: Length of a window along each axis: one number, or a tuple with one number per axis.
        stride: Steps between windows, given like ``size``; None for adjacent windows.
        padding: Entries added on both sides of each axis, given like ``size``, and less than it.
    """

    size: Lengths = field(convert=as_lengths)
    stride: Lengths | None = field(None, _as_stride, given=["size"])
    padding: Lengths = field(0, functools.partial(as_lengths, minimum=0))

    def windows(self, shape: Shape) -> Windows:
        """Return the windows on inputs of a shape."""
        stride = self.size if self.stride is None else self.stride
        windows = slide("pooling", shape, self.size, stride, self.padding)
        if any(pads[0] >= size for size, pads in zip(windows.size, windows.padding, strict=True)):
            raise ArgumentError(
                "padding", f"expected less than the pooling's size {self.size}, got {self.padding}"
            )
        return windows

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels, *lengths)``."""
        return (shape[0], *self.windows(shape).output_lengths(shape[1:]))

    @abc.abstractmethod
    def forward(self, packed: tuple[()], a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return one entry per window of ``a [channels, *lengths, batch]``."""


@dataclasses.dataclass(frozen=True)
class MaxPool(Pool):
    """The maximum of each window; padding counts as -∞.

    In a tie, the first maximum in C order gets the derivative, as in `jax.grad` of `jax.lax.reduce_window`.
    """

    def forward(self, packed: tuple[()], a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return the maxima; residuals are ``(a, maxima)``."""
        largest = largest_entries(self.windows(a.shape[:-1]), a)
        return largest, (a, largest)

    def pull_back(
        self, packed: tuple[()], residuals: Residuals, d_out: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        """Pass each δ to the maximum of its window."""
        return (), *d_largest_entries(self.windows(residuals[0].shape[:-1]), residuals, d_out)


@dataclasses.dataclass(frozen=True)
class MeanPool(Pool):
    """The mean of each window; padding counts as zeros."""

    def forward(self, packed: tuple[()], a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return the means; the residual is the shape."""
        windows = self.windows(a.shape[:-1])
        return sum(slices(windows, a), start=jnp.zeros((), a.dtype)) / math.prod(windows.size), a.shape

    def pull_back(
        self, packed: tuple[()], residuals: Residuals, d_out: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        """Spread each δ evenly over its window."""
        windows = self.windows(residuals[:-1])
        shares = [d_out / math.prod(windows.size)] * len(windows.offsets)
        return (), add_slices(windows, shares, residuals[1:-1])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def largest_entries(windows: Windows, a: jax.Array) -> jax.Array:
    """Return the maximum of each window of ``a [channels, *lengths, batch]``."""
    return functools.reduce(jnp.maximum, slices(windows, a, -jnp.inf))


def d_largest_entries(
    windows: Windows, residuals: tuple[jax.Array, jax.Array], d_out: jax.Array
) -> tuple[jax.Array]:
    """Return the gradient of `largest_entries`: each δ goes to the first maximum of its window."""
    a, largest = residuals
    free = jnp.ones(largest.shape, bool)
    shares = []
    for entries in slices(windows, a, -jnp.inf):
        here = free & (entries == largest)
        shares.append(jnp.where(here, d_out, 0))
        free &= ~here
    return (add_slices(windows, shares, a.shape[1:-1]),)


largest_entries.defvjp(
    lambda windows, a: (largest := largest_entries(windows, a), (a, largest)), d_largest_entries
)
