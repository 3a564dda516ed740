"""Pictures of the section on the Ising model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from four_kinds import finite_size
from four_kinds.finite_size import T_C, Curves
from four_kinds.phases import Scale, Trained
from four_kinds.pictures import band, panels, save

FEW = 400  # configurations at a temperature that pictures of outputs average over
LINE: dict[str, Any] = {"color": "0.5", "linewidth": 0.8}


def configurations(out: Path, scale: Scale, spins: np.ndarray) -> None:
    """One configuration below, near and above the critical temperature."""
    temperatures, columns = np.array(scale.temperatures), panels(7.5, 2.9, 3)
    near = int(np.abs(temperatures - T_C).argmin())
    for axes, place in zip(columns, (0, near, -1), strict=True):
        axes.imshow(spins[place, 0, 0], cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        axes.set_title(f"T = {temperatures[place]:g}", fontsize="medium")
        axes.set(xticks=[], yticks=[])
    save(columns[0], out / "ising_configurations.png")


def outputs(
    out: Path, scale: Scale, spins: Mapping[int, np.ndarray], trained: Mapping[int, Mapping[int, Trained]]
) -> None:
    """Mean output against T, and against the magnetisation of shuffled configurations."""
    lattices = {length: few(configurations) for length, configurations in spins.items()}
    columns = _by_units(scale, trained, scale.temperatures, lattices, "T")
    for axes in columns:
        axes.axvline(T_C, **LINE)
    save(columns[scale.hidden.index(scale.cell[0])], out / "ising_outputs.png")
    magnetisations = np.linspace(-1, 1, 41)
    lattices = {length: _shuffled(length, magnetisations, 20) for length in scale.lengths}
    columns = _by_units(scale, trained, magnetisations, lattices, "m")
    save(columns[-1], out / "ising_thresholds.png")


def _by_units(
    scale: Scale,
    trained: Mapping[int, Mapping[int, Trained]],
    x: ArrayLike,
    lattices: Mapping[int, np.ndarray],
    label: str,
) -> list[Axes]:
    """Panels, one a number of hidden units, of mean outputs on lattices ``[x, …, L, L]`` over the seeds."""
    columns = panels(3.2 * len(scale.hidden), 3, len(scale.hidden), sharey=True)
    columns[0].set_ylabel("mean output, P(ordered)")
    for axes, units in zip(columns, scale.hidden, strict=True):
        axes.set(title=f"{units} hidden", xlabel=label)
        for i, (length, spins) in enumerate(lattices.items()):
            if units in trained[length]:
                values = scipy.special.expit(trained[length][units].logits(spins))
                means = values.reshape(*values.shape[:2], -1).mean(axis=-1)
                band(axes, np.asarray(x), means, f"C{i}", f"L = {length}")
    return columns


def crossing(
    out: Path, scale: Scale, measured: Mapping[str, tuple[Curves, float]], powers: tuple[float, ...]
) -> None:
    """Curves, title -> ``(curves, level half way down)``, and where each is half way down against 1/L."""
    *columns, last = panels(11, 3.4, 1 + len(measured))
    for k, (axes, (title, (curves, level))) in enumerate(zip(columns, measured.items(), strict=True)):
        for i, (length, draws) in enumerate(curves.items()):
            band(axes, np.array(scale.temperatures), draws[1:], f"C{i}", f"L = {length}", draws[0])
        axes.axvline(T_C, **LINE)
        axes.set(title=title, xlabel="T", xlim=(2.0, 2.8))
        places = {
            length: finite_size.roots(scale.temperatures, draws - level) for length, draws in curves.items()
        }
        inverse, found = 1 / np.array(list(places)), np.array(list(places.values()))
        error = 2 * np.nanstd(found[:, 1:], axis=1)
        last.errorbar(inverse, found[:, 0], error, fmt="o", color=f"C{k + 4}", label=title, capsize=2)
        limit = finite_size.extrapolate(places, powers)[0]
        last.plot(0, limit, "*", color=f"C{k + 4}", markersize=10)
    last.axhline(T_C, **LINE)
    last.set(title="T* half way down, and its limit (stars)", xlabel="1/L")
    columns[0].legend(frameon=False, fontsize="small")
    save(last, out / "ising_crossing.png", fontsize="x-small")


def convolution(out: Path, scale: Scale, curves: Curves) -> None:
    """Shares of configurations that convolutional networks call ordered, length -> ``[S, T]``."""
    [axes] = panels(4.2, 3.2)
    for i, (length, shares) in enumerate(curves.items()):
        band(axes, np.array(scale.temperatures), shares, f"C{i}", f"L = {length}")
    axes.axvline(T_C, **LINE)
    axes.set(title="a convolutional network", xlabel="T", ylabel="share called ordered")
    save(axes, out / "ising_images.png")


def few(spins: np.ndarray) -> np.ndarray:
    """Some configurations at each temperature, ``[T, n, L, L]``, of as many chains as there are."""
    flat = np.swapaxes(spins, 1, 2).reshape(len(spins), -1, *spins.shape[-2:])
    return np.asarray(flat[:, :FEW])


def _shuffled(length: int, magnetisations: np.ndarray, n: int) -> np.ndarray:
    """Shuffled configurations of given magnetisations, ``[k, n, L, L]`` int8: no model, and no simulation."""
    up = np.round((1 + magnetisations) / 2 * length**2)
    rows = np.where(np.arange(length**2) < up[:, None], np.int8(1), np.int8(-1))
    shuffled = np.random.default_rng(0).permuted(np.repeat(rows, n, axis=0), axis=1)
    return shuffled.reshape(len(up), n, length, length)
