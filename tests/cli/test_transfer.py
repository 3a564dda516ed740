"""`jfnn transfer`: what it writes is the library's, what it prints, what it refuses."""

import sys

import numpy as np
import pytest
from helpers import make_result, same_bits

import jfnn
from jfnn.cli import transfer
from jfnn.cli.main import main as of_all_commands
from jfnn.cli.transfer import TransferFlags, main
from jfnn.widths.coordinates import CoordinateCheck

pytestmark = pytest.mark.unoptimised

SMALL = """--data digits --width 2 --learning-rate 0.5,1e30 --optimizer sgd --epochs 1 --seeds 2
    --check-steps 2 --parametrisations maximal_update,standard"""


def network(width):
    layers = jfnn.mlp((64, width, width, 10), "relu", init="he_normal").layers
    return jfnn.sequential([*layers[:2], jfnn.Scaled(layers[2], 0.0)], 64)


@pytest.fixture
def checks(monkeypatch):
    """The keywords and the results of coordinate checks."""
    made, check = [], jfnn.coordinate_check

    def checked(network, split, **keywords):
        made.append((keywords, check(network, split, **keywords)))
        return made[-1][1]

    monkeypatch.setattr("jfnn.coordinate_check", checked)
    return made


def test_a_run_is_the_librarys_and_goes_on(tmp_path, capsys, checks):
    out = tmp_path / "new" / "directory"
    assert main([*SMALL.split(), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert {*transfer.ADDED, "groups.json", "results.csv"} <= {path.name for path in out.iterdir()}
    split = jfnn.datasets.standardise(jfnn.datasets.digits())
    common = dict(width=[2], parametrisations=["maximal_update", "standard"], reduction="mean", seeds=2)
    expected = jfnn.transfer(
        network, split, learning_rate=[0.5, 1e30], epochs=1, gradient="backprop", **common
    )
    saved = jfnn.load_transfer(out)
    assert saved.parametrisations == ("maximal_update", "standard")
    assert same_bits(saved.scores(seeds=True), expected.scores(seeds=True))
    ((taken, _),) = checks
    assert taken == {**common, "learning_rate": 0.5, "steps": 2} | {
        "width": (2,),
        "parametrisations": ("maximal_update", "standard"),
        "base": None,
        "output_multiplier": 1.0,
        "optimizer": "sgd",
        "batch_size": 100,
    }
    lines = printed.splitlines()
    assert lines[1].split() == ["width", "2"]
    assert lines[2].split() == ["maximal", "update", "0.5"]
    assert "it moves on the grid by: maximal update 0 steps, standard 0 steps" in lines
    assert printed.endswith(f"to {out}\n")
    with pytest.raises(SystemExit):
        main([*SMALL.split(), "--out", str(out)])
    assert capsys.readouterr().err.startswith("jfnn transfer: error: --out: ")
    assert main([*SMALL.split(), "--out", str(out), "--resume"]) == 0
    assert capsys.readouterr().out.partition(" networks ")[0] == printed.partition(" networks ")[0]


def test_the_exponent_furthest_from_0_is_told_with_its_sign():
    width, names, exponents = np.array([2, 4]), ("standard", "maximal_update"), [[0.5, -0.1], [0.01, -0.23]]
    change = width[:, None] ** np.array(exponents)[:, None, :]
    check = CoordinateCheck(width, names, np.ones((2, 2, 1, 2)), change[:, :, None, None])
    groups = tuple(jfnn.Group(f"{name}-{each}", 100) for name in names for each in width)
    diverged = [[], [np.s_[:]], [], []]
    results = tuple(make_result((2, 1), diverged=places) for places in diverged)
    swept = jfnn.Transfer(width, names, jfnn.SweepGroups(groups, results))
    _, _, best, *_, columns, standard, maximal = transfer.report(
        TransferFlags(), transfer.TransferRun(swept, check, 0.1)
    ).splitlines()
    assert best.split()[-1] == "div" and columns.split()[-1] == "furthest"
    assert (standard.split()[-1], maximal.split()[-1]) == ("+0.50", "-0.23")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--network rnn", "--network: expected one of mlp, cnn"),
        ("--width 4,2", "--width: expected each one once"),
        ("--depth 0", "--depth: expected at least 1"),
        ("--depth 2147483647", "--depth: expected at most 1000"),
        ("--width 2147483647", "--network: it does not fit into memory"),
        ("--parametrisations mup", "--parametrisations: expected one of"),
        ("--activation relus", "--activation: expected one of"),
        ("--init normal", "--init: expected one of he_uniform"),
        ("--optimizer lamb", "--optimizer: expected one of sgd"),
        ("--batch-size 100000", "--batch-size: expected at most"),
        ("--output-multiplier 0 --out o", "--output-multiplier: expected numbers above 0"),
        ("--width 2,4 --out width --base 0", "--base: expected at least 1"),
        ("--score loss", "--score: expected one of train_loss"),
        ("--check-steps 0", "--check-steps: expected at least 1"),
        ("--check-rate nan", "--check-rate: expected"),
        ("--devices 1000", "--devices: expected at most"),
    ],
)
def test_invalid_words_end_in_one_line(words, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jfnn.search.sweep.train_run", lambda *_: pytest.fail("trained"))
    with pytest.raises(SystemExit) as stopped:
        main(["--data", "digits", "--width", "2,4", *words.split()])
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out) == (2, "")
    assert printed.err.count("\n") == 1 and printed.err.startswith(f"jfnn transfer: error: {message}")
    assert not list(tmp_path.iterdir())


def test_files_without_a_run_are_not_overwritten(capsys, tmp_path):
    (tmp_path / "transfer.png").touch()
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path)])
    assert "--out: " in (error := capsys.readouterr().err) and "holds transfer.png, and no run" in error


@pytest.mark.parametrize(
    ("words", "made", "shape"),
    [
        ({"depth": 1}, lambda: jfnn.mlp((64, 3, 10), "relu", init="he_normal"), (64,)),
        (
            {"network": "cnn", "activation": "tanh", "init": "lecun_normal"},
            lambda: jfnn.cnn((1, 8, 8), (3, 3), 10, padding="same", activation="tanh", init="lecun_normal"),
            (1, 8, 8),
        ),
    ],
)
def test_networks_are_the_librarys_with_last_layers_of_0_or_as_drawn(words, made, shape):
    flags = TransferFlags(data="digits", drawn_outputs=True, **words)
    assert transfer.data(flags).x_train.shape[1:] == shape
    assert transfer.maker(flags, shape)(3) is made()
    zero = transfer.maker(TransferFlags(data="digits", **words), shape)(3)
    assert zero.layers == (*made().layers[:-1], jfnn.Scaled(made().layers[-1], 0.0))


def test_mnist1d_has_sequences_of_one_channel_for_convolutions_and_needs_its_package(monkeypatch):
    rows = jfnn.Split(np.zeros((4, 40)), np.zeros(4, int), np.zeros((2, 40)), np.zeros(2, int))
    monkeypatch.setattr(jfnn.datasets, "mnist1d", lambda: rows)
    assert transfer.data(TransferFlags(network="cnn")).x_train.shape == (4, 1, 40)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(ValueError, match=r"^data: mnist1d: .*pip install"):
        transfer.data(TransferFlags())


def test_the_check_takes_the_best_rate_of_the_base(monkeypatch):
    swept = type("Swept", (), {"best_rates": lambda self, name: np.array([[0.1, 0.2], [np.nan, 1.0]])})()
    assert transfer.check_rate(TransferFlags(width=(2, 4)), swept) == 0.1
    assert transfer.check_rate(TransferFlags(width=(2, 4), base=4), swept) == 0.2
    assert transfer.check_rate(TransferFlags(width=(2, 4), check_rate=3.0), swept) == 3.0
    swept = type("Swept", (), {"best_rates": lambda self, name: np.array([[np.nan]])})()
    with pytest.raises(ValueError, match=r"^learning_rate: all diverged"):
        transfer.check_rate(TransferFlags(width=(2,)), swept)


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as stopped:
        of_all_commands(["transfer", "--help"])
    printed = capsys.readouterr().out
    assert stopped.value.code == 0 and "usage: jfnn transfer [options]" in printed
    assert "(default: 32,64,128,256,512,1024)" in printed and "2203.03466" in printed
