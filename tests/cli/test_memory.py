"""Estimates of memory."""

import math

import pytest
from command_line import parse

from jfnn.cli import data, memory, networks


@pytest.mark.parametrize(
    ("words", "cells"),
    [
        ("", 49),
        ("--l2 0 --dropout 0,0.5 --init-scale 0.5,1,2 --optimizer-arg momentum=0,0.9", 7 * 12),
        ("--dropout 0.5 --init-scale 2 --optimizer-arg momentum=0.9", 49),
        ("--sample 1000 --l2 1e-3:1 --dropout 0,0.5", 1000),
    ],
)
def test_memory_is_estimated_for_all_cells(words, cells):
    assert math.prod(memory.cell_factors(parse(*words.split())).values()) == cells


@pytest.mark.parametrize(("words", "copies"), [([], 4), (["--early-stopping", "3", "--folds", "1"], 5)])
def test_memory_holds_the_results_of_all_groups_and_the_work_of_one(words, copies):
    flags = parse("--hidden", "5", "--hidden", "10,5", "--batch-size", "10,20,30", "--seeds", "3", *words)
    problem = data.load(flags)
    of_flags = networks.networks(problem, flags).values()
    small, large = 65 * 5 + 6 * 10, 65 * 10 + 11 * 5 + 6 * 10
    needed = 49 * 3 * 4 * (3 * (small + large) + copies * large)
    with pytest.raises(ValueError, match=r"^hidden|^data") as refused:
        memory.check_run(problem, flags, of_flags, 6, available=0.0)
    assert f"{needed / 1e9:.3g} GB of {49 * 3 * 6} networks" in str(refused.value)
