"""Permutations from keys: bijections, equally likely orders, and the same numbers in NumPy and JAX.

Keys are fixed, so the tests are deterministic; a χ² test fails if its p-value is within 1e-6 of 0 or 1.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jfnn.numerics.permutation import Domain, domain, hash_words, permute

LARGEST = 2**31 - 1
WORD = 2**32
KEYS = np.array([0, 1, 2, 2**31, WORD - 1, 3735928559], np.uint32)
LARGE = [1437, 4095, 4096, 4097, 65535, 65536, 65537, 99991]
SIZES = [
    *[(n, 100_000) for n in (2, 3, 5, 8, 16, 33, 63, 64, 128, 1437, 100_000)],
    *[
        pytest.param(n, 10**6, marks=pytest.mark.slow)
        for n in (4, 6, 7, 9, 12, 24, 31, 32, 48, 65, 127, 500, *LARGE)
    ],
]
MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
GOLDEN = 0x9E3779B9


def lowbias(x):
    x ^= x >> 16
    x = x * MULTIPLIERS[0] % WORD
    x ^= x >> 15
    x = x * MULTIPLIERS[1] % WORD
    return x ^ x >> 16


def lowbias_inverse(x):
    """Return the word that `lowbias` maps to ``x``."""
    x ^= x >> 16
    x = x * pow(MULTIPLIERS[1], -1, WORD) % WORD
    x ^= x >> 15 ^ x >> 30
    x = x * pow(MULTIPLIERS[0], -1, WORD) % WORD
    return x ^ x >> 16


def mixed_by_hand(*words):
    first = 0x243F6A88
    second = 0x85A308D3
    for word in words:
        first = lowbias(first ^ word)
        second = lowbias((second + first) % WORD)
    return second


def permuted_by_hand(position, n, key):
    """Return one entry, computed with Python integers, which are exact."""
    b = 2 ** (n.bit_length() // 2)
    row, column = divmod(position, b)
    column_word = mixed_by_hand(key, 0)
    row_word = mixed_by_hand(key, 1)
    for _ in range(12 if n < 64 else 6):
        height = len(range(column, n, b))
        row = (row + lowbias((column + column_word) % WORD) * height // WORD) % height
        width = len(range(row * b, min(row * b + b, n)))
        column = (column + lowbias((row + row_word) % WORD) * width // WORD) % width
        column_word = column_word + GOLDEN
        row_word = row_word + GOLDEN
    return row * b + column


def keys_of_steps(count):
    """Return the keys ``[count]`` of an engine: 100 steps per epoch, one epoch after the other."""
    epoch, step = np.divmod(np.arange(count), 100)
    return hash_words(5, 0, epoch, step)


def drawn(n, positions, keys):
    """Return entries ``[positions, keys]`` with a dtype whose products do not overflow."""
    return permute(np.reshape(positions, (-1, 1)), domain(n), keys).astype(np.int64)


def places(n):
    """Return positions in one row, in one column, in neither, in the last row, and far apart."""
    b = int(domain(n).b)
    return sorted({p for p in (0, 1, b, b + 1, 2 * b, n // 2, n - 2, n - 1) if 0 <= p < n})


def expect(counts, shares):
    """Check by χ² that counts agree with these shares, pooling rare cells."""
    counts = np.ravel(counts)
    shares = np.ravel(shares) / np.sum(shares)
    assert not counts[shares == 0].any()
    often = shares * counts.sum() > 10
    counts, shares = (np.append(x[often], x[~often].sum()) for x in (counts, shares))
    kept = slice(None if shares[-1] * counts.sum() > 10 else -1)
    counts = counts[kept]
    shares = shares[kept] / shares[kept].sum()
    assert len(counts) > 1
    assert 1e-6 < stats.chisquare(counts, counts.sum() * shares).pvalue < 1 - 1e-6


def expect_together(entries, n, bins):
    """Check bins of entries ``[1 to 3, keys]`` of a permutation, which are distinct numbers below ``n``."""
    group = np.arange(n) * bins // n
    sizes = np.bincount(group)
    ways = np.ones(())
    for _ in entries:
        taken = sum(np.arange(bins) == index[..., None] for index in np.indices(ways.shape))
        ways = ways[..., None] * (sizes - taken)
    counts = np.bincount(np.ravel_multi_index(group[entries], ways.shape), minlength=ways.size)
    expect(counts, ways)


@pytest.mark.thorough
@pytest.mark.parametrize("sizes", [range(1, 301), *LARGE], ids=str)
def test_every_number_occurs_once(sizes):
    for n in np.atleast_1d(sizes).tolist():
        entries = np.sort(permute(np.arange(n), domain(n), KEYS[:, None]), axis=1)
        np.testing.assert_array_equal(entries, np.broadcast_to(np.arange(n), entries.shape))


def test_grids_contain_n_and_are_nearly_square():
    for n in [*range(2, 3000), *LARGE, LARGEST]:
        sides = domain(n)
        assert {side.dtype for side in sides} == {np.dtype(np.uint32)}
        size, a, b = map(int, sides)
        assert size == n and (a - 1) * b < n <= a * b and max(a, b) <= min(2 * min(a, b), 2**16)
    assert domain(1) == (1, 1, 1)


@pytest.mark.parametrize(
    ("n", "error"),
    [(0, ValueError), (-3, ValueError), (2**31, ValueError), (2.0, TypeError), (True, TypeError)],
)
def test_invalid_domain_raises_an_error(n, error):
    with pytest.raises(error, match="n: expected"):
        domain(n)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 63, 64, 100, 1437, 99991, 65535 * 32767, LARGEST])
def test_entries_equal_exact_arithmetic(n):
    positions = sorted({int(p) for p in np.linspace(0, n - 1, 25)})
    for key in KEYS.tolist():
        expected = [permuted_by_hand(position, n, key) for position in positions]
        np.testing.assert_array_equal(permute(positions, domain(n), key), expected)


def test_words_equal_exact_arithmetic():
    for words in [(0,), (7,), (WORD - 1, 5), (1, 2, 3, 4), (4, 3, 2, 1)]:
        word = hash_words(*words)
        assert word == mixed_by_hand(*words) and word.dtype == np.uint32 and word.shape == ()
    first = np.arange(3)[:, None]
    second = np.array([9, WORD - 1])
    expected = [[mixed_by_hand(i, j) for j in second.tolist()] for i in range(3)]
    np.testing.assert_array_equal(hash_words(first, second), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("platform", [None, "cpu", "default"])
def test_jax_equals_numpy_with_everything_traced(platform, dtype, monkeypatch):
    """A batch mixes domains with few and with many turns; the code for other platforms runs here too."""
    if platform is not None:
        monkeypatch.setattr(jax.lax, "platform_dependent", lambda *values, **ways: ways[platform](*values))
    sizes = [1, 2, 3, 31, 63, 64, 100, 1437, 99991, LARGEST]
    sides = Domain(*(np.stack(side) for side in zip(*map(domain, sizes), strict=True)))
    positions = np.stack([np.linspace(0, n - 1, 20).astype(np.int32) for n in sizes])
    expected = permute(positions[:, :, None], Domain(*(side[:, None, None] for side in sides)), KEYS)
    assert expected.dtype == np.int32 and expected.shape == (len(sizes), 20, len(KEYS))

    def by_jax(positions, domain, key):
        return permute(positions, domain, key, jnp)

    def broadcast(positions, domain, key):
        return by_jax(positions[:, :, None], Domain(*(side[:, None, None] for side in domain)), key)

    mapped = jax.vmap(jax.vmap(by_jax, in_axes=(None, None, 0), out_axes=1), in_axes=(0, 0, None))
    for compiled in (jax.jit(broadcast), jax.jit(mapped)):
        entries = compiled(positions, sides, KEYS)
        assert entries.dtype == np.int32
        np.testing.assert_array_equal(entries, expected)
    entry = by_jax(3, domain(8), 5)
    assert entry.shape == () and entry == permuted_by_hand(3, 8, 5)


def test_jax_mixes_words_like_numpy(dtype):
    words = np.arange(5, dtype=np.uint32)[:, None], np.arange(3, dtype=np.int32)
    traced = jax.jit(lambda first, last: hash_words(first, WORD - 1, last, xp=jnp))(*words)
    assert traced.dtype == np.uint32
    np.testing.assert_array_equal(traced, hash_words(words[0], WORD - 1, words[1]))


@pytest.mark.thorough
@pytest.mark.parametrize(("n", "count"), SIZES)
def test_entries_pairs_and_triples_are_uniform(n, count):
    entries = drawn(n, places(n), keys_of_steps(count))
    for entry in entries:
        expect_together(entry[None], n, min(n, 256))
    for pair in itertools.combinations(range(len(entries)), 2):
        expect_together(entries[list(pair)], n, min(n, 16))
    for triple in itertools.combinations(range(min(len(entries), 6)), 3):
        expect_together(entries[list(triple)], n, min(n, 8))


def test_seeds_with_colliding_first_chains_differ_later():
    first = 0x243F6A88
    epochs = np.arange(1000)
    other = first ^ lowbias_inverse(lowbias(first ^ 8) ^ 1)
    assert other != 8 and lowbias(first ^ other) ^ lowbias(first ^ 8) == 1
    assert len(np.intersect1d(hash_words(8, epochs), hash_words(other, epochs))) == 0
