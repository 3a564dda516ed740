"""Readers of command-line words: functions that convert a string to a value.

Their errors describe the expected form; ranges are checked by the functions that use the values.
"""

import argparse
import functools
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.optimizers import Distribution

MOST_VALUES = 1_000_000  # largest number of values in one range
INTEGERS = "whole numbers separated by commas"
Axis = tuple[float, ...] | Distribution
Value = TypeVar("Value")
Read = Callable[[str], object]


def says(expected: str) -> Callable[[Callable[[str], Value]], Callable[[str], Value]]:
    """Decorate a reader so that its ValueErrors become messages with the expected form."""

    def decorate(read: Callable[[str], Value]) -> Callable[[str], Value]:
        @functools.wraps(read)
        def read_or_raise(text: str) -> Value:
            try:
                return read(text)
            except ValueError:
                raise _expected(expected, text) from None

        return read_or_raise

    return decorate


def whole_number(text: str) -> int:
    """Read an integer."""
    return int(_plain(text))


def number(text: str) -> float:
    """Read a number."""
    return float(_plain(text))


def _plain(text: str) -> str:
    """Return the text of a number; reject ``_``, since ``100_50`` is more likely a typing error."""
    if "_" in text or not text.isascii():
        raise ValueError(f"expected plain numbers, got {text!r}")
    return text


one_integer = says("a whole number")(whole_number)
one_number = says("a number")(number)


@says("START:STOP with 0 < START < STOP, or uniform:START:STOP with START < STOP")
def axis(text: str) -> Axis:
    """Read numbers as `numbers` does, or a distribution to draw them from.

    ``1e-5:10`` is log-uniform and ``uniform:0:0.9`` uniform, both as frozen distributions of `scipy.stats`.
    """
    uniform = text.startswith("uniform")
    ends = text.removeprefix("uniform:").split(":")
    if not uniform and (len(ends) != 2 or "," in text):
        return numbers(text)
    from scipy import stats

    low, high = map(number, ends)
    if not (-np.inf if uniform else 0) < low < high < np.inf:
        raise ValueError(text)
    frozen: Distribution = stats.uniform(low, high - low) if uniform else stats.loguniform(low, high)
    return frozen


def number_or_axis(text: str) -> float | Axis:
    """Read a word as `axis` does, but return a single number as a number."""
    values = axis(text)
    return values[0] if isinstance(values, tuple) and not re.search("[,:]", text) else values


@says(f"numbers, or log-spaced START:STOP:COUNT with both ends above 0 and COUNT from 2 to {MOST_VALUES}")
def numbers(text: str) -> tuple[float, ...]:
    """``0,1e-3`` -> numbers; ``1e-5:10:7`` -> seven from 1e-5 to 10, evenly spaced on a logarithmic scale."""
    values: list[float] = []
    for item in text.split(","):
        if ":" not in item:
            values.append(number(item))
            continue
        start, stop, length = item.split(":")
        low, high = number(start), number(stop)
        count = whole_number(length)
        if not (0 < low < np.inf and 0 < high < np.inf and 2 <= count <= MOST_VALUES):
            raise ValueError(item)
        values += np.geomspace(low, high, count).tolist()
    return tuple(values)


@says(INTEGERS)
def integers(text: str) -> tuple[int, ...]:
    """``1,8,8`` -> integers."""
    return tuple(map(whole_number, text.split(",")))


@says(f"{INTEGERS}, or 'none'")
def widths(text: str) -> tuple[int, ...]:
    """``100,50`` -> widths of hidden layers; ``none`` -> no hidden layer."""
    return () if text == "none" else tuple(map(whole_number, text.split(",")))


@says(f"a count, or {INTEGERS}")
def count_or_integers(text: str) -> int | tuple[int, ...]:
    """``3`` -> a count; ``0,7`` or ``7,`` -> a list of numbers."""
    values = tuple(map(whole_number, text.removesuffix(",").split(",")))
    return values if "," in text else values[0]


def names(text: str) -> tuple[str, ...]:
    """``sigmoid,relu`` -> names, without duplicates."""
    return tuple(dict.fromkeys(text.split(",")))


@says(f"{INTEGERS}, or 'full'")
def counts_or_full(text: str) -> tuple[int | str, ...]:
    """``50,100`` -> counts, without duplicates; ``full`` is kept."""
    words = text.split(",")
    return tuple(dict.fromkeys(word if word == "full" else whole_number(word) for word in words))


def count(least: int) -> Callable[[str], int]:
    """Return a reader of an integer of at least ``least``."""

    @says(f"a whole number from {least} to {checks.MOST}")
    def read(text: str) -> int:
        return checks.as_count(whole_number(text), "count", least)

    return read


def one_of(choices: Collection[str]) -> Callable[[str], str]:
    """Return a reader of one of the names in ``choices``."""

    def read(text: str) -> str:
        try:
            return checks.as_choice(text, "", choices)
        except ArgumentError as error:
            raise argparse.ArgumentTypeError(error.reason) from None

    return read


@says("a share such as 0.2, or a number of rows")
def share_or_count(text: str) -> float | int:
    """``0.2`` -> a share; ``360`` -> a count."""
    return whole_number(text) if text.isdecimal() else number(text)


def parse_assignment(text: str) -> tuple[str, bool | float | Axis]:
    """``momentum=0.9`` -> a number, ``momentum=0,0.9`` -> an axis, ``nesterov=true`` -> a switch."""
    name, _, value = text.partition("=")
    if not (name.isidentifier() and value):
        raise _expected("NAME=VALUE", text)
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if re.fullmatch(r"[+-]?[0-9]{1,9}", value) else number_or_axis(value)


def path(text: str) -> Path:
    """Read a path, with "~" for the user's home; an empty string is invalid."""
    if not text or "\0" in text:
        raise _expected("a path", text)
    return Path(os.path.expanduser(text))  # a shell does not expand "~" in --out=~/run


def _expected(what: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {what}, got {text!r}")
