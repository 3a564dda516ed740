"""What users get wrong: one clear error that begins with the argument's name, before anything is trained.

Options of the doors are in search/test_refusals.py; here are data, parameters, networks and functions.
"""

import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jfnn
from jfnn import activations, checks, datasets, losses
from jfnn.experiment.options import Options
from jfnn.minibatches import Minibatches
from jfnn.optimizers import UpdateRule
from jfnn.search.sweep import prepare
from jfnn.targets import as_targets

pytestmark = pytest.mark.unoptimised

NET = jfnn.mlp((2, 3, 2))
X, Y = np.random.default_rng(0).normal(size=(8, 2)), np.arange(8) % 2
PARAMS = NET.init(jax.random.key(0))
NAN_AT = np.where(np.arange(16).reshape(8, 2) == 5, np.nan, X)


def check_sweep(net=NET, x=X, y=Y, x_test=None, y_test=None, weights=None, **options):
    """All that `jfnn.sweep` does before it trains."""
    options = {"learning_rate": 0.1, "batch_size": 4, "epochs": 1, **options}
    return prepare(Options(net, jfnn.Split(x, y, x_test, y_test, weights), **options))


def objective(x=X, y=Y, net=NET, params=PARAMS, **options):
    return jfnn.objective(net, params, x, y, **options)


def backprop(x=X, y=Y, params=PARAMS, **options):
    return jfnn.backprop.value_and_grad(params, x, y, **options)


def predict(x=X, params=PARAMS):
    return jfnn.predict(NET, params, x)


def predict_proba(x=X, params=PARAMS):
    return jfnn.predict_proba(NET, params, x)


def accuracy(x=X, y=Y, params=PARAMS):
    return jfnn.accuracy(NET, params, x, y)


def masked(array):
    """The array with one entry masked."""
    array = np.ma.masked_array(array)
    array[(1,) * array.ndim] = np.ma.masked
    return array


def scaled(factor):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64) * factor, PARAMS)


# What sweep takes -> the argument that the error must name.
SWEEP_ERRORS = [
    # Inputs and targets
    ({"x": NAN_AT}, "x_train", ValueError),
    ({"x": np.where(np.isnan(NAN_AT), np.inf, X)}, "x_train", ValueError),
    ({"x": X[:, :1]}, "x_train", ValueError),
    ({"x": X[:, 0]}, "x_train", ValueError),
    ({"x": X[:0], "y": Y[:0]}, "x_train", ValueError),
    ({"x": X.astype(str)}, "x_train", TypeError),
    ({"x": X + 0j}, "x_train", TypeError),
    ({"x": masked(X)}, "x_train", ValueError),
    ({"x": [[1, 2], [3]]}, "x_train", ValueError),
    ({"y": Y[:-1]}, "y_train", ValueError),
    ({"y": Y + 1}, "y_train", ValueError),
    ({"y": Y - 1}, "y_train", ValueError),
    ({"y": Y.astype(str)}, "y_train", TypeError),
    ({"y": Y + 0j}, "y_train", TypeError),
    ({"y": Y.astype(float)}, "y_train", ValueError),
    ({"y": masked(Y)}, "y_train", ValueError),
    ({"y": np.eye(3)[Y]}, "y_train", ValueError),
    ({"y": np.eye(2)[Y] * np.nan}, "y_train", ValueError),
    ({"y": np.eye(2)[Y] * 2}, "y_train", ValueError),
    ({"y": np.eye(2)[Y] / 2}, "y_train", ValueError),
    ({"y": None}, "y_train", (TypeError, ValueError)),
    ({"x_test": NAN_AT, "y_test": Y}, "x_test", ValueError),
    ({"x_test": X[:, :1], "y_test": Y}, "x_test", ValueError),
    ({"x_test": masked(X), "y_test": Y}, "x_test", ValueError),
    ({"x_test": X, "y_test": Y + 1}, "y_test", ValueError),
    ({"x_test": X, "y_test": Y[:-1]}, "y_test", ValueError),
    ({"x_test": X, "y_test": masked(Y)}, "y_test", ValueError),
    ({"y_test": Y}, "x_test", ValueError),
    # Sample weights
    ({"weights": masked(np.ones(8))}, "weights", ValueError),
    ({"weights": np.ones(8) + 0j}, "weights", TypeError),
    ({"weights": np.full(8, 1e39)}, "weights", ValueError),
    ({"weights": np.full(8, 1e-60)}, "weights", ValueError),
    ({"weights": Y, "gradient": lambda p, x, t, *, l2: (l2, p)}, "weights", ValueError),
    # Networks
    ({"net": jfnn.mlp((3, 2))}, "x_train", ValueError),
    ({"net": jfnn.mlp((2, 1))}, "loss", ValueError),
    ({"net": jfnn.mlp((2, 1)), "loss": "softmax_binary_cross_entropy"}, "loss", ValueError),
    ({"net": jfnn.mlp((2, 2), output="sigmoid")}, "loss", ValueError),
    ({"net": jfnn.mlp((2, 2), output="tanh"), "loss": "sigmoid_cross_entropy"}, "loss", ValueError),
    ({"net": lambda x: x}, "network", TypeError),
    ({"net": types.SimpleNamespace(init=NET.init, apply=NET.apply)}, "network", TypeError),
    ({"net": NET._replace(apply=lambda params, x: NET.apply(params, 2 * x))}, "network", ValueError),
    # Starting parameters
    ({"initial_params": PARAMS[:1]}, "initial_params", ValueError),
    ({"initial_params": jfnn.mlp((2, 4, 2)).init(jax.random.key(0))}, "initial_params", ValueError),
    ({"initial_params": scaled(1j)}, "initial_params", TypeError),
    ({"initial_params": jax.tree.map(masked, scaled(1))}, "initial_params", ValueError),
    # Numbers
    ({"learning_rate": masked([0.1, 0.2, 0.3])}, "learning_rate", ValueError),
    ({"l2": masked([0.1, 0.2, 0.3])}, "l2", ValueError),
    ({"hyper": {"dropout": jnp.array([0.0, 1.0])}}, "dropout", ValueError),
    ({"optimizer": jfnn.Optimizer(momentum=[0.9, np.inf])}, "momentum", ValueError),
    ({"optimizer": jfnn.Optimizer(momentum=1e39)}, "momentum", ValueError),
    ({"optimizer": jfnn.Optimizer("adamw", mask={})}, "optimizer", TypeError),
    ({"optimizer": jfnn.Optimizer("adam", learning_rate=0.1)}, "optimizer", ValueError),
    ({"seeds": [0, 2**32]}, "seeds", ValueError),
    # What the arithmetic's dtype has no room for
    ({"x": X * 1e39}, "x_train", ValueError),
    ({"x_test": X * 1e39, "y_test": Y}, "x_test", ValueError),
]


@pytest.mark.parametrize(("given", "argument", "error"), SWEEP_ERRORS)
def test_sweep_names_the_argument_before_anything_is_trained(given, argument, error):
    with pytest.raises(error, match=rf"^{argument}: ") as caught:
        check_sweep(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["learning_rate", "l2", "seed"])
def test_train_takes_one_number_of_each(name):
    with pytest.raises(TypeError, match=rf"^{name}: "):
        jfnn.train(
            NET,
            X,
            Y,
            **{"learning_rate": 0.1, "batch_size": 4, name: [1, 2]},
            execution=jfnn.Execution(progress=pytest.fail),
        )


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
        (lambda: Minibatches(4, "foo").checked(8), "minibatch", ValueError),
        (lambda: Minibatches(9).checked(8), "batch_size", ValueError),
        (lambda: jfnn.Optimizer("foo"), "optimizer", ValueError),
        (lambda: jfnn.Optimizer("apply_updates"), "optimizer", ValueError),
        (lambda: jfnn.Optimizer("clip"), "optimizer", ValueError),
        (lambda: jfnn.Optimizer("adam", schedule="foo"), "schedule", ValueError),
        (lambda: jfnn.Optimizer("adam", schedule="cosine", schedule_epochs=0), "schedule_epochs", ValueError),
        (lambda: jfnn.Optimizer("adam", schedule_epochs=3), "schedule_epochs", ValueError),
        (lambda: UpdateRule(optax.noisy_sgd).check(PARAMS), "optimizer", ValueError),
        (lambda: jfnn.Dense(0), "units", ValueError),
        (lambda: jfnn.Dense(2.5), "units", TypeError),
        (lambda: jfnn.Dense(2, "foo"), "activation", ValueError),
        (lambda: jfnn.Dense(2, "tanh", "foo"), "init", ValueError),
        (lambda: jfnn.sequential([], 2), "layers", ValueError),
        (lambda: jfnn.sequential([3], 2), "layers", TypeError),
        (lambda: jfnn.sequential([jfnn.Dense(3)], (8, 8)), "layers", ValueError),
        (lambda: jfnn.sequential([jfnn.Dense(3)], 0), "inputs", ValueError),
        (lambda: jfnn.sequential([jfnn.Dense(3)], "2"), "inputs", TypeError),
        (lambda: jfnn.sequential([jfnn.Dense(3)], 2.5), "inputs", TypeError),
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
        ({"weights": Y + 0j}, "weights", TypeError),
        ({"weights": masked(np.ones(8))}, "weights", ValueError),
        ({"l2": -0.1}, "l2", ValueError),
        ({"l2": np.nan}, "l2", ValueError),
        ({"l2": np.inf}, "l2", ValueError),
        ({"l2": np.array([0.1, 0.2])}, "l2", ValueError),
        ({"dropout": 1.0, "key": jax.random.key(0)}, "dropout", ValueError),
        ({"dropout": np.nan}, "dropout", ValueError),
        ({"dropout": 0.5}, "key", ValueError),
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
    assert as_targets(Y, (8, 1), loss, np.float32).ravel().tolist() == Y.tolist()
    assert as_targets(Y / 2, (8, 1), loss, np.float32).ravel().tolist() == (Y / 2).tolist()
    with pytest.raises(ValueError, match=r"^y: expected labels from 0 to 1"):
        as_targets(Y + 1, (8, 1), loss, np.float32)


FUNCTIONS = {"objective": objective, "backprop": backprop, "predict": predict}
FUNCTIONS |= {"predict_proba": predict_proba, "accuracy": accuracy}
OWN = jfnn.Network(lambda key: {"w": jnp.ones((2, 2))}, lambda params, x: x @ params["w"])


def big_endian(array):
    array = np.asarray(array)
    return array.astype(array.dtype.newbyteorder(">"))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_other_byte_orders_are_the_same_numbers_also_after_native_ones(name, kind):
    """A function compiled for native arrays of a shape and kind must not read others' bytes as its own."""
    function = FUNCTIONS[name]
    given = {"x": X.astype(kind), "params": jax.tree.map(lambda leaf: np.asarray(leaf, kind), PARAMS)}
    given |= (
        {} if name.startswith("predict") else {"y": Y if name == "accuracy" else np.eye(2, dtype=kind)[Y]}
    )
    expected = function(**given)
    for argument, value in given.items():
        swapped = jax.tree.map(big_endian, value)
        assert not any(leaf.dtype.isnative for leaf in jax.tree.leaves(swapped))
        jax.tree.map(np.testing.assert_array_equal, function(**given | {argument: swapped}), expected)


def test_other_byte_orders_reach_networks_of_ones_own_and_weights():
    params, weights = {"w": np.eye(2)}, np.linspace(0, 2, 8)
    expected = jfnn.objective(OWN, params, X, Y, weights=weights)
    swapped = jax.tree.map(big_endian, (params, X, Y, weights))
    assert jfnn.objective(OWN, *swapped[:3], weights=swapped[3]) == expected
    np.testing.assert_array_equal(jfnn.predict(OWN, *swapped[:2]), jfnn.predict(OWN, params, X))


def test_a_sweep_of_other_byte_orders_has_the_same_data_and_starts():
    plain = check_sweep(x_test=X, y_test=Y, weights=np.ones(8), initial_params=scaled(1.0))
    swapped = check_sweep(
        x=big_endian(X),
        y=big_endian(Y),
        x_test=big_endian(X),
        y_test=big_endian(Y),
        weights=big_endian(np.ones(8)),
        initial_params=jax.tree.map(big_endian, scaled(1.0)),
        learning_rate=big_endian(np.array([0.1])),
    )
    assert swapped.description == plain.description
    data, replicate = swapped.experiment.data, swapped.experiment.replicates[0]
    assert all(leaf.dtype.isnative for leaf in jax.tree.leaves((data.rows, data.weights, replicate.params)))


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, argument)
        for name in FUNCTIONS
        for argument in ("x", "params", *(() if name.startswith("predict") else ("y",)))
    ],
)
def test_masked_entries_are_refused_and_arrays_without_them_are_plain(name, argument):
    function, plain = FUNCTIONS[name], {"x": X, "y": Y, "params": scaled(1.0)}[argument]
    named = "labels" if (name, argument) == ("accuracy", "y") else argument
    with pytest.raises(ValueError, match=rf"^{named}: .*masked"):
        function(**{argument: jax.tree.map(masked, plain)})
    unmasked = function(**{argument: jax.tree.map(np.ma.masked_array, plain)})
    jax.tree.map(np.testing.assert_array_equal, unmasked, function(**{argument: plain}))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "backprop"])
@pytest.mark.parametrize(
    ("params", "error"),
    [
        (jfnn.mlp((2, 4, 2)).init(jax.random.key(0)), ValueError),
        (jfnn.mlp((2, 3, 3, 2)).init(jax.random.key(0)), ValueError),
        (PARAMS[1:], ValueError),
        ((PARAMS[1], PARAMS[0]), ValueError),
        (tuple((layer.w.T, layer.b) for layer in PARAMS), ValueError),
        ({"w": PARAMS[0].w}, ValueError),
        (jax.tree.map(lambda leaf: np.asarray(leaf, int), PARAMS), ValueError),
        (scaled(1j), TypeError),
        (jax.tree.map(lambda leaf: np.asarray(leaf).astype(str), PARAMS), ValueError),
        (None, ValueError),
        (3.0, ValueError),
    ],
)
def test_params_of_another_network_are_refused(name, params, error):
    with pytest.raises(error, match=r"^params: "):
        FUNCTIONS[name](params=params)


def test_the_hand_derivation_reads_the_network_off_parameters_that_fit_each_other():
    apart = (PARAMS[0], jfnn.mlp((2, 4, 2)).init(jax.random.key(0))[1])
    with pytest.raises(ValueError, match=r"^params: "):
        backprop(params=apart)
    with pytest.raises(ValueError, match=r"^x: "):
        backprop(params=jfnn.mlp((3, 2)).init(jax.random.key(0)))
