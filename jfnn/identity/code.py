"""Checksums of Python functions that run on the host, by their code and all that it refers to.

Equal checksums mean equal functions; names, comments and line numbers do not count. Code of installed
packages counts by its name and version. Functions that JAX traces have better ones: `jfnn.identity.traces`.
"""

import functools
import hashlib
import pickle
import site
import sys
import sysconfig
import types
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

ROOTS = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")} | {*site.getsitepackages()}
)
# Attributes of a class that the interpreter makes, and modules whose instances decide no number.
MADE = {"__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__"}
MADE |= {
    "__annotations__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__abstractmethods__",
    "_abc_impl",
}
OPAQUE = ("logging", "threading", "_thread", "_io", "io", "_abc")
SIMPLE = (type(None), bool, int, float, complex, str, bytes, type(...))


def code_checksum(*values: object) -> str:
    """A checksum of functions and all that they refer to: defaults, captured and global values, attributes.

    Where they refer to an object that shows neither attributes nor a pickle, it is "unknown …" instead,
    another at each call: such functions are never taken for equal ones, and their run is not resumed.

    Args:
        *values: Functions, classes, instances, or plain values.
    """
    code = _Code()
    result = checksum(code.parts(values))
    return f"unknown, by a {code.unknown[0]}: {result}" if code.unknown else result


def code_parts(value: object) -> Iterator[str | bytes]:
    """Parts of `code_checksum`."""
    return _Code().parts(value)


def checksum(parts: Iterable[str | bytes]) -> str:
    """SHA-256 of parts, each with its length."""
    sha256 = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        sha256.update(len(content).to_bytes(8, "little") + content)
    return sha256.hexdigest()


def array_parts(value: object) -> Iterator[str | bytes]:
    """An array's dtype, shape and content."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    yield f"array {array.dtype} {array.shape}"
    yield pickle.dumps(array.tolist()) if array.dtype.hasobject else array.tobytes()


class _Code:
    """One walk over host values; those met before are named by their number, so that circles end."""

    def __init__(self) -> None:
        self.met: dict[int, int] = {}
        self.alive: list[Any] = []  # so that no number of an object is given again
        self.unknown: list[str] = []  # types of objects that cannot be told apart

    def parts(self, value: object) -> Iterator[str | bytes]:
        if isinstance(value, SIMPLE):
            yield f"{type(value).__name__} {value!r}"
            return
        if id(value) in self.met:
            yield f"met {self.met[id(value)]}"
            return
        self.met[id(value)] = len(self.met)
        self.alive.append(value)
        if isinstance(value, np.ndarray | np.generic | jax.Array):
            yield from array_parts(value)
        elif isinstance(value, Mapping):
            yield f"mapping {len(value)}"
            for name, item in value.items():
                yield from self.parts(name)
                yield from self.parts(item)
        elif isinstance(value, set | frozenset):
            yield f"set {len(value)}"
            items = []
            for item in value:
                code = _Code()
                items.append(checksum(code.parts(item)))
                self.unknown += code.unknown
            yield from sorted(items)
        elif isinstance(value, list | tuple) and type(value) in (list, tuple):
            yield f"{type(value).__name__} {len(value)}"
            for item in value:
                yield from self.parts(item)
        elif isinstance(value, types.ModuleType):
            yield f"module {value.__name__} {_version(value.__name__)}"
        elif isinstance(value, functools.partial):
            yield "partial"
            yield from self.parts([value.func, value.args, value.keywords])
        elif isinstance(value, types.MethodType):
            yield "method"
            yield from self.parts([value.__func__, value.__self__])
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif isinstance(value, type):
            yield from self._class(value)
        else:
            yield from self._instance(value)

    def _function(self, function: types.FunctionType) -> Iterator[str | bytes]:
        if _is_installed(function.__module__):
            yield f"function {function.__module__}.{function.__qualname__} {_version(function.__module__)}"
        else:
            yield from self._code(function.__code__)
            names = sorted(_names(function.__code__))
            yield from self.parts({n: function.__globals__[n] for n in names if n in function.__globals__})
        yield from self.parts([function.__defaults__, function.__kwdefaults__])
        for cell in function.__closure__ or ():
            try:
                yield from self.parts(cell.cell_contents)
            except ValueError:  # not yet filled
                yield "empty"

    def _code(self, code: types.CodeType) -> Iterator[str | bytes]:
        yield code.co_code
        yield f"{code.co_names} {code.co_varnames} {code.co_freevars} {code.co_argcount} {code.co_flags}"
        for constant in code.co_consts:
            yield from self._code(constant) if isinstance(constant, types.CodeType) else self.parts(constant)

    def _class(self, kind: type) -> Iterator[str | bytes]:
        for base in kind.__mro__:
            yield f"class {base.__module__}.{base.__qualname__} {_version(base.__module__)}"
            if not _is_installed(base.__module__):
                members = {name: value for name, value in vars(base).items() if name not in MADE}
                yield from self.parts(members)

    def _instance(self, value: object) -> Iterator[str | bytes]:
        yield "instance"
        yield from self.parts(type(value))
        if type(value).__module__ in OPAQUE:
            return
        for name in ("fget", "fset", "__func__", "__wrapped__", "func", "callback_func"):
            if (inner := getattr(value, name, None)) is not None and callable(inner):
                yield from self.parts(inner)
        if isinstance(value, tuple | list):
            yield from self.parts(list(value))
        elif hasattr(value, "__dict__"):
            yield from self.parts(vars(value))
        elif not callable(value):
            try:
                yield pickle.dumps(value)
            except Exception:  # its type may do anything
                self.unknown.append(type(value).__qualname__)
                yield f"unknown {uuid.uuid4()}"
        else:
            yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def _names(code: types.CodeType) -> set[str]:
    """Global names that a function's code, and functions within it, may read."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return {*code.co_names}.union(*map(_names, inner))


@functools.lru_cache(maxsize=1024)
def _is_installed(module: str | None) -> bool:
    """Whether a module is of Python, of an installed package, or of this one."""
    top = (module or "").partition(".")[0]
    if (top in sys.stdlib_module_names and top != "__main__") or top in ("builtins", "jfnn"):
        return True
    path = getattr(sys.modules.get(module or ""), "__file__", None)
    return path is not None and any(Path(path).is_relative_to(root) for root in ROOTS)


@functools.lru_cache(maxsize=1024)
def _version(module: str | None) -> str:
    top = (module or "").partition(".")[0]
    if top in sys.stdlib_module_names or not _is_installed(module):
        return ""
    return str(getattr(sys.modules.get(top), "__version__", ""))
