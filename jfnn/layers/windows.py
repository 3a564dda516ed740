"""Windows that slide over the axes of an input, for convolution and pooling.

Arrays are in column form, ``a [channels, *lengths, batch]``, with one or two axes of lengths. A window has
entries at some offsets (nine of a 3×3 kernel), and for each offset there is one shifted slice of the input,
which holds that entry of every window.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers.kind import Shape

Lengths = int | Shape  # one number for all axes, or one an axis

# One in this many of the numbers that a layer holds is counted in its width: larger tiles than those of dense
# layers are faster, since products read large arrays in order and every call costs. With another number tiles
# are too narrow or too wide, and training is slower: compare by the workload kind_seeds of scripts/bench.py.
HELD_FOR_ONE_COUNTED = 4


class Windows(NamedTuple):
    """Windows over the axes of an input.

    Attributes:
        size: Entries along each axis.
        stride: Steps between windows along each axis.
        padding: Entries added in front of and behind each axis.
        dilation: Steps between entries of a window along each axis.
    """

    size: Shape
    stride: Shape
    padding: tuple[tuple[int, int], ...]
    dilation: Shape

    def output_lengths(self, lengths: Shape) -> Shape:
        """Number of windows along each axis of an input; 0 or less where none fits."""
        return tuple(
            (length + sum(pads) - (size - 1) * dilation - 1) // stride + 1
            for length, size, stride, pads, dilation in zip(lengths, *self, strict=True)
        )

    @property
    def offsets(self) -> list[Shape]:
        """Offset of every entry of a window from its first one, the last axis running fastest."""
        axes = zip(self.size, self.dilation, strict=True)
        return list(itertools.product(*(range(0, size * step, step) for size, step in axes)))


def counted(shape: Shape) -> int:
    """Width of a layer with outputs of a shape (`LayerKind.width`)."""
    return -(-math.prod(shape) // HELD_FOR_ONE_COUNTED)


def as_lengths(value: object, argument: str, minimum: int = 1) -> Lengths:
    """A whole number of at least ``minimum``, or a tuple of one or two.

    Raises:
        TypeError: Not whole numbers.
        ValueError: Less, or more than two.
    """
    if not checks.is_several(value):
        return checks.as_count(value, argument, minimum)
    if len(value) not in (1, 2):
        raise ArgumentError(
            argument, f"expected a number, or one for each of one or two axes, got {checks.shown(value)}"
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
    """The windows over inputs of a shape, checked.

    Args:
        what: The kind of layer, named in errors.
        shape: Of one input, ``(channels, length)`` or ``(channels, height, width)``.
        size, stride, padding, dilation: As `Conv` takes them.
        argument: The layer's name of ``size``, for errors.

    Raises:
        ValueError: Another number of axes, or windows that do not fit.
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
        raise ArgumentError(argument, f"expected one for each axis of inputs of shape {shape}, got {entries}")
    return entries


def slices(windows: Windows, a: jax.Array, fill: float = 0.0) -> list[jax.Array]:
    """Entries of the windows at each offset, ``[channels, *output lengths, batch]``; padding is ``fill``."""
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
    """The transpose of `slices`, for inputs of these lengths: each entry is added where it was taken from."""
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
