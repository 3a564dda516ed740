"""Small command-line runs shared by several files, and fixtures that keep them quick."""

import io
import sys

import pytest
from command_line import GRID, PROGRAMS, grid_main

import jfnn


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """Skip plotting, which takes longest; the session's `run` and the command as a process do it."""
    monkeypatch.setattr("jfnn.report.writing.png", lambda figure: b"\x89PNG")


def printed_by(words):
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", printed)
        assert grid_main(*words) == 0
    return printed.getvalue()


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Return the output and directory of a small grid, and the same sweep by the library."""
    out = tmp_path_factory.mktemp("run") / "new" / "directory"
    printed = printed_by([*GRID, "--out", str(out)])
    expected = jfnn.sweep(
        jfnn.mlp((64, 4, 10), "sigmoid", init="glorot_uniform"),
        jfnn.datasets.digits(),
        learning_rate=[1e-4, 1e-3, 1],
        l2=[0, 1e-2, 1e6],
        reduction="sum",
        epochs=2,
        seeds=2,
    )
    return printed, out, expected


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Return the output, directory and library result of two networks, two batch sizes and a refit."""
    out = tmp_path_factory.mktemp("programs") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jfnn.report.writing.png", lambda figure: b"\x89PNG")
        printed = printed_by([*PROGRAMS.split(), "--refit", "--out", str(out)])
    expected = jfnn.sweep(
        {
            "3-tanh": jfnn.mlp((64, 3, 10), "tanh", init="normal"),
            "4-3-tanh": jfnn.mlp((64, 4, 3, 10), "tanh", init="normal"),
        },
        jfnn.datasets.digits(),
        batch_size=[50, None],
        learning_rate=[1e-4, 1e-3],
        l2=[0, 0.1],
        reduction="sum",
        epochs=2,
        validation=0.2,
        seeds=2,
        refit=True,
    )
    return printed, out, expected
