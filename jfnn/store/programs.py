"""Compiled programs kept on disk for other processes, which then start a second or more sooner."""

import hashlib
import os
from pathlib import Path

import jax

from jfnn.arguments import paths
from jfnn.store.environment import processor


def keep_programs(directory: str | os.PathLike[str] | None = None) -> None:
    """Makes JAX keep its compiled programs on disk, keyed by all that they depend on.

    It changes JAX's configuration for the whole process, so scripts call it and the library never does by
    itself. Call it before the first use of JAX. JAX_ENABLE_COMPILATION_CACHE=0 turns it off.

    Args:
        directory: The cache; None for JAX_COMPILATION_CACHE_DIR, else the user's cache, and where there is
            none that can be written, programs are not kept. Each kind of processor has a directory
            there: a program compiled for another has other bits.

    Raises:
        TypeError: ``directory`` is no path.
        ValueError: ``directory`` cannot be made or written to.
    """
    if directory is not None or "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        if directory is None:
            caches = _users_cache()
        else:
            caches = paths.as_path(directory, "directory")
            paths.make_directory(caches, "directory")
        if caches is None:
            return
        kind = hashlib.sha256(processor().encode()).hexdigest()[:12]
        jax.config.update("jax_compilation_cache_dir", str(caches / kind))
    # By default JAX keeps only slowly compiled programs; small ones together take half of the time here.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _users_cache() -> Path | None:
    """The directory in the user's cache, which is made; None where there is none that can be written."""
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jfnn"
        caches.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a home that is read-only, or a user without one
        return None
    return caches if os.access(caches, os.W_OK) else None
