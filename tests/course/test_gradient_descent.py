"""Claims and exercise answers of the page on gradient descent."""

import numpy as np
import pytest

import jfnn

pytestmark = pytest.mark.thorough


def linear_excess(page, rates, optimizer, steps):
    """Return costs above the least-squares cost after some steps on the page's polynomial, ``[η]``."""
    result = jfnn.sweep(
        jfnn.mlp((6, 1)),
        jfnn.Split(page["design"], page["centered"]),
        loss="quadratic",
        learning_rate=rates,
        optimizer=optimizer,
        batch_size=None,
        epochs=steps,
    )
    exact = np.linalg.lstsq(page["design"], page["centered"])[0]
    least = 0.5 * np.mean((page["design"] @ exact - page["centered"]) ** 2)
    return result.train_loss.ravel() - least


def test_plain_gradient_descent_is_stable_up_to_two_over_the_largest_curvature(page):
    plain = page["excess"][:, 0, -1]
    assert (plain[:3] < 0.02).all() and not plain[3] < 1
    below, above = linear_excess(page, page["limit"] * np.array([0.98, 1.02]), "sgd", 1000)
    assert below < 0.02 and not above < 1


def test_each_method_has_its_own_best_rate_and_adam_is_best_there(page):
    rates = dict(zip(page["methods"], page["result"].learning_rate[page["best"]], strict=True))
    assert rates["plain"] > 5 * rates["Adam"] and rates["plain"] > 10 * rates["RMSprop"]
    assert list(page["methods"])[page["winner"]] == "Adam"
    p = dict(zip([list(page["methods"])[i] for i in page["others"]], page["p"], strict=True))
    assert max(p["plain"], p["momentum"], p["Adagrad"]) < 0.01
    rmsprop = list(page["methods"]).index("RMSprop")
    assert page["compared"].difference[rmsprop, page["best"][rmsprop], 0] > 0


def test_small_minibatches_and_decaying_rates_are_better_here(page):
    plain, adam = np.nanmin(page["errors"], axis=-1)
    assert plain[0] < 0.8 * plain[1] and adam[0] < 0.95 * adam[1]
    least = np.nanmin(page["of_schedules"].mean[..., 0], axis=1)
    assert least[0] > 1.02 * least[1:].max()


def test_single_seed_chooses_badly_and_reports_too_small_an_error(page):
    losses, chosen, best = page["losses"], page["chosen"], page["best"]
    assert (chosen != best[:, None]).mean() > 0.3
    reported = losses.min(axis=1).mean(axis=1)
    delivered = np.array([of.mean(axis=1)[j].mean() for of, j in zip(losses, chosen, strict=True)])
    assert (reported < 0.95 * delivered).all() and np.isinf(delivered).any()
    assert 0.3 < page["wins"].max() / page["wins"].sum() < 0.9


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_exercise_1_momentum_converges_up_to_twice_one_plus_beta_over_the_curvature(page, momentum):
    limit = 2 * (1 + momentum) / page["curvatures"][-1]
    for factor in (0.999, 1.001):  # both roots of z² - (1 + β - ηκ) z + β
        roots = np.roots([1, -(1 + momentum - factor * limit * page["curvatures"][-1]), momentum])
        assert (abs(roots).max() < 1) == (factor < 1)
    optimizer = jfnn.Optimizer("sgd", momentum=momentum)
    below, above = linear_excess(page, limit * np.array([0.97, 1.03]), optimizer, 2000)
    assert below < 1e-3 and not above < 1


def test_exercise_2_steps_in_the_flattest_direction_scale_with_the_ratio_of_curvatures(page):
    values, vectors = np.linalg.eigh(page["design"].T @ page["design"] / len(page["design"]))
    exact = np.linalg.lstsq(page["design"], page["centered"])[0]
    factor = 1 - values[0] / values[-1]
    steps = -1 / np.log(factor)
    assert round(values[-1] / values[0]) - 1 <= steps <= round(values[-1] / values[0])
    w = np.zeros_like(exact)
    for _ in range(round(steps)):
        gradient = page["design"].T @ (page["design"] @ w - page["centered"]) / len(page["design"])
        w -= gradient / values[-1]
    left = (vectors[:, 0] @ (w - exact)) / (vectors[:, 0] @ -exact)
    assert abs(left[0] - np.exp(-1)) < 1e-3


@pytest.mark.parametrize(("name", "factor"), [("adam", 1.0), ("rmsprop", 1 / np.sqrt(0.1))])
def test_exercise_3_first_step_of_adam_and_rmsprop_has_the_same_length_for_all_weights(page, name, factor):
    zeros = (jfnn.Layer(np.zeros((6, 1), np.float32), np.zeros(1, np.float32)),)
    gradient = page["design"].T @ page["centered"] / len(page["design"])
    assert abs(gradient).max() > 5 * abs(gradient).min() > 0
    params = jfnn.train(
        jfnn.mlp((6, 1)),
        page["design"],
        page["centered"],
        loss="quadratic",
        learning_rate=0.01,
        optimizer=name,
        batch_size=None,
        epochs=1,
        initial_params=zeros,
    ).params
    np.testing.assert_allclose(params[0].w, 0.01 * factor * np.sign(gradient), rtol=1e-3)
