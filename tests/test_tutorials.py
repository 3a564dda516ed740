"""Run all tutorials and gallery examples; check the loop and the argument table of the PyTorch tutorial."""

import re
import runpy
import textwrap
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import jfnn

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimized]

DOCS = Path(__file__).parent.parent / "docs"
TUTORIAL = DOCS / "tutorials/from_pytorch.py"
EXAMPLES = sorted([*DOCS.glob("tutorials/*.py"), *DOCS.glob("gallery/*/*.py")])


# `test_famous_pictures.py` draws the subjects of these at a smaller size.
LONG = {"boundary", "butterfly", "double_descent", "grokking", "leave_one_out", "seeds", "zoo"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem in LONG else ())
        for path in EXAMPLES
    ],
)
def test_example_runs(path, tmp_path, monkeypatch):
    for package in ("equinox", "flax", "torch"):
        if re.search(rf"^(import|from) {package}\b", path.read_text(), re.MULTILINE):
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    runpy.run_path(str(path))
    plt.close("all")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tutorial(torch):
    names = {}
    exec(TUTORIAL.read_text().partition("# What goes where")[0], names)
    return names


@pytest.fixture(scope="module")
def loop():
    block = re.search(r"#    :name: torch-loop\n#\n((?:#(?:    .*)?\n)+)", TUTORIAL.read_text())[1]
    return textwrap.dedent(re.sub("^# ?", "", block, flags=re.MULTILINE))


def run(loop, tutorial):
    names = {name: tutorial[name] for name in ("start", "split", "batches")}
    exec(loop, names)
    return names["model"]


def largest_differences(torch, model, params):
    """Return the largest difference of an entry for each array of a two-layer model."""
    layers = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
    pairs = [
        pair
        for ours, layer in zip(params, layers, strict=True)
        for pair in zip(ours, (layer.weight.T, layer.bias), strict=True)
    ]
    return [np.abs(a - b.detach().numpy()).max() for a, b in pairs]


def test_member_agrees_with_the_printed_loop(torch, tutorial, loop):
    model = run(loop, tutorial)
    assert max(largest_differences(torch, model, tutorial["trained"])) < 1e-5
    before = {name: array.clone() for name, array in model.state_dict().items()}
    model.load_state_dict({name: torch.tensor(array) for name, array in tutorial["state"].items()})
    for name, array in model.state_dict().items():
        torch.testing.assert_close(array, before[name], rtol=0, atol=1e-5)
    other = tutorial["result"].member(1, 0, 0, 0)  # without weight decay
    assert max(largest_differences(torch, model, other)) > 1e-3


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            "Adam(model.parameters(), lr=0.05, betas=(0.8, 0.99), eps=1e-6)",
            {"name": "adam", "b1": 0.8, "b2": 0.99, "eps": 1e-6},
        ),
        (
            "AdamW(model.parameters(), lr=0.05, betas=(0.9, 0.99), eps=1e-6)",
            {"name": "adamw", "weight_decay": 0.01, "b2": 0.99, "eps": 1e-6},
        ),
    ],
)
def test_arguments_in_the_table_are_equivalent(torch, tutorial, loop, theirs, ours):
    changed = re.sub(r"SGD\(.*?\n\)", theirs, loop, flags=re.DOTALL)
    assert theirs in changed
    model = run(changed.replace("torch.as_tensor(batches)", "torch.as_tensor(batches[:10])"), tutorial)
    options = tutorial["options"] | {"epochs": 1}
    x, y = tutorial["split"][:2]
    optimizer = jfnn.Optimizer(**ours)
    params = jfnn.train(tutorial["network"], x, y, learning_rate=0.05, optimizer=optimizer, **options).params
    assert max(largest_differences(torch, model, params)) < 2e-5
