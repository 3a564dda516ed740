"""Invalid words: exit 2 and one line that begins with the flag; nothing is written."""

import contextlib
import functools
import io
import os
import shlex
import struct
import warnings
import zipfile

import numpy as np
import pytest
from command_line import grid_main, untrained

from jfnn import datasets

# What precedes a flag -> the flag -> values that it does not take; '' is an empty word.
BAD = {
    "": {
        "--seeds": "4294967296 4294967296, 0,4294967296 18446744073709551616, -1, -5 1e3 , '' 1,,2 ² 9e9 a:b"
        " 1_0 ١ 0,1_0",
        "--split-seed": "4294967296 99999999999999999999 -1 1.5 ''",
        "--sample": "0 1.5 -3 '' nan 99999999999999999999999",
        "--epochs": "1_0 ١ '' nan -1 1e3 2147483648 99999999999999999999999",
        "--batch-size": "50_0 '' 0 -1 full,full,0 1.5 50, 99999999999999999999999",
        "--hidden": "100_50 '' -5 0 1e3 none,5 99999999999999999999",
        "--activation": "'' relu, Sigmoid",
        "--output": "'' none",
        "--init": "'' NORMAL",
        "--loss": "'' 0",
        "--optimizer": "'' _ __doc__ __class__ chain GradientTransformation",
        "--optimizer-arg": "momentum=0.1_0 momentum=١"
        " =1 momentum= learning_rate=1 self=1 1=2 momentum=0,x 'momentum=0 1' nesterov=3"
        " nesterov=0.5 nesterov=0,1 momentum=true",
        "--schedule": "'' cosine_decay_schedule",
        "--learning-rate": "'' , 0.1_0 ١ 1e-5:1_0:3 1e-5:10:1_0"
        " 1e999 1e39 1e-5:10:99999999999 1e-5:10:-3 1:2:3:4 uniform: 0 1:2:x -inf",
        "--l2": "-1 nan inf 1e39 '' 1e-5:10:1 0:1:3",
        "--dropout": "-1 1 nan '' 0.5,1 inf",
        "--init-scale": "0 -1 inf 1e39 ''",
        "--validation": "0 1.0 -1 99999999999999999999 nan '' 1437 inf",
        "--folds": "0 1 -1 1.5 99999999999999999999 ''",
        "--rank-by": "'' test_accuracy Loss",
        "--reduction": "'' SUM",
        "--minibatch": "'' Subset",
        "--gradient": "'' jax",
        "--dtype": "'' float16 bfloat16 f4",
        "--tile": "-1 0 1.5 99999999999999999999 1000000000000",
        "--devices": "0 -1 1.5 '' 100000",
        "--eval-every": "0 -1 1.5 '' 2147483648",
        "--halving": "0 -3 '' 3:1:1:1 nan 3: :3 1",
        "--network": "'' MLP lstm",
        "--test-size": "'' 0.1_0 1_0 ٣ inf nan 0 -3 1797 1.0 ² 2.5",
        "--out": "'' FILE FILE/below /dev/null /proc/x /sys/x link loop loop/x",
        "--data": "'' . .csv okay.CSVX no.csv d.csv d.npz pipe.csv pipe.npz zero.csv null.npz broken.npz",
    },
    "--sample 3": {
        "--sample-seed": "-1 1.5 '' x",
        "--learning-rate": "uniform:0:1_0 1_0:20 uniform:1:inf uniform:-1:1 1:1 nan:1 1e-300:1e300 1:2:3:4",
    },
    "--schedule cosine": {"--schedule-epochs": "0 -1 1.5 ''"},
    "--validation 0.2": {
        "--early-stopping": "1_0 1:0.1_0 ١ '' -1 0 1:nan 1:-1 x 1:1:1 1.5",
        "--population": "0 -1 5:nan 5:0 5:-1 x 5:0.9 ''",
    },
    "--network cnn": {
        "--channels": "'' 0 -1 x 99999999999",
        "--kernel": "0 99 3,3,3 99999999999 ''",
        "--stride": "0 x 1,1,1 100 99999999999",
        "--padding": "-1 1,2,3 99999 99999999999",
        "--pool": "0 100 -1 x 99999999999",
        "--shape": "1,8 64 1,2,4,8 0,64 -8,-8 99999999999,1 ''",
    },
    "--network rnn": {
        "--units": "0 '' 99999999999",
        "--cell": "'' lstm",
        "--states": "'' first",
        "--shape": "64",
    },
    "--data okay.csv --target y": {
        "--test-size": "0 40 -3 0.999999",
        "--folds": "30",
        "--weights": "y z ''",
        "--task": "'' regress",
        "--target": "'' z",
    },
    "--data good.npz": {"--target": "y", "--weights": "w", "--task": "foo", "--test-size": "60"},
}
# Flags that say nothing where others are, or that contradict others.
OTHERS = {
    "--channels 3": "--channels",
    "--bidirectional": "--bidirectional",
    "--shape 64": "--shape",
    "--network cnn --units 3": "--units",
    "--network rnn --kernel 3": "--kernel",
    "--dropout 0.5 --hidden none": "--dropout",
    "--loss quadratic --output foo": "--output",
    "--loss cross_entropy --output sigmoid": "--loss",
    "--optimizer-arg momentum=0.1 --optimizer-arg momentum=0.2": "--optimizer-arg",
    "--optimizer-arg momentum=99999999999999999999999999999999999999999999": "--optimizer-arg momentum",
    "--minibatch full --batch-size 5": "--batch-size",
    "--data okay.csv --target y --task regression --rank-by accuracy": "--rank-by",
    "--data good.npz --task regression --loss cross_entropy": "--loss",
    "--data okay.csv": "--target",
    "--resume --out FILE": "--out",
    "--target y": "--target",
    "--task regression": "--task",
    "--weights w": "--weights",
    "--sample-seed 0": "--sample-seed",
    "--units 3": "--units",
    "--network rnn --channels 3": "--channels",
    "--sample 3 --dropout uniform:0:2": "--dropout",
    "--validation 2.5": "--validation",
    "--rank-by r2": "--rank-by",
    "--seeds 1,1": "--seeds",
    "--population 5:0.9": "--population",
    "--executor nonsense": "--executor",
    "--executor processes --workers 0": "--workers",
    "--workers 2": "--workers",
    "--executor mpi --workers 2": "--workers",
    "--executor processes --scheduler tcp://127.0.0.1:1": "--scheduler",
}
UNKNOWN = [
    "--foo",
    "--foo=1",
    "positional",
    "-x",
    "-- --epochs 3",
    "--epoch 3",
    "--epochs",
    "--quiet=1",
    "--refit=yes",
]
LINES = [
    (f"{before} {flag}={word or repr('')}", flag)
    for before, flags in BAD.items()
    for flag, words in flags.items()
    for word in map(shlex.quote, shlex.split(words))
]
LINES += OTHERS.items()

OKAY = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(40))
CSV = {
    "empty": b"",
    "nul": b"a,y\0\n1,0\n",
    "bytes": bytes(range(256)) * 10,
    "utf-16": OKAY.encode("utf-16"),
    "header": b"a,b,y\n",
    "quote": OKAY.encode() + b'1,"2',
    "cut": OKAY.encode() + b"1,",
    "cut in a letter": OKAY.encode() + b"\xc3",
    "large field": b"a,b,y\n1," + b"9" * 200_000 + b",1\n",
    "lines": b"\n\n\n",
    "commas": b",,,\n,,,\n",
    "zeros": OKAY.encode() + b"\0\0\0\n",
    **{word: OKAY.encode() + word.encode() + b",1,1\n" for word in ("inf", "nan", "0x10", "1_0", "1e999")},
    "semicolons": OKAY.replace(",", ";").encode(),
    "twice": b"a,a,y\n1,2,0\n",
    "wide row": OKAY.encode() + b"1,2,3,4\n",
    "one class": b"a,b,y\n" + b"1,2,u\n" * 40,
    "surrogate": b"a,b,y\n1,2,\xed\xa0\x80\n",
}
X, Y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
NPZ = {
    "nan": {"x": np.where(X > 2, np.nan, X), "y": Y},
    "only x": {"x": X},
    "lengths": {"x": X, "y": Y[1:]},
    "half": {"x_train": X, "y_train": Y},
    "text": {"x": X.astype(str), "y": Y},
    "complex": {"x": X + 1j, "y": Y},
    "scalar": {"x": np.array(1.0), "y": Y},
    "cube": {"x": X, "y": np.zeros((60, 2, 2))},
    "no target": {"x": X, "y": np.zeros((60, 0))},
    "one class": {"x": X, "y": np.zeros(60, int)},
    "empty words": {"x": X, "y": np.array(["", "a"] * 30)},
    "dates": {"x": X, "y": np.zeros(60, "M8[s]")},
    "objects": {"x": X, "y": np.array([None] * 60, object)},
    "no rows": {"x_train": X, "y_train": Y, "x_test": X[:0], "y_test": Y[:0]},
    "columns": {"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y},
}


def ended(words):
    """What is wrong with how words are refused, behind the flag that is to begin the line, or None."""
    said, printed = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
            status = grid_main(*words, watch=untrained)
    except SystemExit as stopped:
        status = stopped.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    line = said.getvalue()
    begins = line.startswith("grid.py: error: ") and line.count("\n") == 1 and not printed.getvalue()
    return line.removeprefix("grid.py: error: ") if status == 2 and begins else f"{status}: {line}"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory to be in, with files; afterwards nothing else is there."""
    monkeypatch.chdir(tmp_path)
    # Most lines are refused behind this, which takes longest.
    monkeypatch.setattr(datasets, "digits", functools.cache(datasets.digits))
    (tmp_path / "FILE").write_text("kept")
    (tmp_path / "okay.csv").write_text(OKAY)
    np.savez(tmp_path / "good.npz", x=X, y=Y)
    for name in ("d.csv", "d.npz"):
        (tmp_path / name).mkdir()
    for name, target in {
        "zero.csv": "/dev/zero",
        "null.npz": "/dev/null",
        "broken.npz": "x",
        "link": "x",
    }.items():
        os.symlink(target, tmp_path / name)
    os.symlink("loop", tmp_path / "loop")
    for name in ("pipe.csv", "pipe.npz"):
        os.mkfifo(tmp_path / name)
    before = set(os.listdir())
    yield tmp_path
    assert set(os.listdir()) == before


def test_bad_words_are_refused_in_one_line_that_begins_with_the_flag(place, record_property):
    wrong = {}
    for line, flag in LINES:
        words = shlex.split(line)
        out = [] if "--out" in line else ["--out", "new"]
        if not (said := ended([*words, *out])).startswith(f"{flag}: "):
            wrong[line] = said
    assert wrong == {}
    for line in UNKNOWN:
        words = shlex.split(line)
        name = words[-2 if "--" in words else 0].partition("=")[0]
        assert name in ended(["--out", "new", *words]), line
    record_property("command lines", len(LINES) + len(UNKNOWN))


def hostile_archives():
    """Names and bytes of archives that are none, are cut or say what is not so."""
    file = io.BytesIO()
    np.savez(file, x=X, y=Y)
    sound = file.getvalue()
    yield from ((f"cut at {n}", sound[:n]) for n in (0, 4, 30, 200, len(sound) // 2, len(sound) - 10))
    directory = sound.index(b"PK\x01\x02")
    for name, offset, value in (
        ("encrypted", 8, b"\1"),
        *((f"method {n}", 10, bytes([n])) for n in (1, 9, 19, 93, 99)),
        ("version", 6, b"\xd2"),
        ("size", 24, b"\xf0\xff\xff\xff"),
        ("checksum", 16, b"\0\0\0\0"),
    ):
        place = directory + offset
        yield name, sound[:place] + value + sound[place + len(value) :]
    for shape in (
        "(1000000000000, 4)",
        "(60, 100000000000)",
        "(4000000000, 4)",
        "(-60, -4)",
        "(61, 4)",
        "(60.0, 4)",
    ):
        text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("x.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + X.tobytes())
            archive.writestr("y.npy", b"")
        yield shape, file.getvalue()
    yield "text", OKAY.encode()
    yield "pickle", b"\x80\x04N."


def test_bad_files_are_refused_in_one_line(place, record_property):
    archives = dict(hostile_archives())
    for name, arrays in NPZ.items():
        with io.BytesIO() as file, warnings.catch_warnings():
            np.savez(file, **arrays)
            archives[name] = file.getvalue()
    wrong = {}
    for suffix, contents in ((".csv", CSV), (".npz", archives)):
        for name, content in contents.items():
            path = place / ("own" + suffix)
            path.write_bytes(content)
            words = ["--data", path.name, "--out", "new", *(["--target", "y"] if suffix == ".csv" else [])]
            flags = ("--data: own", "--target: ") if suffix == ".csv" else ("--data: ",)
            if not (said := ended(words)).startswith(flags) or len(said) > 500:
                wrong[name] = said
            path.unlink()
    assert wrong == {}
    record_property("files", len(CSV) + len(archives))


def test_so_many_lines_were_tried():
    count = len(LINES) + len(UNKNOWN) + len(CSV) + len(NPZ) + len(dict(hostile_archives()))
    print(f"{count} command lines")
    assert count >= 300
