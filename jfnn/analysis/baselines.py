"""Scores of other models to compare with a sweep, such as scikit-learn estimators or published results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jfnn.analysis.intervals import Interval
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.analysis.statistics import replicate_values
from jfnn.analysis.summary import Score
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.core.search.result import SweepResult

#: Name of a model -> its score, or several scores.
Baselines = Mapping[str, float | Sequence[float]]


def as_baselines(
    baselines: Baselines | None, result: SweepResult, confidence: float = Interval().confidence
) -> dict[str, Score]:
    """Return the checked mean score of each model by name, with an interval if it has three or more values.

    If the sweep has one seed and as many folds as a model has values, these are taken as scores on the folds,
    which share rows, with the same kind of interval as cells. Other values are taken as independent.
    """
    if baselines is None:
        return {}
    scores = {}
    for name, given in checks.as_mapping(baselines, "baselines").items():
        if not isinstance(name, str) or not name.strip():
            raise ArgumentTypeError("baselines", "expected names of models", got=checks.as_text(name))
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
