"""Damaged run directories: one ValueError that names the file, or a result that can be used."""

import copy
import os
import shutil
import time

import jax
import numpy as np
import pytest
from helpers import everything

import jfnn
from jfnn.core.search import run_directory
from jfnn.core.search.result import combined
from jfnn.core.store import files
from jfnn.core.store.checkpoint import Checkpoint

pytestmark = pytest.mark.unoptimised

VALUES = [None, -1, 0, 10**30, "x", "", [], {}, True, 1.5, [[1]], {"a": 1}, ["learning_rate"]]
GONE = object()


@pytest.fixture(scope="module")
def run(split, tmp_path_factory):
    """A directory of two programs, of one result each: copy it, do not change it."""
    result = jfnn.sweep(
        jfnn.mlp((5, 2, 3)),
        split,
        learning_rate=[0.05, 0.5],
        l2=[0.0, 0.1, 1.0],
        epochs=2,
        batch_size=16,
        seeds=4,
        execution=jfnn.Execution(tile=4, eval_every=1),
    )
    best = result.of_cell(*result.best().index)
    out = tmp_path_factory.mktemp("hostile") / "out"
    combined({"network": np.array(["all", "best"])}, [result, best]).save(out)
    return out


@pytest.fixture
def out(run, tmp_path):
    return shutil.copytree(run, tmp_path / "out")


def contents(result):
    """All that a result holds and writes, for comparisons."""
    leaves, structure = jax.tree.flatten(everything(result))
    return str(structure), [leaf if np.isscalar(leaf) else np.asarray(leaf).tobytes() for leaf in leaves]


def outcome(load, path):
    """The error of loading a directory in which a file was changed, or the result, which can be used."""
    try:
        result = load(path)
    except (ValueError, FileNotFoundError) as error:
        text = str(error)
        assert text.startswith(str(path)) and "\n" not in text and len(text) < 700, text
        return text
    if isinstance(result, jfnn.SweepResult):
        repr(result), result.to_dict(), result.best_or_none()
    return result


def places(value, path=()):
    """Where there is a value in plain values; of long lists the first two."""
    if path:
        yield path
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for name, part in inner:
        yield from places(part, (*path, name))


def changed(values, path, value):
    """Plain values of which one is replaced or gone."""
    values = copy.deepcopy(values)
    inner = values
    for name in path[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return values


def read_config(path):
    config = files.read_checked_json(path, run_directory.CHECKSUMMED)
    return {name: value for name, value in config.items() if name not in ("checksum", "format")}


def rewrite(path, header, arrays):
    """Writes an archive in the place of one, with its checksum in the configuration."""
    config = read_config(path.with_name("config.json"))
    config["archives"][path.name] = files.write_archive(path, header, arrays)
    files.write_checked_json(path.with_name("config.json"), config)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("group", "file"),
    [
        ("all", "config.json"),
        pytest.param("best", "results.npz", marks=pytest.mark.thorough),
        ("best", "models.npz"),
    ],
)
def test_other_values_under_a_right_checksum_are_refused_or_make_a_result(out, group, file, step):
    path = out / group / file
    count = 0
    if file == "config.json":
        header = read_config(path)
    else:
        header, arrays = files.read_archive(path)
    for place in [*places(header)][::step]:
        for value in (*VALUES[count % step :: step], GONE):
            other = changed(header, place, value)
            if file == "config.json":
                files.write_checked_json(path, other)
            else:
                rewrite(path, other, arrays)
            count += 1
            outcome(jfnn.load, out / group)
    assert count > (3 if file == "models.npz" else 20)


CHANGES = {
    "gone": lambda arrays, name: arrays.pop(name),
    "turned": lambda arrays, name: arrays.update({name: arrays[name].T[:-1]}),
    "an axis more": lambda arrays, name: arrays.update({name: arrays[name][None]}),
    "text": lambda arrays, name: arrays.update({name: arrays[name].astype("U4")}),
    "empty": lambda arrays, name: arrays.update({name: np.zeros(0)}),
}


@pytest.mark.parametrize("archive", ["results.npz", "models.npz"])
def test_other_arrays_under_a_right_checksum_are_refused_or_make_a_result(out, archive):
    path = out / "all" / archive
    header, arrays = files.read_archive(path)
    for name in arrays:
        for change in CHANGES.values():
            other = dict(arrays)
            change(other, name)
            rewrite(path, header, other)
            outcome(jfnn.load, path.parent)


OTHER_KINDS = ("U4", "S4", "c16", "M8[s]", "f4", "i8", "?")


@pytest.mark.parametrize("archive", ["results.npz", "models.npz"])
def test_arrays_of_another_kind_under_a_right_checksum_are_refused_by_name(out, archive):
    path = out / "all" / archive
    header, arrays = files.read_archive(path)
    parameters = header["params"] if archive == "models.npz" else ()
    for name, array in arrays.items():
        if (
            archive == "models.npz" and name not in parameters
        ):  # axes beside the parameters, for other readers
            continue
        for dtype in OTHER_KINDS:
            other = np.zeros(array.shape, dtype)
            if other.dtype.kind == array.dtype.kind or (name in parameters and other.dtype.kind in "cib"):
                continue  # parameters of a learner of one's own may be any numbers
            rewrite(path, header, arrays | {name: other})
            text = outcome(jfnn.load, path.parent)
            assert isinstance(text, str) and archive in text and repr(name) in text, (name, dtype)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("folds", 1.5),
        ("folds", True),
        ("crossed", "no"),
        ("ranked_by", None),
        ("kept_cell", 3),
        ("kept_cell", [0.5, 0]),
        ("metrics", ["loss"]),
        ("metrics", {"loss": "yes"}),
    ],
)
def test_a_header_of_other_types_under_a_right_checksum_is_refused_by_name(out, field, value):
    path = out / "best" / "results.npz"
    header, arrays = files.read_archive(path)
    rewrite(path, header | {field: value}, arrays)
    text = outcome(jfnn.load, path.parent)
    assert isinstance(text, str) and "results.npz" in text and repr(field) in text


def test_files_of_another_run_are_noticed(out, split):
    other = jfnn.sweep(jfnn.mlp((5, 2, 3)), split, learning_rate=0.1, epochs=1, batch_size=16)
    other.save(out / "other")
    for name in ("results.npz", "models.npz", "config.json"):
        before = (out / "all" / name).read_bytes()
        shutil.copy(out / "other" / name, out / "all")
        assert "npz: not as it was written" in outcome(jfnn.load, out / "all")
        (out / "all" / name).write_bytes(before)


def test_a_program_in_the_place_of_another_is_noticed(out):
    jfnn.load(out)
    shutil.rmtree(out / "best")
    shutil.copytree(out / "all", out / "best")
    text = outcome(jfnn.load, out)
    assert isinstance(text, str) and "best/config.json" in text
    jfnn.load(out / "best")


LAYER = {"kind": "dense", "units": 3, "activation": "sigmoid", "initializer": "normal", "bias": True}
LIES = {
    "an unknown argument": ("network", "layers", 0, "other", 1),
    "a kind that is no text": ("network", "layers", 0, "kind", []),
    "no units": ("network", "layers", 0, "units", None),
    "a negative size": ("network", "inputs", [-1]),
    "layers of numbers": ("network", "layers", [1]),
    "many layers": ("network", "layers", [LAYER] * 10_000),
    "a kind of loss": ("loss", {"kind": "__class__", "parameters": []}),
    "a loss that is a list": ("loss", ["cross_entropy"]),
    "quantiles": ("loss", {"kind": "pinball", "parameters": [i / 1e5 for i in range(1, 100_000)]}),
    "a learner that is none": (None,),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_network_that_cannot_be_is_refused_under_a_right_checksum(out, lie):
    path = out / "all" / "config.json"
    config = read_config(path)
    *place, value = lie
    files.write_checked_json(path, changed(config, ("settings", "learner", *place), value))
    started = time.perf_counter()
    with pytest.raises(jfnn.CorruptFileError, match=r"^.*config\.json: "):
        jfnn.load(out / "all").predict(np.zeros((2, 5)))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("name", ["settings", "data", "versions", "backend", "device", "timing"])
def test_a_part_of_a_description_that_is_none_is_refused(out, name):
    path = out / "all" / "config.json"
    files.write_checked_json(path, read_config(path) | {name: None})
    assert isinstance(outcome(jfnn.load, out / "all"), str)


REPLACED = {
    "gone": lambda path: None,
    "directory": os.mkdir,
    "nowhere": lambda path: os.symlink("nowhere", path),
    "itself": lambda path: os.symlink(path.name, path),
    "pipe": os.mkfifo,
    "device": lambda path: os.symlink("/dev/zero", path),
}


def damaged(path, rng, flips):
    """Changes a file in one way after another, and restores it."""
    content = path.read_bytes()
    for i in rng.integers(0, 8 * len(content), flips):
        flipped = bytearray(content)
        flipped[i // 8] ^= 1 << (i % 8)
        path.write_bytes(flipped)
        yield f"bit {i}"
    for length in {0, 1, len(content) // 2, len(content) - 1}:
        path.write_bytes(content[:length])
        yield f"cut at {length}"
    path.write_bytes(content + b"\n")
    yield "one byte more"
    for what, replace in REPLACED.items():
        path.unlink()
        replace(path)
        yield what
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("flips", [12, pytest.param(2000, marks=pytest.mark.slow)])
def test_any_damage_to_a_run_of_several_programs_is_noticed_by_the_files_name(out, flips):
    whole = [contents(result) for result in jfnn.load(out).programs]
    rng = np.random.default_rng(0)
    count = 0
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        for what in damaged(path, rng, flips):
            loaded = outcome(jfnn.load, out)
            count = count + 1
            if path.name == "results.csv":  # nothing is read from it, and it can be made again
                assert [contents(result) for result in loaded.programs] == whole
            else:
                named = what == "gone" or path.name in loaded
                assert isinstance(loaded, str) and named, (path.name, what)
    assert count > 200


def test_programs_under_a_right_checksum_name_directories_in_there(out):
    config = read_config(out / "config.json")
    for axes, programs in (
        ({}, []),
        (None, None),
        ({"network": "all"}, ["all"]),
        ({"network": ["../all"]}, ["../all"]),
        ({"network": ["a/b"]}, ["a/b"]),
        ({"network": [".a"]}, [".a"]),
        ({"network": [1]}, ["1"]),
        ({"network": ["all", "best"]}, ["best", "all"]),
        ({"other": ["all"]}, ["all"]),
        ({"batch_size": ["all"]}, ["all"]),
        ({"x": [[0, 1]]}, ["x-[0, 1]"]),
        ({"x": [None]}, ["x-None"]),
        ({"x": [True]}, ["x-True"]),
    ):
        changes = {"axes": axes, "programs": programs}
        files.write_checked_json(out / "config.json", config | changes)
        assert "config.json: " in outcome(jfnn.load, out), changes


def test_a_damaged_checkpoint_is_refused_by_its_name(tmp_path):
    description = {name: {"a": 1} for name in ("settings", "data", "versions", "backend")}
    fresh = {"epoch": 0, "w": np.zeros((4, 3)), "history": np.zeros((0, 4))}
    state = {"epoch": 3, "w": np.ones((4, 3)), "history": np.ones((3, 4))}
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", description)
    checkpoint.save(state, now=True)
    header, arrays = files.read_archive(checkpoint.path)

    def refused(name):
        with pytest.raises(ValueError, match=r"checkpoint\.npz: ") as error:
            checkpoint.restore(fresh)
        assert "\n" not in str(error.value), name

    for what in damaged(checkpoint.path, np.random.default_rng(0), 60):
        if what != "gone":  # as before the first save
            refused(what)
    others = {
        "more members": arrays | {"['w']": np.ones((5, 3))},
        "an axis more": arrays | {"['w']": np.ones((1, 4, 3))},
        "epochs": arrays | {"['epoch']": np.array([3])},
        "other dtype": arrays | {"['w']": np.ones((4, 3), np.float32)},
        "other history": arrays | {"['history']": np.ones((3, 5))},
        "a name": {"other": arrays["['w']"], **arrays},
    }
    for name, other in others.items():
        files.write_archive(checkpoint.path, header, other)
        refused(name)
    files.write_archive(checkpoint.path, {"settings": {"a": 2}}, arrays)
    refused("another run")
