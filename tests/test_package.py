"""The package's metadata and the files at the root agree with the code."""

import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest

import jfnn

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
VERSION = r"(\d+\.\d+\.\d+\S*)"
GITHUB = r"https://(?:github|raw\.githubusercontent)\.com/([\w-]+/jfnn)\b"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("CITATION.cff", rf"(?m)^version: {VERSION}$"),
        ("docs/citing.md", rf"version = {{{VERSION}}}"),
        ("CHANGELOG.md", rf"\A# Changelog\n\n## {VERSION}\n"),
    ],
)
def test_files_name_the_version_of_the_code(name, pattern):
    assert re.findall(pattern, (ROOT / name).read_text()) == [jfnn.__version__]


def test_citation_and_codemeta_describe_the_project():
    """CodeMeta has the version of the next release; a version under development adds a suffix."""
    codemeta = json.loads((ROOT / "codemeta.json").read_text())
    citation = dict(re.findall(r"(?m)^(\w[\w-]*): (\S.*)$", (ROOT / "CITATION.cff").read_text()))
    base = re.match(r"\d+\.\d+\.\d+", jfnn.__version__)[0]
    assert citation["title"] == codemeta["name"] == PROJECT["name"]
    assert citation["license"] == PROJECT["license"]
    assert codemeta["license"] == f"https://spdx.org/licenses/{PROJECT['license']}"
    assert codemeta["version"] == base and citation["version"].startswith(base)
    authors = [author["name"] for author in PROJECT["authors"]]
    assert [author["name"] for author in codemeta["author"]] == authors
    assert (codemeta["description"], codemeta["keywords"]) == (PROJECT["description"], PROJECT["keywords"])
    assert codemeta["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    assert codemeta.get("codeRepository") == PROJECT.get("urls", {}).get("Source")
    required = [each["name"] + each["version"] for each in codemeta["softwareRequirements"]]
    assert required == PROJECT["dependencies"]


def test_messages_and_pages_name_existing_extras():
    code = [*Path(jfnn.__file__).parent.rglob("*.py"), *ROOT.glob("scripts/**/*.py")]
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    texts = [path.read_text() for path in [*code, *pages]]
    install = r"""pip install (?:-e )?['"](?:jfnn|\.)\[([\w,]+)\]"""
    named = {extra for text in texts for group in re.findall(install, text) for extra in group.split(",")}
    assert len(named) > 3 and named <= EXTRAS.keys()


def test_extra_all_contains_the_other_extras():
    (everything,) = EXTRAS["all"]
    extras = re.fullmatch(r"jfnn\[([\w,]+)\]", everything)[1].split(",")
    assert set(extras) == EXTRAS.keys() - {
        "all",
        "bench",
        "cuda12",
        "cuda13",
        "docs",
        "mpi",
        "oracles",
        "test",
    }


def test_requirements_have_the_same_version_in_every_extra():
    lowest: dict = {}
    for requirement in [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)]:
        name, _, version = requirement.partition(";")[0].partition(">=")
        lowest.setdefault(name.partition("[")[0], set()).add(version)
    assert not {name: versions for name, versions in lowest.items() if len(versions) > 1 and name != "jfnn"}


def test_pages_link_only_to_the_projects_repository():
    """The address of the repository is `Source` in pyproject.toml."""
    address = PROJECT.get("urls", {}).get("Source")
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    files += [ROOT / name for name in ("pyproject.toml", "CITATION.cff", "codemeta.json")]
    named = {f"https://github.com/{name}" for path in files for name in re.findall(GITHUB, path.read_text())}
    assert named <= {address}


def test_every_public_name_is_listed():
    """Additions and removals must be deliberate, see `docs/stability.md`."""
    modules = {name: getattr(jfnn, name) for name in jfnn.__all__ if inspect.ismodule(getattr(jfnn, name))}
    names = {f"{module}.{name}" for module, there in modules.items() for name in there.__all__}
    listed = json.loads((ROOT / "tests/data/public_names.json").read_text())
    assert sorted({*jfnn.__all__} | names) == listed


@pytest.mark.parametrize("name", [name for name in jfnn.__all__ if inspect.ismodule(getattr(jfnn, name))])
def test_modules_expose_only_their_public_names(name):
    module = getattr(jfnn, name)
    assert dir(module) == sorted(module.__all__) and all(hasattr(module, public) for public in dir(module))


def test_signatures_fit_on_a_screen():
    """A screen has 24 lines of 80 characters; NumPy's ArrayLike alone is a union of 270 characters."""
    modules = [getattr(jfnn, name) for name in jfnn.__all__ if inspect.ismodule(getattr(jfnn, name))]
    functions = {
        getattr(module, name)
        for module in (jfnn, *modules)
        for name in module.__all__
        if inspect.isfunction(getattr(module, name))
    }
    assert len(functions) > 100
    lengths = {function.__name__: len(str(inspect.signature(function))) for function in functions}
    assert max(lengths.values()) < 24 * 80
    assert "y: 'ArrayLike | None' = None" in str(inspect.signature(jfnn.train))
    assert sum(length > 500 for length in lengths.values()) <= 4  # sweep, train, hypergradient, supervised
