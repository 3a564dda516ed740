"""Members have the same bits alone and in a grid, on any number of devices, also in the notes' full grid."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from sklearn.datasets import load_wine

import jfnn

# Kind of network -> cells. Five dense cells train where rounding is amplified, or diverge.
CELLS = {
    "mlp": [(1e-4, 1e-2), (1e-3, 1.0), (1e-2, 1e-1), (1e-2, 1e-5), (1e-1, 1e-3), (1.0, 1e-4), (10.0, 1.0)],
    **{kind: [(1e-3, 1e-2), (1e-2, 1.0), (1e-1, 1e-4)] for kind in ("small", "cnn", "gru", "rbm")},
}
GRID = np.logspace(-5, 1, 7)


def digest(params):
    return hashlib.sha256(b"".join(np.asarray(p).tobytes() for p in jax.tree.leaves(params))).hexdigest()


def problem(kind):
    split = jfnn.datasets.digits()
    if kind == "mlp":
        return jfnn.mlp((64, 50, 10)), split, {"gradient": "backprop"}
    x = split.x_train[:300]
    y = split.y_train[:300]
    if kind == "small":
        wines = jfnn.datasets.standardize(jfnn.datasets.split(*load_wine(return_X_y=True), test_size=0.2))
        return jfnn.mlp((13, 16, 3), "tanh"), wines, {"batch_size": 16, "epochs": 30}
    if kind == "rbm":
        machine = jfnn.boltzmann_machine((64, 20), gradient="persistent", k=2, chains=30)
        return machine, jfnn.Split(x / 16), {"epochs": 10}
    shape, net = {
        "cnn": ((1, 8, 8), jfnn.cnn((1, 8, 8), (4, 6), 10)),
        "gru": ((8, 8), jfnn.rnn((8, 8), 6, 10, bidirectional=True)),
    }[kind]
    options = {"gradient": "backprop", "reduction": "mean", "optimizer": "adam", "epochs": 10}
    return net, jfnn.Split(x.reshape(-1, *shape) / 16, y), options


def settings(kind, devices):
    """Map each setting's name to ``(learning rate, l2) -> parameters``, all in the tiles of one grid."""
    net, split, further = problem(kind)
    lines = {"learning_rate": list(GRID), "l2": list(GRID)}
    form = jfnn.sweep(net, split, **lines, **further | {"epochs": 0}).execution

    def sweep(rates, penalties, seeds=(0,), **execution):
        options = dataclasses.replace(form, devices=devices, **execution)
        result = jfnn.sweep(
            net, split, learning_rate=rates, l2=penalties, seeds=list(seeds), execution=options, **further
        )
        places = {(rate, l2): (i, j) for i, rate in enumerate(rates) for j, l2 in enumerate(penalties)}
        return lambda rate, l2: result.member(*places[rate, l2], list(seeds).index(0))

    def alone(rate, l2):
        options = {"learning_rate": rate, "l2": l2, **further}
        execution = dataclasses.replace(form, devices=devices)
        return jfnn.train(net, split.x_train, split.y_train, execution=execution, **options).params

    rates, penalties = (
        [float(value) for value in dict.fromkeys(column)] for column in zip(*CELLS[kind], strict=True)
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


def main(kind, count):
    """Print the checksum of every member in every setting, on ``count`` devices."""
    jfnn.use_all_cores(count)
    devices = jax.devices() if count > 1 else None
    table = {
        name: [digest(member(*cell)) for cell in CELLS[kind]] for name, member in settings(kind, devices)
    }
    print(json.dumps(table))


CASES = [pytest.param(kind, (1, 2, 4), marks=pytest.mark.slow) for kind in CELLS]
CASES.append(pytest.param("small", (1,), marks=pytest.mark.thorough))


@pytest.mark.parametrize(("kind", "counts"), CASES)
def test_members_have_the_same_bits_in_every_setting_on_any_number_of_devices(kind, counts):
    tables = {}
    for count in counts:
        command = [sys.executable, __file__, kind, str(count)]
        environment = os.environ | {"PYTHONPATH": str(Path(jfnn.__file__).parents[1])}
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        tables |= {(count, name): tuple(found) for name, found in json.loads(printed).items()}
    assert len(tables) == len(counts) * 14
    assert len(set(tables.values())) == 1
    assert len(set(next(iter(tables.values())))) == len(CELLS[kind])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
