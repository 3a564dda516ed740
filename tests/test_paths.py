"""Invalid paths: a one-line error names the argument or the file, instead of the system's exception."""

import contextlib
import os

import numpy as np
import pytest
from helpers import complaint, make_programs, make_result, noise_split, refusal

import jfnn
from jfnn import datasets, report
from jfnn.core.search.result import with_run

pytestmark = pytest.mark.unoptimized

RESULT = make_result((2, 2))
PROGRAMS = make_programs(shape=(2, 2))
NET = jfnn.mlp((5, 2, 3))
SWEEP = dict(split=noise_split(), learning_rate=0.1, epochs=1)
NOWHERE = ("loop", "loop/run")  # impossible paths are drawn in test_bad_calls.py
# Argument -> function that takes such a path.
CALLS = {
    "load": ("directory", jfnn.load),
    "read_csv": ("path", lambda path: datasets.read_csv(path, "y")),
    "sweep": ("out", lambda out: jfnn.sweep(NET, **SWEEP, batch_size=16, out=out)),
    "resume": ("out", lambda out: jfnn.sweep(NET, **SWEEP, batch_size=16, out=out, resume=True)),
    "programs": ("out", lambda out: jfnn.sweep({"a": NET}, **SWEEP, batch_size=[16], out=out)),
    "save": ("directory", RESULT.save),
    "save of programs": ("directory", PROGRAMS.save),
    "to_csv": ("path", RESULT.to_csv),
    "write_report": ("path", lambda path: report.write_report(RESULT, path)),
}


@pytest.fixture(scope="module", autouse=True)
def import_all(tmp_path_factory):
    """Call everything once with valid paths, since imports may be unreadable without permissions."""
    directory = tmp_path_factory.mktemp("open")
    (directory / "read_csv").write_text("x,y\n1,2\n3,4\n")
    for name in reversed(CALLS):
        with contextlib.suppress(FileNotFoundError):
            CALLS[name][1](directory / name)
    jfnn.load(directory / "save")
    jfnn.load(directory / "save of programs")


@contextlib.contextmanager
def without_rights():
    """Act as an unprivileged user, if this one is root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.thorough
@pytest.mark.parametrize("name", CALLS)
def test_circular_links_are_refused_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    argument, call = CALLS[name]
    for path in NOWHERE:
        assert complaint(refusal(call, path), {argument}) is None
    assert os.listdir() == ["loop"]


@pytest.fixture
def unreadable(tmp_path):
    """Return a directory without any permissions, with a run, a table and a file in it."""
    directory = tmp_path / "unreadable"
    RESULT.save(directory / "run")
    (directory / "table.csv").write_text("x,y\n1,2\n")
    directory.chmod(0)
    yield directory
    directory.chmod(0o700)


@pytest.mark.thorough
def test_unreadable_paths_are_refused_by_name(unreadable):
    for argument, call in CALLS.values():
        with without_rights(), pytest.raises(ValueError, match=rf"\A{argument}: [^\n]*\Z"):
            call(unreadable / "run")


@pytest.mark.parametrize("name", ["run", "run/config.json", "run/results.npz"])
def test_unreadable_files_of_a_run_are_named(name, tmp_path, monkeypatch):
    with_run(RESULT, params={"w": np.zeros((2, 2, 2, 3))}).save(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / name).chmod(0)
    with without_rights(), pytest.raises(ValueError, match=rf"\A{name}[/:][^\n]*\Z"):
        jfnn.load("run")


def test_unreadable_data_are_refused_by_name(unreadable, monkeypatch):
    unreadable.chmod(0o755)
    monkeypatch.chdir(unreadable)
    (unreadable / "table.csv").chmod(0)
    with without_rights(), pytest.raises(ValueError, match=r"\Apath: table\.csv[^\n]*\Z"):
        CALLS["read_csv"][1]("table.csv")


@pytest.mark.parametrize(("name", "mode"), [("sweep", 0o555), ("programs", 0o555), ("resume", 0o333)])
def test_directory_without_permissions_is_refused_as_out(name, mode, tmp_path, monkeypatch):
    tmp_path.chmod(0o555)
    monkeypatch.chdir(tmp_path)
    with without_rights(), pytest.raises(ValueError, match=r"\Aout: [^\n]*\Z"):
        CALLS[name][1]("out")
    (tmp_path / "out").mkdir(mode=mode)
    with without_rights(), pytest.raises(ValueError, match=r"\Aout: [^\n]*\Z"):
        CALLS[name][1]("out")


def test_missing_files_are_named():
    for name in ("load", "read_csv"):
        with pytest.raises(FileNotFoundError, match="no/such"):
            CALLS[name][1]("no/such")


def test_unwritable_file_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("directory")
    (tmp_path / "file").touch()
    places = ("no/such/file", "directory", "file/in a file")
    for name, path in zip(("to_csv", "write_report", "write_report"), places, strict=True):
        with pytest.raises(ValueError, match=r"\Apath: [^\n]*\Z"):
            CALLS[name][1](path)
    assert sorted(os.listdir()) == ["directory", "file"] and not os.listdir("directory")
