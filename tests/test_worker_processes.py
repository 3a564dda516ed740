"""Sweeps on real processes: pools, Dask and MPI, including killed processes."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import as_workers, like_here, noise_split, same_bits

import jfnn
from jfnn.distributed import tasks

SPAWN = multiprocessing.get_context("spawn")
FILES = ("results.csv", "results.npz", "models.npz")
OPTIONS = dict(
    network=jfnn.mlp((5, 8, 3)),
    split=noise_split(),
    learning_rate=np.logspace(-3, 0, 7),
    l2=np.logspace(-3, 0, 7),
    batch_size=10,
)
PLAIN = dict(seeds=3, epochs=9, execution=jfnn.Execution(eval_every=3, tile=10))
SCHEDULED = PLAIN | dict(schedulers=[jfnn.Halving(3), jfnn.EarlyStopping(2)], validation=0.2)
LONG = PLAIN | dict(epochs=120, execution=jfnn.Execution(eval_every=20, tile=10))
LONGER = PLAIN | dict(epochs=2400, execution=jfnn.Execution(eval_every=100, tile=10))
CLUSTER = dict(threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50)


def on(executor, options):
    execution = options.get("execution", jfnn.Execution())
    return OPTIONS | options | {"execution": dataclasses.replace(execution, executor=as_workers(executor))}


@pytest.fixture(scope="session")
def bytes_of(tmp_path_factory):
    @functools.cache
    def of(name):
        out = tmp_path_factory.mktemp(name) / "run"
        jfnn.sweep(**OPTIONS | globals()[name], out=out)
        return written(out)

    return of


def written(out):
    return {name: (out / name).read_bytes() for name in FILES}


@contextlib.contextmanager
def processes(count):
    with concurrent.futures.ProcessPoolExecutor(count, SPAWN, like_here()) as executor:
        yield executor, lambda: list(executor._processes)


@contextlib.contextmanager
def dask(count):
    """Start a local cluster; return a client's executor and the workers' process ids."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=count, **CLUSTER) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.register_worker_callbacks(like_here())
        yield client.get_executor(), lambda: list(client.run(os.getpid).values())


CLUSTERS = {"processes": processes, "dask": dask}


def kill_one(numbers, after):
    def kill():
        time.sleep(after)
        with contextlib.suppress(Exception):  # all have ended
            os.kill(random.choice(numbers()), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_files_equal_those_of_a_plain_run_even_if_a_worker_is_killed(kind, bytes_of, tmp_path):
    with CLUSTERS[kind](2) as (executor, numbers):
        jfnn.sweep(**on(executor, SCHEDULED), out=tmp_path / "scheduled")
        assert written(tmp_path / "scheduled") == bytes_of("SCHEDULED")
        killer = kill_one(numbers, 0.2)
        jfnn.sweep(**on(executor, LONG), out=tmp_path / "long")
        killer.join()
        assert written(tmp_path / "long") == bytes_of("LONG")


@pytest.mark.thorough
def test_files_equal_those_of_a_plain_run_on_a_cluster_in_this_process(bytes_of, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(processes=False, n_workers=2, **CLUSTER) as client:
        jfnn.sweep(**on(client.get_executor(), SCHEDULED), out=tmp_path)
    assert written(tmp_path) == bytes_of("SCHEDULED")


class Counting(concurrent.futures.ProcessPoolExecutor):
    bringing = 0

    def submit(self, function, call):
        self.bringing += call.task is not None and call.task.content is not None
        return super().submit(function, call)


@pytest.mark.thorough
def test_data_are_sent_once_to_each_process():
    with Counting(2, SPAWN, like_here()) as pool:
        for seeds in (2, 2, 3):  # the same task in another run, and another task
            before = pool.bringing
            jfnn.sweep(**on(jfnn.Workers(pool, together=1), PLAIN | {"seeds": seeds}))
            assert pool.bringing - before <= 2
        assert pool.bringing >= 2


@pytest.mark.thorough
def test_networks_of_float64_have_the_bits_of_this_process(x64):
    split = jfnn.Split(*(np.asarray(a, float) if a.ndim == 2 else a for a in OPTIONS["split"][:4]))
    with processes(1) as (executor, _):
        there, here = (jfnn.sweep(**on(each, PLAIN | {"split": split})) for each in (executor, None))
    assert jax.tree.leaves(there.params)[0].dtype == np.float64
    assert same_bits((there.params, there.scores), (here.params, here.scores))


class Elsewhere:
    """An executor that starts a process for each call, in a folder and with another environment."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = os.environ | environment

    def submit(self, function, call):
        future = concurrent.futures.Future()
        code = "import pickle, sys; f, call = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(f(call))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=pickle.dumps((function, call)),
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
        )
        future.set_result(done.stdout)
        return future


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("what", "environment"),
    [
        ("compiler_flags", {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}),
        ("source", {}),
    ],
)
def test_workers_with_other_source_or_flags_are_refused(what, environment, tmp_path):
    if what == "source":
        package = Path(jfnn.__file__).parent
        shutil.copytree(package, tmp_path / "jfnn", ignore=shutil.ignore_patterns("__pycache__"))
        with open(tmp_path / "jfnn/activations.py", "a") as file:
            file.write("# another\n")
    with pytest.raises(ValueError, match=rf"^executor: .*{what} is "):
        jfnn.sweep(**on(Elsewhere(tmp_path, environment), PLAIN))


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLUSTERS)
def test_runs_whose_workers_are_killed_at_random_moments_finish_with_the_same_bytes(kind, bytes_of, tmp_path):
    random.seed(0)
    for i in range(10):
        # Start again, since Dask does not replace a worker that dies at its start.
        with CLUSTERS[kind](2) as (executor, numbers):
            killer = kill_one(numbers, random.uniform(0, 3))
            jfnn.sweep(**on(executor, LONGER), out=tmp_path / str(i))
            killer.join()
        assert written(tmp_path / str(i)) == bytes_of("LONGER"), i


@pytest.mark.slow
def test_worker_that_joins_late_gets_tiles(bytes_of, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, **CLUSTER) as cluster, distributed.Client(cluster) as client:
        client.register_worker_callbacks(like_here())
        joins = threading.Timer(2, cluster.scale, [2])
        joins.start()
        jfnn.sweep(**on(client.get_executor(), LONGER), out=tmp_path)
        joins.join()
        held = client.run(lambda: len(tasks.HELD))
    assert len(held) == 2 and all(held.values())
    assert written(tmp_path) == bytes_of("LONGER")


SCRIPT = """
import sys
sys.path[:0] = {paths}
import test_worker_processes as tests
import jfnn
if __name__ == "__main__":
    {executor}
"""


def script(tmp_path, executor):
    path = tmp_path / "script.py"
    tests = str(Path(__file__).parent)
    path.write_text(SCRIPT.format(paths=[tests], executor=executor))
    return str(path)


@pytest.mark.slow
def test_files_equal_those_of_a_plain_run_on_mpi_processes(bytes_of, tmp_path):
    pytest.importorskip("mpi4py")
    if shutil.which("mpiexec") is None:
        pytest.skip("needs MPI")
    text = f"""from mpi4py.futures import MPIPoolExecutor
    with MPIPoolExecutor() as executor:
        jfnn.sweep(**tests.on(executor, tests.SCHEDULED), out={str(tmp_path / "run")!r})"""
    command = ["mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", "3", sys.executable]
    done = subprocess.run(
        [*command, "-m", "mpi4py.futures", script(tmp_path, text)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert written(tmp_path / "run") == bytes_of("SCHEDULED")


@pytest.mark.slow
@pytest.mark.parametrize("who", ["client", "scheduler"])
def test_run_whose_client_or_scheduler_is_killed_resumes_with_the_same_bytes(who, bytes_of, tmp_path):
    distributed = pytest.importorskip("distributed")
    text = f"""import distributed
    with distributed.Client(sys.argv[1]) as client:
        executor = client.get_executor()
        jfnn.sweep(**tests.on(executor, tests.LONG), out={str(tmp_path / "run")!r})"""
    module = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler_file = tmp_path / "scheduler.json"
    module += ["--no-dashboard", "--scheduler-file", str(scheduler_file)]
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(subprocess.Popen(module, stderr=subprocess.DEVNULL))
        stack.callback(scheduler.kill)
        while not scheduler_file.exists():
            time.sleep(0.1)
        address = json.loads(scheduler_file.read_text())["address"]
        module = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
        worker = stack.enter_context(subprocess.Popen([*module, "--no-dashboard"], stderr=subprocess.DEVNULL))
        stack.callback(worker.terminate)
        command = [sys.executable, script(tmp_path, text), address]
        client = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        while not (tmp_path / "run" / "config.json").exists():
            assert client.poll() is None, client.stderr.read()
            time.sleep(0.05)
        time.sleep(4)
        if client.poll() is None:
            (client if who == "client" else scheduler).kill()
            client.wait(120)
            assert client.returncode
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        jfnn.sweep(**on(executor, LONG), out=tmp_path / "run", resume=True)
    assert written(tmp_path / "run") == bytes_of("LONG")
    assert distributed


SCRIPT_OF_A_USER = """
import numpy as np, jfnn

if __name__ == "__main__":
    net, split = jfnn.mlp((5, 4, 3)), jfnn.Split(np.eye(15, 5), np.arange(15) % 3)
    options = {"learning_rate": [0.1, 0.2], "epochs": 2, "batch_size": 5}
    with jfnn.Workers(2) as workers:
        there = jfnn.sweep(net, split, **options, execution=workers)
        processes = list(workers._executor._processes.values())
    here = jfnn.sweep(net, split, **options)
    assert all((a.w == b.w).all() for a, b in zip(there.params, here.params))
    print(len(processes), any(process.is_alive() for process in processes))
"""


@pytest.mark.thorough
def test_number_of_workers_starts_and_ends_processes_in_a_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT_OF_A_USER)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    started, alive = run.stdout.split()
    assert started in ("1", "2") and alive == "False"
