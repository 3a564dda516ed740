"""Directories of every kind of file."""

import functools

import pytest
from kinds_of_files import KINDS


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Map each kind to the directories of its two contents (to be copied) and their bits."""

    @functools.cache
    def write(name):
        sources = [tmp_path_factory.mktemp("written") for _ in range(2)]
        expected = [KINDS[name].write(directory, content) for content, directory in enumerate(sources)]
        return sources, expected

    return write
