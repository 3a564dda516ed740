"""The machine and its packages, on which programs and results depend: versions, compiler flags, processor."""

import functools
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("jfnn", "jax", "jaxlib", "numpy", "optax")
# Flags of the compiler that change no bit: how many devices it shows.
HARMLESS_FLAGS = ("--xla_force_host_platform_device_count",)


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the packages that compute; looking them up takes milliseconds."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # run from its sources, without an installation
        return "not installed"


def compiler_flags() -> list[str]:
    """Flags that the environment sets for XLA, sorted."""
    flags = " ".join(os.environ.get(name, "") for name in ("XLA_FLAGS", "LIBTPU_INIT_ARGS")).split()
    return sorted(flag for flag in flags if not flag.startswith(HARMLESS_FLAGS))


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def processor() -> str:
    """Kind of processor that XLA compiles for; on Linux its name and a checksum of its features."""
    named = ("model name", "flags", "Features")
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".strip()
    fields = dict(line.split(":", 1) for line in lines if line.startswith(named))
    features = hashlib.sha256("".join(sorted(fields.values())).encode()).hexdigest()[:12]
    model = next((value.strip() for name, value in fields.items() if name.startswith("model name")), "")
    return " ".join(filter(None, (platform.machine(), model, features)))
