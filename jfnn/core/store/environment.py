"""The environment that results depend on, as plain values: a part of a run's identity."""

from typing import Any

import jax

from jfnn.arguments.types import Json
from jfnn.numerics import compiling
from jfnn.numerics.machine import compiler, compiler_flags, processor, versions

# JAX's switches that choose the numbers that a key gives.
RANDOM_NUMBERS = ("jax_default_prng_impl", "jax_threefry_partitionable")


def describe(device: Any) -> Json:
    """The environment of a JAX device of this process: "versions" and "backend"."""
    return environment_of_kind(device_kind(device))


def device_kind(device: Any) -> str:
    """What the arithmetic of a device follows from: "gpu NVIDIA H100 80GB HBM3", of a CPU its processor."""
    name = processor() if device.platform == "cpu" else device.device_kind
    return f"{device.platform} {name}"


def device_kind_in(described: Json) -> str:
    """The kind of device of an environment."""
    backend = described["backend"]
    return f"{backend['platform']} {backend['processor'] or backend['kind']}"


def environment_of_kind(kind: str) -> Json:
    """The environment of a process as this one, whose device is of a kind, as plain values."""
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
            "matmul_precision": compiling.PRECISION,
            "random_numbers": {name: getattr(jax.config, name) for name in RANDOM_NUMBERS},
        },
    }
