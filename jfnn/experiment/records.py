"""What the door of the engine makes of its keywords: what is trained, which members, on what, how it runs."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.losses import Loss
from jfnn.network import Network
from jfnn.training import Optimizer

PARTS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is trained: all that the compiled program depends on, hashable.

    Attributes:
        network: The network.
        loss: The loss.
        reduction: "sum" or "mean".
        optimizer: The optimizer and its fixed arguments.
        gradient: "autodiff", "backprop", or a callable of the user's.
        padded: Whether some minibatches may be shorter than others.
        dropout: Whether hidden units are dropped.
        evaluation_block: How many rows are scored at a time.
        tile: How many members are trained side by side. A float32 result depends on it, so it may follow from
            the network, the batch and the backend alone.
    """

    network: Network
    loss: Loss
    reduction: str
    optimizer: Optimizer
    gradient: str | Callable
    padded: bool
    dropout: bool
    evaluation_block: int
    tile: int


@dataclasses.dataclass(frozen=True)
class Data:
    """The rows that members learn from and are scored on.

    Attributes:
        x: Inputs ``[n, n_in]``.
        targets: Targets ``[n, n_out]``.
        weights: How often each row's cost counts in training ``[n]``, or None for once.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Stream:
    """What members share: starting parameters, minibatches, training rows.

    Attributes:
        seed: The seed that it stands for.
        params: Starting parameters, in the engine's layout (NumPy).
        rows: ``epoch -> [steps, batch]`` row numbers of the data (int32), negative where there is none.
            Streams that have the very same function are trained side by side.
        parts: A name of `PARTS` -> the row numbers that it is scored on; none for a part left out.
        key: The raw data of the random key that dropout draws by, or None.
    """

    seed: int
    params: Any
    rows: Callable[[int], np.ndarray]
    parts: dict[str, np.ndarray]
    key: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Axes:
    """The hyperparameters of all cells.

    Attributes:
        values: Name -> values, in order; "learning_rate" and "l2" come first.
        crossed: Whether cells are all combinations of these values; else all have the same length, and cells
            are the first values, the second values, ….
    """

    values: dict[str, np.ndarray]
    crossed: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an array with a number for each cell."""
        lengths = tuple(len(values) for values in self.values.values())
        return lengths if self.crossed else lengths[:1]

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> the value of each cell, ``[cells]``."""
        if not self.crossed:
            return dict(self.values)
        mesh = np.meshgrid(*self.values.values(), indexing="ij")
        return {name: each.ravel() for name, each in zip(self.values, mesh, strict=True)}

    def at(self, index: tuple[int, ...]) -> dict[str, float]:
        """Name -> the value of the cell at a place."""
        places = index if self.crossed else index * len(self.values)
        return {name: float(v[i]) for (name, v), i in zip(self.values.items(), places, strict=True)}


@dataclasses.dataclass(frozen=True)
class Grid:
    """Which members: every cell in every stream.

    Attributes:
        axes: The cells.
        constants: Name -> value of further numbers, the same for all members.
        streams: The streams, seeds outside and folds inside.
        of_streams: Name -> value of further numbers, one a stream.
    """

    axes: Axes
    constants: dict[str, float]
    streams: Sequence[Stream]
    of_streams: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the cells, then the number of streams."""
        return (*self.axes.shape, len(self.streams))

    @property
    def size(self) -> int:
        """How many members there are."""
        return int(np.prod(self.shape))

    @property
    def cells(self) -> int:
        """How many combinations of hyperparameters there are."""
        return self.size // len(self.streams)

    def stream_of(self) -> np.ndarray:
        """The number of each member's stream, ``[members]``."""
        return np.arange(self.size) % len(self.streams)

    def rows_of(self) -> np.ndarray:
        """The number of the first stream that has the same minibatches as a member's own, ``[members]``."""
        first: dict[Callable, int] = {}
        found = [first.setdefault(stream.rows, number) for number, stream in enumerate(self.streams)]
        return np.array(found)[self.stream_of()]

    def hyper(self, dtype) -> dict[str, np.ndarray]:
        """Each member's numbers, name -> ``[members]``."""
        varied = {name: np.repeat(each, len(self.streams)) for name, each in self.axes.columns().items()}
        shared = {name: np.full(self.size, value) for name, value in self.constants.items()}
        shared |= {name: values[self.stream_of()] for name, values in self.of_streams.items()}
        return {name: values.astype(dtype) for name, values in (varied | shared).items()}


@dataclasses.dataclass(frozen=True)
class Execution:
    """How it runs: for how long, and what else changes no bit of any member's result.

    Attributes:
        devices: The device of each host thread; the cores of a CPU share one.
        epochs: Epochs to train.
        segment: Epochs between two returns to the host.
        history: Whether scores are kept for the end of every segment.
        progress: Called at every return to the host, or None.
    """

    devices: tuple[jax.Device, ...]
    epochs: int
    segment: int
    history: bool
    progress: Callable | None
