"""A custom activation and loss, and learners with state of their own in a sweep."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn import Learner, State, losses

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()
OPTIONS = dict(epochs=4, batch_size=16, seeds=2)


def softplus(z):
    return jnp.logaddexp(z, 0)


def log_cosh(a, t, axis=-1):
    error = jnp.abs(a - t)
    return jnp.sum(error + jnp.log1p(jnp.exp(-2 * error)) - jnp.log(2), axis=axis)


def d_log_cosh(a, t, axis=-1):
    return jnp.tanh(a - t)


TARGETS = SPLIT._replace(y_train=SPLIT.x_train[:, :2], y_test=SPLIT.x_test[:, :2])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("gradient", "recurrent", "expected"),
    [
        ("autodiff", False, set()),
        ("autodiff", True, {"df"}),
        ("backprop", False, {"df", "delta"}),
        ("backprop", True, {"df", "delta"}),
    ],
)
def test_custom_derivatives_are_used_as_documented(gradient, recurrent, expected):
    read = set()

    def noted(name, function):
        return lambda *args, **options: read.add(name) or function(*args, **options)

    activation = jfnn.Activation(softplus, noted("df", jax.nn.sigmoid))
    layer = jfnn.Elman(4, activation) if recurrent else jfnn.Dense(4, activation)
    network = jfnn.sequential([layer, jfnn.Dense(2, "identity")], (5, 1) if recurrent else 5)
    loss = jfnn.Loss(log_cosh, noted("delta", d_log_cosh))
    x = SPLIT.x_train[..., None] if recurrent else SPLIT.x_train
    learner, data = jfnn.supervised(network, loss, gradient=gradient).bind(jfnn.Split(x, TARGETS.y_train))
    hyper = {"learning_rate": jnp.float32(0.1), "l2": jnp.float32(0)}
    state = learner.start(learner.pack(learner.init(jax.random.key(0))), hyper)
    jax.eval_shape(learner.step, state, jfnn.learners.Batch(data.rows), hyper, None)
    assert read == expected


@dataclasses.dataclass(frozen=True)
class HeavyBall(Learner):
    """Softmax regression by gradient descent with momentum, a number of each member."""

    hyper = ("learning_rate", "l2", "momentum")

    def init(self, key):
        return {"w": jax.random.normal(key, (5, 3))}

    def start(self, params, hyper):
        return State(params, jax.tree.map(jnp.zeros_like, params))

    def step(self, state, batch, hyper, key):
        def objective(p):
            return jnp.sum(self.score(p, batch.rows, hyper)["loss"]) + hyper["l2"] * losses.l2_penalty(p)

        value, gradient = jax.value_and_grad(objective)(state.params)
        velocity = hyper["momentum"] * state.memory["w"] - hyper["learning_rate"] * gradient["w"]
        return State({"w": state.params["w"] + velocity}, {"w": velocity}), value

    def score(self, params, rows, hyper):
        return {"loss": losses.cross_entropy(rows[0] @ params["w"], jax.nn.one_hot(rows[1], 3))}

    def describe(self):
        return {"kind": "heavy ball"}


RATES = [0.003, 0.01]
MOMENTA = [0.0, 0.5, 0.9]


@pytest.mark.thorough
def test_learner_with_momentum_equals_the_optimizer():
    options = OPTIONS | {"learning_rate": RATES, "l2": 0.1}
    result = jfnn.sweep(HeavyBall(), SPLIT, hyper={"momentum": MOMENTA}, **options)
    assert list(result.axes) == ["learning_rate", "l2", "momentum"]

    def loss(params, batch, key):
        return jnp.sum(HeavyBall().score(params, batch, {})["loss"])

    momentum = jfnn.Optimizer("sgd", momentum=MOMENTA)
    by_optax = jfnn.sweep(jfnn.learner(HeavyBall().init, loss, optimizer=momentum), SPLIT, **options)
    np.testing.assert_allclose(result.params["w"], by_optax.params["w"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.test_loss, by_optax.test_loss, rtol=1e-5)
    # Members differ by their momentum, which has no effect on the first step alone.
    assert np.abs(result.params["w"][:, :, 1:] - result.params["w"][:, :, :1]).min() > 0


class Counting(HeavyBall):
    takes_weights = True

    def step(self, state, batch, hyper, key):
        def objective(p):
            return jnp.sum(losses.weigh_costs(self.score(p, batch.rows, hyper)["loss"], batch.weights))

        value, gradient = jax.value_and_grad(objective)(state.params)
        return State({"w": state.params["w"] - hyper["learning_rate"] * gradient["w"]}, state.memory), value


@pytest.mark.thorough
def test_learner_that_takes_weights_gets_them():
    options = OPTIONS | {"learning_rate": 0.01, "hyper": {"momentum": 0.0}, "batch_size": None}
    counts = np.arange(len(SPLIT.x_train)) % 3
    weighted = jfnn.sweep(Counting(), SPLIT._replace(weights=counts), **options)
    x, y = (np.repeat(rows, counts, axis=0) for rows in SPLIT[:2])
    repeated = jfnn.sweep(Counting(), SPLIT._replace(x_train=x, y_train=y), **options)
    np.testing.assert_allclose(weighted.params["w"], repeated.params["w"], rtol=1e-4, atol=1e-6)
    assert np.abs(weighted.params["w"] - jfnn.sweep(Counting(), SPLIT, **options).params["w"]).max() > 1e-3


def test_weights_of_a_learner_are_checked():
    for learner, weights in (
        (Counting(), np.ones(3)),
        (Counting(), np.zeros(70)),
        (HeavyBall(), np.ones(70)),
    ):
        with pytest.raises(ValueError, match=r"^weights: expected "):
            learner.bind(SPLIT._replace(weights=weights))


class Costly(HeavyBall):
    def score(self, params, rows, hyper):
        return {"loss": super().score(params, rows, hyper)["loss"] + hyper["momentum"]}


@pytest.mark.thorough
@pytest.mark.optimized
def test_learner_scores_with_its_hyperparameters_with_the_same_bits_alone_and_in_any_segments():
    options = OPTIONS | {"learning_rate": RATES, "hyper": {"momentum": MOMENTA}}
    free = jfnn.sweep(HeavyBall(), SPLIT, execution=jfnn.Execution(eval_every=1), **options)
    costly = jfnn.sweep(Costly(), SPLIT, **options)
    assert same_bits(free.params, costly.params)
    for name in ("train_loss", "test_loss"):
        expected = free.scores[name] + np.array(MOMENTA)[:, None]
        np.testing.assert_allclose(costly.scores[name], expected, rtol=1e-6)
    trained = jfnn.train(
        *(Costly(), SPLIT.x_train, SPLIT.y_train),
        **dict(learning_rate=0.01, hyper={"momentum": 0.9}, epochs=4, batch_size=16, seed=1),
        execution=costly.execution,
    )
    alone = trained.params
    assert same_bits(alone, costly.member(1, 0, 2, 1))
    assert trained.history["train_loss"][-1] == costly.train_loss[1, 0, 2, 1]


class Marked(HeavyBall):
    """Marks each epoch in the parameters, or makes them infinite if the momentum is large."""

    def end_epoch(self, before, after, hyper):
        w = jnp.where(hyper["momentum"] > 0.5, before.params["w"], after.params["w"] + 1)
        return State({"w": w}, after.memory)


@pytest.mark.thorough
def test_end_epoch_is_called_once_in_any_segments():
    options = OPTIONS | {"learning_rate": 1e-30, "hyper": {"momentum": [0.0, 0.9]}}
    results = [
        jfnn.sweep(Marked(), SPLIT, execution=jfnn.Execution(eval_every=every), **options)
        for every in (None, 1)
    ]
    for result in results:
        for seed in range(2):
            start = HeavyBall().init(jax.random.key(seed))
            marked, left = (result.member(0, 0, i, seed)["w"] for i in range(2))
            np.testing.assert_allclose(marked, start["w"] + options["epochs"], rtol=1e-6)
            assert same_bits(left, start["w"])


class OnTheLastAxis(HeavyBall):
    """Keeps members on the last axis during training, with the default step."""

    def fits_last(self, platform, members, batch, separate):
        return True


@pytest.mark.thorough
@pytest.mark.parametrize("shared", [True, False])
def test_default_step_is_mapped_over_members_on_the_last_axis(shared):
    execution = jfnn.Execution(tile=4, shared=shared)
    options = OPTIONS | {"learning_rate": RATES, "hyper": {"momentum": MOMENTA}, "execution": execution}
    first = jfnn.sweep(HeavyBall(), SPLIT, **options)
    last = jfnn.sweep(OnTheLastAxis(), SPLIT, **options)
    np.testing.assert_allclose(last.params["w"], first.params["w"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last.test_loss, first.test_loss, rtol=1e-5)


@dataclasses.dataclass(frozen=True)
class Shuffled(Learner):
    """Least squares on columns in an order drawn at the start; it counts its steps."""

    def init(self, key):
        return {"w": jax.random.normal(key, (5,)), "order": jax.random.permutation(key, 5), "steps": 0}

    def start(self, params, hyper):
        return State(params, ())

    def step(self, state, batch, hyper, key):
        def objective(w):
            return jnp.mean(self.score(state.params | {"w": w}, batch.rows, hyper)["loss"])

        value, gradient = jax.value_and_grad(objective)(state.params["w"])
        moved = {
            "w": state.params["w"] - hyper["learning_rate"] * gradient,
            "steps": state.params["steps"] + 1,
        }
        return State(state.params | moved, ()), value

    def score(self, params, rows, hyper):
        return {"loss": (rows[0][:, params["order"]] @ params["w"] - rows[1]) ** 2}

    def describe(self):
        return {"kind": "shuffled"}


ODD = 2**24 + 1  # not representable in float32


@pytest.mark.thorough
def test_integers_among_parameters_keep_their_type(dtype, tmp_path):
    rows = jfnn.Split(SPLIT.x_train.astype(dtype), SPLIT.x_train[:, 0].astype(dtype))
    options = OPTIONS | {"learning_rate": [0.01, 0.1]}
    result = jfnn.sweep(Shuffled(), rows, **options)
    result.save(tmp_path)
    for params in (result.params, jfnn.load(tmp_path).params):
        whole = np.dtype("int64" if dtype == np.float64 else "int32")
        assert [params[name].dtype for name in ("w", "order", "steps")] == [dtype, whole, whole]
        assert (params["steps"] == 16).all()
        for seed in range(2):
            orders = params["order"][:, 0, seed]
            start = Shuffled().init(jax.random.key(seed))["order"]
            np.testing.assert_array_equal(orders, np.broadcast_to(start, orders.shape))
            moved = rows.x_train[:, orders[1]] @ params["w"][1, 0, seed]
            expected = np.mean((moved - rows.y_train) ** 2)
            np.testing.assert_allclose(result.train_loss[1, 0, seed], expected, rtol=1e-5)
    started = jax.tree.map(np.asarray, Shuffled().init(jax.random.key(0))) | {"steps": ODD}
    further = jfnn.sweep(Shuffled(), rows, initial_params=started, **options)
    np.testing.assert_array_equal(further.params["steps"], ODD + 16)
    np.testing.assert_array_equal(further.params["order"], np.broadcast_to(started["order"], (2, 1, 2, 5)))


@pytest.mark.parametrize("order", [[0.5, 1, 2, 3, 4], [2**40, 1, 2, 3, 4], [True] * 5, ["a"] * 5])
def test_initial_integers_must_be_integers(order):
    started = {"w": np.zeros(5), "order": np.array(order), "steps": 0}
    with pytest.raises((ValueError, TypeError), match=r"^initial_params: "):
        jfnn.sweep(Shuffled(), SPLIT, initial_params=started, learning_rate=0.1, **OPTIONS)


# Name -> the methods of a broken learner.
BROKEN = {
    "its state changes form in a step": {
        "step": lambda *_: (State({"w": jnp.zeros((5, 3))}, ()), jnp.float32(0))
    },
    "one score for all rows": {"score": lambda self, params, rows, hyper: {"loss": jnp.sum(rows[0])}},
    "inputs of another width": {"init": lambda self, key: {"w": jnp.zeros((4, 3))}},
    "parameters of 16 bits": {"init": lambda self, key: {"w": jnp.zeros((5, 3), jnp.bfloat16)}},
    "other parameters at the start": {
        "init": lambda self, key: {"w": jnp.zeros((5, 3), int)},
        "start": lambda self, params, hyper: HeavyBall.start(self, {"w": params["w"] + 0.5}, hyper),
    },
    "draws without a key": {
        "step": lambda self, state, batch, hyper, key: HeavyBall.step(
            self, state, batch, hyper | {"l2": jax.random.uniform(key)}, None
        )
    },
}


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_learner_is_refused_before_compiling(name):
    learner = type("Broken", (HeavyBall,), BROKEN[name])()
    options = OPTIONS | {"learning_rate": 0.1, "hyper": {"momentum": 0.9}}
    with pytest.raises(ValueError, match=r"^network: ") as caught:
        jfnn.sweep(learner, SPLIT, **options, execution=jfnn.Execution(progress=pytest.fail))
    assert "\n" not in str(caught.value)
