"""Devices, executors, evaluations and recording options change no bit of any sweep."""

import concurrent.futures

import jax
import pytest
from helpers import parts_of, same_bits
from hypothesis import strategies
from members import arrays
from sweeps import check_each_structure, epochs_of, of_sweeps

import jfnn

pytestmark = pytest.mark.unoptimized

HERE = {"executor": None, "devices": None, "eval_every": None}
ELSEWHERE = HERE | {"executor": jfnn.Workers(lambda: concurrent.futures.ThreadPoolExecutor(2))}
WAYS = [
    HERE | {"devices": 1, "eval_every": 2, "progress": None},
    HERE | {"devices": 2, "eval_every": 1, "keep_params": "evaluations"},
    ELSEWHERE | {"eval_every": 3, "keep_params": "best"},
    HERE | {"devices": jax.devices() * 2, "keep_params": "best"},
    HERE | {"devices": jax.devices()[1:], "progress": repr},
    ELSEWHERE | {"keep_params": "none"},
    HERE | {"objective": True, "keep_params": "best"},
]


def assert_kept(result, way, expected):
    kept = way.get("keep_params", "all")
    best = expected.best_or_none()
    if kept == "none" or (kept == "best" and best is None):
        assert result.params is None
    elif kept == "best":
        assert result.kept_cell == best.index
        for part, whole in zip(parts_of(result), parts_of(expected), strict=True):
            own = whole.best_or_none()
            assert same_bits(part.params, None if own is None else whole.of_cell(*own.index).params)
    elif kept == "all":
        assert same_bits(result.params, expected.params)


def assert_recorded(result, end):
    """Check that the last evaluation, if at the end, equals the result for members that did not diverge."""
    for program in parts_of(result):
        if len(program.evaluations) and program.evaluations[-1] == end:
            finite = program.diverged_at < 0
            last = {name: values[..., -1][finite] for name, values in program.history.items()}
            assert same_bits(last, {name: program.scores[name][finite] for name in last})


@of_sweeps(6, few=2)
def test_execution_options_change_no_bit(examples):
    def check(sweep, way):
        expected = sweep.run()
        result = sweep.run(way)
        assert same_bits(arrays(result), arrays(expected))
        assert_kept(result, way, expected)
        if not sweep["schedulers"]:
            assert_recorded(result, epochs_of(sweep["epochs"]).stop)
        assert (result.refit is None) == (expected.refit is None)
        if result.refit is not None:
            assert same_bits(result.refit.params, expected.refit.params)

    check_each_structure(examples, check, fields={"keep_params": "all"}, way=strategies.sampled_from(WAYS))
