"""Sweeps written into trackers: every call to one of the test's own, and TensorBoard's files parsed."""

import struct

import numpy as np
import pytest
from helpers import make_result

from jfnn.analysis import trackers


class Calls:
    """A tracker that keeps what it is told."""

    def __init__(self):
        self.runs = {}

    def run(self, name, hyper):
        """A run by its name; each name comes once, after the one before has ended."""
        assert name not in self.runs and all(run.last is not None for run in self.runs.values())
        self.runs[name] = OneRun(hyper)
        return self.runs[name]


class OneRun:
    def __init__(self, hyper):
        self.hyper, self.logged, self.last = dict(hyper), [], None

    def log(self, epoch, scores):
        assert self.last is None
        self.logged.append((epoch, dict(scores)))

    def end(self, scores):
        self.last = dict(scores)


def test_cells_are_runs_of_means_until_the_first_member_diverges():
    result = make_result((2, 1), seeds=2, history=3, diverged=[(1, 0, 1)])
    tracker = Calls()
    trackers.log_runs(result, tracker)
    assert list(tracker.runs) == ["learning_rate=1e-5, l2=1e-5", "learning_rate=10, l2=1e-5"]
    first, second = tracker.runs.values()
    assert first.hyper == result.axes_at((0, 0))
    assert [epoch for epoch, _ in first.logged] == [1, 2, 3]
    known = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")  # no validation rows
    for place, (_, scores) in enumerate(first.logged):
        means = {name: result.history[name][0, 0, :, place].mean() for name in known}
        assert scores == pytest.approx(means)
    assert first.last == pytest.approx({name: result.scores[name][0, 0].mean() for name in known})
    assert second.last == {} and all(scores == {} for _, scores in second.logged)


def test_members_are_runs_too():
    result = make_result((1, 2), seeds=2, folds=2, history=2)
    tracker = Calls()
    trackers.log_runs(result, tracker, each="member")
    assert len(tracker.runs) == 8
    run = tracker.runs["learning_rate=1e-5, l2=10, seed=1, fold=0"]
    assert run.hyper == result.axes_at((0, 1)) | {"seed": 1, "fold": 0}
    assert run.last["validation_loss"] == result.validation_loss[0, 1, 1, 0]
    assert run.logged[1] == (2, {name: result.history[name][0, 1, 1, 0, 1] for name in result.scores})
    with pytest.raises(ValueError, match="each: expected one of cell, member"):
        trackers.log_runs(result, tracker, each="seed")


def events(path):
    """The events of a file of length-prefixed records (with two checksums of 4 bytes each)."""
    proto = pytest.importorskip("tensorboardX.proto.event_pb2")
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        found.append(proto.Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return found


@pytest.mark.parametrize("history", [0, 2])
def test_tensorboards_files_hold_scores_and_hyperparameters(history, tmp_path):
    pytest.importorskip("tensorboardX")
    plugin = pytest.importorskip("tensorboardX.proto.plugin_hparams_pb2")
    result = make_result((2, 1), seeds=2, history=history)
    trackers.log_runs(result, trackers.TensorBoard(tmp_path / "runs"))
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
    places = {epoch: k for k, epoch in enumerate(result.history.get("epoch", ()))}
    assert {step for _, step in scalars} == (set(places) or {0})
    for (tag, step), value in scalars.items():
        name = tag.replace("/", "_")
        runs = result.history[name][1, 0, :, places[step]] if places else result.scores[name][1, 0]
        assert value == pytest.approx(runs.mean(), rel=1e-6)
    assert {tag for tag, _ in scalars} == {"train/loss", "train/accuracy", "test/loss", "test/accuracy"}
    with pytest.raises(ValueError, match=r"directory: .* holds the run"):
        trackers.log_runs(result, trackers.TensorBoard(tmp_path / "runs"))


def test_without_the_package_its_name_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"tensorboard: .* pip install 'jfnn\[tensorboard\]'"):
        trackers.TensorBoard(tmp_path)
    assert np.array_equal(list(tmp_path.iterdir()), [])
