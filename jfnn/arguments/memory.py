"""Free memory, and the check that an array fits into it."""

import contextlib
import math
import os
from pathlib import Path

from jfnn.arguments.checks import ArgumentError


def check(what: str, needed: float, sizes: str = "") -> None:
    """Raise ValueError about the argument ``what`` if more bytes are needed than are free."""
    available = available_memory()
    if needed > available:
        gigabytes = f"about {needed / 1e9:.3g} GB are needed, {available / 1e9:.3g} GB are free"
        raise ArgumentError(what, f"it does not fit into memory: {gigabytes}{sizes}")


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the bytes free without swapping, on the machine and in this process's container."""
    return min(_free_in_machine(), free_in_container(cgroup))


def free_in_container(cgroup: Path) -> float:
    """Return the bytes below the control group's limit; its caches count as free."""
    try:
        limit, used = ((cgroup / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        caches = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    except OSError:
        return math.inf
    return math.inf if limit == "max" else float(int(limit) - int(used) + int(caches["inactive_file"]))


def _free_in_machine() -> float:
    """Return the available memory on Linux, including caches, or free pages on other systems."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return math.inf  # the free memory is unknown
