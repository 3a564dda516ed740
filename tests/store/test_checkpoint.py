"""A run stopped anywhere resumes to the same bytes, and is not confused with another run."""

import dataclasses
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import everything, noise_split

import jfnn
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.trainer import Trainer
from jfnn.core.search import run_directory
from jfnn.core.search.prepare import prepare
from jfnn.core.search.sweep import train_run
from jfnn.core.store import files, identity
from jfnn.core.store.checkpoint import Checkpoint
from jfnn.schedulers import Actions

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()
EPOCHS = 12
BASE = dict(learning_rate=[0.05, 0.5, 3.0, 1e38], l2=[0.0, 0.1], epochs=EPOCHS, batch_size=16, seeds=2)
EXECUTION = dict(tile=4, eval_every=3)


def two_epochs(experiment, threads, layout):
    """Return a trainer whose calls end every two epochs, so that runs are saved between evaluations too."""
    return Trainer(experiment, threads, layout, CallLength(steps=8, calls=1))


def sweep(
    out=None, net=None, data=None, execution=None, resume=False, make_trainer=Trainer, spacing=-1, **changes
):
    execution = jfnn.Execution(**EXECUTION | (execution or {}))
    options = jfnn.Options(
        net or jfnn.mlp((5, 6, 3)),
        data or SPLIT,
        execution=execution,
        out=out,
        resume=resume,
        **BASE | changes,
    )
    return train_run(prepare(options), make_trainer, spacing)


class Stop(Exception):
    pass


def stop_at(epoch, error=Stop):
    def progress(told):
        if told.epoch >= epoch:
            raise error

    return {"progress": progress}


def resumed(out, **changes):
    told = []
    result = sweep(out, resume=True, execution={"progress": told.append}, **changes)
    return [progress.epoch for progress in told], result


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def arrays(directory):
    archives = {name: content for name, content in contents(directory).items() if name.endswith(".npz")}
    assert archives.keys() == {"results.npz", "models.npz"}
    return archives


@pytest.fixture
def stopped(tmp_path):
    """Return a directory with a run stopped after six epochs."""
    out = tmp_path / "run"
    with pytest.raises(Stop):
        sweep(out, execution=stop_at(9))
    return out


def refused(out, message, resume=True, **changes):
    before = contents(out)
    with pytest.raises(ValueError, match=message):
        sweep(out, resume=resume, make_trainer=lambda *_: pytest.fail("trains"), **changes)
    assert contents(out) == before


@dataclasses.dataclass(frozen=True)
class Cooling(jfnn.Scheduler):
    """Lowers learning rates every other epoch and counts, with NumPy dtypes."""

    def next_epoch(self, epoch, cells, epochs):
        return (epoch // 2 + 1) * 2

    def init(self, cells, replicates):
        return {"count": np.zeros(1, int)}

    def update(self, state, report):
        rates = report.hyper["learning_rate"].astype(np.float64) / (2 + state["count"])
        return {"count": state["count"] + 1}, Actions(hyper={"learning_rate": rates})


# Others are drawn in tests/laws/test_directories.py.
GIVEN = np.random.default_rng(1).integers(0, 70, (EPOCHS + 1, 3, 8))
RUNS = {
    "momentum and batches of a function": {
        "optimizer": jfnn.Optimizer("sgd", momentum=[0.0, 0.9]),
        "batches": lambda seed, epoch: (GIVEN[epoch] + seed) % 70,
        "execution": {"keep_params": "best"},
    },
    "a scheduler of one's own, scored at the end alone": {
        "schedulers": [jfnn.Halving(2), Cooling()],
        "execution": {"eval_every": None},
    },
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", RUNS)
def test_stopped_run_ends_with_the_bytes_of_an_uninterrupted_one(name, tmp_path):
    whole = tmp_path / "whole"
    broken = tmp_path / "broken"
    changes = dict(RUNS[name])
    execution = changes.pop("execution", {})
    sweep(whole, **changes, execution=execution | {"devices": 2})
    for epoch, devices in ((4, 2), (7, 1), (10, 2)):
        with pytest.raises(Stop):
            on = execution | stop_at(epoch) | {"devices": devices}
            sweep(broken, resume=True, make_trainer=two_epochs, execution=on, **changes)
        assert (broken / "checkpoint.npz").exists()
    sweep(broken, resume=True, execution=execution | {"devices": 1}, **changes)
    assert arrays(broken) == arrays(whole)
    assert set(contents(broken)) == {"config.json", "results.csv", "results.npz", "models.npz"}


@pytest.mark.parametrize("by", [KeyboardInterrupt, SystemExit])
def test_interrupt_between_calls_saves_immediately(by, tmp_path):
    with pytest.raises(by):
        sweep(tmp_path, execution=stop_at(6, by), spacing=1e9)
    assert resumed(tmp_path)[0] == [9, 12]


def test_nothing_is_saved_before_the_interval_and_the_run_then_restarts(tmp_path):
    with pytest.raises(Stop):
        sweep(tmp_path, execution=stop_at(9), spacing=1e9)
    assert set(contents(tmp_path)) == {"config.json"}
    sweep(tmp_path)
    assert "results.npz" in contents(tmp_path)


def test_finished_run_is_returned_and_not_repeated(tmp_path):
    result = sweep(tmp_path)
    before = contents(tmp_path)
    never = {"make_trainer": lambda *_: pytest.fail("trained again")}
    again = sweep(tmp_path, resume=True, execution={"devices": 1}, **never)
    jax.tree.map(np.testing.assert_array_equal, everything(result), everything(again))
    refused(tmp_path, "already contains this run \\(finished\\), .*resume=True", resume=False)
    assert contents(tmp_path) == before


def description(**values):
    return {name: values.get(name) for name in identity.DESCRIPTION}


@pytest.mark.parametrize("seconds", [0.01, 0.3])
def test_saving_takes_less_than_a_twentieth_of_a_run(tmp_path, seconds):
    path = tmp_path / "checkpoint"
    saved = [None]
    now = [0.0]

    def clock():
        """Return a clock that advances by some seconds with each save."""
        if path.exists() and (file := path.stat().st_ino) != saved[-1]:
            saved.append(file)
            now[0] += seconds
        return now[0]

    checkpoint = Checkpoint(path, description(), clock=clock)
    for i in range(1000):
        now[0] += seconds / 3
        checkpoint.save({"i": np.array(i)})
    assert 0.02 < (len(saved) - 1) * seconds / now[0] < 0.05


class Memory(dict):
    """A pytree that the engine does not know."""


jax.tree_util.register_pytree_with_keys(
    Memory,
    lambda memory: ([(jax.tree_util.DictKey(k), memory[k]) for k in sorted(memory)], tuple(sorted(memory))),
    lambda names, values: Memory(zip(names, values, strict=True)),
)


def test_any_pytree_is_restored_in_its_structure(tmp_path):
    state = Memory(
        chains=np.arange(6.0).reshape(2, 3),
        none=None,
        pair=(np.zeros((0, 2), np.int32), [np.array(True)]),
        halves=np.asarray(jnp.ones(3, jnp.bfloat16)),
        epoch=7,
        names={"a.b": np.zeros(1), "a": {"b": np.ones(1)}},
    )
    Checkpoint(tmp_path / "x", description(settings={"epochs": 1}), spacing=-1).save(state)
    fresh = jax.tree.map(lambda leaf: 0 if isinstance(leaf, int) else np.zeros_like(leaf), state)
    restored = Checkpoint(tmp_path / "x", description(settings={"epochs": 1})).restore(fresh)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    for one, other in zip(jax.tree.leaves(restored), jax.tree.leaves(state), strict=True):
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other)
    assert Checkpoint(tmp_path / "none", description()).restore(fresh) is fresh
    with pytest.raises(ValueError, match=r"settings\.epochs is 1 there and 2 here"):
        Checkpoint(tmp_path / "x", description(settings={"epochs": 2})).restore(fresh)


FRESH = {"epoch": 0, "history": np.zeros((0, 4)), "w": np.zeros((4, 3))}
SAVED = {"['epoch']": np.array(3), "['history']": np.ones((3, 4)), "['w']": np.ones((4, 3))}


@pytest.mark.parametrize(
    "others",
    [
        {"['w']": np.ones((5, 3))},
        {"['w']": np.ones((1, 4, 3))},
        {"['w']": np.ones((4, 3), np.float32)},
        {"['epoch']": np.array([3])},
        {"['history']": np.ones((3, 5))},
        {"other": np.ones((4, 3))},
    ],
)
def test_checkpoint_with_other_arrays_is_refused_by_name(others, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", description())
    files.write_archive(checkpoint.path, description(), SAVED)
    assert checkpoint.restore(FRESH)["epoch"] == 3
    files.write_archive(checkpoint.path, description(), SAVED | others)
    with pytest.raises(files.CorruptFileError, match=r"checkpoint\.npz: "):
        checkpoint.restore(FRESH)


@pytest.mark.parametrize("at", [0, 40, 99, 119])
def test_differing_part_of_both_values_is_shown(at):
    there = "ab" * 60
    here = there[:at] + "#" + there[at + 1 :]
    for one, other in ((there, here), (there, there + "ab"), ([there, 1], [there, 2]), ("a" * 99, "a" * 100)):
        ((name, left, right),) = identity.find_differences({"x": one}, {"x": other})
        assert name == "x" and left != right and len(left + right) < 150


# tests/search/test_options.py tests that every identifying option makes another run.
def test_another_run_is_refused_with_the_difference(stopped):
    refused(stopped, r"settings.seeds is \[0, 1\] there and \[0, 2\] here", seeds=[0, 2])
    refused(stopped, "data.batches", batches=lambda seed, epoch: np.zeros((2, 3), int))
    with jax.enable_x64(True):
        refused(stopped, 'settings.dtype is "float32" there and "float64" here')


@pytest.mark.parametrize(
    ("part", "name"), [("versions", "jaxlib"), ("versions", "jfnn"), ("backend", "processor")]
)
def test_other_versions_and_processors_make_another_run(stopped, part, name):
    there = json.loads((stopped / "config.json").read_text())
    there = {name: there[name] for name in identity.DESCRIPTION if name in there}
    assert there[part][name]
    there[part][name] = "9.9"
    run_directory.write_config(stopped, there)
    refused(stopped, f'{part}.{name} is "9.9" there and ')


def test_other_compiler_flags_make_another_run(tmp_path, monkeypatch):
    now = os.environ.get("XLA_FLAGS", "")
    for out, stop in ((tmp_path / "stopped", stop_at(9)), (tmp_path / "finished", {})):
        with pytest.raises(Stop) if stop else monkeypatch.context():
            sweep(out, execution=stop)
        monkeypatch.setenv("XLA_FLAGS", f"{now} --xla_cpu_enable_fast_math=true")
        refused(out, r"backend\.compiler_flags is .*xla_cpu_enable_fast_math=true")
        monkeypatch.setenv("LIBTPU_INIT_ARGS", "--another")
        monkeypatch.setenv("XLA_FLAGS", now)
        refused(out, r"backend\.compiler_flags is .*--another")
        monkeypatch.delenv("LIBTPU_INIT_ARGS")
        monkeypatch.setenv("XLA_FLAGS", f"--xla_force_host_platform_device_count=7 {now}")
        sweep(out, resume=True)  # the number of devices changes no bit
        monkeypatch.setenv("XLA_FLAGS", now)


def test_parameters_and_axes_that_cannot_be_saved_are_refused_before_training(tmp_path):
    execution = jfnn.Execution(**EXECUTION, progress=lambda _: pytest.fail("trained"))
    options = BASE | {"execution": execution, "out": tmp_path / "new"}
    for name, error in ((0, TypeError), ("caf\udce9", ValueError), ("a\0b", ValueError)):
        net = jfnn.Network(
            lambda key, name=name: {name: jnp.ones((5, 3))}, lambda params, x: x @ next(iter(params.values()))
        )
        with pytest.raises(error, match=r"^params: "):
            jfnn.sweep(net, SPLIT, **options)

    def scaled(learning_rate, epochs):
        return optax.sgd(learning_rate * epochs)

    with pytest.raises(ValueError, match="'epochs'"):
        jfnn.sweep(jfnn.mlp((5, 6, 3)), SPLIT, **options, optimizer=jfnn.Optimizer(scaled, epochs=[1.0, 2.0]))
    assert not (tmp_path / "new").exists()
