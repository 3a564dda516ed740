"""Confusion matrices: counted by hand and by scikit-learn, of networks, seeds and words."""

import numpy as np
import pytest
from helpers import noise_split
from sklearn.metrics import confusion_matrix

import jfnn
from jfnn.analysis import confusion

LABELS = [0, 1, 2, 2]
PREDICTED = np.array([[0, 1, 2, 1], [0, 0, 2, 2], [0, 1, 2, 2]])


def test_counts_of_seeds_their_mean_and_spread_are_those_by_hand():
    """A network that gave no label for a row does not count."""
    found = confusion([*PREDICTED, [0, -1, 2, 2]], LABELS)
    assert found.classes.tolist() == [0, 1, 2]
    assert found.matrix[:3].tolist() == [
        [[1, 0, 0], [0, 1, 0], [0, 1, 1]],
        [[1, 0, 0], [1, 0, 0], [0, 0, 2]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 2]],
    ]
    assert np.isnan(found.matrix[3]).all() and found.n == 3
    thirds = np.array([[3, 0, 0], [1, 2, 0], [0, 1, 5]]) / 3
    np.testing.assert_allclose(found.mean, thirds, atol=1e-15)
    np.testing.assert_allclose(found.std, np.array([[0, 0, 0], [1, 1, 0], [0, 1, 1]]) / 3**0.5, atol=1e-15)


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@pytest.mark.parametrize("words", [False, True])
def test_matrices_of_any_axes_are_scikit_learns(normalize, words):
    """Also of classes that are given, of which one is never there, and one is never predicted."""
    rng = np.random.default_rng(0)
    names = np.array(["cat", "a dog", "zebra", "bee", "none"]) if words else np.arange(5)
    predicted = names[rng.integers(0, 3, (2, 3, 4, 50))]
    predicted[0, 1, 2, 7] = "" if words else -1
    predicted[1, 2] = predicted[0, 1, 2, 7]
    labels = names[rng.integers(0, 4, 50)]
    found = confusion(predicted, labels, names[::-1], normalize)
    assert found.classes.tolist() == names[::-1].tolist()
    assert (found.n == [[4, 3, 4], [4, 4, 0]]).all()
    for index in np.ndindex(2, 3):
        known = [one for one in predicted[index] if (one != predicted[0, 1, 2, 7]).all()]
        expected = [confusion_matrix(labels, one, labels=names[::-1], normalize=normalize) for one in known]
        got = found.matrix[index]
        np.testing.assert_array_equal(got[~np.isnan(got[:, 0, 0])], np.reshape(expected, (-1, 5, 5)))
        if expected:
            np.testing.assert_allclose(found.mean[index], np.mean(expected, axis=0))
            np.testing.assert_allclose(found.std[index], np.std(expected, axis=0, ddof=1))
    assert np.isnan(found.mean[1, 2]).all() and np.isnan(found.std[1, 2]).all()


def test_one_network_has_its_matrix_without_a_spread():
    found = confusion(PREDICTED[0], LABELS)
    assert found.mean.tolist() == found.matrix.tolist() == confusion_matrix(LABELS, PREDICTED[0]).tolist()
    assert np.isnan(found.std).all() and found.n == 1
    assert np.isnan(confusion([-1] * 4, LABELS, [0, 1, 2]).mean).all()


@pytest.mark.thorough
def test_matrices_of_a_sweep_have_its_accuracy_on_their_diagonals():
    split = noise_split()
    result = jfnn.sweep(
        jfnn.mlp((5, 6, 3)), split, learning_rate=[0.1, 1e38], seeds=3, epochs=2, batch_size=16
    )
    found = confusion(result.predict(split.x_test), split.y_test, range(3))
    right = np.trace(found.matrix, axis1=-2, axis2=-1) / len(split.y_test)
    np.testing.assert_allclose(right, result.test_accuracy, rtol=1e-6)
    assert found.n.tolist() == [[3], [0]]


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"predicted": PREDICTED[:, :3]}, "predicted"),
        ({"predicted": PREDICTED + 0.5}, "predicted"),
        ({"predicted": [["a", "b", "c", "c"]]}, "predicted"),
        ({"labels": np.eye(4, dtype=int)}, "labels"),
        ({"labels": []}, "labels"),
        ({"labels": [-1, 0, 1, 1]}, "labels"),
        ({"labels": [0.0, 1.0, 2.0, 2.0]}, "labels"),
        ({"classes": [0, 1]}, "classes"),
        ({"classes": [0, 1, 2, 2]}, "classes"),
        ({"classes": ["0", "1", "2"]}, "classes"),
        ({"normalize": "rows"}, "normalize"),
    ],
)
def test_labels_that_do_not_fit_are_refused(changed, argument):
    with pytest.raises(ValueError, match=f"^{argument}: "):
        confusion(**{"predicted": PREDICTED, "labels": LABELS} | changed)
