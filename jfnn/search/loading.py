"""The lines of Python that load a run again, and apply its best network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jfnn.activations import ACTIVATIONS
from jfnn.layers import LAYERS
from jfnn.search import run_directory
from jfnn.search.result import SweepResult

SCALE = """import json, pathlib
scaling = json.loads(pathlib.Path({path!r}).read_text())['scaling']  # done before training, by column
x = (x - scaling['x']['mean']) / scaling['x']['scale']"""
UNSCALE = """import numpy as np
outputs = np.asarray(outputs) * scaling['y']['scale'] + scaling['y']['mean']  # in units of the targets"""


def how_to_load(result: SweepResult, directory: str | Path, scaling: Mapping[str, Any] | None = None) -> str:
    """Lines of Python that load a run and, if it kept parameters, apply the best cell's first network.

    Args:
        result: The sweep.
        directory: Its directory.
        scaling: Scaling of the data before the sweep, also written under "scaling" in the run's config.json:
            "x", and "y" for targets that are no labels, each ``{"mean": [...], "scale": [...]}`` by column,
            for ``(value - mean) / scale``.
    """
    lines = ["import jfnn", f"result = jfnn.load({str(directory)!r})"]
    if result.params is not None:
        lines += [*_lines_for_params(result), *_lines_for_use(result, Path(directory), scaling or {})]
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


def _lines_for_use(result: SweepResult, directory: Path, scaling: Mapping[str, Any]) -> list[str]:
    described = result.config.get("settings", {}).get("learner", {}).get("network")
    network = _network_code(described)
    if network is None:
        return []
    scale = [SCALE.format(path=str(directory / run_directory.CONFIG))] if scaling else []
    if len(described["inputs"]) > 1:  # scaling is by column of flat rows
        flat = ["x = np.reshape(x, (len(x), -1))"] if scaling else []
        shaped = f"x = np.reshape(x, (-1, {', '.join(map(str, described['inputs']))}))"
        scale = ["import numpy as np", *flat, *scale, shaped]
    use = [f"network = {network}", *scale, "outputs = network.apply(params, x)"]
    return [*use, UNSCALE] if "y" in scaling else use


def _network_code(network: Any) -> str | None:
    """The call that makes a network described in a config; None where a function of the user's is part."""
    layers = network["layers"] if isinstance(network, Mapping) else []
    if not layers or not all(map(_is_known, layers)):
        return None
    return f"jfnn.sequential([{', '.join(map(_layer_code, layers))}], {tuple(network['inputs'])})"


def _is_known(layer: Mapping[str, Any]) -> bool:
    lists = ([values] if isinstance(values, Mapping) else values for values in layer.values())
    inner = [value for values in lists if _is_layers(values) for value in values]
    known = layer["kind"] in LAYERS and "custom" not in layer.values()
    return known and layer.get("activation", "identity") in ACTIVATIONS and all(map(_is_known, inner))


def _is_layers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)


def _layer_code(layer: Mapping[str, Any]) -> str:
    arguments = []
    for name, value in layer.items():
        if name != "kind" and _is_layers(value) and value:
            arguments.append(f"{name}=({', '.join(map(_layer_code, value))},)")
        elif isinstance(value, Mapping):
            arguments.append(f"{name}={_layer_code(value)}")
        elif name != "kind":
            arguments.append(f"{name}={tuple(value) if isinstance(value, list) else value!r}")
    return f"jfnn.{LAYERS[layer['kind']].__name__}({', '.join(arguments)})"
