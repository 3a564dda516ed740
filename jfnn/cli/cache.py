"""Compiled programs kept on disk for the next run, which then starts a second sooner."""

import hashlib
import os
from pathlib import Path

import jax

from jfnn.store.environment import processor


def keep_compiled() -> None:
    """Makes JAX keep its compiled programs on disk; it finds them by all that they depend on.

    They go where JAX_COMPILATION_CACHE_DIR says, else into the user's cache, apart for each kind of processor
    (a program compiled for another one has other bits). JAX_ENABLE_COMPILATION_CACHE=0 turns this off.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jfnn"
        kind = hashlib.sha256(processor().encode()).hexdigest()[:12]
        jax.config.update("jax_compilation_cache_dir", str(caches / kind))
    # JAX keeps only what took long; small programs are many here, and together take half of the time.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
