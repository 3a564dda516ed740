"""What the door of the engine makes of its keywords: what is trained, which members, on what, how it runs."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.losses import Loss
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.training import Optimizer


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
class Stream:
    """What members share: starting parameters, minibatches, training rows.

    Attributes:
        seed: The seed that it stands for.
        params: Starting parameters, in the engine's layout (NumPy).
        rows: ``epoch -> [steps, batch]`` row numbers of the data (int32).
        parts: The rows that each part is scored on, in the order of `Data.parts`; none for a part left out.
    """

    seed: int
    params: Any
    rows: Callable[[int], np.ndarray]
    parts: tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True)
class Grid:
    """Which members: the axes of the outer product, the seeds last.

    Attributes:
        axes: Name -> values, in order; "learning_rate" and "l2" come first.
        constants: Name -> value of further numbers, the same for all members.
        streams: One for each seed.
    """

    axes: dict[str, np.ndarray]
    constants: dict[str, float]
    streams: Sequence[Stream]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of every array of results: axes, then seeds."""
        return (*(len(values) for values in self.axes.values()), len(self.streams))

    @property
    def size(self) -> int:
        """How many members there are."""
        return int(np.prod(self.shape))

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
class Data:
    """The rows that members learn from and are scored on.

    Attributes:
        x: Inputs ``[n, …]``, all parts one below the other.
        targets: Targets ``[n, n_out]``.
        parts: The names of the parts that scores are taken of, such as "train" and "test".
    """

    x: np.ndarray
    targets: np.ndarray
    parts: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Execution:
    """How it runs; nothing in here changes a bit of any member's result.

    Attributes:
        devices: The devices to use.
        epochs: Epochs to train.
        segment: Epochs between two returns to the host.
        history: Whether scores are kept for the end of every segment.
        keep_params: "all", "best" or "none".
        progress: Called at every return to the host, or None.
    """

    devices: tuple[jax.Device, ...]
    epochs: int
    segment: int
    history: bool
    keep_params: str
    progress: Callable | None
