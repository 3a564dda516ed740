"""The strategy of sweeps draws at least two values of every keyword and of every execution field."""

import collections
import dataclasses
import inspect

import pytest
from examples import Examples
from structures import STRUCTURES
from sweeps import CUT, SCHEDULERS, check_each_structure

import jfnn
from jfnn.layers import LAYERS
from jfnn.minibatches import SCHEME_NAMES

DRAWN = Examples(10 * len(STRUCTURES), len(STRUCTURES))


@pytest.fixture(scope="module")
def drawn():
    """Map each name to the texts of its values in many draws, without training."""
    seen = collections.defaultdict(set)

    def count(sweep):
        fields = vars(sweep["execution"])
        for name, value in [*sweep.keywords.items(), *fields.items()]:
            seen[name].add(repr(value))
        seen["scheduler"] |= {repr(scheduler) for scheduler in sweep["schedulers"]}

    check_each_structure(DRAWN, count)
    return seen


@pytest.mark.thorough
def test_every_keyword_and_every_execution_field_has_two_values(drawn):
    names = [
        *inspect.signature(jfnn.sweep).parameters,
        *(field.name for field in dataclasses.fields(jfnn.Execution)),
    ]
    assert [name for name in names if len(drawn[name]) < 2] == []
    assert drawn["scheduler"] == {repr(scheduler) for scheduler in SCHEDULERS}


def test_structures_cover_every_kind_of_layer_scheme_and_cut():
    """Every kind of layer occurs, except one of the two pooling layers, which work alike."""
    learners = [learner for structure in STRUCTURES.values() for learner in structure.networks]
    networks = [getattr(learner, "network", learner) for learner in learners]
    text = repr([getattr(network, "layers", None) for network in networks])
    assert {name for name, kind in LAYERS.items() if f"{kind.__name__}(" not in text} <= {"mean_pool"}
    sizes = [size for structure in STRUCTURES.values() for size in structure.schemes]
    schemes = {getattr(size, "scheme", "full") for size in sizes}
    assert schemes == {*SCHEME_NAMES}
    assert {cut for structure in STRUCTURES.values() for cut in structure.cuts} == CUT.keys()
