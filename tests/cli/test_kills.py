"""Kills over the whole life of a run, each followed by --resume, which ends with an unbroken run's bytes."""

import collections
import contextlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

ROOT = Path(__file__).parents[2]
PATIENCE = 300  # seconds; others may stop these processes meanwhile
WORDS = """grid --hidden 10 --learning-rate 1e-3:1e-1:4 --l2 0,1e-2 --seeds 3 --validation 0.2
    --early-stopping 40 --refit --epochs 200 --eval-every 10 --quiet"""
GRID = WORDS.split()
EXECUTORS = {
    "threads": [],
    **{name: ["--executor", name, "--workers", "2"] for name in ("processes", "dask")},
}
# The command, which says where it is on SIGUSR1.
COMMAND = """
import faulthandler, signal, sys
told = open(sys.argv[1], "w")
faulthandler.register(signal.SIGUSR1, told)
print("ready", file=told, flush=True)
from jfnn.cli import main
sys.argv[:] = ["jfnn", *sys.argv[2:]]
sys.exit(main.command())
"""
# What the main thread is at -> a phase of the run; the first that fits.
PHASES = {
    r"checkpoint.py.* in save$": "saving",
    r"(run_directory|result).py.* in (write|save)$": "writing results",
    r"cli/files.py.* in write$": "figures and report",
    r"trainer.py.* in compile$": "compiling",
    r"(acting.py|in at_evaluation$|in evaluate$|in _finish$)": "evaluating",
    r"loop.py.* in run$": "training",
    r"sweep.py.* in": "preparing",
    r"cli/(grid|main).py.* in (run|train|main|start)$": "reading data, starting workers",
}
WAYS = {
    "SIGKILL": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "SIGINT": [signal.SIGINT],
    "SIGINT five times": [signal.SIGINT] * 5,
}
WORKER = "SIGKILL of a worker"
# Files that are there while a phase lasts that is short: saving, writing results.
SHORT = [".checkpoint.jfnn.part", ".results.npz.part", ".models.npz.part", ".config.json.part"]


class Run:
    """A process of the command, in a session of its own."""

    def __init__(self, words, told):
        told.unlink(missing_ok=True)
        self.told, self.started = told, time.monotonic()
        command = [sys.executable, "-c", COMMAND, told, *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_ENABLE_COMPILATION_CACHE": "0"}
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT, start_new_session=True
        )

    def goes_on(self):
        return self.process.poll() is None

    def wait_for(self, there, seconds=PATIENCE):
        """Whether something became true before the process ended, and before so many seconds of it."""
        while self.goes_on() and not there() and time.monotonic() - self.started < seconds:
            time.sleep(0.0002)
        return self.goes_on()

    def phase(self):
        """What the main thread is at."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if self.told.read_text():
                self.process.send_signal(signal.SIGUSR1)
                until = time.monotonic() + 0.5
                while '"<string>"' not in (text := self.told.read_text()) and time.monotonic() < until:
                    time.sleep(0.0005)
                stack = text.rpartition("\n\n")[2].replace('", line', " line")
                for pattern, phase in PHASES.items():
                    if re.search(pattern, stack, re.MULTILINE):
                        return phase
                return "imports" if "importlib" in stack else "first or last lines"
        return "start of Python"

    def workers(self):
        """Process numbers of the workers."""
        return [
            number
            for number in self.session()
            if number != self.process.pid and b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()
        ]

    def session(self):
        """Numbers of the processes that are left of the run."""
        numbers = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, *_, session = stat.read_text().rpartition(") ")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    numbers.append(int(stat.parent.name))
        return numbers

    def hit(self, way):
        """Sends signals; Ctrl-C goes to all of the session, as from a terminal."""
        if way == WORKER:
            workers = self.workers()
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
        """The status and what was said on stderr, once no process is left."""
        _, said = self.process.communicate(timeout=PATIENCE)
        until = time.monotonic() + PATIENCE
        while self.session() and time.monotonic() < until:
            time.sleep(0.05)
        left = self.session()
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return self.process.returncode, said, left


def contents(out):
    """All files of a run as bytes, but for times in config.json and the pages that show them."""
    files = {str(path.relative_to(out)): path for path in sorted(out.rglob("*")) if path.is_file()}
    held = {name: path.read_bytes() for name, path in files.items() if not name.endswith("report.html")}
    for name in held:
        if name.endswith("config.json"):
            config = json.loads(held[name])
            held[name] = {key: value for key, value in config.items() if key not in ("timing", "checksum")}
    return held


def expected_statuses(way, complete):
    """Statuses with which a command may end that was hit so."""
    if way == WORKER:
        return {0}
    number = WAYS[way][0]
    if number != signal.SIGINT:
        return {-number}
    # Amid imports the system ends the process; behind the last evaluation there is nothing to stop.
    return {130, -signal.SIGINT} | ({0} if complete else set())


@pytest.mark.parametrize(("executor", "count"), [("threads", 30), ("processes", 18), ("dask", 12)])
def test_killed_runs_end_with_the_bytes_of_an_unbroken_one(executor, count, tmp_path):
    if executor == "dask":
        pytest.importorskip("distributed")
    rng, words, told = random.Random(0), [*GRID, *EXECUTORS[executor]], tmp_path / "told"
    unbroken = Run([*words, "--out", str(tmp_path / "whole")], told)
    assert unbroken.end() == (0, "", [])
    life, whole = time.monotonic() - unbroken.started, contents(tmp_path / "whole")
    assert {"results.csv", "results.npz", "models.npz", "config.json", "refit/models.npz"} <= whole.keys()
    ways = itertools.cycle([*WAYS] + [WORKER] * bool(EXECUTORS[executor]))
    moments = [(i + rng.random()) / count * life for i in range(count)]
    moments[::4] = [None] * len(moments[::4])  # those wait for the files of short phases
    rng.shuffle(moments)
    tally, problems, kills, chain, too_late = collections.Counter(), [], 0, 0, 0
    short = itertools.cycle(SHORT)
    out = tmp_path / "killed"
    way, name = next(ways), next(short)

    def check(run, what):
        status, said, left = run.end()
        complete = out.exists() and status == 0
        if left:
            problems.append(f"{what}: processes stay: {left}")
        if "Traceback" in said and "SIGINT" in what:
            problems.append(f"{what}: {said}")
        return status, said, complete

    while kills < count:
        run = Run([*words, "--out", str(out), "--resume"], told)
        moment = moments[kills]
        parts = [out / name, out / "refit" / name]
        if moment is None:
            there = run.wait_for(lambda parts=parts: any(map(os.path.exists, parts)))
        else:
            there = run.wait_for(lambda: False, moment)
        phase = run.phase() if there else None
        if there and run.hit(way):
            what = f"{executor}: {way} while {phase}"
            status, said, complete = check(run, what)
            kills, chain = kills + 1, chain + 1
            outcome = f"{phase}: {way}: status {status}"
            tally[outcome] += 1
            if status not in expected_statuses(way, complete):
                problems.append(f"{what}: status {status}: {said}")
            way = next(ways)
            name = next(short) if moment is None else name
        else:
            status, said, complete = check(run, "no kill")
            too_late += 1
            outcome = "too late"
            name = next(short) if moment is None else name
            moments[kills] = rng.random() * life
            if status:
                problems.append(f"not killed: status {status}: {said}")
        if chain == 3 and not complete:
            status, said, complete = check(Run([*words, "--out", str(out), "--resume"], told), "resumed")
            if status:
                problems.append(f"resumed: status {status}: {said}")
        if complete:
            if (now := contents(out)) != whole:
                names = [key for key in whole | now if whole.get(key) != now.get(key)]
                problems.append(f"{executor}: files differ: {names}")
            tally["compared with the unbroken run"] += 1
            shutil.rmtree(out)
            chain = 0
        elif chain == 3:
            shutil.rmtree(out)
            chain = 0
        print(f"{kills}: {outcome}", file=sys.stderr, flush=True)
    print(f"{executor}: {kills} kills, life {life:.1f} s, {too_late} came too late")
    print(*(f"  {times} {what}" for what, times in sorted(tally.items())), sep="\n")
    assert not problems, "\n\n".join(problems)
