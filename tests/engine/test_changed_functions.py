"""Changed functions are trained as they are now, and make a different run."""

import dataclasses
import pickle
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn.core.search.prepare import prepare
from jfnn.distributed.tasks import to_bytes
from jfnn.learners import Batch, Learner
from jfnn.optimizers import SCHEDULES
from jfnn.params import State
from jfnn.schedulers import Actions, Scheduler

pytestmark = pytest.mark.unoptimized
SPLIT = noise_split()
FACTOR = 1.0


# Ways to read a factor, each with a way to set it to 2


def by_global():
    return lambda: FACTOR, lambda: globals().update(FACTOR=2.0)


def by_captured_list():
    captured = [1.0]
    return lambda: captured[0], lambda: captured.__setitem__(0, 2.0)


def by_default():
    def read(factor=1.0):
        return factor

    return read, lambda: setattr(read, "__defaults__", (2.0,))


def by_class_attribute():
    class Holder:
        factor = 1.0

        def read(self):
            return self.factor

    return Holder().read, lambda: setattr(Holder, "factor", 2.0)


def by_code():
    def read():
        return 1.0

    return read, lambda: setattr(read, "__code__", (lambda: 2.0).__code__)


WAYS = (by_global, by_default, by_class_attribute, by_code)


# Roles of functions that read the factor: name -> ``read -> (network or learner, options)``


def scaled(read, value):
    return jnp.sum(read() * value) if value.ndim == 0 else read() * value


def own_init(read):
    return lambda key: {"w": scaled(read, jax.random.normal(key, (5, 3)))}


def product(params, x):
    return x @ params["w"]


def own_loss(read):
    def loss(params, batch, key):
        return scaled(read, jnp.mean((product(params, batch[0]) - jax.nn.one_hot(batch[1], 3)) ** 2))

    return jfnn.learner(own_init(lambda: 1.0), loss), {}


def gradient(read):
    def by_hand(params, x, targets, *, l2):
        value, gradients = jax.value_and_grad(jfnn.objective, argnums=1)(DENSE, params, x, targets, l2=l2)
        return value, jax.tree.map(lambda leaf: scaled(read, leaf), gradients)

    return DENSE, {"gradient": by_hand}


def metric(read):
    own = jfnn.Metric("own", True, lambda outputs, targets, axis: read() * jnp.sum(outputs, axis))
    return jfnn.supervised(DENSE, metrics=[own]), {}


def loss_of_network(read):
    quadratic = jfnn.losses.LOSSES["quadratic"]
    return DENSE, {
        "loss": quadratic._replace(cost=lambda *args, **axis: read() * quadratic.cost(*args, **axis))
    }


def activation(read):
    own = jfnn.Activation(lambda z: read() * jnp.tanh(z), lambda z: read() / jnp.cosh(z) ** 2)
    return jfnn.mlp((5, 4, 3), own), {}


@dataclasses.dataclass(frozen=True, eq=False)
class Least(Learner):
    """Least squares by gradient descent; the method ``name`` reads a factor."""

    name: str
    read: Callable

    def factor(self, name):
        return self.read() if name == self.name else 1.0

    def init(self, key):
        return {"w": self.factor("init") * jax.random.normal(key, (5,))}

    def pack(self, params):
        return {"w": params["w"] * self.factor("pack")}

    def unpack(self, params):
        return {"w": params["w"] / self.factor("unpack")}

    def start(self, params, hyper):
        return State({"w": self.factor("start") * params["w"]}, ())

    def step(self, state, batch, hyper, key):
        def loss(w):
            return self.factor("step") * jnp.mean((batch.rows @ w) ** 2)

        value, slope = jax.value_and_grad(loss)(state.params["w"])
        return State({"w": state.params["w"] - hyper["learning_rate"] * slope}, ()), value

    def fits_last(self, platform, members, batch, separate):
        return self.name == "step_last"

    def step_last(self, states, batch, hyper, key, separate):
        each = (-1, -1 if separate else None, 0, None)
        states, values = jax.vmap(self.step, in_axes=each, out_axes=(-1, 0))(states, batch, hyper, key)
        return jax.tree.map(lambda leaf: self.factor("step_last") * leaf, states), values

    def end_epoch(self, before, after, hyper):
        return State({"w": self.factor("end_epoch") * after.params["w"]}, ())

    def score(self, params, rows, hyper):
        return {"loss": self.factor("score") * (rows @ params["w"]) ** 2}

    def describe(self):
        return {"network": "least squares", "metrics": {}}


DENSE = jfnn.mlp((5, 4, 3))
X = jfnn.Split(SPLIT.x_train, None, SPLIT.x_test)
FUNCTIONS = ("init", "pack", "unpack", "start", "step", "step_last", "end_epoch", "score")
ROLES = {
    **{
        f"{name} of least squares": lambda read, name=name: (Least(name, read), {"split": X})
        for name in FUNCTIONS
    },
    "loss of a learner": own_loss,
    "init of a learner": lambda read: (
        jfnn.learner(own_init(read), lambda params, batch, key: jnp.mean(product(params, batch[0]) ** 2)),
        {},
    ),
    "init of a network": lambda read: (jfnn.Network(own_init(read), product), {}),
    "apply of a network": lambda read: (
        jfnn.Network(own_init(lambda: 1.0), lambda params, x: scaled(read, product(params, x))),
        {},
    ),
    "activation": activation,
    "loss of a network": loss_of_network,
    "optimizer": lambda read: (DENSE, {"optimizer": lambda learning_rate: optax.sgd(read() * learning_rate)}),
    "schedule": lambda read: (
        DENSE,
        {"optimizer": jfnn.Optimizer("sgd", schedule=lambda done: read() * done)},
    ),
    "gradient": gradient,
    "metric": metric,
}


# Ways to train

COMMON = {"learning_rate": 0.1, "epochs": 2, "batch_size": 16}


def by_sweep(network, split=SPLIT, **options):
    result = jfnn.sweep(network, split, **COMMON, **options)
    return result.params, result.scores


def by_train(network):
    return jfnn.train(network, SPLIT.x_train, SPLIT.y_train, **COMMON).params


def by_programs(network):
    return jfnn.sweep({"one": network}, SPLIT, **COMMON).program(network="one").params


def by_hypergradient(network):
    return tuple(jfnn.hypergradient(network, SPLIT, **COMMON))


def by_lyapunov(network):
    return jfnn.lyapunov(network, SPLIT, **COMMON).growth


DOORS = (by_programs, by_hypergradient, by_lyapunov)
CASES = [(way, by_train) for way in WAYS] + [(by_captured_list, door) for door in DOORS]


@pytest.fixture(autouse=True)
def factor():
    yield
    globals().update(FACTOR=1.0)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("way", "door"),
    CASES,
    ids=lambda function: function.__name__,
)
def test_changed_function_is_trained_as_it_is_now(way, door):
    read, change = way()
    network, _ = own_loss(read)
    before = door(network)
    assert same_bits(before, door(network))
    change()
    after = door(network)
    assert same_bits(after, door(own_loss(lambda: 2.0)[0]))  # never seen before
    assert not same_bits(after, before)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ROLES)
def test_changed_function_makes_another_run(name, tmp_path):
    role = ROLES[name]
    (read, change) = by_captured_list()
    network, options = role(read)
    before = by_sweep(network, **options, out=tmp_path)
    assert same_bits(before, by_sweep(network, **options, out=tmp_path, resume=True))
    change()
    with pytest.raises(ValueError, match="holds another configuration"):
        by_sweep(network, **options, out=tmp_path, resume=True)
    after = by_sweep(network, **options)
    expected, options = role(lambda: 2.0)  # never seen before
    assert same_bits(after, by_sweep(expected, **options))
    assert not same_bits(after, before)


# Further code of a run


@dataclasses.dataclass(frozen=True)
class StopsAll(Scheduler):
    @property
    def last(self):
        return LIMIT.epoch

    def next_epoch(self, epoch, cells, epochs):
        return epoch + 1

    def update(self, state, report):
        return state, Actions(stop=report.epoch >= self.last + np.zeros_like(report.epoch))


class LIMIT:
    epoch = 1


def mean(values, data, rows):
    return values.mean(axis=1) * FACTOR


def of_metric(higher_is_better=True, reduce=mean):
    own = jfnn.Metric("own", higher_is_better, lambda outputs, targets, axis: jnp.sum(outputs, axis), reduce)
    return jfnn.supervised(DENSE, metrics=[own])


def description(network=None, **options):
    network = DENSE if network is None else network
    return prepare(jfnn.Options(network, SPLIT, **COMMON, **options)).description["fingerprint"]


@pytest.mark.thorough
def test_description_depends_on_metric_directions_and_reductions():
    before = description(of_metric())
    assert description(of_metric()) == before
    assert description(of_metric(False)) != before
    assert description(of_metric(reduce=lambda values, data, rows: values.max(axis=1))) != before
    globals().update(FACTOR=2.0)
    assert description(of_metric()) != before


@pytest.mark.parametrize(
    "registry",
    [
        *(jfnn.activations.ACTIVATIONS, jfnn.losses.LOSSES, jfnn.losses.PARAMETRIZED, jfnn.layers.LAYERS),
        *(jfnn.layers.INITIALIZERS, jfnn.learners.METRICS, jfnn.schedulers.SCHEDULERS, SCHEDULES),
    ],
)
def test_registries_identified_by_name_alone_are_read_only(registry):
    with pytest.raises(TypeError):
        registry["mine"] = next(iter(registry.values()))
    assert "mine" not in registry


@pytest.mark.thorough
def test_optimizer_patched_into_optax_is_identified_by_its_code(monkeypatch):
    def mine(learning_rate):
        return optax.sgd(FACTOR * learning_rate)

    monkeypatch.setattr(optax, "mine", mine, raising=False)
    for optimizer in ("mine", mine):
        monkeypatch.setitem(globals(), "FACTOR", 1.0)
        before = description(optimizer=optimizer)
        assert description(optimizer=optimizer) == before
        monkeypatch.setitem(globals(), "FACTOR", 2.0)
        assert description(optimizer=optimizer) != before


@pytest.mark.thorough
def test_run_with_an_unidentifiable_function_is_not_resumed(tmp_path):
    rows = (row for row in range(3))  # generators expose neither attributes nor a pickle
    network = of_metric(reduce=lambda values, data, numbers: values.mean(axis=1) + 0 * len(str(rows)))
    by_sweep(network, out=tmp_path)
    with pytest.raises(ValueError, match=r"holds another configuration.*unknown, by a generator"):
        by_sweep(network, out=tmp_path, resume=True)


def test_description_depends_on_the_code_of_schedulers(monkeypatch):
    before = description(schedulers=[StopsAll()])
    assert description(schedulers=[StopsAll()]) == before
    monkeypatch.setattr(LIMIT, "epoch", 2)
    assert description(schedulers=[StopsAll()]) != before


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "value"), [("jax_threefry_partitionable", False), ("jax_default_prng_impl", "rbg")]
)
def test_description_depends_on_the_random_number_generator(name, value):
    before = description()
    default = getattr(jax.config, name)
    try:
        jax.config.update(name, value)
        assert description() != before
    finally:
        jax.config.update(name, default)


def start_of_module(key):
    return {"w": jax.random.normal(key, (5, 3))}


def loss_of_module(params, batch, key):
    return FACTOR * jnp.mean((batch[0] @ params["w"]) ** 2)


def test_process_with_different_functions_is_refused():
    network = jfnn.learner(start_of_module, loss_of_module)
    functions = prepare(jfnn.Options(network, SPLIT, **COMMON)).experiment.functions
    sent = pickle.dumps(functions)
    assert pickle.loads(sent) == functions
    globals().update(FACTOR=2.0)
    with pytest.raises(ValueError, match="executor"):
        pickle.loads(sent)


def loss_with_a_callback(call):
    def loss(params, batch, key):
        value = jnp.mean((batch[0] @ params["w"]) ** 2)
        jax.debug.callback(call, value)
        return value

    return loss


def note(value):
    """A function of the host."""


note_losses = loss_with_a_callback(note)


def noting(params, batch, key):
    return note_losses(params, batch, key)


@pytest.mark.thorough
def test_functions_that_call_the_host_are_one_run_and_can_be_sent_to_processes():
    options = jfnn.Options(jfnn.learner(start_of_module, noting), SPLIT, **COMMON)
    functions = prepare(options).experiment.functions
    assert prepare(options).experiment.functions == functions
    assert pickle.loads(pickle.dumps(functions)) == functions


def test_learner_with_an_unidentifiable_function_is_not_sent_to_processes():
    rows = (row for row in range(3))
    loss = loss_with_a_callback(lambda value: str(rows))
    prepared = prepare(jfnn.Options(jfnn.learner(start_of_module, loss), SPLIT, **COMMON))
    assert prepared.description["data"]["custom_code"]["learner"].startswith("unknown, by a generator: ")
    with pytest.raises(ValueError, match=r"^executor: .*unknown, by a generator, whose"):
        to_bytes(prepared.experiment.functions)


def test_products_in_custom_functions_have_full_precision():
    functions = prepare(jfnn.Options(own_loss(lambda: 1.0)[0], SPLIT, **COMMON)).experiment.functions
    row = jax.tree.map(lambda leaf: leaf[:16], (SPLIT.x_train, SPLIT.y_train))
    params = functions.learner.init(jax.random.key(0))
    hyper = {"learning_rate": 0.1, "l2": 0.0}
    step = jax.make_jaxpr(lambda state: functions.step(state, Batch(row), hyper, None))
    text = str(step(functions.start(params, hyper)))
    assert 0 < text.count("dot_general") == text.count("precision=(Precision.HIGHEST")
