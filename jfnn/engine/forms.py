"""The devices of an experiment, and its tiles: their width, and whether members have own minibatches."""

import functools
from typing import Any

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.engine import plan
from jfnn.engine.devices import resolve
from jfnn.engine.footprint import footprint
from jfnn.engine.plan import Form, Hardware
from jfnn.experiment.experiment import Experiment
from jfnn.layers import small
from jfnn.learners.data import Batch
from jfnn.learners.learner import starting_shapes
from jfnn.learners.shapes import row_shapes
from jfnn.learners.traced import Traced


def hardware(experiment: Experiment, workers: str | None = None, alone: bool = False) -> Hardware:
    """The devices and the form of tiles of an experiment.

    Args:
        experiment: The experiment.
        workers: Platform of the processes that train it, which choose their own devices; None for this one.
        alone: Whether to take the widest tiles, for the bits of a large grid's cell.

    Raises:
        ValueError, TypeError: See `resolve`.
    """
    if workers is not None and experiment.execution.devices is not None:
        raise ArgumentError("devices", "the workers of an executor choose their own; leave it out")
    threads = resolve(1 if workers is not None else experiment.execution.devices)
    platform = threads[0].platform if workers is None else workers
    return Hardware(threads, form_for(experiment, platform, alone))


def form_for(experiment: Experiment, platform: str, alone: bool) -> Form:
    """The form fixed by options, or the fastest one for the experiment.

    Args:
        experiment: The experiment.
        platform: "cpu", "gpu", …
        alone: Whether to take the widest tiles, for the bits of a large grid's cell.
    """
    execution = experiment.execution
    replicates = len(np.unique(experiment.minibatches_of()))
    if execution.tile is not None:
        costs = {Form(execution.tile, own): plan.OWN**own for own in (False, True)}
    else:
        costs = form_costs(experiment, platform)
    if alone:
        costs = {max(form for form in costs if not form.own): 1.0}
    devices = plan.CORES if platform == "cpu" else 1
    form = plan.form(experiment.members // replicates, replicates, costs, devices)
    return form if execution.shared is None else form._replace(own=not execution.shared)


def form_costs(experiment: Experiment, platform: str) -> dict[Form, float]:
    """Form -> time of one step of a tile, in units of one member's share."""
    batch = int(experiment.replicates.sources.batch.min())
    widest = widest_tile(experiment, platform, batch)
    step = plan.STEP if platform == "cpu" else plan.ACCELERATOR_STEP
    costs: dict[Form, float] = {}
    for own in (False, True):
        fits_last = {
            width: experiment.learner.fits_last(platform, width, batch, own)
            for width in (*plan.WIDTHS, widest)
            if width <= max(widest, small.WIDE)
        }
        narrow = min(widest, small.NARROW) if any(fits_last.values()) else widest
        for width, fits in fits_last.items():
            if fits:
                costs[Form(width, own)] = small.MEMBER * (width + small.STEP)
            elif width <= narrow:
                costs[Form(width, own)] = (width + step) * (plan.OWN if own else 1.0)
    return costs


def widest_tile(experiment: Experiment, platform: str, batch: int) -> int:
    """Largest width of a tile, from the bytes that a step of ``batch`` rows holds."""
    learner = experiment.learner
    on_cpu = platform == "cpu"
    widths = plan.CPU_WIDTHS if on_cpu else plan.ACCELERATOR_WIDTHS
    if isinstance(learner, Traced) and on_cpu:
        return plan.tile_width(_held(learner, batch), plan.CPU_TRACED_TILE_BYTES, widths)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(starting_shapes(learner)))
    size = plan.member_bytes(parameters, learner.width(), batch, experiment.data.dtype.itemsize)
    return plan.tile_width(size, plan.CPU_TILE_BYTES if on_cpu else plan.ACCELERATOR_TILE_BYTES, widths)


@functools.lru_cache(64)
def _held(learner: Traced, batch: int) -> int:
    """Bytes that a step of ``batch`` rows holds for one member; cached for equal learners."""
    shapes = learner.shapes
    number: Any = jax.ShapeDtypeStruct((), shapes.dtype)
    weights: Any = jax.ShapeDtypeStruct((batch,), shapes.dtype) if shapes.weighted else None
    rows = Batch(row_shapes(shapes.rows, batch), weights)
    return footprint(learner, shapes.params, rows, dict.fromkeys(shapes.hyper, number))
