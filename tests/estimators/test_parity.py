"""Any calls of a perceptron agree with scikit-learn: its bytes by its code, its numbers by the engine."""

import dataclasses
import functools
import pickle

import numpy as np
import pytest
import sklearn
from beside import X, Y, check_alike, nearly_same
from examples import examples
from hypothesis import strategies
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_multilabel_classification
from sklearn.utils.fixes import parse_version

from jfnn import estimators
from jfnn.estimators import functions, training

pytestmark = [
    pytest.mark.unoptimized,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
N = 150
CANCER = load_breast_cancer().data[:N]
CANCER = (CANCER - CANCER.mean(axis=0)) / CANCER.std(axis=0)
LABELS = make_multilabel_classification(N, n_features=8, random_state=0)
# Before 1.9 scikit-learn's early stopping fails on words.
HAS_1_9 = parse_version(sklearn.__version__) >= parse_version("1.9")
WORDS = np.array(["cat", "dog", "eel"]) if HAS_1_9 else np.arange(3)
TARGETS = {  # rows and targets
    "classes": (X, Y),
    "words": (X, WORDS[Y]),
    "two": (X, Y % 2),
    "labels": LABELS,
    "number": (CANCER[:, 1:], CANCER[:, 0]),
    "outputs": (CANCER[:, 2:], np.c_[CANCER[:, :2], np.full(N, 7.0)]),  # the R² of the last is 0
    "counts": (CANCER[:, 1:] / 5, np.minimum(np.round(CANCER[:, 0] ** 2), 3)),
}
CONTAINERS = {
    "array": np.asarray,
    "list": np.ndarray.tolist,
    "sparse": sparse.csr_matrix,
    "narrow": np.float32,
    "fortran": np.asfortranarray,
    **{
        name: functools.partial(np.array, dtype=name)
        for name in ("longdouble", "float16", "int8", ">f8", "object")
    },
}
OF_CLASSES = [3.0, 1.0, 0.5]  # weights


INVSCALING = {"solver": "sgd", "learning_rate": "invscaling"}


def structures():
    """Return targets and settings that distinguish networks, each with its own program."""
    yield "classes", {"batch_size": 40}
    yield "outputs", {"early_stopping": True}
    yield "words", {"solver": "sgd", "learning_rate": "adaptive"}
    yield "classes", {"early_stopping": True, "batch_size": 40}
    yield "labels", INVSCALING | {"shuffle": False, "nesterovs_momentum": False, "batch_size": 60}
    for i, activation in enumerate(["identity", "logistic", "tanh", "relu"]):
        for j, target in enumerate(["two", "counts", "classes", "labels", "number"]):  # all combinations
            how = {"activation": activation, "solver": ("sgd", "adam")[(i + j) % 2]}
            yield target, how | {"early_stopping": (i + j // 2) % 2 == 1}


STRUCTURES = list(structures())


@dataclasses.dataclass(frozen=True)
class Case:
    target: str
    parameters: dict
    seed: int = 0  # of its random stream
    generator: type = np.random.MT19937
    container: str = "array"
    of_rows: bool = False  # whether rows have weights
    of_classes: bool = False
    calls: tuple[str, ...] = ("fit",)
    fewer: int = 0  # rows at each further call


@strategies.composite
def cases(draw, number, solvers=(), containers=tuple(CONTAINERS), fewer=(0,)):
    """Draw calls of estimators with one of the structures, or with a further solver."""

    def one_of(*values):
        return draw(strategies.sampled_from(values))

    target, structure = one_of(*STRUCTURES[:number])
    structure = structure | {"solver": one_of(structure.get("solver", "adam"), *solvers)}
    loss = {"loss": "poisson"} if target == "counts" else {}
    numbers = {
        "alpha": one_of(0.0, 1e-4, 0.5, True),
        "learning_rate_init": one_of(1e-3, 0.01),
        "momentum": one_of(0.0, 0.9, np.float32(0.5)),
        "beta_1": one_of(0.9, 0.5),
        "tol": one_of(0.0, 1e-4, 0.1),
        "n_iter_no_change": one_of(1, 2, 10),
        "max_iter": one_of(True, 3, 12),
        # jfnn keeps the best of all fits, scikit-learn overwrites it.
        "warm_start": one_of(False, not structure.get("early_stopping")),
    }
    in_parts = structure["solver"] != "lbfgs" and not structure.get("early_stopping")
    calls = ["fit", "partial_fit"] if in_parts else ["fit"]
    return Case(
        target,
        structure | loss | numbers,
        draw(strategies.integers(0, 2**32 - 1)),
        one_of(np.random.MT19937, np.random.PCG64),
        one_of(*containers),
        draw(strategies.booleans()),
        target in ("classes", "words") and draw(strategies.booleans()),
        (
            one_of(*calls),
            *draw(strategies.lists(strategies.sampled_from([*calls, "anew", "copied"]), max_size=3)),
        ),
        one_of(*fewer),
    )


def fit_case(case, module, engine=None):
    """Return an estimator after the calls; jfnn's has an engine and class weights."""
    x, y = TARGETS[case.target]
    x = CONTAINERS[case.container](x)
    name = "MLPRegressor" if case.target in ("number", "outputs", "counts") else "MLPClassifier"
    stream = np.random.RandomState(case.generator(case.seed))
    one = getattr(module, name)(hidden_layer_sizes=(9,), **case.parameters, random_state=stream)
    # With such weights the mean of a constant output is exact; with others, scikit-learn's R² may be -1e31.
    weights = np.round(64 * np.linspace(0.5, 2, N)) / 64 if case.of_rows else None
    if engine is not None:
        one.set_params(engine=engine)
    if case.of_classes:
        of_class = dict(zip(np.unique(y), OF_CLASSES, strict=True))
        if engine is not None:
            one.set_params(class_weight=of_class)
        else:
            weights = (1 if weights is None else weights) * np.array(OF_CLASSES)[Y]
    for number, call in enumerate(case.calls):
        rows = slice(number * case.fewer, None)
        weighted = {} if weights is None else {"sample_weight": weights[rows]}
        classes = np.unique(y) if np.ndim(y) == 1 else np.arange(y.shape[1])
        first = {"classes": classes} if call == "partial_fit" and name == "MLPClassifier" else {}
        if call == "anew":
            one = clone(one)
        if call == "copied" and engine is not None:
            one = pickle.loads(pickle.dumps(one))
        method = one.partial_fit if call == "partial_fit" else one.fit
        method(x[rows], y[rows], **weighted, **first)
    return one, x


@pytest.mark.thorough
@examples((80, len(STRUCTURES)), (2000, len(STRUCTURES)))
def test_fit_by_scikit_learns_code_has_its_bytes_and_runs_no_engine(examples, monkeypatch):
    monkeypatch.delattr(training, "train")
    monkeypatch.delattr(functions, "outputs")  # predictions do not use a device either
    stopped = set()

    def check(case, engine):
        theirs, x = fit_case(case, neural_network)
        ours, _ = fit_case(case, estimators, engine)
        assert ours.engine_ == "scikit-learn"
        check_alike(theirs, ours, x)
        assert ours.random_state.randint(2**31) == theirs.random_state.randint(2**31)
        stopped.add(theirs.n_iter_ < theirs.max_iter)

    engines = strategies.sampled_from(["auto", "scikit-learn"])
    examples.check(check, case=cases(examples.structures, ["lbfgs"], fewer=(0, 3)), engine=engines)
    assert stopped == {False, True}


ADAPTIVE = {
    "solver": "sgd",
    "learning_rate": "adaptive",
    "learning_rate_init": 0.5,
    "tol": 0.01,
    "max_iter": 300,
}
STOPPING = {"early_stopping": True, "max_iter": 100, "learning_rate_init": 0.1, "tol": 0.01}


@pytest.mark.thorough
@pytest.mark.usefixtures("x64")
@examples((12, 8), (300, len(STRUCTURES)))
def test_fit_by_the_engine_agrees_with_scikit_learn(examples):
    def check(case):
        theirs, x = fit_case(case, neural_network)
        ours, _ = fit_case(case, estimators, "jfnn")
        assert ours.engine_ == "jfnn"
        check_alike(theirs, ours, x, nearly_same)
        assert ours.random_state.randint(2**31) == theirs.random_state.randint(2**31)
        return theirs.n_iter_

    assert 20 < check(Case("words", ADAPTIVE)) < 300  # each stops where scikit-learn's does
    assert 10 < check(Case("outputs", STOPPING)) < 100
    check(Case("labels", {"early_stopping": True}, of_rows=True))
    check(Case("counts", {"early_stopping": True, "loss": "poisson"}, of_rows=True))
    check(Case("labels", INVSCALING | {"max_iter": 5}, calls=("fit", "partial_fit", "partial_fit")))
    examples.check(
        check, case=cases(examples.structures, containers=[name for name in CONTAINERS if name != "narrow"])
    )


@pytest.mark.usefixtures("x64")
def test_r2_of_a_constant_output_is_0_for_any_row_weights():
    x, y = TARGETS["outputs"]
    common = {"hidden_layer_sizes": (9,), "early_stopping": True, "max_iter": 1, "engine": "jfnn"}
    for seed in range(8):
        one = estimators.MLPRegressor(**common, random_state=seed)
        (score,) = one.fit(x, y, sample_weight=np.linspace(0.5, 2, N)).validation_scores_
        assert abs(score) < 100


@pytest.mark.thorough
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("parameters", [{"tol": 0.1}, ADAPTIVE | {"tol": 0.1}], ids=["adam", "adaptive"])
def test_verbose_fits_print_the_same_lines(parameters, early_stopping, capsys):
    x, y = TARGETS["classes"]
    parameters = parameters | {"max_iter": 90, "n_iter_no_change": 2, "verbose": True}
    parameters |= {"random_state": 3, "early_stopping": early_stopping}
    printed = []
    for module, engine in ((neural_network, {}), (estimators, {"engine": "jfnn"})):
        estimator = module.MLPClassifier((9,), **parameters, **engine).fit(x, y)
        if not early_stopping:
            estimator.partial_fit(x, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Stopping" in printed[0] and ("Validation score: " in printed[0]) == early_stopping
