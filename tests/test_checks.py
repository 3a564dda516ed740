"""What users get wrong: one clear error that begins with the argument's name, before anything is trained."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jfnn
from jfnn import activations, checks, datasets, losses, minibatches
from jfnn.engine import loop

NET = jfnn.mlp((2, 3, 2))
X, Y = np.random.default_rng(0).normal(size=(8, 2)), np.arange(8) % 2
PARAMS = NET.init(jax.random.key(0))
NAN_AT = np.where(np.arange(16).reshape(8, 2) == 5, np.nan, X)


def sweep(net=NET, x=X, y=Y, x_test=None, y_test=None, **options):
    options = {"learning_rate": 0.1, "batch_size": 4, "epochs": 1, **options}
    return jfnn.sweep(net, jfnn.Split(x, y, x_test, y_test), **options)


def objective(x=X, y=Y, net=NET, **options):
    return jfnn.objective(net, PARAMS, x, y, **options)


def backprop(x=X, y=Y, **options):
    return jfnn.backprop.value_and_grad(PARAMS, x, y, **options)


@pytest.fixture
def nothing_is_trained(monkeypatch):
    def refuse(*_):
        raise AssertionError("the check came too late")

    monkeypatch.setattr(loop, "run", refuse)


# What sweep is given -> the argument that the error must name.
SWEEP_ERRORS = [
    # Numbers
    ({"learning_rate": -1}, "learning_rate", ValueError),
    ({"learning_rate": 0.0}, "learning_rate", ValueError),
    ({"learning_rate": [0.1, np.nan]}, "learning_rate", ValueError),
    ({"learning_rate": np.inf}, "learning_rate", ValueError),
    ({"learning_rate": []}, "learning_rate", ValueError),
    ({"learning_rate": [[0.1]]}, "learning_rate", ValueError),
    ({"learning_rate": "fast"}, "learning_rate", TypeError),
    ({"l2": -0.1}, "l2", ValueError),
    ({"l2": [0, np.nan]}, "l2", ValueError),
    ({"l2": [[0.1]]}, "l2", ValueError),
    ({"epochs": -1}, "epochs", ValueError),
    ({"epochs": 1.5}, "epochs", TypeError),
    ({"batch_size": 0}, "batch_size", ValueError),
    ({"batch_size": -3}, "batch_size", ValueError),
    ({"batch_size": 9}, "batch_size", ValueError),
    ({"batch_size": 2.5}, "batch_size", TypeError),
    ({"batch_size": True}, "batch_size", TypeError),
    ({"seeds": 0}, "seeds", ValueError),
    ({"seeds": []}, "seeds", ValueError),
    ({"seeds": [1, 1]}, "seeds", ValueError),
    ({"seeds": [-1]}, "seeds", ValueError),
    ({"seeds": [0.5]}, "seeds", TypeError),
    ({"tile": 0}, "tile", ValueError),
    ({"segment": 0}, "segment", ValueError),
    ({"devices": 0}, "devices", ValueError),
    ({"devices": 10**6}, "devices", ValueError),
    ({"devices": ["cpu"]}, "devices", TypeError),
    # Names
    ({"loss": "foo"}, "loss", ValueError),
    ({"loss": 3}, "loss", TypeError),
    ({"reduction": "max"}, "reduction", ValueError),
    ({"optimizer": "foo"}, "optimizer", ValueError),
    ({"optimizer": "apply_updates"}, "optimizer", ValueError),
    ({"optimizer": "clip"}, "optimizer", ValueError),
    ({"optimizer": 3}, "optimizer", TypeError),
    ({"optimizer_args": {"foo": 0.1}}, "optimizer_args", ValueError),
    ({"optimizer_args": {"learning_rate": 0.1}}, "optimizer_args", ValueError),
    ({"optimizer_args": {"momentum": [0.9, np.inf]}}, "momentum", ValueError),
    ({"gradient": "foo"}, "gradient", ValueError),
    ({"value_and_grad": "foo"}, "value_and_grad", TypeError),
    ({"minibatch": "foo"}, "minibatch", ValueError),
    ({"remainder": "foo"}, "remainder", ValueError),
    ({"keep_params": "foo"}, "keep_params", ValueError),
    # Data
    ({"x": NAN_AT}, "x_train", ValueError),
    ({"x": np.where(np.isnan(NAN_AT), np.inf, X)}, "x_train", ValueError),
    ({"x": X[:, :1]}, "x_train", ValueError),
    ({"x": X[:, 0]}, "x_train", ValueError),
    ({"x": X[:0], "y": Y[:0]}, "x_train", ValueError),
    ({"x": X.astype(str)}, "x_train", TypeError),
    ({"y": Y[:-1]}, "y_train", ValueError),
    ({"y": Y + 1}, "y_train", ValueError),
    ({"y": Y - 1}, "y_train", ValueError),
    ({"y": Y.astype(str)}, "y_train", TypeError),
    ({"y": Y.astype(float)}, "y_train", ValueError),
    ({"y": np.eye(3)[Y]}, "y_train", ValueError),
    ({"y": np.eye(2)[Y] * np.nan}, "y_train", ValueError),
    ({"y": np.eye(2)[Y] * 2}, "y_train", ValueError),
    ({"y": np.eye(2)[Y] / 2}, "y_train", ValueError),
    ({"x_test": NAN_AT, "y_test": Y}, "x_test", ValueError),
    ({"x_test": X[:, :1], "y_test": Y}, "x_test", ValueError),
    ({"x_test": X, "y_test": Y + 1}, "y_test", ValueError),
    ({"x_test": X, "y_test": Y[:-1]}, "y_test", ValueError),
    # Networks and starts
    ({"net": lambda x: x}, "network", TypeError),
    ({"net": "mlp"}, "network", TypeError),
    ({"net": jfnn.mlp((3, 2))}, "x_train", ValueError),
    ({"net": jfnn.Network(NET.init, NET.apply), "gradient": "backprop"}, "gradient", ValueError),
    ({"net": jfnn.mlp((2, 1))}, "loss", ValueError),
    ({"net": jfnn.mlp((2, 1)), "loss": "softmax_binary_cross_entropy"}, "loss", ValueError),
    ({"net": jfnn.mlp((2, 2), output="sigmoid")}, "loss", ValueError),
    ({"net": jfnn.mlp((2, 2), output="tanh"), "loss": "sigmoid_cross_entropy"}, "loss", ValueError),
    ({"initial_params": PARAMS[:1]}, "initial_params", ValueError),
    ({"initial_params": jax.tree.map(lambda leaf: leaf[:1], PARAMS)}, "initial_params", ValueError),
    ({"initial_params": jax.tree.map(lambda leaf: leaf * np.nan, PARAMS)}, "initial_params", ValueError),
    # Minibatches
    ({"batches": [[[0, 8]]]}, "batches", ValueError),
    ({"batches": [[[0, -1]]]}, "batches", ValueError),
    ({"batches": [[[0.5]]]}, "batches", TypeError),
    ({"batches": [[0, 1]]}, "batches", ValueError),
    ({"batches": [[[0, 1]]], "epochs": 2}, "batches", ValueError),
    ({"batches": np.zeros((2, 1, 1, 4), int), "seeds": 3}, "batches", ValueError),
    # What the arithmetic's dtype has no room for
    ({"learning_rate": 1e-50}, "learning_rate", ValueError),
    ({"l2": [0, 1e39]}, "l2", ValueError),
    ({"optimizer_args": {"momentum": 1e39}}, "momentum", ValueError),
    ({"x": X * 1e39}, "x_train", ValueError),
    ({"x_test": X * 1e39, "y_test": Y}, "x_test", ValueError),
    ({"y_test": Y}, "x_test", ValueError),
    # Rules and functions of the user's own
    ({"halving": 2, "l2": [0, 1], "epochs": 1}, "halving", ValueError),
    ({"halving": jfnn.Halving(2, min_epochs=200), "l2": [0, 1], "epochs": 100}, "halving", ValueError),
    ({"net": types.SimpleNamespace(init=NET.init, apply=NET.apply)}, "network", TypeError),
    ({"net": NET._replace(apply=lambda params, x: NET.apply(params, 2 * x))}, "network", ValueError),
    ({"value_and_grad": lambda p, x, t, *, l2: (0, p), "weights": Y}, "value_and_grad", ValueError),
    ({"optimizer": "adamw", "optimizer_args": {"mask": {}}}, "optimizer_args", TypeError),
    ({"dropout": jnp.array([0.0, 1.0])}, "dropout", ValueError),
]


@pytest.mark.parametrize(("given", "argument", "error"), SWEEP_ERRORS)
def test_sweep_names_the_argument_before_anything_is_trained(given, argument, error, nothing_is_trained):
    with pytest.raises(error, match=rf"^{argument}: ") as caught:
        sweep(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["learning_rate", "l2", "seed"])
def test_train_takes_one_number_of_each(name, nothing_is_trained):
    with pytest.raises(TypeError, match=rf"^{name}: "):
        jfnn.train(NET, X, Y, **{"learning_rate": 0.1, "batch_size": 4, name: [1, 2]})


@pytest.mark.parametrize(
    ("call", "argument", "error"),
    [
        (lambda: jfnn.mlp((2,)), "sizes", ValueError),
        (lambda: jfnn.mlp((2, 0, 2)), "sizes", ValueError),
        (lambda: jfnn.mlp((2, 1.5)), "sizes", TypeError),
        (lambda: jfnn.mlp((2, 2), activation="foo"), "activation", ValueError),
        (lambda: jfnn.mlp((2, 2), activation=np.tanh), "activation", TypeError),
        (lambda: jfnn.mlp((2, 2), output="softmax"), "output", ValueError),
        (lambda: jfnn.mlp((2, 2), init="foo"), "init", ValueError),
        (lambda: activations.get("foo"), "activation", ValueError),
        (lambda: losses.get("foo"), "loss", ValueError),
        (lambda: minibatches.make("foo", 4, 8), "minibatch", ValueError),
        (lambda: minibatches.make("subset", 9, 8), "batch_size", ValueError),
        (lambda: datasets.one_hot([0, 3], 3), "labels", ValueError),
        (lambda: datasets.one_hot([-1], 3), "labels", ValueError),
        (lambda: datasets.one_hot([0.5], 3), "labels", TypeError),
        (lambda: datasets.one_hot([0], 0), "n_classes", ValueError),
        (lambda: datasets.split(X, Y[:-1]), "y", ValueError),
        (lambda: jfnn.accuracy(NET, PARAMS, X, Y[:-1]), "labels", ValueError),
        (lambda: jfnn.accuracy(NET, PARAMS, X, np.eye(2)[Y]), "labels", ValueError),
        (lambda: jfnn.predict(NET, PARAMS, NAN_AT), "x", ValueError),
        (lambda: jfnn.predict(NET, PARAMS, X[0]), "x", ValueError),
        (lambda: jfnn.predict(NET, PARAMS, X[:, :1]), "x", ValueError),
        (lambda: jfnn.predict_proba(NET, PARAMS, X[:, :1]), "x", ValueError),
        (lambda: jfnn.Halving(1), "factor", ValueError),
        (lambda: jfnn.Halving(3, 0), "min_epochs", ValueError),
        (lambda: jfnn.Halving(3, 2.5), "min_epochs", TypeError),
        (lambda: jfnn.train(NET, NAN_AT, Y, learning_rate=1.0), "x", ValueError),
        (lambda: jfnn.train(NET, X, Y, learning_rate=1.0, test=(X,)), "test", ValueError),
        (lambda: jfnn.train(NET, X, Y, learning_rate=1.0, keep_params="none"), "keep_params", TypeError),
        (lambda: jfnn.train(NET, X, Y, learning_rate=1.0, refit=True, validation=2), "refit", TypeError),
        (lambda: jfnn.predict_proba(NET, PARAMS, X, "quadratic"), "loss", ValueError),
    ],
)
def test_functions_name_the_argument(call, argument, error):
    with pytest.raises(error, match=rf"^{argument}: "):
        call()


@pytest.mark.parametrize("function", [objective, backprop])
@pytest.mark.parametrize(
    ("given", "argument", "error"),
    [
        ({"x": NAN_AT}, "x", ValueError),
        ({"x": X[:, :1]}, "x", ValueError),
        ({"x": X[:0], "y": Y[:0]}, "x", ValueError),
        ({"x": X.astype(str)}, "x", TypeError),
        ({"y": Y[:-1]}, "y", ValueError),
        ({"y": Y + 1}, "y", ValueError),
        ({"y": jnp.asarray(Y) - 1}, "y", ValueError),
        ({"y": np.eye(3)[Y]}, "y", ValueError),
        ({"loss": "foo"}, "loss", ValueError),
        ({"reduction": "foo"}, "reduction", ValueError),
        ({"weights": np.ones((8, 1))}, "weights", ValueError),
        ({"weights": [1.0] * 7}, "weights", ValueError),
        ({"weights": -Y}, "weights", ValueError),
        ({"weights": Y * np.nan}, "weights", ValueError),
        ({"weights": Y.astype(str)}, "weights", TypeError),
    ],
)
def test_objective_and_hand_derivation_name_the_argument(function, given, argument, error):
    with pytest.raises(error, match=rf"^{argument}: "):
        function(**given)


@pytest.mark.parametrize("loss", [name for name, loss in losses.LOSSES.items() if loss.takes_logits])
def test_a_cross_entropy_behind_an_output_activation_is_refused(loss):
    with pytest.raises(ValueError, match=r"^loss: .*output='identity'"):
        objective(net=jfnn.mlp((2, 3, 2), output="sigmoid"), loss=loss)
    with pytest.raises(ValueError, match=r"^loss: .*output='identity'"):
        backprop(output="sigmoid", loss=loss)


def test_the_message_says_where_the_first_nan_is():
    with pytest.raises(ValueError, match=r"nan at index \[2, 1\] \(1 such entries\)"):
        checks.as_inputs(NAN_AT)


def test_shapes_are_checked_while_tracing():
    with pytest.raises(ValueError, match=r"^y: expected 8 rows"):
        jax.jit(lambda x, y: objective(x, y))(X, Y[:-1])
    with pytest.raises(ValueError, match=r"^x: expected 2 columns"):
        jax.jit(lambda x, y: backprop(x, y))(X[:, :1], Y)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, bool])
def test_integers_and_booleans_are_inputs_and_labels(kind):
    found = objective(np.abs(X * 3).astype(kind), Y.astype(kind))
    np.testing.assert_allclose(found, objective(np.abs(X * 3).astype(kind).astype(float), Y), rtol=1e-6)


def test_one_output_takes_labels_zero_and_one_as_its_targets():
    loss = losses.get("sigmoid_cross_entropy")
    assert checks.as_targets(Y, (8, 1), loss, np.float32).ravel().tolist() == Y.tolist()
    assert checks.as_targets(Y / 2, (8, 1), loss, np.float32).ravel().tolist() == (Y / 2).tolist()
    with pytest.raises(ValueError, match=r"^y: expected labels from 0 to 1"):
        checks.as_targets(Y + 1, (8, 1), loss, np.float32)
