"""The networks that the flags describe."""

from collections.abc import Sequence

import jfnn
from jfnn.cli.data import Problem
from jfnn.cli.flags import Flags


def networks(problem: Problem, flags: Flags) -> dict[str, jfnn.Network]:
    """Networks by name, such as "100-50-relu", "cnn-8-16-relu" or "gru-6".

    "none" has no hidden layer, and so no activation.

    Raises:
        ValueError, TypeError: An invalid argument of a network.
    """
    return MAKERS[flags.network](problem, flags)


def _mlps(problem: Problem, flags: Flags) -> dict[str, jfnn.Network]:
    return {
        "-".join([*map(str, widths), activation]) if widths else "none": jfnn.mlp(
            (*problem.shape, *widths, problem.outputs),
            activation,
            flags.output,
            flags.init or "glorot_normal",
        )
        for widths in flags.hidden or ((50,),)
        for activation in flags.activation or ("relu",)
    }


def _cnns(problem: Problem, flags: Flags) -> dict[str, jfnn.Network]:
    per_convolution = {"kernel": flags.kernel, "stride": flags.stride, "padding": flags.padding}
    return {
        "-".join(["cnn", *map(str, channels), *_dense(widths), activation]): jfnn.cnn(
            problem.shape,
            channels,
            problem.outputs,
            **{name: values[0] if len(values) == 1 else values for name, values in per_convolution.items()},
            pool=flags.pool,
            hidden=widths,
            activation=activation,
            output=flags.output,
            init=flags.init or "glorot_normal",
        )
        for channels in flags.channels
        for widths in flags.hidden or ((),)
        for activation in flags.activation or ("relu",)
    }


def _rnns(problem: Problem, flags: Flags) -> dict[str, jfnn.Network]:
    def name(units: int, widths: Sequence[int], activation: str) -> str:
        activations = [activation] if widths or flags.cell != "gru" else []  # gated units bring theirs
        return "-".join([flags.cell, str(units), *_dense(widths), *activations])

    return {
        name(units, widths, activation): jfnn.rnn(
            problem.shape,
            units,
            problem.outputs,
            kind=flags.cell,
            bidirectional=flags.bidirectional,
            states=flags.states,
            hidden=widths,
            activation=activation,
            output=flags.output,
            init=flags.init or "pytorch",
        )
        for units in flags.units
        for widths in flags.hidden or ((),)
        for activation in flags.activation or ("tanh",)
    }


def _dense(widths: Sequence[int]) -> list[str]:
    return ["dense", *map(str, widths)] if widths else []


MAKERS = {"mlp": _mlps, "cnn": _cnns, "rnn": _rnns}
