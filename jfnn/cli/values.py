"""The words of a command line as values; each function says in its error what it expected."""

import argparse
import re

import numpy as np

from jfnn import Halving


def axis(text: str):
    """Numbers, as `numbers` reads them, or a distribution to draw them from.

    ``1e-5:10`` is log-uniform, ``uniform:0:0.9`` uniform, both as frozen distributions of `scipy.stats`.
    """
    uniform, ends = text.startswith("uniform"), text.removeprefix("uniform:").split(":")
    if not uniform and (len(ends) != 2 or "," in text):
        return numbers(text)
    from scipy import stats

    try:
        low, high = map(float, ends)
        if not (-np.inf if uniform else 0) < low < high < np.inf:
            raise ValueError
    except ValueError:
        expected = (
            "uniform:START:STOP with START below STOP"
            if uniform
            else "START:STOP with 0 < START < STOP (or uniform:START:STOP)"
        )
        raise _expected(expected, text) from None
    return stats.uniform(low, high - low) if uniform else stats.loguniform(low, high)


def number(text: str):
    """As `axis`; a number alone is no sequence."""
    found = axis(text)
    return found if re.search("[,:]", text) else found[0]


def numbers(text: str) -> list[float]:
    """``0,1e-3`` -> numbers; ``1e-5:10:7`` -> seven from 1e-5 to 10, evenly spaced on a logarithmic scale."""
    found: list[float] = []
    for item in text.split(","):
        try:
            start, *stop_and_count = item.split(":")
            if not stop_and_count:
                found.append(float(start))
                continue
            low, high, count = float(start), float(stop_and_count[0]), int(stop_and_count[1])
        except (ValueError, IndexError):
            raise _expected("numbers or START:STOP:COUNT, with commas between", text) from None
        if not (0 < low < np.inf and 0 < high < np.inf and count >= 2):
            raise _expected("a log-spaced START:STOP:COUNT with both ends above 0 and COUNT at least 2", item)
        found += np.geomspace(low, high, count).tolist()
    return found


def widths(text: str) -> list[int]:
    """``100,50`` -> widths of hidden layers; ``none`` -> no hidden layer."""
    return [] if text == "none" else _integers(text, "whole numbers with commas between, or 'none'")


def count_or_integers(text: str) -> int | list[int]:
    """``3`` -> a count; ``0,7`` or ``7,`` -> these very numbers."""
    found = _integers(text.removesuffix(","), "a count, or whole numbers with commas between")
    return found if "," in text else found[0]


def names(text: str) -> list[str]:
    """``sigmoid,relu`` -> names, each once."""
    return list(dict.fromkeys(text.split(",")))


def counts_or_full(text: str) -> list[int | str]:
    """``50,100`` -> counts, each once; ``full`` stays."""
    try:
        return list(dict.fromkeys(name if name == "full" else int(name) for name in text.split(",")))
    except ValueError:
        raise _expected("whole numbers or 'full', with commas between", text) from None


def share_or_count(text: str) -> float | int:
    """``0.2`` -> a share; ``360`` -> a count."""
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise _expected("a share such as 0.2, or a number of rows", text) from None


def named(text: str) -> tuple[str, object]:
    """``momentum=0.9`` -> a number, ``momentum=0,0.9`` -> an axis, ``nesterov=true`` -> a switch."""
    name, _, value = text.partition("=")
    if not (name.isidentifier() and value):
        raise _expected("NAME=VALUE", text)
    if value in ("true", "false"):
        return name, value == "true"
    if re.fullmatch(r"[+-]?\d+", value):
        return name, int(value)
    return name, number(value)


def halving(text: str) -> Halving:
    """``3`` -> successive halving by this factor; ``3:5`` -> after five epochs at the earliest."""
    try:
        factor, *least = map(int, text.split(":"))
        if len(least) > 1 or factor < 2 or min(least, default=1) < 1:
            raise ValueError
    except ValueError:
        raise _expected("FACTOR, at least 2, or FACTOR:EPOCHS", text) from None
    return Halving(factor, *least)


def _integers(text: str, expected: str) -> list[int]:
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise _expected(expected, text) from None


def _expected(what: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {what}, got {text!r}")
