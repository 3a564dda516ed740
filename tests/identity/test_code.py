"""Checksums of functions that run on the host: equal for equal functions in every process, else different."""

import importlib
import json
import os
import site
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pairs
import pytest

from jfnn.identity import references
from jfnn.identity.code import checksum, code_checksum


@pytest.fixture(scope="module")
def checksums():
    return pairs.checksums()


@pytest.mark.parametrize("name", pairs.DIFFERENT)
def test_functions_that_differ_have_different_checksums(name, checksums):
    one, other = checksums[0][name]
    assert one != other
    assert "unknown" not in one + other


@pytest.mark.parametrize("name", pairs.EQUAL)
def test_functions_that_do_the_same_have_equal_checksums(name, checksums):
    one, other = checksums[1][name]
    assert one == other
    assert "unknown" not in one


@pytest.mark.thorough
def test_checksums_are_the_same_in_another_process(checksums):
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, pairs.__file__], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert json.loads(run.stdout) == checksums


@pytest.mark.parametrize("name", pairs.UNKNOWN)
def test_what_pickle_does_not_take_is_named_and_never_equal(name):
    value = pairs.UNKNOWN[name]()
    one, other = code_checksum(lambda: value), code_checksum({1: {value}})
    assert code_checksum(lambda: value) != one
    assert one.startswith(f"unknown, by a {name}: ")
    assert other.startswith(f"unknown, by a {name}: ")
    assert checksum(["other", one]).startswith(f"unknown, by a {name}: ")


def test_the_code_of_a_captured_generator_function_is_known():
    def rows():
        yield from range(3)

    assert code_checksum(rows) == code_checksum(rows)


def imports_where_it_runs(values):
    import module_of_a_user.part as part
    import package_that_is_not_there

    return part.factor * values, package_that_is_not_there


def test_a_module_that_a_function_imports_where_it_runs_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "module_of_a_user"
    package.mkdir()
    (package / "__init__.py").touch()

    def with_factor(factor):
        (package / "part.py").write_text(f"factor = {factor}")
        for name in ("module_of_a_user", "module_of_a_user.part"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return code_checksum(imports_where_it_runs)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    one = with_factor(1.0)
    assert with_factor(1.0) == one
    assert with_factor(22.0) != one


def test_packages_of_any_environment_and_modules_within_extensions_are_installed(monkeypatch):
    """Also of an environment that this one extends, as `python -m venv --system-site-packages` makes it."""
    for folder in (
        site.getusersitepackages(),
        "/base/lib/python3/site-packages",
        "/usr/lib/python3/dist-packages",
    ):
        name = f"of_{len(folder)}"
        module = types.ModuleType(name)
        module.__file__ = str(Path(folder) / f"{name}.py")
        monkeypatch.setitem(sys.modules, name, module)
        assert references.is_installed(name)
    assert references.is_installed("jaxlib._jax.pytree")
    assert references.is_installed("jfnn.network")
    assert references.is_installed(np.__name__)
    assert not references.is_installed("__main__")
    assert not references.is_installed(pairs.__name__)


def test_a_long_chain_of_functions_ends():
    chain = [lambda: 1.0]
    for _ in range(400):
        chain.append(lambda before=chain[-1]: before())
    assert code_checksum(chain[-1]) == code_checksum(chain[-1])
    assert code_checksum(chain[-1]) != code_checksum(chain[-2])
