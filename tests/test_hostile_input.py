"""The same numbers in any form, dtype, byte order or container give the same bits."""

import fractions

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import complaint, refusal, same_bits
from room_calls import NET, PARAMS, accuracy, backprop, objective, predict, predict_proba, prepared

import jfnn

pytestmark = pytest.mark.unoptimized

# Numbers that float16 represents, so that every kind below holds the same ones.
X = np.random.default_rng(0).integers(-9, 9, (8, 2)) / 4
LABELS = np.arange(8) % 2
PLAIN = {
    "x": X,
    "y": np.eye(2)[LABELS],
    "weights": np.arange(8) / 2,
    "params": jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), PARAMS),
}


FUNCTIONS = {f.__name__: f for f in (objective, backprop, predict, predict_proba, accuracy)}
TAKES = {"objective": [*PLAIN], "backprop": [*PLAIN]}


def prepared_split(*split, **options):
    return prepared(split=jfnn.Split(*split), **options)


class ArrayLike:
    """An object that only `np.asarray` can read, like a data frame."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array.astype(dtype or self.array.dtype)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    wide = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
    wide[::-2] = array
    return wide[::-2]


def frame(array):
    pandas = pytest.importorskip("pandas")
    return pandas.Series(array) if array.ndim == 1 else pandas.DataFrame(array)


# Forms of the same numbers.
FORMS = {
    "longdouble": lambda array: array.astype(np.longdouble),
    "big-endian longdouble": lambda array: array.astype(np.dtype(np.longdouble).newbyteorder(">")),
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "big-endian float32": lambda array: array.astype(">f4"),
    "masked, but nowhere": np.ma.masked_array,
    "float32": lambda array: array.astype(np.float32),
    "float16": lambda array: array.astype(np.float16),
    "Fortran order": np.asfortranarray,
    "read-only": read_only,
    "strided": strided,
    "jax": jnp.asarray,
    "list": np.ndarray.tolist,
    "array-like": ArrayLike,
    "data frame": frame,
}
# float16 arithmetic, a tree of numbers, and leaves without the shapes needed by the hand-derived gradient.
NOT_OF_PARAMS = {"float16", "list", "array-like", "data frame"}


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_numbers_in_any_form_give_the_same_bits(name, form):
    function = FUNCTIONS[name]
    plain = {argument: PLAIN[argument] for argument in TAKES.get(name, ["x", "params"])}
    expected = function(**plain)
    for argument, value in plain.items():
        if argument == "params" and form in NOT_OF_PARAMS:
            continue
        formed = jax.tree.map(FORMS[form], value)
        assert same_bits(function(**plain | {argument: formed}), expected), argument


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["i1", "u2", ">i4", "i8", "?"])
@pytest.mark.parametrize("name", ["objective", "backprop", "accuracy"])
def test_labels_of_any_integer_type_are_the_same(name, kind):
    function = FUNCTIONS[name]
    argument = "labels" if name == "accuracy" else "y"
    assert same_bits(function(**{argument: LABELS.astype(kind)}), function(**{argument: LABELS}))


@pytest.mark.parametrize("form", FORMS)
def test_sweep_of_the_same_numbers_in_any_form_is_the_same_run(form):
    start = PLAIN["params"]
    expected = prepared_split(X, PLAIN["y"], X, PLAIN["y"], PLAIN["weights"], initial_params=start)
    formed = {name: jax.tree.map(FORMS[form], PLAIN[name]) for name in ("x", "y", "weights")}
    start = start if form in NOT_OF_PARAMS else jax.tree.map(FORMS[form], start)
    run = prepared_split(
        *(formed["x"], formed["y"], formed["x"], formed["y"], formed["weights"]), initial_params=start
    )
    assert run.description == expected.description
    assert same_bits(run.experiment.data[:3], expected.experiment.data[:3])
    data = run.experiment.data
    start = run.experiment.replicates.start(0)
    assert same_bits(start, expected.experiment.replicates.start(0))
    assert all(leaf.dtype.isnative for leaf in jax.tree.leaves((data.rows, data.weights, start)))


@pytest.mark.thorough
def test_inputs_are_never_written_to():
    arrays = jax.tree.map(np.copy, PLAIN)
    jfnn.train(
        *(NET, arrays["x"], arrays["y"]),
        **dict(learning_rate=0.1, epochs=1, batch_size=4),
        weights=arrays["weights"],
        initial_params=arrays["params"],
    )
    assert same_bits(arrays, PLAIN)


@pytest.mark.thorough
@pytest.mark.parametrize("l2", [0, 1, 0.5, np.float16(0.5), np.float64(0.5), np.array(0.5), jnp.int32(1)])
def test_penalty_may_be_any_number(l2):
    expected = objective() + float(l2) * jfnn.losses.l2_penalty(PARAMS) / len(X)
    for value in (objective(l2=l2), backprop(l2=l2)[0], jax.jit(lambda l2: objective(l2=l2))(float(l2))):
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_custom_networks_get_native_numbers():
    own = jfnn.Network(lambda key: {"w": jnp.ones((2, 2))}, lambda params, x: x @ params["w"])
    params = {"w": np.eye(2)}
    weights = np.linspace(0, 2, 8)
    swapped = jax.tree.map(FORMS["big-endian"], (params, X, LABELS, weights))
    expected = jfnn.objective(own, params, X, LABELS, weights=weights)
    assert jfnn.objective(own, *swapped[:3], weights=swapped[3]) == expected
    np.testing.assert_array_equal(jfnn.predict(own, *swapped[:2]), jfnn.predict(own, params, X))


def test_numbers_beyond_float32_are_valid_in_float64(x64):
    beyond = jax.tree.map(lambda leaf: np.full(leaf.shape, 1e39), PLAIN["params"])
    weights = np.where(LABELS, 1e39, 1.0)
    run = prepared_split(X * 1e39, LABELS, None, None, weights, initial_params=beyond, l2=1e39)
    assert any("inputs reach" in doubt.found for doubt in run.experiment.doubts)
    assert same_bits(run.experiment.data.rows[0], X * 1e39)
    assert jax.tree.leaves(run.experiment.replicates.start(0))[0].max() == 1e39


@pytest.mark.parametrize(
    ("value", "plain"), [(np.float16(0.25), 0.25), (fractions.Fraction(1, 4), 0.25), (np.uint8(2), 2)]
)
def test_numbers_of_other_types_split_like_plain_ones(value, plain):
    one, other = (jfnn.datasets.split(X, LABELS, test_size=size) for size in (value, plain))
    assert same_bits(tuple(one), tuple(other))


def test_layers_in_a_list_have_the_same_gradient_as_in_a_tuple():
    assert same_bits(backprop(params=list(PARAMS)), backprop(params=tuple(PARAMS)))


@pytest.mark.parametrize(
    "kinds", [{0: "Float64", 1: "Float64"}, {0: "Float64"}, {0: "Int64", 1: "boolean"}], ids=str
)
def test_tables_of_nullable_numbers_equal_those_of_plain_ones(kinds):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X > 0 if "boolean" in kinds.values() else X).astype(kinds)
    plain = table.astype(float).to_numpy()
    labels = pandas.Series(LABELS).astype("Int64")
    value = objective(x=table, y=labels)
    assert value == objective(x=plain, y=LABELS) and np.isfinite(value)
    words = table.assign(word=pandas.Series(["1.5"] * 8, dtype=object)).iloc[:, 1:]
    for invalid in (table.mask(np.eye(8, 2) > 0), words):
        assert complaint(refusal(predict, x=invalid), {"x"}) is None
