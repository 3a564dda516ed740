"""Zoos beside other readers: pandas, ravel_pytree, safetensors; what they hold, and what cannot be one."""

import shutil

import jax
import numpy as np
import pandas as pd
import pytest
from helpers import make_programs, make_result, make_sampled, room_for, same_bits
from jax.flatten_util import ravel_pytree

import jfnn
from jfnn.analysis import weight_statistics
from jfnn.arguments.paths import OutputError
from jfnn.core.search.result import combined, with_run
from jfnn.core.store import files

NET = jfnn.mlp((4, 3, 2), "tanh")
FILES = ["layout.csv", "metrics.csv", "statistics.csv", "weights.npy", "zoo.npz"]


def with_params(result, further=(), dtype=np.float32, net=NET):
    """A result with random parameters of every member, and at every evaluation if there are ``further``."""
    shape = (*result.diverged_at.shape, *further)
    params = jax.vmap(net.init)(jax.random.split(jax.random.key(0), int(np.prod(shape))))
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype).reshape(*shape, *leaf.shape[1:]), params)
    return with_run(result, params=params)


def written(result, folder):
    """The zoo of a result, its matrix, and its tables as pandas reads them."""
    jfnn.write_zoo(result, folder, safetensors=False)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("metrics", "layout", "statistics")}
    return jfnn.read_zoo(folder), np.load(folder / "weights.npy"), tables


def check_columns(read, expected):
    """Asserts that a table read by pandas has the very numbers of columns."""
    assert list(read) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(read[name], values)


@pytest.mark.thorough
@pytest.mark.parametrize("make", [make_result, make_sampled])
def test_a_row_is_all_numbers_of_a_network_and_comes_back_with_its_bits(tmp_path, dtype, make):
    result = make(diverged=[(0, 0, 1)]) if make is make_result else make()
    result = with_params(result, dtype=dtype)
    zoo, matrix, tables = written(result, tmp_path / "zoo")
    whole = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[result.diverged_at.ndim :]), result.params)
    assert same_bits(zoo.params, whole) and isinstance(zoo.params[0], jfnn.Layer)
    assert zoo.params[0].w.dtype == matrix.dtype == dtype
    for number in (0, len(matrix) // 2, len(matrix) - 1):
        index = np.unravel_index(number, result.diverged_at.shape)
        np.testing.assert_array_equal(matrix[number], ravel_pytree(result.member(*index))[0])
    check_columns(tables["metrics"], result.to_dict())
    check_columns(zoo.table, result.to_dict())
    for name, array, first, last in tables["layout"][["array", "shape", "first", "last"]].itertuples(False):
        layer, kind = name.split(".")
        leaf = getattr(whole[int(layer)], kind)
        assert array == "x".join(map(str, leaf.shape[1:]))
        np.testing.assert_array_equal(matrix[:, first : last + 1], leaf.reshape(len(matrix), -1))
    assert last == matrix.shape[1] - 1
    assert tables["layout"].layer.tolist() == [0, 0, 1, 1]


def test_statistics_are_those_of_pandas(tmp_path, x64):
    result = with_params(make_result((2, 3)), dtype=np.float64)
    _, matrix, tables = written(result, tmp_path / "zoo")
    columns = weight_statistics(result.params, 3)
    for row in tables["layout"].itertuples():
        numbers = pd.DataFrame(matrix[:, row.first : row.last + 1].T)
        expected = {"mean": numbers.mean(), "variance": numbers.var(ddof=0)}
        expected |= {f"q{q}": numbers.quantile(q / 100) for q in (0, 25, 50, 75, 100)}
        for name, values in expected.items():
            column = columns.pop(f"{row.array}.{name}")
            assert column.shape == (2, 3, 2) and column.dtype == np.float64
            np.testing.assert_allclose(column.ravel(), values, rtol=1e-12)
            np.testing.assert_array_equal(tables["statistics"][f"{row.array}.{name}"], column.ravel())
    assert not columns
    single = weight_statistics(result.member(1, 2, 0), 0)
    assert {name: values[()] for name, values in single.items()} == {
        name: values[1, 2, 0] for name, values in weight_statistics(result.params, 3).items()
    }


@pytest.mark.thorough
def test_checkpoints_are_rows_with_their_epoch_and_its_scores(tmp_path):
    split = jfnn.Split(np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2)
    execution = jfnn.Execution(eval_every=2, keep_params="evaluations")
    result = jfnn.sweep(
        NET, split, learning_rate=[0.1, 0.2], seeds=2, epochs=4, batch_size=5, execution=execution
    )
    zoo, matrix, tables = written(result, tmp_path / "zoo")
    table = tables["metrics"]
    assert table.epoch.tolist() == [2, 4] * 4 and table.seed.tolist() == [0, 0, 1, 1] * 2
    np.testing.assert_array_equal(zoo.table["train_loss"], result.history["train_loss"].ravel())
    last = jax.tree.map(lambda leaf: leaf[1, 0, 1, 0], result.params)
    np.testing.assert_array_equal(matrix[6], ravel_pytree(last)[0])
    one = jax.tree.map(lambda leaf: leaf[6], zoo.params)
    outputs = jfnn.predict_proba(NET, one, split.x_train)
    np.testing.assert_array_equal(outputs, jfnn.predict_proba(NET, last, split.x_train))
    loss = -np.log(np.asarray(outputs)[np.arange(20), split.y_train]).mean()
    assert table.train_loss[6] == pytest.approx(loss, rel=1e-5)


def test_members_of_the_best_cell_alone(tmp_path):
    split = jfnn.Split(np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2)
    execution = jfnn.Execution(keep_params="best")
    result = jfnn.sweep(
        NET, split, learning_rate=[1e-6, 0.1], seeds=2, epochs=1, batch_size=5, execution=execution
    )
    zoo, matrix, _ = written(result, tmp_path / "zoo")
    assert len(matrix) == 2 and same_bits(zoo.params, result.params)
    (rate,) = set(zoo.table["learning_rate"])
    assert rate == result.best().axes["learning_rate"]
    assert zoo.table["train_loss"].tolist() == result.scores["train_loss"][result.best().index].tolist()


def test_each_of_several_programs_has_a_folder(tmp_path):
    deep = jfnn.mlp((4, 3, 3, 2))
    result = make_programs(("a", "b"), batch_sizes=(5, 0), shape=(1, 2))
    programs = [with_params(part, net=(NET, deep)[i // 2]) for i, part in enumerate(result.programs)]
    result = combined(result.program_axes, programs)
    jfnn.write_zoo(result, tmp_path / "zoo")
    folders = ("a-batch-5", "a-batch-full", "b-batch-5", "b-batch-full")
    assert sorted(path.name for path in (tmp_path / "zoo").iterdir()) == list(folders)
    for number, name in enumerate(folders):
        zoo = jfnn.read_zoo(tmp_path / "zoo" / name)
        assert set(zoo.table["network"]) == {name[0]} and set(zoo.table["batch_size"]) == {(5, 0)[number % 2]}
        np.testing.assert_array_equal(zoo.table["test_loss"], programs[number].test_loss.ravel())
        assert len(zoo.params) == 2 + number // 2
    with pytest.raises(ValueError, match=r"^folder: .* holds a zoo"):
        jfnn.write_zoo(result, tmp_path / "zoo")


def test_several_programs_of_which_one_was_not_written_are_written_to_the_end(tmp_path):
    result, another = (
        combined({"network": np.array(["a", "b"])}, [with_params(make_result((1, draw)))] * 2)
        for draw in (2, 3)
    )
    jfnn.write_zoo(result, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    shutil.rmtree(tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="b: no zoo"):
        jfnn.read_zoo(tmp_path / "b")
    with pytest.raises(jfnn.ArgumentError, match=r"^folder: .*a holds a zoo"):
        jfnn.write_zoo(another, tmp_path)
    jfnn.write_zoo(result, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*")} == before
    with pytest.raises(jfnn.ArgumentError, match=r"^folder: .*a holds a zoo"):
        jfnn.write_zoo(result, tmp_path)


def test_a_zoo_of_which_the_last_file_could_not_be_written_is_written_anew(tmp_path):
    result = with_params(make_result((2, 2)))
    written(result, tmp_path / "whole")
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "whole").iterdir()}
    assert max(sizes, key=sizes.get) == "zoo.npz"
    with room_for(sizes["zoo.npz"] - 1), pytest.raises(OutputError, match=r"^folder: .*zoo\.npz"):
        jfnn.write_zoo(result, tmp_path / "half", safetensors=False)
    written(result, tmp_path / "half")


def test_a_folder_that_another_writes_to_is_refused(tmp_path):
    with files.directory_lock(tmp_path), pytest.raises(jfnn.ArgumentError, match=r"^folder: .* in use"):
        jfnn.write_zoo(with_params(make_result((2, 2))), tmp_path)
    assert not list(tmp_path.iterdir())


def test_tensors_of_a_writer_that_was_killed_do_not_stay(tmp_path):
    files.leftover_file(tmp_path / "zoo.npz").touch()  # by which it is told from a user
    (tmp_path / "weights.safetensors").write_bytes(b"of the killed writer")
    written(with_params(make_result((2, 2))), tmp_path)


def test_a_zoo_of_another_format_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("jfnn.analysis.zoo.FORMAT", 2)
    jfnn.write_zoo(with_params(make_result((2, 2))), tmp_path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="its format is 2, this version of jfnn reads format 1"):
        jfnn.read_zoo(tmp_path)


@pytest.mark.thorough
def test_safetensors_reads_the_arrays_by_name(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    result = with_params(make_result((2, 2)))
    jfnn.write_zoo(result, tmp_path)
    arrays = numpy.load_file(tmp_path / "weights.safetensors")
    assert sorted(arrays) == ["0.b", "0.w", "1.b", "1.w"]
    for name, array in arrays.items():
        layer, kind = name.split(".")
        np.testing.assert_array_equal(array, getattr(jfnn.read_zoo(tmp_path).params[int(layer)], kind))


def test_who_asks_for_safetensors_and_lacks_it_is_told_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"^safetensors: needs .*'jfnn\[safetensors\]'"):
        jfnn.write_zoo(with_params(make_result((2, 2))), tmp_path, safetensors=True)
    assert not list(tmp_path.iterdir())


def test_no_zoo_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no zoo\.npz there"):
        jfnn.read_zoo(tmp_path / "none")
