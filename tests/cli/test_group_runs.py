"""Several networks and batch sizes: one list, one winner, a run for each in one directory."""

import html
import json

import numpy as np
import pytest
from command_line import FILES, GRID, GROUPS, grid_main, refused, untrained

import jfnn
from jfnn.analysis import summary

pytestmark = pytest.mark.unoptimised


@pytest.mark.thorough
def test_networks_and_batch_sizes_are_groups_in_one_list(groups):
    printed, _, expected = groups
    assert printed.startswith("best first, by validation accuracy\n") and "η down" not in printed
    head, *rows = [line.split() for line in printed.splitlines()[1:12]]
    assert head[:4] == ["network", "batch", "η", "λ"]
    cells = [
        (-result.cell_scores()[place], group.network, str(group.batch_size or "full"), *place)
        for group, result in zip(expected.groups, expected.results, strict=True)
        for place in np.ndindex(2, 2)
    ]
    listed = []
    for row in rows:
        network, batch, rate, l2, score = [word for word in row[1:] if word != "~"][:5]
        place = [1e-4, 1e-3].index(float(rate)), [0, 0.1].index(float(l2))
        listed.append((network, batch, *place))
        result = expected[network, None if batch == "full" else int(batch)]
        assert score == f"{result.cell_scores()[place]:.3f}"
    assert listed == [cell[1:] for cell in sorted(cells, key=lambda cell: cell[0])[:10]]


def test_the_winner_of_all_groups_alone_is_tested(groups):
    printed, out, expected = groups
    group, best = expected.best()
    where = f"network {group.network}, batch {group.batch_size or 'full'}, {summary.describe(best.axes)}"
    assert f"best cell: {where}\n" in printed
    texts = summary.refit_texts(expected.refit)
    assert f"all 1437 training rows, with 2 seeds:\n{', '.join(texts)}\n" in printed
    assert printed.count("test accuracy") == 1
    page = (out / "report.html").read_text()
    page = page.replace("\u00a0", " ")
    assert page.count("test accuracy") == 1 and html.escape(where) in page and texts[0] in page
    for member in expected.groups:
        assert f'href="{member.directory}/report.html"' in page
        assert "test accuracy" not in (out / member.directory / "report.html").read_text()


def test_each_group_has_its_run_and_all_have_one_table(groups):
    _, out, expected = groups
    directories = {group.directory for group in expected.groups}
    files = {"groups.json", "results.csv", "report.html", "refit"}
    assert {path.name for path in out.iterdir()} == directories | files
    for group in expected.groups:
        assert {path.name for path in (out / group.directory).iterdir()} == FILES
        saved = jfnn.load(out / group.directory)
        np.testing.assert_array_equal(saved.test_loss, expected[group].test_loss)
        config = json.loads((out / group.directory / "config.json").read_text())
        assert config["command"]["hidden"] == [[3], [4, 3]]
    np.testing.assert_array_equal(jfnn.load(out / "refit").test_loss, expected.refit.test_loss)


def test_groups_do_not_go_where_another_run_is(run, groups, capsys):
    single, out = run[1], groups[1]
    for words, directory in (
        ([*GROUPS.split(), "--refit", "--out", str(out)], out),
        ([*GROUPS.split(), "--resume", "--out", str(single)], single),
        ([*GRID, "--out", str(out)], out),
    ):
        assert refused(capsys, *words).startswith(f"--out: {directory}")
    assert grid_main(*GROUPS.split(), "--refit", "--resume", "--out", str(out), watch=untrained) == 0
    assert "best cell: " in capsys.readouterr().out


@pytest.mark.thorough
def test_groups_that_diverge_everywhere_are_reported_and_written(tmp_path, capsys):
    words = "--hidden 3 --hidden none --epochs 1 --learning-rate 1 --l2 1e6 --validation 0.2 --refit"
    assert grid_main(*words.split(), "--out", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("No best cell") and "2 networks in 2 groups" in printed
    assert "diverged" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "refit").exists() and (tmp_path / "none-100").is_dir()
