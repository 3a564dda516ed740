"""Reports: pages with the numbers of a result, its figures and their tooltips."""

import base64
import html.parser
import io
import re

import matplotlib.image
import numpy as np
import pytest
from helpers import make_programs, make_result, make_sampled, parts_of
from reading import image_of, in_a_line

import jfnn
from jfnn import analysis, plots
from jfnn.analysis import description, summary
from jfnn.arguments.texts import describe
from jfnn.core.search.programs import combine
from jfnn.core.search.result import with_run
from jfnn.report import writing as report

pytestmark = pytest.mark.unoptimized


class Page(html.parser.HTMLParser):
    """A parsed page: tables, texts by tag, links and tooltips; every tag must be closed."""

    def __init__(self, text):
        super().__init__()
        self.text = text
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
            self.boxes.setdefault(self.texts["figcaption"][-1], []).append(known["title"])
        elif tag == "td":
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

    def settings(self):
        """Map the names to values in two-column tables; the first of equal names counts."""
        return dict(row for row in reversed(self.rows) if len(row) == 2)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a result's report, with its real figures if ``draws``, and parses it."""

    def write(result, draws=False, **options):
        options = options if draws else {"figures": {}} | options
        report.write_report(result, tmp_path / "report.html", **options)
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return write


def test_page_ranks_the_cells_and_names_the_best_in_its_first_sentence(written):
    result = make_result((2, 3), seeds=3, diverged=[(0, 1, 0)])
    page = written(result)
    heading, *rows = page.rows[:6]
    assert heading == ["", "", "η", "λ", "test accuracy", "train accuracy"]
    means = result.test_accuracy.mean(axis=-1)
    cells = [np.unravel_index(i, (2, 3)) for i in np.argsort(-means, axis=None)[:5]]  # NaN comes last
    for rank, (row, titles, cell) in enumerate(zip(rows, page.titles[1:6], cells, strict=True), 1):
        assert (row[0], float(row[2]), float(row[3])) == (f"{rank}.", *result.axes_at(cell).values())
        for text, title, scores in zip(row[4:], titles[4:], ("test", "train"), strict=True):
            values = result.scores[f"{scores}_accuracy"][cell]
            mean, low, high, *others = (float(part.split()[1]) for part in title.split(", "))
            numbers = values.mean(), np.median(values), values.min()
            np.testing.assert_allclose([mean, *others], numbers, rtol=1e-5)
            assert text == f"{mean:.3f} [{low:.3f}, {high:.3f}]"
    assert page.text.count('<tr class="best">') == page.text.count('<tr class="best"><td>1.</td>') == 1
    lead = in_a_line(page.texts["p"][0])
    assert lead.startswith("18 networks trained: 6 cells of η × λ with 3 seeds. Best: η = 1e-5, λ = 10, test")
    assert lead.endswith(f"accuracy {rows[0][4]} (95% confidence interval).")
    assert "~ may also be the best cell" in page.texts["p"][-1] and "1 cell not ranked" in page.texts["p"][-1]
    assert page.settings()["learning rate η"] == "1e-5, 10" and page.settings()["seeds"] == "0, 1, 2"


def test_page_without_a_best_cell_or_an_interval_shows_neither(written):
    page = written(make_result((2, 3), seeds=1, diverged=[np.s_[:]]))
    assert "No cell is best" in page.texts["p"][0] and "[" not in page.texts["p"][0]
    assert "Every cell diverged with some seed." in page.texts["p"]
    assert not re.search(r"\[…\]|~", " ".join(written(make_result((2, 3), seeds=1)).texts["p"]))


@pytest.mark.thorough
def test_tooltips_of_a_grid_show_the_values_of_cells_and_curves(written):
    result = make_result((2, 2), history=2, diverged=[(0, 1, 0)])
    page = written(result, draws=True)
    assert page.texts["figcaption"] == ["Train accuracy", "Test accuracy", "Training curves"]
    pictures = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in page.sources]
    assert len(pictures) == 3 and all(data.startswith(b"\x89PNG") for data in pictures)
    for title, scores in (("Train accuracy", result.train_accuracy), ("Test accuracy", result.test_accuracy)):
        means = [f"{mean:.6g}" for mean in scores.mean(axis=-1).ravel()]
        cells = ["η = 1e-5, λ = 1e-5", "η = 1e-5, λ = 10", "η = 10, λ = 1e-5", "η = 10, λ = 10"]
        means[1] = "diverged"
        assert page.boxes[title] == [f"{cell}: {mean}" for cell, mean in zip(cells, means, strict=True)]
    loss, *_, accuracy = page.boxes["Training curves"]
    assert loss.startswith("loss, epoch 1\n") and len(page.boxes["Training curves"]) == 4
    best = result.best()
    train, test = (result.history[f"{part}_accuracy"][best.index][:, 1].mean() for part in ("train", "test"))
    assert f"{describe(best.axes)} (best): {train:.5g}, test {test:.5g}" in accuracy.splitlines()
    assert not re.search(r"https?://|<script .|<link|@import|url\(", page.text)  # no external resources
    assert page.text.count("<script>") == 1 and "prefers-color-scheme: dark" in page.text
    assert page.text.count("<table") == page.text.count('<div class="table"><table')  # which scroll


def test_texts_are_shown_as_users_wrote_them(written):
    """Markup is escaped, and bytes of file names that are not valid text are spelled out."""
    name = 'A <b>"x" &'
    odd = f"{name} \udce9"  # how Python represents undecodable bytes of a file name
    result = make_programs((name, "b"), shape=(1, 1))
    figures = {odd: plots.heat_map(result, axes=("network", "l2"))}
    page = written(
        result, figures=figures, title=odd, text=[odd], settings={odd: odd}, playground="a<b>.html"
    )
    shown = f"{name} \\udce9"
    assert page.texts["h1"] == page.texts["title"] == page.texts["figcaption"] == [shown]
    assert shown in page.texts["p"] and page.settings()[shown] == shown and page.rows[2][0] in (name, "b")
    assert page.boxes[shown][0].startswith(f"network = {name}, λ") and page.sources[0] == "a<b>.html"
    assert "<b>" not in page.text and page.text.index("<a href") < page.text.index("<h2>")


def test_several_networks_are_compared_best_first(written, monkeypatch):
    monkeypatch.setattr(report, "maps", lambda result: {"map": b"\x89PNG"})
    result = make_programs([f"net {i}" for i in range(14)], shape=(1, 2), diverged=[(0, 1, 0)])
    page = written(result, draws=True)
    means = result.test_accuracy[:, 0, 0].mean(axis=-1)
    order = np.argsort(-means).tolist()
    heading, *rows = page.rows[:15]
    assert heading == ["network", "η", "λ", "test accuracy", "train accuracy", "diverged"]
    assert [row[0] for row in rows] == [f"net {i}" for i in order]
    for row, i in zip(rows, order, strict=True):
        pairs = [
            ", ".join(f"{value:.3f}" for value in sorted(scores[i, 0, 0]))
            for scores in (result.test_accuracy, result.train_accuracy)
        ]
        assert row[1:] == ["1e-5", "1e-5", *pairs, "1 of 2 cells"]
    assert "Figures of the best 12 of 14, best first." in page.texts["p"]
    assert list(map(in_a_line, page.texts["summary"][:-1])) == [f"network = net {i}" for i in order[:12]]
    assert page.texts["figcaption"] == ["The best of each", *["map"] * 12]


@pytest.mark.thorough
def test_each_network_and_batch_size_has_its_own_figures(written):
    result = make_programs(("a", "4-3"), (5, 0), shape=(1, 2))
    page = written(result, draws=True)
    assert page.texts["figcaption"] == ["The best of each", *["Train accuracy", "Test accuracy"] * 4]
    parts = sorted(parts_of(result), key=lambda part: -part.best().score)
    values = [float(text.rpartition(": ")[2]) for text in page.boxes["Test accuracy"]]
    np.testing.assert_allclose(values, np.ravel([part.cell_scores() for part in parts]), rtol=1e-5)
    assert page.settings()["networks"] == "a, 4-3" and page.settings()["batch size"] == "5, full"


def test_pareto_front_is_sorted_by_the_first_objective(written):
    result = make_result((3, 4), seeds=1)
    objectives = ["train_loss", "test_accuracy"]
    heading, *rows = written(result, objectives=objectives).rows[13:]
    cells = np.argwhere(analysis.front(result, objectives)).tolist()
    values = sorted((result.train_loss[i, j, 0], result.test_accuracy[i, j, 0], i, j) for i, j in cells)
    expected = [[f"{a:.4g}", f"{b:.4g}", describe(result.axes_at((i, j)))] for a, b, i, j in values]
    assert heading == ["train loss", "test accuracy", "cell"] and rows[: len(cells)] == expected
    assert len(cells) > 1


def test_tooltip_boxes_lie_on_the_colors_of_their_cells():
    result = make_result((3, 5), seeds=1)
    figure = plots.heat_map(result, score="test_accuracy")
    pixels = matplotlib.image.imread(io.BytesIO(report.png(figure)))
    for box, value in zip(report._boxes(result, figure), result.cell_scores().ravel(), strict=True):
        y = int((box.top + 0.15 * box.height) / 100 * len(pixels))  # above the number
        x = int((box.left + 0.15 * box.width) / 100 * pixels.shape[1])
        np.testing.assert_allclose(pixels[y, x, :3], matplotlib.colormaps["viridis"](value)[:3], atol=0.02)


def test_tooltips_name_the_axes_of_a_heat_map():
    result = make_programs(named={"width": [5, 50]}, shape=(2, 2), seeds=3)
    figure = plots.heat_map(result, "best", axes=("seed", "width"), score="test_loss")
    assert [box.text for box in report._boxes(result, figure)] == [
        f"{describe({'seed': seed, 'width': width})}: {image_of(figure.axes[0])[seed, j]:.6g}"
        for seed in range(3)
        for j, width in enumerate([5, 50])
    ]


@pytest.mark.thorough
def test_tooltip_strip_lies_on_the_curve_at_its_epoch():
    """The only curve jumps half-way: its line is low in the first strips, then high."""
    jump = 125
    result = make_result((1, 1), seeds=1, history=250)
    for values in result.history.values():
        values[:] = np.where(np.arange(250) < jump, 0.1, 0.9)
    figure = plots.loss_curves(result)
    pixels = matplotlib.image.imread(io.BytesIO(report.png(figure)))
    ink = np.abs(pixels[..., :3] - matplotlib.colormaps["viridis"](0.0)[:3]).max(axis=-1) < 0.1
    boxes = [box for box in report._boxes(result, figure) if box.text.startswith("accuracy")]
    assert 50 < len(boxes) <= report.MOST_STRIPS
    for box in boxes[1:-1]:  # the outer ones extend to the panel's sides
        epoch = int(box.text.splitlines()[0].rpartition(" ")[2])
        assert box.text.endswith(": 0.9, test 0.9" if epoch > jump else ": 0.1, test 0.1")
        x = int((box.left + box.width / 2) / 100 * ink.shape[1])
        top, low = (int(y / 100 * len(ink)) for y in (box.top, box.top + box.height))
        rows = np.flatnonzero(ink[top:low, x])
        assert (np.median(rows) < (low - top) / 2) == (epoch > jump)


def test_only_plots_with_few_named_curves_over_epochs_have_tooltip_strips():
    result = make_result((12, 3), history=4)
    for figure in (plots.loss_curves(result, "all"), plots.axis_curves(result, "l2")):
        assert report._boxes(result, figure) == []
    best = result.best()
    boxes = report._boxes(result, plots.interval_curves(result, cells="all"))
    mean = result.history["test_accuracy"][best.index][:, 2].mean()
    assert len(boxes) == 4
    assert boxes[2].text == f"test accuracy, epoch 3\n{describe(best.axes)} (best): {mean:.5g}"


OWN = jfnn.mlp((2, 3, 2), jfnn.activations.Activation(lambda z: 2 * z, lambda z: 2 + 0 * z))
ASKED = """result.of_cell(*result.best().index).predict(x, "mean", network=network)  # the label from the"""
# What was kept -> changed options, and how the last line begins.
LINES = {
    "nothing": (
        {"execution": jfnn.Execution(keep_params="none")},
        "result.to_dict()  # the scores of every network; cannot predict: no parameters were kept",
    ),
    "evaluations": (
        {"execution": jfnn.Execution(keep_params="evaluations", eval_every=1)},
        "result.of_cell(*result.best().index).predict(x)  # labels or outputs of the best cell's networks,"
        " at every evaluation, for each row",
    ),
    "no functions of one": ({"network": {"a": jfnn.mlp((2, 2)), "b": OWN}}, ASKED),
    "refit": (
        {"refit": True, "validation": 0.25, "seeds": 3},
        """result.refit.predict(x, "mean")  # the label from the mean prediction of the refit networks""",
    ),
}


def trained(out, **changes):
    x, y = jfnn.datasets.xor_gate()
    options = dict(network=jfnn.mlp((2, 3, 2)), learning_rate=0.1, epochs=1, batch_size=None) | changes
    return x, jfnn.sweep(split=jfnn.Split(x, y, x, y), out=out, **options)


@pytest.mark.thorough
@pytest.mark.parametrize("kept", LINES)
def test_code_on_the_page_loads_the_run_and_depends_on_what_was_kept(kept, tmp_path, written):
    changes, line = LINES[kept]
    x, result = trained(tmp_path, **changes)
    code = written(result).texts["pre"][0]
    assert f"jfnn.load({str(tmp_path)!r})" in code and code.splitlines()[-1].startswith(line)
    assert len(code.splitlines()) == 3 and "frame" not in code  # columns have no names
    network = changes.get("network")
    best = network[result.best().axes["network"]] if isinstance(network, dict) else network
    exec(code, here := {"x": x, "network": best})
    np.testing.assert_array_equal(here["result"].test_loss, result.test_loss)
    predicted = eval(code.splitlines()[-1], here)
    assert "mean" not in line or predicted.shape == (4,)


@pytest.mark.thorough
def test_page_lists_settings_versions_and_refit_scores(tmp_path, written):
    network = jfnn.mlp((2, 3, 2), activation="tanh")
    result = trained(tmp_path, network=network, seeds=[5, 6], validation=0.25, refit=True)[1]
    page = written(result)
    listed = page.settings()
    known = {"layers": "2-3-2", "activation": "tanh", "epochs": "1", "seeds": "5, 6"}
    assert listed.items() >= known.items() and f"numpy {np.__version__}" in listed["versions"]
    shown, _, folded = page.text.partition("<details>")
    assert "jfnn.learners" not in shown and "settings.learner.network.layers" in folded
    assert result.config["fingerprint"] in folded
    texts = summary.refit_texts(result.refit)
    said = f"on all 4 training rows, with 2 seeds: {', '.join(texts)}."
    assert any(said in in_a_line(text) for text in page.texts["p"])
    of_batches = combine({"batch_size": np.array([5, 0])}, [result, result])  # of one network
    assert "2-3-2 tanh trained for 1 epochs: 2 cells of batch × η × λ" in description.sentence(of_batches)
    assert description.settings_in_words(of_batches)["Network"]["layers"] == "2-3-2"


def test_refit_scores_are_means_over_seeds():
    refit = make_result((1, 1), seeds=3)
    for part, text in zip(("test", "train"), summary.refit_texts(refit), strict=True):
        found = jfnn.cell_statistics(refit, f"{part}_accuracy")
        mean = refit.scores[f"{part}_accuracy"].mean()
        assert text == f"{part} accuracy {mean:.3f} [{found.low.item():.3f}, {found.high.item():.3f}]"
    texts = summary.refit_texts(make_result((1, 1), seeds=3, classes=False))
    assert [text.rsplit(" ", 3)[0] for text in texts] == ["test loss", "test R²", "train loss", "train R²"]
    assert summary.refit_texts(make_result((1, 1), seeds=1, diverged=[np.s_[:]]))[0] == "test accuracy div"


def test_settings_have_few_digits_and_show_the_range_of_a_random_search(written):
    settings = {"rate": 1e-5, "none": np.nan, "layers": [{"kind": "dense", "units": 3, "name": None}, 2]}
    result = make_sampled(60)
    result = with_run(result, config={"settings": {"axes": {"l2": result.l2.tolist()}}})
    listed = written(result, settings=settings).settings()
    assert (listed["rate"], listed["none"], listed["layers"]) == ("1e-5", "nan", "kind=dense units=3, 2")
    assert (listed["L2 penalty λ"], listed["cells"]) == ("1e-4 to 1", "60")
    recorded = listed["settings.axes.l2"].split(", ")
    assert len(recorded) == 51 and recorded[-1] == "… 10 more"


LINKS = ["play.html", "../a/b.html?x=1:2", "./b:c.html", "HTTPS://a.org/b.html", "http:c"]
RUN = ["javascript:alert(1)", "JavaScript:alert(1)", " java\nscript:alert(1)", "data:text/html,a", "b:c.html"]


def test_links_to_files_and_addresses_are_accepted_and_executable_ones_refused(written):
    assert [written(make_result((1, 1)), playground=link).sources for link in LINKS] == [
        [link] for link in LINKS
    ]
    for link in RUN:
        with pytest.raises(ValueError, match=r"^playground: expected a path"):
            written(make_result((1, 1)), playground=link)
    assert written(make_result((1, 1))).sources == []
