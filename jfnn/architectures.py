"""Networks of recurrent layers, ready made; `jfnn.sequential` puts any others together."""

from collections.abc import Sequence
from typing import Any

from jfnn import activations, checks
from jfnn.activations import Activation
from jfnn.layers.dense import Dense
from jfnn.layers.elman import Elman
from jfnn.layers.flatten import Flatten
from jfnn.layers.gru import GRU
from jfnn.network import Network, sequential

CELLS = ("gru", "elman")


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
