"""Two cores and 80 columns on any machine; float64 only if a test requests it."""

import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import running
from helpers import OPTIMIZED, UNOPTIMIZED, compile_unoptimized, compiled, noise_split

import jfnn
from jfnn import losses, training
from jfnn.core.engine import devices
from jfnn.numerics import compiling, machine

# With one thread for each of many cores, workers would slow each other down, and counts would vary.
devices.cores = machine.cores = lambda: 2
jfnn.use_all_cores()
CPU_OPTIONS = compiling.CPU_OPTIONS

os.environ["JFNN_PROGRAMS"] = "0"  # tests of kept programs name a directory
os.environ["COLUMNS"] = "80"  # help is wrapped at the terminal's width

# A background shell ignores Ctrl-C, and so would the commands that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--optimized", action="store_true", help="compile everything as users get it")
    parser.addoption("--no-compile-cache", action="store_true", help="compile all anew, keep nothing")
    parser.addoption(
        "--durations-by-function",
        type=int,
        default=0,
        metavar="N",
        help="name the N slowest files and functions",
    )


def pytest_configure(config):
    for line in (
        "unoptimized: states laws, so the engine's programs may be compiled in half the time",
        "optimized: states bits, so they are compiled as for users, also in a file of the above",
    ):
        config.addinivalue_line("markers", line)
    if config.getoption("markexpr") == "slow":  # evidence at full size
        config.option.optimized = True
        config.option.timeout = 0
    if not config.getoption("optimized"):
        compile_unoptimized()
    if config.pluginmanager.hasplugin("cacheprovider") and not config.getoption("no_compile_cache"):
        folder = config.cache.mkdir("compiled")
        running.keep_programs(folder)
        if not hasattr(config, "workerinput"):  # only in the workers' parent
            running.delete_oldest(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    return running.workers()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Compile the engine's programs as for users, or unoptimized if a test is marked so."""
    quickly = item.get_closest_marker("unoptimized") and not item.get_closest_marker("optimized")
    changed = UNOPTIMIZED if quickly else OPTIMIZED
    options = {**CPU_OPTIONS} | ({} if item.config.getoption("optimized") else changed)
    if options != compiling.CPU_OPTIONS:
        compiling.CPU_OPTIONS = options
        running.forget_programs()


MEMORY = running.Memory()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    MEMORY.check()


def pytest_terminal_summary(terminalreporter, config):
    if count := config.getoption("durations_by_function"):
        every = [report for kind in terminalreporter.stats.values() for report in kind]
        for title, found in zip(
            ("files", "functions"),
            running.seconds(report for report in every if hasattr(report, "duration")),
            strict=True,
        ):
            terminalreporter.section(f"slowest {title}, {sum(found.values()):.0f} s in all")
            for name, seconds in found.most_common(count):
                terminalreporter.write_line(f"{seconds:7.1f}  {name}")


@pytest.fixture
def x64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(params=["float32", pytest.param("float64", marks=pytest.mark.thorough)])
def dtype(request):
    """Run a test in single precision and, as a thorough test, in double precision.

    Tests whose sharper half is float64 use `helpers.float64_first`.
    """
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", request.param == "float64")
    yield np.dtype(request.param)
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(scope="session")
def digits():
    return jfnn.datasets.digits()


@pytest.fixture(scope="session")
def split():
    """Return noise in three classes, shared by tests of the engine so that they share programs."""
    return noise_split()


@pytest.fixture
def train_starts():
    """Return a function that trains a network by full batches from many random starts at once.

    Its returned parameters have the starts on the first axis.
    """

    def train(net, x, targets, optimizer, starts, steps, loss="quadratic", reduction="mean"):
        x = jnp.asarray(x, jnp.float32)
        targets = jnp.asarray(targets, jnp.float32)
        value_and_grad = training.autodiff(net, losses.get(loss), reduction)
        rows = jnp.broadcast_to(jnp.arange(len(x)), (steps, len(x)))

        def run(key):
            params = net.init(key)
            state = jfnn.State(params, optimizer.init(params))
            return training.epoch(state, optimizer, value_and_grad, x, targets, 0.0, rows)[0].params

        return compiled(jax.vmap(run))(jax.random.split(jax.random.key(0), starts))

    return train
