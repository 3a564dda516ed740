"""All of scikit-learn's own checks of estimators; a handful runs by default."""

import pytest
from helpers import representatives
from sklearn import model_selection, neural_network
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from jfnn import estimators

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# These train nothing; all of them take minutes.
BY_DEFAULT = {
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
}
ROUNDING = (
    "trains in float32, where sums over repeated and over weighted rows differ in their last bits; the check"
    " allows 1e-7"
)


def expected_failures(estimator):
    if isinstance(estimator, estimators.MLPClassifier) and estimator.engine == "jfnn":
        return {
            "check_sample_weight_equivalence_on_dense_data": ROUNDING,
            "check_sample_weight_equivalence_on_sparse_data": ROUNDING,
        }
    return {}


ESTIMATORS = [
    kind(max_iter=100, engine=engine)
    for engine in ("auto", "jfnn")
    for kind in (estimators.MLPClassifier, estimators.MLPRegressor)
]


@pytest.mark.parametrize("name", estimators.__all__)
def test_html_links_to_scikit_learns_page(name):
    (theirs,) = (vars(module)[name] for module in (neural_network, model_selection) if name in vars(module))
    ours = getattr(estimators, name)
    arguments = [] if theirs.__module__.startswith("sklearn.neural") else [estimators.MLPClassifier(), {}]
    link = theirs(*arguments)._get_doc_link()
    assert link and link in ours(*arguments)._repr_html_()
    users = type("Users", (ours,), {"__module__": "users"})
    assert link not in users(*arguments)._repr_html_()


@pytest.mark.slow
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_every_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", representatives(ESTIMATORS, ESTIMATORS[2]), ids=str)
def test_some_checks(estimator):
    done = set()
    for of, check in estimator_checks_generator(estimator):
        name = getattr(check, "func", check).__name__
        if name in BY_DEFAULT:
            check(of)
            done.add(name)
    assert done == BY_DEFAULT
