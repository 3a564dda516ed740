"""The same networks by mlpack, one after another on each core, with the OpenBLAS that SciPy brings along."""

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from benchmarks import native
from benchmarks.workload import Layers, Member, Outcome, Runner, Workload

BLAS = ("sgemm", "sgemv", "ssyrk", "sdot")  # functions that are called here


def prepare(workload: Workload) -> Runner:
    """The starts that all contenders share; passes over the rows, each in an order of its own."""
    rows = [np.ascontiguousarray(array, np.float32) for array in workload.rows()]
    n = workload.steps() * workload.batch  # other training rows would be one more step
    sizes = (n, len(rows[2]), *workload.sizes, workload.activation == "tanh", workload.batch, workload.epochs)
    threadpool_limits(1, "blas")  # in each of our threads

    def train(start: Layers, member: Member) -> tuple[float, int]:
        params = np.concatenate([leaf.ravel() for layer in start for leaf in layer], dtype=np.float32)
        epochs = ctypes.c_size_t()
        pointers = (*map(native.pointer, (params, *rows)), ctypes.addressof(epochs))
        return library()(*pointers, *sizes, member.learning_rate, member.l2), epochs.value

    def run() -> Outcome:
        library()  # is built once, before threads call it
        members = workload.member_list()
        starts = [workload.drawing(seed)[0] for seed in range(workload.seeds)]
        found = native.over_cores(train, [starts[member.seed] for member in members], members)
        accuracies, epochs = zip(*found, strict=True)
        return Outcome(np.reshape(accuracies, workload.shape), float(np.mean(epochs)) / workload.epochs)

    return run


@functools.cache
def library() -> Callable[..., float]:
    """The function of mlpack.cpp."""
    train = native.cpp_library("mlpack.cpp", ("-DARMA_DONT_USE_WRAPPER", *_blas())).train
    train.argtypes = [ctypes.c_void_p] * 6 + [ctypes.c_size_t] * 8 + [ctypes.c_double] * 2
    train.restype = ctypes.c_double
    return train


def _blas() -> list[str]:
    """Flags that link OpenBLAS: SciPy's own, whose functions have other names, or the system's."""
    for path in Path(scipy.__file__).parents[1].glob("scipy.libs/libscipy_openblas-*.so"):
        return [*(f"-D{name}_=scipy_{name}_" for name in BLAS), str(path), f"-Wl,-rpath,{path.parent}"]
    return ["-lopenblas"]
