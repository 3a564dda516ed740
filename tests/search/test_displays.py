"""Results in a terminal and a notebook: one short text, one well-formed table."""

import re
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import PurePosixPath, PureWindowsPath
from unittest import mock

import jax
import numpy as np
import pytest
from drawn_results import results
from examples import examples
from helpers import noise_split

import jfnn
from jfnn.arguments.paths import names_directory
from jfnn.arguments.texts import axis_text, name_text, value_text
from jfnn.core.engine.cohort import Progress
from jfnn.core.experiment.progress import DRAWING, ProgressBar

pytestmark = pytest.mark.unoptimized


def rows(shown):
    page = ElementTree.fromstring(f"<div>{shown._repr_html_()}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]


@pytest.mark.thorough
@examples((80, 1), (2000, 1))
def test_results_show_the_best_cells_and_the_range_of_their_members(examples):
    def law(result):
        shape = result.cell_shape
        count, diverged = result.diverged_at.size, int((result.diverged_at >= 0).sum())
        members = f"{count} member{'s' * (count > 1)}" + f" ({diverged} diverged)" * (diverged > 0)
        assert repr(result).startswith(f"<SweepResult of {members}")
        names = list(result.axes) if result.crossed else [*result.runs[0].key, "cells"]
        counts = zip(names, shape, strict=False)
        assert not shape or ", ".join(f"{name} {count}" for name, count in counts) in repr(result)
        assert len(repr(result)) < 500
        means = result.scores[result.ranked_by].reshape(*shape, -1).mean(axis=-1)
        is_pruned = result.pruned.reshape(*shape, -1).any(axis=-1)
        higher = result.higher_is_better()
        costs = np.where(np.isnan(means) | is_pruned, np.inf, -means if higher else means).ravel()
        order = [cell for cell in np.argsort(costs, kind="stable") if np.isfinite(costs[cell])]
        shown = rows(result)
        assert ("no cell ranks" in repr(result)) == ("no best cell" in result._repr_html_()) == (not order)
        assert len(shown) == len(order[:5]) + (len(order) > 0)
        heading = [*map(axis_text, result.axes), name_text(result.ranked_by)]
        assert not shown or shown[0] == ["", *heading]
        for rank, (cell, row) in enumerate(zip(order, shown[1:], strict=False), 1):
            index = np.unravel_index(cell, shape)
            texts = [value_text(name, value) for name, value in result.axes_at(index).items()]
            assert row[:-1] == [f"{rank}.", *texts]
            values = result.scores[result.ranked_by][index].ravel()
            expected = [values.mean(), values.min(), values.max()][: 1 if values.size == 1 else 3]
            numbers = [float(text) for text in re.sub(r"[()]|to ", "", row[-1]).split()]
            np.testing.assert_allclose(numbers, expected, rtol=6e-3, atol=6e-4 * higher)
        if order:
            best = result.best()
            assert f"best {result.ranked_by} {means[best.index]:.6g} at {best.axes}" in repr(result)
            assert rows(best) == [
                heading,
                [*map(value_text, best.axes, best.axes.values()), f"{best.score:.4g}"],
            ]

    examples.check(law, result=results(most=100, histories=[0]))


@examples((100, 1), (1000, 1), few=(15, 1))
def test_statistics_show_one_line_and_a_table_of_their_first_cells(examples):
    def law(result):
        statistics = jfnn.cell_statistics(result)
        tied = int(statistics.tied.sum())
        assert f"{tied} of {statistics.tied.size} tied" in repr(statistics) and len(repr(statistics)) < 120
        heading, *cells = rows(statistics)
        assert heading == ["index", *statistics._fields] and len(cells) == min(10, statistics.tied.size)
        assert [row[-1] for row in cells] == ["yes"] * min(10, tied) + [""] * (len(cells) - min(10, tied))
        for text, *numbers, _ in cells:
            index = tuple(map(int, filter(None, text.split(", "))))
            assert numbers == [f"{values[index]:.4g}" for values in statistics[:-1]]

    examples.check(law, result=results(most=100, histories=[0]))


def test_bar_stays_on_one_line_and_restarts_with_the_next_program(capsys):
    bar = ProgressBar("loss", higher_is_better=False)
    for epoch in (1, 2, 3):
        bar(Progress(epoch, 3, 2, 2, -0.25))
        time.sleep(0.15)  # tqdm draws at most ten times a second
    bar(Progress(1, 2, 1, 1, None))
    bar.close()
    written = capsys.readouterr().err
    assert "2 of 2 training, best loss 0.25" in written and "\n" not in written


@pytest.mark.thorough
def test_bar_shows_compilation_and_moves_with_every_tile():
    bar = mock.Mock(ProgressBar, wraps=ProgressBar(silent=True))
    execution = jfnn.Execution(tile=2, progress=bar)
    options = dict(learning_rate=[0.01, 0.1, 1e38], l2=[0.0, 0.1], epochs=6, batch_size=16)
    result = jfnn.sweep(jfnn.mlp((5, 6, 3)), noise_split(), execution=execution, **options)
    assert bar.mock_calls[0] == mock.call.begin(6)  # before anything is compiled for training
    assert bar.compiling.mock_calls == [mock.call(done, 2) for done in range(3)]  # of training and of scoring
    moved = [epochs for ((epochs,), _) in bar.add.call_args_list]
    returns = [now.epoch for ((now,), _) in bar.call_args_list]
    assert (result.diverged_at >= 0).sum() == 2 and returns[-1] == 6
    assert len(moved) > len(returns)
    # Diverged members leave at a return; after it, the remaining ones count for all.
    assert sum(moved) == pytest.approx(6)
    assert DRAWING not in {thread.name for thread in threading.enumerate()}  # the bar is closed


@pytest.mark.thorough
def test_bar_shows_which_of_several_programs_compiles(capsys):
    networks = {"a": jfnn.mlp((5, 3)), "b": jfnn.mlp((5, 4, 3))}
    options = dict(learning_rate=0.1, epochs=1, batch_size=16, validation=0.2)
    for refit, numbers in ((False, "12"), (True, "123")):
        execution = jfnn.Execution(progress=True)
        jfnn.sweep(networks, noise_split(), execution=execution, refit=refit, **options)
        shown = re.findall(r"program (\d) of (\d) compiling", capsys.readouterr().err)
        assert list(dict.fromkeys(shown)) == [(number, str(len(numbers))) for number in numbers]


def test_bar_is_closed_if_a_run_is_refused():
    with pytest.raises(ValueError, match="folds"):
        execution = jfnn.Execution(progress=ProgressBar(silent=True))
        jfnn.sweep(jfnn.mlp((5, 6, 3)), noise_split(), learning_rate=0.1, folds=10**6, execution=execution)
    assert DRAWING not in {thread.name for thread in threading.enumerate()}


def test_bar_is_closed_if_its_run_ends_early():
    class Stops(ProgressBar):
        def __call__(self, now):
            super().__call__(now)
            raise SystemExit

    options = dict(learning_rate=0.1, epochs=6, batch_size=16)
    with pytest.raises(SystemExit):
        execution = jfnn.Execution(progress=Stops(silent=True), eval_every=1)
        jfnn.sweep(jfnn.mlp((5, 6, 3)), noise_split(), execution=execution, **options)
    assert DRAWING not in {thread.name for thread in threading.enumerate()}


def test_names_of_networks_are_restricted_only_in_directories(tmp_path):
    networks = {"</b>": jfnn.mlp((5, 3)), "a/b": jfnn.mlp((5, 4, 3))}
    options = {"learning_rate": 0.1, "epochs": 1}
    split = noise_split()
    assert list(jfnn.sweep(networks, split, **options).axes["network"]) == ["</b>", "a/b"]
    with pytest.raises(ValueError, match=r"^network: .*directories, got '</b>'"):
        jfnn.sweep(networks, split, out=tmp_path / "run", **options)


def test_names_of_networks_make_valid_directory_names():
    for name in ("50-sigmoid", "a b", "é"):
        assert names_directory(name, PureWindowsPath) and names_directory(name, PurePosixPath)
    for name in ("a/b", "..", ".a", "", "a/", 3):
        assert not names_directory(name, PureWindowsPath) and not names_directory(name, PurePosixPath)
    for name in ("a\\b", "c:b", "c:", "\\\\host\\share"):
        assert not names_directory(name, PureWindowsPath)


KINDS = {name: getattr(jfnn.analysis, name) for name in jfnn.analysis.__all__}
KINDS = {name: kind for name, kind in KINDS.items() if hasattr(kind, "_fields")}


@pytest.mark.parametrize("name", KINDS)
def test_results_of_arrays_are_shown_on_one_line(name):
    fields = KINDS[name]._fields
    full = np.linspace(0, 1.5, 6000).reshape(20, 300)
    shown = repr(KINDS[name](*[full] * len(fields)))
    assert "\n" not in shown and len(shown) < 300 and name in shown
    if not hasattr(KINDS[name], "_repr_html_"):  # it has its own representation
        assert all(f"{field}=20×300 (0 to 1.5)" in shown for field in fields)


def test_networks_splits_and_subsets_are_shown_on_one_line():
    split = jfnn.Split(np.ones((3, 4, 4)), np.array([0, 2, 2]), np.ones((2, 4, 4)), np.array([0, 2]))
    network = jfnn.sequential([jfnn.Flatten(), jfnn.Dense(5), jfnn.Dense(3)], (4, 4))
    assert repr(network) == "<Network 4×4 → Flatten 16 → Dense 5 → Dense 3, 103 parameters>"
    assert [row[1:] for row in rows(network)[2:]] == [["16", "0"], ["5", "85"], ["3", "18"]]
    own = jfnn.Network(np.zeros, np.dot)
    assert "zeros" in repr(own) and "zeros" in own._repr_html_()
    assert repr(split) == "<Split: train 3×4×4, test 2×4×4, 2 classes>"
    assert rows(split)[1:3] == [["x_train", "3×4×4", "float64"], ["y_train", "3", "int64"]]
    assert repr(jfnn.Split()) == "<Split: no rows>" and rows(jfnn.Split()) == [["", "shape", "dtype"]]
    assert repr(jfnn.Split([[1.0, 2.0], [3.0]], [1.0, 2.0])) == "<Split: train 2, 1 target>"
    shown = []
    jax.jit(lambda x: shown.append(repr(jfnn.Split(x, x[:, 0].astype(int)))))(np.ones((3, 2)))
    assert shown == ["<Split: train 3×2, labels>"]
    left_out = jfnn.subsets.leave_one_out(7)
    assert repr(left_out) == "<Subsets: 7 of 7 rows, each 6 to train on, 1 held out; left_out 0 to 6>"
    assert "10–50 to train on, 50 held out" in repr(jfnn.subsets.sizes(100, [10, 50]))
    assert "in the first 100" in repr(jfnn.subsets.bootstrap(20, 101))
