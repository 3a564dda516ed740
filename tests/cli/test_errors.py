"""Errors: one line that names the flag, before anything is trained or written."""

import errno
import os
import re
import shutil

import numpy as np
import pytest
from command_line import GRID, grid_main, refused, watching, write_csv

from jfnn.arguments import memory
from jfnn.cli.grid_output import ADDED
from jfnn.engine.devices import cores

pytestmark = pytest.mark.unoptimised


@pytest.mark.parametrize(
    ("words", "flag", "facts"),
    [
        ("--learning-rate -1e-3,1", "--learning-rate", "above 0 -0.001"),
        ("--learning-rate 1:2", "--learning-rate", "START:STOP --sample START:STOP:COUNT"),
        ("--learning-rate 1e-60", "--learning-rate", "1e-60 float32"),
        ("--l2 2:1", "--l2", "START < STOP 2:1"),
        ("--l2 uniform:1:1", "--l2", "START STOP uniform:1:1"),
        ("--dropout 1", "--dropout", "below 1 got 1"),
        ("--sample 3 --sample-seed -1", "--sample-seed", "at least 0 -1"),
        ("--refit", "--refit", "--validation --folds"),
        ("--batch-size 10,1438", "--batch-size", "1437 1438"),
        ("--minibatch full --batch-size full,50", "--batch-size", "--minibatch full"),
        ("--output sigmoid", "--loss", "cross-entropy --output"),
        ("--hidden a", "--hidden", "'none' 'a'"),
        ("--optimizer lbfgs", "--optimizer", "gradient"),
        ("--optimizer-arg foo=1", "--optimizer-arg", "sgd momentum 'foo'"),
        ("--optimizer-arg momentum=nan", "--optimizer-arg momentum", "finite"),
        ("--optimizer-arg momentum=uniform:0:1", "--optimizer-arg momentum", "--sample"),
        ("--test-size 2.0", "--test-size", "between 0 and 1 below 1797"),
        ("--devices 9999", "--devices", f"at most {max(2, cores())} CPU cores 9999"),
        ("--folds 200", "--folds", "200 class"),
        ("--folds 2 --validation 0.2", "--folds", "either"),
        ("--halving 3:200", "--halving", "100 epochs"),
        ("--early-stopping 3", "--early-stopping", "--validation --folds"),
        ("--population 5 --learning-rate 1 --l2 0", "--population", "1 cells"),
        ("--halving 3 --early-stopping 3", "--early-stopping", "--validation"),
        ("--keep-last", "--keep-last", "--minibatch permutation"),
        ("--schedule-epochs 7", "--schedule-epochs", "--schedule"),
        ("--data nowhere.csv", "--data", "nowhere.csv No such file"),
        ("--data data.txt", "--data", ".csv .npz data.txt"),
        ("--hidden 100000,100000,100000", "--hidden", "memory GB"),
        ("--seeds 100000000", "--seeds", "memory GB"),
        ("--sample 100000000 --seeds 2", "--sample", "memory GB"),
        ("--foo", "unrecognized arguments", "--foo"),
    ],
)
def test_one_line_names_the_flag_and_nothing_is_written(tmp_path, capsys, words, flag, facts):
    line = refused(capsys, *words.split(), "--out", str(tmp_path / "out"))
    assert line.startswith(f"{flag}: ")
    for fact in facts.split():
        assert fact in line.removeprefix(f"{flag}: ")
    assert not re.search(r"jfnn\.|=True|=None|n_splits", line)  # Python is no help here
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
def test_an_out_that_cannot_be_written_is_refused_before_training(tmp_path, capsys, out):
    (tmp_path / "file").write_text("kept")
    line = refused(capsys, "--out", str(tmp_path / out))
    assert line.startswith("--out: ") and str(tmp_path / out) in line
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("name", ADDED)
def test_files_of_others_are_not_overwritten(tmp_path, capsys, name):
    (tmp_path / name).write_text("kept")
    line = refused(capsys, "--out", str(tmp_path))
    assert line.startswith("--out: ") and str(tmp_path) in line and name in line
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "kept"}


def test_nor_those_in_the_directory_of_a_group(tmp_path, capsys):
    other = tmp_path / "4-sigmoid-100" / "report.html"
    other.parent.mkdir()
    other.write_text("kept")
    words = ["--hidden", "3", "--hidden", "4", "--out", str(tmp_path)]
    assert refused(capsys, *words).startswith(f"--out: {other.parent} holds report.html")
    assert list(tmp_path.iterdir()) == [other.parent]


@pytest.mark.parametrize("name", ["jfnn.run", "resume=True", "a: b"])
def test_names_of_files_are_left_as_they_are(run, tmp_path, capsys, name):
    out = tmp_path / name
    shutil.copytree(run[1], out)
    data, corrupt = tmp_path / "jfnn.csv", tmp_path / "below" / name
    corrupt.mkdir(parents=True)
    (corrupt / "config.json").write_text("{")
    for words, begins in (
        (["--data", str(data), "--out", str(out)], f"--data: cannot read {data}: "),
        ([*GRID, "--epochs", "3", "--out", str(out)], f"--out: {out}: "),
        ([*GRID, "--out", str(out)], f"--out: {out} "),
        (["--out", str(corrupt)], f"--out: {corrupt / 'config.json'}: "),
    ):
        assert refused(capsys, *words).startswith(begins)


def test_an_error_of_the_program_is_not_taken_for_the_users(tmp_path):
    def broken(now):
        raise TypeError("add got incompatible shapes")

    for out in (tmp_path / "out", "."):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(TypeError, match="incompatible"):
            patch.chdir(tmp_path)
            grid_main(*GRID, "--out", str(out), watch=watching(broken))


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_while_training_is_one_line(tmp_path, capsys, named):
    path = tmp_path / "state" if named else tmp_path

    def full(now):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([str(path)] if named else []))

    with pytest.raises(SystemExit) as stopped:
        grid_main(*GRID, "--out", str(tmp_path), watch=watching(full))
    error = capsys.readouterr().err
    assert stopped.value.code == 1 and error.count("\n") == 1
    assert f"--out: cannot write to {path}: No space left on device" in error


def test_a_file_that_cannot_be_written_after_training_is_one_line(run, tmp_path, capsys):
    out = shutil.copytree(run[1], tmp_path / "run")
    (out / "heatmap.png").unlink()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out / "heatmap.png"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jfnn.report.png", lambda figure: (_ for _ in ()).throw(full))
        line = refused(capsys, *GRID, "--quiet", "--resume", "--out", str(out), code=1)
    assert line.startswith(f"--out: cannot write to {out / 'heatmap.png'}: No space")
    (out / "heatmap.png").mkdir()  # which is seen before anything is trained
    line = refused(capsys, *GRID, "--quiet", "--resume", "--out", str(out))
    assert line == f"--out: cannot write {out / 'heatmap.png'}, which is a directory\n"


@pytest.mark.parametrize(
    ("content", "flags", "flag", "facts"),
    [
        ("a,y\n1,\n", "--target y", "--data", "own.csv row 1 line 2 'y'"),
        ("a,y\n1,0\n", "--target z", "--target", "own.csv (a, y) 'z'"),
        ("a,y\n1,u\n2,v\n", "--target y --task regression", "--data", "own.csv row 1 'y' 'u'"),
        ("a,y\n1,u\n2,u\n", "--target y", "--target", "two classes 'u'"),
        ("a,y\n1,0.5\n2,3\n", "--target y --loss cross_entropy", "--loss", "regression quadratic"),
        ("a,y\n1,0.5\n2,3\n", "--target y --batch-size 2", "--batch-size", "1 training rows"),
        ("a,y\n1,0.5\n2,3\n", "--target y --rank-by accuracy", "--rank-by", "loss r2"),
        ("a,y\n1,0.5\n2,3\n", "--target y --weights y", "--weights", "own.csv 'y'"),
        ("a,y\n1,7\n2,007\n", "--target y --task classification", "--data", "own.csv 'y' '7' '007'"),
        ("a,y\n9007199254740993,u\n", "--target y", "--data", "own.csv row 1 line 2 'a' '9007199254740993'"),
    ],
)
def test_errors_of_own_data_name_the_flag(tmp_path, capsys, content, flags, flag, facts):
    (tmp_path / "own.csv").write_text(content)
    words = ["--data", str(tmp_path / "own.csv"), *flags.split(), "--out", str(tmp_path / "out")]
    line = refused(capsys, *words)
    assert line.startswith(f"{flag}: ") and all(fact in line for fact in facts.split())
    assert [path.name for path in tmp_path.iterdir()] == ["own.csv"]


def test_data_larger_than_memory_are_refused_before_they_are_read(tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes=True, rows=20000)
    os.truncate(path, 1 << 40)  # all but its beginning are holes; to read it would take hours
    line = refused(capsys, "--data", str(path), "--target", "level", "--out", str(tmp_path / "out"))
    assert line.startswith("--data: it does not fit into memory") and "own.csv" in line
    np.savez(tmp_path / "own.npz", x=np.zeros((500, 50)), y=np.zeros(500, int))
    with pytest.raises(ValueError, match=r"^data: .*own\.npz"):
        memory.check_file(tmp_path / "own.npz", available=4e5)
    memory.check_file(tmp_path / "own.npz", available=5e5)
