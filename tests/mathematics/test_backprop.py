"""The hand-derived gradient, in rows, against central differences and jax.grad, independent here."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import central_differences, compiled, float64_first, perturbed, representatives

import jfnn
from jfnn import activations, backprop, losses
from jfnn.activations import ACTIVATIONS
from jfnn.layers import Layer

N = 5
FEATURES = 3
HIDDEN = 4
OUTPUTS = 3
REDUCTIONS = losses.REDUCTIONS
L2 = (0.0, 0.3)
STEP = 1e-5  # of the central differences
HAND_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
DIFFERENCES_TOLERANCE = 1e-6

LOSSES = {name: loss for name, loss in losses.LOSSES.items() if loss.outputs_per_target == 1}
# Cross-entropies and losses with links include their output activation; the others accept any.
BRING_THEIRS = [name for name, loss in LOSSES.items() if loss.takes_logits or any(loss.inverse_links)]
LOSS_AND_OUTPUT = [
    (loss, output)
    for loss in LOSSES
    for output in (("identity",) if loss in BRING_THEIRS else ("identity", "sigmoid", "tanh"))
]
# Without hidden layers their activation is unused, so one represents all.
ACTIVATION_AND_DEPTH = [("sigmoid", 0), *itertools.product(ACTIVATIONS, (1, 2, 3))]
# A third of all pairs, in which each activation, depth, loss and output occurs.
PAIRS = [
    (*first, *second)
    for i, first in enumerate(ACTIVATION_AND_DEPTH)
    for j, second in enumerate(LOSS_AND_OUTPUT)
    if (i + j) % 3 == 0
]


def make_targets(loss, rng, n=N, outputs=OUTPUTS):
    """Return soft targets valid for the loss: distributions, numbers in [0, 1], or any."""
    if LOSSES[loss].target_sum is not None:
        return rng.dirichlet(np.ones(outputs), n)
    return rng.uniform(size=(n, outputs)) if loss in BRING_THEIRS else rng.normal(size=(n, outputs))


def make_sizes(depth):
    return (FEATURES, *(HIDDEN,) * depth, OUTPUTS)


def make_problem(loss, depth, dtype, seed=7):
    """Return parameters, inputs and targets, the same for every activation."""
    rng = np.random.default_rng((seed, depth))
    sizes = make_sizes(depth)
    params = tuple(
        Layer(rng.normal(size=(n_in, n_out)), rng.normal(size=n_out))
        for n_in, n_out in itertools.pairwise(sizes)
    )
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    return params, rng.normal(size=(N, FEATURES)).astype(dtype), make_targets(loss, rng).astype(dtype)


def disagreement(found, expected):
    """Return the largest difference relative to the largest entry of its array, over all arrays."""
    worst = 0.0
    for f, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        f = np.asarray(f, np.float64)
        e = np.asarray(e, np.float64)
        assert f.shape == e.shape
        assert np.abs(e).max() > 1e-6, "an array of zeros would compare nothing"
        worst = max(worst, np.abs(f - e).max() / np.abs(e).max())
    return worst


def choose(functions, number):
    """Return one of several functions by a number that may be traced, so that all share one program."""

    def chosen(*arguments, **options):
        return jax.lax.select_n(number, *(function(*arguments, **options) for function in functions))

    return chosen


def choose_all(activation, loss, output):
    """Return the activation, loss and output activation with these numbers in their registries."""

    def chosen(number):
        registered = ACTIVATIONS.values()
        return activations.Activation(*(choose(column, number) for column in zip(*registered, strict=True)))

    registered = [(entry.cost, entry.derivative) for entry in LOSSES.values()]
    costs = losses.Loss(*(choose(column, loss) for column in zip(*registered, strict=True)))
    return chosen(activation), costs, chosen(output)


def numbers(activation, loss, output):
    names = list(ACTIVATIONS)
    return names.index(activation), list(LOSSES).index(loss), names.index(output)


@compiled
def three_ways(chosen, params, x, targets, l2s):
    """Return the pre-activations, the gradients by hand and by `jax.grad`, and perturbed objectives.

    The last three are indexed ``[reduction][…][l2]``; perturbed objectives are for float64 alone.
    """
    activation, loss, output = choose_all(*chosen)
    net = jfnn.mlp(make_sizes(len(params) - 1), activation, output)

    def of_reduction(reduction):
        def objective(params, l2):
            return jfnn.objective(net, params, x, targets, loss, l2, reduction)

        def by_hand(l2):
            options = {"activation": activation, "output": output, "loss": loss, "reduction": reduction}
            return backprop.value_and_grad(params, x, targets, l2=l2, **options)

        moved = jax.vmap(jax.vmap(objective, (0, None)), (None, 0))
        moved = functools.partial(moved, perturbed(params, STEP))
        auto = jax.vmap(jax.value_and_grad(objective), (None, 0))(params, l2s)
        return jax.vmap(by_hand)(l2s), auto, moved(l2s) if x.dtype == np.float64 else None

    zs, _ = backprop.forward(params, x, activation, output)
    return zs, [of_reduction(reduction) for reduction in REDUCTIONS]


def take(tree, i):
    return jax.tree.map(lambda leaf: leaf[i], tree)


@pytest.mark.parametrize(
    ("activation", "depth", "loss", "output"),
    representatives(PAIRS, *(pair for pair in PAIRS if pair[1] < 2)),  # deep networks take longest to compile
)
@float64_first
def test_hand_derivation_equals_jax_grad_and_central_differences(activation, loss, output, depth, dtype):
    params, x, targets = make_problem(loss, depth, dtype)
    chosen = numbers(activation, loss, output)
    wide = dtype == np.float64
    zs, found = three_ways(chosen, params, x, targets, np.asarray(L2, dtype))
    assert all(np.abs(z).min() > 1e-3 for z in zs[:-1]), "too near a kink"
    for hand, auto, moved in jax.tree.map(np.asarray, found):
        assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(hand))
        for i in range(len(L2)):
            worst = disagreement(take(hand, i), take(auto, i))
            print(f"hand derivation - jax.grad, {dtype}: {worst:.1e}")
            assert worst < HAND_TOLERANCE[dtype.name]
            for gradients in (hand[1], auto[1]) if wide else ():
                worst = disagreement(take(gradients, i), central_differences(moved[i], params, STEP))
                print(f"gradient - central differences: {worst:.1e}")
                assert worst < DIFFERENCES_TOLERANCE


@pytest.mark.thorough
@pytest.mark.parametrize(
    "loss",
    [losses.LOSSES["gaussian"], losses.pinball(0.2, 0.5, 0.9)],
    ids=["gaussian", "pinball"],
)
def test_losses_with_several_outputs_per_target(loss, x64):
    k = loss.outputs_per_target
    rng = np.random.default_rng(8)
    params = compiled(jfnn.mlp((FEATURES, HIDDEN, 2 * k), "tanh").init)(jax.random.key(1))
    x = rng.normal(size=(N, FEATURES))
    targets = rng.normal(size=(N, 2))
    weights = np.array([0.5, 0.0, 2.0, 1.0, 1.0])

    def objective(params):
        net = jfnn.mlp((FEATURES, HIDDEN, 2 * k), "tanh")
        return jfnn.objective(net, params, x, targets, loss, 0.3, "mean", weights)

    options = {"activation": "tanh", "loss": loss, "l2": 0.3, "reduction": "mean", "weights": weights}
    hand = compiled(lambda p: backprop.value_and_grad(p, x, targets, **options))(params)
    assert disagreement(hand, compiled(jax.value_and_grad(objective))(params)) < 1e-12
    moved = compiled(lambda p: jax.vmap(objective)(perturbed(p, STEP)))(params)
    assert disagreement(hand[1], central_differences(moved, params, STEP)) < DIFFERENCES_TOLERANCE
    with pytest.raises(ValueError, match=rf"^loss: it takes {k} outputs for each target, .* has 7"):
        jfnn.objective(
            jfnn.mlp((FEATURES, 7)), (Layer(np.ones((FEATURES, 7)), np.ones(7)),), x, targets, loss
        )


@float64_first
def test_labels_are_one_hot_targets_and_defaults_are_those_of_objective_and_mlp(dtype):
    params, x, _ = make_problem("cross_entropy", 1, dtype)
    labels = np.array([0, 2, 1, 1, 2])
    stated = {"activation": "relu", "output": "identity", "loss": "cross_entropy", "reduction": "mean"}
    by_label, by_target = (
        compiled(lambda params: backprop.value_and_grad(params, x, y, **options))(params)  # noqa: B023
        for y, options in ((labels, {}), (np.eye(OUTPUTS, dtype=dtype)[labels], stated | {"l2": 0.0}))
    )
    jax.tree.map(np.testing.assert_array_equal, by_label, by_target)


@jax.custom_jvp
def no_autodiff(z):
    return z


@no_autodiff.defjvp
def _refuse(primals, tangents):
    raise AssertionError("differentiated automatically")


def test_recursion_steps_equal_those_of_the_notes(x64):
    params, x, targets = make_problem("quadratic", 1, "float64")
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    z = x @ params[0].w + params[0].b
    hidden = sigmoid(z)
    outputs = hidden @ params[1].w + params[1].b
    delta = outputs - targets
    below = (delta @ params[1].w.T) * hidden * (1 - hidden)
    zs, layers_out = backprop.forward(params, x, "sigmoid")
    found = zs, layers_out, backprop.deltas(params, zs, delta, "sigmoid")
    for steps, expected in zip(found, ([z, outputs], [x, hidden, outputs], [below, delta]), strict=True):
        for array, by_numpy in zip(steps, expected, strict=True):
            np.testing.assert_allclose(array, by_numpy, rtol=1e-10)
    gradients = backprop.gradients(params, layers_out, found[2])
    assert disagreement(gradients[0], Layer(x.T @ below, below.sum(axis=0))) < 1e-10
    assert disagreement(gradients[1], Layer(hidden.T @ delta, delta.sum(axis=0))) < 1e-10


def test_backprop_needs_no_derivative_by_jax(x64):
    params, x, targets = make_problem("cross_entropy", 2, np.float64)
    opaque_tanh = activations.Activation(lambda z: no_autodiff(jnp.tanh(z)), activations.d_tanh)
    opaque_loss = LOSSES["cross_entropy"]._replace(
        cost=lambda z, t, axis=-1: no_autodiff(losses.cross_entropy(z, t, axis))
    )
    options = ({"activation": opaque_tanh, "loss": opaque_loss}, {"activation": "tanh"})
    found = (
        compiled(functools.partial(backprop.value_and_grad, x=x, y=targets, l2=0.3, **each))(params)
        for each in options
    )
    jax.tree.map(np.testing.assert_array_equal, *found)
    with pytest.raises(AssertionError, match="differentiated automatically"):
        jax.grad(lambda p: jfnn.objective(jfnn.mlp(make_sizes(2), opaque_tanh), p, x, targets))(params)
