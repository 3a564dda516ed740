"""Choice of the layout of a cohort's tiles, by the memory that a member needs in a step."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jfnn.arguments.types import Tree
from jfnn.core.engine import plan
from jfnn.core.engine.cohort import Cohort
from jfnn.core.engine.plan import Layout
from jfnn.layers import small
from jfnn.learners.data import Batch, Hyper, StepValues
from jfnn.learners.descent import DescentLearner
from jfnn.learners.functions import Functions
from jfnn.learners.learner import starting_shapes
from jfnn.learners.shapes import row_shapes
from jfnn.numerics.compiling import tracing
from jfnn.params import Params, State, key_shape


def layout_for(
    cohort: Cohort,
    platform: str,
    widest: bool,
    tile: int | None = None,
    shared: bool | int | None = None,
) -> Layout:
    """Return the given layout, or the fastest one for the cohort.

    ``tile`` and ``shared`` are as in `jfnn.Execution`. ``widest`` selects the widest tiles, which give each
    cell the bits that it has in a large grid.
    """
    replicates = len(np.unique(cohort.minibatches_of()))
    if tile is not None:
        costs = {Layout(tile, tile): plan.SEPARATE, Layout(tile): 1.0}
    else:
        costs = layout_costs(cohort, platform)
    if widest:
        costs = {max(layout for layout in costs if layout.groups == 1): 1.0}
    devices = plan.CORES if platform == "cpu" else 1
    layout = plan.fastest_layout(cohort.members // replicates, replicates, costs, devices)
    if shared is None:
        return layout
    if isinstance(shared, bool):
        return layout._replace(groups=1 if shared else layout.width)
    return layout._replace(groups=layout.width // shared)


def layout_costs(cohort: Cohort, platform: str) -> dict[Layout, float]:
    """Return layout -> time of one step of a tile, in units of a member with shared minibatches."""
    batch = int(cohort.replicates.sources.batch.min())
    step = plan.STEP if platform == "cpu" else plan.ACCELERATOR_STEP
    most_separate = _widest_of_separate(cohort)
    costs: dict[Layout, float] = {}
    for separate in (False, True):
        most = widest_tile(cohort, platform, batch, separate)
        fits_last = {
            width: cohort.learner.fits_last(platform, width, batch, separate)
            for width in (*plan.WIDTHS, most)
            if width <= max(most, small.WIDE)
        }
        narrow = min(most, small.NARROW) if any(fits_last.values()) else most
        for width, fits in fits_last.items():
            if separate and not 1 < width <= most_separate:
                continue
            layout = Layout(width, width if separate else 1)
            if fits:
                costs[layout] = small.MEMBER * (width + small.STEP)
            elif width <= narrow:
                costs[layout] = (width + step) * (plan.SEPARATE if separate else 1.0)
    if platform != "cpu":
        return costs
    costs |= _costs_together(cohort, batch, most_separate)
    learner = cohort.learner
    searches_lines = isinstance(learner, DescentLearner) and learner.needs_value
    return {layout: cost for layout, cost in costs.items() if _rounds_alike(layout.width, searches_lines)}


def _rounds_alike(width: int, searches_lines: bool) -> bool:
    """Return whether all slots of a CPU tile of ``width`` members round alike.

    XLA's compiler fuses products with sums. In a loop over the members of small arrays it may fuse other
    products in the vectors than in the members left over. From loops of fewer than 16 steps it makes vectors
    only if no member is left over, and 16 members fill vectors of any length. In programs of line searches,
    the halves of 16 members differ as well (`tests/laws/test_slots.py`).
    """
    if searches_lines:
        return width < small.VECTOR
    return width <= small.VECTOR or width % small.VECTOR == 0


def _costs_together(cohort: Cohort, batch: int, most: int) -> dict[Layout, float]:
    """Return `layout_costs` of tiles with all cells of several replicates, for custom losses that sample.

    Values that depend only on a step's key are then computed once per replicate. A tile has at most ``most``
    replicates, since the row numbers of an epoch must fit into memory.
    """
    functions = cohort.functions
    cells = cohort.n_cells
    if functions.shapes is None or not cohort.learner.random or cells == 1:
        return {}
    held = _held_bytes(functions, batch)
    drawn = _held_bytes(functions, batch, with_shared=True) - held
    most = min(most, plan.CPU_TRACED_TILE_BYTES // max(cells * held + drawn, 1), plan.CPU_WIDTHS[-1] // cells)
    numbers = [number for number in plan.WIDTHS if plan.LEAST_REPLICATES <= number <= most]
    layouts = [Layout(number * cells, number) for number in numbers]
    return {layout: plan.TOGETHER * (layout.width + plan.STEP) for layout in layouts}


def _widest_of_separate(cohort: Cohort) -> int:
    """Return the width of the widest tile with separate minibatches whose row numbers fit for an epoch."""
    sources = cohort.replicates.sources
    of_epoch = 1 if sources.constant else int((sources.steps * sources.batch).max())
    return max(plan.EPOCH_BYTES // (of_epoch * np.dtype(np.int32).itemsize), 1)


def widest_tile(cohort: Cohort, platform: str, batch: int, separate: bool) -> int:
    """Return the width of the widest tile whose members fit into memory in steps of ``batch`` rows.

    Shared inputs are read only once per step, so a tile's members may hold as many bytes as these inputs.
    """
    functions = cohort.functions
    on_cpu = platform == "cpu"
    if functions.shapes is not None and on_cpu:
        held = _held_bytes(functions, batch)
        return plan.tile_width(held, plan.CPU_TRACED_TILE_BYTES, plan.CPU_TRACED_WIDTHS)
    widths = plan.CPU_WIDTHS if on_cpu else plan.ACCELERATOR_WIDTHS
    size = bytes_of_member(cohort, batch)
    if not on_cpu:
        return plan.tile_width(size, plan.ACCELERATOR_TILE_BYTES, widths)
    inputs = jax.tree.leaves(cohort.data.rows)[0]
    shared = 0 if separate else batch * inputs[:1].nbytes
    return plan.tile_width(size, max(plan.CPU_TILE_BYTES, shared), widths)


def bytes_of_member(cohort: Cohort, batch: int) -> int:
    """Return a member's bytes in steps of ``batch`` rows, not counting arrays inside custom functions."""
    learner = cohort.learner
    parameters = sum(leaf.size for leaf in jax.tree.leaves(starting_shapes(learner)))
    return plan.member_bytes(parameters, learner.width(), batch, cohort.data.dtype.itemsize)


@functools.lru_cache(64)
def _held_bytes(functions: Functions, batch: int, with_shared: bool = False) -> int:
    """Return the `footprint` of a traced step of ``batch`` rows; cached for equal functions."""
    shapes = functions.shapes
    assert shapes is not None
    number: Any = jax.ShapeDtypeStruct((), shapes.dtype)
    weights: Any = jax.ShapeDtypeStruct((batch,), shapes.dtype) if shapes.weighted else None
    rows = Batch(row_shapes(shapes.rows, batch), weights)
    hyper = dict.fromkeys(shapes.hyper, number)
    return footprint(functions, shapes.params, rows, hyper, with_shared)


def footprint(
    functions: Functions, params: Params, batch: Batch, hyper: Hyper, with_shared: bool = False
) -> int:
    """Return a step's peak bytes for one member; ``with_shared`` includes arrays that a tile's members share.

    Members share the minibatch and the key. Functions that are already traced are not called again.
    """
    key = key_shape() if functions.learner.random else None
    # A new lambda bypasses JAX's cache of traces by function identity: a function's behavior may change.
    with tracing():
        state = jax.eval_shape(lambda *arguments: functions.start(*arguments), params, hyper)

    def step(state: State, hyper: Hyper, batch: Batch, key: jax.Array | None) -> tuple[State, StepValues]:
        return functions.step(state, batch, hyper, key)

    if with_shared:
        return unshared_peak_bytes(step, (state, hyper, batch, key), ())
    return unshared_peak_bytes(step, (state, hyper), (batch, key))


def unshared_peak_bytes(
    function: Callable[..., Tree], of_member: Sequence[Tree], shared: Sequence[Tree]
) -> int:
    """Return `peak_bytes` of ``function(*of_member, *shared)`` without arrays that depend only on ``shared``.

    If a call, loop or conditional depends on the member, all of its inputs and results are counted.
    """
    with tracing():
        jaxpr = jax.make_jaxpr(function)(*of_member, *shared).jaxpr
    counted = set(jaxpr.invars[: len(jax.tree.leaves(tuple(of_member)))])
    for operation in jaxpr.eqns:
        operands = _arrays(operation.invars)
        if not counted.isdisjoint(operands):
            counted |= set(operation.outvars)
            if any(_functions([*operation.params.values()])):
                counted |= operands
    return peak_bytes(jaxpr, lambda array: array in counted)


def peak_bytes(jaxpr: core.Jaxpr, counts: Callable[[core.Var], bool]) -> int:
    """Return the most bytes alive at once while the operations of a trace run in order.

    ``max_t Σ_a bytes(a)`` over operations t and the arrays a that t reads or makes, or that exist before t
    and are read after it or returned, if ``counts`` accepts a. Constants and inputs live until their last
    use, results from the operation that makes them. Operations whose results are unused do not run. A call or
    loop adds its inner peak, a conditional the peak of its largest branch. Compiled steps, whose operations
    are fused and reordered, hold 0.6 to 1.2 times as much.
    """

    def total(arrays: set[core.Var]) -> int:
        return sum(nbytes(array.aval) for array in arrays if counts(array))

    alive = _arrays(jaxpr.outvars)
    most = total(alive)
    for operation in reversed(jaxpr.eqns):
        results = _arrays(operation.outvars)
        operands = _arrays(operation.invars)
        if alive.isdisjoint(results):
            continue
        inside = 0
        if any(map(counts, results)):
            inside = max(map(_peak_inside, _functions([*operation.params.values()])), default=0)
        most = max(most, total(alive | results | operands) + inside)
        alive = (alive - results) | operands
    return max(most, total(alive))


def nbytes(array: Any) -> int:
    """Return the bytes of an array, by its shape and dtype; for random keys, of their raw data."""
    return int(math.prod(array.shape) * array.dtype.itemsize)


def _peak_inside(jaxpr: core.Jaxpr) -> int:
    """Return the peak inside a called function, without its inputs and results, which count outside."""
    ends = _arrays([*jaxpr.invars, *jaxpr.outvars])
    return peak_bytes(jaxpr, lambda array: array not in ends)


def _arrays(variables: Sequence[core.Var | core.Literal]) -> set[core.Var]:
    """Return the variables that hold arrays: neither literals, which are part of the program, nor tokens."""
    return {v for v in variables if not isinstance(v, core.Literal) and hasattr(v.aval, "dtype")}


def _functions(value: object) -> Iterator[core.Jaxpr]:
    """Yield the functions, as jaxprs, in the parameters of an operation."""
    if isinstance(value, core.ClosedJaxpr):
        yield value.jaxpr
    elif isinstance(value, core.Jaxpr):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _functions(item)
