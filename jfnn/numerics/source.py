"""The source of this package as this process has loaded it.

The package loads this module before all others. A file that has changed since may be other than the code that
runs, as where a new version is installed behind a notebook.
"""

import functools
import os
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FOLDER = os.stat(ROOT).st_ino if os.path.isdir(ROOT) else None  # None within a zip archive
LOADED = time.time()


def checksum() -> str | None:
    """Checksum of the package's files; None where they need not be what runs."""
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
    """Tells the source that this process runs from others, to other processes; that of its first call.

    Where the files have changed since they were loaded, nothing tells it but this process.
    """
    if FOLDER is None:
        return "an archive"
    return checksum() or f"files that have changed since process {os.getpid()} loaded them at {LOADED}"


def _has_changed(path: str) -> bool:
    status = os.stat(path)
    # A copy may keep the time of its content, but on most systems not that of its status.
    return max(status.st_ctime, status.st_mtime) > LOADED


@functools.lru_cache(maxsize=1)
def _checksum(paths: tuple[str, ...]) -> str:
    import hashlib  # here, since `jfnn --help` need not wait for it

    sha256 = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            sha256.update(file.read())
    return sha256.hexdigest()
