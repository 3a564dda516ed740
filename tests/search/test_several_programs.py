"""Several networks and batch sizes: leading axes of one result, a program each."""

import csv
import itertools
import json

import jax
import numpy as np
import pytest
from helpers import (
    compilations,
    everything,
    make_programs,
    make_result,
    make_sampled,
    representatives,
    same_bits,
    with_scores,
)
from optax import sgd
from scipy import stats

import jfnn
from jfnn.analysis import ranking
from jfnn.core.search.result import combined, with_run
from jfnn.minibatches import Minibatches

pytestmark = pytest.mark.unoptimised

TILE = jfnn.Execution(tile=4)
OPTIONS = dict(epochs=4, execution=TILE)
NETWORKS = {"6": jfnn.mlp((5, 6, 3)), "4-4": jfnn.mlp((5, 4, 4, 3), "relu")}
RULES = {"plain": "sgd", "steep": jfnn.Optimizer("sgd", momentum=0.5)}
SEVERAL = dict(learning_rate=[0.01, 0.1], l2=[0.0, 0.3], seeds=2, validation=0.3, **OPTIONS)


@pytest.fixture(scope="module")
def swept(split):
    return jfnn.sweep(NETWORKS, split, batch_size=[16, 8], refit=True, **SEVERAL)


def test_each_program_is_a_sweep_of_its_own_in_one_table(split, swept):
    assert {name: values.tolist() for name, values in swept.axes.items() if values.dtype.kind != "f"} == {
        "network": ["6", "4-4"],
        "batch_size": [16, 8],
    }
    assert swept.validation_loss.shape == (2, 2, 2, 2, 2)
    for i, (name, network) in enumerate(NETWORKS.items()):
        for j, size in enumerate((16, 8)):
            alone = jfnn.sweep(network, split, batch_size=size, **SEVERAL)
            part = swept.program(network=name, batch_size=size)
            assert same_bits(part.params, alone.params)
            assert same_bits(swept.params[i][j], alone.params)
            assert same_bits(swept.member(i, j, 1, 0, 1), alone.member(1, 0, 1))
            np.testing.assert_array_equal(swept.validation_loss[i, j], alone.validation_loss)
            np.testing.assert_array_equal(swept.predict(split.x_test)[i, j], alone.predict(split.x_test))
    table = swept.to_dict()
    assert list(table)[:5] == ["network", "batch_size", "learning_rate", "l2", "seed"]
    assert {len(column) for column in table.values()} == {4 * 8}
    rows = (table["network"] == "4-4") & (table["batch_size"] == 8)
    np.testing.assert_array_equal(table["validation_loss"][rows], swept.validation_loss[1, 1].ravel())


def test_the_best_cell_is_the_best_of_all_programs_and_is_trained_again(split, swept):
    best = swept.best()
    assert best.score == max(program.best().score for program in swept.programs)
    network = NETWORKS[best.axes["network"]]
    numbers = {name: [best.axes[name]] for name in ("learning_rate", "l2")}
    options = SEVERAL | numbers | {"validation": None, "batch_size": best.axes["batch_size"]}
    assert same_bits(swept.refit.params, jfnn.sweep(network, split, **options).params)
    assert ranking.best_first(swept).cells[0].cell == best.index


@pytest.mark.thorough
def test_the_best_cell_is_trained_again_from_the_start_of_its_program(split, swept):
    starts = [[jax.tree.map(lambda leaf: leaf[0, 0], params) for params in row] for row in swept.params]
    options = SEVERAL | {"batch_size": [16, 8], "epochs": 1}
    again = jfnn.sweep(NETWORKS, split, **options, initial_params=starts, refit=True)
    best = again.best()
    i, j, *_ = best.index
    numbers = {name: [best.axes[name]] for name in ("learning_rate", "l2")}
    options |= numbers | {"validation": None, "batch_size": best.axes["batch_size"]}
    alone = jfnn.sweep(NETWORKS[best.axes["network"]], split, **options, initial_params=starts[i][j])
    assert same_bits(again.refit.params, alone.params)


def test_members_of_all_programs_are_asked_at_once(split, swept):
    x = split.x_test
    chances = swept.predict_proba(x)
    assert chances.shape == (2, 2, 2, 2, 2, len(x), 3)
    np.testing.assert_allclose(
        swept.predict_proba(x, "mean"), chances.reshape(-1, len(x), 3).mean(axis=0), rtol=1e-5
    )
    votes = swept.predict(x).reshape(-1, len(x))
    expected = [np.bincount(column, minlength=3).argmax() for column in votes.T]
    np.testing.assert_array_equal(swept.predict(x, "vote"), expected)
    scores = swept.row_scores("loss", "validation", split)
    np.testing.assert_allclose(np.nanmean(scores, axis=-1), swept.validation_loss, rtol=1e-5)
    part = swept.programs[3].row_scores("loss", "validation", split)
    np.testing.assert_array_equal(scores[1, 1], part)


def test_members_that_diverged_in_one_program_are_left_out_of_a_mean(split):
    exploding = jfnn.mlp((5, 6, 3), jfnn.activations.Activation(lambda z: z * 1e30, lambda z: 1e30 + 0 * z))
    options = dict(learning_rate=[1e-3, 1e-2], batch_size=16, validation=0.2, **OPTIONS)
    both = jfnn.sweep({"a": exploding, "b": NETWORKS["6"]}, split, **options)
    alone = both.program(network="b")
    assert both.programs[0].best_or_none() is None
    assert both.best().axes["network"] == "b"
    assert {cell.axes["network"] for cell in ranking.best_first(both).cells} == {"b"}
    x = split.x_test
    np.testing.assert_array_equal(both.predict_proba(x, "mean"), alone.predict_proba(x, "mean"))
    assert np.isnan(both.predict_proba(x)[0]).all()


def test_parameters_of_the_best_cell_alone_are_those_of_its_program(split, swept, tmp_path):
    execution = jfnn.Execution(tile=4, keep_params="best")
    kept = jfnn.sweep(NETWORKS, split, batch_size=[16, 8], **SEVERAL | {"execution": execution})
    index = kept.best().index
    assert kept.kept_cell == index == swept.best().index
    assert same_bits(kept.member(*index, 1), swept.member(*index, 1))
    np.testing.assert_array_equal(kept.predict(split.x_test), swept.predict(split.x_test)[index])
    other = next(cell for cell in np.ndindex(kept.cell_shape) if cell != index)
    with pytest.raises(ValueError, match=r"^member: .*alone"):
        kept.member(*other, 0)
    kept.save(tmp_path)
    for result in (kept, jfnn.load(tmp_path)):
        assert result.kept_cell == index and same_bits(result.params, swept.of_cell(*index).params)
        for part, whole in zip(result.programs, swept.programs, strict=True):
            assert same_bits(part.params, whole.of_cell(*part.best().index).params)


def test_a_cell_of_several_programs_is_that_of_its_program(split, swept):
    index = (1, 0, 0, 1)
    cell = swept.of_cell(*index)
    part = swept.program(network="4-4", batch_size=16).of_cell(0, 1)
    assert cell.kept_cell == index and same_bits(cell.params, part.params)
    np.testing.assert_array_equal(cell.predict(split.x_test), part.predict(split.x_test))
    np.testing.assert_array_equal(cell.predict(split.x_test, "vote"), part.predict(split.x_test, "vote"))
    assert same_bits(cell.scores, swept.scores)
    assert [program.params is None for program in cell.programs] == [True, True, False, True]


def test_one_network_by_name_has_an_axis_in_all_that_is_asked(split):
    options = dict(learning_rate=[0.01, 0.1, 0.3], batch_size=16, **OPTIONS)
    named = jfnn.sweep({"6": NETWORKS["6"]}, split, **options)
    alone = jfnn.sweep(NETWORKS["6"], split, **options)
    np.testing.assert_array_equal(named.predict(split.x_test), alone.predict(split.x_test)[None])
    assert named.member(0, 2, 0, 0)[0].w.shape == (5, 6)
    assert same_bits(named.params, [alone.params])


@pytest.mark.parametrize("make", [make_result, make_sampled])
def test_a_program_of_a_result_is_what_it_was_made_of(make):
    """Also of histories of several lengths, and where some kept the parameters of one cell."""
    parts = []
    for number in range(6):
        part = make(draw=number, history=5 - number % 2, folds=3)
        params = {"w": np.random.default_rng(number).normal(size=(*part.diverged_at.shape, 2))}
        part = with_run(part, params=params, config={"settings": {"tile": number}}, timing={"run": number})
        parts.append(part.of_cell(*part.best().index) if number > 3 else part)
    whole = combined({"network": np.array(["a", "b", "c"]), "batch_size": np.array([8, 0])}, parts)
    for part, program in zip(parts, whole.programs, strict=True):
        assert same_bits(everything(program), everything(part))
    for number, (name, size) in enumerate(itertools.product("abc", (8, None))):
        program = whole.program(network=name, batch_size=size)
        assert same_bits(everything(program), everything(parts[number]))


@pytest.mark.parametrize("classes", [True, False])
def test_the_best_of_several_programs_has_the_best_score_and_is_the_first_of_equals(classes):
    worse = make_result((2, 2), classes=classes)
    name = worse.ranked_by
    better = with_scores(worse, {name: worse.scores[name] + (1 if classes else -1)})
    none = with_scores(worse, {name: np.full_like(worse.scores[name], np.nan)})
    names = {"network": np.array(["a", "b", "c", "d"])}
    best = combined(names, [none, worse, better, better]).best()
    assert (best.index, best.score) == ((2, *better.best().index), better.best().score)
    assert combined({"network": np.array(["a", "b"])}, [none, none]).best_or_none() is None


def test_a_shorter_history_ends_in_nan():
    long, short = (make_result((2, 2), history=length) for length in (5, 3))
    both = combined({"network": np.array(["a", "b"])}, [short, long])
    assert both.evaluations.tolist() == [1, 2, 3, 4, 5]
    losses = both.history["train_loss"]
    np.testing.assert_array_equal(losses[1], long.history["train_loss"])
    np.testing.assert_array_equal(losses[0, ..., :3], short.history["train_loss"])
    assert np.isnan(losses[0, ..., 3:]).all()


def test_cells_drawn_at_random_are_the_same_for_every_network(split):
    options = dict(learning_rate=stats.loguniform(1e-3, 1.0), l2=[0.0, 0.1], cells=5, batch_size=16)
    drawn = jfnn.sweep(NETWORKS, split, **options, **OPTIONS)
    assert drawn.cell_shape == (2, 5) and drawn.test_loss.shape == (2, 5, 1)
    alone = jfnn.sweep(NETWORKS["4-4"], split, **options, **OPTIONS)
    np.testing.assert_array_equal(drawn.test_loss[1], alone.test_loss)
    best = drawn.best()
    assert best.axes["learning_rate"] == drawn.learning_rate[best.index[1]]
    table = drawn.to_dict()
    assert table["network"].tolist() == ["6"] * 5 + ["4-4"] * 5
    np.testing.assert_array_equal(table["l2"], np.tile(alone.l2, 2))


@pytest.mark.thorough
def test_batch_sizes_may_be_schemes_and_all_rows(split):
    schemes = [Minibatches(16, "permutation", False), None, Minibatches(8, "permutation")]
    options = OPTIONS | {"learning_rate": 0.1, "epochs": 1}
    swept = jfnn.sweep(NETWORKS["6"], split, batch_size=schemes, **options)
    assert swept.batch_size.tolist() == [16, 0, 8]
    for i, scheme in enumerate(schemes):
        alone = jfnn.sweep(NETWORKS["6"], split, batch_size=scheme, **options)
        assert same_bits(swept.params[i], alone.params)
    assert same_bits(swept.program(batch_size=None).params, swept.params[1])


@pytest.mark.thorough
def test_programs_compile_once_each(split):
    """A program for each shape of a minibatch and each network, by functions that registries do not have."""
    networks = {"none": jfnn.mlp((5, 3)), "4": jfnn.mlp((5, 4, 3))}
    # An optimizer of this test's own, so that no other test has compiled these programs.
    options = dict(
        learning_rate=stats.loguniform(1e-3, 1.0), optimizer=lambda learning_rate: sgd(learning_rate)
    )
    options |= dict(batch_size=[16, 8], cells=3, **OPTIONS)
    options["execution"] = jfnn.Execution(tile=2, shared=True)  # else its form follows from the sizes
    for changes, expected in (({}, 4), ({"cells": 9, "seeds": 3, "epochs": 7}, 0)):
        with compilations("_advance") as compiled:
            jfnn.sweep(networks, split, **options | changes)
        assert len(compiled) == expected


def test_a_program_that_is_not_there_is_named_with_those_that_are(swept):
    for values, named in (
        ({"network": "nope", "batch_size": 16}, r"^network: .*'6', '4-4'.*'nope'"),
        ({"network": "6", "batch_size": 9}, r"^batch_size: .*16, 8.*9"),
        ({"network": "6"}, r"^batch_size: "),
        ({"network": "6", "batch_size": 8, "l2": 0.0}, r"^l2: "),
    ):
        with pytest.raises(ValueError, match=named):
            swept.program(**values)
    with pytest.raises(ValueError, match=r"^execution: "):
        swept.execution  # noqa: B018


def test_a_sweep_of_several_programs_is_saved_read_back_and_resumed(split, swept, tmp_path):
    options = SEVERAL | {"batch_size": [16, 8], "refit": True, "out": tmp_path / "a"}
    written = jfnn.sweep(NETWORKS, split, **options)
    swept.save(tmp_path / "b")
    for directory in (tmp_path / "a", tmp_path / "b"):
        again = jfnn.load(directory)
        assert same_bits(again.params, swept.params)
        assert same_bits(again.scores, swept.scores)
        assert same_bits(again.refit.params, written.refit.params)
        np.testing.assert_array_equal(again.predict(split.x_test), swept.predict(split.x_test))
        config = json.loads((directory / "config.json").read_text())
        assert config["programs"] == ["6-batch-16", "6-batch-8", "4-4-batch-16", "4-4-batch-8"]
        alone = jfnn.load(directory / "4-4-batch-8")
        assert same_bits(alone.params, swept.params[1][1])
    rows = list(csv.DictReader((tmp_path / "a" / "results.csv").read_text().splitlines()))
    assert {(row["network"], row["batch_size"]) for row in rows} == {
        (network, size) for network in NETWORKS for size in ("16", "8")
    }
    resumed = jfnn.sweep(NETWORKS, split, resume=True, **options)
    assert same_bits(resumed.refit.params, written.refit.params)
    for out, changes, message in (
        ("a", {}, r"^out: .* holds these programs already"),
        ("a", {"batch_size": [16, 4], "resume": True}, r"^out: .* holds a run of other programs"),
        ("a/6-batch-16", {}, r"^out: .* holds a run of one program"),
    ):
        with pytest.raises(ValueError, match=message):
            jfnn.sweep(NETWORKS, split, **options | {"out": tmp_path / out} | changes)
    with pytest.raises(ValueError, match=r"^out: .*several networks or batch sizes"):
        jfnn.sweep(NETWORKS["6"], split, **SEVERAL, batch_size=16, out=tmp_path / "a")


@pytest.mark.parametrize("place", representatives(["6-batch-8", "refit"], "refit"))
def test_a_directory_with_anything_else_is_refused_before_any_trains(split, tmp_path, place):
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
        (file, r"^out: .*6-batch-8 is no directory|^out: .*refit is no directory"),
        (foreign, r"results\.npz, but not"),
        (run, r"another configuration|already contains"),
    ):
        out = tmp_path / path.relative_to(tmp_path).parts[0]
        before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
        with pytest.raises(ValueError, match=message):
            jfnn.sweep(NETWORKS, split, **options, out=out)
        assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")} == before


def test_a_name_too_long_for_a_directory_is_refused_before_any_trains(split, tmp_path):
    networks = NETWORKS | {"a" * 300: NETWORKS["6"]}
    execution = jfnn.Execution(progress=pytest.fail)
    options = dict(learning_rate=0.1, epochs=1, batch_size=16, execution=execution)
    with pytest.raises(ValueError, match=r"^out: .*aaa.*File name too long"):
        jfnn.sweep(networks, split, **options, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_networks_of_other_metrics_are_refused_before_any_trains(split):
    other = jfnn.supervised(NETWORKS["6"], metrics=["loss"])
    with pytest.raises(ValueError, match=r"^network: expected networks of the same metrics"):
        jfnn.sweep(
            {"a": NETWORKS["6"], "b": other},
            split,
            learning_rate=0.1,
            batch_size=16,
            execution=jfnn.Execution(progress=pytest.fail),
        )


def test_a_number_cannot_be_named_as_an_axis_of_programs_is(split):
    def loss(params, rows, key, network):
        return network * params.sum()

    learner = jfnn.learner(lambda key: jax.numpy.zeros(3), loss, hyper=["network"])
    with pytest.raises(ValueError, match=r"^hyper: .*'network'"):
        jfnn.sweep(learner, split, learning_rate=0.1, batch_size=16, hyper={"network": [1.0, 2.0]})


def make(layers, width, rule=RULES["plain"]):
    return jfnn.supervised(
        jfnn.mlp((5, *[width] * layers, 3), "tanh", init="glorot_normal"), reduction="mean", optimizer=rule
    )


def test_named_axes_of_networks_are_axes_of_the_result(split, tmp_path):
    axes = dict(layers=[1, 0], width=np.array([4]))
    networks = jfnn.Networks(make, **axes, rule=RULES)
    options = SEVERAL | {"batch_size": 16, "l2": 0.0}
    swept = jfnn.sweep(networks, split, **options, out=tmp_path / "run")
    places = list(itertools.product([1, 0], [4], RULES))
    names = ["-".join(map(str, place)) for place in places]
    learners = [make(layers, width, RULES[rule]) for layers, width, rule in places]
    known = jfnn.sweep(dict(zip(names, learners, strict=True)), split, **options)
    assert [(name, values.dtype.kind) for name, values in swept.axes.items()] == [
        *[("layers", "i"), ("width", "i"), ("rule", "U"), ("learning_rate", "f"), ("l2", "f")]
    ]
    assert swept.layers.tolist() == [1, 0] and swept.rule.tolist() == ["plain", "steep"]
    assert swept.validation_loss.shape == (2, 1, 2, 2, 1, 2)
    np.testing.assert_array_equal(swept.validation_loss.reshape(4, 2, 1, 2), known.validation_loss)
    best = swept.best()
    place = places[known.best().index[0]]
    assert best.axes == dict(zip(("layers", "width", "rule"), place, strict=True)) | {
        name: known.best().axes[name] for name in ("learning_rate", "l2")
    }
    loaded = jfnn.load(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir() if path.is_dir()) == sorted(
        f"layers-{i}-width-{j}-rule-{k}" for i, j, k in places
    )
    for result in (swept, loaded):
        assert {n: v.dtype for n, v in result.axes.items()} == {n: v.dtype for n, v in swept.axes.items()}
        assert same_bits(result.program(layers=0, width=4, rule="steep").params, known.params[3])
        assert same_bits(result.params[1][0][1], known.params[3])
        assert same_bits(result.member(1, 0, 1, 0, 0, 1), known.member(3, 0, 0, 1))
        np.testing.assert_array_equal(
            result.predict(split.x_test).reshape(4, 2, 1, 2, -1), known.predict(split.x_test)
        )
        table = result.to_dict()
        assert list(table)[:6] == ["layers", "width", "rule", "learning_rate", "l2", "seed"]
        assert table["layers"].tolist() == [1] * 8 + [0] * 8
    resumed = jfnn.sweep(networks, split, **options, out=tmp_path / "run", resume=True)
    assert same_bits(resumed.params, swept.params)


@pytest.mark.thorough
def test_statistics_of_named_axes_know_which_are_of_networks():
    named = make_programs(named={"layers": [1, 2], "width": [50, 5, 20]}, batch_sizes=(16, 8), shape=(3, 4))
    assert jfnn.analysis.best_rates(named).shape == (2, 3, 2)
    assert jfnn.cell_statistics(named).mean.shape == (2, 3, 2, 3, 4)
    least = named.best(jfnn.Simplest({"width": "least", "layers": "most"}, errors=1e9)).axes
    assert (least["width"], least["layers"]) == (5, 2)  # numbers by their size, not as they were given
    drawn = make_programs(named={"width": [0.5, 1e-5]}, make=make_sampled)
    assert drawn.cell_shape == (2, 12) and drawn.cells.lengths == {"width": 2, "cells": 12}
    assert drawn.to_dict()["width"].tolist() == [0.5] * 24 + [1e-5] * 24
    np.testing.assert_array_equal(drawn.program(width=1e-5).test_loss, drawn.test_loss[1])


NET = NETWORKS["6"]


@pytest.mark.parametrize(
    ("axes", "named"),
    [
        ({}, "axes"),
        ({"network": [1, 2]}, "axes.*network"),
        ({"a/b": [1, 2]}, "axes.*a/b"),
        ({"width": 5}, "width"),
        ({"width": []}, "width"),
        ({"width": [5, 5.0]}, "width.*once"),
        ({"width": [5, "a"]}, "width.*numbers, or words"),
        ({"width": [np.nan]}, "width"),
        ({"width": [[1, 2]]}, "width"),
        ({"width": ["../a"]}, "width.*directories"),
        ({"bias": [True, False]}, "bias.*'yes'"),
        ({"bias": {"no": False, 1: True}}, "bias"),
    ],
)
def test_axes_of_networks_without_names_or_values_are_refused(axes, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        jfnn.Networks(lambda **values: NET, **axes)


def test_a_function_that_makes_no_networks_is_refused_by_its_arguments():
    for function, word in (
        (lambda depth: NET, "width"),
        (NET, "width"),
        (lambda width: None, "None.*'width': 5"),
    ):
        with pytest.raises(TypeError, match=f"^make: .*{word}"):
            jfnn.Networks(function, width=[5])


@pytest.mark.parametrize(
    "axes",
    [
        *({name: [1, 2]} for name in ("learning_rate", "l2", "seed", "scores", "batch_size", "best")),
        {"dropout": [1, 2]},
        {"train_loss": [1, 2]},
        {"a": ["b", "b-c-b"], "c": ["b-c-b", "b"]},
    ],
    ids=lambda axes: next(iter(axes)),
)
def test_axes_of_networks_named_as_others_are_refused_before_any_trains(split, axes):
    networks = jfnn.Networks(lambda **values: NET, **axes)
    options = dict(learning_rate=0.1, batch_size=16, hyper={"dropout": [0.1, 0.2]})
    with pytest.raises(ValueError, match=rf"^network: .*'{next(iter(axes))}"):
        jfnn.sweep(networks, split, execution=jfnn.Execution(progress=pytest.fail), **options)


def test_networks_of_other_numbers_are_refused_before_any_trains(split):
    rules = {"plain": "sgd", "steep": jfnn.Optimizer("sgd", momentum=[0.5, 0.9])}
    networks = jfnn.Networks(lambda rule: make(1, 4, rule), rule=rules)
    execution = jfnn.Execution(progress=pytest.fail)
    with pytest.raises(ValueError, match=r"^network: .*momentum"):
        jfnn.sweep(networks, split, learning_rate=0.1, batch_size=16, execution=execution)
