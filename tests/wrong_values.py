"""Invalid values for each kind of argument: counts, names, arrays, paths, …"""

import contextlib
import datetime
import decimal
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from jfnn.arguments import checks


class Wrong(NamedTuple):
    """An invalid value, and words that the error must contain."""

    value: Any
    said: str = ""

    def __repr__(self):
        return checks.as_text(self.value)


class Kind(NamedTuple):
    """What an argument may be.

    Attributes:
        takes: Whether it accepts a plain value.
        wrong: Invalid values of its type, each a `Wrong`.
        edges: The invalid values closest to valid ones, which are always tested.
    """

    takes: Callable[[Any], bool] = lambda value: False
    wrong: st.SearchStrategy = st.nothing()
    edges: Sequence[Wrong] = ()


class Hostile:
    def __repr__(self):
        raise RuntimeError("no text")

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


# Values that hardly any argument accepts.
ODD = [
    *[1j, decimal.Decimal("-1"), datetime.date(2026, 1, 1), object(), Hostile(), bytearray(b"12")],
    *[{"a": 1}, {1, 2}, (i for i in ()), [[1.0, 2.0], [3.0]], -(10**5000)],
    *[np.array([None, object()], dtype=object), np.array([["a"], ["b"]]), np.array("2020", "M8[D]")],
    *[np.ma.masked_equal([1.0, 2.0, 3.0], 2.0), np.array([(1, 2.0)], "i4, f8"), sparse.csr_array(np.eye(3))],
]
with contextlib.suppress(ImportError):
    import pandas

    ODD += [pandas.NA, pandas.Timestamp(0), pandas.DataFrame({"a": ["b"] * 3})]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.sampled_from([0.5, 1.5, 2.0, -0.5, math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "x", "1", "None", "a\nb", "\ud800"]) | st.text("aé0. \0", max_size=4),
    st.sampled_from([len, Hostile, lambda: None]),
)
PLAIN = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
)


def of(kind):
    """Return the invalid values of a kind, each a `Wrong`."""
    odd = [value for value in ODD if not kind.takes(value)]
    plain = PLAIN.filter(lambda value: not kind.takes(value))
    return st.one_of(st.sampled_from(odd).map(Wrong), plain.map(Wrong), kind.wrong)


def either(*kinds):
    """One of several kinds."""

    def takes(value):
        return any(kind.takes(value) for kind in kinds)

    of_types = st.one_of(kind.wrong for kind in kinds)
    edges = [edge for kind in kinds for edge in kind.edges if not takes(edge.value)]
    return Kind(takes, of_types.filter(lambda wrong: not takes(wrong.value)), edges)


NONE = Kind(lambda value: value is None)
SWITCH = Kind(lambda value: isinstance(value, bool))
FUNCTION = Kind(callable)
NO_PATHS = [Wrong(path) for path in ("", "a" * 300, "a/" * 5000, "a\0b", "\ud800", b"a")]
PATH = Kind(lambda value: isinstance(value, str), st.sampled_from(NO_PATHS), NO_PATHS)


def is_number(value):
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) < 2**1000


def one_of(*numbers):
    return Kind(lambda value: is_number(value) and value in numbers)


def count(minimum=1, maximum=checks.MOST):
    """An integer; None for no limit."""
    most = math.inf if maximum is None else maximum
    beyond = st.integers(max_value=minimum - 1)
    edges = [minimum - 1, minimum + 0.5]
    if maximum is not None:
        beyond |= st.integers(min_value=maximum + 1)
        edges += [maximum + 1]

    def takes(value):
        return is_number(value) and isinstance(value, int) and minimum <= value <= most

    return Kind(takes, beyond.map(Wrong), [*map(Wrong, edges)])


def number(minimum=0.0, strict=False, below=math.inf):
    """A finite number; any float if ``minimum`` is None."""
    beyond = st.nothing()
    edges = []
    if minimum is not None:
        beyond |= st.floats(max_value=minimum, exclude_max=not strict, allow_infinity=False)
        edges += [minimum if strict else math.nextafter(minimum, -math.inf), math.nan, below]
    if below < math.inf:
        beyond |= st.floats(min_value=below, allow_infinity=False)

    def takes(value):
        if not is_number(value) or minimum is None:
            return is_number(value)
        return minimum < value < below or (value == minimum and not strict)

    return Kind(takes, beyond.map(Wrong), [*map(Wrong, edges)])


def several(kind, empty=False):
    """A sequence of a kind; with ``empty``, possibly without items."""
    items = st.one_of(SCALARS.filter(lambda value: not kind.takes(value)).map(Wrong), kind.wrong)
    edges = [] if empty else [Wrong([])]

    def takes(value):
        return isinstance(value, list | tuple) and len(value) >= (not empty) and all(map(kind.takes, value))

    return Kind(takes, items.map(in_list), [*edges, *map(in_list, kind.edges)])


def in_list(wrong):
    return Wrong([wrong.value], wrong.said)


def word(choices=None, near=True):
    """One of some names, or any text; with ``near``, the error for a misspelled name suggests one."""
    if choices is None:
        return Kind(lambda value: isinstance(value, str))
    misspelt = []
    for name in sorted(choices):
        doubled = [name[: i + 1] + name[i:] for i in range(len(name))]
        others = [other for other in [*doubled, name.upper()] if other not in choices and len(name) > 1]
        misspelt += [Wrong(other, repr(name) if near else "") for other in others]
    return Kind(lambda value: isinstance(value, str) and value in choices, st.sampled_from(misspelt))


NUMBERS = {"nan": math.nan, "inf": -math.inf, "huge": 1e39, "negative": -1.0}
FORMS = "complex words objects masked"


def is_numeric(value):
    try:
        return np.asarray(value).dtype.kind in "iufb" and not np.ma.is_masked(value)
    except (ValueError, RuntimeError):
        return False


def array(valid, ways=FORMS, loose=True):
    """An array-like of numbers; with ``loose``, also of other shapes than the valid one."""
    is_given = isinstance(valid, np.ndarray | list) and is_numeric(valid)
    wrong = [Wrong(given) for given in spoilt(np.array(valid), ways)] if is_given else []
    return Kind(is_numeric if loose else Kind().takes, st.one_of(map(st.just, wrong)), wrong)


def spoilt(valid, ways):
    """Return arrays that differ from a valid one in the last number, the dtype or the shape, by ``ways``."""
    last = (-1,) * valid.ndim
    for way in ways.split():
        if way in NUMBERS:
            given = valid.astype(np.float64)
            given[last] = NUMBERS[way]
            yield given
        elif way == "masked":
            given = np.ma.masked_array(valid)
            given[last] = np.ma.masked
            yield given
        elif way == "objects":
            given = valid.astype(object)
            given[last] = None
            yield given
        else:
            yield from FURTHER[way](valid)


# A way -> other invalid arrays.
FURTHER = {
    "complex": lambda valid: [valid + 0j],
    "words": lambda valid: [valid.astype(str)],
    "rows": lambda valid: [valid[:-1], valid[:0], np.concatenate([valid, valid[:1]])],
    "columns": lambda valid: [valid[:, :-1], np.concatenate([valid, valid[:, :1]], axis=1)],
    "axes": lambda valid: [valid[0], valid[..., None]],
}


def tree(valid):
    """A tree of arrays; another structure, or one with an invalid array, is wrong."""
    leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, valid))
    trees = [valid[:-1], valid[::-1], (*valid, valid[-1]), {"w": leaves[0]}, leaves[0]]
    for i, leaf in enumerate(leaves):
        others = spoilt(leaf, f"nan huge {FORMS}")
        trees += [jax.tree.unflatten(structure, [*leaves[:i], other, *leaves[i + 1 :]]) for other in others]
    return Kind(wrong=st.sampled_from([*map(Wrong, trees)]), edges=[*map(Wrong, trees[:12])])


def is_tree(value):
    leaves = jax.tree.leaves(value) if isinstance(value, list | tuple | dict) else [value]
    return bool(leaves) and all(map(is_number, leaves))


# Numbers or words in a list, none of them missing.
LABELS = array([1.0, 2.0], "nan objects complex masked")._replace(
    takes=lambda value: isinstance(value, list | tuple)
)
