"""Convolutional and recurrent networks, ready made; `jfnn.sequential` puts any others together."""

from collections.abc import Sequence
from typing import Any

from jfnn import activations, checks
from jfnn.activations import Activation
from jfnn.layers.conv import Conv
from jfnn.layers.dense import Dense
from jfnn.layers.elman import Elman
from jfnn.layers.flatten import Flatten
from jfnn.layers.gru import GRU
from jfnn.layers.kind import LayerKind
from jfnn.layers.pool import MaxPool
from jfnn.network import Network, sequential

CELLS = ("gru", "elman")


def cnn(
    inputs: Sequence[int],
    channels: Sequence[int],
    outputs: int,
    kernel: Any = 3,
    stride: Any = 1,
    padding: Any = 0,
    pool: Any = None,
    hidden: Sequence[int] = (),
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    init: str = "he_normal",
) -> Network:
    """A convolutional network: `Conv` layers, then dense ones on all that the last of them gives.

    Args:
        inputs: Shape of one input, ``(channels, length)`` or ``(channels, height, width)``.
        channels: Of the outputs of each convolution, such as ``(8, 16)``.
        outputs: Outputs of the network.
        kernel: As `Conv` takes it: one number for all layers, or a sequence with one entry for each layer, a
            number or a tuple of one an axis. ``stride`` and ``padding`` likewise; padding may be "same".
        stride: Steps between neighbouring outputs of a convolution.
        padding: Zeros on both sides of its inputs.
        pool: Size of a `MaxPool` behind each convolution, a number or a tuple of one an axis; None for none.
        hidden: Widths of dense layers between the convolutions and the outputs.
        activation: Of the convolutions and hidden layers.
        output: The output layer's activation; the identity for a cross-entropy.
        init: Where parameters start, as in `jfnn.mlp`.

    Raises:
        ValueError, TypeError: Sizes that do not fit, an unknown name; the message says which.
    """
    for name, value in {"inputs": inputs, "channels": channels, "hidden": hidden}.items():
        if not isinstance(value, Sequence):
            raise TypeError(f"{name}: expected a sequence of whole numbers, got {value!r}")
    options = {"kernel": kernel, "stride": stride, "padding": padding}
    of_layers = [_one_a_layer(value, len(channels), name) for name, value in options.items()]
    n_outputs, last = checks.as_count(outputs, "outputs"), activations.name_or_own(output, "output")
    layers: list[LayerKind] = []
    for of_layer, size, step, pads in zip(channels, *of_layers, strict=True):
        layers.append(Conv(of_layer, size, step, pads, activation, init))
        layers += [] if pool is None else [MaxPool(pool)]
    dense = [Dense(checks.as_count(units, "hidden"), activation, init) for units in hidden]
    return sequential([*layers, Flatten(), *dense, Dense(n_outputs, last, init)], inputs)


def _one_a_layer(value: Any, count: int, argument: str) -> Sequence[Any]:
    each = value if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    if len(each) != count:
        raise ValueError(f"{argument}: expected one for each of {count} layers, got {value!r}")
    return each


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
) -> Network:
    """A recurrent layer, and dense ones on its last or on all its states.

    Args:
        inputs: Shape of one sequence, ``(time, features)``.
        units: Length of a state.
        outputs: Outputs of the network.
        kind: "gru" or "elman".
        bidirectional: Whether a second cell reads the sequence from its end.
        states: "last", or "all" for dense layers on ``time * units`` numbers (twice as many both ways).
        hidden: Widths of dense layers between the states and the outputs.
        activation: Of an Elman layer, and of the hidden layers.
        output: The output layer's activation; the identity for a cross-entropy.
        init: Where parameters start, as in `jfnn.mlp`; "pytorch" is ±1/√units in the recurrent layer.

    Raises:
        ValueError, TypeError: An unknown name, or sizes that cannot be; the message names the argument.
    """
    checks.as_choice(kind, "kind", CELLS)
    if not isinstance(inputs, Sequence) or len(inputs) != 2:
        raise ValueError(f"inputs: expected the shape (time, features) of a sequence, got {inputs!r}")
    function, last = activations.name_or_own(activation), activations.name_or_own(output, "output")
    options: dict[str, Any] = {"bidirectional": bidirectional, "states": states, "initializer": init}
    recurrent = GRU(units, **options) if kind == "gru" else Elman(units, function, **options)
    flat = [Flatten()] if states == "all" else []
    dense = [Dense(checks.as_count(width, "hidden"), function, init) for width in hidden]
    readout = Dense(checks.as_count(outputs, "outputs"), last, init)
    return sequential([recurrent, *flat, *dense, readout], inputs)
