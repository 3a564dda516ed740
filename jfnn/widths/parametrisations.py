"""Networks of many widths in each parametrisation."""

from collections.abc import Callable, Sequence
from typing import Any

import optax

from jfnn.architectures import maximal_update
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import check_callable
from jfnn.network import Network
from jfnn.optimizers import Optimizer

PARAMETRISATIONS = ("standard", "maximal_update")
# Rules whose steps do not depend on the size of gradients, so that their rates scale as Adam's.
LIKE_ADAM = (
    "adabelief",
    "adagrad",
    "adam",
    "adamax",
    "adamaxw",
    "adamw",
    "amsgrad",
    "lion",
    "nadam",
    "nadamw",
    "rmsprop",
    "sign_sgd",
    "yogi",
)


def parametrised(
    network: Callable[[int], Network],
    width: Sequence[int],
    parametrisations: Sequence[str],
    base: int | None,
    output_multiplier: float,
    optimizer: Any,
) -> dict[str, Network]:
    """The networks by name, "standard-32", …, parametrisation by parametrisation.

    Args:
        network: ``width -> Network``.
        width: The widths, in rising order.
        parametrisations: Names of `PARAMETRISATIONS`.
        base: The width at which all parametrisations are one network; None for the first.
        output_multiplier: That of `jfnn.maximal_update`.
        optimizer: A name, an optax factory or a `jfnn.Optimizer`, as for `scaling_rule`.

    Raises:
        ValueError, TypeError: Invalid arguments.
    """
    if not checks.is_several(width) or len(width) == 0:
        raise ArgumentTypeError("width", f"expected a sequence of widths, got {checks.shown(width)}")
    widths, names = [checks.as_count(value, "width") for value in width], parametrisations
    check_callable(network, widths[:1], "network", "a function of the width")
    if sorted({*widths}) != widths:
        raise ArgumentError("width", f"expected each one once, in rising order, got {widths}")
    several = names if checks.is_several(names) else ()
    chosen = [checks.as_choice(name, "parametrisations", PARAMETRISATIONS) for name in several]
    if not chosen or len({*chosen}) < len(chosen):
        raise ArgumentError("parametrisations", f"expected names, each once, got {checks.shown(names)}")
    base = widths[0] if base is None else checks.as_count(base, "base")
    multiplier = checks.as_number(output_multiplier, "output_multiplier", strict=True)
    standard = [network(value) for value in widths]
    for made in standard:
        checks.check_instance(made, Network, "network")
    networks = {"standard": standard}
    if "maximal_update" in chosen:
        rule, base_network = scaling_rule(optimizer), network(base)
        networks["maximal_update"] = [maximal_update(m, base_network, rule, multiplier) for m in standard]
    return {f"{name}-{w}": made for name in chosen for w, made in zip(widths, networks[name], strict=True)}


def scaling_rule(optimizer: Any) -> str:
    """How an optimizer's learning rates scale with the width: as those of "sgd", or as those of "adam".

    Raises:
        ValueError: It is not known.
    """
    rule = optimizer.name if isinstance(optimizer, Optimizer) else optimizer
    for name in ("sgd", *LIKE_ADAM):
        if rule is getattr(optax, name) or (isinstance(rule, str) and rule == name):
            return "sgd" if name == "sgd" else "adam"
    expected = f"expected sgd, or one of {', '.join(LIKE_ADAM)}"
    raise ArgumentError("optimizer", f"{expected}, got {checks.shown(rule)}")
