"""The page of a sweep contains what the result does, checked in V8, the engine of Chrome."""

import base64
import functools
import importlib.resources
import json
import re
import warnings

import numpy as np
import pytest

import jfnn
from jfnn.playground import write_playground
from jfnn.playground.epochs import nearest, spaced_epochs
from jfnn.playground.writing import SCRIPTS

py_mini_racer = pytest.importorskip("py_mini_racer")

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 2)).astype(np.float32)
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
SPLIT = jfnn.Split(X[:40], LABELS[:40], X[40:], LABELS[40:])
NUMBERS = jfnn.Split(X[:40], X[:40, :1] ** 2, X[40:], X[40:, :1] ** 2)
NET = jfnn.mlp((2, 5, 2), "tanh")
OPTIONS = {"learning_rate": [0.03, 0.3], "l2": [0, 1e-3, 1e-1], "epochs": 4, "batch_size": 10}
KEPT = jfnn.Execution(eval_every=[1, 2, 4], keep_params="evaluations")


def trained(network=NET, split=SPLIT, **options):
    return jfnn.sweep(network, split, **{"execution": KEPT} | OPTIONS | options)


# Kinds of results that differ in their axes, epochs or outputs.
RESULTS = {
    "grid": lambda: (trained(seeds=2), SPLIT),
    "no seeds": lambda: (trained(), SPLIT),
    "folds": lambda: (trained(folds=2, seeds=2), SPLIT),
    "drawn": lambda: (
        trained(learning_rate=[0.01, 0.1, 1.0], l2=[0.0, 1e-2, 1e-3], cells=jfnn.Sample(5)),
        SPLIT,
    ),
    "several": lambda: (
        trained({"narrow": NET, "wide": jfnn.mlp((2, 7, 3, 2))}, seeds=2, batch_size=[10, None]),
        SPLIT,
    ),
    "numbers": lambda: (trained(jfnn.mlp((2, 4, 1)), NUMBERS, loss="quadratic"), NUMBERS),
    "diverged": lambda: (
        trained(
            jfnn.mlp((2, 4, 1), "relu"), NUMBERS, loss="quadratic", learning_rate=[0.01, 20.0, 1e3], seeds=2
        ),
        NUMBERS,
    ),
    "last": lambda: (trained(seeds=3, execution=jfnn.Execution(eval_every=2)), SPLIT),
    "no history": lambda: (trained(execution=jfnn.Execution()), SPLIT),
}


@functools.cache
def make_result_of(kind):
    return RESULTS[kind]()


def engine_of(page):
    """Return V8 with the page's scripts except the last, and its sweep."""
    text = page.read_text(encoding="utf-8")
    (contents,) = re.findall(r'<script type="application/json" id="sweep">(.*?)</script>', text, re.DOTALL)
    context = py_mini_racer.MiniRacer()
    # V8 alone has no atob; the page gets numbers from JSON instead.
    context.eval("const atob = (text) => decodedTexts[text];")
    texts = {
        text: base64.b64decode(text).decode("latin-1")
        for text in re.findall(r'"(?:weights|last|history|x|y)":"([^"]*)"', contents)
    }
    context.eval(f"const decodedTexts = {json.dumps(texts)};")
    for name in SCRIPTS[:-1]:
        context.eval((importlib.resources.files("jfnn.playground") / name).read_text(encoding="utf-8"))
    context.eval(f"const sweep = decoded({contents});")
    return json.loads(contents), context


def evaluate(context, expression):
    return json.loads(context.eval(f"JSON.stringify({expression})"))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", RESULTS)
def test_every_member_equals_that_of_the_result(tmp_path, kind):
    result, split = make_result_of(kind)
    write_playground(result, split, tmp_path / "page.html")
    contents, context = engine_of(tmp_path / "page.html")
    shape = result.diverged_at.shape
    assert [len(axis["texts"]) for axis in contents["axes"]] == list(shape)
    rows = split.x_test
    epochs = np.array(contents["epochs"])
    kept = len(epochs) > 1
    predict = result.predict if result.metrics.get("r2") is not None else result.predict_proba
    answers = predict(rows)
    answers = answers if kept else np.expand_dims(answers, len(shape))
    for member in np.ndindex(*shape):
        for place, epoch in enumerate(epochs):
            index = list(member)
            got = evaluate(context, f"Array.from(answersToRows(sweep, {index}, {place}))")
            got = np.array([np.nan if number is None else float(number) for number in got])  # JSON has no NaN
            expected = answers[(*member, place)]
            diverged = evaluate(context, f"hasDiverged(sweep, {index}, {place})")
            assert diverged == (0 <= result.diverged_at[member] < epoch)
            if not diverged:
                small = np.abs(expected) < 1e6  # no partial sum overflows float32
                got = np.reshape(got, expected.shape)
                np.testing.assert_allclose(got[small], expected[small], rtol=1e-5, atol=1e-5)
            for name in contents["scores"]:
                if name not in result.history:
                    continue
                values = result.history[name]
                at = evaluate(context, f"scoreAt(sweep, {name!r}, {index}, {place})")
                value = values[member][list(result.evaluations).index(epoch)]
                assert at == pytest.approx(value, rel=1e-6) if np.isfinite(value) else at is None


# Words and numbers, both with gaps, and two columns of numbers without gaps.
BIRDS = {
    "island": ["Biscoe", "Dream", "", "Dream"] * 15,
    "bill": [*RNG.normal(45, 5, 57).round(1).tolist(), "", "NA", ""],
    "flipper": RNG.integers(170, 230, 60).tolist(),
    "year": RNG.integers(2007, 2010, 60).tolist(),
}


def birds_split(folder, target, values):
    columns = BIRDS | {target: values}
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    (folder / "birds.csv").write_text("\n".join(lines))
    table = jfnn.datasets.read_csv(folder / "birds.csv", target, encode=True, impute=True)
    with pytest.warns(UserWarning, match="gaps"):
        return jfnn.datasets.standardize(jfnn.datasets.split_table(table))


def birds_page(folder, split, outputs, **options):
    result = trained(jfnn.mlp((split.x_train.shape[1], 5, outputs)), split, **options)
    write_playground(result, split, folder / "page.html")
    return result, *engine_of(folder / "page.html")


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """Return a classification split, the contents of its page, and the page in V8."""
    folder = tmp_path_factory.mktemp("birds")
    split = birds_split(folder, "species", ["Adelie", "Gentoo", "Gentoo"] * 20)
    return split, *birds_page(folder, split, 2)[1:]


@pytest.mark.thorough
def test_column_values_are_encoded_as_in_the_data_set(birds):
    split, contents, context = birds
    fields = contents["rows"]["fields"]
    assert [field["name"] for field in fields] == list(BIRDS)
    assert fields[0]["words"] == ["(missing)", "Biscoe", "Dream"]
    rng = np.random.default_rng(1)
    for _ in range(20):
        place = int(rng.integers(4))
        bill = None if rng.random() < 0.3 else float(rng.normal(45, 5))
        values = [place, bill, float(rng.uniform(170, 230)), 2008]
        row = {
            "island": [["", "Biscoe", "Dream", "Torgersen"][place]],
            "bill": [np.nan if bill is None else bill],
            "flipper": values[2:3],
            "year": [2008],
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about gaps and the word missing from the training rows
            expected = split.names.inputs(row)[0]
        inputs = f"inputsOfFields(sweep.rows.fields, {json.dumps(values)})"
        np.testing.assert_allclose(evaluate(context, f"Array.from({inputs})"), expected, rtol=1e-6)
        back = evaluate(context, f"sweep.rows.fields.map((field) => fieldValue({inputs}, field))")
        assert back == [value if value is None else pytest.approx(value, rel=1e-6) for value in values]
        text = f"inputsOfText(sweep.rows.fields, fieldsText(sweep.rows.fields, {inputs}))"
        np.testing.assert_allclose(evaluate(context, f"Array.from({text})"), expected, atol=1e-4)
    for broken in ("", "zz", "1_45_190", "4_45_190_2008", "1_45__2008", "1_45_190_x"):
        assert evaluate(context, f"inputsOfText(sweep.rows.fields, {broken!r})") is None


@pytest.mark.thorough
def test_page_starts_with_a_typical_row(birds):
    split, contents, _ = birds
    columns = split.names["columns"]
    island, bill, *_ = contents["rows"]["fields"]
    assert island["words"][island["start"]] == "Dream"
    assert bill["median"] == columns["bill"]["median"] == pytest.approx(bill["start"])


@pytest.mark.thorough
@pytest.mark.parametrize("loss", ["quadratic", "gaussian"])
def test_numbers_are_in_the_units_of_the_file(tmp_path, loss):
    masses = (np.arange(60) * 37 % 61 * 50 + 2700.5).tolist()
    split = birds_split(tmp_path, "mass", masses)
    result, contents, context = birds_page(tmp_path, split, 1 + (loss == "gaussian"), loss=loss)
    values = [1, 45.0, 200.0, 2008]
    row = {"island": ["Biscoe"], "bill": [45.0], "flipper": [200.0], "year": [2008]}
    expected = result.predict(row)[..., -1, 0, :]
    inputs = f"inputsOfFields(sweep.rows.fields, {values})"
    for member in np.ndindex(result.diverged_at.shape):
        answer = f"answersOf(sweep, {list(member)}, {len(contents['epochs']) - 1}, {inputs}, 1)"
        got = evaluate(context, f"Array.from({answer})")
        np.testing.assert_allclose(got, expected[member], rtol=1e-5)
    assert contents["rows"]["target"] == "mass"
    shown = evaluate(context, "Array.from(sweep.rows.y)")
    assert set(np.round(shown, 1)) <= set(np.round(masses, 1)) and len(shown) == 12


@pytest.mark.thorough
def test_page_with_other_inputs_explains_why_it_has_no_columns_of_the_file(tmp_path, birds):
    split, contents, _ = birds
    assert contents["rows"]["note"] is None
    more = split._replace(
        x_train=np.c_[split.x_train, split.x_train[:, 0] ** 2],
        x_test=np.c_[split.x_test, split.x_test[:, 0] ** 2],
    )
    _, contents, _ = birds_page(tmp_path, more, 2)
    assert [field["name"] for field in contents["rows"]["fields"]] == [f"x{i}" for i in range(1, 9)]
    assert "7" in contents["rows"]["note"] and "8" in contents["rows"]["note"]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_networks_that_beat_a_constant_are_distinguished(tmp_path, kind):
    y = (X[:, 0] > 0.2).astype(int) if kind == "classes" else X[:, :1]
    split = jfnn.Split(X[:40], y[:40], X[40:], y[40:])
    network, loss = (NET, "cross_entropy") if kind == "classes" else (jfnn.mlp((2, 5, 1)), "quadratic")
    kept = jfnn.Execution(eval_every=[1, 20], keep_params="evaluations")
    result = trained(network, split, loss=loss, learning_rate=[1e-6, 0.5], epochs=20, execution=kept)
    write_playground(result, split, tmp_path / "page.html")
    _, context = engine_of(tmp_path / "page.html")
    constant = np.bincount(split.y_test).max() / 20 if kind == "classes" else 0
    scores = result.history["test_accuracy" if kind == "classes" else "test_r2"]
    expected = scores[..., -1] > constant
    for member in np.ndindex(result.diverged_at.shape):
        assert evaluate(context, f"beatsConstant(sweep, {list(member)}, 1)") == expected[member]
    assert expected.any() and not expected.all()


def test_tie_with_a_constant_does_not_beat_it(birds):
    _, _, context = birds
    tied = context.eval("countText(sweep, [[0.9, 0.1], [0.2, 0.8]])")
    assert tied.startswith("Adelie and Gentoo tie with 1 vote each")
    assert context.eval("countText(sweep, [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])").startswith("Adelie by")


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["grid", "several", "diverged"])
def test_ranks_equal_those_of_the_result(tmp_path, kind):
    result, split = make_result_of(kind)
    write_playground(result, split, tmp_path / "page.html")
    _, context = engine_of(tmp_path / "page.html")
    order = result.order()
    behind = [0] * (result.diverged_at.ndim - len(result.cell_shape))
    for cell in np.ndindex(*result.cell_shape):
        ranked = evaluate(context, f"rankOf(sweep, {[*cell, *behind]})")
        if np.isnan(result.cell_scores()[cell]):
            assert ranked is None
        else:
            assert ranked["rank"] == order.index(cell) + 1
            assert ranked["mean"] == pytest.approx(result.cell_scores()[cell], rel=1e-6)


@pytest.mark.thorough
def test_words_of_the_data_cannot_inject_into_the_page(tmp_path):
    evil = "</script><script>alert(1)</script>"
    split = SPLIT._replace(names={"classes": [evil, "b & <b>"]})
    result = trained(split=split)
    write_playground(result, split, tmp_path / "page.html", title=evil)
    contents, _ = engine_of(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert contents["rows"]["classes"] == [evil, "b & <b>"]
    assert text.count("</script>") == 2 and evil not in text


@pytest.mark.thorough
def test_page_loads_no_external_resources(tmp_path):
    result, split = make_result_of("several")
    write_playground(result, split, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert not re.findall(r"""(?:src|href)\s*=|url\(|@import|fetch\(|XMLHttpRequest|https?://""", text)


@pytest.mark.thorough
def test_rows_include_all_classes_even_if_sorted(tmp_path):
    order = np.argsort(LABELS[40:], kind="stable")
    split = SPLIT._replace(x_test=X[40:][order], y_test=LABELS[40:][order])
    result = trained(split=split)
    write_playground(result, split, tmp_path / "page.html", rows=6)
    contents, _ = engine_of(tmp_path / "page.html")
    numbers = contents["rows"]["numbers"]
    assert len(numbers) == contents["rows"]["count"] == 6 and {0, 19} <= set(numbers)
    assert set(split.y_test[numbers]) == {0, 1}
    x = np.frombuffer(base64.b64decode(contents["rows"]["x"]), "<f4").reshape(6, 2)
    np.testing.assert_array_equal(x, split.x_test[numbers])


def test_epochs_are_chosen_or_spaced():
    assert spaced_epochs(1) == [1] and spaced_epochs(5) == [1, 2, 3, 4, 5]
    many = spaced_epochs(1000)
    ratios = np.diff(np.log(many))
    assert many[0] == 1 and many[-1] == 1000 and len(many) <= 12
    assert ratios[3:].max() < 1.3 * ratios[3:].min()
    np.testing.assert_array_equal(nearest(np.array([3, 9]), 1), [9])


@pytest.mark.thorough
def test_epochs_and_sizes_of_the_page(tmp_path):
    result, split = make_result_of("grid")
    path = tmp_path / "page.html"
    write_playground(result, split, path, epochs=[4, 1])
    assert engine_of(path)[0]["epochs"] == [1, 4]
    sizes = 12 * (NET.layers[0].units * 3 + 12) * 4 / 3 * 4  # bytes of one epoch
    others = 4 / 3 * 4 * (20 * 2 + 12 * 3 * 10)
    write_playground(result, split, path, rows=20, largest=(2.5 * sizes + others) / 1e6)
    assert engine_of(path)[0]["epochs"] == [1, 4]


@pytest.mark.thorough
def test_picture_shape_is_inferred_or_given(tmp_path):
    digits = jfnn.datasets.digits()
    few = jfnn.Split(digits.x_train[:50], digits.y_train[:50], digits.x_test[:20], digits.y_test[:20])
    result = jfnn.sweep(jfnn.mlp((64, 10)), few, learning_rate=[0.1], l2=[0], epochs=1, batch_size=50)
    for given, known in {None: [1, 8, 8], (): None, (4, 16): [1, 4, 16], (1, 16, 4): [1, 16, 4]}.items():
        write_playground(result, few, tmp_path / "page.html", picture=given)
        assert engine_of(tmp_path / "page.html")[0]["rows"]["picture"] == known
    named = few._replace(names={"columns": [f"column {i}" for i in range(64)]})
    result = jfnn.sweep(jfnn.mlp((64, 10)), named, learning_rate=[0.1], l2=[0], epochs=1, batch_size=50)
    write_playground(result, named, tmp_path / "page.html")
    assert engine_of(tmp_path / "page.html")[0]["rows"]["picture"] is None


@pytest.mark.parametrize(
    ("options", "arguments", "argument"),
    [
        ({"execution": jfnn.Execution(keep_params="none")}, {}, "result"),
        ({"execution": jfnn.Execution(keep_params="best")}, {}, "result"),
        ({}, {"split": SPLIT._replace(x_train=X[:40] + 1)}, "split"),
        ({}, {"split": SPLIT._replace(y_test=1 - LABELS[40:])}, "split"),
        ({}, {"epochs": [3]}, "epochs"),
        ({}, {"epochs": []}, "epochs"),
        ({}, {"epochs": [1, 2, 4], "largest": 0.008}, "epochs"),
        ({}, {"largest": 0.001}, "largest"),
        ({}, {"picture": (3, 3)}, "picture"),
        ({}, {"picture": (2, 1, 1)}, "picture"),
        ({}, {"rows": 0}, "rows"),
        ({"network": {"a": NET, "b": jfnn.mlp((2, 3, 2))}}, {"network": NET}, "network"),
    ],
)
@pytest.mark.thorough
def test_invalid_arguments_of_a_page_are_refused(tmp_path, options, arguments, argument):
    result = trained(**options) if options else make_result_of("no seeds")[0]
    with pytest.raises(jfnn.ArgumentError) as error:
        write_playground(result, arguments.pop("split", SPLIT), tmp_path / "page.html", **arguments)
    assert error.value.argument == argument and not (tmp_path / "page.html").exists()


@pytest.mark.thorough
def test_loaded_result_makes_the_same_page(tmp_path):
    result = trained(seeds=2)
    result.save(tmp_path / "run")
    write_playground(result, SPLIT, tmp_path / "one.html")
    write_playground(jfnn.load(tmp_path / "run"), SPLIT, tmp_path / "other.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "other.html").read_bytes()
