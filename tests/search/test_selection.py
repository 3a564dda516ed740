"""Laws of selection: what ranks cells, and which rows are used."""

import numpy as np
import pytest
from helpers import same_bits
from noisy_classes import CLASSES, EPOCHS, HELD, NET, RATES, SCORES, SPLIT, N, sweep
from sklearn.metrics import f1_score

import jfnn
from jfnn.core.experiment.validation import cuts
from jfnn.learners import output_metric

pytestmark = pytest.mark.unoptimized

# The same rows, with the held-out rows moved to the test rows.
LESS_TO_TRAIN_ON = jfnn.Split(
    SPLIT.x_train[: N - HELD],
    SPLIT.y_train[: N - HELD],
    np.concatenate([SPLIT.x_train[N - HELD :], SPLIT.x_test]),
    np.concatenate([SPLIT.y_train[N - HELD :], SPLIT.y_test]),
)
CHOICES = {
    "folds": {"folds": 5},
    "validation": {"validation": HELD, "seeds": 2},
    "halving": {"validation": HELD, "schedulers": [jfnn.Halving(2)]},
    "early stopping": {"validation": HELD, "schedulers": [jfnn.EarlyStopping(2)]},
    "halving over folds": {"folds": 5, "schedulers": [jfnn.Halving(3)]},
}


@pytest.mark.thorough
@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_selection_does_not_depend_on_the_test_rows(choice):
    other_test = SPLIT._replace(x_test=100 * SPLIT.x_test[::-1], y_test=(SPLIT.y_test + 1) % CLASSES)
    result, other = (sweep(split, {"eval_every": 2}, **choice) for split in (SPLIT, other_test))
    assert result.ranked_by == other.ranked_by == "validation_accuracy"
    assert result.best() == other.best()
    assert same_bits(result.params, other.params)
    for name in ("stopped_at", "pruned", "epochs", "diverged_at"):
        np.testing.assert_array_equal(getattr(result, name), getattr(other, name))
    for name in SCORES[:4]:
        np.testing.assert_array_equal(result.scores[name], other.scores[name])
    np.testing.assert_array_equal(result.evaluations, other.evaluations)
    for name in SCORES[:4]:
        np.testing.assert_array_equal(result.history[name], other.history[name])
    assert not np.array_equal(result.test_loss, other.test_loss, equal_nan=True)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("split", "choice", "part"),
    [
        (SPLIT, {"validation": HELD}, "validation"),
        (LESS_TO_TRAIN_ON, {}, "test"),
        (LESS_TO_TRAIN_ON._replace(x_test=None, y_test=None), {}, "train"),
    ],
)
@pytest.mark.parametrize("metric", [None, "loss"])
def test_held_out_rows_rank_before_test_rows_and_test_rows_before_training_rows(split, choice, part, metric):
    choice = {"validation": jfnn.Validation(choice.get("validation"), metric)}
    result = sweep(split, epochs=2, **choice)
    name = f"{part}_{metric or 'accuracy'}"
    assert result.best().ranked_by == result.ranked_by == name
    scores = result.scores[name][..., 0] * (-1 if metric else 1)
    first_of_equals = np.unravel_index(np.nanargmax(scores), scores.shape)
    assert result.best().index == first_of_equals
    assert result.best().score == result.scores[name][(*first_of_equals, 0)]


def held_out_rows():
    return cuts(jfnn.learners.Data(SPLIT.x_train, N), HELD, None)[0][1]


def macro_f1(targets, outputs):
    return f1_score(targets.argmax(1), outputs.argmax(1), average="macro")


@pytest.mark.thorough
@pytest.mark.parametrize("higher", [True, False])
def test_custom_metric_ranks_in_its_direction(higher):
    metric = output_metric("macro_f1", macro_f1, higher_is_better=higher)
    result = sweep(learning_rate=RATES[:4], validation=jfnn.Validation(HELD, metric))
    assert result.ranked_by == "validation_macro_f1"
    assert result.metrics == {"loss": False, "accuracy": True, "macro_f1": higher}
    x = SPLIT.x_train[held_out_rows()]
    y = SPLIT.y_train[held_out_rows()]
    for index in np.ndindex(result.diverged_at.shape):
        expected = f1_score(y, jfnn.predict(NET, result.member(*index), x), average="macro")
        np.testing.assert_allclose(result.validation_macro_f1[index], expected, rtol=1e-12)
    scores = result.validation_macro_f1[..., 0]
    assert result.best().score == (scores.max() if higher else scores.min())


def test_targets_that_are_not_classes_rank_by_loss():
    fit = jfnn.Split(SPLIT.x_train, SPLIT.x_train[:, :CLASSES] ** 2)
    options = {"learning_rate": [1e-3, 1e-2, 0.1], "l2": 0.0, "loss": "quadratic", "validation": HELD}
    result = sweep(fit, schedulers=[jfnn.Halving(3)], **options)
    assert list(result.metrics) == ["loss", "r2"]
    assert result.best().ranked_by == "validation_loss"
    assert (result.stopped_at == -1).sum() == 1
    at_rung = sweep(fit, epochs=EPOCHS // 3, **options)
    assert result.stopped_at[np.nanargmin(at_rung.validation_loss), 0, 0] == -1
    by_r2 = sweep(fit, **options | {"validation": jfnn.Validation(HELD, "r2")})
    assert by_r2.best().score == np.nanmax(by_r2.validation_r2)
    with pytest.raises(AttributeError, match="test_accuracy"):
        result.test_accuracy  # noqa: B018
