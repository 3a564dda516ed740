"""One sweep: the printed output and the directory agree with the library."""

import json
import re

import jax
import numpy as np
import pytest
from command_line import FILES, GRID, SMALL, grid_main, parse
from helpers import make_result, with_scores

import jfnn
from jfnn.arguments.texts import describe
from jfnn.cli import output
from jfnn.cli.output import NOT_SETTINGS
from jfnn.core.engine.devices import cores

pytestmark = pytest.mark.unoptimized


@pytest.mark.thorough
def test_table_holds_the_seed_means_of_the_sweep(run):
    printed, _, expected = run
    for part in ("train", "test"):
        block = printed.split(f"{part} accuracy (η down")[1].split("\n\n")[0].splitlines()[1:]
        header, *rows = [line.split() for line in block]
        assert [float(value) for value in header] == [0, 1e-2, 1e6]
        assert [float(row[0]) for row in rows] == [1e-4, 1e-3, 1]
        means = expected.scores[f"{part}_accuracy"].sum(axis=-1) / 2
        for cells, row in zip(means, rows, strict=True):
            written = [text.rstrip("*") for text in row[1:]]
            assert written == ["div" if np.isnan(value) else f"{value:.3f}" for value in cells]
    assert np.isnan(means[2, 2]) and not np.isnan(means).all()  # both kinds of cell occur


def test_report_names_the_best_cell_its_noise_and_the_time(run):
    printed, _, expected = run
    best = expected.best()
    row, column = best.index
    starred = [line for line in printed.splitlines() if "*" in line and "best" not in line]
    assert len(starred) == 2  # train and test
    assert all(float(line.split()[0]) == expected.learning_rate[row] for line in starred)
    assert all(line.split()[column + 1].endswith("*") for line in starred)
    assert f"best cell: {describe(best.axes)}\n" in printed
    statistics = jfnn.cell_statistics(expected)
    lesser, greater = (values[best.index] for values in statistics.both())  # of two seeds
    assert f"test accuracy {lesser:.3f} and {greater:.3f}" in printed
    assert "95%" not in printed and "validation accuracy" not in printed
    seconds = re.search(r"in ([\d.]+) s: compile ([\d.]+) s, run ([\d.]+) s", printed).groups()
    total, *parts = map(float, seconds)
    assert total == pytest.approx(sum(parts), abs=0.11)
    assert "18 networks 64-4-10 in " in printed and "float32" in printed


@pytest.mark.parametrize("cells", [1, 8, 20])
def test_tables_fit_80_columns_and_lose_no_cell(cells):
    scores = np.arange(2.0 * cells).reshape(2, cells, 1) / 1000
    axes = {"learning_rate": np.full(2, 1.2e-5), "l2": np.geomspace(1.234567e-5, 9.87654, cells)}
    result = with_scores(make_result((2, cells), seeds=1), {"test_accuracy": scores}, axes=axes)
    lines = output.table(result, "test_accuracy", (0, 0), marked=True)
    assert max(map(len, lines)) <= 80
    # Headers begin with blanks, rows with a learning rate.
    rows = [line for line in lines if line and not line.startswith(" " * 8)]
    texts = [text.rstrip("*") for line in rows for text in line.split()[1:]]
    assert sorted(texts) == sorted(f"{score:.3f}" for score in scores.ravel())


def test_columns_of_long_numbers_stay_apart():
    scores = {"test_r2": np.full((2, 9, 1), -4.75e11)}
    result = with_scores(make_result((2, 9), seeds=1, classes=False), scores)
    lines = output.table(result, "test_r2", (0, 0), marked=False)
    assert max(map(len, lines)) <= 80
    texts = [text for line in lines for text in line.split() if text.startswith("-")]
    assert texts == ["-4.75e11"] * 18


def test_lists_of_best_cells_fit_80_columns_and_lose_no_column():
    further = {f"argument_{number}": np.array([0.1, 0.2]) for number in range(5)}
    result = make_result((2, 2), seeds=3, classes=False, further=further.items())
    lines = output.best_cells(result)
    assert max(map(len, lines)) <= 80
    for name in ("η", "λ", *further, "test loss", "test R²", "train loss"):
        assert sum(name in line for line in lines[1:]) == 1
    assert sum(line.startswith("3.") for line in lines) > 1  # repeated after the rank
    assert max(map(len, output.report(result).splitlines())) <= 80


def test_config_names_settings_versions_device_and_time(run):
    _, out, _ = run
    config = json.loads((out / "config.json").read_text())
    flags = parse(*GRID)
    expected = {name: value for name, value in vars(flags).items() if name not in NOT_SETTINGS}
    assert config["command"] == json.loads(json.dumps(expected))  # tuples become lists
    names = config["data"]["names"]
    assert names.pop("classes") == list("0123456789") and not any(names.values())
    assert not {"scaling", "classes", "columns"} & set(config)
    network = config["settings"]["learner"]["network"]
    assert network["inputs"] == [64] and [layer["units"] for layer in network["layers"]] == [4, 10]
    assert config["settings"]["dtype"] == "float32"
    assert config["versions"]["jax"] == jax.__version__ and config["versions"]["numpy"] == np.__version__
    assert config["backend"]["platform"] == "cpu" and config["device"]["count"] == max(2, cores())
    assert set(config["timing"]) == {"compile", "run"}


def test_grid_that_diverges_everywhere_is_reported_and_written(tmp_path, capsys, monkeypatch):
    def too_late():
        raise RuntimeError("use_all_cores: too late")

    monkeypatch.setattr(jfnn, "use_all_cores", too_late)  # as if JAX had already started
    assert grid_main(*SMALL, "--learning-rate", "1", "--l2", "1e6", "--out", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert printed.count(" div\n") == 2 and "No best cell" in printed and "* best" not in printed
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_zero_epochs_give_the_initial_networks_and_no_curves(tmp_path):
    words = [*SMALL, "--epochs", "0", "--learning-rate", "1", "--l2", "0", "--quiet"]
    assert grid_main(*words, "--out", str(tmp_path)) == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"curves.png"}
