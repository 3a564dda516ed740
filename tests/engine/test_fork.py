"""Processes forked from one that has trained."""

import os
import traceback

import pytest
from helpers import noise_split

import jfnn
from jfnn.distributed import calls


def sweep():
    jfnn.sweep(jfnn.mlp((5, 3)), noise_split(), learning_rate=0.1, epochs=1, batch_size=10)


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:os.fork", "ignore:This process")  # JAX and Python both warn of it
@pytest.mark.parametrize("call", [sweep, calls.environment_here], ids=["sweep", "worker"])
def test_forked_process_gets_an_error_instead_of_hanging(call):
    sweep()
    pid = os.fork()
    if pid == 0:
        try:
            call()
        except RuntimeError as error:
            os._exit(0 if "forked" in str(error) and "spawn" in str(error) else 2)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
