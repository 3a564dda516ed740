"""Tables with words and gaps are encoded as by scikit-learn, and the encoding can be described."""

import json
import re
from decimal import Decimal

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jfnn import datasets
from jfnn.datasets.files import MOST_WORDS

pandas = pytest.importorskip("pandas")

KINDS = {"age": "gaps", "color": "words", "height": "full", "smokes": "words", "size": "gaps"}


def rows_of(n, seed=0):
    """Return columns of words and numbers, with gaps in "age" and "color"."""
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(50, 10, n)),
            "color": rng.choice(["red", "dark, blue", "grün", ""], n),
            "height": rng.normal(size=n),
            "smokes": rng.choice([True, False], n),
            "size": rng.integers(0, 9, n).astype(float),
        }
    )
    frame["y"] = rng.choice(["a", "b"], n)
    return frame


@pytest.fixture
def read(tmp_path):
    def read(data, *args, **options):
        path = tmp_path / "data.csv"
        path.write_text(data if isinstance(data, str) else data.to_csv(index=False))
        return datasets.read_csv(path, "y", *args, **options)

    return read


def scikit_learns(standardized):
    """Return a transformer for each column, in order."""
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = SimpleImputer(strategy="median", add_indicator=True)
    steps = [(name, words if kind == "words" else numbers, [name]) for name, kind in KINDS.items()]
    columns = ColumnTransformer(steps)
    return make_pipeline(columns, StandardScaler()) if standardized else columns


@pytest.mark.filterwarnings("ignore:16 gaps became")
@pytest.mark.parametrize("standardized", [False, True])
def test_words_and_gaps_are_encoded_as_by_scikit_learn_fitted_to_the_training_rows(read, standardized):
    frame = rows_of(80)
    table = read(frame, encode=True, impute=True)
    split = datasets.split_table(table, 20, 3)
    places = datasets.split(np.arange(80)[:, None], np.zeros(80), 20, 3)
    train, test = (frame.iloc[part.ravel()] for part in (places.x_train, places.x_test))
    expected = scikit_learns(standardized).fit(train)
    mean = 0.0
    scale = 1.0
    if standardized:
        split = datasets.standardize(split)
        mean, scale = split.names["scaling"]["x"].values()
    np.testing.assert_array_equal(split.x_train, expected.transform(train))
    np.testing.assert_array_equal(split.x_test, expected.transform(test))
    assert datasets.split_table(table, 20, 3).x_train.dtype == np.float64
    # Other rows, with a new word and new gaps, encoded from the description alone.
    columns = json.loads(json.dumps(split.names["columns"]))
    new = rows_of(30, seed=1).sample(frac=1, axis=1, random_state=0)
    new.loc[3, "color"] = "violet"
    new.loc[4, "size"] = np.nan
    for rows in (new, {name: new[name].tolist() for name in new}):
        with pytest.warns(UserWarning) as said:
            x = (datasets.transform(columns, rows) - mean) / scale
        words, gaps = (str(warning.message) for warning in said)
        assert "'color': 'violet' (1 " in words and gaps.endswith(": 'size' (1)")
        np.testing.assert_array_equal(x, expected.transform(new))


def test_tables_are_split_with_stratification_or_not_at_all_and_name_their_target(read):
    frame = rows_of(40)
    table = read(frame, encode=True, impute=True)
    with pytest.warns(UserWarning, match="gaps"):
        whole = datasets.split_table(table, 0)
    assert len(whole.x_train) == 40 and whole.x_test is whole.y_test is None
    assert whole.names["target"] == "y" and whole.names["classes"] == ["a", "b"]
    with pytest.warns(UserWarning, match="gaps"):
        even = datasets.split_table(table, 10, stratify=True)
    expected = train_test_split(table.y, test_size=10, random_state=0, stratify=table.y)
    for part, rows in zip((even.y_train, even.y_test), expected, strict=True):
        np.testing.assert_array_equal(part, rows)
    alone = read("a,y\n" + "1,no\n2,yes\n" * 9 + "3,maybe\n")
    with pytest.raises(ValueError, match=r"^stratify: .*'maybe'"):
        datasets.split_table(alone, stratify=True)


def test_tables_of_numbers_are_unaffected_by_the_switches(read):
    frame = rows_of(20)[["height", "size", "y"]]
    plain = read(frame)
    loose = read(frame, encode=True, impute=True)
    np.testing.assert_array_equal(plain.x, loose.x)
    for one, other in zip(datasets.split_table(plain)[:4], datasets.split_table(loose)[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    assert datasets.split_table(plain).names["columns"] == {"height": {}, "size": {}}


def test_spellings_of_a_number_or_truth_value_are_one_category(read):
    text = "a,b,y\n7,true,u\nx,False,v\n07,TRUE,u\nz,false,v\nw,False,u\nv,True,v\n"
    with pytest.warns(UserWarning, match="column 'a'"):  # the test row has a word of its own
        columns = datasets.split_table(read(text, encode=True), 1).names["columns"]
    assert columns["b"] == {"categories": ["False", "True"]}
    new = pandas.DataFrame({"a": ["7.0", "7", None], "b": [True, False, True]})
    x = datasets.transform({"a": {"categories": ["", "7", "x"]}, "b": columns["b"]}, new)
    assert x.tolist() == [[0, 1, 0, 0, 1], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]
    assert datasets.transform({"a": {"categories": ["7"]}}, {"a": [7, 7.0, "07"]}).ravel().tolist() == [
        1,
        1,
        1,
    ]


CITIES = {"city": {"categories": ["Paris", "Rome"]}, "kind": {"categories": ["a", "b"]}, "size": {}}


def test_words_missing_from_the_training_rows_trigger_one_warning_per_call():
    frame = {"city": ["Berlin", "Rome", "Bern"], "kind": ["a", None, "b"], "size": [1, 2, 3]}
    with pytest.warns(UserWarning) as said:
        x = datasets.transform(CITIES, frame)
    assert x.tolist() == [[0, 0, 1, 0, 1], [0, 1, 0, 0, 2], [0, 0, 0, 1, 3]]
    (warning,) = said
    text = str(warning.message)
    assert "column 'city': 'Berlin', 'Bern' (2 " in text and "column 'kind': nothing (1 " in text
    assert "size" not in text and warning.filename == __file__
    datasets.transform(CITIES, {"city": ["Rome"], "kind": ["a"], "size": [1]})  # without a warning


def test_word_in_other_capitals_triggers_a_warning_with_a_remedy():
    frame = {"city": ["paris", "Oslo", "ROME", "paris", ""], "kind": list("aabbA"), "size": range(5)}
    with pytest.warns(UserWarning) as said:
        datasets.transform(CITIES, frame)
    unknown, spelled = (str(warning.message) for warning in said)
    assert unknown.endswith("column 'city': 'Oslo', nothing (2 such entries)")
    assert "column 'city': 'paris' for 'Paris', 'ROME' for 'Rome'; column 'kind': 'A' for 'a'" in spelled


def test_filled_gaps_are_counted_by_column(read):
    table = read("a,b,c,y\n" + ",1,2,0\n1,1,2,1\n2,,2,0\n3,1,2,1\n,1,2,0\n4,1,2,1\n", impute=True)
    with pytest.warns(UserWarning) as said:
        datasets.split_table(table, 2)
    (text,) = (str(warning.message) for warning in said)
    assert text.startswith("3 gaps ") and text.endswith(": 'a' (2), 'b' (1)")


def test_gap_in_a_column_without_training_gaps_triggers_a_warning():
    columns = {"a": {"median": 2.0, "indicator": False}, "b": {"median": 1.0, "indicator": True}}
    with pytest.warns(UserWarning, match=r"no training row has gaps .*: 'a' \(1\)$"):
        x = datasets.transform(columns, {"a": [None, 3], "b": [4, None]})
    assert x.tolist() == [[2, 4, 0], [3, 1, 1]]


def test_word_that_only_test_rows_have_triggers_a_warning(read):
    table = read("a,y\n" + "red,0\nblue,1\n" * 9 + "green,0\n", encode=True)
    seed = next(s for s in range(99) if "green" in datasets.split(table.x, table.y, 3, s).x_test)
    with pytest.warns(UserWarning, match="column 'a': 'green'"):
        datasets.split_table(table, 3, seed)


LIKE_NUMBERS = {
    "comma": ["0,5", "-1,25", "2,5"],
    "thousands": ["1,000", "12 000", "1.234,5"],
    "currency": ["$1.00", "2 €", "-£3"],
    "percent": ["50%", "0,5 %", "7%"],
    "times": ["12:30", "7:05:10", "1:15 pm"],
    "both": ["0,5", "2", "12:30"],  # numbers among words
}


@pytest.mark.parametrize("kind", LIKE_NUMBERS)
def test_columns_that_look_like_numbers_are_not_words(read, kind):
    words = LIKE_NUMBERS[kind]
    text = "x,a,y\n" + "".join(f'1,"{word}",{i % 2}\n' for i, word in enumerate(words))
    with pytest.raises(
        ValueError, match=rf"column 'a': expected words or numbers, .*{re.escape(words[0][:3])}.*; write"
    ):
        read(text, encode=True)


def test_targets_that_look_like_numbers_are_classes_if_the_task_requires_it(read):
    text = 'a,y\n1,"0,5"\n2,"1,5"\n3,"0,5"\n4,2\n'
    with pytest.raises(ValueError, match=r"column 'y': expected words or numbers, .*'0,5'; write"):
        read(text)
    assert read(text, "classification").classes == ("0,5", "1,5", "2")


@pytest.mark.parametrize("word", ["10:1 mix", "A1,5", "1,2 or 3", "v1.2.3a", "10,20,30", "1:2:3:4", "$", ":"])
def test_words_with_digits_are_words(read, word):
    table = read(f'a,y\n"{word}",0\nother,1\n"{word}",0\nother,1\n', encode=True)
    assert table.x.ravel().tolist() == [word, "other"] * 2


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_separators_other_than_the_comma_are_named(read, sign, name):
    text = "a,b,y\n1,2,0\n3,4,1\n".replace(",", sign)
    with pytest.raises(ValueError, match=rf"^path: data\.csv has one column.*{name}.* pandas"):
        read(text)
    with pytest.raises(ValueError, match=rf"^path: .*{name}"):
        read(text.replace("2", "2,5"))


@pytest.mark.parametrize("task", [None, "classification"])
def test_truth_values_in_two_spellings_are_refused_as_classes(read, task):
    words = ["true", "True", "FALSE", "maybe"]
    text = "a,y\n" + "".join(f"{i},{word}\n" for i, word in enumerate(words))
    with pytest.raises(
        ValueError, match="column 'y': expected one spelling of a class, got 'True' and 'true'"
    ):
        read(text, task)
    assert read(text.replace("True", "true")).classes == ("FALSE", "maybe", "true")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,y\nred,0\n", {"impute": True}, "row 1 .*'a': expected a number, got 'red'; encode=True"),
        ("a,y\n1,0\n,1\n", {}, "row 2 .*'a': expected a number, got nothing; impute=True"),
        (
            "a,y\n1,0\n,1\n",
            {"encode": True},
            "row 2 .*'a': expected a number.* impute=True",
        ),
        ("a,b,y\n,1,0\nNA,1,1\n", {"encode": True, "impute": True}, "'a': expected at least one value"),
        ("a,y\n1,0\nfew,1\n2,1\n3,1\n", {"encode": True}, "row 2 .*'a': expected a number, like most"),
        (
            "a,y\n1,0\ninf,1\n2,1\n",
            {"encode": True, "impute": True},
            "row 2 .*'a': expected a finite number, got 'inf'$",
        ),
        ("a,y\n2020-01-31,0\n2020-02-01,1\n", {"encode": True}, "'a': expected words or numbers, got dates"),
        ("a,y\n31.1.2020,0\n2020-02-01 12:00,1\n", {"encode": True}, "got dates, such as '31.1.2020'"),
        ("a,y\n2020-01-31,0\n", {}, "'a': expected a number, got '2020-01-31'; write"),
        (f"a,y\n{2**53 + 1},0\n", {"encode": True, "impute": True}, "expected a number that a float holds"),
        (
            "a,y\nred,\n",
            {"encode": True, "impute": True},
            "'y': expected a word or number, got nothing; drop",
        ),
    ],
)
def test_columns_that_cannot_be_inputs_are_refused_by_name(read, text, options, message):
    with pytest.raises(ValueError, match=rf"^path: data\.csv, .*{message}"):
        read(text, **options)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "inf"])
def test_number_beyond_floats_is_neither_a_gap_nor_a_word(read, number):
    for others, options in (
        (["1", "3"], {}),
        (["1", "3"], {"impute": True}),
        (["1", "3"], {"encode": True, "impute": True}),
        (["red", "blue"], {"encode": True}),
    ):
        text = f"a,y\n{others[0]},0\n{number},1\n{others[1]},0\n"
        with pytest.raises(ValueError, match=rf"row 2 \(line 3\), column 'a': .*finite .*{number[:20]}"):
            read(text, **options)


@pytest.mark.parametrize("number", [10**400, -(10**400), 10**5000, Decimal("1e400"), "1e400"], ids=range(5))
def test_number_beyond_floats_in_a_frame_is_not_a_gap(number):
    columns = {"a": {"median": 2.0, "indicator": True}}
    with pytest.raises(ValueError, match=r"^frame: row 2, column 'a': expected a number, got [^\n]{1,90}$"):
        datasets.transform(columns, {"a": [1, number, None]})


def test_too_many_words_and_weights_that_are_words_are_refused_by_name(read):
    text = "id,w,y\n" + "".join(f"k{i},1,{i % 2}\n" for i in range(10 * MOST_WORDS))
    with pytest.raises(ValueError, match=f"'id': expected at most {MOST_WORDS} words, got {10 * MOST_WORDS}"):
        read(text, encode=True)
    for word, got in (("x", "got 'x'"), ("", "got nothing")):
        with pytest.raises(ValueError, match=rf"column 'w': expected a number, {got}$"):
            read(f"a,w,y\nb,{word},0\n", None, "w", encode=True, impute=True)
    weighted = read("a,w,y\nb,2,0\nc,1,0\n,3,1\n", None, "w", encode=True)
    assert weighted.weights.tolist() == [2, 1, 3] and weighted.weights.dtype == np.float64
    assert weighted.names == ("a",) and weighted.x.ravel().tolist() == ["b", "c", ""]


def test_training_columns_without_numbers_and_mismatched_frames_are_refused_by_name(read):
    table = read("a,y\n" + "1,0\n" + ",1\n" * 9, impute=True)
    train = [place for place in range(20) if datasets.split(table.x, table.y, 9, place).x_train[0] != 1]
    with pytest.raises(ValueError, match="column 'a': expected a number in the training rows, got none"):
        datasets.split_table(table, 9, train[0])
    full = {"a": {}}
    gaps = {"a": {"median": 2.0, "indicator": False}, "b": {}}
    for columns, frame, message in (
        (full, {"b": [1]}, "expected a column 'a', got none"),
        (full, {"a": [1, None]}, "row 2, column 'a': expected a number, got nothing"),
        (gaps, {"a": [1, "x"], "b": [1, 2]}, "row 2, column 'a': expected a number, got 'x'"),
        (gaps, {"a": [np.inf], "b": [1]}, "row 1, column 'a': expected a number, got inf"),
        (gaps, {"a": [1, 2], "b": [1]}, "column 'b': expected one value per row"),
        (full, {"a": [[1]]}, "column 'a': expected one value per row"),
        (full, {"a": np.array(["2020-01-31"], "M8[ns]")}, "row 1, column 'a': expected a number"),
        (full, np.zeros((2, 1)), "expected columns by name"),
    ):
        with pytest.raises(ValueError, match=rf"^frame: {message}"):
            datasets.transform(columns, frame)
    with pytest.raises(TypeError, match=r"^columns: expected"):
        datasets.transform(["a"], {"a": [1]})


def test_names_of_a_frame_stay_with_its_rows_and_rows_are_scaled_once():
    frame = rows_of(20)[["height", "size"]]
    cut = datasets.split(frame, frame["height"])
    assert cut.names == {"columns": {"height": {}, "size": {}}, "target": "height"}
    assert datasets.split(frame, frame["height"].to_numpy()).names == {"columns": cut.names["columns"]}
    scaled = datasets.standardize(cut)
    assert scaled.names["columns"] == cut.names["columns"] and set(scaled.names["scaling"]) == {"x", "y"}
    with pytest.raises(ValueError, match=r"split: .*not standardized yet"):
        datasets.standardize(scaled, ["height", "size"])


def test_column_without_numbers_triggers_a_warning():
    columns = {"height": {"median": 2.0, "indicator": True}}
    with pytest.warns(UserWarning, match="no row has a number .*'height'"):
        x = datasets.transform(columns, {"height": [np.nan, None]})
    assert x.tolist() == [[2.0, 1.0], [2.0, 1.0]]
    assert datasets.transform(columns, {"height": [np.nan]}).tolist() == [[2.0, 1.0]]
