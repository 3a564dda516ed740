"""scikit-learn's searches, whose fits the engine trains together."""

import contextlib
import dataclasses
import inspect
import multiprocessing
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import joblib
from sklearn import model_selection
from sklearn.base import is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import check_cv

import jfnn.estimators.encoded as encoded
from jfnn.estimators.ahead import FAILS, Fit, fits_of, train
from jfnn.estimators.foresight import foresee, has_perceptron, weights_name, why_not
from jfnn.estimators.plain import as_ours, as_plain, takes_plain
from jfnn.estimators.table import Table
from jfnn.estimators.together import FoldMember, SearchEnsemble, choose
from jfnn.fitting import costs, scikit_learn
from jfnn.fitting.store import Store, holding

Evaluate = Callable[..., Any]  # scikit-learn's, of candidates
ITERATOR = "this scikit-learn keeps an iterator of splits to itself"
PROCESSES_PAY = 2.0  # seconds that they must be predicted to save, of which to start them takes one
IN_VAIN = "they saw other rows than ahead of time"


class _TrainsAhead:
    """A search of scikit-learn's that trains all fits of its candidates before it asks for them one by one.

    Splits, scores, failures, refitting and results are scikit-learn's own code. A fit finds what was trained
    for it by its content: rows, parameters and random state; where there is nothing it trains by itself. So a
    search gives what it would give if every fit were trained alone.

    What is trained together differs by numbers alone: learning_rate_init, alpha, momentum, beta_1, beta_2,
    epsilon, power_t, tol, n_iter_no_change and max_iter. Other structures are further runs of the engine. All
    cores are used, whatever ``n_jobs`` says. A warning says how many fits are trained one by one, and why. A
    search in which there is none of `jfnn.estimators` is scikit-learn's own.
    """

    estimator: Any
    cv: Any
    verbose: int
    n_jobs: Any
    best_estimator_: Any
    _ahead: "_Given | None" = None

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Runs the search; see scikit-learn.

        Args:
            X: Inputs, as the estimator takes them.
            y: Targets.
            **params: For the estimator's fit, ``sample_weight`` among them, and ``groups`` for the splits.
        """
        for name in ("_together", "_ensemble"):
            self.__dict__.pop(name, None)
        grids = (getattr(self, name, None) for name in ("param_grid", "param_distributions"))
        if not any(map(has_perceptron, (self.estimator, *grids))):
            return super().fit(X, y, **params)  # type: ignore[misc]
        if reason := why_not(self.estimator, params):
            warnings.warn(f"{type(self).__name__} trains fits one by one: {reason}", stacklevel=2)
            return super().fit(X, y, **params)  # type: ignore[misc]
        table = Table(X, y, params.get(weights_name(self.estimator)))
        foresight = foresee(self, table)
        if self.verbose and foresight is not None and foresight.works:
            print(f"[{type(self).__name__}] {foresight.told()}")
        if foresight is None or not (foresight.must or foresight.pays):
            return self._fit_by_scikit_learn(X, y, params, 0.0 if foresight is None else foresight.seconds)
        engines = ("auto", "jfnn") if foresight.pays or not foresight.works else ("jfnn",)
        self._ahead = _Given(table, params.get("groups"), engines)
        try:
            with joblib.parallel_config(backend="sequential"):  # fits find what this process trained
                return super().fit(X, y, **params)  # type: ignore[misc]
        finally:
            del self._ahead

    def _fit_by_scikit_learn(self, X: Any, y: Any, params: Mapping[str, Any], seconds: float) -> Any:
        """Runs the search as scikit-learn's own of its own estimators, in processes where ``n_jobs`` says so.

        Nothing of this package goes to these processes, which need not import it.
        """
        idle = joblib.effective_n_jobs(None) == 1 and multiprocessing.parent_process() is None
        several = self.n_jobs is None and idle and seconds * (1 - 1 / costs.CORES) > PROCESSES_PAY
        with joblib.parallel_config(n_jobs=-1) if several else contextlib.nullcontext():
            if not takes_plain(self):
                return super().fit(X, y, **params)  # type: ignore[misc]
            given = self.estimator
            self.estimator = as_plain(given)
            vars(self).pop("best_estimator_", None)  # of a fit before, which would go along
            try:
                scikit_learn.search_view(self).fit(X, y, **params)
            finally:
                self.estimator = given
        if hasattr(self, "best_estimator_"):
            self.best_estimator_ = as_ours(self.best_estimator_, given)
        return self

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
                raise AttributeError(
                    "ensemble_: expected a fitted search whose fits were trained together, as they always are"
                    " with engine='jfnn'"
                )
            try:
                self._ensemble = choose(*self._together)
            except ValueError as error:
                raise AttributeError(f"ensemble_: {error}") from error
        return self._ensemble

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {name: value for name, value in state.items() if name != "_together"}

    def _run_search(self, evaluate_candidates: Evaluate, *, callback_ctx: Any = None) -> None:
        evaluate = evaluate_candidates
        if (given := self._ahead) is not None:
            given.table = Table.indexable(*given.table)  # scikit-learn has checked it by now
            evaluate = self._evaluated_ahead(evaluate_candidates, given)
        run: Any = super()._run_search  # type: ignore[misc]
        known = "callback_ctx" in inspect.signature(run).parameters
        run(evaluate, **({"callback_ctx": callback_ctx} if known else {}))

    def _evaluated_ahead(self, evaluate_candidates: Evaluate, given: "_Given") -> Evaluate:
        def evaluate(candidate_params: Any, cv: Any = None, *args: Any, **options: Any) -> Any:
            candidates = list(candidate_params)
            splits = self._splits(cv, given)
            if not splits:
                warnings.warn(f"fits trained one by one: {ITERATOR}", stacklevel=2)
                return evaluate_candidates(candidates, cv, *args, **options)
            folds = [rows for rows, _ in splits]
            fits, left = fits_of(self.estimator, given.table, candidates, folds, given.engines)
            failed = {reason: count for reason, count in left.items() if reason.startswith(FAILS)}
            given.tell({reason: count for reason, count in left.items() if reason not in failed})
            store = self._train_ahead(fits, splits, given.table)
            rows = list({id(fit.encoded): fit.encoded for fit in fits}.values())
            with holding(store), encoded.holding(rows, given.engines):
                results = evaluate_candidates(candidates, check_cv(splits), *args, **options)
            in_vain = len(fits) - store.found
            given.tell({IN_VAIN: in_vain} | (failed if store.missed > in_vain else {}))
            return results

        return evaluate

    def _splits(self, cv: Any, given: "_Given") -> list[Any]:
        """The splits that candidates are to be scored on: split once, since a splitter may draw anew."""
        # scikit-learn 1.6 keeps this to itself.
        splitter: Any = cv or getattr(self, "_checked_cv_orig", None)
        x, y = given.table.x, given.table.y
        splitter = splitter or check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        return list(splitter.split(x, y, groups=given.groups))

    def _train_ahead(self, fits: Sequence[Fit], splits: Sequence[Any], table: Table) -> Store:
        trained = train(fits, print if self.verbose else None)
        members: dict[int, list[FoldMember]] = {}
        for fit in fits:
            result = trained[fit.key()]
            if not result.diverged:
                member = FoldMember(fit.encoded.transformers, fit.structure, result, fit.encoded.classes)
                members.setdefault(fit.place[0], []).append(member)
        whole = {number: folds for number, folds in members.items() if len(folds) == len(splits)}
        held_out = [table.held_out(self.estimator, rows, training) for training, rows in splits]
        self._together = whole, [(part.x, part.y) for part in held_out]
        return trained


@dataclasses.dataclass
class _Given:
    """What a search is fitted on.

    Attributes:
        table: Its rows.
        groups: Groups of rows for the splits, or None.
        engines: What ``engine`` is of fits that train together.
        told: Reasons that a warning has named.
    """

    table: Table
    groups: Any
    engines: tuple[str, ...]
    told: set[str] = dataclasses.field(default_factory=set)

    def tell(self, reasons: Mapping[str, int]) -> None:
        """Warns of fits that are trained one by one, by reasons not named before."""
        new = {reason: count for reason, count in reasons.items() if count and reason not in self.told}
        self.told |= new.keys()
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
