"""The engine of a fit, predicted from its shape and never measured, so that equal calls give equal bytes.

The same fits have the same prediction on every machine and at every call, whatever is compiled already.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import SOLVERS, THEIR_ACTIVATIONS, Structure

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
        inputs: Inputs of a row that are not zero where rows are sparse; None for all of them.
        members: Number of fits.
    """

    structure: Structure
    rows: int
    epochs: float
    inputs: float | None = None
    members: int = 1

    @property
    def by_scikit_learn(self) -> float:
        """Seconds of one core by scikit-learn's own code, one fit after another."""
        sizes, rows, steps = self._shape()
        first = sizes[0] if self.inputs is None else self.inputs
        step = THEIR_STEP + THEIR_LAYER * (len(sizes) - 1) + THEIR_WEIGHT * _weights(sizes)
        products = first * sizes[1] + _weights(sizes[1:])
        row = 6 * products * THEIR_OPERATION + sum(sizes[1:]) * THEIR_UNIT
        epoch = THEIR_EPOCH + steps * step + rows * row
        return self.members * self.epochs * (epoch + THEIR_SCORE * (self.structure.validation is not None))

    @property
    def by_engine(self) -> float:
        """Seconds of one core by the engine, without compiling."""
        sizes, rows, steps = self._shape()
        step = OUR_STEP * max(self.members / OUR_ROOM, 1) + self.members * OUR_WEIGHT * _weights(sizes)
        row = self.members * (6 * _weights(sizes) * OUR_OPERATION + sum(sizes[1:]) * OUR_UNIT)
        scored = (self.rows - rows) / 3  # forward alone
        return OUR_GROUP + self.epochs * (steps * step + (rows + scored) * row)

    def _shape(self) -> tuple[tuple[int, ...], float, int]:
        """Widths, rows to train on, and steps of an epoch."""
        rows = max(int(self.rows * (1 - (self.structure.validation or 0))), 1)
        return self.structure.sizes, rows, -(-rows // self.structure.rows_a_step(rows))


def _weights(sizes: Sequence[int]) -> int:
    return sum(a * b for a, b in itertools.pairwise(sizes))


class Prediction(NamedTuple):
    """Prediction of the engine that is over with some fits first.

    Attributes:
        works: The fits.
        programs: Programs that the engine compiles for a structure.
    """

    works: Sequence[Work]
    programs: int = 1

    @property
    def by_scikit_learn(self) -> float:
        """Seconds by scikit-learn's own code."""
        return sum(work.by_scikit_learn for work in self.works)

    @property
    def by_engine(self) -> float:
        """Seconds by the engine, with those of compiling each structure on the cores that wait for it."""
        structures = {work.structure for work in self.works}
        seconds = [COMPILE if structure.validation is None else COMPILE_SCORED for structure in structures]
        alone = len(self.works) == 1 and self.works[0].members == 1  # neither side has use for a second core
        compiling = self.programs * sum(seconds) * (1 if alone or len(seconds) > 1 else CORES)
        return compiling + sum(work.by_engine for work in self.works)

    @property
    def engine(self) -> str:
        """The engine, "jfnn" or "scikit-learn"."""
        return "jfnn" if MARGIN * self.by_engine < self.by_scikit_learn else "scikit-learn"

    def __str__(self) -> str:
        """A line with the engine and the reason."""
        seconds = f"{self.by_scikit_learn:.2g} s of a core by scikit-learn, {self.by_engine:.2g} s by jfnn"
        return f"engine: {self.engine}; predicted {seconds}"


def as_work(estimator: Any, structure: Structure, X: Any, rows: int, incremental: bool = False) -> Work:
    """The fit of an estimator to ``rows`` rows like those of ``X``, as far as it can be known before."""
    epochs, patience = float(estimator.max_iter), float(estimator.n_iter_no_change)
    if estimator.tol > 0 and patience < epochs:  # without a tolerance the loss is thought always to fall
        epochs = min(epochs, (STANDS_STILL_SCORED if estimator.early_stopping else STANDS_STILL) * patience)
    inputs = X.nnz / X.shape[0] if sparse.issparse(X) else None
    return Work(structure, rows, 1.0 if incremental else epochs, inputs)


def engine(
    estimator: Any, structure: Structure, X: Any, sample_weight: np.ndarray | None, incremental: bool
) -> str:
    """The engine of a fit by steps, "jfnn" or "scikit-learn".

    A `partial_fit` goes on by the engine before it, whose optimizer it needs. A warm start has a fresh one,
    and is chosen for like any fit.

    Raises:
        ValueError: As `forced`.
    """
    must = forced(estimator, sample_weight)
    if must is None and incremental:
        must = getattr(estimator, "engine_", None)
    if must is not None:
        return must
    prediction = Prediction([as_work(estimator, structure, X, X.shape[0], incremental)])
    if estimator.verbose:
        print(f"[{type(estimator).__name__}] {prediction}")
    return prediction.engine


def forced(estimator: Any, sample_weight: Any = None) -> str | None:
    """The engine that a fit must have; None where the choice is free.

    Raises:
        ValueError: ``engine`` is "scikit-learn", which lacks the activation or the solver.
    """
    if is_further(estimator):
        if estimator.engine == "scikit-learn":
            name = "solver" if estimator.solver not in SOLVERS else "activation"
            value = getattr(estimator, name)
            raise ArgumentError(
                "engine", f"'scikit-learn' has no {name}={value!r}; expected 'auto' or 'jfnn'"
            )
        return "jfnn"
    if estimator.engine != "auto":
        return str(estimator.engine)
    return "jfnn" if _step_may_weigh_nothing(estimator, sample_weight) else None


def is_further(estimator: Any) -> bool:
    """Whether an activation or a solver is not scikit-learn's."""
    return estimator.solver not in SOLVERS or estimator.activation not in THEIR_ACTIVATIONS


def zeros(sample_weight: Any) -> int:
    """Number of rows of weight 0."""
    return 0 if sample_weight is None else int(np.count_nonzero(np.asarray(sample_weight) == 0))


def _step_may_weigh_nothing(estimator: Any, sample_weight: Any) -> bool:
    """Whether all rows of some step may weigh 0, by which scikit-learn divides."""
    count = zeros(sample_weight)
    if not count or estimator.early_stopping:  # which rows are held out is not known yet
        return count > 0
    rows = np.size(sample_weight)
    batch = min(200 if estimator.batch_size == "auto" else int(estimator.batch_size), rows)
    return count >= (rows % batch or batch)
