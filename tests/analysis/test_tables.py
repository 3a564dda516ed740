"""Tables and arrays for other tools: long tables against loops, rliable, TensorBoard."""

import csv
import dataclasses
import struct
import textwrap

import numpy as np
import pytest
from helpers import make_result, make_sampled, with_scores

import jfnn
from jfnn.analysis import score_matrices, tables, tidy, write_tidy


def test_matrices_are_runs_by_tasks():
    first = make_result((2, 1), seeds=3, diverged=[(1, 0, 2)])
    second = with_scores(first, {"test_accuracy": first.test_accuracy + 1})
    matrices = score_matrices([first, second])
    names = ["learning_rate=1e-5, l2=1e-5", "learning_rate=10, l2=1e-5"]
    assert list(matrices) == names
    for i, matrix in enumerate(matrices.values()):
        assert matrix.shape == (3, 2)
        np.testing.assert_array_equal(matrix[:, 0], first.test_accuracy[i, 0])
        np.testing.assert_array_equal(matrix[:, 1], second.test_accuracy[i, 0])
    assert score_matrices(first, missing=0.25)[names[1]][2, 0] == 0.25
    folds = make_result((1, 1), seeds=2, folds=3)
    (matrix,) = score_matrices(folds).values()
    np.testing.assert_allclose(matrix[:, 0], folds.validation_accuracy[0, 0].mean(axis=-1))
    twice = make_sampled(2, axes={"learning_rate": np.full(2, 0.1), "l2": np.zeros(2)})
    assert list(score_matrices(twice)) == ["learning_rate=0.1, l2=0", "learning_rate=0.1, l2=0 (2)"]


@pytest.mark.parametrize("options", [{"history": 2}, {"history": 0}, {"history": 2, "folds": 2}])
def test_long_tables_have_a_row_for_each_member_epoch_and_metric(options, tmp_path):
    result = make_result((2, 2), seeds=2, diverged=[(0, 1, 0)] if "folds" not in options else (), **options)
    write_tidy(result, tmp_path / "tidy.csv")
    rows = list(csv.DictReader((tmp_path / "tidy.csv").read_text().splitlines()))
    parts = ["train", *(["validation"] if "folds" in options else []), "test"]
    epochs = [1, 2] if options["history"] else [10]
    expected = []
    for place in np.ndindex(result.diverged_at.shape):
        for k, epoch in enumerate(epochs):
            for part in parts:
                for metric in ("loss", "accuracy"):
                    name = f"{part}_{metric}"
                    source = result.history if options["history"] else result.scores
                    value = source[name][(*place, k)] if options["history"] else source[name][place]
                    axes = result.axes_at(place[:2])
                    expected.append((*axes.values(), *place[2:], epoch, part, metric, value))
    assert len(rows) == len(expected)
    by_row = {tuple(map(str, row[:-1])): row[-1] for row in expected}
    for row in rows:
        *key, value = row.values()
        np.testing.assert_equal(float(value), float(by_row[tuple(key)]))
    assert list(tidy(result))[-4:] == ["epoch", "part", "metric", "value"]


def test_long_tables_have_a_column_of_the_values_of_subsets():
    shares = np.array([0.1, 0.5, 1.0])
    result = dataclasses.replace(make_result((2, 2), seeds=2, folds=3), subset_values={"share": shares})
    table = tidy(result)
    np.testing.assert_array_equal(table["share"], shares[table["fold"]])


def test_sweeps_that_differ_have_no_matrices():
    result = make_result((1, 2))
    for results, message in (
        ([], "results: expected at least one"),
        ([result, make_result((1, 3))], "results: expected sweeps of the same cells"),
        ([result, make_result((1, 2), seeds=3)], "results: expected sweeps of the same cells"),
        (make_result((1, 2), seeds=1, folds=2), "results: folds of one seed"),
        (3, "results: expected a SweepResult"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            score_matrices(results)
    with pytest.raises(ValueError, match="missing: expected one of nan"):
        score_matrices(result, missing="omit")


@pytest.mark.slow
def test_rliable_takes_the_matrices():
    metrics, library = pytest.importorskip("rliable.metrics"), pytest.importorskip("rliable.library")
    scores = score_matrices([make_result((2, 1), seeds=5), make_result((2, 1), seeds=5)])
    values, _ = library.get_interval_estimates(
        scores, lambda m: np.array([metrics.aggregate_mean(m)]), reps=9
    )
    for name, matrix in scores.items():
        assert values[name][0] == pytest.approx(matrix.mean())


def events(path):
    """The events of a file of length-prefixed records (with two checksums of 4 bytes each)."""
    proto = pytest.importorskip("tensorboardX.proto.event_pb2")
    data, events_read = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        events_read.append(proto.Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return events_read


def test_the_documented_lines_write_scores_and_hyperparameters_for_tensorboard(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX")
    plugin = pytest.importorskip("tensorboardX.proto.plugin_hparams_pb2")
    monkeypatch.chdir(tmp_path)
    result = make_result((2, 1), seeds=2, history=2)
    code = textwrap.dedent(tables.__doc__.partition("::")[2])
    exec(code, {"jfnn": jfnn, "np": np, "result": result})
    assert len(list((tmp_path / "runs").iterdir())) == 2
    (file,) = (tmp_path / "runs" / "learning_rate=10, l2=1e-5").iterdir()
    scalars, hyper = {}, {}
    for event in events(file):
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                scalars[value.tag, event.step] = value.simple_value
            content = plugin.HParamsPluginData.FromString(value.metadata.plugin_data.content)
            hyper |= {name: v.number_value for name, v in content.session_start_info.hparams.items()}
    assert hyper == result.axes_at((1, 0))
    for name in ("train_loss", "test_accuracy"):
        means = result.history[name][1, 0].mean(axis=0)
        assert [scalars[name, epoch] for epoch in (1, 2)] == pytest.approx(means, rel=1e-6)
