"""Checksums of host functions: equal in every process for equal functions, and different otherwise."""

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

from jfnn.identity import code
from jfnn.identity.code import checksum, code_checksum


@pytest.fixture(scope="module")
def checksums():
    return pairs.checksums()


@pytest.mark.parametrize("name", pairs.DIFFERENT)
def test_different_functions_have_different_checksums(name, checksums):
    one, other = checksums[0][name]
    assert one != other
    assert "unknown" not in one + other


@pytest.mark.parametrize("name", pairs.EQUAL)
def test_equivalent_functions_have_equal_checksums(name, checksums):
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
def test_checksum_of_an_unpicklable_value_names_its_type_and_is_never_equal(name):
    value = pairs.UNKNOWN[name]()
    one, other = code_checksum(lambda: value), code_checksum({1: {value}})
    assert code_checksum(lambda: value) != one
    assert one.startswith(f"unknown, by a {name}: ")
    assert other.startswith(f"unknown, by a {name}: ")
    assert checksum(["other", one]).startswith(f"unknown, by a {name}: ")


def test_generator_function_has_a_stable_checksum():
    def rows():
        yield from range(3)

    assert code_checksum(rows) == code_checksum(rows)


def import_inside(values):
    import module_of_a_user.part as part
    import package_that_is_not_there

    return part.factor * values, package_that_is_not_there


def test_checksum_depends_on_modules_imported_inside_the_function(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "module_of_a_user"
    package.mkdir()
    (package / "__init__.py").touch()

    def with_factor(factor):
        (package / "part.py").write_text(f"factor = {factor}")
        for name in ("module_of_a_user", "module_of_a_user.part"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return code_checksum(import_inside)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    one = with_factor(1.0)
    assert with_factor(1.0) == one
    assert with_factor(22.0) != one


def test_installed_packages_are_recognized_in_every_environment_and_extension_module(monkeypatch):
    """Also in an environment that this one extends, as with `python -m venv --system-site-packages`."""
    for folder in (
        site.getusersitepackages(),
        "/base/lib/python3/site-packages",
        "/usr/lib/python3/dist-packages",
    ):
        name = f"of_{len(folder)}"
        module = types.ModuleType(name)
        module.__file__ = str(Path(folder) / f"{name}.py")
        monkeypatch.setitem(sys.modules, name, module)
        assert code.is_installed(name)
    assert code.is_installed("jaxlib._jax.pytree")
    assert code.is_installed("jfnn.network")
    assert code.is_installed(np.__name__)
    assert not code.is_installed("__main__")
    assert not code.is_installed(pairs.__name__)


def test_long_chain_of_functions_ends():
    chain = [lambda: 1.0]
    for _ in range(400):
        chain.append(lambda before=chain[-1]: before())
    assert code_checksum(chain[-1]) == code_checksum(chain[-1])
    assert code_checksum(chain[-1]) != code_checksum(chain[-2])
