"""scikit-learn's searches, whose fits the engine trains together."""

import contextlib
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import sklearn
from sklearn import model_selection
from sklearn.base import is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline

import jfnn.estimators.encoded as encoded
from jfnn.estimators.ahead import Fit, Table, fits_of, perceptron_of, train
from jfnn.estimators.together import FoldMember, SearchEnsemble, choose
from jfnn.fitting.store import Store, holding


class _TrainsAhead:
    """A search of scikit-learn's that trains all fits of its candidates before it asks for them one by one.

    Splits, scores, failures, refitting and results are scikit-learn's own code. A fit finds what was trained
    for it by its content: rows, parameters and random state; where there is nothing it trains by itself. So a
    search gives what it would give if every fit were trained alone.

    What is trained together differs by numbers alone: learning_rate_init, alpha, momentum, beta_1, beta_2,
    epsilon, power_t, tol, n_iter_no_change and max_iter. Other structures are further runs of the engine. All
    cores are used, whatever ``n_jobs`` says, unless the estimator is none of `jfnn.estimators`.
    """

    estimator: Any
    cv: Any
    verbose: int

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Runs the search; see scikit-learn.

        Args:
            X: Inputs, as the estimator takes them.
            y: Targets.
            **params: For the estimator's fit, ``sample_weight`` among them, and ``groups`` for the splits.
        """
        for name in ("_together", "_ensemble"):
            self.__dict__.pop(name, None)
        reason, self._ahead = _why_not(self.estimator, params), None
        one_by_one: Any = contextlib.nullcontext()
        if reason is None:
            name = _weights_name(self.estimator)
            self._ahead = (Table(X, y, params.get(name)), params.get("groups"))
            one_by_one = joblib.parallel_config(backend="sequential")  # fits find what this process trained
        else:
            warnings.warn(f"{type(self).__name__} trains fits one by one: {reason}", stacklevel=2)
        try:
            with one_by_one:
                return super().fit(X, y, **params)  # type: ignore[misc]
        finally:
            del self._ahead

    @property
    def ensemble_(self) -> SearchEnsemble:
        """What candidates predict together, chosen on rows that folds held out; nothing is trained for it.

        Of successive halving these are the candidates of the last round. It is chosen when first asked for,
        and a search that was pickled before has none.

        Raises:
            AttributeError: The search is not fitted, or its fits were not trained together.
        """
        if not hasattr(self, "_ensemble"):
            if not hasattr(self, "_together"):
                raise AttributeError("ensemble_: expected a fitted search whose fits were trained together")
            try:
                self._ensemble = choose(*self._together)
            except ValueError as error:
                raise AttributeError(f"ensemble_: {error}") from error
        return self._ensemble

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {name: value for name, value in state.items() if name != "_together"}

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        evaluate = evaluate_candidates if self._ahead is None else self._evaluated_ahead(evaluate_candidates)
        run: Any = super()._run_search  # type: ignore[misc]
        known = "callback_ctx" in inspect.signature(run).parameters
        run(evaluate, **({"callback_ctx": callback_ctx} if known else {}))

    def _evaluated_ahead(self, evaluate_candidates: Callable[..., Any]) -> Callable[..., Any]:
        def evaluate(candidate_params: Any, cv: Any = None, *args: Any, **options: Any) -> Any:
            candidates = list(candidate_params)
            splits = self._splits(cv)
            if not splits:  # an iterator of splits that scikit-learn has for itself
                return evaluate_candidates(candidates, cv, *args, **options)
            fits = self._fits(candidates, splits)
            rows = list({id(fit.encoded): fit.encoded for fit in fits}.values())
            with holding(self._train_ahead(fits, splits)), encoded.holding(rows):
                return evaluate_candidates(candidates, check_cv(splits), *args, **options)

        return evaluate

    def _splits(self, cv: Any) -> list[Any]:
        """The splits that candidates are to be scored on: split once, since a splitter may draw anew."""
        assert self._ahead is not None
        table, groups = self._ahead
        splitter: Any = cv or getattr(
            self, "_checked_cv_orig", None
        )  # which scikit-learn 1.6 keeps to itself
        splitter = splitter or check_cv(self.cv, table.y, classifier=is_classifier(self.estimator))
        return list(splitter.split(table.x, table.y, groups=groups))

    def _fits(self, candidates: Sequence[Any], splits: Sequence[Any]) -> list[Fit]:
        assert self._ahead is not None
        fits, left = fits_of(self.estimator, self._ahead[0], candidates, [rows for rows, _ in splits])
        reasons = [f"{count} since {reason}" for reason, count in left.items() if reason != "it fails"]
        if reasons:
            warnings.warn(f"fits trained one by one: {'; '.join(reasons)}", stacklevel=2)
        return fits

    def _train_ahead(self, fits: Sequence[Fit], splits: Sequence[Any]) -> Store:
        assert self._ahead is not None
        trained = train(fits, print if self.verbose else None)
        members: dict[int, list[FoldMember]] = {}
        for fit in fits:
            result = trained[fit.key()]
            if not result.diverged:
                member = FoldMember(fit.encoded.transformers, fit.structure, result, fit.encoded.classes)
                members.setdefault(fit.place[0], []).append(member)
        whole = {number: folds for number, folds in members.items() if len(folds) == len(splits)}
        held_out = [self._ahead[0].take(rows) for _, rows in splits]
        self._together = whole, [(table.x, table.y) for table in held_out]
        return trained


def _weights_name(estimator: Any) -> str:
    return f"{estimator.steps[-1][0]}__sample_weight" if isinstance(estimator, Pipeline) else "sample_weight"


def _why_not(estimator: Any, params: dict[str, Any]) -> str | None:
    """Why no fit of a search can be trained with others; None where they can."""
    if perceptron_of(estimator) is None:
        return "its estimator is none of jfnn.estimators, nor a Pipeline that ends in one"
    others = sorted(set(params) - {"groups", _weights_name(estimator)})
    if others:
        return f"fit takes {', '.join(others)}"
    if params and sklearn.get_config()["enable_metadata_routing"]:
        return "metadata routing says who takes the parameters of fit"
    return None


class GridSearchCV(_TrainsAhead, model_selection.GridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.GridSearchCV`, whose fits the engine trains together."""


class RandomizedSearchCV(_TrainsAhead, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.RandomizedSearchCV`, whose fits the engine trains together."""


class HalvingGridSearchCV(_TrainsAhead, model_selection.HalvingGridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.HalvingGridSearchCV`, whose rounds the engine trains together."""


class HalvingRandomSearchCV(_TrainsAhead, model_selection.HalvingRandomSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.HalvingRandomSearchCV`, whose rounds the engine trains together."""
