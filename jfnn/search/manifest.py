"""The file that says which groups a directory holds."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from jfnn.checks import ArgumentError
from jfnn.search import run_directory
from jfnn.search.group import Group
from jfnn.store import files, forms


def claim(out: str | os.PathLike[str] | None, groups: Sequence[Group], resume: bool) -> None:
    """Makes a directory that of these groups; refuses one that holds anything else."""
    if out is None:
        return
    directory = Path(out)
    run_directory.make(directory)
    if (directory / run_directory.CONFIG).exists():
        raise ArgumentError("out", f"{out} holds a single run; choose another directory")
    there = read_manifest(directory)
    if there is None and (directory / run_directory.TABLE).exists():
        raise ArgumentError(
            "out", f"{out} holds a {run_directory.TABLE} of no groups; choose another directory"
        )
    if there is not None and not resume:
        raise ArgumentError(
            "out", f"{out} holds groups already; resume=True goes on with these, or choose another"
        )
    if there is not None and there != list(groups):
        names = ", ".join(group.directory for group in there)
        raise ArgumentError("out", f"{out} holds other groups, choose another directory: {names}")
    named = [list(group) for group in groups]
    files.write_json(directory / run_directory.GROUPS, forms.with_checksum(named))


def read_manifest(directory: Path) -> list[Group] | None:
    """The groups that a directory is for, in order; None if it is for none."""
    path = directory / run_directory.GROUPS
    if not files.is_there(path):
        return None
    content = files.read(path)
    try:
        groups = json.loads(content)["groups"]
        sound = forms.are_groups(groups) and files.json_text(forms.with_checksum(groups)) == content
    except (ValueError, LookupError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise files.CorruptFileError(f"{path}: not as it was written, or not written by jfnn")
    return [Group(*group) for group in groups]
