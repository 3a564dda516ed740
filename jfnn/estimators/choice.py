"""The rule by which code a fit trains, from its shape only, so that equal calls give equal bytes.

scikit-learn's code trains at once; the engine is faster, but first compiles a program for each structure. So
the engine is taken where scikit-learn would be at work for long enough. Work is counted in small steps of
scikit-learn's: steps of next to no rows and weights, whose time goes into Python.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from jfnn.estimators.fit import Structure

# `python scripts/searches.py --sections constants` measures the first two. Too small ones make fits wait for
# programs that gain nothing; too large ones leave fits to scikit-learn that the engine trains in less time.
STEP = 700_000  # rows × weights of a step whose products take as long as a small step
# Small steps that take a little longer than to compile a program: the first call may lose by it, later ones
# compile nothing.
PROGRAM = 20_000
# Epochs after which a loss stands still, in units of n_iter_no_change: not many, since a fit that ends early
# is scikit-learn's. Data say how many it really is.
STANDS_STILL = 5


class Work(NamedTuple):
    """Fits of one run of the engine: they differ by numbers only.

    Attributes:
        structure: Their structure.
        rows: Number of rows of each.
        epochs: Epochs of each.
        members: Number of fits.
    """

    structure: Structure
    rows: int
    epochs: float
    members: int = 1

    @property
    def steps(self) -> float:
        """Small steps of scikit-learn's that take as long."""
        trained = max(int(self.rows * (1 - (self.structure.validation or 0))), 1)
        steps = -(-trained // self.structure.rows_a_step(trained))
        weights = sum(a * b for a, b in itertools.pairwise(self.structure.sizes))
        return self.members * self.epochs * (steps + trained * weights / STEP)


class Prediction(NamedTuple):
    """Cost of training fits.

    Attributes:
        works: The fits.
        programs: Number of programs that the engine compiles for a structure.
    """

    works: Sequence[Work]
    programs: int = 1

    @property
    def steps(self) -> float:
        """Small steps of scikit-learn's."""
        return sum(work.steps for work in self.works)

    @property
    def worth(self) -> int:
        """Small steps above which the engine's programs pay; one that scores held-out rows counts twice."""
        structures = {work.structure for work in self.works}
        return PROGRAM * self.programs * sum(1 if one.validation is None else 2 for one in structures)

    @property
    def engine(self) -> str:
        """The engine, "jfnn" or "scikit-learn"."""
        return "jfnn" if self.steps > self.worth else "scikit-learn"

    def __str__(self) -> str:
        """A line with the engine and the reason."""
        return f"engine: {self.engine}; {self.steps:,.0f} small steps, and jfnn pays above {self.worth:,}"


def expected_epochs(max_iter: float, tol: float, n_iter_no_change: float) -> float:
    """Expected epochs of a fit: all of ``max_iter`` without a tolerance, else until the loss stands still."""
    return min(max_iter, STANDS_STILL * n_iter_no_change) if tol > 0 else max_iter
