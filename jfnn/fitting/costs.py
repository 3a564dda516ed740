"""Costs of fits by scikit-learn's own code and by the engine: predicted from their shapes, never measured.

The same fits have the same prediction on every machine and at every call, whatever is compiled already.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from jfnn.fitting.structure import Structure

# Seconds, on two cores of an Intel Xeon (AVX-512), 2026-11-26. scikit-learn 1.9.1 by `time.process_time` with
# one BLAS thread, the least of three fits, 17 structures from 4-10-3 to 784-256-10, met within a third.
THEIR_EPOCH = 1e-4
THEIR_STEP = 6e-5
THEIR_LAYER = 3.5e-5  # of a step
THEIR_WEIGHT = 1e-8  # of a step, updating it by adam
THEIR_UNIT = 8e-9  # of a row, with its activation
THEIR_OPERATION = 1 / 75e9
THEIR_SCORE = 4e-4  # of held-out rows, an epoch
# The engine, compiled, the same way; its step has room for several members.
OUR_STEP = 1e-4
OUR_ROOM = 10  # members that add nothing to the step itself
OUR_WEIGHT = 2e-9
OUR_UNIT = 1e-9
OUR_OPERATION = 1 / 150e9
OUR_GROUP = 0.02  # to set up a run
COMPILE = 0.8  # of a structure, on one core
COMPILE_SCORED = 1.3  # where the program scores held-out rows, too
CORES = 2  # that a search is thought to have: a single structure compiles on one while the other is idle
MARGIN = 1.25  # the engine must be predicted to be so much faster; again, it is so three to four times
# Epochs until a loss, or a score on held-out rows, stands still, in units of n_iter_no_change: not many, as a
# fit that ends early is scikit-learn's.
STANDS_STILL = 5
STANDS_STILL_SCORED = 3


class Work(NamedTuple):
    """Fits of one run of the engine: they differ by numbers alone.

    Attributes:
        structure: Their structure.
        rows: Number of rows of each.
        epochs: Epochs of each.
        members: Number of fits.
        inputs: Inputs of a row that are not zero where rows are sparse; None for all of them.
    """

    structure: Structure
    rows: int
    epochs: float
    members: int = 1
    inputs: float | None = None


def likely_epochs(max_iter: float, tol: float, patience: float, scored: bool) -> float:
    """Epochs that a fit trains for, as far as that can be known before.

    Args:
        max_iter: At most.
        tol: By how much the loss must fall; with 0 it is thought always to fall.
        patience: Epochs without that.
        scored: Whether held-out rows decide in place of the loss.
    """
    if tol <= 0 or patience >= max_iter:
        return max_iter
    return min(max_iter, (STANDS_STILL_SCORED if scored else STANDS_STILL) * patience)


def theirs(work: Work) -> float:
    """Seconds of one core by scikit-learn's own code, one fit after another."""
    sizes, rows, steps = _shape(work)
    first = sizes[0] if work.inputs is None else work.inputs
    products = first * sizes[1] + sum(a * b for a, b in itertools.pairwise(sizes[1:]))
    step = THEIR_STEP + THEIR_LAYER * (len(sizes) - 1) + THEIR_WEIGHT * _weights(sizes)
    row = 6 * products * THEIR_OPERATION + sum(sizes[1:]) * THEIR_UNIT
    epoch = THEIR_EPOCH + steps * step + rows * row
    return work.members * work.epochs * (epoch + THEIR_SCORE * (work.structure.validation is not None))


def ours(work: Work) -> float:
    """Seconds of one core by the engine, without compiling."""
    sizes, rows, steps = _shape(work)
    step = OUR_STEP * max(work.members / OUR_ROOM, 1) + work.members * OUR_WEIGHT * _weights(sizes)
    row = work.members * (6 * _weights(sizes) * OUR_OPERATION + sum(sizes[1:]) * OUR_UNIT)
    scored = (work.rows - rows) / 3  # forward alone
    return OUR_GROUP + work.epochs * (steps * step + (rows + scored) * row)


def compiling(works: Sequence[Work], programs: int = 1) -> float:
    """Seconds of compiling each structure, on the cores that wait for it; several programs where told so."""
    structures = {work.structure for work in works}
    each = [COMPILE if structure.validation is None else COMPILE_SCORED for structure in structures]
    alone = len(works) == 1 and works[0].members == 1  # neither side has use for a second core
    return programs * sum(each) * (1 if alone or len(each) > 1 else CORES)


def engine_pays(works: Sequence[Work], programs: int = 1) -> bool:
    """Whether the engine trains fits in less time than scikit-learn, its compiling included.

    Args:
        works: The fits.
        programs: Programs that are compiled for a structure.
    """
    if not works:
        return False
    by_engine = compiling(works, programs) + sum(map(ours, works))
    return MARGIN * by_engine < sum(map(theirs, works))


def _shape(work: Work) -> tuple[tuple[int, ...], float, int]:
    """Widths, rows to train on, and steps of an epoch."""
    structure = work.structure
    rows = max(int(work.rows * (1 - (structure.validation or 0))), 1)
    return structure.sizes, rows, -(-rows // structure.rows_a_step(rows))


def _weights(sizes: tuple[int, ...]) -> int:
    return sum(a * b for a, b in itertools.pairwise(sizes))
