"""Writers that are killed, run out of disk space or meet others lose no complete file."""

import contextlib
import os
import shutil

import pytest
from helpers import refusal, representatives, room_for
from kinds_of_files import ANEW, OURS, QUICK, SAME, outcome, state

import jfnn
from jfnn.arguments.paths import OutputError

pytestmark = pytest.mark.unoptimized

of_each = pytest.mark.parametrize("name", representatives(OURS, *QUICK))
of_each_run = pytest.mark.parametrize(
    "name", representatives([name for name, kind in OURS.items() if kind.promise != ANEW], *QUICK)
)
CALLS = ("fsync", "replace", "unlink")  # system calls around which a directory on the disk changes


@contextlib.contextmanager
def before_each_change(directory, act):
    """Call ``act`` before each time a file in a directory is flushed, renamed or deleted.

    ``act`` gets the name of the system call and its first argument.
    """
    acting = []

    def with_act(name, call):
        def called(first, *others, **options):
            if not acting and directory.exists():
                acting.append(name)
                act(name, first)
                acting.clear()
            return call(first, *others, **options)

        return called

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, with_act(name, getattr(os, name)))
        yield


def halve(directory, copy, handle):
    """Halve an open file of a directory in its copy, as if it had been flushed in part."""
    opened = os.fstat(handle)
    for path in directory.rglob("*"):
        if os.path.samestat(path.lstat(), opened):
            os.truncate(copy / path.relative_to(directory), opened.st_size // 2)


def final_state(directory, kind):
    """Return the content of a directory, without files that differ each time, such as run times."""
    differs = {SAME: ("config.json",), ANEW: (".program", ".part")}.get(kind.promise, ())
    return {name: content for name, content in state(directory).items() if not name.endswith(differs)}


@pytest.mark.thorough
@of_each
def test_writer_killed_at_any_moment_leaves_refused_or_complete_files_and_can_finish(name, tmp_path):
    kind = OURS[name]
    whole = tmp_path / "whole"
    whole.mkdir()
    moments = []
    states = []

    def keep(call, argument):
        if states and states[-1] == state(whole):
            return
        states.append(state(whole))
        moments.append(shutil.copytree(whole, tmp_path / f"moment {len(moments)}"))
        if call == "fsync":
            halve(whole, moments[-1], argument)

    with before_each_change(whole, keep):
        expected = kind.write(whole, 0)
        kind.read(whole)  # which ends a stopped run
    assert len(moments) >= 2
    for moment in moments:
        (moment / "notes.txt").write_text("theirs")
        got, error = outcome(kind.read, moment)
        if error is not None:
            assert not kind.goes_on, error
        elif got != expected:  # the refit is written last
            assert got == (expected[0], None)
        if got != expected:
            assert kind.end(moment) == expected
        assert final_state(moment, kind) == final_state(whole, kind) | {"notes.txt": b"theirs"}


@pytest.mark.thorough
@of_each
def test_full_disk_is_reported_by_argument_and_file_and_does_not_prevent_a_retry(name, tmp_path):
    kind = OURS[name]
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = kind.end(whole)
    for size in {len(content) - 1 for content in state(whole).values() if isinstance(content, bytes)}:
        directory = tmp_path / f"with room for {size}"
        directory.mkdir()
        with room_for(size):
            error = refusal(kind.end, directory)
        if kind.promise == ANEW:
            assert error is None
        else:
            assert isinstance(error, OutputError) and error.argument in ("out", "folder")
            assert str(error).startswith(f"{error.argument}: {directory}") and "\n" not in str(error)
        assert kind.end(directory) == expected
        assert final_state(directory, kind) == final_state(whole, kind)


PLACES = {
    "a file": lambda path: path.write_bytes(b"theirs"),
    "a directory": os.mkdir,
    "a link to nowhere": lambda path: os.symlink("nowhere", path),
}


@pytest.mark.thorough
@of_each_run
@pytest.mark.parametrize("place", PLACES)
def test_foreign_files_with_our_names_are_refused_before_anything_is_written(name, place, tmp_path):
    kind = OURS[name]
    kind.end(tmp_path / "whole")
    for number, file in enumerate(state(tmp_path / "whole")):
        directory = tmp_path / str(number)
        path = directory / file
        if path.suffix:
            path.parent.mkdir(parents=True)
            PLACES[place](path)
            before = state(directory)
            assert isinstance(refusal(kind.end, directory), (jfnn.ArgumentError, jfnn.CorruptFileError)), file
            assert state(directory) == before


@of_each_run
def test_concurrent_writer_is_refused_and_the_first_ends_as_alone(name, tmp_path):
    kind = OURS[name]
    directory = tmp_path / "out"
    refusals = []

    def write_another(*_):
        refusals.append(refusal(kind.write, directory, 1))

    with before_each_change(directory, write_another):
        expected = kind.end(directory)
    before = state(directory)
    write_another()
    assert all(isinstance(error, jfnn.ArgumentError) for error in refusals)
    assert state(directory) == before and kind.read(directory) == expected
