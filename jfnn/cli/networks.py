"""The networks that the flags describe."""

from collections.abc import Callable, Sequence

import jfnn
from jfnn.cli.data import Problem
from jfnn.cli.grid_flags import GridFlags


def networks(problem: Problem, flags: GridFlags) -> dict[str, jfnn.Network]:
    """Networks by name, such as "100-50-relu", "cnn-8-16-relu" or "gru-6".

    "none" has no hidden layer, and so no activation.

    Raises:
        ValueError, TypeError: An invalid argument of a network.
    """
    return KINDS[flags.network](problem, flags)


def _mlps(problem: Problem, flags: GridFlags) -> dict[str, jfnn.Network]:
    return {
        "-".join([*map(str, widths), activation]) if widths else "none": jfnn.mlp(
            (*problem.shape, *widths, problem.outputs), activation, flags.output, _init(flags, "normal")
        )
        for widths in flags.hidden or ((50,),)
        for activation in flags.activation or ("sigmoid",)
    }


def _cnns(problem: Problem, flags: GridFlags) -> dict[str, jfnn.Network]:
    return {
        "-".join(["cnn", *map(str, channels), *_dense(widths), activation]): jfnn.cnn(
            problem.shape,
            channels,
            problem.outputs,
            kernel=_one_or_each(flags.kernel),
            stride=_one_or_each(flags.stride),
            padding=_one_or_each(flags.padding),
            pool=flags.pool,
            hidden=widths,
            activation=activation,
            output=flags.output,
            init=_init(flags, "he_normal"),
        )
        for channels in flags.channels
        for widths in flags.hidden or ((),)
        for activation in flags.activation or ("relu",)
    }


def _rnns(problem: Problem, flags: GridFlags) -> dict[str, jfnn.Network]:
    return {
        "-".join([flags.cell, str(units), *_dense(widths), *_used(flags, widths, activation)]): jfnn.rnn(
            problem.shape,
            units,
            problem.outputs,
            kind=flags.cell,
            bidirectional=flags.bidirectional,
            states=flags.states,
            hidden=widths,
            activation=activation,
            output=flags.output,
            init=_init(flags, "pytorch"),
        )
        for units in flags.units
        for widths in flags.hidden or ((),)
        for activation in flags.activation or ("tanh",)
    }


def _init(flags: GridFlags, default: str) -> str:
    return default if flags.init is None else flags.init


def _used(flags: GridFlags, widths: Sequence[int], activation: str) -> list[str]:
    """The activation's name, where anything uses it: gated units have their own."""
    return [activation] if widths or flags.cell != "gru" else []


def _dense(widths: Sequence[int]) -> list[str]:
    return ["dense", *map(str, widths)] if widths else []


def _one_or_each(values: tuple[int, ...]) -> int | tuple[int, ...]:
    return values[0] if len(values) == 1 else values


KINDS: dict[str, Callable[[Problem, GridFlags], dict[str, jfnn.Network]]] = {
    "mlp": _mlps,
    "cnn": _cnns,
    "rnn": _rnns,
}
