"""Which devices a sweep runs on."""

import os
from collections.abc import Sequence

import jax

from jfnn import checks


def use_all_cores(cores: int | None = None) -> int:
    """Makes JAX show one CPU device per core, so that a sweep fills them all.

    XLA's own threads leave about half of a small network's time on the table; members spread over one device
    a core do not. Call it before anything has used JAX. It changes JAX's configuration for the whole
    process, so scripts call it and the library never does by itself. Where JAX runs on a GPU it does no harm.

    Args:
        cores: How many devices; None for the cores that this process may use.

    Returns:
        The number of CPU devices.

    Raises:
        RuntimeError: JAX has already started with another number of devices.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = available if cores is None else checks.as_count(cores, "cores")
    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except RuntimeError:
        running = len(jax.devices("cpu"))
        if running != cores:
            raise RuntimeError(
                f"use_all_cores: too late, JAX has already started with {running} CPU device(s);"
                " call it before the first use of JAX, right after the imports"
            ) from None
    return cores


def resolve(devices: int | Sequence[jax.Device] | None) -> tuple[jax.Device, ...]:
    """The devices that an argument means: None for all, a count for the first so many, or a sequence.

    Raises:
        ValueError: More devices than there are, or none.
        TypeError: Not devices.
    """
    present = jax.devices()
    if devices is None:
        return tuple(present)
    if isinstance(devices, Sequence):
        if not devices:
            raise ValueError("devices: expected at least one device")
        if not all(isinstance(device, jax.Device) for device in devices):
            raise TypeError(f"devices: expected JAX devices, got {devices!r}")
        return tuple(devices)
    count = checks.as_count(devices, "devices")
    if count > len(present):
        raise ValueError(
            f"devices: expected at most {len(present)}, as JAX sees, got {count};"
            " on a CPU, jfnn.use_all_cores(n) makes more"
        )
    return tuple(present[:count])
