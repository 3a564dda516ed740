"""Pairs of functions and values for `test_code.py`; run as a script, prints their checksums as JSON."""

import dataclasses
import datetime
import enum
import functools
import json
import logging
import operator
import pickle
import threading
import types

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.identity.code import code_checksum
from jfnn.identity.traces import Trace

# Functions and classes that differ in one respect


def with_attribute(factor):
    def read():
        return read.factor

    read.factor = factor
    return read


def guarded(start):
    """Return a function, or one with the same code except for an empty exception table."""

    def read(values):
        try:
            return values.mean()
        except ValueError:
            return 0.0

    return read if start else types.FunctionType(read.__code__.replace(co_exceptiontable=b""), {})


@dataclasses.dataclass(frozen=True, slots=True)
class Slots:
    factor: float

    def __call__(self, values):
        return values.mean() * self.factor


@dataclasses.dataclass(frozen=True)
class Cached:
    factor: float

    @functools.cached_property
    def doubled(self):
        return 2 * self.factor


def having_read(value):
    assert value.doubled == 2 * value.factor
    return value


def with_property(factor):
    class Own:
        @property
        def factor(self):
            return factor

        @functools.cached_property
        def kept(self):
            return factor

        @classmethod
        def of_class(cls):
            return factor

        @staticmethod
        def of_none():
            return factor

        def __call__(self):
            return self.factor

    return Own()


class OfClass(property):
    def __get__(self, instance, kind=None):
        return self.fget(kind)


def with_own_property(factor):
    return type("Own", (), {"factor": OfClass(lambda kind: factor)})


def subclass(base, value, factor):
    return type("Own", (base,), {"__call__": lambda self: factor})(value)


def given_attribute(value, factor):
    value.factor = factor
    return value


def with_metaclass(factor):
    return type("Meta", (type,), {"factor": property(lambda cls: factor)})("Own", (), {})


def named(factor):
    @functools.wraps(np.mean)
    def read(values):
        return values.mean() * factor

    return read


def module_of(source, **values):
    module = types.ModuleType("of_a_user")
    vars(module).update(values)
    exec(source, vars(module))
    return module


def reading(module):
    def read(values):
        return own.mean(values)  # noqa: F821

    return types.FunctionType(read.__code__, {"own": module})


def reading_captured(module):
    return lambda values: module.mean(values)


MEAN = "def mean(values):\n    return values.mean() * K"
PACKAGE = "def mean(values):\n    return part.factor"


def sevenfold(values):
    return 7 * values


def eightfold(values):
    return 8 * values


DIFFERENT = {
    "attribute of a function": (with_attribute(1.0), with_attribute(2.0)),
    "table of exceptions": (guarded(True), guarded(False)),
    "keyword": (lambda values, y: y, lambda values, *, y: y),
    "only keywords": (lambda *, y: 1, lambda: 1),
    "slots": (Slots(1.0), Slots(2.0)),
    "itemgetter": (operator.itemgetter(1), operator.itemgetter(2)),
    "attrgetter": (operator.attrgetter("real"), operator.attrgetter("imag")),
    "methodcaller": (operator.methodcaller("mean"), operator.methodcaller("max")),
    "method in C": ([1].count, [2].count),
    "name of a method in C": ([1].count, [1].index),
    "method of a class in C": (datetime.date.fromordinal, datetime.date.fromisoformat),
    "method of a class": (with_property(1.0).of_class, with_property(2.0).of_class),
    "partial": (functools.partial(max, 1), functools.partial(max, 2)),
    "ufunc": (np.add, np.multiply),
    "property": (with_property(1.0), with_property(2.0)),
    "own property": (with_own_property(1.0), with_own_property(2.0)),
    "methods of a dict": (subclass(dict, {1: 2}, 1.0), subclass(dict, {1: 2}, 2.0)),
    "methods of a list": (subclass(list, [1], 1.0), subclass(list, [1], 2.0)),
    "methods of a float": (subclass(float, 1.5, 1.0), subclass(float, 1.5, 2.0)),
    "items of a dict": (subclass(dict, {1: 2}, 1.0), subclass(dict, {1: 3}, 1.0)),
    "items of a set": (subclass(set, {"a"}, 1.0), subclass(set, {"b"}, 1.0)),
    "attribute of a list": (
        given_attribute(subclass(list, [1], 1.0), 1),
        given_attribute(subclass(list, [1], 1.0), 2),
    ),
    "attribute of a class": (type("Own", (), {"__factor__": 1}), type("Own", (), {"__factor__": 2})),
    "metaclass": (with_metaclass(1.0), with_metaclass(2.0)),
    "wrapper": (named(1.0), named(2.0)),
    "jit": (jax.jit(sevenfold), jax.jit(eightfold)),
    "cached": (functools.lru_cache(sevenfold), functools.lru_cache(eightfold)),
    "vmap": (jax.vmap(sevenfold), jax.vmap(eightfold)),
    "constant of a module": (reading(module_of(MEAN, K=1.0)), reading(module_of(MEAN, K=2.0))),
    "function of a module": (
        reading(module_of(MEAN, K=1.0)),
        reading(module_of(MEAN.replace("mean()", "max()"), K=1.0)),
    ),
    "constant of a captured module": (
        reading_captured(module_of(MEAN, K=1.0)),
        reading_captured(module_of(MEAN, K=2.0)),
    ),
    "module in a package": (
        reading(module_of(PACKAGE, part=module_of("factor = 1"))),
        reading(module_of(PACKAGE, part=module_of("factor = 2"))),
    ),
    "module in a list": ([module_of(MEAN, K=1.0)], [module_of(MEAN, K=2.0)]),
    "mask": (np.ma.array([1, 2], mask=[True, False]), np.ma.array([1, 2], mask=[False, True])),
    "array of functions": (np.array([sevenfold]), np.array([eightfold])),
    "array": (np.ones(3), np.ones(3, np.float32)),
    "structure": (jax.tree.structure({"a": 1}), jax.tree.structure({"b": 1})),
}


# Functions and values created twice, and equal


class Rule(enum.Enum):
    ONE = 1
    TWO = 2


def in_a_registry():
    registry = set()

    def read():
        return len(registry)

    registry.add(read)
    registry.add(lambda: 2 * len(registry))
    return read


def in_a_list():
    circle = []

    def read():
        return circle

    circle.append((read, circle))
    return read


def seen_by_pickle():
    own = with_property(1.0)
    own.__reduce_ex__(2)  # writes `__slotnames__` into the class
    return own


def with_a_lock():
    lock = threading.RLock()
    log = logging.getLogger("jfnn.of_a_user")

    def read(values):
        with lock:
            log.debug("read")
        return values, Rule.ONE, np.mean, jnp.mean, jax.nn.relu, __file__

    return read


def of_lines(before):
    return module_of("\n" * before + MEAN, K=1.0).mean


def of_arrays(first, second):
    return lambda: (first, second, (1.5, 2.5))


def calls_back():
    def loss(value):
        jax.debug.callback(note, value)
        return value

    return Trace(loss, jax.ShapeDtypeStruct((), np.float32)).checksum


def note(value):
    """Do nothing."""


ONES = np.ones(3)
WORDS = {"a", "b", "z", 1, (1, "x"), Rule.TWO, frozenset({"m", "n"}), frozenset({"a", "z"})}

MADE_TWICE = {
    "property": lambda: with_property(1.0),
    "slots": lambda: (Slots, Slots(2.0)),
    "jit": lambda: jax.jit(sevenfold),
    "cached": lambda: functools.lru_cache(sevenfold),
    "callback": calls_back,
    "registry": in_a_registry,
    "list": in_a_list,
    "lock": with_a_lock,
    "words": lambda: (set(WORDS), lambda word: word in {"a", "b", "zz"}),
    "subclass of a set": lambda: subclass(set, WORDS, 1.0),
    "wrapper": lambda: named(1.0),
    "structure": lambda: jax.tree.structure({"a": (1, 2)}),
}
EQUAL = {
    **{name: (make(), make()) for name, make in MADE_TWICE.items()},
    "pickled": (with_property(1.0), seen_by_pickle()),
    "name": (sevenfold, lambda values: 7 * values),
    "line": (of_lines(0), of_lines(5)),
    "copied array": (of_arrays(ONES, ONES), of_arrays(ONES, ONES.copy())),
    # In a spawned worker, the main module of a script has the second name.
    "name of a script": (
        type("Own", (), {"__module__": "__main__", "factor": 1.0}),
        type("Own", (), {"__module__": "__mp_main__", "factor": 1.0}),
    ),
    "cached property that was read": (Cached(1.0), having_read(Cached(1.0))),
    "copied slots": (Slots(1.0), pickle.loads(pickle.dumps(Slots(1.0)))),
    "another value of a module": (
        reading(module_of(MEAN, K=1.0, other=1)),
        reading(module_of(MEAN, K=1.0, other=2)),
    ),
}

# Values that cannot be pickled, by the type named in the checksum
UNKNOWN = {
    "generator": lambda: (i for i in range(3)),
    "ufunc": lambda: np.frompyfunc(sevenfold, 1, 1),
    "Device": lambda: jax.devices()[0],
}


def checksums():
    """Return the checksums of all pairs with known checksums, different and equal ones."""
    return [
        {name: [code_checksum(value) for value in pair] for name, pair in pairs.items()}
        for pairs in (DIFFERENT, EQUAL)
    ]


if __name__ == "__main__":
    print(json.dumps(checksums()))
