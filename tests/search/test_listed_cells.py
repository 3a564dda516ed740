"""Cells that are listed: rows or columns of a table are one run, and other cells another."""

import numpy as np
import pytest

import jfnn
from jfnn.core.search.sweep import prepare


def fingerprint(split, cells):
    """What decides the bits of a sweep of some cells."""
    optimizer = jfnn.Optimizer("sgd", momentum=0.1)
    options = {"l2": 0.01, "optimizer": optimizer, "hyper": {"dropout": 0.4}, "batch_size": 16}
    return prepare(jfnn.Options(jfnn.mlp((5, 6, 3)), split, cells=cells, **options)).description[
        "fingerprint"
    ]


def test_rows_and_columns_list_the_same_cells(split):
    rows = [{"learning_rate": 0.3, "momentum": 0.9}, {"learning_rate": 0.1, "momentum": 0.5}]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    assert fingerprint(split, columns) == fingerprint(split, rows) != fingerprint(split, rows[::-1])


@pytest.mark.unoptimised
def test_a_directory_of_listed_cells_takes_no_others(split, tmp_path):
    options = {"epochs": 1, "batch_size": 16, "out": tmp_path}
    cells = [{"learning_rate": rate, "l2": 0.1} for rate in (0.1, 0.3)]
    jfnn.sweep(jfnn.mlp((5, 6, 3)), split, cells=cells, **options)
    other = [cell | {"l2": 0.2} for cell in cells]
    with pytest.raises(ValueError, match="another configuration"):
        jfnn.sweep(jfnn.mlp((5, 6, 3)), split, cells=other, resume=True, **options)
