"""The notes' grid: 49 cells, each judged by its kind."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from verdicts import CORRECTED, NOT_REPRODUCED, Row, among_seeds, claim, exact

import jfnn
from lecture_notes.replay import AXIS, EPOCHS, Cell, Replay

# Below this accuracy, a network with ten classes is about as good as guessing.
CHANCE = 0.2


def grid(replay: Replay) -> list[Row]:
    """Compare all cells, and draw heat maps of the published grid and of the one computed here."""
    replay.save(jfnn.plots.heat_map(replay.grid), "grid_here")
    replay.save(jfnn.plots.heat_map(_published_as_result(replay)), "grid_published")
    for part in ("train", "test"):
        print(_table(part, replay.grid.scores[f"{part}_accuracy"][..., 0]) + "\n")
    return [row for i, j in np.ndindex(len(AXIS), len(AXIS)) for row in cell_rows(replay, i, j)]


def _table(part: str, accuracies: np.ndarray) -> str:
    """Return accuracies ``[η, λ]`` as text; "div" where a member diverged."""
    lines = [f"{part:>9}" + "".join(f"  λ={l2:<6g}" for l2 in AXIS)]
    for eta, row in zip(AXIS, accuracies, strict=True):
        texts = ("div" if np.isnan(accuracy) else f"{accuracy:.4f}" for accuracy in row)
        lines.append(f"η={eta:<7g}" + "".join(f"  {text:<8}" for text in texts))
    return "\n".join(line.rstrip() for line in lines)


def cell_rows(replay: Replay, i: int, j: int) -> list[Row]:
    """Return one row for the cell at η i and λ j, or two if each count has its own verdict."""
    cell = replay.cells[i][j]
    published = (cell.train, cell.test)
    here = _counts(replay, i, j)
    name = f"η={AXIS[i]:<6g} λ={AXIS[j]:<6g} {cell.kind}"
    if cell.kind == "exact":
        return [exact(name, published, here)]
    if cell.kind == "chaotic":
        return chaotic(name, published, replay, i, j)
    if cell.kind == "dead":
        return [_dead(name, cell, replay, i, j)]
    at_chance = _at_chance(replay, published) and _at_chance(replay, here)
    reason = "both at chance: hidden units saturated, only one or a few classes predicted"
    return [claim(name, _text(published), _text(here), at_chance, reason)]


def chaotic(name: str, published: Sequence[float], replay: Replay, i: int, j: int) -> list[Row]:
    """Compare the counts of a cell that amplifies rounding errors with other minibatch sequences.

    The notes' runs do not diverge; if the run here does, the cell is not reproduced.
    """
    spread = replay.spread.scores
    here = _counts(replay, i, j)
    sequences = replay.as_counts(spread["train_accuracy"][0, j], spread["test_accuracy"][0, j])
    source = f"the notes' run, epoch {EPOCHS}; seeds are minibatch sequences"
    return [
        among_seeds(
            f"{name}, {part}", value, [count] if np.isnan(count) else counts, 0, source, f"{count:.0f}"
        )
        for part, value, count, counts in zip(("train", "test"), published, here, sequences, strict=True)
    ]


def _counts(replay: Replay, i: int, j: int) -> list[float]:
    scores = replay.grid.scores
    return replay.as_counts(scores["train_accuracy"][i, j, 0], scores["test_accuracy"][i, j, 0])


def _at_chance(replay: Replay, counts: Sequence[float]) -> bool:
    return bool((np.divide(counts, replay.n_rows) < CHANCE).all())


def _dead(name: str, cell: Cell, replay: Replay, i: int, j: int) -> Row:
    """Judge a cell whose published figure comes from NaN probabilities, for which argmax gives digit 0.

    Here the cell must be reported as diverged, or its network must be finite and about as good as guessing.
    """
    here = _counts(replay, i, j)
    (n_train, n_test) = replay.n_rows
    zeros = tuple(int((y == 0).sum()) for y in (replay.split.y_train, replay.split.y_test))
    diverged_at = int(replay.grid.diverged_at[i, j, 0])
    numbers = [replay.grid.train_loss[i, j, 0], *jax.tree.leaves(replay.grid.member(i, j, 0))]
    is_finite = all(np.isfinite(leaf).all() for leaf in numbers)
    at_chance = _at_chance(replay, here)
    if diverged_at >= 0:
        text = "diverged"
        reason = f"no longer finite in epoch {diverged_at + 1}"
        holds = True
    else:
        text = _text(here)
        holds = is_finite and at_chance
        reason = f"{'finite' if is_finite else 'NOT finite'}, {'at chance' if at_chance else 'NOT at chance'}"
    verdict = CORRECTED if holds and (cell.train, cell.test) == zeros else NOT_REPRODUCED
    artefact = f"published: digit 0's share {zeros[0]}/{n_train}, {zeros[1]}/{n_test}"
    return Row(name, _text((cell.train, cell.test)), text, verdict, f"{reason}; {artefact}")


def _text(counts: Sequence[float]) -> str:
    return " ".join(f"{count:.0f}" for count in counts)


def _published_as_result(replay: Replay) -> jfnn.SweepResult:
    counts = np.array([[[(cell.train, cell.test)] for cell in row] for row in replay.cells])
    train, test = np.moveaxis(counts / replay.n_rows, -1, 0)
    scores = replay.grid.scores | {"train_accuracy": train, "test_accuracy": test}
    finite = np.full_like(replay.grid.diverged_at, -1)
    return dataclasses.replace(replay.grid, scores=scores, diverged_at=finite)
