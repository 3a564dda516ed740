"""Long tables for other tools, compared with loops."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result

from jfnn.analysis import tidy


@pytest.mark.parametrize("options", [{"history": 2}, {"history": 0}, {"history": 2, "folds": 2}])
def test_long_tables_have_a_row_for_each_member_epoch_and_metric(options):
    result = make_result((2, 2), seeds=2, diverged=[(0, 1, 0)] if "folds" not in options else (), **options)
    columns = tidy(result)
    rows = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    parts = ["train", *(["validation"] if "folds" in options else []), "test"]
    epochs = [1, 2] if options["history"] else [10]
    expected = []
    for index in np.ndindex(result.diverged_at.shape):
        for k, epoch in enumerate(epochs):
            for part in parts:
                for metric in ("loss", "accuracy"):
                    name = f"{part}_{metric}"
                    source = result.history if options["history"] else result.scores
                    value = source[name][(*index, k)] if options["history"] else source[name][index]
                    axes = result.axes_at(index[:2])
                    expected.append((*axes.values(), *index[2:], epoch, part, metric, value))
    assert len(rows) == len(expected)
    by_row = {tuple(row[:-1]): row[-1] for row in expected}
    for *key, value in rows:
        np.testing.assert_equal(value, by_row[tuple(key)])
    assert list(columns)[-4:] == ["epoch", "part", "metric", "value"]


def test_long_tables_have_a_column_with_the_values_of_subsets():
    shares = np.array([0.1, 0.5, 1.0])
    result = dataclasses.replace(make_result((2, 2), seeds=2, folds=3), subset_values={"share": shares})
    table = tidy(result)
    np.testing.assert_array_equal(table["share"], shares[table["fold"]])
