"""Compiled programs kept on disk, from which other processes take them without tracing or compiling.

A file holds one program. Its name is a checksum of all that decides what the compiler makes: the function and
its arguments' shapes, this package's source, the versions, the processor, JAX's configuration. So nothing
that is found there needs to be compared, and what is not whole is compiled anew.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
from jax.experimental import serialize_executable

from jfnn.numerics import machine

VARIABLE = "JFNN_PROGRAMS"  # in the environment: a directory, or "0" to keep no program
# Bytes of all programs, some 0.4 MB each; beyond them the least recently used are deleted. Fewer forget what
# is still in use.
MOST_BYTES = 256_000_000
OF_JAX = "jax_compilation_cache_dir"  # of its configuration: where JAX keeps programs itself
CALL_OF_OTHERS = "stablehlo.custom_call"
SUFFIX = ".program"
CHECKSUM_BYTES = 32
# JAX's switches that change what is traced, beside those that `jfnn.numerics.compiling` sets.
SWITCHES = (
    *("jax_enable_x64", "jax_numpy_rank_promotion", "jax_softmax_custom_jvp"),
    *("jax_default_prng_impl", "jax_threefry_partitionable", "jax_random_seed_offset"),
)
# Switches under which JAX watches what it runs, which a program from a file does not do.
WATCHES = ("jax_disable_jit", "jax_debug_nans", "jax_debug_infs", "jax_check_tracer_leaks")


R = TypeVar("R")


def persistent(function: Callable[..., R], platform: str, identity: str) -> Callable[..., R]:
    """A jitted function whose programs are kept on disk, where `directory` gives a place for them.

    Args:
        function: By `jax.jit`, of arrays.
        platform: "cpu", "gpu", …
        identity: Tells the function and the compiler's options from all others, in every process.
    """
    programs: dict[Any, Callable[..., R]] = {}

    @functools.wraps(function)
    def call(*arguments: Any) -> R:
        leaves, structure = jax.tree.flatten(arguments)
        shapes = tuple([(leaf.shape, leaf.dtype) for leaf in leaves])
        devices = {leaf.device for leaf in leaves if isinstance(leaf, jax.Array) and leaf.committed}
        switches = tuple([getattr(jax.config, name) for name in (*SWITCHES, *WATCHES)])
        kind = (structure, shapes, switches, *devices)
        if kind in programs:
            return programs[kind](*arguments)
        named = f"{identity} {structure} {shapes} {switches}"
        result: R
        programs[kind], result = _first_call(function, arguments, platform, named, devices)
        return result

    return call


def directory() -> Path | None:
    """The directory of kept programs, made if need be; None where none are kept.

    That is the directory named by the environment's JFNN_PROGRAMS, else "jfnn/programs" in the user's cache;
    none for "0", where JAX's own cache is configured, and where it belongs to, or can be written by, another
    user, since reading a program runs what the file says.
    """
    given = os.environ.get(VARIABLE, "")
    if given == "0" or getattr(jax.config, OF_JAX) is not None:
        return None
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(given) if given else caches / "jfnn" / "programs"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):  # a home that is read-only, or a user without one
        return None
    is_private = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
    return folder if is_private and os.access(folder, os.W_OK) else None


def _first_call(
    function: Any, arguments: tuple[Any, ...], platform: str, named: str, devices: set[Any]
) -> tuple[Callable[..., Any], Any]:
    """The program for arguments, from its file, else compiled and written there; and its value."""
    folder = directory()
    if folder is None or len(devices) > 1 or any(getattr(jax.config, name) for name in WATCHES):
        return function, function(*arguments)
    device = next(iter(devices), None) or jax.local_devices(backend=platform)[0]
    path = folder / f"{_checksum(named, device)}{SUFFIX}"
    read = _read(path, device, arguments)
    if read is not None:
        return read
    lowered = function.lower(*arguments)
    program = lowered.compile()
    # Such as LAPACK's functions and callbacks, which only tracing makes known to a process.
    if CALL_OF_OTHERS not in lowered.as_text():
        _write(path, program)
    return program, program(*arguments)


def _checksum(named: str, device: Any) -> str:
    """SHA-256 of all that decides a program."""
    deciding = (
        named,
        _source(),
        machine.versions(),
        machine.processor(),
        machine.cores(),
        machine.compiler_flags(),
        (device.platform, device.device_kind, device.id, len(jax.devices(device.platform))),
    )
    return hashlib.sha256(repr(deciding).encode()).hexdigest()


@functools.cache
def _source() -> str:
    """Checksum of the source of this package, which may change while its version does not."""
    root = Path(__file__).parent.parent
    sha256 = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        sha256.update(path.read_bytes())
    return sha256.hexdigest()


def _read(path: Path, device: Any, arguments: tuple[Any, ...]) -> tuple[Callable[..., Any], Any] | None:
    """The program of a file, which then is the one used last, and its value; None without one that runs."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[CHECKSUM_BYTES:]).digest() != content[:CHECKSUM_BYTES]:
            return None
        serialized, taken, given = pickle.loads(content[CHECKSUM_BYTES:])
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(
            serialized, taken, given, device.platform, [device]
        )
        # One that JAX had taken from a cache itself lacks its functions, which shows when it runs.
        result = jax.block_until_ready(program(*arguments))
        os.utime(path)
        return program, result
    except Exception:  # whatever the compiler's library says of a program that it cannot load
        return None


def _write(path: Path, program: Any) -> None:
    """Writes a program, unless it cannot be written, and deletes those beyond `MOST_BYTES`."""
    with contextlib.suppress(Exception):
        content = pickle.dumps(serialize_executable.serialize(program))
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(file.name, path)
        delete_oldest(path.parent)


def delete_oldest(folder: Path, most: float = MOST_BYTES) -> None:
    """Deletes the least recently used files of a directory beyond a number of bytes."""
    found = sorted(((path.stat(), path) for path in folder.iterdir()), key=lambda pair: -pair[0].st_mtime)
    total = 0
    for status, path in found:
        total += status.st_size
        if total > most:
            path.unlink(missing_ok=True)
