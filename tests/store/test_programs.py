"""Compiled programs that are kept on disk for other processes."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import jfnn

ROOT = Path(__file__).parents[2]
CODE = """
import sys, jax, numpy as np, jfnn
misses = []
count = lambda name, **_: misses.append(name) if name.endswith("cache_misses") else None
jax.monitoring.register_event_listener(count)
jfnn.keep_programs(sys.argv[1])
x = np.random.default_rng(0).normal(size=(8, 2))
split = jfnn.Split(x, np.arange(8) % 2)
result = jfnn.sweep(jfnn.mlp((2, 3, 2)), split, learning_rate=0.1, epochs=2, batch_size=4)
print(len(misses), result.params[0].w.tobytes().hex())
"""


def test_a_second_process_compiles_nothing_and_has_the_same_bits(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    said = [
        subprocess.run(
            [sys.executable, "-c", CODE, tmp_path],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert int(said[0][0]) > 0 and int(said[1][0]) == 0
    assert said[0][1] == said[1][1]


def test_a_directory_that_is_no_path_is_refused():
    with pytest.raises(TypeError, match=r"^directory: "):
        jfnn.keep_programs(3)


@pytest.mark.parametrize("place", ["/proc/programs", "file", "file/programs"])
def test_a_directory_that_cannot_be_made_is_refused_at_the_call(tmp_path, place):
    (tmp_path / "file").write_text("")
    before = jax.config.jax_compilation_cache_dir
    with pytest.raises(ValueError, match=rf"^directory: .*{place} (is no directory|cannot be made)"):
        jfnn.keep_programs(tmp_path / place)
    assert jax.config.jax_compilation_cache_dir == before


@pytest.fixture
def configuration(monkeypatch):
    """JAX's own configuration of kept programs, restored after the test."""
    names = [name for name in jax.config.values if "_cache" in name]
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    yield before
    for name, value in before.items():
        jax.config.update(name, value)


def test_the_users_cache_is_taken_where_it_can_be_made(configuration, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jfnn.keep_programs()
    assert Path(jax.config.jax_compilation_cache_dir).parent == tmp_path / "cache" / "jfnn"


def test_without_a_cache_that_can_be_written_no_program_is_kept(configuration, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    jfnn.keep_programs()

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nobody)
    jfnn.keep_programs()
    assert {name: getattr(jax.config, name) for name in configuration} == configuration
