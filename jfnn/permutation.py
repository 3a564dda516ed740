"""Random permutations of 0 … n-1 whose entries are computed one by one: nothing is sorted, nothing stored.

A permutation is chosen by a key of 32 bits. Its entry j is a function of j, n and the key in whole numbers of
32 bits, and so the same in NumPy and in JAX, compiled or not, on every platform.

The numbers 0 … n-1 are laid out row by row in a grid, whose last row may be shorter than the others. All
columns are turned, each by a random number of places, then all rows, and so on: a Feistel network (Luby &
Rackoff 1988, "How to construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput. 17) in
the form for any a×b numbers (Black & Rogaway 2002, "Ciphers with arbitrary finite domains", CT-RSA). They let
a number that falls outside of 0 … n-1 walk on until it is back inside. Here none falls outside, since columns
that end above the last row turn among one number fewer, and the last row among its own. Full rows are of even
length, so that even and odd permutations both occur.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn import checks

# Cycles, in which all columns turn, then all rows. What a cycle leaves of the order before shrinks by the
# shorter side of the grid, so that short ones need more. If hashes were random numbers, two entries would be
# any two numbers with equal probabilities, to 0.12% (n = 8), from n = 64 on to 0.05%.
SMALL, CYCLES_SMALL, CYCLES = 64, 12, 6
GOLDEN = np.uint32(0x9E3779B9)  # 2³² divided by the golden ratio, between the words of cycles
FIRST = (np.uint32(0x243F6A88), np.uint32(0x85A308D3))  # digits of π

Cells = tuple[Any, Any]


class Domain(NamedTuple):
    """0 … n-1 inside an a×b grid, row by row: unsigned 32-bit scalars or arrays, of NumPy or JAX.

    Attributes:
        n: How many numbers.
        a: Rows, of which the last has from 1 to ``b`` numbers.
        b: Columns, a power of two.
    """

    n: Any
    a: Any
    b: Any


def domain(n: int) -> Domain:
    """The grid for ``n`` numbers, nearly square: its sides differ by a factor of at most 2.

    Args:
        n: From 1 to 2³¹ - 1.

    Returns:
        NumPy scalars; ``a`` and ``b`` are at most 2¹⁶.

    Raises:
        ValueError: ``n`` is below 1, or above 2³¹ - 1.
        TypeError: It is not a whole number.
    """
    n = checks.as_count(n, "n")
    b = 2 ** (n.bit_length() // 2)
    return Domain(np.uint32(n), np.uint32(-(-n // b)), np.uint32(b))


def mixed(*words: Any, xp: Any = np) -> Any:
    """One word of 32 bits that looks random, from several: a hash, not a secret.

    Two chains of the mixer: where the first chains of two seeds meet, the second ones still differ.

    Args:
        words: Whole numbers from 0 to 2³² - 1, or arrays of them that broadcast.
        xp: ``numpy`` or ``jax.numpy``.

    Returns:
        An array (uint32) of the shape to which the words broadcast.
    """
    first, second = FIRST
    for word in words:
        first = _mix(first ^ _words(word, xp))
        second = _mix(second + first)
    return second.reshape(np.broadcast_shapes(*map(np.shape, words)))


def permuted(positions: Any, domain: Domain, key: Any, xp: Any = np) -> Any:
    """The entries at ``positions`` of a permutation of 0 … n-1; all arguments broadcast.

    Args:
        positions: Whole numbers from 0 to n-1; entries at others mean nothing.
        domain: From the function `domain`, or several on leading axes.
        key: Chooses the permutation: unsigned, 32 bits.
        xp: ``numpy``, or ``jax.numpy``, by which all of these may be traced.

    Returns:
        An array (int32) of the shape to which the arguments broadcast.
    """
    shape = np.broadcast_shapes(*map(np.shape, (positions, *domain, key)))
    n, a, b, position = (_words(value, xp) for value in (*domain, positions))
    # By one word for both, keys whose words differ by 1 would share a permutation but for a row and a column.
    column_word, row_word = (_words(mixed(key, line, xp=xp), xp) for line in range(2))
    rest = n - (a - 1) * b
    cycles = xp.where(n < SMALL, np.uint32(CYCLES_SMALL), np.uint32(CYCLES))

    def turn(cycle: Any, cells: Cells) -> Cells:
        row, column = cells
        step = cycle * GOLDEN
        turned = _shifted(row, _mix(column + column_word + step), a - (column >= rest), xp)
        row = xp.where(cycle < cycles, turned, row)
        turned = _shifted(column, _mix(row + row_word + step), xp.where(row == a - 1, rest, b), xp)
        return row, xp.where(cycle < cycles, turned, column)

    bits = xp.bitwise_count(b - 1).astype(xp.uint32)
    size = np.broadcast_shapes(shape, (1,))
    cells = (xp.broadcast_to(position >> bits, size), xp.broadcast_to(position & (b - 1), size))
    row, column = _repeated(turn, cycles.max(), cells, xp)
    return ((row << bits) | column).astype(xp.int32).reshape(shape)


def _repeated(turn: Callable[[Any, Cells], Cells], cycles: Any, cells: Cells, xp: Any) -> Cells:
    """Cells after some cycles of turns, of which the first argument is the number of the cycle (uint32)."""
    if xp is np:
        for cycle in range(cycles):
            cells = turn(np.full(1, cycle, np.uint32), cells)
        return cells

    def short_kernels(cycles: Any, cells: Cells) -> Cells:
        turned: Cells = jax.lax.fori_loop(np.uint32(0), cycles, turn, cells)
        return turned

    def one_kernel(cycles: Any, cells: Cells) -> Cells:
        most = np.uint32(CYCLES_SMALL)
        turned: Cells = jax.lax.fori_loop(np.uint32(0), most, turn, cells, unroll=CYCLES_SMALL)
        return turned

    # A CPU overlaps the turns of several vectors only where there are few operations a vector; on a GPU the
    # start of a kernel takes longer than all turns.
    turned: Cells = jax.lax.platform_dependent(cycles, cells, cpu=short_kernels, default=one_kernel)
    return turned


def _shifted(value: Any, word: Any, size: Any, xp: Any) -> Any:
    """``value`` + a random number, modulo ``size``; ``value`` is below it, and it is at most 2¹⁶.

    The random number is the whole part of ``size`` · ``word`` / 2³² (Lemire 2019, "Fast random integer
    generation in an interval", ACM TOMACS 29), of which no digit is lost here to products of 32 bits.
    """
    low = ((word & 0xFFFF) * size) >> 16
    value = value + (((word >> 16) * size + low) >> 16)
    return xp.minimum(value, value - size)  # the difference is huge where it would be below 0


def _mix(word: Any) -> Any:
    """The mixer lowbias32 (Wellons 2018, "Prospecting for hash functions", nullprogram.com)."""
    word = (word ^ (word >> 16)) * np.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * np.uint32(0x846CA68B)
    return word ^ (word >> 16)


def _words(value: Any, xp: Any) -> Any:
    """Whole numbers as uint32 with an axis at least: NumPy warns where a scalar overflows."""
    return xp.atleast_1d(xp.asarray(value, xp.uint32))
