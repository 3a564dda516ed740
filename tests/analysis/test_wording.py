"""Names of the axes of a sweep in figures and reports."""

import numpy as np
import pytest
from helpers import make_programs, make_result, parts_of

import jfnn
from jfnn import plots
from jfnn.analysis import summary, wording
from jfnn.arguments.texts import axis_text
from jfnn.core.search.programs import combine
from jfnn.core.search.result import with_run

NET = jfnn.mlp((2, 3, 2))
MOMENTUM = {"momentum": 0.9}
# Learners by name, as described in a run's settings with further hyperparameters, and the name of their axis.
SEVERAL = {
    "optimizer": [(jfnn.supervised(NET), {}), (jfnn.supervised(NET, optimizer="adam"), {})],
    "optimizer, by a number": [(jfnn.supervised(NET), {}), (jfnn.supervised(NET), MOMENTUM)],
    "schedule": [
        (jfnn.supervised(NET), {}),
        (jfnn.supervised(NET, optimizer=jfnn.Optimizer("sgd", schedule="cosine")), {}),
    ],
    "loss": [(jfnn.supervised(NET), {}), (jfnn.supervised(NET, "quadratic"), {})],
    "network": [(jfnn.supervised(NET), {}), (jfnn.supervised(jfnn.mlp((2, 4, 2))), {"dropout": 0.1})],
    "learner": [
        (jfnn.supervised(NET), {}),
        (jfnn.supervised(jfnn.mlp((2, 4, 2)), optimizer="adam"), MOMENTUM),
    ],
}


def with_learners(pairs, name="network"):
    """Return a result with random scores whose settings describe these learners."""
    parts = [
        with_run(part, config={"settings": {"learner": learner.describe(), "constants": constants}})
        for part, (learner, constants) in zip(parts_of(make_programs(("a", "b"))), pairs, strict=True)
    ]
    return combine({name: np.array(["a", "b"])}, parts)


@pytest.mark.parametrize("kind", SEVERAL)
def test_axis_of_learners_is_named_after_what_differs(kind):
    result = with_learners(SEVERAL[kind])
    word = kind.partition(",")[0]
    assert wording.network_word(result) == word
    assert list(wording.with_network_word(result).axes) == [word, "learning_rate", "l2"]
    assert "width" in wording.with_network_word(with_learners(SEVERAL[kind], "width")).axes


def test_figures_show_optimizer_and_accept_both_names():
    result = with_learners(SEVERAL["optimizer"])
    for name in ("network", "optimizer"):
        figure = plots.heat_map(result, axes=(name, "l2"))
        assert figure.get_supylabel() == "optimizer" and "network" not in figure.get_suptitle()
        figure = plots.axis_curves(result, "l2", by=name)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == [
            "optimizer = a",
            "optimizer = b",
        ]
    assert plots.axis_curves(result, "network").axes[0].get_xlabel() == "optimizer"
    assert "optimizer\u00a0=\u00a0b" in plots.heat_map(result, {"network": 1}).get_suptitle()
    with pytest.raises(ValueError, match=r"^axes: .*learner"):
        plots.heat_map(result, axes=("learner", "l2"))


def test_folds_are_named_after_their_kind():
    result = make_result((1, 1), seeds=2, folds=3)
    recorded = {"words": {"fold": "bootstrap"}}
    assert summary.averaged_over(with_run(result, config=recorded)) == "2 seeds of 3 bootstraps each"
    older = {"settings": {"subsets": {"values": {}, "start_per_subset": True}}}
    assert summary.averaged_over(with_run(result, config=older)) == "2 seeds of 3 subsets each"
    assert summary.averaged_over(result) == "2 seeds of 3 folds each"
    assert axis_text(wording.fold_word(result)) == "fold"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("subsets", "word"),
    [
        (jfnn.subsets.bootstrap(8, 3), "bootstrap"),
        (jfnn.subsets.by_group([1, 1, 1, 2, 2, 2, 3, 3], held_out=0.3), "group"),
        (jfnn.subsets.shares(8, 0.5, 3), "subset"),
        (jfnn.subsets.leave_one_out(8), "subset"),
        (3, "fold"),
    ],
)
def test_sweep_records_the_kind_of_its_folds(subsets, word, tmp_path):
    x, y = jfnn.datasets.xor_gate()
    split = jfnn.Split(np.tile(x, (2, 1)), np.tile(y, 2), x, y)
    options = dict(learning_rate=[0.1, 1.0], epochs=1, batch_size=None, folds=subsets, out=tmp_path)
    jfnn.sweep(NET, split, **options)
    result = jfnn.load(tmp_path)
    assert summary.averaged_over(result) == f"{result.folds} {word}s"
    own = next(iter(result.subset_values), word)
    assert plots.heat_map(result, axes=("fold", "learning_rate")).get_supylabel().replace(" ", "_") == own
    assert (
        plots.axis_curves(result, "learning_rate")
        .axes[0]
        .get_title()
        .startswith(f"mean over {result.folds} {word}s")
    )
