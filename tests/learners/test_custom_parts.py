"""Invalid custom layers, activations, losses and schedulers are refused by name before training."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import complaint, noise_split, refusal

import jfnn
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare
from jfnn.schedulers import Actions

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()
ARCTAN = jfnn.Activation(jnp.arctan, lambda z: 1 / (1 + z**2))


@dataclasses.dataclass(frozen=True)
class Gain(jfnn.LayerKind):
    """Multiplies each feature by a number, as in docs/extending.md."""

    def output_shape(self, shape):
        return shape

    def init(self, key, shape):
        return jnp.ones(shape)

    def forward(self, gain, a):
        return gain[:, None] * a, (a, "residuals need not be arrays")

    def pull_back(self, gain, residuals, d_out):
        return jnp.sum(d_out * residuals[0], axis=1), gain[:, None] * d_out


def with_pull_back(by_gain, by_inputs):
    """Return the layer with other derivatives, functions of (gain, a, d_out)."""

    def pull_back(self, gain, residuals, d_out):
        return by_gain(gain, residuals[0], d_out), by_inputs(gain, residuals[0], d_out)

    return type("Gain", (Gain,), {"pull_back": pull_back})()


def changed(**methods):
    return type("Gain", (Gain,), methods)()


def by_gain(gain, a, d_out):
    return jnp.sum(d_out * a, axis=1)


def by_inputs(gain, a, d_out):
    return gain[:, None] * d_out


SCALAR = with_pull_back(lambda gain, a, d_out: jnp.sum(d_out * a), by_inputs)
ONE_ROW = with_pull_back(by_gain, lambda gain, a, d_out: jnp.sum(d_out, axis=0, keepdims=True))
HALVES = with_pull_back(lambda *arguments: by_gain(*arguments).astype(jnp.float16), by_inputs)
PASSED_ON = with_pull_back(by_gain, lambda gain, a, d_out: d_out)


def network(layer, activation=ARCTAN):
    return jfnn.sequential([layer, jfnn.Dense(4, activation), jfnn.Dense(3, "identity")], inputs=5)


def loss(cost=None, derivative=None):
    """Return the sum of squares with another cost or derivative."""
    return jfnn.Loss(
        cost or (lambda a, t, axis=-1: jnp.sum((a - t) ** 2, axis=axis)),
        derivative or (lambda a, t, axis=-1: 2 * (a - t)),
    )


def prepare_layer(layer, **options):
    given = {"learning_rate": 0.1, "gradient": "backprop", "batch_size": None}
    return prepare(Options(network(layer), SPLIT, **given | options))


# A call -> the argument, and the name of the invalid part.
WRONG = {
    "gradient of another shape": (lambda: prepare_layer(SCALAR), "network", "pull_back"),
    "inputs of another shape": (lambda: prepare_layer(ONE_ROW), "network", "pull_back"),
    "gradient of another dtype": (lambda: prepare_layer(HALVES), "network", "pull_back"),
    "in a residual block": (
        lambda: prepare_layer(jfnn.Residual([ONE_ROW])),
        *("network", "pull_back of layer 1 of 1 (Gain) in layer 1 of 3 (Residual)"),
    ),
    "one derivative": (
        lambda: prepare_layer(changed(pull_back=lambda self, gain, a, d_out: d_out)),
        *("network", "pull_back"),
    ),
    "a pull-back that fails": (
        lambda: prepare_layer(changed(pull_back=lambda self, gain, a, d_out: 1 / 0)),
        *("network", "pull_back"),
    ),
    "no residuals": (lambda: prepare_layer(changed(forward=lambda self, gain, a: a)), "network", "forward"),
    "nothing": (lambda: prepare_layer(changed(forward=lambda self, gain, a: None)), "network", "forward"),
    "no init": (lambda: prepare_layer(changed(init=jfnn.LayerKind.init)), "network", "forward"),
    "init that fails": (lambda: prepare_layer(changed(init=lambda self, key: 0.0)), "network", "init"),
    "a false shape": (
        lambda: prepare_layer(changed(output_shape=lambda self, shape: (6,))),
        *("network", "forward"),
    ),
    "a number for a shape": (
        lambda: network(changed(output_shape=lambda self, shape: 5)),
        *("layers", "output_shape"),
    ),
    "a cost that is not summed": (
        lambda: prepare_layer(Gain(), loss=loss(lambda a, t, axis=-1: (a - t) ** 2)),
        *("loss", "cost"),
    ),
    "a cost that sums over the last axis": (
        lambda: prepare_layer(
            Gain(), loss=loss(lambda a, t, axis: jnp.sum((a - t) ** 2, -1)), gradient="autodiff"
        ),
        *("loss", "cost"),
    ),
    "a cost without axis": (
        lambda: prepare_layer(Gain(), loss=loss(lambda a, t: jnp.sum((a - t) ** 2, -1))),
        *("loss", "cost"),
    ),
    "a derivative of another shape": (
        lambda: prepare_layer(Gain(), loss=loss(derivative=lambda a, t, axis=-1: jnp.sum(a - t, axis))),
        *("loss", "derivative"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_invalid_part_is_refused_by_name_before_compilation(name):
    call, argument, part = WRONG[name]
    error = refusal(call)
    assert complaint(error, {argument}) is None
    assert part in str(error) and (argument == "loss" or "layer 1 of 3" in str(error))


def check_derivatives(layer=None, activation=ARCTAN, of_loss=None, x=SPLIT.x_train):
    return jfnn.check_gradients(network(layer or Gain(), activation), x, SPLIT.y_train, of_loss or loss())


@pytest.mark.thorough
@pytest.mark.parametrize("x64", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_correct_derivatives_differ_only_by_rounding(x64):
    with jax.enable_x64(x64):
        found = check_derivatives(x=SPLIT.x_train.astype(float))
    eps = np.finfo(np.float64 if x64 else np.float32).eps
    assert list(found)[-1] == "the loss" and len(found) == 7
    assert max(found.values()) < 20 * eps


FIRST = "layer 1 of 3 (Gain)"
# Wrong derivatives -> the argument, and the only names reported.
DIFFERENT = {
    "inputs": (lambda: check_derivatives(PASSED_ON), "network", [f"{FIRST} by its inputs"]),
    "parameters": (
        lambda: check_derivatives(with_pull_back(lambda *arguments: -by_gain(*arguments), by_inputs)),
        *("network", [f"{FIRST} by its parameters"]),
    ),
    "activation": (
        lambda: check_derivatives(activation=jfnn.Activation(jnp.arctan, lambda z: 1 / (1 + z))),
        *("network", [f"layer 2 of 3 (Dense) by its {what}" for what in ("parameters", "inputs")]),
    ),
    "delta": (
        lambda: check_derivatives(of_loss=loss(derivative=lambda a, t, axis=-1: a - t)),
        "loss",
        ["the loss"],
    ),
    "no number": (
        lambda: check_derivatives(of_loss=loss(derivative=lambda a, t, axis=-1: jnp.nan * a)),
        *("loss", ["the loss"]),
    ),
    "shape": (lambda: check_derivatives(SCALAR), "network", [f"pull_back of {FIRST}"]),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", DIFFERENT)
def test_wrong_derivative_is_reported_with_the_name_of_its_layer(name):
    call, argument, names = DIFFERENT[name]
    with pytest.raises(ValueError, match=rf"^{argument}: ") as caught:
        call()
    assert all(one in str(caught.value) for one in names)
    assert str(caught.value).count(" for ") == (0 if name == "shape" else len(names))


def test_reported_error_is_relative_to_the_largest_derivative():
    """With ``δ = a - t`` instead of ``2 (a - t)``, half of each number is missing."""
    with pytest.raises(ValueError, match=r"got 0\.5 for the loss$"):
        check_derivatives(of_loss=loss(derivative=lambda a, t, axis=-1: a - t))


@pytest.mark.thorough
def test_tokens_and_constants_have_no_derivative():
    net = jfnn.sequential(
        [jfnn.Embedding(4, 3), jfnn.Frozen(jfnn.Elman(2, ARCTAN)), jfnn.Flatten(), jfnn.Dense(3, "identity")],
        5,
    )
    x = np.arange(40).reshape(8, 5) % 4
    found = jfnn.check_gradients(net, x, np.arange(8) % 3)
    assert "layer 1 of 4 (Embedding) by its inputs" not in found
    assert found["layer 2 of 4 (Frozen) by its parameters"] == 0 and max(found.values()) < 1e-5


@pytest.mark.thorough
def test_layers_of_a_residual_block_are_checked_with_the_inputs_of_the_block():
    block = jfnn.Residual([jfnn.Dense(5, ARCTAN)])  # takes one axis, but the network's inputs have two
    net = jfnn.sequential([jfnn.Flatten(), block, jfnn.Dense(3, "identity")], (5, 1))
    assert max(jfnn.check_gradients(net, SPLIT.x_train[:, :, None], SPLIT.y_train).values()) < 1e-5


@dataclasses.dataclass(frozen=True)
class Idle(jfnn.Scheduler):
    given: object

    def next_epoch(self, epoch, cells, epochs):
        return epoch + 1

    def update(self, state, report):
        return self.given


@pytest.mark.thorough
@pytest.mark.parametrize("given", [Actions(), ((), None), None], ids=["actions", "no actions", "nothing"])
def test_invalid_return_value_of_a_scheduler_is_shown(given):
    with pytest.raises(TypeError, match=r"^schedulers: expected \(state, .*Idle\.update, got ") as caught:
        jfnn.sweep(
            jfnn.mlp((5, 3)), SPLIT, learning_rate=0.1, epochs=1, batch_size=None, schedulers=[Idle(given)]
        )
    assert str(caught.value).endswith(repr(given))


def test_error_in_a_custom_loss_is_chained():
    def failing(params, batch, key):
        raise ZeroDivisionError("mine")

    learner = jfnn.learner(lambda key: jnp.ones(5), failing)
    with pytest.raises(ValueError, match=r"^loss: ") as caught:
        prepare(Options(learner, SPLIT, learning_rate=0.1))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
