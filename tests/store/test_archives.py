"""Archives: arrays are restored, with the same bytes each time and no additional memory."""

import ast
import hashlib
import io
import math
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from examples import examples
from hypothesis import strategies
from kinds_of_files import ARRAYS, LABELS, X, bits, outcome, read_users_archive

import jfnn
from jfnn import datasets
from jfnn.arguments import memory
from jfnn.core.store import archives, files


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def claimed(shape, dtype, version):
    """Return the beginning of an .npy file with a given header."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text


SIZES = strategies.sampled_from(
    [0, 1, 2, 19, 20, 21, 40, -2, -20, 4 * 10**9, 10**12, 10**20, True, 20.0, "a"]
)
SHAPES = strategies.lists(SIZES, max_size=3).map(lambda sizes: str((*sizes,))) | strategies.sampled_from(
    ["__import__('os').mkdir('executed')", f"{'(' * 300}1{')' * 300}", f"({'1,' * 70})", "(20, 2)"]
)
DTYPES = [
    *["<f8", "<f4", "<i8", "<U100000000", "<U1", "|O", "<c16", "<M8[s]", "nonsense", "<f999", "|V8"],
    [("a", "<f4"), ("b", "<f4")],
]
ZEROS = np.zeros((20, 2)).tobytes()


@pytest.mark.thorough
@examples((300, 1), (10_000, 1))
def test_array_is_never_larger_than_its_bytes(examples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def check(shape, dtype, version, content):
        with zipfile.ZipFile("data.npz", "w") as file:
            file.writestr("x.npy", claimed(shape, dtype, version) + content)
            file.writestr("y.npy", saved(LABELS))
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        got, error = outcome(read_users_archive, tmp_path)
        assert tracemalloc.get_traced_memory()[1] - before < 10**7
        if error is None:
            n, *inputs = ast.literal_eval(shape)
            assert n == 20 and math.prod(inputs) == 2 and got[1][0][2:] == ((n, *inputs), ZEROS)
        else:
            assert isinstance(error, jfnn.ArgumentError) and error.argument == "path"

    tracemalloc.start()
    try:
        examples.check(
            check,
            shape=SHAPES,
            dtype=strategies.sampled_from(DTYPES),
            version=strategies.sampled_from([1, 1, 1, 2, 9]),
            content=strategies.sampled_from([ZEROS, ZEROS, ZEROS[:-1], ZEROS + b"1", b""]),
        )
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


def in_directory(content, offset, value):
    """Return an archive with bytes replaced in every entry of its directory."""
    content = bytearray(content)
    for found in re.finditer(b"PK\x01\x02", bytes(content)):
        content[found.start() + offset : found.start() + offset + len(value)] = value
    return bytes(content)


UNREADABLE = {
    "encrypted": (8, b"\1"),
    **{f"packed by method {method}": (10, bytes([method])) for method in (1, 6, 9, 19, 93, 98, 255)},
    **{f"said to be of {size} bytes": (24, struct.pack("<I", size)) for size in (0, 10, 0xFFFFFFF0)},
    "of a later version": (6, b"\xd2"),
}


def test_archives_that_cannot_be_unpacked_are_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e12)  # otherwise the size is too large
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=LABELS)
    content = path.read_bytes()
    for kind, change in UNREADABLE.items():
        path.write_bytes(in_directory(content, *change))
        _, error = outcome(read_users_archive, tmp_path)
        assert isinstance(error, jfnn.ArgumentError) and error.argument == "path", kind


def test_duplicate_arrays_are_refused_and_other_entries_ignored(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=LABELS)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("note.txt", b"1")
    assert read_users_archive(tmp_path) == bits((X, LABELS))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("x.npy", saved(X + 1))
    with pytest.raises(jfnn.ArgumentError, match=r"^path: data\.npz: .*'x'"):
        datasets.read_npz(path)


def test_names_of_arrays_equal_those_of_numpy(tmp_path):
    np.savez(tmp_path / "x.npz", **{"a": np.ones(2), "b/c": np.zeros(1)})
    with zipfile.ZipFile(tmp_path / "x.npz") as file:
        assert archives.array_names(file) == ["a", "b/c"]
        with pytest.raises(ValueError, match="no item named"):
            archives.named_array(file, "c")


def test_loaded_arrays_are_writable_and_numpy_reads_the_archive(tmp_path):
    files.write_archive(tmp_path / "x.npz", {"for": ["tests", None]}, ARRAYS)
    header, arrays = files.read_archive(tmp_path / "x.npz")
    assert header == {"for": ["tests", None]} and list(arrays) == list(ARRAYS)
    assert bits(arrays) == bits(ARRAYS)
    assert all(array.flags.writeable for array in arrays.values())
    with np.load(tmp_path / "x.npz", allow_pickle=False) as loaded:
        plain = {name: array for name, array in ARRAYS.items() if array.dtype.kind != "V"}
        assert bits({name: loaded[name] for name in plain}) == bits(plain)


def test_archive_bytes_do_not_depend_on_time_or_order(tmp_path, monkeypatch):
    files.write_archive(tmp_path / "one", {"a": 1}, ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    files.write_archive(tmp_path / "two", {"a": 1}, {n: np.array(a, order="F") for n, a in ARRAYS.items()})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_archive_larger_than_its_stated_size_is_refused_despite_a_valid_checksum(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(files.HEADER, b'{"header": {}, "dtypes": {}}' + b" " * 10**6)
        file.comment = b"0" * files.DIGITS
    content = path.read_bytes()[: -files.DIGITS]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(jfnn.CorruptFileError, match="larger than the file"):
        files.read_archive(path)


def test_table_with_one_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("jfnn.arguments.paths.LONGEST_LINE", 1000)
    (tmp_path / "long.csv").write_text("a,y\n1," + "0" * 1000)
    with pytest.raises(ValueError, match=r"^path: long\.csv has a line of 1000 characters or more$"):
        datasets.read_csv(tmp_path / "long.csv", "y")
