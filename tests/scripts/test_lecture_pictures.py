"""Images, weights and decision regions read back: their pixels, labels and frames are those of the data."""

import itertools

import numpy as np
from lecture_notes import pictures


def test_images_show_pixels_labels_and_wrong_predictions():
    x = np.arange(12 * 9).reshape(12, 9)
    labels = np.arange(12)
    predicted = labels.copy()
    predicted[3] = 7
    figure = pictures.images(x, labels, predicted)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == ["3 → 7" if i == 3 else str(i) for i in range(12)]
    for axes, pixels in zip(shown, x, strict=True):
        assert np.array_equal(axes.images[0].get_array(), [pixels[:3], pixels[3:6], pixels[6:]])
    frames = [axes.spines["top"].get_linewidth() for axes in shown]
    assert frames[3] > max(frames[:3] + frames[4:])
    assert all("→" not in axes.get_title() for axes in pictures.images(x, labels).axes)


def test_decision_regions_colour_each_place_by_its_class():
    def predict(x):
        return np.where(x[:, 0] > 0.3, 5, np.where(x[:, 1] > 0.7, 9, 2))

    points = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    axes = pictures.decision_regions(predict, points, predict(points), resolution=101).axes[0]
    image = axes.images[0]
    left, right, bottom, top = image.get_extent()
    for x, y in itertools.product(np.linspace(-0.2, 1.2, 9), repeat=2):
        row = round((y - bottom) / (top - bottom) * 100)
        column = round((x - left) / (right - left) * 100)
        label = [2, 5, 9][image.get_array()[row, column]]
        assert label == predict(np.array([[x, y]]))[0]
    assert image.origin == "lower"
    drawn = {tuple(p) for collection in axes.collections for p in collection.get_offsets()}
    assert drawn == {tuple(p) for p in points}


def test_weights_as_images_show_each_units_weights_on_one_symmetric_scale():
    w = np.random.default_rng(0).normal(size=(16, 7))
    shown = [
        axes
        for axes in pictures.weights_as_images(w).axes
        if axes.images and len(axes.images[0].get_array()) == 4
    ]
    assert len(shown) == 7
    for axes, column in zip(shown, w.T, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), column.reshape(4, 4))
        assert axes.images[0].get_clim() == (-np.abs(w).max(), np.abs(w).max())
