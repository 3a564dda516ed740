"""Networks that learn the Ising model's phases only from T = 0 and T = ∞, and their outputs in between."""

import dataclasses
import functools
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jfnn
from four_kinds import ising_model

# Initial weights relative to Glorot's: directions that the data do not reach keep their initial values.
INIT_SCALE = 0.1
# Rows evaluated at once: as vectors, and as images, whose channels take more memory.
ROWS = 2_000
IMAGES = 200


@dataclasses.dataclass(frozen=True)
class Scale:
    """Size of the computation.

    The networks of `cell` estimate the critical temperature: the smallest width with which every start
    learns, and the largest penalty.
    """

    lengths: tuple[int, ...] = (10, 20, 40)  # lattices of the grid of networks
    largest: int = 80  # another lattice, only for the networks of the estimates
    hidden: tuple[int, ...] = (1, 2, 10, 100)
    l2s: tuple[float, ...] = (0.0, 1.0, 3.0)  # the largest last
    cell: tuple[int, float] = (10, 3.0)  # hidden units and penalty
    seeds: int = 20  # networks of each kind
    epochs: int = 40
    rows: int = 1_000  # training rows
    temperatures: tuple[float, ...] = (
        *(1.6, 2.0, 2.14, 2.18, 2.2, 2.22, 2.24, 2.26, 2.28, 2.3, 2.32, 2.34, 2.36),
        *(2.4, 2.44, 2.5, 2.56, 2.62, 2.7, 2.8, 3.0),
    )
    # Length -> Markov chains at each temperature, and configurations per chain.
    chains: Mapping[int, tuple[int, int]] = dataclasses.field(
        default_factory=lambda: {10: (800, 4), 20: (400, 5), 40: (200, 8), 80: (100, 8)}
    )
    burn_in: int = 50  # steps before a chain's first configuration
    long_chains: tuple[int, int] = (16, 2_000)  # chains to measure autocorrelation times, and steps of each
    draws: int = 400  # bootstrap draws
    workers: int = 2  # sampling processes


QUICK = Scale(
    lengths=(12,),
    largest=24,
    hidden=(1, 2, 10),
    l2s=(3.0,),
    seeds=6,
    epochs=80,
    rows=400,
    temperatures=(1.8, 2.1, 2.15, 2.2, 2.25, 2.3, 2.35, 2.4, 2.5, 2.6, 2.7, 2.8, 3.0),
    chains={12: (300, 2), 24: (100, 2)},
    burn_in=20,
    long_chains=(8, 500),
    draws=100,
    workers=1,
)


class Trained(NamedTuple):
    """Networks of one size on one lattice."""

    network: jfnn.Network
    params: Any  # [L2, seeds, …]
    accuracy: np.ndarray  # on held-out rows at T = 0 and ∞ [L2, seeds]

    def logits(self, spins: np.ndarray) -> np.ndarray:
        """Return logits ``[seeds, …]`` at the largest penalty for spins ``[…, L, L]``."""
        return logits(self.network, jax.tree.map(lambda leaf: leaf[-1], self.params), spins)


def sample(scale: Scale) -> dict[int, np.ndarray]:
    """Sample configurations: length -> ``[T, chains, configurations, L, L]`` int8."""
    lengths = (*scale.lengths, scale.largest)
    tasks = [(length, t) for length in lengths for t in scale.temperatures]
    draw = functools.partial(_sample_at, scale)
    if scale.workers == 1:
        drawn = list(map(draw, tasks))
    else:
        # Fresh processes: JAX's threads do not survive a fork.
        with ProcessPoolExecutor(scale.workers, get_context("spawn")) as pool:
            drawn = list(pool.map(draw, tasks))
    n = len(scale.temperatures)
    return {length: np.stack(drawn[i * n : (i + 1) * n]) for i, length in enumerate(lengths)}


def _sample_at(scale: Scale, task: tuple[int, float]) -> np.ndarray:
    length, t = task
    chains, samples = scale.chains[length]
    seed = int(length * 1e4 + round(t * 1e3))
    spins = ising_model.configurations(
        length, t, chains * samples, chains=chains, seed=seed, burn_in=scale.burn_in
    )
    return spins.reshape(chains, samples, length, length)


def train(scale: Scale, length: int, cancelling: bool = False) -> dict[int, Trained]:
    """Train the grid of networks on one lattice, at T = 0 and T = ∞: hidden units -> networks.

    The largest lattice has only the networks of the estimates. So does every lattice if random rows have zero
    magnetization (``cancelling``) instead of T = ∞.
    """
    cell = cancelling or length == scale.largest
    networks = {
        units: jfnn.mlp((length**2, units, 1), activation="sigmoid", init="glorot_normal")
        for units in ((scale.cell[0],) if cell else scale.hidden)
    }
    swept = jfnn.sweep(
        {str(units): network for units, network in networks.items()},
        ising_model.extreme_temperatures(length, scale.rows, 400, seed=length, cancelling=cancelling),
        l2=scale.cell[1] if cell else scale.l2s,
        **training_options(scale),
    )
    return {
        units: Trained(network, jax.tree.map(lambda leaf: leaf[0], run.params), accuracies[0])
        for (units, network), run, accuracies in zip(
            networks.items(), swept.runs, swept.test_accuracy, strict=True
        )
    }


def training_options(scale: Scale) -> dict[str, Any]:
    """Return keywords of every sweep except the penalty. The learning rate decays to 0 to remove noise."""
    return {
        "learning_rate": 0.03,
        "hyper": {"init_scale": INIT_SCALE},
        "seeds": scale.seeds,
        "epochs": scale.epochs,
        "batch_size": 100,
        "loss": "sigmoid_cross_entropy",
        "reduction": "mean",
        "gradient": "backprop",
        "optimizer": jfnn.Optimizer("adam", schedule="cosine"),
    }


@functools.partial(jax.jit, static_argnums=0)
def _logits(network: jfnn.Network, params: Any, spins: jax.Array) -> jax.Array:
    x = spins.astype(jnp.float32).reshape(len(spins), *(network.input_shape or ()))
    return jax.vmap(network.apply, in_axes=(0, None))(params, x)[..., 0]


def logits(network: jfnn.Network, params: Any, spins: np.ndarray, at_once: int = ROWS) -> np.ndarray:
    """Return outputs before the sigmoid ``[S, …]`` float32, for seeds ``[S, …]`` and spins ``[…, L, L]``."""
    rows = spins.reshape(-1, *spins.shape[-2:])
    parts = []
    for first in range(0, len(rows), at_once):
        part = rows[first : first + at_once]
        padding = [(0, min(at_once, len(rows)) - len(part)), (0, 0), (0, 0)]  # equal shapes need one program
        parts.append(np.asarray(_logits(network, params, np.pad(part, padding)))[:, : len(part)])
    return np.concatenate(parts, axis=1).reshape(-1, *spins.shape[:-2])


def overlaps(params: Any) -> np.ndarray:
    """Return ``|Σ_i u_i| / L`` of each seed; 1 if the first layer depends only on the magnetization.

    u is the first singular vector of its weights ``[L², hidden]``: the direction shared by all units.
    """
    directions = np.linalg.svd(np.asarray(params[0].w), full_matrices=False)[0][..., 0]
    return np.asarray(np.abs(directions.sum(axis=-1)) / np.sqrt(directions.shape[-1]))
