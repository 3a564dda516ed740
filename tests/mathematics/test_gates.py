"""The notes' gates: least squares, the exact XOR network, training from random starts, a step by hand."""

import jax
import numpy as np
import optax
import pytest
from helpers import compiled, gradient, representatives

import jfnn
from jfnn import datasets
from jfnn.layers import Layer

pytestmark = pytest.mark.unoptimized

GATES = {
    "or": (datasets.or_gate, [1 / 4, 3 / 4, 3 / 4, 5 / 4]),
    "xor": (datasets.xor_gate, [1 / 2, 1 / 2, 1 / 2, 1 / 2]),
}
STARTS = 20
STEPS = 3000


def notes_xor(w_o=(1.0, -2.0)):
    """Return the notes' 2-2-1 network, or the same with other output weights."""
    net = jfnn.mlp((2, 2, 1), activation="relu")
    hidden = Layer(np.array([[1.0, 1], [1, 1]], np.float32), np.array([0.0, -1], np.float32))
    return net, (hidden, Layer(np.array(w_o, np.float32)[:, None], np.array([0.0], np.float32)))


@pytest.mark.parametrize("gate", GATES)
def test_least_squares_equals_the_values_of_the_notes(gate, x64):
    make, expected = GATES[gate]
    x, t = make()
    design = np.column_stack([np.ones(4), x])
    b, *w = np.linalg.solve(design.T @ design, design.T @ t)
    params = (Layer(np.array(w)[:, None], np.array([b])),)
    net = jfnn.mlp((2, 1))
    np.testing.assert_allclose(net.apply(params, x)[:, 0], expected, rtol=0, atol=1e-12)
    # It is the minimum of the quadratic cost, so both gradients vanish.
    by_hand = compiled(lambda params: jfnn.backprop.value_and_grad(params, x, t, loss="quadratic")[1])(params)
    for leaf in jax.tree.leaves((by_hand, gradient(net, params, x, t, loss="quadratic"))):
        np.testing.assert_allclose(leaf, 0, atol=1e-12)
    right = (np.array(expected) > 0.5) == t
    assert right.all() == (gate == "or")


def test_notes_weights_solve_xor_exactly(dtype):
    net, params = notes_xor()
    x, t = datasets.xor_gate()

    @compiled
    def found(x):
        zs, _ = jfnn.backprop.forward(params, x, "relu")
        scores = jfnn.accuracy(net, params, x, t, "quadratic"), jfnn.objective(net, params, x, t, "quadratic")
        return zs[0], net.apply(params, x)[:, 0], *scores

    hidden, outputs, accuracy, objective = found(x.astype(dtype))
    np.testing.assert_array_equal(hidden, [[0, -1], [1, 0], [1, 0], [2, 1]])
    np.testing.assert_array_equal(outputs, [0, 1, 1, 0])
    assert (accuracy, objective) == (1, 0)


@pytest.mark.thorough
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_gradient_descent_step_equals_the_step_by_hand(gradient):
    """The step starts from the notes' XOR network with w_o = [1, -1] instead of [1, -2].

    η = 1/2, λ = 1/2, quadratic cost. Forward::

        z_h = [[0, -1], [1, 0], [1, 0], [2, 1]]      a_h = relu(z_h) = [[0, 0], [1, 0], [1, 0], [2, 1]]
        a_o = a_h @ [1, -1] = [0, 1, 1, 1]           t = [0, 1, 1, 0], C = 1/2 (without penalty)

    Backward, where only the last sample is wrong::

        δ_o = a_o - t = [0, 0, 0, 1]
        δ_h = (δ_o w_oᵀ) ∘ relu'(z_h): last row [1, -1] ∘ [1, 1] = [1, -1], all others 0
        ∂C/∂w_o = a_hᵀ δ_o + λ w_o = [2, 1] + [1/2, -1/2] = [5/2, 1/2]         ∂C/∂b_o = 1
        ∂C/∂w_h = xᵀ δ_h + λ w_h = [[1, -1], [1, -1]] + 1/2 = [[3/2, -1/2], [3/2, -1/2]]
        ∂C/∂b_h = [1, -1]

    Update p - η ∂C/∂p::

        w_o = [1 - 5/4, -1 - 1/4] = [-1/4, -5/4]     b_o = -1/2
        w_h = [[1/4, 5/4], [1/4, 5/4]]               b_h = [0 - 1/2, -1 + 1/2] = [-1/2, -1/2]

    All values are exact in binary, so the code must give the same numbers.
    """
    net, start = notes_xor(w_o=(1.0, -1.0))
    x, t = datasets.xor_gate()
    trained = jfnn.train(
        net,
        x,
        t,
        loss="quadratic",
        learning_rate=0.5,
        l2=0.5,
        reduction="sum",
        epochs=1,
        batch_size=None,
        initial_params=start,
        gradient=gradient,
    )
    params = trained.params
    (w_h, b_h), (w_o, b_o) = params
    np.testing.assert_array_equal(w_o, [[-1 / 4], [-5 / 4]])
    np.testing.assert_array_equal(b_o, [-1 / 2])
    np.testing.assert_array_equal(w_h, [[1 / 4, 5 / 4], [1 / 4, 5 / 4]])
    np.testing.assert_array_equal(b_h, [-1 / 2, -1 / 2])
    assert int(trained.diverged_at) == -1


@pytest.mark.parametrize("width", representatives([2, 8], 8))
def test_training_solves_xor_from_some_of_twenty_random_starts(width, train_starts):
    """Solved means four correct answers, each within 0.1 of its target."""
    x, t = datasets.xor_gate()
    net = jfnn.mlp((2, width, 1), activation="tanh", init="glorot_normal")
    params = train_starts(net, x, t[:, None], optax.sgd(0.1), STARTS, STEPS)
    outputs = jax.vmap(net.apply, (0, None))(params, x.astype(np.float32))[..., 0]
    solved = (np.abs(outputs - t) < 0.1).all(axis=1)
    print(f"XOR, hidden width {width}: {solved.sum()} of {STARTS} starts solved")
    assert solved.any()


@pytest.mark.thorough
def test_no_start_solves_xor_without_a_hidden_layer(train_starts):
    x, t = datasets.xor_gate()
    net = jfnn.mlp((2, 1))
    params = train_starts(net, x, t[:, None], optax.sgd(0.1), STARTS, STEPS)
    outputs = jax.vmap(net.apply, (0, None))(params, x.astype(np.float32))[..., 0]
    np.testing.assert_allclose(outputs, 1 / 2, atol=1e-5)
