"""Startup of a Dask worker: ``dask worker ADDRESS --preload jfnn.distributed.preload``."""

from collections.abc import Mapping
from typing import Any

from jfnn.distributed.processes import prepare

# Settings of a cluster. jfnn itself resends a tile whose worker died. By default, Dask would keep the last
# thousand messages of half a megabyte each, and its self-monitoring would use a tenth of a core.
DASK = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.low-level-log-length": 10,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.worker.profile.enabled": False,
}
# Arguments of a local cluster. Its scheduler runs any code and its web pages have no password, so both listen
# on this machine only.
CLUSTER: Mapping[str, Any] = {
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
    "threads_per_worker": 1,
    "preload": __name__,
    "silence_logs": "CRITICAL",
}


def dask_setup(worker: object) -> None:
    """Prepare a worker; called by Dask when it starts."""
    prepare()
