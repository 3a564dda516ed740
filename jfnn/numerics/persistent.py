"""A disk cache of compiled programs, which other processes load without tracing or compiling.

Each file holds one program. Its name is a checksum of everything that determines the compiler's output: the
function and its arguments' shapes, this package's source as loaded, versions, the processor, JAX's whole
configuration and the compiler's options. So a file found by its name needs no further comparison; a
damaged program is compiled again. Nothing is stored if any of this is unknown.

Loading a program executes code from the file. So the file must belong to this user, and nobody else may be
able to write to it; it begins with its own name, so that it cannot be another program's file.
"""

import contextlib
import functools
import hashlib
import io
import json
import operator
import os
import pickle
import re
import secrets
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
from jax.experimental import serialize_executable

from jfnn.numerics import machine, source

try:
    # The key of JAX's own trace caches: it includes contexts, such as a mesh, which are not in the
    # configuration.
    from jax._src.config import trace_context
except ImportError:
    trace_context = None

VARIABLE = "JFNN_PROGRAMS"  # environment variable: a directory, or "0" to disable the cache
# Limit of the cache in bytes, at some 0.4 MB per program; beyond it, the least recently used programs are
# deleted. A lower limit would delete programs that are still in use.
MOST_BYTES = 256_000_000
OF_JAX = "jax_compilation_cache_dir"  # JAX's option for its own cache directory
CALL_OF_OTHERS = "stablehlo.custom_call"
NAME = re.compile(r"[0-9a-f]{64}\.program")
# Name of a file while it is written; a killed process leaves the file behind.
PART = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{16}\.part")
PART_SECONDS = 600.0  # an older part is no longer being written
MARK = b"jfnn program\n"  # beginning of a file
# Beginning of a pickle, at byte 32 of files from earlier versions; these files are deleted as well.
OLD_MARK = (slice(32, 34), b"\x80\x04")
# Platforms whose compilers read only options covered by `jfnn.numerics.machine.compiler`.
PLATFORMS = ("cpu", "gpu")
# JAX checks programs while they run if one of these is set; programs from files skip the checks.
WATCHES = ("jax_disable_jit", "jax_debug_nans", "jax_debug_infs", "jax_check_tracer_leaks")


R = TypeVar("R")


def persistent(function: Callable[..., R], platform: str, identity: str) -> Callable[..., R]:
    """Cache the programs of a jitted function on disk, if there is a `directory` for them.

    Args:
        function: A function of arrays from `jax.jit`.
        platform: "cpu", "gpu", …
        identity: A unique name of the function and the compiler's options in every process.
    """
    programs: dict[Any, Callable[..., R]] = {}

    @functools.wraps(function)
    def call(*arguments: Any) -> R:
        leaves, structure = jax.tree.flatten(arguments)
        shapes = tuple([(leaf.shape, leaf.dtype) for leaf in leaves])
        devices = {leaf.device for leaf in leaves if isinstance(leaf, jax.Array) and leaf.committed}
        configuration = _configuration()
        if configuration is None:
            return function(*arguments)
        kind = (structure, shapes, configuration, *devices)
        if kind in programs:
            return programs[kind](*arguments)
        named = f"{identity} {structure} {shapes}"
        result: R
        programs[kind], result = _first_call(function, arguments, platform, named, devices)
        return result

    return call


def directory() -> Path | None:
    """Return the cache directory, created if necessary; None if the cache is disabled.

    The directory is given by the environment variable JFNN_PROGRAMS, and is otherwise "jfnn/programs" in the
    user's cache. The cache is disabled by "0", if JAX's own cache is configured, and if the directory belongs
    to another user or is writable by one.
    """
    given = os.environ.get(VARIABLE, "")
    if given == "0" or getattr(jax.config, OF_JAX) is not None:
        return None
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(given).expanduser() if given else caches / "jfnn" / "programs"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):  # a read-only or missing home directory
        return None
    return folder if _is_private(found) and os.access(folder, os.W_OK) else None


def _is_private(status: os.stat_result) -> bool:
    """Return whether a file or directory belongs to this user, and nobody else may write to it."""
    if not hasattr(os, "geteuid"):  # on Windows, users' folders are private
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _configuration() -> tuple[Any, ...] | None:
    """Return JAX's whole current configuration, which determines traces and programs; None if unavailable."""
    try:
        return (*jax.config.values.values(), *trace_context())
    except (AttributeError, TypeError):  # other versions of JAX store the configuration elsewhere
        return None


def _first_call(
    function: Any, arguments: tuple[Any, ...], platform: str, named: str, devices: set[Any]
) -> tuple[Callable[..., Any], Any]:
    """Return the program for the arguments and its value; load the program, or compile and store it."""
    folder = directory()
    if folder is None or len(devices) > 1 or any(getattr(jax.config, name) for name in WATCHES):
        return function, function(*arguments)
    device = next(iter(devices), None) or jax.local_devices(backend=platform)[0]
    name = _name(named, device)
    if name is None:
        return function, function(*arguments)
    path = folder / f"{name}.program"
    read = _read(path, device, arguments)
    if read is not None:
        return read
    lowered = function.lower(*arguments)
    program = lowered.compile()
    # A process registers custom calls, such as LAPACK's functions and callbacks, only when it traces them.
    if CALL_OF_OTHERS not in lowered.as_text():
        _write(path, program)
    return program, program(*arguments)


def _name(named: str, device: Any) -> str | None:
    """Return the SHA-256 of everything that determines a program; None if part of it is unknown."""
    source_checksum = source.checksum()
    compiler_checksum = machine.compiler()
    if source_checksum is None or compiler_checksum is None or device.platform not in PLATFORMS:
        return None
    try:
        configuration = [_pickle(value) for value in _configuration() or ()]
    except Exception:  # for example a context with an object that exists in this process only
        return None
    parts = (
        named,
        source_checksum,
        sys.version,
        compiler_checksum,
        configuration,
        machine.versions(),
        machine.processor(),
        machine.cores(),
        (device.platform, device.device_kind, device.id, len(jax.devices(device.platform))),
        device.client.platform_version,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class _Pickler(pickle.Pickler):
    """Pickles devices by their names."""

    def persistent_id(self, value: object) -> str | None:
        return repr(value) if isinstance(value, jax.Device) else None


def _pickle(value: object) -> bytes:
    file = io.BytesIO()
    _Pickler(file).dump(value)
    return file.getvalue()


def _read(path: Path, device: Any, arguments: tuple[Any, ...]) -> tuple[Callable[..., Any], Any] | None:
    """Load a program and return it with its value, marking it as recently used; None if it does not run."""
    try:
        serialized, taken, given = pickle.loads(_content(path))
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(
            serialized, taken, given, device.platform, [device]
        )
        # A program that JAX itself had loaded from a cache lacks its functions, and fails only when it runs.
        result = jax.block_until_ready(program(*arguments))
        os.utime(path)
        return program, result
    except Exception:  # the compiler's library may raise anything for a program that it cannot load
        return None


def _content(path: Path) -> bytes:
    """Return the program in a file written by `_write`, checking the open file before reading it.

    Raises:
        ValueError, OSError: The file is missing, a link, a pipe, another user's, too large, damaged, or
            of another program.
    """
    # These flags prevent waiting for a pipe or following a link; not all systems have all of them.
    flags = (getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))
    handle = os.open(path, os.O_RDONLY | functools.reduce(operator.or_, flags))
    try:
        found = os.fstat(handle)
        if not (stat.S_ISREG(found.st_mode) and _is_private(found) and found.st_size <= MOST_BYTES):
            raise ValueError("not a file that this user alone may have written")
        with open(handle, "rb", closefd=False) as file:
            content = file.read(found.st_size)
    finally:
        os.close(handle)
    program = content[len(_seal(path.stem, b"")) :]
    if content != _seal(path.stem, program):
        raise ValueError("damaged, or of another program")
    return program


def _seal(name: str, program: bytes) -> bytes:
    """Return a file's content: the program's name, a checksum of everything, and the program."""
    head = b"%s%s\n%s\n" % (MARK, name.encode(), json.dumps(machine.versions()).encode())
    return head + hashlib.sha256(head + program).digest() + program


def _write(path: Path, program: Any) -> None:
    """Write a program, ignoring errors, and delete the least recently used ones beyond `MOST_BYTES`."""
    part = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part")
    with contextlib.suppress(Exception):
        content = _seal(path.stem, pickle.dumps(serialize_executable.serialize(program)))
        try:
            with open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(content)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        delete_oldest(path.parent)


def delete_oldest(folder: Path, most: float = MOST_BYTES) -> None:
    """Delete the least recently used programs of a directory until at most ``most`` bytes remain.

    Incomplete files left by killed processes are deleted as well; other files are kept.
    """
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process may have deleted the file
            status = path.lstat()
            if PART.fullmatch(path.name) and status.st_mtime < time.time() - PART_SECONDS:
                path.unlink()
            elif stat.S_ISREG(status.st_mode) and _is_program(path):
                found.append((status, path))
    total = 0
    for status, path in sorted(found, key=lambda pair: -pair[0].st_mtime):
        total += status.st_size
        if total > most:
            path.unlink(missing_ok=True)


def _is_program(path: Path) -> bool:
    """Return whether this package wrote a regular file, judged by its name and beginning."""
    if not NAME.fullmatch(path.name):
        return False
    with path.open("rb") as file:
        beginning = file.read(64)
    where, old = OLD_MARK
    return beginning.startswith(MARK) or beginning[where] == old
