"""Runs killed at any time and continued with --resume end with the bytes of an uninterrupted run."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

ROOT = Path(__file__).parents[2]
PATIENCE = 300  # seconds; the processes may be suspended meanwhile
WORDS = """grid --hidden 10 --learning-rate 1e-3:1e-1:4 --l2 0,1e-2 --seeds 3 --validation 0.2
    --early-stopping 40 --refit --epochs 200 --quiet"""
EXECUTORS = {
    "threads": [],
    **{name: ["--executor", name, "--workers", "2"] for name in ("processes", "dask")},
}
COMMAND = """
import sys
from jfnn.cli import main
sys.argv[:] = ["jfnn", *sys.argv[1:]]
sys.exit(main.command())
"""
WAYS = {
    "SIGKILL": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "SIGINT": [signal.SIGINT],
    "SIGINT five times": [signal.SIGINT] * 5,
}
WORKER = "SIGKILL of a worker"
# Files that exist during short phases: saving, writing results.
SHORT = [".checkpoint.npz.part", ".results.npz.part", ".models.npz.part", ".config.json.part"]


class Run:
    def __init__(self, words):
        self.started = time.monotonic()
        command = [sys.executable, "-c", COMMAND, *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_ENABLE_COMPILATION_CACHE": "0"}
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT, start_new_session=True
        )

    def wait_for(self, there, seconds=PATIENCE):
        """Wait until a condition or a time limit; return whether the process is still running."""
        while self.process.poll() is None and not there() and time.monotonic() - self.started < seconds:
            time.sleep(0.0002)
        return self.process.poll() is None

    def session(self):
        numbers = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, *_, session = stat.read_text().rpartition(") ")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    numbers.append(int(stat.parent.name))
        return numbers

    def hit(self, way):
        if way == WORKER:
            others = [number for number in self.session() if number != self.process.pid]
            workers = [n for n in others if b"spawn_main" in Path(f"/proc/{n}/cmdline").read_bytes()]
            for number in workers[:1]:
                os.kill(number, signal.SIGKILL)
            return bool(workers)
        for number in WAYS[way]:
            with contextlib.suppress(ProcessLookupError):
                send = os.killpg if number == signal.SIGINT else os.kill
                send(self.process.pid, number)
                time.sleep(0.01 * (number == signal.SIGINT))
        return True

    def end(self):
        _, said = self.process.communicate(timeout=PATIENCE)
        until = time.monotonic() + PATIENCE
        while (left := self.session()) and time.monotonic() < until:
            time.sleep(0.05)
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return self.process.returncode, said, left


def contents(out):
    """Return all files of a run as bytes, without times in config.json and the pages that show them."""
    files = {str(path.relative_to(out)): path for path in sorted(out.rglob("*")) if path.is_file()}
    held = {name: path.read_bytes() for name, path in files.items() if not name.endswith("report.html")}
    for name in held:
        if name.endswith("config.json"):
            config = json.loads(held[name])
            held[name] = {key: value for key, value in config.items() if key not in ("timing", "checksum")}
    return held


def statuses(way, complete):
    """Return the statuses with which a command hit in this way may end."""
    if way == WORKER:
        return {0}
    if (number := WAYS[way][0]) != signal.SIGINT:
        return {-number}
    # During imports the system ends the process; after the last evaluation there is nothing to stop.
    return {130, -signal.SIGINT} | ({0} if complete else set())


@pytest.mark.parametrize(("executor", "count"), [("threads", 30), ("processes", 18), ("dask", 12)])
def test_killed_runs_end_with_the_bytes_of_an_uninterrupted_one(executor, count, tmp_path):
    if executor == "dask":
        pytest.importorskip("distributed")
    rng = random.Random(0)
    words = [*WORDS.split(), *EXECUTORS[executor]]
    out = tmp_path / "killed"
    unbroken = Run([*words, "--out", str(tmp_path / "whole")])
    assert unbroken.end() == (0, "", [])
    life = time.monotonic() - unbroken.started
    whole = contents(tmp_path / "whole")
    assert {"results.csv", "results.npz", "models.npz", "config.json", "refit/models.npz"} <= whole.keys()
    ways = itertools.cycle([*WAYS] + [WORKER] * bool(EXECUTORS[executor]))
    short = itertools.cycle(SHORT)
    problems = []
    kills = 0
    chain = 0
    while kills < count:
        run = Run([*words, "--out", str(out), "--resume"])
        if rng.random() < 0.25:  # during a short phase
            name = next(short)
            parts = [out / name, out / "refit" / name]
            goes_on = run.wait_for(lambda parts=parts: any(map(os.path.exists, parts)))
        else:
            goes_on = run.wait_for(lambda: False, rng.random() * life)
        way = next(ways)
        is_hit = chain < 3 and goes_on and run.hit(way)
        status, said, left = run.end()
        complete = out.exists() and status == 0
        kills = kills + is_hit
        chain = chain + is_hit
        if left or status not in (statuses(way, complete) if is_hit else {0}):
            problems.append(f"{way if is_hit else 'not killed'}: status {status}, {left} stay: {said}")
        if is_hit and "SIGINT" in way and "Traceback" in said:
            problems.append(f"{way}: {said}")
        if complete:
            if (now := contents(out)) != whole:
                names = [key for key in whole | now if whole.get(key) != now.get(key)]
                problems.append(f"{way}: files differ: {names}")
            shutil.rmtree(out)
            chain = 0
    assert not problems, "\n\n".join(problems)
