"""Names of folds in figures and reports."""

import numpy as np
import pytest
from helpers import make_result

import jfnn
from jfnn import plots
from jfnn.analysis import summary
from jfnn.arguments.texts import axis_text
from jfnn.core.search.result import with_run


def test_folds_are_named_after_their_kind():
    result = make_result((1, 1), seeds=2, folds=3)
    recorded = {"words": {"fold": "bootstrap"}}
    assert summary.averaged_over(with_run(result, config=recorded)) == "2 seeds of 3 bootstraps each"
    older = {"settings": {"subsets": {"values": {}, "start_per_subset": True}}}
    assert summary.averaged_over(with_run(result, config=older)) == "2 seeds of 3 subsets each"
    assert summary.averaged_over(result) == "2 seeds of 3 folds each"
    assert axis_text(summary.fold_word(result)) == "fold"


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
    jfnn.sweep(jfnn.mlp((2, 3, 2)), split, **options)
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
