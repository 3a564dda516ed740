"""The fits of a search's candidates on each fold, recorded up to where they would train."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn.base import clone
from sklearn.pipeline import Pipeline

import jfnn.estimators.parameters as parameters
from jfnn.arguments import checks
from jfnn.estimators.ahead import TrainedAhead, same_bytes
from jfnn.estimators.choice import perceptron_in, prefix, why_alone, with_perceptron
from jfnn.estimators.fit import NUMBERS, Fit, Key, check_numbers, check_rows
from jfnn.estimators.mlp import Perceptron, engine_of, l1_of, numbers_of

UNSTEADY = "their transformers give other rows at each fit; give each a random_state"


class Recorded(NamedTuple):
    """A recorded fit.

    Attributes:
        key: Its key, from before its stream of random numbers goes on.
        fit: The fit.
        estimator: The estimator, whose perceptron has its starting parameters.
        candidate: Number of the candidate.
    """

    key: Key
    fit: Fit
    estimator: Any
    candidate: int = 0


def record(
    ahead: TrainedAhead,
    estimator: Any,
    candidates: Sequence[Mapping[str, Any]],
    folds: Sequence[Any],
    fit_on: Callable[[Any, Any], object],
) -> tuple[list[Recorded], Counter[str], Counter[str]]:
    """Records the fit of each candidate on each fold, and adds them to those to be trained.

    Candidates of a fold that differ by the perceptron's numbers only are fitted once: transformers and
    start are the same. The first time, transformers are fitted twice to see whether they repeat.

    Args:
        ahead: Takes the fits.
        estimator: The search's estimator.
        candidates: Parameters to set.
        folds: Row numbers to train on, or masks.
        fit_on: ``(estimator, rows)``, fits an estimator to rows cut anew, which it may write on.

    Returns:
        The recorded fits; reason why others cannot be trained together -> their number; and error, in words,
        with which still others fail -> their number.
    """
    recorded: list[Recorded] = []
    left: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    steady: dict[Any, bool] = {}
    for rows in folds:
        by_others: dict[Any, Recorded | str] = {}  # parameters but the numbers -> a fit, or why there is none
        for number, candidate in enumerate(candidates):
            try:
                with warnings.catch_warnings():  # scikit-learn fits again, and then they are heard
                    warnings.simplefilter("ignore")
                    one = clone(estimator).set_params(**clone(dict(candidate), safe=False))
                    last = perceptron_in(one)
                    if last is not None and engine_of(last) not in ahead.engines:
                        continue
                    others = _others(candidate, prefix(one)), None if last is None else l1_of(last)
                    if others not in by_others:
                        by_others[others] = why_alone(last) or _first(
                            ahead, one, rows, fit_on, steady, others
                        )
                    found = by_others[others]
                    if isinstance(found, Recorded) and last is not None:
                        found = _with_numbers(found, last, number)
            except Exception as error:  # scikit-learn mostly meets it again, where failures are counted
                failed[checks.shown(error)] += 1
                continue
            if isinstance(found, str):
                left[found] += 1
            else:
                recorded.append(found)
                ahead.fits[found.key] = found.fit
    return recorded, left, failed


def _others(candidate: Mapping[str, Any], prefix: str) -> tuple[tuple[str, int], ...]:
    """A candidate's parameters that are no numbers of its perceptron, whose names begin with ``prefix``.

    Values that are one object are equal; equal ones that are not are fitted again.
    """
    numbers = {prefix + name for name in (*NUMBERS, "l1")}
    return tuple((name, id(value)) for name, value in sorted(candidate.items()) if name not in numbers)


def _first(
    ahead: TrainedAhead,
    estimator: Any,
    rows: Any,
    fit_on: Callable[[Any, Any], object],
    steady: dict[Any, bool],
    others: Any,
) -> Recorded | str:
    """The first of the fits that differ by numbers; or why there is none.

    Args:
        ahead: Keeps its inputs.
        estimator: The estimator, with the parameters of a candidate.
        rows: The fold's rows to train on.
        fit_on: As in `record`.
        steady: A candidate's parameters but the numbers -> whether its transformers give the same rows at
            each fit. What is not known yet is seen and added.
        others: These parameters.
    """
    if not steady.get(others, True):
        return UNSTEADY

    def reached(one: Any) -> Fit:
        return ahead.record(perceptron_in(one), lambda: fit_on(one, rows))

    again = clone(estimator) if isinstance(estimator, Pipeline) and others not in steady else None
    fit = reached(estimator)
    check_rows(fit)
    steady[others] = again is None or _same(reached(again), fit)
    return Recorded(*ahead.keep(fit), estimator) if steady[others] else UNSTEADY


def _same(one: Fit, other: Fit) -> bool:
    """Whether two fits, perhaps of other inputs, have equal bytes."""
    return same_bytes(one.rows.x, other.rows.x) and one.key(0) == other.key(0)


def _with_numbers(recorded: Recorded, last: Perceptron, candidate: int) -> Recorded:
    """A recorded fit with the numbers of another perceptron, which gets what the recorded one has learned."""
    parameters.check(last)
    numbers = numbers_of(last)
    fit = recorded.fit._replace(numbers=numbers)
    check_numbers(fit)
    shared, _ = recorded.key
    key = shared, tuple(numbers.values())
    last.__dict__.update(vars(perceptron_in(recorded.estimator)) | last.get_params(deep=False))
    return Recorded(key, fit, with_perceptron(recorded.estimator, last), candidate)
