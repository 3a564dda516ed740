"""Networks for images and sequences from the command line."""

import pytest
from command_line import parse

import jfnn
from jfnn.cli import data, run

pytestmark = pytest.mark.unoptimized


def of(words):
    flags = parse(*words.split())
    return run.networks(data.load(flags), flags)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--network cnn", {"cnn-8-16-relu": jfnn.cnn((1, 8, 8), (8, 16), 10)}),
        (
            "--network cnn --channels 4 --channels 2,3 --hidden 7",
            {
                "cnn-4-dense-7-relu": jfnn.cnn((1, 8, 8), (4,), 10, hidden=(7,)),
                "cnn-2-3-dense-7-relu": jfnn.cnn((1, 8, 8), (2, 3), 10, hidden=(7,)),
            },
        ),
        ("--network rnn --units 3,4", {f"gru-{n}": jfnn.rnn((8, 8), n, 10) for n in (3, 4)}),
        (
            "--network rnn --units 3 --cell elman --activation relu",
            {"elman-3-relu": jfnn.rnn((8, 8), 3, 10, "elman", activation="relu")},
        ),
    ],
)
def test_flags_make_networks_of_the_library(words, expected):
    made = of(words)
    assert list(made) == list(expected)
    assert all(made[name] is network for name, network in expected.items())
