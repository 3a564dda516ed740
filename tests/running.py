"""What the tests take of this machine: compiled programs kept for the next run, memory, seconds."""

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

CORES = devices.cores()  # that this process may use, before conftest.py says two
KEPT_BYTES = 2e9  # of compiled programs on disk: from a later run on, the oldest beyond it are deleted
WORKER_BYTES = 2.5e9  # that a worker may take
CLEARED_AT = 1.5e9  # a worker that holds more memory than this drops its compiled programs


def keep_programs(folder: Path) -> None:
    """Lets JAX keep what it compiles, for later runs, other workers and processes that tests start."""
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


def delete_oldest(folder: Path, kept: float = KEPT_BYTES) -> None:
    """Deletes the oldest files beyond a number of bytes."""
    files = [(path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir()]
    total = 0
    for _, size, path in sorted(files, reverse=True):
        total += size
        if total > kept:
            path.unlink()


def workers() -> int:
    """As many as there are cores, and no more than fit into the free memory."""
    return max(1, min(CORES, int(memory.available_memory() / WORKER_BYTES)))


def memory_held() -> float:
    """Bytes that this process holds; 0 where Linux does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def forget_programs() -> None:
    """Forgets the programs of the engine, which a change of the compiler's options makes stale."""
    program.build.cache_clear()
    replicates._initializer.cache_clear()
    draws._program.cache_clear()


def give_back() -> None:
    """Gives the system back what was freed, which glibc keeps otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Memory:
    """Drops all that was traced and compiled, where a worker has come to hold much of it."""

    def __init__(self) -> None:
        self.limit = CLEARED_AT

    def check(self) -> None:
        """After each test; what cannot be given back raises the limit."""
        if memory_held() < self.limit:
            return
        forget_programs()
        jax.clear_caches()
        gc.collect()
        give_back()
        self.limit = max(CLEARED_AT, memory_held() + CLEARED_AT / 3)


def seconds(reports) -> tuple[collections.Counter, collections.Counter]:
    """Seconds of setup, call and end together: of each file, and of each function with all its cases."""
    files = collections.Counter()
    functions = collections.Counter()
    for report in reports:
        name = re.sub(r"\[.*", "", report.nodeid, flags=re.DOTALL)
        functions[name] += report.duration
        files[name.partition("::")[0]] += report.duration
    return files, functions
