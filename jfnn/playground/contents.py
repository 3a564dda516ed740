"""Contents of a sweep's page: axes, scores, networks and rows as JSON, arrays of numbers in base64."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.analysis import ranking
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import axis_label, axis_text, name_text, value_texts
from jfnn.arguments.types import Json
from jfnn.core.search.predictions import check_rows
from jfnn.core.search.result import SweepResult
from jfnn.learners import Learner, Supervised
from jfnn.learners.answers import has_labels
from jfnn.network import Network
from jfnn.playground.epochs import kept_epochs
from jfnn.playground.networks import described, flatten
from jfnn.plots.slices import axis_values
from jfnn.split import Field, Names, Split, as_names
from jfnn.targets import is_labels

BRIGHTEST = 255
MISSING = "(missing)"  # the category of empty entries
LEAST_PIXELS = 49  # smallest row that is taken as a square image if ``picture`` is None
Picture = tuple[int, int, int]


class DrawnMembers(NamedTuple):
    """The networks of one program."""

    learner: Supervised
    weights: np.ndarray  # flat parameters ``[members, epochs, numbers]``, float32


def numbers(array: np.ndarray) -> str:
    """Return an array's float32 numbers in base64, little-endian, in C order."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def members_of(result: SweepResult, split: Split, network: Network | Learner | None) -> list[DrawnMembers]:
    """Return the networks of every program with their parameters at every kept epoch."""
    if result.params is None or result.kept_cell is not None:
        expected = "expected one that kept the parameters of all cells"
        raise ArgumentError("result", expected, cure="use keep_params='evaluations', or 'all'")
    if result.of_targets:
        cure = "sweep a column of the split's targets by itself"
        raise ArgumentError("result", "expected networks of one target, got different targets", cure=cure)
    if network is not None and result.runs[0].key:
        raise ArgumentError("network", "expected none, since the result is of several networks")
    size = result.diverged_at.size // len(result.runs)
    drawn = []
    for run in result.runs:
        learner = run.model(network)
        if not isinstance(learner, Supervised):
            argument = "result" if network is None else "network"
            raise ArgumentError(argument, "expected networks that predict", got="a custom learner")
        check_rows(learner.bind(split)[1], run.config)
        flat = flatten(learner.network, jax.tree.map(np.asarray, run.params))
        drawn.append(DrawnMembers(learner, flat.reshape(size, -1, flat.shape[-1])))
    return drawn


def contents(
    result: SweepResult,
    split: Split,
    members: Sequence[DrawnMembers],
    epochs: np.ndarray,
    rows: int,
    picture: Picture | None,
) -> Json:
    """Return the page's contents: networks at some of the `kept_epochs`, and at most ``rows`` test rows."""
    places = np.searchsorted(kept_epochs(result), epochs)
    return {
        "axes": _axes(result),
        "leading": len(result.runs[0].key),
        "cell_axes": len(result.cell_shape),
        "epochs": epochs.tolist(),
        "diverged_at": result.diverged_at.ravel().tolist(),
        "scores": _scores(result),
        "ranked_by": result.ranked_by,
        "ranking": _ranking(result),
        "programs": [
            {
                "text": repr(one.learner.network),
                "network": described(one.learner.network, one.learner.loss),
                "weights": numbers(one.weights[:, places]),
            }
            for one in members
        ],
        "rows": _rows(result, split, members[0].learner, rows, picture),
    }


def _axes(result: SweepResult) -> list[Json]:
    """Return the members' axes in the order of the arrays; sampled cells have a single axis, with texts."""
    values = axis_values(result)
    if not result.crossed:
        drawn = {name: values.pop(name) for name in list(result.axes)[len(result.runs[0].key) :]}
        texts = [value_texts(column.tolist(), name) for name, column in drawn.items()]
        words = [
            ", ".join(f"{axis_text(name)} = {text}" for name, text in zip(drawn, cell, strict=True))
            for cell in zip(*texts, strict=True)
        ]
        runs = {name: values.pop(name) for name in list(values)[len(result.runs[0].key) :]}
        values = values | {"cell": np.array(words)} | runs
    return [
        {
            "name": name,
            "label": axis_label(name),
            "symbol": axis_text(name),
            "texts": value_texts(np.ravel(column).tolist(), name),
        }
        for name, column in values.items()
    ]


def _scores(result: SweepResult) -> dict[str, Json]:
    """Return every score of every member: at the end, and over the evaluations if they were kept.

    Scores without values are omitted, except the ranking score, which alone remains if all members diverged.
    """
    found: dict[str, Json] = {}
    history = result.history
    for name, values in result.scores.items():
        if np.isnan(values).all() and name != result.ranked_by:
            continue
        score: Json = {
            "text": name_text(name),
            "higher_is_better": result.higher_is_better(name),
            "last": numbers(values),
        }
        if name in history:
            score["history"] = numbers(history[name])
            score["evaluations"] = result.evaluations.tolist()
        found[name] = score
    return found


def _ranking(result: SweepResult) -> list[Json]:
    """Return cells by mean score, best first, with intervals if there are enough seeds."""
    cells = []
    for ranked in ranking.best_first(result, int(np.prod(result.cell_shape))).cells:
        score = ranked.scores[result.ranked_by]
        cells.append(
            {
                "cell": list(ranked.cell),
                "mean": _finite(score.mean),
                "low": _finite(score.low),
                "high": _finite(score.high),
                "tied": ranked.tied,
            }
        )
    return cells


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rows(result: SweepResult, split: Split, learner: Supervised, most: int, picture: Picture | None) -> Json:
    """Return test rows, or training rows if there are none, and the meaning of their numbers."""
    has_tests = split.x_test is not None and len(split.x_test) > 0
    x = np.asarray(split.x_test if has_tests else split.x_train)
    y = np.asarray(split.y_test if has_tests else split.y_train)
    # Evenly spaced, since rows may be sorted by class.
    chosen = np.unique(np.linspace(0, len(x) - 1, min(most, len(x))).astype(int))
    seen = np.asarray(split.x_train).reshape(len(split.x_train), -1)
    is_labelled = has_labels(result.metrics) and is_labels(y)
    names = as_names(split.names)
    units = names.units()
    fields, note = _fields(names, seen.shape[1])
    return {
        "part": "test" if has_tests else "training",
        "count": len(chosen),
        "numbers": chosen.tolist(),
        "x": numbers(x[chosen]),
        "y": numbers(y[chosen] if units is None else units(y[chosen])),
        "targets": int(np.prod(y.shape[1:])),
        "low": seen.min(axis=0).tolist(),
        "high": seen.max(axis=0).tolist(),
        "columns": _input_names(fields),
        "fields": [] if picture else _described_fields(fields, names, seen),
        "note": note,
        "target": names.get("target"),
        "units": _output_units(names, learner, int(np.prod(y.shape[1:]))),
        "classes": _classes(split) if is_labelled else None,
        "picture": picture,
    }


def _classes(split: Split) -> list[str]:
    """Return the names of the classes, or their numbers."""
    names = (split.names or {}).get("classes")
    parts = [np.asarray(labels) for labels in (split.y_train, split.y_test) if labels is not None]
    count = 1 + max(int(labels.max()) for labels in parts if len(labels))
    return [str(name) for name in names or range(count)]


def _fields(names: Names, count: int) -> tuple[list[Field], str | None]:
    """Return the columns that become the inputs, and why they are not the file's columns, if so."""
    fields = names.fields()
    width = sum(field.width for field in fields)
    if width == count:
        return fields, None
    note = f"The named columns become {width} inputs, but the networks have {count}."
    return [Field(f"x{i}") for i in range(1, count + 1)], note if fields else None


def _input_names(fields: Sequence[Field]) -> list[str]:
    found: list[str] = []
    for field in fields:
        if field.words is None:
            found += [field.name, f"{field.name} missing"][: field.width]
        else:
            found += [f"{field.name}: {word or MISSING}" for word in field.words]
    return found


def _described_fields(fields: Sequence[Field], names: Names, seen: np.ndarray) -> list[Json]:
    """Return each column's description for ``fields.js``; ``seen`` are the networks' training rows.

    "first" is the position of its first input; "mean" and "scale" standardize its inputs. The page opens with
    the value "start": the median, or the position of the most frequent word.
    """
    units = names.input_units()
    if units is None or len(units[0]) != seen.shape[1]:
        units = np.zeros(seen.shape[1]), np.ones(seen.shape[1])
    found: list[Json] = []
    first = 0
    for field in fields:
        part = slice(first, first + field.width)
        mean = units[0][part]
        scale = units[1][part]
        values = seen[:, part] * scale + mean
        is_number = field.words is None
        found.append(
            {
                "name": field.name,
                "first": first,
                "words": None if field.words is None else [word or MISSING for word in field.words],
                "median": field.median,
                "mean": mean.tolist(),
                "scale": scale.tolist(),
                "start": float(np.median(values[:, 0])) if is_number else int(values.sum(axis=0).argmax()),
            }
        )
        first += field.width
    return found


def _output_units(names: Names, learner: Supervised, targets: int) -> Json | None:
    """Return the mean and scale that convert network outputs to the target's units; None for no change."""
    links = learner.loss.inverse_links
    units = names.units([link is None for link in links])
    if units is None:
        return None
    mean = units(np.zeros(targets * len(links)))
    return {"mean": mean.tolist(), "scale": (units(np.ones(len(mean))) - mean).tolist()}


def picture_of(network: Network, split: Split) -> Picture | None:
    """Return channels, height and width of rows that look like images, or None.

    Inputs of a 2D convolution are images; so are rows of a square number (49 or more) of unnamed numbers
    between 0 and at most 255.
    """
    shape = network.input_shape or ()
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2]) if shape[0] in (1, 3) else None
    if len(shape) != 1 or shape[0] < LEAST_PIXELS or (split.names or {}).get("columns"):
        return None
    side = round(shape[0] ** 0.5)
    x = np.asarray(split.x_train)
    bounded = x.dtype.kind in "fiub" and x.min() == 0 and x.max() <= BRIGHTEST
    return (1, side, side) if side * side == shape[0] and bounded else None
