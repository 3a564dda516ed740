"""Arrays come back equal from files, are the same bytes again, and are refused where a byte is another."""

import gc
import json
import sys
from typing import NamedTuple

import jax
import numpy as np
import pytest

import jfnn
from jfnn.store import checksummed, files, trees

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.c": np.array([np.nan, -0.0, np.inf]),
    "empty": np.zeros((0, 4), np.int32),
    "scalar": np.array(7),
    "turned": np.arange(12.0).reshape(3, 4).T,
    "flags": np.array([True, False]),
}


def same_arrays(one, other):
    return list(one) == list(other) and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and one[name].tobytes() == other[name].tobytes()
        for name in one
    )


def flip(path, place, content=None):
    content = bytearray(path.read_bytes() if content is None else content)
    content[place] ^= 1 << (place % 8)
    path.write_bytes(content)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "arrays"
    checksummed.write(path, {"for": "tests"}, ARRAYS)
    return path


def test_checksummed_arrays_come_back_with_their_header(stored):
    header, arrays = checksummed.read(stored)
    assert header == {"for": "tests"}
    assert same_arrays(arrays, ARRAYS)
    assert all(array.flags.writeable for array in arrays.values())


def test_a_checksummed_file_holds_the_dtypes_that_numpy_lacks(tmp_path):
    array = np.asarray(jax.numpy.arange(3, dtype=jax.numpy.bfloat16))
    checksummed.write(tmp_path / "x", {}, {"x": array})
    assert same_arrays(checksummed.read(tmp_path / "x")[1], {"x": array})


def test_a_flipped_bit_anywhere_in_a_checksummed_file_is_caught(stored):
    content = stored.read_bytes()
    for place in range(len(content)):
        flip(stored, place, content)
        with pytest.raises(ValueError, match="arrays: "):
            checksummed.read(stored)


def test_a_checksummed_file_cut_short_or_grown_is_caught(stored):
    content = stored.read_bytes()
    for length in range(len(content)):
        stored.write_bytes(content[:length])
        with pytest.raises(files.CorruptFileError):
            checksummed.read(stored)
    stored.write_bytes(content + b"\0")
    with pytest.raises(files.CorruptFileError, match="1 bytes"):
        checksummed.read(stored)


def test_a_checksummed_file_says_what_is_wrong_with_it(stored):
    content = stored.read_bytes()
    body = len(content) - sum(array.nbytes for array in ARRAYS.values())
    for name, array in ARRAYS.items():
        if array.nbytes:
            flip(stored, body + array.nbytes // 2)
            with pytest.raises(files.CorruptFileError, match=f"array '{name}'"):
                checksummed.read(stored)
            stored.write_bytes(content)
        body += array.nbytes
    stored.write_bytes(content[:-1])
    with pytest.raises(files.CorruptFileError, match="array 'flags'"):
        checksummed.read(stored)
    stored.write_bytes(content.replace(b"arrays 1\n", b"arrays 2\n", 1))
    with pytest.raises(ValueError, match=r"format is 2.* reads format 1"):
        checksummed.read(stored)


def test_an_npz_is_read_by_numpy_and_back(tmp_path):
    checksums = files.write_npz(tmp_path / "x.npz", ARRAYS)
    assert same_arrays(files.read_npz(tmp_path / "x.npz", checksums), ARRAYS)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as loaded:
        assert same_arrays(dict(loaded), ARRAYS)


def test_an_npz_has_the_same_bytes_at_another_time_and_in_another_memory_order(tmp_path, monkeypatch):
    files.write_npz(tmp_path / "one", ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    files.write_npz(tmp_path / "two", {name: np.array(a, order="F") for name, a in ARRAYS.items()})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_corrupt_npz_names_the_array(tmp_path):
    path = tmp_path / "x.npz"
    checksums = files.write_npz(path, ARRAYS)
    content = path.read_bytes()
    for name in ("a", "b.c", "turned"):
        flip(path, content.index(ARRAYS[name].tobytes()) + 5)
        with pytest.raises(files.CorruptFileError, match=f"array '{name}'"):
            files.read_npz(path, checksums)
        path.write_bytes(content)
    for name, other in {"a": ARRAYS["a"] + 1, "empty": np.zeros((0, 5), np.int32)}.items():
        files.write_npz(path, ARRAYS | {name: other})  # sound as an archive, but not what was written
        with pytest.raises(files.CorruptFileError, match=f"array '{name}'"):
            files.read_npz(path, checksums)
    files.write_npz(path, {name: array for name, array in ARRAYS.items() if name != "scalar"})
    with pytest.raises(files.CorruptFileError, match="array 'scalar'"):
        files.read_npz(path, checksums)


def test_a_flipped_bit_anywhere_in_an_npz_is_caught(tmp_path):
    path = tmp_path / "x.npz"
    checksums = files.write_npz(path, ARRAYS)
    content = path.read_bytes()
    for place in range(len(content)):
        flip(path, place, content)
        with pytest.raises(files.CorruptFileError, match=r"x\.npz: "):
            files.read_npz(path, checksums)


def test_an_npz_cut_short_grown_or_missing_is_caught(tmp_path):
    path = tmp_path / "x.npz"
    checksums = files.write_npz(path, ARRAYS)
    content = path.read_bytes()
    for changed in (*(content[:length] for length in range(0, len(content), 7)), content + b"\0"):
        path.write_bytes(changed)
        with pytest.raises(files.CorruptFileError, match=r"x\.npz: "):
            files.read_npz(path, checksums)
    path.unlink()
    with pytest.raises(files.CorruptFileError, match=r"x\.npz: "):
        files.read_npz(path, checksums)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what zipfile cannot close
def test_an_interrupt_anywhere_in_a_write_is_one(tmp_path):
    path = tmp_path / "a.npz"
    files.write_npz(path, {"a": np.arange(3)})
    before, calls = path.read_bytes(), 0

    def write(interrupted):
        nonlocal calls
        calls = 0

        def at_a_call(frame, event, argument):
            nonlocal calls
            callers = {frame.f_code.co_name, frame.f_back.f_code.co_name}
            if "zipfile" in frame.f_code.co_filename and "__del__" not in callers:  # where Python hides it
                calls += 1
                if calls == interrupted:
                    raise KeyboardInterrupt

        sys.settrace(at_a_call)
        try:
            files.write_npz(path, {"a": np.arange(4)})
        finally:
            sys.settrace(None)

    write(0)
    total = calls
    assert total > 10
    path.write_bytes(before)
    for number in range(1, total + 1):
        with pytest.raises(KeyboardInterrupt):
            write(number)
        assert path.read_bytes() == before
    gc.collect()


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), files.atomic(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


class Pair(NamedTuple):
    left: np.ndarray
    right: np.ndarray


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ((jfnn.Layer(np.ones(2), np.zeros(1)),) * 2, ["0.w", "0.b", "1.w", "1.b"]),
        ({"first/w": [np.ones(2), (np.zeros(1),)], "none": None}, ["first/w.0", "first/w.1.0"]),
        (np.ones(3), ["params"]),
        ((), []),
    ],
)
def test_parameters_come_back_in_their_structure(tree, names):
    structure, arrays = trees.pack(tree)
    assert list(arrays) == names
    restored = trees.unpack(json.loads(json.dumps(structure)), arrays)
    assert jax.tree.structure(restored) == jax.tree.structure(tree)
    assert all(a is b for a, b in zip(jax.tree.leaves(restored), jax.tree.leaves(tree), strict=True))


def test_named_tuples_of_users_come_back_as_dicts():
    pair = Pair(np.ones(2), np.zeros(1))
    assert trees.unpack(*trees.pack([pair])) == [pair._asdict()]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({0: np.ones(1)}, "params, a dict whose keys are not all strings"),
        ([{"a": {1: np.ones(1)}}], "0.a, a dict whose keys"),
        ((object(),), "0, a object"),
        ((np.ones(1, jax.numpy.bfloat16),), "0, a bfloat16"),
        ({"a.b": np.ones(1), "a": {"b": np.ones(1)}}, "two arrays of one name, a.b"),
    ],
)
def test_what_cannot_be_saved_is_refused_by_its_place(tree, message):
    with pytest.raises(TypeError, match=message):
        trees.pack(tree)
