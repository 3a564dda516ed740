"""The main command, run in process on small grids; once as a process of its own."""

import contextlib
import csv
import errno
import functools
import html
import importlib.util
import inspect
import io
import itertools
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path

import jax
import numpy as np
import pytest
import tqdm
from jax.experimental.compilation_cache import compilation_cache
from scipy import stats
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

import jfnn
from jfnn.analysis import summary
from jfnn.engine.devices import cores
from jfnn.engine.loop import Progress

SCRIPT = Path(__file__).parents[2] / "scripts" / "grid.py"
SMALL = ["--hidden", "4", "--epochs", "2", "--init", "glorot_uniform"]
# With these, the last learning rate diverges under the last penalty only.
GRID = [*SMALL, "--learning-rate", "1e-4,1e-3,1", "--l2", "0,1e-2,1e6", "--seeds", "2"]
FILES = {
    "config.json",
    "curves.png",
    "heatmap.png",
    "models.npz",
    "report.html",
    "results.csv",
    "results.npz",
}
SAVED = (".json", ".csv", ".npz")
# What the script brings itself, or what only a program can give.
NO_FLAG = {
    "network",
    "split",
    "value_and_grad",
    "initial_params",
    "batches",
    "history",
    "keep_params",
    "progress",
}
SCORES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "diverged_at")


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """What the script has compiled is found again where a test asks the same of the library."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def grid():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)
        spec = importlib.util.spec_from_file_location("grid", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(grid, tmp_path_factory):
    """A small grid: what it printed, the directory it wrote, and the same sweep asked of the library."""
    out = tmp_path_factory.mktemp("run") / "new" / "directory"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", printed)
        assert grid.main([*GRID, "--out", str(out)]) == 0
    expected = jfnn.sweep(
        jfnn.mlp((64, 4, 10), init="glorot_uniform"),
        jfnn.datasets.digits(),
        learning_rate=[1e-4, 1e-3, 1],
        l2=[0, 1e-2, 1e6],
        epochs=2,
        seeds=2,
    )
    return printed.getvalue(), out, expected


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """To draw figures well takes longest; the module's own `run` and the process apart do."""
    monkeypatch.setattr("jfnn.report.png", lambda figure: b"\x89PNG")


@pytest.fixture
def no_training(grid, monkeypatch):
    """Makes training a failure of the test."""

    def forbidden(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr(jfnn.engine.loop, "run", forbidden)


def parse(grid, *argv):
    return grid.flags.parse(grid.flags.make_parser(""), list(argv))


def test_table_holds_the_seed_means_of_the_sweep(run):
    printed, _, expected = run
    for part in ("train", "test"):
        block = printed.split(f"{part} accuracy (η down")[1].split("\n\n")[0].splitlines()[1:]
        header, *rows = [line.split() for line in block]
        assert [float(value) for value in header] == [0, 1e-2, 1e6]
        assert [float(row[0]) for row in rows] == [1e-4, 1e-3, 1]
        means = getattr(expected, f"{part}_accuracy").sum(axis=-1) / 2
        for cells, row in zip(means, rows, strict=True):
            written = [text.rstrip("*") for text in row[1:]]
            assert written == ["div" if np.isnan(value) else f"{value:.3f}" for value in cells]
    assert np.isnan(means[2, 2]) and not np.isnan(means).all()  # both kinds of cell were there


def test_report_names_the_best_cell_its_noise_and_the_time(run):
    printed, _, expected = run
    best = expected.best()
    row, column = best.index
    starred = [line for line in printed.splitlines() if "*" in line and "best" not in line]
    assert len(starred) == 2  # train and test
    assert all(float(line.split()[0]) == expected.learning_rate[row] for line in starred)
    assert all(line.split()[column + 1].endswith("*") for line in starred)
    assert f"best cell: {summary.describe(best.axes)}\n" in printed
    found = jfnn.cell_statistics(expected)
    half = (found.high - found.low)[best.index] / 2
    assert f"test accuracy {found.mean[best.index]:.3f} ± {half:.3f}, train accuracy" in printed
    assert "(± half the 95% confidence interval over 2 seeds)" in printed
    tied = found.tied.sum() - 1
    assert f"~ cannot be told from the best by a paired comparison (95%): {tied} of 8 others" in printed
    assert "ranked on the test rows" in printed
    assert "validation accuracy" not in printed and "One seed's noise" not in printed
    seconds = re.search(r"in ([\d.]+) s: compile ([\d.]+) s, run ([\d.]+) s", printed).groups()
    total, *parts = map(float, seconds)
    assert total == pytest.approx(sum(parts), abs=0.11)
    assert "18 networks 64-4-10" in printed and "float32" in printed


@pytest.mark.parametrize("cells", [1, 7, 8, 9, 20])
def test_tables_fit_80_columns_and_lose_no_cell(grid, cells):
    values = np.geomspace(1.234567e-5, 9.87654, cells)
    scores = np.arange(2.0 * cells).reshape(2, cells, 1) / 1000
    names = [f"{part}_{kind}" for part in ("train", "validation", "test") for kind in ("accuracy", "loss")]
    result = jfnn.SweepResult(
        {"learning_rate": values[:1].repeat(2), "l2": values},
        np.arange(1),
        folds=None,
        **dict.fromkeys(names, scores),
        lost=np.zeros(scores.shape, bool),
        **dict.fromkeys(("diverged_at", "left_at", "epochs"), np.full(scores.shape, -1)),
        params=None,
        history={},
        timing={},
        ranked_by="test_accuracy",
    )
    lines = grid.printing.table(result, scores, (0, 0), marked=True)
    assert max(map(len, lines)) <= 80
    # Headers begin with blanks, rows with a learning rate.
    rows = [line for line in lines if line and not line.startswith(" " * 8)]
    texts = [text.rstrip("*") for line in rows for text in line.split()[1:]]
    assert sorted(texts) == sorted(f"{score:.3f}" for score in scores.ravel())


def test_files_hold_every_member_of_the_sweep(grid, run):
    _, out, expected = run
    assert {path.name for path in out.iterdir()} == FILES
    saved = jfnn.load(out)
    assert list(saved.axes) == ["learning_rate", "l2"]
    for name, values in {**expected.axes, "seeds": expected.seeds}.items():
        np.testing.assert_array_equal((saved.axes | {"seeds": saved.seeds})[name], values)
    for name in SCORES:
        np.testing.assert_array_equal(getattr(saved, name), getattr(expected, name))
    jax.tree.map(np.testing.assert_array_equal, saved.params, expected.params)
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    for row, (i, j, s) in zip(rows, np.ndindex(3, 3, 2), strict=True):
        assert float(row["learning_rate"]) == expected.learning_rate[i]
        assert float(row["l2"]) == expected.l2[j]
        assert int(row["seed"]) == expected.seeds[s]
        for name in SCORES:
            np.testing.assert_array_equal(
                np.asarray(row[name], getattr(expected, name).dtype), getattr(expected, name)[i, j, s]
            )
    for name in ("heatmap.png", "curves.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_config_names_settings_versions_device_and_time(grid, run):
    _, out, _ = run
    config = json.loads((out / "config.json").read_text())
    given = vars(parse(grid, *GRID))
    expected = {name: given[name] for name in given if name not in ("out", "quiet", "resume", "given")}
    assert config["command"] == expected and config["scaling"] is None
    assert config["classes"] == list("0123456789")
    assert config["settings"]["network"]["sizes"] == [64, 4, 10] and config["settings"]["dtype"] == "float32"
    assert config["versions"]["jax"] == jax.__version__ and config["versions"]["numpy"] == np.__version__
    assert config["backend"]["platform"] == "cpu" and config["device"]["count"] == max(2, cores())
    assert set(config["timing"]) == {"compile", "run"}


def test_every_argument_of_the_sweep_has_a_flag(grid):
    assert set(inspect.signature(jfnn.sweep).parameters) - NO_FLAG <= set(vars(parse(grid)))


def test_defaults_are_the_grid_of_the_notes(grid):
    args = parse(grid)
    for axis in (args.learning_rate, args.l2):
        np.testing.assert_allclose(axis, np.logspace(-5, 1, 7), rtol=1e-14)
    assert (args.sizes, args.activation) == ([[50]], ["sigmoid"])
    assert (args.init, args.output) == ("normal", "identity")
    assert (args.dropout, args.init_scale, args.schedule, args.schedule_epochs) == (None, 1, "constant", None)
    assert (args.sample, args.refit, args.weights) == (None, False, None)
    problem = grid.data.load(args)
    assert (problem.inputs, problem.outputs) == (64, 10)
    assert grid.data.batch_sizes(problem, args) == [100]
    (network,) = grid.data.networks(problem, args).values()
    assert network is jfnn.mlp((64, 50, 10))
    assert (args.epochs, args.optimizer, args.loss) == (100, "sgd", None)
    assert (args.validation, args.folds, args.halving, args.early_stopping) == (None,) * 4
    assert (args.minibatch, args.reduction, args.seeds, args.dtype) == ("subset", "sum", 1, "float32")
    assert (args.test_size, args.random_state, args.out) == (0.2, 0, None)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--learning-rate 1e-3,0.5", "learning_rate", [1e-3, 0.5]),
        ("--l2 0,1e-2:1:3", "l2", [0, 1e-2, 1e-1, 1]),
        ("--hidden 30,20", "sizes", [[30, 20]]),
        ("--hidden none", "sizes", [[]]),
        ("--hidden 50 --hidden 100,50", "sizes", [[50], [100, 50]]),
        ("--activation relu,tanh,relu", "activation", ["relu", "tanh"]),
        ("--dropout 0.5", "dropout", 0.5),
        ("--dropout 0,0.5", "dropout", [0, 0.5]),
        ("--init-scale 0.1:10:3", "init_scale", [0.1, 1, 10]),
        ("--schedule cosine", "schedule", "cosine"),
        ("--schedule cosine --schedule-epochs 7", "schedule_epochs", 7),
        ("--refit", "refit", True),
        ("--sample 20", "sample", 20),
        ("--sample 20 --sample-seed 3", "sample_seed", 3),
        ("--seeds 3", "seeds", 3),
        ("--seeds 0,7", "seeds", [0, 7]),
        ("--seeds 7,", "seeds", [7]),
        ("--batch-size full", "batch_size", ["full"]),
        ("--batch-size 50,full,050", "batch_size", [50, "full"]),
        ("--validation 0.25", "validation", 0.25),
        ("--validation 200", "validation", 200),
        ("--folds 5", "folds", 5),
        ("--halving 3", "halving", jfnn.Halving(3)),
        ("--halving 3:5", "halving", jfnn.Halving(3, 5)),
        ("--early-stopping 10", "early_stopping", 10),
        ("--batch-size 32", "batch_size", [32]),
        ("--test-size 360", "test_size", 360),
        ("--segment 5", "segment", 5),
        (
            "--optimizer-arg b1=0.8 --optimizer-arg b2=0.9,0.99",
            "optimizer_args",
            {"b1": 0.8, "b2": [0.9, 0.99]},
        ),
        ("--optimizer-arg nesterov=true", "optimizer_args", {"nesterov": True}),
        ("--optimizer-arg momentum=0.1:0.9:2", "optimizer_args", {"momentum": [0.1, 0.9]}),
        ("--optimizer-arg memory=3", "optimizer_args", {"memory": 3}),
    ],
)
def test_values_are_read_as_the_help_says(grid, words, name, value):
    read = getattr(parse(grid, *words.split()), name)
    numbers = isinstance(value, list) and all(isinstance(each, float | int) for each in value)
    assert read == (pytest.approx(value, rel=1e-12) if numbers else value)
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("words", "name", "ends", "middle"),
    [
        ("--learning-rate 1e-4:1", "learning_rate", (1e-4, 1), 1e-2),
        ("--l2 1e-4:1", "l2", (1e-4, 1), 1e-2),
        ("--dropout uniform:0:0.5", "dropout", (0, 0.5), 0.25),
        ("--init-scale uniform:1:3", "init_scale", (1, 3), 2),
        ("--optimizer-arg momentum=uniform:-1:0.9", "momentum", (-1, 0.9), -0.05),
        ("--optimizer-arg b1=0.01:1", "b1", (0.01, 1), 0.1),
    ],
)
def test_ranges_are_drawn_from_log_uniformly_or_uniformly(grid, words, name, ends, middle):
    args = parse(grid, *words.split())
    read = (vars(args) | args.optimizer_args)[name]
    np.testing.assert_allclose(read.ppf([0, 0.5, 1]), [ends[0], middle, ends[1]], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--learning-rate -1", "--learning-rate: expected numbers above 0, got -1"),
        ("--learning-rate -1e-3,1", "--learning-rate: expected numbers above 0, got -0.001"),
        ("--learning-rate nan", "--learning-rate: expected finite numbers, got nan"),
        (
            "--learning-rate 1:2",
            "--learning-rate: a range START:STOP is drawn from with --sample; without, give START:STOP:COUNT",
        ),
        (
            "--optimizer-arg momentum=uniform:0:1",
            "--optimizer-arg momentum: a range START:STOP is drawn from with --sample; ",
        ),
        ("--l2 0:1", "--l2: expected START:STOP with 0 < START < STOP (or uniform:START:STOP), got '0:1'"),
        ("--l2 2:1", "--l2: expected START:STOP with 0 < START < STOP (or uniform:START:STOP), got '2:1'"),
        ("--l2 uniform:1:1", "--l2: expected uniform:START:STOP with START below STOP, got 'uniform:1:1'"),
        ("--l2 uniform:1", "--l2: expected uniform:START:STOP with START below STOP, got 'uniform:1'"),
        ("--l2 0.1,1:2", "--l2: expected numbers or START:STOP:COUNT, with commas between, got '0.1,1:2'"),
        ("--sample 3 --dropout uniform:0:2", "--dropout: expected rates of at least 0 and below 1, got "),
        ("--dropout 1", "--dropout: expected rates of at least 0 and below 1, got 1"),
        ("--init-scale 0", "--init-scale: expected numbers above 0, got 0"),
        ("--sample 0", "--sample: expected at least 1, got 0"),
        ("--sample 3 --sample-seed -1", "--sample-seed: expected at least 0, got -1"),
        ("--schedule foo", "--schedule: expected one of constant, "),
        ("--schedule linear --schedule-epochs 0", "--schedule-epochs: expected at least 1, got 0"),
        ("--refit", "--refit: without --validation or --folds, cells are trained on all training rows"),
        ("--weights w", "--weights: goes with --data"),
        ("--learning-rate 0:1:3", "--learning-rate: expected a log-spaced START:STOP:COUNT"),
        ("--l2 x", "--l2: expected numbers or START:STOP:COUNT, with commas between, got 'x'"),
        ("--l2 -0.5", "--l2: expected numbers of at least 0, got -0.5"),
        ("--batch-size 0", "--batch-size: expected at least 1, got 0"),
        ("--batch-size 1438", "--batch-size: expected at most the 1437 training rows, got 1438"),
        (
            "--batch-size 10,x",
            "--batch-size: expected whole numbers or 'full', with commas between, got '10,x'",
        ),
        ("--batch-size 10,1438", "--batch-size: expected at most the 1437 training rows, got 1438"),
        ("--activation relu,foo", "--activation: expected one of sigmoid, "),
        ("--hidden 5 --hidden 0", "--hidden: expected at least 1, got 0"),
        ("--activation foo", "--activation: expected one of sigmoid, "),
        ("--output foo", "--output: expected one of sigmoid, "),
        ("--output sigmoid", "--loss: a cross-entropy applies its softmax or sigmoid itself"),
        ("--init foo", "--init: expected one of normal, "),
        ("--loss foo", "--loss: expected one of quadratic, "),
        ("--reduction foo", "--reduction: expected one of sum, mean, got 'foo'"),
        ("--minibatch foo", "--minibatch: expected one of subset, "),
        ("--minibatch permutation --remainder foo", "--remainder: expected one of drop, keep, got 'foo'"),
        ("--gradient foo", "--gradient: expected one of autodiff, backprop, got 'foo'"),
        ("--dtype foo", "--dtype: expected one of float32, float64, got 'foo'"),
        ("--optimizer foo", "--optimizer: expected the name of an optax optimizer"),
        ("--optimizer-arg foo=1", "--optimizer-arg: sgd takes momentum, "),
        ("--optimizer-arg momentum", "--optimizer-arg: expected NAME=VALUE, got 'momentum'"),
        ("--optimizer-arg momentum=x", "--optimizer-arg: expected numbers"),
        ("--optimizer-arg momentum=nan", "--optimizer-arg momentum: expected finite numbers"),
        ("--hidden 0", "--hidden: expected at least 1, got 0"),
        ("--hidden a", "--hidden: expected whole numbers with commas between, or 'none', got 'a'"),
        ("--seeds 0", "--seeds: expected at least 1, got 0"),
        ("--seeds 1,1", "--seeds: expected each one once"),
        ("--seeds 1.5", "--seeds: expected a count, or whole numbers"),
        ("--epochs 1.5", "--epochs: invalid int value: '1.5'"),
        ("--epochs -3", "--epochs: expected at least 0, got -3"),
        ("--test-size 2.0", "--test-size: expected a share between 0 and 1, or a number of rows below 1797"),
        ("--test-size 1797", "--test-size: expected a share between 0 and 1"),
        ("--test-size 0", "--test-size: expected a share between 0 and 1"),
        ("--test-size nan", "--test-size: expected a share between 0 and 1"),
        ("--test-size x", "--test-size: expected a share such as 0.2, or a number of rows, got 'x'"),
        ("--split-seed -1", "--split-seed: expected at least 0, got -1"),
        ("--tile 0", "--tile: expected at least 1, got 0"),
        (
            "--devices 9999",
            f"--devices: expected at most {max(2, cores())}, the CPU cores there are, got 9999\n",
        ),
        ("--validation 2.5", "--validation: "),
        ("--validation x", "--validation: expected a share such as 0.2, or a number of rows, got 'x'"),
        ("--folds 1", "--folds: k-fold cross-validation requires at least one"),
        ("--folds 200", "--folds: --folds 200 cannot be greater"),
        ("--folds 2 --validation 0.2", "--folds: expected either folds or validation, got both"),
        ("--halving 1", "--halving: expected FACTOR, at least 2, or FACTOR:EPOCHS, got '1'"),
        ("--halving 3:0", "--halving: expected FACTOR, at least 2, or FACTOR:EPOCHS, got '3:0'"),
        (
            "--early-stopping 3",
            "--early-stopping: it watches the loss on rows held out; give --validation or --folds\n",
        ),
        ("--early-stopping 0 --validation 0.2", "--early-stopping: expected at least 1, got 0"),
        ("--target y", "--target: goes with --data\n"),
        ("--task regression", "--task: goes with --data\n"),
        ("--sample-seed 0", "--sample-seed: goes with --sample\n"),
        ("--remainder keep", "--remainder: goes with --minibatch permutation\n"),
        ("--minibatch full --remainder=drop", "--remainder: goes with --minibatch permutation\n"),
        ("--schedule-epochs 7", "--schedule-epochs: goes with a --schedule that is not constant\n"),
        (
            "--minibatch full --batch-size full,50",
            "--batch-size: every step takes all rows with --minibatch full\n",
        ),
        ("--data nowhere.csv", "--data: cannot read nowhere.csv: No such file"),
        ("--data data.txt", "--data: expected a .csv or .npz file, got 'data.txt'"),
        ("--hidden 100000,100000,100000", "--hidden: does not fit into memory: about "),
        ("--seeds 100000000", "--seeds: does not fit into memory: about "),
        ("--sample 100000000 --seeds 2", "--sample: does not fit into memory: about "),
        ("--segment 0", "--segment: expected at least 1, got 0"),
        ("--foo", "unrecognized arguments: --foo"),
    ],
)
def test_errors_are_one_line_that_names_the_flag_and_nothing_is_written(
    grid, no_training, tmp_path, capsys, words, line
):
    with pytest.raises(SystemExit) as stopped:
        grid.main([*words.split(), "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"grid.py: error: {line}")
    assert printed.err.count("\n") == 1 and printed.out == ""
    assert not re.search(r"jfnn\.|=True|n_splits", printed.err)  # what helps in Python is no help here
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
def test_an_out_that_cannot_be_written_is_refused_before_training(grid, no_training, tmp_path, capsys, out):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--out", str(tmp_path / out)])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("grid.py: error: --out: cannot write to") and error.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("name", ["jfnn.run", "resume=True", "a: b"])
def test_what_people_call_their_files_is_left_as_it_is(grid, run, no_training, tmp_path, capsys, name):
    out = tmp_path / name
    shutil.copytree(run[1], out)
    data, damaged = tmp_path / "jfnn.csv", tmp_path / "below" / name
    damaged.mkdir(parents=True)
    (damaged / "config.json").write_text("{")
    for words, line in (
        (["--data", str(data), "--out", str(out)], f"--data: cannot read {data}: No such file or directory"),
        ([*GRID, "--epochs", "3", "--out", str(out)], f"--out: {out}: holds another configuration, choose"),
        ([*GRID, "--out", str(out)], f"--out: {out} holds this very run, finished; --resume gives back"),
        (["--out", str(damaged)], f"--out: {damaged / 'config.json'}: damaged, or not written by"),
    ):
        with pytest.raises(SystemExit) as stopped:
            grid.main(words)
        assert stopped.value.code == 2 and capsys.readouterr().err.startswith(f"grid.py: error: {line}")


def test_a_mistake_of_the_program_is_not_taken_for_the_users(grid, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise TypeError("add got incompatible shapes")

    monkeypatch.setattr(jfnn, "sweep", broken)
    with pytest.raises(TypeError, match="incompatible"):
        grid.main(["--out", str(tmp_path / "out")])


def test_further_axis_double_precision_and_history(grid, tmp_path, capsys):
    words = (
        "--hidden none --epochs 4 --segment 2 --learning-rate 1e-3,1e-2 --l2 0 --dtype float64 --halving 2"
    )
    before = jax.config.jax_enable_x64
    momentum = ["--optimizer-arg", "momentum=0,0.9"]
    assert grid.main([*words.split(), *momentum, "--out", str(tmp_path)]) == 0
    assert jax.config.jax_enable_x64 == before
    saved = jfnn.load(tmp_path)
    assert list(saved.axes) == ["learning_rate", "l2", "momentum"]
    assert saved.history["epoch"].tolist() == [2, 4]
    stayed = saved.left_at < 0
    np.testing.assert_array_equal(saved.history["test_loss"][stayed][..., -1], saved.test_loss[stayed])
    with jax.enable_x64(True):
        expected = jfnn.sweep(
            jfnn.mlp((64, 10)),
            jfnn.datasets.digits(),
            learning_rate=[1e-3, 1e-2],
            epochs=4,
            optimizer_args={"momentum": [0.0, 0.9]},
            halving=2,
        )
    np.testing.assert_array_equal(saved.test_loss, expected.test_loss)
    for name in ("left_at", "lost"):
        np.testing.assert_array_equal(getattr(saved, name), getattr(expected, name))
    assert (saved.left_at >= 0).any()
    assert json.loads((tmp_path / "config.json").read_text())["command"]["halving"]["factor"] == 2
    best = expected.best()
    printed = capsys.readouterr().out
    assert printed.startswith(f"at momentum = {best.axes['momentum']:.3g}, where the best cell is:\n")
    for score in expected.test_accuracy[:, 0, best.index[2], 0]:
        assert f"{score:.3f}" in printed.split("test accuracy (")[1].split("best first")[0]


def test_a_grid_that_diverges_everywhere_is_reported_and_written(grid, tmp_path, capsys, monkeypatch):
    def too_late():
        raise RuntimeError("use_all_cores: too late")

    monkeypatch.setattr(jfnn, "use_all_cores", too_late)  # as where JAX has already started
    words = [*SMALL, "--learning-rate", "1", "--l2", "1e6"]
    assert grid.main([*words, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count(" div\n") == 2 and "No best cell" in printed and "* best" not in printed
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_no_epochs_leave_the_start_and_no_curves(grid, tmp_path):
    words = [*SMALL, "--epochs", "0", "--learning-rate", "1", "--l2", "0", "--quiet"]
    assert grid.main([*words, "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"curves.png"}


def test_what_cannot_be_written_after_training_is_one_line(grid, run, no_training, tmp_path, capsys):
    out = tmp_path / "run"
    shutil.copytree(run[1], out)
    (out / "heatmap.png").unlink()
    (out / "heatmap.png").mkdir()
    with pytest.raises(SystemExit) as stopped:
        grid.main([*GRID, "--quiet", "--resume", "--out", str(out)])
    assert stopped.value.code == 1
    said = f"grid.py: error: --out: cannot write to {out / '.heatmap.png.part'}: Is a directory\n"
    assert capsys.readouterr().err == said.replace(".heatmap.png.part", "heatmap.png")


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_while_training_is_one_line(grid, tmp_path, monkeypatch, capsys, named):
    out = tmp_path / "out"

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([str(out / "state")] if named else []))

    monkeypatch.setattr(jfnn, "sweep", full)
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--out", str(out)])
    assert stopped.value.code == 1
    path = out / "state" if named else out
    line = f"grid.py: error: --out: cannot write to {path}: No space left on device\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("terminal", "flags", "shown"), [(True, [], True), (True, ["--quiet"], False), (False, [], False)]
)
def test_progress_is_shown_on_a_terminal_only(grid, tmp_path, monkeypatch, capsys, terminal, flags, shown):
    class Screen(io.StringIO):
        def isatty(self):
            return terminal

    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setattr("tqdm.tqdm", functools.partial(tqdm.tqdm, mininterval=0))
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--segment", "1"]
    assert grid.main([*words, *flags, "--out", str(tmp_path)]) == 0
    best = jfnn.load(tmp_path).history["test_accuracy"].ravel()[0]
    assert ("2/2" in screen.getvalue() and f"1 of 1 training, best {best:.3f}" in screen.getvalue()) == shown
    assert bool(screen.getvalue()) == shown
    assert bool(capsys.readouterr().out) == (not flags)


def test_progress_begins_anew_with_each_group(grid, monkeypatch):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setattr("tqdm.tqdm", functools.partial(tqdm.tqdm, mininterval=0))
    with grid.progress_bar(parse(grid, "--epochs", "2"), by_loss=False) as show:
        for epoch, epochs in ((1, 2), (2, 2), (1, 3), (3, 3)):
            show(Progress(epoch, epochs, training=4, members=4, best=None))
    shown = re.findall(r" (\d+/\d+) ", screen.getvalue())
    assert [text for text, _ in itertools.groupby(shown)] == ["0/2", "1/2", "2/2", "0/3", "1/3", "3/3"]


def write_csv(path, classes, rows=60):
    """Three columns of which the first tells the target, apart from some noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    y = x[:, 0] + 0.3 * rng.normal(size=rows)
    target = np.where(y > 0, "<b>high</b>", "low") if classes else 100 + 50 * y
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "c", "level"], *zip(*x.T.tolist(), target.tolist(), strict=True)]
        )
    return path


OWN = "--target level --standardise --hidden 3 --epochs 8 --reduction mean --l2 1e-3,0.1"


def test_own_classes_are_ranked_on_rows_held_out_and_the_winner_is_tested_once(grid, tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes=True)
    words = f"{OWN} --learning-rate 0.1,1 --folds 3 --seeds 2 --early-stopping 2".split()
    assert grid.main(["--data", str(path), *words, "--out", str(tmp_path / "out")]) == 0
    split = jfnn.datasets.standardise(
        jfnn.datasets.split_table(jfnn.datasets.read_csv(path, "level"), test_size=0.2, random_state=0)
    )
    expected = jfnn.sweep(
        jfnn.mlp((3, 3, 2)),
        split,
        learning_rate=[0.1, 1],
        l2=[1e-3, 0.1],
        epochs=8,
        batch_size=12,  # a quarter of the 48 training rows
        reduction="mean",
        seeds=2,
        folds=3,
        early_stopping=2,
    )
    saved = jfnn.load(tmp_path / "out")
    assert saved.validation_accuracy.shape == (2, 2, 2, 3)
    for name in ("validation_loss", "test_loss", "left_at", "epochs"):
        np.testing.assert_array_equal(getattr(saved, name), getattr(expected, name))
    printed = capsys.readouterr().out
    assert "ranked on the rows held out for validation" in printed
    assert printed.count("test accuracy") == 1 and "3-3-2" in printed
    best = expected.best()
    mean, half = summary.mean_and_half_width(expected, expected.test_accuracy, best.index)
    assert f"test accuracy {mean:.3f} ± {half:.3f}, on rows that ranked" in printed
    head, first, *_ = printed.split("best first")[1].splitlines()[1:]
    assert head.split()[-4:] == ["stopped", "at", "best", "epoch"]
    stopped, trained = first.split()[-2:]
    ends = np.where(expected.left_at < 0, expected.epochs, expected.left_at)[best.index]
    assert [int(n) for n in stopped.split("–")] == sorted({ends.min(), ends.max()})
    epochs = expected.epochs[best.index]
    assert [int(n) for n in trained.split("–")] == sorted({epochs.min(), epochs.max()})
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;b&gt;high&lt;/b&gt;" in page and "<b>high" not in page
    scaling = json.loads((tmp_path / "out" / "config.json").read_text())["scaling"]
    raw = jfnn.datasets.split_table(jfnn.datasets.read_csv(path, "level"))
    assert set(scaling) == {"x"}
    mean, scale = (np.array(scaling["x"][name]) for name in ("mean", "scale"))
    np.testing.assert_array_equal((raw.x_test - mean) / scale, split.x_test)


def test_own_numbers_are_fitted_and_r_squared_is_scikit_learns(grid, tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes=False)
    words = f"{OWN} --learning-rate 0.1 --validation 0.25".split()
    assert grid.main(["--data", str(path), *words, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    result = jfnn.load(tmp_path / "out")
    best = result.best()
    assert best.ranked_by == "validation_loss"
    table = jfnn.datasets.read_csv(path, "level")
    split = jfnn.datasets.standardise(jfnn.datasets.split_table(table))
    network, params = jfnn.mlp((3, 3, 1)), result.member(*best.index, 0)
    train, held = train_test_split(np.arange(48), test_size=0.25, random_state=0)
    rows = {
        "train": (split.x_train[train], split.y_train[train]),
        "validation": (split.x_train[held], split.y_train[held]),
        "test": (split.x_test, split.y_test),
    }
    for part, (x, y) in rows.items():
        r2 = r2_score(y, network.apply(params, np.float32(x))[:, 0])
        loss = summary.number_text(getattr(result, f"{part}_loss")[best.index][0], "loss")
        assert f"{part} loss {loss} (R² {r2:.3f})" in printed
        if part != "test":
            block = printed.split(f"{part} R² (η down")[1].split("\n\n")[0]
            assert f"{r2:.3f}*" in block
    assert printed.count("test loss") == 1
    # The page's lines take the data as they were read, and give targets in their units.
    raw = jfnn.datasets.split_table(table)
    page = (tmp_path / "out" / "report.html").read_text()
    here = {"x": raw.x_test}
    exec(html.unescape(re.search("<pre>(.*)</pre>", page, re.DOTALL).group(1)), here)
    assert r2_score(raw.y_test, here["outputs"][:, 0]) == pytest.approx(r2, rel=1e-5)
    assert here["outputs"].mean() == pytest.approx(raw.y_test.mean(), abs=30) and raw.y_test.mean() > 60


def test_r_squared_under_folds_takes_each_folds_own_variance(grid, tmp_path):
    path = write_csv(tmp_path / "own.csv", classes=False)
    args = parse(grid, "--data", str(path), "--target", "level", "--folds", "2")
    problem = grid.data.load(args)
    loss = np.array([[[[1.0, 2.0]]]])
    result = types.SimpleNamespace(train_loss=loss, validation_loss=loss, test_loss=loss)
    found = grid.data.r_squared(problem, result)
    first, second = problem.split.y_train[:24].var(), problem.split.y_train[24:].var()
    np.testing.assert_allclose(found["validation_R²"][0, 0, 0], [1 - 2 / first, 1 - 4 / second])
    np.testing.assert_allclose(found["train_R²"][0, 0, 0], [1 - 2 / second, 1 - 4 / first])
    np.testing.assert_allclose(found["test_R²"][0, 0, 0], 1 - np.array([2, 4]) / problem.split.y_test.var())


def test_a_regression_trained_again_has_the_r_squared_of_all_training_rows(grid, tmp_path):
    path = write_csv(tmp_path / "own.csv", classes=False)
    problem = grid.data.load(
        parse(grid, *f"--data {path} --target level --validation 0.25 --standardise".split())
    )
    network = jfnn.mlp((3, 3, 1))
    refit = jfnn.sweep(network, problem.split, learning_rate=0.1, epochs=8, batch_size=12, loss="quadratic")
    texts = []
    for part in ("test", "train"):
        x, y = (getattr(problem.split, f"{name}_{part}") for name in "xy")
        r2 = r2_score(y, network.apply(refit.member(0, 0, 0), np.float32(x))[:, 0])
        loss = summary.number_text(getattr(refit, f"{part}_loss").item(), "loss")
        texts.append((f"{part} loss {loss}", f"{part} R² {r2:.3f}"))
    (test_loss, test_r2), (train_loss, train_r2) = texts
    assert grid.printing.refitted(refit, problem) == [
        "trained again on all 48 training rows:",
        f"{test_loss}, {train_loss}",
        f"{test_r2}, {train_r2}",
    ]


def test_an_npz_is_learned_as_it_is_cut(grid, tmp_path):
    rng = np.random.default_rng(0)
    parts = {"x_train": rng.normal(size=(9, 2)), "x_test": rng.normal(size=(4, 2))}
    parts |= {"y_train": np.arange(9) % 3, "y_test": np.arange(4) % 3}
    np.savez(tmp_path / "own.npz", **parts)
    problem = grid.data.load(parse(grid, "--data", str(tmp_path / "own.npz")))
    assert (problem.inputs, problem.outputs, problem.classes) == (2, 3, ("0", "1", "2"))
    np.testing.assert_array_equal(problem.split.x_test, parts["x_test"])
    for flag, name in (("--test-size", "test_size"), ("--split-seed", "random_state")):
        with pytest.raises(ValueError, match=f"^{name}: own.npz says itself which rows to test on"):
            grid.data.load(parse(grid, "--data", str(tmp_path / "own.npz"), flag, "1"))


@pytest.mark.parametrize(
    ("content", "flags", "line"),
    [
        ("a,y\n1,\n", "--target y", "--data: own.csv, row 1 (line 2), column 'y': expected a word or number"),
        ("a,y\n1,0\n", "", "--target: expected a column of own.csv (a, y), got none"),
        ("a,y\n1,0\n", "--target z", "--target: expected a column of own.csv (a, y), got 'z'"),
        (
            "a,y\n1,u\n2,v\n",
            "--target y --task regression",
            "--data: own.csv, row 1, column 'y': expected a number, got 'u'",
        ),
        ("a,y\n1,u\n2,v\n", "--target y --task foo", "--task: expected one of classification, regression"),
        ("a,y\n1,u\n2,u\n", "--target y", "--target: expected at least two classes, got only 'u'"),
        (
            "a,y\n1,0.5\n2,3\n",
            "--target y --loss cross_entropy",
            "--loss: regression takes the quadratic loss",
        ),
        ("a,y\n1,0.5\n", "--target y", "--test-size: expected a share between 0 and 1"),
        (
            "a,y\n1,0.5\n2,3\n",
            "--target y --batch-size 2",
            "--batch-size: expected at most the 1 training rows",
        ),
    ],
)
def test_errors_of_own_data_name_the_flag(grid, no_training, tmp_path, capsys, content, flags, line):
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--data", str(tmp_path / "own.csv"), *flags.split(), "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"grid.py: error: {line}") and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["own.csv"]


def test_data_larger_than_memory_are_refused_before_they_are_read(grid, tmp_path, monkeypatch, capsys):
    write_csv(tmp_path / "own.csv", classes=True)
    np.savez(tmp_path / "own.npz", x=np.zeros((500, 50)), y=np.zeros(500, int))
    monkeypatch.setattr(grid.memory, "available_memory", lambda: 1000.0)
    for reader in ("read_csv", "read_npz"):
        monkeypatch.setattr(jfnn.datasets, reader, lambda *_: pytest.fail("read"))
    for name in ("own.csv", "own.npz"):
        with pytest.raises(SystemExit):
            grid.main(["--data", str(tmp_path / name), "--out", str(tmp_path / "out")])
        assert f"--data: {name} does not fit into memory: about " in capsys.readouterr().err


def test_ctrl_c_leaves_a_run_that_resumes_with_the_same_bytes(grid, tmp_path, monkeypatch, capsys):
    words = [*SMALL, "--learning-rate", "1e-3,1e-2", "--l2", "0", "--segment", "1", "--quiet"]
    assert grid.main([*words, "--out", str(tmp_path / "whole")]) == 0

    @contextlib.contextmanager
    def pressed(*_):
        yield lambda now: signal.raise_signal(signal.SIGINT) if now.epoch == 1 else None

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(grid, "progress_bar", pressed)
        grid.main([*words, "--out", str(tmp_path / "cut")])
    assert stopped.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr().err
    command = shlex.split(said.split("to go on: ")[1])
    assert command[0] == "python" and os.path.samefile(command[1], SCRIPT)
    assert not (tmp_path / "cut" / "results.npz").exists()
    began = []
    monkeypatch.setattr(
        grid, "progress_bar", lambda *_: contextlib.nullcontext(lambda now: began.append(now.epoch))
    )
    assert grid.main(command[2:]) == 0
    assert said.startswith("\nstopping at the end of this segment; press again to stop at once\n")
    assert began == [2]  # the first epoch was not trained again
    for name in ("results.npz", "models.npz"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_ctrl_c_amid_the_figures_is_no_traceback(grid, run, no_training, monkeypatch, capsys):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(grid.files, "write", pressed)
    with pytest.raises(SystemExit) as stopped:
        grid.main([*GRID, "--quiet", "--resume", "--out", str(run[1])])
    assert stopped.value.code == 130 and "to go on: python" in capsys.readouterr().err


SAMPLED = """--hidden 4 --epochs 4 --segment 2 --init glorot_uniform --sample 14 --sample-seed 3
    --learning-rate 1e-4:1e-1 --l2 0,1e-2 --dropout uniform:0:0.5 --init-scale 0.5
    --optimizer-arg momentum=uniform:0.1:0.9 --schedule cosine --schedule-epochs 8"""


def test_random_search_is_the_librarys_and_its_winner_alone_is_tested(grid, tmp_path, capsys):
    words = [*SAMPLED.split(), "--folds", "2", "--refit", "--out", str(tmp_path)]
    assert grid.main(words) == 0
    expected = jfnn.sweep(
        jfnn.mlp((64, 4, 10), init="glorot_uniform"),
        jfnn.datasets.digits(),
        learning_rate=stats.loguniform(1e-4, 1e-1),
        l2=[0, 1e-2],
        dropout=stats.uniform(0, 0.5),
        init_scale=0.5,
        optimizer_args={"momentum": stats.uniform(0.1, 0.8)},
        schedule="cosine",
        schedule_epochs=8,
        epochs=4,
        sample=14,
        sample_seed=3,
        folds=2,
        refit=True,
    )
    saved = jfnn.load(tmp_path)
    assert saved.sampled and saved.validation_loss.shape == (14, 1, 2)
    for one, other in ((saved, expected), (saved.refit, expected.refit)):
        for name, values in other.axes.items():
            np.testing.assert_array_equal(one.axes[name], values)
        for name in SCORES:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    printed = capsys.readouterr().out
    assert "η down" not in printed and printed.startswith("best first, by validation accuracy\n")
    rows = [line.split() for line in printed.splitlines() if re.match(r" ?\d+\.", line)]
    order = np.argsort(-expected.cell_scores(), kind="stable")[:10]
    assert [row[-6] for row in rows] == [f"{expected.cell_scores()[i]:.3f}" for i in order]
    assert "One seed's noise is unknown; --seeds 5 averages" in printed
    # The test rows are scored once: by the winner trained again.
    assert printed.count("test accuracy") == 1
    scores = [
        f"{part} accuracy {getattr(expected.refit, f'{part}_accuracy').item():.3f}"
        for part in ("test", "train")
    ]
    assert f"trained again on all 1437 training rows:\n{', '.join(scores)}\n" in printed
    page = (tmp_path / "report.html").read_text()
    assert page.count("test accuracy") == 1 and ", ".join(scores) in page
    files = {path.name for path in tmp_path.iterdir()}
    assert files == FILES - {"heatmap.png"} | {"scatter.png", "refit"}
    assert json.loads((tmp_path / "refit" / "config.json").read_text())["command"]["sample"] == 14


GROUPS = "--hidden 3 --hidden 4,3 --activation tanh --batch-size 50,full --epochs 2 --validation 0.2"
GROUPS += " --learning-rate 1e-4,1e-3 --l2 0,0.1 --seeds 2"


@pytest.fixture(scope="module")
def groups(grid, tmp_path_factory):
    """Four groups with a refit: what was printed, the directory, and the same asked of the library."""
    out = tmp_path_factory.mktemp("groups") / "out"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", printed)
        patch.setattr("jfnn.report.png", lambda figure: b"\x89PNG")  # to draw them well takes longest
        assert grid.main([*GROUPS.split(), "--refit", "--out", str(out)]) == 0
    expected = jfnn.sweep_groups(
        {"3-tanh": jfnn.mlp((64, 3, 10), "tanh"), "4-3-tanh": jfnn.mlp((64, 4, 3, 10), "tanh")},
        jfnn.datasets.digits(),
        batch_size=[50, None],
        learning_rate=[1e-4, 1e-3],
        l2=[0, 0.1],
        epochs=2,
        validation=0.2,
        seeds=2,
        refit=True,
    )
    return printed.getvalue(), out, expected


def test_networks_and_batch_sizes_are_groups_in_one_list(groups):
    printed, _, expected = groups
    assert printed.startswith("best first, by validation accuracy\n") and "η down" not in printed
    head, *rows = [line.split() for line in printed.splitlines()[1:12]]
    assert head[:4] == ["network", "batch", "η", "λ"]
    cells = [
        (-result.cell_scores()[place], group.network, str(group.batch_size or "full"), *place)
        for group, result in zip(expected.groups, expected.results, strict=True)
        for place in np.ndindex(2, 2)
    ]
    listed = []
    for row in rows:
        network, batch, rate, l2, score = [word for word in row[1:] if word != "~"][:5]
        place = [1e-4, 1e-3].index(float(rate)), [0, 0.1].index(float(l2))
        listed.append((network, batch, *place))
        assert (network, batch, *place) in [cell[1:] for cell in cells]
        assert (
            score == f"{expected[network, None if batch == 'full' else int(batch)].cell_scores()[place]:.3f}"
        )
    assert listed == [cell[1:] for cell in sorted(cells, key=lambda cell: cell[0])[:10]]


def test_the_winner_of_all_groups_alone_is_tested(groups):
    printed, out, expected = groups
    group, best = expected.best()
    where = f"network {group.network}, batch {group.batch_size or 'full'}, {summary.describe(best.axes)}"
    assert f"best cell: {where}\n" in printed
    texts = summary.refit_texts(expected.refit)
    assert f"trained again on all 1437 training rows, with 2 seeds:\n{', '.join(texts)}\n" in printed
    assert printed.count("test accuracy") == 1
    page = (out / "report.html").read_text()
    assert page.count("test accuracy") == 1 and html.escape(where) in page and texts[0] in page
    for each in expected.groups:
        assert f'href="{each.directory}/report.html"' in page
        assert "test accuracy" not in (out / each.directory / "report.html").read_text()


def test_each_group_has_its_run_and_all_have_one_table(groups):
    _, out, expected = groups
    directories = {group.directory for group in expected.groups}
    assert {path.name for path in out.iterdir()} == directories | {
        "groups.json",
        "results.csv",
        "report.html",
        "refit",
    }
    for group in expected.groups:
        assert {path.name for path in (out / group.directory).iterdir()} == FILES
        saved = jfnn.load(out / group.directory)
        np.testing.assert_array_equal(saved.test_loss, expected[group].test_loss)
        assert len(json.loads((out / group.directory / "config.json").read_text())["command"]["sizes"]) == 2
    np.testing.assert_array_equal(jfnn.load(out / "refit").test_loss, expected.refit.test_loss)
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:2] == ["network", "batch_size"] and len(rows) == 4 * 2 * 2 * 2
    assert [row["network"] for row in rows] == ["3-tanh"] * 16 + ["4-3-tanh"] * 16


def test_groups_do_not_go_where_another_run_is(grid, run, groups, no_training, capsys):
    _, single, _ = run
    _, out, _ = groups
    for words, said in (
        (
            [*GROUPS.split(), "--refit", "--out", str(out)],
            f"{out} holds groups already; --resume goes on with these",
        ),
        ([*GROUPS.split(), "--resume", "--out", str(single)], f"{single} holds a single run; choose"),
        ([*GRID, "--out", str(out)], f"{out}: holds groups of networks, for load_groups, and no single run"),
    ):
        with pytest.raises(SystemExit) as stopped:
            grid.main(words)
        assert stopped.value.code == 2
        assert capsys.readouterr().err.startswith(f"grid.py: error: --out: {said}")
    assert grid.main([*GROUPS.split(), "--refit", "--resume", "--out", str(out)]) == 0
    assert "best cell: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "groups"),
    [
        ("--hidden 50 --hidden 50 --batch-size 50,050", (["50-sigmoid"], [50])),
        ("--hidden none --activation relu,tanh", (["none"], [100])),
        ("--hidden 5 --hidden 9,5 --minibatch full", (["5-sigmoid", "9-5-sigmoid"], [None])),
        ("--hidden 5 --minibatch full --batch-size full", (["5-sigmoid"], [None])),
        ("--hidden 5 --batch-size full,9", (["5-sigmoid"], [None, 9])),
    ],
)
def test_what_is_the_same_is_one_group(grid, words, groups):
    args = parse(grid, *words.split())
    problem = grid.data.load(args)
    assert (list(grid.data.networks(problem, args)), grid.data.batch_sizes(problem, args)) == groups


def test_ctrl_c_amid_groups_resumes_with_the_same_bytes(grid, groups, tmp_path, monkeypatch, capsys):
    _, whole, expected = groups
    words = [*GROUPS.split(), "--refit", "--segment", "1", "--quiet", "--out", str(tmp_path)]
    seen = []

    def bar(press):
        def show(now):
            seen.append(now.epoch)
            if press and len(seen) == 3:  # the second group's first epoch
                signal.raise_signal(signal.SIGINT)

        return lambda *_: contextlib.nullcontext(show)

    monkeypatch.setattr(grid, "progress_bar", bar(press=True))
    with pytest.raises(SystemExit) as stopped:
        grid.main(words)
    assert stopped.value.code == 130 and seen == [1, 2, 1]
    command = shlex.split(capsys.readouterr().err.split("to go on: ")[1])
    seen.clear()
    monkeypatch.setattr(grid, "progress_bar", bar(press=False))
    assert grid.main(command[2:]) == 0
    assert seen == [2, 1, 2, 1, 2, 1, 2]  # the rest of the second group, two more, the refit
    for name in (*(group.directory for group in expected.groups), "refit"):
        for file in ("results.npz", "models.npz"):
            assert (tmp_path / name / file).read_bytes() == (whole / name / file).read_bytes()
    assert (tmp_path / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()


def test_groups_that_diverge_everywhere_are_reported_and_written(grid, tmp_path, capsys):
    words = "--hidden 3 --hidden none --epochs 1 --learning-rate 1 --l2 1e6 --validation 0.2 --refit"
    assert grid.main([*words.split(), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("No best cell") and "2 networks in 2 groups" in printed
    assert "Every cell diverged" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "refit").exists() and (tmp_path / "none-100").is_dir()


def test_the_column_of_weights_weighs_rows_and_is_no_input(grid, tmp_path):
    path = write_csv(tmp_path / "own.csv", classes=True)
    words = "--target level --weights b --hidden 3 --epochs 3 --learning-rate 0.01 --l2 0 --quiet"
    lines = path.read_text().splitlines()
    counts = np.arange(60) % 4
    fields = [line.split(",") for line in lines[1:]]
    for each, count in zip(fields, counts.tolist(), strict=True):
        each[1] = str(count)
    path.write_text("\n".join([lines[0], *map(",".join, fields)]))
    assert grid.main(["--data", str(path), *words.split(), "--out", str(tmp_path / "out")]) == 0
    x = np.array([[float(each[0]), float(each[2])] for each in fields])
    y = np.array([each[3] == "low" for each in fields]).astype(int)
    split = jfnn.datasets.split(x, y)
    weights = jfnn.datasets.split(x, counts).y_train
    expected, plain = (
        jfnn.sweep(jfnn.mlp((2, 3, 2)), split, learning_rate=0.01, epochs=3, batch_size=12, weights=given)
        for given in (weights, None)
    )
    saved = jfnn.load(tmp_path / "out")
    np.testing.assert_array_equal(saved.train_loss, expected.train_loss)
    assert (plain.train_loss != expected.train_loss).all()


@pytest.mark.parametrize(
    ("words", "cells"),
    [
        ("", 49),
        ("--l2 0 --dropout 0,0.5 --init-scale 0.5,1,2 --optimizer-arg momentum=0,0.9", 7 * 12),
        ("--dropout 0.5 --init-scale 2 --optimizer-arg momentum=0.9", 49),
        ("--sample 1000 --l2 1e-3:1 --dropout 0,0.5", 1000),
    ],
)
def test_memory_is_asked_for_all_cells(grid, words, cells):
    assert math.prod(grid.memory.cell_factors(parse(grid, *words.split())).values()) == cells


def test_memory_is_what_the_container_leaves(grid, tmp_path, monkeypatch):
    for name, text in {"max": "9000\n", "current": "5000\n", "stat": "anon 1\ninactive_file 700\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    assert grid.memory._free_in_container(tmp_path) == 9000 - 5000 + 700
    (tmp_path / "memory.max").write_text("max\n")
    assert grid.memory._free_in_container(tmp_path) == grid.memory._free_in_container(Path("/none")) == np.inf
    monkeypatch.setattr(grid.memory, "_free_in_container", lambda: 4700.0)
    assert grid.memory.available_memory() == 4700


def test_memory_holds_the_results_of_all_groups_and_the_work_of_one(grid, monkeypatch):
    args = parse(grid, "--hidden", "5", "--hidden", "10,5", "--batch-size", "10,20,30", "--seeds", "3")
    problem = grid.data.load(args)
    networks = list(grid.data.networks(problem, args).values())
    small, large = 65 * 5 + 6 * 10, 65 * 10 + 11 * 5 + 6 * 10
    monkeypatch.setattr(grid.memory, "available_memory", lambda: 0.0)
    with pytest.raises(ValueError, match=r"^sizes|^data") as refused:
        grid.memory.check_run(problem, args, networks, groups=6, devices=1)
    needed = 49 * 3 * 4 * (3 * (small + large) + 4 * large)
    assert f"{needed / 1e9:.3g} GB of {49 * 3 * 6} networks" in str(refused.value)


def test_a_finished_run_is_not_repeated_nor_another_put_in_its_place(
    grid, run, no_training, tmp_path, capsys
):
    out = shutil.copytree(run[1], tmp_path / "run")

    def numbers():
        return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in SAVED}

    before = numbers()
    for words, said in (
        (GRID, "holds this very run, finished; --resume gives back its result"),
        (
            [*GRID, "--epochs", "3"],
            "holds another configuration, choose another directory: settings.epochs is 2",
        ),
    ):
        with pytest.raises(SystemExit) as stopped:
            grid.main([*words, "--out", str(out)])
        error = capsys.readouterr().err
        assert stopped.value.code == 2 and said in error
        assert error.startswith("grid.py: error: --out: ") and error.count("\n") == 1
    assert grid.main([*GRID, "--out", str(out), "--resume"]) == 0
    again = capsys.readouterr().out
    assert "best cell: " in again and " s of the last session: compile" in again and "session" not in run[0]
    assert numbers() == before


def test_without_out_each_run_gets_a_directory_of_its_own(grid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert grid.files.choose(parse(grid)) == Path("runs/grid")
    (tmp_path / "runs" / "grid").mkdir(parents=True)
    assert grid.files.choose(parse(grid)) == Path("runs/grid-2")
    (tmp_path / "runs" / "grid-2").mkdir()
    assert grid.files.choose(parse(grid)) == Path("runs/grid-3")
    assert grid.files.choose(parse(grid, "--resume")) == Path("runs/grid")


def test_help_shows_every_flag_with_its_default(grid, capsys):
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for name, value in vars(grid.flags.make_parser("").parse_args([])).items():
        assert grid.flags.flag_of(name) in shown, name
        if value not in (None, False, []):
            entry = shown.split(f"\n  {grid.flags.flag_of(name)} ")[1].split("\n  --")[0]
            assert "(default:" in " ".join(entry.split()), name
    assert "examples:" in shown and max(map(len, shown.splitlines())) <= 80


def test_the_command_runs_on_all_cores_and_keeps_what_it_compiled(tmp_path):
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--out", str(tmp_path / "out")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        check=True,
        env=clean | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.stderr == ""
    kept = {path.name.split("-")[0] for path in (tmp_path / "cache" / "jfnn").glob("*/*-cache")}
    assert {"jit_advance_member", "jit_evaluate_member", "jit_init"} <= kept
    assert "best cell: η = 1e-3, λ = 0\n" in done.stdout
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["device"]["count"] == cores()
