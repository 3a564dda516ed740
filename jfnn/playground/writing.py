"""Write a sweep's interactive page as one file, with contents, style and scripts."""

from __future__ import annotations

import importlib.resources
import json
import os
from collections.abc import Sequence
from html import escape
from string import Template

import numpy as np

from jfnn.analysis import description
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.core.search.result import SweepResult
from jfnn.core.search.run_directory import as_output_file
from jfnn.core.store.files import atomic_file
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.playground.contents import DrawnMembers, Picture, contents, members_of, picture_of
from jfnn.playground.epochs import MOST_EPOCHS, kept_epochs, nearest
from jfnn.plots.panels import check_sweep
from jfnn.split import Split

# In the order of the page: each script uses names of earlier ones.
SCRIPTS = (
    *("forward.js", "fields.js", "sweep.js", "drawing.js", "pictures.js", "curves.js"),
    *("map.js", "cell.js", "ask.js", "page.js"),
)
NUMBERS_A_MEGABYTE = 1_000_000 * 3 // 4 // 4  # four bytes each, in base64


def write_playground(
    result: SweepResult,
    split: Split,
    path: str | os.PathLike[str],
    *,
    title: str = "A sweep to play with",
    epochs: Sequence[int] | None = None,
    rows: int = 500,
    picture: Sequence[int] | None = None,
    largest: float = 20.0,
    network: Network | Learner | None = None,
) -> None:
    """Write a sweep as one interactive HTML page, which works offline and evaluates every network.

    A map shows all cells at once: a network's predictions over the plane of its two inputs, its function of
    one input, its first hidden units as images, or a score as a color. A slider selects the epoch; cells are
    hatched after they diverge. Selecting a cell shows its curves, weights, confusion matrix, misclassified
    rows and rank. Draw a digit by hand, or set a value for each column, and every cell predicts it at once.
    Columns and targets of a split from `jfnn.datasets` have the names, words and units of their file.

    Networks are evaluated with their float32 parameters in double precision, see
    ``jfnn/playground/forward.js``: predictions match `SweepResult.predict_proba` to about 1e-5.

    Args:
        result: A sweep that kept the parameters of all cells, ideally with
            ``Execution(eval_every=[1, 2, 5, 10, …], keep_params="evaluations")``; with "all", the page shows
            only the last epoch.
        split: The split of the sweep.
        path: The HTML file to write.
        title: The page's heading.
        epochs: Epochs to include, out of those with stored parameters; None for at most 12 of them, about
            logarithmically spaced and as many as fit.
        rows: Maximum number of test rows (or training rows, if the split has no test rows) to include.
        picture: Channels (1 or 3), height and width of a row that is an image, or only height and width;
            ``()`` for none. None takes as images the inputs of a 2D convolution, and rows of a square number
            (49 or more) of unnamed numbers between 0 and at most 255.
        largest: Maximum size of the page in megabytes (10⁶ bytes).
        network: The network, for a result that was loaded without it, as in `SweepResult.predict`.

    Raises:
        ValueError, TypeError: Not a sweep, or a sweep without parameters of all cells; another split; layers
            that the page cannot compute; a page that would be too large.
    """
    check_sweep(result)
    checks.check_instance(split, Split, "split")
    checks.check_instance(title, str, "title")
    rows = checks.as_count(rows, "rows")
    largest = checks.as_number(largest, "largest")
    wanted = None if epochs is None else checks.as_counts(epochs, "epochs", 0)
    shape = None if picture is None else checks.as_counts(picture, "picture")
    members = members_of(result, split, network)
    picture = picture_of(members[0].learner.network, split) if shape is None else _as_picture(shape, split)
    room = _room(result, split, members, largest, rows)
    chosen = _choose_epochs(wanted, result, room, largest)
    path = as_output_file(path, "path")
    known = {
        "title": title,
        "sentence": description.sentence(result),
        **contents(result, split, members, chosen, rows, picture),
    }
    with atomic_file(path, "path") as file:
        file.write(page(known).encode(errors="backslashreplace"))


def page(known: Json) -> str:
    """Return the HTML page with these contents."""
    frame = Template(_source("page.html"))
    data = json.dumps(known, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return frame.substitute(
        title=escape(known["title"]),
        sentence=escape(known["sentence"]),
        style=_source("page.css"),
        scripts="\n".join(map(_source, SCRIPTS)),
        sweep=data,
    )


def _source(name: str) -> str:
    return (importlib.resources.files("jfnn.playground") / name).read_text(encoding="utf-8")


def _as_picture(shape: tuple[int, ...], split: Split) -> Picture | None:
    """Return channels, height and width, checked against the inputs; None for no image."""
    if not shape:
        return None
    channels, height, width = shape if len(shape) == 3 else (1, *shape) if len(shape) == 2 else (0, 0, 0)
    inputs = int(np.prod(np.shape(split.x_train)[1:]))
    if channels not in (1, 3) or channels * height * width != inputs:
        expected = f"expected height and width, or 1 or 3 channels in front, of {inputs} inputs"
        raise ArgumentError("picture", expected, got=str(shape))
    return channels, height, width


def _room(
    result: SweepResult, split: Split, members: Sequence[DrawnMembers], largest: float, rows: int
) -> int:
    """Return how many epochs fit into the page; raise ArgumentError if not even one fits."""
    inputs = int(np.prod(np.shape(split.x_train)[1:]))
    history = len(result.evaluations) * len(result.history)
    per_epoch = sum(one.weights.shape[0] * one.weights.shape[2] for one in members)
    others = rows * inputs + result.diverged_at.size * (history + len(result.scores))
    room = int((largest * NUMBERS_A_MEGABYTE - others) // per_epoch)
    if room < 1:
        need = (per_epoch + others) / NUMBERS_A_MEGABYTE
        networks = result.diverged_at.size
        expected = f"expected at least {need:.3g} megabytes, for {networks} networks at one epoch"
        cure = "use fewer cells or seeds, or smaller networks"
        raise ArgumentError("largest", expected, got=f"{largest:g}", cure=cure)
    return room


def _choose_epochs(
    wanted: tuple[int, ...] | None, result: SweepResult, room: int, largest: float
) -> np.ndarray:
    """Return the epochs of the page: the wanted ones if they were kept and fit, or a spaced selection."""
    kept = kept_epochs(result)
    if wanted is None:
        return nearest(kept, min(MOST_EPOCHS, room))
    epochs = np.unique(np.array(wanted, int))
    missing = np.setdiff1d(epochs, kept)
    if missing.size or not epochs.size:
        expected = f"expected some of {checks.as_text(kept.tolist())}, at which parameters were kept"
        raise ArgumentError("epochs", expected, got=str(missing[0]) if missing.size else "none")
    if len(epochs) > room:
        expected = f"expected at most {room}, which fit into {largest:g} megabytes"
        cure = f"for a larger page use largest={largest * len(epochs) / room:.3g}"
        raise ArgumentError("epochs", expected, got=str(len(epochs)), cure=cure)
    return epochs
