"""Identity of a run: two runs with the same deciding values produce the same bytes."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.numerics import compiling
from jfnn.numerics.machine import compiler, compiler_flags, processor, versions

# JAX's settings that determine the random numbers of a key.
RANDOM_NUMBERS = ("jax_default_prng_impl", "jax_threefry_partitionable")


def describe_environment(device: Any) -> Json:
    """Describe the environment of a JAX device of this process: "versions" and "backend"."""
    return environment_of_kind(device_kind(device))


def device_kind(device: Any) -> str:
    """Return a device's kind, which decides its arithmetic: "gpu NVIDIA H100 80GB HBM3", "cpu x86_64 …"."""
    name = processor() if device.platform == "cpu" else device.device_kind
    return f"{device.platform} {name}"


def device_kind_in(described: Json) -> str:
    """Return the `device_kind` in a described environment."""
    backend = described["backend"]
    return f"{backend['platform']} {backend['processor'] or backend['kind']}"


def environment_of_kind(kind: str) -> Json:
    """Describe the environment of this process on a kind of device, in plain values."""
    platform, _, name = kind.partition(" ")
    is_cpu = platform == "cpu"
    return {
        "versions": versions(),
        "backend": {
            "platform": platform,
            "kind": "cpu" if is_cpu else name,
            "processor": name if is_cpu else None,
            "compiler_flags": compiler_flags(),
            "compiler": compiler(),
            "compiler_options": compiling.compiler_options(platform),
            "compiler_options_of_loops": dict(compiling.LOOP_OPTIONS) if is_cpu else {},
            "matmul_precision": compiling.PRECISION,
            "random_numbers": {name: getattr(jax.config, name) for name in RANDOM_NUMBERS},
        },
    }


# The parts of a description that determine the bytes of a result.
DECIDING = ("settings", "data", "versions", "backend")
DESCRIPTION = (*DECIDING, "device", "words", "fingerprint")

SHOWN = 60  # maximum number of characters of a value in an error
BEFORE = 40  # number of these characters before the first difference

# Value in which runs differ -> suggested fix.
CURES = {"settings.epochs": "to train a result further, pass initial_params=result, epochs=range(first, end)"}

Description = Json


def deciding_values(description: Description) -> Description:
    """Return the deciding parts of a description."""
    return {name: description.get(name) for name in DECIDING}


def fingerprint(description: Description) -> str:
    """Return one checksum of the deciding parts of a description."""
    return hashlib.sha256(json.dumps(deciding_values(description), sort_keys=True).encode()).hexdigest()


def find_differences(one: object, other: object, name: str = "") -> list[tuple[str, str, str]]:
    """Return the name of each value in which two descriptions differ, and both values as text."""
    if isinstance(one, dict) and isinstance(other, dict):
        inner = ((part, f"{name}.{part}" if name else part) for part in one | other)
        return [
            found for part, path in inner for found in find_differences(one.get(part), other.get(part), path)
        ]
    if one == other:
        return []
    texts = json.dumps(one), json.dumps(other)
    differ = (i for i, characters in enumerate(zip(*texts, strict=False)) if len({*characters}) > 1)
    same = next(differ, min(map(len, texts)))
    return [(name, _value_text(texts[0], same), _value_text(texts[1], same))]


def _value_text(text: str, same: int) -> str:
    """Return a text; if it is long, only the part around ``same``, the first character that differs."""
    if len(text) <= SHOWN:
        return text
    first = max(0, same - BEFORE)
    before = "... " if first > 0 else ""
    behind = " ..." if first + SHOWN < len(text) else ""
    return f"{before}{text[first : first + SHOWN]}{behind}"


def check_same(
    where: object, there: Description | None, here: Description, otherwise: str = "choose another directory"
) -> None:
    """Raise ValueError, with the values that differ, if a directory or file holds another run.

    ``there`` describes the run in it, if any; ``otherwise`` is the caller's alternative, for the message.
    """
    found = [] if there is None else find_differences(deciding_values(there), deciding_values(here))
    if found:
        texts = [f"{name} is {one} there and {other} here" for name, one, other in found]
        text = "; ".join(texts[:5]) + ("" if len(texts) <= 5 else f"; and {len(texts) - 5} more")
        cure = next((CURES[name] for name, _, _ in found if name in CURES), None)
        expected = f"holds another configuration, {otherwise}: {text}"
        raise ArgumentError(str(where), expected, cure=cure)


def plain(value: object) -> Any:
    """Return the value as JSON would restore it; for values that JSON lacks, the name of their type."""
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
