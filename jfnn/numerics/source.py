"""The package's source as this process has loaded it.

The package loads this module before all others. A file that has changed since then may differ from the
running code, for example if a new version is installed while a notebook runs.
"""

import functools
import os
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FOLDER = os.stat(ROOT).st_ino if os.path.isdir(ROOT) else None  # None in a zip archive
LOADED = time.time()


def checksum() -> str | None:
    """Return a checksum of the package's files; None if they may differ from the running code."""
    paths = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(ROOT)
        for name in names
        if name.endswith(".py")
    ]
    try:
        found = _checksum(tuple(sorted(paths)))
        is_as_loaded = os.stat(ROOT).st_ino == FOLDER and not any(map(_has_changed, paths))
    except OSError:  # files are being replaced
        return None
    return found if paths and is_as_loaded else None


@functools.cache
def name() -> str:
    """Return a name for the running source, unique to this process if files have changed since loading."""
    if FOLDER is None:
        return "an archive"
    return checksum() or f"files that have changed since process {os.getpid()} loaded them at {LOADED}"


def _has_changed(path: str) -> bool:
    status = os.stat(path)
    # A copy may preserve the modification time, but on most systems not the time of the status change.
    return max(status.st_ctime, status.st_mtime) > LOADED


@functools.lru_cache(maxsize=1)
def _checksum(paths: tuple[str, ...]) -> str:
    import hashlib  # imported here to keep `jfnn --help` fast

    sha256 = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            sha256.update(file.read())
    return sha256.hexdigest()
