"""Right code is right, each mistake is found where it is made: of networks in NumPy that are not jfnn's."""

import itertools

import numpy as np
import pytest
from helpers import representatives
from student import ACTIVATIONS, BY_OUTPUT, LOSSES, OF_LABELS, Student

import jfnn
from jfnn.own_code import MISTAKES
from jfnn.own_code.mistakes import PENALTIES

NUMBERS = ("quadratic", "absolute", "huber", "gaussian", "poisson")


def drawn(
    seed,
    dtype,
    loss=None,
    activation=None,
    output=None,
    sizes=None,
    n=None,
    l2=None,
    l1=None,
    penalised=None,
    reduction=None,
):
    """Parameters, rows and keywords of a random network, and a student of it without mistakes."""
    rng = np.random.default_rng(seed)
    loss = loss or str(rng.choice(list(LOSSES)))
    activation = activation or str(rng.choice([name for name in ACTIVATIONS if name != "identity"]))
    if output is None:
        free = loss in ("quadratic", "absolute", "huber")
        output = str(rng.choice(["identity", "sigmoid", "tanh"])) if free else "identity"
    if sizes is None:
        sizes = [*rng.integers(1, 9, rng.integers(1, 5)).tolist(), int(rng.integers(2, 6))]
    n = n or int(rng.integers(3, 41))
    k = sizes[-1]
    if loss == "gaussian":
        k = 2 * k
    ends = [*sizes[:-1], k]
    weights = [(rng.normal(size=pair) / np.sqrt(pair[0])).astype(dtype) for pair in itertools.pairwise(ends)]
    biases = [(0.3 * rng.normal(size=size)).astype(dtype) for size in ends[1:]]
    x = rng.normal(size=(n, ends[0])).astype(dtype)
    if loss in OF_LABELS:
        y = rng.integers(0, k, n)
        t = np.eye(k, dtype=dtype)[y]
    else:
        t = rng.normal(size=(n, sizes[-1])).astype(dtype)
        t = np.abs(t) if loss == "poisson" else t
        y = t
    if l2 is None:
        l2 = float(rng.choice([0, 0.1, 3]))
    reduction = reduction or str(rng.choice(["sum", "mean"]))
    words = {"activation": activation, "output": output, "loss": loss, "l2": l2, "reduction": reduction}
    words["l1"] = float(rng.choice([0, 0.2])) if l1 is None else l1
    words["penalised"] = penalised or str(rng.choice(["weights", "all"]))
    return weights, biases, x, y, t, words


def checked(network, mistakes=(), arrays=True):
    """The answer to what a student of a drawn network hands in."""
    weights, biases, x, y, t, words = network
    student = Student(weights, biases, mistakes=mistakes, **words)
    with np.errstate(all="ignore"):
        gradients = student.backward(x, t)
    own = {"activations": student.a, "deltas": student.deltas} if arrays else {}
    return jfnn.check_backprop(list(zip(weights, biases, strict=True)), x, y, gradients, **own, **words)


@pytest.mark.parametrize("seed", representatives(range(200), 3))
def test_right_code_is_right_and_nothing_is_named(seed):
    for dtype in (np.float32, np.float64):
        check = checked(drawn(seed, dtype), arrays=seed % 2 == 0)
        assert check.right and not check.findings, f"{check}"
        assert max(array.error for array in check.arrays) < (1e-3 if dtype == np.float32 else 1e-11)


SQUARE = {"sizes": [5, 6, 6, 6, 3], "n": 30, "activation": "tanh", "l2": 0.5}
SQUARE |= {"l1": 0.0, "penalised": "weights"}
MEAN = SQUARE | {"reduction": "mean", "loss": "cross_entropy"}
SUM = SQUARE | {"reduction": "sum", "loss": "cross_entropy"}
# The mistake, the layer where it is made (None for all), where it is to be found, and the network.
PLANTED = [
    *[(name, layer, "delta", MEAN) for layer in (1, 2) for name in (
        "missing_derivative", "derivative_of_a", "derivative_by_z", "function_for_derivative",
        "other_derivative", "transposed_weights")],
    ("derivative_by_z", 2, "delta", MEAN | {"activation": "sigmoid"}),
    ("derivative_of_a", 3, "delta", MEAN | {"activation": "gelu"}),
    ("derivative_of_other_layer", 2, "delta", MEAN),
    ("weights_of_other_layer", 2, "delta", MEAN),
    ("missing_derivative", 4, "delta", MEAN | {"loss": "quadratic", "output": "sigmoid"}),
    ("derivative_of_probabilities", 4, "delta", MEAN),
    ("derivative_of_probabilities", 4, "delta", MEAN | {"loss": "sigmoid_cross_entropy"}),
    ("softmax_with_printed_cost", 4, "delta", MEAN),
    ("softmax_with_printed_cost", 4, "delta", SUM | {"loss": "softmax_binary_cross_entropy"}),
    ("softmax_over_rows", 4, "delta", MEAN),
    ("logits_for_probabilities", 4, "delta", MEAN),
    ("probabilities_twice", 4, "delta", MEAN),
    ("other_loss", 4, "delta", MEAN | {"loss": "quadratic", "output": "identity"}),
    *[(name, layer, "weights", MEAN) for layer in (2, 3) for name in (
        "transposed_gradient", "product_with_z", "product_with_own_a")],
    ("transposed_gradient", 1, "weights", SUM),
    *[(name, layer, "biases", MEAN) for layer in (1, 4) for name in (
        "biases_over_wrong_axis", "biases_not_summed", "biases_summed_over_all", "biases_of_one_row",
        "biases_penalised")],
    ("biases_over_wrong_axis", 2, "biases", SUM | {"n": 6}),
    ("biases_penalised", 2, "biases", SUM),
    *[(name, 2, "weights", MEAN) for name in (
        "penalty_missing", "penalty_doubled", "penalty_halved", "penalty_wrong_sign", "penalty_undivided")],
    ("penalty_divided", 3, "weights", SUM),
    ("l1_without_sign", 3, "weights", MEAN | {"l1": 0.3}),
    ("penalty_missing", None, "objective", MEAN | {"l1": 0.3, "penalised": "all"}),
    ("biases_unpenalised", 2, "biases", SUM | {"l1": 0.3, "penalised": "all"}),
    ("biases_penalised", 2, "biases", MEAN | {"l1": 0.3}),
    *[(name, None, "objective", MEAN) for name in (
        "penalty_missing", "penalty_doubled", "penalty_undivided", "sum_for_mean", "mean_twice", "wrong_sign",
        "doubled", "halved", "mean_over_outputs")],
    ("penalty_divided", None, "objective", SUM),
    ("mean_for_sum", None, "objective", SUM),
    ("bias_left_out", 2, "activation", MEAN),
    ("other_activation", 1, "activation", MEAN),
    ("other_activation", 4, "activation", MEAN | {"loss": "quadratic", "output": "identity"}),
]  # fmt: skip
QUICK = [[name for name, *_ in PLANTED].index(name) for name in ("missing_derivative",)]
# A mistake in every layer or in none -> an array whose factor says as much.
SAME = {"objective": {"objective", "delta", "weights", "biases"}}


def test_every_mistake_of_the_table_is_planted():
    assert {name for name, *_ in PLANTED} == MISTAKES.keys()
    assert BY_OUTPUT.keys() <= ACTIVATIONS.keys()


@pytest.mark.parametrize("arrays", [False, True], ids=["gradients", "all"])
@pytest.mark.parametrize("row", representatives(range(len(PLANTED)), *QUICK))
def test_a_mistake_is_named_where_it_is_made(row, arrays):
    name, layer, array, words = PLANTED[row]
    for seed, dtype in ((row, np.float64), (row + 1000, np.float32)):
        check = checked(drawn(seed, dtype, **words), {name: layer}, arrays)
        assert not check.right
        assert set(check.mistakes) == {name}, f"{check}"
        for finding in check.findings:
            assert finding.array in SAME.get(array, {array})
            assert layer is None or finding.layer == layer
            assert str(finding).startswith(name) and MISTAKES[name] in str(finding)
        assert any(one.verdict == "wrong" for one in check.arrays)
        assert not [one for one in check.arrays if one.verdict == "wrong" and not one.mistakes]


ANYWHERE = [
    *["missing_derivative", "derivative_of_a", "other_derivative", "transposed_weights"],
    *["transposed_gradient", "product_with_z", "biases_over_wrong_axis", "biases_not_summed"],
    *["penalty_missing", "penalty_doubled", "sum_for_mean", "mean_for_sum", "doubled"],
    *["wrong_sign", "softmax_with_printed_cost"],
]  # fmt: skip


FEW = 30  # of 150, which are evidence


@pytest.mark.parametrize(
    "seed", [pytest.param(i, marks=pytest.mark.thorough if i < FEW else pytest.mark.slow) for i in range(150)]
)
def test_a_mistake_in_a_random_network_is_named_or_makes_no_difference(seed):
    """Also where widths are 1, batches small, or two mistakes give the same numbers."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(ANYWHERE))
    width = int(rng.integers(1, 8))
    sizes = [int(rng.integers(1, 6)), *[width] * int(rng.integers(2, 4)), 3]
    words = {"sizes": sizes, "reduction": {"sum_for_mean": "mean", "mean_for_sum": "sum"}.get(name)}
    words |= {"loss": "cross_entropy"} if name == "softmax_with_printed_cost" else {}
    network = drawn(seed, [np.float32, np.float64][seed % 2], **words)
    layer = {"softmax_with_printed_cost": len(sizes) - 1, "transposed_weights": 1}.get(name, 2)
    check = checked(network, {name: layer}, arrays=bool(seed // 2 % 2))
    plain = checked(network)
    assert plain.right
    if not check.right:
        told = {other for finding in check.findings for other in (finding.mistake, *finding.others)}
        assert name in told, f"{name}\n{check}"


TWO = [
    {"missing_derivative": 3, "transposed_weights": 1},
    {"transposed_gradient": 3, "biases_over_wrong_axis": 1},
    {"derivative_by_z": 2, "penalty_missing": None},
    {"doubled": None, "mean_over_outputs": None},
    {"missing_derivative": 2, "transposed_weights": 2},
    {"softmax_with_printed_cost": 4, "penalty_doubled": 2},
]


@pytest.mark.thorough
@pytest.mark.parametrize("arrays", [False, True], ids=["gradients", "all"])
@pytest.mark.parametrize("mistakes", TWO, ids=lambda two: "-".join(two))
def test_two_mistakes_are_both_named(mistakes, arrays):
    check = checked(drawn(5, np.float64, **MEAN), mistakes, arrays)
    assert set(check.mistakes) == mistakes.keys(), f"{check}"
    if None not in mistakes.values():
        assert {finding.layer for finding in check.findings} == set(mistakes.values())
    assert len(check.findings) == 2
    of_biases = {name for one in check.arrays if one.array == "biases" for name in one.mistakes}
    assert not of_biases & PENALTIES.keys()  # biases have none


def handed_in(mistakes=(), dtype=np.float64, **words):
    """The student of a network, its pairs, rows and keywords, and its gradients."""
    weights, biases, x, y, t, words = drawn(7, dtype, **MEAN | words)
    student = Student(weights, biases, mistakes=mistakes, **words)
    return student, list(zip(weights, biases, strict=True)), x, y, student.backward(x, t), words


def turned(pairs):
    """As those have it who write ``w @ a + b`` with columns."""
    return [(w.T, b[:, None]) for w, b in pairs]


def test_weights_may_have_outputs_first_and_activations_rows_last():
    student, params, x, y, gradients, words = handed_in({"missing_derivative": 2})
    own = {"activations": [a.T for a in student.a[1:]], "deltas": [delta.T for delta in student.deltas]}
    check = jfnn.check_backprop(turned(params), x, y, turned(gradients), **own, **words)
    assert check.mistakes == ("missing_derivative",) and len(check.notes) == 2
    assert [(one.array, one.layer) for one in check.arrays if one.verdict == "wrong"] == [("delta", 2)]


@pytest.mark.thorough
def test_square_weights_are_told_apart_by_the_layout_alone():
    _, params, x, y, gradients, words = handed_in(sizes=[4, 4, 4], n=9)
    assert jfnn.check_backprop(params, x, y, gradients, **words).right
    assert not jfnn.check_backprop(turned(params), x, y, turned(gradients), **words).right
    check = jfnn.check_backprop(turned(params), x, y, turned(gradients), **words, layout="out_in")
    assert check.right and not check.notes


def test_a_function_is_called_with_what_was_given():
    _, params, x, y, gradients, words = handed_in({"penalty_missing": 1})
    given = []

    def by_hand(*arguments):
        given.extend(arguments)
        return gradients

    check = jfnn.check_backprop(params, x, y, by_hand, **words)
    assert given[0] is params and given[1] is x and given[2] is y
    (finding,) = check.findings
    assert (finding.mistake, finding.array, finding.layer) == ("penalty_missing", "weights", 1)


def test_probabilities_stand_for_outputs_and_deltas_may_have_the_factor_of_the_mean():
    student, params, x, y, gradients, words = handed_in()
    z = student.a[-1]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    deltas = [delta / len(x) for delta in student.deltas]
    own = {"activations": [*student.a[1:-1], p], "deltas": deltas}
    assert jfnn.check_backprop(params, x, y, gradients, **own, **words).right
    over_rows = np.exp(z) / np.exp(z).sum(axis=0)
    check = jfnn.check_backprop(
        params, x, y, gradients, **own | {"activations": [*student.a[1:-1], over_rows]}, **words
    )
    assert [(one.mistake, one.array) for one in check.findings] == [("softmax_over_rows", "activation")]


@pytest.mark.thorough
def test_what_nothing_explains_is_wrong_without_a_name():
    student, params, x, y, gradients, words = handed_in()
    rng = np.random.default_rng(0)
    off = gradients[1][0] + 1e-6 * rng.normal(size=gradients[1][0].shape)
    gradients[1] = off, gradients[1][1]
    check = jfnn.check_backprop(params, x, y, gradients, **words)
    wrong = [one for one in check.arrays if one.verdict != "right"]
    assert [(one.array, one.layer, one.verdict, one.mistakes) for one in wrong] == [
        ("weights", 2, "wrong", ())
    ]
    assert wrong[0].error == pytest.approx(
        np.abs(off - student.backward(x, np.eye(3)[y])[1][0]).max() / np.abs(off).max(), rel=1e-3
    )


@pytest.mark.thorough
@pytest.mark.parametrize("broken", [np.nan, np.inf, "shape"])
def test_numbers_that_are_not_finite_and_other_shapes_are_wrong_and_stop_nothing(broken):
    student, params, x, y, gradients, words = handed_in({"missing_derivative": 1})
    w = np.zeros((2, 2, 2)) if broken == "shape" else np.full_like(gradients[3][0], broken)
    gradients[3] = w, gradients[3][1]
    check = jfnn.check_backprop(params, x, y, gradients, **words)
    (last,) = [one for one in check.arrays if (one.array, one.layer) == ("weights", 4)]
    assert last.error == np.inf and last.verdict == "wrong" and not last.mistakes
    assert check.mistakes == ("missing_derivative",)
    deltas = [np.full_like(student.deltas[0], np.nan), *student.deltas[1:]]
    assert jfnn.check_backprop(params, x, y, gradients, deltas=deltas, **words).arrays[-3].error == np.inf


def test_mistakes_that_rounding_hides_are_told():
    _, params, x, y, gradients, words = handed_in(dtype=np.float32, l2=1e-7)
    assert "penalty_missing" in jfnn.check_backprop(params, x, y, gradients, **words).unseen
    _, params, x, y, gradients, words = handed_in(dtype=np.float64, l2=1e-7)
    assert not jfnn.check_backprop(params, x, y, gradients, **words).unseen
    _, params, x, y, gradients, words = handed_in(l2=0.0)
    assert len(jfnn.check_backprop(params, x, y, gradients, **words).notes) == 1


def test_a_kink_may_be_taken_from_either_side():
    """f'(0) of ReLU is 1 for some; rows of zeros with biases of zero lie there."""
    _, params, x, y, _, words = handed_in(activation="relu")
    params = [(w, 0 * b) for w, b in params]
    x[:5] = 0
    student = Student(*zip(*params, strict=True), **words)
    student.slope = lambda layer: (student.z[layer - 1] >= 0) * 1.0 if layer < 4 else 1.0
    assert jfnn.check_backprop(params, x, y, student.backward(x, np.eye(3)[y]), **words).right


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"params": []}, "params"),
        ({"params": [(np.ones((5, 6)), np.ones(3))]}, "params"),
        ({"params": [np.ones((5, 6))]}, "params"),
        ({"gradients": [(np.ones((5, 6)), np.ones(6))]}, "gradients"),
        ({"gradients": lambda *_: None}, "gradients"),
        ({"gradients": [("a", "b")] * 4}, "gradients"),
        ({"activations": [np.ones((30, 6))]}, "activations"),
        ({"deltas": [np.ones((30, 5))] * 4}, "deltas"),
        ({"x": np.ones((30, 4))}, "x"),
        ({"y": np.arange(30)}, "y"),
        ({"layout": "out_in"}, "params"),
        ({"layout": "rows"}, "layout"),
        ({"output": "sigmoid"}, "loss"),
        ({"params": [(np.full((5, 3), 1.7e308), np.ones(3))], "gradients": [(np.ones((5, 3)), np.ones(3))],
          "loss": "quadratic"}, "params"),
        ({"reduction": "max"}, "reduction"),
        ({"l2": -1}, "l2"),
        ({"penalised": "biases"}, "penalised"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_its_name(changed, argument):
    _, params, x, y, gradients, words = handed_in()
    given = {"params": params, "x": x, "y": y, "gradients": gradients, **words} | changed
    with pytest.raises(jfnn.ArgumentError) as error:
        jfnn.check_backprop(**given)
    assert error.value.argument == argument


def test_gradients_given_to_the_check_of_networks_lead_here():
    _, params, x, y, *_ = handed_in()
    with pytest.raises(TypeError, match="check_backprop"):
        jfnn.check_gradients(params, x, y)
