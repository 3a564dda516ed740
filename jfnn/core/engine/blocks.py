"""Evaluation of a function for all members and rows, in tiles of members and blocks of rows on all threads.

A call has a fixed number of rows, and a number of members that depends only on the function and on how many
members there are. So a value's bits do not depend on which other rows and members are evaluated.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Tree
from jfnn.core.engine.devices import as_devices
from jfnn.core.engine.plan import ACCELERATOR_TILE_BYTES, WIDTHS, tile_width
from jfnn.core.engine.threads import run_jobs
from jfnn.learners.data import Rows, block
from jfnn.learners.shapes import eval_shape

BLOCK = 256  # rows per call; the last bits of sums over rows depend on it
# Limit on bytes of parameters and layers per call on a core: a lower one is slower, a higher one no faster.
CPU_BYTES = 6_000_000

# (values [members, rows, …], axis=0) -> values without the members' axis, or with another axis in its place
Reduce = Callable[..., object]
Finish = Callable[[np.ndarray, int], np.ndarray]


class MemberSelection(NamedTuple):
    """Members whose values are computed.

    Attributes:
        shape: Shape of the members' grid.
        indices: Indices of the members in the grid, in C order, ``[members]``.
        diverged: Whether each member diverged ``[members]``; such members have no values.
    """

    shape: tuple[int, ...]
    indices: np.ndarray
    diverged: np.ndarray

    def spread_out(self, values: np.ndarray) -> np.ndarray:
        """Arrange values ``[k, …]`` in the members' shape; diverged members get NaN, or -1 for integers."""
        if self.diverged.any():
            fill = np.nan if values.dtype.kind == "f" else -1
            everyone = np.full((len(self.diverged), *values.shape[1:]), fill, values.dtype)
            everyone[~self.diverged] = fill if self.diverged.all() else values
            values = everyone
        return values.reshape(*self.shape, *values.shape[1:])


def _drop_diverged(name: str, values: np.ndarray, axis: int) -> np.ndarray:
    unknown = np.isnan(values)
    masked = np.ma.array(values, mask=unknown) if unknown.any() else values
    return np.ma.filled(getattr(masked, name)(axis=axis, dtype=np.float64), np.nan)


# Both reductions ignore NaN and compute in float64.
REDUCTIONS: dict[str, Reduce] = {name: functools.partial(_drop_diverged, name) for name in ("mean", "std")}


def vote(labels: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return the most frequent label, or the smallest in a tie; -1 (no label) only if all members have it."""
    labels = np.moveaxis(labels, axis, 0)
    winners = np.full(labels.shape[1:], -1)
    most = np.zeros(labels.shape[1:], int)
    for label in range(labels.max() + 1):
        count = (labels == label).sum(axis=0)
        winners = np.where(count > most, label, winners)
        most = np.maximum(most, count)
    return winners


class ProgramCall(NamedTuple):
    """A compiled function, with its members and rows.

    Attributes:
        program: ``(members [k, …], rows [n, …]) -> [k, n, …]``, compiled.
        members: A pytree of NumPy arrays with all members on the leading axis.
        selection: The position and divergence of these members.
        rows: A pytree of NumPy arrays with the rows on the leading axis.
        layer: Size of the largest layer, in numbers per row.
    """

    program: Callable[..., jax.Array]
    members: Tree
    selection: MemberSelection
    rows: Rows
    layer: int


def compute_in_blocks(
    calls: Sequence[ProgramCall],
    programs: tuple[int, ...],
    finish: Finish | None = None,
    reduce: object = None,
    argument: str = "network",
) -> np.ndarray:
    """Return values for all members and rows, in the members' shape ``[…, n, …]`` or reduced over members.

    Args:
        calls: Programs with their members; all have the same rows and the same shape of members.
        programs: Lengths of the axes of programs, before this shape in the result.
        finish: ``(values [k, BLOCK, …] of members that did not diverge, number of the first row) -> values``,
            on the host.
        reduce: None, a name in `REDUCTIONS`, or a function; applied to one block of rows at a time, to limit
            memory.
        argument: Name of the caller's argument that holds the networks, for errors.

    Raises:
        ValueError, TypeError: A program fails or does not return a value per row; programs return different
            shapes; the values do not fit into memory; all members to be reduced diverged; or ``reduce`` does
            not return one entry per row.
    """
    selections = [call.selection for call in calls]
    indices = np.concatenate([selection.indices for selection in selections])
    diverged = np.concatenate([selection.diverged for selection in selections])
    selection = MemberSelection((*programs, *selections[0].shape), indices, diverged)
    function = _as_function(reduce, selection)
    threads = as_devices(None)
    finite = _finite(calls)
    tiles: dict[jax.Device, list[list[Tree]]] = {}
    for device in set(threads):
        tiles[device] = []
        for call, indices in finite:
            width = _width(call.members, call.layer, device.platform)
            tiles[device].append(_tiles(call.members, indices, width, device))
    shape, dtype = _value_shape(finite, tiles[threads[0]], argument)
    count = sum(len(indices) for _, indices in finite)
    n = len(jax.tree.leaves(calls[0].rows)[0])
    at_rows = -1 - len(shape)
    if function is None:  # joining the blocks takes a second copy of all values
        memory.check("x", 2.0 * dtype.itemsize * count * n * math.prod(shape))
    blocks: dict[int, np.ndarray] = {}

    def issue(first: int, device: jax.Device) -> list[list[jax.Array]]:
        results = []
        for (call, _), tiles_of_call in zip(finite, tiles[device], strict=True):
            rows = jax.device_put(block(call.rows, first, BLOCK), device)
            results.append([call.program(tile, rows) for tile in tiles_of_call])
        return results

    def collect(first: int, results: list[list[jax.Array]]) -> None:
        parts = []
        for (_, indices), of_call in zip(finite, results, strict=True):
            parts.append(np.concatenate([np.asarray(part) for part in of_call])[: len(indices)])
        values = np.concatenate(parts)
        values = values if finish is None else finish(values, first)
        values = values if function is None else _reduce(function, values, at_rows)
        blocks[first] = values.take(np.arange(min(BLOCK, n - first)), at_rows)

    run_jobs(range(0, n, BLOCK), threads, issue, collect)
    everything = np.concatenate([blocks[first] for first in sorted(blocks)], at_rows)
    return selection.spread_out(everything) if function is None else everything


def _finite(calls: Sequence[ProgramCall]) -> list[tuple[ProgramCall, np.ndarray]]:
    """Return calls with the indices of their members that did not diverge.

    If all diverged, the first member stands in, so that shapes are not empty.
    """
    finite = [(call, np.flatnonzero(~call.selection.diverged)) for call in calls]
    return [pair for pair in finite if len(pair[1])] or [(calls[0], np.zeros(1, int))]


def _value_shape(
    finite: Sequence[tuple[ProgramCall, np.ndarray]], tiles: Sequence[Sequence[Tree]], argument: str
) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype of a member's value for one row, which must agree between programs."""
    kinds = []
    for (call, _), tiles_of_call in zip(finite, tiles, strict=True):
        tile = tiles_of_call[0]
        width = len(jax.tree.leaves(tile)[0])
        one = eval_shape(argument, call.program, tile, block(call.rows, 0, BLOCK), rows=BLOCK)
        if one.shape[:2] != (width, BLOCK):
            got = f"{list(one.shape[1:])} for {BLOCK} rows"
            raise ArgumentError(argument, f"expected one value per row, got {got}")
        kinds.append((one.shape[2:], one.dtype))
    if len(set(kinds)) > 1:
        shapes = " and ".join(str(list(shape)) for shape, _ in dict.fromkeys(kinds))
        raise ArgumentError(argument, f"expected networks whose values have the same shape, got {shapes}")
    return kinds[0]


def _as_function(reduce: object, selection: MemberSelection) -> Reduce | None:
    """Return the function that reduces over members, given directly or by name; None for None."""
    if reduce is None:
        return None
    function = REDUCTIONS.get(reduce) if isinstance(reduce, str) else reduce
    if not callable(function):
        expected = f"None, {', '.join(map(repr, REDUCTIONS))} or a function (values, axis=0)"
        raise ArgumentTypeError("reduce", f"expected {expected}, got {checks.as_text(reduce)}")
    if selection.diverged.all():
        raise ArgumentError("reduce", "expected members to reduce over, but all diverged")
    return function


def _reduce(function: Reduce, values: np.ndarray, at_rows: int) -> np.ndarray:
    """Reduce values ``[members, rows, …]`` over members; ``at_rows`` is the axis of the rows."""
    try:
        result = function(values, axis=0)
    except Exception as error:
        reason = "expected a function (values [members, rows, …], axis=0), got one that fails"
        raise ArgumentError("reduce", f"{reason} ({type(error).__name__}: {error})") from error
    reduced = checks.as_numbers(result, "reduce")
    if reduced.shape[at_rows:] != values.shape[1:]:
        expected = ["…", *values.shape[1:]]
        raise ArgumentError(
            "reduce", f"expected shape {expected} for values {list(values.shape)}, got {list(reduced.shape)}"
        )
    return reduced


def _tiles(members: Tree, indices: np.ndarray, width: int, device: jax.Device) -> list[Tree]:
    """Cut members into tiles of ``width`` on a device; the last tile repeats members."""
    slots = [np.resize(indices[first : first + width], width) for first in range(0, len(indices), width)]
    return [jax.device_put(jax.tree.map(lambda leaf, at=at: leaf[at], members), device) for at in slots]


def _width(members: Tree, layer: int, platform: str) -> int:
    """Return the members per call: one of `WIDTHS`, as many as are needed and fit with their layers."""
    leaves = jax.tree.leaves(members)
    enough = next((width for width in WIDTHS if width >= len(leaves[0])), WIDTHS[-1])
    size = sum(leaf[0].nbytes for leaf in leaves) + 2 * layer * BLOCK * leaves[0].itemsize
    available = CPU_BYTES if platform == "cpu" else ACCELERATOR_TILE_BYTES
    return min(enough, tile_width(size, available, WIDTHS))
