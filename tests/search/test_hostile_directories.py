"""Run directories of anybody's: one ValueError that names the file, or the result that was written."""

import copy
import hashlib
import json
import os
import shutil

import jax
import numpy as np
import pytest

import jfnn
from jfnn.search import run_directory
from jfnn.store import checksummed, files
from jfnn.store.checkpoint import Checkpoint

pytestmark = pytest.mark.unoptimised

VALUES = [None, -1, 0, 10**30, "x", "", [], {}, True, 1.5, [[1]], {"a": 1}, ["learning_rate"]]
GONE = object()


@pytest.fixture(scope="module")
def run(split, tmp_path_factory):
    """A directory of two groups, of one result each: copy it, do not change it."""
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
    place = result.best().index
    best = result.keeping(jax.tree.map(lambda leaf: leaf[place], result.params), place)
    out = tmp_path_factory.mktemp("hostile") / "out"
    jfnn.SweepGroups((jfnn.Group("all", 16), jfnn.Group("best", None)), (result, best)).save(out)
    return out


@pytest.fixture
def out(run, tmp_path):
    return shutil.copytree(run, tmp_path / "out")


def contents(result):
    """All that a result holds, for comparisons."""
    fields = result.fields()
    plain = {
        name: fields.pop(name) for name in ("config", "timing", "folds", "metrics", "ranked_by", "kept_cell")
    }
    leaves, structure = jax.tree.flatten(fields)
    arrays = [(np.asarray(leaf).dtype, np.shape(leaf), np.asarray(leaf).tobytes()) for leaf in leaves]
    return plain, str(structure), arrays


def outcome(load, path):
    """The error of loading a directory in which a file was changed, or None where nothing shows."""
    try:
        result = load(path)
    except (ValueError, FileNotFoundError) as error:
        text = str(error)
        assert text.startswith(str(path)) and "\n" not in text and len(text) < 700, text
        return text
    return result


def places(value, path):
    """Where there is a value in plain values; of long lists the first two."""
    yield path
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for name, part in inner:
        yield from places(part, (*path, name))


def changed(config, path, value):
    """A configuration with one value replaced or gone, under a checksum that is right."""
    config = copy.deepcopy(config)
    inner = config
    for name in path[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[path[-1]]
    elif json.dumps(inner[path[-1]]) == json.dumps(value):
        return None
    else:
        inner[path[-1]] = value
    return config


def write(path, config):
    names = {name: config.get(name) for name in run_directory.CHECKSUMMED}
    checksum = hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()
    path.write_bytes(files.json_text(config | {"checksum": checksum}))


# What no other part of a result tells: how long it took and where, the direction of a metric, which cell.
FREE = {("timing",), ("device",), ("result", "metrics")}


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("group", ["all-16", "best-full"])
def test_values_that_no_result_has_are_refused_under_a_right_checksum(out, group, step, record_property):
    path = out / group / "config.json"
    config, whole = json.loads(path.read_text()), contents(jfnn.load(out / group))
    parts = ("result", "timing", "archives", "device", "settings", "data", "fingerprint", "status", "format")
    count, wrong = 0, {}
    for part in parts:
        for place in [*places(config[part], (part,))][:: 1 + step // 2]:
            for value in (*VALUES[count % step :: step], GONE):
                other = changed(config, place, value)
                if other is None or (part == "format" and value is not GONE):
                    continue
                write(path, other)
                count += 1
                loaded = outcome(jfnn.load, out / group)
                free = any(place[: len(names)] == names for names in FREE)
                if not isinstance(loaded, str) and not free and contents(loaded) != whole:
                    wrong[place, str(value)] = loaded
                elif not isinstance(loaded, str):
                    repr(loaded), loaded.to_dict(), loaded.best_or_none()
    assert wrong == {}
    record_property("edits", count)
    assert count > 100


def turned(array):
    return array.T if array.ndim > 1 else array[:-1] if array.ndim else array[None]


CHANGES = {
    "gone": lambda arrays, name: arrays.pop(name),
    "another name": lambda arrays, name: arrays.update(other=arrays.pop(name)),
    "one more": lambda arrays, name: arrays.update(other=arrays[name]),
    "turned": lambda arrays, name: arrays.update({name: turned(arrays[name])}),
    "an axis more": lambda arrays, name: arrays.update({name: arrays[name][None]}),
    "complex": lambda arrays, name: arrays.update({name: arrays[name].astype("c16")}),
    "text": lambda arrays, name: arrays.update({name: arrays[name].astype("U4")}),
    "empty": lambda arrays, name: arrays.update({name: np.zeros(0)}),
    "a number": lambda arrays, name: arrays.update({name: np.array(1.0)}),
}


@pytest.mark.parametrize("group", ["all-16", "best-full"])
@pytest.mark.parametrize("archive", ["results.npz", "models.npz"])
def test_arrays_that_do_not_fit_are_refused_under_right_checksums(out, group, archive):
    path = out / group / "config.json"
    config, whole = json.loads(path.read_text()), contents(jfnn.load(out / group))
    with np.load(out / group / archive) as file:
        arrays = dict(file)
    for i, name in enumerate(arrays):
        for what, change in [*CHANGES.items()][i % 3 :: 3]:
            if what == "complex" and name.startswith(("0.", "1.")):
                continue  # networks of one's own may be
            other = dict(arrays)
            change(other, name)
            checksums = files.write_npz(out / group / archive, other)
            write(path, config | {"archives": config["archives"] | {archive: checksums}})
            loaded = outcome(jfnn.load, out / group)
            assert isinstance(loaded, str) or contents(loaded) == whole, (name, what)


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
def test_any_damage_to_groups_is_noticed_by_the_files_name(out, flips, record_property):
    whole = [contents(result) for result in jfnn.load_groups(out).results]
    rng, count = np.random.default_rng(0), 0
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        for what in damaged(path, rng, 4 * flips if path.name == "groups.json" else flips):
            loaded, count = outcome(jfnn.load_groups, out), count + 1
            if path.name == "results.csv":  # nothing is read from it, and it can be made again
                assert [contents(result) for result in loaded.results] == whole
            else:
                named = what == "gone" or path.name in loaded
                assert isinstance(loaded, str) and named, (path.name, what)
    record_property("damages", count)
    assert count > 200


@pytest.mark.parametrize(
    "groups",
    [
        [],
        {},
        None,
        [["a"]],
        [["../all", 16]],
        [["a/b", 1]],
        [[".a", 1]],
        [["", 1]],
        [[1, 1]],
        [["all", 0]],
        [["all", True]],
        [["all", 1.0]],
        [["all", 16], ["all", 16]],
        "all",
        [["all", 16, 1]],
        [["all", "16"]],
    ],
)
def test_groups_that_cannot_be_are_refused_under_a_right_checksum(out, groups):
    files.write_json(out / "groups.json", {"groups": groups, "checksum": files.checksum_of(groups)})
    assert "groups.json: " in outcome(jfnn.load_groups, out)


def test_an_unfinished_run_is_noticed_or_started_as_it_was(split, tmp_path):
    description = {name: {"a": 1} for name in ("settings", "data", "versions", "backend")}
    fresh = {"epoch": 0, "w": np.zeros((4, 3)), "history": np.zeros((0, 4))}
    state = {"epoch": 3, "w": np.ones((4, 3)), "history": np.ones((3, 4))}
    checkpoint = Checkpoint(tmp_path / "checkpoint.jfnn", description, spacing=-1)
    checkpoint.save(state, now=True)
    header, arrays = checksummed.read(checkpoint.path)

    def refused(name):
        with pytest.raises(ValueError, match=r"checkpoint\.jfnn: ") as error:
            checkpoint.restore(fresh)
        assert "\n" not in str(error.value), name

    for what in damaged(checkpoint.path, np.random.default_rng(0), 300):
        if what != "gone":  # as before the first save
            refused(what)
    others = {
        "more members": arrays | {"['w']": np.ones((5, 3))},
        "an axis more": arrays | {"['w']": np.ones((1, 4, 3))},
        "epochs": arrays | {"['epoch']": np.array([3])},
        "other history": arrays | {"['history']": np.ones((3, 5))},
        "a name": {"other": arrays["['w']"], **arrays},
    }
    for name, other in others.items():
        checksummed.write(checkpoint.path, header, other)
        refused(name)
    content = checkpoint.path.read_bytes().split(b"\n", 3)
    for line in (
        b"[]",
        b"{}",
        b'{"header": 1, "arrays": {}}',
        b'{"header": {}, "arrays": {"a": 1}}',
        b"[" * 10_000,
    ):
        content[1:3] = hashlib.sha256(line).hexdigest().encode(), line
        checkpoint.path.write_bytes(b"\n".join(content))
        refused(line[:20])
    for dtype, shape in (
        ("O", [1]),
        ("nonsense", [1]),
        ("f8", [-1, -1]),
        ("f8", [10**12]),
        ("f8", "x"),
        ("f8", [1.5]),
    ):
        line = json.dumps(
            {"header": header, "arrays": {"a": {"dtype": dtype, "shape": shape, "sha256": ""}}}
        ).encode()
        content[1:3] = hashlib.sha256(line).hexdigest().encode(), line
        checkpoint.path.write_bytes(b"\n".join(content))
        refused(dtype)
    checkpoint.path.write_bytes(b"jfnn checksummed arrays " + b"9" * 5000)
    refused("format")
