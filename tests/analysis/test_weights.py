"""Statistics of weights, compared with pandas."""

import jax
import numpy as np
import pandas as pd

import jfnn
from jfnn.analysis import weight_statistics


def test_statistics_equal_those_of_pandas(x64):
    keys = jax.random.split(jax.random.key(0), (2, 3))
    params = jax.vmap(jax.vmap(jfnn.mlp((4, 3, 2), "tanh").init))(keys)
    columns = weight_statistics(params, 2)
    for layer, arrays in enumerate(params):
        for name, array in arrays._asdict().items():
            entries = pd.DataFrame(np.asarray(array, np.float64).reshape(6, -1).T)
            expected = {"mean": entries.mean(), "variance": entries.var(ddof=0)}
            expected |= {f"q{q}": entries.quantile(q / 100) for q in (0, 25, 50, 75, 100)}
            for kind, values in expected.items():
                column = columns.pop(f"{layer}.{name}.{kind}")
                assert column.shape == (2, 3)
                np.testing.assert_allclose(column.ravel(), values, rtol=1e-12)
    assert not columns


def test_network_alone_has_the_statistics_it_has_among_others():
    params = jax.vmap(jfnn.mlp((4, 3, 2)).init)(jax.random.split(jax.random.key(1), 5))
    alone = weight_statistics(jax.tree.map(lambda leaf: leaf[2], params), 0)
    assert alone == {name: values[2] for name, values in weight_statistics(params).items()}
