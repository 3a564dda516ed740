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
        padded: Whether some minibatches are shorter than others.
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
    evaluation_block: int
    tile: int


@dataclasses.dataclass(frozen=True)
class Data:
    """The rows that members learn from and are scored on: ``x [n, …]`` and ``targets [n, n_out]``."""

    x: np.ndarray
    targets: np.ndarray


@dataclasses.dataclass(frozen=True)
class Stream:
    """What members share: starting parameters, minibatches, training rows.

    Attributes:
        seed: The seed that it stands for.
        params: Starting parameters, in the engine's layout (NumPy).
        rows: ``epoch -> [steps, batch]`` row numbers of the data (int32), negative where there is none.
        parts: A name of `PARTS` -> the row numbers that it is scored on; none for a part left out.
    """

    seed: int
    params: Any
    rows: Callable[[int], np.ndarray]
    parts: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Grid:
    """Which members: every combination of the axes, in every stream.

    Attributes:
        axes: Name -> values, in order; "learning_rate" and "l2" come first.
        constants: Name -> value of further numbers, the same for all members.
        streams: The streams, seeds outside and folds inside.
    """

    axes: dict[str, np.ndarray]
    constants: dict[str, float]
    streams: Sequence[Stream]

    @property
    def shape(self) -> tuple[int, ...]:
        """One length an axis, then the number of streams."""
        return (*(len(values) for values in self.axes.values()), len(self.streams))

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

    def hyper(self, dtype) -> dict[str, np.ndarray]:
        """Each member's hyperparameters, name -> ``[members]``."""
        mesh = np.meshgrid(*self.axes.values(), np.arange(len(self.streams)), indexing="ij")
        varied = {name: values.ravel() for name, values in zip(self.axes, mesh, strict=False)}
        shared = {name: np.full(self.size, value) for name, value in self.constants.items()}
        return {name: values.astype(dtype) for name, values in (varied | shared).items()}


@dataclasses.dataclass(frozen=True)
class Execution:
    """How it runs; nothing in here changes a bit of any member's result.

    Attributes:
        devices: The devices to use.
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
