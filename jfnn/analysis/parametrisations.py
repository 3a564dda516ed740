"""Networks of many widths in each parametrisation, as sweeps and checks over the width take them."""

from collections.abc import Callable, Sequence
from typing import Any

from jfnn import checks
from jfnn.architectures import maximal_update
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.learners.naming import optax_name
from jfnn.network import Network
from jfnn.optimizers import as_optimizer
from jfnn.signatures import check_callable

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
        base: The width at which they are the same network; None for the first.
        output_multiplier: Of `jfnn.maximal_update`.
        optimizer: By name, an optax factory or a `jfnn.Optimizer`: what `scaling_of` takes.

    Raises:
        ValueError, TypeError: What cannot be; the message begins with the argument's name.
    """
    if not checks.is_several(width) or len(width) == 0:
        raise ArgumentTypeError("width", f"expected a sequence of widths, got {checks.shown(width)}")
    widths = [checks.as_count(value, "width") for value in width]
    check_callable(network, widths[:1], "network", "a function of the width")
    if sorted({*widths}) != widths:
        raise ArgumentError("width", f"expected each one once, in rising order, got {widths}")
    names = parametrisations
    if not checks.is_several(names) or not len(names):
        raise ArgumentError("parametrisations", f"expected names, each once, got {checks.shown(names)}")
    if len({checks.as_choice(name, "parametrisations", PARAMETRISATIONS) for name in names}) < len(names):
        raise ArgumentError("parametrisations", f"expected names, each once, got {checks.shown(names)}")
    base = widths[0] if base is None else checks.as_count(base, "base")
    multiplier = checks.as_number(output_multiplier, "output_multiplier", strict=True)
    made = {f"standard-{of_width}": network(of_width) for of_width in widths}
    for of_any in made.values():
        checks.check_instance(of_any, Network, "network")
    if "maximal_update" in names:
        scaling = scaling_of(optimizer)
        of_base = network(base)
        for of_width in widths:
            scaled = maximal_update(made[f"standard-{of_width}"], of_base, scaling, multiplier)
            made[f"maximal_update-{of_width}"] = scaled
    return {f"{name}-{of_width}": made[f"{name}-{of_width}"] for name in names for of_width in widths}


def scaling_of(optimizer: Any) -> str:
    """How an optimizer's rates scale with the width: as those of "sgd", or as those of "adam".

    Raises:
        ValueError: It is not known.
    """
    name = as_optimizer(optimizer).name
    known = optax_name(name)
    if known in LIKE_ADAM:
        return "adam"
    if known == "sgd":
        return "sgd"
    raise ArgumentError(
        "optimizer", f"expected sgd, or one of {', '.join(LIKE_ADAM)}, got {checks.shown(name)}"
    )
