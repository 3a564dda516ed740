"""The command as a separate process: ``jfnn`` and scripts/grid.py, closed output streams, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import FILES, SMALL
from helpers import ending
from running import CORES

import jfnn
from jfnn.cli import main, process
from jfnn.cli.flags import Flags

SCRIPT = Path(__file__).parents[2] / "scripts" / "grid.py"
# The command without importing the package, which takes longest.
COMMAND = f"""
import signal, sys, time
exec(open({process.__file__!r}).read())

def main():
    BODY
    return 3

sys.exit(run(main, "prog"))
"""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("--help", 0, "grid"),
        ("--version", 0, jfnn.__version__),
        ("", 2, ""),
        ("foo", 2, "expected a command, grid, predict, workers, got 'foo'"),
        ("--foo", 2, ""),
        ("gird", 2, "mean 'grid'"),
        ("help", 2, "'--help'"),
        ("--versoin", 2, "'--version'"),
        ("grid --epochs -1", 2, "jfnn grid: error: --epochs: "),
    ],
)
def test_command_ends_with_a_status_and_a_message(words, status, said, capsys):
    code, out, err = ending(capsys, main.main, words.split())
    assert code == status and said in (err if status else out) and bool(err) == bool(status)


@pytest.mark.thorough
@pytest.mark.parametrize(("word", "status"), [("--version", 0), ("foo", 2)])
def test_package_runs_as_the_command(word, status):
    done = subprocess.run([sys.executable, "-m", "jfnn", word], capture_output=True, text=True)
    assert done.returncode == status
    assert done.stdout == f"{jfnn.__version__}\n" * (status == 0)
    assert ("jfnn: error: expected a command, grid, predict, workers, got 'foo'" in done.stderr) == (
        status == 2
    )


@pytest.mark.thorough
def test_script_runs_on_all_cores_and_keeps_compiled_programs(tmp_path):
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--out", str(tmp_path / "out")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "JFNN_"))}
    done = subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        check=True,
        env=clean | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.stderr == ""
    assert len([*(tmp_path / "cache" / "jfnn" / "programs").glob("*.program")]) >= 3
    assert "best cell: η = 1e-3, λ = 0\n" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["device"]["count"] == CORES and set(config["command"]) < set(vars(Flags()))


def started(body, redirected=""):
    run = "" if "|" in redirected else "exec"  # replaces the shell, so that signals reach it
    words = ["bash", "-c", f'{run} "$0" -c "$1" {redirected}', sys.executable, COMMAND.replace("BODY", body)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [
        ("| true; exit ${PIPESTATUS[0]}", 3, ""),
        ("2>&1 | true; exit ${PIPESTATUS[0]}", 3, ""),
        ("> /dev/full", 1, "prog: error: cannot write the output: No space left on device\n"),
        (">&-", 3, ""),
        ("2>&-", 3, ""),
    ],
)
def test_closed_output_does_not_stop_the_command(redirected, status, said):
    command = started("print('x' * 999_999, flush=True)", redirected)
    assert (command.communicate(timeout=60)[1], command.returncode) == (said, status)


def test_stream_without_a_file_is_unchanged():
    code = COMMAND.replace("BODY", "print('words')")
    code = code.replace("sys.exit(run", "sys.stdout = stream = io.StringIO()\nsys.exit(run")
    code = code.replace('"prog"))', '"prog") + len(stream.getvalue()))')
    assert subprocess.run([sys.executable, "-c", code]).returncode == 3 + len("words\n")


def press_ctrl_c(body, again=False):
    """Return the exit status and stderr of a command that gets Ctrl-C, once or until it ends."""
    command = started(f"print('ready', flush=True); {body}")
    assert command.stdout.readline() == "ready\n"
    command.send_signal(signal.SIGINT)
    while again and command.poll() is None:  # simultaneous signals count as one
        time.sleep(0.05)
        command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    return command.returncode, said


def test_ctrl_c_ends_the_command_without_a_traceback():
    assert press_ctrl_c("time.sleep(60)") == (130, "\nstopped\n")
    slow = "\n    try:\n        time.sleep(60)\n    finally:\n        time.sleep(60)"
    status, said = press_ctrl_c(slow, again=True)
    assert status == 130 and "Traceback" not in said


@pytest.mark.thorough
def test_ctrl_c_during_garbage_collection_is_not_lost():
    body = """import gc
    def once(*_):
        gc.callbacks.remove(once)
        signal.raise_signal(signal.SIGINT)
    gc.callbacks.append(once)
    gc.collect()
    time.sleep(5)"""
    with started(body) as command:
        said = command.stderr.read()
    assert (command.returncode, said) == (130, "\nstopped\n")


def test_ctrl_c_during_the_imports_prints_no_traceback():
    command = subprocess.Popen([sys.executable, "-v", SCRIPT], stderr=subprocess.PIPE, text=True)
    for line in command.stderr:
        if "import 'jax" in line:
            command.send_signal(signal.SIGINT)
            break
    _, said = command.communicate(timeout=60)
    assert command.returncode == -signal.SIGINT and "Traceback" not in said
