"""Invalid command lines end with status 2 and one line that begins with the flag, without training."""

import functools
import os
import re
import shlex

import pytest
from command_line import refused

from jfnn import datasets
from jfnn.arguments import checks, memory
from jfnn.cli import parser, words

pytestmark = pytest.mark.unoptimized

# Parser -> invalid words; '' is an empty word.
INTEGER = "'' 1.5 nan 1e3 1_0 ١ ² x"
INTEGERS = f"{INTEGER} 1,,2 a:b 1,x 0,1_0"
NUMBER = "'' , 0.1_0 ١ x 1:2:x 0:1:3 1e-5:10:1 1e-5:10:1_0 1e-5:10:-3 1e-5:10:99999999999 1:2:3:4 0,1_0"
AXIS = f"{NUMBER} uniform: uniform:1:inf uniform:1:1 1:1 nan:1 -1:1"
WRONG = {
    words.one_integer: INTEGER,
    words.one_number: "'' x 0.1_0 ١",
    words.integers: INTEGERS,
    words.widths: f"{INTEGERS} none,5",
    words.count_or_integers: INTEGERS,
    words.counts_or_full: f"{INTEGERS} full,x 50,",
    words.share_or_count: "'' x 0.1_0 1_0 ٣ ²",
    words.numbers: NUMBER,
    words.axis: AXIS,
    words.number_or_axis: AXIS,
    words.parse_assignment: "'' =1 momentum momentum= 1=2 momentum=0,x 'momentum=0 1' momentum=0.1_0"
    " momentum=١",
    words.path: "''",
}
FREE = {str, words.names}  # parsers of any text
NAMES = "'' X none,"  # for flags without choices


def wrong_words():
    for name, declared in parser.DECLARED.items():
        read = declared["argument"].get("type")
        if read not in (None, *FREE):
            for word in shlex.split(WRONG.get(read, NAMES)):
                yield parser.flag_name(name), word


def test_invalid_words_end_with_one_line_that_begins_with_the_flag(capsys):
    command_line = parser.make_parser("jfnn grid", "", "")
    pairs = list(wrong_words())
    wrong = []
    for name, word in pairs:
        with pytest.raises(SystemExit) as stopped:
            parser.parse(command_line, [f"{name}={word}"])
        said = capsys.readouterr().err
        if (
            stopped.value.code != 2
            or not said.startswith(f"jfnn grid: error: {name}: ")
            or said.count("\n") > 1
        ):
            wrong.append((name, word, said))
    assert len(pairs) > 50 and wrong == []


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Change into a directory with files, and check afterwards that nothing was added."""
    place = tmp_path_factory.mktemp("place")
    (place / "FILE").write_text("kept")
    table = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(40))
    (place / "okay.csv").write_text(table)
    (place / "numbers.csv").write_text("a,y\n1,0.5\n2,3\n")
    (place / "cut.csv").write_text(table + "1,")
    (place / "missing.csv").write_text("a,y\n1,\n")
    (place / "bytes.csv").write_bytes(b"a,\xff\n1,2\n")
    (place / "arrays.npz").write_bytes(b"PK\x03\x04")
    (place / "d.csv").mkdir()
    os.symlink("/dev/zero", place / "zero.csv")
    os.symlink("x", place / "link")
    os.symlink("loop", place / "loop")
    os.mkfifo(place / "pipe.csv")
    before = set(os.listdir(place))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(datasets, "digits", functools.cache(datasets.digits))
        patch.setattr(memory, "available_memory", lambda: 4e9)  # the "memory GB" lines request more
        yield place
    assert set(os.listdir(place)) == before


# Command line -> the flag that its error begins with, and facts that it states.
LINES = {
    "--learning-rate -1e-3,1": "--learning-rate: above 0 -0.001",
    "--learning-rate 1:2": "--learning-rate: START:STOP --cells START:STOP:COUNT",
    "--learning-rate 1e-60": "--learning-rate: 1e-60 float32",
    "--cells 3 --dropout uniform:0:2": "--dropout:",
    "--seeds 1,1": "--seeds: each one once",
    "--seeds 100000000": "--seeds: memory GB",
    "--cells 10000000000": "--cells: at most",
    "--cells 100000000": "--cells: memory GB",
    "--loss mse": "--loss: 'quadratic'",
    "--optimizer adamm": "--optimizer: 'adam'",
    "--activation rleu": "--activation: 'relu'",
    "--batch-size 10,1438": "--batch-size: 1437 1438 --batch-size 100",
    "--minibatch full --batch-size full,50": "--batch-size: --minibatch full",
    "--optimizer-arg foo=1": "--optimizer-arg: sgd momentum 'foo'",
    "--optimizer-arg self=1": "--optimizer-arg: 'self'",
    "--optimizer-arg nesterov=0.5": "--optimizer-arg: nesterov",
    "--optimizer-arg momentum=uniform:0:1": "--optimizer-arg momentum: --cells",
    "--optimizer-arg momentum=0.1 --optimizer-arg momentum=0.2": "--optimizer-arg: once",
    "--folds 200": "--folds: 200 class",
    "--folds 2 --validation 0.2": "--folds: either",
    "--refit": "--refit: validation folds",
    "--early-stopping 3": "--early-stopping: validation folds",
    "--hidden 100000,100000,100000": "--network: memory GB",
    "--channels 3": "--channels: --network cnn",
    "--units 3": "--units: --network rnn",
    "--network cnn --channels 8,8,8,8,8": "--network: convolution larger input",
    "--executor dask --scheduler tcp://127.0.0.1:1 --workers 2": "--workers: --scheduler",
    "--metric f1": "unrecognized arguments: --metric f1 '--rank-by'",
    "--executor processes --workers 0": "--workers: from 1",
    "--executor mpi --workers 2": "--workers: --executor",
    "--executor processes --scheduler tcp://127.0.0.1:1": "--scheduler: --executor dask",
    "--target y": "--target: --data",
    "--data nowhere.csv": "--data: nowhere.csv No such file",
    **{f"--data {name}": f"--data: .csv {name}" for name in ("data.txt", "arrays.npz")},
    **{f"--data {name}": "--data:" for name in ("d.csv", "zero.csv", "pipe.csv", "bytes.csv")},
    "--data cut.csv --target y": "--data: cut.csv row 41 3 fields",
    "--data missing.csv --target y": "--data: missing.csv row 1 line 2 'y'",
    "--data okay.csv": "--target: okay.csv (a, b, y) none",
    "--data okay.csv --target y --task regression --rank-by accuracy": "--rank-by: accuracy classes",
    "--data numbers.csv --target y --loss cross_entropy": "--loss: regression numbers 'cross_entropy'",
    "--loss poisson": "--loss: classification cross-entropy 'poisson'",
    "--data numbers.csv --target y --batch-size 2": "--batch-size: 1 training rows",
    **{f"--out {name}": "--out:" for name in ("FILE", "FILE/x", "/dev/null", "/proc/x", "link", "loop/x")},
    "--resume --out FILE": "--out:",
    "--epoch 3": "unrecognized arguments: --epoch '--epochs'",
    "--momentum 0.9": "unrecognized arguments: --momentum 0.9 --optimizer-arg momentum=VALUES",
    "--optimizer adamw --weight-decay=0.1": "unrecognized arguments: --optimizer-arg weight_decay=VALUES",
    "--optimizer adam --b1": "unrecognized arguments: --optimizer-arg b1=VALUES",
    "--lr 0.1": "unrecognized arguments: --lr '--learning-rate'",
    "--lr=0.1": "unrecognized arguments: --lr=0.1 '--learning-rate'",
    "--learning-rate 0.1 0.2": "unrecognized arguments: 0.2 commas",
    "--quiet=1": "--quiet: ignored explicit argument '1'",
    "positional": "unrecognized arguments: positional",
}


@pytest.mark.thorough
@pytest.mark.parametrize("line", LINES)
def test_error_line_names_the_flag_and_facts(place, capsys, line):
    flag, _, facts = LINES[line].partition(":")
    said = refused(capsys, *line.split(), *([] if "--out" in line else ["--out", "new"]))
    assert said.startswith(f"{flag}: ")
    assert all(fact in said.removeprefix(flag) for fact in facts.split())
    assert not re.search(r"jfnn\.|=True|=None|n_splits", said)  # a hint about Python would not help here


@pytest.mark.parametrize("name", parser.DECLARED)
def test_argument_error_names_the_flag_that_sets_it(name, capsys, monkeypatch, tmp_path):
    for argument in (name, *parser.DECLARED[name]["sets"]):
        error = checks.ArgumentError(argument, "it is wrong")
        monkeypatch.setattr("jfnn.cli.data.load", lambda flags, error=error: (_ for _ in ()).throw(error))
        said = refused(capsys, "--out", str(tmp_path / "new"))
        assert said == f"{parser.flag_name(name)}: it is wrong\n"
