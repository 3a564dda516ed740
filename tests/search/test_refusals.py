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


def with_number():
    """A learner that takes a number of its own, "strength"."""

    def loss(params, batch, key, strength):
        return strength * jnp.sum((batch[0] @ params["w"]) ** 2)

    def score(params, rows):
        return {"loss": (rows[0] @ params["w"]) ** 2}

    return jfnn.learner(lambda key: {"w": jnp.zeros(5)}, loss, hyper=["strength"], score=score)


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
        case(Validation(0.2, jfnn.Metric("own")), "metrics"),
        case(Validation(0.2, jfnn.Metric("own")), "rank_by", network=own_loss()),
    ],
    "schedulers": [
        *[3, Halving(3), "halving", [3], ["halving"], [Halving], {"halving": 3}, None],
        *[[jfnn.EarlyStopping(2)], [PopulationTraining(2)]],  # no rows are held out; there is one cell
        case([Halving(2, 3)], l2=[0, 1]),
        *each([[PopulationTraining(*of)] for of in ((2, 0.4), (4, 0.5))], None, l2=[0, 1]),
        *each([[PopulationTraining(2, 0.5, perturbed=of)] for of in (("momentum",), "l2")], None, l2=[0, 1]),
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
        case(Sample(3, -1), "sample_seed", l2=[0, 1]),
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
    assert type(error) in (ValueError, TypeError)
    assert str(error).startswith(f"{argument}: ")
    assert "\n" not in str(error)
    assert len(str(error)) > len(argument) + 12


@pytest.mark.parametrize(("name", "value", "argument", "others"), list(cases()))
def test_a_value_that_cannot_be_is_refused_by_name(name, value, argument, others):
    with pytest.raises((ValueError, TypeError)) as caught:
        prepare(Options(**BASE | others | {name: value}))
    check_message(caught.value, argument)
