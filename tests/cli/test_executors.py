"""Executors by name: what they start, and errors for those that cannot start."""

import contextlib
import os
import signal
import sys

import jax
import pytest
from helpers import check_child_ends_with_parent, ending
from running import CORES

from jfnn.cli import executors
from jfnn.cli.flags import Flags
from jfnn.cli.run import main

pytestmark = pytest.mark.unoptimized


def probe():
    """Return the process id, its devices, and whether Ctrl-C is ignored, now and since the start."""
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return os.getpid(), jax.device_count(), (ignored, blocked)


@pytest.mark.thorough
def test_worker_processes_have_one_device_per_core_and_ignore_ctrl_c():
    with executors.workers_of(Flags(executor="processes", workers=1)) as workers:
        number, devices, ignores = workers.submit(probe).result(600)
    assert number != os.getpid()
    assert devices == CORES
    assert ignores == (True, True)


CLIENT = """
import os, time
from jfnn.cli import executors
from jfnn.cli.flags import Flags
if __name__ == "__main__":
    with executors.workers_of(Flags(executor="processes", workers=1)) as workers:
        print(workers.submit(os.getpid).result(), flush=True)
        time.sleep(600)
"""


@pytest.mark.slow
def test_worker_processes_end_when_their_parent_is_killed():
    check_child_ends_with_parent(CLIENT)


@pytest.mark.thorough
def test_dask_cluster_has_the_requested_number_of_workers():
    distributed = pytest.importorskip("distributed")
    with executors.workers_of(Flags(executor="dask", workers=1)):
        assert list(distributed.default_client().nthreads().values()) == [1]


@pytest.mark.slow
def test_dask_cluster_is_reachable_only_from_this_machine():
    pytest.importorskip("distributed")
    import psutil  # required by distributed

    own = psutil.Process()
    with executors.workers_of(Flags(executor="dask", workers=2)) as workers:
        number, devices, _ = workers.submit(probe).result(600)
        assert number != os.getpid() and devices == CORES and workers.in_flight >= 8
        processes = [own, *own.children(recursive=True)]
        sockets = [socket for process in processes for socket in process.net_connections("tcp")]
        listening = {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}
    assert listening and listening <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(("name", "package"), [("dask", "distributed"), ("mpi", "mpi4py.futures")])
def test_missing_package_is_named_with_its_extra(name, package, capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    status, _, said = ending(capsys, main, ["--executor", name, "--out", str(tmp_path / "run")])
    assert status == 2 and f"jfnn[{name}]" in said


@pytest.mark.slow
def test_unreachable_scheduler_is_named(capsys, tmp_path):
    pytest.importorskip("distributed")
    words = ["--executor", "dask", "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path / "run")]
    status, _, said = ending(capsys, main, words)
    assert status == 2 and "--scheduler: cannot reach tcp://127.0.0.1:9" in said


def test_lost_members_end_the_command_with_one_line(capsys, monkeypatch, tmp_path):
    class Deaf:
        def submit(self, function, *arguments):
            raise OSError("no more")

    monkeypatch.setitem(executors.EXECUTORS, "processes", lambda flags: contextlib.nullcontext(Deaf()))
    words = ["--executor", "processes", "--epochs", "1", "--out", str(tmp_path / "run")]
    status, _, said = ending(capsys, main, words)
    assert status == 1 and said.count("\n") == 1 and said.startswith("jfnn grid: error: --executor: ")
