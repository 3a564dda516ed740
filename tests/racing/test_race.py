"""Races of networks: the bits of one sweep, directories that are continued, results used like a sweep's."""

import matplotlib
import numpy as np
import pytest
from helpers import parts_of, refusal, same_bits
from noisy_classes import NET, SPLIT

import jfnn
from jfnn import plots, report
from jfnn.racing import rounds

pytestmark = pytest.mark.unoptimized

# The first rate hardly learns, the last one diverges.
GRID = {"learning_rate": [1e-3, 0.4, 1e38], "l2": [0.0, 0.3], "epochs": 9, "batch_size": 8}
RULES = {"seeds": 9, "first": 4, "alpha": 0.5}


def race(split=SPLIT, network=NET, **options):
    return jfnn.race(network, split, **GRID | RULES | options)


@pytest.fixture(scope="module")
def race_result():
    return race(execution=jfnn.Execution(eval_every=4, objective=True))


def captions(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(matplotlib.text.Text))


def mask(result):
    return (result.epochs > 0) | (result.diverged_at >= 0)


def check_bits(ours, full):
    """Check that trained members equal those of a sweep of all seeds, and the others have no scores."""
    trained = mask(ours)
    assert trained.any() and not trained.all()
    assert (ours.epochs[trained] == full.epochs[trained]).all()
    for one, other in [(ours.scores, full.scores), (ours.history, full.history)]:
        for name in one:
            np.testing.assert_array_equal(one[name][trained], other[name][trained])
            assert np.isnan(one[name][~trained]).all()
    if ours.objective is not None:
        np.testing.assert_array_equal(ours.objective[trained], full.objective[trained])
    np.testing.assert_array_equal(ours.diverged_at[trained], full.diverged_at[trained])


@pytest.mark.thorough
def test_race_states_its_outcome_in_a_sentence():
    ended = race(learning_rate=[0.1, 1e38], l2=0.0, epochs=1, seeds=3, first=2)
    assert str(ended) == "learning_rate 0.1 wins at error 0.5 after 4 networks"
    assert ended.best.axes == {"learning_rate": 0.1, "l2": 0.0}


@pytest.mark.thorough
@pytest.mark.optimized
def test_members_have_the_bits_of_one_sweep(race_result):
    execution = jfnn.Execution(
        eval_every=4,
        objective=True,
        tile=race_result.result.execution.tile,
        shared=race_result.result.execution.shared,
    )
    seeds = len(race_result.result.seeds)
    full = jfnn.sweep(NET, SPLIT, seeds=seeds, execution=execution, **GRID)
    assert (
        race_result.trained == mask(race_result.result).sum() < race_result.planned == full.diverged_at.size
    )
    check_bits(race_result.result, full)
    cell = race_result.tied[0]
    assert race_result.result.kept_cell == cell
    assert same_bits(race_result.result.params, full.of_cell(*cell).params)
    np.testing.assert_array_equal(race_result.result.predict(SPLIT.x_test), full.predict(SPLIT.x_test)[cell])


@pytest.mark.slow
@pytest.mark.optimized
@pytest.mark.parametrize(
    "options",
    [
        {"folds": 3, "optimizer": jfnn.Optimizer("sgd", momentum=[0.0, 0.9], schedule="cosine")},
        {"network": {"a": NET, "b": jfnn.mlp((4, 5, 3))}, "batch_size": [8, 12], "l2": 0.0},
        {
            "cells": {"learning_rate": [1e-3, 0.4, 0.1], "dropout": [0.0, 0.1, 0.2]},
            "learning_rate": None,
            "l2": 0.0,
        },
        {"hyper": {"dropout": 0.1}, "validation": 0.2, "schedulers": jfnn.EarlyStopping(2)},
        {"cells": 8, "seeds": [7, 3, 20, 1, 8, 5, 90, 4, 11]},
        {
            "network": jfnn.supervised(NET, optimizer=jfnn.Optimizer("sgd", momentum=[0.0, 0.9])),
            "loss": "cross_entropy",
        },
    ],
    ids=["folds", "programs", "listed", "validation", "sampled", "learner"],
)
def test_members_have_the_bits_of_one_sweep_for_all_kinds_of_grids(options):
    options = GRID | options
    network = options.pop("network", NET)
    ended = jfnn.race(network, SPLIT, **RULES | options)
    programs = parts_of(ended.result)
    layouts = {(each.execution.tile, each.execution.shared) for each in programs}
    assert len(layouts) == 1
    ((tile, shared),) = layouts
    execution = jfnn.Execution(tile=tile, shared=shared)
    seeds = ended.result.seeds.tolist()
    full = jfnn.sweep(network, SPLIT, **options | {"execution": execution, "seeds": seeds})
    check_bits(ended.result, full)


@pytest.mark.thorough
def test_all_rounds_have_the_tiles_of_the_first(monkeypatch):
    """These small networks have the same bits in any tile; large ones do not."""
    trained = []

    def seen(*arguments, **options):
        trained.append(jfnn.sweep(*arguments, **options))
        return trained[-1]

    monkeypatch.setattr(rounds, "sweep", seen)
    ended = race(learning_rate=np.geomspace(1e-3, 0.4, 9))
    assert len(trained) == len(ended.looks) > 2
    (layout,) = {(one.execution.tile, one.execution.shared) for one in trained}
    assert layout == (ended.result.execution.tile, ended.result.execution.shared)


@pytest.mark.thorough
def test_generators_and_splitters_of_folds_are_read_once():
    def pairs():
        for first in (0, 20):
            held = np.arange(first, first + 20)
            yield np.setdiff1d(np.arange(60), held), held

    by_generator = race(folds=pairs())
    by_list = race(folds=list(pairs()))
    assert len(by_generator.looks) > 1
    for name, scores in by_generator.result.scores.items():
        np.testing.assert_array_equal(scores, by_list.result.scores[name])
    from sklearn.model_selection import ShuffleSplit

    drawn = race(folds=ShuffleSplit(2, test_size=0.3))
    assert len(drawn.looks) > 1 and len(drawn.result.scores["validation_accuracy"].shape) == 4


@pytest.mark.thorough
@pytest.mark.parametrize("at", [1, 2])
def test_killed_race_resumes_to_the_same_files(at, tmp_path, monkeypatch):
    race(out=tmp_path / "whole")
    calls = []

    def interrupted(*arguments, **options):
        calls.append(options["out"])
        if len(calls) > at:
            raise KeyboardInterrupt
        return jfnn.sweep(*arguments, **options)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(rounds, "sweep", interrupted)
        race(out=tmp_path / "killed")
    assert "not ended" in str(refusal(jfnn.RaceResult.load, directory=tmp_path / "killed"))
    assert "unfinished" in str(refusal(race, out=tmp_path / "killed"))
    resumed = race(out=tmp_path / "killed", resume=True)
    names = ["results.npz", "results.csv", "models.npz", "race.json"]
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()

    def untrained(now):
        raise AssertionError("trained")

    again = race(
        out=tmp_path / "killed", resume=True, execution=jfnn.Execution(progress=untrained)
    )  # reads all rounds
    assert str(again) == str(resumed)
    loaded = jfnn.RaceResult.load(tmp_path / "killed")
    assert (str(loaded), loaded.tied, loaded.looks) == (str(resumed), resumed.tied, resumed.looks)
    assert same_bits(loaded.result.params, resumed.result.params)
    assert same_bits(jfnn.load(tmp_path / "killed").scores, resumed.result.scores)


@pytest.mark.thorough
def test_foreign_directories_are_refused(tmp_path):
    race(out=tmp_path / "race")
    assert "finished" in str(refusal(race, out=tmp_path / "race"))
    for changes in ({"alpha": 0.1}, {"seeds": 10}, {"test": "sign"}, {"first": 3}, {"indifferent": 0.5}):
        error = refusal(race, out=tmp_path / "race", resume=True, **changes)
        assert isinstance(error, ValueError) and "another directory" in str(error)
    error = refusal(race, out=tmp_path / "race", resume=True, epochs=3)
    assert isinstance(error, ValueError) and "epochs is 9 there and 3 here" in str(error)
    jfnn.sweep(NET, SPLIT, out=tmp_path / "sweep", **GRID)
    assert "not an unfinished race" in str(refusal(race, out=tmp_path / "sweep", resume=True))
    for holds_none in ("sweep", "nothing"):
        with pytest.raises(FileNotFoundError):
            jfnn.RaceResult.load(tmp_path / holds_none)
    (tmp_path / "race" / "race.json").write_text("{}")
    with pytest.raises(jfnn.CorruptFileError):
        race(out=tmp_path / "race", resume=True)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"schedulers": jfnn.Halving(2)}, "schedulers"),
        ({"refit": True}, "refit"),
        ({"batches": np.zeros((9, 6, 8), int)}, "batches"),
        ({"initial_params": [0]}, "initial_params"),
        ({"seeds": 1}, "seeds"),
        ({"first": 1}, "first"),
        ({"alpha": 1.0}, "alpha"),
        ({"alpha": 0.0}, "alpha"),
        ({"indifferent": -1.0}, "indifferent"),
        ({"test": "wilcoxon"}, "test"),
        ({"execution": jfnn.Execution(eval_every=1, keep_params="evaluations")}, "keep_params"),
    ],
)
def test_unsupported_options_of_a_race_are_refused(options, argument):
    error = refusal(race, **options)
    assert isinstance(error, ValueError) and str(error).startswith(f"{argument}: ")


@pytest.mark.thorough
def test_result_can_be_used_like_a_sweeps(race_result, tmp_path):
    result = race_result.result
    left = np.zeros(result.cell_shape, bool)
    for index in race_result.tied:
        left[index] = True
    np.testing.assert_array_equal(result.pruned_cells, ~left)
    np.testing.assert_array_equal(result.pruned.reshape(*left.shape, -1).all(axis=-1), ~left)
    untrained = result.epochs == 0
    assert untrained.any() and np.isnan(result.scores[result.ranked_by][untrained]).all()
    assert result.best().index == race_result.tied[0]
    ranks = [index for index in result.order() if left[index]]
    assert tuple(ranks) == race_result.tied
    table = result.to_dict()
    assert len(table["seed"]) == race_result.planned and mask(result).sum() == race_result.trained
    race_result.save(tmp_path / "saved")
    loaded = jfnn.RaceResult.load(tmp_path / "saved")
    assert (str(loaded), loaded.tied, loaded.looks) == (str(race_result), race_result.tied, race_result.looks)
    assert same_bits(loaded.result.scores, result.scores)
    assert jfnn.cell_statistics(result).tied.sum() <= left.sum()
    common = race_result.common
    assert len(common.seeds) == race_result.looks[0].seeds and mask(common).all()
    np.testing.assert_array_equal(common.test_accuracy, result.test_accuracy[..., : len(common.seeds)])
    assert common.best().index in race_result.tied
    for draw in (plots.heat_map, plots.scatter, plots.loss_curves):
        draw(result).savefig(tmp_path / "figure.png")
    report.write_report(result, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert f"{race_result.trained} networks" in page
    assert "(2 cells not ranked: diverged with some seed or fold)" in page
    assert "out: pruned early" in captions(plots.heat_map(result))
    assert "crosses: 2 diverged, 2 out" in captions(plots.scatter(result))
    assert race_result._repr_html_().count("<table") == 2 and "tie" in repr(race_result) + "tie"
    assert race_result.table()["networks"][-1] == race_result.trained


@pytest.mark.thorough
def test_races_of_edge_case_grids():
    one = race(learning_rate=0.4, l2=0.0)
    assert one.tied == ((0, 0),) and len(one.looks) == 1 and one.best.index == (0, 0)
    assert str(one) == f"learning_rate 0.4, l2 0 is the only cell ({one.trained} networks)"
    none = race(learning_rate=[1e38, 2e38])
    assert none.tied == () and none.best is None and "diverged" in str(none)
    assert none.result.best_or_none() is None and none.result.params is None
    assert "<table" in none._repr_html_()
    twins = race(cells=[{"learning_rate": 0.4, "l2": 0.0}] * 3, learning_rate=None, l2=0.0)
    assert len(twins.tied) == 3 and len(twins.looks) == 3
    assert str(twins) == "3 of 3 cells tie at error 0.5 after 27 networks"
    untested = race(split=jfnn.Split(SPLIT.x_train, SPLIT.y_train), validation=None)
    assert untested.result.ranked_by == "train_accuracy"
    losses = race(validation=jfnn.Validation(rank_by="loss"))
    means = losses.result.cell_scores()
    assert losses.tied[0] == np.unravel_index(np.nanargmin(losses.result.ranked(means)), means.shape)


@pytest.mark.thorough
def test_keep_params_selects_what_is_kept():
    none = race(execution=jfnn.Execution(keep_params="none"))
    assert none.result.params is None and none.result.kept_cell is None
    best = race(execution=jfnn.Execution(keep_params="best"))
    assert best.result.kept_cell == best.tied[0]
    assert best.result.config["settings"]["keep_params"] == "best"


@pytest.mark.thorough
def test_indifference_margin_ends_a_race():
    ended = race(learning_rate=[0.4, 0.41], l2=0.0, indifferent=0.9, validation=None)
    assert len(ended.tied) == 2 and len(ended.looks) == 1
    assert "none is better than learning_rate" in str(ended) and str(ended).endswith("by 0.9")
