"""User data: classes, numbers, weights, scaling."""

import html
import itertools
import json
import os
import re
import shutil

import numpy as np
import pytest
from command_line import OWN, SMALL, grid_main, parse, refused, watching, write_csv
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import jfnn
from jfnn.arguments.texts import number_text
from jfnn.cli import data

pytestmark = pytest.mark.unoptimized


@pytest.mark.thorough
def test_user_numbers_are_scored_by_r2_in_the_units_of_the_file(tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes=False)
    words = f"{OWN} --learning-rate 0.1 --validation 0.25".split()
    assert grid_main("--data", str(path), *words, "--out", str(tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    result = jfnn.load(tmp_path / "out")
    best = result.best()
    raw = jfnn.datasets.split_table(jfnn.datasets.read_csv(path, "level"))
    split = jfnn.datasets.standardize(raw)
    train, held = train_test_split(np.arange(48), test_size=0.25, random_state=0)
    rows = {
        "train": (split.x_train[train], split.y_train[train]),
        "validation": (split.x_train[held], split.y_train[held]),
        "test": (split.x_test, split.y_test),
    }
    scale = raw.y_train.std()
    for part, (x, y) in rows.items():
        outputs = jfnn.mlp((3, 3, 1)).apply(result.member(*best.index, 0), np.float32(x))[:, 0]
        rmse = number_text(root_mean_squared_error(scale * y, scale * outputs), False)
        loss = number_text(result.scores[f"{part}_loss"][best.index][0], False)
        assert f"{part} loss {loss} (R² {r2_score(y, outputs):.3f}, RMSE {rmse})" in printed


@pytest.mark.filterwarnings("default:inputs reach")
@pytest.mark.parametrize("classes", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_large_inputs_trigger_a_one_line_warning_before_training(classes, tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes)
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, f"-1.2e6,{rows[0].partition(',')[2]}", *rows[1:]]))
    words = ["--data", str(path), "--target", "level", "--hidden", "3", "--epochs", "1"]
    words += ["--learning-rate", "1e-3", "--l2", "0"]
    said = []
    for further in ([], ["--quiet"], ["--standardize"]):
        watch = watching(lambda now: said.append(capsys.readouterr().err))
        out = ["--out", str(tmp_path / f"out{len(said)}")]
        assert grid_main(*words, *further, *out, watch=watch) == 0
    line = r"jfnn grid: warning: inputs reach 1\.2e6, where .*; --standardize scales them\n"
    assert re.fullmatch(line, said[0]) and said[1] == said[0] and "".join(said[2:]) == ""


@pytest.mark.filterwarnings("default:learning_rate")
def test_warnings_name_the_flag_and_the_rows_that_rank(tmp_path, capsys):
    path = write_csv(tmp_path / "own.csv", classes=True)
    words = ["--data", str(path), "--target", "level", "--hidden", "3", "--epochs", "1", "--l2", "0"]
    words += ["--learning-rate", "0.1,0.1", "--validation", "7", "--out", str(tmp_path / "out")]
    assert grid_main(*words) == 0
    printed = capsys.readouterr()
    assert re.fullmatch(r"jfnn grid: warning: --learning-rate: 0\.1 [^\n]*\n", printed.err)
    assert "ranked on the 7 rows held out for validation" in printed.out


@pytest.mark.parametrize(("network", "shape"), [("cnn", (1, 3)), ("rnn", (3, 1))])
@pytest.mark.thorough
def test_table_columns_treated_as_a_sequence_trigger_a_warning(network, shape, tmp_path):
    path = write_csv(tmp_path / "own.csv", classes=True)
    words = ["--data", str(path), "--target", "level", "--network", network]
    with pytest.warns(UserWarning, match="^network: .* 3 columns.*--network mlp"):
        assert data.load(parse(*words)).shape == shape


@pytest.mark.thorough
@pytest.mark.filterwarnings("default:.*gaps? became:UserWarning")
def test_words_and_gaps_are_learned_and_code_in_the_report_reads_other_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pandas = pytest.importorskip("pandas")
    path = write_csv(tmp_path / "own.csv", classes=True)
    frame = pandas.read_csv(path)
    frame["color"] = np.tile(["red", "blue", "green"], 20)
    frame.loc[::7, "b"] = np.nan
    frame.to_csv(path, index=False)
    words = f"{OWN} --learning-rate 0.1 --quiet --encode --impute --validation 0.2 --refit".split()
    assert grid_main("--data", str(path), *words, "--out", str(tmp_path / "out")) == 0
    names, again = (
        json.loads((tmp_path / "out" / place / "config.json").read_text())["data"]["names"]
        for place in (".", "refit")
    )
    assert list(names["columns"]) == ["a", "b", "c", "color"] and names == again
    assert names["columns"]["color"] == {"categories": ["blue", "green", "red"]}
    table = jfnn.datasets.read_csv(path, "level", encode=True, impute=True)
    with pytest.warns(UserWarning, match="gaps"):
        split = jfnn.datasets.standardize(jfnn.datasets.split_table(table))
    x = jfnn.datasets.transform(names["columns"], frame.iloc[::-1])
    x = (x - names["scaling"]["x"]["mean"]) / names["scaling"]["x"]["scale"]
    assert x.shape == (60, 7) and split.x_train.shape == (48, 7)
    rows = {tuple(row) for row in x.round(9).tolist()}
    assert rows == {tuple(row) for part in (split.x_train, split.x_test) for row in part.round(9).tolist()}
    page = (tmp_path / "out" / "report.html").read_text()
    frame.iloc[::-1].to_csv("rows.csv", index=False)
    code = html.unescape(re.search("<pre>(.*)</pre>", page, re.DOTALL).group(1))
    exec(code, here := {})
    labels = eval(code.splitlines()[-1], here)
    np.testing.assert_array_equal(labels, jfnn.load("out").refit.predict(frame.iloc[::-1])[0, 0, 0])
    assert labels.shape == (60,) and set(labels.ravel()) <= {"<b>high</b>", "low"}
    frame.loc[:1, "color"] = "violet"
    with pytest.warns(UserWarning, match=r"'color': 'violet' \(2 such") as said:
        assert jfnn.load(tmp_path / "out").predict(frame).shape[-1] == 60
    assert len(said) == 1


RENAMED = {
    "class": ("low", "lower", "level", r"classes .*<b>high.*low.*lower"),
    "word": ("red", "rot", "level", r"columns\.color\.categories .*red.*rot"),
    "column": ("a,", "first,", "level", r"columns\.a "),
    "target": ("level", "grade", "grade", r"target .*level.*grade"),
}


@pytest.fixture(scope="module")
def named_runs(tmp_path_factory):
    """Prepare a file with words, a finished run, a stopped one, and the words of both."""
    place = tmp_path_factory.mktemp("named")
    path = write_csv(place / "own.csv", classes=True)
    header, *rows = path.read_text().splitlines()
    colors = itertools.cycle(["red", "tan"])
    lines = [f"color,{header}", *(f"{next(colors)},{row}" for row in rows)]
    path.write_text("\n".join(lines))
    words = "--hidden 3 --epochs 2 --learning-rate 0.1 --l2 0 --encode --quiet"
    own = ["--data", str(path), "--target", "level", *words.split()]
    assert grid_main(*own, "--out", str(place / "finished")) == 0

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        grid_main(*own, "--out", str(place / "stopped"), watch=watching(stop))
    return place, words


@pytest.mark.thorough
@pytest.mark.parametrize("run", ["finished", "stopped"])
@pytest.mark.parametrize("name", RENAMED)
def test_run_on_the_same_numbers_with_other_names_is_another_run(named_runs, run, name, tmp_path, capsys):
    place, words = named_runs
    before, after, target, message = RENAMED[name]
    (tmp_path / "own.csv").write_text((place / "own.csv").read_text().replace(before, after))
    out = shutil.copytree(place / run, tmp_path / run)
    contents = {path.name: path.read_bytes() for path in out.iterdir()}
    own = f"--data {tmp_path / 'own.csv'} --target {target} {words} --out {out} --resume".split()
    assert re.search(rf"^--out: .*another directory.*data\.names\.{message}", refused(capsys, *own))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == contents
    if name == "class":  # with its own names it can be resumed
        shutil.copy(place / "own.csv", tmp_path)
        assert grid_main(*own) == 0
        assert jfnn.load(out).config["data"]["names"]["classes"] == ["<b>high</b>", "low"]


@pytest.mark.thorough
def test_run_interrupted_while_plotting_predicts_with_the_names_of_its_file(tmp_path, monkeypatch):
    def press_ctrl_c(figure):
        raise KeyboardInterrupt

    path = write_csv(tmp_path / "own.csv", classes=True)
    words = ["--data", str(path), *OWN.split(), "--learning-rate", "0.1", "--quiet"]
    monkeypatch.setattr("jfnn.report.writing.png", press_ctrl_c)
    with pytest.raises(SystemExit):
        grid_main(*words, "--out", str(tmp_path / "out"))
    labels = jfnn.load(tmp_path / "out").predict({name: [-9.0, 9.0] for name in "abc"})
    assert set(labels.ravel()) <= {"<b>high</b>", "low"}


def test_scaled_digits_keep_their_scaling(tmp_path):
    words = ["--standardize", *SMALL, "--learning-rate", "1e-3", "--l2", "0", "--quiet"]
    assert grid_main(*words, "--out", str(tmp_path)) == 0
    scaling = jfnn.load(tmp_path).config["data"]["names"]["scaling"]["x"]
    scaler = StandardScaler().fit(jfnn.datasets.digits().x_train)
    np.testing.assert_array_equal(scaling["mean"], scaler.mean_)
    np.testing.assert_array_equal(scaling["scale"], scaler.scale_)
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in (tmp_path / "report.html").read_text()


@pytest.mark.skipif(os.sep != "/", reason="names of files are bytes on POSIX alone")
def test_names_of_files_need_not_be_utf_8(tmp_path):
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    path = write_csv(place / os.fsdecode(b"\xe9.csv"), classes=True)
    words = ["--learning-rate", "0.1", "--quiet", "--out", str(place / "out")]
    assert grid_main("--data", str(path), *OWN.split(), *words) == 0
    assert (place / "out" / "report.html").read_text(encoding="utf-8")
    assert json.loads((place / "out" / "config.json").read_text())["command"]["data"] == str(path)
    assert jfnn.load(place / "out").l2.tolist() == [1e-3, 0.1]


@pytest.mark.parametrize(("rows", "switch"), [("red,1\nblue,2\n", "encode"), ("1,1\n,2\n3,3\n", "impute")])
def test_error_names_the_switch_for_words_and_gaps(rows, switch, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text(f"x,y\n{rows}")
    said = refused(capsys, "--data", str(path), "--target", "y", "--out", str(tmp_path / "out"))
    assert f" --{switch} " in said and "=True" not in said
    with pytest.raises(ValueError, match=f"{switch}=True"):
        jfnn.datasets.read_csv(path, "y")
