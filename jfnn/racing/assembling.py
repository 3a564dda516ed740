"""One result of the whole grid from the rounds of a race."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.core.search.result import SweepResult
from jfnn.extend.runs import ProgramRun
from jfnn.racing.rounds import Round

# What a member that was not trained has; of all other fields NaN.
UNTRAINED = {"diverged_at": -1, "stopped_at": 0, "pruned": True, "epochs": 0}
BY_NAME = ("scores", "history", "terms")
ALONE = ("objective", *UNTRAINED)


def assembled(
    first: SweepResult,
    rounds: Sequence[Round],
    seeds: Sequence[int],
    left: np.ndarray,
    race: Mapping[str, Any],
) -> SweepResult:
    """The result of all cells and seeds: NaN where none trained, cells that are out pruned.

    Args:
        first: The sweep of the first round.
        rounds: All rounds.
        seeds: All seeds of a cell that is left.
        left: Numbers of the cells left, best first, whose first one's parameters are kept.
        race: What decided, for the configuration.
    """
    cells = int(np.prod(first.cell_shape))
    behind = () if first.folds is None else (first.folds,)
    grid = (*first.cell_shape, len(seeds), *behind)

    def filled(name: str, inner: str | None, like: np.ndarray) -> np.ndarray:
        extra = like.shape[first.diverged_at.ndim :]
        whole = np.full((cells, len(seeds), *behind, *extra), UNTRAINED.get(name, np.nan), like.dtype)
        for one in rounds:
            values = getattr(one.result, name)
            values = values if inner is None else values.get(inner)
            if values is not None:
                part = one.members(values, first.folds)
                index: tuple[Any, ...] = (one.cells[:, None], np.array(one.seeds))
                whole[(*index, *(slice(length) for length in part.shape[2:]))] = part
        return whole.reshape(*grid, *extra)

    fields: dict[str, Any] = {
        name: {inner: filled(name, inner, array) for inner, array in getattr(first, name).items()}
        for name in BY_NAME
    }
    fields |= {name: filled(name, None, getattr(first, name)) for name in ALONE if name != "objective"}
    if first.objective is not None:
        fields["objective"] = filled("objective", None, first.objective)
    out = np.ones(cells, bool)
    out[left] = False
    fields["pruned"] |= out.reshape(*first.cell_shape, *[1] * (1 + len(behind)))
    each = cells // len(first.runs)
    of_programs = [[one for one in rounds if one.cells[0] // each == n] for n in range(len(first.runs))]
    runs = [_run(run, of, seeds, race) for run, of in zip(first.runs, of_programs, strict=True)]
    if len(left):
        leader = int(left[0])
        number = leader // each
        kept = first.cell_index(leader)[first.leading :]
        params = _params(leader, of_programs[number])
        if params is not None:
            runs[number] = dataclasses.replace(runs[number], params=params, kept_cell=kept)
    return dataclasses.replace(first, **fields, seeds=np.asarray(seeds, first.seeds.dtype), runs=tuple(runs))


def of_first_seeds(result: SweepResult, count: int) -> SweepResult:
    """The part of a result that has some of the seeds, the first ones, without parameters."""
    places = (*[slice(None)] * len(result.cell_shape), slice(count))
    fields: dict[str, Any] = {
        name: {inner: array[places] for inner, array in getattr(result, name).items()} for name in BY_NAME
    }
    arrays = {name: getattr(result, name) for name in ALONE}
    fields |= {name: array[places] for name, array in arrays.items() if array is not None}
    runs = tuple(dataclasses.replace(run, params=None, kept_cell=None) for run in result.runs)
    return dataclasses.replace(result, **fields, seeds=result.seeds[:count], runs=runs)


def _run(
    run: ProgramRun, rounds: Sequence[Round], seeds: Sequence[int], race: Mapping[str, Any]
) -> ProgramRun:
    """What a program has once: the first round's, with all seeds and the time of all rounds."""
    settings = run.config["settings"]
    keeps = "none" if settings["keep_params"] == "none" else "best"
    folds = settings["replicates"] // len(settings["seeds"])
    changed = {
        "seeds": list(seeds),
        "replicates": folds * len(seeds),
        "keep_params": keeps,
        "race": dict(race),
    }
    of_rounds = [one.result.config["fingerprint"] for one in rounds]
    fingerprint = hashlib.sha256(json.dumps([dict(race), of_rounds], sort_keys=True).encode()).hexdigest()
    timing = {name: sum(one.result.timing.get(name, 0.0) for one in rounds) for name in run.timing}
    config = {**run.config, "settings": {**settings, **changed}, "fingerprint": fingerprint}
    return dataclasses.replace(run, params=None, kept_cell=None, config=config, timing=timing)


def _params(cell: int, rounds: Sequence[Round]) -> Any:
    """The parameters of one cell, all its seeds in front; None where none were kept."""
    parts = []
    for one in rounds:
        (places,) = np.nonzero(one.cells == cell)
        if len(places):
            if one.result.params is None:
                return None
            index = one.result.cell_index(int(places[0]))
            parts.append(jax.tree.map(lambda leaf, index=index: leaf[index], one.result.params))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
