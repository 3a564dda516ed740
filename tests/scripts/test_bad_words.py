"""Counts and places that scripts cannot take: exit 2 and one line that begins with the flag."""

import bench
import optuna_search
import pytest
import scaling
import schedule

COUNTS = {
    optuna_search: ("--trials", "--at-once", "--searches", "--epochs"),
    schedule: ("--epochs", "--seeds", "--unseen", "--steps"),
    bench: ("--rounds",),
}


def refused(capsys, script, flag, word):
    with pytest.raises(SystemExit) as stopped:
        script.main([f"{flag}={word}"])
    line = capsys.readouterr().err.partition("error: ")[2]
    assert stopped.value.code == 2 and line.startswith(f"{flag}: ") and line.count("\n") == 1


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "nan", "", "2147483648", "9" * 30, "9" * 5000])
@pytest.mark.parametrize(("script", "flag"), [(script, flag) for script in COUNTS for flag in COUNTS[script]])
def test_counts_that_cannot_be_are_refused(script, flag, word, capsys):
    refused(capsys, script, flag, word)


@pytest.mark.parametrize("script", [scaling, schedule, bench, optuna_search])
def test_a_file_is_no_place_to_write_to(script, capsys, tmp_path):
    (tmp_path / "file").write_text("kept")
    refused(capsys, script, "--out", tmp_path / "file")
