"""Configurations of the 2D Ising model (periodic square lattice, J = 1), and inputs of networks.

Spins are ``[…, L, L]`` int8, +1 or -1; ``E = -Σ s_i s_j`` over nearest neighbors. `four_kinds.onsager` has
closed forms for the infinite lattice, and exact energies of finite lattices.
"""

import math

import numpy as np

from four_kinds.onsager import CRITICAL_TEMPERATURE
from jfnn import Split

UPDATES = ("all", "one")
AXES = (-1, -2)
# Lattices are updated in blocks of about this many sites, which stay in a core's cache.
BLOCK = 100_000


def configurations(
    length: int,
    temperature: float,
    n: int,
    *,
    chains: int | None = None,
    seed: int = 0,
    burn_in: int = 50,
    apart: int = 5,
    update: str = "all",
) -> np.ndarray:
    """Sample configurations from Boltzmann's distribution with cluster updates.

    A step joins equal neighbors with probability ``1 - e^(-2/T)`` and flips clusters of joined spins: the
    cluster of a random site (Wolff, Phys. Rev. Lett. 62, 361 (1989)), or each cluster with probability 1/2
    (Swendsen and Wang, Phys. Rev. Lett. 58, 86 (1987)). Both cost the same here. Above the critical
    temperature, where clusters are small, the first kind needs many more steps.

    Args:
        length: L, at least 3.
        temperature: T, above 0.
        n: Number of configurations.
        chains: Number of independent Markov chains, a divisor of n; None for n. They start from random
            configurations above the critical temperature, and from all up or all down below.
        seed: Determines the result, together with the other arguments.
        burn_in: Steps before a chain's first configuration.
        apart: Steps between configurations of a chain.
        update: Which clusters a step flips: "all", each with probability 1/2, or "one" (Wolff).

    Returns:
        Spins ``[n, L, L]`` int8; configurations of a chain are consecutive.
    """
    chains = chains or n
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // length**2)
    spins = np.empty((chains, n // chains, length, length), np.int8)
    for first in range(0, chains, block):
        part = spins[first : first + block]
        current = _start(rng, (len(part), length, length), ordered=temperature < CRITICAL_TEMPERATURE)
        neighbors = _neighbors(current.shape)
        for number in range(part.shape[1]):
            for _ in range(apart if number else burn_in):
                current = _step(rng, current, neighbors, -np.expm1(-2 / temperature), update)
            part[:, number] = current
    return spins.reshape(n, length, length)


def energy(spins: np.ndarray) -> np.ndarray:
    """Return the energy per site ``-Σ_⟨ij⟩ s_i s_j / L²``: ``[…, L, L] -> […]`` float64, from -2 to 2."""
    pairs = spins * np.roll(spins, 1, axis=-1) + spins * np.roll(spins, 1, axis=-2)
    return np.asarray(-pairs.mean(axis=(-2, -1), dtype=np.float64))


def magnetization(spins: np.ndarray) -> np.ndarray:
    """Return the magnetization per site ``Σ_i s_i / L²``: ``[…, L, L] -> […]`` float64, from -1 to 1."""
    return np.asarray(spins.mean(axis=(-2, -1), dtype=np.float64))


def inputs(spins: np.ndarray, image: bool = False) -> np.ndarray:
    """Return spins as inputs of a network, float32.

    Args:
        spins: ``[n, L, L]``.
        image: Whether the network takes images.

    Returns:
        ``[n, L²]``, or images of one channel ``[n, 1, L, L]``.
    """
    n, length, _ = spins.shape
    return np.asarray(spins, np.float32).reshape((n, 1, length, length) if image else (n, length**2))


def extreme_temperatures(
    length: int, n: int, n_test: int = 0, *, seed: int = 0, image: bool = False, cancelling: bool = False
) -> Split:
    """Return configurations at T = 0 and T = ∞, from which networks learn the phases without a simulation.

    Label 1 marks the two ground states, all up and all down alternately; label 0 marks independent random
    spins, whose magnetization is about 1/L.

    Args:
        length: L, at least 2; even if ``cancelling``.
        n: Training rows, a multiple of 4: half have label 1, and half of these are all up.
        n_test: Test rows, constructed in the same way; 0 for none.
        seed: Seed of the random configurations.
        image: As in `inputs`.
        cancelling: Whether random configurations have as many spins up as down, as in arXiv 2501.05547
            (Abuali et al.), instead of T = ∞.

    Returns:
        A `Split`: float32 inputs as from `inputs`, int64 labels.
    """
    rng = np.random.default_rng(seed)
    total = n + n_test
    spins = np.empty((total, length**2), np.int8)
    spins[0::4] = 1
    spins[2::4] = -1
    if cancelling:
        signs = np.where(np.arange(length**2) % 2, 1, -1).astype(np.int8)
        spins[1::2] = rng.permuted(np.broadcast_to(signs, (total // 2, length**2)), axis=1)
    else:
        spins[1::2] = 1 - 2 * rng.integers(0, 2, (total // 2, length**2), np.int8)
    x = inputs(spins.reshape(total, length, length), image)
    y = np.arange(1, total + 1) % 2
    return Split(x[:n], y[:n], x[n:], y[n:]) if n_test else Split(x, y)


def _start(rng: np.random.Generator, shape: tuple[int, int, int], ordered: bool) -> np.ndarray:
    signs = rng.integers(0, 2, (shape[0], 1, 1) if ordered else shape, np.int8)
    spins: np.ndarray = np.where(signs, np.int8(1), np.int8(-1))
    return np.broadcast_to(spins, shape)


def _neighbors(shape: tuple[int, ...]) -> np.ndarray:
    """Return the site numbers of the right and lower neighbors ``[k, L, L, 2]`` int32."""
    sites = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)
    return np.stack([np.roll(sites, -1, axis) for axis in AXES], axis=-1)


def _step(
    rng: np.random.Generator, spins: np.ndarray, neighbors: np.ndarray, probability: float, update: str
) -> np.ndarray:
    """Update every lattice ``[k, L, L]`` by one step."""
    k, length, _ = spins.shape
    count, labels = _clusters(rng, spins, neighbors, probability)
    if update == "all":
        signs = 1 - 2 * rng.integers(0, 2, count, np.int8)
    else:
        sites = rng.integers(0, length**2, k)
        signs = np.ones(count, np.int8)
        signs[labels.reshape(k, -1)[np.arange(k), sites]] = -1
    return np.asarray(spins * signs[labels].reshape(spins.shape))


def _clusters(
    rng: np.random.Generator, spins: np.ndarray, neighbors: np.ndarray, probability: float
) -> tuple[int, np.ndarray]:
    """Return the number of clusters in all lattices, and the cluster number of each site ``[k L²]``."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    joined = rng.random(neighbors.shape, np.float32) < probability
    for i, axis in enumerate(AXES):
        joined[..., i] &= spins == np.roll(spins, -1, axis)
    columns = neighbors[joined]
    # A site's row contains the neighbors joined to it.
    rows = np.zeros(spins.size + 1, np.int32)
    np.cumsum(np.add(joined[..., 0], joined[..., 1], dtype=np.int8), out=rows[1:])
    graph = csr_array((np.ones(len(columns)), columns, rows), shape=(spins.size, spins.size))
    count, labels = connected_components(graph, directed=False)
    return int(count), labels
