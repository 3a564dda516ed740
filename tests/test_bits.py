"""The same bits at full size: members of the notes' grid, alone and in company, on any number of devices."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import jfnn

# Five of the seven train where rounding is amplified, or diverge.
CELLS = [(1e-4, 1e-2), (1e-3, 1.0), (1e-2, 1e-1), (1e-2, 1e-5), (1e-1, 1e-3), (1.0, 1e-4), (10.0, 1.0)]
GRID = np.logspace(-5, 1, 7)


def digest(params):
    """Checksum of one member's parameters."""
    return hashlib.sha256(b"".join(np.asarray(p).tobytes() for p in jax.tree.leaves(params))).hexdigest()


def settings(devices):
    """Name of each setting -> ``(learning rate, l2) -> parameters``."""
    net, split = jfnn.mlp((64, 50, 10)), jfnn.datasets.digits()

    def sweep(rates, penalties, seeds=(0,), **execution):
        options = jfnn.Execution(devices=devices, **execution)
        result = jfnn.sweep(
            net, split, learning_rate=rates, l2=penalties, seeds=list(seeds), gradient="backprop",
            execution=options,
        )  # fmt: skip
        places = {(rate, l2): (i, j) for i, rate in enumerate(rates) for j, l2 in enumerate(penalties)}
        return lambda rate, l2: result.member(*places[rate, l2], list(seeds).index(0))

    def alone(rate, l2):
        options = {"learning_rate": rate, "l2": l2, "gradient": "backprop"}
        execution = jfnn.Execution(devices=devices)
        return jfnn.train(net, split.x_train, split.y_train, execution=execution, **options)[0]

    rates, penalties = (
        [float(value) for value in dict.fromkeys(column)] for column in zip(*CELLS, strict=True)
    )
    yield "train", alone
    yield "1x1", lambda rate, l2: sweep([rate], [l2])(rate, l2)
    yield "3x2", lambda rate, l2: sweep([1e-5, rate, 3.0], [l2, 5.0])(rate, l2)
    yield "grid", sweep(rates, penalties)
    yield "7x7 and more", sweep([*GRID[:3], *rates], [*GRID[2:4], *penalties])
    yield "two seeds", sweep(rates, penalties, seeds=(3, 0))
    yield "turned round", sweep(rates[::-1], penalties[::-1])
    for slot in (1, 2, 5):
        yield f"{slot} slots on", sweep([*GRID[:slot], *rates], penalties)
    for every in (1, 7, 100):
        yield f"evaluated every {every}", sweep(rates, penalties, eval_every=every)
    yield "among members that diverge", sweep([30.0, 100.0, *rates, 300.0, 1000.0], penalties)


def main(count):
    """Prints the checksum of every member in every setting, on a number of devices."""
    jfnn.use_all_cores(count)
    devices = jax.devices() if count > 1 else None
    table = {name: [digest(member(*cell)) for cell in CELLS] for name, member in settings(devices)}
    print(json.dumps(table))


@pytest.mark.slow
def test_members_have_the_same_bits_in_every_setting_on_1_2_and_4_devices():
    tables = {}
    for count in (1, 2, 4):
        command = [sys.executable, __file__, str(count)]
        environment = os.environ | {"PYTHONPATH": str(Path(jfnn.__file__).parents[1])}
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        tables |= {(count, name): tuple(found) for name, found in json.loads(printed).items()}
    assert len(tables) == 3 * 14
    assert len(set(tables.values())) == 1
    assert len(set(next(iter(tables.values())))) == len(CELLS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
