"""The device of each host thread of a sweep."""

import functools
import os
from collections.abc import Sequence

import jax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.numerics.machine import cores


@functools.cache
def _first_process() -> int:
    """Return the process id at the first training; forked processes inherit the cached value."""
    return os.getpid()


def check_process() -> None:
    """Raise RuntimeError in a process forked from one that has trained.

    JAX's threads do not survive a fork, so training would hang.
    """
    if _first_process() != os.getpid():
        raise RuntimeError(
            "this process was forked from one that uses JAX, where training would hang;"
            ' start processes with multiprocessing.get_context("spawn")'
        )


def as_devices(devices: int | Sequence[jax.Device] | None) -> tuple[jax.Device, ...]:
    """Return the device of each host thread.

    CPU cores share memory, so all threads run the program compiled for JAX's first CPU device.

    Args:
        devices: None for all accelerators, or all cores if there are none; a number of either; or a sequence
            of devices.

    Raises:
        ValueError: More devices than exist, none, or devices of different kinds.
        TypeError: Objects that are not devices.
    """
    if checks.is_several(devices):
        if len(devices) == 0:
            raise ArgumentError("devices", "expected at least one device")
        if not all(isinstance(device, jax.Device) for device in devices):
            raise ArgumentTypeError("devices", f"expected JAX devices, got {checks.as_text(devices)}")
        kinds = sorted({f"{device.platform} {device.device_kind}" for device in devices})
        if len(kinds) > 1:  # their arithmetic differs, and any of them may train a tile
            raise ArgumentError("devices", f"expected devices of one kind, got {', '.join(kinds)}")
        return tuple(devices)
    present = jax.devices()
    if present[0].platform == "cpu":
        present = present[:1] * max(cores(), len(present))
    count = len(present) if devices is None else checks.as_count(devices, "devices")
    if count > len(present):
        kind = "CPU cores" if present[0].platform == "cpu" else "devices"
        raise ArgumentError("devices", f"expected at most {len(present)}, the {kind} present, got {count}")
    return tuple(present[:count])
