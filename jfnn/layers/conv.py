"""The convolutional layer, as a matrix product."""

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
from jfnn.layers.kind import Residuals, Shape
from jfnn.layers.products import transposed_product, weight_gradient
from jfnn.layers.starts import Starts
from jfnn.layers.windows import Lengths, Sliding, Windows, add_slices, as_lengths, slices, slide
from jfnn.numerics.products import product


def _as_padding(padding: object, argument: str, stride: Lengths) -> Lengths | str:
    """Return checked lengths or a keyword; "same" requires a stride of 1."""
    if not isinstance(padding, str):
        return as_lengths(padding, argument, minimum=0)
    checks.as_choice(padding, argument, ("same", "causal"))
    if padding == "same" and stride not in (1, (1,), (1, 1)):
        raise ArgumentError(argument, f"expected numbers, since 'same' needs stride 1, got {stride}")
    return padding


@dataclasses.dataclass(frozen=True)
class Conv(Sliding):
    """A convolution over one or two axes, followed by an activation.

    ``z[o, i, j] = Σ_{c,u,v} w[o, c, u, v] a[c, s i + d u - p, s j + d v - p] + b[o]`` with stride s, dilation
    d, padding p and zeros outside; with one axis, drop j and v. An input is ``(channels, length)`` or
    ``(channels, height, width)``. Public parameters are ``Layer(w [channels, c_in, *kernel], b [channels])``,
    the default layout of `jax.lax.conv_general_dilated`.

    The layer concatenates shifted slices of the input and multiplies them by the kernel in one matrix
    product, on every platform. Mapped over members, `jax.lax.conv_general_dilated` would become a grouped
    convolution, which is slow on CPUs.

    Attributes:
        channels: Number of output channels.
        kernel: Length along each axis: one number, or a tuple with one number per axis.
        stride: Steps between neighboring outputs, given like ``kernel``.
        padding: Zeros on both sides of each axis, given like ``kernel``; or "same", with stride 1, for
            outputs as long as the inputs; or "causal", with one axis, for all zeros in front, so that no
            output depends on a later input (Bai et al., arXiv:1803.01271, 2018).
        activation: A key of `jfnn.activations.ACTIVATIONS`, or an `Activation`.
        initializer: A key of `INITIALIZERS`.
        dilation: Steps between the inputs that a kernel reads, along each axis (Yu and Koltun, ICLR 2016).

    Example:
        >>> import jax
        >>> import jfnn
        >>> layers = [jfnn.Conv(4, kernel=3), jfnn.Flatten(), jfnn.Dense(10, "identity")]
        >>> network = jfnn.sequential(layers, (1, 8, 8))
        >>> network.apply(network.init(jax.random.key(0)), jax.numpy.zeros((5, 1, 8, 8))).shape
        (5, 10)
    """

    channels: int = field(convert=checks.as_count)
    kernel: Lengths = field(3, as_lengths)
    stride: Lengths = field(1, as_lengths)
    padding: Lengths | str = field(0, _as_padding, given=["stride"])
    activation: str | Activation = field("relu", activations.name_or_custom)
    initializer: str = field("glorot_normal", as_name)
    dilation: Lengths = field(1, as_lengths)
    droppable = True

    def windows(self, shape: Shape) -> Windows:
        """Return the windows that the kernel covers on inputs of a shape."""
        fields = self.kernel, self.stride, self.padding
        return slide("convolution", shape, *fields, "kernel", self.dilation)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels, *lengths)``."""
        return (self.channels, *self.windows(shape).output_lengths(shape[1:]))

    def starts(self, shape: Shape) -> Starts:
        """Return how the initializer draws the weights ``[channels, c_in, *kernel]`` and biases."""
        kernel = self.windows(shape).size
        w, b = start(INITIALIZERS[self.initializer], (*kernel, shape[0], self.channels))
        axes = (len(kernel) + 1, len(kernel), *range(len(kernel)))
        return Layer._make((dataclasses.replace(w, axes=axes), b))

    def pack(self, params: Layer) -> Layer:
        """Transpose the weights to ``[channels, *kernel, c_in]``, which reshapes to a matrix."""
        axes = list(range(params.w.ndim))
        axes.append(axes.pop(params.b.ndim))
        return Layer(params.w.transpose(axes), params.b)

    def unpack(self, packed: Layer) -> Layer:
        """Transpose the weights back to ``[channels, c_in, *kernel]``."""
        axes = list(range(packed.w.ndim))
        axes.insert(packed.b.ndim, axes.pop())
        return Layer(packed.w.transpose(axes), packed.b)

    def forward(self, packed: Layer, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return ``f(z)`` with ``z = w * a + b``, and the residuals ``(a, z)``."""
        z = correlate(self.windows(a.shape[:-1]), packed.w, a) + jnp.expand_dims(packed.b, range(1, a.ndim))
        return activations.get(self.activation).f(z), (a, z)

    def pull_back(self, packed: Layer, residuals: Residuals, d_out: jax.Array) -> tuple[Layer, jax.Array]:
        """``δ = ∂C/∂a_out ∘ f'(z)``; ``∂C/∂b[o] = Σ δ[o]``; ``∂C/∂w`` and ``∂C/∂a`` by correlation."""
        a, z = residuals
        delta = d_out * activations.get(self.activation).df(z)
        d_w, d_a = d_correlate(self.windows(a.shape[:-1]), (packed.w, a), delta)
        return Layer(d_w, jnp.sum(delta, axis=range(1, delta.ndim))), d_a


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def correlate(windows: Windows, w: jax.Array, a: jax.Array) -> jax.Array:
    """``Σ_{c,u,v} w[o, u, v, c] a[c, s i + d u - p, s j + d v - p]``, ``[channels, *output lengths, batch]``.

    The kernel is ``w [channels, *kernel, c_in]``, the input ``a [c_in, *lengths, batch]``.
    """
    pieces = slices(windows, a)
    patches = jnp.concatenate(pieces).reshape(_row(w), -1)
    z = product(w.reshape(len(w), -1), patches)
    return z.reshape(len(w), *pieces[0].shape[1:])


def d_correlate(
    windows: Windows, residuals: tuple[jax.Array, jax.Array], delta: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return ``(∂C/∂w, ∂C/∂a)`` of `correlate` from ``δ [channels, *output lengths, batch]``.

    ``∂C/∂w[o,u,v,c] = Σ_{n,i,j} δ[o,i,j] a[c, s i+d u-p, s j+d v-p]`` is one product with the patches. A
    second gives slices ``Σ_o w[o,u,v,c] δ[o,i,j]``; added at their places in the input, they give ``∂C/∂a``.
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
