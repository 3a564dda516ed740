"""Costs and their deltas compared with SciPy, brute force, jax.grad and the notes' algebra."""

import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, float64_first
from scipy.special import expit, kl_div, log_expit, log_softmax, logsumexp, softmax
from scipy.special import huber as scipy_huber
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

import jfnn
from jfnn import losses
from jfnn.identity.naming import describe_loss, loss_from
from jfnn.losses import LOSSES

CLASSES = 4  # outputs
# With other parameters than the registered losses, and several outputs per target.
PARAMETRIZED = {"huber(0.3)": losses.huber(0.3), "pinball(0.1, 0.8)": losses.pinball(0.1, 0.8)}
ALL = LOSSES | PARAMETRIZED
# The largest output for losses with exponentials whose squares fit float32; others accept any.
LARGEST = {"gaussian": 30.0, "poisson": 60.0}
SOFTMAXES = [name for name, loss in LOSSES.items() if loss.min_outputs > 1]


def pinball_cost(quantiles, a, t):
    """Use scikit-learn, whose mean over samples is here the mean over the targets of a row."""
    parts = zip(np.split(a, len(quantiles), -1), quantiles, strict=True)
    means = [mean_pinball_loss(t.T, part.T, alpha=q, multioutput="raw_values") for part, q in parts]
    return t.shape[1] * np.sum(means, axis=0)


def pinball_delta(quantiles, a, t):
    parts = zip(np.split(a, len(quantiles), -1), quantiles, strict=True)
    return np.concatenate([(part >= t) - q for part, q in parts], -1)


def gaussian_cost(a, t):
    m, s = np.split(a, 2, -1)
    return -norm.logpdf(t, m, np.exp(s / 2)).sum(-1)


def gaussian_delta(a, t):
    m, s = np.split(a, 2, -1)
    return np.concatenate([(m - t) / np.exp(s), 0.5 - 0.5 * (t - m) ** 2 / np.exp(s)], -1)


# Name -> (cost, delta) in NumPy float64, valid for any outputs; costs by SciPy and scikit-learn.
REGRESSION = {
    "absolute": (lambda a, t: np.abs(a - t).sum(-1), lambda a, t: np.sign(a - t)),
    "huber": (lambda a, t: scipy_huber(1, a - t).sum(-1), lambda a, t: np.clip(a - t, -1, 1)),
    "huber(0.3)": (lambda a, t: scipy_huber(0.3, a - t).sum(-1), lambda a, t: np.clip(a - t, -0.3, 0.3)),
    "pinball": (functools.partial(pinball_cost, [0.5]), functools.partial(pinball_delta, [0.5])),
    "pinball(0.1, 0.8)": (
        functools.partial(pinball_cost, [0.1, 0.8]),
        functools.partial(pinball_delta, [0.1, 0.8]),
    ),
    "gaussian": (gaussian_cost, gaussian_delta),
    "poisson": (lambda z, t: kl_div(t, np.exp(z)).sum(-1), lambda z, t: np.exp(z) - t),
}


def without(z, c):
    struck = z.copy()
    struck[:, c] = -np.inf
    return struck


def printed_cost(z, t):
    """Brute force: log(1 - P_c) is the log-sum over all classes but c, minus the log-sum over all."""
    z = z - z.max(-1, keepdims=True)
    total = logsumexp(z, -1)
    rest = np.stack([logsumexp(without(z, c), -1) for c in range(z.shape[1])], -1)
    return -(t * (z - total[:, None]) + (1 - t) * (rest - total[:, None])).sum(-1)


def printed_delta(z, t):
    """Brute force: the gradient of each term of `printed_cost`, class by class."""
    p = softmax(z, -1)
    delta = np.zeros_like(z)
    for c in range(z.shape[1]):
        delta -= t[:, [c]] * (np.eye(z.shape[1])[c] - p)
        delta -= (1 - t[:, [c]]) * (softmax(without(z, c), -1) - p)
    return delta


# Name -> (cost, delta) in NumPy float64, valid for any outputs.
FORMULAS = {
    "quadratic": (lambda a, t: 0.5 * ((a - t) ** 2).sum(-1), lambda a, t: a - t),
    "cross_entropy": (
        lambda z, t: -(t * log_softmax(z, -1)).sum(-1),
        lambda z, t: softmax(z, -1) - t,
    ),
    "sigmoid_cross_entropy": (
        lambda z, t: -(t * log_expit(z) + (1 - t) * log_expit(-z)).sum(-1),
        lambda z, t: expit(z) - t,
    ),
    "softmax_binary_cross_entropy": (printed_cost, printed_delta),
    **REGRESSION,
}


def make_targets(name, rng, n):
    if ALL[name].target_sum is not None:
        return np.concatenate([rng.dirichlet(np.ones(CLASSES), n - n // 2), np.eye(CLASSES)[: n // 2]])
    targets = CLASSES // ALL[name].outputs_per_target
    return np.concatenate([rng.uniform(size=(n - n // 2, targets)), np.eye(CLASSES)[: n // 2, :targets]])


def moderate(name, seed=0, n=8):
    """Return outputs of order 1 and targets, half of them soft and half one-hot."""
    rng = np.random.default_rng(seed)
    return 2 * rng.normal(size=(n, CLASSES)), make_targets(name, rng, n)


def saturated(name):
    """Return every arrangement of outputs among -1e4, 0 and 1e4 (with ties) for each one-hot target."""
    large = LARGEST.get(name, 1e4)
    grid = np.stack(np.meshgrid(*[[-large, 0.0, large]] * CLASSES), -1).reshape(-1, CLASSES)
    targets = np.eye(CLASSES)[:, : CLASSES // ALL[name].outputs_per_target]
    return np.repeat(grid, CLASSES, 0), np.tile(targets, (len(grid), 1))


@functools.partial(compiled, static_argnames=("name", "axis"))
def evaluate(name, a, t, axis=-1):
    """Return the cost, its delta, and the gradient of its sum by JAX."""
    loss = ALL[name]
    gradient = jax.grad(lambda a: loss.cost(a, t, axis=axis).sum())(a)
    return loss.cost(a, t, axis=axis), loss.derivative(a, t, axis=axis), gradient


def test_every_loss_has_formulas():
    assert set(FORMULAS) == set(ALL)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ALL)
@float64_first
def test_cost_and_delta_equal_the_formulas_and_jax_grad(name, dtype):
    a, t = moderate(name)
    tolerance = {"float32": 2e-6, "float64": 1e-13}[dtype.name]
    cost, delta, gradient = evaluate(name, a.astype(dtype), t.astype(dtype))
    assert cost.dtype == delta.dtype == dtype
    np.testing.assert_allclose(cost, FORMULAS[name][0](a, t), rtol=tolerance)
    np.testing.assert_allclose(delta, gradient, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(delta, FORMULAS[name][1](a, t), rtol=tolerance, atol=tolerance)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ALL)
def test_cost_and_delta_are_right_at_saturated_outputs_in_float32(name):
    a, t = saturated(name)
    cost, delta = (function(a, t) for function in FORMULAS[name])
    results = evaluate(name, a.astype(np.float32), t.astype(np.float32))
    for result, expected in zip(results, (cost, delta, delta), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_printed_cost_keeps_its_digits_near_certainty(classes, x64):
    """As P_c nears 1, ``log(1 - P_c)`` and ``1/(1 - P_c)`` must not be computed from a rounded difference."""
    z = np.zeros((40, classes))
    z[:, 0] = np.linspace(0, 60, 40)
    t = np.full_like(z, 1 / classes)
    cost, delta, _ = evaluate("softmax_binary_cross_entropy", z, t)
    np.testing.assert_allclose(cost, printed_cost(z, t), rtol=1e-13)
    np.testing.assert_allclose(delta, printed_delta(z, t), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_is_invariant_to_a_constant_added_to_the_logits(name, x64):
    z, t = moderate(name)
    shift = np.linspace(-1e3, 1e3, len(z))[:, None]
    for result, expected in zip(evaluate(name, z + shift, t), evaluate(name, z, t), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(LOSSES[name].probabilities(z, -1).sum(-1), 1, rtol=1e-14)
    np.testing.assert_allclose(evaluate(name, z, t)[1].sum(-1), 0, atol=1e-13)


@pytest.mark.thorough
def test_derivatives_of_the_cross_entropy_beyond_its_delta(x64):
    """By targets: distance to the largest logit; by logits: 2 (diag P - P Pᵀ); by both: -1 per class."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=CLASSES)
    t = rng.dirichlet(np.ones(CLASSES))
    t[0] = 0.0
    cost = losses.cross_entropy
    largest = z.max()
    np.testing.assert_allclose(jax.grad(cost, 1)(z, t), largest - z, rtol=1e-12)
    p = softmax(z)
    np.testing.assert_allclose(jax.hessian(cost)(z, t), np.diag(p) - np.outer(p, p), atol=1e-12)
    np.testing.assert_allclose(jax.jacfwd(jax.grad(cost), 1)(z, t), -np.eye(CLASSES), atol=1e-12)


def test_class_with_zero_target_and_zero_probability_costs_nothing(dtype):
    z = jnp.asarray([0.0, -jnp.inf, 1.0], dtype)
    t = jnp.asarray([1.0, 0.0, 0.0], dtype)
    np.testing.assert_allclose(losses.cross_entropy(z, t), np.log1p(np.e), rtol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ALL)
def test_axis_zero_equals_the_transpose(name, x64):
    a, t = moderate(name)
    loss = ALL[name]
    transposed = evaluate(name, a.T, t.T, axis=0)
    rows = evaluate(name, a, t)
    for result, expected in zip(transposed, rows, strict=True):
        np.testing.assert_allclose(result, expected.T, rtol=1e-14, atol=1e-15)
    if loss.probabilities:
        np.testing.assert_allclose(loss.probabilities(a.T, axis=0), loss.probabilities(a, axis=-1).T)
    for read in (loss.predictions, loss.point_predictions):
        np.testing.assert_allclose(read(a.T, axis=0), read(a).T)
    assert loss.predictions(a).shape == a.shape and loss.point_predictions(a).shape == t.shape


@pytest.mark.thorough
def test_outputs_represent_rates_means_deviations_and_quantiles(x64):
    z = np.array([[0.0, 1.0, 2.0, -4.0]])
    np.testing.assert_allclose(LOSSES["poisson"].predictions(z), np.exp(z))
    np.testing.assert_allclose(LOSSES["gaussian"].predictions(z), [[0, 1, np.e, np.exp(-2)]])
    np.testing.assert_array_equal(LOSSES["gaussian"].point_predictions(z), [[0, 1]])
    np.testing.assert_array_equal(losses.pinball(0.1, 0.8).point_predictions(z), [[2, -4]])
    np.testing.assert_array_equal(losses.pinball(0.8, 0.4).predictions(z), z)


@pytest.mark.parametrize("loss", [*ALL.values(), losses.huber(1), losses.pinball(0.5)])
def test_losses_compare_by_parameters_and_are_restored_from_a_description(loss):
    again = loss_from(describe_loss(loss))
    copied = pickle.loads(pickle.dumps(loss)) if loss.regression else loss
    assert again == copied == loss and hash(again) == hash(copied) == hash(loss)
    others = [other for other in ALL.values() if other != loss]
    assert len(others) == len(ALL) - 1
    assert describe_loss(loss) not in list(map(describe_loss, others))
    assert describe_loss(loss._replace(central=-1)) == "custom"


@pytest.mark.thorough
def test_means_equal_pytorchs_times_the_factors_of_the_recipe(x64):
    """For a layer with three outputs, in the order of the table in docs/recipes/training.md."""
    torch = pytest.importorskip("torch")
    k, pairs = (
        3,
        {
            "CrossEntropyLoss": ("cross_entropy", 1),
            "BCEWithLogitsLoss": ("sigmoid_cross_entropy", 1 / 3),
            "MSELoss": ("quadratic", 2 / 3),
            "L1Loss": ("absolute", 1 / 3),
            "HuberLoss": (losses.huber(0.3), 1 / 3),
            "PoissonNLLLoss": ("poisson", 1 / 3),
        },
    )
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(20, 4)), rng.integers(k, size=20)
    net = jfnn.mlp((4, k))
    params = net.init(jax.random.key(0))
    linear = torch.nn.Linear(4, k, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(np.array(params[0].w.T)))
        linear.bias.copy_(torch.tensor(np.array(params[0].b)))
    for name, (loss, factor) in pairs.items():
        theirs = getattr(torch.nn, name)(**({"delta": 0.3} if name == "HuberLoss" else {}))
        targets = labels if name == "CrossEntropyLoss" else np.eye(k)[labels]
        linear.zero_grad()
        theirs(linear(torch.tensor(x)), torch.tensor(targets)).backward()
        ours = jax.grad(jfnn.objective, argnums=1)(net, params, x, targets, loss=loss, reduction="mean")
        np.testing.assert_allclose(factor * ours[0].w.T, linear.weight.grad.numpy(), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(factor * ours[0].b, linear.bias.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.thorough
def test_l2_penalty_counts_weights_and_not_biases(x64):
    params = {
        "dense": {"w": jnp.array([[1.0, -2.0]]), "b": jnp.array([100.0, 100.0])},
        "convolution": jnp.full((2, 2, 1, 1), 3.0),
    }
    assert losses.l2_penalty(params) == 0.5 * (1 + 4 + 4 * 9)
    gradient = jax.grad(losses.l2_penalty)(params)
    np.testing.assert_array_equal(gradient["dense"]["w"], params["dense"]["w"])
    np.testing.assert_array_equal(gradient["convolution"], params["convolution"])
    assert not gradient["dense"]["b"].any()


def test_reductions_of_costs(x64):
    costs = jnp.array([1.0, 2.0, 6.0])
    penalty = 3.0
    weights = jnp.array([1.0, 0.0, 0.5])
    assert losses.reduce_costs(costs, penalty, "sum") == 12
    assert losses.reduce_costs(costs, penalty, "mean") == 4
    assert losses.reduce_costs(costs, penalty, "sum", weights) == 7
    np.testing.assert_allclose(losses.reduce_costs(costs, penalty, "mean", weights), 7 / 1.5)
    np.testing.assert_allclose(losses.reduce_costs(costs, penalty, "mean", weights / 10), 3.4 / 0.15)


def test_mean_without_samples_is_0_and_has_a_gradient(x64):
    mean = functools.partial(losses.reduce_costs, jnp.ones(3), 3.0, "mean")
    nothing = jnp.zeros(3)
    assert mean(nothing) == 0
    np.testing.assert_array_equal(jax.grad(mean)(nothing), 0)


def test_get_loss_returns_a_custom_loss_unchanged():
    own = losses.Loss(losses.quadratic, losses.d_quadratic)
    assert losses.get(own) is own
    assert losses.get("quadratic") is LOSSES["quadratic"]
