"""Sliding windows over the axes of an input, for convolution and pooling.

Arrays are in column form, ``a [channels, *lengths, batch]``, with one or two axes of lengths. A window has
entries at several offsets (nine for a 3×3 kernel). For each offset, one shifted slice of the input holds that
entry of every window.
"""

import abc
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers.kind import LayerKind, Shape

Lengths = int | Shape  # one number for all axes, or one per axis

# A layer's width is its number of outputs divided by this number. Larger tiles than for dense layers are
# faster, since products read large arrays in order and every call has a cost. Other values make tiles too
# narrow or too wide, and training slower; benchmark with the workload kind_seeds of scripts/bench.py.
HELD_FOR_ONE_COUNTED = 4


class Windows(NamedTuple):
    """Windows over the axes of an input.

    Attributes:
        size: Entries along each axis.
        stride: Steps between windows along each axis.
        padding: Entries added before and after each axis.
        dilation: Steps between entries of a window along each axis.
    """

    size: Shape
    stride: Shape
    padding: tuple[tuple[int, int], ...]
    dilation: Shape

    def output_lengths(self, lengths: Shape) -> Shape:
        """Return the number of windows along each axis of an input; 0 or less if none fits."""
        return tuple(
            (length + sum(pads) - (size - 1) * dilation - 1) // stride + 1
            for length, size, stride, pads, dilation in zip(lengths, *self, strict=True)
        )

    @property
    def offsets(self) -> list[Shape]:
        """Offset of every entry of a window from the first one, in C order."""
        axes = zip(self.size, self.dilation, strict=True)
        return list(itertools.product(*(range(0, size * step, step) for size, step in axes)))


class Sliding(LayerKind):
    """A layer with one output per window, for each channel."""

    @abc.abstractmethod
    def windows(self, shape: Shape) -> Windows:
        """Return the windows on inputs of a shape."""

    def width(self, shape: Shape) -> int:
        """Return a fraction of the number of outputs, so that tiles are larger than for dense layers."""
        return -(-math.prod(self.output_shape(shape)) // HELD_FOR_ONE_COUNTED)


def as_lengths(value: object, argument: str, minimum: int = 1) -> Lengths:
    """Return a checked whole number of at least ``minimum``, or a tuple of one or two.

    Raises:
        TypeError: The value is neither a whole number nor a sequence of whole numbers.
        ValueError: A number is below ``minimum``, or the sequence does not have one or two.
    """
    if not checks.is_several(value):
        return checks.as_count(value, argument, minimum)
    if len(value) not in (1, 2):
        raise ArgumentError(
            argument, f"expected a number, or one for each of one or two axes, got {checks.as_text(value)}"
        )
    return tuple(checks.as_count(number, argument, minimum) for number in value)


def slide(
    what: str,
    shape: Shape,
    size: Lengths,
    stride: Lengths,
    padding: Lengths | str,
    argument: str = "size",
    dilation: Lengths = 1,
) -> Windows:
    """Return the checked windows over inputs of a shape.

    Args:
        what: The kind of layer, for errors.
        shape: Shape of one input, ``(channels, length)`` or ``(channels, height, width)``.
        size, stride, padding, dilation: As in `Conv`.
        argument: The layer's name for ``size``, for errors.

    Raises:
        ValueError: The number of axes is wrong, or the windows do not fit.
    """
    if len(shape) not in (2, 3):
        raise ArgumentError(
            "layers",
            f"a {what} takes inputs (channels, length) or (channels, height, width), got shape {shape}",
        )
    sizes = _an_axis(size, shape, argument)
    strides = _an_axis(stride, shape, "stride")
    steps = _an_axis(dilation, shape, "dilation")
    spans = [(length - 1) * step for length, step in zip(sizes, steps, strict=True)]
    pads: tuple[tuple[int, int], ...]
    if padding == "causal":
        if len(spans) > 1:
            raise ArgumentError("padding", f"'causal' is for inputs (channels, length), got shape {shape}")
        pads = ((spans[0], 0),)
    elif isinstance(padding, str):
        pads = tuple((span // 2, span - span // 2) for span in spans)
    else:
        pads = tuple((length, length) for length in _an_axis(padding, shape, "padding"))
    windows = Windows(sizes, strides, pads, steps)
    lengths = windows.output_lengths(shape[1:])
    if min(lengths) < 1:
        raise ArgumentError(
            argument,
            f"a {what} of {tuple(span + 1 for span in spans)} is larger than its padded input, of shape"
            f" {shape}",
        )
    if math.prod(lengths) > checks.MOST:
        name = "padding" if any(map(any, pads)) else "inputs"
        raise ArgumentError(name, f"a {what} takes at most {checks.MOST} windows, got {math.prod(lengths)}")
    return windows


def _an_axis(lengths: Lengths, shape: Shape, argument: str) -> Shape:
    axes = len(shape) - 1
    entries = (lengths,) * axes if isinstance(lengths, int) else lengths
    if len(entries) != axes:
        raise ArgumentError(argument, f"expected one per axis for inputs of shape {shape}, got {entries}")
    return entries


def slices(windows: Windows, a: jax.Array, fill: float = 0.0) -> list[jax.Array]:
    """Return window entries at each offset, ``[channels, *output lengths, batch]``; padding is ``fill``."""
    lengths = windows.output_lengths(a.shape[1:-1])
    if any(map(any, windows.padding)):
        a = jnp.pad(a, ((0, 0), *windows.padding, (0, 0)), constant_values=fill)
    pieces = []
    for offset in windows.offsets:
        spans = (
            slice(first, first + stride * (length - 1) + 1, stride)
            for first, stride, length in zip(offset, windows.stride, lengths, strict=True)
        )
        pieces.append(a[(slice(None), *spans)])
    return pieces


def add_slices(windows: Windows, pieces: Sequence[jax.Array], lengths: Shape) -> jax.Array:
    """Add each entry at its position in inputs of these lengths: the transpose of `slices`."""
    out = windows.output_lengths(lengths)
    zero = jnp.zeros((), pieces[0].dtype)
    total: Any = 0
    for offset, entries in zip(windows.offsets, pieces, strict=True):
        config = [(0, 0, 0)]
        axes = zip(offset, lengths, out, windows.stride, windows.padding, strict=True)
        for first, length, n, stride, pads in axes:
            low = first - pads[0]
            config.append((low, length - low - (stride * (n - 1) + 1), stride - 1))
        total = total + jax.lax.pad(entries, zero, [*config, (0, 0, 0)])
    return jnp.asarray(total)
