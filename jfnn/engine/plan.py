"""Which member sits where: tiles of members that share minibatches. Pure data, no JAX."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# What a tile may hold while it trains, so that it stays in a core's cache; found by timing networks from
# 2-4-1 to 784-256-10. An accelerator wants its tiles large instead.
CPU_TILE_BYTES = 600_000
ACCELERATOR_TILE_BYTES = 256_000_000
# Few widths, and such that grids of 5x5, 7x7 or 10x10 cells fill them.
CPU_WIDTHS = (1, 2, 5, 10, 25, 64, 256)
ACCELERATOR_WIDTHS = (*CPU_WIDTHS, 512, 1024)

# A call takes so many steps at most, or so many row numbers, whichever is less: long calls keep a device busy
# without the host. Only the first is short, since members that diverge mostly do so early, and then leave.
STEPS_A_CALL = 1024
STEPS_FIRST_CALL = 64
ROWS_A_CALL = 4_000_000

EVALUATION_BLOCK = 2048  # rows scored at a time, at most


class Tile(NamedTuple):
    """What one call of the compiled program trains.

    Attributes:
        members: Member numbers ``[tile]``; slots left over repeat members.
        used: How many of these slots, from the first, are not repeats.
        stream: The stream whose minibatches and rows to score they share.
    """

    members: np.ndarray
    used: int
    stream: int


def tile_width(parameters: int, widest_layer: int, batch: int, itemsize: int, backend: str) -> int:
    """How many members to train side by side, from the network, the batch and the backend alone.

    Args:
        parameters: Parameters of one member.
        widest_layer: The most outputs that a layer has.
        batch: Rows a step.
        itemsize: Bytes of one number.
        backend: "cpu", "gpu", …
    """
    # Parameters, gradients and the old parameters; a layer's pre-activations, activations and deltas.
    member_bytes = 3 * (parameters + widest_layer * batch) * itemsize
    on_cpu = backend == "cpu"
    room = (CPU_TILE_BYTES if on_cpu else ACCELERATOR_TILE_BYTES) // member_bytes
    return max(width for width in (CPU_WIDTHS if on_cpu else ACCELERATOR_WIDTHS) if width <= max(room, 1))


def epochs_a_call(steps: int, rows_a_step: int) -> int:
    """How many epochs one call takes at most; fixed for a data set and a batch, so that it compiles once."""
    return max(1, min(STEPS_A_CALL // steps, ROWS_A_CALL // (steps * rows_a_step)))


def call_ends(epochs: int, steps: int, rows_a_step: int) -> set[int]:
    """The epochs after which calls end, the last one left out."""
    most = epochs_a_call(steps, rows_a_step)
    return set(range(min(max(1, STEPS_FIRST_CALL // steps), most), epochs, most))


def evaluation_block(n_train: int) -> int:
    """How many rows are scored at a time; it follows from the training rows alone.

    Sums over the training rows then have the same bits whatever other rows are scored beside them.
    """
    return min(EVALUATION_BLOCK, 1 << (n_train - 1).bit_length())


def tiles(active: np.ndarray, rows_of: np.ndarray, width: int) -> Sequence[Tile]:
    """Groups the members that still train into tiles.

    Members that share minibatches fill tiles one after another, so at most one tile for each sequence of
    minibatches has empty slots; devices take tiles as they come free, so at most one tile a device is waited
    for.

    Args:
        active: Which members still train ``[members]``.
        rows_of: The number of the stream whose minibatches a member sees ``[members]``.
        width: Members a tile.
    """
    found = []
    for stream in np.unique(rows_of[active]):
        members = np.flatnonzero(active & (rows_of == stream))
        for first in range(0, len(members), width):
            sitting = members[first : first + width]
            found.append(Tile(np.resize(sitting, width), len(sitting), int(stream)))
    return found
