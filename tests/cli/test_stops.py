"""Running, stopping and resuming: progress, Ctrl-C, --resume, directories."""

import functools
import io
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

import pytest
import tqdm
from command_line import (
    COMMAND,
    DIRECTORIES,
    GRID,
    PROGRAMS,
    SMALL,
    grid_main,
    parse,
    refused,
    untrained,
    watching,
)

import jfnn
from jfnn.cli import directories

pytestmark = pytest.mark.unoptimized

SAVED = (".json", ".csv", ".npz")


class Screen(io.StringIO):
    def __init__(self, terminal=True):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("terminal", "flags", "shown"), [(True, [], True), (True, ["--quiet"], False), (False, [], False)]
)
def test_progress_is_shown_on_a_terminal_only(tmp_path, monkeypatch, capsys, terminal, flags, shown):
    monkeypatch.setattr(sys, "stderr", screen := Screen(terminal))
    monkeypatch.setattr("tqdm.auto.tqdm", functools.partial(tqdm.tqdm, mininterval=0))
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0"]
    assert grid_main(*words, *flags, "--out", str(tmp_path)) == 0
    best = jfnn.load(tmp_path).history["test_accuracy"].ravel()[0]
    assert ("2/2" in screen.getvalue() and f"best accuracy {best:.3f}" in screen.getvalue()) == shown
    assert bool(screen.getvalue()) == shown
    assert bool(capsys.readouterr().out) == (not flags)


def stopped_run(capsys, words, at):
    """Press Ctrl-C at evaluation number ``at``; return the epochs until then and the command for resuming."""
    epochs = []

    def press(now):
        epochs.append(now.epoch)
        if len(epochs) == at:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as stopped:
        grid_main(*words, watch=watching(press))
    assert stopped.value.code == 130 and signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr().err
    assert "press again" in said
    command = shlex.split(said.split("to continue: ")[1])
    assert tuple(command[:2]) == COMMAND
    return epochs, command[2:]


def resumed_epochs(words):
    """Resume, and return the epochs at which there were evaluations."""
    epochs = []
    assert grid_main(*words, watch=watching(lambda now: epochs.append(now.epoch))) == 0
    return epochs


def test_ctrl_c_leaves_a_run_that_resumes_with_the_same_bytes(tmp_path, capsys):
    words = [*SMALL, "--learning-rate", "1e-3,1e-2", "--l2", "0", "--quiet"]
    assert grid_main(*words, "--out", str(tmp_path / "whole")) == 0
    epochs, command = stopped_run(capsys, [*words, "--out", str(tmp_path / "cut")], at=1)
    assert epochs == [1] and not (tmp_path / "cut" / "results.npz").exists()
    assert resumed_epochs(command) == [2]  # the first epoch is not trained again
    for name in ("results.npz", "models.npz"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.thorough
def test_ctrl_c_between_programs_resumes_with_the_same_bytes(programs, tmp_path, capsys):
    _, whole, _ = programs
    words = [*PROGRAMS.split(), "--refit", "--quiet", "--out", str(tmp_path)]
    epochs, command = stopped_run(capsys, words, at=3)
    assert epochs == [1, 2, 1]  # the second program's first epoch
    assert resumed_epochs(command) == [2, 1, 2, 1, 2, 1, 2]  # its second, two more programs, the refit
    for name in (*DIRECTORIES, "refit"):
        for file in ("results.npz", "models.npz"):
            assert (tmp_path / name / file).read_bytes() == (whole / name / file).read_bytes()
    assert (tmp_path / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()


def test_ctrl_c_while_plotting_prints_no_traceback(run, monkeypatch, capsys):
    def press_ctrl_c(figure):
        raise KeyboardInterrupt

    monkeypatch.setattr("jfnn.report.writing.png", press_ctrl_c)
    with pytest.raises(SystemExit) as stopped:
        grid_main(*GRID, "--quiet", "--resume", "--out", str(run[1]), watch=untrained)
    assert stopped.value.code == 130 and "to continue: jfnn grid" in capsys.readouterr().err


def test_command_for_resuming_without_out_names_the_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "grid").mkdir(parents=True)
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--quiet"]
    _, command = stopped_run(capsys, words, at=1)
    assert command == [*words, "--out", os.path.join("runs", "grid-2"), "--resume"]
    assert resumed_epochs(command) == [2] and (tmp_path / "runs" / "grid-2" / "report.html").exists()


def test_finished_run_is_neither_repeated_nor_replaced(run, tmp_path, capsys):
    out = shutil.copytree(run[1], tmp_path / "run")

    def numbers():
        return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in SAVED}

    before = numbers()
    assert "(finished), choose another directory; --resume" in refused(capsys, *GRID, "--out", str(out))
    other = refused(capsys, *GRID, "--epochs", "3", "--out", str(out))
    assert other.endswith("epochs is 2 there and 3 here\n")  # a hint about Python would not help here
    assert grid_main(*GRID, "--out", str(out), "--resume", watch=untrained) == 0
    again = capsys.readouterr().out
    assert "best cell: " in again and "last session" in again and "session" not in run[0]
    assert numbers() == before


@pytest.mark.thorough
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_resume_reports_that_there_is_nothing_to_continue(tmp_path, capsys, quiet):
    out = tmp_path / "mistyped"
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--resume", "--out", str(out), *quiet]
    assert grid_main(*words) == 0
    said = capsys.readouterr()
    assert said.err == ("" if quiet else f"nothing to resume in {out}: starting a new run\n")
    assert "session" not in said.out and bool(said.out) != bool(quiet)
    assert grid_main(*words, watch=untrained) == 0
    said = capsys.readouterr()
    assert said.err == "" and ("of the last session" in said.out) != bool(quiet)


def test_each_run_without_out_gets_its_own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert directories.choose_directory(parse()) == Path("runs/grid")
    (tmp_path / "runs" / "grid").mkdir(parents=True)
    assert directories.choose_directory(parse()) == Path("runs/grid-2")
    (tmp_path / "runs" / "grid-2").mkdir()
    assert directories.choose_directory(parse()) == Path("runs/grid-3")
    assert directories.choose_directory(parse("--resume")) == Path("runs/grid")
    assert directories.choose_directory(parse("--out", "runs/grid")) == Path("runs/grid")
