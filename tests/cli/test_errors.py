"""Errors: one line that names the flag, before anything is trained or written."""

import ast
import errno
import os
import re
import shutil
from pathlib import Path

import pytest
from command_line import GRID, grid_main, refused, watching, write_csv

import jfnn
from jfnn.arguments.checks import ArgumentError, Set
from jfnn.cli.output import ADDED
from jfnn.cli.parser import as_flags

pytestmark = pytest.mark.unoptimized


@pytest.mark.parametrize("name", ADDED)
def test_foreign_files_are_not_overwritten(tmp_path, capsys, name):
    (tmp_path / name).write_text("kept")
    line = refused(capsys, "--out", str(tmp_path))
    assert line.startswith("--out: ") and str(tmp_path) in line and name in line
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "kept"}


@pytest.mark.thorough
def test_every_value_recommended_by_the_library_is_a_flag():
    package = Path(jfnn.__file__).parent
    calls = [
        node
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Set"
    ]
    names = {ast.literal_eval(call.args[0]) for call in calls}
    assert names >= {"resume", "encode", "impute", "standardize", "worker_kind", "batch_size"}
    written = [as_flags(Set(name, value, "helps")) for name in names for value in (True, None, "a b")]
    assert all(re.fullmatch(r"--[a-z-]+( full| 'a b')? helps", text) for text in written)
    assert as_flags("a text for Python") == as_flags(Set("sizes", 3, "helps")) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("error", [TypeError("wrong"), ArgumentError("of no flag", "wrong")])
def test_internal_error_is_not_reported_as_a_user_error(tmp_path, error):
    def broken(now):
        raise error

    for out in (tmp_path / "out", "."):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(type(error), match="wrong"):
            patch.chdir(tmp_path)
            grid_main(*GRID, "--out", str(out), watch=watching(broken))


@pytest.mark.thorough
@pytest.mark.parametrize("named", [True, False])
def test_full_disk_during_training_is_one_line(tmp_path, capsys, named):
    path = tmp_path / "state" if named else tmp_path

    def full(now):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([str(path)] if named else []))

    with pytest.raises(SystemExit) as stopped:
        grid_main(*GRID, "--out", str(tmp_path), watch=watching(full))
    error = capsys.readouterr().err
    assert stopped.value.code == 1 and error.count("\n") == 1
    assert f"--out: cannot write to {path}: No space left on device" in error


@pytest.mark.thorough
def test_unwritable_file_after_training_is_one_line(run, tmp_path, capsys):
    out = shutil.copytree(run[1], tmp_path / "run")
    (out / "heatmap.png").unlink()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out / "heatmap.png"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jfnn.report.writing.png", lambda figure: (_ for _ in ()).throw(full))
        line = refused(capsys, *GRID, "--quiet", "--resume", "--out", str(out), code=1)
    assert line.startswith(f"--out: cannot write to {out / 'heatmap.png'}: No space")
    (out / "heatmap.png").mkdir()  # which is checked before training
    line = refused(capsys, *GRID, "--quiet", "--resume", "--out", str(out))
    assert line == f"--out: cannot write {out / 'heatmap.png'}, which is a directory\n"


def test_data_larger_than_memory_are_refused_before_they_are_read(tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes=True, rows=20000)
    os.truncate(path, 1 << 40)  # a sparse file; reading it would take hours
    line = refused(capsys, "--data", str(path), "--target", "level", "--out", str(tmp_path / "out"))
    assert line.startswith("--data: it does not fit into memory") and "own.csv" in line
