"""Superposition as a phase change: when does a network store more features than it has dimensions?

Elhage et al. (2022, "Toy Models of Superposition", "Superposition as a Phase Change"): n features, n - 1
dimensions, ``x' = ReLU(Wᵀ W x + b)`` and the loss ``Σ_i I_i (x_i - x'_i)²``. A feature is uniform on [0, 1]
with probability ``density``, otherwise 0. All but the last have importance 1. Each step samples new rows.
"""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement

FEATURES = (2, 3)
RATE = 0.02
POINTS = 16  # quadrature points per feature; the error is 0.3% at the kink of a ReLU
ABSENT, SUPERPOSED, DEDICATED = range(3)
CLOSE = 1.05  # solutions whose losses differ by at most this factor are tied


class Scale(NamedTuple):
    """Size of the computation."""

    points: int = 100  # per axis
    seeds: int = 10
    steps: int = 1_000
    batch: int = 256


SCALES = {
    "quick": Scale(points=12, seeds=4, steps=500),
    "usual": Scale(),
    "paper": Scale(steps=10_000, batch=1_024),
}


class Networks(NamedTuple):
    """Trained networks of one number of features."""

    w: np.ndarray  # [density, importance, seed, dimension, feature]
    losses: np.ndarray  # expected losses [density, importance, seed]


def run(runs: Path, size: str) -> Picture:
    """Compute phase diagrams of two features in one dimension and of three in two."""
    scale = SCALES[size]
    said = published("superposition")["statements"]
    density = np.geomspace(1, 0.01, scale.points)
    importance = np.geomspace(0.1, 10, scale.points)
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    panels = figure.subplots(len(FEATURES), 3, sharex=True, sharey=True)
    rows = []
    results = []
    for n, line in zip(FEATURES, panels, strict=True):
        result = trained(n, density, importance, scale, resumable(runs, f"superposition-{n}"))
        results.append(result)
        networks = Networks(np.asarray(result.params[0])[0, 0], result.train_loss[0, 0])
        solutions = explicit_losses(n, density[:, None], importance[None])
        rows += table_rows(n, networks, solutions, said, size != "quick")
        draw(line, n, networks, solutions, (density, importance))
    figure.supxlabel("importance of the last feature", fontsize="medium")
    members = sum(result.diverged_at.size for result in results)
    return Picture(figure, rows, f"{members:,} networks, {scale.steps:,} steps each", seconds(*results))


def squared_errors(params: Any, x: Any, importance: Any) -> jax.Array:
    """Return ``Σ_i I_i (x_i - x'_i)²`` for each row; ``x`` is a sequence of features ``[rows]``.

    Sums are written out, since products of such small matrices would each be a separate call.
    """
    w, b = params
    hidden = [sum(row[i] * one for i, one in enumerate(x)) for row in w]
    outputs = [jax.nn.relu(sum(w[k, i] * h for k, h in enumerate(hidden)) + b[i]) for i in range(len(x))]
    errors = [(one - output) ** 2 for one, output in zip(x, outputs, strict=True)]
    total: jax.Array = sum(errors[:-1]) + importance * errors[-1]
    return total


def quadrature(n: int) -> np.ndarray:
    """Return rows ``(x_1 … x_n, nonzero features, weight)`` whose weighted sums are expectations.

    Given the nonzero features, these are Gauss-Legendre weights on [0, 1].
    """
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    rows = []
    for active in itertools.product((False, True), repeat=n):
        points = [(nodes + 1) / 2 if one else np.zeros(1) for one in active]
        shares = [weights / 2 if one else np.ones(1) for one in active]
        grid = [np.stack([axis.ravel() for axis in np.meshgrid(*axes)], axis=1) for axes in (points, shares)]
        rows.append(np.column_stack([grid[0], np.full(len(grid[0]), sum(active)), grid[1].prod(axis=1)]))
    return np.concatenate(rows).astype(np.float32)


def trained(
    n: int, density: np.ndarray, importance: np.ndarray, scale: Scale, directory: dict[str, Any]
) -> jfnn.SweepResult:
    """Train networks of n features for all densities, importances and seeds; score the expected loss."""
    nodes = quadrature(n)

    def init(key: jax.Array) -> Any:
        return jax.nn.initializers.glorot_normal()(key, (n, n - 1)).T, jnp.zeros(n)

    def loss(params: Any, batch: Any, key: jax.Array, density: jax.Array, importance: jax.Array) -> jax.Array:
        present, value = jax.random.uniform(key, (2, n, scale.batch))
        return jnp.mean(squared_errors(params, jnp.where(present < density, value, 0.0), importance))

    def score(
        params: Any, rows: jax.Array, density: jax.Array, importance: jax.Array
    ) -> dict[str, jax.Array]:
        active = rows[:, n]
        weight = rows[:, n + 1]
        chance = density**active * (1 - density) ** (n - active) * weight * len(nodes)
        return {"loss": chance * squared_errors(params, rows[:, :n].T, importance)}

    names = ("density", "importance")
    optimizer = jfnn.Optimizer("adam", schedule="cosine")
    return jfnn.sweep(
        jfnn.learner(init, loss, hyper=names, random=True, optimizer=optimizer, score=score),
        jfnn.Split(nodes),
        learning_rate=RATE,
        hyper=dict(zip(names, (density, importance), strict=True)),
        seeds=scale.seeds,
        epochs=scale.steps,
        batch_size=None,
        **directory,
    )


def explicit_losses(n: int, s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Return expected losses of the explicit solutions, at density s and importance r ``[…, solution]``.

    They ignore the last feature, ignore the first, superpose the last two, or (of three) the first two.
    """
    ignored = s / 3 - s**2 / 4 + 0 * r
    losses = [r * ignored, ignored, (1 + r) * s**2 / 6, s**2 / 3 + 0 * r]
    return np.stack(losses[: n + 1], axis=-1)


# How each solution stores the last feature.
STORED = np.array([ABSENT, DEDICATED, SUPERPOSED, DEDICATED])


def last_feature(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the norm of the last feature's direction W_n and its superposition ``Σ_j (Ŵ_n · W_j)²``."""
    norm = np.linalg.norm(w[..., -1], axis=-1)
    unit = w[..., -1] / np.maximum(norm, 1e-9)[..., None]
    return norm, (np.einsum("...k,...kj->...j", unit, w[..., :-1]) ** 2).sum(axis=-1)


def regimes(w: np.ndarray) -> np.ndarray:
    """Return how networks store the last feature."""
    norm, superposed = last_feature(w)
    return np.where(norm < 0.5, ABSENT, np.where(superposed > 0.25, SUPERPOSED, DEDICATED))


def table_rows(
    n: int, networks: Networks, solutions: np.ndarray, said: dict[str, str], decided: bool
) -> list[Row]:
    """Compare the best network of each point with the explicit solutions."""
    ranked = np.sort(solutions, axis=-1)
    least = solutions.min(axis=-1)
    clear = ranked[..., 1] > CLOSE * ranked[..., 0]
    agree = regimes(best(networks)) == STORED[solutions.argmin(axis=-1)]
    share = float(agree[clear].mean())
    ratio = networks.losses.min(axis=-1) / least
    name = f"{n} features in {n - 1}"
    close = float((ratio <= CLOSE).mean())
    return [
        statement(
            f"{name}: points in the regime of the best explicit solution",
            said["regimes"],
            f"{share:.1%}",
            share >= 0.9,
            f"at least 90% of the {clear.sum()} points where that is {CLOSE - 1:.0%} better than the next",
            decided,
        ),
        statement(
            f"{name}: expected loss over that of the best explicit solution",
            said["losses"],
            f"{np.median(ratio):.3f}, {close:.1%} of points up to {CLOSE}",
            close >= 0.95,
            f"at least 95% of points up to {CLOSE}; best of {networks.losses.shape[-1]} networks, median",
            decided,
        ),
    ]


def best(networks: Networks) -> np.ndarray:
    """Return the weights of the network with the least loss at each point ``[density, importance, …]``."""
    index = networks.losses.argmin(axis=-1)[..., None, None, None]
    return np.take_along_axis(networks.w, index, axis=2)[:, :, 0]


def colors(norm: np.ndarray, superposed: np.ndarray) -> np.ndarray:
    """Return colors: white if a feature is not stored, blue if it has a dimension, red if it shares one."""
    white = np.ones(3)
    blue = np.array([0.1, 0.3, 0.7])
    red = np.array([0.85, 0.2, 0.2])
    shared, stored = (np.clip(part, 0, 1)[..., None] for part in (superposed, norm))
    return np.asarray((1 - stored) * white + stored * ((1 - shared) * blue + shared * red))


def draw(
    line: Any, n: int, networks: Networks, solutions: np.ndarray, axes_of: tuple[np.ndarray, np.ndarray]
) -> None:
    """Draw the explicit solutions, the best networks, and the mean of all but the worst."""
    density, importance = axes_of
    theory = STORED[solutions.argmin(axis=-1)]
    ranks = networks.losses.argsort(axis=-1)[..., : max(networks.losses.shape[-1] - 1, 1)]
    mean = [np.take_along_axis(part, ranks, axis=-1).mean(axis=-1) for part in last_feature(networks.w)]
    images = {
        "explicit solutions": colors(theory != ABSENT, theory == SUPERPOSED),
        "best network": colors(*last_feature(best(networks))),
        "mean but for the worst": colors(mean[0], mean[1]),
    }
    for panel, (title, image) in zip(line, images.items(), strict=True):
        panel.pcolormesh(importance, density, image)
        for regime in (ABSENT, SUPERPOSED):
            panel.contour(importance, density, theory == regime, [0.5], colors="black", linewidths=0.8)
        panel.set(xscale="log", yscale="log", title=title if n == FEATURES[0] else "")
        panel.invert_yaxis()
    line[0].set_ylabel(f"{n} features in {n - 1}\ndensity")
