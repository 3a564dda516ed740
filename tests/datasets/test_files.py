"""People's own files: what is in them comes out, and what should not be is refused with its place."""

import csv
import io

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.preprocessing import StandardScaler

from jfnn import datasets
from jfnn.datasets.targets import MOST_CLASSES, as_task, is_gap


@pytest.fixture
def write(tmp_path):
    """Writes text to a file and gives its path."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "data.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_csv_gives_scikit_learns_data_back_to_the_bit(tmp_path):
    data = load_wine()
    with (tmp_path / "wine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["class", *data.feature_names])
        writer.writerows(
            [data.target_names[y], *x] for x, y in zip(data.data.tolist(), data.target, strict=True)
        )
    table = datasets.read_csv(tmp_path / "wine.csv", "class")
    np.testing.assert_array_equal(table.x, data.data)
    np.testing.assert_array_equal(table.y, data.target)
    assert table.names == tuple(data.feature_names) and table.classes == tuple(data.target_names)
    assert (table.x.dtype, table.y.dtype, table.n_train) == (np.float64, np.int64, None)


def test_csv_fields_may_be_quoted_and_lines_end_in_any_way(write):
    text = '\ufeff"a, or b",kind," c "\r\n1,"red, dark", 2e1 \r\n\r\n"-3","blue\r\nish",.5\r\n'
    table = datasets.read_csv(write(text), "kind")
    assert table.names == ("a, or b", "c")
    assert table.x.tolist() == [[1, 20], [-3, 0.5]]
    assert table.classes == ("blue\r\nish", "red, dark") and table.y.tolist() == [1, 0]


LARGE = 2**53  # and one more is the first whole number that no float is


@pytest.mark.parametrize("number", [LARGE + 1, -LARGE - 1, 3 * LARGE + 2, 10**23])
@pytest.mark.parametrize(
    ("column", "text"), [("a", "{},b\n1,c\n"), ("y", "1,b\n1,{}\n"), ("y", "1,2\n1,{}\n")]
)
def test_whole_numbers_that_floats_do_not_hold_are_refused_with_their_place(write, column, text, number):
    row = 1 if column == "a" else 2
    with pytest.raises(
        ValueError, match=rf"^path: .*row {row} \(line {row + 1}\), column '{column}'.*{number}"
    ):
        datasets.read_csv(write("a,y\n" + text.format(number)), "y")


def test_whole_numbers_that_floats_hold_and_numbers_with_exponents_are_read(write):
    held = [LARGE - 1, LARGE, LARGE + 2, -(2**60), 10**22]
    text = "a,y\n" + "".join(f"{number},b\n0,c\n" for number in [*held, "1e23", "9007199254740993.0"])
    table = datasets.read_csv(write(text), "y")
    assert table.x[::2, 0].tolist() == [*map(float, held), 1e23, float(LARGE)]
    ids = datasets.read_csv(write("a,y\n" + f"0,{LARGE - 1}\n0,{LARGE}\n" * 2), "y")
    assert ids.classes == (str(LARGE - 1), str(LARGE)) and ids.y.tolist() == [0, 1] * 2


@pytest.mark.parametrize(
    ("one", "other"), [("7", "007"), ("007", "7"), ("7", "7.0"), ("-0", "0"), ("1e3", "1000")]
)
def test_two_spellings_of_a_number_are_no_class(write, one, other):
    path = write("x,y\n" + f"0,{one}\n0,{other}\n0,5\n0,5\n" * 2)
    with pytest.raises(ValueError, match=rf"^path: .*column 'y', row 2: .*'{one}' and '{other}'"):
        datasets.read_csv(path, "y")
    assert datasets.read_csv(path, "y", "regression").y.tolist() == [float(one), float(other), 5, 5] * 2


def test_classes_have_the_words_of_the_file(write):
    table = datasets.read_csv(write("x,y\n" + "0,007\n0,011\n" * 2), "y")
    assert table.classes == ("007", "011") and table.y.tolist() == [0, 1] * 2
    among_words = datasets.read_csv(write("x,y\n0,007\n0,7\n0,b\n0,c\n"), "y")
    assert among_words.classes == ("007", "7", "b", "c") and among_words.y.tolist() == [0, 1, 2, 3]


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_the_same_letters_in_two_forms_of_unicode_are_the_same_word(write, tmp_path):
    text = f"x,{DECOMPOSED}\n0,{COMPOSED}\n1,bar\n2,{DECOMPOSED}\n"
    for target in (COMPOSED, DECOMPOSED):
        table = datasets.read_csv(write(text), target)
        assert table.classes == ("bar", COMPOSED) and table.y.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="a second time"):
        datasets.read_csv(write(f"{COMPOSED},{DECOMPOSED},y\n1,2,3\n"), "y")
    np.savez(tmp_path / "data.npz", x=np.zeros((3, 1)), y=np.array([COMPOSED, " bar", DECOMPOSED]))
    table = datasets.read_npz(tmp_path / "data.npz")
    assert table.classes == ("bar", COMPOSED) and table.y.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "NAN", "-nan", "inf", "NA", "N/A", "n/a", "<NA>", "NULL", "None"]
)
def test_words_for_what_is_missing_are_no_classes(write, tmp_path, word):
    for others in (["a", "b", "a"], ["1", "2", "1"]):
        words = [*others, word, word, word]
        with pytest.raises(ValueError, match=rf"^path: data\.csv, row 4 \(line 5\), column 'y': .*'{word}'"):
            datasets.read_csv(write("x,y\n" + "".join(f"0,{y}\n" for y in words)), "y")
        np.savez(tmp_path / "data.npz", x=np.zeros((6, 1)), y=np.array(words))
        with pytest.raises(ValueError, match=rf"^path: data\.npz, y, row 4: expected a word, got {word}$"):
            datasets.read_npz(tmp_path / "data.npz")


def test_pandas_takes_the_same_words_for_what_is_missing():
    pandas = pytest.importorskip("pandas")
    words = [
        "NA",
        "Na",
        "na",
        "N/A",
        "n/a",
        "#N/A",
        "#NA",
        "#N/A N/A",
        "NULL",
        "null",
        "Null",
        "None",
        "none",
    ]
    words += ["NaN", "nan", "-NaN", "-nan", "<NA>", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "-", "?", "a"]
    read = pandas.read_csv(io.StringIO("\n".join(["y", *words])))
    assert [is_gap(word) for word in words] == read["y"].isna().tolist()


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_npz_refuses_whole_numbers_that_floats_do_not_hold_where_they_become_floats(tmp_path, kind):
    path, large = tmp_path / "data.npz", np.array([5, LARGE, LARGE + 1, LARGE + 2] * 2, kind)
    np.savez(path, x=large[:, None], y=np.arange(8) % 2)
    with pytest.raises(ValueError, match=rf"^path: data\.npz, x, row 3, column 1: .*{LARGE + 1}$"):
        datasets.read_npz(path)
    np.savez(path, x=np.zeros((8, 1)), y=large)
    with pytest.raises(ValueError, match=rf"^path: data\.npz, y, row 3: .*{LARGE + 1}$"):
        datasets.read_npz(path, "regression")
    table = datasets.read_npz(path)
    assert (
        table.classes == ("5", *(str(LARGE + i) for i in range(3))) and table.y.tolist() == [0, 1, 2, 3] * 2
    )
    other = np.uint64 if kind is np.int64 else np.int64
    parts = {"x_train": np.zeros((8, 1)), "y_train": large, "x_test": np.zeros((2, 1))}
    np.savez(path, **parts, y_test=np.array([5, LARGE], other))  # joined, they are floats
    with pytest.raises(ValueError, match=rf"^path: data\.npz, y_train, row 3: .*{LARGE + 1}$"):
        datasets.read_npz(path)


def test_npz_joins_numbers_without_rounding_and_no_numbers_with_words(tmp_path):
    parts = {"x_train": np.zeros((2, 1), np.int8), "x_test": np.full((2, 1), 2**24 + 1)}
    np.savez(tmp_path / "data.npz", **parts, y_train=np.arange(2), y_test=np.arange(2))
    assert (
        datasets.read_npz(tmp_path / "data.npz", "classification").x[2:].ravel().tolist() == [2**24 + 1] * 2
    )
    np.savez(tmp_path / "data.npz", **parts, y_train=np.array(["1", "2"]), y_test=np.arange(2))
    with pytest.raises(ValueError, match=r"^path: .*y_train.*y_test"):
        datasets.read_npz(tmp_path / "data.npz")


def test_labels_follow_the_order_of_their_numbers_not_of_their_spelling(write):
    table = datasets.read_csv(write("x,y\n" + "0,10\n0,9\n0,2\n" * 2), "y")
    assert table.classes == ("2", "9", "10") and table.y.tolist() == [2, 1, 0] * 2


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        ([0, 1] * 3, None, 2),
        ([0, 1] * 3, "regression", None),
        ([0.0, 1.5] * 3, None, None),
        (list(range(MOST_CLASSES)) * 2, None, MOST_CLASSES),
        (list(range(MOST_CLASSES + 1)) * 2, None, None),
        (list(range(MOST_CLASSES + 1)) * 2, "classification", MOST_CLASSES + 1),
        ([3, 4, 5], None, None),  # each only once
        (["b", "a", "c"], None, 3),
        (["1", "a", "1"], "classification", 2),
        (["1", "a", "b"], None, 3),
    ],
)
def test_the_task_follows_from_the_targets_unless_it_is_given(write, tmp_path, targets, task, classes):
    table = datasets.read_csv(write("x,y\n" + "".join(f"0,{y}\n" for y in targets)), "y", task)
    assert (table.classes and len(table.classes)) == classes
    if classes:
        assert [table.classes[label] for label in table.y] == [str(y) for y in targets]
    else:
        assert table.y.dtype == np.float64 and table.y.tolist() == targets
    np.savez(tmp_path / "data.npz", x=np.zeros((len(targets), 1)), y=np.array(targets))
    other = datasets.read_npz(tmp_path / "data.npz", task)
    assert (other.classes, other.y.tolist()) == (table.classes, table.y.tolist())


def test_diabetes_is_a_regression():
    y = load_diabetes().target
    assert (y == np.floor(y)).all()  # whole numbers, but many
    assert as_task(y, None)[1] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b,y\n1,2,0\n1,,1\n",
            r"path: data\.csv, row 2 \(line 3\), column 'b': expected a number, got nothing",
        ),
        ("a,b,y\n1,NA,0\n", r"row 1 \(line 2\), column 'b': expected a number, got 'NA'"),
        ("a,y,b\n1,0,2\n\n1,0,nan\n", r"row 2 \(line 4\), column 'b': expected a number, got 'nan'"),
        ("a,y\n-inf,0\n", r"row 1 \(line 2\), column 'a': expected a number, got '-inf'"),
        ("a,y\n1_000,0\n", r"column 'a': expected a number, got '1_000'"),
        ("a,y\n1, \n", r"row 1 \(line 2\), column 'y': expected a word or number, got nothing"),
        ("a,y\nx,\n", r"row 1 \(line 2\), column 'y'"),
        ("a,y\n1,0\n1\n", r"row 2 \(line 3\): expected 2 fields, as the header has, got 1"),
        ("a,y\n1,0,3\n", r"row 1 \(line 2\): expected 2 fields, as the header has, got 3"),
        ("1,2\n3,4\n", r"path: data\.csv has numbers in its first line; expected a header"),
        ("a,a,y\n1,2,0\n", r"column 2: expected a name of its own in the header, got 'a' a second time"),
        (",y\n0,1\n", r"column 1: expected a name of its own in the header, got none"),
        ("a,b\n1,2\n", r"^target: expected a column of data\.csv \(a, b\), got 'y'"),
        ("y\n1\n", r"path: data\.csv has no column beside 'y'"),
        ("a,y\n", r"path: data\.csv has no rows below its header"),
        ("", r"path: data\.csv is empty"),
        ('a,y\n1,"0\n', r"path: data\.csv is no CSV file: unexpected end of data"),
        ("a,y\n1,same\n2,same\n", r"^target: expected at least two classes, got only 'same'"),
    ],
)
def test_csv_refuses_what_it_cannot_read_with_the_place(write, text, message):
    with pytest.raises(ValueError, match=message):
        datasets.read_csv(write(text), "y")


def test_csv_column_of_weights_is_no_input(write):
    text = "a,n,kind,b\n1,2,u,3\n4,0.5,v,6\n7,0,u,9\n"
    table = datasets.read_csv(write(text), "kind", weights="n")
    assert table.names == ("a", "b") and table.x.tolist() == [[1, 3], [4, 6], [7, 9]]
    assert table.weights.tolist() == [2, 0.5, 0] and table.y.tolist() == [0, 1, 0]
    assert datasets.read_csv(write(text), "kind", weights="b").x.tolist() == [[1, 2], [4, 0.5], [7, 0]]
    assert datasets.read_csv(write("n,x,y\n" + "1,0,0\n" * 2 + "1,0,1\n" * 2), "y").weights is None


@pytest.mark.parametrize(
    ("text", "weights", "message"),
    [
        ("a,w,y\n1,2,0\n", "n", r"^weights: expected a column of data\.csv \(a, w\), got 'n'$"),
        ("a,w,y\n1,2,0\n", "y", r"^weights: expected a column of data\.csv \(a, w\), got 'y'$"),
        ("w,y\n2,0\n", "w", r"^path: data\.csv has no column beside 'y' and 'w'$"),
        ("a,w,y\n1,,0\n", "w", r"row 1 \(line 2\), column 'w': expected a number, got nothing"),
    ],
)
def test_csv_refuses_weights_that_are_none(write, text, weights, message):
    with pytest.raises(ValueError, match=message):
        datasets.read_csv(write(text), "y", weights=weights)


def test_weights_stay_with_their_rows_when_these_are_split(tmp_path):
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    arrays = {"x": x, "y": y, "n": 10 * x[:, 0]}
    np.savez(tmp_path / "data.npz", **arrays)
    table = datasets.read_npz(tmp_path / "data.npz", weights="n")
    split = datasets.split_table(table, 0.3, random_state=5)
    assert len(split.weights) == 14
    np.testing.assert_array_equal(split.weights, 10 * split.x_train[:, 0])
    unweighted = datasets.split_table(datasets.read_npz(tmp_path / "data.npz"), 0.3, random_state=5)
    np.testing.assert_array_equal(unweighted.x_train, split.x_train)  # the same cut
    assert unweighted.weights is None
    parts = {"x_train": x, "y_train": y, "x_test": x[:4], "y_test": y[:4], "n": np.arange(20)}
    np.savez(tmp_path / "data.npz", **parts)
    cut = datasets.read_npz(tmp_path / "data.npz", weights="n")
    assert datasets.split_table(cut).weights.tolist() == list(range(20))


@pytest.mark.parametrize(
    ("weights", "values", "message"),
    [
        ("m", np.zeros(3), r"^weights: expected an array of data\.npz \(x, y, n\), got 'm'$"),
        ("n", np.zeros(2), r"^weights: expected 3 numbers, one a row, in 'n' of .*, got float64 \[2\]$"),
        ("n", np.array(list("abc")), r"^weights: expected 3 numbers.*, got <U1 \[3\]$"),
    ],
)
def test_npz_refuses_weights_that_are_none(tmp_path, weights, values, message):
    np.savez(tmp_path / "data.npz", x=np.zeros((3, 1)), y=np.arange(3), n=values)
    with pytest.raises(ValueError, match=message):
        datasets.read_npz(tmp_path / "data.npz", weights=weights)


def test_csv_refuses_text_that_is_not_utf_8(write):
    with pytest.raises(ValueError, match=r"path: data\.csv is no UTF-8 text"):
        datasets.read_csv(write("größe,y\n1,0\n", "latin-1"), "y")


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["1", "a"], "regression", r"path: data\.csv, row 2, column 'y': expected a number, got 'a'$"),
        (["1", "2", "-"], None, r"path: .* row 3, column 'y': expected a number, as most in .*, got '-'; "),
        ("ab", "foo", "task: expected one of classification, regression, got 'foo'"),
        ([0.5, 1], "classification", "task: classification needs words or whole numbers"),
    ],
)
def test_targets_that_do_not_fit_the_task_are_refused(write, values, task, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        datasets.read_csv(write("x,y\n" + "".join(f"0,{y}\n" for y in values)), "y", task)


def test_npz_keeps_its_own_cut(tmp_path):
    rng = np.random.default_rng(0)
    parts = {"x_train": rng.normal(size=(6, 2)), "x_test": rng.normal(size=(3, 2))}
    parts |= {"y_train": np.array(list("bacbac")), "y_test": np.array(list("dca"))}
    np.savez(tmp_path / "data.npz", **parts)
    table = datasets.read_npz(tmp_path / "data.npz")
    assert table.classes == ("a", "b", "c", "d") and table.names == ()
    split = datasets.split_table(table, test_size=0.9)
    np.testing.assert_array_equal(split.x_train, parts["x_train"])
    np.testing.assert_array_equal(split.x_test, parts["x_test"])
    assert (split.y_train.tolist(), split.y_test.tolist()) == ([1, 0, 2, 1, 0, 2], [3, 2, 0])


def test_npz_without_a_cut_is_split_as_a_csv_is(tmp_path):
    x, y = np.arange(20, dtype=np.float32).reshape(10, 2), np.arange(20.0).reshape(10, 2)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    table = datasets.read_npz(tmp_path / "data.npz")
    assert table.x.dtype == np.float32 and table.classes is None and table.n_train is None
    for one, other in zip(datasets.split_table(table, 3, 7), datasets.split(x, y, 3, 7), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"^weights: expected 10 rows"):
        datasets.split(x, y, weights=np.ones(9))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.zeros((2, 1))},
            "expected arrays x, y or x_train, y_train, x_test, y_test in data.npz, got x$",
        ),
        ({}, "got none"),
        ({"x_train": np.zeros((2, 1)), "y_train": np.zeros(2)}, "expected arrays x, y or"),
        (
            {"x": np.zeros(2), "y": np.zeros(2)},
            r"expected x \[rows, …\] of numbers, got float64 \[2\]",
        ),
        (
            {"x": np.array([["a"]]), "y": np.zeros(1)},
            r"expected x \[rows, …\] of numbers, got <U1 \[1, 1\]",
        ),
        ({"x": np.zeros((2, 1)), "y": np.zeros(3)}, r"expected y of 2 rows, got float64 \[3\]"),
        (
            {"x": np.array([[0.0, 1.0], [2.0, np.nan]]), "y": np.zeros(2)},
            "data.npz, x, row 2, column 2: .* got nan",
        ),
        (
            {"x": np.zeros((2, 1)), "y": np.array([0, np.inf])},
            "data.npz, y, row 2: expected a finite number, got inf",
        ),
        (
            {"x_train": np.zeros((2, 1)), "y_train": [0, 1], "x_test": np.zeros((2, 2)), "y_test": [0, 1]},
            "expected test rows of the shape of the training rows",
        ),
        ({"x": np.zeros((1, 1)), "y": np.array([{}], dtype=object)}, "y is no plain array .it holds objects"),
    ],
)
def test_npz_refuses_what_it_cannot_read(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ValueError, match=f"path: .*{message}"):
        datasets.read_npz(tmp_path / "data.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short", b"\x93NUMPY\x01\x00"])
def test_npz_refuses_files_that_are_none(tmp_path, content):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"path: data\.npz is no NPZ file"):
        datasets.read_npz(tmp_path / "data.npz")


@pytest.mark.parametrize("targets", ["labels", "numbers", "several", "no test rows"])
def test_standardise_is_scikit_learns_scaler_fitted_on_the_training_rows(targets):
    rng = np.random.default_rng(0)
    x_train, x_test = (rng.normal(3, [1, 50, 0.1], (n, 3)) for n in (30, 9))
    shape = {"several": (2,)}.get(targets, ())
    y_train, y_test = (rng.normal(9, 4, (n, *shape)) for n in (30, 9))
    if targets == "labels":
        y_train, y_test = (rng.integers(0, 3, n) for n in (30, 9))
    if targets == "no test rows":
        x_test = y_test = None
    weights = np.arange(30)
    scaled = datasets.standardise(datasets.Split(x_train, y_train, x_test, y_test, weights))
    assert scaled.weights is weights

    def expected(train, part):
        if part is None:
            return None
        scaler = StandardScaler().fit(train.reshape(len(train), -1))
        return scaler.transform(part.reshape(len(part), -1)).reshape(part.shape)

    np.testing.assert_array_equal(scaled.x_train, expected(x_train, x_train))
    np.testing.assert_array_equal(scaled.x_test, expected(x_train, x_test))
    for train_part, part, now in ((y_train, y_train, scaled.y_train), (y_train, y_test, scaled.y_test)):
        np.testing.assert_array_equal(now, part if targets == "labels" else expected(train_part, part))


@pytest.mark.parametrize("argument", ["x_train", "y_train", "x_test", "y_test"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_standardise_refuses_what_is_not_finite_with_its_place(argument, value):
    parts = {name: np.arange(8.0).reshape(4, 2) for name in ("x_train", "x_test")}
    parts |= {name: np.arange(4.0) for name in ("y_train", "y_test")}
    parts[argument].ravel()[2] = value
    with pytest.raises(ValueError, match=rf"^{argument}: expected finite numbers, got {value} at index \["):
        datasets.standardise(datasets.Split(**parts))


def test_arrays_of_any_byte_order_are_taken_and_masked_entries_refused():
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 3
    native = datasets.split(x, y)
    swapped = datasets.split(x.astype(x.dtype.newbyteorder()), y.astype(y.dtype.newbyteorder()))
    for one, other in zip(native[:4], swapped[:4], strict=True):
        np.testing.assert_array_equal(one, other)
        assert other.dtype.isnative
    masked = np.ma.masked_equal(x, 3)
    with pytest.raises(ValueError, match=r"^x: .*masked"):
        datasets.split(masked, y)
    with pytest.raises(ValueError, match=r"^x_train: .*masked"):
        datasets.standardise(datasets.Split(masked, y))


@pytest.mark.parametrize("test_size", [0, 20, 1.0, 0.0, -0.5, float("nan"), 2.5])
def test_split_refuses_sizes_that_leave_a_part_empty(test_size):
    with pytest.raises(ValueError, match=r"^test_size: expected a share between 0 and 1"):
        datasets.split(np.zeros((20, 1)), np.zeros(20), test_size=test_size)
    with pytest.raises(ValueError, match=r"^test_size: "):
        datasets.split(np.zeros((20, 1)), np.zeros(20), test_size=0.999)


def test_split_refuses_a_seed_that_is_none():
    with pytest.raises(ValueError, match=r"^random_state: expected at least 0, got -1"):
        datasets.split(np.zeros((20, 1)), np.zeros(20), random_state=-1)


@pytest.mark.parametrize(
    ("words", "task", "message"),
    [([["a", "b"]], None, "task: classification needs words"), (["a"], "regression", "task: regression")],
)
def test_npz_refuses_words_that_are_no_classes(tmp_path, words, task, message):
    np.savez(tmp_path / "data.npz", x=np.zeros((1, 1)), y=np.array(words))
    with pytest.raises(ValueError, match=message):
        datasets.read_npz(tmp_path / "data.npz", task)
