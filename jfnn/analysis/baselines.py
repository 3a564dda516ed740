"""Scores of other models beside a sweep's: of scikit-learn's estimators, or published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jfnn.analysis.intervals import Interval
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.analysis.statistics import replicate_values
from jfnn.analysis.summary import Score
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.core.search.result import SweepResult

#: Name of a model -> its score, or several.
Baselines = Mapping[str, float | Sequence[float]]


def as_baselines(
    baselines: Baselines | None, result: SweepResult, confidence: float = Interval().confidence
) -> dict[str, Score]:
    """The score of each model by its name; of several values their mean, and of three or more its interval.

    As many values as a sweep of one seed has folds are taken as of the same folds, which share rows, and have
    the interval that the cells have; others are independent. None stands for no models.

    Raises:
        ValueError, TypeError: No mapping, a name that is no text, or no finite numbers.
    """
    if baselines is None:
        return {}
    scores = {}
    for name, given in checks.as_mapping(baselines, "baselines").items():
        if not isinstance(name, str) or not name.strip():
            raise ArgumentTypeError("baselines", "expected names of models", got=checks.shown(name))
        if hasattr(given, "predict"):
            got = f"{type(given).__name__} for {name!r}"
            raise ArgumentTypeError(
                "baselines", "expected scores", got=got, cure="estimator.score(x, y) has one"
            )
        with checks.item_of("baselines"):
            values = checks.as_axis(given, name, None)
        variance = None
        if len(values) == result.folds and result.seeds.size == 1:
            _, variance = replicate_values(result, result.diverged_at)
        low, high = confidence_interval(values, Interval(confidence=confidence), variance)
        scores[name] = Score(float(values.mean()), float(low), float(high))
    return scores
