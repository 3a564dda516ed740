"""Networks from flags."""

import itertools
from typing import Any

import jfnn
from jfnn.cli.data import LoadedData
from jfnn.cli.flags import Flags


def networks(problem: LoadedData, flags: Flags) -> dict[str, jfnn.Network]:
    """Return networks by name: "100-50-relu", "cnn-8-16-relu", "gru-6", or "none" without hidden layers."""
    firsts: dict[str, tuple[Any, ...]] = {"mlp": ((),), "cnn": flags.channels, "rnn": flags.units}
    dense = flags.hidden or (((50,),) if flags.network == "mlp" else ((),))
    activations = flags.activation or ("tanh" if flags.network == "rnn" else "relu",)
    made = {}
    for first, hidden, activation in itertools.product(firsts[flags.network], dense, activations):
        options: dict[str, Any] = {"activation": activation}
        options |= {} if flags.init is None else {"init": flags.init}
        layers = ["dense", *hidden] if hidden else []
        if flags.network == "mlp":
            words = [*hidden, activation] if hidden else ["none"]
            network = jfnn.mlp((*problem.shape, *hidden, problem.outputs), **options)
        elif flags.network == "cnn":
            words = ["cnn", *first, *layers, activation]
            options |= {"pool": flags.pool, "hidden": hidden}
            network = jfnn.cnn(problem.shape, first, problem.outputs, **options)
        else:
            gated = flags.cell == "gru" and not hidden  # gated units have their own activations
            words = [flags.cell, first, *layers, *([] if gated else [activation])]
            network = jfnn.rnn(problem.shape, first, problem.outputs, flags.cell, hidden=hidden, **options)
        made["-".join(map(str, words))] = network
    return made
