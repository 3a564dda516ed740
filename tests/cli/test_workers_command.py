"""``jfnn workers --check``: its report and exit status."""

import sys

import pytest
from helpers import ending

from jfnn.cli import workers
from jfnn.cli.main import main
from jfnn.distributed import calls

pytestmark = pytest.mark.unoptimized


@pytest.fixture(scope="module")
def here():
    return workers.examine()


def differing_worker(here, **changes):
    """Describe a worker whose backend differs from this process in some parts."""
    backend = here.environment["backend"] | changes
    return here._replace(environment=here.environment | {"backend": backend})


@pytest.mark.thorough
def test_different_workers_are_reported_and_counted(here):
    expected = calls.environment_of(None)
    flags = differing_worker(here, compiler_flags=["--xla_cpu_enable_fast_math=true"])
    bits = here._replace(trained="0" * 64)
    lines, equal = workers.report([here, flags, bits], here, expected)
    text = " ".join("\n".join(lines).split())
    assert equal == 1
    assert 'backend.compiler_flags is ["--xla_cpu_enable_fast_math=true"]' in text
    assert "its results have other bits" in text


def test_expected_kind_decides_which_workers_match(here):
    gpu = "gpu NVIDIA H100 80GB HBM3"
    expected = calls.environment_of(gpu)
    far = here._replace(environment=calls.environment_of(gpu), trained="0" * 64)
    lines, equal = workers.report([here, far], here, expected)
    assert equal == 1
    assert any(gpu in line for line in lines)


@pytest.mark.parametrize("words", ["", "--check", "--check tcp://127.0.0.1:9 --timeout 9"])
def test_invalid_arguments_end_with_a_one_line_error(words, capsys):
    status, _, said = ending(capsys, main, ["workers", *words.split()])
    assert status == 2 and said.splitlines()[-1].startswith("jfnn workers: error: ")


def test_missing_package_is_named_with_its_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "jfnn[dask]" in ending(capsys, main, ["workers", "--check", "tcp://127.0.0.1:9"])[2]


@pytest.mark.thorough
@pytest.mark.parametrize("count", [0, 2])
def test_workers_of_a_cluster_are_checked_and_train(count, capsys):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=count,
        processes=False,
        protocol="tcp",
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
    )
    with cluster:
        status = main(["workers", "--check", cluster.scheduler_address])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"a run from here would accept {count} of {count} workers"
    assert status == (0 if count else 1)
