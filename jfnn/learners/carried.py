"""Numbers that a loss and layers carry, in the dtype that trains."""

from collections.abc import Iterator, Mapping

import numpy as np

from jfnn.arguments import checks
from jfnn.identity.naming import describe_loss, describe_network
from jfnn.layers import LAYERS
from jfnn.losses import Loss
from jfnn.network import Network


def check_carried(network: Network, loss: Loss, dtype: np.dtype) -> None:
    """Raises ArgumentError for a number of a loss or of a layer that a dtype makes 0 or infinite.

    A learning rate is refused for the same. Functions and layers of the user's bring their own numbers.
    """
    for argument, description in (("loss", describe_loss(loss)), ("network", describe_network(network))):
        for name, number in _numbers(description, ""):
            with checks.item_of(argument):
                checks.check_range(np.array([number]), name, dtype)


def _numbers(description: object, name: str) -> Iterator[tuple[str, float]]:
    """What each float in plain values is called, and the float; none of custom layers."""
    if isinstance(description, float):
        yield name, description
    elif isinstance(description, list):
        for value in description:
            yield from _numbers(value, name)
    elif isinstance(description, Mapping):
        kind = description.get("kind", name)
        if "parameters" in description:
            yield from _numbers(description["parameters"], kind)
        elif kind in LAYERS or not name:
            for field, value in description.items():
                yield from _numbers(value, f"{kind} {field}".strip())
