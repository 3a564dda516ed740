"""Compiled programs kept on disk, from which other processes take them without tracing or compiling.

A file holds one program. Its name is a checksum of all that decides what the compiler makes: the function and
its arguments' shapes, this package's source as loaded, the versions, the processor, all of JAX's
configuration and the compiler's options. So nothing that is found there needs to be compared, and what is not
whole is compiled anew. Nothing is kept where any of this cannot be told.

Reading a program runs what the file says. So it must be a file of this user's that nobody else may write to;
and it begins with its name, so that it is no other program's.
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
    # What JAX's own caches of traces have as their key: also contexts, such as a mesh, which are no switches.
    from jax._src.config import trace_context
except ImportError:
    trace_context = None

VARIABLE = "JFNN_PROGRAMS"  # in the environment: a directory, or "0" to keep no program
# Bytes of all programs, some 0.4 MB each; beyond them the least recently used are deleted. Fewer forget what
# is still in use.
MOST_BYTES = 256_000_000
OF_JAX = "jax_compilation_cache_dir"  # of its configuration: where JAX keeps programs itself
CALL_OF_OTHERS = "stablehlo.custom_call"
NAME = re.compile(r"[0-9a-f]{64}\.program")
# The file that becomes one. A process that is killed as it writes leaves it behind.
PART = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{16}\.part")
PART_SECONDS = 600.0  # after which nobody writes any more
MARK = b"jfnn program\n"  # how a file begins
# How a pickle begins: behind 32 bytes in the files of earlier versions, which are deleted, too.
OLD_MARK = (slice(32, 34), b"\x80\x04")
# Platforms whose compilers read no options but those that `jfnn.numerics.machine.compiler` knows.
PLATFORMS = ("cpu", "gpu")
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
    """The directory of kept programs, made if need be; None where none are kept.

    That is the directory named by the environment's JFNN_PROGRAMS, else "jfnn/programs" in the user's cache;
    none for "0", where JAX's own cache is configured, and where it belongs to, or can be written by, another
    user.
    """
    given = os.environ.get(VARIABLE, "")
    if given == "0" or getattr(jax.config, OF_JAX) is not None:
        return None
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(given).expanduser() if given else caches / "jfnn" / "programs"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):  # a home that is read-only, or a user without one
        return None
    return folder if _is_private(found) and os.access(folder, os.W_OK) else None


def _is_private(status: os.stat_result) -> bool:
    """Whether a file or directory is this user's, and nobody else may write to it."""
    if not hasattr(os, "geteuid"):  # Windows, where users' folders are their own
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _configuration() -> tuple[Any, ...] | None:
    """All that JAX is set to here and now: equal ones trace and compile alike; None where it does not say."""
    try:
        return (*jax.config.values.values(), *trace_context())
    except (AttributeError, TypeError):  # of another version, which keeps them elsewhere
        return None


def _first_call(
    function: Any, arguments: tuple[Any, ...], platform: str, named: str, devices: set[Any]
) -> tuple[Callable[..., Any], Any]:
    """The program for arguments, from its file, else compiled and written there; and its value."""
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
    # Such as LAPACK's functions and callbacks, which only tracing makes known to a process.
    if CALL_OF_OTHERS not in lowered.as_text():
        _write(path, program)
    return program, program(*arguments)


def _name(named: str, device: Any) -> str | None:
    """SHA-256 of all that decides a program; None where something cannot be told."""
    of_source = source.checksum()
    of_compiler = machine.compiler()
    if of_source is None or of_compiler is None or device.platform not in PLATFORMS:
        return None
    try:
        configuration = [_pickled(value) for value in _configuration() or ()]
    except Exception:  # such as a context of an object that no other process knows
        return None
    deciding = (
        named,
        of_source,
        sys.version,
        of_compiler,
        configuration,
        machine.versions(),
        machine.processor(),
        machine.cores(),
        (device.platform, device.device_kind, device.id, len(jax.devices(device.platform))),
        device.client.platform_version,
    )
    return hashlib.sha256(repr(deciding).encode()).hexdigest()


class _Pickler(pickle.Pickler):
    """Pickles also devices, by their names."""

    def persistent_id(self, value: object) -> str | None:
        return repr(value) if isinstance(value, jax.Device) else None


def _pickled(value: object) -> bytes:
    file = io.BytesIO()
    _Pickler(file).dump(value)
    return file.getvalue()


def _read(path: Path, device: Any, arguments: tuple[Any, ...]) -> tuple[Callable[..., Any], Any] | None:
    """The program of a file, which then is the one used last, and its value; None without one that runs."""
    try:
        serialized, taken, given = pickle.loads(_content(path))
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(
            serialized, taken, given, device.platform, [device]
        )
        # One that JAX had taken from a cache itself lacks its functions, which shows when it runs.
        result = jax.block_until_ready(program(*arguments))
        os.utime(path)
        return program, result
    except Exception:  # whatever the compiler's library says of a program that it cannot load
        return None


def _content(path: Path) -> bytes:
    """The program in a file by `_write`; looks at the open file before it reads it.

    Raises:
        ValueError, OSError: There is none, or it is a link, a pipe, another user's, too large, not whole, or
            of another name.
    """
    # Not all systems have all of these: not to wait for a pipe, nor to follow a link.
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
    program = content[len(_sealed(path.stem, b"")) :]
    if content != _sealed(path.stem, program):
        raise ValueError("not whole, or another program's")
    return program


def _sealed(name: str, program: bytes) -> bytes:
    """What a file holds: a text that says which program it is, the checksum of all, and the program."""
    head = b"%s%s\n%s\n" % (MARK, name.encode(), json.dumps(machine.versions()).encode())
    return head + hashlib.sha256(head + program).digest() + program


def _write(path: Path, program: Any) -> None:
    """Writes a program, unless it cannot be written, and deletes those beyond `MOST_BYTES`."""
    part = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part")
    with contextlib.suppress(Exception):
        content = _sealed(path.stem, pickle.dumps(serialize_executable.serialize(program)))
        try:
            with open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(content)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        delete_oldest(path.parent)


def delete_oldest(folder: Path, most: float = MOST_BYTES) -> None:
    """Deletes the least recently used programs of a directory beyond a number of bytes; no other files.

    What killed processes have left of programs that they were writing is deleted, too.
    """
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # such as of a file that another process has deleted
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
    """Whether this package has written a regular file, by its name and how it begins."""
    if not NAME.fullmatch(path.name):
        return False
    with path.open("rb") as file:
        beginning = file.read(64)
    where, old = OLD_MARK
    return beginning.startswith(MARK) or beginning[where] == old
