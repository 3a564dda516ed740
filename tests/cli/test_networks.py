"""Networks of images and sequences from the command line."""

import numpy as np
import pytest
from command_line import grid_main, parse
from helpers import same_bits

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
            "--network cnn --channels 4 --channels 2,3 --kernel 5 --stride 2 --padding 2 --hidden 7",
            {
                "cnn-4-dense-7-relu": jfnn.cnn((1, 8, 8), (4,), 10, 5, 2, 2, hidden=(7,)),
                "cnn-2-3-dense-7-relu": jfnn.cnn((1, 8, 8), (2, 3), 10, 5, 2, 2, hidden=(7,)),
            },
        ),
        ("--network rnn --units 3,4", {f"gru-{n}": jfnn.rnn((8, 8), n, 10) for n in (3, 4)}),
        (
            "--network rnn --units 3 --cell elman --bidirectional --states all --shape 64,1"
            " --activation relu",
            {
                "elman-3-relu": jfnn.rnn(
                    (64, 1), 3, 10, "elman", bidirectional=True, states="all", activation="relu"
                )
            },
        ),
    ],
)
def test_flags_make_networks_of_the_library(words, expected):
    made = of(words)
    assert list(made) == list(expected)
    assert all(made[name] is network for name, network in expected.items())


def test_rows_of_an_archive_are_read_as_they_lie_or_as_the_shape_says(images):
    def shape(words):
        problem = data.load(parse("--data", str(images), *words.split()))
        assert problem.split.x_train.shape[1:] == problem.split.x_test.shape[1:] == problem.shape
        return problem.shape

    assert shape("") == (12,)
    assert shape("--network rnn") == (3, 4)
    assert shape("--network cnn --shape 1,3,4") == (1, 3, 4)
    assert shape("--network cnn --shape 3,4 --standardise") == (3, 4)


def test_rows_of_two_axes_could_be_images_or_channels(images, capsys):
    with pytest.raises(SystemExit):
        grid_main("--data", str(images), "--network", "cnn")
    assert "--shape 1,3,4" in capsys.readouterr().err


@pytest.mark.thorough
def test_a_grid_of_convolutional_networks_is_the_librarys_and_predicts_when_loaded(images, tmp_path, capsys):
    words = "--network cnn --shape 1,3,4 --channels 2 --kernel 2 --learning-rate 0.01,0.1 --l2 0 --epochs 2"
    out = tmp_path / "out"
    assert grid_main("--data", str(images), *words.split(), "--standardise", "--out", str(out)) == 0
    assert "networks 1×3×4-conv2-flatten-2 in " in capsys.readouterr().out
    raw = jfnn.datasets.split_table(jfnn.datasets.read_npz(images))
    split = jfnn.datasets.standardise(raw)
    shaped = split._replace(
        x_train=split.x_train.reshape(-1, 1, 3, 4), x_test=split.x_test.reshape(-1, 1, 3, 4)
    )
    net = jfnn.cnn((1, 3, 4), (2,), 2, kernel=2)
    expected = jfnn.sweep(net, shaped, learning_rate=[0.01, 0.1], l2=0, epochs=2, batch_size=8)
    saved = jfnn.load(out)
    assert same_bits(saved.params, expected.params) and same_bits(saved.scores, expected.scores)
    shown = saved.predict(shaped.x_test)
    np.testing.assert_array_equal(shown, expected.predict(shaped.x_test))
    np.testing.assert_array_equal(shown[1, 0, 0], jfnn.predict(net, expected.member(1, 0, 0), shaped.x_test))
