"""A resumed run leaves the same bytes as an uninterrupted one, and its directory loads as its result."""

import itertools
import json
import tempfile
from pathlib import Path

import pytest
from helpers import plain, same_bits
from hypothesis import strategies
from kinds_of_files import bits_of_result
from members import OBJECTIVES, OUTCOMES, arrays
from sweeps import check_each_structure, of_many_sweeps, of_sweeps

import jfnn

pytestmark = pytest.mark.unoptimized

OF_THE_TIME = ("timing", "checksum", "device")


def content(folder):
    """Map each file of a run to its content, without the elapsed time and the checksum over it."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "config.json":
            files[str(path.relative_to(folder))] = path.read_bytes()
        elif path.is_file():
            config = json.loads(path.read_text())
            of_programs = ("archives",) if "programs" in config else ()
            for name in (*OF_THE_TIME, *of_programs):
                config.pop(name, None)
            files[str(path.relative_to(folder))] = config
    return files


@of_sweeps(6, few=2)
def test_resumed_sweep_leaves_the_bytes_of_an_uninterrupted_sweep(examples):
    def check(sweep, stops, devices):
        returns = itertools.count(1)

        def stop(progress):
            if next(returns) in stops:
                raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "whole"
            parts = Path(folder) / "parts"
            expected = sweep.run(out=whole)
            for turn in range(len(stops) + 1):
                execution = {"progress": stop, "executor": None, "devices": devices[turn % 2]}
                try:
                    result = sweep.run(execution, out=parts, resume=True)
                    break
                except KeyboardInterrupt:
                    pass
            assert content(parts) == content(whole)
            ended = sweep.run(out=parts, resume=True)
            assert content(parts) == content(whole)
            assert same_bits(plain(ended.params), plain(result.params))
        assert same_bits(plain(result.params), plain(expected.params))
        assert same_bits(arrays(result, (*OUTCOMES, *OBJECTIVES)), arrays(expected, (*OUTCOMES, *OBJECTIVES)))

    check_each_structure(
        examples,
        check,
        without=["out", "resume"],
        stops=strategies.frozensets(strategies.integers(1, 8), min_size=1, max_size=3),
        devices=strategies.sampled_from([(1, 2), (2, 1), (2, 2)]),
    )


@pytest.mark.thorough
@of_many_sweeps
def test_directory_loads_as_the_result_and_saves_with_the_same_bytes(examples):
    def check_loaded(sweep):
        with tempfile.TemporaryDirectory() as folder:
            there = Path(folder) / "there"
            again = Path(folder) / "again"
            result = sweep.run(out=there)
            loaded = jfnn.load(there)
            assert bits_of_result(loaded) == bits_of_result(result)
            loaded.save(again)
            assert content(again) == content(there)

    check_each_structure(examples, check_loaded, without=["out"])
