"""Networks of images and sequences from the command line."""

import numpy as np
import pytest
from command_line import parse

import jfnn
from jfnn.cli import data, networks

pytestmark = pytest.mark.unoptimised


def of(words):
    flags = parse(*words.split())
    return networks.networks(data.load(flags), flags)


@pytest.fixture
def images(tmp_path):
    """Rows of 3 by 4 numbers in an archive."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "images.npz", x=rng.normal(size=(40, 3, 4)), y=np.arange(40) % 2)
    return tmp_path / "images.npz"


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


def test_rows_of_an_archive_are_read_as_they_lie(images):
    def shape(words):
        problem = data.load(parse("--data", str(images), *words.split()))
        assert problem.split.x_train.shape[1:] == problem.split.x_test.shape[1:] == problem.shape
        return problem.shape

    assert shape("") == (12,)
    assert shape("--network rnn") == (3, 4)
    assert shape("--network cnn --standardise") == (1, 3, 4)
