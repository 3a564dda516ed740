"""Forms of tiles that follow from what there is to train, and starts that do not."""

import jax
import numpy as np
import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn.numerics.compiling import compiled

DATA = noise_split()
NET = jfnn.mlp((5, 6, 3))
# Sums of forty terms, so that members do not lie on the last axis, where every width gives the same bits.
COMMON = dict(epochs=3, batch_size=40)


@pytest.mark.thorough
def test_one_network_alone_has_the_bits_that_it_has_in_a_large_grid():
    rates = np.geomspace(1e-3, 1, 256)
    grid = jfnn.sweep(NET, DATA, learning_rate=rates, **COMMON)
    assert grid.execution == jfnn.Execution(tile=64, shared=True)
    for i in (0, 100, 255):
        alone = jfnn.train(NET, *DATA[:2], learning_rate=rates[i], **COMMON).params
        assert same_bits(alone, grid.member(i, 0, 0))


NETWORKS = {
    "glorot": jfnn.mlp((4, 10, 3), "tanh", init="glorot_uniform"),
    "recurrent": jfnn.rnn((5, 1), 3, 3),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", NETWORKS)
def test_starts_are_those_of_init_compiled_alone_however_many_seeds_there_are(name):
    network = NETWORKS[name]
    shape = network.input_shape
    split = jfnn.Split(np.zeros((8, *shape), np.float32), np.arange(8) % 3)
    seeds = [*range(64), 2**32 - 1, 2**31]  # more than one call draws
    result = jfnn.sweep(network, split, learning_rate=0.1, epochs=0, batch_size=8, seeds=seeds)
    init = compiled(network.init)
    for index in (0, 1, 63, 64, 65):
        assert same_bits(result.member(0, 0, index), init(jax.random.key(seeds[index])))
