"""Libraries of C++ and ISPC, built from the sources beside this file where their compilers are."""

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.machine import cores

T = TypeVar("T")
COMPILER = "g++"
HEADER = "#if !__has_include(<{}>)\n#error\n#endif\n"


def has_package(name: str) -> bool:
    """Whether Python can import a package."""
    return importlib.util.find_spec(name) is not None


def has_ispc() -> bool:
    """Whether ISPC, and a linker for what it compiles, are on the PATH."""
    return shutil.which("ispc") is not None and shutil.which(COMPILER) is not None


def has_header(name: str) -> bool:
    """Whether the compiler of C++ is on the PATH and finds a header."""
    if shutil.which(COMPILER) is None:
        return False
    command = (COMPILER, "-E", "-x", "c++", "-")
    return subprocess.run(command, input=HEADER.format(name).encode(), capture_output=True).returncode == 0


def ispc_library(source: str, **macros: int) -> ctypes.CDLL:
    """A library of a source of ISPC, for the widest vectors of this machine.

    Products and sums may be regrouped and functions be less exact ("fast-math"), as XLA does too.
    """
    defined = [f"-D{name}={int(value)}" for name, value in macros.items()]
    options = ("--target=host", "-O3", "--opt=fast-math", "--pic", "--woff")

    def build(out: Path) -> None:
        object_file = out.with_suffix(".o")
        _call("ispc", *options, *defined, _path(source), "-o", object_file)
        _call(COMPILER, "-shared", object_file, "-o", out)

    return _loaded(build)


def cpp_library(source: str, flags: Sequence[str]) -> ctypes.CDLL:
    """A library of a source of C++, optimised for this machine."""
    options = ("-std=c++17", "-O3", "-march=native", "-DNDEBUG", "-shared", "-fPIC")
    return _loaded(lambda out: _call(COMPILER, *options, _path(source), *flags, "-o", out))


def pointer(array: np.ndarray) -> Any:
    """A contiguous array as an argument of a library's function."""
    assert array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)


def over_cores(function: Callable[..., T], *arguments: Sequence[Any]) -> list[T]:
    """As `map`, on a thread a core: while a library's function runs, Python's lock is free."""
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(function, *arguments))


def _loaded(build: Callable[[Path], None]) -> ctypes.CDLL:
    """The library that ``build`` writes to a path; once it is loaded, no file of it is left."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "library.so")
        build(path)
        return ctypes.CDLL(str(path))


def _path(source: str) -> Path:
    return Path(__file__).with_name(source)


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True)
