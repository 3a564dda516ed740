"""A process that is interrupted many times, each time amid a call of the library, and goes on.

Prints one line of JSON: how often and where it was interrupted, and what came of it. ``python
tests/interrupted.py COUNT SEED``.
"""

import collections
import concurrent.futures
import faulthandler
import functools
import gc
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from helpers import noise_split

import jfnn
from jfnn.distributed import preload

SILENT_SECONDS = 400  # a call that takes longer hangs; others may have stopped this process meanwhile
# Where an interrupt is lost in JAX: a function that hides every error, and comparisons and other methods that
# its C++ code calls, which then raises an error of its own.
IN_JAX = ", in paths\n"
OF_JAX = "Equality of global cache key led to an exception"
SPLIT = noise_split()
NETWORK = jfnn.mlp((5, 6, 3))
GRID = dict(learning_rate=[0.01, 0.1, 1e38], l2=[0.0, 0.1], seeds=1, epochs=6, batch_size=16)
HALVING = dict(schedulers=[jfnn.Halving(2), jfnn.EarlyStopping(3)], validation=0.3)
POPULATION = dict(schedulers=[jfnn.PopulationTraining(2)], optimizer="adam")


def execution(**changes):
    return jfnn.Execution(**{"tile": 2, "eval_every": 3, "devices": 2} | changes)


def arrays_of(result):
    return result.params, result.scores, result.history, result.epochs, result.diverged_at


def in_memory(how=None, **changes):
    return arrays_of(jfnn.sweep(NETWORK, SPLIT, **GRID | changes, execution=how or execution()))


def shows_progress(told):
    json.dumps([float(told.epoch), float(told.training)])


def with_progress():
    return in_memory(execution(progress=shows_progress, eval_every=1))


def directory(name):
    return Path(tempfile.gettempdir()) / f"interrupted-{os.getpid()}-{name}"


def in_a_directory(name, **changes):
    """The files of a sweep, which goes on with what one interrupted before has left."""
    out = directory(name)
    jfnn.sweep(NETWORK, SPLIT, **GRID | changes, execution=execution(), out=out, resume=True)
    files = {path.relative_to(out): path for path in sorted(out.rglob("*"))}
    assert not [path for path in files.values() if path.name.startswith((".", "checkpoint"))], files
    return {str(name): path.read_bytes() for name, path in files.items() if path.suffix in (".csv", ".npz")}


def init(key):
    return {"w": jax.random.normal(key, (5, 3))}


def loss(params, x, key):
    return jnp.mean((x @ params["w"] + jax.random.normal(key, (len(x), 3))) ** 2)


OWN = jfnn.learner(init, loss, optimizer="adam", random=True)


def of_own_loss(learner=OWN):
    return arrays_of(jfnn.sweep(learner, jfnn.Split(SPLIT.x_train), **GRID, execution=execution()))


def compiled_anew():
    """The same with functions that are new to JAX, so that all of it is traced and compiled."""
    return of_own_loss(jfnn.learner(init, lambda *values: loss(*values), optimizer="adam", random=True))


def trained_alone():
    params, history = jfnn.train(
        NETWORK, SPLIT.x_train, SPLIT.y_train, learning_rate=0.1, epochs=6, batch_size=16
    )
    return params, history.scores


def predicted():
    params = NETWORK.init(jax.random.key(3))
    return [jfnn.predict(NETWORK, params, SPLIT.x_test[:n]) for n in range(1, 20)]


def pool():
    return concurrent.futures.ProcessPoolExecutor(
        2, mp_context=multiprocessing.get_context("spawn"), initializer=preload.prepare
    )


kept_pool = functools.cache(pool)


def on_processes(executor, **changes):
    options = GRID | changes
    how = jfnn.Execution(tile=2, eval_every=3, executor=executor())
    return arrays_of(jfnn.sweep(NETWORK, SPLIT, **options, execution=how))


# A name, what to call, and how often of a hundred.
CALLS = {
    "in memory": (in_memory, 15),
    "one device": (functools.partial(in_memory, execution(devices=1)), 12),
    "progress": (with_progress, 12),
    "halving and early stopping": (functools.partial(in_memory, **HALVING), 12),
    "population": (functools.partial(in_memory, **POPULATION), 9),
    "directory": (functools.partial(in_a_directory, "plain"), 14),
    "refit": (functools.partial(in_a_directory, "refit", **HALVING, refit=True), 6),
    "own loss": (of_own_loss, 6),
    "own loss compiled anew": (compiled_anew, 2),
    "train": (trained_alone, 7),
    "predict": (predicted, 4),
    "processes": (functools.partial(on_processes, kept_pool, **HALVING), 8),
    "processes of its own": (functools.partial(on_processes, lambda: pool), 1),
}


def content(tree):
    """All that a call gave, as bytes."""
    leaves = [
        leaf if isinstance(leaf, bytes) else np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)
    ]
    return leaves, str(jax.tree.structure(tree))


def clear():
    """Removes directories of sweeps that have ended, so that the next ones begin anew."""
    for name in ("plain", "refit"):
        shutil.rmtree(directory(name), ignore_errors=True)


class Interrupts:
    """Interrupts this thread after some seconds, by the system's timer or a thread that sends SIGINT."""

    def __init__(self):
        self.came, self.where = False, ""
        signal.signal(signal.SIGALRM, self._come)
        signal.signal(signal.SIGINT, self._come)

    def _come(self, number, frame):
        self.came, self.where = True, "".join(traceback.format_stack(frame)[-12:])
        raise KeyboardInterrupt

    def amid(self, call, seconds, by_thread):
        """What came of a call: its result or None, its error or None."""
        self.came = False
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)) if by_thread else None
        result = error = None
        try:
            if timer is None:
                signal.setitimer(signal.ITIMER_REAL, seconds)
            else:
                timer.start()
            result = call()
        except BaseException as raised:
            error = raised
        while True:  # the interrupt may still be on its way
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                if timer is not None:
                    timer.cancel()
                    timer.join()
                break
            except KeyboardInterrupt:
                self.came = False
        return result, error


def resident_megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def threads_that_stay(seconds=60):
    """Names of the threads besides this one that do not end."""
    for _ in range(seconds * 10):
        gc.collect()
        others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        if not others:
            break
        time.sleep(0.1)
    return others


def durations(calls):
    """Seconds that each call takes once it is compiled."""
    seconds = {}
    for name, call in calls.items():
        started = time.perf_counter()
        for _ in range(5):
            call()
            clear()
        seconds[name] = (time.perf_counter() - started) / 5
    return seconds


def place_of(error):
    """The innermost function of the library in which an error came."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}jfnn{os.sep}" in frame.filename]
    return f"{Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else "outside"


def is_turned(error):
    """Whether C++ code of JAX has made an error of its own of an interrupt."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        if OF_JAX in str(error) and "KeyboardInterrupt" in str(error):
            return True
        if isinstance(error, SystemError) and isinstance(error.__cause__, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def interrupt(count, seed):
    """Interrupts so many times; what came of it."""
    rng, interrupts = random.Random(seed), Interrupts()
    calls = {name: call for name, (call, _) in CALLS.items()}
    shares = [share for _, share in CALLS.values()]
    expected = {name: content(call()) for name, call in calls.items()}
    clear()
    seconds = durations(calls)
    ignored, wrong, memory = [], [], []
    sys.unraisablehook = lambda told: ignored.append(f"{told.exc_type.__name__} in {told.object!r}"[:200])
    of_calls, places, done, late = collections.Counter(), collections.Counter(), 0, 0
    threads = len(os.listdir("/proc/self/task"))
    checked, swallowed, turned, longest = 0, 0, 0, 0.0
    while done < count:
        (name,) = rng.choices(list(calls), shares)
        faulthandler.dump_traceback_later(SILENT_SECONDS, exit=True)
        ignored_before, started = len(ignored), time.perf_counter()
        moment = rng.uniform(1e-5, seconds[name])
        result, error = interrupts.amid(calls[name], moment, by_thread=rng.random() < 0.3)
        longest = max(longest, time.perf_counter() - started - moment)
        if error is None and not interrupts.came:
            late += 1
            seconds[name] = 0.5 * (seconds[name] + time.perf_counter() - started)
        else:
            done += 1
            of_calls[name] += 1
        if error is None and interrupts.came and IN_JAX in interrupts.where:
            swallowed += 1
        elif error is None and interrupts.came and len(ignored) == ignored_before:
            wrong.append(f"{name}: no error, though there was an interrupt:\n{interrupts.where}")
        if is_turned(error):
            turned += 1
        elif error is not None and not isinstance(error, KeyboardInterrupt):
            wrong.append(f"{name}: {''.join(traceback.format_exception(error))}")
        if error is not None:
            places[place_of(error)] += 1
        if result is not None and content(result) != expected[name]:
            wrong.append(f"{name}: another result of a call that was not interrupted")
        error_came, error = error is not None, None
        if rng.random() < 0.1:
            checked += 1
            if content(calls[name]()) != expected[name]:
                wrong.append(f"{name}: another result after an interrupt")
            clear()
        elif not error_came or rng.random() < 0.5:
            clear()
        if done % max(count // 10, 1) == 0 and len(memory) < done // max(count // 10, 1):
            gc.collect()
            memory.append(round(resident_megabytes(), 1))
            print(json.dumps({"done": done, "wrong": len(wrong), "MB": memory[-1]}), file=sys.stderr)
    faulthandler.dump_traceback_later(SILENT_SECONDS, exit=True)
    for name, call in calls.items():
        if content(call()) != expected[name]:
            wrong.append(f"{name}: another result at the end")
    kept_pool().shutdown()
    stay = threads_that_stay()
    return {
        "interrupts": done,
        "by call": dict(of_calls),
        "places": dict(places.most_common(25)),
        "calls that ended before": late,
        "results compared": checked + len(calls),
        "longest wait after an interrupt": round(longest, 2),
        "swallowed by JAX": swallowed,
        "turned into another error by JAX": turned,
        "errors in destructors": dict(collections.Counter(ignored)),
        "megabytes": memory,
        "threads of Python that stay": stay,
        "threads of the system": [threads, len(os.listdir("/proc/self/task"))],
        "wrong": wrong,
    }


if __name__ == "__main__":
    faulthandler.enable()
    print(json.dumps(interrupt(int(sys.argv[1]), int(sys.argv[2])), indent=1))
