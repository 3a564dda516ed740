"""Archives: the arrays come back, in the same bytes each time; of anybody's one line says what is wrong."""

import hashlib
import io
import os
import re
import struct
import zipfile

import jax
import numpy as np
import pytest

from jfnn import datasets
from jfnn.arguments import memory
from jfnn.core.store import archives, files

ARRAYS = {"x": np.random.default_rng(0).normal(size=(20, 2)), "y": np.arange(20) % 3}
BYTES = np.zeros(40).tobytes()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape, dtype="<f8", version=1):
    """The beginning of an .npy file, with whatever is claimed of its array."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text


def archive(path, x, compression=zipfile.ZIP_STORED, **more):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in {"x.npy": x, "y.npy": saved(ARRAYS["y"]), **more}.items():
            file.writestr(name, content)
    return path.read_bytes()


def in_directory(content, offset, value):
    """The archive with bytes of every entry's line in its directory replaced."""
    content = bytearray(content)
    for found in re.finditer(b"PK\x01\x02", bytes(content)):
        content[found.start() + offset : found.start() + offset + len(value)] = value
    return bytes(content)


def refusal(path, content):
    """The line with which a file is refused, or None, where its arrays are what they were."""
    path.write_bytes(content)
    try:
        table = datasets.read_npz(path)
    except ValueError as error:
        text = str(error)
        assert text.startswith(f"path: {path.name}") or " in data.npz, got " in text, text
        assert "\n" not in text and len(text) < 400
        return text
    assert np.array_equal(table.x, ARRAYS["x"]) and np.array_equal(table.y, ARRAYS["y"])
    return None


CLAIMS = {
    "(1000000000000, 2)": "takes 16000000000000 bytes, there are 320",
    "(20, 100000000000)": "takes",
    "(4000000000, 2)": "takes",
    "(0, 100000000000000000000)": "no plain array",
    "(-20, -2)": "takes",
    "(True, 40)": "no plain array",
    "(20.0, 2)": "no plain array",
    "('a', 2)": "no plain array",
    "(21, 2)": "there are 320",
    "(19, 2)": "there are 320",
    "__import__('os').mkdir('executed')": "no plain array",
    f"{'(' * 300}1{')' * 300}": "no plain array",
    f"({'1,' * 70})": "no plain array",
    "()": "there are 320",
}
DTYPES = ["<U100000000", "|O", "<c16", "<M8[s]", "nonsense", "<f999", [("a", "<f4"), ("b", "<f4")], "|V8"]


def test_an_array_is_no_larger_than_its_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data.npz"
    for claim, message in CLAIMS.items():
        line = refusal(path, archive(path, header(claim) + BYTES))
        assert line and message in line, claim
    for dtype in DTYPES:
        assert "float64" not in refusal(path, archive(path, header("(20, 2)", dtype) + BYTES))
    others = (header("(20, 2)", version=9) + BYTES, header("(20, 2)"), b"raw", b"", saved(ARRAYS["x"]) + b"1")
    assert all(refusal(path, archive(path, content)) for content in others)
    assert os.listdir() == ["data.npz"]


def test_what_cannot_be_unpacked_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e12)  # else the size is too large
    path = tmp_path / "data.npz"
    sound = archive(path, saved(ARRAYS["x"]))
    assert refusal(path, sound) is None
    assert "encrypted" in refusal(path, in_directory(sound, 8, b"\1"))
    for method in (1, 6, 9, 19, 93, 98, 255):
        assert "compression" in refusal(path, in_directory(sound, 10, bytes([method])))
    for size in (0, 10, 0xFFFFFFF0):  # said to be of another size than they are
        assert refusal(path, in_directory(sound, 24, struct.pack("<I", size)))
    assert "zip file version" in refusal(path, in_directory(sound, 6, b"\xd2"))
    archive(path, saved(ARRAYS["x"]))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as twice:
        twice.writestr("x.npy", saved(ARRAYS["x"] + 1))
    assert "two arrays of one name, 'x'" in refusal(path, path.read_bytes())
    assert refusal(path, archive(path, saved(ARRAYS["x"]), **{"note.txt": b"1"})) is None


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_flipped_bits_and_cut_archives_give_one_line_or_the_same_arrays(tmp_path, compression):
    path = tmp_path / "data.npz"
    content = archive(path, saved(ARRAYS["x"]), compression)
    rng = np.random.default_rng(0)
    lines = [refusal(path, content[:length]) for length in rng.integers(0, len(content), 20)]
    assert None not in lines
    for index in rng.integers(0, len(content), 100):
        flipped = bytearray(content)
        flipped[index] ^= 1 << rng.integers(8)
        lines.append(refusal(path, flipped))
    assert sum(line is not None for line in lines) > 60


def test_names_of_arrays_are_those_of_numpy(tmp_path):
    np.savez(tmp_path / "x.npz", **{"a": np.ones(2), "b/c": np.zeros(1)})
    with zipfile.ZipFile(tmp_path / "x.npz") as file:
        assert archives.array_names(file) == ["a", "b/c"]
        with pytest.raises(ValueError, match="no item named"):
            archives.named_array(file, "c")


WRITTEN = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.c": np.array([np.nan, -0.0, np.inf]),
    "empty": np.zeros((0, 4), np.int32),
    "scalar": np.array(7),
    "turned": np.arange(12.0).reshape(3, 4).T,
    "flags": np.array([True, False]),
    "halves": np.asarray(jax.numpy.ones((2, 3), jax.numpy.bfloat16)),  # which NumPy's format lacks
    "one half": np.asarray(jax.numpy.ones((), jax.numpy.bfloat16)),
}


def same_arrays(one, other):
    return list(one) == list(other) and all(
        (one[name].dtype, one[name].shape, one[name].tobytes())
        == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name in one
    )


def test_a_written_archive_comes_back_and_numpy_reads_it(tmp_path):
    path = tmp_path / "x.npz"
    files.write_archive(path, {"for": ["tests", None]}, WRITTEN)
    header, arrays = files.read_archive(path)
    assert header == {"for": ["tests", None]} and same_arrays(arrays, WRITTEN)
    assert all(array.flags.writeable for array in arrays.values())
    with np.load(path, allow_pickle=False) as loaded:
        plain = {name: array for name, array in WRITTEN.items() if array.dtype.kind != "V"}
        assert same_arrays({name: loaded[name] for name in plain}, plain)


def test_a_written_archive_has_the_same_bytes_at_another_time_and_in_another_order(tmp_path, monkeypatch):
    files.write_archive(tmp_path / "one", {"a": 1}, WRITTEN)
    monkeypatch.setattr("time.time", lambda: 2e9)
    files.write_archive(tmp_path / "two", {"a": 1}, {n: np.array(a, order="F") for n, a in WRITTEN.items()})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_flipped_bit_anywhere_a_cut_and_a_byte_more_are_noticed(tmp_path):
    path = tmp_path / "x.npz"
    files.write_archive(path, {}, WRITTEN)
    content = path.read_bytes()
    flipped = [content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :] for i in range(len(content))]
    for changed in (*flipped, *(content[:length] for length in range(0, len(content), 7)), content + b"0"):
        path.write_bytes(changed)
        with pytest.raises(files.CorruptFileError, match=r"x\.npz: "):
            files.read_archive(path)
    path.unlink()
    with pytest.raises(files.CorruptFileError, match=r"x\.npz: "):
        files.read_archive(path)


def test_an_archive_that_unpacks_to_more_than_its_size_is_refused_under_a_right_checksum(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(files.HEADER, b'{"header": {}, "dtypes": {}}' + b" " * 10**6)
        file.comment = b"0" * files.DIGITS
    content = path.read_bytes()[: -files.DIGITS]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(files.CorruptFileError, match="larger than the file"):
        files.read_archive(path)


def test_files_without_an_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("jfnn.arguments.paths.LONGEST_LINE", 1000)
    os.mkfifo(tmp_path / "pipe")
    for name, target in {"zero": "/dev/zero", "null": "/dev/null", "directory": "/", "fifo": "pipe"}.items():
        os.symlink(target, tmp_path / name)
        for read in (datasets.read_npz, lambda path: datasets.read_csv(path, "y")):
            with pytest.raises(ValueError, match=f"^path: {name} is no regular file$"):
                read(tmp_path / name)
    (tmp_path / "long.csv").write_text("a,y\n1," + "0" * 1000)
    with pytest.raises(ValueError, match=r"^path: long\.csv has a line of 1000 characters or more$"):
        datasets.read_csv(tmp_path / "long.csv", "y")
    for path, kind in (("nul\0.csv", ValueError), (3, TypeError), (None, TypeError)):
        with pytest.raises(kind, match=r"^path: [^\n]+$"):
            datasets.read_csv(path, "y")
