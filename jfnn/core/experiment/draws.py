"""Random numbers of `jax.random` for any number of arrays and seeds, from one program of fixed shape.

`jax.random` compiles a program for every shape. Here a row is `WIDTH` consecutive numbers of one array and
seed, and all rows of all arrays go through the same program. It reproduces `jax.random` by two properties of
its default generator (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3"):
``split(key, n)[i]`` is ``fold_in(key, i)``, and number j of an array is made from the two words of
``fold_in(key, j)``, whatever the array's size. With jaxlib 0.10.2 the numbers are equal bit for bit; 0.12.0.1
rounds the last bits differently in different programs.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.layers.starts import DISTRIBUTIONS, TRUNCATED, Draw, Starts
from jfnn.numerics.compiling import compiled

GENERATOR = "threefry2x32"
Distribution = Literal["uniform", "normal", "truncated_normal"]
WIDTH = 32  # numbers per row: longer rows waste draws for small arrays, shorter ones take longer per number
TURN = 32  # rows per iteration of the program's loop
ROWS = 1024  # rows per call
DEPTH = 8  # maximum length of a path


class Stream(NamedTuple):
    """The random numbers of one array.

    Attributes:
        path: Numbers that `jax.random.fold_in` folds one after another into a seed's key, which gives the
            array's key.
        size: Number of random numbers.
        distribution: "normal" (standard), "truncated_normal" (standard, within ±2) or "uniform" (within
            ±``bound``).
        scale: Factor of the numbers.
    """

    path: tuple[int, ...]
    size: int
    distribution: Distribution
    scale: float = 1.0
    bound: float = 1.0


class DrawnRows(NamedTuple):
    """The rows that the program draws.

    Attributes:
        seeds: ``[rows]`` (uint32).
        paths: ``[rows, DEPTH]`` (int32), padded with -1.
        firsts: Position of each row's first number in its array ``[rows]`` (uint32).
        distributions: Indices into `DISTRIBUTIONS` ``[rows]`` (int32).
        factors: ``[rows]`` (dtype of the numbers).
        bounds: ``[rows]`` (dtype of the numbers).
    """

    seeds: jax.Array | np.ndarray
    paths: jax.Array | np.ndarray
    firsts: jax.Array | np.ndarray
    distributions: jax.Array | np.ndarray
    factors: jax.Array | np.ndarray
    bounds: jax.Array | np.ndarray


def from_seeds(starts: Starts, seeds: Sequence[int]) -> Any | None:
    """Draw NumPy arrays ``[seeds, …]`` from ``jax.random.key(seed)``, by one program for all networks.

    Returns None if JAX is configured to draw differently from this program.
    """
    dtype = np.dtype(jnp.result_type(float))
    leaves = jax.tree.leaves(starts)
    streams = [stream for draw in leaves for stream in _streams(draw)]
    if not are_drawable(streams):
        return None
    numbers = iter(drawn(streams, seeds, dtype))

    def array(draw: Draw) -> np.ndarray:
        size = math.prod(draw.shape)
        if draw.distribution == "constant":
            parts = [np.full((len(seeds), size), draw.scale, dtype) for _ in draw.paths]
        else:
            parts = [next(numbers) for _ in draw.paths]
        arranged: np.ndarray = draw.arrange(parts, (len(seeds),))
        return arranged

    return jax.tree.map(array, starts)


def _streams(draw: Draw) -> list[Stream]:
    """Return the random numbers of each part; none for constants."""
    if draw.distribution == "constant":
        return []
    size = math.prod(draw.shape)
    paths = [tuple(i for i, _ in path) for path in draw.paths]
    return [Stream(path, size, draw.distribution, draw.scale, draw.bound) for path in paths]


def are_drawable(streams: Sequence[Stream]) -> bool:
    """Return whether `drawn` reproduces `jax.random` for these streams, as JAX is configured now."""
    generator: object = getattr(jax.config, "jax_default_prng_impl", None)
    by_position: object = getattr(jax.config, "jax_threefry_partitionable", False)
    depth = max((len(stream.path) for stream in streams), default=0)
    return generator == GENERATOR and by_position is True and depth <= DEPTH


def drawn(streams: Sequence[Stream], seeds: Sequence[int], dtype: np.dtype) -> list[np.ndarray]:
    """Draw the numbers of each stream for every seed ``[seeds, size]``; requires `are_drawable`."""
    if not streams:
        return []
    a_seed = np.array([-(-stream.size // WIDTH) for stream in streams])
    ends = np.cumsum(a_seed) * len(seeds)
    calls = np.empty((-(-ends[-1] // ROWS), ROWS, WIDTH), dtype)
    every = np.array(seeds, np.uint32)
    for rows, arguments in zip(calls, _calls(streams, every, a_seed, dtype), strict=True):
        rows[:] = _program()(*arguments)
    numbers = calls.reshape(-1, WIDTH)[: ends[-1]]
    of_streams = zip(streams, np.split(numbers, ends[:-1]), strict=True)
    return [rows.reshape(len(seeds), -1)[:, : stream.size] for stream, rows in of_streams]


def _calls(
    streams: Sequence[Stream], seeds: np.ndarray, a_seed: np.ndarray, dtype: np.dtype
) -> Iterator[tuple[np.int32, np.int32, DrawnRows]]:
    """Yield the arguments of each call of the program; each stream has ``a_seed`` rows per seed, in order."""
    depth = max(len(stream.path) for stream in streams)
    paths = np.full((len(streams), DEPTH), -1, np.int32)
    for path, stream in zip(paths, streams, strict=True):
        path[: len(stream.path)] = stream.path
    distributions = np.array([DISTRIBUTIONS.index(stream.distribution) for stream in streams], np.int32)
    factors = np.array([stream.scale for stream in streams], dtype)
    # JAX multiplies normal numbers by √2, and the compiler merges this factor with the scale.
    factors[distributions == DISTRIBUTIONS.index("normal")] *= dtype.type(math.sqrt(2))
    bounds = np.array([stream.bound for stream in streams], dtype)
    ends = np.cumsum(a_seed) * len(seeds)
    starts = ends - a_seed * len(seeds)
    for first in range(0, ends[-1], ROWS):
        row = np.minimum(np.arange(first, first + ROWS), ends[-1] - 1)
        i = np.searchsorted(ends, row, side="right")
        seed, part = np.divmod(row - starts[i], a_seed[i])
        firsts = (part * WIDTH).astype(np.uint32)
        rows = DrawnRows(seeds[seed], paths[i], firsts, distributions[i], factors[i], bounds[i])
        turns = -(-min(ROWS, ends[-1] - first) // TURN)
        yield np.int32(turns), np.int32(depth), rows


@functools.lru_cache(maxsize=1)
def _program() -> Callable[[np.int32, np.int32, DrawnRows], jax.Array]:
    """Compile ``(turns (int32), depth (int32), rows) -> [ROWS, WIDTH]``, with zeros after the last turn."""

    def draw(turns: jax.Array, depth: jax.Array, rows: DrawnRows) -> jax.Array:
        def put(turn: jax.Array, numbers: jax.Array) -> jax.Array:
            part = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, turn * TURN, TURN), rows)
            return jax.lax.dynamic_update_slice_in_dim(numbers, _numbers(part, depth), turn * TURN, 0)

        nothing = jnp.zeros((ROWS, WIDTH), rows.factors.dtype)
        numbers: jax.Array = jax.lax.fori_loop(0, turns, put, nothing)
        return numbers

    return compiled(draw, identity="random numbers")


def _numbers(rows: DrawnRows, depth: jax.Array) -> jax.Array:
    """Return the random numbers of rows ``[rows, WIDTH]``, by the operations of `jax.random` in its order."""
    dtype = rows.factors.dtype
    factors, bounds, kinds = (leaf[:, None] for leaf in (rows.factors, rows.bounds, rows.distributions))
    is_uniform, is_normal, _ = (kinds == i for i in range(len(DISTRIBUTIONS)))
    one = np.array(1, dtype)
    root = np.array(math.sqrt(2), dtype)
    end = np.array(TRUNCATED, dtype)
    above = np.nextafter(-one, one)
    inside = np.nextafter(end, one)
    low = jnp.select([is_uniform, is_normal], [-bounds, above], jax.lax.erf(-end / root))
    high = jnp.select([is_uniform, is_normal], [bounds, one], jax.lax.erf(end / root))
    uniform = jnp.maximum(low, _unit(_words(rows, depth), dtype) * (high - low) + low)
    normal = jax.lax.erf_inv(uniform)
    truncated = jnp.clip(root * normal, -inside, inside)
    return jnp.select([is_uniform, is_normal], [uniform, normal], truncated) * factors


def _words(rows: DrawnRows, depth: jax.Array) -> jax.Array:
    """Return two random words for each number of some rows ``[rows, WIDTH, 2]`` (uint32)."""

    def step(i: jax.Array, keys: jax.Array) -> jax.Array:
        words = rows.paths[:, i]
        return jnp.where(words < 0, keys, jax.vmap(jax.random.fold_in)(keys, words))

    seeded = jax.vmap(functools.partial(jax.random.key, impl=GENERATOR))(rows.seeds)
    keys = jax.lax.fori_loop(0, depth, step, seeded)
    positions = rows.firsts[:, None] + jnp.arange(WIDTH, dtype=jnp.uint32)[None]
    return jax.random.key_data(jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)))(keys, positions))


def _unit(words: jax.Array, dtype: np.dtype) -> jax.Array:
    """Convert pairs of random words ``[…, 2]`` (uint32) to uniform numbers in [0, 1) of this dtype."""
    form = np.finfo(dtype)
    if form.bits == 32:
        bits = words[..., 0] ^ words[..., 1]
    else:
        wide = words.astype(jnp.uint64)
        bits = wide[..., 0] << 32 | wide[..., 1]
    one = np.array(1, dtype)
    fraction = bits >> (form.bits - form.nmant) | one.view(bits.dtype)
    return jax.lax.bitcast_convert_type(fraction, dtype) - one
