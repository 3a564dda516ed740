"""What opens or packages the project elsewhere: notebooks, a container, a lock, forms, a recipe."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import matplotlib
import pytest

import jfnn

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ADDRESS = "https://github.com/somebody/some.where"
FOLDERS = [ROOT / "docs" / name for name in ("course", "gallery", "tutorials")]
EXAMPLES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]


def in_docs(name, monkeypatch):
    """A module of the site's, which is no package."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    monkeypatch.syspath_prepend(ROOT / "docs/extensions")
    path = next(ROOT.glob(f"docs/**/{name}.py"))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def launch(monkeypatch):
    pytest.importorskip("sphinx")
    return in_docs("launch", monkeypatch)


@pytest.fixture
def notebooks(monkeypatch):
    pytest.importorskip("sphinx_gallery")
    return in_docs("notebooks", monkeypatch)


def cells(notebook, kind):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_the_container_is_set_up_by_the_command_of_the_readme():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    command = container["postCreateCommand"]
    assert f"{command} && python -m pytest\n" in (ROOT / "README.md").read_text()
    python = container["image"].rpartition(":")[2]
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]


@pytest.mark.thorough
def test_the_lock_is_of_these_requirements_and_of_the_public_index():
    """Of the extra that names others, uv writes the packages of these."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (own,) = [package for package in packages if package["name"] == "jfnn"]
    extras = {None: PROJECT["dependencies"]} | PROJECT["optional-dependencies"]
    pattern = re.compile(r"([\w-]+)(?:\[[\w,]+\])?([^;]*)")
    asked = {(*pattern.match(line).groups(), extra) for extra, lines in extras.items() for line in lines}
    locked = set()
    for each in own["metadata"]["requires-dist"]:
        extra = re.search(r"extra == '(\w+)'", each.get("marker", ""))
        locked.add((each["name"], each.get("specifier", ""), extra and extra[1]))
    asked = {(name.lower(), bound, extra) for name, bound, extra in asked}
    assert {each for each in locked if each[2] != "all"} == {each for each in asked if each[2] != "all"}
    others = [package for package in packages if package is not own]
    assert {package["source"]["registry"] for package in others} == {"https://pypi.org/simple"}
    files = [
        file for package in others for file in [*package.get("wheels", []), package.get("sdist")] if file
    ]
    assert len(files) > 1000
    assert all(file["url"].startswith("https://files.pythonhosted.org/") for file in files)
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]) for file in files)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("issue-config", "ISSUE_TEMPLATE/config.yml"),
        ("workflows", "workflows/*.yml"),
    ],
)
def test_files_for_github_are_what_it_takes(kind, pattern, tmp_path):
    """By the schemas that check-jsonschema holds; they find a file that lacks what GitHub asks for."""
    pytest.importorskip("check_jsonschema")
    paths = sorted((ROOT / ".github").glob(pattern))
    assert paths
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("name: nothing else\nblank_issues_enabled: perhaps\n")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{kind}"]
    run = subprocess.run([*check, *paths], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert subprocess.run([*check, wrong], capture_output=True).returncode == 1


@pytest.mark.thorough
def test_forms_have_a_question_each_once_and_name_files_that_are_there():
    yaml = pytest.importorskip("yaml")
    for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"):
        body = yaml.safe_load(path.read_text())["body"]
        asked = [part for part in body if part["type"] != "markdown"]
        for of in ([part["id"] for part in asked], [part["attributes"].get("label") for part in asked]):
            assert len(set(of)) == len(of)
        assert any(part.get("validations", {}).get("required") for part in asked)
    named = [path.read_text() for path in [*(ROOT / ".github").rglob("*.*"), ROOT / "CODE_OF_CONDUCT.md"]]
    for name in set(re.findall(r"\b[A-Z_]+\.(?:md|cff)\b", "\n".join(named))):
        assert (ROOT / name).is_file(), name


@pytest.mark.thorough
def test_actions_are_named_by_the_same_versions_everywhere():
    named = "\n".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    uses = {tuple(each) for each in re.findall(r"uses: ([\w/-]+)@(\S+)", named)}
    assert len(uses) == len(dict(uses)) > 3


@pytest.mark.thorough
def test_the_recipe_asks_for_what_pyproject_asks_for():
    """conda-forge's matplotlib without Qt is matplotlib-base."""
    recipe = pytest.importorskip("yaml").safe_load((ROOT / "conda/recipe.yaml").read_text())
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    build, run = ([each.replace(">", " >") for each in lines] for lines in (build, PROJECT["dependencies"]))
    least = PROJECT["requires-python"].removeprefix(">=")
    assert recipe["context"] == {"version": jfnn.__version__, "python_min": least}
    named = [line.replace("matplotlib-base", "matplotlib") for line in recipe["requirements"]["run"]]
    assert named == ["python >=${{ python_min }}", *run]
    assert recipe["requirements"]["host"] == ["python ${{ python_min }}.*", "pip", *build]
    ((command, place),) = PROJECT["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [f"{command} = {place}"]
    assert recipe["about"]["summary"].strip() == PROJECT["description"]
    assert recipe["about"]["license"] == PROJECT["license"]


@pytest.mark.thorough
def test_the_recipe_is_one_that_rattler_build_reads():
    rattler_build = pytest.importorskip("rattler_build")
    recipe = rattler_build.Stage0Recipe.from_yaml((ROOT / "conda/recipe.yaml").read_text())
    (variant,) = recipe.render(rattler_build.VariantConfig())
    made = variant.recipe.to_dict()
    assert made["package"] == {"name": "jfnn", "version": jfnn.__version__}
    assert made["build"]["noarch"] == "python" and "python >=3.11" in made["requirements"]["run"]


@pytest.mark.thorough
def test_examples_alone_have_links_and_only_to_an_address_on_github(launch):
    colab = "https://colab.research.google.com/github/somebody/some.where/blob/notebooks"
    binder = "https://mybinder.org/v2/gh/somebody/some.where/notebooks?urlpath=lab/tree"
    path = "course/regression.ipynb"
    links = {"Colab": f"{colab}/{path}", "Binder": f"{binder}/{path}"}
    assert launch.links(ADDRESS, "generated/course/regression") == links
    nested = "generated/gallery/studies/zoo"
    for same in (ADDRESS + ".git", ADDRESS + "/"):
        assert launch.links(same, nested) == launch.links(ADDRESS, nested)
    assert "/gallery/studies/zoo.ipynb" in launch.links(ADDRESS, nested)["Binder"]
    for page in (
        "start",
        "generated/course/index",
        "generated/gallery/studies/index",
        "generated/api/jfnn.sweep",
    ):
        assert launch.links(ADDRESS, page) == {}
    for address in (None, "https://example.org/somebody/somewhere", "https://github.com/somebody"):
        assert launch.links(address, "generated/course/regression") == {}


@pytest.mark.thorough
@pytest.mark.parametrize("address", [ADDRESS, None])
def test_a_site_has_the_buttons_where_there_is_an_address(launch, address, tmp_path):
    """A small site with the theme and the extension of the large one."""
    pytest.importorskip("sphinx_book_theme")
    source = tmp_path / "source"
    (source / "generated/course").mkdir(parents=True)
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'docs/extensions')!r})\n"
        f"extensions = ['launch']\nhtml_theme = 'sphinx_book_theme'\nlaunch_address = {address!r}\n"
    )
    (source / "index.rst").write_text("First\n=====\n\n.. toctree::\n\n   generated/course/regression\n")
    (source / "generated/course/regression.rst").write_text("Regression\n==========\n\nA page.\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", source, tmp_path / "site"]
    subprocess.run(command, check=True, capture_output=True)
    example = (tmp_path / "site/generated/course/regression.html").read_text()
    for link in launch.links(ADDRESS, "generated/course/regression").values():
        assert (f'href="{link}"' in example) == (address is not None)
    assert ("logo_colab" in example) == (address is not None)
    assert "colab" not in (tmp_path / "site/index.html").read_text()


@pytest.mark.thorough
def test_the_branch_has_every_file_that_a_button_opens(launch, notebooks, tmp_path):
    notebooks.write(tmp_path, ADDRESS)
    for path in EXAMPLES:
        page = f"generated/{path.relative_to(ROOT / 'docs').with_suffix('').as_posix()}"
        colab, binder = (launch.links(ADDRESS, page)[name] for name in ("Colab", "Binder"))
        opened = colab.partition("/blob/notebooks/")[2]
        assert opened == binder.partition("/tree/")[2] and (tmp_path / opened).is_file()
    needed = (tmp_path / "requirements.txt").read_text().strip()
    assert needed == "jfnn[equinox,flax] @ git+" + ADDRESS
    assert (tmp_path / "runtime.txt").read_text() == "python-3.12\n"
    for path in tmp_path.rglob("*.ipynb"):
        made = json.loads(path.read_text())
        assert cells(made, "code")[0].splitlines()[1] == f'%pip install -q "{needed}"'
        assert not re.search(r":\w+:`|^\.\. ", "\n".join(cells(made, "markdown")), re.MULTILINE), path


@pytest.mark.thorough
def test_the_first_cell_installs_all_that_examples_import(launch):
    lines = list(PROJECT["dependencies"])
    for name in re.search(r"\[(.*)\]", launch.requirement(ADDRESS))[1].split(","):
        lines += PROJECT["optional-dependencies"][name]
    installed = {re.match(r"[\w-]+", line)[0].replace("scikit-learn", "sklearn") for line in lines} | {"jfnn"}
    for path in EXAMPLES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            modules = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
            assert modules <= installed, path


def assigned_figures(tree):
    """Names to which statements of a cell give a new `Figure`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Figure("):
            yield ast.unparse(node.targets[0])


@pytest.mark.thorough
def test_cells_that_draw_end_with_the_figure(notebooks):
    """Which a notebook then shows: it shows a cell's last value, and no figure that pyplot has not made."""
    drawing = 0
    for path in EXAMPLES:
        for cell in cells(notebooks.notebook(path, None), "code")[1:]:
            tree = ast.parse(cell)
            for name in assigned_figures(tree):
                drawing += 1
                assert ast.unparse(tree.body[-1]) == name, path
    assert drawing > 20


@pytest.mark.thorough
def test_a_notebook_runs_cell_by_cell(notebooks):
    """But for its first cell, whose lines are for IPython; an address changes no other."""
    script = ROOT / "docs/course/own_network.py"
    first, *others = cells(notebooks.notebook(script, None), "code")
    elsewhere, *same = cells(notebooks.notebook(script, ADDRESS), "code")
    assert "%pip" not in first and "%pip" in elsewhere and others == same
    for cell in (first, elsewhere):
        assert all(line.startswith(("# ", "%")) for line in filter(None, cell.splitlines()))
    matplotlib.use("agg")
    names: dict = {}
    shown = []
    for cell in others:
        tree = ast.parse(cell)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, script, "exec"), names)
        shown.append(last and eval(compile(ast.Expression(last.value), script, "eval"), names))
    assert any(isinstance(value, matplotlib.figure.Figure) for value in shown)
