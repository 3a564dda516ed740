"""Runs loaded again with their networks, and the lines of Python that do so."""

import dataclasses
import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jfnn.arguments.checks import ArgumentError
from jfnn.identity import naming
from jfnn.layers import LAYERS
from jfnn.learners.learner import Learner
from jfnn.learners.supervised import supervised
from jfnn.losses import LOSSES
from jfnn.network import Network
from jfnn.search import run_directory
from jfnn.search.predictions import Origin
from jfnn.search.result import SweepResult, read

SCALE = """import json, pathlib
scaling = json.loads(pathlib.Path({path!r}).read_text())['scaling']  # done before training, by column
x = (x - scaling['x']['mean']) / scaling['x']['scale']"""
TRANSFORM = """import json, pathlib
columns = json.loads(pathlib.Path({path!r}).read_text())['columns']
x = jfnn.datasets.transform(columns, frame)  # a DataFrame, or a dict of columns"""
UNSCALE = """import numpy as np
outputs = np.asarray(outputs) * scaling['y']['scale'] + scaling['y']['mean']  # in units of the targets"""


def load(directory: str | os.PathLike[str]) -> SweepResult:
    """The result that `SweepResult.save` or ``sweep(out=…)`` wrote.

    Parameters come back as they were where they are those of layers, dicts, lists and tuples; named tuples of
    your own come back as dicts. The network comes back where none of its functions is your own.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt or of another format; the message names it.
    """
    return _with_origin(read(directory))


def _with_origin(result: SweepResult) -> SweepResult:
    described = result.config.get("settings", {}).get("learner", {})
    refit = None if result.refit is None else _with_origin(result.refit)
    return dataclasses.replace(result, refit=refit, origin=Origin(functools.partial(_learner, described)))


def _learner(described: Mapping[str, Any], network: Network | None) -> Learner:
    """A learner from its description, and its network where this is not known by it."""
    if "reduction" not in described:  # which networks with a loss have
        raise ArgumentError(
            "network",
            "expected a function (params, x) -> outputs [n, …] of one member, or for row_scores the learner,"
            " since the run's learner is your own, which is not kept",
        )
    network = naming.network_from(described.get("network")) if network is None else network
    if described.get("loss") not in LOSSES:
        reason = "expected jfnn.supervised(network, loss), since the run's loss is none of jfnn's"
        raise ArgumentError("network", reason)
    return supervised(network, described["loss"])


def how_to_load(
    result: SweepResult,
    directory: str | Path,
    scaling: Mapping[str, Any] | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Lines of Python that load a run and, if it kept parameters, apply the best cell's first network.

    Args:
        result: The sweep.
        directory: Its directory.
        scaling: Scaling of the data before the sweep, also written under "scaling" in the run's config.json:
            "x", and "y" for targets that are no labels, each ``{"mean": [...], "scale": [...]}`` by column,
            for ``(value - mean) / scale``.
        columns: "columns" of config.json. Where some had words or gaps, the lines take a frame.
    """
    lines = ["import jfnn", f"result = jfnn.load({str(directory)!r})"]
    if result.params is not None:
        lines += [
            *_lines_for_params(result),
            *_lines_for_use(result, Path(directory), scaling or {}, columns or {}),
        ]
    return "\n".join([*lines, "table = result.to_dict()  # ready for pandas.DataFrame"])


def _lines_for_params(result: SweepResult) -> list[str]:
    best = result.best_or_none()
    cell = best.index if best else ()
    index = (*cell, *(0,) * (result.diverged_at.ndim - len(cell)))
    comment = f"the best cell, seed {result.seeds[0]}" if best else "the first network"
    comment += "" if result.folds is None else ", first fold"
    lines = [f"params = result.member({', '.join(map(str, index))})  # {comment}"]
    if result.refit is not None:
        place = ", ".join("0" * result.refit.diverged_at.ndim)
        lines += [f"params = result.refit.member({place})  # the same, trained again on all training rows"]
    return lines


def _lines_for_use(
    result: SweepResult, directory: Path, scaling: Mapping[str, Any], columns: Mapping[str, Any]
) -> list[str]:
    described = result.config.get("settings", {}).get("learner", {}).get("network")
    network = _network_code(described)
    if network is None:
        return []
    frame, path = any(columns.values()), str(directory / run_directory.CONFIG)
    scale = [text.format(path=path) for text, is_used in ((TRANSFORM, frame), (SCALE, scaling)) if is_used]
    if len(described["inputs"]) > 1:  # scaling is by column of flat rows
        flat = ["x = np.reshape(x, (len(x), -1))"] if scaling and not frame else []
        shaped = f"x = np.reshape(x, (-1, {', '.join(map(str, described['inputs']))}))"
        scale = ["import numpy as np", *flat, *scale, shaped]
    use = [f"network = {network}", *scale, "outputs = network.apply(params, x)"]
    return [*use, UNSCALE] if "y" in scaling else use


def _network_code(described: Any) -> str | None:
    """The call that makes a network described in a config; None where a function of the user's is part."""
    try:
        network = naming.network_from(described)
    except ArgumentError:
        return None
    kinds = "|".join(kind.__name__ for kind in LAYERS.values())
    layers = re.sub(rf"\b({kinds})\(", r"jfnn.\1(", repr(list(network.layers or ())))
    return f"jfnn.sequential({layers}, {network.input_shape})"
