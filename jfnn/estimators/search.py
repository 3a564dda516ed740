"""scikit-learn's searches, with fits that the engine trains together."""

import functools
import warnings
from collections.abc import Callable, Container, Mapping
from typing import Any

import joblib
import numpy as np
import sklearn
from sklearn import model_selection
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from jfnn.estimators.ahead import Rows, TrainedAhead
from jfnn.estimators.choice import choose, perceptron_in, perceptrons_in, with_perceptron
from jfnn.estimators.mlp import Perceptron, Substitute
from jfnn.estimators.settings import Settings


class _TrainsAhead(Substitute):
    """A scikit-learn search that trains all fits of its candidates before scikit-learn fits them one by one.

    The results are the same as if each fit trained by itself (`jfnn.estimators.ahead`). The engine uses all
    cores, whatever ``n_jobs`` is. A warning states how many fits were trained one by one, and why. A search
    without an estimator from `jfnn.estimators`, or with too little work per structure
    (`jfnn.estimators.choice`), is run by scikit-learn in ``n_jobs`` processes.
    """

    _grid: str  # name of the parameter with grids or distributions
    estimator: BaseEstimator
    cv: Any
    verbose: int
    _evaluation: Callable[..., Any] | None = None

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Run the search; see scikit-learn.

        Args:
            X: Inputs, in a form that the estimator accepts.
            y: Targets.
            **params: Arguments of the estimator's fit, such as ``sample_weight``, and ``groups`` for the
                splits.
        """
        if perceptron_in(self.estimator) is None:
            if any(map(_requires_engine, perceptrons_in([self.estimator, vars(self)[self._grid]]))):
                reason = "its estimator is neither from jfnn.estimators nor a Pipeline that ends in one"
                warnings.warn(f"{type(self).__name__} trains fits one by one: {reason}", stacklevel=2)
            return super().fit(X, y, **params)  # type: ignore[misc]
        if not sklearn.get_config()["skip_parameter_validation"]:
            self._validate_params()  # type: ignore[attr-defined]  # before parameters are used
        X, y = indexable(X, y)
        routed: Any = self._get_routed_params_for_fit(_check_method_params(X, params))  # type: ignore[attr-defined]
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))  # iterators are read only once
        weights = [value for name, value in routed.estimator.fit.items() if name.endswith("sample_weight")]
        weightless = any(value is not None and (np.asarray(value) == 0).any() for value in weights)
        choice = choose(self, cv.get_n_splits(X, y, **routed.splitter.split), X, weightless)
        if self.verbose and choice.fits:
            print(f"[{type(self).__name__}] {choice}")
        searching = self._copy(cv, plain=choice.plain and not choice.engines)
        if choice.engines:
            searching._evaluation = searching._ahead(X, y, routed, choice.engines)
            with joblib.parallel_config(backend="sequential"):  # fits must find the results of this process
                self._theirs.fit(searching, X, y, **params)
            del searching._evaluation
        else:
            self._theirs.fit(searching, X, y, **params)
        parameters = self.get_params(deep=False)  # type: ignore[attr-defined]
        learned = {name: value for name, value in vars(searching).items() if name not in parameters}
        if "best_estimator_" in learned:
            learned["best_estimator_"] = as_ours(learned["best_estimator_"], self.estimator)
        vars(self).update(learned)
        return self

    def _copy(self, cv: Any, plain: bool) -> Any:
        """Copy this search without the attributes learned in an earlier fit, to search in its place.

        Args:
            cv: The splits.
            plain: Whether to use scikit-learn's perceptron and, except for user subclasses, search class.
                Other processes then need not import this package, which takes longer than a small search.
        """
        parameters = self.get_params(deep=False)  # type: ignore[attr-defined]
        kept = {n: value for n, value in vars(self).items() if n in parameters or not n.endswith("_")}
        copied: Any = object.__new__(self._theirs if plain and not self._is_users() else type(self))
        vars(copied).update(kept, cv=cv)
        if plain:
            last: Any = perceptron_in(self.estimator)
            theirs = last._theirs()
            theirs.set_params(**{name: vars(last)[name] for name in theirs.get_params(deep=False)})
            copied.estimator = with_perceptron(clone(self.estimator), theirs)
        return copied

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        evaluation = self._evaluation
        evaluate = functools.partial(evaluation, evaluate_candidates) if evaluation else evaluate_candidates
        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}  # since scikit-learn 1.9
        super()._run_search(evaluate, **context)  # type: ignore[misc]

    def _ahead(self, X: Any, y: Any, routed: Any, engines: Container[str]) -> Callable[..., Any]:
        """Return a function that trains candidates, then calls scikit-learn's evaluation (its argument)."""

        def fit_on(estimator: Any, rows: Rows) -> None:
            inputs, targets = _safe_split(estimator, X, y, rows)
            estimator.fit(inputs, targets, **_check_method_params(X, routed.estimator.fit, rows))

        @functools.cache
        def seed() -> int:  # drawn at the first fit that needs it
            return int(np.random.randint(2**31 - 1))

        def evaluate(evaluation: Any, candidates: Any, **options: Any) -> Any:
            candidates = list(candidates)
            splits = list(self.cv.split(X, y, **routed.splitter.split))  # once: splits may be random
            ahead = TrainedAhead(engines, fit_on, seed)
            _warn(ahead.record(self.estimator, candidates, [rows for rows, _ in splits]))
            ahead.train(print if self.verbose else None)
            with ahead.active():
                results = evaluation(candidates, check_cv(splits), **options)
            _warn(ahead.missing())
            return results

        return evaluate


def _requires_engine(perceptron: Perceptron) -> bool:
    """Whether a perceptron can be trained only by the engine."""
    try:
        return Settings.of(perceptron).engine == "jfnn"
    except (ValueError, TypeError):  # invalid parameters, which its fits reject
        return False


def as_ours(fitted: BaseEstimator, estimator: BaseEstimator) -> BaseEstimator:
    """Replace scikit-learn's perceptron in a fitted estimator by this package's, with the same attributes."""
    ours: Any = clone(perceptron_in(estimator))
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    if type(last) is not ours._theirs:
        return fitted
    vars(ours).update(vars(last), engine_="scikit-learn")
    return with_perceptron(fitted, ours)


def _warn(reasons: Mapping[str, int]) -> None:
    """Warn of fits that are trained one by one."""
    text = "; ".join(f"{count} because {reason}" for reason, count in reasons.items() if count > 0)
    if text:
        warnings.warn(f"fits trained one by one: {text}", stacklevel=2)


class GridSearchCV(_TrainsAhead, model_selection.GridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.GridSearchCV`, with fits that the engine trains together.

    Example:
        >>> from jfnn.estimators import GridSearchCV, MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> perceptron = MLPClassifier((10,), max_iter=300, solver="sgd", random_state=0, tol=0.01)
        >>> search = GridSearchCV(perceptron, {"learning_rate_init": [0.001, 0.1]}, cv=3).fit(x / 5, y)
        >>> search.best_params_
        {'learning_rate_init': 0.1}
    """

    _theirs = model_selection.GridSearchCV
    _grid = "param_grid"


class RandomizedSearchCV(_TrainsAhead, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.RandomizedSearchCV`, with fits that the engine trains together."""

    _theirs = model_selection.RandomizedSearchCV
    _grid = "param_distributions"
