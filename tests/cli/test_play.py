"""``jfnn grid --play``: the page written with the run."""

import json
import re

import pytest
from command_line import SMALL, grid_main

pytestmark = pytest.mark.unoptimized


def contents_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="sweep">(.*?)</script>', text, re.DOTALL)[1])


@pytest.mark.thorough
def test_page_has_epochs_from_the_first_to_the_last(tmp_path, capsys):
    out = tmp_path / "run"
    words = [*SMALL, "--learning-rate", "1e-3,1e-2", "--l2", "0,0.1", "--epochs", "9", "--play"]
    assert grid_main(*words, "--out", str(out)) == 0
    contents = contents_of(out / "playground.html")
    assert contents["epochs"][0] == 1 and contents["epochs"][-1] == 9 and len(contents["epochs"]) > 5
    assert [len(axis["texts"]) for axis in contents["axes"]] == [2, 2, 1]
    assert "playground.html" in capsys.readouterr().out
    assert 'href="playground.html"' in (out / "report.html").read_text()


@pytest.mark.thorough
@pytest.mark.filterwarnings("default:play")
def test_page_that_would_be_too_large_is_omitted_with_a_reason(tmp_path, capsys):
    out = tmp_path / "run"
    words = "--hidden 800 --learning-rate 1e-3,1e-2,1e-1 --l2 0,0.1,1,2,3,4,5,6,7 --seeds 3 --epochs 1 --play"
    assert grid_main(*SMALL, *words.split(), "--quiet", "--out", str(out)) == 0
    said = capsys.readouterr().err
    assert "--play" in said and "megabytes" in said
    assert (out / "report.html").exists() and not (out / "playground.html").exists()
