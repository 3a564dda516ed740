"""Random grids and call lengths: which member trains where, and for how long."""

import math

import numpy as np
import pytest
from examples import examples
from hypothesis import strategies

import jfnn
from jfnn.core.engine import plan
from jfnn.core.engine.epoch import EPOCHS
from jfnn.core.engine.layouts import layout_costs
from jfnn.core.engine.plan import Layout
from jfnn.core.experiment.build import build
from jfnn.core.experiment.options import Options

small = strategies.integers(1, 12)
seeds = strategies.integers(0, 2**32 - 1)


@pytest.mark.thorough
@examples((50, 1), (500, 1))
def test_tiles_hold_every_active_member_once_with_others_of_its_kind(examples):
    def check(members, replicates, groups, size, seed):
        layout = Layout(groups * size, groups)
        rng = np.random.default_rng(seed)
        active = rng.random(members) < 0.7
        minibatches = rng.integers(0, replicates, members)
        kind = minibatches // 2  # the minibatches of two replicates have the same shape
        tiles = plan.tiles(active, minibatches, kind, layout)
        used = [member for tile in tiles for member in tile.members[tile.used]]
        assert sorted(used) == list(np.flatnonzero(active))
        for tile in tiles:
            assert len(tile.members) == layout.width and 1 <= len(tile.used) <= layout.width
            assert set(kind[tile.members]) == {kind[tile.members[0]]}
            np.testing.assert_array_equal(np.repeat(tile.replicates, size), minibatches[tile.members])
        filled = np.zeros(replicates, int)  # groups of each kind
        for number in range(replicates):
            filled[number // 2] += math.ceil((active & (minibatches == number)).sum() / size)
        assert len(tiles) == sum(math.ceil(count / groups) for count in filled)

    examples.check(
        check,
        members=strategies.integers(0, 40),
        replicates=small,
        groups=small,
        size=strategies.integers(1, 6),
        seed=seeds,
    )


@examples((50, 1), (500, 1))
def test_calls_end_at_the_same_epochs_from_any_start(examples):
    def check(steps, first_steps, most_epochs, returns, steps_an_epoch, start):
        calls = plan.CallLength(steps, first_steps, most_epochs, returns)
        ends = [0]
        longest = calls.epochs(steps_an_epoch)
        assert 1 <= longest <= max(1, steps // steps_an_epoch) and longest <= most_epochs
        for _ in range(8):
            ends.append(calls.next_end(ends[-1], steps_an_epoch))
        lengths = np.diff(ends)
        assert (lengths >= 1).all()
        assert lengths[0] == min(longest, max(1, first_steps // steps_an_epoch))
        assert set(lengths[1:]) == {longest * returns}
        start %= ends[-1]
        following = next(end for end in ends if end > start)
        assert calls.next_end(start, steps_an_epoch) == following
        ranges = calls.ranges([start, following], steps_an_epoch)
        trained = [epoch for epochs in ranges for epoch in epochs]
        assert trained == list(range(start, following))
        assert all(1 <= len(epochs) <= longest for epochs in ranges) and len(ranges) <= returns

    counts = strategies.integers(1, 300)
    examples.check(
        check,
        steps=counts,
        first_steps=counts,
        most_epochs=strategies.integers(1, 50),
        returns=strategies.integers(1, 5),
        steps_an_epoch=small,
        start=strategies.integers(0, 10**6),
    )


@examples((50, 1), (500, 1))
def test_no_call_crosses_a_stop_and_further_calls_have_the_last_interval(examples):
    def check_calls(tiles, devices, lengths, steps):
        calls = plan.CallLength()
        stops = np.cumsum([3, *lengths]).tolist()
        ranges = calls.ranges(stops, steps, tiles, devices)
        ends = [call.stop for call in ranges]
        assert [call.start for call in ranges] == [3, *ends[:-1]] and set(stops[1:]) <= set(ends)
        assert all(1 <= len(call) <= calls.epochs(steps) for call in ranges)
        before = [call for call in ranges if call.stop <= stops[-2]]
        assert before == calls.ranges(stops[:-1], steps)
        assert calls.ranges(sorted(stops * 2), steps, tiles, devices) == ranges

    examples.check(
        check_calls,
        tiles=strategies.integers(1, 40),
        devices=strategies.integers(1, 9),
        lengths=strategies.lists(strategies.integers(1, 40), min_size=1, max_size=5),
        steps=strategies.integers(1, 60),
    )


def test_tile_is_the_widest_that_fits():
    """A member's last bits depend on its tile's width, and stopped runs are resumed."""
    sizes = np.geomspace(1, 1e9, 400).astype(int)
    for room, widths in (
        (plan.CPU_TILE_BYTES, (1, 2, 5, 10, 16, 32, 64, 256)),
        (plan.ACCELERATOR_TILE_BYTES, (1, 2, 5, 10, 16, 32, 64, 256, 512, 1024)),
    ):
        tiles = [plan.tile_width(held, room, widths) for held in sizes.tolist()]
        assert set(tiles) == set(widths)
        for held, tile in zip(sizes, tiles, strict=True):
            assert tile == 1 or tile * held <= room
            assert all(wider * held > room for wider in widths if wider > tile)
    assert plan.CPU_WIDTHS == (1, 2, 5, 10, 16, 32, 64, 256)
    assert plan.ACCELERATOR_WIDTHS[8:] == (512, 1024)
    # 25 members of 2000 numbers fill a core's share exactly.
    assert plan.member_bytes(1999, 1, 1, 4) * 25 == plan.CPU_TILE_BYTES == 600_000


def test_row_numbers_of_a_call_take_bounded_memory_but_one_epoch_always_fits():
    for bytes_a_step in (4, 400, 20_000, 10**6, 10**9):
        calls = plan.CallLength().limited_to(bytes_a_step)
        assert calls.steps == 1 or calls.steps * bytes_a_step <= plan.ROWS_BYTES
        assert calls.steps <= plan.CallLength().steps
        assert calls.epochs(50_000) == 1
    assert plan.CallLength().limited_to(400) == plan.CallLength()


def test_many_rows_narrow_tiles_whose_members_have_separate_minibatches():
    network = jfnn.mlp((1, 3, 1), "tanh")

    def widest(n, **options):
        x = np.linspace(-1, 1, n, dtype=np.float32)[:, None]
        options = {"learning_rate": 0.1, "seeds": 500, "loss": "quadratic", "batch_size": 50} | options
        experiment = build(Options(network, jfnn.Split(x, x), **options))
        return max(layout.width for layout in layout_costs(experiment, "cpu") if layout.groups > 1)

    most = widest(1_000)
    assert most > 100
    narrow = widest(400_000)
    assert narrow < most and narrow * 400_000 * 4 <= plan.EPOCH_BYTES


def test_call_lengths_are_some_hundred_steps_and_returns_64():
    calls = plan.CallLength()
    assert [calls.epochs(steps) for steps in (1, 192, 193, 5000)] == [384, 2, 1, 1]
    assert [calls.next_end(epoch, 1) for epoch in (0, 63, 64, 1215, 1216)] == [64, 64, 1216, 1216, 2368]
    assert [calls.next_end(0, steps) for steps in (32, 33)] == [2, 1]
    assert calls.epochs(1) == EPOCHS  # the epochs whose objectives one call returns


@pytest.mark.thorough
def test_epoch_whose_row_numbers_exceed_memory_is_refused():
    x = np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    options = {"learning_rate": 0.1, "loss": "quadratic", "epochs": 0}
    steps = {"steps": 2 * 10**9}
    with pytest.raises(ValueError, match=r"^batch_size: .* memory: .* 2000000000 steps; .* more epochs$"):
        jfnn.sweep(jfnn.mlp((1, 1)), jfnn.Split(x, x), batch_size=jfnn.Minibatches(20, **steps), **options)
    jfnn.sweep(jfnn.mlp((1, 1)), jfnn.Split(x, x), batch_size=jfnn.Minibatches(None, **steps), **options)
