"""Files that processes share while a run trains, named by the checksum of their bytes, and gone after it."""

import hashlib
import re
from pathlib import Path

from jfnn.core.store import files

SUFFIX = ".task"
NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
LEFTOVER = re.compile(rf"\.{NAME.pattern}\.part")  # see `files.leftover_file`


def write_scratch(content: bytes, directory: Path) -> Path:
    """Writes bytes into the directory of a run; returns the file."""
    path = directory.absolute() / f"{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    with files.atomic_file(path) as file:
        file.write(content)
    return path


def remove_scratch(directory: Path) -> None:
    """Removes what `write_scratch` has put into a directory, complete or not; other files stay."""
    for path in directory.iterdir():
        is_scratch = NAME.fullmatch(path.name) and path.is_file()
        if LEFTOVER.fullmatch(path.name) or (
            is_scratch and hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        ):
            path.unlink(missing_ok=True)
