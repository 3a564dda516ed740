"""scikit-learn's searches, whose fits the engine trains together."""

import contextlib
import functools
import multiprocessing
import warnings
from collections.abc import Callable, Container, Mapping
from typing import Any

import joblib
import sklearn
from sklearn import model_selection
from sklearn.base import is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split

import jfnn.estimators.choice as choice
from jfnn.estimators.cache import FitCache
from jfnn.estimators.ensemble import SearchEnsemble, choose
from jfnn.estimators.foresight import foresee, has_perceptron
from jfnn.estimators.perceptron import perceptron_in, prefix
from jfnn.estimators.plain import as_ours, as_plain, takes_plain
from jfnn.estimators.recording import FAILS, Recorder

PROCESSES_PAY = 2.0  # seconds that they must be predicted to save, of which to start them takes one
IN_VAIN = "they saw other rows than ahead of time"


class _TrainsAhead:
    """A search of scikit-learn's that trains all fits of its candidates before it asks for them one by one.

    Splits, scores, failures, refitting and results are scikit-learn's own code. A fit finds its result by
    rows, parameters and random state; where there is none it trains by itself. So a search gives what it
    would give if every fit were trained alone.

    Fits train together that differ by numbers alone: learning_rate_init, alpha, momentum, beta_1, beta_2,
    epsilon, power_t, tol, n_iter_no_change and max_iter. Other structures are further runs of the engine. All
    cores are used, whatever ``n_jobs`` says. A warning says how many fits are trained one by one, and why. A
    search without any of `jfnn.estimators` is scikit-learn's own.
    """

    estimator: Any
    cv: Any
    verbose: int
    n_jobs: Any
    best_estimator_: Any
    _evaluation: Callable[..., Any] | None = None

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Runs the search; see scikit-learn.

        Args:
            X: Inputs, as the estimator takes them.
            y: Targets.
            **params: For the estimator's fit, ``sample_weight`` among them, and ``groups`` for the splits.
        """
        for name in ("_together", "ensemble_"):
            vars(self).pop(name, None)
        grids = (getattr(self, name, None) for name in ("param_grid", "param_distributions"))
        if not any(map(has_perceptron, (self.estimator, *grids))):
            return super().fit(X, y, **params)  # type: ignore[misc]
        reason = None
        if perceptron_in(self.estimator) is None:
            reason = "its estimator is none of jfnn.estimators, nor a Pipeline that ends in one"
        elif params and sklearn.get_config()["enable_metadata_routing"]:
            reason = "metadata routing says who takes the parameters of fit"
        if reason is not None:
            warnings.warn(f"{type(self).__name__} trains fits one by one: {reason}", stacklevel=2)
            return super().fit(X, y, **params)  # type: ignore[misc]
        cv = self.cv
        self.cv = check_cv(cv, y, classifier=is_classifier(self.estimator))  # an iterator is read once
        try:
            return self._fit(X, y, params)
        finally:
            self.cv = cv

    def _fit(self, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        splits = self.cv.get_n_splits(X, y, params.get("groups"))
        weights = params.get(f"{prefix(self.estimator)}sample_weight")
        must, prediction = foresee(self, max(splits, 1), X, y, weights)
        if self.verbose and prediction.works:
            print(f"[{type(self).__name__}] {prediction}")
        pays = prediction.engine == "jfnn"
        if not (must or pays):
            return self._fit_by_scikit_learn(X, y, params, prediction.by_scikit_learn)
        engines = ("auto", "jfnn") if pays or not prediction.works else ("jfnn",)
        self._evaluation = functools.partial(self._evaluate, X, y, params, engines, set())
        try:
            with joblib.parallel_config(backend="sequential"):  # fits find what this process trained
                return super().fit(X, y, **params)  # type: ignore[misc]
        finally:
            del self._evaluation

    def _fit_by_scikit_learn(self, X: Any, y: Any, params: Mapping[str, Any], seconds: float) -> Any:
        """Runs the search as scikit-learn's own of its own estimators, in processes where ``n_jobs`` says so.

        Nothing of this package goes to these processes, which need not import it.
        """
        idle = joblib.effective_n_jobs(None) == 1 and multiprocessing.parent_process() is None
        several = self.n_jobs is None and idle and seconds * (1 - 1 / choice.CORES) > PROCESSES_PAY
        with joblib.parallel_config(n_jobs=-1) if several else contextlib.nullcontext():
            if not takes_plain(self):
                return super().fit(X, y, **params)  # type: ignore[misc]
            estimator = self.estimator
            self.estimator = as_plain(estimator)
            vars(self).pop("best_estimator_", None)  # of a fit before, which would go along
            try:
                kind = next(kind for kind in type(self).__mro__ if kind.__module__.startswith("sklearn."))
                view: Any = object.__new__(kind)  # goes along with each fit
                view.__dict__ = vars(self)
                view.fit(X, y, **params)
            finally:
                self.estimator = estimator
        if hasattr(self, "best_estimator_"):
            self.best_estimator_ = as_ours(self.best_estimator_, estimator)
        return self

    @functools.cached_property
    def ensemble_(self) -> SearchEnsemble:
        """Candidates that predict together, chosen on rows that folds held out; nothing is trained for it.

        Of successive halving these are the candidates of the last round. It is chosen when first asked for,
        and a search that was pickled before has none.

        Raises:
            AttributeError: The search is not fitted, or its fits were not trained together.
        """
        if not hasattr(self, "_together"):
            raise AttributeError(
                "ensemble_: expected a fitted search whose fits were trained together, as they always are"
                " with engine='jfnn'"
            )
        try:
            return choose(*self._together)
        except ValueError as error:
            raise AttributeError(f"ensemble_: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {name: value for name, value in state.items() if name != "_together"}

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        evaluation = self._evaluation
        evaluate = functools.partial(evaluation, evaluate_candidates) if evaluation else evaluate_candidates
        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}  # since scikit-learn 1.9
        super()._run_search(evaluate, **context)  # type: ignore[misc]

    def _evaluate(
        self,
        X: Any,
        y: Any,
        params: Mapping[str, Any],
        engines: Container[str],
        reported: set[str],
        evaluate_candidates: Callable[..., Any],
        candidate_params: Any,
        cv: Any = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """scikit-learn's evaluation of candidates, once all fits with one of ``engines`` are trained.

        ``reported`` holds the reasons that earlier rounds have warned of, and gets those of this one.
        """
        candidates = list(candidate_params)
        X, y = indexable(X, y)
        splits = list((cv or self.cv).split(X, y, groups=params.get("groups")))  # once: some are random
        fit_params = {name: value for name, value in params.items() if name != "groups"}
        cache = FitCache(engines)
        recorder = Recorder(cache, self.estimator, X, y, fit_params)
        recorder.record(candidates, [rows for rows, _ in splits])
        left = recorder.left
        failed = {reason: count for reason, count in left.items() if reason.startswith(FAILS)}
        _warn({reason: count for reason, count in left.items() if reason not in failed}, reported)
        recorder.train(print if self.verbose else None)
        held_out = [_safe_split(self.estimator, X, y, rows, training) for training, rows in splits]
        self._together = recorder.members(len(splits)), held_out
        with cache.active():
            results = evaluate_candidates(candidates, check_cv(splits), *args, **options)
        in_vain = len(recorder.fits) - cache.hits
        _warn({IN_VAIN: in_vain} | (failed if cache.misses > in_vain else {}), reported)
        return results


def _warn(reasons: Mapping[str, int], reported: set[str]) -> None:
    """Warns of fits that are trained one by one, by reasons not reported before."""
    new = {reason: count for reason, count in reasons.items() if count and reason not in reported}
    reported |= new.keys()
    if new:
        text = "; ".join(f"{count} since {reason}" for reason, count in new.items())
        warnings.warn(f"fits trained one by one: {text}", stacklevel=2)


class GridSearchCV(_TrainsAhead, model_selection.GridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.GridSearchCV`, whose fits the engine trains together."""


class RandomizedSearchCV(_TrainsAhead, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.RandomizedSearchCV`, whose fits the engine trains together."""


class HalvingGridSearchCV(_TrainsAhead, model_selection.HalvingGridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.HalvingGridSearchCV`, whose rounds the engine trains together."""


class HalvingRandomSearchCV(_TrainsAhead, model_selection.HalvingRandomSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.HalvingRandomSearchCV`, whose rounds the engine trains together."""
