"""The hand derivation against jax.grad and central differences, and its features-first form."""

import ast
import functools
import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jfnn
from jfnn import activations, backprop, losses, network, training
from jfnn.activations import ACTIVATIONS
from jfnn.engine import layout
from jfnn.losses import LOSSES
from jfnn.network import Layer

N, FEATURES, HIDDEN, OUTPUTS = 5, 3, 4, 3
MOST_PARAMETERS = 80
L2 = (0.0, 0.3)
STEP = 1e-5  # of the central differences
HAND_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
DIFFERENCES_TOLERANCE = 1e-6

# The cross-entropies bring their own output activation; the quadratic cost takes any.
LOSS_AND_OUTPUT = [
    (loss, output)
    for loss in LOSSES
    for output in (("identity",) if LOSSES[loss].takes_logits else ("identity", "sigmoid", "tanh"))
]
# Without hidden layers their activation plays no part, so one stands for all.
ACTIVATION_AND_DEPTH = [("sigmoid", 0), *itertools.product(ACTIVATIONS, (1, 2, 3))]


def make_targets(loss, rng, n=N, outputs=OUTPUTS):
    """Soft targets such as the loss takes: distributions, numbers in [0, 1], or any."""
    if LOSSES[loss].target_sum is not None:
        return rng.dirichlet(np.ones(outputs), n)
    return rng.uniform(size=(n, outputs)) if LOSSES[loss].takes_logits else rng.normal(size=(n, outputs))


def make_sizes(depth):
    return (FEATURES, *(HIDDEN,) * depth, OUTPUTS)


def make_problem(loss, depth, dtype, seed=7):
    """Parameters, inputs and targets, the same for every activation."""
    rng = np.random.default_rng((seed, depth))
    sizes = make_sizes(depth)
    params = tuple(
        Layer(rng.normal(size=(n_in, n_out)), rng.normal(size=n_out))
        for n_in, n_out in itertools.pairwise(sizes)
    )
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params)
    return params, rng.normal(size=(N, FEATURES)).astype(dtype), make_targets(loss, rng).astype(dtype)


def disagreement(found, expected):
    """The largest difference relative to the largest entry of its array, over all arrays."""
    worst = 0.0
    for f, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        f, e = np.asarray(f, np.float64), np.asarray(e, np.float64)
        assert f.shape == e.shape
        assert np.abs(e).max() > 1e-6, "an array of zeros would compare nothing"
        worst = max(worst, np.abs(f - e).max() / np.abs(e).max())
    return worst


def central_differences(function, params):
    """``∂function/∂p`` for every coordinate p: all perturbed parameter vectors in one vmapped call."""
    flat, unravel = ravel_pytree(params)
    steps = np.zeros((MOST_PARAMETERS, flat.size))  # as many for every depth, to share what JAX compiles
    np.fill_diagonal(steps, STEP)
    perturbed = np.concatenate([flat + steps, flat - steps])
    values = np.asarray(jax.vmap(lambda vector: function(unravel(vector)))(perturbed))
    differences = (values[:MOST_PARAMETERS] - values[MOST_PARAMETERS:]) / (2 * STEP)
    return unravel(differences[: flat.size])


def take(tree, i):
    return jax.tree.map(lambda leaf: leaf[i], tree)


def assert_away_from_kinks(params, x, activation):
    zs, _ = backprop.forward(params, x, activation)
    for z in zs[:-1]:
        assert np.abs(z).min() > 1e-3


@pytest.mark.parametrize(("activation", "depth"), ACTIVATION_AND_DEPTH)
@pytest.mark.parametrize(("loss", "output"), LOSS_AND_OUTPUT)
def test_hand_derivation_equals_jax_grad_and_central_differences(activation, loss, output, depth, dtype):
    params, x, targets = make_problem(loss, depth, dtype)
    net = jfnn.mlp(make_sizes(depth), activation, output)
    assert_away_from_kinks(params, x, activation)
    l2s = np.asarray(L2, dtype)
    for reduction in training.REDUCTIONS:

        def objective(params, l2, reduction=reduction):
            return jfnn.objective(net, params, x, targets, loss, l2, reduction)

        def by_hand(l2, reduction=reduction):
            return backprop.value_and_grad(
                params,
                x,
                targets,
                activation=activation,
                output=output,
                loss=loss,
                l2=l2,
                reduction=reduction,
            )

        hand = jax.vmap(by_hand)(l2s)
        auto = jax.vmap(jax.value_and_grad(objective), (None, 0))(params, l2s)
        assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(hand))
        for i in range(len(L2)):
            worst = disagreement(take(hand, i), take(auto, i))
            print(f"hand derivation - jax.grad, {dtype}: {worst:.1e}")
            assert worst < HAND_TOLERANCE[dtype.name]
        if dtype == np.float64:
            for i, l2 in enumerate(L2):
                differences = central_differences(functools.partial(objective, l2=l2), params)
                for gradients in (hand[1], auto[1]):
                    worst = disagreement(take(gradients, i), differences)
                    print(f"gradient - central differences: {worst:.1e}")
                    assert worst < DIFFERENCES_TOLERANCE


@pytest.mark.parametrize("reduction", training.REDUCTIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_sample_weights_agree_and_weight_zero_is_an_absent_sample(loss, reduction, x64):
    params, x, targets = make_problem(loss, 2, np.float64)
    net = jfnn.mlp(make_sizes(2), "tanh")
    weights = np.array([0.5, 0.0, 2.0, 1.0, 0.0])
    options = {"loss": loss, "l2": 0.3, "reduction": reduction}

    def objective(params, x, targets, weights):
        return jfnn.objective(net, params, x, targets, weights=weights, **options)

    weighted = backprop.value_and_grad(params, x, targets, activation="tanh", weights=weights, **options)
    assert disagreement(weighted, jax.value_and_grad(objective)(params, x, targets, weights)) < 1e-12
    differences = central_differences(lambda params: objective(params, x, targets, weights), params)
    assert disagreement(weighted[1], differences) < DIFFERENCES_TOLERANCE

    there = np.flatnonzero(weights)
    only_these = backprop.value_and_grad(
        params, x[there], targets[there], activation="tanh", weights=weights[there], **options
    )
    assert disagreement(weighted, only_these) < 1e-12
    absent = np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    weighted = backprop.value_and_grad(params, x, targets, activation="tanh", weights=absent, **options)
    unweighted = backprop.value_and_grad(
        params, x[absent > 0], targets[absent > 0], activation="tanh", **options
    )
    assert disagreement(weighted, unweighted) < 1e-12


@pytest.mark.parametrize("reduction", training.REDUCTIONS)
def test_a_sample_of_weight_two_counts_twice(reduction, x64):
    params, x, targets = make_problem("cross_entropy", 1, np.float64)
    options = {"l2": 0.3, "reduction": reduction}
    weighted = backprop.value_and_grad(params, x, targets, weights=jnp.array([1.0, 2, 1, 1, 1]), **options)
    again = jnp.array([0, 1, 1, 2, 3, 4])
    assert (
        disagreement(weighted, backprop.value_and_grad(params, x[again], targets[again], **options)) < 1e-12
    )


def test_labels_are_one_hot_targets(dtype):
    params, x, _ = make_problem("cross_entropy", 1, dtype)
    labels = np.array([0, 2, 1, 1, 2])
    by_label = backprop.value_and_grad(params, x, labels)
    by_target = backprop.value_and_grad(params, x, np.eye(OUTPUTS, dtype=dtype)[labels])
    jax.tree.map(np.testing.assert_array_equal, by_label, by_target)


def test_works_under_jit_and_vmap(dtype):
    _, x, targets = make_problem("cross_entropy", 2, dtype)
    many = [make_problem("cross_entropy", 2, dtype, seed)[0] for seed in range(3)]
    l2s = jnp.asarray([0.0, 0.1, 0.2], dtype)

    def value_and_grad(params, l2):
        return backprop.value_and_grad(params, x, targets, activation="elu", l2=l2)

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *many)
    mapped = jax.jit(jax.vmap(value_and_grad))(stacked, l2s)
    for i, params in enumerate(many):
        assert disagreement(take(mapped, i), value_and_grad(params, l2s[i])) < HAND_TOLERANCE[dtype.name]


def test_deltas_are_the_derivatives_in_the_pre_activations(x64):
    params, x, targets = make_problem("quadratic", 3, np.float64)
    zs, layers_out = backprop.forward(params, x, "tanh", "sigmoid")
    delta_output = (layers_out[-1] - targets) * ACTIVATIONS["sigmoid"].df(zs[-1])
    found = backprop.deltas(params, zs, delta_output, "tanh")

    def cost_of_shifted(shifts):
        a = x
        for layer, shift, f in zip(params, shifts, [jnp.tanh] * 3 + [jax.nn.sigmoid], strict=True):
            a = f(a @ layer.w + layer.b + shift)
        return 0.5 * jnp.sum((a - targets) ** 2)

    assert disagreement(found, jax.grad(cost_of_shifted)([jnp.zeros_like(z) for z in zs])) < 1e-12


@jax.custom_jvp
def no_autodiff(z):
    return z


@no_autodiff.defjvp
def _refuse(primals, tangents):
    raise AssertionError("differentiated automatically")


def test_backprop_needs_no_derivative_of_jax(x64):
    """Functions that JAX may not differentiate serve the hand derivation just as well."""
    params, x, targets = make_problem("cross_entropy", 2, np.float64)
    opaque_tanh = activations.Activation(lambda z: no_autodiff(jnp.tanh(z)), activations.d_tanh)
    opaque_loss = LOSSES["cross_entropy"]._replace(
        cost=lambda z, t, axis=-1: no_autodiff(losses.cross_entropy(z, t, axis))
    )
    found = backprop.value_and_grad(params, x, targets, activation=opaque_tanh, loss=opaque_loss, l2=0.3)
    plain = backprop.value_and_grad(params, x, targets, activation="tanh", l2=0.3)
    jax.tree.map(np.testing.assert_array_equal, found, plain)
    with pytest.raises(AssertionError, match="differentiated automatically"):
        jax.grad(lambda p: jfnn.objective(jfnn.mlp(make_sizes(2), opaque_tanh), p, x, targets))(params)


@pytest.mark.parametrize("module", [backprop, activations, losses, network])
def test_source_of_the_hand_derivation_names_no_autodiff(module):
    autodiff = {
        "grad",
        "vjp",
        "jvp",
        "linearize",
        "linear_transpose",
        "jacfwd",
        "jacrev",
        "hessian",
        "autodiff",
    }
    tree = ast.parse(inspect.getsource(module))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert not names & (autodiff | {"value_and_grad"})


@pytest.mark.parametrize(("activation", "depth"), [("sigmoid", 0), *((name, 2) for name in ACTIVATIONS)])
@pytest.mark.parametrize(("loss", "output"), LOSS_AND_OUTPUT)
def test_features_first_form_equals_the_row_form(activation, loss, output, depth, x64):
    params, x, targets = make_problem(loss, depth, np.float64)
    net = jfnn.mlp(make_sizes(depth), activation, output)
    weights = np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    for reduction, w in (("sum", None), ("mean", weights)):
        expected = backprop.value_and_grad(
            params,
            x,
            targets,
            activation=activation,
            output=output,
            loss=loss,
            l2=0.3,
            reduction=reduction,
            weights=w,
        )
        for by_hand in (True, False):
            turned = layout.features_first(net.mlp, LOSSES[loss], reduction, by_hand)
            weighting = {} if w is None else {"weights": w}
            value, gradients = turned.value_and_grad(turned.store(params), x, targets, l2=0.3, **weighting)
            assert disagreement((value, turned.restore(gradients)), expected) < 1e-12
    outputs = turned.outputs(turned.store(params), x)
    np.testing.assert_allclose(outputs.T, net.apply(params, x), rtol=1e-12, atol=1e-14)


def test_features_first_storage_is_turned_back_exactly_behind_leading_axes():
    params = tuple(Layer(np.random.rand(2, 6, 3, 4), np.random.rand(2, 6, 4)) for _ in range(2))
    turned = layout.features_first(None, None, "sum", by_hand=True)
    stored = turned.store(params)
    assert stored[0].w.shape == (2, 6, 4, 3)
    np.testing.assert_array_equal(stored[0].w[1, 5], params[0].w[1, 5].T)
    jax.tree.map(np.testing.assert_array_equal, turned.restore(stored), params)
