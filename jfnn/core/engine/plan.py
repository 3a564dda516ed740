"""Assignment of members to tiles, and the lengths of calls: pure functions and plain data."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.core.engine.epoch import EPOCHS

# Limit on the bytes of a tile in training (`member_bytes`), so that it fits into a core's cache: larger tiles
# read their states from memory in every step, smaller ones need more calls. Benchmark it with
# `python scripts/bench.py --workload growth`.
CPU_TILE_BYTES = 600_000
# The same limit for custom functions, whose bytes `jfnn.core.engine.layouts` counts; benchmark it with the
# workload own_data. For layers, that count would make tiles of convolutions and GRUs too narrow.
CPU_TRACED_TILE_BYTES = 1_500_000
ACCELERATOR_TILE_BYTES = 256_000_000
# Candidates for the largest width of a run's tiles.
CPU_WIDTHS = (1, 2, 5, 10, 16, 32, 64, 256)
# For custom functions: two members take longer than twice one, as XLA has loops instead of products for them.
CPU_TRACED_WIDTHS = (1, 5, 10, 16, 32, 64, 256)
ACCELERATOR_WIDTHS = (*CPU_WIDTHS, 512, 1024)
# Candidates for other widths, for fewer members or many replicates. 13 members are half a grid of 5x5 or a
# quarter of 7x7; wider tiles are multiples of 16, whose slots round alike (`jfnn.core.engine.layouts`).
WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# Fixed time of a step on a core and on an accelerator, and the time of a member with separate minibatches, in
# units of the time of a member with shared ones; assumed number of CPU cores. Wrong values only choose a
# slower layout: benchmark them with the workloads digit_seeds and folds.
STEP = 0.25
ACCELERATOR_STEP = 500.0
SEPARATE = 1.15
CORES = 2
# `SEPARATE` for tiles that sample random numbers once for each of their replicates, and the minimum number of
# replicates in such a tile: with two, it is no faster than two tiles. Benchmark with `scripts/committees.py`.
TOGETHER = 0.9
LEAST_REPLICATES = 3
# A call costs the host about a millisecond, during which the device runs the previous call; a call of fewer
# steps is shorter than that. A share of idle time below `IDLE` is not worth further calls.
LEAST_STEPS = 16
IDLE = 0.03
# Limit on the bytes of a call's row numbers: a lower one needs more calls. A call has at least one epoch, so
# `EPOCH_BYTES`, the limit for one epoch, also limits the width of tiles with separate minibatches.
ROWS_BYTES = 16_000_000
EPOCH_BYTES = 64_000_000


class Layout(NamedTuple):
    """Layout of tiles: their width, and the number of groups of neighbors that share minibatches.

    Float32 results depend on the layout, so the cohort determines it, never the number of devices.
    """

    width: int  # members per tile
    groups: int = 1  # groups of equal size, each with the minibatches of one replicate; divides the width

    @property
    def group_size(self) -> int:
        """Number of neighbors that share minibatches."""
        return self.width // self.groups

    @property
    def shared(self) -> bool | int:
        """As in `jfnn.Execution`: whether a tile shares minibatches, or how many neighbors do."""
        return self.groups == 1 or (self.group_size if self.group_size > 1 else False)


class Tile(NamedTuple):
    """Members trained by one call of the compiled program."""

    members: np.ndarray  # member numbers [tile]; empty slots repeat members
    used: np.ndarray  # slots that are not repeats, in order
    replicates: np.ndarray  # replicate of each group of neighbors [groups]


class CallLength(NamedTuple):
    """Length of one call: at most ``steps`` steps and ``most_epochs`` epochs, and at least one epoch.

    The calls of a tile follow one another without waiting for other tiles; after ``calls`` of them the run
    returns to the host. Several calls between returns keep devices busy, since a free device takes the tile
    that is furthest behind. The first return is early (``first_steps``), since most members that diverge do
    so early, and then leave their tiles.
    """

    steps: int = 384
    first_steps: int = 64
    most_epochs: int = EPOCHS
    calls: int = 3

    def limited_to(self, bytes_a_step: int) -> "CallLength":
        """Return a length with at most `ROWS_BYTES` of row numbers, given their bytes per step."""
        return self._replace(steps=max(min(self.steps, ROWS_BYTES // bytes_a_step), 1))

    def epochs(self, steps: int) -> int:
        """Return the most epochs of one call."""
        return max(1, min(self.steps // steps, self.most_epochs))

    def next_end(self, epoch: int, steps: int) -> int:
        """Return the first epoch above ``epoch`` after which the run returns to the host."""
        one_call = self.epochs(steps)
        first = min(max(1, self.first_steps // steps), one_call)
        most = one_call * self.calls
        return first if epoch < first else first + ((epoch - first) // most + 1) * most

    def ranges(self, stops: Sequence[int], steps: int, tiles: int = 1, devices: int = 1) -> list[range]:
        """Return the epochs of each call; ``stops`` has the epochs done, then those at which a call must end.

        There are as few calls as possible, or more if devices would be idle at the end: with 3 tiles on 2
        devices, one device is idle while the last tile trains; with 2 calls per tile, none is. ``steps`` is
        the number of steps per epoch.
        """
        intervals = [pair for pair in itertools.pairwise(stops) if pair[0] < pair[1]]
        if not intervals:
            return []
        longest = self.epochs(steps)
        *others, fewest = [-(-(end - first) // longest) for first, end in intervals]
        first, end = intervals[-1]
        most = min(end - first, (end - first) * steps // LEAST_STEPS, fewest * devices)
        idle = {}  # number of calls in the last interval -> share of devices that wait at the end
        for number in range(fewest, max(fewest, most) + 1 if tiles > devices else fewest + 1):
            jobs = (sum(others) + number) * tiles
            idle[number] = -jobs % devices / jobs
        last = next(number for number, share in idle.items() if share <= max(IDLE, min(idle.values())))
        numbers = zip(intervals, [*others, last], strict=True)
        return [epochs for interval, number in numbers for epochs in _divide(*interval, number)]


def _divide(first: int, end: int, number: int) -> Iterator[range]:
    """Divide the epochs from ``first`` to ``end`` into ``number`` ranges of nearly equal length."""
    ends = [first + (end - first) * i // number for i in range(number + 1)]
    return (range(at, until) for at, until in itertools.pairwise(ends))


def tile_width(held: int, available: int, widths: Sequence[int]) -> int:
    """Return the largest width of a tile whose members, of ``held`` bytes, fit into ``available`` bytes."""
    return max(width for width in widths if width <= max(available // max(held, 1), 1))


def member_bytes(parameters: int, width: int, batch: int, itemsize: int) -> int:
    """Return the bytes that one member holds in training.

    ``width`` is the largest number of values that a layer holds for one row, ``batch`` the rows per step.
    """
    # Three arrays: parameters, gradients, old parameters; for a layer, pre-activations, activations, deltas.
    return 3 * (parameters + width * batch) * itemsize


def fastest_layout(cells: int, replicates: int, costs: Mapping[Layout, float], devices: int) -> Layout:
    """Return the layout that trains all members in the least time.

    Args:
        cells: Number of members that share minibatches.
        replicates: Number of such groups.
        costs: Layout -> time of one step of a tile, in any unit.
        devices: Assumed number of devices; not the actual one, since bits depend on the layout.
    """

    def cost(layout: Layout) -> tuple[float, bool, int]:
        groups = -(-cells // layout.group_size) * replicates
        calls = -(-groups // layout.groups)
        rounds = -(-calls // devices)
        return rounds * costs[layout], layout.groups > 1, -layout.width

    return min((layout for layout in costs if replicates > 1 or layout.groups == 1), key=cost)


def tiles(active: np.ndarray, minibatches: np.ndarray, kind: np.ndarray, layout: Layout) -> Sequence[Tile]:
    """Divide active members into tiles.

    Members that share minibatches fill groups one after another, so that at most one group of each replicate
    has empty slots. Groups fill tiles in the same way.

    Args:
        active: Whether each member still trains ``[members]``.
        minibatches: Replicate whose minibatches each member uses ``[members]``.
        kind: Kind of each member's minibatches ``[members]``, by their shape; tiles do not mix kinds.
        layout: The layout of tiles.
    """
    divided = []
    for members in split(np.flatnonzero(active), kind):
        groups, used = groups_of(members, minibatches, layout.group_size)
        for first in range(0, len(groups), layout.groups):
            in_tile = slice(first, first + layout.groups)
            slots = np.resize(groups[in_tile], (layout.groups, layout.group_size))
            divided.append(Tile(slots.ravel(), np.flatnonzero(used[in_tile]), minibatches[slots[:, 0]]))
    return divided


def groups_of(members: np.ndarray, minibatches: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return members in groups ``[groups, size]`` of the same minibatches, and a mask that excludes repeats.

    ``members`` are numbers of members; ``minibatches`` are as in `tiles`.
    """
    if size == 1:
        return members[:, None], np.ones((len(members), 1), bool)
    alike = split(members, minibatches)
    lengths = [-(-len(some) // size) * size for some in alike]
    padded = [np.resize(some, length) for some, length in zip(alike, lengths, strict=True)]
    used = [np.arange(length) < len(some) for some, length in zip(alike, lengths, strict=True)]
    return np.concatenate(padded).reshape(-1, size), np.concatenate(used).reshape(-1, size)


def split(members: np.ndarray, kind: np.ndarray) -> list[np.ndarray]:
    """Split members by kind, in order; ``kind`` has the kind of every member."""
    members = members[np.argsort(kind[members], kind="stable")]
    return np.split(members, np.flatnonzero(np.diff(kind[members])) + 1)
