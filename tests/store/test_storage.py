"""What is saved comes back equal, is the same bytes again, and is refused where a byte is another."""

import contextlib
import csv
import dataclasses
import json
from typing import NamedTuple

import jax
import numpy as np
import pytest

import jfnn
from jfnn.store import files as storage

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
def sealed(tmp_path):
    path = tmp_path / "sealed"
    storage.write_sealed(path, {"for": "tests"}, ARRAYS)
    return path


def test_sealed_arrays_come_back_with_their_header(sealed):
    header, arrays = storage.read_sealed(sealed)
    assert header == {"for": "tests"}
    assert same_arrays(arrays, ARRAYS)
    assert all(array.flags.writeable for array in arrays.values())


def test_a_sealed_file_holds_the_dtypes_that_numpy_lacks(tmp_path):
    array = np.asarray(jax.numpy.arange(3, dtype=jax.numpy.bfloat16))
    storage.write_sealed(tmp_path / "x", {}, {"x": array})
    assert same_arrays(storage.read_sealed(tmp_path / "x")[1], {"x": array})


def test_a_flipped_bit_anywhere_in_a_sealed_file_is_caught(sealed):
    content = sealed.read_bytes()
    for place in range(len(content)):
        flip(sealed, place, content)
        with pytest.raises(ValueError, match="sealed"):
            storage.read_sealed(sealed)


def test_a_sealed_file_cut_short_or_grown_is_caught(sealed):
    content = sealed.read_bytes()
    for length in range(len(content)):
        sealed.write_bytes(content[:length])
        with pytest.raises(storage.Damaged):
            storage.read_sealed(sealed)
    sealed.write_bytes(content + b"\0")
    with pytest.raises(storage.Damaged, match="1 bytes too many"):
        storage.read_sealed(sealed)


def test_a_sealed_file_says_what_is_wrong_with_it(sealed):
    content = sealed.read_bytes()
    body = len(content) - sum(array.nbytes for array in ARRAYS.values())
    for name, array in ARRAYS.items():
        if array.nbytes:
            flip(sealed, body + array.nbytes // 2)
            with pytest.raises(storage.Damaged, match=f"array '{name}' is damaged"):
                storage.read_sealed(sealed)
            sealed.write_bytes(content)
        body += array.nbytes
    sealed.write_bytes(content[:-1])
    with pytest.raises(storage.Damaged, match="cut short, 1 bytes or more into array 'flags'"):
        storage.read_sealed(sealed)
    sealed.write_bytes(content.replace(b"arrays 1\n", b"arrays 2\n", 1))
    with pytest.raises(ValueError, match="its format is 2, this version of jfnn reads format 1"):
        storage.read_sealed(sealed)


def test_an_npz_is_read_by_numpy_and_back(tmp_path):
    seals = storage.write_npz(tmp_path / "x.npz", ARRAYS)
    assert same_arrays(storage.read_npz(tmp_path / "x.npz", seals), ARRAYS)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as loaded:
        assert same_arrays(dict(loaded), ARRAYS)


def test_an_npz_has_the_same_bytes_at_another_time_and_in_another_memory_order(tmp_path, monkeypatch):
    storage.write_npz(tmp_path / "one", ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    storage.write_npz(tmp_path / "two", {name: np.array(a, order="F") for name, a in ARRAYS.items()})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_damaged_npz_names_the_array(tmp_path):
    path = tmp_path / "x.npz"
    seals = storage.write_npz(path, ARRAYS)
    content = path.read_bytes()
    for name in ("a", "b.c", "turned"):
        flip(path, content.index(ARRAYS[name].tobytes()) + 5)
        with pytest.raises(storage.Damaged, match=f"array '{name}'"):
            storage.read_npz(path, seals)
        path.write_bytes(content)
    for name, other in {"a": ARRAYS["a"] + 1, "empty": np.zeros((0, 5), np.int32)}.items():
        storage.write_npz(path, ARRAYS | {name: other})  # sound as an archive, but not what was sealed
        with pytest.raises(storage.Damaged, match=f"array '{name}' is damaged"):
            storage.read_npz(path, seals)
    storage.write_npz(path, {name: array for name, array in ARRAYS.items() if name != "scalar"})
    with pytest.raises(storage.Damaged, match="array 'scalar' cannot be read"):
        storage.read_npz(path, seals)


def test_no_flipped_bit_of_an_npz_gives_other_numbers(tmp_path):
    path = tmp_path / "x.npz"
    seals = storage.write_npz(path, ARRAYS)
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        flip(path, place, content)
        # Some bytes of an archive say nothing about its arrays, such as a date.
        with contextlib.suppress(storage.Damaged):
            assert same_arrays(storage.read_npz(path, seals), ARRAYS)


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), storage.atomic(path) as file:
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
    structure, arrays = storage.pack(tree)
    assert list(arrays) == names
    found = storage.unpack(json.loads(json.dumps(structure)), arrays)
    assert jax.tree.structure(found) == jax.tree.structure(tree)
    assert all(a is b for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(tree), strict=True))


def test_named_tuples_of_users_come_back_as_dicts():
    pair = Pair(np.ones(2), np.zeros(1))
    assert storage.unpack(*storage.pack([pair])) == [pair._asdict()]


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
        storage.pack(tree)


# Results


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp((5, 6, 3))


@pytest.fixture(scope="module")
def sweep(net, split):
    defaults = dict(learning_rate=[0.05, 0.5, 1e38], l2=[0.0, 0.1], epochs=4, batch_size=16, seeds=2, tile=4)
    return lambda **changes: jfnn.sweep(changes.pop("net", net), split, **(defaults | changes))


def assert_equal_results(one, other):
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert jax.tree.structure(left) == jax.tree.structure(right), field.name
        for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
            assert type(a) is type(b)
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_array_equal(a, b, err_msg=field.name)


RESULTS = {
    "all": {},
    "best": {"keep_params": "best"},
    "none": {"keep_params": "none"},
    "history": {"history": True, "segment": 2},
    "folds": {"folds": 2, "keep_params": "best"},
    "further axis": {"optimizer_args": {"momentum": [0.0, 0.5]}},
    "early stopping": {"validation": 0.2, "early_stopping": 1},
    "no epochs": {"epochs": 0, "history": True},
}


@pytest.fixture(scope="module")
def results(sweep):
    return {name: sweep(**changes) for name, changes in RESULTS.items()}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_loaded_equal_to_the_one_saved(results, name, tmp_path):
    result = results[name]
    result.save(tmp_path / "one" / "deep")
    loaded = jfnn.load(tmp_path / "one" / "deep")
    assert_equal_results(loaded, result)
    loaded.save(tmp_path / "two")
    for path in (tmp_path / "one" / "deep").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    assert (tmp_path / "two" / "models.npz").exists() == (name != "none")


def test_float64_is_loaded_as_it_was(sweep, tmp_path, x64):
    result = sweep()
    assert result.params[0].w.dtype == np.float64
    result.save(tmp_path)
    assert_equal_results(jfnn.load(tmp_path), result)


def test_parameters_of_networks_of_other_kinds_are_loaded(split, tmp_path):
    def init(key):
        return {"w": jax.random.normal(key, (5, 3)), "rest": [{"b": jax.numpy.zeros(3)}]}

    net = jfnn.Network(init, lambda params, x: x @ params["w"] + params["rest"][0]["b"])
    result = jfnn.sweep(net, split, learning_rate=[0.1, 0.2], epochs=2, batch_size=16, out=tmp_path)
    assert_equal_results(jfnn.load(tmp_path), result)
    with np.load(tmp_path / "models.npz") as models:
        np.testing.assert_array_equal(models["rest.0.b"][1, 0, 0], result.member(1, 0, 0)["rest"][0]["b"])


def test_models_are_addressed_by_their_axes(results, tmp_path):
    result = results["further axis"]
    result.save(tmp_path)
    with np.load(tmp_path / "models.npz", allow_pickle=False) as models:
        i = list(models["learning_rate"]).index(0.5)
        j, k, s = list(models["l2"]).index(0.1), list(models["momentum"]).index(0.5), 1
        assert models["seeds"][s] == 1
        np.testing.assert_array_equal(models["1.w"][i, j, k, s], result.member(i, j, k, s)[1].w)


def test_models_of_the_best_cell_say_which_it_is(results, tmp_path):
    result = results["best"]
    result.save(tmp_path)
    with np.load(tmp_path / "models.npz", allow_pickle=False) as models:
        assert {name: models[name] for name in result.axes} == result.best().axes
        np.testing.assert_array_equal(models["0.w"][1], result.member(*result.best().index, 1)[0].w)


def test_results_have_the_same_bytes_whatever_time_they_took(results, tmp_path):
    result = results["all"]
    result.save(tmp_path / "one")
    dataclasses.replace(result, timing={"compile": 1.0, "run": 2.0}).save(tmp_path / "two")
    for name in ("results.npz", "models.npz", "results.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("name", ["all", "folds", "further axis"])
def test_columns_and_csv_have_every_member_once(results, name, tmp_path):
    result = results[name]
    columns = result.to_dict()
    result.to_csv(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(columns)
    assert header[: len(result.axes) + 1] == [*result.axes, "seed"]
    assert ("fold" in header) == (result.folds is not None)
    for row, index in zip(rows, np.ndindex(result.diverged_at.shape), strict=True):
        found = dict(zip(header, map(float, row), strict=True))
        for (axis, values), i in zip(result.axes.items(), index, strict=False):
            assert found[axis] == values[i]
        assert found["seed"] == result.seeds[index[len(result.axes)]]
        assert found.get("fold", 0) == (0 if result.folds is None else index[-1])
        for score in header[header.index("train_accuracy") :]:
            np.testing.assert_array_equal(found[score], getattr(result, score)[index])
    for i, column in enumerate(columns.values()):
        assert column.shape == (result.diverged_at.size,)
        np.testing.assert_array_equal(column, [float(row[i]) for row in rows])
    assert {"test_loss", "diverged_at", "left_at", "epochs"} < set(header)


@pytest.mark.parametrize(("file", "name"), [("results.npz", "test_loss"), ("models.npz", "1.w")])
def test_loading_names_the_array_that_is_damaged(results, tmp_path, file, name):
    results["all"].save(tmp_path)
    with np.load(tmp_path / file) as arrays:
        place = (tmp_path / file).read_bytes().index(arrays[name].tobytes())
    flip(tmp_path / file, place + 9)
    with pytest.raises(ValueError, match=rf"{file}: array '{name}'"):
        jfnn.load(tmp_path)


def test_loading_says_why_it_cannot(results, tmp_path):
    with pytest.raises(FileNotFoundError, match="no run"):
        jfnn.load(tmp_path / "nowhere")
    results["all"].save(tmp_path)
    config = tmp_path / "config.json"
    text = config.read_text()
    for old, new, message in (
        ('"status": "finished"', '"status": "running"', "has not ended"),
        ('"format": 3', '"format": 1', "its format is 1, this version of jfnn reads format 3"),
        ('"epochs": 4', '"epochs": 5', "not as it was written"),
        ("{", "", "damaged, or not written by jfnn"),
        (text, "[1]", "damaged, or not written by jfnn"),
    ):
        assert old in text
        config.write_text(text.replace(old, new, 1))
        with pytest.raises(ValueError, match=message):
            jfnn.load(tmp_path)
    config.write_text(text)
    (tmp_path / "models.npz").unlink()
    with pytest.raises(ValueError, match=r"models\.npz"):
        jfnn.load(tmp_path)
    config.unlink()
    with pytest.raises(ValueError, match=r"but not the config\.json"):
        jfnn.load(tmp_path)


def test_saving_over_another_run_is_refused(results, tmp_path):
    results["all"].save(tmp_path)
    results["all"].save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match='keep_params is "all" there and "none" here'):
        results["none"].save(tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}
    file = tmp_path / "results.csv"
    with pytest.raises(ValueError, match="is no directory"):
        results["all"].save(file)


def test_the_configuration_is_told(results, sweep, tmp_path):
    results["history"].save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["settings"]["axes"] == {"learning_rate": [0.05, 0.5, 1e38], "l2": [0.0, 0.1]}
    assert config["settings"]["network"] == {
        "sizes": [5, 6, 3],
        "activation": "sigmoid",
        "output": "identity",
    }
    assert config["settings"]["minibatches"] == {"scheme": "subset", "batch_size": 16, "remainder": "drop"}
    assert config["settings"]["optimizer"] == "sgd"
    assert config["settings"]["history_every"] == 2
    assert config["versions"]["jax"] == jax.__version__
    assert config["device"]["count"] == 2
    assert config["backend"]["platform"] == "cpu"
    assert config["timing"].keys() == {"compile", "run"}
    assert config["settings"]["dtype"] == "float32"
