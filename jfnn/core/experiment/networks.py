"""Several networks as one argument: one for every combination of the values of named axes."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Valid
from jfnn.arguments.signatures import check_callable
from jfnn.learners.learner import Learner
from jfnn.network import Network

BY_NAME = "network"  # name of the axis of a dict of networks


@dataclasses.dataclass(init=False, repr=False, eq=False)
class Networks(Valid):
    """Networks, or learners, for every combination of the values of named axes, for `jfnn.sweep`.

    ``jfnn.Networks(lambda layers, width: jfnn.mlp((2, *[width] * layers, 2)), layers=[1, 2], width=[5, 20])``
    creates four networks; "layers" and "width" are the first two axes of their sweep. A function that returns
    `jfnn.supervised` can also take the optimizer, the loss and so on as axes.

    Args:
        make: A function that takes a value of each axis by name and returns a `Network` or `Learner`.
        **axes: Name -> distinct values: numbers; or words that are valid directory names; or a mapping of
            such words to any arguments of ``make``.

    Attributes:
        axes: Name -> values ``[k]``: int64, float64 or words.
        networks: What ``make`` returned for every combination, in C order.

    Raises:
        ValueError, TypeError: No axes; values of another kind; a function that takes other names or returns
            anything else.
    """

    axes: dict[str, np.ndarray]
    networks: tuple[Network | Learner, ...]

    def __init__(self, make: Callable[..., Network | Learner], /, **axes: object) -> None:
        if not axes:
            raise ArgumentTypeError("axes", "expected at least one axis by name, such as width=[5, 20]")
        if BY_NAME in axes:
            raise ArgumentError("axes", f"{BY_NAME!r} is reserved for dicts of networks; choose another name")
        check_words(axes, "axes")
        self.axes = {name: _values(given, name) for name, given in axes.items()}
        check_callable(make, (), "make", f"a function of {', '.join(axes)}, by these names", axes)
        taken = [
            given.values() if isinstance(given, Mapping) else self.axes[name].tolist()
            for name, given in axes.items()
        ]
        combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*taken)]
        self.networks = tuple(_make_network(make, arguments) for arguments in combinations)

    @classmethod
    def by_name(cls, networks: Mapping[str, Network | Learner], argument: str) -> Networks:
        """Return networks by name, on the axis "network"; raise ArgumentError for invalid names."""
        check_words(networks, argument)
        if not networks:
            raise ArgumentError(argument, "expected at least one network by name, got none")
        several = cls.__new__(cls)
        several.axes = {BY_NAME: np.array(list(networks))}
        several.networks = tuple(networks.values())
        return several

    def __repr__(self) -> str:
        """Return the axes with their values."""
        texts = (f"{name} {', '.join(map(str, values.tolist()))}" for name, values in self.axes.items())
        return f"<Networks of {' × '.join(texts)}>"


def as_networks(network: object, argument: str) -> Any:
    """Return a network, a learner or `Networks` unchanged; convert a dict to `Networks`."""
    if isinstance(network, list | tuple) and not isinstance(network, Network):
        got = checks.as_text(network)
        raise ArgumentTypeError(argument, f"expected one, or several by name, {{'a': …, 'b': …}}, got {got}")
    return Networks.by_name(network, argument) if isinstance(network, Mapping) else network


def check_words(words: Collection[object], argument: str) -> None:
    """Raise ArgumentError for names that are not printable text."""
    for word in words:
        if not isinstance(word, str) or not word or not word.isprintable():
            raise ArgumentError(argument, f"expected names of printable text, got {checks.as_text(word)}")


def _values(given: object, argument: str) -> np.ndarray:
    """Check and return the values of an axis ``[k]``: int64, float64 or words."""
    if isinstance(given, Mapping):
        values = list(given)
    elif checks.is_several(given):
        values = np.asarray(given).tolist() if hasattr(given, "tolist") else list(given)
    else:
        raise ArgumentTypeError(argument, f"expected a sequence of values, got {checks.as_text(given)}")
    if not values:
        raise ArgumentError(argument, "expected at least one value, got none")
    if all(isinstance(value, str) for value in values):
        check_words(values, argument)
        array = np.array(values)
    elif not isinstance(given, Mapping) and all(map(_is_number, values)):
        array = checks.as_axis(values, argument, None)
        array = array.astype(np.int64) if all(map(_is_whole, values)) else array
    else:
        cure = "other values by name, {'no': False, 'yes': True}"
        raise ArgumentTypeError(
            argument, f"expected numbers, or words, or {cure}, got {checks.as_text(given)}"
        )
    if len(np.unique(array)) < len(array):
        raise ArgumentError(argument, f"expected distinct values, got {checks.as_text(given)}")
    return array


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and abs(int(value)) <= checks.MOST


def _make_network(make: Callable[..., object], arguments: Mapping[str, object]) -> Network | Learner:
    network = make(**arguments)
    if not isinstance(network, Network | Learner):
        got = f"{checks.as_text(network)} for {checks.as_text(arguments)}"
        raise ArgumentTypeError("make", f"expected a function that returns a jfnn.Network, got {got}")
    return network
