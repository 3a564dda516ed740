"""The environment that results depend on, as plain values: a part of a run's identity."""

from typing import Any

import jax

from jfnn.arguments.types import Json
from jfnn.numerics import compiling
from jfnn.numerics.machine import compiler, compiler_flags, processor, versions

# JAX's switches that choose the numbers that a key gives.
RANDOM_NUMBERS = ("jax_default_prng_impl", "jax_threefry_partitionable")


def describe(device: Any) -> Json:
    """The environment of a device as plain values: "versions" and "backend".

    Args:
        device: The JAX device that computes.
    """
    return {
        "versions": versions(),
        "backend": {
            "platform": device.platform,
            "kind": device.device_kind,
            "processor": processor() if device.platform == "cpu" else None,
            "compiler_flags": compiler_flags(),
            "compiler": compiler(),
            "compiler_options": compiling.compiler_options(device.platform),
            "matmul_precision": compiling.PRECISION,
            "random_numbers": {name: getattr(jax.config, name) for name in RANDOM_NUMBERS},
        },
    }
