"""A process that trains many different structures uses bounded memory."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np
import jfnn

split = jfnn.Split(np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2)
for width in range(1, int(sys.argv[1]) + 1):
    jfnn.sweep(jfnn.mlp((3, width, 2)), split, learning_rate=0.1, epochs=1, batch_size=10)
    if width % 50 == 0:
        pages = int(open("/proc/self/statm").read().split()[1])
        print(pages * 4096 / 1e6, len(open("/proc/self/maps").readlines()), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_and_maps_stop_growing_with_the_number_of_structures():
    command = [sys.executable, "-c", SCRIPT, "1000"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    points = [tuple(map(float, line.split())) for line in run.stdout.splitlines()]
    megabytes, maps = zip(*points, strict=True)
    print(f"MB {megabytes}, maps {maps}")
    assert len(points) == 20
    assert max(megabytes) < megabytes[0] + 300
    assert max(maps) < 20_000
