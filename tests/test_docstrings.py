"""The examples in docstrings run, with the output shown."""

import doctest

import pytest

import jfnn
from jfnn import activations, analysis, backprop, datasets, estimators, losses, penalties, subsets, training

PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (
        jfnn,
        activations,
        analysis,
        backprop,
        datasets,
        estimators,
        losses,
        penalties,
        subsets,
        training,
    )
    for name in module.__all__
}
PUBLIC |= {f"SweepResult.{name}": method for name, method in vars(jfnn.SweepResult).items() if name[0] != "_"}
EXAMPLES = {name: thing for name, thing in PUBLIC.items() if ">>>" in (getattr(thing, "__doc__", "") or "")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_prints_its_output(name):
    test = doctest.DocTestParser().get_doctest(EXAMPLES[name].__doc__, {}, name, None, 0)
    printed = []
    results = doctest.DocTestRunner().run(test, out=printed.append)
    assert results.failed == 0, "".join(printed)
    assert results.attempted > 1
