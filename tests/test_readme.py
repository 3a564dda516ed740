"""The README's snippets run, and what it names is there."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

import jfnn

pytestmark = pytest.mark.unoptimised

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [README, (ROOT / "scripts" / "lecture_notes" / "README.md").read_text()]
STUDIES = (ROOT / "docs" / "studies.md").read_text()
FIRST = "python3 -m venv .venv && . .venv/bin/activate && pip install -e . && python scripts/grid.py"
SECOND = 'python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]" && python -m pytest'


def snippets(page):
    """Blocks of Python in a page."""
    found = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(found) > 5
    return found


@pytest.fixture
def few_digits(digits, tmp_path, monkeypatch):
    """400 training rows, since unoptimised programs take long for all; files go into a folder of the test."""
    monkeypatch.chdir(tmp_path)
    few = digits._replace(x_train=digits.x_train[:400], y_train=digits.y_train[:400])
    monkeypatch.setattr(jfnn.datasets, "digits", lambda: few)
    matplotlib.use("agg")


def test_python_snippets_run_one_after_another(few_digits, capsys):
    first, *others = snippets(README)
    names: dict = {}
    exec(compile(first, "README.md", "exec"), names)
    assert names["result"].best().score > 0.9
    for snippet in others:
        exec(compile(snippet, "README.md", "exec"), names)


def test_snippets_of_studies_run_one_after_another(few_digits, capsys):
    names: dict = {}
    for snippet in snippets(STUDIES):
        exec(compile(snippet, "studies.md", "exec"), names)
    assert names["chances"].shape == (360, 10) and names["by_heart"].shape == (400,)


def test_two_commands_set_up_and_run_everything():
    assert README.count(FIRST) == 1
    assert README.count(SECOND) == 1


SCRIPTS = sorted(set(re.findall(r"python (scripts/\w+\.py)", README)))
# Asks every script for help, in one process that starts JAX once.
ASK = """
import contextlib, os, runpy, sys
for script in sys.argv[1:]:
    sys.argv, sys.path[0] = [script, "--help"], os.path.dirname(script)
    with contextlib.suppress(SystemExit):
        runpy.run_path(script, run_name="__main__")
    print("\\0")
"""


def test_scripts_and_flags_named_are_there():
    asked = [sys.executable, "-c", ASK, *(str(ROOT / script) for script in SCRIPTS)]
    printed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\0")
    helps = dict(zip(SCRIPTS, printed, strict=False))
    assert all(text.lstrip().startswith("usage: ") for text in helps.values())
    lines = [
        (name, line) for name in SCRIPTS for line in re.findall(rf"python {re.escape(name)}(.*)", README)
    ]
    lines += [("scripts/grid.py", line) for line in re.findall(r"^jfnn grid (.*)", README, re.MULTILINE)]
    assert len(lines) > len(SCRIPTS)
    for script, line in lines:
        for flag in re.findall(r"--[a-z][a-z-]*", line):
            assert flag in helps[script], f"{script} has no {flag}"


def test_files_and_tests_named_are_there():
    for path in set(re.findall(r"\]\(([\w./-]+)\)", README)):
        assert (ROOT / path).exists(), path
    named = {pair for page in PAGES for pair in re.findall(r"`(test_\w+\.py)(?:::(\w+))?", page)}
    assert len(named) > 5
    for name, test in named:
        (source,) = (path.read_text() for path in (ROOT / "tests").rglob(name))
        assert not test or re.search(rf"def {test}", source), f"{name}::{test}"


def test_the_layout_names_every_room_and_module():
    rooms = [path.name for path in (ROOT / "jfnn").iterdir() if path.suffix == ".py" or path.is_dir()]
    layout = README.partition("## How the code is laid out")[2]
    for room in rooms:
        if not room.startswith("__"):
            assert room in layout, room
