"""The notes' digits experiment compared with a NumPy replay and with the printed values; the script."""

import contextlib
import copy
import dataclasses
import functools
import io
import json
import shutil
from pathlib import Path

import jax
import notes
import numpy as np
import numpy_oracle as oracle
import pytest
import verdicts
from helpers import compiled
from lecture_notes import grid, replay

import jfnn

DATA = Path(__file__).parents[1] / "data"
PUBLISHED = json.loads((DATA / "published.json").read_text())
L2 = np.logspace(-5, 1, 7)
EXACT_RATES = np.logspace(-5, -3, 3)
STEPS = 200
NETWORK = jfnn.mlp((64, 50, 10), "sigmoid", init="normal")
FEW = replay.Repeats(gates=4, widths=(1, 4), fits=2, sequences=3, growth_epochs=2)
FIGURES = (
    *(f"{gate}_{kind}" for gate in ("or", "xor") for kind in ("linear", "network")),
    *("approximation", "digits", "loss_curves", "grid_here", "grid_published"),
    *("exponents", "first_layer_weights", "predictions"),
)


@pytest.fixture(scope="module")
def replayed():
    """Return the notes' data, start and minibatches from the oracle."""
    shown, *rows = oracle.digits_of_the_notes()
    x_train, x_test, y_train, y_test = rows
    start = oracle.start_of_the_notes()
    batches = oracle.minibatches_of_the_notes(1400)
    return shown, jfnn.Split(x_train, y_train, x_test, y_test), start, batches


def as_params(w1, b1, w2, b2):
    return (jfnn.Layer(w1, b1), jfnn.Layer(w2, b2))


def counts(accuracy, labels):
    return np.round(np.asarray(accuracy, np.float64) * len(labels))


def test_oracle_has_the_published_start(replayed):
    shown, split, start, _ = replayed
    first = oracle.probabilities(start, split.x_train[:1])[1][0]
    np.testing.assert_allclose(first, PUBLISHED["initial"]["probabilities"], rtol=0, atol=1e-8)
    assert shown.tolist() == PUBLISHED["shown_images"]
    initial = PUBLISHED["initial"]
    assert (first.argmax(), split.y_train[0]) == (initial["prediction"], initial["label"])
    assert oracle.right_answers(start, split.x_train, split.y_train) == 62


@pytest.mark.thorough
@pytest.mark.unoptimized
def test_oracle_overflows_to_the_artefact_where_jfnn_does_not(replayed, x64):
    _, split, start, batches = replayed
    one_epoch = batches[:14]
    naive = oracle.descend(start, split.x_train, split.y_train, one_epoch, 10.0, 1.0)
    assert oracle.right_answers(naive, split.x_train, split.y_train) == 150 == (split.y_train == 0).sum()
    assert oracle.right_answers(naive, split.x_test, split.y_test) == 28 == (split.y_test == 0).sum()
    assert not all(np.isfinite(p).all() for p in naive)
    result = jfnn.sweep(
        NETWORK,
        split,
        learning_rate=10.0,
        l2=[1.0, 100.0],
        epochs=14,
        initial_params=as_params(*start),
        batches=batches[: 14 * 14].reshape(14, 14, 100),
    )
    for leaf in jax.tree.leaves(result.params):
        assert np.isfinite(leaf).all()
    diverged = result.diverged_at >= 0
    assert diverged[0, 1, 0]
    np.testing.assert_array_equal(np.isnan(result.train_accuracy), diverged)


# jfnn compared with the oracle


def check_oracle(split, start, batches, rates, l2s, **options):
    """Check that every parameter of every cell after an epoch of these minibatches equals the oracle's."""
    result = jfnn.sweep(
        jfnn.mlp((64, start[1].size, 10), "sigmoid", init="normal"),
        split,
        reduction="sum",
        learning_rate=rates,
        l2=l2s,
        epochs=1,
        batch_size=batches.shape[1],
        initial_params=as_params(*start),
        batches=batches[None],
        **options,
    )
    for i, j in np.ndindex(len(rates), len(l2s)):
        expected = oracle.descend(start, split.x_train, split.y_train, batches, rates[i], l2s[j])
        for actual, leaf in zip(jax.tree.leaves(result.member(i, j, 0)), expected, strict=True):
            np.testing.assert_allclose(actual, leaf, rtol=1e-9, atol=0)


@pytest.mark.thorough
@pytest.mark.unoptimized
@pytest.mark.parametrize("gradient", ["backprop", "autodiff"])
def test_parameters_after_200_steps_equal_the_oracles_over_the_exact_grid(gradient, replayed, x64):
    _, split, start, batches = replayed
    check_oracle(split, start, batches[:STEPS], EXACT_RATES, L2, gradient=gradient)


@pytest.mark.thorough
@pytest.mark.unoptimized
@pytest.mark.parametrize(("seed", "hidden", "batch_size"), [(2, 7, 100), (3, 80, 1)])
def test_parameters_equal_the_oracles_for_other_seeds_widths_and_batches(
    seed, hidden, batch_size, replayed, x64
):
    start = oracle.start_of_the_notes(hidden, seed)
    batches = oracle.minibatches_of_the_notes(STEPS, batch_size)
    check_oracle(replayed[1], start, batches, EXACT_RATES[[0, 2]], L2[[0, 6]], gradient="backprop")


# jfnn compared with the printed values


def test_initial_probabilities_and_accuracy_are_the_published(replayed, dtype):
    _, split, start, _ = replayed
    params = as_params(*start)

    @compiled
    def found(params, x, y):
        return jfnn.predict_proba(NETWORK, params, x[:1])[0], jfnn.accuracy(NETWORK, params, x, y)

    probabilities, accuracy = found(params, split.x_train, split.y_train)
    atol = 1e-8 if dtype == np.float64 else 1e-6
    np.testing.assert_allclose(probabilities, PUBLISHED["initial"]["probabilities"], rtol=0, atol=atol)
    assert float(accuracy) == pytest.approx(PUBLISHED["initial"]["train_accuracy"], rel=1e-6)
    assert counts(accuracy, split.y_train) == 62


def test_the_21_exact_cells_have_the_published_counts(replayed, x64):
    """The float32 counts are those of the script below."""
    _, split, start, batches = replayed
    result = jfnn.sweep(
        NETWORK,
        split,
        learning_rate=EXACT_RATES,
        l2=L2,
        epochs=100,
        reduction="sum",
        gradient="backprop",
        initial_params=as_params(*start),
        batches=batches.reshape(100, 14, 100),
        execution=jfnn.Execution(keep_params="none"),
    )
    exact = [
        cell for row in replay.read_grid(DATA / "published_grid.csv") for cell in row if cell.kind == "exact"
    ]
    assert len(exact) == result.diverged_at.size == 21
    train = counts(result.train_accuracy, split.y_train)
    test = counts(result.test_accuracy, split.y_test)
    np.testing.assert_array_equal(
        np.stack([train.ravel(), test.ravel()], axis=1), [cell[:2] for cell in exact]
    )


@pytest.fixture(scope="module")
def script_run(tmp_path_factory):
    """Run all sections once in float32; return exit status, printed lines, output folder and replay."""
    out = tmp_path_factory.mktemp("notes")
    replays = []

    def make_replay(*arguments):
        replays.append(replay.Replay(*arguments, FEW))
        return replays[0]

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = notes.main(["--dtype", "float32", "--out", str(out)], make_replay)
    return status, printed.getvalue().splitlines(), out, replays[0]


@pytest.mark.thorough
def test_script_reproduces_every_exact_figure(script_run):
    status, lines, *_ = script_run
    assert status == 0
    assert not [line for line in lines if verdicts.NOT_REPRODUCED in line]
    assert sum("exact" in line and "reproduced" in line for line in lines) == 21
    assert sum("dead" in line and "corrected" in line and "150/1437, 28/360" in line for line in lines) == 14
    assert sum("chaotic" in line and "3 seeds" in line for line in lines) == 14  # train and test
    assert "\n".join(lines).startswith(verdicts.RULE)
    assert sum("saturated" in line and "consistent" in line for line in lines) == 8  # and gradient descent


@pytest.mark.thorough
def test_script_draws_every_figure_and_stores_every_model(script_run):
    out = script_run[2]
    assert sorted(path.stem for path in out.glob("*.png")) == sorted(FIGURES)
    shapes = {name: array.shape[3:] for name, array in np.load(out / "models.npz").items()}
    assert shapes == {"w1": (64, 50), "b1": (50,), "w2": (50, 10), "b2": (10,)}


def not_reproduced(capsys):
    return sum(verdicts.NOT_REPRODUCED in line for line in capsys.readouterr().out.splitlines())


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("section", "path", "by"),
    [
        ("initial", ("initial", "probabilities", 1), 1e-5),
        ("initial", ("initial", "train_accuracy"), 1 / 1437),
        ("digits", ("shown_images", 2), 1),
        ("gates", ("least_squares", "OR", 0), 1e-3),
    ],
)
def test_script_exits_with_1_if_an_exact_figure_is_not_reproduced(section, path, by, tmp_path, capsys):
    shutil.copytree(DATA, tmp_path / "data")
    figures = copy.deepcopy(PUBLISHED)
    *parents, last = path
    functools.reduce(lambda index, key: index[key], parents, figures)[last] += by
    (tmp_path / "data" / "published.json").write_text(json.dumps(figures))
    before = jax.config.jax_enable_x64
    words = ["--sections", section, "--out", str(tmp_path), "--published", str(tmp_path / "data")]
    assert notes.main(words) == 1
    assert jax.config.jax_enable_x64 == before  # unaffected by the script's precision
    assert not_reproduced(capsys) == 2  # and the sum


@pytest.mark.thorough
def test_grid_other_than_the_published_one_raises(tmp_path, capsys):
    shutil.copytree(DATA, tmp_path / "data")
    path = tmp_path / "data" / "published_grid.csv"
    path.write_text(path.read_text().replace("1e-3,1e-1,", "1e-3,2e-1,"))
    with pytest.raises(SystemExit):
        notes.main(["--published", str(tmp_path / "data"), "--out", str(tmp_path)])
    assert "error: --published: published_grid.csv: expected 7×7 cells" in capsys.readouterr().err


@pytest.fixture
def replayed_grid(script_run):
    """Return the script's results, which tests may change; nothing is drawn again."""
    copied = copy.copy(script_run[3])
    copied.save = lambda *_: None
    return copied


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", [0, 1])
def test_script_exits_with_1_if_an_exact_cell_is_not_reproduced(wrong, replayed_grid, tmp_path, capsys):
    replayed_grid.cells = [list(row) for row in replayed_grid.cells]
    cell = replayed_grid.cells[2][0]
    assert cell.kind == "exact"
    replayed_grid.cells[2][0] = cell._replace(test=cell.test + wrong)
    arguments = ["--dtype", "float32", "--sections", "grid", "--out", str(tmp_path)]
    assert notes.main(arguments, lambda *_: replayed_grid) == wrong
    assert not_reproduced(capsys) == 2 * wrong


def with_numbers(result, **values):
    """Return a copy of a sweep with some members' numbers replaced: name -> (index, value)."""
    scores = {name: np.array(a) for name, a in result.scores.items()}
    diverged_at = result.diverged_at.copy()
    for name, (index, value) in values.items():
        scores.get(name, diverged_at)[index] = value
    return dataclasses.replace(result, scores=scores, diverged_at=diverged_at)


@pytest.mark.thorough
def test_dead_cell_is_corrected_only_if_diverged_or_finite_and_at_chance(replayed_grid):
    index = (6, 6, 0)  # η = λ = 10
    assert replayed_grid.cells[6][6].kind == "dead" and replayed_grid.grid.diverged_at[index] >= 0
    share = {"train_accuracy": (index, 150 / 1437), "test_accuracy": (index, 28 / 360)}
    alive = {"diverged_at": (index, -1)} | share
    whole = replayed_grid.grid
    loss = {"train_loss": (index, 2.3)}
    artefact = {"train_loss": (index, np.nan)}
    finite = alive | loss
    good = finite | {"train_accuracy": (index, 0.9)}
    nothing = finite | {"test_accuracy": (index, np.nan)}
    rows = []
    for values in ({}, finite, alive | artefact, good, nothing):
        replayed_grid.grid = with_numbers(whole, **values)
        rows.append(grid.cell_rows(replayed_grid, 6, 6)[0].verdict)
    assert rows == ["corrected"] * 2 + [verdicts.NOT_REPRODUCED] * 3


@pytest.mark.thorough
def test_chaotic_cell_that_diverges_here_or_in_a_sequence_is_not_reproduced(replayed_grid):
    rows = grid.cell_rows(replayed_grid, 3, 3)
    assert replayed_grid.cells[3][3].kind == "chaotic"
    assert [row.verdict for row in rows] == [verdicts.UNDECIDED] * 2  # three sequences are too few
    whole = replayed_grid.grid
    spread = replayed_grid.spread
    replayed_grid.grid = with_numbers(whole, train_accuracy=((3, 3, 0), np.nan))
    assert grid.cell_rows(replayed_grid, 3, 3)[0].verdict == verdicts.NOT_REPRODUCED
    replayed_grid.grid = whole
    replayed_grid.spread = with_numbers(spread, test_accuracy=((0, 3, 1), np.nan))
    row = grid.cell_rows(replayed_grid, 3, 3)[1]
    assert row.verdict == verdicts.NOT_REPRODUCED and row.reason.startswith("1 of 3 ")
