"""Width as an axis: sweeps of every width and parametrisation, and the learning rates that are best."""

import numpy as np
import optax
import pytest
from helpers import make_result, noise_split, same_bits, with_scores

import jfnn
from jfnn.search.group_directories import Group
from jfnn.search.groups import SweepGroups
from jfnn.widths.parametrisations import LIKE_ADAM, scaling_rule
from jfnn.widths.transfers import Transfer

pytestmark = pytest.mark.unoptimised

OPTIONS = dict(learning_rate=[0.1, 1e30], reduction="mean", epochs=2, batch_size=16, seeds=2)


def network(width):
    return jfnn.mlp((5, width, 3), "relu", init="he_normal")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("transfer")
    return jfnn.transfer(network, noise_split(), width=[2, 4], out=out, **OPTIONS), out


def test_groups_are_sweeps_of_the_networks_in_both_parametrisations(swept):
    result, _ = swept
    names = [group.network for group in result.groups.groups]
    assert names == ["standard-2", "standard-4", "maximal_update-2", "maximal_update-4"]
    standard, _, same, scaled = result.groups.results
    assert same_bits(standard.scores, same.scores)
    net = jfnn.maximal_update(network(4), network(2), "sgd")
    assert same_bits(jfnn.sweep(net, noise_split(), **OPTIONS).scores, scaled.scores)
    assert scaled.params is None
    assert (scaled.diverged_at[1] >= 0).all()
    scores = result.scores("test_loss", seeds=True)
    assert scores.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(scores[1, 1], scaled.test_loss[:, 0])
    np.testing.assert_array_equal(result.best_rates(), np.full((2, 2), 0.1))
    assert result.steps_moved().tolist() == [0, 0]


def test_a_table_of_all_members_and_a_saved_transfer(swept, tmp_path):
    result, out = swept
    table = result.to_dict()
    assert list(table)[:4] == ["parametrisation", "width", "batch_size", "learning_rate"]
    assert table["width"].tolist() == [2] * 4 + [4] * 4 + [2] * 4 + [4] * 4
    assert table["parametrisation"].tolist() == ["standard"] * 8 + ["maximal_update"] * 8
    np.testing.assert_array_equal(table["train_loss"], result.scores(seeds=True).ravel())
    again = jfnn.load_transfer(out)
    assert (again.width.tolist(), again.parametrisations) == ([2, 4], ("standard", "maximal_update"))
    assert same_bits(again.scores(), result.scores())
    result.groups.save(tmp_path / "other")
    result.to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().startswith("parametrisation,width,batch_size,learning_rate")
    jfnn.SweepGroups((Group("50", 1),), result.groups.results[:1]).save(tmp_path / "groups")
    with pytest.raises(ValueError, match=r"its groups are not widths"):
        jfnn.load_transfer(tmp_path / "groups")


def make_transfer(best, shape=(7, 2)):
    """A transfer whose best learning rates are at these places ``[P, W]``, -1 for none, at the second l2."""
    results = []
    for place in np.ravel(best):
        loss = np.full((*shape, 2), 5.0)
        loss[max(place, 0), 1] = [1.0, 2.0]
        loss[0, 0, 1] = np.nan  # one seed diverged: the cell does not rank
        if place < 0:
            loss[:] = np.nan
        accuracy = 1 / loss
        results.append(with_scores(make_result(shape), {"train_loss": loss, "test_accuracy": accuracy}))
    names, width = ("standard", "maximal_update")[: len(best)], 2 ** np.arange(len(best[0]))
    groups = tuple(Group(f"{name}-{of_width}", 100) for name in names for of_width in width)
    return Transfer(width, names, SweepGroups(groups, tuple(results)))


@pytest.mark.parametrize("name", ["train_loss", "test_accuracy"])
def test_the_best_rate_of_each_width_and_by_how_many_steps_it_moves(name):
    result = make_transfer([[5, 4, 2], [5, 5, 4]])
    rates = result.learning_rate
    np.testing.assert_array_equal(result.best_rates(name), rates[[[5, 4, 2], [5, 5, 4]]])
    np.testing.assert_array_equal(result.steps_moved(name), [3, 1])
    expected = 1.5 if name == "train_loss" else 0.75
    assert result.scores(name)[0, 2, 2] == expected
    others = 5 if name == "train_loss" else 0.2
    assert result.scores(name)[0, 2, 3] == others
    assert result.scores(name)[0, 2, 0] == others  # at the other l2, where no seed diverged


def test_where_every_rate_diverges_none_is_best():
    result = make_transfer([[3, -1]])
    np.testing.assert_array_equal(result.best_rates(), [[result.learning_rate[3], np.nan]])
    with pytest.raises(ValueError, match=r"^learning_rate: all diverged"):
        result.steps_moved()


def test_rules_scale_as_sgd_or_as_adam():
    for optimizer in ("sgd", optax.sgd, jfnn.Optimizer("sgd", momentum=0.9)):
        assert scaling_rule(optimizer) == "sgd"
    assert {scaling_rule(name) for name in (*LIKE_ADAM, optax.adamw)} == {"adam"}
    for unknown in ("lamb", optax.lamb, 3):
        with pytest.raises(ValueError, match=r"^optimizer: expected sgd, or one of .*(lamb|3)"):
            scaling_rule(unknown)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": network(3)}, "^network: expected a function of the width"),
        ({"network": lambda width: "mlp"}, "^network: expected a Network"),
        ({"network": lambda width: jfnn.mlp((5, width, 3))}, "^init: expected one of"),
        ({"width": []}, "^width: expected a sequence"),
        ({"width": [4, 2]}, "^width: expected each one once, in rising order"),
        ({"parametrisations": ["standard"] * 2}, "^parametrisations: expected names, each once"),
        ({"parametrisations": ["mup"]}, "^parametrisations: expected one of standard, maximal_update"),
        ({"sample": 3}, "^sample: expected none"),
    ],
)
def test_invalid_arguments_raise_by_name(changes, message):
    arguments = {"network": network, "split": noise_split(), "width": [2, 4], **OPTIONS, **changes}
    with pytest.raises((ValueError, TypeError), match=message):
        jfnn.transfer(**arguments)


@pytest.mark.slow
def test_on_mnist1d_the_best_rate_stays_under_maximal_updates_and_moves_by_default():
    pytest.importorskip("mnist1d")

    def with_outputs_of_0(width):
        layers = jfnn.mlp((40, width, width, 10), "relu", init="he_normal").layers
        return jfnn.sequential([*layers[:2], jfnn.Scaled(layers[2], 0.0)], 40)

    common = dict(width=[32, 128, 512], optimizer="adam", reduction="mean", seeds=2)
    result = jfnn.transfer(
        with_outputs_of_0,
        jfnn.datasets.mnist1d(),
        learning_rate=2.0 ** np.arange(-10, -3),
        epochs=4,
        gradient="backprop",
        **common,
    )
    standard, maximal = result.steps_moved()
    assert maximal <= 1 < standard
    rate = result.best_rates()[0, 0]
    check = jfnn.coordinate_check(with_outputs_of_0, jfnn.datasets.mnist1d(), learning_rate=rate, **common)
    standard, maximal = check.slopes()
    assert np.abs(maximal).max() < 0.05
    assert np.abs(standard).max() > 0.1
