"""Which member sits where, and how long calls are. Pure data."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.learners.epoch import EPOCHS

# What a tile may hold while it trains, so that it stays in a core's cache; measured on networks from 2-4-1
# to 784-256-10. An accelerator wants its tiles large instead.
CPU_TILE_BYTES = 600_000
ACCELERATOR_TILE_BYTES = 256_000_000
# The widest tiles: grids of 5x5, 7x7 or 10x10 cells fill them.
CPU_WIDTHS = (1, 2, 5, 10, 25, 64, 256)
ACCELERATOR_WIDTHS = (*CPU_WIDTHS, 512, 1024)
# The widths of tiles where there is less to train, or is in many replicates.
WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# What a step of a tile takes besides its members, in members, on a core and on an accelerator; what a member
# with minibatches of its own takes, in others; and the cores that are reckoned with.
STEP, ACCELERATOR_STEP, OWN, CORES = 0.25, 500.0, 1.15, 2
# A call costs the host about a millisecond, during which its device works on the call before; steps so few as
# to take less are not worth a call. A share of idle devices below `IDLE` is not worth further calls.
LEAST_STEPS, IDLE = 16, 0.03


class Form(NamedTuple):
    """How members are put into tiles.

    Attributes:
        width: Members a tile.
        own: Whether members of a tile have minibatches of their own; else they share their replicate's.
    """

    width: int
    own: bool


class Hardware(NamedTuple):
    """Where an experiment runs.

    Attributes:
        threads: The device of each host thread; the cores of a CPU share one.
        form: Members trained side by side, and whether they have minibatches of their own. A float32 result
            depends on it, so it follows from what is trained alone, unless options fix it.
    """

    threads: tuple[jax.Device, ...]
    form: Form


class Tile(NamedTuple):
    """What one call of the compiled program trains.

    Attributes:
        members: Member numbers ``[tile]``; slots left over repeat members.
        used: Slots, from the first, that are not repeats.
        replicates: The replicate of each slot ``[tile]``, or the one whose minibatches all share.
    """

    members: np.ndarray
    used: int
    replicates: np.ndarray | int


class Stretch(NamedTuple):
    """Epochs that one call trains: the first, and how many."""

    first: int
    epochs: int

    @property
    def end(self) -> int:
        """Epochs done after it."""
        return self.first + self.epochs


class CallLength(NamedTuple):
    """How far one call goes: so many steps or epochs at most, whichever is less, but one epoch at least.

    A tile's calls follow one another without waiting for other tiles; after some of them the run returns to
    the host. Many calls between two returns keep devices busy to the end: the tiles advance side by side, and
    a device that is free takes the one that is behind. Only the first return is early, since members that
    diverge mostly do so early, and then leave.
    """

    steps: int = 384
    first_steps: int = 64
    most_epochs: int = EPOCHS
    calls: int = 3

    def epochs(self, steps: int) -> int:
        """Epochs of one call at most."""
        return max(1, min(self.steps // steps, self.most_epochs))

    def next_end(self, epoch: int, steps: int) -> int:
        """The first epoch above ``epoch`` after which the run returns to the host."""
        one_call = self.epochs(steps)
        first, most = min(max(1, self.first_steps // steps), one_call), one_call * self.calls
        return first if epoch < first else first + ((epoch - first) // most + 1) * most

    def stretches(self, stops: Sequence[int], steps: int, tiles: int = 1, devices: int = 1) -> list[Stretch]:
        """The calls from the first of some epochs to the last; none goes across an epoch between them.

        They are as few as may be, or more where so few tiles would leave devices idle at the end: of 3 tiles
        on 2 devices one is trained alone, of 3 tiles in 2 calls each none is.

        Args:
            stops: Epochs done, and those after which a call has to end, in order.
            steps: Steps an epoch.
            tiles: How many are trained.
            devices: On how many.
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
        chosen = next(number for number, share in idle.items() if share <= max(IDLE, min(idle.values())))
        numbers = zip(intervals, [*others, chosen], strict=True)
        return [stretch for interval, number in numbers for stretch in _divided(*interval, number)]


def _divided(first: int, end: int, number: int) -> Iterator[Stretch]:
    """The epochs from ``first`` to ``end`` as stretches about as long as each other."""
    ends = [first + (end - first) * i // number for i in range(number + 1)]
    return (Stretch(at, until - at) for at, until in itertools.pairwise(ends))


def tile_width(parameters: int, width: int, batch: int, itemsize: int, backend: str) -> int:
    """Members to train side by side, from the network, the batch and the backend alone.

    Args:
        parameters: Parameters of one member.
        width: The most numbers that a layer holds for one row.
        batch: Rows a step.
        itemsize: Bytes of one number.
        backend: "cpu", "gpu", …
    """
    on_cpu = backend == "cpu"
    room = CPU_TILE_BYTES if on_cpu else ACCELERATOR_TILE_BYTES
    room //= member_bytes(parameters, width, batch, itemsize)
    return max(tile for tile in (CPU_WIDTHS if on_cpu else ACCELERATOR_WIDTHS) if tile <= max(room, 1))


def member_bytes(parameters: int, width: int, batch: int, itemsize: int) -> int:
    """What one member holds while it trains; see `tile_width`."""
    # Parameters, gradients and the old parameters; a layer's pre-activations, activations and deltas.
    return 3 * (parameters + width * batch) * itemsize


def form(cells: int, replicates: int, costs: Mapping[Form, float], devices: int) -> Form:
    """The form of tiles that trains all members soonest, from what there is to train.

    Args:
        cells: Members that share minibatches.
        replicates: Groups of so many members.
        costs: Forms to choose from, and what one step of such a tile takes.
        devices: Devices that are reckoned with, whatever there are, since bits follow the form.
    """

    def cost(form: Form) -> tuple[float, bool, int]:
        groups, members = (1, cells * replicates) if form.own else (replicates, cells)
        rounds = -(-groups * -(-members // form.width) // devices)
        return rounds * costs[form], form.own, -form.width

    return min((form for form in costs if replicates > 1 or not form.own), key=cost)


def tiles(active: np.ndarray, replicate: np.ndarray, alike: np.ndarray, form: Form) -> Sequence[Tile]:
    """Groups the members that still train into tiles.

    Members that share minibatches fill tiles one after another, so at most one tile for each sequence of
    minibatches has empty slots, and at most one in all where members have their own; devices take tiles as
    they come free, so at most one tile a device is waited for.

    Args:
        active: Which members still train ``[members]``.
        replicate: The replicate of each member ``[members]``.
        alike: Equal for members that may stand in one tile ``[members]``: those that share minibatches, or
            whose minibatches have one shape.
        form: The tiles'.
    """
    grouped = []
    training = np.flatnonzero(active)
    training = training[np.argsort(alike[training], kind="stable")]
    for members in np.split(training, np.flatnonzero(np.diff(alike[training])) + 1):
        for first in range(0, len(members), form.width):
            in_tile = members[first : first + form.width]
            slots = np.resize(in_tile, form.width)
            replicates = replicate[slots] if form.own else int(replicate[slots[0]])
            grouped.append(Tile(slots, len(in_tile), replicates))
    return grouped
