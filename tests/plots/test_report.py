"""Reports: pages, and the texts in them."""

import base64
import dataclasses
import html.parser
import re

import numpy as np
import pytest
from helpers import make_result, make_sampled

import jfnn
from jfnn import analysis, plots, report
from jfnn.analysis import description, ranking, summary
from jfnn.identity.naming import describe_network
from jfnn.search import loading

pytestmark = pytest.mark.unoptimised


class Page(html.parser.HTMLParser):
    """A page's tables, headings, images and preformatted text; every tag must be closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.texts, self.sources = [], [], {}, []
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
    assert not re.search(r"https?://|<script|<link|@import|url\(", text)
    assert page.texts["h1"] == ['A <b>"grid"</b>'] == page.texts["title"]
    assert "<b>" not in text and "a &amp; b" in text


def test_a_page_lists_the_best_cells_with_their_legend_settings_and_versions(trained, tmp_path):
    result, _, text = trained
    rows, best = Page(text).rows, ranking.best_first([result])
    assert [tuple(row) for row in rows[: len(best.cells) + 1]] == ranking.table(best)
    legend = ranking.legend(best)
    assert len(legend) == 2 and "<br>".join(legend) in text
    listed = {row[0]: row[1] for row in reversed(rows[len(best.cells) + 1 :])}
    assert listed["layers"] == "2-3-2" and listed["activation"] == "tanh" and listed["epochs"] == "4"
    assert listed["learning rate η"] == "0.1, 0.2" and listed["seeds"] == "5, 6" and listed["folds"] == "2"
    assert f"numpy {np.__version__}" in listed["versions"] and "cpu" in listed["device"]
    shown, _, folded = text.partition("<details>")
    assert "jfnn.learners" not in shown and "sha256" not in shown
    assert "settings.learner.network.layers" in folded and result.config["fingerprint"] in folded
    report.write_report(make_result((2, 3), seeds=1), tmp_path / "report.html")
    assert not re.search(f"±|{ranking.TIED}", (tmp_path / "report.html").read_text())


def test_a_page_begins_with_a_sentence_on_the_best_cell_and_its_interval(trained):
    result, _, text = trained
    lead, best = Page(text).texts["p"][0].replace("\u00a0", " "), result.best()
    assert lead == description.sentence(result)
    assert lead.startswith("16 networks 2-3-2 tanh trained for 4 epochs: 4 cells of η × λ with 2 seeds of")
    assert summary.describe(best.axes) in lead
    assert summary.cell_text(result, best.ranked_by, best.index) in lead and "95%" in lead
    assert '<meta name="viewport"' in text and "prefers-color-scheme: dark" in text and "@media print" in text
    assert text.count("<table") == text.count('<div class="table"><table')  # which scroll by themselves
    nowhere = make_result((2, 3), seeds=1, diverged=[np.s_[:]])
    assert "No cell is best" in description.sentence(nowhere) and "±" not in description.sentence(nowhere)


def test_pages_lines_load_the_best_model_and_the_one_trained_again(trained):
    result, out, text = trained
    code = Page(text).texts["pre"][0]
    here = {"x": np.float32([[0, 1]])}
    exec(code, here)
    again = result.refit.member(0, 0, 0)
    np.testing.assert_array_equal(here["params"][0].w, again[0].w)
    np.testing.assert_array_equal(here["outputs"], here["network"].apply(again, here["x"]))
    texts = summary.refit_texts(result.refit)
    assert [line.rsplit(" ", 3)[0] for line in texts] == ["test accuracy", "train accuracy"]
    assert f"On all training rows, with 2 seeds: {', '.join(texts)}." in text
    code = loading.how_to_load(dataclasses.replace(result, refit=None), out)
    exec(code, here)
    assert "trained again" not in code
    np.testing.assert_array_equal(here["params"][0].w, result.member(*result.best().index, 0, 0)[0].w)
    assert here["network"] is jfnn.mlp((2, 3, 2), activation="tanh")
    assert set(here["table"]) >= {"learning_rate", "seed", "fold", "validation_accuracy"}


def test_lines_that_would_raise_are_left_out(trained):
    result, *_ = trained
    alone = loading.how_to_load(dataclasses.replace(result, params=None), "run")
    assert "jfnn.load('run')" in alone and "member" not in alone and "network" not in alone
    spec = result.config["settings"]["learner"]["network"]
    hidden, last = spec["layers"]
    assert "network = jfnn.sequential([jfnn.Dense(units=3, " in loading_lines(result, spec)
    for layers in (
        [hidden | {"activation": "custom"}, last],
        [hidden, last | {"activation": "custom"}],
        [{"kind": "module.Own"}, hidden, last],
        [hidden | {"layers": [last | {"activation": "custom"}]}, last],
    ):
        lines = loading_lines(result, spec | {"layers": layers})
        assert "result.member(" in lines and "network" not in lines
    assert "network" not in loading_lines(result, "module.apply")


@pytest.mark.parametrize(
    "network",
    [
        jfnn.mlp((4, 3), output="tanh"),
        jfnn.mlp((4, 5, 6, 3), activation="relu", init="he_normal"),
        jfnn.sequential([jfnn.Dense(3, "relu"), jfnn.Dense(2, "tanh"), jfnn.Dense(1)], 4),
        jfnn.sequential([jfnn.Dense(3, initializer="he_normal"), jfnn.Dense(2, "identity")], 4),
    ],
)
def test_lines_make_the_network(trained, network):
    lines = loading_lines(trained[0], describe_network(network)).splitlines()
    (line,) = [line for line in lines if line.startswith("network = ")]
    exec(line, here := {"jfnn": jfnn})
    assert here["network"] is network


def loading_lines(result, network):
    """Lines on the page that load a result of a network, as described in its config."""
    config = {"settings": {"learner": {"network": network}}}
    return loading.how_to_load(dataclasses.replace(result, config=config), "run")


def test_lines_name_the_best_cells_place_in_its_order():
    result = dataclasses.replace(make_result((2, 3), seeds=2, folds=2), params=())
    result.validation_accuracy[0, 2] = 1.0
    lines = loading.how_to_load(result, "run")
    assert "result.member(0, 2, 0, 0)  # the best cell, seed 0, first fold" in lines
    assert "jfnn.load('run')" in lines


@pytest.mark.thorough
def test_page_of_a_random_search_lists_ten_cells_and_shows_them_scattered(tmp_path):
    result = make_sampled(n=60, history=3)
    assert set(report.draw(result)) == {"scatter", "curves"}
    config = {"settings": {"axes": {"l2": result.l2.tolist()}}}
    report.write_report(dataclasses.replace(result, config=config, params=()), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    best = ranking.best_first([result], most=10)
    assert [tuple(row) for row in page.rows[:11]] == ranking.table(best)
    listed = {row[0]: row[1] for row in page.rows[11:]}
    ends = (summary.compact(end, 3) for end in (result.l2.min(), result.l2.max()))
    assert listed["L2 penalty λ"] == " to ".join(ends) and listed["cells drawn"] == "60"
    assert "The cells drawn" in page.texts["figcaption"]
    assert f"result.member({best.cells[0].place[0]}, 0)  # the best cell, seed 0" in page.texts["pre"][0]
    recorded = listed["settings.axes.l2"].split(", ")
    assert len(recorded) == 51 and recorded[-1] == "… 10 more"


def test_scores_of_the_cell_trained_again_are_means_over_its_seeds():
    refit = make_result((1, 1), seeds=3)
    means = [refit.scores[f"{part}_accuracy"].mean() for part in ("test", "train")]
    intervals = [jfnn.cell_statistics(refit, f"{part}_accuracy") for part in ("test", "train")]
    assert summary.refit_texts(refit) == [
        f"{part} accuracy {mean:.3f} ± {(interval.high - interval.low).item() / 2:.3f}"
        for part, mean, interval in zip(("test", "train"), means, intervals, strict=True)
    ]
    texts = summary.refit_texts(make_result((1, 1), seeds=3, classes=False))
    names = [text.rsplit(" ", 3)[0] for text in texts]
    assert names == ["test loss", "test R²", "train loss", "train R²"]
    assert summary.refit_texts(make_result((1, 1), seeds=1, diverged=[np.s_[:]]))[0] == "test accuracy div"


def test_overview_lists_the_cells_of_all_groups_and_links_their_pages(tmp_path):
    results = (make_result((2, 3)), make_result((3, 3), diverged=[(0, 0, 0)]))
    sweeps = jfnn.SweepGroups((jfnn.Group("a<b", 5), jfnn.Group("c d", None)), results, make_result((1, 1)))
    pages = {group: f"{group.directory}/report.html" for group in sweeps.groups}
    report.write_overview(sweeps, tmp_path / "report.html", title="<all>", pages=pages, settings={"n": 3})
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    expected = ranking.table(
        ranking.best_first(results, most=10), {"network": ["a<b", "c d"], "batch": ["5", "full"]}
    )
    assert [tuple(row) for row in page.rows] == [*expected, ("n", "3")]
    assert page.sources == ["a%3Cb-5/report.html", "c%20d-full/report.html"]
    assert page.texts["a"] == ["network a<b, batch 5", "network c d, batch full"]
    assert page.texts["h1"] == ["<all>"] and summary.refit_texts(sweeps.refit)[0] in text


def test_pages_without_a_best_cell_or_a_history_are_written(tmp_path):
    result = dataclasses.replace(make_result((2, 3), seeds=1, diverged=[np.s_[:]]), params=())
    report.write_report(result, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Every cell diverged" in text and "member(0, 0, 0)" in text
    assert len(Page(text).sources) == 2  # maps; no history, no curves
    report.write_overview(jfnn.SweepGroups((jfnn.Group("a", 5),), (result,)), tmp_path / "all.html")
    text = (tmp_path / "all.html").read_text()
    assert "Every cell diverged" in text and "trained again" not in text and "Groups" not in text
    empty = {name: values[..., :0] for name, values in make_result((2, 3), history=1).history.items()}
    assert set(report.draw(dataclasses.replace(make_result((2, 3)), history=empty))) == {"heatmap"}


@pytest.mark.thorough
def test_a_page_is_written_whatever_bytes_name_files(tmp_path):
    name = "caf\udce9"  # as Python has it from a file system, where names are bytes
    result = make_result()
    texts = dict(title=name, text=[f"on {name}.csv"], settings={"data": name})
    report.write_report(result, tmp_path / "one.html", **texts)
    pages = {jfnn.Group("a", 1): f"{name}/report.html"}
    groups = jfnn.SweepGroups(tuple(pages), (result,))
    report.write_overview(groups, tmp_path / "all.html", pages=pages, **texts)
    for page in ("one.html", "all.html"):
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert "<title>caf\\udce9</title>" in text and "caf\\udce9.csv" in text
    assert 'href="caf%E9/report.html"' in text


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
