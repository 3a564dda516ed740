"""Ready-made convolutional and recurrent networks; `jfnn.sequential` builds any others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jfnn import activations
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers import GRU, LSTM, Conv, Dense, Elman, Flatten, LayerKind, MaxPool, Shape
from jfnn.network import Network, sequential

CELLS = ("gru", "lstm", "elman")


# One number for all layers, or an entry per layer: a number or a number per axis. Paddings may also be names.
PerLayer = int | Sequence[int | Sequence[int]]
Paddings = PerLayer | str | Sequence[int | str | Sequence[int]]


def cnn(
    inputs: Sequence[int],
    channels: Sequence[int],
    outputs: int,
    kernel: PerLayer = 3,
    stride: PerLayer = 1,
    padding: Paddings = 0,
    pool: int | tuple[int, ...] | None = None,
    hidden: Sequence[int] = (),
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    init: str = "glorot_normal",
) -> Network:
    """Make a convolutional network: `Conv` layers, then dense layers on the flattened outputs.

    Args:
        inputs: Shape of one input, ``(channels, length)`` or ``(channels, height, width)``.
        channels: Number of output channels of each convolution, such as ``(8, 16)``.
        outputs: Number of outputs of the network.
        kernel: Kernel size, as in `Conv`: one number for all layers, or a sequence with one entry per layer,
            each a number or a tuple with one number per axis.
        stride: Step between neighboring outputs of a convolution; given like ``kernel``.
        padding: Zeros on both sides of the inputs, or "same"; given like ``kernel``.
        pool: Size of a `MaxPool` after each convolution, a number or one per axis; None for no pooling.
        hidden: Widths of dense layers between the convolutions and the outputs.
        activation: Activation of the convolutions and hidden layers.
        output: The output layer's activation; "identity" for a cross-entropy.
        init: The initialization, as in `jfnn.mlp`.

    Raises:
        ValueError, TypeError: Sizes that do not fit, or an unknown name; the message names the argument.

    Example:
        >>> import jax, jfnn
        >>> network = jfnn.cnn((1, 8, 8), channels=(8, 16), outputs=10, pool=2, padding="same")
        >>> network.apply(network.init(jax.random.key(0)), jax.numpy.zeros((5, 1, 8, 8))).shape
        (5, 10)
    """
    shape = checks.as_counts(inputs, "inputs")
    if len(shape) not in (2, 3):
        expected = "(channels, length) or (channels, height, width)"
        raise ArgumentError("inputs", f"expected a shape {expected}, got {shape}")
    filters = checks.as_counts(channels, "channels")
    widths = checks.as_counts(hidden, "hidden")
    options = {"kernel": kernel, "stride": stride, "padding": padding}
    entries = [_one_a_layer(value, len(filters), name) for name, value in options.items()]
    n_outputs = checks.as_count(outputs, "outputs")
    last = activations.name_or_custom(output, "output")
    layers: list[LayerKind] = []
    for count, size, step, pads in zip(filters, *entries, strict=True):
        convolution = Conv(count, size, step, pads, activation, init)
        _check_stride(convolution, shape)
        layers.append(convolution)
        shape = convolution.output_shape(shape)
        if pool is not None:
            with checks.rename_arguments(size="pool"):
                layers.append(MaxPool(pool))
                shape = layers[-1].output_shape(shape)
    dense = [Dense(units, activation, init) for units in widths]
    return sequential([*layers, Flatten(), *dense, Dense(n_outputs, last, init)], inputs)


def _check_stride(convolution: Conv, shape: Shape) -> None:
    """Raise ValueError if a stride is longer than the padded input."""
    windows = convolution.windows(shape)
    for step, length, pads in zip(windows.stride, shape[1:], windows.padding, strict=True):
        if step > length + sum(pads):
            raise ArgumentError(
                "stride", f"expected at most {length + sum(pads)}, the length of the padded input, got {step}"
            )


def _one_a_layer(value: object, count: int, argument: str) -> Sequence[Any]:
    entries = value if checks.is_several(value) else [value] * count
    if len(entries) != count:
        raise ArgumentError(argument, f"expected one for each of {count} layers, got {checks.as_text(value)}")
    return entries


def rnn(
    inputs: Sequence[int],
    units: int,
    outputs: int,
    kind: str = "gru",
    *,
    bidirectional: bool = False,
    states: str = "last",
    hidden: Sequence[int] = (),
    activation: str | Activation = "tanh",
    output: str | Activation = "identity",
    init: str = "pytorch",
    padded: bool = False,
) -> Network:
    """Make a recurrent network: a recurrent layer, then dense layers on its last state or on all states.

    Args:
        inputs: Shape of one sequence, ``(time, features)``.
        units: Length of a state.
        outputs: Number of outputs of the network.
        kind: "gru", "lstm" or "elman".
        bidirectional: Whether a second cell reads the sequence backward.
        states: "last", or "all" for dense layers on ``time * units`` numbers (twice as many if
            bidirectional).
        hidden: Widths of dense layers between the states and the outputs.
        activation: Activation of an Elman layer and of the hidden layers.
        output: The output layer's activation; "identity" for a cross-entropy.
        init: The initialization, as in `jfnn.mlp`; "pytorch" is ±1/√units in the recurrent layer.
        padded: Whether rows of zeros at the end of a sequence are padding (see `Elman`).

    Raises:
        ValueError, TypeError: An unknown name or invalid sizes; the message names the argument.

    Example:
        >>> import jax, jfnn
        >>> network = jfnn.rnn((20, 2), units=5, outputs=3)  # 20 time steps of two numbers
        >>> network.apply(network.init(jax.random.key(0)), jax.numpy.zeros((4, 20, 2))).shape
        (4, 3)
    """
    checks.as_choice(kind, "kind", CELLS)
    if len(checks.as_counts(inputs, "inputs")) != 2:
        raise ArgumentError("inputs", f"expected the shape (time, features) of a sequence, got {inputs}")
    widths = checks.as_counts(hidden, "hidden")
    function = activations.name_or_custom(activation)
    last = activations.name_or_custom(output, "output")
    options: dict[str, Any] = {"bidirectional": bidirectional, "states": states, "initializer": init}
    options |= {"padded": padded} | ({"activation": function} if kind == "elman" else {})
    recurrent = {"gru": GRU, "lstm": LSTM, "elman": Elman}[kind](units, **options)
    flat = [Flatten()] if states == "all" else []
    dense = [Dense(width, function, init) for width in widths]
    readout = Dense(checks.as_count(outputs, "outputs"), last, init)
    return sequential([recurrent, *flat, *dense, readout], inputs)
