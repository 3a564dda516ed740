"""Values by name: a dict, with a better error for missing names."""

import copy
import dataclasses
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import make_result

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.named import Named

GIVEN = {"b": np.arange(3.0), "a": np.ones(2)}
COPIES = {
    "itself": lambda named: named,
    "pickle": lambda named: pickle.loads(pickle.dumps(named)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "jax": lambda named: jax.tree.map(lambda leaf: leaf, named),
}


@pytest.mark.parametrize("how", COPIES)
def test_it_is_a_dict_whose_error_shows_names_and_a_remedy(how):
    named = COPIES[how](Named(GIVEN, "scores", "or train longer"))
    assert set(named) == set(GIVEN)
    assert all((named[name] == values).all() for name, values in GIVEN.items())
    assert named.get("c") is None and "c" not in named and type(named | {}) is dict
    for error in (KeyError, ValueError, ArgumentError):
        with pytest.raises(error) as caught:
            named["c"]
        said = str(caught.value)
        assert said.startswith("scores: ") and all(
            word in said for word in (*named, "or train longer", "'c'")
        )


def test_jax_treats_it_as_a_dict():
    named = Named(GIVEN, "scores", "")
    assert jax.tree_util.tree_leaves_with_path(named) == jax.tree_util.tree_leaves_with_path(GIVEN)
    summed = jax.jit(lambda tree: jax.tree.map(jnp.add, tree, tree))(named)
    assert summed["a"].tolist() == [2, 2] and jax.tree.structure(summed) == jax.tree.structure(named)


def test_mappings_of_a_replaced_result_show_them_too():
    result = make_result((2, 3))
    changed = dataclasses.replace(result, terms={"size": np.ones(3)})
    with pytest.raises(KeyError, match=r"^terms: expected one of size, got 'data'"):
        changed.terms["data"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lr", "did you mean 'learning_rate'"),
        ("predictt", "did you mean 'predict'"),
        ("best_params_", "use result.best().axes"),
        ("plot", "use jfnn.plots.heat_map(result)"),
        ("test_auc", "test_accuracy; record others with metrics="),
    ],
)
def test_unknown_attributes_of_a_result_are_refused_with_a_suggestion(name, said):
    result = make_result((2, 3))
    with pytest.raises(AttributeError) as caught:
        getattr(result, name)
    assert said in str(caught.value)
