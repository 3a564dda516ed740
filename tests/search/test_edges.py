"""Unusual runs that must succeed: proportions as targets, a directory in use, no epochs."""

import dataclasses
import os
import threading

import jax
import numpy as np
import pytest
from helpers import same_bits
from sklearn.model_selection import KFold

import jfnn
from jfnn.core.engine import devices
from jfnn.core.store import files
from jfnn.core.store.files import directory_lock

pytestmark = pytest.mark.unoptimized

NET = jfnn.mlp((5, 6, 3))
TILE = jfnn.Execution(tile=4)
OPTIONS = dict(epochs=4, batch_size=16, execution=TILE)


@pytest.mark.thorough
def test_proportions_are_ranked_by_loss_and_labels_by_accuracy(split):
    targets = np.random.default_rng(1).random((90, 3))
    for values, ranked_by in ((targets, "test_loss"), ((targets < 0.5) * 1.0, "test_accuracy")):
        labels = jfnn.Split(split.x_train, values[:70], split.x_test, values[70:])
        result = jfnn.sweep(NET, labels, learning_rate=0.01, loss="sigmoid_cross_entropy", **OPTIONS)
        assert result.ranked_by == ranked_by
        assert set(np.unique(result.predict(split.x_test))) <= {0, 1}


def test_locking_does_nothing_on_systems_without_locks(tmp_path, monkeypatch):
    with (
        directory_lock(tmp_path),
        pytest.raises(ValueError, match=r"^out: "),
        directory_lock(tmp_path),
    ):
        pass
    monkeypatch.setattr(files, "fcntl", None)  # as on Windows, where it cannot be imported
    with directory_lock(tmp_path), directory_lock(tmp_path):
        pass


def test_waiting_lock_is_acquired_after_the_other(tmp_path):
    order = []

    def wait():
        with directory_lock(tmp_path, waits=True):
            order.append("second")

    with directory_lock(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_devices_of_several_kinds_are_refused(split, monkeypatch):
    monkeypatch.setattr(jax, "Device", FakeDevice)
    with pytest.raises(ValueError, match=r"^devices: expected devices of one kind, got cpu a, gpu b$"):
        devices.as_devices([FakeDevice("cpu", "a"), FakeDevice("gpu", "b")])


@dataclasses.dataclass
class FakeDevice:
    platform: str
    device_kind: str


SEVERAL = {"one": NET, "two": jfnn.mlp((5, 4, 3))}


def pairs(split):
    return KFold(2, shuffle=True, random_state=3).split(split.x_train)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "folds",
    ["pairs that can be read once", "a splitter without a seed"],
)
def test_all_programs_have_the_same_folds(folds, split):
    splitter = pairs(split) if folds.startswith("pairs") else KFold(2, shuffle=True)
    options = dict(learning_rate=0.1, **OPTIONS)
    both = jfnn.sweep(SEVERAL, split, folds=splitter, **options)
    rows = [run.config["data"]["validation"] for run in both.runs]
    assert rows[0] == rows[1]
    if folds.startswith("pairs"):
        alone = jfnn.sweep(SEVERAL["two"], split, folds=list(pairs(split)), **options)
        assert same_bits(alone.params, both.runs[1].params)


def test_directory_of_several_programs_keeps_their_order_and_refuses_others(split, tmp_path):
    options = dict(learning_rate=0.1, out=tmp_path, **OPTIONS)
    turned = dict(reversed(SEVERAL.items()))
    both = jfnn.sweep(turned, split, **options)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "config.json").write_text("{}")
    assert jfnn.load(tmp_path).network.tolist() == both.network.tolist() == ["two", "one"]
    with pytest.raises(ValueError, match=f"^out: {tmp_path} holds a run of other programs"):
        jfnn.sweep({"one": NET}, split, resume=True, **options)


def test_finished_run_of_several_programs_can_be_loaded_while_it_is_resumed(split, tmp_path, monkeypatch):
    options = dict(learning_rate=0.1, out=tmp_path, **OPTIONS)
    whole = jfnn.sweep(SEVERAL, split, **options)
    replace = os.replace
    loaded = []

    def replace_and_load(part, path):
        replace(part, path)
        loaded.append(jfnn.load(tmp_path))

    monkeypatch.setattr(os, "replace", replace_and_load)
    jfnn.sweep(SEVERAL, split, resume=True, **options)
    assert loaded and all(same_bits(result.scores, whole.scores) for result in loaded)


def test_run_without_epochs_is_saved_with_its_given_minibatches(split, tmp_path):
    rows = np.arange(64).reshape(1, 4, 16)
    for name, batches in {"array": rows, "function": lambda seed, epoch: rows[0]}.items():
        options = OPTIONS | dict(epochs=0, batches=batches, out=tmp_path / name)
        result = jfnn.sweep(NET, split, learning_rate=0.1, **options)
        assert same_bits(jfnn.load(tmp_path / name).params, result.params)


@pytest.mark.parametrize("every, reached", [([1, 4], [1]), ([2, 4], [])])
def test_refit_is_evaluated_only_at_epochs_it_reaches(every, reached, split):
    """A learning rate too small to improve the loss ends the search after its first epoch."""
    options = OPTIONS | dict(execution=jfnn.Execution(tile=4, eval_every=every))
    choice = dict(validation=0.25, schedulers=[jfnn.EarlyStopping(1)], refit=True)
    result = jfnn.sweep(NET, split, learning_rate=1e-12, **choice, **options)
    assert result.refit.epochs.tolist() == [[[1]]]
    assert result.refit.evaluations.tolist() == reached
