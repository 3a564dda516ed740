"""What cannot be is refused before anything is compiled, in one line that begins with the argument's name."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import noise_split
from scipy import stats

import jfnn
from jfnn import Execution, Halving, Minibatches, Optimizer, PopulationTraining, Sample, Validation
from jfnn.experiment.options import Options
from jfnn.search.sweep import prepare

SPLIT = noise_split()  # 70 rows to train on
UNWRITABLE = ("\ud800", "caf\udce9", "a\0b", "a\nb", "\rb", "\tb")  # names that not every file can hold
NET = jfnn.mlp((5, 6, 3))
BASE = dict(network=NET, split=SPLIT, learning_rate=0.1, epochs=4, batch_size=16)
PARAMS = NET.init(jax.random.key(7))
ROWS = np.zeros((4, 2, 16), int)
RATES = stats.loguniform(1e-3, 1)


@dataclasses.dataclass
class Case:
    """A value that cannot be, the argument that the message names, and other options."""

    value: object
    argument: str
    others: dict


def case(value, argument=None, **others):
    return Case(value, argument, others)


def each(values, argument, **others):
    return [Case(value, argument, others) for value in values]


def own_loss(**arguments):
    def loss(params, batch, key):
        return jnp.sum((batch[0] @ params["w"] - batch[1]) ** 2)

    return jfnn.learner(lambda key: {"w": jnp.zeros(5)}, loss, **arguments)


def with_number(name="strength"):
    """A learner that takes a number of its own."""

    def loss(params, batch, key, **numbers):
        return numbers[name] * jnp.sum((batch[0] @ params["w"]) ** 2)

    def score(params, rows):
        return {"loss": (rows[0] @ params["w"]) ** 2}

    return jfnn.learner(lambda key: {"w": jnp.zeros(5)}, loss, hyper=[name], score=score)


def named(name):
    """A metric of a name."""
    return jfnn.Metric(name, True, lambda outputs, targets, axis: jnp.sum(outputs, axis=axis))


def noisy(learning_rate):
    return optax.noisy_sgd(learning_rate, 0.1, 0.5, key=jax.random.key(0))


def doubled(learning_rate):
    return optax.sgd(learning_rate * 2)  # a schedule is a function


BAD = {
    "network": [
        3,
        None,
        "mlp",
        jfnn.Network(3, 4),
        jfnn.Network(NET.init, lambda params, x: x[:, 0]),
        jfnn.Network(NET.init, lambda params, x: x @ x),
        jfnn.Network(NET.init, lambda params, x: jnp.tile(NET.apply(params, x), (2, 1))),
        jfnn.Network(NET.init, lambda params, x: NET.apply(params, x).mean(0, keepdims=True)),
        jfnn.Network(NET.init, lambda params, x: x @ x.T),
        NET._replace(apply=lambda params, x: x),
    ],
    "split": [3, None, SPLIT[:2], case(3, network=own_loss()), case(SPLIT[:2], network=own_loss())],
    "learning_rate": [
        *["fast", [], 0, -1, np.nan, [0.1, np.inf], [[0.1, 0.2]], [[1], [1, 2]], None, True, [0.1, "a"]],
        *[1j, {}, 1e-60, 1e39, RATES],
        *each(["fast", [-0.1, 1]], None, sample=3, l2=[0, 1]),
    ],
    "l2": [
        *["x", [], -0.1, np.nan, None, 1e39, [[0.1], [1, 2]], RATES],
        case("many", sample=3, learning_rate=RATES),
        case(stats.uniform(-1, 0.5), sample=3),
    ],
    "hyper": [
        *[3, [1], "dropout", {"rate": 1}, {"learning_rate": 1}, {"l2": 1}, {3: 1}, {"schedule_steps": 3.0}],
        *each(
            [{"dropout": v} for v in (1.0, -0.1, [0.1, 2], "much", None, [[1], [1, 2]], np.nan, [], RATES)],
            "dropout",
        ),
        *each([{"init_scale": value} for value in (0.0, -1, "x")], "init_scale"),
        case({"dropout": 0.1}, network=own_loss()),
        case({}, network=with_number()),
        case(None, network=with_number()),
        case({"strength": "x"}, "strength", network=with_number()),
        *(case({name: [1.0, 2.0]}, "hyper", network=with_number(name)) for name in UNWRITABLE),
    ],
    "loss": ["nope", 3, ["cross_entropy"], None, case("quadratic", network=own_loss())],
    "reduction": ["max", 3, ["sum"], None, case("mean", network=jfnn.supervised(NET))],
    "optimizer": [
        *["nope", "Array", 3, max, None, "lbfgs", noisy, lambda learning_rate: 3],
        *[Optimizer("adam", b3=1.0), Optimizer(momentum={}), Optimizer(momentum="x")],
        Optimizer(schedule_steps=3.0),
        Optimizer(doubled, schedule="cosine"),
        *each([Optimizer(momentum=["a", "b"]), Optimizer(momentum=[[1.0], [1.0, 2.0]])], "momentum"),
        case("adam", network=own_loss()),
    ],
    "gradient": [
        *["nope", 3, ["autodiff"], None, max, lambda params, x, targets: (0.0, params)],
        *[lambda params, x, targets, l2: params, lambda params, x, targets, l2: (l2, params[0])],
        *[lambda params, x, targets, l2: (x, params), lambda params, x, targets, l2: (x @ targets, params)],
        case("backprop", network=own_loss()),
        case("backprop", network=jfnn.Network(NET.init, NET.apply)),
    ],
    "epochs": [-1, 1.5, "x", True, None],
    "batch_size": [
        *[0, -7, 1.5, "x", True, 71, Minibatches(-7), [8]],
        *each([Minibatches(8, "nope"), Minibatches(8, ["subset"])], "minibatch"),
        *each([Minibatches(8, "permutation", 1), Minibatches(8, drop_last=False)], "drop_last"),
        *each([-7, "x"], None, batches=ROWS),
        case(60, validation=0.2),
        case(60, folds=5),
    ],
    "batches": [
        *[3, "x", [[0]], [[["a"]]], ROWS.astype(float), ROWS - 1, ROWS + 70, ROWS[:3], ROWS[None, None]],
        *[max, lambda epoch: ROWS[epoch], lambda seed, epoch, step: ROWS[epoch], lambda seed, epoch: None],
        *[lambda seed, epoch: ROWS, lambda seed, epoch: ROWS[0, :0], lambda seed, epoch: ROWS[epoch] + 70],
        *[lambda seed, epoch: ROWS[epoch] - 1, lambda seed, epoch: ROWS[epoch] / 2],
        *[ROWS + 2**32, lambda seed, epoch: ROWS[epoch] + 2**32],  # 0 in 32 bits
        *[[[[0], [0, 1]]], ROWS[:, :0]],
        case(np.stack([ROWS] * 3), seeds=2),
        case(ROWS + 60, validation=0.2),
    ],
    "initial_params": [
        *[3, {}, PARAMS[0], "x", jax.tree.map(lambda leaf: leaf * np.nan, PARAMS)],
        jax.tree.map(lambda leaf: leaf[:2], PARAMS),
        jax.tree.map(lambda leaf: np.full(leaf.shape, "x"), PARAMS),
        case(jax.tree.map(lambda leaf: np.stack([leaf] * 3), PARAMS), seeds=2),
    ],
    "validation": [
        *["x", 0, 1.5, 70, -1, [0.2], True, np.nan, Validation("x")],
        *each([Validation(0.2, metric) for metric in ("nope", 3, ["loss"], "r2")], "rank_by"),
        case(Validation(0.2, jfnn.Metric("own")), "rank_by"),
        *each([Validation(0.2, named(name)) for name in UNWRITABLE], "rank_by"),
        case(Validation(0.2, jfnn.Metric("own")), "rank_by", network=own_loss()),
    ],
    "schedulers": [
        *[3, Halving(3), "halving", [3], ["halving"], [Halving], {"halving": 3}, None],
        *[[jfnn.EarlyStopping(2)], [PopulationTraining(2)]],  # no rows are held out; there is one cell
        case([Halving(2, 3)], l2=[0, 1]),
        *each([[PopulationTraining(*of)] for of in ((2, 0.4), (4, 0.5))], None, l2=[0, 1]),
        *each([[PopulationTraining(2, 0.5, perturbed=[of])] for of in ("momentum", "x")], None, l2=[0, 1]),
    ],
    "execution": [
        *[0, -1, 1.5, "x", True],
        case(999, "devices"),
        *each([Execution(devices=value) for value in ("x", [], [3], 0, 999, 1.5, True)], "devices"),
        *each([Execution(tile=value) for value in (0, 1.5, "x", True)], "tile"),
        *each([Execution(eval_every=value) for value in (0, -1, 1.5, "x")], "eval_every"),
        *each([Execution(keep_params=value) for value in ("some", [], None, 3)], "keep_params"),
        *each([Execution(progress=value) for value in (3, "x")], "progress"),
    ],
    "out": ["", 3, True],
    "executor": [3, "processes", lambda: None, []],
    "resume": ["yes", 1, None, True],  # without a directory there is nothing to resume
    "seeds": [
        *[0, -1, [], "ab", 1.5, [1.5], [-1], [2**32], [1, 1], None, [[1]], True, {1, 2}],
        *[np.array([]), np.array(0), np.array([1.0])],
    ],
    "folds": [
        *[1, 71, "five", [], [3], 2.5, case(5, validation=0.2)],
        [(np.arange(71), np.arange(9))],
        [(np.arange(-1, 30), np.arange(30, 70))],
        [(np.arange(70) < 30, np.arange(70) >= 30)],
        [(np.arange(30), np.arange(0))],
    ],
    "refit": ["yes", 1, True, case(True, validation=0.2, batches=ROWS)],
    "sample": [
        *[0, -1, 2.5, "x", True, 5, Sample(5)],  # nothing to draw from
        case(Sample(0), l2=[0, 1]),
        *(case(Sample(3, seed), l2=[0, 1]) for seed in (-1, "x", None, 1.5)),
    ],
}  # fmt: skip


def cases():
    for name, values in BAD.items():
        for i, value in enumerate(values):
            one = value if isinstance(value, Case) else Case(value, None, {})
            yield pytest.param(name, one.value, one.argument or name, one.others, id=f"{name} {i}")


def test_every_option_has_values_that_cannot_be():
    assert BAD.keys() == {field.name for field in dataclasses.fields(Options)}


def check_message(error, argument):
    assert isinstance(error, jfnn.checks.ArgumentError)
    assert str(error).startswith(f"{argument}: ")
    assert "\n" not in str(error)
    assert len(str(error)) > len(argument) + 12


@pytest.mark.parametrize(("name", "value", "argument", "others"), list(cases()))
def test_a_value_that_cannot_be_is_refused_by_name(name, value, argument, others):
    with pytest.raises((ValueError, TypeError)) as caught:
        prepare(Options(**BASE | others | {name: value}))
    check_message(caught.value, argument)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        *((lambda v=v: Halving(v), "factor") for v in (1, 2.5, "x", True, None)),
        *((lambda v=v: Halving(3, v), "min_epochs") for v in (0, 1.5, "x")),
        *((lambda v=v: jfnn.EarlyStopping(v), "patience") for v in (0, -1, 1.5, "x", None)),
        *((lambda v=v: Optimizer(schedule=v), "schedule") for v in ("cosin", 3, None, ["cosine"])),
        *((lambda v=v: Optimizer(schedule="linear", schedule_epochs=v), "schedule_epochs") for v in (0, 1.5)),
        (lambda: Optimizer(schedule_epochs=3), "schedule_epochs"),  # the rate is constant
        *((lambda v=v: Optimizer(v), "optimizer") for v in ("nope", 3, max, None)),
    ],
)  # fmt: skip
def test_schedulers_and_optimizers_refuse_when_they_are_made(make, argument):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    check_message(caught.value, argument)


# Doors


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"seed": -1}, "seed"), ({"seed": 1.5}, "seed"), ({"seed": [1]}, "seed"), ({"seed": 2**32}, "seed"),
        ({"fold": -1}, "fold"), ({"fold": "x"}, "fold"),
        ({"test": 3}, "test"), ({"test": (SPLIT.x_test,)}, "test"), ({"test": SPLIT}, "test"),
        ({"weights": np.ones(3)}, "weights"), ({"weights": -np.ones(70)}, "weights"),
        ({"weights": np.zeros(70)}, "weights"), ({"weights": np.full(70, np.nan)}, "weights"),
        ({"weights": ["a"] * 70}, "weights"), ({"weights": np.ones(70), "network": own_loss()}, "weights"),
        ({"learning_rate": [0.1]}, "learning_rate"), ({"l2": [0.1, 0.2]}, "l2"),
        ({"learning_rate": np.linspace(0.1, 1, 99)}, "learning_rate"), ({"l2": RATES}, "l2"),
        ({"hyper": {"dropout": [0.1, 0.2]}}, "dropout"), ({"hyper": 3}, "hyper"),
        ({"hyper": {"x": 1}}, "hyper"),
        ({"optimizer": Optimizer(momentum=[0.1, 0.2])}, "momentum"), ({"optimizer": max}, "optimizer"),
        ({"network": own_loss(optimizer=Optimizer(momentum=[0.1, 0.2]))}, "momentum"),
        ({"execution": Execution(keep_params="best")}, "keep_params"), ({"execution": "x"}, "execution"),
        ({"out": ""}, "out"), ({"resume": True}, "resume"), ({"epochs": 1.5}, "epochs"),
        ({"schedulers": [Halving(1 + 1)], "epochs": 0, "out": 3}, "out"),
    ],
)  # fmt: skip
def test_train_refuses_what_is_not_one_network(changes, argument):
    changes = BASE | {"execution": Execution(progress=pytest.fail)} | changes
    del changes["split"]
    with pytest.raises((ValueError, TypeError)) as caught:
        jfnn.train(x=SPLIT.x_train, y=SPLIT.y_train, **changes)
    check_message(caught.value, argument)


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        *(({"networks": value}, "networks") for value in ({}, [NET], NET, None)),
        *(({"networks": {name: NET}}, "networks") for name in ("a/b", "", ".a", 3, *UNWRITABLE)),
        ({"networks": {"a": NET, "wide": jfnn.mlp((6, 3))}}, "x_train"),
        ({"networks": {"a": NET, "b": 3}}, "network"),
        *(({"batch_sizes": value}, "batch_sizes") for value in ([8, 8], [], 8, "8", [8, 0], [8, "x"], [8.5])),
        ({"batch_sizes": [8, 71]}, "batch_sizes"),
        ({"batch_sizes": [8, 60], "validation": 0.2}, "batch_sizes"),
        ({"batch_size": 16, "batch_sizes": [8]}, "batch_size"),
        ({"batch_size": "x"}, "batch_size"),
        ({"batch_sizes": [4, 5], "batch_size": Minibatches(3, "full")}, "batch_sizes"),
        ({"batch_sizes": [4, None], "batch_size": Minibatches(None, "full")}, "batch_sizes"),
        ({"batch_sizes": [4, 5], "batches": ROWS, "epochs": 1}, "batch_sizes"),
        *(({"batch_size": value}, "batch_size") for value in ("x", 0, 71, Minibatches(0))),
        ({"batch_size": 60, "validation": 0.2}, "batch_size"),
        ({"out": ""}, "out"), ({"out": 3}, "out"), ({"resume": True}, "resume"),
        ({"refit": True}, "refit"), ({"seeds": []}, "seeds"), ({"schedulers": 3}, "schedulers"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be_are_refused_before_any_trains(changes, argument):
    options = {"networks": {"a": NET, "b": jfnn.mlp((5, 4, 3))}, "batch_size": 16} | changes
    if "batch_sizes" in changes and "batch_size" not in changes:
        del options["batch_size"]
    with pytest.raises((ValueError, TypeError)) as caught:
        jfnn.sweep_groups(
            split=SPLIT, learning_rate=0.1, execution=Execution(progress=pytest.fail), **options
        )
    check_message(caught.value, argument)


def test_sweep_refuses_before_it_makes_a_directory(tmp_path):
    for changes in ({"seeds": []}, {"schedulers": 3}, {"execution": 0}):
        with pytest.raises((ValueError, TypeError)):
            jfnn.sweep(**BASE | changes, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        *(("seeds", value, 3) for value in (np.array(3), np.int64(3), range(3), (0, 1, 2), np.arange(3))),
        *(("execution", value, Execution(devices=2)) for value in (2, np.int64(2))),
        *(("batch_size", value, Minibatches(16)) for value in (16, np.int32(16))),
        ("validation", 14, Validation(0.2)),
        ("optimizer", optax.sgd, Optimizer("sgd")),
        ("hyper", {}, None),
        ("schedulers", (), []),
        ("sample", None, None),
        ("split", tuple(SPLIT), SPLIT),
        ("split", list(SPLIT[:4]), SPLIT),
        ("loss", jfnn.losses.LOSSES["cross_entropy"], "cross_entropy"),
        ("batches", ROWS.tolist(), ROWS),
        ("initial_params", jax.tree.map(jnp.asarray, PARAMS), PARAMS),
    ],
)  # fmt: skip
def test_plain_and_other_forms_of_a_value_are_the_same_run(name, value, plain):
    runs = [prepare(Options(**BASE | {name: form})) for form in (value, plain)]
    assert runs[0].description == runs[1].description
    assert runs[0].hardware == runs[1].hardware
