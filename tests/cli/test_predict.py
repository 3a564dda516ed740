"""Predictions of a run for the rows of another file."""

import io
import re

import numpy as np
import pandas
import pytest
from command_line import OWN, grid_main, write_csv

import jfnn
from jfnn import datasets
from jfnn.cli import main

pytestmark = pytest.mark.unoptimized


def predict_rows(capsys, *words):
    assert main.main(["predict", *map(str, words)]) == 0
    return capsys.readouterr().out


@pytest.fixture
def run_on(tmp_path, capsys):
    """Train on a file of classes or numbers with further words; return the run's directory and the rows."""

    def train(classes, words, name="run"):
        path = write_csv(tmp_path / "own.csv", classes)
        lines = ["--data", str(path), *OWN.split(), *words.split(), "--out", str(tmp_path / name), "--quiet"]
        assert grid_main(*lines) == 0
        capsys.readouterr()
        return tmp_path / name, pandas.read_csv(path)

    return train


@pytest.mark.thorough
@pytest.mark.parametrize("again", ["", " --validation 0.2 --refit"], ids=["best cell", "trained again"])
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_predictions_are_the_best_networks_in_class_names_and_units_of_the_file(
    run_on, capsys, tmp_path, classes, again
):
    run, frame = run_on(classes, f"--learning-rate 0.1,1 --seeds 3{again}")
    rows = frame.assign(id=range(len(frame)))[["c", "id", "a", "b"]]  # another order, and one column more
    rows.to_csv(tmp_path / "rows.csv", index=False)
    out = tmp_path / "answers.csv"
    assert predict_rows(capsys, run, tmp_path / "rows.csv", "--out", out) == ""
    table = pandas.read_csv(out)
    assert list(table) == ["c", "id", "a", "b", "predicted_level"]
    np.testing.assert_array_equal(table[rows.columns], rows)
    assert predict_rows(capsys, run, tmp_path / "rows.csv") == out.read_text()

    result = jfnn.load(run)
    asked = result.refit if again else result
    index = asked.best().index
    if classes:
        means = asked.predict_proba(frame)[index].astype(np.float64).mean(axis=0)
        expected = np.array(["<b>high</b>", "low"])[means.argmax(axis=1)]
    else:
        expected = asked.predict(frame)[index].mean(axis=0)[:, 0]
        assert np.corrcoef(expected, frame["level"])[0, 1] > 0.9 and 50 < expected.mean() < 150
    np.testing.assert_array_equal(table["predicted_level"], expected)


@pytest.mark.thorough
def test_final_networks_are_trained_on_all_rows(run_on, capsys, tmp_path):
    """The test set is empty, or its rows are used in a refit."""
    words = "--learning-rate 0.1,0.3 --validation 0.5"
    none, frame = run_on(True, f"{words} --test-size 0 --refit")
    every, _ = run_on(True, f"{words} --test-size 0.25 --stratify --refit all", "every")
    rows = [jfnn.load(run).refit.config["data"]["train"]["rows"] for run in (none, every)]
    assert rows == [[60], [60]]
    labels = np.array(jfnn.load(none).refit.predict(frame, "mean"))
    table = pandas.read_csv(io.StringIO(predict_rows(capsys, none, tmp_path / "own.csv")))
    np.testing.assert_array_equal(table["predicted_level"], labels)
    assert np.isnan(jfnn.load(every).refit.test_accuracy).all()
    page = (every / "report.html").read_text()
    assert "on all 60 rows, including the test rows" in page.replace("\u00a0", " ")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--test-size 1", "1 test row,"),
        ("--test-size 0", "60 training rows"),
        ("--folds 2", ""),
        ("--test-size 1 --learning-rate 0.1 --l2 0", ""),
    ],
)
def test_selection_by_few_rows_is_reported(run_on, capsys, tmp_path, words, said):
    run, _ = run_on(True, f"--learning-rate 0.1,0.3 {words}")
    assert main.main(["predict", str(run), str(tmp_path / "own.csv")]) == 0
    notes = capsys.readouterr().err
    assert said in notes and bool(said) == bool(notes)


@pytest.mark.thorough
def test_header_is_the_targets_name_after_a_sweep_in_python(capsys, tmp_path):
    path = write_csv(tmp_path / "own.csv", classes=False)
    frame = pandas.read_csv(path)
    table = datasets.read_csv(path, "level")
    x = frame.drop(columns="level")
    splits = {"read": datasets.split_table(table), "frame": datasets.split(x, frame["level"])}
    for name, split in splits.items():
        options = dict(learning_rate=0.01, loss="quadratic", epochs=1, batch_size=None)
        jfnn.sweep(jfnn.mlp((3, 2, 1)), split, out=tmp_path / name, **options)
        assert predict_rows(capsys, tmp_path / name, path).splitlines()[0] == "a,b,c,level,predicted_level"


@pytest.mark.thorough
def test_invalid_lines_are_refused_with_a_reason(run_on, capsys, tmp_path):
    run, frame = run_on(True, "--learning-rate 0.1")
    frame.rename(columns={"b": "B"}).to_csv(tmp_path / "without.csv", index=False)
    frame.assign(predicted_level="low").to_csv(tmp_path / "answered.csv", index=False)
    (tmp_path / "gap.csv").write_text("a,b,c\n1,2,3\n4,,6\n")
    (tmp_path / "ragged.csv").write_text("a,b,c\n1,2,3\n4,5\n")
    (tmp_path / "empty.csv").write_text("a,b,c\n")
    digits = ["--learning-rate", "1e-3", "--l2", "0", "--epochs", "1", "--quiet"]
    assert grid_main(*digits, "--out", str(tmp_path / "digits")) == 0
    own = tmp_path / "own.csv"
    (tmp_path / "link").symlink_to(run)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "models.npz").symlink_to(run / "models.npz")  # from a run other than the requested one
    before = {path: path.read_bytes() for path in run.iterdir()}
    for words, said in {
        (tmp_path / "nowhere", own): "no config.json",
        (run, tmp_path / "nowhere.csv"): "nowhere.csv: No such file",
        (run, tmp_path / "without.csv"): "without.csv: .*column 'b'.*did you mean 'B'",
        (run, tmp_path / "gap.csv"): "gap.csv: row 2, column 'b'",
        (run, tmp_path / "ragged.csv"): r"error: ragged.csv, row 2 \(line 3\)",
        (run, tmp_path / "empty.csv"): "error: empty.csv has no rows",
        (run, tmp_path / "answered.csv"): "answered.csv: it already has a column 'predicted_level'",
        (tmp_path / "digits", own): "digits: .*no column names",
        (run, own, "--out", own): "--out: expected a file other",
        (run, own, "--out", run / "config.json"): "--out: .*config.json",
        (run, own, "--out", run / "answers.csv"): "--out: .*outside of the run",
        (tmp_path / "link", own, "--out", tmp_path / "a" / ".." / "run" / "results.csv"): "--out: .*results",
        (tmp_path / "digits", own, "--out", tmp_path / "a" / "models.npz"): "--out: .*models.npz",
        (run, own, "--out", tmp_path / "no" / "answers.csv"): "--out: there is no directory",
        (run, own, "--output", "x"): "--output",
    }.items():
        with pytest.raises(SystemExit) as stopped:
            main.main(["predict", *map(str, words)])
        printed = capsys.readouterr()
        assert stopped.value.code == 2 and printed.out == ""
        assert printed.err.startswith("jfnn predict: error: ") and printed.err.count("\n") == 1
        assert re.search(said, printed.err), printed.err
    assert {path: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.thorough
@pytest.mark.parametrize("again", ["", " --validation 0.2 --refit"], ids=["best cell", "trained again"])
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_run_with_a_page_predicts_as_without(run_on, capsys, tmp_path, classes, again):
    """The page needs parameters of many epochs; the predictions are those of the last."""
    words = f"--learning-rate 0.1,1 --seeds 3{again}"
    run, frame = run_on(classes, words)
    played, _ = run_on(classes, f"{words} --play", "played")
    assert (played / "playground.html").exists() and not (run / "playground.html").exists()
    frame.to_csv(tmp_path / "rows.csv", index=False)
    texts = [predict_rows(capsys, one, tmp_path / "rows.csv") for one in (run, played)]
    assert texts[0] == texts[1]
