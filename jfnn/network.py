"""Feed-forward networks as pure functions of their parameters, as in the lecture notes.

Samples are rows: ``x [n, …]``, ``w [n_in, n_out]``, ``b [n_out]``. A network is a pair of functions,
``Network(init, apply)``. A network made of `jfnn.layers` also lists its layers, for the hand-derived gradient
and for the engine.
"""

import functools
import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp

from jfnn import activations, losses
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.tables import html_table, size_text
from jfnn.arguments.unknown import suggest_names
from jfnn.layers import sequence
from jfnn.layers.dense import Dense
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.sequence import Masks
from jfnn.params import Params, key_shape, without_constants

__all__ = ["Network", "forward", "mlp", "sequential"]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)

ONE_MEMBER = (
    "; result.member(…) returns the parameters of one member,"
    " and jax.tree.map(lambda leaf: leaf[-1], params) those of the last of several evaluations"
)


class Network(NamedTuple):
    """A network as a pair of pure functions.

    Attributes:
        init: ``key -> params``, a pytree of float32 or float64 arrays.
        apply: ``(params, x [n, …]) -> [n, n_out]``, including the output activation. Layers convert integer
            x to floats, unless the first layer takes tokens.
        layers: The layers of a network made by `sequential`; None for custom functions.
        input_shape: The shape of one row of x, for a network made by `sequential`.
        random_apply: ``(params, x, key) -> [n, n_out]``, called instead of ``apply`` in training steps by
            custom functions that use random numbers, such as dropout; None for all others.
    """

    init: Callable[[jax.Array], Params]
    apply: Callable[[Params, jax.Array], jax.Array]
    layers: tuple[LayerKind, ...] | None = None
    input_shape: Shape | None = None
    random_apply: Callable[[Params, jax.Array, jax.Array], jax.Array] | None = None

    def __getattr__(self, name: str) -> NoReturn:
        """Raise an error that points to training and prediction."""
        raise AttributeError(
            f"a network has no {name!r}; jfnn.train(network, x, y, …) and jfnn.sweep train one,"
            " jfnn.predict(network, params, x) predicts with one"
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle networks made by `sequential` by their layers: equal networks stay the same object."""
        again = None if self.layers is None else sequential(self.layers, self.input_shape or ())
        return (sequential, (self.layers, self.input_shape)) if self == again else (Network, tuple(self))

    def __repr__(self) -> str:
        if self.layers is None or self.input_shape is None:
            names = [getattr(one, "__name__", type(one).__name__) for one in (self.init, self.apply)]
            return f"<Network of the functions {' and '.join(names)}>"
        names = [f"{type(layer).__name__} {size}" for layer, size, _ in self._by_layer()]
        count = sum(number for *_, number in self._by_layer())
        return f"<Network {' → '.join([size_text(self.input_shape), *names])}, {count:,} parameters>"

    def _repr_html_(self) -> str:
        if self.layers is None or self.input_shape is None:
            return f"<p>{escape(repr(self))}</p>"
        rows = [[repr(layer), size, f"{number:,}"] for layer, size, number in self._by_layer()]
        return html_table([["layer", "outputs", "parameters"], ["", size_text(self.input_shape), ""], *rows])

    def _by_layer(self) -> list[tuple[LayerKind, str, int]]:
        """Return each layer, the shape of its outputs and its number of parameters."""
        layers = self.layers or ()
        shapes = sequence.shapes(layers, self.input_shape or ())[1:]
        counts = [
            sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(part))
            for part in _expected_params(layers, self.input_shape or ())
        ]
        return list(zip(layers, map(size_text, shapes), counts, strict=True))


def sequential(layers: Sequence[LayerKind], inputs: int | Sequence[int]) -> Network:
    """Chain layers into a network.

    Equal arguments return the same object, so that compiled programs are reused.

    Args:
        layers: Instances of `LayerKind`, from the input to the output.
        inputs: The shape of one input, or the number of features.

    Raises:
        TypeError: An entry is not a layer.
        ValueError: There are no layers, or shapes do not fit.

    Example:
        >>> import jfnn
        >>> layers = [jfnn.Conv(8, 3), jfnn.Flatten(), jfnn.Dense(10, "identity")]
        >>> network = jfnn.sequential(layers, (1, 8, 8))
        >>> network.input_shape
        (1, 8, 8)
    """
    shape = checks.as_counts(inputs if checks.is_several(inputs) else (inputs,), "inputs")
    return _sequential(sequence.as_layers(layers), shape)


@functools.lru_cache(maxsize=1024)
def _sequential(layers: tuple[LayerKind, ...], input_shape: Shape) -> Network:
    sequence.shapes(layers, input_shape)
    init = functools.partial(sequence.init, layers, input_shape)
    return Network(init, functools.partial(forward, layers), layers, input_shape)


def forward(
    layers: Sequence[LayerKind], params: Params, x: jax.Array, masks: Masks | None = None
) -> jax.Array:
    """Return the outputs ``[n, n_out]`` for inputs whose rows are samples.

    Args:
        layers: The layers.
        params: Their parameters.
        x: Inputs ``[n, …]``.
        masks: Factors for the outputs of each layer, such as dropout masks, samples last; None for no factor.
    """
    a = x
    for i, (layer, leaves) in enumerate(zip(layers, params, strict=True)):
        a = layer.apply(leaves, a)
        mask = None if masks is None else masks[i]
        a = a if mask is None else a * jnp.moveaxis(mask, -1, 0)
    return a


def is_custom_apply(network: Network) -> bool:
    """Whether ``apply`` differs from `forward` of the network's layers."""
    apply = network.apply
    return not (
        isinstance(apply, functools.partial) and apply.func is forward and apply.args == (network.layers,)
    )


def as_inputs(network: Network, x: Any, argument: str = "x", shape: Shape | None = None) -> Any:
    """Convert inputs for a network: floats or tokens for layers, also integers for custom functions.

    ``argument`` is named in errors; ``shape`` is the required shape of a row, by default the network's.

    Raises:
        ValueError, TypeError: Invalid inputs, as in `jfnn.predict`, or values that are not tokens.
    """
    shape = network.input_shape if shape is None else shape
    tokens = None if network.layers is None else network.layers[0].tokens
    x = checks.as_inputs(x, argument, shape, whole=network.layers is None or tokens is not None)
    if tokens is not None and x.dtype.kind not in "iu":
        raise ArgumentTypeError(argument, f"expected tokens, which are integers, got dtype {x.dtype}")
    if tokens is not None and checks.is_concrete(x) and (x.min() < 0 or x.max() >= tokens):
        least = int(x.min())
        most = int(x.max())
        raise ArgumentError(argument, f"expected tokens from 0 to {tokens - 1}, got {least} to {most}")
    return x


def check_applied(
    outputs: object, n: int, n_out: int | None = None, show: Callable[[object], str] = checks.as_text
) -> None:
    """Check that outputs of ``apply`` have shape ``[n, n_out]``; ``show`` describes other objects in errors.

    Raises:
        ArgumentError: The outputs have another shape; ``n_out=None`` allows any number of outputs.
    """
    shape: tuple[int, ...] = getattr(outputs, "shape", ())
    if len(shape) != 2 or shape != (n, n_out or shape[1]):
        got = list(shape) or show(outputs)
        raise ArgumentError("network", f"apply must return [n, n_out] for n rows, got {got} for {n}")


def as_params(network: Network, params: Params) -> Params:
    """Convert parameters to native arrays and check them against the network's layers.

    Raises:
        ValueError, TypeError: Wrong structure, shape or dtype, or values that are not finite in JAX's float
            types, as in a diverged network.
    """
    expected = None if network.layers is None else _expected_params(network.layers, network.input_shape)
    params = checks.as_arrays(params, expected, "params", "network.init or result.member")
    jax.tree.map(lambda leaf: checks.check_values(leaf, "params"), without_constants(params))
    if expected is None:
        return params
    for leaf, shaped in zip(jax.tree.leaves(params), jax.tree.leaves(expected), strict=True):
        if leaf.shape != shaped.shape or not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ArgumentError(
                "params",
                f"expected floats {list(shaped.shape)}, as in the network,"
                f" got {leaf.dtype} {list(leaf.shape)}{ONE_MEMBER * (leaf.ndim > len(shaped.shape))}",
            )
    return params


@functools.lru_cache(maxsize=256)
def _expected_params(layers: tuple[LayerKind, ...], input_shape: Shape) -> Params:
    return jax.eval_shape(functools.partial(sequence.init, layers, input_shape), key_shape())


def mlp(
    sizes: Sequence[int],
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    init: str = "glorot_normal",
    bias: bool = True,
) -> Network:
    """Make a fully connected feed-forward network of any depth.

    Layers 1..L-1 are hidden, ``a_l = f(a_{l-1} @ w_l + b_l)``; the last layer applies the output activation.
    For a cross-entropy keep the default "identity", so that the network returns logits.

    Args:
        sizes: Widths from input to output, such as ``(64, 50, 10)``; ``(64, 10)`` has no hidden layer.
        activation: The hidden layers' activation, a name or an `Activation`.
        output: The output layer's activation.
        init: The initialization: "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
            "lecun_normal" (biases 0), "pytorch" (weights and biases uniform within ±1/√n_in), or "normal"
            (as in the notes: unscaled normal weights, biases 0.01). Use "he_normal" for ReLU networks with
            more than about five hidden layers.
        bias: Whether layers have biases. Without biases, the parameters of each layer are ``(w,)``.

    Raises:
        ValueError: Fewer than two sizes, a width below 1, or an unknown name.
        TypeError: A width is not an integer.

    Example:
        >>> import jax, jfnn
        >>> network = jfnn.mlp((64, 50, 10))
        >>> params = network.init(jax.random.key(0))
        >>> [(layer.w.shape, layer.b.shape) for layer in params]
        [((64, 50), (50,)), ((50, 10), (10,))]
        >>> network.apply(params, jax.numpy.zeros((3, 64))).shape
        (3, 10)
    """
    widths = checks.as_counts(sizes, "sizes")
    if len(widths) < 2:
        raise ArgumentError("sizes", f"expected at least an input and an output width, got {widths}")
    hidden = activations.name_or_custom(activation)
    last = activations.name_or_custom(output, "output")
    functions = [hidden] * (len(widths) - 2) + [last]
    layers = [Dense(units, f, init, bias) for units, f in zip(widths[1:], functions, strict=True)]
    return sequential(layers, widths[0])


def check_output(network: Network, loss: losses.Loss) -> None:
    """Check that the network has no output activation if the loss applies one itself.

    Raises:
        ValueError: The loss takes logits or has links, and the activation of the last layer that changes
            values is not the identity.
    """
    checks.check_instance(network, Network, "network")
    last = next((layer for layer in (network.layers or ())[::-1] if not layer.keeps_values), None)
    if getattr(last, "activation", "identity") == "identity":
        return
    if loss.takes_logits or any(loss.inverse_links):
        what = "a cross-entropy applies its softmax or sigmoid" if loss.takes_logits else "it applies a link"
        raise ArgumentError("loss", f"{what} itself; the network's output must be the identity")
