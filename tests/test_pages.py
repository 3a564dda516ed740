"""Code blocks of the README and the pages run, and everything they name exists."""

import ast
import importlib.util
import inspect
import json
import operator
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import matplotlib
import matplotlib.image
import numpy as np
import pytest
from helpers import representatives
from sklearn.datasets import load_iris

import jfnn
from jfnn.cli import run
from jfnn.cli.main import COMMANDS

pytestmark = pytest.mark.unoptimized

ROOT = Path(__file__).parents[1]
PATHS = sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("docs/recipes/*.md")])
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in PATHS}
PAGES["README.md"] = README = (ROOT / "README.md").read_text()
FIRST = "python3 -m venv .venv && . .venv/bin/activate && pip install -e . && python scripts/grid.py"
SECOND = 'python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]" && python -m pytest'


def blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGES[page], re.DOTALL | re.MULTILINE)


def missing(block):
    modules = set()
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    packages = {module.partition(".")[0] for module in modules}
    return sorted(package for package in packages if importlib.util.find_spec(package) is None)


def check_readme(names):
    assert names["result"].best().score > 0.9


def check_scores(names):
    assert names["confusion"].confusion_matrix.sum() == 360
    assert 0.2 < names["fit"].x < 5


def check_rows(names):
    assert names["by_own"].shape == (1000, 1) and names["held_out"].max() < 0.2
    np.testing.assert_array_equal(names["best_rate"], names["held_out"][:, 0, 0].argmin(axis=0))
    assert np.isin(np.argsort(-names["own_loss"])[:20], range(20)).mean() > 0.6


def check_training(names):
    assert names["layerwise"].axes.keys() == {"learning_rate", "l2", "last"}
    if "theirs" in names:
        np.testing.assert_allclose(names["ours"], names["theirs"], rtol=1e-5)


def check_data(names):
    of_seeds = names["prices"].predict(names["new_flats"])[names["prices"].best().index]
    np.testing.assert_allclose(of_seeds.mean(axis=0)[:, 0], [280, 350], atol=25)
    np.testing.assert_allclose(names["answers"][:, 0], [360, 430], atol=25)
    assert names["tuned"].best_score_ > 0.8


def check_losses(names):
    assert abs(names["u"](names["solved"].member(1, 0, 0), np.float32(np.pi / 2)) - 1) < 0.1
    by_jax, by_hand = map(jax.tree.leaves, (names["by_jax"], names["by_hand"]))
    for one, other in zip(by_jax, by_hand, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    assert abs(names["found"].params["mu"] - 4).max() < 1
    errors = names["students"].cell_scores()
    assert errors.min() > 0 and errors.max() < 0.05


def check_results(names):
    if "by_onnx" in names:
        np.testing.assert_allclose(names["by_onnx"], names["by_jfnn"], atol=1e-5)


def check_probes(names):
    assert (names["lengths"][64] < names["lengths"][0]).all() and (names["lengths"][0] < 400).all()
    np.testing.assert_array_equal(names["p"], 1 / 80)
    assert names["result"].subset_values["target"].tolist() == ["odd", "above_4"]


def check_command_line(names):
    asked, species = names["frame"]["species"], names["species"]
    assert (species == asked).mean() >= 0.8
    assert names["best"].predict(names["frame"]).shape[-3:] == (5, 5, len(asked))


def write_flowers():
    irises = load_iris()
    words = irises.target_names[irises.target]
    rows = [",".join(map(str, (*row, word))) for row, word in zip(irises.data, words, strict=True)]
    Path("flowers.csv").write_text("\n".join(["a,b,c,d,species", *rows]))


def train_flowers():
    write_flowers()
    line = re.search(r"jfnn grid (--data .*)", blocks("docs/command_line.md", "sh")[0].replace("\\\n", ""))
    assert run.main([*shlex.split(line[1]), "--epochs", "20", "--quiet"]) == 0


CHECKS = {
    "README.md": check_readme,
    "docs/command_line.md": check_command_line,
    "docs/probes.md": check_probes,
    "docs/recipes/data.md": check_data,
    "docs/recipes/losses.md": check_losses,
    "docs/recipes/results.md": check_results,
    "docs/recipes/rows.md": check_rows,
    "docs/recipes/scores.md": check_scores,
    "docs/recipes/training.md": check_training,
}
# Preparations that a page expects before its first block.
BEFORE = {"docs/command_line.md": train_flowers, "docs/playground.md": write_flowers}


@pytest.fixture
def few_digits(digits, tmp_path, monkeypatch):
    """Use 400 training rows, as unoptimized programs are slow with all, and a temporary folder for files."""
    monkeypatch.chdir(tmp_path)
    few = digits._replace(x_train=digits.x_train[:400], y_train=digits.y_train[:400])
    monkeypatch.setattr(jfnn.datasets, "digits", lambda: few)
    matplotlib.use("agg")


@pytest.mark.parametrize(
    "page",
    representatives([page for page in PAGES if blocks(page, "python")], "README.md"),
)
def test_python_blocks_run_in_order(page, few_digits, capsys):
    names: dict = {}
    absent: set = set()
    BEFORE.get(page, lambda: None)()
    for block in blocks(page, "python"):
        if packages := missing(block):
            absent.update(packages)
        else:
            exec(compile(block, page, "exec"), names)
    CHECKS.get(page, lambda names: None)(names)
    if absent:
        pytest.skip(f"blocks need {', '.join(sorted(absent))}; the others ran")


@pytest.mark.thorough
@pytest.mark.optimized
@pytest.mark.parametrize(("page", "number"), [("README.md", 1), ("docs/start.md", 2)])
def test_picture_and_output_on_the_first_pages_are_those_of_their_program(
    page, number, tmp_path, monkeypatch, capsys
):
    """The tolerances are for another processor; other seeds change colors by more than 0.012 on average."""
    monkeypatch.chdir(tmp_path)
    assert "images/heatmap.png" in PAGES[page]
    program = "\n".join(blocks(page, "python")[:number])
    with matplotlib.rc_context({"savefig.dpi": 160}):
        exec(compile(program, page, "exec"), {})
    paths = tmp_path / "heatmap.png", ROOT / "docs" / "images" / "heatmap.png"
    drawn, shown = (matplotlib.image.imread(path)[..., :3] for path in paths)
    assert drawn.shape == shown.shape
    assert np.abs(drawn - shown).mean() < 0.01
    number_of_output = re.compile(r"-?\d+\.?\d*")
    printed = capsys.readouterr().out.splitlines()
    for line in re.findall(r"^# (.*)$", program, re.MULTILINE):
        given = printed.pop(0)
        assert number_of_output.sub("", given).split() == number_of_output.sub("", line).split()
        numbers = (np.array(number_of_output.findall(text), float) for text in (given, line))
        np.testing.assert_allclose(*numbers, atol=0.01)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "py")])
def test_blocks_that_are_not_run_compile(page):
    for block in blocks(page, "py"):
        compile(block, page, "exec")


def test_two_commands_install_and_run_everything():
    assert README.count(FIRST) == 1
    assert README.count(SECOND) == 1
    assert len(README.splitlines()) <= 135


# Requests the help of every script and command, in one process that starts JAX once.
ASK = """
import contextlib, os, runpy, sys
from jfnn.cli.main import main
for name in sys.argv[1:]:
    with contextlib.suppress(SystemExit):
        if name.endswith(".py"):
            sys.argv, sys.path[0] = [name, "--help"], os.path.dirname(name)
            runpy.run_path(name, run_name="__main__")
        else:
            main([name, "--help"])
    print("\\0")
"""
# Names of scripts and commands in all pages, each with the rest of its line or code.
NAMED = re.compile(r"(?:python|jfnn) (scripts/\w+\.py|\w+)([^`\n]*)")
LINES = [line for text in PAGES.values() for line in NAMED.findall(text.replace("\\\n", ""))]


@pytest.fixture(scope="module")
def helps():
    names = sorted({name for name, _ in LINES if name.endswith(".py")} | set(COMMANDS))
    asked = [sys.executable, "-c", ASK, *names]
    environment = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    found = dict(zip(names, run.stdout.split("\0"), strict=False))
    assert all(text.lstrip().startswith("usage: ") for text in found.values())
    return found


@pytest.mark.thorough
def test_scripts_and_flags_in_the_pages_exist(helps):
    lines = [(name, flag) for name, line in LINES for flag in re.findall(r"--[a-z][a-z0-9-]*", line)]
    named = [(name, flag) for name, flag in lines if name in helps]
    assert {name for name, _ in named} > set(COMMANDS) and len(named) > 50
    for name, flag in named:
        assert re.search(rf"{flag}\b(?!-)", helps[name]), f"{name} has no {flag}"


@pytest.mark.thorough
@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_is_in_its_page(helps, command):
    shown = [block.split() for block in blocks("docs/command_line.md", "text")]
    there = helps[command].partition("examples:")[0].split()
    assert there in shown, f"docs/command_line.md lacks COLUMNS=80 jfnn {command} --help, up to its examples"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)\s#]+)|src=\"(.*?)\"", PAGES[page]):
        path = "".join(target)
        if not path.startswith(("http://", "https://", "generated/")):  # sphinx makes the last
            assert (ROOT / page).parent.joinpath(path).exists(), path


def test_list_of_recipes_is_complete():
    """Each keeps the anchor it had when all recipes were on one page, with a link and search words."""
    entry = re.compile(r"<a id=.([\w-]+).></a>\[(.+)\]\((recipes/\w+\.md)#\1\): \S")
    listed = entry.findall(PAGES["docs/recipes.md"])
    there = []
    for page in [page for page in PAGES if page.startswith("docs/recipes/")]:
        titles = re.findall("^## (.+)$", PAGES[page], re.MULTILINE)
        there += [(title, page.removeprefix("docs/")) for title in titles]
    assert len(there) > 60 and sorted((title, page) for _, title, page in listed) == sorted(there)


def test_files_and_tests_in_the_pages_exist():
    every = "\n".join(PAGES.values())
    for path in set(re.findall(r"`((?:jfnn|tests|scripts|docs)/[\w/]+(?:\.\w+)?)`", every)):
        assert (ROOT / path).exists(), path
    named = set(re.findall(r"\b(test_\w+\.py)(?:::(\w+))?", every))
    assert len(named) > 20
    for name, test in named:
        (source,) = (path.read_text() for path in (ROOT / "tests").rglob(name))
        assert not test or re.search(rf"def {test}", source), f"{name}::{test}"


def test_layout_names_every_room_and_module():
    """One line each: files and folders of the root; those of the package are indented by two more spaces."""
    layout = PAGES["docs/developing.md"].partition("## How the code is laid out\n")[2]
    package = layout.partition("\njfnn/\n")[2].partition("\nscripts/\n")[0]
    named = re.findall(r"^  (\S+)", package, re.MULTILINE)
    paths = [path for path in (ROOT / "jfnn").iterdir() if path.suffix == ".py" or path.is_dir()]
    rooms = [path.name + "/" * path.is_dir() for path in paths if not path.name.startswith("__")]
    assert sorted(named) == sorted(rooms)


def test_every_function_listed_with_an_equation_exists():
    """Names in the table start at the package; one without a dot may belong to the module before it."""
    table = PAGES["docs/lecture_notes.md"].partition("## Equations, functions and tests\n")[2]
    rows = [row.split(" | ") for row in table.partition("\n## ")[0].splitlines() if row.startswith("| ")]
    cells = [row[1] for row in rows[1:]]
    assert len(cells) > 15
    for cell in cells:
        module = jfnn
        for name in re.findall(r"`([\w.]+)`", cell):
            room, _, function = name.rpartition(".")
            owner = operator.attrgetter(room)(jfnn) if room else module
            assert hasattr(owner, function) or hasattr(jfnn, name), name
            module = owner


def exists(name, keyword):
    """Return whether a public name of the package, or a keyword of it, exists."""
    found = jfnn
    for part in name.split("."):
        if part in getattr(found, "__dataclass_fields__", ()):  # not an attribute of the class
            return True
        if part not in dir(found) if inspect.ismodule(found) else not hasattr(found, part):
            return False
        found = getattr(found, part)
    parameters = inspect.signature(found).parameters if keyword else {}
    further = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return not keyword or keyword in parameters or further


def test_renamed_objects_exist_only_under_their_new_names():
    """Cells of the tables are ``jfnn.name`` or ``jfnn.name(keyword=…)``."""
    rows = [line.split(" | ") for line in PAGES["docs/migrating.md"].splitlines() if line.startswith("| `")]
    pattern = re.compile(r"`jfnn\.([\w.]+)(?:\((?:\{…\}, split, |network, split, )?(?:(\w+)=.*?)?\))?`")
    was, now = (
        {match.groups() for row in rows for match in pattern.finditer(row[column])} for column in (0, 1)
    )
    assert len(was) > 20 and len(now) > 20
    importlib.import_module("jfnn.report")  # users import it explicitly
    assert [name for name in was if exists(*name)] == []
    assert [name for name in now if not exists(*name)] == []


def test_every_removed_name_has_one_row_in_migrating():
    """The row may be one of a module that was removed as a whole."""
    released = json.loads((ROOT / "tests/data/released_names.json").read_text())
    public = json.loads((ROOT / "tests/data/public_names.json").read_text())
    lines = [line for line in PAGES["docs/migrating.md"].splitlines() if line.startswith("| `")]
    codes = [code for line in lines for code in re.findall(r"`jfnn\.([^`]+)`", line.split(" | ")[0])]
    named = {re.match(r"[\w.]+", code)[0] for code in codes}
    removed = [name for name in released if name not in public]
    assert len(removed) > 100
    assert [code for code in set(codes) if codes.count(code) > 1] == []
    assert [name for name in removed if not any(f"{name}.".startswith(f"{each}.") for each in named)] == []
