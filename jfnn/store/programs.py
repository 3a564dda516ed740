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
        directory: The cache; None for JAX_COMPILATION_CACHE_DIR, else the user's cache. Each kind of
            processor has a directory of its own there: a program compiled for another has other bits.

    Raises:
        TypeError: ``directory`` is no path.
        ValueError: ``directory`` cannot be made or written to. JAX warns of that where the directory is not
            given, and keeps nothing.
    """
    if directory is not None or "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jfnn"
        if directory is not None:
            caches = paths.as_path(directory, "directory")
            paths.make_directory(caches, "directory")
        kind = hashlib.sha256(processor().encode()).hexdigest()[:12]
        jax.config.update("jax_compilation_cache_dir", str(caches / kind))
    # By default JAX keeps only slowly compiled programs; small ones together take half of the time here.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
