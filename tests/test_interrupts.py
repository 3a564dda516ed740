"""Ctrl-C during training stops a run in a consistent state; resuming it loses nothing."""

import concurrent.futures
import contextlib
import os
import random
import signal
import threading
import time
import types

import pytest
from helpers import as_workers, noise_split, same_bits

import jfnn
from jfnn.core.engine.cohort import Listener
from jfnn.core.engine.interrupts import deferred_interrupts, raise_interrupt

NETWORK = jfnn.mlp((5, 6, 3))
GRID = dict(learning_rate=[0.01, 0.1, 1e38], l2=[0.0, 0.1], epochs=40, batch_size=16)


def press():
    signal.raise_signal(signal.SIGINT)


def sweep(progress=None, executor=None, **changes):
    devices = 2 if executor is None else None
    options = dict(tile=2, eval_every=2, progress=progress, executor=as_workers(executor))
    execution = jfnn.Execution(devices, **options)
    result = jfnn.sweep(NETWORK, noise_split(), **GRID | changes, execution=execution)
    return result.params, result.scores, result.history


@pytest.fixture
def signals(monkeypatch):
    """Record the signals received by the user's own handler."""
    numbers = []
    before = signal.signal(signal.SIGINT, lambda number, frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGINT, before)


def test_first_ctrl_c_waits_and_second_is_immediate(capsys):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        press()
        assert "press again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            press()
        with (
            deferred_interrupts(),
            pytest.raises(KeyboardInterrupt),
        ):  # an inner block changes nothing
            press()
        raise_interrupt()
    assert signal.getsignal(signal.SIGINT) is handler
    raise_interrupt()


def test_pending_ctrl_c_is_raised_at_the_end_of_the_block():
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        press()
        reached.append(1)
    assert reached
    with pytest.raises(ZeroDivisionError), deferred_interrupts():
        press()
        reached.append(1 / 0)


@pytest.mark.thorough
def test_custom_handler_is_called_and_decides(signals):
    def at_evaluation(now):
        if now.epoch == 10:
            press()
            assert not signals

    plain = sweep()
    assert same_bits(sweep(progress=at_evaluation), plain)
    assert signals == [signal.SIGINT]


def test_other_threads_and_ignored_signals_are_left_alone(signals):
    with concurrent.futures.ThreadPoolExecutor(1) as pool, deferred_interrupts():
        press()
        pool.submit(raise_interrupt).result()
        assert not signals
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_interrupts():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


class Pressing(concurrent.futures.ThreadPoolExecutor):
    left = 12

    def submit(self, *arguments):
        self.left -= 1
        if not self.left:
            press()
        return super().submit(*arguments)


@pytest.mark.thorough
@pytest.mark.parametrize("on_executor", [False, True])
def test_ctrl_c_saves_what_was_trained(on_executor, tmp_path):
    epochs = []

    def at_evaluation(now):
        epochs.append(now.epoch)
        if len(epochs) == 3 and not on_executor:
            press()

    plain = sweep()
    executor = Pressing(2) if on_executor else None
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(progress=at_evaluation, executor=executor, out=tmp_path)
    assert 0 < len(epochs) < 20
    (note,) = caught.value.__notes__
    assert note.startswith(f"{tmp_path} holds a checkpoint") and "resume=True" in note
    resumed = sweep(progress=at_evaluation, out=tmp_path, resume=True)
    assert same_bits(resumed, plain)
    assert epochs == list(range(2, 41, 2))  # none is trained twice


def test_ctrl_c_ends_the_wait_for_unresponsive_workers():
    never = concurrent.futures.Future()

    def submit(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return never

    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        jfnn.Workers(types.SimpleNamespace(submit=submit)).environment(Listener())
    assert never.cancelled()


@pytest.mark.thorough
def test_run_ends_with_the_last_saved_state_if_workers_die_of_the_same_ctrl_c(tmp_path):
    class Dying(Pressing):
        left = 40

        def submit(self, *arguments):
            future = super().submit(*arguments)
            return future if self.left > 0 else concurrent.futures.Future()

    began = time.perf_counter()
    with Dying(2) as executor, pytest.raises(KeyboardInterrupt):
        sweep(progress=lambda now: None, executor=jfnn.Workers(executor, together=1), out=tmp_path)
    assert 8 < time.perf_counter() - began < 60
    assert same_bits(sweep(progress=lambda now: None, out=tmp_path, resume=True), sweep())


@pytest.mark.thorough
@pytest.mark.parametrize("count", [8, pytest.param(300, marks=pytest.mark.slow)])
def test_sweeps_interrupted_at_random_moments_lose_nothing(count, tmp_path):
    rng = random.Random(0)
    came = 0
    plain = sweep()
    started = time.perf_counter()
    sweep()
    seconds = time.perf_counter() - started
    threads = threading.active_count()
    for number in range(1000 * count):
        timer = threading.Timer(rng.uniform(0, seconds), os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            result = sweep(out=tmp_path / str(number), resume=True)
        except KeyboardInterrupt:
            came = came + 1
            result = None
        end(timer)
        again = sweep(out=tmp_path / str(number), resume=True)
        assert same_bits(again, plain) and (result is None or same_bits(result, plain))
        if came == count:
            break
    assert came == count
    until = time.perf_counter() + 10
    while threading.active_count() > threads and time.perf_counter() < until:
        time.sleep(0.01)
    assert threading.active_count() <= threads


def end(timer):
    """Stop a timer, ignoring a signal that comes too late."""
    with contextlib.suppress(KeyboardInterrupt):
        timer.cancel()
        timer.join()
    timer.join()
