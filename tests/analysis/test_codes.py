"""Code lengths compared with a NumPy replay using the trained parameters."""

import warnings

import jax
import numpy as np
import pytest
from helpers import make_result, same_bits
from scipy.special import log_softmax

import jfnn
from jfnn.analysis import online_code
from jfnn.core.search.result import with_run
from jfnn.core.search.runs import Origin
from jfnn.subsets import Subsets, sizes

pytestmark = pytest.mark.unoptimized

N = 40
COUNTS = [5, 10, 25]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)).astype(np.float32)
Y = np.column_stack([(X[:, :2] > 0).sum(axis=1), np.arange(N) % 2])  # 3 classes; 2 random ones
SPLIT = jfnn.Split(X, Y[:, 0])
PROBE = jfnn.mlp((3, 3))
ORDERS = [np.random.default_rng(4).permutation(N)]


def probed(folds, split=SPLIT, **options):
    options = {"learning_rate": 0.5, "l2": [0.1, 1.0], "epochs": 5, "batch_size": None, "seeds": 2} | options
    return jfnn.sweep(PROBE, split, folds=folds, **options)


def random_result(folds):
    """Return a result with random parameters, in which one network diverged."""
    layer = jax.tree.map(
        lambda leaf: RNG.normal(size=(1, 2, 2, 6, *leaf.shape)).astype(np.float32),
        PROBE.init(jax.random.key(0)),
    )
    config = {"settings": {"learner": {"loss": "cross_entropy"}}}
    origin = Origin(lambda network: jfnn.supervised(PROBE), subsets=folds)
    result = make_result((1, 2), seeds=2, folds=6, diverged=[(0, 1, 1, 5)])
    return with_run(result, params=layer, config=config, origin=origin)


def replay(order, y, classes, nats):
    """Return the length in bits, label by label; ``nats(i, x, y)`` is the loss of network i."""
    bits = 0.0
    ends = [*COUNTS, N]
    for number, row in enumerate(order):
        if number < COUNTS[0]:
            bits += np.log2(classes)
        else:
            i = sum(number >= end for end in ends) - 1  # the last network that has not seen the row
            bits += nats(i, X[row], y[row]) / np.log(2)
    return bits


def test_code_length_equals_numpys_label_by_label():
    folds = sizes(N, COUNTS, seed=4, draws=2)
    result = random_result(folds)
    rng = np.random.default_rng(4)
    orders = [rng.permutation(N) for _ in range(2)]
    code = online_code(result, SPLIT, folds)
    assert code.bits.shape == (1, 2, 2, 2)  # rates, penalties, seeds, orders
    (layer,) = result.params
    assert np.isnan(code.bits[0, 1, 1, 1]) and np.isfinite(code.bits).sum() == 7
    for penalty, seed, draw in np.ndindex(2, 2, 2):

        def nats(i, x, y, at=(0, penalty, seed), draw=draw):
            fold = draw * len(COUNTS) + i
            outputs = x.astype(np.float64) @ layer.w[(*at, fold)] + layer.b[(*at, fold)]
            return -log_softmax(outputs)[y]

        if (penalty, seed, draw) != (1, 1, 1):
            expected = replay(orders[draw], Y[:, 0], 3, nats)
            assert code.bits[0, penalty, seed, draw] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(code.uniform, N * np.log2(3))
    np.testing.assert_array_equal(code.compression, code.uniform / code.bits)
    np.testing.assert_array_equal(code.first, [0, 3])
    of_more = online_code(result, SPLIT, folds, classes=4)
    np.testing.assert_allclose((of_more.bits - code.bits)[0, 0], COUNTS[0] * np.log2(4 / 3))


@pytest.mark.thorough
def test_each_column_of_targets_has_the_code_of_a_separate_sweep():
    y = np.column_stack([Y[:, 0] > 0, Y[:, 1]]).astype(int)
    plain = sizes(N, COUNTS, seed=4, draws=2)
    folds = jfnn.subsets.targets(y, ["any", "chance"], rows=plain)
    probe = jfnn.mlp((3, 2))
    options = {"learning_rate": 0.5, "epochs": 5, "batch_size": None}
    result = jfnn.sweep(probe, jfnn.Split(X, y), folds=folds, **options)
    code = online_code(result, jfnn.Split(X, y), folds)
    for target in range(2):
        split = jfnn.Split(X, y[:, target])
        alone = online_code(jfnn.sweep(probe, split, folds=plain, **options), split, plain)
        np.testing.assert_allclose(code.bits[..., 2 * target : 2 * target + 2], alone.bits, rtol=1e-5)
    assert result.subset_values["target"][code.first].tolist() == ["any", "any", "chance", "chance"]
    one_hot = np.eye(2, dtype=np.float32)[y]
    again = jfnn.sweep(probe, jfnn.Split(X, one_hot), folds=folds, **options)
    assert same_bits(online_code(again, jfnn.Split(X, one_hot), folds), code)
    soft = jfnn.Split(X, 0.8 * one_hot + 0.1)
    with pytest.raises(jfnn.ArgumentError, match="or one-hot labels"):
        online_code(jfnn.sweep(probe, soft, folds=folds, **options), soft, folds)


@pytest.mark.thorough
def test_each_target_has_the_code_of_a_separate_sweep():
    plain = sizes(N, COUNTS, seed=4)
    labels = np.repeat(Y.T, len(COUNTS), axis=0)
    names = np.repeat(["sum", "chance"], len(COUNTS))
    both = Subsets(N, [*plain.pairs, *plain.pairs], "target", names, labels=labels)
    code = online_code(probed(both), SPLIT, both)
    for target in range(2):
        split = SPLIT._replace(y_train=Y[:, target])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no training row has the label 2")
            alone = online_code(probed(plain, split), split, plain)
        np.testing.assert_allclose(code.bits[..., target], alone.bits[..., 0], rtol=1e-5)
        np.testing.assert_allclose(code.uniform[target], N * np.log2([3, 2][target]))
    assert names[code.first].tolist() == ["sum", "chance"]


@pytest.mark.thorough
def test_final_subset_of_all_rows_adds_no_code_and_a_loaded_result_has_the_same(tmp_path):
    folds = sizes(N, [*COUNTS, N], seed=4)
    result = probed(folds)
    code = online_code(result, SPLIT, folds)
    short = sizes(N, COUNTS, seed=4)
    np.testing.assert_allclose(code.bits, online_code(probed(short), SPLIT, short).bits, rtol=1e-5)
    result.save(tmp_path / "run")
    loaded = jfnn.load(tmp_path / "run")
    assert same_bits(online_code(loaded, SPLIT, folds, network=PROBE), code)
    assert same_bits(online_code(result.of_cell(0, 1), SPLIT, folds).bits, code.bits[0, 1])
    others = sizes(N, [*COUNTS, N], seed=5)
    for run in (result, loaded):
        with pytest.raises(jfnn.ArgumentError, match=r"the (subsets|folds) of the sweep") as raised:
            online_code(run, SPLIT, others, network=PROBE)
        assert raised.value.argument == "folds"


@pytest.mark.thorough
def test_single_output_for_two_classes_codes_by_a_sigmoid():
    split = SPLIT._replace(y_train=Y[:, 1])
    folds = sizes(N, COUNTS, seed=4)
    options = {"learning_rate": 0.5, "epochs": 5, "batch_size": None}
    result = jfnn.sweep(jfnn.mlp((3, 1)), split, loss="sigmoid_cross_entropy", folds=folds, **options)
    code = online_code(result, split, folds)
    p = result.predict_proba(X)[0, 0, 0]  # [F, n, 1]
    of_label = np.where(Y[:, 1] == 1, p[..., 0], 1 - p[..., 0])
    expected = replay(ORDERS[0], np.arange(N), 2, lambda i, x, row: -np.log(of_label[i, row]))
    assert code.bits.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("folds", "options", "said"),
    [
        (jfnn.subsets.by_group(np.arange(N) % 2), {}, "growing subsets"),
        (sizes(N, COUNTS), {"loss": "quadratic"}, "cross_entropy"),
        (jfnn.subsets.bootstrap(N, 2), {}, "each row at most once"),
    ],
)
def test_invalid_subsets_for_codes_are_refused(folds, options, said):
    result = probed(folds, epochs=0, **options)
    if said == "growing subsets":  # groups of equal size begin a code each
        assert online_code(result, SPLIT, folds).bits.shape[-1] == 2
        folds = Subsets(N, [(np.arange(5), [9]), (np.arange(1, 9), [9])])
        result = probed(folds, epochs=0)
    with pytest.raises(jfnn.ArgumentError, match=said):
        online_code(result, SPLIT, folds)
