"""Tables for other tools: long tables against loops, the recipe for TensorBoard."""

import csv
import dataclasses
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from helpers import make_result

import jfnn
from jfnn.analysis import tidy, write_tidy

RECIPES = Path(__file__).parents[2] / "docs" / "recipes" / "results.md"


@pytest.mark.parametrize("options", [{"history": 2}, {"history": 0}, {"history": 2, "folds": 2}])
def test_long_tables_have_a_row_for_each_member_epoch_and_metric(options, tmp_path):
    result = make_result((2, 2), seeds=2, diverged=[(0, 1, 0)] if "folds" not in options else (), **options)
    write_tidy(result, tmp_path / "tidy.csv")
    rows = list(csv.DictReader((tmp_path / "tidy.csv").read_text().splitlines()))
    parts = ["train", *(["validation"] if "folds" in options else []), "test"]
    epochs = [1, 2] if options["history"] else [10]
    expected = []
    for index in np.ndindex(result.diverged_at.shape):
        for k, epoch in enumerate(epochs):
            for part in parts:
                for metric in ("loss", "accuracy"):
                    name = f"{part}_{metric}"
                    source = result.history if options["history"] else result.scores
                    value = source[name][(*index, k)] if options["history"] else source[name][index]
                    axes = result.axes_at(index[:2])
                    expected.append((*axes.values(), *index[2:], epoch, part, metric, value))
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


def events(path):
    """The events of a file of length-prefixed records (with two checksums of 4 bytes each)."""
    proto = pytest.importorskip("tensorboardX.proto.event_pb2")
    data = path.read_bytes()
    events_read = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        events_read.append(proto.Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return events_read


@pytest.mark.thorough
def test_the_documented_lines_write_scores_and_hyperparameters_for_tensorboard(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX")
    plugin = pytest.importorskip("tensorboardX.proto.plugin_hparams_pb2")
    monkeypatch.chdir(tmp_path)
    result = make_result((2, 1), seeds=2, history=2)
    code = re.search(r"```python\n(from tensorboardX.*?)```", RECIPES.read_text(), re.DOTALL).group(1)
    exec(code, {"jfnn": jfnn, "np": np, "repeated": result})
    assert len(list((tmp_path / "runs").iterdir())) == 2
    (file,) = (tmp_path / "runs" / "learning_rate=10, l2=1e-5").iterdir()
    scalars = {}
    hyper = {}
    for event in events(file):
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                scalars[value.tag, event.step] = value.simple_value
            content = plugin.HParamsPluginData.FromString(value.metadata.plugin_data.content)
            hyper |= {name: v.number_value for name, v in content.session_start_info.hparams.items()}
    assert hyper == result.axes_at((1, 0))
    means = result.history["test_accuracy"][1, 0].mean(axis=0)
    assert [scalars["test_accuracy", epoch] for epoch in (1, 2)] == pytest.approx(means, rel=1e-6)
