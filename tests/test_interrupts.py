"""Thousands of interrupts amid calls of the library; ``interrupted.py COUNT SEED`` does any number."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COUNT, PROCESSES = 5000, 5


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("seed", range(PROCESSES))
def test_interrupts_are_keyboard_interrupts_and_spoil_nothing(seed):
    command = [sys.executable, HERE / "interrupted.py", str(COUNT // PROCESSES), str(seed)]
    environment = os.environ | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}", "JAX_PLATFORMS": "cpu"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=HERE.parent)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    print(ended.stdout)
    assert told["interrupts"] >= COUNT // PROCESSES
    assert not told["wrong"], "\n\n".join(told["wrong"])
    hidden = told["swallowed by JAX"] + told["turned into another error by JAX"]
    hidden += sum(told["errors in destructors"].values())
    assert hidden <= 0.05 * told["interrupts"]
    assert not told["threads of Python that stay"]
    before, after = told["threads of the system"]
    assert after <= before + 4
    # A few dozen programs are kept, of 10 MB each; then there are no more.
    assert told["megabytes"][-1] < told["megabytes"][0] + 500
