"""Settings of a run in words, in groups: data, network, training, search, machine."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jfnn.analysis.summary import PERCENT, averaged_over, fold_word, part_text, rows_of_part
from jfnn.arguments.tables import size_text
from jfnn.arguments.texts import axis_label, axis_text, compact, describe, extent_text, name_text, value_texts
from jfnn.arguments.types import Json
from jfnn.core.search.result import SweepResult

TRAINING = ("loss", "reduction", "optimizer", "schedule", "gradient")  # settings in a learner's description
LONGEST = 50  # largest number of values shown of a list


def sizes(network: object) -> str:
    """Return inputs and layers of a network in short, "64-50-10" or "1×8×8-conv8-flatten-10".

    Args:
        network: As described in ``result.config["settings"]["learner"]["network"]``; or a function's name,
            whose module is dropped.
    """
    if not isinstance(network, Mapping):
        return str(network or "").rpartition(".")[2]
    words = [size_text(network["inputs"])]
    for layer in network["layers"]:
        kind = layer["kind"]
        size = layer.get("units", layer.get("channels", ""))
        words.append(f"{'' if kind == 'dense' else kind}{size}")
    return "-".join(words)


def network_sizes(result: SweepResult) -> str:
    """Return inputs and layers of a run's network in short, as in `sizes`."""
    return sizes(_network(result))


def network_text(result: SweepResult) -> str:
    """Return a run's network with the activations of its hidden layers: "64-50-10 sigmoid"."""
    network = _network(result)
    return " ".join([sizes(network), *_distinct(network, "activation", hidden=True)])


def training_text(result: SweepResult) -> str:
    """Return network, initialization and objective of a run in short; empty for a learner without a loss.

    "64-50-10 sigmoid, normal initialization; sum of cross entropy, by sgd"; for several networks only the
    objective.
    """
    learner = _learner(result)
    if "reduction" not in learner:
        return ""
    starts = " and ".join(_distinct(_network(result), "initializer"))
    parts = [network_text(result), f"{starts} initialization" if starts else ""]
    objective = f"{learner['reduction']} of {_words(learner['loss'])}, by {_words(learner['optimizer'])}"
    return "; ".join(filter(None, [", ".join(filter(None, parts)), objective]))


def sentence(result: SweepResult) -> str:
    """Return the number of networks trained and the best cell with its interval, in a sentence or two."""
    settings = result.config.get("settings", {})
    over = averaged_over(result)
    count = int((result.stopped_at != 0).sum())  # 0 if a race never trained the member
    network = f" {network_text(result)}".rstrip()
    runs = f" with {over}" if over else ""
    epochs = f" for {settings['epochs']} epochs" if "epochs" in settings else ""
    cells = ""
    if result.seeds.ndim:
        number = math.prod(result.cell_shape)
        cells = f": {number} cell{'s' * (number > 1)} of {' × '.join(map(axis_text, result.axes))}"
    text = f"{count} network{'s' * (count > 1)}{network} trained{epochs}{cells}{runs}."
    if (best := result.best_or_none()) is None:
        return f"{text} No cell is best: all diverged with some seed or were pruned."
    score = part_text(result, result.ranked_by.partition("_")[0], best.index)
    interval = f" ({PERCENT} confidence interval)" if "[" in score else ""
    return f"{text} Best: {describe(best.axes)}, {score}{interval}."


def settings_in_words(result: SweepResult) -> dict[str, dict[str, str]]:
    """Return settings of a run: group -> name -> text, without entries that the run does not have."""
    counts = {part: rows_of_part(result, part) for part in ("train", "validation", "test")}
    network = _network(result)
    groups: dict[str, Json] = {
        "Data": {f"{part} rows": extent_text(rows) for part, rows in counts.items() if rows},
        "Network": {
            "layers": sizes(network),
            "activation": ", ".join(_distinct(network, "activation", hidden=True)),
            "initialization": ", ".join(_distinct(network, "initializer")),
            "learner": _words(_learner(result).get("kind")),
        },
        "Training": _training(result),
        "Search": _search(result),
        "Machine": _machine(result),
    }
    texts = {
        title: {name: setting_text(value) for name, value in group.items() if value not in (None, "")}
        for title, group in groups.items()
    }
    return {title: group for title, group in texts.items() if group}


def _training(result: SweepResult) -> Json:
    settings = result.config.get("settings", {})
    learner = _learner(result)
    minibatches = settings.get("minibatches")
    scheme = minibatches if isinstance(minibatches, Mapping) else {"scheme": minibatches}
    words = {name: _words(learner.get(name)) for name in TRAINING}
    return {
        **words,
        **learner.get("optimizer_arguments", {}),
        **{axis_label(name): value for name, value in settings.get("constants", {}).items()},
        "epochs": settings.get("epochs"),
        "minibatches": _words(scheme.get("scheme")),
        "batch size": scheme.get("batch_size"),
    }


def _search(result: SweepResult) -> Json:
    schedulers = result.config.get("settings", {}).get("schedulers", ())
    return {
        **{
            "networks" if name == "network" else axis_label(name): _axis(name, values, not result.crossed)
            for name, values in result.axes.items()
        },
        "cells": None if result.crossed else len(result.l2),
        "seeds": result.seeds.tolist(),
        f"{fold_word(result)}s": result.folds,
        **{
            axis_label(scheduler["kind"]): {k: v for k, v in scheduler.items() if k != "kind"}
            for scheduler in schedulers
        },
        "ranked by": name_text(result.ranked_by),
    }


def _machine(result: SweepResult) -> Json:
    config = result.config
    backend = config.get("backend") or {}
    device = config.get("device") or {}
    cores = "cores" if backend.get("platform") == "cpu" else ""
    return {
        "device": " ".join(str(part) for part in (device.get("count"), backend.get("kind"), cores) if part),
        "processor": backend.get("processor"),
        "number format": config.get("settings", {}).get("dtype"),
        "versions": ", ".join(f"{name} {value}" for name, value in config.get("versions", {}).items()),
        **{f"seconds to {name}": f"{seconds:.2f}" for name, seconds in result.timing.items()},
    }


def _learner(result: SweepResult) -> Json:
    learner = result.config.get("settings", {}).get("learner")
    return dict(learner) if isinstance(learner, Mapping) else {}


def _network(result: SweepResult) -> Any:
    """Return the description of a run's network; None for several networks, which may share only a part."""
    several = result.runs[0].key.keys() - {"batch_size"}
    return None if several else _learner(result).get("network")


def _distinct(network: object, argument: str, hidden: bool = False) -> list[str]:
    """Return the distinct values of an argument of layers; ``hidden`` leaves out the last layer."""
    layers = network["layers"] if isinstance(network, Mapping) else []
    values = [layer.get(argument) for layer in (layers[:-1] if hidden else layers)]
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))


def _axis(name: str, values: np.ndarray, drawn: bool) -> str:
    """Return the values of an axis as text, or the range of values drawn at random."""
    if drawn and values.dtype.kind == "f":
        return " to ".join(dict.fromkeys(value_texts([values.min(), values.max()], name)))
    return setting_text(value_texts(np.ravel(values).tolist(), name))


def _words(name: object) -> str | None:
    """Replace underscores of a name by spaces, and drop the module of a custom function."""
    return None if name is None else str(name).rpartition(".")[2].replace("_", " ")


def setting_text(value: object) -> str:
    """Return a value or array as text: numbers with at most six digits, long lists cut."""
    if isinstance(value, list | tuple | np.ndarray):
        more = f", … {len(value) - LONGEST} more" if len(value) > LONGEST else ""
        return ", ".join(map(setting_text, value[:LONGEST])) + more
    if isinstance(value, Mapping):
        return " ".join(f"{name}={setting_text(item)}" for name, item in value.items() if item is not None)
    return compact(value, 6) if isinstance(value, float) else str(value)
