"""Damaged files of every kind: the original content is read, or one line names the file."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from examples import examples
from helpers import representatives
from hypothesis import strategies
from kinds_of_files import ANEW, ANYTHING, KINDS, QUICK, SAME, outcome, state

import jfnn
from jfnn.core.store.files import leftover_file

pytestmark = pytest.mark.unoptimized

# Foreign file contents.
TEXTS = [b"", b"{", b"[1]", b'{"format": 7}', b'{"theirs": 1}', b"[" * 100_000, b"\xed\xa0\x80", b"PK\3\4"]
# Content, a place in it and a byte -> damaged content.
CHANGES = {
    "another byte": lambda content, at, byte: content[:at] + bytes([byte]) + content[at + 1 :],
    "a byte more": lambda content, at, byte: content[:at] + bytes([byte]) + content[at:],
    "a byte less": lambda content, at, byte: content[:at] + content[at + 1 :],
    "a byte behind": lambda content, at, byte: content + bytes([byte]),
    "a cut": lambda content, at, byte: content[:at],
    "zeros to the end": lambda content, at, byte: content[:at] + bytes(len(content) - at),
    "a text": lambda content, at, byte: TEXTS[byte % len(TEXTS)],
}
# What may replace a file.
PLACES = {
    "nothing": lambda path: None,
    "a directory": os.mkdir,
    "a link to nowhere": lambda path: os.symlink("nowhere", path),
    "a link to itself": lambda path: os.symlink(path.name, path),
    "a pipe": os.mkfifo,
    "a device": lambda path: os.symlink("/dev/zero", path),
}
ANOTHERS, PART, NEIGHBOR = "another's", "a part beside it", "a file beside it"
HEX = "0" * 64
# Names similar to this package's, but foreign.
NEIGHBORS = ["notes.txt", ".config.json", "models.npz~", f"{HEX}.task", f"{HEX}.program", f".{HEX}.part"]


class Damage(NamedTuple):
    """Damage to a file of a directory; numbers beyond the last file or byte wrap around."""

    what: str
    file: int
    at: int
    byte: int

    def inflict(self, directory, sources):
        paths = [directory / path.relative_to(sources[0]) for path in files_in(sources[0])]
        path = paths[self.file % len(paths)]
        if not path.is_file():  # any more
            return
        content = path.read_bytes()
        at = self.at % max(len(content), 1)
        if self.what in CHANGES:
            path.write_bytes(CHANGES[self.what](content, at, self.byte))
        elif self.what in PLACES:
            path.unlink()
            PLACES[self.what](path)
        elif self.what == ANOTHERS:
            others = [file for source in sources for file in files_in(source) if file.suffix == path.suffix]
            others.sort(key=lambda file: file != sources[1] / path.relative_to(directory))  # that one first
            path.write_bytes(others[self.at % len(others)].read_bytes())
        elif self.what == PART:
            leftover_file(path).write_bytes(content[:at])
        else:
            path.with_name(NEIGHBORS[self.byte % len(NEIGHBORS)]).write_bytes(b"theirs")


def files_in(directory):
    return [path for path in sorted(directory.rglob("*")) if path.is_file()]


DAMAGES = strategies.lists(
    strategies.builds(
        Damage,
        what=strategies.sampled_from([*CHANGES, *PLACES, ANOTHERS, PART, NEIGHBOR]),
        file=strategies.integers(0, 11),
        at=strategies.integers(-300, 300) | strategies.integers(0, 10**6),
        byte=strategies.integers(0, 255),
    ),
    min_size=1,
    max_size=2,
)


@pytest.mark.parametrize("name", representatives(KINDS, *QUICK))
@examples((60, 1), (3000, 1), few=(10, 1))
def test_written_content_is_read_or_one_line_names_a_damaged_file(name, written, examples):
    kind = KINDS[name]
    sources, (expected, of_another) = written(name)
    whole, another = map(state, sources)

    def check(damages):
        with tempfile.TemporaryDirectory() as folder:
            directory = shutil.copytree(sources[0], Path(folder) / "out")
            for damage in damages:
                damage.inflict(directory, sources)
            there = state(directory)
            got, error = outcome(kind.read, directory)
            left = state(directory)
        changed = {name for name in whole if there.get(name) != whole[name]}
        if not kind.goes_on:  # tables beside archives are not read
            changed = {name for name in changed if Path(name).name != "results.csv"}
        is_another = not kind.goes_on and there.items() >= another.items()  # for kinds with one file
        is_changed = bool(changed) and kind.promise != ANEW and not is_another
        assert (error is None and got == (of_another if is_another else expected)) or is_changed
        if error is None:
            assert not is_changed or kind.promise == ANYTHING or (kind.promise == SAME and got == expected)
        elif not any(damage.what == ANOTHERS for damage in damages):  # the line may name a missing file
            if isinstance(error, FileNotFoundError):
                assert any(there.get(name) in (None, "link to nowhere") for name in changed)
            else:
                assert any(Path(name).name in str(error) for name in changed), error
        # Only files of a continued run may change, and no intact file if it is refused.
        ours = {Path(name).name for name in whole}
        for name, content in there.items():
            is_ours = Path(name).name.removeprefix(".").removesuffix(".part") in ours
            if not kind.goes_on or not is_ours or (error is not None and content == whole.get(name)):
                assert left.get(name) == content, name

    for file in range(len(files_in(sources[0]))):
        check([Damage(ANOTHERS, file, at=0, byte=0)])
        check([Damage(ANOTHERS, file, at=-1, byte=0)])
    examples.check(check, damages=DAMAGES)


def test_program_in_place_of_another_is_detected(written, tmp_path):
    (source, _), _ = written("a run of several programs")
    directory = shutil.copytree(source, tmp_path / "out")
    shutil.copytree(directory / "all", directory / "best", dirs_exist_ok=True)
    with pytest.raises(jfnn.CorruptFileError, match=r"best/config\.json: "):
        jfnn.load(directory)
    jfnn.load(directory / "best")
