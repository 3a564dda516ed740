"""Compiled programs that are kept on disk for other processes."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache

from jfnn.numerics import persistent
from jfnn.numerics.compiling import compiled

ROOT = Path(__file__).parents[2]
# Counts what XLA compiles; a custom loss calls LAPACK, whose programs must not come from a file.
CODE = """
import jax, jax.numpy as jnp, numpy as np, jfnn
names = []
compiles = lambda name, _, **about: names.append(name) if "backend_compile" in name else None
jax.monitoring.register_event_duration_secs_listener(compiles)
x = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
split = jfnn.Split(x, np.arange(8) % 2)
net = jfnn.mlp((2, 3, 2))
result = jfnn.sweep(net, split, learning_rate=0.1, epochs=2, batch_size=4)
labels = result.predict(x)
count = len(names)
solve = lambda params, batch, key: jnp.linalg.solve(jnp.eye(2) + params["w"], batch.sum(axis=0)).sum()
init = lambda key: {"w": jnp.full((2, 2), 0.1)}
own = jfnn.sweep(jfnn.learner(init, solve), jfnn.Split(x), learning_rate=0.01, epochs=2, batch_size=4)
params = jax.tree.leaves((result.params, own.params))
print(count, b"".join(np.asarray(leaf).tobytes() for leaf in (*params, labels)).hex())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory of kept programs, of the user alone; JAX's own cache is off."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    monkeypatch.setenv(persistent.VARIABLE, str(tmp_path / "programs"))
    yield tmp_path / "programs"
    jax.config.update("jax_compilation_cache_dir", before)
    compilation_cache.reset_cache()


def run(folder):
    """What a new process prints that keeps its programs in a directory."""
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    environment |= {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", persistent.VARIABLE: str(folder)}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_second_process_compiles_nothing_and_has_the_same_bits(tmp_path):
    (first, *bits), (second, *again) = run(tmp_path / "programs"), run(tmp_path / "programs")
    assert int(first) > 0 and int(second) == 0
    assert bits == again


def doubled(identity="doubled", count=3):
    """A kept function's value, of a function made anew, and whether it was traced for it."""
    traced = []

    def function(x):
        traced.append(x)
        return 2 * x

    value = persistent.persistent(compiled(function, "cpu"), "cpu", identity)(
        np.arange(count, dtype=np.float32)
    )
    np.testing.assert_array_equal(value, 2 * np.arange(count))
    return bool(traced)


def test_a_program_is_taken_from_its_file_without_tracing(folder):
    assert doubled() and not doubled()
    (path,) = folder.iterdir()
    assert folder.stat().st_mode & 0o077 == 0 and path.stat().st_mode & 0o077 == 0
    assert doubled("another") and doubled(count=4)
    assert len([*folder.iterdir()]) == 3


@pytest.mark.parametrize("switch", ["jax_enable_x64", "jax_threefry_partitionable", "jax_debug_nans"])
def test_a_switch_of_jax_is_another_program(folder, switch):
    doubled()
    before = getattr(jax.config, switch)
    jax.config.update(switch, not before)
    try:
        assert doubled()
    finally:
        jax.config.update(switch, before)
    assert not doubled()


def written_again(content):
    """A program that was read and written: a whole file, of a program that XLA cannot run any more."""
    program = serialize_executable.deserialize_and_load(*pickle.loads(content[persistent.CHECKSUM_BYTES :]))
    again = pickle.dumps(serialize_executable.serialize(program))
    return hashlib.sha256(again).digest() + again


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
        lambda content: b"of another program",
        lambda content: written_again(content),
    ],
    ids=["empty", "cut", "a flipped bit", "foreign", "without its functions"],
)
def test_a_file_that_is_not_whole_is_compiled_anew(folder, damage):
    doubled()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert doubled()
    assert not doubled()


def test_programs_that_call_other_libraries_or_the_host_are_not_kept(folder):
    def note(x):
        jax.debug.callback(lambda value: None, x.sum())
        return x

    for function in (note, lambda x: jnp.linalg.inv(x.reshape(2, 2) + jnp.eye(2))):
        persistent.persistent(compiled(function, "cpu"), "cpu", "calls")(np.arange(4, dtype=np.float32))
    assert not [*folder.iterdir()]


def test_no_program_is_kept_where_nobody_may_be_trusted_or_all_is_off(folder, monkeypatch):
    assert persistent.directory() == folder
    folder.chmod(0o777)
    assert persistent.directory() is None
    folder.chmod(0o700)
    jax.config.update("jax_compilation_cache_dir", str(folder / "of JAX"))
    assert persistent.directory() is None
    jax.config.update("jax_compilation_cache_dir", None)
    (folder.parent / "file").touch()
    for given in ("0", str(folder.parent / "file"), "/proc/programs"):
        monkeypatch.setenv(persistent.VARIABLE, given)
        assert persistent.directory() is None
        assert doubled()


def test_the_users_cache_is_taken_where_nothing_else_is_named(folder, monkeypatch):
    monkeypatch.delenv(persistent.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    assert persistent.directory() == folder.parent / "cache" / "jfnn" / "programs"

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nobody)
    assert persistent.directory() is None


def test_the_least_recently_used_programs_are_deleted(folder):
    for number in range(4):
        doubled(str(number))
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    for age, path in enumerate(paths):
        os.utime(path, (age, age))
    size = max(path.stat().st_size for path in paths)
    persistent.delete_oldest(folder, most=2 * size)
    assert {*folder.iterdir()} == {*paths[2:]}
