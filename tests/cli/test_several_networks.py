"""Several networks and batch sizes: axes of one grid, one winner, a directory for each program."""

import html
import json

import numpy as np
import pytest
from command_line import DIRECTORIES, FILES, GRID, PROGRAMS, grid_main, refused, untrained

import jfnn
from jfnn.analysis import summary
from jfnn.arguments.texts import describe

pytestmark = pytest.mark.unoptimized


@pytest.mark.thorough
def test_tables_are_of_the_network_and_batch_size_of_the_best_cell(programs):
    printed, _, expected = programs
    best = expected.best()
    network, batch, *_ = best.index
    values = {name: best.axes[name] for name in ("network", "batch_size")}
    assert printed.split("\n\n")[1] == f"at {describe(values)}, where the best cell is:"
    for part in ("train", "validation"):
        block = printed.split(f"{part} accuracy (η down")[1].split("\n\n")[0].splitlines()[1:]
        rows = [[text.rstrip("*") for text in line.split()[1:]] for line in block[1:]]
        scores = expected.cell_scores(f"{part}_accuracy")[network, batch]
        assert rows == [[f"{value:.3f}" for value in row] for row in scores]
    assert "16 members" not in printed and "32 networks in 4 programs in " in printed


@pytest.mark.thorough
def test_only_the_winner_is_tested(programs):
    printed, out, expected = programs
    where = describe(expected.best().axes)
    assert where.startswith(("network = 3-tanh, batch = ", "network = 4-3-tanh, batch = "))
    assert f"best cell: {where}\n" in printed
    texts = summary.refit_texts(expected.refit)
    assert f"all 1437 training rows, with 2 seeds:\n{', '.join(texts)}\n" in printed
    assert printed.count("test accuracy") == 1 and "\n10. " in printed and "\n11. " not in printed
    page = (out / "report.html").read_text()
    page = page.replace("\u00a0", " ")
    assert page.count("test accuracy") == 1 and html.escape(where) in page and texts[0] in page


def test_each_program_has_its_directory_and_all_have_one_table(programs):
    printed, out, expected = programs
    files = FILES - {"models.npz", "results.npz"}
    assert {path.name for path in out.iterdir()} == {*DIRECTORIES, *files, "refit"}
    assert all(f"{name}/" in printed.rpartition("wrote ")[2] for name in DIRECTORIES)
    saved = jfnn.load(out)
    assert saved.axes["network"].tolist() == ["3-tanh", "4-3-tanh"] and saved.batch_size.tolist() == [50, 0]
    for name, values in expected.scores.items():
        np.testing.assert_array_equal(saved.scores[name], values)
    np.testing.assert_array_equal(saved.refit.test_loss, expected.refit.test_loss)
    assert len((out / "results.csv").read_text().splitlines()) == 1 + expected.diverged_at.size
    for name in (".", *DIRECTORIES, "refit"):
        config = json.loads((out / name / "config.json").read_text())
        assert config["command"]["hidden"] == [[3], [4, 3]]
    assert saved.config["data"]["names"]["classes"] == list("0123456789")
    for name in DIRECTORIES:
        written = {path.name for path in (out / name).iterdir()}
        assert written == {"config.json", "results.csv", "results.npz", "models.npz"}
    one = jfnn.load(out / "4-3-tanh-batch-full")
    np.testing.assert_array_equal(one.test_loss, expected.test_loss[1, 1])


@pytest.mark.thorough
def test_programs_are_not_written_over_another_run(run, programs, capsys):
    single = run[1]
    out = programs[1]
    for words, directory in (
        ([*PROGRAMS.split(), "--refit", "--out", str(out)], out),
        ([*PROGRAMS.split(), "--resume", "--out", str(single)], single),
        ([*GRID, "--out", str(out)], out),
    ):
        assert refused(capsys, *words).startswith(f"--out: {directory}")
    assert grid_main(*PROGRAMS.split(), "--refit", "--resume", "--out", str(out), watch=untrained) == 0
    assert "best cell: " in capsys.readouterr().out


@pytest.mark.thorough
def test_programs_that_diverge_everywhere_are_reported_and_written(tmp_path, capsys):
    words = "--hidden 3 --hidden none --epochs 1 --learning-rate 1 --l2 1e6 --validation 0.2 --refit"
    assert grid_main(*words.split(), "--out", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "No best cell" in printed and "2 networks in 2 programs" in printed
    assert "diverged" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "refit").exists() and (tmp_path / "none").is_dir()
