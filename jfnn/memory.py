"""The memory that there is, and what does not fit into it."""

import contextlib
import math
import os
from pathlib import Path

from jfnn.checks import ArgumentError


def check(argument: str, needed: float, available: float | None = None, sizes: str = "") -> None:
    """Raises ArgumentError where an argument needs more memory than there is.

    Args:
        argument: Name of the argument.
        needed: Bytes.
        available: Available bytes; None for those that are free.
        sizes: Sizes of parts, for the message.
    """
    available = available_memory() if available is None else available
    if needed > available:
        gigabytes = f"about {needed / 1e9:.3g} GB are needed, {available / 1e9:.3g} GB are free"
        raise ArgumentError(argument, f"it does not fit into memory: {gigabytes}{sizes}")


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Bytes that can be had without swapping, of the machine and of the container that this runs in."""
    return min(_free_in_machine(), free_in_container(cgroup))


def free_in_container(cgroup: Path) -> float:
    """Bytes up to the limit of the control group; what it holds in caches can be had as well."""
    try:
        limit, used = ((cgroup / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        caches = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    except OSError:
        return math.inf
    return math.inf if limit == "max" else float(int(limit) - int(used) + int(caches["inactive_file"]))


def _free_in_machine() -> float:
    """Linux counts its caches in; elsewhere, free pages."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return math.inf  # a system that does not tell
