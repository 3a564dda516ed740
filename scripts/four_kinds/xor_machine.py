"""XOR as a distribution: what a restricted machine of 1 to 4 hidden units can hold, and what it learns."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from lecture_notes.verdicts import CONSISTENT, CORRECTED, Row, claim, exact
from matplotlib.figure import Figure

import jfnn
from four_kinds import course_stream
from jfnn import boltzmann

PUBLISHED = Path(__file__).resolve().parents[2] / "tests" / "data" / "boltzmann.json"
ROWS = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float32)  # x1, x2, x1 ⊕ x2
LEAST = {1: 0.5757, 2: math.log(2) / 2, 3: 0.0}  # the least KL(data ‖ model) by hidden units
REPEATS = 50  # of each row, in the published run
CHAINS = 16  # that start from each row, in the grid
LEVELS = ((LEAST[1], "1 unit"), (LEAST[2], "2 units: ½ ln 2"), (LEAST[3], "3 units: 0"))


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        starts: Random starts of the search for the least KL.
        epochs: Full-batch steps of that search.
        seeds: Seeds of the grid.
        steps: Its steps.
    """

    starts: int = 40
    epochs: int = 8000
    seeds: int = 5
    steps: int = 4000


QUICK = Scale(starts=24, seeds=2, steps=600)


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; the picture of the grid goes into a folder."""
    scale = QUICK if quick else Scale()
    published = json.loads(PUBLISHED.read_text())["xor"]
    return [*replayed(published), *least_rows(scale), *grid_rows(out, scale)]


def least_kl(scale: Scale) -> np.ndarray:
    """The least KL over many starts by the exact gradient, for 1, 2, 3 and 4 hidden units ``[4]``."""
    learner = jfnn.boltzmann_machine((3, 4), gradient="exact", scale=2.0, optimizer="adam", hyper=["hidden"])
    result = jfnn.sweep(
        learner,
        jfnn.Split(ROWS),
        learning_rate=0.1,
        seeds=scale.starts,
        hyper={"hidden": [1, 2, 3, 4]},
        epochs=scale.epochs,
        batch_size=None,
    )
    return np.asarray((result.train_loss - math.log(4)).min(axis=(0, 1, 3)))


def least_rows(scale: Scale) -> list[Row]:
    """What 1, 2 and 3 hidden units can hold."""
    found, rows = least_kl(scale), []
    for units, expected in LEAST.items():
        here = float(found[units - 1])
        holds = abs(here - expected) < 1e-4
        reason = f"the least of {scale.starts} starts by the exact gradient, within 1e-4"
        figure = f"XOR: least KL(data ‖ model), {units} hidden"
        if units == 2:
            rows.append(
                Row(figure, "0: two suffice", f"{here:.5f} = ½ ln 2", CORRECTED, reason)
                if holds
                else claim(figure, f"{expected:.5f}", f"{here:.5f}", False, reason)
            )
        else:
            rows.append(claim(figure, f"{expected:.4f}", f"{here:.5f}", holds, reason))
    return rows


def replayed(published: dict[str, Any]) -> list[Row]:
    """The published run with four hidden units, from its stream of random numbers."""
    tiled = np.tile(ROWS, (REPEATS, 1)).astype(float)
    shuffled = tiled[np.random.RandomState(42).permutation(len(tiled))]
    machine = course_stream.trained(shuffled, hidden=4, epochs=3000, batch=4, seed=0)
    with jax.enable_x64(True):
        probabilities = np.exp(boltzmann.log_likelihood(machine, boltzmann.all_states(3).astype(float)))
        means = np.asarray(boltzmann.visible_means(machine, boltzmann.hidden_means(machine, ROWS)))
        kl = float(boltzmann.kl_divergence(machine, ROWS.astype(float)))
    error = np.linalg.norm(ROWS - means, axis=1).mean()
    right = int(((means > 0.5) == ROWS).all(axis=1).sum())
    name = "XOR by CD-1, 4 hidden: "
    return [
        exact(f"{name}p of all 8 states", published["probabilities"], np.round(probabilities, 4), 5e-5),
        exact(f"{name}reconstruction error", published["reconstruction_error"], round(float(error), 6), 1e-6),
        exact(f"{name}patterns reconstructed", published["patterns_reconstructed"], right),
        claim(
            f"{name}KL(data ‖ model)",
            "",
            f"{kl:.4f}",
            abs(kl - LEAST[1]) < 0.005,
            f"the plateau of the best machine of one unit, {LEAST[1]}",
        ),
    ]


def grid_rows(out: Path, scale: Scale) -> list[Row]:
    """A grid of units × learning rate × k × seeds by contrastive divergence, and by the exact gradient."""
    rates, sweeps, units = [0.3, 1.0, 3.0], [1, 3, 10], [1, 2, 3, 4]
    options: dict[str, Any] = dict(
        learning_rate=rates, seeds=scale.seeds, epochs=scale.steps, batch_size=None
    )
    split = jfnn.Split(np.tile(ROWS, (CHAINS, 1)))
    drawn = jfnn.boltzmann_machine((3, 4), k=max(sweeps), loss="likelihood", hyper=["hidden", "k"], scale=1.0)
    exact = jfnn.boltzmann_machine((3, 4), gradient="exact", hyper=["hidden"], scale=1.0)
    by_cd = jfnn.sweep(drawn, split, hyper={"hidden": units, "k": sweeps}, **options)
    by_exact = jfnn.sweep(exact, jfnn.Split(ROWS), hyper={"hidden": units}, **options)
    columns = {f"CD-{k}": by_cd.train_loss[:, 0, :, i] - math.log(4) for i, k in enumerate(sweeps)}
    columns["exact"] = by_exact.train_loss[:, 0] - math.log(4)
    _picture(columns, rates, units).savefig(out / "xor_kl.png", dpi=150)
    least = {n: min(float(kl[:, j].min()) for kl in columns.values()) for j, n in enumerate(units)}
    bounded = all(least[n] > LEAST.get(n, 0.0) - 1e-3 for n in units)
    of_four = (columns["exact"][:, 3] < 0.05).mean(axis=-1).max()
    return [
        claim(
            "XOR: no member of the grid below its level",
            "KL ≥ 0.5757, ½ ln 2, 0",
            " ".join(f"{n}: {kl:.4f}" for n, kl in least.items()),
            bounded,
            f"{sum(kl.size for kl in columns.values())} members; least by hidden units",
        ),
        Row(
            "XOR: four units succeed reliably",
            "reliably",
            f"{of_four:.0%} of the exact runs",
            CORRECTED if of_four < 1 else CONSISTENT,
            f"KL below 0.05 after {scale.steps} steps, at the best rate",
        ),
    ]


def _picture(columns: dict[str, np.ndarray], rates: list[float], units: list[int]) -> Figure:
    """Final KL of every member against its hidden units, a panel a method; the levels are drawn in."""
    figure = Figure(figsize=(2.6 * len(columns), 3.2), layout="constrained")
    jitter = np.random.default_rng(0).uniform(-0.07, 0.07, 1000)
    for axes, (name, kl) in zip(figure.subplots(1, len(columns), sharey=True), columns.items(), strict=True):
        for level, label in LEVELS:
            axes.axhline(level, color="0.6", linewidth=0.8, linestyle="--")
            axes.text(4.6, level, label, fontsize=6, va="bottom", ha="right", color="0.4")
        for i, rate in enumerate(rates):
            for j, n in enumerate(units):
                x = n + 0.2 * (i - 1) + jitter[: kl.shape[-1]]
                legend = {"label": f"rate {rate:g}"} if j == 0 else {}
                axes.plot(x, kl[i, j], ".", color=f"C{i}", markersize=4, **legend)
        axes.set(title=name, xlabel="hidden units", xticks=units, xlim=(0.5, 4.7))
    figure.axes[0].set_ylabel("KL(data ‖ model), nats")
    figure.axes[0].legend(frameon=False, fontsize=7)
    return figure
