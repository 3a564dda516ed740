"""Files are written completely or not at all; parameters are restored in their structure."""

import json
from typing import NamedTuple

import jax
import numpy as np
import pytest
from helpers import make_result, room_for

import jfnn
from jfnn.arguments.paths import OutputError
from jfnn.core.store import archives, files


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), files.atomic_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_writes_are_atomic_on_systems_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    path = tmp_path / "file"
    files.leftover_file(path).write_bytes(b"of a killed process")
    with files.atomic_file(path) as file:
        file.write(b"before")
    with pytest.raises(KeyboardInterrupt), files.atomic_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_links_in_place_of_a_partial_file_are_not_followed(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    files.leftover_file(tmp_path / "file").symlink_to(theirs)
    with files.atomic_file(tmp_path / "file") as file:
        file.write(b"ours")
    assert theirs.read_bytes() == b"theirs" and (tmp_path / "file").read_bytes() == b"ours"
    assert not (tmp_path / "file").is_symlink() and len([*tmp_path.iterdir()]) == 2


def test_files_of_a_run_are_not_overwritten_by_others(tmp_path):
    result = make_result((2, 2))
    result.save(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for name in ("run/config.json", "run/results.csv", "link/results.npz"):
        with pytest.raises(ValueError, match=f"^path: .*{name}"):
            result.to_csv(tmp_path / name)
    jfnn.load(tmp_path / "run")
    for name in ("run/mine.csv", "results.csv", "config.json"):
        for _ in range(2):
            result.to_csv(tmp_path / name)


def test_table_on_a_full_disk_is_refused_as_path_and_leaves_nothing(tmp_path):
    with room_for(50), pytest.raises(OutputError, match=r"^path: .*own\.csv"):
        make_result((2, 2)).to_csv(tmp_path / "own.csv")
    assert not list(tmp_path.iterdir())


def test_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = make_result((2, 2))
    result.save("~/run")
    assert (tmp_path / "run" / "config.json").is_file()
    assert jfnn.load("~/run").to_dict().keys() == result.to_dict().keys()
    result.to_csv("~/own.csv")
    assert not (tmp_path / "~").exists()


def test_json_with_a_checksum_detects_changes_and_accepts_further_values(tmp_path):
    path = tmp_path / "a.json"
    files.write_checked_json(path, {"a": [1.5, None]})
    files.write_json(path, json.loads(path.read_text()) | {"others": 3})
    assert files.read_checked_json(path, ["a", "absent"])["a"] == [1.5, None]
    content = path.read_text()
    for old, new in {"1.5": "1.6", " 3": " 3.0e0", "null": "{}", "6": "7", "\n}": "}"}.items():
        path.write_text(content.replace(old, new, 1))
        with pytest.raises(ValueError, match=r"a\.json: "):
            files.read_checked_json(path, ["a"])


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
def test_parameters_are_restored_in_their_structure(tree, names):
    structure, arrays = archives.pack_tree(tree)
    assert list(arrays) == names
    restored = archives.unpack_tree(json.loads(json.dumps(structure)), arrays)
    assert jax.tree.structure(restored) == jax.tree.structure(tree)
    assert all(a is b for a, b in zip(jax.tree.leaves(restored), jax.tree.leaves(tree), strict=True))


def test_named_tuples_of_users_are_restored_as_dicts():
    pair = Pair(np.ones(2), np.zeros(1))
    assert archives.unpack_tree(*archives.pack_tree([pair])) == [pair._asdict()]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({0: np.ones(1)}, "params, a dict whose keys are not all strings"),
        ([{"a": {1: np.ones(1)}}], "0.a, a dict whose keys"),
        ((object(),), "0, a object"),
        ((np.ones(1, jax.numpy.bfloat16),), "0, a bfloat16"),
        ({"a.b": np.ones(1), "a": {"b": np.ones(1)}}, "two arrays with the same name, a.b"),
    ],
)
def test_parameters_that_cannot_be_saved_raise_type_error_naming_their_place(tree, message):
    with pytest.raises(TypeError, match=message):
        archives.pack_tree(tree)
