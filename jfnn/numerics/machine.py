"""Properties of the machine that programs and results depend on: versions, compiler flags, processor."""

import functools
import hashlib
import importlib
import os
import platform
from pathlib import Path
from typing import Any

import jax
from jax.extend import backend

from jfnn.arguments import checks

PACKAGES = ("jfnn", "jax", "jaxlib", "numpy", "optax")
# Compiler flags that do not change results: the number of devices.
HARMLESS_FLAGS = ("--xla_force_host_platform_device_count",)


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of the numerical packages, as loaded: the files on disk may be newer."""
    return {name: str(importlib.import_module(name).__version__) for name in PACKAGES}


def compiler_flags() -> list[str]:
    """Return the environment's current XLA flags, sorted; `compiler` covers the flags that XLA has read."""
    flags = " ".join(os.environ.get(name, "") for name in ("XLA_FLAGS", "LIBTPU_INIT_ARGS")).split()
    return sorted(flag for flag in flags if not flag.startswith(HARMLESS_FLAGS))


def compiler() -> str | None:
    """Return a checksum of the flags that XLA has read and of JAX's switches; None if JAX hides them."""
    try:
        options: Any = backend.get_compile_options(num_replicas=1, num_partitions=1)
        debug = options.executable_build_options.debug_options
        # These options do not change results: the number of devices, and the locations of files.
        debug.xla_force_host_platform_device_count = 0
        debug.xla_gpu_cuda_data_dir = ""
        debug.xla_gpu_kernel_cache_file = ""
        debug.xla_gpu_per_fusion_autotune_cache_dir = ""
        debug.xla_gpu_experimental_autotune_cache_mode = 0
        return hashlib.sha256(options.SerializeAsString()).hexdigest()
    except Exception:  # these internals differ between versions of JAX
        return None


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_all_cores(count: int | None = None) -> int:
    """Configure JAX with one CPU device per core.

    Sweeps use all cores even without it, with one host thread per core; but a single CPU device also spreads
    large operations over all cores, which are already busy; this costs a few percent. Call it before the
    first use of JAX. It changes JAX's configuration for the whole process, so only scripts call it, never the
    library. On a GPU it has no effect.

    Args:
        count: Number of devices; None for the cores that this process may use.

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


@functools.cache
def processor() -> str:
    """Return the processor that XLA compiles for; on Linux its name and a checksum of its features."""
    named = ("model name", "flags", "Features")
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}".strip()
    fields = dict(line.split(":", 1) for line in lines if line.startswith(named))
    features = hashlib.sha256("".join(sorted(fields.values())).encode()).hexdigest()[:12]
    model = next((value.strip() for name, value in fields.items() if name.startswith("model name")), "")
    return " ".join(filter(None, (platform.machine(), model, features)))
