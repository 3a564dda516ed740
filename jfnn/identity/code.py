"""Checksums of Python functions that run on the host, by their code and all that it refers to.

Equal checksums mean equal functions; names of functions, comments and line numbers do not count. Code of
installed packages counts by its name and version. Functions that JAX traces have better ones:
`jfnn.identity.traces`.

Every value is a leaf, an array, or made of simpler values (`_pieces`), down to leaves. What a value holds,
pickle knows best: an instance is what pickle takes of it, and its class. Where pickle takes nothing, the
value is unknown.
"""

import copyreg
import functools
import hashlib
import pickle
import types
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.identity.references import captured, is_installed, names_read, version

LEAVES = (type(None), bool, int, float, complex, str, bytes, type(...))
# Types of which pickle takes nothing, or more than decides: the attributes that say what an instance does.
HELD: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"),
    property: ("fget", "fset", "fdel"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func", "attrname"),  # less the module, which Python 3.13 keeps
    types.GetSetDescriptorType: ("__objclass__", "__name__"),
    type(functools.lru_cache(lambda: None)): ("__wrapped__",),
    type(jax.jit(lambda: None)): ("__wrapped__",),
}
# Modules of types whose instances decide no number: locks, files, caches of abstract classes, lines of code.
OPAQUE = ("_thread", "_io", "_abc", "jax._src.pjit")
# Attributes of a class that Python, `dataclasses`, `abc` and `pickle` write.
MADE = {
    *("__module__", "__doc__", "__slotnames__", "__firstlineno__", "__static_attributes__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__orig_bases__", "__parameters__", "__type_params__"),
    *("__dataclass_fields__", "__dataclass_params__"),
    *("__abstractmethods__", "_abc_impl"),
}
UNKNOWN = "unknown, by a "


def code_checksum(*values: object) -> str:
    """A checksum of functions and all that they refer to: defaults, captured and global values, attributes.

    Where they refer to an object of which pickle takes nothing, it is "unknown, by a …" with the object's
    type instead, another at each call: such functions are never taken for equal ones, and their run is not
    resumed.
    """
    return checksum(code_parts(values))


def code_parts(value: object) -> Iterator[str | bytes]:
    """Parts of `code_checksum`."""
    return _Walk().parts(value)


def checksum(parts: Iterable[str | bytes]) -> str:
    """SHA-256 of parts, each with its length; behind "unknown, by a …: " where a part begins so."""
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
    """The words "unknown, by a …" of a checksum or part; None where all is known."""
    return text.partition(":")[0] if text.startswith(UNKNOWN) else None


def array_parts(value: object) -> Iterator[str | bytes]:
    """An array's dtype, shape and content; the dtype must not hold objects."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    yield f"array {array.dtype} {array.shape}"
    yield array.tobytes()


class _Walk:
    """One walk over values and their pieces.

    A value met before counts by its number, so that circles end. Leaves, tuples and arrays have none: they
    count by content, whether they are the same object or, as after a pickle, a copy.
    """

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}  # id -> number
        self.arrays: dict[int, tuple[object, str]] = {}  # id -> array and checksum: each is read once

    def parts(self, value: object) -> Iterator[str | bytes]:
        """Parts of a value and all its pieces, depth first."""
        waiting = [value]
        alive = []  # so that no id is given again
        while waiting:
            value = waiting.pop()
            kind = type(value)
            alive.append(value)
            if kind in LEAVES:
                yield f"{kind.__name__} {value!r}"
            elif id(value) in self.numbers:
                yield f"met {self.numbers[id(value)]}"
            elif _is_array(value):
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
        """Checksums of a set's items, sorted: their order is another in each process."""
        met = len(self.numbers)
        checksums = []
        for item in items:
            checksums.append(checksum(self.parts(item)))
            while len(self.numbers) > met:  # numbers of an item must not depend on the items before
                self.numbers.popitem()
        yield f"set {len(items)}"
        yield from sorted(checksums)


def _is_array(value: object) -> bool:
    """Whether a value is an array that its dtype, shape and bytes say all of."""
    return (type(value) is np.ndarray and not value.dtype.hasobject) or isinstance(value, jax.Array)


def _pieces(value: Any) -> list[object] | None:
    """Values that, with the name of a value's type, say all of it; None where nothing does."""
    kind = type(value)
    if kind in (list, tuple):
        return list(value)
    if kind in (dict, types.MappingProxyType):
        return [piece for item in value.items() for piece in item]
    if isinstance(value, set | frozenset):  # of a subclass, whose pickle has the items in any order
        return [kind, frozenset(value), getattr(value, "__dict__", None)]
    if kind is np.ndarray:  # of objects
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
    if kind is jax.tree_util.PyTreeDef:  # whose pickle holds a registry that has none
        return [value.node_data(), value.children()]
    if kind.__module__ in OPAQUE:
        return []
    return _instance_pieces(value)


def _code_pieces(code: types.CodeType) -> list[object]:
    """Instructions, names and constants of code, less names of the function and line numbers."""
    names = code.co_names, code.co_varnames, code.co_freevars
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return [code.co_code, code.co_exceptiontable, names, arguments, *code.co_consts]


def _function_pieces(function: types.FunctionType) -> list[object]:
    """A function's code and all that it reads, or the name and version of one of an installed package."""
    # Not `__module__`, which `functools.wraps` takes from another function.
    module = function.__globals__.get("__name__")
    defaults = [function.__defaults__, function.__kwdefaults__]
    if is_installed(module):
        name = f"{module}.{function.__code__.co_qualname}"
        return [name, version(module), *defaults, captured(function)]
    return [function.__code__, names_read(function), *defaults, vars(function)]


def _module_pieces(module: types.ModuleType) -> list[object]:
    """The name and version of an installed module; all attributes of a user's that no code reads by name."""
    if is_installed(module.__name__):
        return [module.__name__, version(module.__name__)]
    return [{name: value for name, value in vars(module).items() if not name.startswith("__")}]


def _class_pieces(kind: type) -> list[object]:
    """The name and version of an installed class, of others the attributes, less those of its bases."""
    if not isinstance(kind.__module__, str):  # a type in C, whose instances have a module: Cython's functions
        return [kind.__qualname__]
    if is_installed(kind.__module__):
        return [f"{kind.__module__}.{kind.__qualname__}", version(kind.__module__)]
    # Without the module: in a worker, that of a script has another name.
    return [kind.__qualname__, {name: value for name, value in vars(kind).items() if name not in MADE}]


def _instance_pieces(value: Any) -> list[object] | None:
    """An instance's class and what pickle takes of it."""
    kind = type(value)
    try:
        reduced = (
            copyreg.dispatch_table[kind](value) if kind in copyreg.dispatch_table else value.__reduce_ex__(2)
        )
        if isinstance(reduced, str):
            pickle.dumps(value)  # which finds the value by that name, or raises
            return [kind, reduced, getattr(value, "__module__", None)]
    except Exception:  # its type may do anything
        return None
    made, arguments, *states = reduced[:3]
    if states and isinstance(states[0], dict):  # cached properties follow from the rest, read or not
        members = {name: member for base in reversed(kind.__mro__) for name, member in vars(base).items()}
        cached = {name for name in states[0] if isinstance(members.get(name), functools.cached_property)}
        states = [{name: piece for name, piece in states[0].items() if name not in cached}]
    items = [list(further) for further in reduced[3:5] if further is not None]
    return [kind, made, arguments, *states, *items]
