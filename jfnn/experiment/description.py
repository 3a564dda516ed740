"""What a run is, in plain values: two runs with the same description end with the same bytes."""

import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax

from jfnn import training
from jfnn.activations import ACTIVATIONS
from jfnn.experiment.records import PARTS, Data, Execution, Grid, Recipe
from jfnn.layers import dense as layouts
from jfnn.losses import LOSSES
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.schedulers.judges import Selection
from jfnn.store import environment
from jfnn.store.files import digest

# The parts of a description that decide the bytes of a result.
DECIDING = ("settings", "data", "versions", "backend")
DESCRIPTION = (*DECIDING, "device", "fingerprint")


def describe(
    recipe: Recipe,
    data: Data,
    grid: Grid,
    execution: Execution,
    selection: Selection,
    batches: Minibatches | np.ndarray,
    keep_params: str,
    with_code: bool,
) -> dict[str, Any]:
    """Describes a run.

    Args:
        recipe: What is trained.
        data: On what.
        grid: Which members.
        execution: How it runs.
        selection: What ranks members, and which may leave early.
        batches: How minibatches are drawn, or those given.
        keep_params: Which parameters are kept.
        with_code: Whether functions of the user's own are told apart by what they compile to, which takes a
            trace; a run in a directory needs that.

    Returns:
        Values that JSON has: "settings"; "data" by their checksums; "versions"; "backend"; "device", which
        decides nothing; and the "fingerprint" of all that does.
    """
    found = {
        "settings": _settings(recipe, grid, execution, selection, batches, keep_params)
        | {"dtype": data.targets.dtype.name},
        "data": checksums(data, grid, batches)
        | {"own_code": own_code(recipe, data, grid) if with_code else None},
        "versions": environment.versions(),
        "backend": {
            "platform": execution.devices[0].platform,
            "kind": execution.devices[0].device_kind,
            "processor": environment.processor() if execution.devices[0].platform == "cpu" else None,
        },
        "device": {"count": len(execution.devices), "python": platform.python_version()},
    }
    found = plain(found)
    return found | {"fingerprint": fingerprint(found)}


def _settings(
    recipe: Recipe,
    grid: Grid,
    execution: Execution,
    selection: Selection,
    batches: Minibatches | np.ndarray,
    keep_params: str,
) -> dict[str, Any]:
    return {
        "network": network_name(recipe.network),
        "loss": name_in(LOSSES, recipe.loss) or "custom",
        "reduction": recipe.reduction,
        "optimizer": optax_name(recipe.optimizer.factory) or callable_name(recipe.optimizer.factory),
        "optimizer_args": dict(recipe.optimizer.fixed),
        "constants": grid.constants | {name: each.tolist() for name, each in grid.of_streams.items()},
        "schedule": schedule_name(recipe.optimizer.schedule),
        "gradient": recipe.gradient if isinstance(recipe.gradient, str) else callable_name(recipe.gradient),
        "minibatches": batches._asdict() if isinstance(batches, Minibatches) else "given",
        "epochs": execution.epochs,
        "axes": {name: values.tolist() for name, values in grid.axes.values.items()},
        "sampled": not grid.axes.crossed,
        "seeds": list(dict.fromkeys(stream.seed for stream in grid.streams)),
        "streams": len(grid.streams),
        "ranked_by": selection.ranked_by,
        "halving": selection.halving and dataclasses.asdict(selection.halving),
        "early_stopping": selection.early_stopping and selection.early_stopping.patience,
        "tile": recipe.tile,
        "matmul_precision": "highest",
        "history_every": execution.segment if execution.history else None,
        "keep_params": keep_params,
    }


def fingerprint(description: dict) -> str:
    """One checksum of all that decides the bytes of a result."""
    deciding = {name: description.get(name) for name in DECIDING}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def differences(there: dict, here: dict) -> list[str]:
    """The deciding parts in which two descriptions differ, by name and with both values."""
    left, right = ({name: each.get(name) for name in DECIDING} for each in (there, here))
    return list(_differences(left, right, ()))


def _differences(there, here, path):
    if isinstance(there, dict) and isinstance(here, dict):
        for name in there | here:
            yield from _differences(there.get(name), here.get(name), (*path, name))
    elif there != here:
        yield f"{'.'.join(path)} is {_short(there)} there and {_short(here)} here"


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:30]} ... {text[-20:]}"


def checksums(data: Data, grid: Grid, batches: Minibatches | np.ndarray) -> dict[str, Any]:
    """The checksums of all arrays that go into a run."""

    def of_parts(part):
        rows = [stream.parts[part] for stream in grid.streams]
        return {"rows": sorted({len(each) for each in rows}), "sha256": digest(*rows)}

    starts = [leaf for stream in grid.streams for leaf in jax.tree.leaves(stream.params)]
    return {
        "x": {"shape": data.x.shape, "sha256": digest(data.x)},
        "targets": {"shape": data.targets.shape, "sha256": digest(data.targets)},
        "weights": None if data.weights is None else digest(data.weights),
        **{part: of_parts(part) for part in PARTS},
        "starting_params": digest(*starts),
        "batches": None if isinstance(batches, Minibatches) else digest(batches),
    }


def own_code(recipe: Recipe, data: Data, grid: Grid) -> str | None:
    """A checksum of one step and its scores as compiled, where functions of the user's take part; else None.

    Names say nothing about what a function does; the program that it becomes does, constants included.
    """
    if not _brings_code(recipe):
        return None
    layout = layouts.of(recipe.network, recipe.loss, recipe.reduction, recipe.gradient)

    def one_step(params, hyper, x, targets):
        optimizer = recipe.optimizer.make(hyper)
        state = training.State(params, optimizer.init(params))
        state, _ = training.step(state, optimizer, layout.value_and_grad, x, targets, hyper["l2"])
        outputs = layout.outputs(state.params, x)
        turned = jax.numpy.moveaxis(targets, -1, layout.axis)
        return state, recipe.loss.cost(outputs, turned, axis=layout.axis)

    rows = grid.streams[0].rows(0).shape[-1]
    hyper = {name: values[0] for name, values in grid.hyper(data.targets.dtype).items()}
    step = jax.jit(one_step).lower(grid.streams[0].params, hyper, data.x[:rows], data.targets[:rows])
    return hashlib.sha256(step.as_text().encode()).hexdigest()


def _brings_code(recipe: Recipe) -> bool:
    factory, fixed, _, schedule = recipe.optimizer
    mlp = recipe.network.mlp
    known = (
        mlp is not None
        and all(name_in(ACTIVATIONS, function) for function in (mlp.activation, mlp.output))
        and name_in(LOSSES, recipe.loss)
        and isinstance(recipe.gradient, str)
        and optax_name(factory)
        and name_in(training.SCHEDULES, schedule)
        and all(isinstance(value, bool | int | str | None) for _, value in fixed)
    )
    return not known


def schedule_name(schedule: Callable | None) -> str:
    """The name of a schedule, or of its function."""
    if schedule is None:
        return "constant"
    return name_in(training.SCHEDULES, schedule) or callable_name(schedule)


def network_name(network: Network) -> dict[str, Any] | str:
    """What a network is made of, or the name of its function."""
    if network.mlp is None:
        return callable_name(network.apply)
    spec = network.mlp
    return {
        "sizes": spec.sizes,
        "activation": name_in(ACTIVATIONS, spec.activation) or "custom",
        "output": name_in(ACTIVATIONS, spec.output) or "custom",
    }


def name_in(registry: dict[str, Any], value) -> str | None:
    """The name under which a registry has this very thing, or None."""
    return next((name for name, known in registry.items() if known == value), None)


def optax_name(factory: Callable) -> str | None:
    """The name under which optax has this optimizer, or None."""
    return next((name for name, known in vars(optax).items() if known is factory), None)


def callable_name(function: Callable) -> str:
    """Where a function comes from, and its name."""
    function = getattr(function, "func", function)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{function.__module__}.{name}"


def plain(value) -> Any:
    """The value as JSON gives it back; what it has no form for, by name."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Sequence):
        return [plain(each) for each in value]
    return callable_name(value) if callable(value) else f"a {type(value).__qualname__}"
