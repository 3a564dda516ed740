"""Hypergradients compared with finite differences of sweeps, and both modes with each other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jfnn
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.stepper import SWEEP_OPTIONS, make_experiment
from jfnn.studies import hypergradient as door

pytestmark = pytest.mark.unoptimized

NETWORK = jfnn.mlp((5, 4, 3), activation="tanh")
STEP = 1e-5  # relative step of the differences
# 20 epochs of 5 steps
OPTIONS = {"l2": 0.3, "epochs": 20, "batch_size": 11, "reduction": "mean", "validation": 0.2}


def central(values, at):
    """Return the derivative from values at ``at`` minus and plus a step."""
    return (values[1] - values[0]) / (2 * STEP * at)


def around(value):
    return [value, value * (1 - STEP), value * (1 + STEP)]


SGD = ("sgd", 0.05, ("momentum", 0.8))
ADAM = ("adam", 0.02, ("b1", 0.8))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "rate", "number", "modes"),
    [
        (*SGD, ["reverse"]),
        (*ADAM, ["forward"]),
        pytest.param(*SGD, ["forward", "reverse"], marks=pytest.mark.slow),
        pytest.param(*ADAM, ["forward", "reverse"], marks=pytest.mark.slow),
    ],
)
def test_both_modes_equal_central_differences_of_the_sweep_over_100_steps(
    name, rate, number, modes, split, x64
):
    optimizer = jfnn.Optimizer(name, **dict([number]))
    names = ("learning_rate", "l2", number[0], "multipliers")
    options = {**OPTIONS, "learning_rate": rate, "optimizer": optimizer, "with_respect_to": names}
    found = [jfnn.hypergradient(NETWORK, split, mode=mode, **options) for mode in modes]
    swept = jfnn.sweep(
        NETWORK,
        split,
        **OPTIONS | {"l2": around(0.3)},
        learning_rate=around(rate),
        optimizer=jfnn.Optimizer(name, **{number[0]: around(number[1])}),
        execution=jfnn.Execution(eval_every=10),
    )
    losses = swept.validation_loss[..., 0]
    stopped = jfnn.hypergradient(
        NETWORK, split, mode=modes[0], multipliers=np.repeat([1.0, 0.0], 10), **options
    )
    assert stopped.value == pytest.approx(swept.history["validation_loss"][0, 0, 0, 0, 0], rel=1e-13)
    for value, gradients in found:
        assert value == pytest.approx(losses[0, 0, 0], rel=1e-13)
        assert gradients["learning_rate"] == pytest.approx(central(losses[1:, 0, 0], rate), rel=1e-6)
        assert gradients["l2"] == pytest.approx(central(losses[0, 1:, 0], 0.3), rel=1e-6)
        assert gradients[number[0]] == pytest.approx(central(losses[0, 0, 1:], number[1]), rel=1e-6)
        for of_name in names:
            np.testing.assert_allclose(gradients[of_name], found[0].gradients[of_name], rtol=1e-9)
        # The rate of an epoch is the product of both.
        assert gradients["multipliers"].shape == (20,)
        assert gradients["multipliers"].sum() == pytest.approx(rate * gradients["learning_rate"], rel=1e-9)
    for epoch in (0, 13):
        ends = [
            jfnn.hypergradient(
                NETWORK, split, mode=modes[0], multipliers=1 + sign * STEP * np.eye(20)[epoch], **options
            )[0]
            for sign in (-1, 1)
        ]
        assert found[0].gradients["multipliers"][epoch] == pytest.approx(central(ends, 1), rel=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_hyperparameter_of_the_scores_contributes_directly_to_the_derivative(mode, x64):
    """Squares are multiplied by a number that changes both the training and the score."""
    x = np.random.default_rng(0).normal(size=(12, 3))
    learner = jfnn.learner(
        lambda key: jax.random.normal(key, (3,)),
        lambda w, x, key, strength: strength * jnp.mean((x @ w - 1) ** 2),
        hyper=["strength"],
    )
    # 10 steps: 3 blocks of 3, and a remainder
    options = {"learning_rate": 0.05, "epochs": 5, "batch_size": 6}
    value, gradients = jfnn.hypergradient(
        *(learner, jfnn.Split(x)), hyper={"strength": 0.7}, with_respect_to="strength", mode=mode, **options
    )
    losses = jfnn.sweep(learner, jfnn.Split(x), hyper={"strength": around(0.7)}, **options).train_loss.ravel()
    assert value == pytest.approx(losses[0], rel=1e-12)
    assert gradients["strength"] == pytest.approx(central(losses[1:], 0.7), rel=1e-6)


@pytest.mark.slow
def test_reverse_mode_memory_grows_with_the_square_root_of_the_steps():
    x = np.random.default_rng(0).normal(size=(40, 5))
    rows = jfnn.Split(x, np.arange(40) % 3)

    def memory(epochs):
        options = Options(NETWORK, rows, learning_rate=0.1, epochs=epochs, batch_size=None)
        program, arguments = door.prepare(options, ("learning_rate", "l2"), None, None, "reverse")
        compiled = (
            jax.jit(program.__wrapped__).lower(*arguments).compile({"xla_backend_optimization_level": 0})
        )
        return compiled.memory_analysis().temp_size_in_bytes

    # 16 times the steps take about 4 times the memory, not 16.
    assert 2 < memory(3600) / memory(225) < 5


@pytest.mark.slow
def test_adam_without_eps_root_is_refused_if_a_gradient_is_always_0(x64):
    x = np.random.default_rng(0).normal(size=(20, 5)) * np.array([1, 1, 0, 1, 1])
    rows = jfnn.Split(x, np.arange(20) % 3)
    options = {"learning_rate": 0.01, "epochs": 4, "batch_size": None}
    with pytest.raises(ValueError, match=r"^with_respect_to: the loss is finite, .*eps_root"):
        jfnn.hypergradient(NETWORK, rows, **options, optimizer="adam")
    kept = jfnn.Optimizer("adam", eps_root=1e-12)
    assert np.isfinite(jfnn.hypergradient(NETWORK, rows, **options, optimizer=kept).gradients["l2"])


def test_sweep_only_options_may_be_passed_at_their_defaults():
    options = {field.name: field.default for field in dataclasses.fields(Options)}
    given = {name: options[name] for name in SWEEP_OPTIONS} | {
        "schedulers": [],
        "execution": jfnn.Execution(),
    }
    x = np.zeros((9, 5))
    made = Options(NETWORK, jfnn.Split(x, np.arange(9) % 3), learning_rate=0.1, batch_size=3, **given)
    assert make_experiment(made).n_cells == 1


def test_sampling_machine_is_refused(split):
    machine = jfnn.boltzmann_machine((5, 3))
    with pytest.raises(TypeError, match=r"^network: it samples discrete states"):
        jfnn.hypergradient(machine, jfnn.Split((split.x_train > 0) * 1.0), learning_rate=0.1, batch_size=7)


@pytest.mark.slow
def test_modes_agree_on_kinds_with_hand_derivatives(x64):
    images = jfnn.Split(np.random.default_rng(0).normal(size=(6, 1, 6, 6)), np.arange(6) % 2)
    network = jfnn.cnn((1, 6, 6), channels=(2,), outputs=2, activation="tanh")
    options = {"learning_rate": 0.05, "epochs": 3, "batch_size": None}
    reverse, forward = (
        jfnn.hypergradient(network, images, **options, mode=mode) for mode in ("reverse", "forward")
    )
    for name, value in reverse.gradients.items():
        assert forward.gradients[name] == pytest.approx(value, rel=1e-9)
    assert jax.tree.leaves(reverse.gradients)


@pytest.mark.slow
def test_value_equals_the_sweeps_with_weights_dropout_schedule_and_short_last_step(split, x64):
    weighted = split._replace(weights=np.linspace(0.5, 1.5, 70))
    options = {
        "learning_rate": 0.05,
        "epochs": 3,
        "batch_size": jfnn.Minibatches(9, "permutation", drop_last=False),
        "hyper": {"dropout": 0.3, "init_scale": 0.7},
        "gradient": "backprop",
    }
    multipliers = np.linspace(1.0, 0.2, 24)
    value, gradients = jfnn.hypergradient(
        NETWORK,
        weighted,
        **options,
        seed=3,
        with_respect_to="init_scale",
        multipliers=multipliers,
        part="train",
        mode="forward",
    )
    schedule = jfnn.Optimizer("sgd", schedule=lambda part: 1 - 0.8 * part * 24 / 23)
    swept = jfnn.sweep(
        NETWORK,
        weighted,
        **options | {"hyper": {"dropout": 0.3, "init_scale": around(0.7)}},
        seeds=[3],
        optimizer=schedule,
    )
    losses = swept.train_loss[0, 0, :, 0]
    assert value == pytest.approx(losses[0], rel=1e-12)
    assert gradients["init_scale"] == pytest.approx(central(losses[1:], 0.7), rel=1e-6)
