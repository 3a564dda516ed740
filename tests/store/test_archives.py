"""Archives: arrays are restored, with the same bytes each time and no additional memory."""

import ast
import hashlib
import io
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from examples import examples
from hypothesis import strategies
from kinds_of_files import ARRAYS, LABELS, X, bits, outcome

import jfnn
from jfnn import datasets
from jfnn.core.store import files


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write_entries(path, *entries, packing=zipfile.ZIP_STORED):
    """Write an archive of named entries with a valid checksum."""
    with zipfile.ZipFile(path, "w", packing) as file:
        file.comment = b"0" * files.DIGITS
        for name, content in entries:
            file.writestr(name, content)
    update_checksum(path)


def update_checksum(path):
    content = path.read_bytes()[: -files.DIGITS]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())


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
HEADER = (files.HEADER, b'{"header": {}, "dtypes": {}}')


@pytest.mark.thorough
@examples((300, 1), (10_000, 1))
def test_array_is_never_larger_than_its_bytes(examples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a header that is executed would make a directory
    path = tmp_path / "x.npz"

    def check(shape, dtype, version, content):
        write_entries(path, HEADER, ("x.npy", claimed(shape, dtype, version) + content))
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        got, error = outcome(files.read_archive, path)
        assert tracemalloc.get_traced_memory()[1] - before < 10**7
        if error is None:
            array = got[1]["x"]
            assert array.shape == ast.literal_eval(shape) and array.tobytes() == content
        else:
            assert isinstance(error, jfnn.CorruptFileError)

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
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def in_directory(content, offset, value):
    """Return an archive with bytes replaced in the entry of the array x in its directory."""
    start = re.search(rb"PK\x01\x02.{42}x\.npy", content, re.DOTALL).start() + offset
    return content[:start] + value + content[start + len(value) :]


UNREADABLE = {
    "encrypted": (8, b"\1"),
    **{f"packed by method {method}": (10, bytes([method])) for method in (1, 6, 9, 19, 93, 98, 255)},
    **{f"said to be of {size} bytes": (24, struct.pack("<I", size)) for size in (0, 10, 0xFFFFFFF0)},
    "of a later version": (6, b"\xd2"),
}


def test_archives_that_cannot_be_unpacked_are_refused_in_one_line(tmp_path):
    path = tmp_path / "x.npz"
    write_entries(path, HEADER, ("x.npy", saved(X)), ("y.npy", saved(LABELS)))
    content = path.read_bytes()
    for kind, change in UNREADABLE.items():
        path.write_bytes(in_directory(content, *change))
        update_checksum(path)
        _, error = outcome(files.read_archive, path)
        assert isinstance(error, jfnn.CorruptFileError), kind


def test_duplicate_arrays_are_refused_and_other_entries_ignored(tmp_path):
    path = tmp_path / "x.npz"
    arrays = ("x.npy", saved(X)), ("y.npy", saved(LABELS))
    write_entries(path, HEADER, *arrays, ("note.txt", b"1"))
    assert bits(files.read_archive(path)) == bits(({}, {"x": X, "y": LABELS}))
    with pytest.warns(UserWarning, match="Duplicate"):
        write_entries(path, HEADER, *arrays, ("x.npy", saved(X + 1)))
    with pytest.raises(jfnn.CorruptFileError, match=r"x\.npz: .*'x'"):
        files.read_archive(path)


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
    write_entries(path, (files.HEADER, HEADER[1] + b" " * 10**6), packing=zipfile.ZIP_DEFLATED)
    with pytest.raises(jfnn.CorruptFileError, match="larger than the file"):
        files.read_archive(path)


def test_table_with_one_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("jfnn.arguments.paths.LONGEST_LINE", 1000)
    (tmp_path / "long.csv").write_text("a,y\n1," + "0" * 1000)
    with pytest.raises(ValueError, match=r"^path: long\.csv has a line of 1000 characters or more$"):
        datasets.read_csv(tmp_path / "long.csv", "y")
