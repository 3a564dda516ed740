"""Constants among parameters are kept, saved and scored, but not trained, penalized or pruned."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compilations, float64_first, same_bits

import jfnn
from jfnn import Dense
from jfnn.analysis.sharpness import sharpness
from jfnn.layers import Constant, Frozen
from jfnn.studies.lyapunov import lyapunov

pytestmark = pytest.mark.unoptimized

WHOLE = jfnn.sequential([Frozen(Dense(6, "tanh")), Dense(4, "tanh"), Dense(3, "identity")], 5)
REST = jfnn.sequential([Dense(4, "tanh"), Dense(3, "identity")], 6)
OPTIONS = dict(learning_rate=[0.02, 0.05], l2=[0.0, 0.3], epochs=3, batch_size=10, seeds=2)
RUNS = {
    "autodiff": {},
    "by hand": {"gradient": "backprop"},
    "members last": {"execution": jfnn.Execution(tile=16), "batch_size": 8},
    "members last, by hand": {
        "execution": jfnn.Execution(tile=16),
        "batch_size": 8,
        "gradient": "backprop",
    },
    "weight decay": {"optimizer": jfnn.Optimizer("adamw", weight_decay=0.5)},
    "a norm of all gradients": {"optimizer": "lars"},
    "factors of the start": {"hyper": {"init_scale": 2.0}},
    "other rates": {
        "whole": jfnn.sequential(
            [Frozen(Dense(6, "tanh")), jfnn.Scaled(Dense(4, "tanh")), Dense(3, "identity")], 5
        )
    },
}


def features(starts, split):
    """Return the split with the outputs of one seed's frozen layer as inputs."""
    w, b = (np.asarray(leaf, np.float64) for leaf in starts[0].value)
    x_train, x_test = (np.tanh(x @ w + b).astype(split.x_train.dtype) for x in (split.x_train, split.x_test))
    return split._replace(x_train=x_train, x_test=x_test)


@pytest.mark.thorough
@pytest.mark.parametrize("name", RUNS)
@float64_first
def test_layers_after_a_frozen_one_train_as_on_its_outputs(name, dtype, split):
    split = split._replace(x_train=split.x_train.astype(dtype), x_test=split.x_test.astype(dtype))
    changes = dict(RUNS[name])
    result = jfnn.sweep(changes.pop("whole", WHOLE), split, **OPTIONS | changes)
    starts = jfnn.sweep(WHOLE, split, **OPTIONS | {"epochs": 0}).params
    assert same_bits(result.params[0], starts[0])
    close = {"rtol": 3e3 * np.finfo(dtype).eps, "atol": 1e3 * np.finfo(dtype).eps}
    for seed in range(2):
        start = jax.tree.map(lambda leaf, seed=seed: leaf[0, 0, seed], starts)
        options = OPTIONS | changes | {"seeds": [seed]}
        alone = jfnn.sweep(REST, features(start, split), initial_params=start[1:], **options)
        pairs = zip(jax.tree.leaves(result.params[1:]), jax.tree.leaves(alone.params), strict=True)
        for whole, rest in pairs:
            np.testing.assert_allclose(whole[:, :, seed], rest[:, :, 0], **close)
        np.testing.assert_allclose(result.test_loss[..., seed], alone.test_loss[..., 0], **close)


def init(key):
    one, other, order = jax.random.split(key, 3)
    return {
        "w": jax.random.normal(one, (5, 2)),
        "teacher": Constant(
            {"w": jax.random.normal(other, (5, 2)), "order": jax.random.permutation(order, 2)}
        ),
    }


def loss(params, batch, key):
    teacher = params["teacher"].value
    return jnp.mean((batch @ params["w"] - (batch @ teacher["w"])[:, teacher["order"]]) ** 2)


@pytest.mark.thorough
def test_teacher_of_each_seed_is_learned_saved_and_continued(split, tmp_path):
    rows = jfnn.Split(split.x_train, None, split.x_test)
    learner = jfnn.learner(init, loss, optimizer=jfnn.Optimizer("adamw", weight_decay=1e-4))
    result = jfnn.sweep(learner, rows, learning_rate=0.05, epochs=60, batch_size=20, seeds=3, out=tmp_path)
    for seed in range(3):
        start = init(jax.random.key(seed))
        params = result.member(0, 0, seed)
        assert same_bits(params["teacher"], jax.tree.map(np.asarray, start["teacher"]))
        assert params["teacher"].value["order"].dtype == np.int32
        teacher = start["teacher"].value
        np.testing.assert_allclose(params["w"], teacher["w"][:, teacher["order"]], atol=0.02)
    assert (result.test_loss < 1e-3).all()
    again = jfnn.load(tmp_path)
    assert isinstance(again.params["teacher"], Constant) and same_bits(again.params, result.params)
    more = jfnn.sweep(
        learner, rows, learning_rate=0.05, batch_size=20, seeds=3, epochs=1, initial_params=again.params
    )
    assert same_bits(more.params["teacher"], result.params["teacher"])


def test_penalty_excludes_constants():
    params = init(jax.random.key(0))
    assert jfnn.losses.l2_penalty(params) == jfnn.losses.l2_penalty({"w": params["w"]})


@pytest.mark.thorough
def test_frozen_layer_is_not_pruned(split):
    learner = jfnn.pruned(WHOLE, every=1, rounds=2, share=0.5)
    result = jfnn.sweep(learner, split, learning_rate=0.05, epochs=3, batch_size=10)
    frozen = result.params[0].value
    assert same_bits(
        frozen, jfnn.sweep(WHOLE, split, learning_rate=0.05, epochs=0, batch_size=10).params[0].value
    )
    assert [np.count_nonzero(layer.w) for layer in result.params[1:]] == [6, 3]
    np.testing.assert_allclose(learner.share_left(result.params), 9 / 36)


def test_derivatives_with_respect_to_constants_are_refused(split):
    params = WHOLE.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"^network: expected a network without constants"):
        sharpness(WHOLE, params, split.x_train, split.y_train)
    with pytest.raises(ValueError, match=r"^network: expected a network without constants"):
        lyapunov(WHOLE, split, learning_rate=0.1, epochs=1, batch_size=10)


@dataclasses.dataclass(frozen=True)
class Radial(jfnn.LayerKind):
    """Gaussians of the distances to centers; the width is a field or the member's number."""

    fixed: float | None = None
    power: int = 2  # any other value makes the pull-back wrong

    def output_shape(self, shape):
        return (6,)

    def init(self, key, shape):
        held = {} if self.fixed else {"width": Constant(jnp.ones(()))}
        return {"centers": jax.random.normal(key, (6, *shape)), **held}

    def _width(self, params):
        return self.fixed or params["width"].value

    def forward(self, params, a):
        offsets = a[None] - params["centers"][..., None]
        outputs = jnp.exp(-jnp.sum(offsets**2, axis=1) / (2 * self._width(params) ** 2))
        return outputs, (offsets, outputs)

    def pull_back(self, params, residuals, d_out):
        offsets, outputs = residuals
        d_offsets = (-d_out * outputs / self._width(params) ** self.power)[:, None] * offsets
        return {**params, "centers": -d_offsets.sum(axis=-1)}, d_offsets.sum(axis=0)


def radial(layer):
    return jfnn.sequential([layer, Dense(3, "identity", "glorot_normal")], 5)


RADIAL = radial(Radial())
BY_WIDTH = OPTIONS | {"l2": 0.1, "hyper": {"width": [0.5, 2.0]}, "reduction": "mean"}


@pytest.mark.thorough
@pytest.mark.parametrize("gradient", ["backprop", "autodiff"])
@float64_first
def test_each_member_has_its_own_hyperparameter_of_a_layer(gradient, dtype, split):
    split = split._replace(x_train=split.x_train.astype(dtype), x_test=split.x_test.astype(dtype))
    result = jfnn.sweep(RADIAL, split, gradient=gradient, **BY_WIDTH)
    assert result.params[0]["width"].value[0, 0].tolist() == [[0.5, 0.5], [2.0, 2.0]]
    for number, width in enumerate(BY_WIDTH["hyper"]["width"]):
        options = BY_WIDTH | {"hyper": None, "gradient": gradient}
        alone = jfnn.sweep(radial(Radial(width)), split, **options)
        centers = result.params[0]["centers"][:, :, number]
        close = {"rtol": 1e3 * np.finfo(dtype).eps, "atol": 1e2 * np.finfo(dtype).eps}
        np.testing.assert_allclose(centers, alone.params[0]["centers"], **close)
        np.testing.assert_allclose(result.test_loss[:, :, number], alone.test_loss, **close)


@pytest.mark.thorough
def test_hyperparameters_of_a_layer_share_one_program_and_are_saved(split, tmp_path):
    options = BY_WIDTH | {"validation": 0.3, "learning_rate": 0.05}
    result = jfnn.sweep(RADIAL, split, **options, out=tmp_path / "run", refit=True)
    with compilations("_advance") as compiled:
        other = jfnn.sweep(RADIAL, split, **options | {"hyper": {"width": [3.0, 0.7]}})
    assert not compiled and other.width.tolist() == [3.0, 0.7]
    assert (result.refit.params[0]["width"].value == result.best().axes["width"]).all()
    loaded = jfnn.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict(split.x_test, network=RADIAL), result.predict(split.x_test))
    member = result.member(0, 0, 1, 1)
    predicted = jfnn.predict(RADIAL, member, split.x_test)
    np.testing.assert_array_equal(predicted, result.predict(split.x_test)[0, 0, 1, 1])
    options = {name: value for name, value in options.items() if name not in ("seeds", "hyper")}
    options |= {"l2": 0.1, "execution": result.execution, "seed": 1}
    trained = jfnn.train(RADIAL, *split[:2], hyper={"width": 2.0}, **options)
    assert same_bits(trained.params, member)
    assert jfnn.train(RADIAL, *split[:2], **options | {"epochs": 0}).params[0]["width"].value == 1.0
    went_on = jfnn.sweep(
        RADIAL,
        split,
        **BY_WIDTH | {"epochs": 0, "learning_rate": 0.05, "hyper": None},
        initial_params=result.member(0, 0, 0, 0),
    )
    assert (went_on.params[0]["width"].value == 0.5).all()


@pytest.mark.thorough
def test_gradients_of_a_layer_with_a_hyperparameter_are_checked(split):
    assert max(jfnn.check_gradients(RADIAL, *split[:2]).values()) < 1e-5
    with pytest.raises(ValueError, match=r"^network: .*Radial"):
        jfnn.check_gradients(radial(Radial(power=1)), *split[:2])


@pytest.mark.thorough
def test_activations_may_have_hyperparameters_too(split):
    network = jfnn.Network(
        lambda key: {"w": jnp.zeros((5, 3)), "inner": {"sharpness": Constant(jnp.ones(()))}},
        lambda params, x: params["inner"]["sharpness"].value * x @ params["w"],
    )
    options = dict(learning_rate=0.01, epochs=1, batch_size=None, reduction="sum")
    result = jfnn.sweep(network, split, hyper={"sharpness": [1.0, 3.0]}, **options)
    w = result.params["w"][0, 0, :, 0]
    np.testing.assert_allclose(w[1], 3 * w[0], rtol=1e-5)  # one step from 0


@pytest.mark.parametrize(
    ("network", "options", "named"),
    [
        (RADIAL, {"hyper": {"widht": [1.0]}}, "hyper: .*'width'"),
        (RADIAL, {"hyper": {"w": [1.0]}}, "hyper: .*width"),
        (WHOLE, {"hyper": {"width": [1.0]}}, "hyper: .*init_scale"),
        (RADIAL, {"hyper": {"width": [1.0, np.nan]}}, "width: "),
    ],
)
def test_hyperparameters_that_no_layer_has_or_reads_are_refused(split, network, options, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        jfnn.sweep(network, split, **BY_WIDTH | options)


def test_field_named_like_a_layer_method_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Wide(Radial):
        width: float = 1.0

    with pytest.raises(TypeError, match=r"^layers: .*'width'"):
        radial(Wide())


MASK = np.array([0.0, -np.inf, np.nan], np.float32)


def masked_init(key):
    return {"w": jax.random.normal(key, (5, 3)), "mask": Constant(MASK)}


def masked_loss(params, batch, key):
    mask = jnp.nan_to_num(jnp.exp(params["mask"].value))  # 1, 0, 0
    return jnp.mean((batch @ params["w"] - 1) ** 2 * mask)


def plain_loss(params, batch, key):
    return jnp.mean((batch @ params["w"] - 1) ** 2 * jnp.array([1.0, 0, 0]))


@pytest.mark.thorough
def test_constant_may_be_infinite_or_nan(split, tmp_path):
    """Only trained parameters and the objective must be finite; the rest trains as without the constant."""
    rows = jfnn.Split(split.x_train)
    options = {"split": rows, "learning_rate": [0.05, 1e38], "batch_size": 20, "seeds": 2}
    result = jfnn.sweep(jfnn.learner(masked_init, masked_loss), epochs=3, out=tmp_path, **options)
    plain = jfnn.learner(lambda key: {"w": masked_init(key)["w"]}, plain_loss)
    expected = jfnn.sweep(plain, epochs=3, **options)
    assert same_bits(result.diverged_at, expected.diverged_at)
    assert (result.diverged_at[0] < 0).all() and (result.diverged_at[1] >= 0).all()
    np.testing.assert_allclose(result.params["w"], expected.params["w"], rtol=1e-5)
    np.testing.assert_allclose(result.train_loss, expected.train_loss, rtol=1e-5)
    np.testing.assert_array_equal(result.params["mask"].value[0, 0, 0], MASK)
    options |= {"network": jfnn.learner(masked_init, masked_loss)}
    more = jfnn.sweep(epochs=range(3, 4), initial_params=jfnn.load(tmp_path), **options)
    assert same_bits(more.params, jfnn.sweep(epochs=4, **options).params)


@pytest.mark.thorough
def test_constant_that_makes_the_objective_infinite_ends_its_member(split):
    learner = jfnn.learner(masked_init, lambda p, batch, key: jnp.sum(p["w"][0] * p["mask"].value))
    result = jfnn.sweep(learner, jfnn.Split(split.x_train), learning_rate=0.1, epochs=2, batch_size=20)
    assert (result.diverged_at == 0).all()


def modules():
    """Return modules of each library with a constant factor, and the same without a mark."""
    eqx = pytest.importorskip("equinox")
    nnx = pytest.importorskip("flax.nnx")

    class OfEquinox(eqx.Module):
        linear: eqx.nn.Linear
        held: Constant

        def __init__(self, key):
            keys = jax.random.split(key)
            self.linear = eqx.nn.Linear(5, 3, key=keys[0])
            self.held = Constant([eqx.nn.Linear(3, 3, key=keys[1]), jax.random.permutation(keys[1], 3)])

        def __call__(self, x):
            linear, order = self.held.value
            return linear(self.linear(x))[order]

    class OfFlax(nnx.Module):
        def __init__(self, rngs):
            self.linear = nnx.Linear(5, 3, rngs=rngs)
            self.held = nnx.Param(Constant(jax.random.normal(rngs.params(), (3, 3))))

        def __call__(self, x):
            return self.linear(x) @ self.held.get_value().value

    class Bare(nnx.Module):
        def __init__(self, rngs):
            self.linear = nnx.Linear(5, 3, rngs=rngs)
            self.held = nnx.data(Constant(nnx.Param(jnp.ones(3))))

        def __call__(self, x):
            return self.linear(x) * self.held.value[...]

    return {"equinox": (jfnn.from_equinox, OfEquinox), "flax": (jfnn.from_flax, OfFlax), "bare": Bare}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["equinox", "flax"])
def test_constants_of_modules_are_not_trained(kind, split, tmp_path):
    adapt, module = modules()[kind]
    net = adapt(module)
    options = {"learning_rate": 0.1, "batch_size": 20, "seeds": 2, "l2": 0.1}
    result = jfnn.sweep(net, split, epochs=3, out=tmp_path, **options)
    held = [name for name, value in result.params.items() if isinstance(value, Constant)]
    assert len(held) == (3 if kind == "equinox" else 1) and all(name.startswith("held") for name in held)
    for seed in range(2):
        start = net.init(jax.random.key(seed))
        trained = result.member(0, 0, seed)
        for name, value in start.items():
            assert same_bits(trained[name], jax.tree.map(np.asarray, value)) == (name in held)
        outputs = net.apply(trained, jnp.asarray(split.x_test, jnp.float32))
        assert np.isfinite(outputs).all()
        assert (np.argmax(outputs, axis=1) == result.predict(split.x_test)[0, 0, seed]).all()
    assert same_bits(jfnn.load(tmp_path).params, result.params)


def test_flax_constant_outside_a_param_is_refused():
    with pytest.raises(ValueError, match=r"^module: .*Param\(jfnn\.Constant"):
        jfnn.from_flax(modules()["bare"])


@pytest.mark.thorough
@pytest.mark.parametrize("mark", [Constant, lambda layer: layer])
def test_trained_layer_is_frozen_below_a_new_head_for_each_seed(mark, split):
    """``None`` means a layer that starts as without ``initial_params``."""
    body = Dense(6, "tanh")
    whole = jfnn.sequential([body, Dense(3, "identity")], 5)
    source = jfnn.train(whole, *split[:2], learning_rate=0.1, epochs=2, batch_size=10)
    network = jfnn.sequential([Frozen(body), Dense(3, "identity")], 5)
    start = (mark(source.params[0]), None)
    result = jfnn.sweep(network, split, **OPTIONS, initial_params=start)
    for seed in range(2):
        held, head = result.member(0, 0, seed)
        assert same_bits(held.value, source.params[0])
        drawn = network.init(jax.random.key(seed))
        complete = jfnn.train(
            network,
            *split[:2],
            learning_rate=0.02,
            epochs=3,
            batch_size=10,
            seed=seed,
            initial_params=(Constant(source.params[0]), drawn[1]),
            execution=result.execution,
        )
        assert same_bits(complete.params[1], head)
