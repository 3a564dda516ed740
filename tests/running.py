"""The tests' use of this machine: compiled programs kept for the next run, memory, time."""

import collections
import ctypes
import gc
import os
import re
from pathlib import Path

import jax

from jfnn.arguments import memory
from jfnn.core.engine import devices, program
from jfnn.core.experiment import draws, replicates

CORES = devices.cores()  # cores this process may use, before conftest.py sets two
KEPT_BYTES = 2e9  # of compiled programs on disk; later runs delete the oldest beyond it
WORKER_BYTES = 2.5e9  # that a worker may use
CLEARED_AT = 1.5e9  # a worker using more memory than this drops its compiled programs


def keep_programs(folder: Path) -> None:
    """Let JAX keep compiled programs for later runs, other workers and child processes."""
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


def delete_oldest(folder: Path, kept: float = KEPT_BYTES) -> None:
    files = [(path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir()]
    total = 0
    for _, size, path in sorted(files, reverse=True):
        total += size
        if total > kept:
            path.unlink()


def workers() -> int:
    """Return as many workers as there are cores, limited by the free memory."""
    return max(1, min(CORES, int(memory.available_memory() / WORKER_BYTES)))


def memory_held() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def forget_programs() -> None:
    """Forget the engine's programs, which become stale when compiler options change."""
    program.build.cache_clear()
    replicates._initializer.cache_clear()
    draws._program.cache_clear()


def give_back() -> None:
    """Return freed memory to the system, which glibc would otherwise keep."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Memory:
    """Drops everything traced and compiled when a worker uses much memory for it."""

    def __init__(self) -> None:
        self.limit = CLEARED_AT

    def check(self) -> None:
        """Check after each test; memory that cannot be freed raises the limit."""
        if memory_held() < self.limit:
            return
        forget_programs()
        jax.clear_caches()
        gc.collect()
        give_back()
        self.limit = max(CLEARED_AT, memory_held() + CLEARED_AT / 3)


def seconds(reports) -> tuple[collections.Counter, collections.Counter]:
    """Sum the seconds of setup, call and teardown by file, and by function over all its cases."""
    files = collections.Counter()
    functions = collections.Counter()
    for report in reports:
        name = re.sub(r"\[.*", "", report.nodeid, flags=re.DOTALL)
        functions[name] += report.duration
        files[name.partition("::")[0]] += report.duration
    return files, functions
