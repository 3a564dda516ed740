"""Identity of a run: two runs with the same deciding values end with the same bytes."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jfnn.arguments.checks import ArgumentError

# The parts of a description that decide the bytes of a result.
DECIDING = ("settings", "data", "versions", "backend")
DESCRIPTION = (*DECIDING, "device", "fingerprint")

Description = dict[str, Any]  # plain values, as JSON has them


def fingerprint(description: Description) -> str:
    """One checksum of the deciding parts of a description."""
    deciding = {name: description.get(name) for name in DECIDING}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def differences(there: Description, here: Description) -> list[str]:
    """The deciding parts in which two descriptions differ, by name and with both values."""
    left, right = ({name: side.get(name) for name in DECIDING} for side in (there, here))
    return list(_differences(left, right, ()))


def _differences(there: Any, here: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for name in there | here:
            yield from _differences(there.get(name), here.get(name), (*path, name))
    elif there != here:
        yield f"{'.'.join(path)} is {_short(there)} there and {_short(here)} here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:30]} ... {text[-20:]}"


def check_same(where: Any, there: Description | None, here: Description) -> None:
    """Raises ValueError, with the values that differ, where a place holds another run."""
    differing = [] if there is None else differences(there, here)
    if differing:
        shown = "; ".join(differing[:5]) + ("" if len(differing) <= 5 else f"; and {len(differing) - 5} more")
        raise ArgumentError(str(where), f"holds another configuration, choose another directory: {shown}")


def plain(value: Any) -> Any:
    """The value as JSON gives it back; values that JSON lacks by the name of their type."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return f"a {type(value).__qualname__}"
