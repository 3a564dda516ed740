"""The command as a process of its own: ``jfnn``, and scripts/grid.py, the door to ``jfnn grid``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import FILES, SMALL

import jfnn
from jfnn.cli import main
from jfnn.cli.grid_flags import GridFlags
from jfnn.engine.devices import cores

SCRIPT = Path(__file__).parents[2] / "scripts" / "grid.py"


def test_the_command_lists_its_subcommands_and_its_version(capsys):
    for words, said in ((["--help"], "grid"), (["--version"], jfnn.__version__)):
        with pytest.raises(SystemExit) as stopped:
            main.main(words)
        assert stopped.value.code == 0 and said in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["foo"], ["--foo"]])
def test_unknown_words_exit_with_2(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main.main(words)
    assert stopped.value.code == 2 and capsys.readouterr().err


def test_a_subcommand_reads_the_words_behind_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jfnn.keep_programs", lambda: None)
    with pytest.raises(SystemExit) as stopped:
        main.main(["grid", "--epochs", "-1", "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("jfnn grid: error: --epochs: ")


def test_the_script_runs_on_all_cores_and_keeps_what_it_compiled(tmp_path):
    words = [*SMALL, "--learning-rate", "1e-3", "--l2", "0", "--out", str(tmp_path / "out")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        check=True,
        env=clean | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.stderr == ""
    kept = {path.name.split("-")[0] for path in (tmp_path / "cache" / "jfnn").glob("*/*-cache")}
    assert len(kept) >= 3 and all(name.startswith("jit_") for name in kept)
    assert "best cell: η = 1e-3, λ = 0\n" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["device"]["count"] == cores() and set(config["command"]) < set(vars(GridFlags()))
