"""Playground pages and their animation, made by scripts/playground.py."""

from pathlib import Path

import numpy as np
import playground
import pytest
from PIL import Image, ImageSequence

import jfnn

pytestmark = pytest.mark.thorough

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(scope="module")
def small():
    """Sweep four cells on the spiral over three epochs; those with the larger rate diverge."""
    split = jfnn.Split(*playground.spiral(60, 0), *playground.spiral(30, 1))
    return jfnn.sweep(
        jfnn.mlp((2, 8, 3)),
        split,
        learning_rate=[0.3, 1e6],
        l2=[0.0, 1e3],
        epochs=5,
        batch_size=20,
        execution=jfnn.Execution(eval_every=[1, 2, 5], keep_params="evaluations"),
    )


def test_regions_have_the_color_of_the_predicted_class(small):
    colors = playground.regions(small)
    assert colors.shape == (2, 2, 3, playground.SIDE, playground.SIDE, 3)
    ends = np.linspace(-3.4, 3.4, playground.SIDE)
    for y, x in [(0, 0), (5, 40), (30, 12)]:
        label = small.predict(np.float32([[ends[x], ends[y]]]))[0, :, 0, :, 0]
        nearest = np.abs(colors[0, :, :, y, x, None] - playground.COLORS).sum(axis=-1).argmin(axis=-1)
        np.testing.assert_array_equal(nearest, label)
    assert (colors[1, 0, -1] == 0.75).all()  # it diverged


def frames_of(path):
    """Return all frames of an animation, as numbers ``[frames, height, width, 3]`` from 0 to 1."""
    with Image.open(path) as image:
        return np.stack([np.asarray(frame.convert("RGB")) / 255 for frame in ImageSequence.Iterator(image)])


@pytest.mark.optimized
def test_animation_in_the_pages_equals_the_scripts(tmp_path):
    """The tolerance covers changes of the networks on another processor."""
    playground.moving_picture(playground.spiral_grid()[0], tmp_path / playground.PICTURE)
    drawn, shown = map(frames_of, (tmp_path / playground.PICTURE, IMAGES / playground.PICTURE))
    assert drawn.shape == shown.shape
    assert np.abs(drawn - shown).mean(axis=(1, 2, 3)).max() < 0.02
