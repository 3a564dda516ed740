"""Which member sits where: tiles of members of one stream. Pure data, no JAX."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# What one tile may keep in a core's cache while it trains, found by timing the digits grid (tiles of 5) and a
# 784-256-10 network (tiles of 1); an accelerator wants its tiles large instead.
CPU_TILE_BYTES = 600_000
ACCELERATOR_TILE_BYTES = 256_000_000
CPU_WIDEST = 64
ACCELERATOR_WIDEST = 1024

# A call takes so many steps at most, or so many row numbers, whichever is less. Long calls keep a device busy
# without the host; short ones let members that diverged leave soon.
STEPS_A_CALL = 256
ROWS_A_CALL = 4_000_000

EVALUATION_BLOCK = 2048  # rows scored at a time, at most


class Tile(NamedTuple):
    """What one call of the compiled program trains.

    Attributes:
        members: Member numbers ``[tile]``; slots left over repeat members.
        used: How many of these slots, from the first, are not repeats.
        stream: The stream that they share.
    """

    members: np.ndarray
    used: int
    stream: int


def tile_width(parameters: int, units: int, batch: int, itemsize: int, backend: str) -> int:
    """How many members to train side by side, from the network, the batch and the backend alone.

    Args:
        parameters: Parameters of one member.
        units: Outputs of all its layers, inputs left out.
        batch: Rows a step.
        itemsize: Bytes of one number.
        backend: "cpu", "gpu", …
    """
    # Parameters, gradients and the old parameters; pre-activations, activations and deltas.
    member_bytes = 3 * (parameters + units * batch) * itemsize
    room, widest = (
        (CPU_TILE_BYTES, CPU_WIDEST) if backend == "cpu" else (ACCELERATOR_TILE_BYTES, ACCELERATOR_WIDEST)
    )
    return int(np.clip(room // member_bytes, 1, widest))


def epochs_a_call(steps: int, rows_a_step: int) -> int:
    """How many epochs one call takes at most; fixed for a data set and a batch, so that it compiles once."""
    return max(1, min(STEPS_A_CALL // steps, ROWS_A_CALL // (steps * rows_a_step)))


def evaluation_block(n_train: int) -> int:
    """How many rows are scored at a time; it follows from the training rows alone.

    Sums over the training rows then have the same bits whatever other rows are scored beside them.
    """
    return min(EVALUATION_BLOCK, 1 << (n_train - 1).bit_length())


def tiles(active: np.ndarray, stream_of: np.ndarray, width: int) -> Sequence[Tile]:
    """Groups the members that still train into tiles.

    Each stream's members fill tiles one after another, so at most one tile a stream has empty slots; devices
    take tiles as they come free, so at most one tile a device is waited for.

    Args:
        active: Which members still train ``[members]``.
        stream_of: Each member's stream ``[members]``.
        width: Members a tile.
    """
    found = []
    for stream in np.unique(stream_of[active]):
        members = np.flatnonzero(active & (stream_of == stream))
        for first in range(0, len(members), width):
            sitting = members[first : first + width]
            found.append(Tile(np.resize(sitting, width), len(sitting), int(stream)))
    return found
