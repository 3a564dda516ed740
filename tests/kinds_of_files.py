"""A table of every kind of file that is written and read. Add a row to test a new kind.

The properties are tested in tests/store/test_damaged_files.py, test_forged_files.py and test_writers.py.
"""

import contextlib
import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
from helpers import everything, noise_split, parts_of, plain
from jax.experimental.compilation_cache import compilation_cache

import jfnn
from jfnn import datasets
from jfnn.arguments.paths import OutputError
from jfnn.core.search.programs import combine
from jfnn.core.store import files
from jfnn.numerics import persistent
from jfnn.numerics.compiling import compiled

# What happens to a modified file: it is refused; it is refused or gives the same bits; it is replaced, with
# the same bits; it is refused or read with its new content, since the change cannot be detected.
REFUSED, SAME, ANEW, ANYTHING = "refused", "same", "anew", "anything"


class Kind(NamedTuple):
    """A kind of directory.

    Attributes:
        write: Writes content 0 or 1 into a directory and returns its bits.
        read: Returns the bits of a directory with content 0, after using it as users do.
        promise: What happens to a modified file.
        goes_on: Whether reading finishes what an interrupted process began.
    """

    write: Callable[[Path, int], object]
    read: Callable[[Path], object]
    promise: str = REFUSED
    goes_on: bool = False

    def end(self, directory):
        """Finish writing content 0, wherever a process was stopped, and return its bits."""
        return self.read(directory) if self.goes_on else self.write(directory, 0)


def bits(tree):
    """Return the structure of a tree, and the type, dtype, shape and bytes of each leaf."""
    leaves, structure = jax.tree.flatten(plain(tree))
    arrays = [(type(leaf).__name__, np.asarray(leaf)) for leaf in leaves]
    return str(structure), [(kind, str(a.dtype), a.shape, a.tobytes()) for kind, a in arrays]


SPLIT = noise_split()
NET = jfnn.mlp((5, 2, 3))
TRAINING = dict(epochs=2, batch_size=16)


@functools.cache
def trained(content):
    return jfnn.sweep(
        NET,
        SPLIT,
        learning_rate=[0.05, 0.5 + content],
        l2=[0.0, 0.1, 1.0],
        seeds=2,
        execution=jfnn.Execution(tile=4, eval_every=1),
        **TRAINING,
    )


def several(content):
    result = trained(content)
    best = result.of_cell(*result.best().index)
    both = combine({"network": np.array(["all", "best"])}, [result, best])
    return dataclasses.replace(both, refit=trained(1 - content))


def write_run(make, directory, content):
    result = make(content)
    result.save(directory)
    return bits_of_result(result)


def read_run(directory):
    return bits_of_result(jfnn.load(directory))


def bits_of_result(result):
    repr(result), result.to_dict(), result.best_or_none()
    programs = [everything(part) | {"names": dict(part.names)} for part in parts_of(result)]
    refit = None if result.refit is None else bits_of_result(result.refit)
    return bits((list(result.axes), [run.key for run in result.runs], programs)), refit


def unfinished(networks, evaluations, **options):
    """Runs that are stopped after some evaluations; their bits are the archives of an uninterrupted run."""

    def train(directory, content=0, progress=None):
        execution = jfnn.Execution(tile=4, eval_every=1, progress=progress)
        rates = [0.05, 0.5 + content]
        where = dict(execution=execution, out=directory, resume=True)
        jfnn.sweep(networks, SPLIT, learning_rate=rates, **TRAINING, **options, **where)
        return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*.npz")}

    def write(directory, content):
        told = []

        def stop(progress):
            told.append(progress)
            if len(told) == evaluations:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            train(directory, content, stop)
        assert [*directory.rglob("checkpoint.npz")]
        with tempfile.TemporaryDirectory() as whole:
            return train(Path(whole), content)

    return Kind(write, train, SAME, goes_on=True)


ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.c": np.array([np.nan, -0.0, np.inf]),
    "empty": np.zeros((0, 4), np.int32),
    "scalar": np.array(7),
    "turned": np.arange(12.0).reshape(3, 4).T,
    "flags": np.array([True, False]),
    "halves": np.ones((2, 3), jax.numpy.bfloat16.dtype),  # not supported by NumPy's format
    "one half": np.ones((), jax.numpy.bfloat16.dtype),
}


def write_archive(directory, content):
    header = {"content": content}
    files.write_archive(directory / "x.npz", header, ARRAYS)
    return bits((header, ARRAYS))


def read_archive(directory):
    return bits(files.read_archive(directory / "x.npz"))


@contextlib.contextmanager
def kept_programs(folder):
    """Keep compiled programs in a directory, with JAX's own cache disabled."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(persistent.VARIABLE, str(folder))
            yield
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        compilation_cache.reset_cache()


def run_program(directory, content=0):
    def times(x):
        return (2 + content) * x

    with kept_programs(directory):
        kept = persistent.persistent(compiled(times, "cpu"), "cpu", f"times {2 + content}")
        return bits(np.asarray(kept(np.arange(3, dtype=np.float32))))


def write_program(directory, content):
    run_program(directory, content)
    return bits((2 + content) * np.arange(3, dtype=np.float32))


X = np.random.default_rng(0).normal(size=(20, 2))
LABELS = np.arange(20) % 3


def write_table(directory, _):
    rows = np.column_stack([X, LABELS])
    form = dict(fmt=["%.17g", "%.17g", "kind %d"], delimiter=",", header="a,b,y", comments="")
    np.savetxt(directory / "data.csv", rows, **form)
    return bits((X, LABELS))


def read_table(directory):
    table = datasets.read_csv(directory / "data.csv", "y")
    return bits((table.x, table.y))


OURS = {
    "a run": Kind(functools.partial(write_run, trained), read_run),
    "a run of several programs": Kind(functools.partial(write_run, several), read_run),
    "a run that has not ended": unfinished(NET, 1),
    "a search that has not ended": unfinished(
        {"one": NET, "two": jfnn.mlp((5, 3, 3))}, 3, validation=0.2, refit=True
    ),
    "a compiled program": Kind(write_program, run_program, ANEW, goes_on=True),
}
KINDS = OURS | {
    "an archive": Kind(write_archive, read_archive),
    "a table": Kind(write_table, read_table, ANYTHING),
}
LIKE_OTHERS = "a search that has not ended"
QUICK = [name for name in KINDS if name != LIKE_OTHERS]


def state(directory):
    """Map each name to its content, without following links or waiting for pipes."""

    def of(path):
        if path.is_symlink():
            return f"link to {os.readlink(path)}"
        return path.read_bytes() if path.is_file() else f"mode {path.stat().st_mode}"

    return {str(path.relative_to(directory)): of(path) for path in sorted(directory.rglob("*"))}


def outcome(read, directory):
    """Return ``(bits, None)``, or ``(None, error)`` if the directory is refused with a one-line message."""
    try:
        return read(directory), None
    except (jfnn.ArgumentError, jfnn.CorruptFileError, FileNotFoundError, OutputError) as error:
        text = str(error)
        begins = (str(directory), f"out: {directory}", "path: ", "target: ")
        is_named = text.startswith(begins)
        if isinstance(error, FileNotFoundError):  # the system may raise it as well
            is_named = str(directory) in text
        assert is_named, text
        assert "\n" not in text and len(text) < 700, text
        return None, error
