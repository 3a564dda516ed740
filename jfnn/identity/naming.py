"""Names of functions and networks in the configuration of a run."""

from collections.abc import Mapping
from typing import Any

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.layers import LAYERS
from jfnn.layers.kind import LayerKind
from jfnn.losses import LOSSES, PARAMETRIZED, Loss, Parametrized
from jfnn.network import Network, sequential
from jfnn.optimizers import UpdateRule, optax_name

MOST_VALUES = 5000  # maximum in a description that is restored: about a thousand layers


class NotKeptError(ArgumentError):
    """A network or loss has a user-defined part, which its description does not store."""


def name_in(registry: Mapping[str, object], value: object) -> str | None:
    """Return the name of an object in a registry, or None."""
    return next((name for name, entry in registry.items() if entry == value), None)


def code_name(function: object) -> str:
    """Return the module and name of a function."""
    function = getattr(function, "func", getattr(function, "function", function))
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', type(function).__module__)}.{name}"


def describe_rule(rule: UpdateRule) -> Json:
    """Describe an optimizer, its arguments that are not hyperparameters of members, and its schedule."""
    name = rule.name
    return {
        "optimizer": optax_name(name) or (name if isinstance(name, str) else code_name(name)),
        "optimizer_arguments": dict(rule.fixed),
        "schedule": rule.schedule if isinstance(rule.schedule, str) else code_name(rule.schedule),
    }


def describe_loss(loss: Loss) -> Json | str:
    """Return a loss's name, or its kind and parameters; "custom" for a user-defined loss."""
    name = name_in(LOSSES, loss)
    if name is not None or not isinstance(loss.cost, Parametrized):
        return name or "custom"
    parameters = loss.cost.parameters
    for kind, make in PARAMETRIZED.items():
        if getattr(make().cost, "function", None) is loss.cost.function and make(*parameters) == loss:
            return {"kind": kind, "parameters": list(parameters)}
    return "custom"


def loss_from(description: Any) -> Loss:
    """Return the loss described by `describe_loss`; raise NotKeptError for a custom loss."""
    check_size(description)
    if isinstance(description, Mapping):
        return PARAMETRIZED[description["kind"]](*description["parameters"])
    if description not in LOSSES:
        reason = "expected jfnn.supervised(network, loss), since the run's loss is not one of jfnn's"
        raise NotKeptError("network", reason)
    return LOSSES[description]


def describe_network(network: Network) -> Json | str:
    """Return a network's layers as plain values, or the name of its function."""
    if network.layers is None:
        return code_name(network.apply)
    return {
        "inputs": list(network.input_shape or ()),
        "layers": [describe_layer(layer) for layer in network.layers],
    }


def describe_layer(layer: LayerKind) -> Json:
    """Return a layer's kind and arguments; custom functions become "custom"."""
    kind = name_in(LAYERS, type(layer)) or code_name(type(layer))
    fields = {name: value for name, value in vars(layer).items() if not name.startswith("_")}
    return {"kind": kind} | {name: _plain(value) for name, value in fields.items()}


def _plain(value: object) -> Any:
    if isinstance(value, LayerKind):
        return describe_layer(value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, bool | int | float | str | None) else "custom"


def is_registered_network(network: Network) -> bool:
    """Return whether a network has no custom function, so that `describe_network` is complete."""
    return network.layers is not None and _is_registered([*map(describe_layer, network.layers)])


def network_from(description: Any) -> Network:
    """Return the network described by `describe_network`; raise NotKeptError if it has custom functions."""
    check_size(description)
    layers = description["layers"] if isinstance(description, Mapping) else []
    if not layers or not _is_registered(layers):
        reason = "it has a custom function, which was not saved; pass the network that was trained"
        raise NotKeptError("network", reason)
    return sequential([_from_description(layer) for layer in layers], description["inputs"])


def check_size(description: object) -> None:
    """Raise ValueError for a description with too many values to restore quickly."""
    waiting = [description]
    for number, value in enumerate(waiting):  # grows during the loop
        if number >= MOST_VALUES:
            raise ValueError(f"it describes more than {MOST_VALUES} values")
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _from_description(value: object) -> Any:
    if isinstance(value, Mapping):
        arguments = {name: _from_description(argument) for name, argument in value.items() if name != "kind"}
        return LAYERS[value["kind"]](**arguments)
    return tuple(map(_from_description, value)) if isinstance(value, list) else value


def _is_registered(description: object) -> bool:
    if isinstance(description, dict):
        return description["kind"] in LAYERS and all(map(_is_registered, description.values()))
    return all(map(_is_registered, description)) if isinstance(description, list) else description != "custom"
