"""Files are written whole or not at all; parameters come back in their structure."""

import json
from typing import NamedTuple

import jax
import numpy as np
import pytest

import jfnn
from jfnn.store import files, trees


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), files.atomic(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_json_with_a_checksum_notices_changes_and_takes_further_values(tmp_path):
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
def test_parameters_that_cannot_be_saved_raise_type_error_naming_their_place(tree, message):
    with pytest.raises(TypeError, match=message):
        trees.pack(tree)
