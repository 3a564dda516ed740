"""Replicates: initial parameters, minibatches and rows that the members of a seed and fold share."""

import functools
import hashlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.engine.cohort import PARTS, Replicates
from jfnn.core.experiment.bound import Bound
from jfnn.core.experiment.continuing import Trained
from jfnn.core.experiment.draws import from_seeds
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.subsets import Cut, Subsets
from jfnn.identity.code import code_checksum
from jfnn.identity.traces import Trace, shapes_of
from jfnn.layers.kind import Shape
from jfnn.learners.learner import Learner, declared_starts, starting_shapes
from jfnn.learners.shapes import trained_dtype
from jfnn.minibatches import GivenMinibatches, Minibatches, as_given
from jfnn.numerics.compiling import compiled
from jfnn.params import Constant, Params, by_dtype, is_constant, key_shape

STEP_KEYS = 0xD0  # separates the keys of steps from those of initial parameters
# Maximum number of seeds and bytes of initial parameters drawn per call. Fewer seeds need more calls, more
# take longer if few are drawn: benchmark with the workloads few and iris_seeds of scripts/bench.py.
STARTS = 64
STARTS_BYTES = 4_000_000


def make_replicates(options: Options, bound: Bound, cells: Shape, first_fold: int = 0) -> Replicates:
    """Return a replicate for each seed and fold; ``first_fold`` numbers the first fold for random draws.

    Given parameters may have the axes of ``cells`` before seeds and folds, so that each member has its own.
    Subsets with a start per subset have a seed each, for initial parameters and minibatches. Minibatches that
    are not drawn are equal for all seeds: members of a fold share tiles, unless steps use a key per
    replicate.

    Raises:
        ValueError, TypeError: Parameters or minibatches that do not fit, or do not fit into memory.
    """
    learner = bound.learner
    data = bound.data
    cuts = bound.cuts
    seeds: Sequence[int] = options.seeds
    start_per_fold = isinstance(options.folds, Subsets) and options.folds.start_per_subset
    if start_per_fold:
        seeds = [seed * len(cuts) + fold for seed in seeds for fold in range(len(cuts))]
        checks.as_seed(max(seeds), "seeds")
    lengths = [len(train) for train, _ in cuts]
    batches = as_given(options.batches, options.epochs, seeds, min(lengths)) or _drawn_batches(
        options.scheme, lengths, options.execution.padded, learner.takes_weights
    )
    given = None
    n_starts = len(seeds)
    if options.initial_params is not None:
        by_fold = () if options.folds is None else (len(cuts),)
        grid = (*cells, len(options.seeds), *by_fold)
        params = options.initial_params
        params = params.params if isinstance(params, Trained) else params
        given = _user_params(learner, _complete(learner, params, seeds), len(seeds), grid, data.dtype)
        n_starts = len(jax.tree.leaves(given)[0])

    def draw() -> Params:
        return _pack(learner, _drawn_params(learner, seeds) if given is None else given, data.dtype)

    test = np.arange(data.n_train, data.n)
    of_folds = [test] * len(cuts) if bound.tests is None else test[bound.tests]
    parts = [dict(zip(PARTS, (*cut, rows), strict=True)) for cut, rows in zip(cuts, of_folds, strict=True)]
    _check_row_numbers(batches, max(lengths))
    of_each = np.array(seeds, np.uint32)
    if not start_per_fold:
        of_each = np.repeat(of_each, len(cuts))
    keys = None
    if learner.random:
        keys = step_key(of_each, first_fold + np.arange(len(of_each)) % len(cuts))
    return Replicates(
        seeds=of_each,
        keys=keys,
        draw=draw,
        n_starts=n_starts,
        start_shapes=_packed_shapes(learner, data.dtype),
        batches=batches,
        parts=parts,
        alike=None if data.weights is not None and data.weights.ndim > 1 else _first_alike(cuts),
    )


def _check_row_numbers(batches: Minibatches | GivenMinibatches, n: int) -> None:
    """Raise ArgumentError unless the row numbers of two calls, of an epoch each, fit into memory."""
    if not isinstance(batches, Minibatches) or batches.scheme == "full":
        return
    steps = batches.n_steps(n)
    needed = 2.0 * np.dtype(np.int32).itemsize * steps * batches.rows_a_step(n)
    sizes = f", for the row numbers of {steps} steps; use fewer per epoch and more epochs"
    memory.check("batch_size", needed, sizes=sizes)


def _first_alike(cuts: Sequence[Cut]) -> np.ndarray:
    """Return, for each fold, the first fold that trains on the same rows in the same order ``[folds]``."""
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(train.tobytes()).digest() for train, _ in cuts)
    return np.array([first.setdefault(rows, fold) for fold, rows in enumerate(digests)])


def _drawn_batches(
    scheme: Minibatches, lengths: Sequence[int], padded: int | None, takes_weights: bool
) -> Minibatches:
    """Return the minibatch scheme; pad full batches to ``padded`` rows if folds differ in length."""
    drawn = scheme.fitted(min(lengths))
    if drawn.scheme != "full":
        return drawn
    if padded is None and takes_weights and max(lengths) > min(lengths):
        padded = max(lengths)
    if padded is None:
        return drawn
    if padded < max(lengths):
        raise ArgumentError("padded", f"expected at least the {max(lengths)} training rows, got {padded}")
    return Minibatches(padded, "full", drop_last=False, steps=drawn.steps)


def step_key(seed: ArrayLike, fold: ArrayLike) -> np.ndarray:
    """Return raw data of the key for a replicate's steps, into which epoch and step are folded later.

    For arrays of seeds and folds, return the key of each ``[…, 2]``.
    """

    def key(seed: jax.Array, fold: jax.Array) -> jax.Array:
        key = jax.random.fold_in(jax.random.key(seed), STEP_KEYS)
        return jax.random.key_data(jax.random.fold_in(key, fold))

    keys = jnp.vectorize(key, signature="(),()->(k)")
    return np.asarray(keys(np.asarray(seed, np.uint32), np.asarray(fold, np.uint32)))


def _pack(learner: Learner, starts: Params, dtype: np.dtype) -> Params:
    """Convert initial parameters ``[S, …]`` from the public to the engine's form (NumPy)."""
    return _as_numpy(learner.pack(_as_numpy(starts, dtype)), dtype)


def _packed_shapes(learner: Learner, dtype: np.dtype) -> Params:
    """Return shapes and dtypes of one replicate's initial parameters in the engine's form."""
    zeros = jax.tree.map(lambda leaf: np.zeros((1, *leaf.shape), leaf.dtype), starting_shapes(learner))
    return shapes_of(jax.tree.map(lambda leaf: leaf[0], _pack(learner, zeros, dtype)))


def _drawn_params(learner: Learner, seeds: Sequence[int]) -> Params:
    """Draw initial parameters for every seed in public form, with seeds on the leading axis."""
    starts = declared_starts(learner)
    drawn = None if starts is None else from_seeds(starts, seeds)
    if drawn is not None:
        return drawn
    source = learner if learner.is_registered else Trace(learner.init, key_shape())
    shapes = starting_shapes(learner)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))
    length = int(np.clip(STARTS_BYTES // max(size, 1), 1, STARTS))
    blocks = []
    for first in range(0, len(seeds), length):
        block = np.resize(np.array(seeds[first : first + length], np.uint32), length)
        count = min(length, len(seeds) - first)
        rows = _initializer(source, length)(block, np.int32(count))
        blocks.append({dtype: np.asarray(numbers)[:count] for dtype, numbers in rows.items()})
    return _split(jax.tree.map(lambda *blocks: np.concatenate(blocks), *blocks), shapes)


@functools.lru_cache(maxsize=32)
def _initializer(source: Learner | Trace, length: int) -> Callable[..., dict[str, jax.Array]]:
    """Compile ``(seeds [length], count (int32)) -> {dtype: [length, n]}``: ``init`` of ``count`` seeds.

    Rows after these are zeros. Arrays of one dtype share a row per seed, so that XLA compiles the loop in a
    quarter less time.
    """
    init = source if isinstance(source, Trace) else source.init
    checksum = source.checksum if isinstance(source, Trace) else code_checksum(source)

    def start(seed: jax.Array) -> dict[str, jax.Array]:
        return _join(init(jax.random.key(seed)))

    def draw(seeds: jax.Array, count: jax.Array) -> dict[str, jax.Array]:
        def put(i: jax.Array, rows: dict[str, jax.Array]) -> dict[str, jax.Array]:
            return {dtype: rows[dtype].at[i].set(row) for dtype, row in start(seeds[i]).items()}

        rows = jax.eval_shape(start, seeds[0]).items()
        nothing = {dtype: jnp.zeros((length, *row.shape), row.dtype) for dtype, row in rows}
        started: dict[str, jax.Array] = jax.lax.fori_loop(0, count, put, nothing)
        return started

    return compiled(draw, identity=f"draw {length} {checksum}")


def _join(params: Params) -> dict[str, jax.Array]:
    """Concatenate all arrays of each dtype into one ``[n]``."""
    groups = by_dtype(params).items()
    return {dtype: jnp.concatenate([leaf.reshape(-1) for leaf in leaves]) for dtype, leaves in groups}


def _split(rows: dict[str, np.ndarray], shapes: Params) -> Params:
    """Split rows ``[seeds, n]`` into arrays of these shapes after an axis of seeds, undoing `_join`."""
    leaves = []
    ends = dict.fromkeys(rows, 0)
    for leaf in jax.tree.leaves(shapes):
        dtype = str(leaf.dtype)
        first = ends[dtype]
        ends[dtype] += leaf.size
        numbers = rows[dtype][:, first : ends[dtype]]
        leaves.append(numbers.reshape(len(numbers), *leaf.shape))
    return jax.tree.unflatten(jax.tree.structure(shapes), leaves)


def _as_numpy(params: Params, dtype: np.dtype) -> Params:
    def trained(leaf: object) -> np.ndarray:
        array = np.asarray(leaf)
        leaf_dtype = trained_dtype(array.dtype, dtype)
        return np.ascontiguousarray(array, leaf_dtype).reshape(array.shape)

    return jax.tree.map(trained, params)


def _complete(learner: Learner, given: object, seeds: Sequence[int]) -> object:
    """Fill in a network's initial parameters for the layers whose entry is None.

    They are drawn for each seed, as without ``initial_params``. If a layer is not trained but its entry comes
    from a network that trained it, the entry becomes a `Constant`.
    """
    shapes = starting_shapes(learner)
    if type(given) is not tuple or type(shapes) is not tuple or len(given) != len(shapes):
        return given
    layers = tuple(
        Constant(layer) if is_constant(like) and _is_trained_layer(layer) else layer
        for layer, like in zip(given, shapes, strict=True)
    )
    if all(layer is not None for layer in layers):
        return layers

    def for_each_seed(leaf: object) -> np.ndarray:
        array = np.asarray(checks.as_array(leaf, "initial_params"))
        return np.broadcast_to(array, (len(seeds), *array.shape))

    drawn = _drawn_params(learner, seeds)
    return tuple(
        fresh if layer is None else jax.tree.map(for_each_seed, layer)
        for layer, fresh in zip(layers, drawn, strict=True)
    )


def _is_trained_layer(layer: object) -> bool:
    """Return whether an entry of parameters belongs to a trained layer, rather than None or a `Constant`."""
    return isinstance(layer, tuple) and not is_constant(layer)


def _user_params(
    learner: Learner, initial_params: object, n_seeds: int, grid: Shape, dtype: np.dtype
) -> Params:
    """Return the user's initial parameters in public form, with a leading axis of seeds or of all members.

    ``initial_params`` belong to one member, or have a leading axis of seeds or all axes of the ``grid``.
    """
    argument = "initial_params"
    expected = starting_shapes(learner)
    given = checks.as_arrays(initial_params, expected, argument, "result.params or init")
    arrays, structure = jax.tree.flatten(jax.tree.map(np.array, given))
    leaves = []
    for leaf, like, held in zip(arrays, jax.tree.leaves(expected), _are_constants(expected), strict=True):
        leaf_dtype = trained_dtype(like.dtype, dtype)
        if leaf.dtype.kind not in "iufV" and leaf.dtype != leaf_dtype:
            raise ArgumentTypeError(argument, f"expected numbers, got dtype {leaf.dtype}")
        finite = np.where(np.isfinite(leaf), leaf, 0) if held and leaf.dtype.kind == "f" else leaf
        cast = checks.as_dtype(finite, leaf_dtype, argument)
        leaves.append(cast if finite is leaf else leaf.astype(leaf_dtype))
    shapes = [leaf.shape for leaf in jax.tree.leaves(expected)]
    actual = [leaf.shape for leaf in leaves]
    if actual == shapes:
        leaves = [np.broadcast_to(leaf, (n_seeds, *leaf.shape)) for leaf in leaves]
    elif actual == [(*grid, *shape) for shape in shapes]:
        leaves = [leaf.reshape(-1, *shape) for leaf, shape in zip(leaves, shapes, strict=True)]
    elif actual != [(n_seeds, *shape) for shape in shapes]:
        leading = f"or these after a seed axis of {n_seeds} or the grid's axes {list(grid)}"
        raise ArgumentError(argument, f"expected arrays of shapes {shapes}, {leading}, got {actual}")
    return jax.tree.unflatten(structure, leaves)


def _are_constants(params: Params) -> list[bool]:
    """Whether each array of the parameters is in a `Constant`, in order."""
    nodes = jax.tree.leaves(params, is_leaf=is_constant)
    return [is_constant(node) for node in nodes for _ in jax.tree.leaves(node)]
