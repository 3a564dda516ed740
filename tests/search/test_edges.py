"""Unusual runs that must end well: nothing ranks, nothing weighs, one fold, a directory in use."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import same_bits
from sklearn.model_selection import KFold, ShuffleSplit

import jfnn
from jfnn import losses
from jfnn.analysis import ranking
from jfnn.search import result
from jfnn.store import environment
from jfnn.store import files as storage

NET = jfnn.mlp((5, 6, 3))
OPTIONS = dict(epochs=4, tile=4, batch_size=16)


def test_a_sweep_in_which_every_cell_diverges_keeps_its_scores(split, tmp_path):
    options = dict(learning_rate=1e30, l2=[0.0, 1.0], keep_params="best", out=tmp_path, **OPTIONS)
    found = jfnn.sweep(NET, split, **options)
    assert found.params is None
    assert found.best_or_none() is None
    again = jfnn.sweep(NET, split, **options, resume=True)
    np.testing.assert_array_equal(again.diverged_at, [[[0], [0]]])
    with pytest.raises(ValueError, match=r"^no best cell"):
        jfnn.load(tmp_path).best()
    with pytest.raises(ValueError, match=r"^member: this sweep kept no parameters"):
        found.member(0, 0, 0)


def test_groups_of_which_one_diverges_are_compared(split):
    rates = {"learning_rate": [1e-3], "validation": 0.2, "epochs": 4, "tile": 4}
    exploding = jfnn.mlp((5, 6, 3), jfnn.activations.Activation(lambda z: z * 1e30, lambda z: 1e30 + 0 * z))
    found = jfnn.sweep_groups({"a": exploding, "b": NET}, split, batch_size=16, **rates)
    assert found.results[0].ranked_by == found.results[1].ranked_by == "validation_accuracy"
    assert found.results[0].best_or_none() is None
    assert [cell.sweep for cell in ranking.best_first(found.results).cells] == [1]
    assert found.best()[0].network == "b"


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_best_cells_parameters_are_told_from_a_grid_of_their_shape(seeds, tmp_path):
    x, y = np.random.default_rng(0).normal(size=(8, 2)), np.arange(8) % 2
    options = dict(loss="sigmoid_cross_entropy", learning_rate=[0.1, 0.2], l2=[0.0, 0.1], seeds=seeds)
    options |= dict(epochs=3, batch_size=4, tile=2)
    xor, split = jfnn.mlp((2, 2, 1)), jfnn.Split(x, y, None, None)
    everything = jfnn.sweep(xor, split, **options)
    jfnn.sweep(xor, split, **options, keep_params="best").save(tmp_path)
    best = jfnn.load(tmp_path)
    assert best.kept_cell == everything.best().index
    for seed in range(seeds):
        place = (*best.kept_cell, seed)
        assert same_bits(best.member(*place), everything.member(*place))
    with pytest.raises(ValueError, match="kept only the best"):
        best.member(1 - best.kept_cell[0], 0, 0)


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_fold_has_scores_without_intervals(seeds, split):
    fold = ShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
    found = jfnn.sweep(NET, split, learning_rate=[0.01, 0.1], folds=fold, seeds=seeds, **OPTIONS)
    statistics = jfnn.cell_statistics(found)
    np.testing.assert_allclose(statistics.mean, found.validation_accuracy.mean(axis=(-1, -2)), rtol=1e-12)
    assert np.isnan(statistics.low).all() == (seeds == 1)
    assert len(ranking.best_first([found]).cells) == 2


@pytest.mark.parametrize("by", ["autodiff", "backprop"])
@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_a_minibatch_in_which_nothing_weighs_has_no_data_term(reduction, by):
    params, x, y = NET.init(jax.random.key(0)), np.ones((4, 5)), np.zeros(4, int)
    options = dict(l2=0.5, reduction=reduction, weights=np.zeros(4))
    if by == "autodiff":
        found = jax.value_and_grad(jfnn.objective, argnums=1)(NET, params, x, y, **options)
    else:
        found = jfnn.backprop.value_and_grad(params, x, y, **options)
    penalty = {"sum": 0.5, "mean": 0.0}[reduction]  # of no samples there is no mean
    expected = jax.value_and_grad(lambda params: penalty * losses.l2_penalty(params))(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found, expected)


def test_rows_without_weight_do_not_make_members_diverge(split):
    weights = np.where(np.arange(70) < 35, 1.0, 0.0)
    options = dict(learning_rate=0.1, reduction="mean", minibatch="permutation", remainder="keep")
    found = jfnn.sweep(NET, split, weights=weights, **options, **(OPTIONS | {"batch_size": 3, "epochs": 8}))
    assert (found.diverged_at == -1).all()


def test_a_schedule_reaches_its_end_in_each_fold_of_its_own_length(split):
    folds = [(np.arange(33), np.arange(33, 70)), (np.arange(20, 70), np.arange(20))]
    options = dict(learning_rate=0.1, schedule="linear", **OPTIONS)
    found = jfnn.sweep(NET, split, folds=folds, seeds=[0, 5], **options)
    for number, (train, _) in enumerate(folds):
        alone, _ = jfnn.train(NET, split.x_train[train], split.y_train[train], seed=5, **options)
        assert same_bits(found.member(0, 0, 1, number), alone)


def test_several_labels_at_once_are_ranked_by_their_loss(split):
    targets = (np.random.default_rng(1).random((90, 3)) < 0.5).astype(float)
    targets[0] = 1, 1, 0
    labels = jfnn.Split(split.x_train, targets[:70], split.x_test, targets[70:])
    found = jfnn.sweep(NET, labels, learning_rate=0.01, loss="sigmoid_cross_entropy", **OPTIONS)
    assert found.ranked_by == "test_loss"
    assert np.isnan(found.test_accuracy).all()


def test_axes_may_be_arrays_of_any_kind(split):
    lists = dict(learning_rate=[0.125, 0.25], dropout=[0.0, 0.25], optimizer_args={"momentum": 0.5})
    arrays = dict(
        learning_rate=jnp.array([0.125, 0.25]),
        dropout=jnp.array([0.0, 0.25]),
        optimizer_args={"momentum": jnp.float32(0.5)},
    )
    one, other = (jfnn.sweep(NET, split, **given, **OPTIONS) for given in (lists, arrays))
    assert same_bits(one.params, other.params)
    sizes = np.array([8, 16])
    groups = jfnn.sweep_groups({"a": NET}, split, learning_rate=0.1, **(OPTIONS | {"batch_size": sizes}))
    assert groups.groups == (("a", 8), ("a", 16))


def test_a_directory_is_for_one_process_at_a_time(split, tmp_path):
    options = dict(learning_rate=0.1, segment=1, out=tmp_path, resume=True, **OPTIONS)
    refused = []

    def meddle(_):
        with pytest.raises(ValueError, match=f"^out: {tmp_path} is in use"):
            jfnn.sweep(NET, split, **options)
        refused.append(True)

    found = jfnn.sweep(NET, split, progress=meddle, **options)
    assert len(refused) == 4
    assert same_bits(jfnn.sweep(NET, split, **options).params, found.params)


def test_where_the_system_has_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "fcntl", None)
    with storage.held(tmp_path), storage.held(tmp_path):
        pass


def test_a_run_of_another_processor_is_another_run(split, tmp_path, monkeypatch):
    options = dict(learning_rate=0.1, out=tmp_path, resume=True, **OPTIONS)
    jfnn.sweep(NET, split, **options)
    monkeypatch.setattr(environment, "processor", lambda: "x86_64 of another kind")
    with pytest.raises(ValueError, match=r'backend.processor is .* there and "x86_64 of another kind" here'):
        jfnn.sweep(NET, split, **options)


def test_devices_of_several_kinds_are_refused(split, monkeypatch):
    import jfnn.engine.devices as devices

    monkeypatch.setattr(devices.jax, "Device", FakeDevice)
    with pytest.raises(ValueError, match=r"^devices: expected devices of one kind, got cpu a, gpu b$"):
        devices.resolve([FakeDevice("cpu", "a"), FakeDevice("gpu", "b")])


@dataclasses.dataclass
class FakeDevice:
    """A device as far as its kind goes."""

    platform: str
    device_kind: str


def test_a_search_whose_refit_was_stopped_is_there(split, tmp_path):
    options = dict(learning_rate=[0.1, 0.2], validation=0.2, refit=True, out=tmp_path, **OPTIONS)
    epochs = []

    def stop_in_refit(progress):
        epochs.append(progress.epoch)
        if len(epochs) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jfnn.sweep(NET, split, segment=2, progress=stop_in_refit, **options)
    found = jfnn.load(tmp_path)
    assert found.refit is None
    again = jfnn.sweep(NET, split, segment=2, resume=True, **options)
    assert same_bits(again.params, found.params)
    assert same_bits(jfnn.load(tmp_path).refit.params, again.refit.params)


GROUPS = {"one": NET, "two": jfnn.mlp((5, 4, 3))}


def trains_nothing(_):
    raise AssertionError("a group was trained")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": [8, 60], "validation": 0.2}, "^batch_size: expected at most the 56"),
        ({"networks": GROUPS | {"wide": jfnn.mlp((6, 3))}}, "^x_train: expected 6 columns"),
        ({"refit": True}, "^refit: without validation"),
        ({"refit": True, "validation": 0.2, "batches": [[[0, 1]]], "epochs": 1}, "^refit: given batches"),
    ],
)
def test_what_one_group_cannot_be_is_refused_before_any_trains(changes, message, split):
    options = dict(networks=GROUPS, learning_rate=0.1, progress=trains_nothing) | OPTIONS | changes
    with pytest.raises(ValueError, match=message):
        jfnn.sweep_groups(split=split, **options)


def pairs(split):
    return KFold(2, shuffle=True, random_state=3).split(split.x_train)


@pytest.mark.parametrize("folds", ["pairs that can be read once", "a splitter without a seed"])
def test_all_groups_have_the_same_folds(folds, split):
    given = pairs(split) if folds.startswith("pairs") else KFold(2, shuffle=True)
    options = dict(learning_rate=0.1, **OPTIONS)
    found = jfnn.sweep_groups(GROUPS, split, folds=given, **options)
    rows = [each.config["data"]["validation"] for each in found.results]
    assert rows[0] == rows[1]
    if folds.startswith("pairs"):
        alone = jfnn.sweep(GROUPS["two"], split, folds=list(pairs(split)), **options)
        assert same_bits(alone.params, found["two", 16].params)


def test_minibatches_of_all_rows_have_no_size(split):
    options = dict(learning_rate=0.1, minibatch="full", **OPTIONS)
    assert jfnn.sweep_groups(GROUPS, split, **options).groups == (("one", None), ("two", None))


def test_a_directory_of_groups_keeps_their_order_and_no_others(split, tmp_path):
    options = dict(learning_rate=0.1, out=tmp_path, **OPTIONS)
    turned = dict(reversed(GROUPS.items()))
    found = jfnn.sweep_groups(turned, split, **options)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "config.json").write_text("{}")
    assert jfnn.load_groups(tmp_path).groups == found.groups == (("two", 16), ("one", 16))
    with pytest.raises(ValueError, match=f"^out: {tmp_path} holds other groups"):
        jfnn.sweep_groups({"one": NET}, split, resume=True, **options)
    manifest = tmp_path / "groups.json"
    manifest.write_text(manifest.read_text()[:-9])
    with pytest.raises(storage.Damaged, match=r"groups.json: damaged"):
        jfnn.load_groups(tmp_path)


@pytest.mark.parametrize("name", ["test_accuracy", "test_loss"])
def test_the_best_place_is_the_first_of_equals(name):
    scores = np.array([[np.nan, 0.5], [0.5, 0.5]])
    assert result.best_place(scores, name) == (0, 1)
    assert result.best_place(np.full((2, 2), np.nan), name) is None
    scores[1, 0] = 0.7 if name == "test_accuracy" else 0.3
    assert result.best_place(scores, name) == (1, 0)
