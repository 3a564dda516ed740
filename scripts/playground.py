"""Write interactive pages of two grids (three spiral arms; the digits) and an animation of the first.

A page is one HTML file, written by `jfnn.write_playground`. The animation shows the predictions of the 49
spiral networks over the plane, epoch by epoch; hatching means that the network diverged.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from console import Parser, add_out, add_sections, parse, run
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import jfnn
from jfnn.arguments.texts import axis_label, value_texts

PICTURE = "playground.webp"
EPOCHS = [1, 2, 3, 4, 6, 8, 11, 15, 20, 28, 38, 52, 70, 100, 140, 200]
SIDE = 44  # pixels per cell
GAP = 3
COLORS = np.array([[0, 114, 178], [230, 159, 0], [0, 158, 115]]) / 255  # as on the page
FRAMES_A_SECOND = 2  # the last frame is shown four times as long


def spiral(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy points ``[rows, 2]`` of three spiral arms, and the arm of each point."""
    label = np.repeat([0, 1, 2], rows // 3)
    radius = np.tile(np.linspace(0.1, 1, rows // 3), 3)
    angle = 5 * radius + 2 * np.pi * label / 3
    points = 3 * np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    noise = np.random.default_rng(seed).normal(0, 0.08, points.shape)
    return (points + noise).astype(np.float32), label


def spiral_grid() -> tuple[jfnn.SweepResult, jfnn.Split]:
    """Return the grid on the spiral and its data."""
    split = jfnn.Split(*spiral(300, 0), *spiral(150, 1))
    result = jfnn.sweep(
        jfnn.mlp((2, 24, 24, 3)),
        split,
        learning_rate=np.logspace(-3.5, 0.5, 7),
        l2=np.logspace(-4, 2, 7),
        epochs=EPOCHS[-1],
        batch_size=50,
        seeds=2,
        optimizer=jfnn.Optimizer("sgd", momentum=0.9),
        execution=jfnn.Execution(eval_every=EPOCHS, keep_params="evaluations"),
    )
    return result, split


def digits_grid() -> tuple[jfnn.SweepResult, jfnn.Split]:
    """Return a grid on the digits and its data."""
    split = jfnn.datasets.digits()
    result = jfnn.sweep(
        jfnn.mlp((64, 50, 10)),
        split,
        learning_rate=np.logspace(-3.5, -0.5, 7),
        l2=np.logspace(-4, 2, 7),
        epochs=100,
        batch_size=100,
        validation=0.2,
        execution=jfnn.Execution(eval_every=[1, 2, 3, 5, 8, 13, 22, 36, 60, 100], keep_params="evaluations"),
    )
    return result, split


GRIDS = {
    "spiral": ("A spiral of three classes", spiral_grid),
    "digits": ("49 networks on the digits", digits_grid),
}


def write_page(name: str, out: Path) -> jfnn.SweepResult:
    """Train a grid, write its page into a folder, and return the result."""
    title, train = GRIDS[name]
    result, split = train()
    jfnn.write_playground(result, split, out / f"{name}.html", title=title)
    return result


def regions(result: jfnn.SweepResult) -> np.ndarray:
    """Return colors ``[rates, penalties, epochs, y, x, 3]`` of the plane for the first seed, y upwards."""
    ends = np.linspace(-3.4, 3.4, SIDE)
    x, y = np.meshgrid(ends, ends)
    plane = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    probabilities = result.predict_proba(plane)[:, :, 0]
    label = probabilities.argmax(axis=-1)
    sure = (probabilities.max(axis=-1, keepdims=True) - 1 / 3) / (2 / 3)
    share = 0.25 + 0.7 * np.clip(sure, 0, 1)
    colors = 1 + (COLORS[label] - 1) * share
    return np.where(np.isnan(colors), 0.75, colors).reshape(*label.shape[:-1], SIDE, SIDE, 3)


def moving_picture(result: jfnn.SweepResult, path: Path) -> None:
    """Write the map over the epochs as an animated WebP."""
    colors = regions(result)
    rates, penalties = colors.shape[:2]
    figure = Figure(figsize=(6.4, 6.5), dpi=100)
    axes = figure.add_axes((0.13, 0.09, 0.86, 0.86))
    frames = [*range(len(result.evaluations))]

    def draw(frame: int) -> list[Any]:
        axes.clear()
        axes.set_axis_off()
        axes.set(xlim=(0, penalties * (SIDE + GAP)), ylim=(rates * (SIDE + GAP), 0))
        for i, j in np.ndindex(rates, penalties):
            corner = (j * (SIDE + GAP), i * (SIDE + GAP))
            _draw_cell(axes, colors[i, j, frame], corner, _diverged(result, i, j, frame))
        _label(axes, result)
        axes.set_title(f"49 networks after epoch {result.evaluations[frame]}", fontsize=13)
        return []

    ended = [*frames, *frames[-1:] * 3]
    animation = FuncAnimation(figure, draw, frames=ended, init_func=lambda: [])
    animation.save(path, writer=PillowWriter(fps=FRAMES_A_SECOND))


def _diverged(result: jfnn.SweepResult, i: int, j: int, frame: int) -> bool:
    at = result.diverged_at[i, j, 0]
    return bool(0 <= at < result.evaluations[frame])


def _draw_cell(axes: Axes, colors: np.ndarray, corner: tuple[float, float], diverged: bool) -> None:
    """Draw a cell's regions, or hatching if it diverged."""
    left, top = corner
    if diverged:
        axes.add_patch(
            Rectangle(corner, SIDE, SIDE, facecolor="0.8", edgecolor="0.5", hatch="////", linewidth=0)
        )
        return
    axes.imshow(colors, extent=(left, left + SIDE, top + SIDE, top), origin="lower", interpolation="nearest")


def _label(axes: Axes, result: jfnn.SweepResult) -> None:
    """Label the values and names of both axes."""
    rates = value_texts(result.learning_rate.tolist())
    penalties = value_texts(result.l2.tolist())
    end = len(rates) * (SIDE + GAP)
    for i, text in enumerate(rates):
        axes.text(-4, i * (SIDE + GAP) + SIDE / 2, text, ha="right", va="center", fontsize=9)
    for j, text in enumerate(penalties):
        axes.text(j * (SIDE + GAP) + SIDE / 2, end + 2, text, ha="center", va="top", fontsize=9)
    axes.text(-44, end / 2, axis_label("learning_rate"), rotation=90, ha="center", va="center", fontsize=11)
    axes.text(end / 2, end + 20, axis_label("l2"), ha="center", va="top", fontsize=11)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages and the animation; return the exit status."""
    parser = Parser(description=__doc__)
    add_out(parser, "runs/playground")
    add_sections(parser, GRIDS)
    options = parse(parser, arguments, [PICTURE, *(f"{name}.html" for name in GRIDS)])
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.sections or GRIDS:
        result = write_page(name, options.out)
        print(f"{options.out / name}.html: {result.members_text()}")
        if name == "spiral":
            moving_picture(result, options.out / PICTURE)
            print(options.out / PICTURE)
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
