"""Several structures at once, the first time and again: contenders, kept programs, and the script."""

import dataclasses
import json

import bench
import numpy as np
import pytest
from benchmarks import first_call, first_calls, native, structures

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


def test_the_sweep_is_of_nine_networks_by_name(monkeypatch):
    class Called(Exception):
        pass

    def sweep(networks, split, **options):
        raise Called(networks, split, options)

    monkeypatch.setattr("jfnn.sweep", sweep)
    with pytest.raises(Called) as called:
        first_call.CASES["nine"].prepare("jfnn_kept")()
    networks, split, options = called.value.args
    assert list(networks) == [f"{depth} × {width}" for depth in (1, 2, 3) for width in (5, 20, 50)]
    assert structures.SIZES["3 × 20"] == (1, 20, 20, 20, 1) and split.x_train.shape == (200, 1)
    members = len(options["learning_rate"]) * len(options["l2"]) * options["seeds"]
    assert (members, options["epochs"], options["batch_size"]) == (45, 20, 50)


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


def test_where_no_process_keeps_programs_one_more_writes_them(calls):
    for case, names in (("nine", ["jfnn_kept"]), ("grid", ["jfnn", "jfnn_kept"])):
        calls.clear()
        first_calls.measured(case, names, rounds=2)
        kept = [programs for name, programs, *_ in calls if name == "jfnn_kept"]
        assert len(kept) == 3 and len(set(kept)) == 1 and kept[0] != "0"
        assert {programs for name, programs, *_ in calls if name == "jfnn"} <= {"0"}


def test_script_measures_them_in_a_quick_look_and_reports_failures(calls, tmp_path, capsys):
    words = ["--workload", "structures", "--quick", "--contenders", "sklearn", "jfnn", "--out", str(tmp_path)]
    assert bench.main(words) == 1
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "bench.json").read_text())["structures"]
    assert {case: list(ways) for case, ways in found.items()} == {"nine": ["jfnn"], "thirty": ["jfnn"]}
    assert found["nine"]["jfnn"][0]["again"] == [5.0, 1.0] and found["nine"]["jfnn"][0]["cpu"] == 7
    assert {(epochs, number) for _, _, epochs, number in calls} == {(2, 2), (4, 2)}
    assert "### fresh processes, 1/10 of the epochs, 2 structures" in printed
    assert "| first call less again | CPU: process |" in printed
    assert "| jfnn, nothing kept | 9 s | 1 s | 3 s | 5 s | 2 s | 3 s | 7 s |" in printed
    assert "fresh processes, thirty sklearn: failed, ValueError: no such search" in printed


@pytest.mark.parametrize("has", [False, True])
def test_the_loop_is_measured_where_pytorch_is_installed(has, monkeypatch):
    monkeypatch.setattr(native, "has_package", lambda name: has)
    names = ["vmap", "sklearn", "jfnn", "jfnn_kept"]
    assert first_calls.contenders("structures") == ["torch"] * has + names
    assert first_calls.contenders("crossings") == names


def test_a_process_of_its_own_keeps_programs_and_counts_its_seconds(tmp_path):
    process = first_calls.start("nine", "jfnn", epochs=1, programs=str(tmp_path), structures=1)
    inside = [process.imports, process.first, process.again]
    assert 0 < sum(cpu for _, cpu in inside) <= process.cpu + 0.1
    assert any(path.is_file() for path in tmp_path.rglob("*"))
