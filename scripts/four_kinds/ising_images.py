"""A convolutional network on the same task: what it answers by, and where its outputs are half way down."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from verdicts import Row, claim

import jfnn
from four_kinds import ising_pictures, phases, scaling
from four_kinds.phases import Scale
from jfnn.datasets import ising

CHANNELS = 8


def rows(out: Path, scale: Scale, spins: Mapping[int, np.ndarray]) -> list[Row]:
    """Trains one kind of network on every lattice of the grid, at T = 0 and ∞, and reads its outputs.

    Args:
        out: Folder for the picture.
        scale: How much.
        spins: Configurations, length -> ``[T, chains, configurations, L, L]``.
    """
    temperatures = np.array(scale.temperatures)
    learned, by_energy, by_size, half_ways, curves = [], [], [], {}, {}
    every = True
    for length in scale.lengths:
        few = ising_pictures.few(spins[length])
        accuracy, values = _answers(scale, length, few)
        shares = (values > 0).astype(np.float64)
        counts = scaling.draw_counts(np.random.default_rng(length), scale.draws, shares.shape)
        places = scaling.roots(temperatures, scaling.mean_curves(shares, counts) - 0.5)
        near = int(np.abs(temperatures - places[0]).argmin())
        learned.append(f"L = {length}: {(accuracy == 1).sum()}")
        every &= bool((accuracy == 1).all())
        by_energy.append(_correlation(values[:, near], ising.energy(few[near])))
        by_size.append(_correlation(values[:, near], np.abs(ising.magnetisation(few[near]))))
        half_ways[length] = places
        curves[length] = shares.mean(axis=-1)
    ising_pictures.images(out, scale, curves)
    name = f"convolution, {CHANNELS} channels 3×3"
    return [
        claim(
            f"{name}, T = 0 against T = ∞",
            "every start learns",
            f"{', '.join(learned)} of {scale.seeds} starts",
            every,
        ),
        claim(
            f"{name}, what it answers by",
            "neighbours: the energy",
            f"correlation with E {np.mean(by_energy):+.2f}, with |m| {np.mean(by_size):+.2f}",
            abs(float(np.mean(by_energy))) > abs(float(np.mean(by_size))),
            "mean over seeds and lattices, where outputs are half way down",
        ),
        *_limit(half_ways),
    ]


def _limit(half_ways: Mapping[int, np.ndarray]) -> list[Row]:
    """Where T*(L) goes; one lattice says nothing of that."""
    if len(half_ways) == 1:
        return []
    texts = ", ".join(f"{length}: {scaling.estimate(draws)}" for length, draws in half_ways.items())
    why = f"needs the network, but is no T_c: the energy passes a threshold without a scale; T*(L) {texts}"
    limit = scaling.estimate(scaling.extrapolate(half_ways))
    return [scaling.row("(c) convolution, outputs, T*(L) by L^-1", limit, why)]


def _answers(scale: Scale, length: int, spins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy on rows held out ``[S]``, and outputs before the sigmoid ``[S, T, n]``."""
    network = jfnn.cnn((1, length, length), (CHANNELS,), 1, kernel=3, init="glorot_normal")
    split = ising.extreme_temperatures(length, scale.rows, 400, seed=length, image=True)
    # Starts of a third of Glorot's size: a tenth leaves the rectified channels dead.
    options = phases.training_options(scale) | {"hyper": {"init_scale": 0.3}}
    result = jfnn.sweep(network, split, l2=1.0, **options)
    params = phases.at_cell(result.params, 0, 0)
    return result.test_accuracy[0, 0], phases.logits(network, params, spins, phases.IMAGES)


def _correlation(outputs: np.ndarray, measured: np.ndarray) -> float:
    """Mean over seeds ``[S, n]`` of the correlation with a measured number ``[n]``."""
    return float(np.mean([np.corrcoef(of_seed, measured)[0, 1] for of_seed in outputs]))
