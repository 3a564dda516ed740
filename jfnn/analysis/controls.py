"""Scores of targets beside those of control targets, which keep nothing of what inputs say about targets.

All functions take plain arrays, with the controls of each target on the last axis: best scores of
`jfnn.analysis.best_of_subsets` for the targets of `jfnn.subsets.shuffled` are ``[T * B]`` and have these
axes by ``reshape(T, B)``. A target's score that is the best of many cells is compared with controls that are
the best of the same cells, else the choice alone would look like knowledge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import as_numbers
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError


def selectivity(scores: ArrayLike, controls: ArrayLike) -> np.ndarray:
    """Score of each target less the mean score of its controls.

    Of accuracies and one control this is the selectivity of Hewitt & Liang 2019, "Designing and interpreting
    probes with control tasks", EMNLP: a probe that learns any labels by heart has none.

    Args:
        scores: Of each target, any shape.
        controls: Of each target's controls ``[…, B]``.

    Returns:
        Shaped like ``scores``; NaN where the target or a control of it has no score.

    Raises:
        ValueError, TypeError: No numbers, infinite ones, or shapes that do not fit.
    """
    values, of_controls = _as_scores(scores, controls)
    return np.asarray(values - of_controls.mean(axis=-1))


def permutation_p(scores: ArrayLike, controls: ArrayLike, higher_is_better: bool = True) -> np.ndarray:
    """p-value of each target: how often a control is at least as good, ``(1 + #{…}) / (1 + B)``.

    The target is one of the permutations, so that no p-value is 0 (Phipson & Smyth 2010, Statistical
    Applications in Genetics and Molecular Biology 9). The least is ``1 / (1 + B)``: to reach 5% takes 19
    controls, and after `jfnn.analysis.holm` over T targets ``20 T - 1``. It holds where the labels of all
    rows, test rows too, could have come in any order (within groups, of restricted permutations).

    Args:
        scores: Of each target, any shape.
        controls: Of its permutations ``[…, B]``, each scored and chosen in the same way.
        higher_is_better: Whether a score is good that is high.

    Returns:
        Shaped like ``scores``; NaN where the target or a control of it has no score.

    Raises:
        ValueError, TypeError: No numbers, infinite ones, or shapes that do not fit.
    """
    values, of_controls = _as_scores(scores, controls)
    sign = 1 if checks.as_switch(higher_is_better, "higher_is_better") else -1
    as_good = (sign * of_controls >= sign * values[..., None]).sum(axis=-1)
    missing = np.isnan(values) | np.isnan(of_controls).any(axis=-1)
    return np.asarray(np.where(missing, np.nan, (1 + as_good) / (1 + of_controls.shape[-1])))


def _as_scores(scores: object, controls: object) -> tuple[np.ndarray, np.ndarray]:
    """Scores ``[…]`` and those of their controls ``[…, B]``, float64; NaN for none."""
    arrays = {"scores": as_numbers(scores, "scores"), "controls": as_numbers(controls, "controls")}
    for name, array in arrays.items():
        if np.isinf(array).any():
            raise ArgumentError(name, "expected finite numbers or NaN", got="infinity")
    values, of_controls = arrays.values()
    if of_controls.shape[:-1] != values.shape or not of_controls.shape or not of_controls.shape[-1]:
        expected = f"expected [{', '.join(map(str, (*values.shape, 'B')))}], the controls of each score last"
        flat = of_controls.ndim == 1 and values.size and of_controls.size % values.size == 0
        cure = f"controls.reshape({', '.join(map(str, values.shape))}, -1) has it" if flat else None
        raise ArgumentError("controls", expected, got=str(list(of_controls.shape)), cure=cure)
    return values, of_controls
