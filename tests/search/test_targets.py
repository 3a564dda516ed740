"""Several targets of the same rows: each subset trains one column, as a sweep of that column alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, same_bits
from sklearn.linear_model import LogisticRegression

import jfnn
from jfnn import Execution, Split, subsets
from jfnn.schedulers import Converged

N, D, T, M = 120, 6, 3, 40


def noisy_labels(classes, seed=0, n=N + M, d=D, targets=T, dtype=np.float32):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(dtype)
    scores = np.einsum("nd,dtk->ntk", x, rng.normal(size=(d, targets, classes)))
    return x, (scores + rng.normal(size=scores.shape)).argmax(axis=-1)


def split_of(x, y, n=N):
    return Split(x[:n], y[:n], x[n:], y[n:])


X, Y = noisy_labels(2)
SPLIT = split_of(X, Y)
GRID = {"learning_rate": [0.1, 0.5], "l2": [0.0, 0.01], "seeds": 2, "epochs": 4, "batch_size": 16}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("classes", "outputs", "factor"),
    [(2, 1, 1), (2, 2, 2), (3, 3, 1)],
    ids=["sigmoid", "softmax of 2", "of 3"],
)
def test_linear_networks_reach_scikit_learns_optimum_for_all_targets(classes, outputs, factor):
    """The strength is ``C = 1 / l2``, but 2 / l2 for two outputs of a softmax, which share the penalty."""
    with jax.enable_x64():
        x, y = noisy_labels(classes, n=400, d=10, targets=12, dtype=np.float64)
        result = jfnn.sweep(
            jfnn.mlp((10, outputs)),
            split_of(x, y, 300),
            folds=subsets.targets(y[:300]),
            learning_rate=1.0,
            l2=[0.1, 10.0],
            loss="sigmoid_cross_entropy" if outputs == 1 else "cross_entropy",
            optimizer="lbfgs",
            batch_size=None,
            epochs=500,
            schedulers=[Converged(every=5, tolerance=1e-15)],
        )
    assert (result.stopped_at > 0).all()
    for i, l2 in enumerate(result.axes["l2"]):
        for t in range(12):
            reference = LogisticRegression(C=factor / l2, tol=1e-12, max_iter=10_000)
            reference.fit(x[:300], y[:300, t])
            ((weights, biases),) = result.member(0, i, 0, t)
            if outputs == 2:  # scikit-learn has the difference of the two
                weights, biases = weights[:, 1:] - weights[:, :1], biases[1:] - biases[:1]
            elif outputs == 3:
                biases = biases - biases.mean()
            np.testing.assert_allclose(weights.T, reference.coef_, atol=1e-6)
            np.testing.assert_allclose(biases, reference.intercept_, atol=1e-6)
            assert result.test_accuracy[0, i, 0, t] == reference.score(x[300:], y[300:, t])


def test_targets_can_be_combined_with_other_subsets():
    of_sizes = subsets.sizes(N, [20, 60])
    rows = subsets.targets(Y[:N], ["a", "b", "c"], rows=of_sizes)
    assert rows.values.tolist() == ["a", "a", "b", "b", "c", "c"]
    assert rows.columns.tolist() == [0, 0, 1, 1, 2, 2]
    for f, (train, held) in enumerate(rows.pairs):
        assert same_bits((train, held), tuple(of_sizes.pairs[f % 2]))
    weights = np.ones((2, N)) + np.arange(2)[:, None]
    weighted = subsets.targets(Y[:N], rows=subsets.weighted(weights))
    assert same_bits(weighted.weights, np.tile(weights, (3, 1)))


UNEQUAL = np.stack([Y[:N, 0], noisy_labels(3)[1][:N, 0]], axis=1)


def swept(network=None, split=SPLIT, y=Y, **options):
    folds = options.pop("folds", None) or subsets.targets(y[:N])
    return jfnn.sweep(network or jfnn.mlp((D, 2)), split, folds=folds, **{"learning_rate": 0.1, **options})


@pytest.mark.parametrize(
    ("call", "argument", "words"),
    [
        (lambda: subsets.targets(Y[:, 0]), "y", r"\[n, T\]"),
        (lambda: subsets.targets([["a", "b"]]), "y", "np.unique"),
        (lambda: jfnn.sweep(jfnn.mlp((D, 3)), Split(X, Y), learning_rate=0.1), "y_train", "subsets.targets"),
        (lambda: subsets.targets(Y[:N], ["a", "b"]), "names", r"\[3\]"),
        (lambda: subsets.targets(Y[:N], ["a", "b", "a"]), "names", "once"),
        (lambda: subsets.targets(Y[:N], held_out=1.5), "held_out", ""),
        (lambda: subsets.targets(Y[:N], held_out=np.arange(N)), "held_out", "left to train on"),
        (lambda: subsets.targets(Y[:N], held_out=0.1, rows=subsets.sizes(N, [9])), "held_out", "both"),
        (lambda: subsets.targets(Y[:N], rows=subsets.sizes(9, [9])), "y", "9 rows"),
        (lambda: subsets.targets(Y[:N], rows=subsets.targets(Y[:N])), "rows", "split's targets"),
        (lambda: subsets.Subsets(2, [([0], [1])], columns=[-1]), "columns", "1 column numbers"),
        (lambda: subsets.Subsets(2, [([0], [1])], columns=[0], labels=[[0, 1]]), "columns", "both"),
        (lambda: swept(split=SPLIT._replace(y_train=Y[:N, 0])), "y_train", "a column for each target"),
        (lambda: swept(split=SPLIT._replace(y_test=Y[N:, :2])), "y_test", r"\[3\]"),
        (lambda: swept(split=Split(X[:N], Y[:N, :2])), "folds", "2 targets"),
        (lambda: swept(jfnn.mlp((D, 3)), Split(X[:N], UNEQUAL), UNEQUAL), "y_train", "sweep them separately"),
        (lambda: swept(split=SPLIT._replace(y_test=Y[N:] + 9)), "y_test", "labels from 0 to 1"),
        (lambda: swept(refit=True, folds=subsets.targets(Y[:N], held_out=9)), "refit", "each target"),
        (lambda: swept(jfnn.learner(jnp.copy, jnp.copy)), "network", "learns one target"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_targets_are_refused(call, argument, words):
    with pytest.raises((ValueError, TypeError), match=rf"^{argument}: .*{words}"):
        call()


@pytest.mark.thorough
@pytest.mark.parametrize("ask", ["play", "part"])
def test_functions_that_assume_a_single_target_are_refused(ask, tmp_path):
    result = swept(epochs=1)
    with pytest.raises(ValueError, match=r"^result: .*target"):
        if ask == "play":
            jfnn.write_playground(result, SPLIT, tmp_path / "page.html")
        else:
            jfnn.analysis.bias_variance(result, SPLIT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_one_hot_targets_may_lack_rows_of_a_class():
    one_hot = np.eye(3)[UNEQUAL].astype(np.float32)
    result = swept(jfnn.mlp((D, 3)), Split(X[:N], one_hot), one_hot, epochs=2)
    assert result.metrics == {"loss": False, "accuracy": True} and np.isfinite(result.train_loss).all()


@pytest.mark.thorough
def test_line_search_of_many_members_does_not_copy_shared_rows():
    """Without index selection, each member would hold a copy ``[members, n, d]`` and a product of its own."""
    options = jfnn.Options(
        jfnn.mlp((D, 1)),
        Split(X[:N], Y[:N]),
        folds=subsets.targets(Y[:N]),
        learning_rate=1.0,
        loss="sigmoid_cross_entropy",
        optimizer="lbfgs",
        batch_size=None,
        execution=Execution(tile=3),
    )
    from jfnn.core.search.prepare import prepare

    experiment = prepare(options).experiment
    functions = experiment.functions
    params = experiment.replicates.start(np.arange(3))
    hyper = {name: jnp.asarray(values) for name, values in experiment.hyper().items()}
    states = jax.vmap(functions.start)(params, hyper)
    batch = jfnn.learners.Batch((jnp.asarray(X[:N]), jnp.asarray(experiment.data.rows[1])))
    step = compiled(jax.vmap(functions.step, in_axes=(0, None, 0, None)))
    text = step.lower(states, batch, hyper, None).compile().as_text()
    assert f"f32[3,{N},{D}]" not in text and f"f32[3,{D},{N}]" not in text
