"""Random permutations of 0 … n-1 whose entries are computed one by one, without sorting or memory.

A key of 32 bits selects the permutation. Entry j is a function of j, n and the key in 32-bit integers, and
therefore the same in NumPy and JAX, compiled or not, on every platform.

The numbers 0 … n-1 fill a grid row by row, whose last row may be shorter. All columns are rotated, each by a
random number of positions, then all rows, and so on: a Feistel network (Luby & Rackoff 1988, "How to
construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput. 17) for any a×b numbers
(Black & Rogaway 2002, "Ciphers with arbitrary finite domains", CT-RSA). That method permutes a number outside
0 … n-1 again until it is inside. Here no number is outside: columns that end above the last row rotate one
number fewer, and the last row rotates by itself. Full rows have even length, so both even and odd
permutations occur.
"""

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks

# Number of cycles, which rotate all columns, then all rows. Each cycle divides the remaining order by the
# shorter side of the grid, so small grids need more. With ideal hashes, all pairs of two entries would be
# equally probable within 0.12% (n = 8), and within 0.05% from n = 64 on.
SMALL = 64
CYCLES_SMALL = 12
CYCLES = 6
GOLDEN = np.uint32(0x9E3779B9)  # 2³² divided by the golden ratio: the step between the words of cycles
FIRST = (np.uint32(0x243F6A88), np.uint32(0x85A308D3))  # digits of π

Words = Any  # unsigned integers: an array or a number of NumPy or JAX
Cells = tuple[Words, Words]


class Domain(NamedTuple):
    """0 … n-1 in an a×b grid, row by row: unsigned 32-bit scalars or arrays, of NumPy or JAX.

    Attributes:
        n: How many numbers.
        a: Number of rows; the last has from 1 to ``b`` numbers.
        b: Number of columns, a power of two.
    """

    n: Words
    a: Words
    b: Words


def domain(n: int) -> Domain:
    """Return the grid for ``n`` numbers, nearly square: its sides differ by a factor of at most 2.

    Args:
        n: From 1 to 2³¹ - 1.

    Returns:
        NumPy scalars; ``a`` and ``b`` are at most 2¹⁶.

    Raises:
        ValueError: ``n`` is below 1, or above 2³¹ - 1.
        TypeError: ``n`` is not a whole number.
    """
    n = checks.as_count(n, "n")
    b = 2 ** (n.bit_length() // 2)
    return Domain(np.uint32(n), np.uint32(-(-n // b)), np.uint32(b))


def hash_words(*words: Words, xp: types.ModuleType = np) -> Words:
    """Return a hash of several 32-bit words (not cryptographic).

    The mixer is chained twice: if the first chains of two seeds collide, the second ones still differ.

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


def permute(positions: Words, domain: Domain, key: Words, xp: types.ModuleType = np) -> Words:
    """Return the entries at ``positions`` of a permutation of 0 … n-1; all arguments broadcast.

    Args:
        positions: Integers from 0 to n-1; entries at other positions are arbitrary.
        domain: A grid from `domain`, or several grids on leading axes.
        key: Selects the permutation (uint32).
        xp: ``numpy``, or ``jax.numpy`` for traced arguments.

    Returns:
        An array (int32) of the shape to which the arguments broadcast.
    """
    shape = np.broadcast_shapes(*map(np.shape, (positions, *domain, key)))
    n, a, b, position = (_words(value, xp) for value in (*domain, positions))
    # With one word for columns and rows, keys whose words differ by 1 would give nearly equal permutations.
    column_word, row_word = (_words(hash_words(key, line, xp=xp), xp) for line in range(2))
    rest = n - (a - 1) * b
    cycles = xp.where(n < SMALL, np.uint32(CYCLES_SMALL), np.uint32(CYCLES))

    def turn(cycle: Words, cells: Cells) -> Cells:
        row, column = cells
        step = cycle * GOLDEN
        turned = _shift(row, _mix(column + column_word + step), a - (column >= rest), xp)
        row = xp.where(cycle < cycles, turned, row)
        turned = _shift(column, _mix(row + row_word + step), xp.where(row == a - 1, rest, b), xp)
        return row, xp.where(cycle < cycles, turned, column)

    bits = xp.bitwise_count(b - 1).astype(xp.uint32)
    size = np.broadcast_shapes(shape, (1,))
    cells = (xp.broadcast_to(position >> bits, size), xp.broadcast_to(position & (b - 1), size))
    row, column = _repeat(turn, cycles.max(), cells, xp)
    return ((row << bits) | column).astype(xp.int32).reshape(shape)


def _repeat(
    turn: Callable[[Words, Cells], Cells], cycles: Words, cells: Cells, xp: types.ModuleType
) -> Cells:
    """Call ``turn(cycle (uint32), cells)`` for each of ``cycles``, and return the last cells."""
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

    # On a CPU, short kernels are faster, because the rotations of several vectors overlap in them; on a GPU,
    # starting a kernel takes longer than all rotations.
    turned: Cells = jax.lax.platform_dependent(cycles, cells, cpu=short_kernels, default=one_kernel)
    return turned


def _shift(value: Words, word: Words, size: Words, xp: types.ModuleType) -> Words:
    """Return ``value`` plus a random number modulo ``size``, for ``value < size ≤ 2¹⁶``.

    The number is ⌊``size`` · ``word`` / 2³²⌋ (Lemire 2019, "Fast random integer generation in an interval",
    ACM TOMACS 29), computed exactly with 32-bit products.
    """
    low = ((word & 0xFFFF) * size) >> 16
    value = value + (((word >> 16) * size + low) >> 16)
    return xp.minimum(value, value - size)  # a negative difference wraps around to a huge number


def _mix(word: Words) -> Words:
    """Apply the mixer lowbias32 (Wellons 2018, "Prospecting for hash functions", nullprogram.com)."""
    word = (word ^ (word >> 16)) * np.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * np.uint32(0x846CA68B)
    return word ^ (word >> 16)


def _words(value: Words, xp: types.ModuleType) -> Words:
    """Return integers as uint32 arrays with at least one axis: NumPy warns when a scalar overflows."""
    return xp.atleast_1d(xp.asarray(value, xp.uint32))
