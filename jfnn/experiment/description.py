"""An experiment in plain values, for config.json and for telling runs apart."""

import dataclasses
import hashlib
import platform
from typing import Any

import jax
import numpy as np

from jfnn.experiment.experiment import Experiment
from jfnn.experiment.replicates import PARTS
from jfnn.learners.learner import Batch
from jfnn.minibatches import Minibatches
from jfnn.schedulers import SCHEDULERS
from jfnn.store.files import digest
from jfnn.store.identity import Description, fingerprint, plain


def describe(
    experiment: Experiment, tile: int, environment: Description, count: int, with_code: bool
) -> Description:
    """Describes a run.

    Args:
        experiment: What is trained.
        tile: Members trained side by side.
        environment: What computes, as `jfnn.store.environment.describe` says.
        count: Host threads of this process that train; 0 where other processes do.
        with_code: Whether functions of the user's own are told apart by what they compile to, or by the
            minibatches that they give; that takes a trace and all these, and a run in a directory needs it.

    Returns:
        "settings"; "data" by their checksums; "versions"; "backend"; "device", which decides nothing; and
        the "fingerprint" of all that does.
    """
    description = plain(
        {
            "settings": _settings(experiment) | {"tile": tile},
            "data": checksums(experiment, with_code),
            **environment,
            "device": {"count": count, "python": platform.python_version()},
        }
    )
    return {**description, "fingerprint": fingerprint(description)}


def _settings(experiment: Experiment) -> dict[str, Any]:
    batches, execution = experiment.replicates[0].batches, experiment.execution
    of_replicates = {name: values.tolist() for name, values in experiment.of_replicates.items()}
    return {
        "learner": experiment.learner.describe(),
        "axes": {name: values.tolist() for name, values in experiment.cells.values.items()},
        "sampled": not experiment.cells.crossed,
        "constants": experiment.constants | of_replicates,
        "epochs": experiment.epochs,
        "minibatches": batches._asdict() if isinstance(batches, Minibatches) else "given",
        "seeds": list(experiment.seeds),
        "replicates": len(experiment.replicates),
        "step_keys": digest(*(r.key for r in experiment.replicates)) if experiment.learner.random else None,
        "ranked_by": experiment.ranking.name,
        "schedulers": [describe_scheduler(scheduler) for scheduler in experiment.schedulers],
        "eval_every": execution.eval_every,
        "keep_params": execution.keep_params,
        "dtype": experiment.data.dtype.name,
        "matmul_precision": "highest",
    }


def describe_scheduler(scheduler: Any) -> dict[str, Any]:
    """A scheduler's name and numbers."""
    names = {kind: name for name, kind in SCHEDULERS.items()}
    kind = names.get(type(scheduler), f"{type(scheduler).__module__}.{type(scheduler).__qualname__}")
    return {"kind": kind} | dataclasses.asdict(scheduler)


def checksums(experiment: Experiment, with_code: bool) -> dict[str, Any]:
    """Checksums of all that goes into a run besides settings; see `describe`."""
    data, replicates = experiment.data, experiment.replicates

    def of_part(part: str) -> dict[str, Any]:
        rows = [replicate.parts[part] for replicate in replicates]
        return {"rows": sorted({len(numbers) for numbers in rows}), "sha256": digest(*rows)}

    return {
        "rows": [{"shape": leaf.shape, "sha256": digest(leaf)} for leaf in jax.tree.leaves(data.rows)],
        "structure": str(jax.tree.structure(data.rows)),
        "weights": None if data.weights is None else digest(data.weights),
        **{part: of_part(part) for part in PARTS},
        "starting_params": digest(*(leaf for r in replicates for leaf in jax.tree.leaves(r.params))),
        "batches": minibatches_checksum(experiment, with_code),
        "own_code": own_code(experiment) if with_code else None,
    }


def minibatches_checksum(experiment: Experiment, with_code: bool) -> str | None:
    """A checksum of all minibatches where they are given, by an array or, ``with_code``, by a function."""
    batches = experiment.replicates[0].batches
    if isinstance(batches, Minibatches) or (batches.from_function and not with_code):
        return None
    sha256 = hashlib.sha256()
    for replicate in experiment.replicates:
        rows = [replicate.minibatches(epoch) for epoch in range(experiment.epochs)]
        sha256.update(digest(np.stack(rows)).encode())
    return sha256.hexdigest()


def own_code(experiment: Experiment) -> str | None:
    """A checksum of one step and its scores as compiled, where functions of the user's take part; else None.

    Names say nothing about what a function does; the program that it becomes does, constants included.
    """
    learner = experiment.learner
    if learner.known:
        return None

    def one_step(params: Any, hyper: Any, rows: Any, key: Any) -> Any:
        state, value = learner.step(learner.start(params, hyper), Batch(rows), hyper, key)
        return state, value, learner.score(state.params, rows, hyper)

    first = experiment.replicates[0]
    rows = jax.tree.map(lambda leaf: leaf[: first.rows_a_step], experiment.data.rows)
    hyper = {name: values[0] for name, values in experiment.hyper().items()}
    key = jax.random.key(0) if learner.random else None
    return hashlib.sha256(
        jax.jit(one_step).lower(first.params, hyper, rows, key).as_text().encode()
    ).hexdigest()
