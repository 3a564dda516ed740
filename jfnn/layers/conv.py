"""The convolutional layer, as a matrix product (the notes, four kinds, section 1)."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp

from jfnn import activations
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import field
from jfnn.layers.dense import Layer
from jfnn.layers.initializers import INITIALIZERS, as_name, start
from jfnn.layers.kind import LayerKind, Residuals, Shape
from jfnn.layers.products import transposed_product, weight_gradient
from jfnn.layers.starts import Starts
from jfnn.layers.windows import Lengths, Windows, add_slices, as_lengths, counted, slices, slide
from jfnn.numerics.products import product


def _as_padding(padding: object, argument: str, stride: Lengths) -> Lengths | str:
    """Lengths, or a word for them; "same" is for a stride of 1."""
    if not isinstance(padding, str):
        return as_lengths(padding, argument, minimum=0)
    checks.as_choice(padding, argument, ("same", "causal"))
    if padding == "same" and stride not in (1, (1,), (1, 1)):
        raise ArgumentError(argument, f"expected numbers, since 'same' needs stride 1, got {stride}")
    return padding


@dataclasses.dataclass(frozen=True)
class Conv(LayerKind):
    """A convolution over one or two axes, as the input has them, and an activation.

    ``z[o, i, j] = Σ_{c,u,v} w[o, c, u, v] a[c, s i + d u - p, s j + d v - p] + b[o]`` with stride s, dilation
    d and padding p, zeros outside; the same without j on one axis. One input is ``(channels, length)`` or
    ``(channels, height, width)``. Public parameters are ``Layer(w [channels, c_in, *kernel], b [channels])``,
    as `jax.lax.conv_general_dilated` takes them by default.

    The shifted slices of the input are put together, and one matrix product does the rest, on every platform:
    mapped over members, `jax.lax.conv_general_dilated` becomes a grouped convolution, which is slow on CPUs.

    Attributes:
        channels: Channels of the output.
        kernel: Length along each axis: one number, or a tuple of one an axis.
        stride: Steps between neighbouring outputs, likewise.
        padding: Zeros on both sides of each axis, likewise; or "same", with stride 1, for outputs as long as
            the inputs; or "causal", on one axis, for all zeros in front, so that no output sees a later input
            (Bai et al., arXiv:1803.01271, 2018).
        activation: A key of `jfnn.activations.ACTIVATIONS`, or an `Activation`.
        initializer: A key of `INITIALIZERS`.
        dilation: Steps between the inputs that a kernel reads, along each axis (Yu and Koltun, ICLR 2016).
    """

    channels: int = field(convert=checks.as_count)
    kernel: Lengths = field(3, as_lengths)
    stride: Lengths = field(1, as_lengths)
    padding: Lengths | str = field(0, _as_padding, given=["stride"])
    activation: str | Activation = field("relu", activations.name_or_custom)
    initializer: str = field("glorot_normal", as_name)
    dilation: Lengths = field(1, as_lengths)
    droppable = True

    @property
    def function(self) -> Activation:
        """The activation and its derivative."""
        return activations.get(self.activation)

    def windows(self, shape: Shape) -> Windows:
        """The windows that the kernel covers on inputs of a shape."""
        fields = self.kernel, self.stride, self.padding
        return slide("convolution", shape, *fields, "kernel", self.dilation)

    def output_shape(self, shape: Shape) -> Shape:
        """``(channels, *lengths)``."""
        return (self.channels, *self.windows(shape).output_lengths(shape[1:]))

    def width(self, shape: Shape) -> int:
        """A share of its outputs: larger tiles are faster than for dense layers."""
        return counted(self.output_shape(shape))

    def starts(self, shape: Shape) -> Starts:
        """Weights ``[channels, c_in, *kernel]`` and biases, by the initializer."""
        kernel = self.windows(shape).size
        w, b = start(INITIALIZERS[self.initializer], (*kernel, shape[0], self.channels))
        axes = (len(kernel) + 1, len(kernel), *range(len(kernel)))
        return Layer._make((dataclasses.replace(w, axes=axes), b))

    def pack(self, params: Layer) -> Layer:
        """Weights become ``[channels, *kernel, c_in]``: a matrix once their last axes are made one."""
        axes = list(range(params.w.ndim))
        axes.append(axes.pop(params.b.ndim))
        return Layer(params.w.transpose(axes), params.b)

    def unpack(self, packed: Layer) -> Layer:
        """Weights become ``[channels, c_in, *kernel]`` again."""
        axes = list(range(packed.w.ndim))
        axes.insert(packed.b.ndim, axes.pop())
        return Layer(packed.w.transpose(axes), packed.b)

    def forward(self, packed: Layer, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """``z = w * a + b``, ``f(z)``; residuals ``(a, z)``."""
        z = correlate(self.windows(a.shape[:-1]), packed.w, a) + jnp.expand_dims(packed.b, range(1, a.ndim))
        return self.function.f(z), (a, z)

    def pull_back(self, packed: Layer, residuals: Residuals, d_out: jax.Array) -> tuple[Layer, jax.Array]:
        """``δ = ∂C/∂a_out ∘ f'(z)``; ``∂C/∂b[o] = Σ δ[o]``; ``∂C/∂w`` and ``∂C/∂a`` by correlation."""
        a, z = residuals
        delta = d_out * self.function.df(z)
        d_w, d_a = d_correlate(self.windows(a.shape[:-1]), (packed.w, a), delta)
        return Layer(d_w, jnp.sum(delta, axis=range(1, delta.ndim))), d_a


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def correlate(windows: Windows, w: jax.Array, a: jax.Array) -> jax.Array:
    """``Σ_{c,u,v} w[o, u, v, c] a[c, s i + d u - p, s j + d v - p]``, ``[channels, *output lengths, batch]``.

    Of a kernel ``w [channels, *kernel, c_in]`` and an input ``a [c_in, *lengths, batch]``.
    """
    pieces = slices(windows, a)
    patches = jnp.concatenate(pieces).reshape(_row(w), -1)
    z = product(w.reshape(len(w), -1), patches)
    return z.reshape(len(w), *pieces[0].shape[1:])


def d_correlate(
    windows: Windows, residuals: tuple[jax.Array, jax.Array], delta: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The pull-back of `correlate`: ``(∂C/∂w, ∂C/∂a)`` from ``δ [channels, *output lengths, batch]``.

    ``∂C/∂w[o,u,v,c] = Σ_{n,i,j} δ[o,i,j] a[c, s i+d u-p, s j+d v-p]`` is one product with the patches; so are
    the shares ``Σ_o w[o,u,v,c] δ[o,i,j]``, whose slices are added where they came from to give ``∂C/∂a``.
    """
    w, a = residuals
    patches = jnp.concatenate(slices(windows, a)).reshape(_row(w), -1)
    flat = delta.reshape(len(w), -1)
    d_w = weight_gradient(flat, patches).reshape(w.shape)
    shares = transposed_product(w.reshape(len(w), -1), flat)
    pieces = shares.reshape(len(windows.offsets), len(a), *delta.shape[1:])
    return d_w, add_slices(windows, list(pieces), a.shape[1:-1])


def _row(w: jax.Array) -> int:
    return math.prod(w.shape[1:])


correlate.defvjp(lambda windows, w, a: (correlate(windows, w, a), (w, a)), d_correlate)
