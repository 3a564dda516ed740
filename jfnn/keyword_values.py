"""Names that keywords of networks and sweeps accept, for suggestions."""

from collections.abc import Collection, Mapping

from jfnn import losses, optimizers
from jfnn.activations import ACTIVATIONS
from jfnn.layers import INITIALIZERS


def keyword_values() -> dict[str, str]:
    """Return each name -> how to pass it, such as "relu" -> "activation='relu'"."""
    accepted: Mapping[str, Collection[str]] = {
        "optimizer": optimizers.names(),
        "loss": losses.LOSSES,
        "init": INITIALIZERS,
        "activation": ACTIVATIONS,
    }
    return {name: f"{keyword}={name!r}" for keyword, names in accepted.items() for name in names}
