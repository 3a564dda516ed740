"""CSV files: data are read exactly, and errors name their row and column."""

import csv
import io
import tracemalloc

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

import jfnn
from jfnn import datasets
from jfnn.arguments import memory
from jfnn.datasets.fields import is_gap
from jfnn.datasets.targets import MOST_CLASSES

LARGE = 2**53  # LARGE + 1 is the first integer that is not a float
COMPOSED = "caf\u00e9"
DECOMPOSED = "cafe\u0301"


@pytest.fixture
def read_csv(tmp_path):
    def read(text, target="y", *args, encoding="utf-8", **options):
        path = tmp_path / "data.csv"
        path.write_bytes(text.encode(encoding))
        return datasets.read_csv(path, target, *args, **options)

    return read


def column(values):
    """Return the text of a file with one input, 0, and these targets."""
    return "x,y\n" + "".join(f"0,{y}\n" for y in values)


def test_csv_round_trip_keeps_every_bit(tmp_path):
    data = load_wine()
    with (tmp_path / "wine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["class", *data.feature_names])
        rows = zip(data.data.tolist(), data.target, strict=True)
        writer.writerows([data.target_names[y], *x] for x, y in rows)
    table = datasets.read_csv(tmp_path / "wine.csv", "class")
    np.testing.assert_array_equal(table.x, data.data)
    np.testing.assert_array_equal(table.y, data.target)
    assert table.names == tuple(data.feature_names) and table.classes == tuple(data.target_names)
    assert (table.x.dtype, table.y.dtype) == (np.float64, np.int64)


def test_csv_fields_may_be_quoted_and_have_any_line_ending(read_csv):
    text = '\ufeff"a, or b",kind," c "\r\n1,"red, dark", 2e1 \r\n\r\n"-3","blue\r\nish",.5\r\n'
    table = read_csv(text, "kind")
    assert table.names == ("a, or b", "c") and table.x.tolist() == [[1, 20], [-3, 0.5]]
    assert table.classes == ("blue\r\nish", "red, dark") and table.y.tolist() == [1, 0]


def test_exact_integers_and_numbers_with_exponents_are_read(read_csv):
    held = [LARGE - 1, LARGE, LARGE + 2, -(2**60), 10**22]
    table = read_csv("a,y\n" + "".join(f"{n},b\n0,c\n" for n in [*held, "1e23", "9007199254740993.0"]))
    assert table.x[::2, 0].tolist() == [*map(float, held), 1e23, float(LARGE)]
    ids = read_csv(column([LARGE - 1, LARGE] * 2))
    assert ids.classes == (str(LARGE - 1), str(LARGE)) and ids.y.tolist() == [0, 1] * 2


@pytest.mark.parametrize(("one", "other"), [("7", "007"), ("-0", "0"), ("1e3", "1000")])
def test_two_spellings_of_a_number_are_refused_as_classes(read_csv, one, other):
    text = column([one, other, 5, 5] * 2)
    with pytest.raises(ValueError, match=rf"^path: .*column 'y', row 2: .*'{one}' and '{other}'"):
        read_csv(text)
    assert read_csv(text, "y", "regression").y.tolist() == [float(one), float(other), 5, 5] * 2


@pytest.mark.parametrize(
    "words", [["7", "7." + "0" * 9000], ["2026-01-01" + " " * 9000] * 2, ["a" * 9000] * 2]
)
def test_long_words_are_shown_abbreviated(read_csv, words):
    with pytest.raises(jfnn.ArgumentError) as refused:
        read_csv(column(words * 2))
    assert len(str(refused.value)) < 500


def test_classes_are_the_words_of_the_file_in_numeric_or_alphabetic_order(read_csv):
    for words, classes in (
        (["007", "011"] * 2, ("007", "011")),
        (["007", "7", "b", "c"], ("007", "7", "b", "c")),
        (["10", "9", "2"] * 2, ("2", "9", "10")),
    ):
        table = read_csv(column(words))
        assert table.classes == classes and [classes[label] for label in table.y] == words


def test_words_in_different_unicode_forms_are_equal(read_csv):
    text = f"x,{DECOMPOSED}\n0,{COMPOSED}\n1,bar\n2,{DECOMPOSED}\n"
    for target in (COMPOSED, DECOMPOSED):
        table = read_csv(text, target)
        assert table.classes == ("bar", COMPOSED) and table.y.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="a second time"):
        read_csv(f"{COMPOSED},{DECOMPOSED},y\n1,2,3\n")


@pytest.mark.parametrize("word", ["-nan", "inf", "NA"])
def test_words_for_missing_values_are_refused_as_classes(read_csv, word):
    for others in (["a", "b", "a"], ["1", "2", "1"]):
        words = [*others, word, word, word]
        with pytest.raises(ValueError, match=rf"^path: data\.csv, row 4 \(line 5\), column 'y': .*'{word}'"):
            read_csv(column(words))


def test_words_for_missing_values_equal_those_of_pandas():
    pandas = pytest.importorskip("pandas")
    words = "NA,Na,na,N/A,n/a,#N/A,#NA,#N/A N/A,NULL,null,Null,None,none,NaN,nan,-NaN,-nan,<NA>,-,?,a"
    words = [*words.split(","), "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
    read = pandas.read_csv(io.StringIO("\n".join(["y", *words])))
    assert [is_gap(word) for word in words] == read["y"].isna().tolist()


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        ([0, 1] * 3, "regression", None),
        (list(range(MOST_CLASSES)) * 2, None, MOST_CLASSES),
        (list(range(MOST_CLASSES + 1)) * 2, None, None),
        (list(range(MOST_CLASSES + 1)) * 2, "classification", MOST_CLASSES + 1),
        ([3, 4, 5], None, None),  # each only once
        (["1", "a", "1"], "classification", 2),
        (["1", "a", "b"], None, 3),
    ],
)
def test_task_follows_from_the_targets_unless_given(read_csv, targets, task, classes):
    table = read_csv(column(targets), "y", task)
    assert (table.classes and len(table.classes)) == classes
    if classes:
        assert [table.classes[label] for label in table.y] == [str(y) for y in targets]
    else:
        assert table.y.dtype == np.float64 and table.y.tolist() == targets


def test_diabetes_is_a_regression(read_csv):
    y = load_diabetes().target
    assert (y == np.floor(y)).all()  # integers, but many
    assert read_csv(column(y.tolist())).classes is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b,y\n1,2,0\n1,,1\n",
            r"path: .*csv, row 2 \(line 3\), column 'b': expected a number, got nothing",
        ),
        ("a,y,b\n1,0,2\n\n1,0,nan\n", r"row 2 \(line 4\), column 'b': expected a number, got 'nan'"),
        (f"a,y\n{LARGE + 1},b\n", rf"row 1 \(line 2\), column 'a'.*{LARGE + 1}"),
        (f"a,y\n1,b\n1,{10**23}\n", rf"row 2 \(line 3\), column 'y'.*{10**23}"),
        ("a,y\n1, \n", r"row 1 \(line 2\), column 'y': expected a word or number, got nothing"),
        ("a,y\n1,0\n1\n", r"row 2 \(line 3\): expected 2 fields, as the header has, got 1"),
        ("1,2\n3,4\n", r"path: data\.csv has numbers in its first line; expected a header"),
        ("a,a,y\n1,2,0\n", r"column 2: expected a unique name in the header, got 'a' a second time"),
        (",y\n0,1\n", r"column 1: expected a unique name in the header, got none"),
        ("a,b\n1,2\n", r"^target: expected a column of data\.csv \(a, b\), got 'y'"),
        ("y\n1\n", r"path: data\.csv has no column besides 'y'"),
        ("a,y\n", r"path: data\.csv has no rows below its header"),
        ("", r"path: data\.csv is empty"),
        ('a,y\n1,"0\n', r"path: data\.csv is not a valid CSV file: unexpected end of data"),
    ],
)
def test_invalid_csv_is_refused_with_its_place(read_csv, text, message):
    with pytest.raises(ValueError, match=message):
        read_csv(text)


@pytest.mark.parametrize(
    ("field", "options", "message"),
    [
        ("word", {}, "expected a number, got 'word'; encode=True"),
        ("word", {"impute": True}, "expected a number, got 'word'; encode=True"),
        ("", {}, "expected a number, got nothing; impute=True"),
        ("inf", {"encode": True, "impute": True}, "expected a finite number, got 'inf'"),
        ("NA", {"weights": "a", "impute": True}, "expected a number, got 'NA'$"),
    ],
)
def test_first_invalid_field_ends_the_reading(read_csv, field, options, message):
    text = f"a,b,y\n1,2,0\n{field},2,0\n1,2\n"  # a third row that is too short
    with pytest.raises(ValueError, match=rf"row 2 \(line 3\), column 'a': {message}"):
        read_csv(text, **options)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("fields", "options"),
    [
        (["0.123456", "0.654321", "0.5"], {}),
        (["0.123456", "NA", "NA"], {"impute": True}),
        (["one", "two", "three"], {"encode": True}),
    ],
)
def test_memory_estimate_of_a_file_equals_its_actual_use(tmp_path, monkeypatch, fields, options):
    rows = [",".join([*np.roll(fields, i), str(i % 2)]) for i in range(6000)]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,c,y", *rows]))
    needed = []
    monkeypatch.setattr(memory, "check", lambda what, size, sizes: needed.append(size))
    datasets.read_csv(tmp_path / "data.csv", "y", **options)  # includes its imports
    tracemalloc.start()
    datasets.read_csv(tmp_path / "data.csv", "y", **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 < peak / needed[1] < 1.1


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (
            ["1", "a"],
            "regression",
            r"path: data\.csv, row 2 \(line 3\), column 'y': expected a number, got 'a'",
        ),
        (
            ["1", "2", "-"],
            None,
            r"path: .* row 3 \(line 4\), column 'y': expected a number, got '-'; ",
        ),
        ("ab", "foo", "task: expected one of classification, regression, got 'foo'"),
        ([0.5, 1], "classification", "task: classification needs words or whole numbers"),
    ],
)
def test_targets_that_do_not_fit_the_task_are_refused(read_csv, values, task, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        read_csv(column(values), "y", task)


def test_column_of_weights_is_not_an_input(read_csv):
    text = "a,n,kind,b\n1,2,u,3\n4,0.5,v,6\n7,0,u,9\n"
    table = read_csv(text, "kind", weights="n")
    assert table.names == ("a", "b") and table.x.tolist() == [[1, 3], [4, 6], [7, 9]]
    assert table.weights.tolist() == [2, 0.5, 0] and table.y.tolist() == [0, 1, 0]
    assert read_csv(text, "kind").weights is None
    for text, weights, message in (
        ("a,w,y\n1,2,0\n", "n", r"^weights: expected a column of data\.csv \(a, w\), got 'n'$"),
        ("a,w,y\n1,2,0\n", "y", r"^weights: expected a column of data\.csv \(a, w\), got 'y'$"),
        ("w,y\n2,0\n", "w", r"^path: data\.csv has no column besides 'y' and 'w'$"),
        ("a,w,y\n1,,0\n", "w", r"row 1 \(line 2\), column 'w': expected a number, got nothing"),
    ):
        with pytest.raises(ValueError, match=message):
            read_csv(text, weights=weights)


def test_text_other_than_utf_8_is_refused(read_csv):
    with pytest.raises(ValueError, match=r"path: data\.csv is not UTF-8 text"):
        read_csv("größe,y\n1,0\n", encoding="latin-1")


LONG = 1000 * "long "


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ('"a\nb",c\n1,2\n', None),
        (f"{LONG},c\n1,2\n", None),
        (f"{LONG},y\n1,2\n1e999,2\n", None),
        (f"a,{LONG},{LONG}\n1,2,3\n", None),
        (f"a,y\n1,{LONG}\n", "regression"),
        (f"a,y\n1,1\n2,2\n3,{LONG}\n", None),
    ],
)
def test_errors_about_long_names_and_words_are_one_short_line(read_csv, text, task):
    with pytest.raises(jfnn.ArgumentError) as error:
        read_csv(text, "y", task)
    assert "\n" not in str(error.value) and len(str(error.value)) < 700


def test_table_is_split_like_its_arrays_and_weights_stay_with_their_rows(read_csv):
    text = "a,b,n,y\n" + "".join(f"{2 * i},{2 * i + 1},{20 * i},{i / 4}\n" for i in range(20))
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) / 4
    expected = datasets.split(x, y, 3, 7, weights=10 * x[:, 0])
    weighted = datasets.split_table(read_csv(text, weights="n"), 3, 7)
    unweighted = datasets.split_table(read_csv(text), 3, 7)  # n is an input
    for one, other in zip(weighted[:5], expected[:5], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(weighted.weights, 10 * weighted.x_train[:, 0])
    np.testing.assert_array_equal(unweighted.x_train[:, :2], expected.x_train)
    assert unweighted.weights is None
