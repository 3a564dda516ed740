"""Several networks and batch sizes: leading axes of one result, with one program each."""

import itertools
import json

import numpy as np
import pytest
from helpers import (
    compilations,
    everything,
    make_programs,
    make_result,
    make_sampled,
    parts_of,
    same_bits,
    with_scores,
)
from optax import sgd
from scipy import stats

import jfnn
from jfnn.analysis import ranking
from jfnn.core.search.programs import combine
from jfnn.core.search.result import with_run

pytestmark = pytest.mark.unoptimized

TILE = jfnn.Execution(tile=4)
OPTIONS = dict(epochs=4, execution=TILE)
NETWORKS = {"6": jfnn.mlp((5, 6, 3)), "4-4": jfnn.mlp((5, 4, 4, 3), "relu")}
RULES = {"plain": "sgd", "steep": jfnn.Optimizer("sgd", momentum=0.5)}
SEVERAL = dict(learning_rate=[0.01, 0.1], l2=[0.0, 0.3], seeds=2, validation=0.3, **OPTIONS)


@pytest.mark.thorough
def test_members_diverged_in_one_program_are_left_out_of_a_mean(split):
    exploding = jfnn.mlp((5, 6, 3), jfnn.activations.Activation(lambda z: z * 1e30, lambda z: 1e30 + 0 * z))
    options = dict(learning_rate=[1e-3, 1e-2], batch_size=16, validation=0.2, **OPTIONS)
    both = jfnn.sweep({"a": exploding, "b": NETWORKS["6"]}, split, **options)
    alone = both.program(network="b")
    assert both.program(network="a").best_or_none() is None
    assert both.best().axes["network"] == "b"
    assert {cell.axes["network"] for cell in ranking.best_first(both).cells} == {"b"}
    x = split.x_test
    np.testing.assert_array_equal(both.predict_proba(x, "mean"), alone.predict_proba(x, "mean"))
    assert np.isnan(both.predict_proba(x)[0]).all()


@pytest.mark.parametrize("make", [make_result, make_sampled])
def test_programs_of_a_combined_result_equal_its_parts(make):
    """Even with histories of several lengths, and if some programs kept the parameters of one cell."""
    parts = []
    for number in range(6):
        part = make(draw=number, history=5 - number % 2, folds=3)
        params = {"w": np.random.default_rng(number).normal(size=(*part.diverged_at.shape, 2))}
        part = with_run(part, params=params, config={"settings": {"tile": number}}, timing={"run": number})
        parts.append(part.of_cell(*part.best().index) if number > 3 else part)
    whole = combine({"network": np.array(["a", "b", "c"]), "batch_size": np.array([8, 0])}, parts)
    keys = [{"network": name, "batch_size": size} for name in "abc" for size in (8, 0)]
    assert [run.key for run in whole.runs] == keys
    for part, program in zip(parts, parts_of(whole), strict=True):
        assert same_bits(everything(program), everything(part))
    for number, (name, size) in enumerate(itertools.product("abc", (8, None))):
        program = whole.program(network=name, batch_size=size)
        assert same_bits(everything(program), everything(parts[number]))


@pytest.mark.parametrize("classes", [True, False])
def test_best_of_several_programs_has_the_best_score_and_comes_first_among_equals(classes):
    worse = make_result((2, 2), classes=classes)
    name = worse.ranked_by
    better = with_scores(worse, {name: worse.scores[name] + (1 if classes else -1)})
    none = with_scores(worse, {name: np.full_like(worse.scores[name], np.nan)})
    names = {"network": np.array(["a", "b", "c", "d"])}
    best = combine(names, [none, worse, better, better]).best()
    assert (best.index, best.score) == ((2, *better.best().index), better.best().score)
    assert combine({"network": np.array(["a", "b"])}, [none, none]).best_or_none() is None


def test_shorter_history_is_padded_with_nan():
    long, short = (make_result((2, 2), history=length) for length in (5, 3))
    both = combine({"network": np.array(["a", "b"])}, [short, long])
    assert both.evaluations.tolist() == [1, 2, 3, 4, 5]
    losses = both.history["train_loss"]
    np.testing.assert_array_equal(losses[1], long.history["train_loss"])
    np.testing.assert_array_equal(losses[0, ..., :3], short.history["train_loss"])
    assert np.isnan(losses[0, ..., 3:]).all()


@pytest.mark.thorough
def test_programs_compile_once_each(split):
    """There is a program for each minibatch shape and each network; custom functions are in no registry."""
    networks = {"none": jfnn.mlp((5, 3)), "4": jfnn.mlp((5, 4, 3))}
    # A new optimizer, so that no other test has compiled these programs.
    options = dict(
        learning_rate=stats.loguniform(1e-3, 1.0), optimizer=lambda learning_rate: sgd(learning_rate)
    )
    options |= dict(batch_size=[16, 8], cells=3, **OPTIONS)
    options["execution"] = jfnn.Execution(tile=2, shared=True)  # otherwise the layout depends on the sizes
    for changes, expected in (({}, 4), ({"cells": 9, "seeds": 3, "epochs": 7}, 0)):
        with compilations("_advance") as compiled:
            jfnn.sweep(networks, split, **options | changes)
        assert len(compiled) == expected


def test_error_for_a_missing_program_names_the_existing_ones():
    result = make_programs(batch_sizes=(16, 8))
    for values, named in (
        ({"network": "nope", "batch_size": 16}, r"^network: .*'20', '10-10'.*'nope'"),
        ({"network": "20", "batch_size": 9}, r"^batch_size: .*16, 8.*9"),
        ({"network": "20"}, r"^batch_size: "),
        ({"network": "20", "batch_size": 8, "l2": 0.0}, r"^l2: "),
    ):
        with pytest.raises(ValueError, match=named):
            result.program(**values)
    with pytest.raises(ValueError, match=r"^execution: "):
        result.execution  # noqa: B018


@pytest.mark.thorough
def test_directories_are_named_after_programs_and_hold_no_others(split, tmp_path):
    options = SEVERAL | {"epochs": 1, "batch_size": [16, 8], "out": tmp_path / "a"}
    written = jfnn.sweep(NETWORKS, split, **options)
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config["programs"] == ["6-batch-16", "6-batch-8", "4-4-batch-16", "4-4-batch-8"]
    assert same_bits(jfnn.load(tmp_path / "a" / "4-4-batch-8").params, written.params[1][1])
    for out, changes, message in (
        ("a", {}, r"^out: .* holds these programs already"),
        ("a", {"batch_size": [16, 4], "resume": True}, r"^out: .* holds a run of other programs"),
        ("a/6-batch-16", {}, r"^out: .* holds a run of one program"),
    ):
        with pytest.raises(ValueError, match=message):
            jfnn.sweep(NETWORKS, split, **options | {"out": tmp_path / out} | changes)
    with pytest.raises(ValueError, match=r"^out: .*several networks or batch sizes"):
        jfnn.sweep(NETWORKS["6"], split, **SEVERAL, batch_size=16, out=tmp_path / "a")


@pytest.mark.thorough
@pytest.mark.parametrize("place", ["6-batch-8", "refit"])
def test_directory_with_other_content_is_refused_before_training(split, tmp_path, place):
    options = SEVERAL | {"epochs": 1, "validation": 0.3, "refit": True}
    options |= {"batch_size": [16, 8], "execution": jfnn.Execution(progress=pytest.fail)}
    file = tmp_path / "file" / place
    foreign = tmp_path / "foreign" / place / "results.npz"
    run = tmp_path / "run" / place
    for path in (file, foreign):
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    jfnn.sweep(NETWORKS["6"], split, **SEVERAL | {"epochs": 2}, batch_size=8, out=run)
    for path, message in (
        (file, r"^out: .*6-batch-8 is not a directory|^out: .*refit is not a directory"),
        (foreign, r"results\.npz, but not"),
        (run, r"another configuration|already contains"),
    ):
        out = tmp_path / path.relative_to(tmp_path).parts[0]
        before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
        with pytest.raises(ValueError, match=message):
            jfnn.sweep(NETWORKS, split, **options, out=out)
        assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")} == before


def test_name_too_long_for_a_directory_is_refused_before_training(split, tmp_path):
    networks = NETWORKS | {"a" * 300: NETWORKS["6"]}
    execution = jfnn.Execution(progress=pytest.fail)
    options = dict(learning_rate=0.1, epochs=1, batch_size=16, execution=execution)
    with pytest.raises(ValueError, match=r"^out: .*aaa.*File name too long"):
        jfnn.sweep(networks, split, **options, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def make(layers, width, rule=RULES["plain"]):
    return jfnn.supervised(
        jfnn.mlp((5, *[width] * layers, 3), "tanh", init="glorot_normal"), reduction="mean", optimizer=rule
    )


@pytest.mark.thorough
def test_named_axes_of_networks_are_axes_of_the_result(split, tmp_path):
    networks = jfnn.Networks(make, layers=[1, 0], width=np.array([4]), rule=RULES)
    swept = jfnn.sweep(networks, split, **SEVERAL | {"batch_size": 16, "l2": 0.0}, out=tmp_path)
    kinds = [("layers", "i"), ("width", "i"), ("rule", "U"), ("learning_rate", "f"), ("l2", "f")]
    places = list(itertools.product([1, 0], [4], RULES))
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {
        f"layers-{i}-width-{j}-rule-{k}" for i, j, k in places
    }
    for result in (swept, jfnn.load(tmp_path)):
        assert [(name, values.dtype.kind) for name, values in result.axes.items()] == kinds
        assert result.layers.tolist() == [1, 0] and result.rule.tolist() == ["plain", "steep"]
        assert result.validation_loss.shape == (2, 1, 2, 2, 1, 2)
        best = result.best().axes
        assert (best["layers"], best["width"], best["rule"]) in places
        alone = result.program(layers=0, width=4, rule="steep")
        assert same_bits(result.params[1][0][1], alone.params)
        assert result.to_dict()["layers"].tolist() == [1] * 8 + [0] * 8


@pytest.mark.thorough
def test_statistics_distinguish_network_axes_from_cell_axes():
    named = make_programs(named={"layers": [1, 2], "width": [50, 5, 20]}, batch_sizes=(16, 8), shape=(3, 4))
    assert jfnn.analysis.best_rates(named).shape == (2, 3, 2)
    assert jfnn.cell_statistics(named).mean.shape == (2, 3, 2, 3, 4)
    least = named.best(jfnn.Simplest({"width": "least", "layers": "most"}, errors=1e9)).axes
    assert (least["width"], least["layers"]) == (5, 2)  # numbers in increasing order, not in the given order
    drawn = make_programs(named={"width": [0.5, 1e-5]}, make=make_sampled)
    assert drawn.cell_shape == (2, 12) and drawn.cells.lengths == {"width": 2, "cells": 12}
    assert drawn.to_dict()["width"].tolist() == [0.5] * 24 + [1e-5] * 24
    np.testing.assert_array_equal(drawn.program(width=1e-5).test_loss, drawn.test_loss[1])


NET = NETWORKS["6"]


@pytest.mark.thorough
def test_dense_convolutional_and_recurrent_networks_share_rows_and_one_ranking(split):
    networks = {"mlp": NETWORKS["6"], "cnn": jfnn.cnn((1, 5), (2,), 3), "rnn": jfnn.rnn((5, 1), 3, 3)}
    shapes = {"cnn": (1, 5), "rnn": (5, 1)}
    options = dict(learning_rate=[0.01, 0.1], seeds=2, batch_size=16, **OPTIONS)
    together = jfnn.sweep(networks, split, **options)
    assert {cell.axes["network"] for cell in ranking.best_first(together).cells} == {*networks}
    for name, shape in shapes.items():
        shaped = split._replace(
            x_train=split.x_train.reshape(-1, *shape), x_test=split.x_test.reshape(-1, *shape)
        )
        alone = jfnn.sweep(networks[name], shaped, **options)
        program = together.program(network=name)
        assert same_bits(program.params, alone.params)
        assert same_bits(program.predict(split.x_test), alone.predict(shaped.x_test))
        member = alone.member(1, 0, 1)
        outputs = (jfnn.predict_proba(networks[name], member, each.x_test) for each in (split, shaped))
        np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("names", [("fits", "short"), ("short", "fits")])
def test_error_in_one_of_several_networks_names_it(split, names):
    networks = {"fits": NETWORKS["6"], "short": jfnn.cnn((1, 4), (2,), 3)}
    with pytest.raises(jfnn.ArgumentError, match=r"^x_train: network 'short': expected shape \[n, 1, 4\]"):
        jfnn.sweep({name: networks[name] for name in names}, split, learning_rate=0.1, batch_size=16)
