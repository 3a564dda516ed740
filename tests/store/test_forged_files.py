"""Files with valid checksums that this package did not write: refused in one line, or usable."""

import copy
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import strategies
from kinds_of_files import KINDS, outcome

import jfnn
from jfnn.core.search import run_directory
from jfnn.core.store import files

pytestmark = pytest.mark.unoptimized

# Each forger rewrites a file of a directory after a lie has changed its plain values and arrays.


def forge_run(path, lie):
    config_path = path.with_name("config.json")
    config = files.read_checked_json(config_path, run_directory.CHECKSUMMED)
    config = {name: value for name, value in config.items() if name not in ("checksum", "format")}
    if path == config_path:
        config, _ = lie(config, {})
    else:
        config["archives"][path.name] = files.write_archive(path, *lie(*files.read_archive(path)))
    files.write_checked_json(config_path, config)


# Kind and file -> its forger.
FORGERS = {
    **{("a run", name): forge_run for name in ("config.json", "results.npz", "models.npz")},
    **{
        (f"a {kind}", "config.json"): forge_run
        for kind in ("run of several programs", "run that has not ended")
    },
}
GONE = object()
VALUES = [None, -1, 0, 10**30, "x", "", [], {}, True, 1.5, [[1]], {"a": 1}, ["learning_rate"], GONE]
DTYPES = ("U4", "S4", "c16", "M8[s]", "f4", "i8", "?")
ARRAYS = [
    lambda array: GONE,
    lambda array: array.T[:-1] if array.ndim else array,
    lambda array: array[None],
    lambda array: np.zeros(0),
    lambda array: np.full(array.shape, np.nan),
    *(lambda array, dtype=dtype: np.zeros(array.shape, dtype) for dtype in DTYPES),
]


def places(value, path=()):
    """Return the places in plain values; only the first two items of long lists."""
    if path:
        yield path
    of_list = enumerate(value[:2]) if isinstance(value, list) else ()
    for name, part in value.items() if isinstance(value, dict) else of_list:
        yield from places(part, (*path, name))


def says(*place):
    """Return a lie that replaces or deletes the value at a place in plain values."""
    *above, last, said = place

    def lie(values, arrays):
        inner = values = copy.deepcopy(values)
        for name in above:
            inner = inner[name]
        inner[last] = said
        if said is GONE:
            del inner[last]
        return values, arrays

    return lie


def has(name, change):
    def lie(values, arrays):
        arrays = arrays | {name: change(arrays[name])}
        return values, {name: array for name, array in arrays.items() if array is not GONE}

    return lie


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "file"), FORGERS)
@examples((60, 1), (10_000, 1))
def test_forged_files_are_refused_or_usable(name, file, written, examples):
    kind = KINDS[name]
    (source, _), (expected, _) = written(name)

    def check(at, by):
        def any_lie(values, arrays):
            told = [*places(values)]
            number = at % (len(told) + len(arrays))
            if number < len(told):
                return says(*told[number], VALUES[by % len(VALUES)])(values, arrays)
            return has([*arrays][number - len(told)], ARRAYS[by % len(ARRAYS)])(values, arrays)

        with tempfile.TemporaryDirectory() as folder:
            directory = shutil.copytree(source, Path(folder) / "out")
            forger(directory / file, any_lie)
            got, error = outcome(kind.read, directory)
        assert error is not None or not kind.goes_on or got == expected

    forger = FORGERS[name, file]
    number = strategies.integers(0, 10**4)
    examples.check(check, at=number, by=number)


def learns(*place):
    return says("settings", "learner", *place)


def programs(axes, names):
    return lambda values, arrays: (values | {"axes": axes, "programs": names}, arrays)


LAYER = {"kind": "dense", "units": 3, "activation": "sigmoid", "initializer": "normal", "bias": True}
# Lies that must be refused, by kind and file.
LIES = {
    ("a run", "results.npz"): [
        *(says("folds", value) for value in (1.5, True)),
        *(says("kept_cell", value) for value in (3, [0.5, 0])),
        *(says("metrics", value) for value in (["loss"], {"loss": "yes"})),
        says("crossed", "no"),
        says("ranked_by", None),
    ],
    ("a run", "config.json"): [
        *(says(part, None) for part in ("settings", "data", "versions", "backend", "device", "timing")),
        says("settings", "learner", None),
        learns("network", "layers", 0, "other", 1),
        learns("network", "layers", 0, "kind", []),
        learns("network", "layers", 0, "units", None),
        learns("network", "inputs", [-1]),
        learns("network", "layers", [1]),
        learns("network", "layers", [LAYER] * 10_000),
        learns("loss", {"kind": "__class__", "parameters": []}),
        learns("loss", ["cross_entropy"]),
        learns("loss", {"kind": "pinball", "parameters": [i / 1e5 for i in range(1, 100_000)]}),
    ],
    ("a run of several programs", "config.json"): [
        programs({}, []),
        programs(None, None),
        programs({"network": "all"}, ["all"]),
        *(programs({"network": [name]}, [name]) for name in ("../all", "a/b", ".a")),
        programs({"network": [1]}, ["1"]),
        programs({"network": ["all", "best"]}, ["best", "all"]),
        *(programs({axis: ["all"]}, ["all"]) for axis in ("other", "batch_size")),
        *(programs({"x": [value]}, [f"x-{value}"]) for value in ([0, 1], None, True)),
    ],
}


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "file"), LIES)
def test_known_lies_are_refused_quickly(name, file, written, tmp_path):
    (source, _), _ = written(name)
    for number, lie in enumerate(LIES[name, file]):
        directory = shutil.copytree(source, tmp_path / str(number))
        FORGERS[name, file](directory / file, lie)
        began = time.perf_counter()
        _, error = outcome(KINDS[name].read, directory)
        if error is None:  # a network is created only when used
            _, error = outcome(lambda path: jfnn.load(path).predict(np.zeros((2, 5))), directory)
        assert isinstance(error, jfnn.CorruptFileError), number
        assert time.perf_counter() - began < 5


@pytest.mark.thorough
@pytest.mark.parametrize("file", ["results.npz", "models.npz"])
def test_arrays_of_another_dtype_are_refused_by_name(written, file, tmp_path):
    (source, _), _ = written("a run")
    header, arrays = files.read_archive(source / file)
    parameters = header["params"] if file == "models.npz" else ()
    for name in parameters or arrays:  # axes are stored beside parameters, for other readers
        for dtype in map(np.dtype, DTYPES):
            if dtype.kind == arrays[name].dtype.kind or (parameters and dtype.kind in "cib"):
                continue  # parameters of a custom learner may be any numbers
            directory = shutil.copytree(source, tmp_path / "out", dirs_exist_ok=True)
            forge_run(directory / file, has(name, lambda array, dtype=dtype: np.zeros(array.shape, dtype)))
            _, error = outcome(jfnn.load, directory)
            assert file in str(error) and repr(name) in str(error), (name, dtype)


@pytest.mark.parametrize("file", ["results.npz", "models.npz"])
def test_arrays_with_an_additional_axis_are_refused(written, file, tmp_path):
    (source, _), _ = written("a run")
    header, arrays = files.read_archive(source / file)
    for name in header["params"] if file == "models.npz" else arrays:
        directory = shutil.copytree(source, tmp_path / "out", dirs_exist_ok=True)
        forge_run(directory / file, has(name, lambda array: array[None]))
        _, error = outcome(jfnn.load, directory)
        assert isinstance(error, jfnn.CorruptFileError), name
