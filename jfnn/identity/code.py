"""Checksums of Python functions that run on the host, covering their code and everything it refers to.

Equal checksums mean equal functions; function names, comments and line numbers are ignored. Code of installed
packages is identified by its name and version. For functions that JAX traces, use `jfnn.identity.traces`.

Every value is a leaf, an array, or composed of simpler values (`_pieces`), down to leaves. An instance is
composed of its class and its pickled state; if it cannot be pickled, it is unknown.
"""

import copyreg
import dis
import functools
import hashlib
import importlib.util
import pickle
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

PYTHON = Path(sysconfig.get_path("stdlib"))
# Folders of installed packages: in this environment, in its base environment, or the user's.
PACKAGES = {"site-packages", "dist-packages"}
IMPORT = dis.opmap["IMPORT_NAME"]


def names_read(function: types.FunctionType) -> list[dict[str, object]]:
    """Return values that a user's function reads by name: captured, global, or in the user's modules.

    A user's module is captured, global, an attribute of another one, or imported when the function runs; it
    is represented by the values read from it, not as a value. Names are collected from the whole code, so
    attributes of other objects may add values that are not read.

    Returns:
        A dictionary for the closure, one for the globals, and one for each module.
    """
    codes = [*_codes(function.__code__)]
    names = sorted({name for code in codes for name in (*code.co_names, *code.co_freevars)})
    spaces: list[Mapping[str, object]] = [closure_values(function), function.__globals__]
    spaces += [vars(module) for code in codes for module in _imports(code, function.__globals__)]
    read = []
    for space in spaces:  # grows during the loop: modules refer to modules
        found = {name: space[name] for name in names if name in space}
        for value in found.values():
            if is_users_module(value) and not any(vars(value) is known for known in spaces):
                spaces.append(vars(value))
        read.append({name: value for name, value in found.items() if not is_users_module(value)})
    return read


def closure_values(function: types.FunctionType) -> dict[str, object]:
    """Return values of a function's closure by name, without variables that are not assigned yet."""
    values = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:
            continue
    return values


def is_users_module(value: object) -> bool:
    """Return whether a value is a module outside installed packages."""
    return isinstance(value, types.ModuleType) and not is_installed(value.__name__)


@functools.lru_cache(maxsize=1024)
def is_installed(module: str | None) -> bool:
    """Return whether a module belongs to Python, an installed package, or this package."""
    name = module or ""
    top = name.partition(".")[0]
    if top in ("jfnn", "__main__", "__mp_main__"):  # regardless of their files
        return top == "jfnn"
    file = _file(name)
    if file is None:
        return top in sys.stdlib_module_names
    return Path(file).is_relative_to(PYTHON) or not PACKAGES.isdisjoint(Path(file).parts)


@functools.lru_cache(maxsize=1024)
def version(module: str | None) -> str:
    """Return the version of an installed package, if it has one; "" for Python's and the user's modules."""
    top = (module or "").partition(".")[0]
    if top in sys.stdlib_module_names or not is_installed(module):
        return ""
    return str(getattr(sys.modules.get(top), "__version__", ""))


def _file(module: str) -> str | None:
    """Return the file of a module, or of its nearest package: modules inside an extension have no file."""
    name = module
    while name:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            return str(file)
        name = name.rpartition(".")[0]
    top = module.partition(".")[0]
    spec = importlib.util.find_spec(top) if top and top not in sys.modules else None
    return spec.origin if spec is not None and spec.has_location else None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _imports(code: types.CodeType, namespace: dict[str, object]) -> Iterator[types.ModuleType]:
    """Import and yield the user's modules that code will import when it runs."""
    if IMPORT not in code.co_code[::2]:
        return
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):  # the operands, then the import
        if step.opname == "IMPORT_NAME" and (level.argval > 0 or not is_installed(step.argval)):
            try:
                module = __import__(step.argval, namespace, None, names.argval, level.argval)
            except Exception:  # for example an optional package
                continue
            yield module


LEAVES = (type(None), bool, int, float, complex, str, bytes, type(...))
# Type that cannot be pickled, or whose pickle holds irrelevant state -> its relevant attributes.
HELD: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"),
    property: ("fget", "fset", "fdel"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func", "attrname"),  # without the module, which Python 3.13 stores
    types.GetSetDescriptorType: ("__objclass__", "__name__"),
    type(functools.lru_cache(lambda: None)): ("__wrapped__",),
    type(jax.jit(lambda: None)): ("__wrapped__",),
}
# Modules of types that do not affect results: locks, files, caches of abstract classes, source
# locations recorded by `jax.jit`.
OPAQUE = ("_thread", "_io", "_abc", "jax._src.pjit")
# Class attributes written by Python, `dataclasses`, `abc` and `pickle`.
MADE = {
    *("__module__", "__doc__", "__slotnames__", "__firstlineno__", "__static_attributes__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__orig_bases__", "__parameters__", "__type_params__"),
    *("__dataclass_fields__", "__dataclass_params__"),
    *("__abstractmethods__", "_abc_impl"),
}
UNKNOWN = "unknown, by a "


def code_checksum(*values: object) -> str:
    """Return a checksum of functions and all they refer to: defaults, captured and global values, attributes.

    If they refer to an object that cannot be pickled, the result is "unknown, by a …" with the object's type,
    and differs at each call: such functions never compare equal, and their runs are not resumed.
    """
    return checksum(code_parts(values))


def code_parts(value: object) -> Iterator[str | bytes]:
    """Yield the parts of `code_checksum`."""
    return _Walk().parts(value)


def checksum(parts: Iterable[str | bytes]) -> str:
    """Return the SHA-256 of parts and their lengths, prefixed by "unknown, by a …: " if a part is unknown."""
    sha256 = hashlib.sha256()
    unknown = ""
    for part in parts:
        if isinstance(part, str) and part.startswith(UNKNOWN):
            unknown = unknown or f"{what_is_unknown(part)}: "
        content = part.encode() if isinstance(part, str) else part
        sha256.update(len(content).to_bytes(8, "little"))
        sha256.update(content)
    return unknown + sha256.hexdigest()


def what_is_unknown(text: str) -> str | None:
    """Return the words "unknown, by a …" of a checksum or part; None if all is known."""
    return text.partition(":")[0] if text.startswith(UNKNOWN) else None


def array_parts(value: object) -> Iterator[str | bytes]:
    """Yield an array's dtype, shape and content; the dtype must not hold objects."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    yield f"array {array.dtype} {array.shape}"
    yield array.tobytes()


class _Walk:
    """A walk over values and their pieces.

    A repeated value is represented by its number, which ends cycles. Leaves, tuples and arrays have no
    number: they are compared by content, so that a copy, for example after pickling, equals the same object.
    """

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}  # id -> number
        self.arrays: dict[int, tuple[object, str]] = {}  # id -> array and checksum, to read each only once

    def parts(self, value: object) -> Iterator[str | bytes]:
        """Yield the parts of a value and all its pieces, depth first."""
        waiting = [value]
        alive = []  # keeps ids from being reused
        while waiting:
            value = waiting.pop()
            kind = type(value)
            alive.append(value)
            if kind in LEAVES:
                yield f"{kind.__name__} {value!r}"
            elif id(value) in self.numbers:
                yield f"met {self.numbers[id(value)]}"
            elif isinstance(value, jax.Array) or (type(value) is np.ndarray and not value.dtype.hasobject):
                if id(value) not in self.arrays:
                    self.arrays[id(value)] = value, checksum(array_parts(value))
                yield self.arrays[id(value)][1]
            else:
                if kind is not tuple:
                    self.numbers[id(value)] = len(self.numbers)
                if kind in (set, frozenset):
                    yield from self._items(value)  # type: ignore[arg-type]
                elif (pieces := _pieces(value)) is None:
                    yield f"{UNKNOWN}{kind.__qualname__}: {uuid.uuid4()}"
                else:
                    yield f"{kind.__name__} {len(pieces)}"
                    waiting += reversed(pieces)

    def _items(self, items: set[object] | frozenset[object]) -> Iterator[str]:
        """Yield the checksums of a set's items, sorted because their order differs between processes."""
        met = len(self.numbers)
        checksums = []
        for item in items:
            checksums.append(checksum(self.parts(item)))
            while len(self.numbers) > met:  # an item's numbers must not depend on earlier items
                self.numbers.popitem()
        yield f"set {len(items)}"
        yield from sorted(checksums)


def _pieces(value: Any) -> list[object] | None:
    """Return values that determine a value, together with its type's name; None if it is unknown."""
    kind = type(value)
    if kind in (list, tuple):
        return list(value)
    if kind in (dict, types.MappingProxyType):
        return [piece for item in value.items() for piece in item]
    if isinstance(value, set | frozenset):  # a subclass, whose pickle has the items in arbitrary order
        return [kind, frozenset(value), getattr(value, "__dict__", None)]
    if kind is np.ndarray:  # an array of objects
        return [str(value.dtype), value.shape, value.tolist()]
    if kind is types.CodeType:
        return _code_pieces(value)
    if kind is types.FunctionType:
        return _function_pieces(value)
    if isinstance(value, types.ModuleType):
        return _module_pieces(value)
    if isinstance(value, type):
        return [kind, *(piece for base in value.__mro__ for piece in _class_pieces(base))]
    for base, names in HELD.items():
        if isinstance(value, base):
            return [kind, *(getattr(value, name) for name in names)]
    if kind is jax.tree_util.PyTreeDef:  # cannot be pickled, because it holds a registry
        return [value.node_data(), value.children()]
    if kind.__module__ in OPAQUE:
        return []
    return _instance_pieces(value)


def _code_pieces(code: types.CodeType) -> list[object]:
    """Return instructions, names and constants of code, without the function's name and line numbers."""
    names = code.co_names, code.co_varnames, code.co_freevars
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return [code.co_code, code.co_exceptiontable, names, arguments, *code.co_consts]


def _function_pieces(function: types.FunctionType) -> list[object]:
    """Return a function's code and all it reads; in an installed package, its name and the version."""
    # Not `__module__`, which `functools.wraps` copies from another function.
    module = function.__globals__.get("__name__")
    defaults = [function.__defaults__, function.__kwdefaults__]
    if is_installed(module):
        name = f"{module}.{function.__code__.co_qualname}"
        return [name, version(module), *defaults, closure_values(function)]
    return [function.__code__, names_read(function), *defaults, vars(function)]


def _module_pieces(module: types.ModuleType) -> list[object]:
    """Return the name and version of an installed module, or all attributes of a user's module."""
    if is_installed(module.__name__):
        return [module.__name__, version(module.__name__)]
    return [{name: value for name, value in vars(module).items() if not name.startswith("__")}]


def _class_pieces(kind: type) -> list[object]:
    """Return the name and version of an installed class, or the attributes that a user's class defines."""
    if not isinstance(kind.__module__, str):  # a C type whose instances have `__module__`: Cython's functions
        return [kind.__qualname__]
    if is_installed(kind.__module__):
        return [f"{kind.__module__}.{kind.__qualname__}", version(kind.__module__)]
    # The module is omitted: a script's module has another name in a worker.
    return [kind.__qualname__, {name: value for name, value in vars(kind).items() if name not in MADE}]


def _instance_pieces(value: Any) -> list[object] | None:
    """Return an instance's class and pickled state."""
    kind = type(value)
    try:
        reduced = (
            copyreg.dispatch_table[kind](value) if kind in copyreg.dispatch_table else value.__reduce_ex__(2)
        )
        if isinstance(reduced, str):
            pickle.dumps(value)  # finds the value by that name, or raises
            return [kind, reduced, getattr(value, "__module__", None)]
    except Exception:  # a user's type may raise anything
        return None
    made, arguments, *states = reduced[:3]
    if states and isinstance(states[0], dict):  # cached properties follow from the rest of the state
        members = {name: member for base in reversed(kind.__mro__) for name, member in vars(base).items()}
        cached = {name for name in states[0] if isinstance(members.get(name), functools.cached_property)}
        states = [{name: piece for name, piece in states[0].items() if name not in cached}]
    items = [list(further) for further in reduced[3:5] if further is not None]
    return [kind, made, arguments, *states, *items]
