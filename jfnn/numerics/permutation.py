"""Random permutations of 0 … n-1 whose entries are computed one by one, without sorting or memory.

A key of 32 bits selects the permutation. Entry j is a function of j, n and the key in 32-bit integers, hence
the same in NumPy and in JAX, compiled or not, on every platform.

The numbers 0 … n-1 are laid out row by row in a grid, whose last row may be shorter than the others. All
columns are turned, each by a random number of positions, then all rows, and so on: a Feistel network (Luby &
Rackoff 1988, "How to construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput. 17)
for any a×b numbers (Black & Rogaway 2002, "Ciphers with arbitrary finite domains", CT-RSA). There, a
number outside of 0 … n-1 is permuted again until it is inside. Here none is outside: columns that end above
the last row turn among one number fewer, and the last row by itself. Full rows are of even length, so
that even and odd permutations both occur.
"""

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks

# Cycles, in which all columns turn, then all rows. Each divides the remaining order by the shorter side of
# the grid, so that small ones need more. With ideal hashes, all pairs of two entries would be equally
# probable within 0.12% (n = 8), and within 0.05% from n = 64 on.
SMALL = 64
CYCLES_SMALL = 12
CYCLES = 6
GOLDEN = np.uint32(0x9E3779B9)  # 2³² divided by the golden ratio, between the words of cycles
FIRST = (np.uint32(0x243F6A88), np.uint32(0x85A308D3))  # digits of π

Words = Any  # unsigned integers: an array or a number of NumPy or JAX
Cells = tuple[Words, Words]


class Domain(NamedTuple):
    """0 … n-1 inside an a×b grid, row by row: unsigned 32-bit scalars or arrays, of NumPy or JAX.

    Attributes:
        n: How many numbers.
        a: Rows, of which the last has from 1 to ``b`` numbers.
        b: Columns, a power of two.
    """

    n: Words
    a: Words
    b: Words


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


def mixed(*words: Words, xp: types.ModuleType = np) -> Words:
    """A hash of several 32-bit words (not cryptographic).

    Two chains of the mixer: where the first chains of two seeds collide, the second ones still differ.

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


def permuted(positions: Words, domain: Domain, key: Words, xp: types.ModuleType = np) -> Words:
    """The entries at ``positions`` of a permutation of 0 … n-1; all arguments broadcast.

    Args:
        positions: Integers from 0 to n-1; entries at others are arbitrary.
        domain: From the function `domain`, or several on leading axes.
        key: Selects the permutation (uint32).
        xp: ``numpy``, or ``jax.numpy`` for traced arguments.

    Returns:
        An array (int32) of the shape to which the arguments broadcast.
    """
    shape = np.broadcast_shapes(*map(np.shape, (positions, *domain, key)))
    n, a, b, position = (_words(value, xp) for value in (*domain, positions))
    # With one word for both, keys whose words differ by 1 would share most of a permutation.
    column_word, row_word = (_words(mixed(key, line, xp=xp), xp) for line in range(2))
    rest = n - (a - 1) * b
    cycles = xp.where(n < SMALL, np.uint32(CYCLES_SMALL), np.uint32(CYCLES))

    def turn(cycle: Words, cells: Cells) -> Cells:
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


def _repeated(
    turn: Callable[[Words, Cells], Cells], cycles: Words, cells: Cells, xp: types.ModuleType
) -> Cells:
    """Cells after ``cycles`` calls of ``turn(cycle (uint32), cells)``."""
    if xp is np:
        for cycle in range(cycles):
            cells = turn(np.full(1, cycle, np.uint32), cells)
        return cells

    def short_kernels(cycles: Words, cells: Cells) -> Cells:
        turned: Cells = jax.lax.fori_loop(np.uint32(0), cycles, turn, cells)
        return turned

    def one_kernel(cycles: Words, cells: Cells) -> Cells:
        most = np.uint32(CYCLES_SMALL)
        turned: Cells = jax.lax.fori_loop(np.uint32(0), most, turn, cells, unroll=CYCLES_SMALL)
        return turned

    # A CPU overlaps the turns of several vectors only in short kernels; on a GPU starting a kernel takes
    # longer than all turns.
    turned: Cells = jax.lax.platform_dependent(cycles, cells, cpu=short_kernels, default=one_kernel)
    return turned


def _shifted(value: Words, word: Words, size: Words, xp: types.ModuleType) -> Words:
    """``value`` + a random number, modulo ``size``, for ``value < size ≤ 2¹⁶``.

    The random number is ⌊``size`` · ``word`` / 2³²⌋ (Lemire 2019, "Fast random integer generation in an
    interval", ACM TOMACS 29), computed exactly by 32-bit products.
    """
    low = ((word & 0xFFFF) * size) >> 16
    value = value + (((word >> 16) * size + low) >> 16)
    return xp.minimum(value, value - size)  # the difference is huge where it would be below 0


def _mix(word: Words) -> Words:
    """The mixer lowbias32 (Wellons 2018, "Prospecting for hash functions", nullprogram.com)."""
    word = (word ^ (word >> 16)) * np.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * np.uint32(0x846CA68B)
    return word ^ (word >> 16)


def _words(value: Words, xp: types.ModuleType) -> Words:
    """Integers as uint32 arrays with at least one axis, since NumPy warns where a scalar overflows."""
    return xp.atleast_1d(xp.asarray(value, xp.uint32))
