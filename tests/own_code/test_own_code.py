"""Correct NumPy programs pass, mistakes are located, and noise is not explained."""

import itertools

import numpy as np
import pytest
from helpers import representatives
from student import ACTIVATIONS, LOSSES, OF_LABELS, RATE, Student

import jfnn


def drawn(seed, dtype, sizes=None, n=None, **words):
    """Return parameters, rows and keywords of a random network, except those given."""
    rng = np.random.default_rng(seed)
    hidden = [name for name in ACTIVATIONS if name != "identity"]
    loss = words.setdefault("loss", str(rng.choice(list(LOSSES))))
    words.setdefault("activation", str(rng.choice(hidden)))
    is_free = loss in ("quadratic", "absolute", "huber")
    outputs = ["identity", "sigmoid", "tanh"] if is_free else ["identity"]
    words.setdefault("output", str(rng.choice(outputs)))
    words.setdefault("l2", float(rng.choice([0, 0.1, 3])))
    words.setdefault("l1", float(rng.choice([0, 0.2])))
    words.setdefault("penalized", str(rng.choice(["weights", "all"])))
    words.setdefault("reduction", str(rng.choice(["sum", "mean"])))
    sizes = sizes or [*rng.integers(1, 9, rng.integers(1, 5)).tolist(), int(rng.integers(2, 6))]
    n = n or int(rng.integers(3, 41))
    ends = [*sizes[:-1], sizes[-1] * (2 if loss == "gaussian" else 1)]
    weights = [(rng.normal(size=pair) / np.sqrt(pair[0])).astype(dtype) for pair in itertools.pairwise(ends)]
    biases = [(0.3 * rng.normal(size=size)).astype(dtype) for size in ends[1:]]
    x = rng.normal(size=(n, ends[0])).astype(dtype)
    y = t = rng.normal(size=(n, sizes[-1])).astype(dtype)
    if loss == "poisson":
        y = t = np.abs(t)
    if loss in OF_LABELS:
        y = rng.integers(0, sizes[-1], n)
        t = np.eye(sizes[-1], dtype=dtype)[y]
    return weights, biases, x, y, t, words


def checked(network, mistakes=(), arrays=True, gradients=None):
    weights, biases, x, y, t, words = network
    student = Student(weights, biases, mistakes=mistakes, **words)
    with np.errstate(all="ignore"):
        computed = student.backward(x, t)
    gradients = computed if gradients is None else gradients
    own = {"activations": student.a, "deltas": student.deltas} if arrays else {}
    return jfnn.check_backprop(list(zip(weights, biases, strict=True)), x, y, gradients, **own, **words)


@pytest.mark.parametrize("seed", representatives(range(60), 0, 3))
def test_correct_programs_pass_without_naming_a_mistake(seed):
    dtype, largest = ((np.float32, 1e-3), (np.float64, 1e-11))[seed % 2]
    check = checked(drawn(seed, dtype), arrays=seed % 4 < 2)
    assert check.right and not check.findings, f"{check}"
    assert max(array.error for array in check.arrays) < largest


WORDS = {
    "sizes": [5, 6, 6, 6, 3],
    "n": 30,
    "activation": "tanh",
    "l2": 0.5,
    "l1": 0.0,
    "penalized": "weights",
}
MEAN = WORDS | {"reduction": "mean", "loss": "cross_entropy"}
SUM = WORDS | {"reduction": "sum", "loss": "cross_entropy"}
NUMBERS = MEAN | {"loss": "quadratic", "output": "identity"}
# The mistake, its layer (None for all), the array to be named, and the network.
PLANTED = [
    *[(name, layer, "delta", MEAN) for layer in (1, 2) for name in (
        "missing_derivative", "derivative_of_a", "derivative_by_z", "wrong_formula",
        "function_for_derivative", "other_derivative", "transposed_weights")],
    ("derivative_by_z", 2, "delta", MEAN | {"activation": "sigmoid"}),
    ("wrong_formula", 2, "delta", SUM | {"activation": "sigmoid"}),
    ("derivative_of_a", 3, "delta", MEAN | {"activation": "gelu"}),
    ("derivative_of_other_layer", 2, "delta", MEAN),
    ("weights_of_other_layer", 2, "delta", MEAN),
    ("weights_updated_too_early", None, "delta", MEAN),
    ("weights_updated_too_early", None, "delta", SUM | {"activation": "relu", "sizes": [5, 6, 3]}),
    ("missing_derivative", 4, "delta", MEAN | {"loss": "quadratic", "output": "sigmoid"}),
    *[("derivative_of_probabilities", 4, "delta", MEAN | {"loss": loss}) for loss in (
        "cross_entropy", "sigmoid_cross_entropy")],
    *[("softmax_with_printed_cost", 4, "delta", SUM | {"loss": loss}) for loss in (
        "cross_entropy", "softmax_binary_cross_entropy")],
    *[(name, 4, "delta", MEAN) for name in (
        "softmax_over_rows", "logits_for_probabilities", "probabilities_twice")],
    ("other_loss", 4, "delta", NUMBERS),
    *[(name, layer, "weights", MEAN) for layer in (2, 3) for name in (
        "transposed_gradient", "product_with_z", "product_with_own_a")],
    ("transposed_gradient", 1, "weights", SUM),
    ("product_with_other_a", 3, "weights", MEAN),
    *[(name, layer, "biases", MEAN) for layer in (1, 4) for name in (
        "biases_over_wrong_axis", "biases_not_summed", "biases_summed_over_all", "biases_of_one_row",
        "biases_penalized")],
    ("biases_over_wrong_axis", 2, "biases", SUM | {"n": 6}),
    ("biases_penalized", 2, "biases", SUM),
    ("biases_penalized", 2, "biases", MEAN | {"l1": 0.3}),
    ("biases_unpenalized", 2, "biases", SUM | {"l1": 0.3, "penalized": "all"}),
    *[(name, layer, "weights", MEAN) for layer in (None, 2) for name in (
        "penalty_missing", "penalty_doubled", "penalty_halved", "penalty_wrong_sign", "penalty_undivided")],
    *[("penalty_divided", layer, "weights", SUM) for layer in (None, 3)],
    ("l1_without_sign", 3, "weights", MEAN | {"l1": 0.3}),
    ("penalty_missing", None, "gradients", MEAN | {"l1": 0.3, "penalized": "all"}),
    *[(name, None, "gradients", MEAN) for name in (
        "sum_for_mean", "mean_twice", "wrong_sign", "doubled", "halved", "mean_over_outputs")],
    ("mean_for_sum", None, "gradients", SUM),
    ("bias_left_out", 2, "activation", MEAN),
    ("other_activation", 1, "activation", MEAN),
    ("other_activation", 4, "activation", NUMBERS),
]  # fmt: skip
QUICK = (0, 17)


@pytest.mark.parametrize("row", representatives(range(len(PLANTED)), *QUICK))
def test_mistake_is_named_with_its_layer_and_nothing_else(row):
    name, layer, array, words = PLANTED[row]
    for arrays in (False, True) if row % 3 == 0 else (False,):
        check = checked(drawn(row, np.float32 if row % 2 else np.float64, **words), {name: layer}, arrays)
        assert check.mistakes == (name,) and check.explains_all, f"{check}"
        (finding,) = check.findings
        assert finding.array == array
        assert layer is None or finding.layers == (layer,)
        assert not check.right and check.first.verdict.startswith("wrong")
        assert name in str(check) and str(check.first) in str(check)
        if name == "weights_updated_too_early":
            assert f"learning rate of {RATE}" in str(check)


@pytest.mark.thorough
@pytest.mark.parametrize("arrays", [False, True], ids=["gradients", "all"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_noise_is_not_explained(activation, arrays):
    """No usual mistake produces random numbers, one wrong entry, a factor, or NaN."""
    rng = np.random.default_rng(7)
    network = drawn(3, np.float32, [3, 4, 2], 20, activation=activation, loss="cross_entropy")
    right = Student(network[0], network[1], **network[5]).backward(network[2], network[4])
    entry, factor, empty = (right[0][0].copy() for _ in range(3))
    entry[1, 2] += np.float32(0.05)
    factor *= np.float32(1.01)
    empty[0, 0] = np.nan
    noise = [tuple(rng.normal(size=array.shape).astype(np.float32) for array in pair) for pair in right]
    for wrong in (noise, *([(w, right[0][1]), right[1]] for w in (entry, factor, empty))):
        check = checked(network, arrays=arrays, gradients=wrong)
        assert not check.right and not check.findings, f"{check}"
        assert "No known mistake" in str(check)


@pytest.mark.thorough
def test_error_beyond_rounding_is_not_explained_by_smaller_mistakes():
    """With l2 = 1e-6 the penalty is below the rounding errors of float32."""
    network = drawn(3, np.float32, **MEAN | {"sizes": [5, 6, 3], "l2": 1e-6})
    gradients = Student(network[0], network[1], **network[5]).backward(network[2], network[4])
    gradients[1][0][0, 0] += np.float32(1e-6)
    check = checked(network, arrays=False, gradients=gradients)
    assert not check.right and not check.findings, f"{check}"


KINKS = [
    ("relu", np.float32, 0),
    ("leaky_relu", np.float64, 0.5),
    ("relu", np.float64, 1),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("activation", "dtype", "at_zero"), KINKS)
def test_one_sided_slopes_at_a_kink_pass_and_other_bias_gradients_fail(activation, dtype, at_zero):
    """XOR with zero biases: in the row (0, 0) all z are exactly 0, in every layer."""
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype), np.array([0, 1, 1, 0])
    network = drawn(
        0, dtype, sizes=[2, 8, 8, 2], activation=activation, loss="cross_entropy", reduction="mean"
    )
    weights, biases, words = network[0], [0 * b for b in network[1]], network[5] | {"l2": 0, "l1": 0}
    params = list(zip(weights, biases, strict=True))
    student = Student(weights, biases, **words)
    low = 0.01 if activation == "leaky_relu" else 0

    def slope(layer):
        below, at = student.z[layer - 1] < 0, student.z[layer - 1] == 0
        return np.where(below, low, np.where(at, low + (1 - low) * at_zero, 1)).astype(dtype)

    student.slope = lambda layer: slope(layer) if layer < 3 else dtype(1)
    gradients = student.backward(x, np.eye(2, dtype=dtype)[y])
    own = {"activations": student.a, "deltas": student.deltas}
    assert jfnn.check_backprop(params, x, y, gradients, **words).right
    assert jfnn.check_backprop(params, x, y, gradients, **own, **words).right
    (w, b), delta = gradients[1], student.deltas[1]
    for wrong in (0 * b, b / 4, delta[1:-1].sum(axis=0) / 4, b + dtype(0.01)):
        check = jfnn.check_backprop(params, x, y, [gradients[0], (w, wrong), gradients[2]], **own, **words)
        assert str(check.first) == "∂C/∂b of layer 2", f"{check}"
    (w, b) = gradients[0]
    check = jfnn.check_backprop(params, x, y, [(w, -b), *gradients[1:]], **words)
    assert str(check.first) == "∂C/∂b of layer 1", f"{check}"


def handed_in(mistakes=(), dtype=np.float64, **words):
    """Return a network's student, its pairs, rows and keywords, and its gradients."""
    weights, biases, x, y, t, words = drawn(7, dtype, **MEAN | words)
    student = Student(weights, biases, mistakes=mistakes, **words)
    return student, list(zip(weights, biases, strict=True)), x, y, student.backward(x, t), words


def turned(pairs):
    """Return the pairs of a program that computes ``w @ a + b`` with columns."""
    return [(w.T, b[:, None]) for w, b in pairs]


@pytest.mark.thorough
def test_first_of_two_mistakes_is_named():
    two = {"missing_derivative": 3, "transposed_gradient": 1}
    for arrays in (False, True):
        check = checked(drawn(5, np.float64, **MEAN), two, arrays)
        assert check.mistakes == ("missing_derivative",) and not check.explains_all, f"{check}"


@pytest.mark.thorough
def test_mistakes_with_the_same_numbers_are_all_named():
    """With two outputs, the mean over outputs is a factor 1/2."""
    check = checked(drawn(2, np.float64, **MEAN | {"sizes": [5, 4, 2]}), {"mean_over_outputs": None})
    assert set(check.mistakes) == {"halved", "mean_over_outputs"} and "same numbers" in str(check)


def test_function_is_called_with_the_arguments_and_may_change_them():
    _, params, x, y, gradients, words = handed_in({"penalty_missing": 1})
    given = []

    def by_hand(params, x, y):
        given.extend([params, x, y])
        for (w, b), (dw, db) in zip(params, gradients, strict=True):
            w -= dw
            b -= db
        return gradients

    check = jfnn.check_backprop(params, x, y, by_hand, **words)
    assert given[0] is params and given[1] is x and given[2] is y
    (finding,) = check.findings
    assert (finding.mistake, finding.array, finding.layers) == ("penalty_missing", "weights", (1,))


def test_error_of_the_function_is_the_cause_of_an_error_about_gradients():
    _, params, x, y, _, words = handed_in({})

    def by_hand(params, x, y):
        return 1 / 0

    with pytest.raises(ValueError, match=r"^gradients: .*ZeroDivisionError") as caught:
        jfnn.check_backprop(params, x, y, by_hand, **words)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.thorough
def test_layout_is_inferred_from_shapes_or_given():
    student, params, x, y, gradients, words = handed_in({"missing_derivative": 2})
    own = {"activations": [a.T for a in student.a[1:]], "deltas": [delta.T for delta in student.deltas]}
    check = jfnn.check_backprop(turned(params), x, y, turned(gradients), **own, **words)
    assert check.mistakes == ("missing_derivative",) and len(check.notes) == 2
    assert str(check.first) == "δ of layer 2"
    _, params, x, y, gradients, words = handed_in(sizes=[4, 4, 4], n=9)  # square weights fit both
    assert jfnn.check_backprop(params, x, y, gradients, **words).right
    assert not jfnn.check_backprop(turned(params), x, y, turned(gradients), **words).right
    check = jfnn.check_backprop(turned(params), x, y, turned(gradients), **words, layout="out_in")
    assert check.right and not check.notes


@pytest.mark.thorough
def test_probabilities_may_replace_outputs_and_deltas_may_include_the_factor_of_the_mean():
    student, params, x, y, gradients, words = handed_in()
    z = student.a[-1]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    deltas = [delta / len(x) for delta in student.deltas]
    own = {"activations": [*student.a[1:-1], p], "deltas": deltas}
    assert jfnn.check_backprop(params, x, y, gradients, **own, **words).right
    mixed = [*student.deltas[:-1], deltas[-1]]
    assert not jfnn.check_backprop(params, x, y, gradients, deltas=mixed, **words).right


@pytest.mark.thorough
@pytest.mark.parametrize("broken", [np.nan, np.inf, "shape"])
def test_other_shapes_and_nonfinite_numbers_fail_without_an_exception(broken):
    student, params, x, y, gradients, words = handed_in()
    w = np.zeros((2, 2, 2)) if broken == "shape" else np.full_like(gradients[3][0], broken)
    gradients[3] = w, gradients[3][1]
    check = jfnn.check_backprop(params, x, y, gradients, **words)
    assert check.first.error == np.inf
    assert check.first.verdict == ("wrong shape" if broken == "shape" else "not finite")
    deltas = [np.full_like(student.deltas[0], np.nan), *student.deltas[1:]]
    assert jfnn.check_backprop(params, x, y, gradients, deltas=deltas, **words).arrays[-3].error == np.inf


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
        ({"penalized": "biases"}, "penalized"),
    ],
)  # fmt: skip
def test_invalid_arguments_are_refused_by_name(changed, argument):
    _, params, x, y, gradients, words = handed_in()
    given = {"params": params, "x": x, "y": y, "gradients": gradients, **words} | changed
    with pytest.raises(jfnn.ArgumentError) as error:
        jfnn.check_backprop(**given)
    assert error.value.argument == argument


def test_check_of_networks_refers_gradients_to_this_function():
    _, params, x, y, *_ = handed_in()
    with pytest.raises(TypeError, match="check_backprop"):
        jfnn.check_gradients(params, x, y)
