"""Pictures of the section on the Ising model."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from four_kinds import phases, scaling
from four_kinds.phases import Scale, Trained
from jfnn.datasets import onsager

FEW = 400  # configurations at a temperature that pictures of outputs average over


def configurations(out: Path, scale: Scale, spins: np.ndarray) -> None:
    """One configuration below, near and above the critical temperature."""
    figure = Figure(figsize=(7.5, 2.9), layout="constrained")
    temperatures = np.array(scale.temperatures)
    near = int(np.abs(temperatures - onsager.CRITICAL_TEMPERATURE).argmin())
    for axes, place in zip(figure.subplots(1, 3), (0, near, -1), strict=True):
        axes.imshow(spins[place, 0, 0], cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        axes.set_title(f"T = {temperatures[place]:g}", fontsize="medium")
        axes.set_xticks([])
        axes.set_yticks([])
    _save(figure, out, "ising_configurations")


def outputs(
    out: Path, scale: Scale, spins: Mapping[int, np.ndarray], trained: Mapping[int, Mapping[int, Trained]]
) -> None:
    """Mean output against T, for each number of hidden units; bands hold 95% of the seeds."""
    figure = Figure(figsize=(3.2 * len(scale.hidden), 3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(scale.hidden), sharey=True))
    for axes, units in zip(panels, scale.hidden, strict=True):
        for i, length in enumerate(spins):
            if units in trained[length]:
                means = _mean_outputs(trained[length][units], few(spins[length]))
                _band(axes, np.array(scale.temperatures), means, f"C{i}", f"L = {length}")
        axes.axvline(float(onsager.CRITICAL_TEMPERATURE), color="0.5", linewidth=0.8)
        axes.set(title=f"{units} hidden", xlabel="T")
    panels[0].set_ylabel("mean output, P(ordered)")
    panels[scale.hidden.index(scale.cell[0])].legend(frameon=False, fontsize="small")
    _save(figure, out, "ising_outputs")


def thresholds(out: Path, scale: Scale, trained: Mapping[int, Mapping[int, Trained]]) -> None:
    """Output against the magnetisation of shuffled configurations."""
    figure = Figure(figsize=(3.2 * len(scale.hidden), 3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(scale.hidden), sharey=True))
    magnetisations = np.linspace(-1, 1, 41)
    for axes, units in zip(panels, scale.hidden, strict=True):
        for i, length in enumerate(scale.lengths):
            means = _mean_outputs(trained[length][units], phases.of_magnetisation(length, magnetisations, 20))
            _band(axes, magnetisations, means, f"C{i}", f"L = {length}")
        axes.set(title=f"{units} hidden", xlabel="m")
    panels[0].set_ylabel("mean output, P(ordered)")
    panels[-1].legend(frameon=False, fontsize="small")
    _save(figure, out, "ising_thresholds")


def crossing(
    out: Path,
    scale: Scale,
    ratios: Mapping[int, np.ndarray],
    shares: Mapping[int, np.ndarray],
    half_way: float,
    powers: tuple[float, ...],
) -> None:
    """Binder's ratios, shares called ordered, and where each is half way down against 1/L."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    temperatures = np.array(scale.temperatures)
    critical = float(onsager.CRITICAL_TEMPERATURE)
    titles = ("Binder's ratio of the magnetisation", "share called ordered")
    levels = (half_way, 0.5)
    for k, (by_length, title) in enumerate(zip((ratios, shares), titles, strict=True)):
        for i, (length, curves) in enumerate(by_length.items()):
            _band(panels[k], temperatures, curves[1:], f"C{i}", f"L = {length}", curves[0])
        panels[k].axvline(critical, color="0.5", linewidth=0.8)
        panels[k].set(title=title, xlabel="T", xlim=(2.0, 2.8))
        places = {
            length: scaling.roots(temperatures, curve - levels[k]) for length, curve in by_length.items()
        }
        inverse = 1 / np.array(list(places))
        middle = np.array([draws[0] for draws in places.values()])
        spread = np.array([2 * np.nanstd(draws[1:]) for draws in places.values()])
        panels[2].errorbar(inverse, middle, spread, fmt="o", color=f"C{k + 4}", label=title, capsize=2)
        limit = scaling.extrapolate(places, powers)[0]
        panels[2].plot(0, limit, "*", color=f"C{k + 4}", markersize=10)
    panels[2].axhline(critical, color="0.5", linewidth=0.8)
    panels[2].set(title="T* half way down, and its limit (stars)", xlabel="1/L")
    panels[0].legend(frameon=False, fontsize="small")
    panels[2].legend(frameon=False, fontsize="x-small")
    _save(figure, out, "ising_crossing")


def images(out: Path, scale: Scale, curves: Mapping[int, np.ndarray]) -> None:
    """Shares of configurations that convolutional networks call ordered, length -> ``[S, T]``."""
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.subplots()
    for i, (length, of_seeds) in enumerate(curves.items()):
        _band(axes, np.array(scale.temperatures), of_seeds, f"C{i}", f"L = {length}")
    axes.axvline(float(onsager.CRITICAL_TEMPERATURE), color="0.5", linewidth=0.8)
    axes.set(title="a convolutional network", xlabel="T", ylabel="share called ordered")
    axes.legend(frameon=False, fontsize="small")
    _save(figure, out, "ising_images")


def few(spins: np.ndarray) -> np.ndarray:
    """Some configurations at each temperature, ``[T, n, L, L]``, of as many chains as there are."""
    flat = np.swapaxes(spins, 1, 2).reshape(len(spins), -1, *spins.shape[-2:])
    return np.asarray(flat[:, :FEW])


def _mean_outputs(networks: Trained, spins: np.ndarray) -> np.ndarray:
    """Mean P(ordered) of each seed, ``[S, k]``, of spins ``[k, …, L, L]``."""
    values = phases.logits(networks.network, networks.at_largest(), spins)
    return np.asarray((1 / (1 + np.exp(-values))).reshape(*values.shape[:2], -1).mean(axis=-1))


def _band(
    axes: Axes, x: np.ndarray, curves: np.ndarray, colour: str, label: str, middle: np.ndarray | None = None
) -> None:
    low, high = np.nanpercentile(curves, [2.5, 97.5], axis=0)
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, curves.mean(axis=0) if middle is None else middle, color=colour, label=label, linewidth=1.2)


def _save(figure: Figure, out: Path, name: str) -> None:
    figure.savefig(out / f"{name}.png", dpi=120)
