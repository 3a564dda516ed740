"""Several structures at once, the first time and again: contenders, kept programs, and the script."""

import dataclasses

import numpy as np
import pytest
from benchmarks import first_call, first_calls, structures

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimised]

CONTENDERS = ["vmap", "jfnn", "torch"]


@pytest.fixture(params=CONTENDERS)
def contender(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    return request.param


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch warns of parts of itself
def test_contenders_minimise_the_same_objective(contender):
    """Learning rates, penalties and seeds, each for itself; weights under a large penalty are nothing."""
    [(name, workload)] = structures.workloads(epochs=30, number=1).items()
    small = dataclasses.replace(workload, learning_rates=(1e-4, 3e-2), l2s=(1e-5, 1e2), seeds=2)
    found = structures.TRAINERS[contender]({name: small})()
    assert list(found) == [name] == ["1 × 5"] and found[name].shape == small.shape
    (slow, _), (fast, nothing) = found[name]
    assert fast.max() < 0.06 and fast.max() < slow.min()
    np.testing.assert_allclose(nothing, 0.25, rtol=0.05)  # half the mean square of a sine
    assert len(set(slow) | set(fast)) == 4


@pytest.mark.parametrize("contender", ["sklearn", "jfnn"])
@pytest.mark.parametrize(("number", "epochs"), [(None, 40), (2, 3)])
def test_the_search_has_a_candidate_a_structure(contender, number, epochs, monkeypatch):
    monkeypatch.setattr("sklearn.model_selection.GridSearchCV.fit", lambda search, *_: search)
    search = first_call.CASES["thirty"].prepare(contender, None if number is None else epochs, number)()
    assert len(search.param_grid["hidden_layer_sizes"]) == (number or 30)
    assert (search.estimator.max_iter, search.cv) == (epochs, 3)
    assert getattr(search.estimator, "engine", None) == ("jfnn" if contender == "jfnn" else None)


@pytest.fixture
def calls(monkeypatch):
    """What processes are started with, instead of these; those of scikit-learn fail."""
    found = []

    def start(case, contender, epochs=None, programs="0", structures=None):
        found.append((contender, programs, epochs, structures))
        if contender == "sklearn":
            raise RuntimeError("Traceback\nValueError: no such search")
        return first_calls.Process(9.0, (1.0, 2.0), (3.0, 4.0), (5.0, 1.0), 7.0)

    monkeypatch.setattr(first_calls, "start", start)
    return found


def test_a_second_process_finds_what_a_first_one_kept(calls):
    first_calls.measured("nine", ["vmap", "jfnn", "jfnn_kept"], rounds=2)
    names, programs, *_ = zip(*calls, strict=True)
    assert names == ("vmap", "jfnn", "jfnn_kept") * 2
    assert programs[0] == programs[3] == "0"
    assert programs[1] == programs[2] != programs[4] == programs[5] != "0"
