"""The main command, run in process on small grids; once as a process of its own."""

import csv
import functools
import importlib.util
import inspect
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import jfnn

SCRIPT = Path(__file__).parents[1] / "scripts" / "grid.py"
SMALL = ["--hidden", "4", "--epochs", "2", "--init", "glorot_uniform"]
# With these, the last learning rate diverges under the last penalty only.
GRID = [*SMALL, "--learning-rate", "1e-4,1e-3,1", "--l2", "0,1e-2,1e6", "--seeds", "2"]
FILES = {"results.csv", "results.npz", "config.json", "heatmap.png"}
# What the script brings itself, or what only a program can give.
NO_FLAG = {"network", "split", "value_and_grad", "initial_params", "batches", "keep_params", "progress"}


@pytest.fixture(scope="module")
def grid():
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


@pytest.fixture
def no_training(grid, monkeypatch):
    """Makes training a failure of the test."""

    def forbidden(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr(jfnn.engine.loop, "run", forbidden)


def load(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def parse(grid, *argv):
    return grid.parse(grid.make_parser(), list(argv))


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
    assert f"η = {expected.learning_rate[row]:.3g}, λ = {expected.l2[column]:.3g}\n" in printed
    spread = expected.test_accuracy[best.index].std(ddof=1)
    assert f"test accuracy {best.score:.3f} (sd {spread:.3f} over 2 seeds)" in printed
    assert "ranked on the test rows" in printed and "one seed's noise is about 0.015" in printed
    seconds = re.search(r"in ([\d.]+) s: compile ([\d.]+) s, run ([\d.]+) s", printed).groups()
    total, *parts = map(float, seconds)
    assert total == pytest.approx(sum(parts), abs=0.11)
    assert "18 networks 64-4-10" in printed and "float32" in printed


@pytest.mark.parametrize("cells", [1, 7, 8, 9, 20])
def test_tables_fit_80_columns_and_lose_no_cell(grid, cells):
    values = np.geomspace(1.234567e-5, 9.87654, cells)
    scores = np.arange(2.0 * cells).reshape(2, cells, 1) / 1000
    unknown = dict.fromkeys(("train_accuracy", "train_loss", "test_loss"), scores)
    result = jfnn.SweepResult(
        {"learning_rate": values[:1].repeat(2), "l2": values},
        np.arange(1),
        test_accuracy=scores,
        **unknown,
        diverged_at=np.full(scores.shape, -1),
        params=None,
        history={},
        timing={},
    )
    lines = grid.table(result, "test_accuracy", (0, 0), marked=True)
    assert max(map(len, lines)) <= 80
    # Headers begin with blanks, rows with a learning rate.
    rows = [line for line in lines if line and not line.startswith(" " * 8)]
    texts = [text.rstrip("*") for line in rows for text in line.split()[1:]]
    assert sorted(texts) == sorted(f"{score:.3f}" for score in scores.ravel())


def test_files_hold_every_member_of_the_sweep(grid, run):
    _, out, expected = run
    assert {path.name for path in out.iterdir()} == FILES
    arrays = load(out / "results.npz")
    assert arrays["axes"].tolist() == ["learning_rate", "l2"]
    for name, values in {**expected.axes, "seeds": expected.seeds}.items():
        np.testing.assert_array_equal(arrays[name], values)
    for name in grid.SCORES:
        np.testing.assert_array_equal(arrays[name], getattr(expected, name))
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    for row, (i, j, s) in zip(rows, np.ndindex(3, 3, 2), strict=True):
        assert float(row["learning_rate"]) == expected.learning_rate[i]
        assert float(row["l2"]) == expected.l2[j]
        assert int(row["seed"]) == expected.seeds[s]
        for name in grid.SCORES:
            np.testing.assert_array_equal(
                np.asarray(row[name], getattr(expected, name).dtype), getattr(expected, name)[i, j, s]
            )
    assert (out / "heatmap.png").read_bytes().startswith(b"\x89PNG")


def test_config_names_settings_versions_device_and_time(grid, run):
    _, out, _ = run
    config = json.loads((out / "config.json").read_text())
    given = vars(parse(grid, *GRID))
    assert config["settings"] == {name: given[name] for name in given if name not in ("out", "quiet")}
    assert config["versions"]["jax"] == jax.__version__ and config["versions"]["numpy"] == np.__version__
    assert set(config["versions"]) == {"python", "jfnn", "jax", "jaxlib", "numpy", "optax"}
    assert config["device"] == {"platform": "cpu", "kind": "cpu", "count": 2}
    assert config["dtype"] == "float32" and set(config["seconds"]) == {"compile", "run"}


def test_every_argument_of_the_sweep_has_a_flag(grid):
    assert set(inspect.signature(jfnn.sweep).parameters) - NO_FLAG <= set(vars(parse(grid)))


def test_defaults_are_the_grid_of_the_notes(grid):
    args = parse(grid)
    for axis in (args.learning_rate, args.l2):
        np.testing.assert_allclose(axis, np.logspace(-5, 1, 7), rtol=1e-14)
    assert (args.sizes, args.activation, args.init, args.output) == ([50], "sigmoid", "normal", "identity")
    assert (args.epochs, args.batch_size, args.optimizer, args.loss) == (100, 100, "sgd", "cross_entropy")
    assert (args.minibatch, args.reduction, args.seeds, args.dtype) == ("subset", "sum", 1, "float32")
    assert (args.test_size, args.random_state, args.out) == (0.2, 0, Path("runs/grid"))


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--learning-rate 1e-3,0.5", "learning_rate", [1e-3, 0.5]),
        ("--l2 0,1e-2:1:3", "l2", [0, 1e-2, 1e-1, 1]),
        ("--hidden 30,20", "sizes", [30, 20]),
        ("--hidden none", "sizes", []),
        ("--seeds 3", "seeds", 3),
        ("--seeds 0,7", "seeds", [0, 7]),
        ("--seeds 7,", "seeds", [7]),
        ("--batch-size full", "batch_size", None),
        ("--batch-size 32", "batch_size", 32),
        ("--test-size 360", "test_size", 360),
        ("--history", "segment", 1),
        ("--history --segment 5", "segment", 5),
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
    assert read == (pytest.approx(value, rel=1e-12) if isinstance(value, list) else value)
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--learning-rate -1", "--learning-rate: expected numbers above 0, got -1"),
        ("--learning-rate -1e-3,1", "--learning-rate: expected numbers above 0, got -0.001"),
        ("--learning-rate nan", "--learning-rate: expected finite numbers, got nan"),
        ("--learning-rate 1:2", "--learning-rate: expected numbers or START:STOP:COUNT"),
        ("--learning-rate 0:1:3", "--learning-rate: expected a log-spaced START:STOP:COUNT"),
        ("--l2 x", "--l2: expected numbers or START:STOP:COUNT, with commas between, got 'x'"),
        ("--l2 -0.5", "--l2: expected numbers of at least 0, got -0.5"),
        ("--batch-size 0", "--batch-size: expected at least 1, got 0"),
        ("--batch-size 1438", "--batch-size: expected at most the 1437 training rows, got 1438"),
        ("--batch-size 10,20", "--batch-size: expected a whole number, or 'full', got '10,20'"),
        ("--activation foo", "--activation: expected one of sigmoid, "),
        ("--output foo", "--output: expected one of sigmoid, "),
        ("--output sigmoid", "--loss: a cross-entropy applies its softmax or sigmoid itself"),
        ("--init foo", "--init: expected one of normal, "),
        ("--loss foo", "--loss: expected one of quadratic, "),
        ("--reduction foo", "--reduction: expected one of sum, mean, got 'foo'"),
        ("--minibatch foo", "--minibatch: expected one of subset, "),
        ("--remainder foo", "--remainder: expected one of drop, keep, got 'foo'"),
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
        ("--test-size 2.0", "--test-size: "),
        ("--test-size 1797", "--test-size: "),
        ("--test-size x", "--test-size: expected a share such as 0.2, or a number of rows, got 'x'"),
        ("--split-seed -1", "--split-seed: "),
        ("--tile 0", "--tile: expected at least 1, got 0"),
        ("--devices 99", "--devices: expected at most 2"),
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


def test_a_mistake_of_the_program_is_not_taken_for_the_users(grid, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise TypeError("add got incompatible shapes")

    monkeypatch.setattr(jfnn, "sweep", broken)
    with pytest.raises(TypeError, match="incompatible"):
        grid.main(["--out", str(tmp_path / "out")])


def test_further_axis_double_precision_and_history(grid, tmp_path, capsys):
    words = "--hidden none --epochs 4 --segment 2 --learning-rate 1e-3,1e-2 --l2 0 --dtype float64 --history"
    before = jax.config.jax_enable_x64
    momentum = ["--optimizer-arg", "momentum=0,0.9"]
    assert grid.main([*words.split(), *momentum, "--out", str(tmp_path)]) == 0
    assert jax.config.jax_enable_x64 == before
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"curves.png"}
    arrays = load(tmp_path / "results.npz")
    assert arrays["axes"].tolist() == ["learning_rate", "l2", "momentum"]
    assert arrays["history_epoch"].tolist() == [2, 4]
    np.testing.assert_array_equal(arrays["history_test_loss"][..., -1], arrays["test_loss"])
    with jax.enable_x64(True):
        expected = jfnn.sweep(
            jfnn.mlp((64, 10)),
            jfnn.datasets.digits(),
            learning_rate=[1e-3, 1e-2],
            epochs=4,
            optimizer_args={"momentum": [0.0, 0.9]},
        )
    np.testing.assert_array_equal(arrays["test_loss"], expected.test_loss)
    best = expected.best()
    printed = capsys.readouterr().out
    assert printed.startswith(f"at momentum = {best.axes['momentum']:.3g}, where the best cell is:\n")
    for score in expected.test_accuracy[:, 0, best.index[2], 0]:
        assert f"{score:.3f}" in printed.split("test accuracy (")[1]


def test_a_grid_that_diverges_everywhere_is_reported_and_written(grid, tmp_path, capsys):
    words = [*SMALL, "--learning-rate", "1", "--l2", "1e6"]
    assert grid.main([*words, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count(" div\n") == 2 and "No best cell" in printed and "* best" not in printed
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_what_cannot_be_written_after_training_is_one_line(grid, tmp_path, capsys):
    (tmp_path / "results.csv").mkdir()
    words = [*SMALL, "--learning-rate", "1", "--l2", "1e6", "--quiet"]
    with pytest.raises(SystemExit) as stopped:
        grid.main([*words, "--out", str(tmp_path)])
    assert stopped.value.code == 1
    assert re.fullmatch(r"grid\.py: error: --out: .*results\.csv'\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("terminal", "flags", "shown"), [(True, [], True), (True, ["--quiet"], False), (False, [], False)]
)
def test_progress_is_shown_on_a_terminal_only(grid, tmp_path, monkeypatch, capsys, terminal, flags, shown):
    class Screen(io.StringIO):
        def isatty(self):
            return terminal

    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setattr(grid, "tqdm", functools.partial(grid.tqdm, mininterval=0))
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--segment", "1"]
    assert grid.main([*words, *flags, "--out", str(tmp_path)]) == 0
    assert ("2/2" in screen.getvalue() and "1 of 1 training" in screen.getvalue()) == shown
    assert bool(screen.getvalue()) == shown
    assert bool(capsys.readouterr().out) == (not flags)


def test_main_goes_on_where_jax_has_already_started(grid, tmp_path, monkeypatch):
    def too_late():
        raise RuntimeError("use_all_cores: too late")

    monkeypatch.setattr(jfnn, "use_all_cores", too_late)
    words = [*SMALL, "--learning-rate", "1", "--l2", "1e6", "--quiet"]
    assert grid.main([*words, "--out", str(tmp_path)]) == 0


def test_help_shows_every_flag_with_its_default(grid, capsys):
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for name, value in vars(grid.make_parser().parse_args([])).items():
        assert grid.flag_of(name) in shown, name
        if value not in (None, False, []):
            entry = shown.split(f"\n  {grid.flag_of(name)} ")[1].split("\n  --")[0]
            assert "(default:" in " ".join(entry.split()), name
    assert "examples:" in shown and max(map(len, shown.splitlines())) <= 80


def test_the_command_runs_on_all_cores_in_a_process_of_its_own(tmp_path):
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "best cell: η = 0.001, λ = 0" in done.stdout
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["device"]["count"] == len(os.sched_getaffinity(0))
