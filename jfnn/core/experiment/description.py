"""Description of an experiment in plain values, for config.json and to distinguish runs."""

import dataclasses
import hashlib
import platform
import types

import jax
import numpy as np

from jfnn.arguments.packages import is_of_jfnn
from jfnn.arguments.types import Json
from jfnn.core.engine.cohort import PARTS
from jfnn.core.engine.plan import Layout
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.store.files import digest
from jfnn.core.store.identity import Description, fingerprint, plain
from jfnn.identity.code import code_checksum
from jfnn.learners.data import Data
from jfnn.minibatches import Minibatches
from jfnn.schedulers import SCHEDULERS
from jfnn.schedulers.scheduler import Scheduler


def describe(
    experiment: Experiment, layout: Layout, environment: Description, count: int, with_batches: bool
) -> Description:
    """Describe a run: settings, data checksums, environment, and the fingerprint of what determines it.

    ``environment`` has "versions" and "backend", from `jfnn.core.store.identity.describe_environment`.
    ``count`` is the number of host threads that train, 0 if other processes train; the fingerprint does not
    depend on it. ``with_batches``, which a run in a directory needs, draws all minibatches of a user's
    function for their checksum.
    """
    description = plain(
        {
            "settings": _settings(experiment) | {"tile": layout.width, "shared": layout.shared},
            "data": checksums(experiment, with_batches),
            **environment,
            "device": {"count": count, "python": platform.python_version()},
            **({} if experiment.subsets is None else {"words": {"fold": experiment.subsets.called}}),
        }
    )
    return {**description, "fingerprint": fingerprint(description)}


def _settings(experiment: Experiment) -> Json:
    batches = experiment.replicates.batches
    keys = experiment.replicates.keys
    execution = experiment.execution
    replicate_constants = {name: values.tolist() for name, values in experiment.replicate_constants.items()}
    subsets = {}
    subset_rows = experiment.subsets
    # The checksums of the rows do not cover the subsets' axis and `start_per_subset`.
    if subset_rows is not None and (subset_rows.axis or subset_rows.start_per_subset):
        values = {name: values.tolist() for name, values in subset_rows.axis.items()}
        subsets = {"subsets": {"values": values, "start_per_subset": subset_rows.start_per_subset}}
    return {
        "learner": experiment.learner.describe(),
        "axes": {name: values.tolist() for name, values in experiment.cells.values.items()},
        "crossed": experiment.cells.crossed,
        "constants": experiment.constants | replicate_constants,
        "epochs": experiment.epochs,
        "first_epoch": experiment.first_epoch,
        "minibatches": dataclasses.asdict(batches) if isinstance(batches, Minibatches) else "given",
        "seeds": list(experiment.seeds),
        "replicates": len(experiment.replicates),
        "folds": experiment.folds,
        **subsets,
        "step_keys": None if keys is None else digest(keys),
        "ranked_by": experiment.ranking.name,
        "higher_is_better": {metric.name: metric.higher_is_better for metric in experiment.learner.metrics},
        "schedulers": [describe_scheduler(scheduler) for scheduler in experiment.schedulers],
        "eval_every": evaluations(experiment),
        "objective": execution.objective,
        "keep_params": execution.keep_params,
        "dtype": experiment.data.dtype.name,
    }


def evaluations(experiment: Experiment) -> int | list[int] | None:
    """Return the epochs of the history, or their spacing if regular; None without a history."""
    if experiment.execution.eval_every is None:
        return None
    last = experiment.epochs
    epochs = experiment.evaluations(experiment.first_epoch, last)
    step = epochs[0] if epochs else 1
    is_regular = epochs in ([], sorted({*range(step, last + 1, step), last}))
    return step if is_regular else epochs


def describe_scheduler(scheduler: Scheduler) -> Json:
    """Return a scheduler's name and numbers."""
    names = {kind: name for name, kind in SCHEDULERS.items()}
    kind = names.get(type(scheduler), f"{type(scheduler).__module__}.{type(scheduler).__qualname__}")
    return {"kind": kind} | dataclasses.asdict(scheduler)


def checksums(experiment: Experiment, with_batches: bool) -> Json:
    """Return checksums of everything in a run besides settings, and the names; see `describe`."""
    data = experiment.data
    replicates = experiment.replicates
    rows = {part: [parts[part] for parts in replicates.parts] for part in PARTS}
    starts = replicates.start(np.arange(max(len(replicates), replicates.n_starts)))
    given, added = without_added(data, experiment.subsets)
    names = experiment.names
    return {
        "rows": [{"shape": leaf.shape, "sha256": digest(leaf)} for leaf in given],
        **{name: digest(*leaves) for name, leaves in added.items()},
        "structure": str(jax.tree.structure(data.rows)),
        "weights": None if data.weights is None else digest(data.weights),
        **{part: {"rows": sorted({*map(len, r)}), "sha256": digest(*r)} for part, r in rows.items()},
        "starting_params": digest(*jax.tree.leaves(starts)),
        **({} if experiment.ended is None else {"ended": digest(*experiment.ended)}),
        "batches": minibatches_checksum(experiment, with_batches),
        "custom_code": custom_code(experiment),
        **({"names": dict(names)} if names else {}),
    }


def without_added(
    data: Data, subsets: Subsets | None
) -> tuple[list[np.ndarray], dict[str, list[np.ndarray]]]:
    """Return arrays of the split's rows, and of rows added for "labels" and "test_labels" of subsets."""
    leaves = jax.tree.leaves(data.rows)
    if subsets is None:
        return leaves, {}
    test_labels = subsets.test_labels
    tests = test_labels.shape[1] if isinstance(test_labels, np.ndarray) else data.n - data.n_train
    added = {
        "labels": np.arange(subsets.n, data.n_train),
        "test_labels": np.arange(data.n_train + tests, data.n),
    }
    everything = np.concatenate(list(added.values()))
    given = [np.delete(leaf, everything, axis=0) for leaf in leaves] if len(everything) else leaves
    return given, {name: [leaf[rows] for leaf in leaves] for name, rows in added.items() if len(rows)}


def minibatches_checksum(experiment: Experiment, with_batches: bool) -> str | None:
    """Return a checksum of minibatches given by an array or, ``with_batches``, by a function."""
    replicates = experiment.replicates
    batches = replicates.batches
    if isinstance(batches, Minibatches) or (batches.from_function and not with_batches):
        return None
    sha256 = hashlib.sha256()
    for number in range(len(replicates)):
        rows = [
            replicates.minibatches(number, epoch)
            for epoch in range(experiment.first_epoch, experiment.epochs)
        ]
        if rows:
            sha256.update(digest(np.stack(rows)).encode())
    return sha256.hexdigest()


def custom_code(experiment: Experiment) -> dict[str, str]:
    """Return checksums of the user's functions that affect a result; empty without any.

    Names do not identify what a function does. Compiled functions are identified by the trace that is
    trained, Python functions by their code and what it refers to.
    """
    learner = experiment.learner
    functions = experiment.functions
    checksums = {} if functions.shapes is None else {"learner": str(functions.identity)}
    for metric in learner.metrics:
        if not is_of_jfnn(metric.reduce):
            checksums[f"metric {metric.name}"] = code_checksum(metric.reduce)
        elif not isinstance(metric.reduce, types.FunctionType):  # jfnn's object may hold a user's function
            checksums[f"metric {metric.name}"] = code_checksum(vars(metric.reduce))
    for i, scheduler in enumerate(experiment.schedulers):
        if not is_of_jfnn(type(scheduler)):
            checksums[f"scheduler {i}"] = code_checksum(scheduler)
    return checksums
