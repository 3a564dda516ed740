"""Which devices a sweep runs on: one entry a host thread."""

import functools
import os
from collections.abc import Sequence

import jax

from jfnn import checks
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.engine.forms import form_for
from jfnn.engine.plan import Hardware
from jfnn.experiment.experiment import Experiment


def hardware(experiment: Experiment, workers: str | None = None, alone: bool = False) -> Hardware:
    """The devices and the tile's width for an experiment.

    Args:
        experiment: What is trained.
        workers: The platform of other processes, where these train; they choose their own devices.
        alone: Whether a lone member takes the tiles of a large grid, and so its bits.

    Raises:
        ValueError, TypeError: See `resolve`.
    """
    if workers is not None and experiment.execution.devices is not None:
        raise ArgumentError("devices", "the workers of an executor choose their own; leave it out")
    threads = resolve(1 if workers is not None else experiment.execution.devices)
    platform = threads[0].platform if workers is None else workers
    return Hardware(threads, form_for(experiment, platform, alone))


@functools.cache
def _first_process() -> int:
    """The process that first trained here; one that is forked from it gets its answer."""
    return os.getpid()


def check_process() -> None:
    """Refuses a process forked from one that has trained: JAX's threads do not live on in it, and it hangs.

    Raises:
        RuntimeError: It is such a process.
    """
    if _first_process() != os.getpid():
        raise RuntimeError(
            "this process was forked from one that uses JAX, where training would hang;"
            ' start processes with multiprocessing.get_context("spawn")'
        )


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_all_cores(count: int | None = None) -> int:
    """Makes JAX show one CPU device per core, whose threads then leave each other alone.

    A sweep fills all cores without it, from one host thread a core; but a single CPU device also spreads the
    larger operations of each call over all cores, which those threads use already, and that costs a few
    percent. Call it before anything has used JAX. It changes JAX's configuration for the whole process, so
    scripts call it and the library never does by itself. Where JAX runs on a GPU it does no harm.

    Args:
        count: How many devices; None for the cores that this process may use.

    Returns:
        The number of CPU devices.

    Raises:
        RuntimeError: JAX has already started with another number of devices.
    """
    count = cores() if count is None else checks.as_count(count, "count")
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        running = len(jax.devices("cpu"))
        if running != count:
            raise RuntimeError(
                f"use_all_cores: too late, JAX has already started with {running} CPU device(s);"
                " call it before the first use of JAX, right after the imports"
            ) from None
    return count


def resolve(devices: int | Sequence[jax.Device] | None, n_cores: int | None = None) -> tuple[jax.Device, ...]:
    """The device of each host thread that an argument means.

    CPU cores share their memory, so that all threads run what was compiled for JAX's first CPU device; there
    is no need to compile for a second one, and no need of one.

    Args:
        devices: None for all accelerators, or where there is none all cores; a count of either; or a sequence
            of devices, for exactly these.
        n_cores: The CPU cores there are; None for those that this process may use.

    Raises:
        ValueError: More than there are, none, or of different kinds.
        TypeError: Not devices.
    """
    if checks.is_several(devices):
        if len(devices) == 0:
            raise ArgumentError("devices", "expected at least one device")
        if not all(isinstance(device, jax.Device) for device in devices):
            raise ArgumentTypeError("devices", f"expected JAX devices, got {checks.shown(devices)}")
        kinds = sorted({f"{device.platform} {device.device_kind}" for device in devices})
        if len(kinds) > 1:  # which of them trains a tile is chance, and their arithmetic differs
            raise ArgumentError("devices", f"expected devices of one kind, got {', '.join(kinds)}")
        return tuple(devices)
    present = jax.devices()
    if present[0].platform == "cpu":
        present = present[:1] * max(n_cores or cores(), len(present))
    count = len(present) if devices is None else checks.as_count(devices, "devices")
    if count > len(present):
        what = "CPU cores" if present[0].platform == "cpu" else "devices"
        raise ArgumentError("devices", f"expected at most {len(present)}, the {what} there are, got {count}")
    return tuple(present[:count])
