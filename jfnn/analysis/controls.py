"""Comparison of scores with control tasks, whose targets carry no information about the inputs.

All functions take plain arrays, with the controls of each target on the last axis:
`jfnn.analysis.best_of_subsets` returns ``[T * B]`` scores for the targets of `jfnn.subsets.shuffled`, and
``reshape(T, B)`` gives these axes. If a target's score is the best of many cells, its controls must be the
best of the same cells; otherwise the selection alone looks like an effect. The result is NaN where the target
or a control has no score. Infinite numbers and mismatched shapes raise ValueError.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import as_numbers
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError


def selectivity(scores: ArrayLike, controls: ArrayLike) -> np.ndarray:
    """Return the score of each target minus the mean score of its controls, shaped like ``scores``.

    For accuracies and one control this is the selectivity of Hewitt & Liang 2019, "Designing and interpreting
    probes with control tasks", EMNLP: a probe that memorizes any labels has none.

    Args:
        scores: Score of each target, any shape.
        controls: Scores of its controls ``[…, B]``.
    """
    values, of_controls = _as_scores(scores, controls)
    return np.asarray(values - of_controls.mean(axis=-1))


def permutation_p(scores: ArrayLike, controls: ArrayLike, higher_is_better: bool = True) -> np.ndarray:
    """Return the permutation p-value of each target, ``(1 + #{controls at least as good}) / (1 + B)``.

    The target counts as one of the permutations, so no p-value is 0 (Phipson & Smyth 2010, Statistical
    Applications in Genetics and Molecular Biology 9). The smallest is ``1 / (1 + B)``: reaching 5% takes 19
    controls, and ``20 T - 1`` after `jfnn.analysis.holm` over T targets. The test is valid if the labels of
    all rows, test rows too, are exchangeable (within groups, for restricted permutations).

    Args:
        scores: Score of each target, any shape.
        controls: Scores of its permutations ``[…, B]``, each computed and selected in the same way.
        higher_is_better: Whether high scores are good.

    """
    values, of_controls = _as_scores(scores, controls)
    sign = 1 if checks.as_switch(higher_is_better, "higher_is_better") else -1
    as_good = (sign * of_controls >= sign * values[..., None]).sum(axis=-1)
    missing = np.isnan(values) | np.isnan(of_controls).any(axis=-1)
    return np.asarray(np.where(missing, np.nan, (1 + as_good) / (1 + of_controls.shape[-1])))


def _as_scores(scores: object, controls: object) -> tuple[np.ndarray, np.ndarray]:
    """Return scores ``[…]`` and the scores of their controls ``[…, B]``, float64; NaN for missing ones."""
    arrays = {"scores": as_numbers(scores, "scores"), "controls": as_numbers(controls, "controls")}
    for name, array in arrays.items():
        if np.isinf(array).any():
            raise ArgumentError(name, "expected finite numbers or NaN", got="infinity")
    values, of_controls = arrays.values()
    if of_controls.shape[:-1] != values.shape or not of_controls.shape or not of_controls.shape[-1]:
        expected = f"expected [{', '.join(map(str, (*values.shape, 'B')))}], controls on the last axis"
        flat = of_controls.ndim == 1 and values.size and of_controls.size % values.size == 0
        cure = f"controls.reshape({', '.join(map(str, values.shape))}, -1) has it" if flat else None
        raise ArgumentError("controls", expected, got=str(list(of_controls.shape)), cure=cure)
    return values, of_controls
