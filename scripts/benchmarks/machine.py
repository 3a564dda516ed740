"""The measuring machine: cores, processor, devices and packages, and the memory of a process."""

import contextlib
import datetime
import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

PACKAGES = ("jfnn", "jax", "jaxlib", "numpy", "scikit-learn", "torch")


def cores() -> int:
    """Return the cores that this process may use: jfnn's count, without importing JAX, which takes memory."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jax_devices() -> list[str]:
    """Return the devices of JAX in this process, such as "cpu:0 cpu"."""
    import jax

    return [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.devices()]


def environment(devices: list[str]) -> dict[str, Any]:
    """Return versions, machine and date; ``devices`` are JAX's, with one CPU device per core."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "versions": versions,
        "processor": _processor(),
        "cores": cores(),
        "devices": devices,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def peak_memory() -> float | None:
    """Return the peak memory of this process and its descendants in megabytes; None if unknown.

    Uses Linux's VmHWM, which a child does not inherit, unlike ru_maxrss.
    """
    if not Path("/proc/self/status").exists():
        return None
    total = 0.0
    pending = [str(os.getpid())]
    while pending:
        process = Path("/proc", pending.pop())
        with contextlib.suppress(OSError):  # the process has just ended
            lines = (process / "status").read_text().splitlines()
            total += sum(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
            for children in process.glob("task/*/children"):  # children of each thread
                pending += children.read_text().split()
    return total


def reset_peak_memory() -> None:
    """Reset `peak_memory` if the system allows it (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
