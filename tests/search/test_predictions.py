"""Predictions and row scores of all members: reductions, custom networks, class names of a file."""

import dataclasses
import functools
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import make_result, same_bits
from noisy_classes import HELD, NET, SPLIT, N, sweep
from scipy.special import expit

import jfnn
from jfnn.cli import run as grid
from jfnn.core.engine import blocks

pytestmark = pytest.mark.unoptimized

RATES = [1e-3, 0.02, 1e38]
PENALTIES = [0.0, 0.3]  # the last diverges
GRID = {"learning_rate": RATES, "l2": PENALTIES, "seeds": 2, "folds": 3}
PAIRS = [(np.arange(HELD, N)[::-1], np.arange(HELD)), (np.arange(N - HELD), np.arange(N - HELD, N))]
X = np.random.default_rng(1).normal(size=(600, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def result(directory):
    return sweep(**GRID, out=directory)


@pytest.fixture(scope="module")
def loaded(directory, result):
    return jfnn.load(directory)


def each(result):
    places = zip(*np.nonzero(result.diverged_at < 0), strict=True)
    return [(place, result.member(*place)) for place in places]


@pytest.mark.thorough
def test_predictions_do_not_depend_on_other_rows_or_diverged_members(result):
    whole = result.predict_proba(X)
    np.testing.assert_array_equal(result.predict_proba(X[:1]), whole[..., :1, :])
    np.testing.assert_array_equal(result.predict_proba(X[300:580]), whole[..., 300:580, :])
    others = np.where(np.arange(3) == 0, -1, 1)[:, None, None, None] + 0 * result.diverged_at
    alone = dataclasses.replace(result, diverged_at=others).predict_proba(X)
    np.testing.assert_array_equal(alone[0], whole[0])


@pytest.mark.parametrize(
    "function", [np.mean, np.median, functools.partial(np.quantile, q=[0.1, 0.9]), lambda v, axis: v[:2]]
)
def test_reductions_are_over_members_that_did_not_diverge(result, function):
    values = result.predict_proba(X)[:2].reshape(24, 600, 3)
    np.testing.assert_allclose(result.predict_proba(X, function), function(values, axis=0), rtol=1e-6)


@pytest.mark.thorough
def test_labels_by_mean_follow_from_mean_probabilities_or_outputs(result, loaded):
    """Diverged members are left out; with one output, the label is whether it exceeds one half."""
    chances = result.predict_proba(X)[:2].reshape(24, 600, 3).astype(np.float64)
    for asked in (result, loaded):
        np.testing.assert_array_equal(asked.predict(X, "mean"), chances.mean(axis=0).argmax(axis=1))
    labels = np.random.default_rng(1).integers(0, 2, 60)
    for loss, output in (("sigmoid_cross_entropy", "identity"), ("quadratic", "sigmoid")):
        net = jfnn.mlp((4, 3, 1), "tanh", output)
        split = SPLIT._replace(x_train=X[:60], y_train=labels, x_test=None, y_test=None)
        one = jfnn.sweep(net, split, learning_rate=0.01, seeds=3, epochs=2, batch_size=20, loss=loss)
        outputs = np.stack([net.apply(one.member(0, 0, seed), X)[:, 0] for seed in range(3)])
        values = expit(outputs) if loss != "quadratic" else outputs
        means = values.mean(axis=0)
        clear = abs(means - 0.5) > 1e-6
        np.testing.assert_array_equal(one.predict(X, "mean")[clear], (means > 0.5)[clear])


@pytest.mark.parametrize("load", [False, True])
@pytest.mark.parametrize("reduce", ["std", np.median, functools.partial(np.quantile, q=[0.1, 0.9])])
def test_labels_can_only_be_reduced_by_vote_or_mean(result, loaded, load, reduce):
    with pytest.raises(ValueError, match=r"^reduce: .*vote.*predict_proba"):
        (loaded if load else result).predict(X, reduce)


def test_vote_is_the_most_frequent_label_and_ties_go_to_the_smallest():
    votes = blocks.vote(np.array([[2, 1, -1, -1], [0, 1, 2, -1], [2, 0, -1, -1], [0, 0, -1, -1]]))
    assert votes.tolist() == [0, 0, 2, -1]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda values: values.mean(axis=0), "axis"),
        (lambda values, axis: [[1.0], [1.0, 2.0]], "different lengths"),
        (lambda values, axis: np.full(values.shape[1:], "a"), "numbers"),
        (lambda values, axis: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_function_that_does_not_reduce_is_refused_by_name(result, function, message):
    with pytest.raises(ValueError, match=f"^reduce: .*{message}"):
        result.predict_proba(X, function)


@pytest.mark.thorough
def test_mean_and_std_by_name_ignore_rows_missing_from_a_fold(result):
    scores = result.row_scores("loss", "validation", SPLIT)[:2].reshape(24, N)
    for name, function in {"mean": np.nanmean, "std": np.nanstd}.items():
        reduced = result.row_scores("loss", "validation", SPLIT, name)
        np.testing.assert_allclose(reduced, function(scores, axis=0), rtol=1e-5)
    train = [(np.arange(HELD, N), np.arange(HELD))]
    unheld = sweep(learning_rate=[1e-3], l2=0.0, folds=train).row_scores("loss", "validation", SPLIT, "mean")
    np.testing.assert_array_equal(np.isfinite(unheld), np.arange(N) < HELD)


def test_each_row_is_held_out_by_one_fold_and_trained_on_by_the_others(result):
    parts = {part: result.row_scores("loss", part, SPLIT)[:2] for part in ("validation", "train", "all")}
    held, learned = (np.isfinite(parts[part]) for part in ("validation", "train"))
    assert (held.sum(axis=3) == 1).all()
    np.testing.assert_array_equal(learned, ~held)
    np.testing.assert_array_equal(parts["all"], np.where(held, parts["validation"], parts["train"]))


@pytest.mark.thorough
@pytest.mark.parametrize("options", [{"validation": 0.2}, {"folds": PAIRS}])
def test_held_out_rows_are_restored_after_loading(tmp_path, options):
    result = sweep(learning_rate=[1e-3], l2=0.0, out=tmp_path / "out", **options)
    found = jfnn.load(tmp_path / "out").row_scores("loss", "train", SPLIT, folds=options.get("folds"))
    np.testing.assert_array_equal(found, result.row_scores("loss", "train", SPLIT))


@pytest.mark.thorough
@pytest.mark.parametrize("load", [False, True])
def test_rows_of_subsets_with_wrong_labels_are_scored_with_them(tmp_path, load):
    noisy = jfnn.subsets.label_noise(SPLIT.y_train, [0, 0.3, 0.6])
    chosen = jfnn.subsets.Subsets(N, PAIRS + PAIRS[:1], labels=noisy.labels, test_labels="split")
    result = sweep(learning_rate=RATES, l2=0.0, seeds=2, folds=chosen, out=tmp_path / "out")
    folds = chosen if load else None
    result = jfnn.load(tmp_path / "out") if load else result
    everywhere = result.row_scores("accuracy", "all", SPLIT, folds=folds)
    np.testing.assert_array_equal(everywhere[:2], result.predict(SPLIT.x_train)[:2] == noisy.labels)
    right = result.row_scores("accuracy", "test", SPLIT)
    np.testing.assert_array_equal(right[:2], result.predict(SPLIT.x_test)[:2] == SPLIT.y_test)
    if load:
        fewer = jfnn.subsets.Subsets(N, PAIRS + PAIRS[:1], labels=noisy.labels[[0, 1, 1]])
        for wrong in (None, PAIRS, fewer):
            with pytest.raises(ValueError, match=r"^folds: expected"):
                result.row_scores("accuracy", "train", SPLIT, folds=wrong)


@pytest.mark.parametrize("part", ["all", "test", "train"])
def test_rows_other_than_those_of_the_sweep_are_refused_in_every_part(result, loaded, part):
    for other in (SPLIT._replace(x_test=SPLIT.x_test + 1), SPLIT._replace(y_train=SPLIT.y_train[::-1])):
        for asked in (result, loaded):
            with pytest.raises(ValueError, match=r"^split: expected the rows of the sweep"):
                asked.row_scores("accuracy", part, other)


def test_custom_metric_scores_rows(result):
    margin = jfnn.Metric("margin", True, lambda a, t, axis=-1: jnp.sum((2 * t - 1) * a, axis=axis))
    rows = result.row_scores(margin, "test", SPLIT)
    for place, params in each(result)[:3]:
        signs = 2 * np.eye(3)[SPLIT.y_test] - 1
        np.testing.assert_allclose(rows[place], (signs * NET.apply(params, SPLIT.x_test)).sum(1), rtol=1e-4)


def test_predictions_work_with_parameters_of_evaluations_or_of_the_best_cell_alone():
    options = {"learning_rate": [0.02, 1e38], "l2": 0.0}
    every = sweep(execution={"eval_every": 3, "keep_params": "evaluations"}, **options)
    labels = every.predict(X)
    assert labels.shape == (2, 1, 1, 3, 600)
    for h in range(3):
        params = jax.tree.map(lambda leaf, h=h: leaf[0, 0, 0, h], every.params)
        np.testing.assert_array_equal(labels[0, 0, 0, h], jfnn.predict(NET, params, X))
    assert (labels[1] == -1).all()
    best = sweep(execution={"keep_params": "best"}, **options)
    np.testing.assert_array_equal(best.predict(X), labels[0, 0, :, 2])
    assert best.row_scores("loss", "train", SPLIT).shape == (1, N)


@pytest.mark.parametrize("reduce", ["mean", "vote", "std", np.median])
def test_reductions_cover_the_last_of_several_evaluations(reduce):
    options = {"learning_rate": [0.1, 0.3], "seeds": 2, "epochs": 4}
    every = sweep(execution={"eval_every": 1, "keep_params": "evaluations"}, **options)
    final = sweep(execution={"eval_every": 1}, **options)
    for one, other in ((every, final), (every.of_cell(1, 0), final.of_cell(1, 0))):
        if reduce in ("mean", "vote"):
            np.testing.assert_array_equal(one.predict(X, reduce), other.predict(X, reduce))
        if reduce != "vote":
            found, expected = (each.predict_proba(X, reduce) for each in (one, other))
            np.testing.assert_array_equal(found, expected)
            found, expected = (each.row_scores("loss", "train", SPLIT, reduce) for each in (one, other))
            np.testing.assert_array_equal(found, expected)


def test_unscaled_rows_trigger_a_warning_and_a_frame_is_scaled():
    raw = np.array([50.0, 2000.0]) + np.array([10.0, 5.0]) * np.random.default_rng(0).normal(size=(60, 2))
    cut = jfnn.datasets.split(raw, 3 * raw[:, 0] + raw[:, 1])
    scaled = jfnn.datasets.standardize(cut, ["height", "year"])
    options = dict(loss="quadratic", learning_rate=[0.1], reduction="mean", epochs=3, batch_size=None)
    trained = jfnn.sweep(jfnn.mlp((2, 1)), scaled, **options)
    outputs = trained.predict(scaled.x_test)  # without a warning
    with pytest.warns(UserWarning, match="x: the median of column 1 is 2e"):
        trained.predict(cut.x_test)
    scaling = scaled.names["scaling"]["y"]
    in_units = outputs * np.array(scaling["scale"]) + np.array(scaling["mean"])
    frame = dict(zip(["height", "year"], cut.x_test.T, strict=True))
    np.testing.assert_allclose(trained.predict(frame), in_units, rtol=1e-5)


def squares(params, batch, key, scale):
    return scale * jnp.mean((batch @ params["w"]) ** 2)


def test_custom_learner_scores_rows_with_its_hyperparameters_and_predicts_by_a_function(tmp_path):
    own = jfnn.learner(lambda key: {"w": jax.random.normal(key, (4,))}, squares, hyper=["scale"])
    split = jfnn.Split(SPLIT.x_train)
    axes = {"scale": [1.0, 3.0]}
    result = jfnn.sweep(
        own, split, learning_rate=[1e-3], hyper=axes, seeds=2, epochs=1, batch_size=8, out=tmp_path / "a"
    )
    rows = result.row_scores("loss", "train", split)
    np.testing.assert_allclose(rows.mean(axis=-1), result.train_loss, rtol=1e-5)
    loaded = jfnn.load(tmp_path / "a")
    np.testing.assert_array_equal(loaded.row_scores("loss", "train", split, network=own), rows)
    outputs = loaded.predict(X, network=lambda params, x: x @ params["w"])
    np.testing.assert_allclose(outputs[0, 0, 1, 1], X @ result.member(0, 0, 1, 1)["w"], rtol=1e-4, atol=1e-6)
    for network, message in (
        (None, "network: expected a function"),
        (lambda params, x: x @ params["v"], "network: it fails on rows"),
        (lambda params, x: params["w"], "network: expected one value per row"),
        (3, r"network: expected a jfnn.Network, got 3"),
    ):
        with pytest.raises(ValueError, match=message):
            result.predict(X, network=network)
    with pytest.raises(ValueError, match="loss: expected a network with a cross-entropy"):
        result.predict_proba(X)
    with pytest.raises(ValueError, match=r"^network: .*\(params, x\) -> outputs.*row_scores.*learner"):
        loaded.predict(X)


@pytest.mark.thorough
def test_custom_network_must_be_passed_again_after_loading(tmp_path):
    own = jfnn.Network(NET.init, lambda params, x: NET.apply(params, x))
    options = {"learning_rate": [1e-3], "epochs": 1, "batch_size": 8, "out": tmp_path}
    here = jfnn.sweep(own, SPLIT, **options)
    np.testing.assert_array_equal(jfnn.load(tmp_path).predict(X, network=own), here.predict(X))


@pytest.mark.thorough
def test_custom_loss_must_be_passed_again_after_loading(tmp_path):
    softmax = jfnn.losses.get("cross_entropy")
    loss = softmax._replace(cost=lambda a, t, axis=-1: 2 * softmax.cost(a, t, axis))
    result = jfnn.sweep(
        NET, SPLIT, learning_rate=[1e-3], loss=loss, epochs=1, batch_size=8, out=tmp_path / "a"
    )
    loaded = jfnn.load(tmp_path / "a")
    with pytest.raises(ValueError, match=r"network: expected jfnn.supervised\(network, loss\)"):
        loaded.predict(X)
    with pytest.raises(ValueError, match=r"network: expected jfnn.supervised\(network, loss\)"):
        pickle.loads(pickle.dumps(result)).predict(X)
    given = loaded.predict_proba(X, network=jfnn.supervised(NET, loss))
    np.testing.assert_array_equal(given, result.predict_proba(X))


def test_pickled_result_predicts(result):
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.predict_proba(X, "mean"), result.predict_proba(X, "mean"))


def test_invalid_arguments_of_predictions_are_refused(result):
    few = SPLIT._replace(x_train=SPLIT.x_train + 1)
    untested = SPLIT._replace(x_test=None, y_test=None)
    gone = dataclasses.replace(result, diverged_at=0 * result.diverged_at)
    assert (gone.predict(X) == -1).all()
    for call, message in (
        (lambda: result.predict_proba(X, "sum"), "reduce: expected None, 'mean', 'std' or a function"),
        (
            lambda: result.predict_proba(X, lambda v, axis: v.mean()),
            r"reduce: expected shape \['…', 256, 3\]",
        ),
        (lambda: gone.predict(X, "vote"), "reduce: expected members to reduce over"),
        (lambda: result.predict(X[:, :3]), "x: expected 4 columns"),
        (lambda: result.predict({"a": [1.0]}), "x: expected an array, since this run has no column names"),
        (lambda: result.row_scores("mcc", "test", SPLIT), "metric: expected one of"),
        (lambda: result.row_scores("loss", "any", SPLIT), "part: expected one of"),
        (lambda: result.row_scores("loss", "train", few), "split: expected the rows of the sweep"),
        (lambda: result.row_scores("loss", "test", untested), "part: expected one with rows"),
        (lambda: make_result().predict(X), "network: expected a function"),
        (lambda: result.predict(X, network=jfnn.mlp((4, 2, 3))), "network: .* parameters of shapes"),
        (lambda: result.of_cell(0, 2), "of_cell: .*l2 2"),
        (lambda: result.of_cell(1, 0).of_cell(0, 0), r"of_cell: .*cell \(1, 0\) alone"),
        (lambda: sweep(execution={"keep_params": "none"}, epochs=1).predict(X), "keep_params: expected"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the directory of a run on a file with two classes, and the columns of the file."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    columns = {"width": rng.normal(5, 2, 60), "level": rng.normal(size=60), "depth": rng.normal(-1, 9, 60)}
    columns["kind"] = np.where(columns["width"] > 5, "wide", "narrow")
    lines = zip(*(map(str, values) for values in columns.values()), strict=True)
    text = "\n".join(map(",".join, [list(columns), *lines]))
    (folder / "own.csv").write_text(text)
    words = f"--data {folder / 'own.csv'} --target kind --out {folder / 'own'} --standardize --quiet"
    assert grid.main(f"{words} --hidden 3 --epochs 3 --l2 0 --learning-rate 1e-3,1e-2".split()) == 0
    return folder / "own", columns


def as_frame(columns, pandas):
    return pytest.importorskip("pandas").DataFrame(columns) if pandas else columns


@pytest.mark.thorough
@pytest.mark.parametrize("pandas", [True, False])
def test_frame_columns_are_matched_by_name_and_predictions_use_class_names(files, pandas):
    folder, columns = files
    result = jfnn.load(folder)
    frame = as_frame(dict(reversed(columns.items())), pandas)
    scaling = json.loads((folder / "config.json").read_text())["data"]["names"]["scaling"]["x"]
    names = ("width", "level", "depth")
    x = (np.stack([columns[name] for name in names], 1) - scaling["mean"]) / scaling["scale"]
    np.testing.assert_array_equal(result.predict(frame), np.array(["narrow", "wide"])[result.predict(x)])
    np.testing.assert_array_equal(result.predict_proba(frame), result.predict_proba(x))
    words = np.array(["narrow", "wide"])[result.predict(x, "vote")]
    np.testing.assert_array_equal(result.predict(frame, "vote"), words)
    words = np.array(["narrow", "wide"])[result.predict_proba(x, "mean").argmax(axis=1)]
    np.testing.assert_array_equal(result.predict(frame, "mean"), words)
    with pytest.raises(ValueError, match=r"^reduce: .*predict_proba"):
        result.predict(frame, "std")


@pytest.mark.thorough
def test_names_of_a_split_select_frame_columns_and_name_classes_if_given():
    columns = {"columns": {"a": {}, "b": {}}}
    x = np.random.default_rng(0).normal(size=(9, 2)) + 5 * (np.arange(9) % 2)[:, None]
    frame = dict(zip("ab", x.T, strict=True))
    for classes, expected in ((None, None), (["no", "yes"], ["no", "yes"]), (["no"], "1 classes")):
        names = jfnn.datasets.ColumnNames(columns | {"classes": classes})
        split = jfnn.Split(x, np.arange(9) % 2, names=names)
        result = jfnn.sweep(jfnn.mlp((2, 2)), split, learning_rate=0.1, epochs=20, batch_size=3)
        labels = result.predict(x)
        assert set(labels.ravel()) == {0, 1}
        if expected == "1 classes":
            with pytest.raises(ValueError, match=r"^x: .*label 1 has no name .the run names 1 classes"):
                result.predict(frame)
        else:
            words = labels if expected is None else np.array(expected)[labels]
            np.testing.assert_array_equal(result.predict(frame), words)


def test_invalid_frames_are_refused(files):
    folder, columns = files
    result = jfnn.load(folder)
    for changes, message in (
        ({"depth": None}, "x: expected a column 'depth'"),
        ({"depth": [1.0]}, "x: column 'depth': expected one value per row"),
        ({"depth": ["a"] * 60}, "x: row 1, column 'depth': expected a number"),
        ({"depth": np.full(60, np.nan)}, "x: row 1, column 'depth': expected a number"),
    ):
        frame = {name: value for name, value in (columns | changes).items() if value is not None}
        with pytest.raises(ValueError, match=message):
            result.predict(frame)


@pytest.mark.thorough
def test_columns_of_data_frames_are_matched_by_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(SPLIT.x_train, columns=list("abcd"))
    test = pandas.DataFrame(SPLIT.x_test, columns=list("abcd"))
    options = {"learning_rate": 0.02, "epochs": 1, "batch_size": 10}
    split = jfnn.Split(frame, SPLIT.y_train, test, SPLIT.y_test)
    plain = jfnn.sweep(NET, split, **options)
    assert same_bits(plain.params, jfnn.sweep(NET, SPLIT, **options).params)
    with pytest.raises(ValueError, match=r"x: expected an array, .*jfnn\.datasets\.split"):
        plain.predict(test)
    names = jfnn.datasets.split(frame, SPLIT.y_train).names
    result = jfnn.sweep(NET, split._replace(names=names), **options)
    np.testing.assert_array_equal(result.predict(test[list("dbca")]), plain.predict(SPLIT.x_test))
    with pytest.raises(ValueError, match=r"x: expected a column 'b'"):
        result.predict(test[list("acd")])
    with pytest.raises(ValueError, match=r"^x_test: expected the columns of x_train in their order, .*'b'"):
        jfnn.sweep(NET, jfnn.Split(frame, SPLIT.y_train, test[list("dbca")], SPLIT.y_test), **options)
