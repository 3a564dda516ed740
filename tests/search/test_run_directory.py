"""A result is loaded from its directory with the same bits; a changed file is reported by name."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import make_result, with_scores
from kinds_of_files import bits_of_result

import jfnn
from jfnn import analysis
from jfnn.core.search import run_directory
from jfnn.core.search.programs import combine
from jfnn.core.search.result import with_run
from jfnn.core.store import files
from jfnn.extend import write_table

pytestmark = pytest.mark.unoptimized

RATES = [0.05, 0.5, 1e38]
PENALTIES = [0.0, 0.1]


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp((5, 6, 3))


@pytest.fixture(scope="module")
def sweep(net, split):
    defaults = dict(learning_rate=RATES, l2=PENALTIES, epochs=4, batch_size=16, seeds=2)

    def run(execution=None, **changes):
        execution = jfnn.Execution(**{"tile": 4} | (execution or {}))
        return jfnn.sweep(net, split, execution=execution, **(defaults | changes))

    return run


RESULTS = {
    "all": {},
    "best": {"execution": {"keep_params": "best"}},
    "none": {"execution": {"keep_params": "none"}},
    "history": {"execution": {"eval_every": 2}},
    "further axis": {"optimizer": jfnn.Optimizer("sgd", momentum=[0.0, 0.5])},
}


@pytest.fixture(scope="module")
def results(sweep):
    return {name: sweep(**changes) for name, changes in RESULTS.items()}


@pytest.mark.thorough
def test_models_are_stored_by_their_axes(results, tmp_path):
    result = results["further axis"]
    result.save(tmp_path)
    with np.load(tmp_path / "models.npz", allow_pickle=False) as models:
        i = list(models["learning_rate"]).index(0.5)
        j = list(models["l2"]).index(0.1)
        k = list(models["momentum"]).index(0.5)
        s = 1
        assert models["seeds"][s] == 1
        np.testing.assert_array_equal(models["1.w"][i, j, k, s], result.member(i, j, k, s)[1].w)


@pytest.mark.thorough
def test_models_of_the_best_cell_name_it(results, tmp_path):
    result = results["best"]
    result.save(tmp_path)
    with np.load(tmp_path / "models.npz", allow_pickle=False) as models:
        assert {name: models[name] for name in result.axes} == result.best().axes
        np.testing.assert_array_equal(models["0.w"][1], result.member(*result.best().index, 1)[0].w)


def test_error_names_members_whose_parameters_were_not_kept(results):
    (i, *rest) = results["best"].best().index
    none = results["none"]
    for call, message in (
        (lambda: results["best"].member((i + 1) % 3, *rest, 0), r"kept the parameters of cell \(.*\) alone"),
        (lambda: none.member(0, 0, 0), "kept no parameters"),
        (lambda: none.member(0, 0), "an index into axes of lengths learning_rate 3"),
    ):
        with pytest.raises(ValueError, match=f"^member: .*{message}"):
            call()


def test_result_is_saved_again_but_not_into_a_file(results, tmp_path):
    for _ in range(2):
        results["all"].save(tmp_path)
    with pytest.raises(ValueError, match="not a directory"):
        results["all"].save(tmp_path / "results.csv")


def test_saving_fewer_parameters_than_stored_is_refused(results, tmp_path):
    result = results["all"]
    cell = result.of_cell(1, 0)
    result.save(tmp_path / "all")
    cell.save(tmp_path / "cell")
    none = with_run(result, params=None)
    for fewer, place in ((cell, "all"), (none, "all"), (result.of_cell(0, 0), "cell"), (none, "cell")):
        before = {path: path.read_bytes() for path in (tmp_path / place).iterdir()}
        with pytest.raises(ValueError, match=r"^directory: .*choose another"):
            fewer.save(tmp_path / place)
        assert before == {path: path.read_bytes() for path in (tmp_path / place).iterdir()}
    cell.save(tmp_path / "cell")
    result.save(tmp_path / "cell")
    assert bits_of_result(jfnn.load(tmp_path / "cell")) == bits_of_result(result)


@pytest.fixture(scope="module")
def finished(results, tmp_path_factory):
    """Return a directory with a result; copy it, do not change it."""
    directory = tmp_path_factory.mktemp("finished")
    results["history"].save(directory)
    return directory


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.mark.parametrize("number", [6, 8])
def test_other_formats_are_refused_by_number(copy, number, sweep):
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": number}))
    before = {file: file.read_bytes() for file in copy.iterdir()}
    message = rf"config\.json: its format is {number}.* reads format 7"
    with pytest.raises(ValueError, match=message):
        jfnn.load(copy)
    for resume in (False, True):
        with pytest.raises(ValueError, match=message):
            sweep(execution={"eval_every": 2}, out=copy, resume=resume)
    assert {file: file.read_bytes() for file in copy.iterdir()} == before


def test_loading_names_what_is_missing(copy, tmp_path):
    with pytest.raises(FileNotFoundError, match="no run"):
        jfnn.load(tmp_path / "nowhere")
    config = json.loads((copy / "config.json").read_text())
    run_directory.write_config(tmp_path, {name: config[name] for name in jfnn.load(copy).config})
    with pytest.raises(ValueError, match=r"not finished.*resume"):
        jfnn.load(tmp_path)
    files.write_checked_json(tmp_path / "config.json", {"status": "half"})
    with pytest.raises(jfnn.CorruptFileError, match="not written by jfnn"):
        jfnn.load(tmp_path)


def test_partial_table_of_the_user_is_not_removed(sweep, tmp_path):
    (tmp_path / "partial.csv").write_text("mine")
    with pytest.raises(ValueError, match=r"partial\.csv"):
        sweep(out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["partial.csv"]


def test_changed_table_is_rewritten(copy, sweep):
    path = copy / "results.csv"
    before = path.read_bytes()
    for change in (lambda: path.write_bytes(before[:-30]), path.unlink):
        change()
        jfnn.load(copy)  # which does not read it
        sweep(execution={"eval_every": 2}, out=copy, resume=True)
        assert path.read_bytes() == before


def test_result_has_its_axes_and_scores_as_attributes(results):
    result = results["all"]
    parts = ("train", "validation", "test")
    metrics = ("loss", "accuracy")
    assert set(result.scores) == {f"{part}_{metric}" for part in parts for metric in metrics}
    assert all(getattr(result, name) is values for name, values in (result.scores | result.axes).items())
    with pytest.raises(AttributeError, match=r"test_r2.*train_loss"):
        result.test_r2  # noqa: B018
    assert not hasattr(result, "test_r2")


@pytest.mark.parametrize("sign", ["=", "-"])
def test_names_are_not_formulas_in_a_table_and_are_restored(sign, tmp_path):
    axis = f"{sign}1+1"
    metric = f"{sign}SUM(A1)"
    plain = make_result((2, 2), further={axis: np.array([-1.0, 1.0])})
    scores = {f"{part}_{metric}": plain.scores[f"{part}_loss"] for part in ("train", "test")}
    result = with_scores(plain, scores, metrics=plain.metrics | {metric: True})
    combine({"network": np.array([axis])}, [result]).save(tmp_path / "several")
    write_table(tmp_path / "tidy.csv", analysis.tidy(result), "path")
    paths = [*tmp_path.rglob("*.csv")]
    assert len(paths) == 3
    for path in paths:
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        assert f"'{axis}" in header
        for cell in {*header, *np.ravel(rows)}:
            assert cell[0] not in "=+@" and (cell[0] != "-" or float(cell) < 0)
    loaded = jfnn.load(tmp_path / "several").program(network=axis)
    np.testing.assert_array_equal(loaded.axes[axis], result.axes[axis])
    np.testing.assert_array_equal(loaded.scores[f"test_{metric}"], result.scores[f"test_{metric}"])


def test_run_of_version_0_11_is_read():
    """Every version of a format reads it: this directory was written by 0.11.0."""
    result = jfnn.load(Path(__file__).parents[1] / "data" / "run_of_0_11")
    assert result.config["versions"]["jfnn"] == "0.11.0"
    assert result.config["settings"]["minibatches"]["batch_size"] == 4
    assert result.crossed and list(result.axes) == ["learning_rate", "l2"]
    np.testing.assert_allclose(result.test_loss.ravel(), [0.77491631, 0.82490441], rtol=1e-6)
    x = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    assert result.predict(x)[0, 0, 0].tolist() == [1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1]


def test_finished_run_of_another_version_is_read_but_not_continued(sweep, tmp_path):
    shutil.copytree(Path(__file__).parents[1] / "data" / "run_of_0_11", tmp_path / "run")
    with pytest.raises(ValueError, match=r"jfnn\.load"):
        sweep(out=tmp_path / "run", resume=True)
    assert jfnn.load(tmp_path / "run").config["versions"]["jfnn"] == "0.11.0"
