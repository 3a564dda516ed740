"""The command as a process: words that nobody reads, and Ctrl-C at its beginning and its end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jfnn.cli import process

SCRIPTS = Path(__file__).parents[2] / "scripts"
# A command without the package, whose import takes longest.
COMMAND = f"""
import signal, sys, time
exec(open({process.__file__!r}).read())

def main():
    BODY
    return 3

sys.exit(run(main, "prog"))
"""


def started(body, redirected=""):
    """A process that runs the body of a command."""
    run = "" if "|" in redirected else "exec"  # in place of the shell, so that signals reach it
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
def test_words_that_nobody_reads_do_not_stop_the_command(redirected, status, said):
    command = started("print('x' * 999_999, flush=True)", redirected)
    assert (command.communicate(timeout=60)[1], command.returncode) == (said, status)


def pressed(body, again=False):
    """The exit status and the errors of a command that Ctrl-C is pressed in, once or until it ends."""
    command = started(f"print('ready', flush=True); {body}")
    assert command.stdout.readline() == "ready\n"
    command.send_signal(signal.SIGINT)
    while again and command.poll() is None:  # signals that arrive at once count as one
        time.sleep(0.05)
        command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    return command.returncode, said


def test_ctrl_c_ends_the_command_without_a_traceback():
    assert pressed("time.sleep(60)") == (130, "\nstopped\n")
    slow = "\n    try:\n        time.sleep(60)\n    finally:\n        time.sleep(60)"
    status, said = pressed(slow, again=True)
    assert status == 130 and "Traceback" not in said


def test_ctrl_c_amid_the_imports_is_no_traceback():
    command = subprocess.Popen([sys.executable, "-v", SCRIPTS / "grid.py"], stderr=subprocess.PIPE, text=True)
    for line in command.stderr:
        if "import 'jax" in line:
            command.send_signal(signal.SIGINT)
            break
    _, said = command.communicate(timeout=60)
    assert command.returncode == -signal.SIGINT and "Traceback" not in said
