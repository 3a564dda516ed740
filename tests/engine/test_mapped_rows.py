"""Memory-mapped rows train the same networks as rows in memory, without a copy."""

import tracemalloc

import numpy as np
import pytest
from helpers import same_bits

import jfnn
from jfnn.core.search.prepare import prepare
from jfnn.learners.data import EVALUATION_BLOCK, is_mapped

pytestmark = pytest.mark.unoptimized

N = EVALUATION_BLOCK + 50  # rows of two blocks, the second one padded
NET = jfnn.mlp((4, 3))
OPTIONS = {"learning_rate": [0.1, 0.5], "epochs": 1, "batch_size": 16}


def written(path, x):
    np.save(path, x)
    return path


@pytest.fixture(name="rows")
def _rows(tmp_path):
    x = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    return x, np.load(written(tmp_path / "x.npy", x), mmap_mode="r")


def labels(n=N):
    return np.arange(n) % 3


def prepared(x, **options):
    split = jfnn.Split(x, labels(len(x)))
    options = {"network": NET, "validation": 0.1} | OPTIONS | options
    return prepare(jfnn.Options(split=split, **options))


@pytest.mark.thorough
@pytest.mark.parametrize("further", [{}, {"folds": 3}, {"folds": jfnn.subsets.by_group(np.arange(N) % 70)}])
def test_mapped_rows_train_the_same_networks_as_rows_in_memory(rows, further):
    further = further or {"validation": 0.1}
    plain, mapped = (jfnn.sweep(NET, jfnn.Split(x, labels()), **OPTIONS, **further) for x in rows)
    assert same_bits((plain.params, plain.scores), (mapped.params, mapped.scores))
    assert plain.config["fingerprint"] == mapped.config["fingerprint"]
    split = jfnn.Split(rows[1], labels())
    part = mapped.row_scores("loss", "all", split)
    assert same_bits(part, plain.row_scores("loss", "all", split._replace(x_train=rows[0])))
    assert same_bits(mapped.predict(rows[1]), plain.predict(rows[0]))


def test_writable_or_noncontiguous_arrays_are_copied(rows, tmp_path):
    x, mapped = rows
    path = tmp_path / "x.npy"
    assert is_mapped(mapped) and is_mapped(np.asarray(mapped)[16:])
    frozen = x.copy()
    frozen.flags.writeable = False
    turned = np.load(written(tmp_path / "turned.npy", np.asfortranarray(x)), mmap_mode="r")
    others = [x, frozen, turned, mapped[1:], mapped[:, :2]]
    others += [np.load(path, mmap_mode=mode) for mode in ("c", "r+")]
    assert not any(map(is_mapped, others))
    for other in others[2:]:
        data = prepared(other, network=jfnn.mlp((other.shape[1], 3))).experiment.data
        assert not np.shares_memory(data.rows[0], other)
        np.testing.assert_array_equal(data.rows[0], other)
    with_test = jfnn.Split(mapped, labels(), mapped[:8], labels(8))
    joined = prepare(jfnn.Options(NET, with_test, **OPTIONS)).experiment.data.rows[0]
    np.testing.assert_array_equal(joined, np.concatenate([x, x[:8]]))


@pytest.mark.thorough
def test_sweep_of_mapped_rows_allocates_a_fraction_of_their_bytes(tmp_path):
    path = tmp_path / "x.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (50_000, 128))[:] = 1
    peaks = []
    for mode in ("r", None):
        x = np.load(path, mmap_mode=mode)
        split = jfnn.Split(x, labels(len(x)))
        tracemalloc.start()
        jfnn.sweep(jfnn.mlp((128, 3)), split, validation=0.1, learning_rate=0.1, epochs=1)
        peaks.append(tracemalloc.get_traced_memory()[1] / x.nbytes)
        tracemalloc.stop()
    print(f"allocated, in parts of the rows' bytes: {peaks[0]:.2f} mapped, {peaks[1]:.2f} in memory")
    assert peaks[0] < 0.3 and peaks[1] > 1.9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nonfinite_numbers_are_found_whatever_their_sum(dtype):
    x = np.full((3, 2), np.finfo(np.float32).max / 2, dtype)  # finite, but the sum overflows in float32
    split = jfnn.Split(x, labels(3))
    options = {"learning_rate": 0.1, "epochs": 1, "batch_size": None}
    prepare(jfnn.Options(jfnn.mlp((2, 3)), split, **options))
    for wrong in [[np.inf, -np.inf], [np.nan, 0], *([[1e300, 0]] * (dtype == "float64"))]:
        x[1] = wrong
        with pytest.raises(jfnn.ArgumentError, match=r"x_train: expected finite numbers, got .* \[1, 0\]"):
            prepare(jfnn.Options(jfnn.mlp((2, 3)), split, **options))
