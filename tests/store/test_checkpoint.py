"""A run that is stopped anywhere goes on to the same bytes; nothing else is taken for it."""

import dataclasses
import os
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import noise_split

import jfnn
from jfnn.engine import loop, plan
from jfnn.search import checkpoint as checkpoints
from jfnn.store import environment

SPLIT = noise_split()
EPOCHS = 12
BASE = dict(
    learning_rate=[0.05, 0.5, 3.0, 1e38],
    l2=[0.0, 0.1],
    epochs=EPOCHS,
    batch_size=16,
    seeds=2,
    tile=4,
    segment=3,
)


def sweep(out=None, net=None, data=None, **changes):
    return jfnn.sweep(net or jfnn.mlp((5, 6, 3)), data or SPLIT, **(BASE | changes), out=out)


class Stop(Exception):
    pass


def stop_at(epoch, error=Stop):
    def progress(told):
        if told.epoch >= epoch:
            raise error

    return progress


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def arrays(directory):
    found = {name: content for name, content in contents(directory).items() if name.endswith(".npz")}
    assert found.keys() == {"results.npz", "models.npz"}
    return found


@pytest.fixture
def eager(monkeypatch):
    """Saves at every occasion."""
    monkeypatch.setattr(checkpoints, "SPACING", -1)


@pytest.fixture
def stopped(tmp_path, eager):
    """A directory with a run that was stopped after six epochs."""
    out = tmp_path / "run"
    with pytest.raises(Stop):
        sweep(out, progress=stop_at(9))
    return out


def refused(out, message, resume=True, **changes):
    """The sweep is refused, and nothing in the directory has changed."""
    before = contents(out)
    with pytest.raises(ValueError, match=message):
        sweep(out, resume=resume, **changes)
    assert contents(out) == before


RUNS = {
    "sgd": {},
    "adam with history": {"optimizer": "adam", "history": True},
    "momentum axis": {"optimizer_args": {"momentum": [0.0, 0.9]}, "keep_params": "best"},
    "halving": {"halving": 2, "segment": None},
    "early stopping in folds": {"folds": 2, "early_stopping": 2, "history": True, "segment": 4},
    "dropout, a schedule and weights, drawn": {
        "sample": 4,
        "dropout": [0.1, 0.5],
        "schedule": "cosine",
        "weights": np.linspace(0, 2, 70),
    },
    "given batches": {"batches": np.random.default_rng(1).integers(0, 70, (EPOCHS + 1, 3, 8))},
}


@pytest.mark.parametrize("name", RUNS)
def test_a_stopped_run_ends_in_the_bytes_of_an_unbroken_one(name, tmp_path, eager):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    sweep(whole, **RUNS[name], devices=2)
    for epoch, devices in ((4, 2), (7, 1), (10, 2)):
        with pytest.raises(Stop):
            sweep(broken, resume=True, progress=stop_at(epoch), devices=devices, **RUNS[name])
        assert (broken / "checkpoint.jfnn").exists()
    sweep(broken, resume=True, devices=1, **RUNS[name])
    assert arrays(broken) == arrays(whole)
    assert set(contents(broken)) == {"config.json", "results.csv", "results.npz", "models.npz"}


@pytest.fixture
def short_calls(monkeypatch):
    """Calls of two epochs, so that runs are saved between the ends of their segments."""
    monkeypatch.setattr(plan, "STEPS_A_CALL", 8)


@pytest.mark.parametrize("changes", [{"history": True}, {"halving": 2, "segment": 5, "history": True}])
def test_a_directory_does_not_change_the_result(changes, tmp_path, eager, short_calls):
    changes = {"segment": None} | changes
    in_memory, on_disk = sweep(**changes), sweep(tmp_path, **changes)
    segment = changes["segment"] or EPOCHS
    ends = [epoch for epoch in range(1, EPOCHS + 1) if epoch % segment == 0 or epoch == EPOCHS]
    np.testing.assert_array_equal(on_disk.history["epoch"], ends)
    for field in dataclasses.fields(in_memory):
        if field.name != "timing":
            left, right = (getattr(each, field.name) for each in (in_memory, on_disk))
            jax.tree.map(np.testing.assert_array_equal, left, right)


def test_a_run_of_one_segment_is_saved_after_every_call(tmp_path, eager, short_calls):
    with pytest.raises(Stop):
        sweep(tmp_path, segment=None, progress=stop_at(8))
    told = []
    sweep(tmp_path, segment=None, resume=True, progress=told.append)
    assert [each.epoch for each in told] == [8, 10, 12]
    assert told[0].best is None  # scores are taken at the ends of segments alone
    assert told[-1].best is not None


def test_a_resumed_run_goes_on_where_it_was_saved(stopped):
    told = []
    sweep(stopped, resume=True, progress=told.append)
    assert [each.epoch for each in told] == [9, 12]


@pytest.mark.parametrize("by", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_between_segments_saves_there_and_then(by, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SPACING", 1e9)
    with pytest.raises(by):
        sweep(tmp_path, progress=stop_at(6, by))
    told = []
    sweep(tmp_path, resume=True, progress=told.append)
    assert [each.epoch for each in told] == [9, 12]


def test_an_interrupt_amid_a_save_leaves_a_sound_one(tmp_path, eager, monkeypatch):
    real, calls = checkpoints.storage.write_sealed, []

    def interrupted(path, header, named):
        calls.append(path)
        if len(calls) == 2:
            path.with_name(f".{path.name}.part").write_bytes(b"half")
            raise KeyboardInterrupt
        real(path, header, named)

    monkeypatch.setattr(checkpoints.storage, "write_sealed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path)
    told = []
    sweep(tmp_path, resume=True, progress=told.append)
    assert [each.epoch for each in told] == [9, 12]
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_was_stopped_before_its_first_save_starts_again(tmp_path, eager):
    for out, resume in ((tmp_path / "one", True), (tmp_path / "two", False)):
        with pytest.raises(Stop):
            sweep(out, progress=stop_at(0))
        assert set(contents(out)) == {"config.json"}
        sweep(out, resume=resume)
        assert "results.npz" in contents(out)


def test_a_finished_run_is_given_back_and_not_repeated(tmp_path, monkeypatch):
    result = sweep(tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(loop, "run", lambda *_: pytest.fail("trained again"))
    again = sweep(tmp_path, resume=True, devices=1)
    for field in dataclasses.fields(result):
        jax.tree.map(np.testing.assert_array_equal, getattr(result, field.name), getattr(again, field.name))
    refused(tmp_path, "holds this very run, finished; resume=True gives back its result", resume=False)
    assert contents(tmp_path) == before


def test_an_unfinished_run_is_not_started_anew(stopped):
    refused(stopped, "holds this very run, unfinished; resume=True goes on with it", resume=False)


def test_saving_takes_less_than_a_twentieth_of_a_run(tmp_path, monkeypatch):
    now, saving = [0.0], [0.0]

    def slow(*_):
        now[0] += 0.3
        saving[0] += 0.3

    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(checkpoints.storage, "write_sealed", slow)
    kept = checkpoints.Checkpoint(tmp_path / "x", dict.fromkeys(("settings", "data", "versions", "backend")))
    for _ in range(1000):
        now[0] += 0.1
        kept.save(loop.RunState(0, np.zeros(3), None, None, None, None))
    assert 0.02 < saving[0] / now[0] < 0.05


OTHER = {
    "learning_rate": (
        {"learning_rate": [0.05, 0.5, 3.0, 1.0]},
        "settings.axes.learning_rate is .* there and",
    ),
    "l2": ({"l2": [0.0, 0.2]}, "settings.axes.l2"),
    "further axis": ({"optimizer_args": {"momentum": [0.9, 0.8]}}, "settings.axes.momentum is null there"),
    "constant": (
        {"optimizer_args": {"momentum": 0.9}},
        "settings.constants.momentum is null there and 0.9",
    ),
    "schedule": ({"schedule": "cosine"}, 'settings.schedule is "constant" there and "cosine" here'),
    "weights": ({"weights": np.full(70, 2.0)}, "data.weights is null there"),
    "dropout": ({"dropout": 0.5}, "settings.constants.dropout"),
    "init_scale": ({"init_scale": [1.0, 2.0]}, "settings.axes.init_scale"),
    "sample": ({"sample": 4}, "settings.sampled is false there and true here"),
    "fixed argument": ({"optimizer_args": {"nesterov": True}}, "settings.optimizer_args.nesterov"),
    "epochs": ({"epochs": 13}, "settings.epochs is 12 there and 13 here"),
    "batch_size": ({"batch_size": 15}, "settings.minibatches.batch_size"),
    "minibatch": ({"minibatch": "permutation"}, "settings.minibatches.scheme"),
    "seeds": ({"seeds": [0, 2]}, r"settings.seeds is \[0, 1\] there and \[0, 2\] here"),
    "loss": ({"loss": "sigmoid_cross_entropy"}, "settings.loss"),
    "reduction": ({"reduction": "mean"}, "settings.reduction"),
    "optimizer": ({"optimizer": "adam"}, 'settings.optimizer is "sgd" there and "adam" here'),
    "gradient": ({"gradient": "backprop"}, "settings.gradient"),
    "validation": ({"validation": 0.2}, "settings.ranked_by.*"),
    "folds": ({"folds": 2}, "settings.streams is 2 there and 4 here"),
    "halving": ({"halving": 2}, "settings.halving"),
    "history": ({"history": True}, "settings.history_every is null there and 3 here"),
    "keep_params": ({"keep_params": "best"}, "settings.keep_params"),
    "tile": ({"tile": 5}, "settings.tile"),
    "widths": ({"net": jfnn.mlp((5, 7, 3))}, "settings.network.sizes"),
    "activation": ({"net": jfnn.mlp((5, 6, 3), activation="tanh")}, "settings.network.activation"),
    "init": ({"net": jfnn.mlp((5, 6, 3), init="he_normal")}, "data.starting_params"),
    "initial_params": (
        {"initial_params": jfnn.mlp((5, 6, 3)).init(jax.random.key(9))},
        "data.starting_params",
    ),
    "batches": ({"batches": np.zeros((EPOCHS, 2, 3), int)}, "data.batches"),
    "x": ({"data": SPLIT._replace(x_train=SPLIT.x_train + 1e-3)}, "data.x.sha256"),
    "y": ({"data": SPLIT._replace(y_test=np.arange(20) % 2)}, "data.targets.sha256"),
    "no test rows": (
        {"data": jfnn.Split(*SPLIT[:2])},
        r"data.x.shape is \[90, 5\] there and \[70, 5\] here",
    ),
}


@pytest.fixture(scope="module")
def other_runs(tmp_path_factory):
    """One directory for all refusals; each of them leaves it as it was."""
    out = tmp_path_factory.mktemp("refusals")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        patch.setattr(checkpoints, "SPACING", -1)
        sweep(out, progress=stop_at(9))
    return out


@pytest.mark.parametrize("name", OTHER)
def test_another_run_is_refused_by_what_differs(other_runs, name):
    changes, message = OTHER[name]
    refused(other_runs, f"{other_runs.name}: holds another configuration.*{message}", **changes)


def test_rows_held_out_elsewhere_are_another_run(tmp_path, eager):
    even, odd = np.arange(0, 70, 2), np.arange(1, 70, 2)
    with pytest.raises(Stop):
        sweep(tmp_path, folds=[(even, odd)], progress=stop_at(9))
    refused(tmp_path, "data.train.sha256", folds=[(odd, even)])


def test_float64_is_another_run(stopped, x64):
    refused(stopped, 'settings.dtype is "float32" there and "float64" here')


def test_another_version_is_another_run(stopped, monkeypatch):
    others = environment.versions() | {"jaxlib": "9.9"}
    monkeypatch.setattr(environment, "versions", lambda: others)
    refused(stopped, 'versions.jaxlib is .* there and "9.9" here')


def test_what_changes_no_bit_is_the_same_run(stopped):
    sweep(stopped, resume=True, devices=1, segment=5, progress=lambda told: None)
    assert "results.npz" in contents(stopped)


def own(shift=0.0, rate=1.0):
    constant = np.full(3, shift, np.float32)
    net = jfnn.Network(
        lambda key: {"w": jax.random.normal(key, (5, 3))},
        lambda params, x: jnp.tanh(x @ params["w"]) + constant,
    )
    return {"net": net, "optimizer": lambda learning_rate: optax.sgd(rate * learning_rate), "tile": 4}


def test_functions_of_users_are_known_by_what_they_do(tmp_path, eager):
    with pytest.raises(Stop):
        sweep(tmp_path, progress=stop_at(9), **own())
    refused(tmp_path, "data.own_code", **own(shift=1.0))
    refused(tmp_path, "data.own_code", **own(rate=2.0))
    sweep(tmp_path, resume=True, **own())


def test_a_damaged_checkpoint_is_refused_by_its_array(stopped):
    path = stopped / "checkpoint.jfnn"
    content = path.read_bytes()
    places = {0: "first line", 60: "header", len(content) - 1: "array 'lost'"}
    places |= dict.fromkeys(np.random.default_rng(0).integers(0, len(content), 8).tolist(), "")
    for place, message in places.items():
        flipped = bytearray(content)
        flipped[place] ^= 4
        path.write_bytes(flipped)
        refused(stopped, rf"checkpoint\.jfnn: .*{message}")
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        refused(stopped, r"checkpoint\.jfnn: its (first line|header)|cut short")
    path.write_bytes(content.replace(b"arrays 1\n", b"arrays 7\n", 1))
    refused(stopped, "its format is 7, this version of jfnn reads format 1")
    path.write_bytes(content)
    sweep(stopped, resume=True)


def test_the_checkpoint_of_another_run_is_refused(stopped, tmp_path):
    other = tmp_path / "other"
    with pytest.raises(Stop):
        sweep(other, progress=stop_at(9), epochs=13)
    (stopped / "checkpoint.jfnn").write_bytes((other / "checkpoint.jfnn").read_bytes())
    refused(stopped, "settings.epochs is 13 there and 12 here")


@pytest.mark.parametrize("change", ["name", "dtype", "shape"])
def test_a_checkpoint_whose_arrays_do_not_fit_is_refused(stopped, change):
    path = stopped / "checkpoint.jfnn"
    header, named = checkpoints.storage.read_sealed(path)
    name = "members.state.params.0.w"
    changed = {
        "name": lambda: {("other" if key == name else key): array for key, array in named.items()},
        "dtype": lambda: named | {name: named[name].astype(np.float64)},
        "shape": lambda: named | {name: named[name].swapaxes(1, 2)},
    }[change]()
    checkpoints.storage.write_sealed(path, header, changed)
    refused(stopped, name)


def test_files_of_others_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"theirs": 1}')
    refused(tmp_path, r"config\.json: damaged, or not written by jfnn")
    (tmp_path / "config.json").rename(tmp_path / "results.csv")
    refused(tmp_path, r"holds results\.csv, but not the config\.json")
    (tmp_path / "results.csv").rename(tmp_path / "notes.txt")
    sweep(tmp_path)
    assert contents(tmp_path)["notes.txt"] == b'{"theirs": 1}'


def test_what_cannot_be_saved_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "run", lambda *_: pytest.fail("trained"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is no directory"):
        sweep(tmp_path / "file")
    with pytest.raises(ValueError, match="resume: "):
        sweep(resume=True)
    net = jfnn.Network(lambda key: {0: jnp.ones((5, 3))}, lambda params, x: x @ params[0])
    with pytest.raises(TypeError, match="params: cannot save params, a dict whose keys"):
        sweep(tmp_path / "new", net=net)

    def scaled(learning_rate, epochs):
        return optax.sgd(learning_rate * epochs)

    with pytest.raises(ValueError, match="an axis named 'epochs'"):
        sweep(tmp_path / "new", optimizer=scaled, optimizer_args={"epochs": [1.0, 2.0]})
    assert not (tmp_path / "new").exists()


KILLED = """
import os, signal, sys, threading
sys.path.insert(0, {tests!r})
import jfnn
jfnn.use_all_cores({devices})
from jfnn.engine import checkpoint
checkpoint.SPACING = -1
import test_checkpoint

def progress(told):
    if told.epoch >= {epoch}:
        threading.Timer({delay}, os.kill, (os.getpid(), signal.SIGKILL)).start()

test_checkpoint.sweep({out!r}, resume=True, epochs=400, optimizer="adam", segment=10, progress=progress)
"""


def test_a_run_killed_at_random_moments_ends_in_the_bytes_of_an_unbroken_one(tmp_path, eager):
    rng = np.random.default_rng(0)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    sweep(whole, epochs=400, optimizer="adam", segment=10)
    # The second process finds what the first compiled.
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    for devices, epoch in ((1, rng.integers(20, 100)), (3, rng.integers(150, 250))):
        script = KILLED.format(
            tests=os.path.dirname(os.path.dirname(__file__)),
            devices=devices,
            epoch=epoch,
            delay=rng.uniform(0, 0.01),
            out=str(killed),
        )
        ended = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, timeout=60
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        assert (killed / "checkpoint.jfnn").exists()
    sweep(killed, resume=True, epochs=400, optimizer="adam", segment=10)
    assert arrays(killed) == arrays(whole)
