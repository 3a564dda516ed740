"""Options that conflict with each other, the rows or the network are refused by name before compilation.

Values that are invalid by themselves are drawn in tests/test_bad_calls.py.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import noise_split
from room_calls import not_refused
from scipy import stats
from sklearn.model_selection import KFold

import jfnn
from jfnn import Execution, Halving, Minibatches, Optimizer, Sample, Validation
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare

SPLIT = noise_split()  # 70 rows to train on
UNWRITABLE = ("\ud800", "caf\udce9", "a\0b", "a\nb", "\rb", "\tb")  # names that not every file can hold
NET = jfnn.mlp((5, 6, 3))
OWN = jfnn.Network(NET.init, NET.apply)
BASE = dict(network=NET, split=SPLIT, learning_rate=0.1, epochs=4, batch_size=16)
PARAMS = NET.init(jax.random.key(7))
ROWS = np.zeros((4, 2, 16), int)
RATES = stats.loguniform(1e-3, 1)
L2 = {"l2": [0, 1]}


def prepared(**options):
    return prepare(Options(**BASE | options))


def of(option, *values, blames=None, **others):
    """Return rows for values of an option; ``blames`` is the argument of the error, if another."""
    return [(prepared, others | {option: value}, blames or option) for value in values]


def own_loss(**arguments):
    def loss(params, batch, key):
        return jnp.sum((batch[0] @ params["w"] - batch[1]) ** 2)

    return jfnn.learner(lambda key: {"w": jnp.zeros(5)}, loss, **arguments)


def with_number(name="strength"):
    def loss(params, batch, key, **numbers):
        return numbers[name] * jnp.sum((batch[0] @ params["w"]) ** 2)

    def score(params, rows):
        return {"loss": (rows[0] @ params["w"]) ** 2}

    return jfnn.learner(lambda key: {"w": jnp.zeros(5)}, loss, hyper=[name], score=score)


def named(name):
    return jfnn.Metric(name, True, lambda outputs, targets, axis: jnp.sum(outputs, axis=axis))


def noisy(learning_rate):
    return optax.noisy_sgd(learning_rate, 0.1, 0.5, key=jax.random.key(0))


def doubled(learning_rate):
    return optax.sgd(learning_rate * 2)  # a schedule is a function


def applied(apply):
    return jfnn.Network(NET.init, apply)


WITH_NUMBER = with_number()
OPTIONS = [
    *of("network", jfnn.Network(3, 4), NET._replace(apply=lambda params, x: x)),
    *of("network", applied(lambda params, x: x[:, 0]), applied(lambda params, x: x @ x)),
    *of("network", applied(lambda params, x: NET.apply(params, x).mean(0, keepdims=True))),
    *of("split", SPLIT[:2]),
    *of("split", SPLIT._replace(y_test=None), blames="y_test"),
    *of("learning_rate", None, 1e-40, 1e39, RATES),
    *of("learning_rate", [-0.1, 1], cells=3, **L2),
    *of("l2", 1e39, RATES),
    *of("l2", "many", cells=3, learning_rate=RATES),
    *of("l2", stats.uniform(-1, 0.5), cells=3),
    *of("hyper", {"rate": 1}, {"learning_rate": 1}, {"l2": 1}, {3: 1}, {"schedule_steps": 3.0}),
    *of("hyper", {"dropout": 1 - 1e-12}, {"dropout": RATES}, blames="dropout"),  # 1 in float32
    *of("hyper", {"dropout": 0.2}, blames="dropout", network=OWN),
    *of("hyper", {"dropout": 0.2}, blames="dropout", gradient=jfnn.backprop.value_and_grad),
    *of("hyper", {}, None, network=WITH_NUMBER),
    *of("hyper", {"strength": "x"}, blames="strength", network=WITH_NUMBER),
    *(row for name in UNWRITABLE for row in of("hyper", {name: [1.0, 2.0]}, network=with_number(name))),
    *of("loss", "quadratic", network=own_loss()),
    *of("reduction", "sum", network=jfnn.supervised(NET)),
    *of("optimizer", "Array", max, noisy, lambda learning_rate: 3),
    *of("optimizer", Optimizer("adam", b3=1.0), Optimizer(momentum={}), Optimizer(momentum="x")),
    *of("optimizer", Optimizer(schedule_steps=3.0), Optimizer(doubled, schedule="cosine")),
    *of("optimizer", Optimizer(momentum=["a", "b"]), blames="momentum"),
    *of("optimizer", Optimizer(momentum=[[1.0], [1.0, 2.0]]), blames="momentum"),
    *of("optimizer", "adam", network=own_loss()),
    *of("gradient", max, lambda params, x, targets: (0.0, params), lambda params, x, targets, l2: params),
    *of("gradient", lambda params, x, targets, l2: (x, params)),
    *of("gradient", lambda params, x, targets, l2: (x @ targets, params)),
    *of("gradient", "backprop", network=own_loss()),
    *of("gradient", "backprop", network=OWN),
    *of("batch_size", 71),
    *of("batch_size", 60, validation=0.2),
    *of("batch_size", Minibatches(8, drop_last=False), blames="drop_last"),
    *of("batch_size", "x", batches=ROWS),
    *of("batches", 3, "x", [[0]], [[["a"]]], ROWS.astype(float), ROWS - 1, ROWS + 70, ROWS[:3]),
    *of("batches", max, lambda epoch: ROWS[epoch], lambda seed, epoch, step: ROWS[epoch]),
    *of("batches", lambda seed, epoch: None, lambda seed, epoch: ROWS, lambda seed, epoch: ROWS[0, :0]),
    *of("batches", lambda seed, epoch: ROWS[epoch] + 70, lambda seed, epoch: ROWS[epoch] - 1),
    *of("batches", ROWS + 2**32, lambda seed, epoch: ROWS[epoch] + 2**32),  # 0 in 32 bits
    *of("batches", [[[0], [0, 1]]], ROWS[:, :0], np.ma.masked_equal([[[0, 1]]], 1)),
    *of("batches", np.stack([ROWS] * 3), seeds=2),
    *of("batches", ROWS + 60, validation=0.2),
    *of("initial_params", PARAMS[0], jax.tree.map(lambda leaf: leaf[:2], PARAMS)),
    *of("initial_params", jax.tree.map(lambda leaf: np.stack([leaf] * 3), PARAMS), seeds=2),
    *of("validation", *(Validation(0.2, metric) for metric in ("nope", "r2")), blames="rank_by"),
    *of("validation", *(Validation(0.2, named(name)) for name in UNWRITABLE), blames="rank_by"),
    *of("validation", Validation(0.2, jfnn.Metric("own")), blames="rank_by"),
    *of("validation", Validation(0.2, jfnn.Metric("own")), blames="rank_by", network=own_loss()),
    # No held-out rows; one cell; a class.
    *of("schedulers", [jfnn.EarlyStopping(2)], [Halving]),
    *of("schedulers", [Halving(2, 3)], **L2),
    *of("execution", Execution(eval_every=[5]), blames="eval_every"),
    *of("execution", lambda: None, jfnn.Workers),
    *of("resume", True),  # without a directory there is nothing to resume
    *of("seeds", [1, 1]),
    *of("folds", 5, validation=0.2),
    *of("folds", KFold(99), np.arange(70).reshape(2, 35), 30),  # more than the rows of the largest class
    *of("folds", [(np.arange(71), np.arange(9))], [(np.arange(-1, 30), np.arange(30, 70))]),
    *of("folds", [(np.arange(70) < 30, np.arange(70) >= 30)], [(np.arange(30), np.arange(0))]),
    *of("refit", True),
    *of("refit", True, validation=0.2, batches=ROWS),
    *of("cells", 5, Sample(5)),  # nothing to draw from
    *of("cells", {}, [{}], [{"l2": 0.1}, {"learning_rate": 0.1}], [0.1], {"l2": 0.1}),
    *of("cells", {"l2": [0.1, 0.2], "learning_rate": [0.1]}),
    *of("cells", [{"l2": -1.0}], blames="l2"),
    *of("cells", [{"l2": 0.1}], blames="learning_rate", learning_rate=[0.1, 0.2]),
    *of("cells", [{"l2": 0.1}], blames="learning_rate", learning_rate=None),
]  # fmt: skip
UNTRAINED = {"learning_rate": 0.1, "execution": Execution(progress=pytest.fail)}


def train(**changes):
    options = UNTRAINED | {"network": NET, "epochs": 4, "batch_size": 16} | changes
    return jfnn.train(x=SPLIT.x_train, y=SPLIT.y_train, **options)


def several(**changes):
    options = UNTRAINED | {"network": {"a": NET, "b": jfnn.mlp((5, 4, 3))}, "batch_size": 16} | changes
    return jfnn.sweep(**{"split": SPLIT} | options)


def of_rule(rule):
    return jfnn.supervised(NET, optimizer=rule)


RULES = {"plain": "sgd", "steep": Optimizer("sgd", momentum=[0.5, 0.9])}
HYPER = {"dropout": [0.1, 0.2]}
WEIGHTED = SPLIT._replace(weights=np.ones(70))
# A name used by a result, an option or a directory -> axes of networks that would reuse it.
TAKEN = {
    **{name: {name: [1, 2]} for name in ("learning_rate", "l2", "seed", "scores", "batch_size", "best")},
    **{name: {name: [1, 2]} for name in ("dropout", "train_loss")},
    "a-b": {"a": ["b", "b-c-b"], "c": ["b-c-b", "b"]},
}
DOORS = [
    *((train, {"test": test}, "test") for test in ((SPLIT.x_test,), SPLIT)),
    (train, {"weights": np.zeros(70)}, "weights"),
    (train, {"weights": np.ones(70), "network": own_loss()}, "weights"),
    (train, {"learning_rate": [0.1]}, "learning_rate"),
    *((train, {"l2": l2}, "l2") for l2 in ([0.1, 0.2], RATES)),
    (train, {"hyper": {"dropout": [0.1, 0.2]}}, "dropout"),
    (train, {"hyper": {"x": 1}}, "hyper"),
    (train, {"optimizer": Optimizer(momentum=[0.1, 0.2])}, "momentum"),
    (train, {"optimizer": max}, "optimizer"),
    (train, {"network": {"a": NET}}, "network"),
    (train, {"batch_size": [8, 16]}, "batch_size"),
    *((several, {"network": network}, "network") for network in ({}, {"a": NET, "b": 3}, [NET])),
    *((several, {"network": {name: NET}}, "network") for name in ("", "refit", 3, *UNWRITABLE)),
    (several, {"network": {"a": NET, "wide": jfnn.mlp((6, 3))}}, "x_train"),
    (several, {"network": {"a": NET, "b": jfnn.supervised(NET, metrics=["loss"])}}, "network", "metrics"),
    (several, {"network": jfnn.Networks(of_rule, rule=RULES)}, "network", "momentum"),
    (several, {"network": with_number("network"), "hyper": {"network": [1.0, 2.0]}}, "hyper", "'network'"),
    *(
        (several, {"network": jfnn.Networks(lambda **_: NET, **axes), "hyper": HYPER}, "network", f"'{name}")
        for name, axes in TAKEN.items()
    ),
    *(
        (several, {"batch_size": sizes}, "batch_size")
        for sizes in ([8, 8], [8, 71], [8, "auto"], [None, Minibatches(3, "full")], 71)
    ),
    *((several, {"batch_size": sizes, "validation": 0.2}, "batch_size") for sizes in (60, [8, 60])),
    (several, {"batch_size": [4, 5], "batches": ROWS, "epochs": 1}, "batch_size"),
    (several, {"refit": True}, "refit"),
    (
        several,
        {"l2": [0, 1], "refit": jfnn.Refit(cells=2), "validation": 0.2},
        "refit",
        "expected 1 with several",
    ),
    (several, {"network": NET, "refit": jfnn.Refit(cells=3), "validation": 0.2}, "refit", "got 3"),
    (several, {"network": NET, "refit": "all", "validation": 0.2, "split": WEIGHTED}, "refit", "no weights"),
    (
        several,
        {"network": NET, "refit": "all", "split": (*SPLIT[:2], None, None)},
        "refit",
        "without held-out rows",
    ),
    (several, {"refit": True, "validation": 0.2, "batches": ROWS, "epochs": 1}, "refit"),
    *((call, {"resume": True}, "resume") for call in (train, several)),
]


@pytest.mark.thorough
@pytest.mark.parametrize("rows", [OPTIONS, DOORS], ids=["options", "doors"])
def test_conflicting_options_are_refused_by_name_before_training(rows):
    assert not_refused(rows) == {}


def test_sweep_refuses_before_creating_a_directory(tmp_path):
    for changes in ({"seeds": []}, {"schedulers": 3}, {"execution": 0}):
        with pytest.raises((ValueError, TypeError)):
            jfnn.sweep(**BASE | changes, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


class Text(str):
    """A string that is not a plain str."""


class Number(float):
    """A number that is not a plain float."""


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
    ("cells", {"l2": np.array([0.1, 0.2])}, [{"l2": 0.1}, {"l2": 0.2}]),
    ("initial_params", jax.tree.map(jnp.asarray, PARAMS), PARAMS),
]  # fmt: skip


@pytest.mark.thorough
def test_plain_and_other_types_of_a_value_are_the_same_run():
    for name, *forms in SAME:
        run, plain = (prepare(Options(**BASE | {name: form})) for form in forms)
        assert run.description == plain.description, name
        assert (run.threads, run.layout) == (plain.threads, plain.layout), name
