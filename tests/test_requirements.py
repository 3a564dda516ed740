"""The container, the lock file and the conda recipe agree with pyproject.toml."""

import json
import re
import tomllib
from pathlib import Path

import pytest

import jfnn

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_container_is_set_up_by_the_command_in_the_readme():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    command = container["postCreateCommand"]
    assert f"{command} && python -m pytest\n" in (ROOT / "README.md").read_text()
    python = container["image"].rpartition(":")[2]
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]


@pytest.mark.thorough
def test_lock_has_these_requirements_and_the_public_index():
    """uv expands an extra that names other extras into their packages."""
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
def test_recipe_requires_what_pyproject_requires():
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
