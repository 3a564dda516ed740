"""Tables, texts, the best cell and the ranking of any result agree with its arrays."""

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
from sweeps import check_each_structure, of_many_sweeps

import jfnn
from jfnn.analysis import ranking

pytestmark = pytest.mark.unoptimized


def columns(result):
    """Map names to one value per member, ordered by axes, seed and fold."""
    found = []
    for place in np.ndindex(result.diverged_at.shape):
        end = len(result.cell_shape)
        seed, *fold = place[end:]
        row = {**result.axes_at(place[:end]), "seed": result.seeds[seed]}
        row |= {"fold": fold[0]} if fold else {}
        row |= {name: values[fold[0]] for name, values in result.subset_values.items()}
        row |= {name: values[place] for name, values in result.scores.items()}
        row |= {
            name: getattr(result, name)[place] for name in ("diverged_at", "stopped_at", "pruned", "epochs")
        }
        found.append(row)
    return {name: [row[name] for row in found] for name in found[0]}


def means_of_cells(result, score):
    """Return the mean score of each cell over seeds and folds, NaN if one is missing."""
    return result.scores[score].reshape(result.pruned_cells.size, -1).mean(axis=1)


def ranked(result):
    """Rank cells with NumPy by mean score over seeds and folds, best first; ties keep their order."""
    values = means_of_cells(result, result.ranked_by)
    sign = -1 if result.metrics[result.ranked_by.partition("_")[2]] else 1
    cells = [cell for cell in range(len(values)) if np.isfinite(values[cell])]
    going = [cell for cell in cells if not result.pruned_cells.ravel()[cell]]
    return values, sorted(going, key=lambda cell: (sign * values[cell], cell))


@pytest.mark.thorough
@of_many_sweeps
def test_tables_texts_and_rankings_show_the_numbers_of_the_result(examples):
    def check(sweep):
        with tempfile.TemporaryDirectory() as folder:
            result = sweep.run(out=folder)
            written = (Path(folder) / "results.csv").read_text()
            result.to_csv(Path(folder) / "again.csv")
            assert (Path(folder) / "again.csv").read_text() == written
        rows = list(csv.DictReader(written.splitlines()))
        wanted = columns(result)
        table = result.to_dict()
        assert list(table) == list(wanted)
        for name, column in wanted.items():
            np.testing.assert_array_equal(table[name], np.array(column))
            read = [type(value)(row[name]) for row, value in zip(rows, table[name].tolist(), strict=True)]
            np.testing.assert_array_equal(read, table[name])
        means, order = ranked(result)
        best = result.best_or_none()
        first = [cell.cell for cell in ranking.best_first(result, len(means)).cells]
        cells = list(np.ndindex(*result.cell_shape))
        behind = [index for index in result.order() if index not in [cells[cell] for cell in order]]
        assert first == [*(cells[cell] for cell in order), *behind]
        assert all(result.pruned_cells[index] for index in behind)
        if not order:
            assert best is None
        else:
            assert (best.index, best.score) == (cells[order[0]], means[order[0]])
            assert best.axes == result.axes_at(best.index)
            assert f"{best.score:.6g}" in repr(result)
        assert str(result.diverged_at.size) in result.members_text() and result._repr_html_()
        for name in result.scores:
            np.testing.assert_allclose(result.cell_scores(name).ravel(), means_of_cells(result, name))
        statistics = jfnn.cell_statistics(result)
        np.testing.assert_allclose(statistics.mean.ravel()[order], means[order])

    check_each_structure(examples, check, without=["out"])
