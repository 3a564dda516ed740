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
from helpers import make_programs, make_result, make_sampled, representatives

import jfnn
from jfnn import analysis, plots
from jfnn.analysis import description, ranking, summary
from jfnn.arguments.texts import compact, describe
from jfnn.core.search.result import combined, with_run
from jfnn.report import writing as report

pytestmark = pytest.mark.unoptimised


class Page(html.parser.HTMLParser):
    """A page's tables, headings, images and preformatted text; every tag must be closed."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.rows = []
        self.texts = {}
        self.sources = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")
        if tag == "tr":
            self.rows.append([])

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


def test_a_page_lists_the_best_cells_with_their_legend_settings_and_versions(trained, tmp_path):
    result, _, text = trained
    rows = Page(text).rows
    best = ranking.best_first(result, report.LISTED)
    assert [tuple(row) for row in rows[: len(best.cells) + 1]] == ranking.table(best)
    legend = ranking.legend(best)
    assert len(legend) == 1 and "<br>".join(legend) in text  # of two seeds
    listed = {row[0]: row[1] for row in reversed(rows[len(best.cells) + 1 :])}
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


def test_the_pointer_shows_the_values_of_cells_and_of_the_ranking(trained):
    result, _, text = trained
    boxes = re.findall(r'<i title="(.*?)" style="left:(.*?)%;top:(.*?)%;width:(.*?)%;height:(.*?)%">', text)
    assert len(boxes) == 8  # two maps of four cells
    means = result.cell_scores()
    for number, (title, *sides) in enumerate(boxes[4:]):
        i, j = divmod(number, 2)
        assert title == f"{describe(result.axes_at((i, j)))}: {means[i, j]:.6g}"
        left, top, width, height = map(float, sides)
        assert 5 < left < left + width < 100 and 0 < top < top + height < 100
    columns = [float(box[1]) for box in boxes[4:]]
    rows = [float(box[2]) for box in boxes[4:]]
    assert columns[0] == columns[2] < columns[1] == columns[3] and rows[0] == rows[1] < rows[2] == rows[3]
    best = result.best()
    assert '<tr class="best"><td>1.</td>' in text
    assert f'title="mean {best.score:.6g}' in text.partition('class="best"')[2].partition("</tr>")[0]


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


@pytest.mark.parametrize("axes", [("l2", "learning_rate"), ("width", "l2"), ("seed", "width")])
def test_the_pointer_names_the_axes_of_a_heat_map(axes):
    result = make_programs(named={"width": [5, 50]}, shape=(2, 2))
    figure = plots.heat_map(result, "best", axes=axes, score="test_loss")
    report.png(figure)
    shown = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    values = [result.seeds if name == "seed" else result.axes[name] for name in axes]
    assert [box.text for box in report._boxes(result, figure)] == [
        f"{describe({axes[0]: values[0][i], axes[1]: values[1][j]})}: {value:.6g}"
        for (i, j), value in np.ndenumerate(shown)
    ]


STRIP = (
    r'<i title="(loss|accuracy), epoch (\d+)\n([^"]*)" style="left:(.*?)%;top:.*?%;width:(.*?)%;height:.*?%">'
)


def test_the_pointer_shows_the_values_of_all_curves_at_an_epoch(trained):
    result, _, text = trained
    strips = re.findall(STRIP, text)
    assert [strip[:2] for strip in strips] == [
        (name, str(n)) for name in ("loss", "accuracy") for n in range(1, 5)
    ]
    _, penalty = result.best().index
    for metric, epoch, shown, *_ in strips:
        scores = [result.history[f"{part}_{metric}"][..., int(epoch) - 1] for part in ("train", "validation")]
        for i, line in enumerate(shown.splitlines()):
            train, held_out = (values[i, penalty].mean() for values in scores)
            name, _, numbers = line.partition(": ")
            assert name.removesuffix(" (best)") == describe(result.axes_at((i, penalty)))
            assert numbers == f"{train:.5g}, validation {held_out:.5g}"
        assert i == 1
    for before, after in itertools.pairwise(strips):
        assert before[0] != after[0] or abs(float(before[3]) + float(before[4]) - float(after[3])) < 0.011


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


@pytest.mark.parametrize("kept", representatives(LINES, "nothing", "best", "evaluations", "trained again"))
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


def test_a_page_has_the_scores_of_the_cell_trained_again(trained):
    result, _, text = trained
    texts = summary.refit_texts(result.refit)
    assert [line.rsplit(" ", 3)[0] for line in texts] == ["test accuracy", "train accuracy"]
    assert f"on all 12 training rows, with 2 seeds: {', '.join(texts)}." in text.replace("\u00a0", " ")


@pytest.mark.thorough
def test_page_of_a_random_search_lists_its_cells_and_shows_them_scattered(tmp_path):
    result = make_sampled(n=60, history=3)
    assert set(report.draw(result)) == {"scatter", "curves"}
    config = {"settings": {"axes": {"l2": result.l2.tolist()}}}
    report.write_report(with_run(result, config=config, params=()), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    best = ranking.best_first(result, report.LISTED)
    assert [tuple(row) for row in page.rows[: report.LISTED + 1]] == ranking.table(best)
    listed = {row[0]: row[1] for row in page.rows[report.LISTED + 1 :]}
    ends = (compact(end, 3) for end in (result.l2.min(), result.l2.max()))
    assert listed["L2 penalty λ"] == " to ".join(ends) and listed["cells"] == "60"
    assert "The cells drawn" in page.texts["figcaption"]
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


def test_a_page_of_several_networks_and_batch_sizes_ranks_and_describes_all(several, tmp_path):
    report.write_report(several, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    best = ranking.best_first(several, report.LISTED)
    rows = page.rows[: len(best.cells) + 1]
    assert [tuple(row) for row in rows] == ranking.table(best)
    assert "network" in rows[0] and "batch" in rows[0]
    listed = {row[0]: row[1] for row in page.rows[len(rows) :]}
    assert listed["networks"] == "a<b, 4-3" and listed["batch size"] == "5, full"
    assert "layers" not in listed and "settings.learner.network.layers" not in listed
    lead = page.texts["p"][0].replace("\u00a0", " ")
    assert lead == description.sentence(several)
    assert lead.startswith(
        "16 networks trained for 2 epochs: 8 cells of network × batch × η × λ with 2 seeds."
    )
    assert describe(several.best().axes) in lead
    assert len(page.sources) == 3
    assert summary.refit_texts(several.refit)[0] in page.texts["p"][4].replace("\u00a0", " ")


def test_batch_sizes_alone_leave_the_network_described(several):
    alone = combined({"batch_size": np.array([5, 0])}, several.programs[:2])
    assert "2-3-2 relu trained for 2 epochs: 4 cells of batch × η × λ" in description.sentence(alone)
    assert description.settings_in_words(alone)["Network"]["layers"] == "2-3-2"


@pytest.mark.thorough
def test_page_of_a_random_search_of_two_networks_shows_a_panel_of_them(tmp_path):
    result = make_programs(make=make_sampled, history=2)
    report.write_report(result, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert "The cells drawn" in page.texts["figcaption"]
    best = ranking.best_first(result, report.LISTED)
    assert [tuple(row) for row in page.rows[: report.LISTED + 1]] == ranking.table(best)


def test_pages_without_a_best_cell_or_a_history_are_written(tmp_path):
    result = with_run(make_result((2, 3), seeds=1, diverged=[np.s_[:]]), params=())
    report.write_report(result, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Every cell diverged" in text and "Trained again" not in text
    assert len(Page(text).sources) == 2  # maps; no history, no curves
    empty = {name: values[..., :0] for name, values in make_result((2, 3), history=1).history.items()}
    assert set(report.draw(dataclasses.replace(make_result((2, 3)), history=empty))) == {"heatmap"}
    nowhere = make_programs(shape=(2, 2), diverged=[np.s_[:]])
    report.write_report(nowhere, tmp_path / "report.html")
    assert "Every cell diverged" in (tmp_path / "report.html").read_text()


@pytest.mark.thorough
def test_a_page_is_written_whatever_bytes_name_files(tmp_path):
    name = "caf\udce9"  # as Python has it from a file system, where names are bytes
    result = make_result()
    texts = dict(title=name, text=[f"on {name}.csv"], settings={"data": name})
    report.write_report(result, tmp_path / "report.html", **texts)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>caf\\udce9</title>" in text and "caf\\udce9.csv" in text


def test_the_pareto_front_is_listed_by_the_first_objective(tmp_path):
    result = make_result((3, 4), seeds=1)
    objectives = ["train_loss", "test_accuracy"]
    report.write_report(result, tmp_path / "report.html", objectives=objectives)
    page = (tmp_path / "report.html").read_text()
    table = page.partition("<h2>The Pareto front</h2>")[2].partition("</table>")[0]
    shown = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>η = ", table)
    on_it = analysis.front(result, objectives)
    cells = sorted(zip(*(result.cell_scores(name)[on_it] for name in objectives), strict=True))
    assert shown == [tuple(f"{value:.4g}" for value in cell) for cell in cells]
    assert len(shown) > 1


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
