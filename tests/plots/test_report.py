"""Reports: pages, and the texts in them."""

import base64
import dataclasses
import html.parser
import io
import itertools
import re

import matplotlib.image
import numpy as np
import pytest
import scipy.stats
from drawn_results import results
from examples import examples
from figures import curve_texts, metrics_of, parts_of
from helpers import complaint, make_programs, make_result, make_sampled, refusal, representatives
from hypothesis import strategies
from reading import image_of

import jfnn
from jfnn import analysis, plots
from jfnn.analysis import description, ranking, summary
from jfnn.arguments.texts import axis_text, compact, describe, metric_text, name_text
from jfnn.core.search.result import combined, with_run
from jfnn.plots.curves import default_cells
from jfnn.report import writing as report

pytestmark = pytest.mark.unoptimised


class Page(html.parser.HTMLParser):
    """A page's tables, texts by tag, images, and what the pointer shows; every tag must be closed."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.rows = []
        self.titles = []
        self.boxes = {}
        self.texts = {}
        self.sources = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag == "i":
            sides = [float(side) for side in re.findall(r":(.*?)%", known["style"])]
            self.boxes.setdefault(self.texts["figcaption"][-1], []).append((known["title"], sides))
        if tag == "td":
            self.titles[-1].append(known.get("title", ""))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")
        if tag == "tr":
            self.rows.append([])
            self.titles.append([])

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(self.texts[tag][-1])
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small sweep, saved, and the page beside it."""
    out = tmp_path_factory.mktemp("run")
    x, y = jfnn.datasets.xor_gate()
    split = jfnn.Split(np.tile(x, (3, 1)), np.tile(y, 3), x, y)
    result = jfnn.sweep(
        jfnn.mlp((2, 3, 2), activation="tanh"),
        split,
        learning_rate=[0.1, 0.2],
        l2=[0.0, 0.1],
        epochs=4,
        execution=jfnn.Execution(eval_every=1),
        batch_size=None,
        folds=2,
        seeds=[5, 6],
        refit=True,
        out=out,
    )
    report.write_report(result, out / "report.html", title='A <b>"grid"</b>', text=["a & b", "c"])
    return result, out, (out / "report.html").read_text()


@pytest.mark.thorough
def test_a_page_needs_nothing_from_elsewhere_and_shows_texts_as_users_wrote_them(trained):
    _, _, text = trained
    page = Page(text)
    assert len(page.sources) == 3  # two maps, the curves
    for source in page.sources:
        kind, _, data = source.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    assert not re.search(r"https?://|<script .|<link|@import|url\(", text)
    assert text.count("<script>") == 1 and "filter: brightness" in text  # pictures dim in the dark
    assert page.texts["h1"] == ['A <b>"grid"</b>'] == page.texts["title"]
    assert "<b>" not in text and "a &amp; b" in text


@pytest.mark.thorough
def test_a_page_lists_the_legend_of_its_cells_settings_and_versions(trained, tmp_path):
    result, _, text = trained
    best = ranking.best_first(result, report.LISTED)
    legend = ranking.legend(best)
    assert len(legend) == 1 and "<br>".join(legend) in text  # of two seeds
    assert text.count('<tr class="best">') == text.count('<tr class="best"><td>1.</td>') == 1
    listed = {row[0]: row[1] for row in reversed(Page(text).rows) if len(row) == 2}
    assert listed["layers"] == "2-3-2" and listed["activation"] == "tanh" and listed["epochs"] == "4"
    assert listed["learning rate η"] == "0.1, 0.2" and listed["seeds"] == "5, 6" and listed["folds"] == "2"
    assert f"numpy {np.__version__}" in listed["versions"] and "cpu" in listed["device"]
    shown, _, folded = text.partition("<details>")
    assert "jfnn.learners" not in shown and "sha256" not in shown
    assert "settings.learner.network.layers" in folded and result.config["fingerprint"] in folded
    report.write_report(make_result((2, 3), seeds=1), tmp_path / "report.html")
    assert not re.search(rf"\[…\]|{ranking.TIED}", (tmp_path / "report.html").read_text())


def test_a_page_begins_with_a_sentence_on_the_best_cell_and_its_interval(trained):
    result, _, text = trained
    lead = Page(text).texts["p"][0].replace("\u00a0", " ")
    best = result.best()
    assert lead == description.sentence(result)
    assert lead.startswith("16 networks 2-3-2 tanh trained for 4 epochs: 4 cells of η × λ with 2 seeds of")
    assert describe(best.axes) in lead
    assert summary.cell_text(result, best.ranked_by, best.index) in lead and "95%" not in lead  # of two seeds
    assert "95%" in description.sentence(make_result((2, 3), seeds=3))
    assert '<meta name="viewport"' in text and "prefers-color-scheme: dark" in text and "@media print" in text
    assert text.count("<table") == text.count('<div class="table"><table')  # which scroll by themselves
    nowhere = make_result((2, 3), seeds=1, diverged=[np.s_[:]])
    assert "No cell is best" in description.sentence(nowhere) and "[" not in description.sentence(nowhere)


def test_pages_lines_load_the_run_and_predict(trained):
    result, out, text = trained
    code = Page(text).texts["pre"][0]
    assert f"jfnn.load({str(out)!r})" in code and len(code.splitlines()) == 3
    x = np.float32([[0, 1], [1, 1]])
    exec(code, here := {"x": x})
    np.testing.assert_array_equal(here["result"].test_loss, result.test_loss)
    np.testing.assert_array_equal(here["result"].predict(x), result.predict(x))
    again = result.refit.predict(x)  # seeds
    most = scipy.stats.mode(again.reshape(-1, 2)).mode
    np.testing.assert_array_equal(eval(code.splitlines()[-1], here), most)


OBJECTIVES = ["train_loss", "train_accuracy", "validation_loss", "test_r2"]


@examples((12, 1), (200, 1), few=(3, 1))
def test_a_page_of_any_sweep_has_its_numbers_its_pictures_and_their_values(examples, tmp_path):
    path = tmp_path / "report.html"

    def law(result, has_pictures, objectives):
        has_pictures &= len(result.programs) <= 3  # each has its own
        if not result.cell_shape:
            assert complaint(refusal(report.write_report, result, path), {"result"}) is None
            return
        objectives = [name for name in objectives if name in result.scores]
        report.write_report(result, path, figures=None if has_pictures else {}, objectives=objectives)
        page = Page(path.read_text())
        assert "Trained again" not in page.texts["h2"]
        count = check_cells(page, result)
        if objectives:
            check_front(page.rows[count:], result, objectives)
        if has_pictures and result.leading:
            check_pictures_of_each(page, result)
            return
        pictures = [
            base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in page.sources
        ]
        assert all(data.startswith(b"\x89PNG") for data in pictures)
        names = [f"{part}_{result.ranking_metric}" for part in parts_of(result)] if result.crossed else []
        titles = {name_text(name)[0].upper() + name_text(name)[1:]: map_texts(result, name) for name in names}
        titles = titles or {"The cells drawn": None}
        titles |= {"Over the epochs": strip_texts(result)} if len(result.evaluations) else {}
        assert page.texts.get("figcaption", []) == list(titles) * has_pictures
        assert len(pictures) == len(titles) * has_pictures
        assert page.boxes.keys() == {title for title, texts in titles.items() if texts and has_pictures}
        for title, boxes in page.boxes.items():
            assert [text for text, _ in boxes] == titles[title]
            assert all(-0.1 <= side <= 100.1 for _, sides in boxes for side in sides)

    given = {"objectives": strategies.lists(strategies.sampled_from(OBJECTIVES), unique=True, max_size=2)}
    examples.check(law, result=results(most=60), has_pictures=strategies.booleans(), **given)


def check_pictures_of_each(page, result):
    """Pictures of several networks: one of all, and of each its own, the best first, to unfold."""
    parts = programs_of(result)
    titles = ["The best of each"]
    for part in parts:
        names = [f"{rows}_{part.ranking_metric}" for rows in parts_of(part)]
        titles += [capitalised(name_text(name)) for name in names] if part.crossed else ["The cells drawn"]
        titles += ["Over the epochs"] * bool(len(part.evaluations))
    assert page.texts["figcaption"] == titles and len(page.sources) == len(titles)
    assert len(page.texts["summary"]) == len(parts) + 1  # and all that is recorded
    if result.crossed:
        title = capitalised(name_text(result.ranked_by))
        expected = [text for part in parts for text in map_texts(part, result.ranked_by)]
        assert [text for text, _ in page.boxes[title]] == expected


def programs_of(result):
    """The networks, each with each batch size, by their best scores; those without one last."""
    sign = -1 if result.higher_is_better() else 1
    bests = [part.best_or_none() for part in result.programs]
    costs = [np.inf if best is None else sign * best.score for best in bests]
    return [result.programs[i] for i in np.argsort(costs, kind="stable")]


def capitalised(text):
    return text[0].upper() + text[1:]


def check_comparison(page, result):
    """A row for each network with each batch size: its values, its best cell, its scores, what diverged."""
    heading, *rows = page.rows[: len(result.programs) + 1]
    metric = result.ranking_metric
    scores = list(dict.fromkeys([result.ranked_by, f"train_{metric}"]))
    assert heading == [*map(axis_text, result.axes), *map(name_text, scores), "diverged"]
    for row, part in zip(rows, programs_of(result), strict=True):
        best = part.best_or_none()
        bad = int(np.isnan(part.cell_scores()).sum())
        assert row[-1] == (f"{bad} of {part.cell_scores().size} cells" if bad else "none")
        if best is None:
            assert set(row[result.leading : -1]) == {"–"}
            continue
        for text, value in zip(row[result.leading :], best.axes.values(), strict=False):
            assert float(text) == pytest.approx(value, rel=6e-3)
        for text, name in zip(row[len(result.axes) : -1], scores, strict=True):
            if "(" not in text and "," not in text.partition(" [")[0]:
                assert float(text.split()[0]) == pytest.approx(
                    part.scores[name][best.index].mean(), abs=6e-4, rel=6e-3
                )
    return len(rows) + 1


def check_cells(page, result):
    """The table of the best cells, and what the pointer shows over it; the number of rows up to its end."""
    best = ranking.best_first(result, report.LISTED)
    first = check_comparison(page, result) if result.leading else 0
    if not best.cells:
        assert any("diverged" in text for text in page.texts["p"])
        return first
    heading, *rows = ranking.table(best)
    assert [tuple(row) for row in page.rows[first : first + len(rows) + 1]] == [heading, *rows]
    names = {name_text(name): name for name in result.scores}
    names |= {axis_text(name): name for name in result.axes}
    for cell, titles in zip(result.order().tolist(), page.titles[first + 1 :], strict=False):
        index = result.cell_index(cell)
        for name, title in zip(map(names.get, heading), titles, strict=True):
            if name in result.scores:
                mean = float(title.partition(",")[0].removeprefix("mean "))
                assert mean == pytest.approx(result.scores[name][index].mean(), rel=1e-5, nan_ok=True)
            elif name:
                value = result.axes_at(index)[name]
                batch = str(value or "full")
                assert title == batch if name == "batch_size" else type(value)(title) == value
    return first + len(rows) + 1


def check_front(rows, result, objectives):
    """The cells of the front, by the first objective."""
    on_it = analysis.front(result, objectives)
    means = np.stack([result.cell_scores(name)[on_it] for name in objectives], axis=1).tolist()
    cells = sorted(zip(means, map(tuple, np.argwhere(on_it).tolist()), strict=True))
    texts = [
        [*(f"{value:.4g}" for value in values), describe(result.axes_at(cell))] for values, cell in cells
    ]
    assert rows[: len(texts) + 1] == [[*map(name_text, objectives), "cell"], *texts]


def test_the_pareto_front_is_listed_by_the_first_objective(tmp_path):
    result = make_result((3, 4), seeds=1)
    objectives = ["train_loss", "test_accuracy"]
    report.write_report(result, tmp_path / "report.html", figures={}, objectives=objectives)
    check_front(Page((tmp_path / "report.html").read_text()).rows[1 + 12 :], result, objectives)
    assert analysis.front(result, objectives).sum() > 1


def map_texts(result, score):
    """What the pointer shows over a map, whose values are those of the figure."""
    values = image_of(plots.heat_map(result, score=score).axes[0])
    cells = [{"learning_rate": rate, "l2": l2} for rate in result.learning_rate for l2 in result.l2]
    numbers = [f"{value:.6g}" if np.isfinite(value) else "diverged" for value in values.ravel()]
    return [f"{describe(cell)}: {number}" for cell, number in zip(cells, numbers, strict=True)]


def strip_texts(result):
    """What the pointer shows over curves: of every panel and epoch the values of all cells and parts."""
    cells = default_cells(result)
    texts = []
    for metric, i in itertools.product(metrics_of(result), range(len(result.evaluations))):
        lines = [f"{metric_text(metric)}, epoch {result.evaluations[i]}"]
        for cell, name in zip(cells, curve_texts(result, cells), strict=True):
            means = [result.history[f"{part}_{metric}"][cell][..., i].mean() for part in parts_of(result)]
            train, *ranking = (f"{mean:.5g}" if np.isfinite(mean) else "–" for mean in means)
            lines.append(f"{name}: {train}" + "".join(f", {parts_of(result)[1]} {text}" for text in ranking))
        texts.append("\n".join(lines))
    return texts


def test_a_box_lies_on_the_colour_of_its_cell():
    result = make_result((3, 5), seeds=1)
    figure = plots.heat_map(result, score="test_accuracy")
    pixels = matplotlib.image.imread(io.BytesIO(report.png(figure)))
    values = result.cell_scores()
    for box, value in zip(report._boxes(result, figure), values.ravel(), strict=True):
        y = int((box.top + 0.15 * box.height) / 100 * len(pixels))  # above the number
        x = int((box.left + 0.15 * box.width) / 100 * pixels.shape[1])
        colour = matplotlib.colormaps["viridis"](value)
        np.testing.assert_allclose(pixels[y, x, :3], colour[:3], atol=0.02)


@pytest.mark.thorough
@pytest.mark.parametrize("axes", [("l2", "learning_rate"), ("width", "l2"), ("seed", "width")])
def test_the_pointer_names_the_axes_of_a_heat_map(axes):
    result = make_programs(named={"width": [5, 50]}, shape=(2, 2))
    figure = plots.heat_map(result, "best", axes=axes, score="test_loss")
    report.png(figure)
    down, across = (result.seeds if name == "seed" else result.axes[name] for name in axes)
    assert [box.text for box in report._boxes(result, figure)] == [
        f"{describe({axes[0]: down[i], axes[1]: across[j]})}: {value:.6g}"
        for (i, j), value in np.ndenumerate(image_of(figure.axes[0]))
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("epochs", [7, 250])
def test_a_strip_lies_on_the_curve_at_its_epoch(epochs):
    """The only curve jumps half-way: its ink is in the lower, then in the upper half of strips."""
    jump = epochs // 2
    result = make_result((1, 1), seeds=1, history=epochs)
    history = {
        name: np.where(np.arange(epochs) < jump, 0.1, 0.9) + 0 * values
        for name, values in result.history.items()
    }
    figure = plots.loss_curves(result := dataclasses.replace(result, history=history))
    pixels = matplotlib.image.imread(io.BytesIO(report.png(figure)))
    ink = np.abs(pixels[..., :3] - matplotlib.colormaps["viridis"](0.0)[:3]).max(axis=-1) < 0.1
    boxes = [box for box in report._boxes(result, figure) if box.text.startswith("accuracy")]
    assert len(boxes) == 7 if epochs == 7 else 50 < len(boxes) <= report.MOST_STRIPS
    for box in boxes[1:-1]:  # the outer ones reach to the panel's sides
        epoch = int(box.text.splitlines()[0].rpartition(" ")[2])
        assert box.text.endswith(": 0.9, test 0.9" if epoch > jump else ": 0.1, test 0.1")
        x = int((box.left + box.width / 2) / 100 * ink.shape[1])
        top, low = (int(y / 100 * len(ink)) for y in (box.top, box.top + box.height))
        rows = np.flatnonzero(ink[top:low, x])
        assert (np.median(rows) < (low - top) / 2) == (epoch > jump)


@pytest.mark.thorough
def test_only_few_named_curves_over_the_epochs_have_strips():
    result = make_result((12, 3), seeds=2, history=4)
    for figure in (plots.loss_curves(result, "all"), plots.axis_curves(result, "l2")):
        report.png(figure)
        assert report._boxes(result, figure) == []
    means = result.history["test_accuracy"].mean(axis=-2)
    best = result.best().index
    for cells, named in (([(0, 0), best], [(0, 0), best]), ("all", [best])):
        figure = plots.interval_curves(result, cells=cells)
        report.png(figure)
        boxes = report._boxes(result, figure)
        assert len(boxes) == 4
        heading, *lines = boxes[2].text.splitlines()
        names = [describe(result.axes_at(cell)) + " (best)" * (cell == best) for cell in named]
        assert heading == "test accuracy, epoch 3"
        expected = [f"{name}: {means[cell][2]:.5g}" for name, cell in zip(names, named, strict=True)]
        assert sorted(lines) == sorted(expected)


OWN = jfnn.mlp((2, 3, 2), jfnn.activations.Activation(lambda z: 2 * z, lambda z: 2 + 0 * z))
# What was kept -> changed options, and how the last line begins.
LINES = {
    "nothing": (
        {"execution": jfnn.Execution(keep_params="none")},
        "result.to_dict()  # the scores of every network; no parameters were kept",
    ),
    "best": (
        {"execution": jfnn.Execution(keep_params="best")},
        """result.predict(x, "mean")  # the label by the mean of the best cell's networks, for each row""",
    ),
    "evaluations": (
        {"execution": jfnn.Execution(keep_params="evaluations", eval_every=1)},
        "result.of_cell(*result.best().index).predict(x)  # labels or outputs of the best cell's networks,"
        " at every evaluation, for each row",
    ),
    "no functions": (
        {"network": OWN},
        """result.of_cell(*result.best().index).predict(x, "mean", network=network)  # the label by the""",
    ),
    "no functions of one": (
        {"network": {"a": jfnn.mlp((2, 2)), "b": OWN}},
        """result.of_cell(*result.best().index).predict(x, "mean", network=network)  # the label by the""",
    ),
    "trained again": (
        {"refit": True, "validation": 0.25, "seeds": 3},
        """result.refit.predict(x, "mean")  # the label by the mean of the networks trained again""",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("kept", representatives(LINES, "nothing", "trained again"))
def test_pages_lines_say_what_was_kept(kept, tmp_path):
    changes, line = LINES[kept]
    x, y = jfnn.datasets.xor_gate()
    options = dict(network=jfnn.mlp((2, 3, 2)), learning_rate=0.1, epochs=1, batch_size=None) | changes
    result = jfnn.sweep(split=jfnn.Split(x, y, x, y), out=tmp_path, **options)
    report.write_report(result, tmp_path / "report.html", figures={})
    code = Page((tmp_path / "report.html").read_text()).texts["pre"][0]
    assert len(code.splitlines()) == 3 and code.splitlines()[-1].startswith(line)
    assert "frame" not in code  # no columns have names
    network = options["network"]
    best = network[result.best().axes["network"]] if isinstance(network, dict) else network
    predicted = eval(code.splitlines()[-1], {"x": x, "network": best, "result": jfnn.load(tmp_path)})
    assert "mean" not in line or predicted.shape == (4,)


def test_settings_are_texts_of_six_digits_whatever_they_are(tmp_path):
    settings = {
        "rate": 1e-5,
        "none": float("nan"),
        "layers": [{"kind": "dense", "units": 3, "name": None}, 2],
    }
    report.write_report(make_result(), tmp_path / "report.html", settings=settings, figures={})
    rows = dict(row for row in Page((tmp_path / "report.html").read_text()).rows if len(row) == 2)
    assert (rows["rate"], rows["none"], rows["layers"]) == ("1e-5", "nan", "kind=dense units=3, 2")


@pytest.mark.thorough
def test_a_page_has_the_scores_of_the_cell_trained_again(trained):
    result, _, text = trained
    texts = summary.refit_texts(result.refit)
    assert [line.rsplit(" ", 3)[0] for line in texts] == ["test accuracy", "train accuracy"]
    assert f"on all 12 training rows, with 2 seeds: {', '.join(texts)}." in text.replace("\u00a0", " ")


def test_the_settings_of_a_random_search_are_the_ends_of_its_draws(tmp_path):
    result = make_sampled(n=60)
    config = {"settings": {"axes": {"l2": result.l2.tolist()}}}
    report.write_report(with_run(result, config=config), tmp_path / "report.html", figures={})
    listed = dict(row for row in Page((tmp_path / "report.html").read_text()).rows if len(row) == 2)
    ends = (compact(end, 3) for end in (result.l2.min(), result.l2.max()))
    assert listed["L2 penalty λ"] == " to ".join(ends) and listed["cells"] == "60"
    recorded = listed["settings.axes.l2"].split(", ")
    assert len(recorded) == 51 and recorded[-1] == "… 10 more"


def test_scores_of_the_cell_trained_again_are_means_over_its_seeds():
    refit = make_result((1, 1), seeds=3)
    means = [refit.scores[f"{part}_accuracy"].mean() for part in ("test", "train")]
    intervals = [jfnn.cell_statistics(refit, f"{part}_accuracy") for part in ("test", "train")]
    assert summary.refit_texts(refit) == [
        f"{part} accuracy {mean:.3f} [{interval.low.item():.3f}, {interval.high.item():.3f}]"
        for part, mean, interval in zip(("test", "train"), means, intervals, strict=True)
    ]
    texts = summary.refit_texts(make_result((1, 1), seeds=3, classes=False))
    names = [text.rsplit(" ", 3)[0] for text in texts]
    assert names == ["test loss", "test R²", "train loss", "train R²"]
    assert summary.refit_texts(make_result((1, 1), seeds=1, diverged=[np.s_[:]]))[0] == "test accuracy div"


@pytest.fixture(scope="module")
def several():
    """Two networks with two batch sizes each, and the best cell trained again."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = rng.normal(size=(40, 2)) + y[:, None]
    return jfnn.sweep(
        {"a<b": jfnn.mlp((2, 3, 2)), "4-3": jfnn.mlp((2, 4, 3, 2))},
        jfnn.Split(x, y, x, y),
        batch_size=[5, None],
        learning_rate=[0.01, 0.1],
        epochs=2,
        seeds=2,
        validation=0.2,
        refit=True,
        execution=jfnn.Execution(eval_every=1),
    )


@pytest.mark.thorough
def test_a_page_of_several_networks_and_batch_sizes_ranks_and_describes_all(several, tmp_path):
    report.write_report(several, tmp_path / "report.html", figures={})
    page = Page((tmp_path / "report.html").read_text())
    check_cells(page, several)
    listed = {row[0]: row[1] for row in reversed(page.rows) if len(row) == 2}
    assert listed["networks"] == "a<b, 4-3" and listed["batch size"] == "5, full"
    assert "layers" not in listed and "settings.learner.network.layers" not in listed
    lead = page.texts["p"][0].replace("\u00a0", " ")
    assert lead == description.sentence(several)
    assert lead.startswith(
        "16 networks trained for 2 epochs: 8 cells of network × batch × η × λ with 2 seeds."
    )
    assert describe(several.best().axes) in lead
    said = [text.replace("\u00a0", " ") for text in page.texts["p"]]
    assert any(summary.refit_texts(several.refit)[0] in text for text in said)


@pytest.mark.thorough
def test_a_page_names_the_best_cell_once_and_marks_it_elsewhere(several, trained, tmp_path):
    for result in (several, trained[0]):
        report.write_report(result, tmp_path / "report.html", figures={})
        page = Page((tmp_path / "report.html").read_text())
        texts = "\n".join(itertools.chain(*page.texts.values())).replace("\u00a0", " ")
        best = describe(result.best().axes)
        assert len(re.findall(rf"{re.escape(best)}(?![\w.])(?!: [\d.])", texts)) == 1  # but for the pointer's
    for result in (make_result((2, 2)), make_sampled()):
        for figure in report.maps(result).values():
            assert (
                figure.get_suptitle().endswith(("red: best", "ring: best"))
                and "=" not in figure.get_suptitle()
            )


@pytest.mark.thorough
def test_a_page_of_several_networks_has_pictures_of_each(several, tmp_path):
    report.write_report(several, tmp_path / "report.html")
    check_pictures_of_each(Page((tmp_path / "report.html").read_text()), several)


def test_of_many_networks_the_best_twelve_have_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "maps", lambda result: {"map": str(result.axes).encode()})
    result = make_programs([f"net {i}" for i in range(14)], shape=(1, 2))
    report.write_report(result, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "Figures of the best 12 of 14, best first." in page.texts["p"]
    check_comparison(page, result)
    names = [row[0] for row in page.rows[1:13]]
    assert [text.replace("\u00a0", " ") for text in page.texts["summary"][:-1]] == [
        f"network = {name}" for name in names
    ]
    assert page.texts["figcaption"] == ["The best of each", *["map"] * 12]


def test_a_page_links_to_one_to_play_with(tmp_path):
    path = tmp_path / "report.html"
    report.write_report(make_result(), path, figures={}, playground='a "b" & <c>.html')
    text = path.read_text()
    assert Page(text).sources == ['a "b" & <c>.html'] and "<c>" not in text
    assert text.index("<a href") < text.index("<h2>")
    report.write_report(make_result(), path, figures={})
    assert "<a " not in path.read_text()


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "JavaScript:alert(1)", " java\nscript:alert(1)", "data:text/html,a", "b:c.html"],
)
def test_a_link_that_a_browser_may_run_is_refused(link, tmp_path):
    with pytest.raises(ValueError, match=r"^playground: expected a path"):
        report.write_report(make_result(), tmp_path / "report.html", figures={}, playground=link)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "link", ["play.html", "../a/b.html?x=1:2", "./b:c.html", "HTTPS://a.org/b.html", "http:c"]
)
def test_a_link_to_a_file_or_an_address_is_taken(link, tmp_path):
    path = tmp_path / "report.html"
    report.write_report(make_result(), path, figures={}, playground=link)
    assert Page(path.read_text()).sources == [link]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": 5},
        {"text": "one line"},
        {"text": [1]},
        {"figures": {"map": "no image"}},
        {"figures": [b""]},
        {"settings": ["a"]},
        {"objectives": 5},
    ],
    ids=str,
)
def test_arguments_of_another_type_are_refused_before_figures_are_drawn(wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "maps", None)
    (name,) = wrong
    with pytest.raises(TypeError, match=f"^{name}: expected"):
        report.write_report(make_result(), tmp_path / "report.html", **wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_batch_sizes_alone_leave_the_network_described(several):
    alone = combined({"batch_size": np.array([5, 0])}, several.programs[:2])
    assert "2-3-2 relu trained for 2 epochs: 4 cells of batch × η × λ" in description.sentence(alone)
    assert description.settings_in_words(alone)["Network"]["layers"] == "2-3-2"


@pytest.mark.thorough
def test_a_page_is_written_whatever_bytes_name_files(tmp_path):
    name = "caf\udce9"  # as Python has it from a file system, where names are bytes
    result = make_result()
    texts = dict(title=name, text=[f"on {name}.csv"], settings={"data": name})
    report.write_report(result, tmp_path / "report.html", **texts)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>caf\\udce9</title>" in text and "caf\\udce9.csv" in text


def test_tables_and_pictures_make_a_page_in_the_same_form(tmp_path):
    figures = {"A <map>": report.png(plots.loss_curves(make_result(history=2)))}
    tables = {"Rates": [["width", "8"], ["standard", "0.1 ± <b>"]]}
    settings = {"data": "digits", "Training": {"epochs": 3}}
    report.write_tables(
        tmp_path / "a.html", tables, figures, title="t", lead="η = 1", text=["n"], settings=settings
    )
    page = Page((tmp_path / "a.html").read_text())
    assert page.rows == [*tables["Rates"], ["data", "digits"], ["epochs", "3"]]
    assert page.texts["h2"] == ["Rates", "Pictures", "Settings"] and page.texts["figcaption"] == ["A <map>"]
    assert page.texts["p"] == ["η\u00a0=\u00a01", "n"] and page.texts["h3"] == ["Data", "Training"]
