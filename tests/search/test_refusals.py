"""Invalid arguments raise an ArgumentError with the argument's name before anything is compiled."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import complaint, noise_split, refusal
from scipy import stats
from sklearn.model_selection import KFold

import jfnn
from jfnn import Execution, Halving, Minibatches, Optimizer, PopulationTraining, Sample, Validation
from jfnn.core.experiment.options import Options
from jfnn.core.search.sweep import prepare

SPLIT = noise_split()  # 70 rows to train on
UNWRITABLE = ("\ud800", "caf\udce9", "a\0b", "a\nb", "\rb", "\tb")  # names that not every file can hold
NET = jfnn.mlp((5, 6, 3))
BASE = dict(network=NET, split=SPLIT, learning_rate=0.1, epochs=4, batch_size=16)
PARAMS = NET.init(jax.random.key(7))
ROWS = np.zeros((4, 2, 16), int)
RATES = stats.loguniform(1e-3, 1)


@dataclasses.dataclass
class Case:
    """An invalid value, the argument of the error (None: the option), and other options."""

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


# Values that need more than their own check; the law of each check is in tests/test_checks.py.
BAD = {
    "network": [
        *["mlp", jfnn.Network(3, 4), NET._replace(apply=lambda params, x: x)],
        *(
            jfnn.Network(NET.init, apply)
            for apply in (
                lambda params, x: x[:, 0],
                lambda params, x: x @ x,
                lambda params, x: jnp.tile(NET.apply(params, x), (2, 1)),
                lambda params, x: NET.apply(params, x).mean(0, keepdims=True),
                lambda params, x: x @ x.T,
            )
        ),
    ],
    "split": [SPLIT[:2], case(3, network=own_loss()), case(SPLIT._replace(y_test=None), "y_test")],
    "learning_rate": [None, 1e-40, 1e39, RATES, case([-0.1, 1], cells=3, l2=[0, 1])],
    "l2": [1e39, RATES, case("many", cells=3, learning_rate=RATES), case(stats.uniform(-1, 0.5), cells=3)],
    "hyper": [
        *[{"rate": 1}, {"learning_rate": 1}, {"l2": 1}, {3: 1}, {"schedule_steps": 3.0}],
        *each([{"dropout": v} for v in (1.0, [0.1, 2], 1 - 1e-12, None, RATES)], "dropout"),  # 1 in float32
        case({"dropout": 0.2}, "dropout", network=jfnn.Network(NET.init, NET.apply)),
        case({"dropout": 0.2}, "dropout", gradient=jfnn.backprop.value_and_grad),
        case({"dropout": 0.1}, network=own_loss()),
        *(case(value, network=with_number()) for value in ({}, None)),
        case({"strength": "x"}, "strength", network=with_number()),
        *(case({name: [1.0, 2.0]}, "hyper", network=with_number(name)) for name in UNWRITABLE),
    ],
    "loss": ["nope", case("quadratic", network=own_loss())],
    "reduction": ["max", case("sum", network=jfnn.supervised(NET))],
    "optimizer": [
        *["nope", "Array", max, noisy, lambda learning_rate: 3],
        *[Optimizer("adam", b3=1.0), Optimizer(momentum={}), Optimizer(momentum="x")],
        *[Optimizer(schedule_steps=3.0), Optimizer(doubled, schedule="cosine")],
        *each([Optimizer(momentum=["a", "b"]), Optimizer(momentum=[[1.0], [1.0, 2.0]])], "momentum"),
        case("adam", network=own_loss()),
    ],
    "gradient": [
        *["nope", max, lambda params, x, targets: (0.0, params)],
        *[lambda params, x, targets, l2: params, lambda params, x, targets, l2: (l2, params[0])],
        *[lambda params, x, targets, l2: (x, params), lambda params, x, targets, l2: (x @ targets, params)],
        case("backprop", network=own_loss()),
        case("backprop", network=jfnn.Network(NET.init, NET.apply)),
    ],
    "epochs": [-1],
    "batch_size": [
        *[71, case(60, validation=0.2), case(60, folds=5)],
        case(Minibatches(8, drop_last=False), "drop_last"),
        case("x", batches=ROWS),
    ],
    "batches": [
        *[3, "x", [[0]], [[["a"]]], ROWS.astype(float), ROWS - 1, ROWS + 70, ROWS[:3], ROWS[None, None]],
        *[max, lambda epoch: ROWS[epoch], lambda seed, epoch, step: ROWS[epoch], lambda seed, epoch: None],
        *[lambda seed, epoch: ROWS, lambda seed, epoch: ROWS[0, :0], lambda seed, epoch: ROWS[epoch] + 70],
        *[lambda seed, epoch: ROWS[epoch] - 1, lambda seed, epoch: ROWS[epoch] / 2],
        *[ROWS + 2**32, lambda seed, epoch: ROWS[epoch] + 2**32],  # 0 in 32 bits
        *[[[[0], [0, 1]]], ROWS[:, :0], np.ma.masked_equal([[[0, 1]]], 1)],
        case(np.stack([ROWS] * 3), seeds=2),
        case(ROWS + 60, validation=0.2),
    ],
    "initial_params": [
        *[3, {}, PARAMS[0], jax.tree.map(lambda leaf: leaf[:2], PARAMS)],
        case(jax.tree.map(lambda leaf: np.stack([leaf] * 3), PARAMS), seeds=2),
    ],
    "validation": [
        *["x", 0, 1.5, 70, True, np.nan],
        *each([Validation(0.2, metric) for metric in ("nope", "r2")], "rank_by"),
        *each([Validation(0.2, named(name)) for name in UNWRITABLE], "rank_by"),
        *(case(Validation(0.2, jfnn.Metric("own")), "rank_by", network=net) for net in (NET, own_loss())),
    ],
    "schedulers": [
        *[[jfnn.EarlyStopping(2)], [PopulationTraining(2)]],  # no rows are held out; one cell
        case([Halving(2, 3)], l2=[0, 1]),
        *each([[PopulationTraining(*of)] for of in ((2, 0.4), (4, 0.5))], None, l2=[0, 1]),
        *each([[PopulationTraining(2, 0.5, perturbed=[of])] for of in ("momentum", "x")], None, l2=[0, 1]),
    ],
    "execution": [
        case(999, "devices"),
        *each([{"devices": value} for value in ("x", [], [3], 999, True)], "devices"),
        *each([{"eval_every": value} for value in (0, "x", [], [5], [0, 2])], "eval_every"),
        *each([{"executor": v} for v in (3, "processes", lambda: None, jfnn.Workers)], "executor"),
    ],
    "out": [""],
    "resume": [True],  # without a directory there is nothing to resume
    "seeds": [[1, 1]],
    "folds": [
        *[1, 71, "five", [], [3], 2.5, case(5, validation=0.2), KFold(99), np.arange(70).reshape(2, 35)],
        *[[(np.arange(71), np.arange(9))], [(np.arange(-1, 30), np.arange(30, 70))]],
        *[[(np.arange(70) < 30, np.arange(70) >= 30)], [(np.arange(30), np.arange(0))]],
        30,  # more than the rows of the largest class
    ],
    "refit": [True, case(True, validation=0.2, batches=ROWS)],
    "cells": [
        *[5, Sample(5)],  # nothing to draw from
        case({"cells": 0}, "cells", l2=[0, 1]),
        *(case({"cells": 3, "seed": seed}, "seed", l2=[0, 1]) for seed in (-1, "x")),
        *[[], {}, [{}], [{"l2": 0.1}, {"learning_rate": 0.1}], [0.1], {"l2": 0.1}],
        {"l2": [0.1, 0.2], "learning_rate": [0.1]},
        case([{"l2": -1.0}], "l2"),
        case([{"momentum": 0.5}], "hyper"),
        case([{"l2": 0.1}], "learning_rate", learning_rate=[0.1, 0.2]),
        case([{"l2": 0.1}], "learning_rate", learning_rate=None),
    ],
}  # fmt: skip
# Options that are checked where the network, the rows or the devices are known.
CHECKED_LATER = {"batches", "initial_params", "folds"}


def prepared(**options):
    """What is checked before anything trains; an execution or a sample may be given as its arguments."""
    for name, kind in (("execution", Execution), ("cells", Sample)):
        given = options.get(name)
        if isinstance(given, dict) and (kind is Execution or "cells" in given):
            options[name] = kind(**options[name])
    return prepare(Options(**options))


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_value_of_an_option_raises_by_name(name):
    wrong = {}
    for number, value in enumerate(BAD[name]):
        one = value if isinstance(value, Case) else Case(value, None, {})
        error = refusal(prepared, **BASE | one.others | {name: one.value})
        if why := complaint(error, {one.argument or name}):
            wrong[number] = why
    assert wrong == {}


def test_every_option_declares_its_check_and_has_invalid_values_here():
    fields = {field.name: field for field in dataclasses.fields(Options)}
    assert BAD.keys() == fields.keys()
    unchecked = {name for name, field in fields.items() if not field.metadata.get("convert")}
    assert unchecked == CHECKED_LATER


# Doors with arguments of their own: changes of a valid call, and the argument of the error.

MADE = [
    (lambda: jfnn.Workers(len, tries=1, together=-4), "together"),
    (lambda: jfnn.Workers(jfnn.Workers(len)), "executor"),
]  # fmt: skip
TRAIN = [
    *(({"seed": value}, "seed") for value in (-1, [1], 2**32)), ({"fold": -1}, "fold"),
    *(({"test": value}, "test") for value in (3, (SPLIT.x_test,), SPLIT)),
    *(({"weights": value}, "weights") for value in (np.ones(3), np.zeros(70), ["a"] * 70)),
    ({"weights": np.ones(70), "network": own_loss()}, "weights"),
    ({"learning_rate": [0.1]}, "learning_rate"), ({"l2": [0.1, 0.2]}, "l2"), ({"l2": RATES}, "l2"),
    ({"hyper": {"dropout": [0.1, 0.2]}}, "dropout"), ({"hyper": 3}, "hyper"), ({"hyper": {"x": 1}}, "hyper"),
    ({"optimizer": Optimizer(momentum=[0.1, 0.2])}, "momentum"), ({"optimizer": max}, "optimizer"),
    ({"network": own_loss(optimizer=Optimizer(momentum=[0.1, 0.2]))}, "momentum"),
    ({"network": {"a": NET}}, "network"), ({"batch_size": [8, 16]}, "batch_size"),
    ({"execution": "x"}, "execution"),
    ({"out": ""}, "out"), ({"resume": True}, "resume"),
]  # fmt: skip
SIZES = ([8, 8], [], "8", [8, 0], [8, "x"], [8.5], [8, 71], [None, Minibatches(3, "full")])
SEVERAL = [
    ({"network": {}}, "network"),
    *(({"network": {name: NET}}, "network") for name in ("a/b", "", ".a", "refit", 3, *UNWRITABLE)),
    ({"network": {"a": NET, "wide": jfnn.mlp((6, 3))}}, "x_train"),
    ({"network": {"a": NET, "b": 3}}, "network"), ({"network": [NET]}, "network"),
    *(({"batch_size": value}, "batch_size") for value in SIZES),
    ({"batch_size": [8, 60], "validation": 0.2}, "batch_size"),
    ({"batch_size": [4, 5], "batches": ROWS, "epochs": 1}, "batch_size"),
    *(({"batch_size": value}, "batch_size") for value in ("x", 0, 71)),
    ({"batch_size": 60, "validation": 0.2}, "batch_size"),
    ({"out": ""}, "out"), ({"resume": True}, "resume"), ({"refit": True}, "refit"),
    ({"refit": True, "validation": 0.2, "batches": ROWS, "epochs": 1}, "refit"),
]  # fmt: skip
UNTRAINED = {"learning_rate": 0.1, "execution": Execution(progress=pytest.fail)}


def train(**changes):
    options = UNTRAINED | {"network": NET, "epochs": 4, "batch_size": 16} | changes
    return jfnn.train(x=SPLIT.x_train, y=SPLIT.y_train, **options)


def sweep_several(**changes):
    options = UNTRAINED | {"network": {"a": NET, "b": jfnn.mlp((5, 4, 3))}, "batch_size": 16} | changes
    return jfnn.sweep(split=SPLIT, **options)


DOORS = {
    "constructors": (
        lambda make: make(),
        [({"make": make}, name) for make, name in MADE],
    ),
    "train": (train, TRAIN),
    "sweep of several": (sweep_several, SEVERAL),
}


@pytest.mark.parametrize("door", DOORS)
def test_an_invalid_argument_raises_by_name_before_anything_trains(door):
    call, cases = DOORS[door]
    complaints = [complaint(refusal(call, **changes), {name}) for changes, name in cases]
    assert {i: why for i, why in enumerate(complaints) if why} == {}


def test_sweep_refuses_before_it_makes_a_directory(tmp_path):
    for changes in ({"seeds": []}, {"schedulers": 3}, {"execution": 0}):
        with pytest.raises((ValueError, TypeError)):
            jfnn.sweep(**BASE | changes, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


class Text(str):
    """A word that is more than one."""


class Number(float):
    """A number that is more than one."""


SAME = [
    *(("seeds", value, 3) for value in (np.array(3), range(3), (0, 1, 2), np.arange(3))),
    *[("execution", np.int64(2), Execution(devices=2)), ("batch_size", np.int32(16), Minibatches(16))],
    *(("learning_rate", several([0.125, 0.25]), [0.125, 0.25]) for several in (jnp.array, tuple)),
    ("hyper", {"dropout": np.array([0.0, 0.25])}, {"dropout": [0.0, 0.25]}),
    ("optimizer", Optimizer(momentum=jnp.float32(0.5)), Optimizer(momentum=0.5)),
    *[("learning_rate", np.longdouble(0.25), 0.25), ("l2", Number(0.5), 0.5)],
    *[("optimizer", Text("adam"), "adam"), ("reduction", Text("mean"), "mean")],
    *[("validation", 14, Validation(0.2)), ("validation", np.float16(0.25), 0.25)],
    *[("optimizer", optax.sgd, Optimizer("sgd")), ("hyper", {}, None), ("schedulers", (), [])],
    *[("split", tuple(SPLIT), SPLIT), ("split", list(SPLIT[:4]), SPLIT)],
    ("loss", jfnn.losses.LOSSES["cross_entropy"], "cross_entropy"),
    ("batches", ROWS.tolist(), ROWS),
    ("initial_params", jax.tree.map(jnp.asarray, PARAMS), PARAMS),
]  # fmt: skip


@pytest.mark.thorough
def test_plain_and_other_forms_of_a_value_are_the_same_run():
    for name, *forms in SAME:
        run, plain = (prepare(Options(**BASE | {name: form})) for form in forms)
        assert run.description == plain.description, name
        assert (run.threads, run.layout) == (plain.threads, plain.layout), name
