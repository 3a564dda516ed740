"""Compiled programs kept on disk for other processes."""

import contextlib
import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import room_for
from jax.experimental import serialize_executable, xla_metadata
from kinds_of_files import kept_programs

from jfnn.numerics import persistent
from jfnn.numerics.compiling import compiled

ROOT = Path(__file__).parents[2]
# Counts what XLA compiles; the custom loss calls LAPACK, whose programs must not be loaded from a file.
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
def folder(tmp_path):
    """Set up a private directory of kept programs, with JAX's own cache disabled."""
    with kept_programs(tmp_path / "programs"):
        yield tmp_path / "programs"


def run(folder):
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    environment |= {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", persistent.VARIABLE: str(folder)}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.thorough
def test_second_process_compiles_nothing_and_has_the_same_bits(tmp_path):
    (first, *bits), (second, *again) = run(tmp_path / "programs"), run(tmp_path / "programs")
    assert int(first) > 0 and int(second) == 0
    assert bits == again


def doubled(identity="doubled", count=3, factor=2):
    """Check the value of a newly defined kept function, and return whether it was traced."""
    traced = []

    def function(x):
        traced.append(x)
        return factor * x

    value = persistent.persistent(compiled(function, "cpu"), "cpu", identity)(
        np.arange(count, dtype=np.float32)
    )
    np.testing.assert_array_equal(value, factor * np.arange(count))
    return bool(traced)


def test_program_is_loaded_from_its_file_without_tracing(folder):
    assert doubled() and not doubled()
    (path,) = folder.iterdir()
    assert folder.stat().st_mode & 0o077 == 0 and path.stat().st_mode & 0o077 == 0
    assert doubled("another") and doubled(count=4)
    assert len([*folder.iterdir()]) == 3


@contextlib.contextmanager
def switched(switch):
    before = jax.config.values[switch]
    jax.config.update(switch, not before)
    try:
        yield
    finally:
        jax.config.update(switch, before)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "other",
    [
        lambda: switched("jax_enable_x64"),
        lambda: switched("jax_threefry_partitionable"),
        lambda: switched("jax_debug_nans"),
        lambda: switched("jax_disable_most_optimizations"),
        lambda: switched("jax_compiler_enable_remat_pass"),
        lambda: xla_metadata.set_xla_metadata(name="value"),
    ],
    ids=["x64", "threefry", "nans", "unoptimized", "remat", "a context"],
)
def test_jax_settings_are_part_of_a_programs_identity(folder, other):
    doubled()
    with other():
        assert doubled()
    assert not doubled()


FLAGS = """
import os, sys
flags = os.environ.get("XLA_FLAGS", "")
other = flags + " --xla_backend_optimization_level=0"
os.environ["XLA_FLAGS"] = other if "before" in sys.argv else flags
import jax
from jfnn.numerics import machine
jax.devices()
for now in (flags, other):
    os.environ["XLA_FLAGS"] = now
    print(machine.compiler())
"""


@pytest.mark.thorough
def test_compiler_flags_are_those_that_xla_has_read():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    processes = [
        subprocess.Popen([sys.executable, "-c", FLAGS, when], env=environment, stdout=subprocess.PIPE)
        for when in ("before", "never")
    ]
    before, never = (process.communicate()[0].decode().split() for process in processes)
    assert before[0] == before[1] != never[0] == never[1]


BEHIND = """
import os, numpy as np
from pathlib import Path
from jfnn.numerics import persistent
from jfnn.numerics.compiling import compiled
folder = Path(os.environ[persistent.VARIABLE])
for identity in ("before", "after"):
    persistent.persistent(compiled(lambda x: 2 * x, "cpu"), "cpu", identity)(np.ones(3))
    print(len([*folder.iterdir()]))
    (Path(persistent.__file__).parents[1] / "losses.py").touch()
"""


@pytest.mark.thorough
def test_nothing_is_kept_after_the_source_changes_during_the_process(tmp_path):
    shutil.copytree(ROOT / "jfnn", tmp_path / "jfnn", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    environment |= {"PYTHONPATH": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    environment |= {persistent.VARIABLE: str(tmp_path / "programs")}
    command = [sys.executable, "-c", BEHIND]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["1", "1"]


def write_again(path):
    """Read and write a program, which leaves a valid file that XLA can no longer run."""
    program = serialize_executable.deserialize_and_load(*pickle.loads(persistent._content(path)))
    path.write_bytes(persistent._seal(path.stem, pickle.dumps(serialize_executable.serialize(program))))


def test_file_without_its_functions_is_recompiled_and_replaced(folder):
    doubled()
    (path,) = folder.iterdir()
    write_again(path)
    assert doubled()
    assert not doubled()


class Planted:
    def __reduce__(self):
        return os.mkdir, ("planted",)


def give_away(path):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(path, 1000, -1)


@pytest.mark.parametrize("changed", [lambda path: path.chmod(0o666), give_away])
def test_file_that_others_may_have_written_is_not_read(folder, changed, monkeypatch):
    monkeypatch.chdir(folder.parent)
    doubled()
    (path,) = folder.iterdir()
    path.write_bytes(persistent._seal(path.stem, pickle.dumps(Planted())))
    changed(path)
    assert doubled()
    assert not Path("planted").exists()
    assert not doubled()  # another one is in its place


def test_programs_that_call_other_libraries_or_the_host_are_not_kept(folder):
    def note(x):
        jax.debug.callback(lambda value: None, x.sum())
        return x

    for function in (note, lambda x: jnp.linalg.inv(x.reshape(2, 2) + jnp.eye(2))):
        persistent.persistent(compiled(function, "cpu"), "cpu", "calls")(np.arange(4, dtype=np.float32))
    assert not [*folder.iterdir()]


def test_no_program_is_kept_in_untrusted_places_or_if_disabled(folder, monkeypatch):
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


def test_users_cache_is_the_default_directory(folder, monkeypatch):
    monkeypatch.delenv(persistent.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    assert persistent.directory() == folder.parent / "cache" / "jfnn" / "programs"

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nobody)
    assert persistent.directory() is None


def test_least_recently_used_programs_are_deleted(folder):
    for number in range(4):
        doubled(str(number))
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    for age, path in enumerate(paths):
        os.utime(path, (age, age))
    size = max(path.stat().st_size for path in paths)
    persistent.delete_oldest(folder, most=2 * size)
    assert {*folder.iterdir()} == {*paths[2:]}


def test_files_that_are_not_programs_are_kept_and_not_counted(folder):
    folder.mkdir(mode=0o700)
    name = "0" * 64
    for theirs in ("thesis.txt", "own.program", f"{name}.program", f"{name}.part", f".{name}.part", "tmpabc"):
        (folder / theirs).write_text("text")
        os.utime(folder / theirs, (0, 0))
    with (folder / "data.bin").open("wb") as file:
        file.truncate(2 * persistent.MOST_BYTES)  # of zeros, which take no space
    theirs = {*folder.iterdir()}
    doubled()
    assert theirs < {*folder.iterdir()} and not doubled()
    persistent.delete_oldest(folder, most=0)
    assert {*folder.iterdir()} == theirs


def test_partial_programs_are_deleted(folder):
    folder.mkdir(mode=0o700)
    killed = folder / f".{'0' * 64}.{'1' * 16}.part"
    writing = folder / f".{'0' * 64}.{'2' * 16}.part"
    for path in (killed, writing):
        path.write_bytes(b"part")
    before = time.time() - 2 * persistent.PART_SECONDS
    os.utime(killed, (before, before))
    with room_for(1000):
        assert doubled() and doubled()
    assert {*folder.iterdir()} == {killed, writing}
    doubled()
    assert not killed.exists() and writing.exists()
    assert len([*folder.iterdir()]) == 2
